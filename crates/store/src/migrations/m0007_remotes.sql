-- Version 7: repositories on other hosts, each known by the number that it has on its forge.

CREATE TABLE remote_repositories (
    tenant        TEXT NOT NULL REFERENCES tenants (id),
    forge         TEXT NOT NULL,
    number        INTEGER NOT NULL,
    name          TEXT NOT NULL,
    clone_url     TEXT NOT NULL,
    full_name     TEXT NOT NULL,
    registered_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, forge, number),
    UNIQUE (tenant, name)
) STRICT;
