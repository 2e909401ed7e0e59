//! Why the tree can't answer, in sentences that name numbers only.

use thiserror::Error;

/// Why the tree can't answer, or why a proof does not hold.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TreeError {
    /// A size above [`MAX_INTEGER`](crate::MAX_INTEGER).
    #[error("a tree of {size} leaves is larger than this program handles")]
    TooLarge {
        /// Size in question, in leaves.
        size: u64,
    },
    /// No such leaf, or an old size above the new one.
    #[error("{index} lies outside a tree of {size} leaves")]
    OutOfRange {
        /// Leaf index or old size in question.
        index: u64,
        /// Size of the tree, in leaves.
        size: u64,
    },
    /// The reader has no hash at this position.
    #[error("the stored hash at position {position} is missing")]
    MissingHash {
        /// Position in the stored list.
        position: u64,
    },
    /// The reader answered with another number of hashes than asked.
    #[error("asked for {asked} stored hashes and got {got}")]
    ReaderCount {
        /// Hashes asked for.
        asked: usize,
        /// Hashes given.
        got: usize,
    },
    /// The caller's storage failed; the text is the caller's.
    #[error("stored hashes can't be read: {reason}")]
    Storage {
        /// What the reader said.
        reason: String,
    },
    /// The proof does not lead to the root.
    #[error("the proof does not lead to the root")]
    ProofInvalid,
}

impl TreeError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "tree-too-large",
            Self::OutOfRange { .. } => "tree-out-of-range",
            Self::MissingHash { .. } => "tree-hash-missing",
            Self::ReaderCount { .. } => "tree-reader-count",
            Self::Storage { .. } => "tree-storage",
            Self::ProofInvalid => "tree-proof-invalid",
        }
    }
}
