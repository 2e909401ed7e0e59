//! Drives the real program against real git repositories in throwaway folders.

#![expect(clippy::unwrap_used, reason = "a test that can't set its scene has failed")]

// Stories of several people, which one terminal can't tell.
#[path = "../../../core/tests/it/canned.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    reason = "written for other tests, which use all of it"
)]
mod canned;
#[path = "../../../audit/tests/it/teller.rs"]
#[expect(
    dead_code,
    unreachable_pub,
    clippy::wildcard_enum_match_arm,
    reason = "written for other tests, which use all of it"
)]
mod teller;

mod answers;
mod bad_input;
mod besieged;
mod budgeted;
mod configuring;
mod confinement;
mod data_folder;
mod deployed;
mod disk;
mod flow;
mod github;
mod help;
mod holds;
mod hosted;
mod in_toto;
mod killed;
mod ledger;
mod look;
mod measured;
mod metadata;
mod migrating;
mod noticed;
mod others;
mod own_rules;
mod pages;
mod patches;
mod policed;
mod policies;
mod proven;
mod remote;
mod repeated;
mod restored;
mod reviewed;
mod served;
mod shown;
mod signed;
mod spoilt;
mod support;
mod terminal;
mod tlog;
mod tools;
mod traced;
mod used;
mod web_client;
