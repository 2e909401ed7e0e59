//! What `--json` prints: stable forms in snake_case, made by hand from the inner types.

mod ledger;
mod patch;
mod restoring;

pub(crate) use countersign_server::wire::{
    AlarmWire, DiffWire, DiffsWire, StoryWire, ViolationWire, WorkflowRowWire, WorkflowWire, WorkflowsWire,
};
pub(crate) use ledger::{
    CheckpointWire, ConsistencyWire, EntriesWire, ErasedWire, ExportWire, InTotoWire, RotatedWire,
    VerdictWire, entry,
};
pub(crate) use patch::{AppliedWire, BatchAnswer, BatchId, BatchLine, BatchOutcome, RefusedWire};
pub(crate) use restoring::{BackupWire, PutBackWire, ResumedWire};
