-- Version 5: what a person keeps while reviewing. Nobody else sees it, and no decision looks at it.

-- `change` is the SHA-256, in hex, of one changed file: what happened, paths, modes and blobs of both sides.
CREATE TABLE viewed_files (
    tenant     TEXT NOT NULL,
    member     TEXT NOT NULL,
    workflow   TEXT NOT NULL,
    repository TEXT NOT NULL,
    change     TEXT NOT NULL CHECK (length(change) = 64),
    revision   INTEGER NOT NULL,
    viewed_at  INTEGER NOT NULL,
    PRIMARY KEY (tenant, member, workflow, repository, change),
    FOREIGN KEY (tenant, workflow) REFERENCES workflows (tenant, id)
) STRICT;

-- Comments on lines that are not sent yet. `comment`: canonical JSON; `n` is the order in which they were written.
CREATE TABLE draft_comments (
    n          INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant     TEXT NOT NULL,
    id         TEXT NOT NULL,
    member     TEXT NOT NULL,
    workflow   TEXT NOT NULL,
    revision   INTEGER NOT NULL,
    comment    BLOB NOT NULL,
    written_at INTEGER NOT NULL,
    UNIQUE (tenant, id),
    FOREIGN KEY (tenant, workflow) REFERENCES workflows (tenant, id)
) STRICT;
CREATE INDEX draft_comments_by_member ON draft_comments (tenant, member, workflow, n);
