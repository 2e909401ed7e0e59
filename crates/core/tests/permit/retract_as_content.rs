//! A permit to take our own work out of play does not write content.
use countersign_core::permit::{ContentPermit, DeleteBranch, RetractPermit};

fn swap(permit: RetractPermit<DeleteBranch>) -> ContentPermit<DeleteBranch> {
    permit
}

fn main() {}
