//! Prints `docs/workflow.md`: every transition, found by exploring the production `decide`.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    dead_code,
    unreachable_pub,
    reason = "shares the tests' explorer"
)]

#[path = "../tests/it/canned.rs"]
mod canned;
#[path = "../tests/it/explore.rs"]
mod explore;

fn main() {
    let (solo, three) = (
        explore::explore(canned::Team::Solo),
        explore::explore(canned::Team::Three),
    );
    print!("{}", explore::page(&explore::together(&[&solo, &three])));
}
