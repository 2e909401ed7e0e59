//! The gate can't be asked without fresh facts.
use countersign_core::permit::{PushBranch, WriteGate};
use countersign_core::workflow::Workflow;

fn ask(workflow: &Workflow, op: PushBranch) {
    let _ = WriteGate::open(workflow, op);
}

fn main() {}
