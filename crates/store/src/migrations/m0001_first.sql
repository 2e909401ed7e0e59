-- Version 1: one tenant column in every table, no row without its tenant.
-- Times are milliseconds since 1970. The log (entries, tree_hashes, checkpoints) only grows.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;
-- Grows with every claim of an effect, over all tenants.
INSERT INTO meta (key, value) VALUES ('fence', 0);

CREATE TABLE tenants (
    id         TEXT PRIMARY KEY,
    active     INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE members (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    id     TEXT NOT NULL,
    person TEXT NOT NULL,
    name   TEXT NOT NULL,
    role   TEXT NOT NULL CHECK (role IN ('viewer', 'reviewer', 'maintainer', 'owner')),
    active INTEGER NOT NULL CHECK (active IN (0, 1)),
    PRIMARY KEY (tenant, id)
) STRICT;

CREATE TABLE repositories (
    tenant        TEXT NOT NULL REFERENCES tenants (id),
    number        INTEGER NOT NULL,
    name          TEXT NOT NULL,
    git_dir       BLOB NOT NULL,
    registered_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, number),
    UNIQUE (tenant, name),
    UNIQUE (tenant, git_dir)
) STRICT;

-- What lists show; all of it can be derived again from the entries of the workflow's stream.
CREATE TABLE workflows (
    tenant           TEXT NOT NULL REFERENCES tenants (id),
    id               TEXT NOT NULL,
    version          INTEGER NOT NULL,
    state            TEXT NOT NULL,
    reason           TEXT NOT NULL,
    title            TEXT NOT NULL,
    revision         INTEGER NOT NULL,
    repositories     BLOB NOT NULL,
    open_requests    INTEGER NOT NULL,
    feedback_hash    TEXT NOT NULL,
    repositories_key TEXT NOT NULL,
    next_expiry_at   INTEGER,
    created_at       INTEGER NOT NULL,
    updated_at       INTEGER NOT NULL,
    PRIMARY KEY (tenant, id)
) STRICT;
CREATE INDEX workflows_by_age ON workflows (tenant, created_at);
CREATE INDEX workflows_by_feedback ON workflows (tenant, feedback_hash);
CREATE INDEX workflows_by_expiry ON workflows (next_expiry_at) WHERE next_expiry_at IS NOT NULL;

-- `n` is the order of arrival.
CREATE TABLE inputs (
    n           INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant      TEXT NOT NULL REFERENCES tenants (id),
    id          TEXT NOT NULL,
    workflow    TEXT NOT NULL,
    payload     BLOB NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('pending', 'accepted', 'refused', 'held')),
    code        TEXT,
    message     TEXT,
    received_at INTEGER NOT NULL,
    settled_at  INTEGER,
    UNIQUE (tenant, id)
) STRICT;
CREATE INDEX inputs_pending ON inputs (tenant, n) WHERE status = 'pending';
CREATE INDEX inputs_held ON inputs (tenant, workflow) WHERE status = 'held';
CREATE INDEX inputs_undecided ON inputs (tenant, workflow) WHERE status IN ('pending', 'held');

CREATE TABLE effects (
    n           INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant      TEXT NOT NULL,
    id          TEXT NOT NULL,
    workflow    TEXT NOT NULL,
    kind        TEXT NOT NULL,
    payload     BLOB NOT NULL,
    status      TEXT NOT NULL CHECK (status IN ('pending', 'claimed', 'done', 'superseded')),
    run_at      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    fence       INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER,
    worker      TEXT,
    last_error  TEXT,
    UNIQUE (tenant, id),
    FOREIGN KEY (tenant, workflow) REFERENCES workflows (tenant, id),
    CHECK ((status = 'claimed') = (lease_until IS NOT NULL))
) STRICT;
CREATE INDEX effects_waiting ON effects (tenant, workflow) WHERE status IN ('pending', 'claimed');
CREATE INDEX effects_claimed ON effects (tenant, workflow) WHERE status = 'claimed';

-- One leaf of the tenant's log. `position` is where its hash stands in tree_hashes.
CREATE TABLE entries (
    tenant   TEXT NOT NULL REFERENCES tenants (id),
    idx      INTEGER NOT NULL,
    position INTEGER NOT NULL,
    stream   TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    kind     TEXT NOT NULL,
    at       INTEGER NOT NULL,
    leaf     BLOB NOT NULL,
    PRIMARY KEY (tenant, idx),
    UNIQUE (tenant, stream, seq)
) STRICT;
CREATE INDEX entries_by_time ON entries (at);

