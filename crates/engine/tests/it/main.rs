//! The engine with real SQLite, real git and a scripted agent, on a clock that the tests move.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod auditing;
mod clock;
mod deciding;
mod house;
mod inspecting;
mod notices;
mod own_rules;
mod told;
mod twice;
mod writing;
