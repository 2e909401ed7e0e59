//! A permit can't be copied, so it can't be used twice.
use countersign_core::permit::{ContentPermit, PushBranch};

fn twice(permit: ContentPermit<PushBranch>) -> (ContentPermit<PushBranch>, ContentPermit<PushBranch>) {
    (permit.clone(), permit)
}

fn main() {}
