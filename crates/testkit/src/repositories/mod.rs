//! Repositories in memory: [`Trees`] and [`Forge`] over maps, with git's own object ids.
//!
//! Small on purpose: flat folders of regular files with one line each, and diffs that replace such a line. What it
//! answers within that is what real git answers; `tests/it/conformance.rs` holds both to one script. It must never
//! update a branch without a permit, and it keeps what each one allowed.

mod merges;
mod objects;
mod pulls;

pub use merges::{How, Landing, Merging};
pub use pulls::{CI_APP, CI_CHECK, OURS};

use countersign_core::diff::FileMode;
use countersign_core::forge::{CheckRun, Landed, PullRequest, PullRequestState, RequiredCheck};
use countersign_core::id::{
    AccountId, BlobSha, BranchName, CommitSha, PullRequestNumber, TenantId, TreeSha, WriteIntentId,
};
use countersign_core::path::RepoPath;
use countersign_core::permit::{
    ClosePullRequest, ContentPermit, DeleteBranch, OpenPullRequest, PushBranch, Redeemed, RetractPermit,
};
use countersign_core::time::Timestamp;
use countersign_ports::forge::Forge;
use countersign_ports::store::Clock;
use countersign_ports::trees::{
    Applied, ApplyRefusal, BaseStanding, BranchState, Heads, Interdiff, Merged, ObjectKind, Pinned,
    PreparedCommit, Probe, Proposed, PublishError, RepoPlace, RepoSource, SecondOpinion, SecondOutcome,
    SnapshotEntry, Taken, Trees, TreesError,
};
use objects::{Replaced, blob_of, commit_of, differing, facts, read, render, replaced, tree_bytes, tree_of};
use pulls::Pulls;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// Files of one commit.
type Files = BTreeMap<RepoPath, Vec<u8>>;

#[derive(Clone)]
struct Commit {
    /// The line that it is on first.
    parents: Vec<CommitSha>,
    files: Files,
}

#[derive(Default)]
struct Repository {
    pulls: Pulls,
    heads: BTreeMap<BranchName, CommitSha>,
    commits: BTreeMap<CommitSha, Commit>,
}

impl Repository {
    /// Keeps a commit of these files, as git would with these words.
    fn keep(&mut self, parents: Vec<CommitSha>, files: Files, words: &str) -> CommitSha {
        let lines: String = parents.iter().map(|p| format!("parent {p}\n")).collect();
        let text = format!(
            "tree {}\n{lines}author A <a@b> 0 +0000\ncommitter A <a@b> 0 +0000\n\n{words}\n",
            tree_of(&files)
        );
        let id = commit_of(text.as_bytes());
        self.commits.insert(id.clone(), Commit { parents, files });
        id
    }

    /// What a commit was made on.
    fn before(&self, commit: &CommitSha) -> Option<&CommitSha> {
        self.commits.get(commit)?.parents.first()
    }

    /// A commit and those before it on its own line, newest first.
    fn line<'r>(&'r self, commit: &'r CommitSha) -> impl Iterator<Item = &'r CommitSha> {
        std::iter::successors(Some(commit), move |c| self.before(c))
    }

    /// Whether one is the other or came before it, on whatever line.
    fn holds(&self, newer: &CommitSha, older: &CommitSha) -> bool {
        let mut waiting = vec![newer];
        let mut seen = BTreeSet::new();
        while let Some(commit) = waiting.pop() {
            if commit == older {
                return true;
            }
            if seen.insert(commit) {
                waiting.extend(self.commits.get(commit).iter().flat_map(|c| &c.parents));
            }
        }
        false
    }
}

/// What a permit allowed to whom.
#[derive(Debug, Clone)]
pub struct Permitted {
    /// Whose workflow.
    pub tenant: TenantId,
    /// Of which operation's intent.
    pub intent: WriteIntentId,
}

