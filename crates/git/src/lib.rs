//! Git, behind the `Trees` port: bare mirrors, objects, strict application, canonical diffs, merges, and the
//! one branch write. The only crate that uses gix and the only caller of the `git` program.
//!
//! It never executes anything of a repository (INV-5), never works in a user's checkout, and writes into a
//! registered repository only with a permit (`publish`). Read [`GitTrees`] first, then `apply` for what a
//! proposal must fulfil.

mod admission;
mod apply;
mod bench;
mod compare;
mod diff;
mod error;
mod known;
mod landing;
mod merge;
mod mirror;
mod objects;
mod packs;
mod plant;
mod prepare;
mod program;
mod publish;
mod recent;
mod remote;
mod second;
mod snapshot;
mod source;
#[cfg(test)]
#[expect(dead_code, reason = "the integration tests use the rest of it")]
#[path = "../tests/it/support.rs"]
mod support;
mod uncommitted;
mod workbench;

use countersign_core::diff::TreeDiff;
use countersign_core::forge::Landed;
use countersign_core::id::{BlobSha, BranchName, CommitSha, RepositoryId, TreeSha};
use countersign_core::path::RepoPath;
use countersign_core::permit::{ContentPermit, DeleteBranch, PushBranch, RetractPermit};
use countersign_ports::trees::{
    Applied, ApplyRefusal, BaseStanding, BranchState, Heads, Interdiff, Merged, Pinned, PreparedCommit,
    Probe, Proposed, PublishError, RepoPlace, RepoSource, SecondOpinion, SnapshotEntry, Taken, Trees,
    TreesError,
};
use known::{Known, Memory};
use mirror::Mirrors;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

pub use remote::{Locate, Location, Purpose, Token};
pub use workbench::{Files, Workbench};

/// What `git --version` says.
///
/// # Errors
/// `git-missing` and its like, when the program can't be run.
pub fn version() -> Result<String, TreesError> {
    let ran = program::run("version", Path::new("/"), ["--version"])?;
    Ok(String::from_utf8_lossy(&ran.stdout).trim().to_owned())
}

/// The `Trees` port over registered repositories: in folders of this machine, and on other hosts once one is named.
#[derive(Debug, Clone)]
pub struct GitTrees {
    mirrors: Mirrors,
}

impl GitTrees {
    /// Keeps its mirrors in this folder, which is made when the first branch is pinned.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self {
            mirrors: Mirrors::new(root.into()),
        }
    }

    /// The same, reaching repositories on other hosts as `locate` says.
    #[must_use]
    pub fn with_remotes(mut self, locate: Locate) -> Self {
        self.mirrors.set_hosts(locate);
        self
    }

    /// Fetches and pins one commit of a registered repository, whether or not a branch contains it.
    ///
    /// Only for dry runs such as `patch apply --base`: a workflow's base comes from a branch
    /// ([`Trees::pin`]), so that nobody chooses its policy by naming a commit.
    ///
    /// # Errors
    /// `commit-missing` when the repository doesn't have it; otherwise as [`Trees::pin`].
    pub fn pin_commit(&self, repo: &RepoSource, commit: &CommitSha) -> Result<Pinned, TreesError> {
        if let RepoPlace::Folder(_) = repo.place {
            source::open_registered(repo)?;
        }
        self.mirrors.pin_commit(repo, commit)
    }

    /// As [`GitTrees::pin_commit`] for many commits, by one fetch per 1,000; one answer per commit, in order.
    ///
    /// # Errors
    /// When the repository can't be used at all. A commit that can't be had is that commit's own answer.
    pub fn pin_commits(
        &self,
        repo: &RepoSource,
        commits: &[CommitSha],
    ) -> Result<Vec<Result<Pinned, TreesError>>, TreesError> {
        self.mirrors.pin_commits(repo, commits)
    }

    /// The commit that a branch or a tag of this name stands for now.
    ///
    /// # Errors
    /// `name-missing`, `not-a-commit`, or `name-ambiguous` when a branch and a tag of that name differ.
    pub fn commit_named(&self, repo: &RepoSource, name: &BranchName) -> Result<CommitSha, TreesError> {
        source::commit_named(repo, name)
    }

    /// What differs between two pinned commits: the facts and the canonical diff, as for a proposal.
    ///
    /// # Errors
    /// `not-pinned` when one of them isn't; `diff-too-large` above 256 MiB.
    pub fn between(
        &self,
        repo: &RepoSource,
        base: &CommitSha,
        result: &CommitSha,
    ) -> Result<(TreeDiff, Vec<u8>), TreesError> {
        compare::between(&self.mirrors, repo, base, result)
    }

    /// The first parent of a pinned commit; `None`: it has none.
    ///
    /// # Errors
    /// `not-pinned` when the commit isn't.
    pub fn first_parent(
        &self,
        repo: &RepoSource,
        commit: &CommitSha,
    ) -> Result<Option<CommitSha>, TreesError> {
        compare::first_parent(&self.mirrors, repo, commit)
    }

    /// Makes a commit of these files out of thin air, in the mirror of that number and nowhere else: a base to try
    /// policies on. The same files always give the same commit.
    ///
    /// # Errors
    /// `bad-path` when a repository can't hold one of the paths.
    pub fn plant(
        &self,
        id: &RepositoryId,
        files: &BTreeMap<RepoPath, Vec<u8>>,
    ) -> Result<CommitSha, TreesError> {
        plant::plant(&self.mirrors, id, files)
    }
}

