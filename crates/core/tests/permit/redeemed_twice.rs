//! Redeeming uses a permit up.
use countersign_core::permit::{ContentPermit, PushBranch};
use countersign_core::time::Timestamp;

fn twice(permit: ContentPermit<PushBranch>) {
    let _ = permit.redeem(Timestamp(0));
    let _ = permit.redeem(Timestamp(0));
}

fn main() {}
