-- Version 9: a comment is looked for among all that was told of it.

CREATE INDEX hook_deliveries_by_comment ON hook_deliveries (tenant, forge, repository, comment) WHERE comment IS NOT NULL;