impl Trees for GitTrees {
    fn probe(&self, path: &Path) -> Result<Probe, TreesError> {
        source::probe(path)
    }

    fn heads(&self, repo: &RepoSource) -> Result<Heads, TreesError> {
        match &repo.place {
            RepoPlace::Folder(_) => source::heads(repo),
            RepoPlace::Remote(at) => self.mirrors.hosts().reach(&repo.id, at, Purpose::Read)?.heads(),
        }
    }

    fn pin(&self, repo: &RepoSource, branch: &BranchName) -> Result<Pinned, TreesError> {
        self.mirrors.pin(repo, branch)
    }

    fn snapshot(&self, repo: &RepoSource, commit: &CommitSha) -> Result<Vec<SnapshotEntry>, TreesError> {
        snapshot::files(&self.mirrors, repo, commit)
    }

    fn file(
        &self,
        repo: &RepoSource,
        commit: &CommitSha,
        path: &RepoPath,
    ) -> Result<Option<Vec<u8>>, TreesError> {
        snapshot::file(&self.mirrors, repo, commit, path)
    }

    fn blob(&self, repo: &RepoSource, blob: &BlobSha) -> Result<Vec<u8>, TreesError> {
        snapshot::blob(&self.mirrors, repo, blob)
    }

    fn apply(
        &self,
        repo: &RepoSource,
        base: &CommitSha,
        diff: &[u8],
    ) -> Result<Result<Applied, ApplyRefusal>, TreesError> {
        let (mirror, tree) = self.mirrors.pinned(&repo.id, base)?;
        apply::settle(apply::apply(&Known::new(&mirror, &Memory::default()), tree, diff))
    }

    fn interdiff(&self, repo: &RepoSource, from: &Proposed, to: &Proposed) -> Result<Interdiff, TreesError> {
        compare::interdiff(&self.mirrors, repo, from, to)
    }

    fn second_opinion(
        &self,
        repo: &RepoSource,
        base: &CommitSha,
        canonical: &[u8],
    ) -> Result<SecondOpinion, TreesError> {
        second::second_opinion(&self.mirrors, repo, base, canonical)
    }

    fn base_standing(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
        base: &CommitSha,
        canonical: &[u8],
    ) -> Result<BaseStanding, TreesError> {
        merge::base_standing(&self.mirrors, repo, branch, base, canonical)
    }

    fn landed(&self, repo: &RepoSource, merged: &Merged<'_>) -> Result<Landed, TreesError> {
        landing::landed(&self.mirrors, repo, merged)
    }

    fn taking_back(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
        landed: &CommitSha,
        before: &CommitSha,
    ) -> Result<Taken, TreesError> {
        landing::taking_back(&self.mirrors, repo, branch, landed, before)
    }

    fn prepare(
        &self,
        repo: &RepoSource,
        base: &CommitSha,
        canonical: &[u8],
        tree: &TreeSha,
        commit_bytes: &[u8],
    ) -> Result<PreparedCommit, TreesError> {
        prepare::prepare(
            &self.mirrors,
            repo,
            &prepare::Wanted {
                base,
                canonical,
                tree,
                commit_bytes,
            },
        )
    }

    fn read_branch(&self, repo: &RepoSource, branch: &BranchName) -> Result<Option<BranchState>, TreesError> {
        match &repo.place {
            RepoPlace::Folder(_) => source::branch_state(&source::open_registered(repo)?, branch),
            RepoPlace::Remote(at) => self.mirrors.branch_there(repo, at, branch),
        }
    }

    fn stage(
        &self,
        first: &ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        publish::stage(&self.mirrors, first, repo, prepared)
    }

    fn publish(
        &self,
        permit: ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        publish::publish(&self.mirrors, permit, repo, prepared)
    }

    fn retract(&self, permit: RetractPermit<DeleteBranch>, repo: &RepoSource) -> Result<(), PublishError> {
        publish::retract(&self.mirrors, permit, repo)
    }
}
