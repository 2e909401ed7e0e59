//! Port to git hosts. Content is written with permits by value; what a host can't do it says so.

use crate::trees::{BranchState, PreparedCommit, PublishError, RepoSource, TreesError};
use countersign_core::id::BranchName;
use countersign_core::permit::{ContentPermit, DeleteBranch, PushBranch, RetractPermit};

/// What a forge can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    /// It has branches.
    pub branches: bool,
    /// It has pull requests.
    pub pull_requests: bool,
    /// It runs CI.
    pub ci: bool,
}

/// A git host. Calls block; the engine runs them off its async threads.
pub trait Forge: Send + Sync {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Brings the objects there, where no branch names them yet; shows the gate's first yes.
    fn stage(
        &self,
        first: &ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError>;

    /// Creates the approved branch with exactly the prepared commit. A lost answer is `Unknown`.
    fn push_branch(
        &self,
        permit: ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError>;

    /// Deletes our own branch, if it still holds exactly our commit.
    fn delete_branch(
        &self,
        permit: RetractPermit<DeleteBranch>,
        repo: &RepoSource,
    ) -> Result<(), PublishError>;

    /// Reads a branch from the host itself.
    fn read_branch(&self, repo: &RepoSource, branch: &BranchName) -> Result<Option<BranchState>, TreesError>;
}
