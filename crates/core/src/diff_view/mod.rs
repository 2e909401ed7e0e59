//! The typed diff: a canonical diff and its facts, prepared for those who show it to people.
//!
//! [`typed_diff`] gives files, hunks and lines with numbers, word ranges, marks for what can't be seen, and
//! anchors that survive a revision ([`locate`]). It only describes: nothing here is approved, hashed into a
//! digest or applied, and what is left out for its size is always said (`truncated`, `omitted_…`). Field by
//! field: [`form`], and `docs/patches.md`.

mod anchor;
mod build;
pub mod form;
mod heading;
mod locate;
mod marks;
mod pairs;
mod read;
#[cfg(test)]
mod tests;
mod words;

pub use anchor::{Anchor, AnchorError};
pub use build::{Limits, Wanted, typed_diff};
pub use form::TypedDiff;
pub use locate::{Located, Place, locate};

/// Version of the form that [`TypedDiff`] is serialized to.
pub const VERSION: u32 = 1;

/// Why facts and bytes can't be shown as one diff.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ViewError {
    /// The bytes are not those that the facts were made with.
    #[error("the diff's bytes are not those that its facts were made with; read both again")]
    ForeignBytes,
    /// The bytes are not in the form of a canonical diff.
    #[error("line {line} of the canonical diff can't be read: {reason}; make the diff again")]
    NotCanonical {
        /// Counted from 1; 0: the diff as a whole.
        line: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

impl ViewError {
    /// Stable kebab-case code.
    pub fn code(&self) -> &'static str {
        match self {
            ViewError::ForeignBytes => "foreign-diff-bytes",
            ViewError::NotCanonical { .. } => "diff-not-canonical",
        }
    }
}