impl<Op> From<&Redeemed<Op>> for Permitted {
    fn from(redeemed: &Redeemed<Op>) -> Self {
        Self {
            tenant: redeemed.tenant.clone(),
            intent: redeemed.intent.clone(),
        }
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// The branch was created, or taken away.
    Branch,
    /// Its pull request was opened.
    Opened(PullRequestNumber),
}

/// What a permit created, or took away.
#[derive(Debug, Clone)]
pub struct Deed {
    /// In which folder.
    pub git_dir: PathBuf,
    /// Which branch.
    pub branch: BranchName,
    /// What it holds, or held.
    pub commit: CommitSha,
    /// When, by the house's clock.
    pub at: Timestamp,
    /// What was done.
    pub did: Did,
    /// What the permit allowed; `None`: it was taken away.
    pub permit: Option<Permitted>,
}

/// All repositories of a house.
pub struct Repositories {
    clock: Arc<dyn Clock>,
    all: Mutex<BTreeMap<PathBuf, Repository>>,
    deeds: Mutex<Vec<Deed>>,
    landings: Mutex<Vec<Landing>>,
    touched: Mutex<Vec<(PathBuf, BranchName)>>,
}

impl Repositories {
    /// None yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            all: Mutex::default(),
            deeds: Mutex::default(),
            landings: Mutex::default(),
            touched: Mutex::default(),
        }
    }

    /// Makes a repository, or adds a commit to its `main`: these files with these lines.
    pub fn commit(&self, git_dir: &Path, changes: &[(&str, &str)]) -> CommitSha {
        let mut all = self.lock();
        let repository = all.entry(git_dir.to_owned()).or_default();
        let main = main_branch();
        let parent = repository.heads.get(&main).cloned();
        let mut files = parent
            .as_ref()
            .map(|p| repository.commits[p].files.clone())
            .unwrap_or_default();
        for (path, line) in changes {
            files.insert((*path).into(), format!("{line}\n").into_bytes());
        }
        let id = repository.keep(Vec::from_iter(parent), files, &format!("{changes:?}"));
        repository.heads.insert(main, id.clone());
        id
    }

    /// Everything that permits did, oldest first.
    pub fn deeds(&self) -> Vec<Deed> {
        self.deeds
            .lock()
            .expect("because deeds are only pushed and cloned")
            .clone()
    }

    /// What a branch held before a commit came: a stale look at it.
    pub(crate) fn before(&self, repo: &RepoSource, commit: &CommitSha) -> Result<Option<Pinned>, TreesError> {
        self.with(&folder(&repo.place), |r| {
            Ok(r.before(commit).map(|commit| Pinned {
                tree: tree_of(&r.commits[commit].files),
                commit: commit.clone(),
            }))
        })
    }

    /// Every branch but `main`, with its commit, by folder.
    pub fn branches(&self) -> Vec<(PathBuf, BranchName, CommitSha)> {
        let all = self.lock();
        let main = main_branch();
        let of = |(dir, r): (&PathBuf, &Repository)| {
            let ours = r.heads.iter().filter(|(name, _)| **name != main);
            ours.map(|(name, commit)| (dir.clone(), name.clone(), commit.clone()))
                .collect::<Vec<_>>()
        };
        all.iter().flat_map(of).collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Repository>> {
        self.all
            .lock()
            .expect("because no question about a repository panics")
    }

    fn with<T>(
        &self,
        git_dir: &Path,
        work: impl FnOnce(&mut Repository) -> Result<T, TreesError>,
    ) -> Result<T, TreesError> {
        match self.lock().get_mut(git_dir) {
            Some(repository) => work(repository),
            None => Err(unavailable(
                "repository-gone",
                "there is no such repository any more",
            )),
        }
    }

    fn files(&self, repo: &RepoSource, commit: &CommitSha) -> Result<Files, TreesError> {
        self.with(&folder(&repo.place), |r| match r.commits.get(commit) {
            Some(commit) => Ok(commit.files.clone()),
            None => Err(unavailable("commit-missing", "there is no such commit")),
        })
    }

    fn note(&self, deed: Deed) {
        self.deeds
            .lock()
            .expect("because deeds are only pushed and cloned")
            .push(deed);
    }
}

fn main_branch() -> BranchName {
    BranchName::parse("main").expect("because `main` is a branch name")
}

/// It may work later.
pub(crate) fn unavailable(code: &'static str, message: &str) -> TreesError {
    TreesError::Unavailable {
        code,
        message: message.to_owned(),
    }
}

