//! Git under bad weather: [`Trees`] and [`Forge`] around the repositories in memory, with stale looks, lost answers,
//! failures, and deaths in the middle of a push.

use crate::faults::Fault;
use crate::life::Life;
use crate::people;
use crate::repositories::{Repositories, folder, unavailable};
use countersign_core::forge::{CheckRun, CheckState, Landed, PullRequest, PullRequestState, RequiredCheck};
use countersign_core::id::{AccountId, BlobSha, BranchName, CommitSha, TreeSha};
use countersign_core::path::RepoPath;
use countersign_core::permit::{
    ClosePullRequest, ContentPermit, DeleteBranch, OpenPullRequest, PushBranch, RetractPermit,
};
use countersign_ports::forge::Forge;
use countersign_ports::trees::{
    Applied, ApplyRefusal, BaseStanding, BranchState, Heads, Interdiff, Merged, Pinned, PreparedCommit,
    Probe, Proposed, PublishError, RepoSource, SecondOpinion, SnapshotEntry, Taken, Trees, TreesError,
};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// One life's view of the repositories.
pub struct Weather {
    /// What is really there.
    pub real: Arc<Repositories>,
    /// Whose view it is.
    pub life: Arc<Life>,
}

/// In how many of 100 looks at CI that has not ended somebody has closed a pull request there.
const CLOSED_PERCENT: usize = 10;

/// In how many of 100 looks at a pull request whose CI has ended somebody has seen to it right before.
const SEEN_TO_PERCENT: usize = 30;

/// How a write goes.
enum Turn {
    Fine,
    Down,
    Lost,
}

impl Weather {
    fn look<T>(&self, look: impl FnOnce(&Repositories) -> Result<T, TreesError>) -> Result<T, TreesError> {
        self.life.burn();
        if self.life.fates.strikes(Fault::GitDown) {
            return Err(unavailable("storm", "git does not answer"));
        }
        look(&self.real)
    }

    /// A life that ends here has written, or has not; nobody will hear which.
    fn turn(&self) -> Turn {
        let fates = &self.life.fates;
        if self.life.burn() {
            return if fates.random.chance(50) {
                Turn::Lost
            } else {
                Turn::Down
            };
        }
        if fates.strikes(Fault::WriteSlow) {
            fates
                .clock
                .pass(u64::try_from(fates.random.below(15_000)).unwrap_or(0));
        }
        if fates.strikes(Fault::WriteFails) {
            Turn::Down
        } else if fates.strikes(Fault::WriteAnswerLost) {
            Turn::Lost
        } else {
            Turn::Fine
        }
    }

    fn write<T>(
        &self,
        branch: &BranchName,
        write: impl FnOnce(&Repositories) -> Result<T, PublishError>,
    ) -> Result<T, PublishError> {
        match self.turn() {
            Turn::Fine => write(&self.real),
            Turn::Down => Err(PublishError::Failed(unavailable(
                "storm",
                "the forge does not answer",
            ))),
            Turn::Lost => {
                write(&self.real)?;
                Err(PublishError::Unknown {
                    branch: branch.to_string(),
                    source: unavailable("storm", "the answer was lost"),
                })
            }
        }
    }
}

impl Trees for Weather {
    fn probe(&self, path: &Path) -> Result<Probe, TreesError> {
        self.look(|real| real.probe(path))
    }

    fn heads(&self, repo: &RepoSource) -> Result<Heads, TreesError> {
        self.look(|real| real.heads(repo))
    }

    fn pin(&self, repo: &RepoSource, branch: &BranchName) -> Result<Pinned, TreesError> {
        let pinned = self.look(|real| real.pin(repo, branch))?;
        match self.real.before(repo, &pinned.commit)? {
            Some(older) if self.life.fates.strikes(Fault::StalePin) => Ok(older),
            Some(_) | None => Ok(pinned),
        }
    }

    fn snapshot(&self, repo: &RepoSource, commit: &CommitSha) -> Result<Vec<SnapshotEntry>, TreesError> {
        self.look(|real| real.snapshot(repo, commit))
    }

    fn file(
        &self,
        repo: &RepoSource,
        commit: &CommitSha,
        path: &RepoPath,
    ) -> Result<Option<Vec<u8>>, TreesError> {
        self.look(|real| real.file(repo, commit, path))
    }

    fn blob(&self, repo: &RepoSource, blob: &BlobSha) -> Result<Vec<u8>, TreesError> {
        self.look(|real| real.blob(repo, blob))
    }

    fn apply(
        &self,
        repo: &RepoSource,
        base: &CommitSha,
        diff: &[u8],
    ) -> Result<Result<Applied, ApplyRefusal>, TreesError> {
        self.look(|real| real.apply(repo, base, diff))
    }

    fn interdiff(&self, repo: &RepoSource, from: &Proposed, to: &Proposed) -> Result<Interdiff, TreesError> {
        self.look(|real| real.interdiff(repo, from, to))
    }

    fn second_opinion(
        &self,
        repo: &RepoSource,
        base: &CommitSha,
        canonical: &[u8],
    ) -> Result<SecondOpinion, TreesError> {
        self.look(|real| real.second_opinion(repo, base, canonical))
    }

    /// A stale look says that nothing moved.
    fn base_standing(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
        base: &CommitSha,
        canonical: &[u8],
    ) -> Result<BaseStanding, TreesError> {
        let standing = self.look(|real| real.base_standing(repo, branch, base, canonical))?;
        let stale = standing != BaseStanding::Unmoved && self.life.fates.strikes(Fault::StaleBase);
        Ok(if stale { BaseStanding::Unmoved } else { standing })
    }

