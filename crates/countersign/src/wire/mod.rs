//! What `--json` prints: stable forms in snake_case, made by hand from the inner types.

mod ledger;
mod workflow;

pub(crate) use ledger::{CheckpointWire, EntriesWire, EntryWire, ExportWire, StoryWire, VerdictWire};
pub(crate) use workflow::{DiffWire, DiffsWire, ViolationWire, WorkflowRowWire, WorkflowWire, WorkflowsWire};