impl Trees for Repositories {
    fn probe(&self, path: &Path) -> Result<Probe, TreesError> {
        self.with(path, |_| {
            Ok(Probe {
                git_dir: path.to_owned(),
                work_tree: None,
                default_branch: main_branch(),
                uncommitted_files: 0,
            })
        })
    }

    fn heads(&self, repo: &RepoSource) -> Result<Heads, TreesError> {
        self.with(&folder(&repo.place), |r| {
            Ok(Heads {
                default_branch: main_branch(),
                heads: r.heads.clone(),
            })
        })
    }

    fn pin(&self, repo: &RepoSource, branch: &BranchName) -> Result<Pinned, TreesError> {
        self.with(&folder(&repo.place), |r| match r.heads.get(branch) {
            Some(commit) => Ok(Pinned {
                commit: commit.clone(),
                tree: tree_of(&r.commits[commit].files),
            }),
            None => Err(unavailable("branch-missing", "there is no such branch")),
        })
    }

    fn snapshot(&self, repo: &RepoSource, commit: &CommitSha) -> Result<Vec<SnapshotEntry>, TreesError> {
        let entry = |(path, content): (&RepoPath, &Vec<u8>)| SnapshotEntry {
            path: path.clone(),
            mode: FileMode::Regular,
            blob: blob_of(content),
        };
        Ok(self.files(repo, commit)?.iter().map(entry).collect())
    }

    fn file(
        &self,
        repo: &RepoSource,
        commit: &CommitSha,
        path: &RepoPath,
    ) -> Result<Option<Vec<u8>>, TreesError> {
        Ok(self.files(repo, commit)?.remove(path))
    }

    fn blob(&self, repo: &RepoSource, blob: &BlobSha) -> Result<Vec<u8>, TreesError> {
        self.with(&folder(&repo.place), |r| {
            let mut contents = r.commits.values().flat_map(|c| c.files.values());
            let found = contents.find(|content| blob_of(content) == *blob);
            found
                .cloned()
                .ok_or_else(|| unavailable("blob-missing", "there is no such blob"))
        })
    }

