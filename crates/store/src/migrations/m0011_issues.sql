-- Version 11: workflows whose issue was seen to say something else than at the start.

CREATE TABLE issue_changes (
    tenant     TEXT NOT NULL REFERENCES tenants (id),
    workflow   TEXT NOT NULL,
    noticed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, workflow)
) STRICT;
