//! There is no default permit.
use countersign_core::permit::{ContentPermit, PushBranch};

fn main() {
    let _permit: ContentPermit<PushBranch> = Default::default();
}
