//! What `--json` prints: stable forms in snake_case, made by hand from the inner types.

mod around;
mod ledger;
mod parts;
mod patch;
mod restoring;
mod workflow;

pub(crate) use ledger::{
    CheckpointWire, ConsistencyWire, EntriesWire, EntryWire, ErasedWire, ExportWire, InTotoWire, RotatedWire,
    StoryWire, VerdictWire,
};
pub(crate) use parts::ViolationWire;
pub(crate) use patch::{AppliedWire, BatchAnswer, BatchId, BatchLine, BatchOutcome, RefusedWire};
pub(crate) use restoring::{BackupWire, PutBackWire, ResumedWire};
pub(crate) use workflow::{AlarmWire, DiffWire, DiffsWire, WorkflowRowWire, WorkflowWire, WorkflowsWire};
