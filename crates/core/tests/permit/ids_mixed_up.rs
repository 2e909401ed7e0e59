//! An id of one kind is not an id of another.
use countersign_core::id::{MemberId, WorkflowId};

fn mix(workflow: WorkflowId) -> MemberId {
    workflow
}

fn main() {}
