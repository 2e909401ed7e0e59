//! The rules that repositories bring themselves, as far as this build can run them. One that can't says so, and then
//! nothing passes: a rule that nobody asked is not a rule that was kept.

#[cfg(feature = "rego")]
mod apart;
#[cfg(any(not(feature = "rego"), test))]
mod not_built;

#[cfg(feature = "rego")]
pub(crate) use apart::{Apart as Runner, answer_apart};
#[cfg(not(feature = "rego"))]
pub(crate) use not_built::{NotBuilt as Runner, answer_apart};

/// The first argument of this program where it is started again to run rules.
pub(crate) const APART: &str = "__own-rules";
/// Whether this build can run them.
pub(crate) const BUILT_IN: bool = cfg!(feature = "rego");
