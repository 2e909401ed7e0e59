-- Version 4: who came in, and who is about to.

-- Sign-ins that were begun at a provider, each known by the SHA-256 of what the browser holds and of what the provider
-- hands back.

CREATE TABLE sign_ins (
    tenant     TEXT NOT NULL REFERENCES tenants (id),
    hash       BLOB NOT NULL CHECK (length(hash) = 32),
    return_to  TEXT NOT NULL,
    expires_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, hash)
) STRICT;
CREATE INDEX sign_ins_by_end ON sign_ins (tenant, expires_at);

-- A session has a name, and one token after the other. `hash` is what its first one was.
ALTER TABLE sessions ADD COLUMN id TEXT NOT NULL DEFAULT '';
UPDATE sessions SET id = 'cs_' || lower(hex(randomblob(8)));
CREATE UNIQUE INDEX sessions_by_id ON sessions (tenant, id);

-- `used_at`: when it first came back. `replaced_at`: since when another one is there instead.
CREATE TABLE session_tokens (
    tenant      TEXT NOT NULL REFERENCES tenants (id),
    hash        BLOB NOT NULL CHECK (length(hash) = 32),
    session     TEXT NOT NULL,
    made_at     INTEGER NOT NULL,
    used_at     INTEGER,
    replaced_at INTEGER,
    PRIMARY KEY (tenant, hash)
) STRICT;
CREATE INDEX session_tokens_by_session ON session_tokens (tenant, session);
INSERT INTO session_tokens (tenant, hash, session, made_at, used_at)
    SELECT tenant, hash, id, began_at, began_at FROM sessions;
