//! Every forge behind one port: which one is asked follows from the repository's id alone.

use countersign_core::forge::{CheckRun, Listing, PullRequest, RequiredCheck};
use countersign_core::id::{AccountId, BranchName, CommitSha, ForgeKind};
use countersign_core::permit::{
    ClosePullRequest, ContentPermit, DeleteBranch, OpenPullRequest, PushBranch, RetractPermit,
};
use countersign_ports::forge::Forge;
use countersign_ports::trees::{BranchState, PreparedCommit, PublishError, RepoSource, TreesError};
use std::sync::Arc;
use std::time::Duration;

/// Local folders, and GitHub.
pub struct Forges {
    local: Arc<dyn Forge>,
    github: Arc<dyn Forge>,
}

impl Forges {
    /// Puts them together.
    pub fn new(local: Arc<dyn Forge>, github: Arc<dyn Forge>) -> Self {
        Self { local, github }
    }

    fn of(&self, repo: &RepoSource) -> &dyn Forge {
        match repo.id.forge {
            ForgeKind::Local => self.local.as_ref(),
            ForgeKind::GitHub => self.github.as_ref(),
        }
    }
}

impl Forge for Forges {
    fn rests_for(&self, repo: &RepoSource) -> Option<Duration> {
        self.of(repo).rests_for(repo)
    }

    fn stage(
        &self,
        first: &ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        self.of(repo).stage(first, repo, prepared)
    }

    fn push_branch(
        &self,
        permit: ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        self.of(repo).push_branch(permit, repo, prepared)
    }

    fn delete_branch(
        &self,
        permit: RetractPermit<DeleteBranch>,
        repo: &RepoSource,
    ) -> Result<(), PublishError> {
        self.of(repo).delete_branch(permit, repo)
    }

    fn read_branch(&self, repo: &RepoSource, branch: &BranchName) -> Result<Option<BranchState>, TreesError> {
        self.of(repo).read_branch(repo, branch)
    }

    fn account(&self, repo: &RepoSource) -> Result<AccountId, TreesError> {
        self.of(repo).account(repo)
    }

    fn read_pull_requests(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
    ) -> Result<Vec<PullRequest>, TreesError> {
        self.of(repo).read_pull_requests(repo, branch)
    }

    fn open_pull_request(
        &self,
        permit: ContentPermit<OpenPullRequest>,
        repo: &RepoSource,
    ) -> Result<PullRequest, PublishError> {
        self.of(repo).open_pull_request(permit, repo)
    }

    fn close_pull_request(
        &self,
        permit: RetractPermit<ClosePullRequest>,
        repo: &RepoSource,
    ) -> Result<(), PublishError> {
        self.of(repo).close_pull_request(permit, repo)
    }

    fn listing(&self, repo: &RepoSource) -> Result<Option<Listing>, TreesError> {
        self.of(repo).listing(repo)
    }

    fn required_checks(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
    ) -> Result<Vec<RequiredCheck>, TreesError> {
        self.of(repo).required_checks(repo, branch)
    }

    fn read_checks(
        &self,
        repo: &RepoSource,
        head: &CommitSha,
        required: &[RequiredCheck],
    ) -> Result<Vec<CheckRun>, TreesError> {
        self.of(repo).read_checks(repo, head, required)
    }
}