    fn apply(
        &self,
        repo: &RepoSource,
        base: &CommitSha,
        diff: &[u8],
    ) -> Result<Result<Applied, ApplyRefusal>, TreesError> {
        let files = self.files(repo, base)?;
        let (result, changes) = match read(diff).and_then(|changes| replaced(&files, changes)) {
            Ok(done) => done,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let canonical = render(&changes);
        let contents = changes.iter().map(|c| (c.path.clone(), c.new.clone())).collect();
        Ok(Ok(Applied {
            diff: facts(&files, &result, &changes, &canonical),
            canonical,
            contents,
            warnings: Vec::new(),
        }))
    }

    fn interdiff(&self, repo: &RepoSource, from: &Proposed, to: &Proposed) -> Result<Interdiff, TreesError> {
        let refused = || unavailable("storm", "a result can't be computed");
        let result = |p: &Proposed| match p.canonical.is_empty() {
            true => self.files(repo, &p.base),
            false => {
                let changes = read(&p.canonical).map_err(|_| refused())?;
                let files = self.files(repo, &p.base)?;
                replaced(&files, changes)
                    .map(|(files, _)| files)
                    .map_err(|_| refused())
            }
        };
        let (old_base, new_base) = (self.files(repo, &from.base)?, self.files(repo, &to.base)?);
        let (old, new) = (result(from)?, result(to)?);
        let differs = differing(&old, &new);
        let moved =
            |c: &Replaced| old_base.get(&c.path) == Some(&c.old) && new_base.get(&c.path) == Some(&c.new);
        let (of_base, of_patch): (Vec<Replaced>, Vec<Replaced>) = differs.into_iter().partition(moved);
        let canonical = render(&of_patch);
        Ok(Interdiff {
            diff: facts(&old, &new, &of_patch, &canonical),
            canonical,
            base_only: of_base.into_iter().map(|c| c.path).collect(),
        })
    }

    fn second_opinion(
        &self,
        repo: &RepoSource,
        base: &CommitSha,
        canonical: &[u8],
    ) -> Result<SecondOpinion, TreesError> {
        let outcome = match self.apply(repo, base, canonical)? {
            Ok(applied) => SecondOutcome::Gives {
                tree: applied.diff.result_tree,
            },
            Err(refusal) => SecondOutcome::Refused {
                said: refusal.message,
            },
        };
        let applier = "git of the model".to_owned();
        Ok(SecondOpinion { applier, outcome })
    }

    fn base_standing(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
        base: &CommitSha,
        canonical: &[u8],
    ) -> Result<BaseStanding, TreesError> {
        let tip = self.with(&folder(&repo.place), |r| Ok(r.heads.get(branch).cloned()))?;
        let Some(tip) = tip else {
            return Ok(BaseStanding::Gone);
        };
        if tip == *base {
            return Ok(BaseStanding::Unmoved);
        }
        let contained = self.with(&folder(&repo.place), |r| Ok(r.holds(&tip, base)))?;
        Ok(match (contained, self.apply(repo, &tip, canonical)?) {
            (false, _) => BaseStanding::Rewritten { tip },
            (true, Ok(_)) => BaseStanding::MovedClean { tip },
            (true, Err(_)) => BaseStanding::MovedConflict { tip },
        })
    }

    fn landed(&self, repo: &RepoSource, merged: &Merged<'_>) -> Result<Landed, TreesError> {
        self.landing(repo, merged)
    }

    fn taking_back(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
        landed: &CommitSha,
        before: &CommitSha,
    ) -> Result<Taken, TreesError> {
        let undone = differing(&self.files(repo, landed)?, &self.files(repo, before)?);
        let tip = self.pin(repo, branch)?.commit;
        let canonical = render(&undone);
        Ok(match self.apply(repo, &tip, &canonical)? {
            Ok(_) if undone.is_empty() => Taken::NotThere,
            Ok(_) => Taken::By { canonical },
            Err(_) => Taken::Conflicts,
        })
    }

    fn prepare(
        &self,
        repo: &RepoSource,
        base: &CommitSha,
        canonical: &[u8],
        tree: &TreeSha,
        commit_bytes: &[u8],
    ) -> Result<PreparedCommit, TreesError> {
        let corrupt = || TreesError::Corrupt {
            code: "tree-mismatch",
            message: "the canonical diff does not give the approved tree".to_owned(),
        };
        let files = self.files(repo, base)?;
        let changes = read(canonical).map_err(|_| corrupt())?;
        let (result, changes) = replaced(&files, changes).map_err(|_| corrupt())?;
        if tree_of(&result) != *tree {
            return Err(corrupt());
        }
        let mut objects: Vec<_> = changes.into_iter().map(|c| (ObjectKind::Blob, c.new)).collect();
        objects.push((ObjectKind::Tree, tree_bytes(&result)));
        objects.push((ObjectKind::Commit, commit_bytes.to_vec()));
        let commit = commit_of(commit_bytes);
        let parents = vec![base.clone()];
        self.with(&folder(&repo.place), |r| {
            // What no branch names is nowhere: only `publish` makes it visible.
            r.commits.insert(
                commit.clone(),
                Commit {
                    parents,
                    files: result,
                },
            );
            Ok(())
        })?;
        Ok(PreparedCommit {
            commit,
            tree: tree.clone(),
            objects,
        })
    }

    fn read_branch(&self, repo: &RepoSource, branch: &BranchName) -> Result<Option<BranchState>, TreesError> {
        self.with(&folder(&repo.place), |r| {
            Ok(r.heads.get(branch).map(|commit| BranchState {
                commit: commit.clone(),
                tree: tree_of(&r.commits[commit].files),
            }))
        })
    }

    fn stage(
        &self,
        first: &ContentPermit<PushBranch>,
        _: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        require_same(first.op(), prepared)
    }

    fn publish(
        &self,
        permit: ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        require_same(permit.op(), prepared)?;
        let branch = permit.op().branch.clone();
        let redeemed = self.with(&folder(&repo.place), |r| {
            if r.heads.contains_key(&branch) {
                return Ok(None);
            }
            let redeemed = permit
                .redeem(self.clock.now())
                .map_err(|e| unavailable("permit-expired", &e.to_string()))?;
            r.heads.insert(branch.clone(), prepared.commit.clone());
            Ok(Some(redeemed))
        });
        match redeemed.map_err(PublishError::Failed)? {
            Some(redeemed) => {
                self.note(Deed {
                    git_dir: folder(&repo.place),
                    branch,
                    commit: prepared.commit.clone(),
                    at: self.clock.now(),
                    did: Did::Branch,
                    permit: Some((&redeemed).into()),
                });
                Ok(())
            }
            None => Err(PublishError::ExpectedOldMismatch {
                branch: branch.to_string(),
                found: "it is there already".to_owned(),
            }),
        }
    }

    fn retract(&self, permit: RetractPermit<DeleteBranch>, repo: &RepoSource) -> Result<(), PublishError> {
        let redeemed = permit
            .redeem(self.clock.now())
            .map_err(|e| PublishError::Failed(unavailable("permit-expired", &e.to_string())))?;
        let DeleteBranch { branch, commit, .. } = redeemed.op;
        let gone = self.with(&folder(&repo.place), |r| {
            let ours = r.heads.get(&branch) == Some(&commit);
            let gone = ours && r.heads.remove(&branch).is_some();
            let lost = |p: &&mut PullRequest| gone && p.branch == branch && p.state == PullRequestState::Open;
            r.pulls
                .all
                .iter_mut()
                .filter(lost)
                .for_each(|p| p.state = PullRequestState::Closed);
            Ok(gone)
        });
        match gone.map_err(PublishError::Failed)? {
            true => {
                self.note(Deed {
                    git_dir: folder(&repo.place),
                    branch,
                    commit,
                    at: self.clock.now(),
                    did: Did::Branch,
                    permit: None,
                });
                Ok(())
            }
            false => Err(PublishError::ExpectedOldMismatch {
                branch: branch.to_string(),
                found: "it does not hold our commit".to_owned(),
            }),
        }
    }
}

fn require_same(op: &PushBranch, prepared: &PreparedCommit) -> Result<(), PublishError> {
    if op.commit == prepared.commit && op.tree == prepared.tree {
        return Ok(());
    }
    Err(PublishError::Failed(unavailable(
        "not-as-permitted",
        "the permit is for another commit",
    )))
}

/// The name under which a repository is kept here: its folder, or what people call it on its forge.
pub(crate) fn folder(place: &RepoPlace) -> PathBuf {
    PathBuf::from(place.to_string())
}

impl Forge for Repositories {
    fn stage(
        &self,
        first: &ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        Trees::stage(self, first, repo, prepared)
    }

