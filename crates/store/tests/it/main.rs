//! The store over real SQLite files: what the port promises, and what a queue library would not.
#![allow(clippy::unwrap_used, reason = "tests")]

mod access;
mod commits;
mod facts;
mod inputs;
mod keeping;
mod ledger;
mod migrations;
mod notices;
mod opening;
mod queue;
mod reviewing;
mod support;
mod tally;
mod tampering;
mod tenants;