    fn landed(&self, repo: &RepoSource, merged: &Merged<'_>) -> Result<Landed, TreesError> {
        let landed = self.look(|real| real.landed(repo, merged))?;
        let is_there = matches!(landed, Landed::As { .. });
        if is_there && self.life.fates.happens(Fault::StaleLanding) {
            let detail = format!("branch {} does not hold it yet", merged.branch);
            return Ok(Landed::Nowhere { detail });
        }
        Ok(landed)
    }

    fn taking_back(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
        landed: &CommitSha,
        before: &CommitSha,
    ) -> Result<Taken, TreesError> {
        self.look(|real| real.taking_back(repo, branch, landed, before))
    }

    fn prepare(
        &self,
        repo: &RepoSource,
        base: &CommitSha,
        canonical: &[u8],
        tree: &TreeSha,
        commit_bytes: &[u8],
    ) -> Result<PreparedCommit, TreesError> {
        self.look(|real| real.prepare(repo, base, canonical, tree, commit_bytes))
    }

    fn read_branch(&self, repo: &RepoSource, branch: &BranchName) -> Result<Option<BranchState>, TreesError> {
        Forge::read_branch(self, repo, branch)
    }

    fn stage(
        &self,
        first: &ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        Forge::stage(self, first, repo, prepared)
    }

    fn publish(
        &self,
        permit: ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        self.push_branch(permit, repo, prepared)
    }

    fn retract(&self, permit: RetractPermit<DeleteBranch>, repo: &RepoSource) -> Result<(), PublishError> {
        self.delete_branch(permit, repo)
    }
}

impl Forge for Weather {
    fn stage(
        &self,
        first: &ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        let branch = first.op().branch.clone();
        self.write(&branch, |real| Forge::stage(real, first, repo, prepared))
    }

    fn push_branch(
        &self,
        permit: ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        let branch = permit.op().branch.clone();
        self.write(&branch, |real| real.push_branch(permit, repo, prepared))
    }

    fn delete_branch(
        &self,
        permit: RetractPermit<DeleteBranch>,
        repo: &RepoSource,
    ) -> Result<(), PublishError> {
        let branch = permit.op().branch.clone();
        self.write(&branch, |real| real.delete_branch(permit, repo))
    }

    fn read_branch(&self, repo: &RepoSource, branch: &BranchName) -> Result<Option<BranchState>, TreesError> {
        let found = self.look(|real| Forge::read_branch(real, repo, branch))?;
        Ok(found.filter(|_| !self.life.fates.strikes(Fault::StaleBranch)))
    }

    fn account(&self, repo: &RepoSource) -> Result<AccountId, TreesError> {
        self.look(|real| real.account(repo))
    }

    fn read_pull_requests(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
    ) -> Result<Vec<PullRequest>, TreesError> {
        let fates = &self.life.fates;
        if fates.merges.load(Ordering::Relaxed) && fates.random.chance(SEEN_TO_PERCENT) {
            let open = self.real.open_ones(&folder(&repo.place)).into_iter();
            if let Some((pull, _)) = open.into_iter().find(|(p, ended)| *ended && p.branch == *branch) {
                people::sees_to(&self.real, fates, &folder(&repo.place), &pull, true);
            }
        }
        let mut found = self.look(|real| real.read_pull_requests(repo, branch))?;
        if !found.is_empty() && fates.strikes(Fault::StalePullRequests) {
            return Ok(Vec::new());
        }
        let merged = found.iter_mut().find(|p| p.state == PullRequestState::Merged);
        if let Some(merged) = merged {
            let again = merged.clone();
            if fates.happens(Fault::StaleMerge) {
                (merged.state, merged.merged_as) = (PullRequestState::Open, None);
            } else if fates.happens(Fault::MergeToldTwice) {
                found.push(again);
            }
        }
        Ok(found)
    }

    fn open_pull_request(
        &self,
        permit: ContentPermit<OpenPullRequest>,
        repo: &RepoSource,
    ) -> Result<PullRequest, PublishError> {
        let branch = permit.op().branch.clone();
        self.write(&branch, |real| real.open_pull_request(permit, repo))
    }

    fn close_pull_request(
        &self,
        permit: RetractPermit<ClosePullRequest>,
        repo: &RepoSource,
    ) -> Result<(), PublishError> {
        let branch = permit.op().branch.clone();
        self.write(&branch, |real| real.close_pull_request(permit, repo))
    }

    fn required_checks(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
    ) -> Result<Vec<RequiredCheck>, TreesError> {
        self.look(|real| real.required_checks(repo, branch))
    }

    /// CI takes its time and fails now and then, whatever the weather; while it runs, somebody may close the pull request.
    fn read_checks(
        &self,
        repo: &RepoSource,
        head: &CommitSha,
        required: &[RequiredCheck],
    ) -> Result<Vec<CheckRun>, TreesError> {
        let fates = &self.life.fates;
        if !fates.happens(Fault::CiSlow) {
            let state = match fates.happens(Fault::CiFails) {
                true => CheckState::Failure,
                false => CheckState::Success,
            };
            self.real.ci_ends(repo, head, state)?;
        } else if fates.random.chance(CLOSED_PERCENT)
            && let Some((pull, _)) = self.real.open_ones(&folder(&repo.place)).first()
        {
            self.real.somebody_closes(&folder(&repo.place), pull.number);
            fates.count(Fault::PullRequestClosed);
        }
        self.look(|real| real.read_checks(repo, head, required))
    }
}
