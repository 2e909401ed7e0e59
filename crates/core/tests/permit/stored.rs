//! A permit can't be stored or sent: it has no serialised form.
use countersign_core::permit::{ContentPermit, PushBranch};

fn store(permit: &ContentPermit<PushBranch>) -> Vec<u8> {
    serde_json::to_vec(permit).unwrap()
}

fn main() {}
