//! Adapters of the agent port: `codemod`, `scripted`, `command`, a submitted `diff`, and the built-in critic.
//!
//! An agent reads a snapshot and answers with words: it decides nothing, writes into no repository and
//! touches no store. What it answers is untrusted until `core` has validated it (INV-2). Only the `command`
//! module starts processes, and only inside the scratch folder that it was given.
//!
//! Where to read next: [`Agents`] makes them. The formats that people write are documented where they are
//! read: `codemod/form.rs` (rules in an issue), `wire/mod.rs` (answers as JSON), `scripted.rs` (script files) and
//! `command/mod.rs` (external programs).

mod answer;
mod blocks;
mod codemod;
mod command;
mod critic;
mod derive;
mod language;
mod offload;
mod scripted;
mod spec;
mod submitted;
mod text;
mod unified;
mod wire;

pub use command::{CONFINED, Fence, Names, confined, unseen};
pub use spec::Agents;
