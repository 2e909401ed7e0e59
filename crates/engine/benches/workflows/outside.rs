//! An outside that answers at once: git's answers are asked for once and remembered, branches are kept in memory.
//! What is left to measure is deciding, recording and everything that makes both durable.

use countersign_core::forge::Landed;
use countersign_core::id::{BlobSha, BranchName, CommitSha, RepositoryId, TreeSha};
use countersign_core::patch_set::commit_id;
use countersign_core::path::RepoPath;
use countersign_core::permit::{ContentPermit, DeleteBranch, PushBranch, RetractPermit};
use countersign_core::time::Timestamp;
use countersign_git::GitTrees;
use countersign_ports::forge::Forge;
use countersign_ports::trees::{
    Applied, ApplyRefusal, BaseStanding, BranchState, Heads, Interdiff, Merged, ObjectKind, Pinned,
    PreparedCommit, Probe, Proposed, PublishError, RepoSource, SecondOpinion, SnapshotEntry, Taken, Trees,
    TreesError,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine's clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp(u64::try_from(since.as_millis()).unwrap())
}

/// One question's answers by what was asked.
struct Memory<A>(Mutex<BTreeMap<String, A>>);

impl<A> Default for Memory<A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<A: Clone> Memory<A> {
    fn ask(&self, key: String, ask: impl FnOnce() -> Result<A, TreesError>) -> Result<A, TreesError> {
        if let Some(known) = self.0.lock().unwrap().get(&key) {
            return Ok(known.clone());
        }
        let answer = ask()?;
        self.0.lock().unwrap().insert(key, answer.clone());
        Ok(answer)
    }
}

/// Real git, asked once per question.
pub(crate) struct Remembered {
    git: GitTrees,
    heads: Memory<Heads>,
    pinned: Memory<Pinned>,
    snapshots: Memory<Vec<SnapshotEntry>>,
    files: Memory<Option<Vec<u8>>>,
    blobs: Memory<Vec<u8>>,
    applied: Memory<Result<Applied, ApplyRefusal>>,
    opinions: Memory<SecondOpinion>,
    standings: Memory<BaseStanding>,
    prepared: Memory<PreparedCommit>,
}

impl Remembered {
    pub(crate) fn new(git: GitTrees) -> Self {
        Self {
            git,
            heads: Memory::default(),
            pinned: Memory::default(),
            snapshots: Memory::default(),
            files: Memory::default(),
            blobs: Memory::default(),
            applied: Memory::default(),
            opinions: Memory::default(),
            standings: Memory::default(),
            prepared: Memory::default(),
        }
    }
}

fn of(repo: &RepoSource, what: &[&[u8]]) -> String {
    let mut key = repo.id.to_string();
    for part in what {
        key.push('\n');
        key.push_str(&String::from_utf8_lossy(part));
    }
    key
}

impl Trees for Remembered {
    fn probe(&self, path: &Path) -> Result<Probe, TreesError> {
        self.git.probe(path)
    }

    fn heads(&self, repo: &RepoSource) -> Result<Heads, TreesError> {
        self.heads.ask(of(repo, &[]), || self.git.heads(repo))
    }

    fn pin(&self, repo: &RepoSource, branch: &BranchName) -> Result<Pinned, TreesError> {
        let key = of(repo, &[branch.as_str().as_bytes()]);
        self.pinned.ask(key, || self.git.pin(repo, branch))
    }

    fn snapshot(&self, repo: &RepoSource, commit: &CommitSha) -> Result<Vec<SnapshotEntry>, TreesError> {
        let key = of(repo, &[commit.as_str().as_bytes()]);
        self.snapshots.ask(key, || self.git.snapshot(repo, commit))
    }

    fn file(
        &self,
        repo: &RepoSource,
        commit: &CommitSha,
        path: &RepoPath,
    ) -> Result<Option<Vec<u8>>, TreesError> {
        let key = of(repo, &[commit.as_str().as_bytes(), path.as_bytes()]);
        self.files.ask(key, || self.git.file(repo, commit, path))
    }

    fn blob(&self, repo: &RepoSource, blob: &BlobSha) -> Result<Vec<u8>, TreesError> {
        let key = of(repo, &[blob.as_str().as_bytes()]);
        self.blobs.ask(key, || self.git.blob(repo, blob))
    }

