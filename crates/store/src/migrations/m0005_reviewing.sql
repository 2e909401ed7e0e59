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