-- Salt and body go together when a body is erased.
CREATE TABLE entry_bodies (
    tenant TEXT NOT NULL,
    idx    INTEGER NOT NULL,
    salt   BLOB NOT NULL CHECK (length(salt) = 32),
    body   BLOB NOT NULL,
    PRIMARY KEY (tenant, idx),
    FOREIGN KEY (tenant, idx) REFERENCES entries (tenant, idx)
) STRICT;

CREATE TABLE tree_hashes (
    tenant   TEXT NOT NULL REFERENCES tenants (id),
    position INTEGER NOT NULL,
    hash     BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (tenant, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE checkpoints (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    size   INTEGER NOT NULL,
    root   BLOB NOT NULL CHECK (length(root) = 32),
    note   TEXT NOT NULL,
    at     INTEGER NOT NULL,
    PRIMARY KEY (tenant, size)
) STRICT;

-- Evidence under its SHA-256, in hex.
CREATE TABLE bodies (
    tenant TEXT NOT NULL REFERENCES tenants (id),
    hash   TEXT NOT NULL CHECK (length(hash) = 64),
    bytes  BLOB NOT NULL,
    PRIMARY KEY (tenant, hash)
) STRICT;

-- Append-only. The triggers before INSERT also stop INSERT OR REPLACE, which deletes without firing a delete
-- trigger.

CREATE TRIGGER entries_in_order BEFORE INSERT ON entries
WHEN NEW.idx <> (SELECT coalesce(max(idx) + 1, 0) FROM entries WHERE tenant = NEW.tenant)
  OR NEW.seq <> (SELECT coalesce(max(seq) + 1, 1) FROM entries
                 WHERE tenant = NEW.tenant AND stream = NEW.stream)
BEGIN SELECT RAISE(ABORT, 'entries are appended in order, without gaps'); END;
CREATE TRIGGER entries_never_change BEFORE UPDATE ON entries
BEGIN SELECT RAISE(ABORT, 'entries never change'); END;
CREATE TRIGGER entries_never_go BEFORE DELETE ON entries
BEGIN SELECT RAISE(ABORT, 'entries are never deleted'); END;

CREATE TRIGGER entry_bodies_once BEFORE INSERT ON entry_bodies
WHEN EXISTS (SELECT 1 FROM entry_bodies WHERE tenant = NEW.tenant AND idx = NEW.idx)
BEGIN SELECT RAISE(ABORT, 'an entry has one body'); END;
CREATE TRIGGER entry_bodies_never_change BEFORE UPDATE ON entry_bodies
BEGIN SELECT RAISE(ABORT, 'bodies of entries never change; they can only be erased'); END;

CREATE TRIGGER tree_hashes_in_order BEFORE INSERT ON tree_hashes
WHEN NEW.position <> (SELECT coalesce(max(position) + 1, 0) FROM tree_hashes WHERE tenant = NEW.tenant)
BEGIN SELECT RAISE(ABORT, 'tree hashes are appended in order, without gaps'); END;
CREATE TRIGGER tree_hashes_never_change BEFORE UPDATE ON tree_hashes
BEGIN SELECT RAISE(ABORT, 'tree hashes never change'); END;
CREATE TRIGGER tree_hashes_never_go BEFORE DELETE ON tree_hashes
BEGIN SELECT RAISE(ABORT, 'tree hashes are never deleted'); END;

CREATE TRIGGER checkpoints_in_order BEFORE INSERT ON checkpoints
WHEN NEW.size <= (SELECT max(size) FROM checkpoints WHERE tenant = NEW.tenant)
BEGIN SELECT RAISE(ABORT, 'checkpoints are appended in order'); END;
CREATE TRIGGER checkpoints_never_change BEFORE UPDATE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints never change'); END;
CREATE TRIGGER checkpoints_never_go BEFORE DELETE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints are never deleted'); END;

CREATE TRIGGER bodies_never_change BEFORE UPDATE ON bodies
BEGIN SELECT RAISE(ABORT, 'bodies never change; they can only be erased'); END;
