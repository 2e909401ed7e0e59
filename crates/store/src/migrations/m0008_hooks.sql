-- Version 8: what forges tell by themselves, once each, without any of its words; and looks that were asked for early.

CREATE TABLE hook_deliveries (
    n           INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant      TEXT NOT NULL REFERENCES tenants (id),
    forge       TEXT NOT NULL,
    delivery    TEXT NOT NULL,
    body        TEXT NOT NULL,
    repository  INTEGER NOT NULL,
    comment     INTEGER,
    received_at INTEGER NOT NULL,
    outcome     TEXT,
    UNIQUE (tenant, forge, delivery, body)
) STRICT;
CREATE INDEX hook_deliveries_open ON hook_deliveries (tenant, n) WHERE outcome IS NULL;
CREATE INDEX hook_deliveries_by_age ON hook_deliveries (tenant, received_at);

-- Set while somebody holds the effect: it runs again at once, whenever its holder wanted to.
ALTER TABLE effects ADD COLUMN wanted_at INTEGER;
