-- Version 3: what leaves as a notice. No words of anybody's are in here: a notice is a template with typed slots.

-- How far notices have been made of the ledger, and until when digests. No row: notices are not made.
CREATE TABLE notice_cursors (
    tenant       TEXT PRIMARY KEY REFERENCES tenants (id),
    next_entry   INTEGER NOT NULL,
    digest_until INTEGER NOT NULL
) STRICT;

-- `n` is the order in which they were made. `run_at`: not to be tried before; where it ended, when.
CREATE TABLE notices (
    n          INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant     TEXT NOT NULL REFERENCES tenants (id),
    id         TEXT NOT NULL,
    notice     BLOB NOT NULL,
    place      TEXT NOT NULL,
    shown      TEXT NOT NULL,
    standing   TEXT NOT NULL CHECK (standing IN
        ('waiting', 'sending', 'delivered', 'refused', 'unknown', 'given-up', 'void')),
    attempts   INTEGER NOT NULL DEFAULT 0,
    maybe_sent INTEGER NOT NULL DEFAULT 0 CHECK (maybe_sent IN (0, 1)),
    queued_at  INTEGER NOT NULL,
    run_at     INTEGER NOT NULL,
    tried_at   INTEGER,
    code       TEXT,
    message    TEXT,
    UNIQUE (tenant, id)
) STRICT;
CREATE INDEX notices_open ON notices (tenant, place, run_at) WHERE standing IN ('waiting', 'sending');
CREATE INDEX notices_tried ON notices (tenant, place, tried_at) WHERE tried_at IS NOT NULL;
