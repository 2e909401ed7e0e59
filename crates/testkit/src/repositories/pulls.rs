//! Pull requests and CI of the repositories in memory, as far as GitHub has rules for them: one open pull request per
//! branch and base, numbers that are never given twice, a branch that goes takes its pull request along.

use super::{Deed, Did, Repositories, folder, unavailable};
use countersign_core::forge::{CheckRun, CheckState, PullRequest, PullRequestState};
use countersign_core::id::{AccountId, BranchName, CommitSha, PullRequestNumber};
use countersign_core::permit::{ClosePullRequest, ContentPermit, OpenPullRequest, RetractPermit};
use countersign_core::time::Timestamp;
use countersign_ports::trees::{PublishError, RepoSource, TreesError};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The account under which the house writes.
pub const OURS: AccountId = AccountId(77);
/// The app whose check the policy asks for.
pub const CI_APP: &str = "ci-app";
/// The check that the policy asks for.
pub const CI_CHECK: &str = "test";

/// What a repository has beside its branches.
#[derive(Default)]
pub(super) struct Pulls {
    pub(super) all: Vec<PullRequest>,
    /// How CI ended on a commit.
    pub(super) ended: BTreeMap<CommitSha, CheckState>,
}

impl Repositories {
    /// Every pull request, by the folder of its repository.
    pub fn pull_requests(&self) -> Vec<(PathBuf, PullRequest)> {
        let all = self.lock();
        let each = all
            .iter()
            .flat_map(|(dir, r)| r.pulls.all.iter().map(move |p| (dir.clone(), p.clone())));
        each.collect()
    }

    pub(super) fn pulls_of(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
    ) -> Result<Vec<PullRequest>, TreesError> {
        self.with(&folder(&repo.place), |r| {
            Ok(r.pulls
                .all
                .iter()
                .filter(|p| p.branch == *branch)
                .cloned()
                .collect())
        })
    }

    pub(super) fn open(
        &self,
        permit: ContentPermit<OpenPullRequest>,
        repo: &RepoSource,
        now: Timestamp,
    ) -> Result<PullRequest, PublishError> {
        let (branch, base) = (permit.op().branch.clone(), permit.op().base_branch.clone());
        let opened = self.with(&folder(&repo.place), |r| {
            let head = r.heads.get(&branch).cloned();
            let same = |p: &PullRequest| {
                p.branch == branch && p.base_branch == base && p.state == PullRequestState::Open
            };
            let (Some(head), false) = (head, r.pulls.all.iter().any(same)) else {
                return Ok(None);
            };
            let redeemed = permit
                .redeem(now)
                .map_err(|e| unavailable("permit-expired", &e.to_string()))?;
            let number = PullRequestNumber(r.pulls.all.len() as u64 + 1);
            let pull_request = PullRequest {
                number,
                branch: branch.clone(),
                head,
                base_branch: base.clone(),
                author: OURS,
                state: PullRequestState::Open,
                merged_as: None,
            };
            r.pulls.all.push(pull_request.clone());
            Ok(Some((pull_request, redeemed)))
        });
        match opened.map_err(PublishError::Failed)? {
            Some((pull_request, redeemed)) => {
                self.note(Deed {
                    git_dir: folder(&repo.place),
                    branch,
                    commit: pull_request.head.clone(),
                    at: now,
                    did: Did::Opened(pull_request.number),
                    permit: Some((&redeemed).into()),
                });
                Ok(pull_request)
            }
            None => Err(PublishError::ExpectedOldMismatch {
                branch: branch.to_string(),
                found: "there is no such branch, or it has a pull request already".to_owned(),
            }),
        }
    }

    pub(super) fn close(
        &self,
        permit: RetractPermit<ClosePullRequest>,
        repo: &RepoSource,
        now: Timestamp,
    ) -> Result<(), PublishError> {
        let redeemed = permit
            .redeem(now)
            .map_err(|e| PublishError::Failed(unavailable("permit-expired", &e.to_string())))?;
        let op = redeemed.op;
        let closed = self.with(&folder(&repo.place), |r| {
            let ours = |p: &&mut PullRequest| {
                p.number == op.number && p.head == op.head && p.state == PullRequestState::Open
            };
            for found in r.pulls.all.iter_mut().filter(ours) {
                found.state = PullRequestState::Closed;
            }
            Ok(())
        });
        closed.map_err(PublishError::Failed)
    }

    /// A person closes an open pull request on the forge's own page.
    pub fn somebody_closes(&self, dir: &Path, number: PullRequestNumber) {
        let mut all = self.lock();
        let pulls = all.get_mut(dir).into_iter().flat_map(|r| &mut r.pulls.all);
        let open = |p: &&mut PullRequest| p.number == number && p.state == PullRequestState::Open;
        pulls
            .filter(open)
            .for_each(|p| p.state = PullRequestState::Closed);
    }

    /// Somebody else opens one for a branch of ours before we do.
    pub fn somebody_opens(&self, dir: &PathBuf, branch: &BranchName, head: &CommitSha) {
        let mut all = self.lock();
        let Some(repository) = all.get_mut(dir) else {
            return;
        };
        let number = PullRequestNumber(repository.pulls.all.len() as u64 + 1);
        repository.pulls.all.push(PullRequest {
            number,
            branch: branch.clone(),
            head: head.clone(),
            base_branch: super::main_branch(),
            author: AccountId(5),
            state: PullRequestState::Open,
            merged_as: None,
        });
    }

    /// CI ends like this on a commit, unless it has ended there before.
    pub fn ci_ends(&self, repo: &RepoSource, head: &CommitSha, state: CheckState) -> Result<(), TreesError> {
        self.with(&folder(&repo.place), |r| {
            r.pulls.ended.entry(head.clone()).or_insert(state);
            Ok(())
        })
    }

    pub(super) fn runs_on(&self, repo: &RepoSource, head: &CommitSha) -> Result<Vec<CheckRun>, TreesError> {
        self.with(&folder(&repo.place), |r| {
            let state = r.pulls.ended.get(head).copied().unwrap_or(CheckState::Pending);
            Ok(vec![CheckRun {
                app: CI_APP.to_owned(),
                app_number: None,
                name: CI_CHECK.to_owned(),
                head: head.clone(),
                state,
                said: None,
            }])
        })
    }
}
