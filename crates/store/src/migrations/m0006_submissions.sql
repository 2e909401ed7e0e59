-- Version 6: how a submission stands is asked for by its workflow, whatever became of it.

CREATE INDEX inputs_by_workflow ON inputs (tenant, workflow, n);
DROP INDEX inputs_undecided;
