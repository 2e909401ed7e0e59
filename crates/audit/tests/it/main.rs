//! Stories told honestly are lawful; stories that lie are found out, even when whoever holds the ledger's key tells
//! them.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    dead_code,
    unreachable_pub,
    reason = "tests"
)]

// The core's ready-made facts, and every input that is worth trying in a state.
#[path = "../../../core/tests/it/canned.rs"]
mod canned;
#[path = "../../../core/tests/it/explore.rs"]
mod explore;

mod erased;
mod forgeries;
mod honest;
mod lies;
mod teller;
