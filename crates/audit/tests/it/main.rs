//! Stories told honestly are lawful; stories that lie are found out, even when whoever holds the ledger's key tells
//! them.
#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    missing_docs,
    dead_code,
    unreachable_pub,
    reason = "tests; forgeries bend one kind of event and leave all others"
)]

// The core's ready-made facts, and every input that is worth trying in a state.
#[path = "../../../core/tests/it/canned.rs"]
mod canned;
#[path = "../../../core/tests/it/explore.rs"]
mod explore;

mod budget;
mod erased;
mod forgeries;
mod honest;
mod lies;
mod pull_requests;
mod signatures;
mod teller;
