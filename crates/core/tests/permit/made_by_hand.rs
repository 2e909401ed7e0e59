//! A permit can't be made by hand: its fields are private and it has no constructor.
use countersign_core::permit::{ContentPermit, PushBranch};

fn forge(op: PushBranch) -> ContentPermit<PushBranch> {
    ContentPermit { op, claim: () }
}

fn main() {}
