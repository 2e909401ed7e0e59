//! The core's tests: sentences about workflows, and an exploration of everything that `decide` can do.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    dead_code,
    unreachable_pub,
    reason = "tests"
)]

mod budget;
mod canned;
mod explore;
mod explored;
mod gate;
mod merging;
mod model;
mod notices;
mod pull_requests;
mod records;
mod restored;
mod signatures;
mod waivers;
mod workflows;

/// Every file under `tests/permit` is an attempt to forge the right to write; its first line says why it must fail.
#[test]
fn forgeries_do_not_compile() {
    trybuild::TestCases::new().compile_fail("tests/permit/*.rs");
}
