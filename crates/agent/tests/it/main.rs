//! The agents through the port, over repositories in memory.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a test binary has no readers of its API"
)]

mod codemod;
mod command;
mod confined;
mod critic;
mod hostile;
mod scripted;
mod submitted;
mod support;
