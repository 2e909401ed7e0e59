//! A registered local repository as a forge: branches, no pull requests, no CI.
//!
//! It writes through a [`Trees`] handle, which adds objects and updates the one ref itself; no `receive-pack` and
//! therefore no hook of the target ever runs (hazard 61).

use countersign_core::id::BranchName;
use countersign_core::permit::{ContentPermit, DeleteBranch, PushBranch, RetractPermit};
use countersign_ports::forge::Forge;
use countersign_ports::trees::{BranchState, PreparedCommit, PublishError, RepoSource, Trees, TreesError};
use std::sync::Arc;

/// The forge for local repositories.
pub struct LocalForge {
    trees: Arc<dyn Trees>,
}

impl LocalForge {
    /// Writes through this handle.
    pub fn new(trees: Arc<dyn Trees>) -> Self {
        Self { trees }
    }
}

impl Forge for LocalForge {
    fn stage(
        &self,
        first: &ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        self.trees.stage(first, repo, prepared)
    }

    fn push_branch(
        &self,
        permit: ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        self.trees.publish(permit, repo, prepared)
    }

    fn delete_branch(
        &self,
        permit: RetractPermit<DeleteBranch>,
        repo: &RepoSource,
    ) -> Result<(), PublishError> {
        self.trees.retract(permit, repo)
    }

    fn read_branch(&self, repo: &RepoSource, branch: &BranchName) -> Result<Option<BranchState>, TreesError> {
        self.trees.read_branch(repo, branch)
    }
}
