-- Version 2: who may come in. Codes, sessions and keys are known by the SHA-256 of what is secret.

CREATE TABLE sign_in_codes (
    tenant     TEXT NOT NULL REFERENCES tenants (id),
    hash       BLOB NOT NULL CHECK (length(hash) = 32),
    member     TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, hash)
) STRICT;

CREATE TABLE sessions (
    tenant           TEXT NOT NULL REFERENCES tenants (id),
    hash             BLOB NOT NULL CHECK (length(hash) = 32),
    member           TEXT NOT NULL,
    through          TEXT NOT NULL,
    began_at         INTEGER NOT NULL,
    authenticated_at INTEGER NOT NULL,
    seen_at          INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    PRIMARY KEY (tenant, hash)
) STRICT;
CREATE INDEX sessions_by_member ON sessions (tenant, member, began_at);

CREATE TABLE api_keys (
    tenant     TEXT NOT NULL REFERENCES tenants (id),
    id         TEXT NOT NULL,
    hash       BLOB NOT NULL CHECK (length(hash) = 32),
    name       TEXT NOT NULL,
    member     TEXT NOT NULL,
    scopes     TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER,
    revoked_at INTEGER,
    PRIMARY KEY (tenant, id)
) STRICT;

-- What a call with an idempotency key made. `n` is the order of arrival.
CREATE TABLE repeats (
    n       INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant  TEXT NOT NULL REFERENCES tenants (id),
    caller  TEXT NOT NULL,
    key     TEXT NOT NULL,
    request BLOB NOT NULL CHECK (length(request) = 32),
    made    TEXT NOT NULL,
    UNIQUE (tenant, caller, key)
) STRICT;