    fn apply(
        &self,
        repo: &RepoSource,
        base: &CommitSha,
        diff: &[u8],
    ) -> Result<Result<Applied, ApplyRefusal>, TreesError> {
        let key = of(repo, &[base.as_str().as_bytes(), diff]);
        self.applied.ask(key, || self.git.apply(repo, base, diff))
    }

    fn interdiff(&self, repo: &RepoSource, from: &Proposed, to: &Proposed) -> Result<Interdiff, TreesError> {
        self.git.interdiff(repo, from, to)
    }

    fn second_opinion(
        &self,
        repo: &RepoSource,
        base: &CommitSha,
        canonical: &[u8],
    ) -> Result<SecondOpinion, TreesError> {
        let key = of(repo, &[base.as_str().as_bytes(), canonical]);
        self.opinions
            .ask(key, || self.git.second_opinion(repo, base, canonical))
    }

    fn base_standing(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
        base: &CommitSha,
        canonical: &[u8],
    ) -> Result<BaseStanding, TreesError> {
        let key = of(
            repo,
            &[branch.as_str().as_bytes(), base.as_str().as_bytes(), canonical],
        );
        self.standings
            .ask(key, || self.git.base_standing(repo, branch, base, canonical))
    }

    fn landed(&self, repo: &RepoSource, merged: &Merged<'_>) -> Result<Landed, TreesError> {
        self.git.landed(repo, merged)
    }

    fn taking_back(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
        landed: &CommitSha,
        before: &CommitSha,
    ) -> Result<Taken, TreesError> {
        self.git.taking_back(repo, branch, landed, before)
    }

    /// The commit is another one for every workflow; its trees and blobs are remembered.
    fn prepare(
        &self,
        repo: &RepoSource,
        base: &CommitSha,
        canonical: &[u8],
        tree: &TreeSha,
        commit_bytes: &[u8],
    ) -> Result<PreparedCommit, TreesError> {
        let key = of(
            repo,
            &[base.as_str().as_bytes(), canonical, tree.as_str().as_bytes()],
        );
        let mut prepared = self.prepared.ask(key, || {
            self.git.prepare(repo, base, canonical, tree, commit_bytes)
        })?;
        prepared.commit = commit_id(commit_bytes);
        prepared.objects.retain(|(kind, _)| *kind != ObjectKind::Commit);
        prepared.objects.push((ObjectKind::Commit, commit_bytes.to_vec()));
        Ok(prepared)
    }

    fn read_branch(&self, _: &RepoSource, _: &BranchName) -> Result<Option<BranchState>, TreesError> {
        unreachable!("the forge below keeps the branches")
    }

    fn stage(
        &self,
        _: &ContentPermit<PushBranch>,
        _: &RepoSource,
        _: &PreparedCommit,
    ) -> Result<(), PublishError> {
        unreachable!("the forge below keeps the branches")
    }

    fn publish(
        &self,
        _: ContentPermit<PushBranch>,
        _: &RepoSource,
        _: &PreparedCommit,
    ) -> Result<(), PublishError> {
        unreachable!("the forge below keeps the branches")
    }

    fn retract(&self, _: RetractPermit<DeleteBranch>, _: &RepoSource) -> Result<(), PublishError> {
        unreachable!("nothing is cancelled here")
    }
}

/// Branches in memory.
#[derive(Default)]
pub(crate) struct MemoryForge(Arc<Mutex<BTreeMap<(RepositoryId, BranchName), BranchState>>>);

impl MemoryForge {
    pub(crate) fn branches(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

impl Forge for MemoryForge {
    fn stage(
        &self,
        _: &ContentPermit<PushBranch>,
        _: &RepoSource,
        _: &PreparedCommit,
    ) -> Result<(), PublishError> {
        Ok(())
    }

    fn push_branch(
        &self,
        permit: ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        let redeemed = permit.redeem(now()).unwrap();
        let state = BranchState {
            commit: prepared.commit.clone(),
            tree: prepared.tree.clone(),
        };
        let key = (repo.id.clone(), redeemed.op.branch);
        assert!(
            self.0.lock().unwrap().insert(key, state).is_none(),
            "a branch is written once"
        );
        Ok(())
    }

    fn delete_branch(&self, _: RetractPermit<DeleteBranch>, _: &RepoSource) -> Result<(), PublishError> {
        unreachable!("nothing is cancelled here")
    }

    fn read_branch(&self, repo: &RepoSource, branch: &BranchName) -> Result<Option<BranchState>, TreesError> {
        let key = (repo.id.clone(), branch.clone());
        Ok(self.0.lock().unwrap().get(&key).cloned())
    }
}
