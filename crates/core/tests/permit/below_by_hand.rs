//! Where something is said is what a permit gave: nobody can aim it elsewhere.
use countersign_core::notice::OnIssue;
use countersign_core::notice::rendering::Below;

fn elsewhere(given: Below, on: OnIssue) -> Below {
    let _there = given.on();
    Below { on, ..given }
}

fn main() {}
