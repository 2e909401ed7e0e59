//! Drives the real program against real git repositories in throwaway folders.

#![expect(clippy::unwrap_used, reason = "a test that can't set its scene has failed")]

mod bad_input;
mod confinement;
mod data_folder;
mod disk;
mod flow;
mod help;
mod killed;
mod ledger;
mod look;
mod own_rules;
mod patches;
mod policies;
mod shown;
mod support;
mod terminal;
mod tools;
