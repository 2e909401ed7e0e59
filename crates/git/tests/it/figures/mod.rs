//! Figures about reading and applying: real and generated histories, and distortions of their diffs, judged by a
//! model that shares no code with the applier. The suite runs a part, `examples/history.rs` as much as one likes.
#![allow(clippy::unwrap_used, reason = "tests")]

pub(crate) mod distort;
pub(crate) mod generated;
pub(crate) mod judge;
pub(crate) mod model;
pub(crate) mod random;
pub(crate) mod render;
pub(crate) mod run;
pub(crate) mod source;
