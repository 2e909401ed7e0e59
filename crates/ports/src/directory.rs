//! Port to what a forge has beside what is registered: repositories that are found by words, for people to choose from.

use crate::conversation::Conversations;
use crate::trees::{Remote, TreesError};
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
    /// Where it is cloned from, below the server's address.
    pub clone_url: String,
    /// What HEAD names.
    pub default_branch: BranchName,
    /// Not everybody sees it.
    pub private: bool,
    /// Read-only for good.
    pub archived: bool,
    /// Whether our account may push there.
    pub may_push: bool,
}

impl FoundRepository {
    /// What is registered of it.
    pub fn remote(&self) -> Remote {
        Remote {
            clone_url: self.clone_url.clone(),
            full_name: self.full_name.clone(),
        }
    }
}

/// What a search came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRepositories {
    /// The best matches first, at most [`FOUND_MAX`].
    pub repositories: Vec<FoundRepository>,
    /// There are more.
    pub more: bool,
}

/// A forge's directory, and what people say there. Calls block.
pub trait Directory: Conversations {
    /// Repositories that our account sees, and that these words fit.
    fn find_repositories(&self, words: &str) -> Result<FoundRepositories, TreesError>;

    /// The repository of that name, to be registered; one in which nothing can ever be written is refused
    /// (`github-archived`).
    fn registrable(&self, full_name: &str) -> Result<FoundRepository, TreesError>;

    /// What a repository is called now, such as `octo/hello`.
    fn called_now(&self, id: &RepositoryId) -> Result<String, TreesError>;

    /// Which issue an address stands for (`https://github.com/octo/hello/issues/7`): the name of its repository, and its number.
    /// Any other address is refused (`bad-issue-address`). Nothing is asked for it.
    fn issue_at(&self, address: &str) -> Result<(String, u64), TreesError>;
}
