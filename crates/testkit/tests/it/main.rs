//! The simulation in the suite, its own determinism, and what holds the model of git to git itself.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

mod conformance;
mod director;
mod judged;
mod replayed;
mod simulated;
