-- Version 4: sign-ins that were begun at a provider, each known by the SHA-256 of what the browser holds and of what the
-- provider hands back.

CREATE TABLE sign_ins (
    tenant     TEXT NOT NULL REFERENCES tenants (id),
    hash       BLOB NOT NULL CHECK (length(hash) = 32),
    return_to  TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, hash)
) STRICT;
CREATE INDEX sign_ins_by_end ON sign_ins (tenant, expires_at);