    fn push_branch(
        &self,
        permit: ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        self.publish(permit, repo, prepared)
    }

    fn delete_branch(
        &self,
        permit: RetractPermit<DeleteBranch>,
        repo: &RepoSource,
    ) -> Result<(), PublishError> {
        self.retract(permit, repo)
    }

    fn read_branch(&self, repo: &RepoSource, branch: &BranchName) -> Result<Option<BranchState>, TreesError> {
        Trees::read_branch(self, repo, branch)
    }

    fn account(&self, _: &RepoSource) -> Result<AccountId, TreesError> {
        Ok(OURS)
    }

    fn read_pull_requests(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
    ) -> Result<Vec<PullRequest>, TreesError> {
        self.pulls_of(repo, branch)
    }

    fn open_pull_request(
        &self,
        permit: ContentPermit<OpenPullRequest>,
        repo: &RepoSource,
    ) -> Result<PullRequest, PublishError> {
        self.open(permit, repo, self.clock.now())
    }

    fn close_pull_request(
        &self,
        permit: RetractPermit<ClosePullRequest>,
        repo: &RepoSource,
    ) -> Result<(), PublishError> {
        self.close(permit, repo, self.clock.now())
    }

    fn read_checks(
        &self,
        repo: &RepoSource,
        head: &CommitSha,
        _required: &[RequiredCheck],
    ) -> Result<Vec<CheckRun>, TreesError> {
        self.runs_on(repo, head)
    }
}
