//! Port to what a forge has beside what is registered: repositories that are found by words, for people to choose from.

use crate::trees::TreesError;
use countersign_core::id::{BranchName, RepositoryId};

/// Most repositories that one search gives.
pub const FOUND_MAX: usize = 30;

/// A repository that may be registered, or is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRepository {
    /// By its number there.
    pub id: RepositoryId,
    /// `octo/hello`.
    pub full_name: String,
    /// What HEAD names.
    pub default_branch: BranchName,
    /// Not everybody sees it.
    pub private: bool,
    /// Read-only for good.
    pub archived: bool,
    /// Whether our account may push there.
    pub may_push: bool,
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRepositories {
    /// The best matches first, at most [`FOUND_MAX`].
    pub repositories: Vec<FoundRepository>,
    /// There are more.
    pub more: bool,
}

/// A forge's directory. Calls block.
pub trait Directory: Send + Sync {
    /// Repositories that our account sees, and that these words fit.
    fn find_repositories(&self, words: &str) -> Result<FoundRepositories, TreesError>;
}
