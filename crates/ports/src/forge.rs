//! Port to git hosts. Content is written with permits by value; what a host can't do it says so.

use crate::trees::{BranchState, PreparedCommit, PublishError, RepoSource, TreesError};
use countersign_core::forge::{CheckRun, Listing, PullRequest, RequiredCheck};
use countersign_core::id::{AccountId, BranchName, CommitSha};
use countersign_core::permit::{
    ClosePullRequest, ContentPermit, DeleteBranch, OpenPullRequest, PushBranch, RetractPermit,
};
use std::time::Duration;

/// What a host without pull requests and CI says when it is asked for one (`no-pull-requests`).
pub fn no_pull_requests(repo: &RepoSource) -> TreesError {
    TreesError::Unsupported {
        code: "no-pull-requests",
        message: format!("{} has branches, and neither pull requests nor CI.", repo.place),
    }
}

/// A git host. Calls block; the engine runs them off its async threads. What a kind of host has at all is
/// [`countersign_core::id::ForgeKind::has_pull_requests`]: the machine asks no other for it.
///
/// No call repeats a write by itself: an answer that was lost is `Unknown`, and the machine reads back first. A host of
/// branches alone implements no more than those; one that stands before another has to pass all of it on.
pub trait Forge: Send + Sync {
    /// For how much longer the host wants to be left alone about that repository, as far as it said so; asks nobody.
    fn rests_for(&self, _repo: &RepoSource) -> Option<Duration> {
        None
    }

    /// Brings the objects there, where no branch names them yet; shows the gate's first yes. A host that takes objects
    /// only together with a ref does nothing here.
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

    /// The account under which we write there, by the host's own number; what somebody else opened is not ours.
    fn account(&self, repo: &RepoSource) -> Result<AccountId, TreesError> {
        Err(no_pull_requests(repo))
    }

    /// Every pull request, open or not, whose head is that branch of this very repository (never of a fork), oldest
    /// first. More than [`countersign_core::forge::PULL_REQUESTS_MAX`] are an error, not a shorter list.
    fn read_pull_requests(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
    ) -> Result<Vec<PullRequest>, TreesError> {
        let _none_of = branch;
        Err(no_pull_requests(repo))
    }

    /// Opens the pull request that the permit names, once, and says what came of it. A lost answer is `Unknown`; that
    /// there is one already is `ExpectedOldMismatch`. What of the words the host takes in further calls (labels) may
    /// fail without taking the pull request back.
    fn open_pull_request(
        &self,
        permit: ContentPermit<OpenPullRequest>,
        repo: &RepoSource,
    ) -> Result<PullRequest, PublishError> {
        let _unused = permit;
        Err(PublishError::Failed(no_pull_requests(repo)))
    }

    /// Closes our own pull request, if it is open and its head is still the commit that the permit names. One that is not
    /// open any more is left as it is.
    fn close_pull_request(
        &self,
        permit: RetractPermit<ClosePullRequest>,
        repo: &RepoSource,
    ) -> Result<(), PublishError> {
        let _unused = permit;
        Err(PublishError::Failed(no_pull_requests(repo)))
    }

    /// How the host lists the repository; `None` where it knows no such thing.
    fn listing(&self, repo: &RepoSource) -> Result<Option<Listing>, TreesError> {
        let _none_of = repo;
        Ok(None)
    }

    /// The checks that the host itself asks for before something is merged into that branch; none where it knows no such thing.
    fn required_checks(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
    ) -> Result<Vec<RequiredCheck>, TreesError> {
        let _none_of = (repo, branch);
        Ok(Vec::new())
    }

    /// The latest run of every check that an app posted on exactly that commit. Commit statuses are left out: no app
    /// stands behind them. More than [`countersign_core::forge::CHECK_RUNS_MAX`] are an error, not a shorter list. Of a
    /// required one that failed and says nothing itself, the host may add what its log says.
    fn read_checks(
        &self,
        repo: &RepoSource,
        head: &CommitSha,
        required: &[RequiredCheck],
    ) -> Result<Vec<CheckRun>, TreesError> {
        let _none_on = (head, required);
        Err(no_pull_requests(repo))
    }
}
