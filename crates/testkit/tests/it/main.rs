//! The simulation in the suite, its own determinism, and what holds the model of git to git itself.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

#[path = "../../../core/tests/it/canned.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "written for other tests, which use all of it"
)]
mod canned;
mod conformance;
mod director;
mod github;
mod judged;
mod pull_requests;
mod replayed;
mod simulated;
