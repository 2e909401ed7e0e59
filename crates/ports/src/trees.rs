//! Port to git objects: mirrors, snapshots, strict application, canonical diffs, merges, and the one branch write.

use countersign_core::diff::{FileMode, TreeDiff};
use countersign_core::forge::Landed;
use countersign_core::id::{BlobSha, BranchName, CommitSha, RepositoryId, TreeSha};
use countersign_core::path::RepoPath;
use countersign_core::permit::{ContentPermit, DeleteBranch, PushBranch, RetractPermit};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// A registered repository: what its number stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepoSource {
    /// Its id, which also names the mirror's folder.
    pub id: RepositoryId,
    /// Where it lies.
    pub place: RepoPlace,
}

/// Where a repository lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepoPlace {
    /// In a folder of this machine: the canonical git folder (`…/.git` or the bare repository itself).
    Folder(PathBuf),
    /// On a host that is asked over the network.
    Remote(Remote),
}

/// A repository on another host. What names it there can change; its number does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Where git fetches from and pushes to, `https://` and without anybody's name or token in it.
    pub clone_url: String,
    /// `OWNER/NAME` when it was registered; people know it by that.
    pub full_name: String,
}

impl RepoSource {
    /// A repository in a folder of this machine.
    pub fn folder(id: RepositoryId, git_dir: PathBuf) -> Self {
        let place = RepoPlace::Folder(git_dir);
        Self { id, place }
    }

    /// Its git folder.
    ///
    /// # Errors
    /// `not-in-a-folder`, where it lies on another host.
    pub fn git_dir(&self) -> Result<&Path, TreesError> {
        match &self.place {
            RepoPlace::Folder(git_dir) => Ok(git_dir),
            RepoPlace::Remote(remote) => Err(TreesError::Unsupported {
                code: "not-in-a-folder",
                message: format!(
                    "{} is not in a folder of this machine, and this step needs one. Fetch it first.",
                    remote.full_name
                ),
            }),
        }
    }
}

/// As people know it: the folder, or `OWNER/NAME`.
impl fmt::Display for RepoPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RepoPlace::Folder(git_dir) => git_dir.display().fmt(f),
            RepoPlace::Remote(remote) => f.write_str(&remote.full_name),
        }
    }
}

/// What a folder turns out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// Canonical (symlink-free) git folder.
    pub git_dir: PathBuf,
    /// The work tree's root, if it has one.
    pub work_tree: Option<PathBuf>,
    /// What HEAD names, even if that branch has no commit yet.
    pub default_branch: BranchName,
    /// Staged or modified tracked files (by index against HEAD and by file stat; no content filter is run).
    pub uncommitted_files: u32,
}

/// All branches of a repository at one moment, from its ref advertisement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heads {
    /// What HEAD names.
    pub default_branch: BranchName,
    /// Branch → commit.
    pub heads: BTreeMap<BranchName, CommitSha>,
}

/// A commit that is present in the mirror and kept by a pin ref.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pinned {
    /// The commit.
    pub commit: CommitSha,
    /// Its tree.
    pub tree: TreeSha,
}

/// One file of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SnapshotEntry {
    /// Where it lies.
    pub path: RepoPath,
    /// Its mode.
    pub mode: FileMode,
    /// Its content (a commit for submodules, which can't be read).
    pub blob: BlobSha,
}

/// A visible repair that strict application made; none in this version touches content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApplyWarning {
    /// Stable kebab-case code.
    pub code: &'static str,
    /// Plain sentence.
    pub message: String,
    /// File and hunk, or line of the input.
    pub place: String,
}

/// A proposal that can't be applied, with the place and the reason; nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message} ({place})")]
pub struct ApplyRefusal {
    /// Stable kebab-case code.
    pub code: &'static str,
    /// Plain sentence: what is wrong and what would be accepted.
    pub message: String,
    /// File and hunk, or line of the input.
    pub place: String,
}

/// A proposal applied in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The change as facts.
    pub diff: TreeDiff,
    /// The canonical diff, generated from base tree and result tree: what is shown, approved and written.
    pub canonical: Vec<u8>,
    /// Content of every added, modified or renamed regular file after the change, for the critic.
    pub contents: BTreeMap<RepoPath, Vec<u8>>,
    /// Repairs worth showing.
    pub warnings: Vec<ApplyWarning>,
}

/// What one revision would write into a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// The pinned base.
    pub base: CommitSha,
    /// The canonical diff on it; empty: nothing changes.
    pub canonical: Vec<u8>,
    /// The tree that it gives.
    pub tree: TreeSha,
}

/// What differs between what two revisions would write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interdiff {
    /// From the first result to the second, without the files of [`Interdiff::base_only`].
    pub diff: TreeDiff,
    /// The same as a canonical diff.
    pub canonical: Vec<u8>,
    /// Files that differ in exactly the way in which the two bases do, sorted; empty where the base is the same.
    pub base_only: Vec<RepoPath>,
}

/// Longest canonical diff of an [`Interdiff`], in bytes.
pub const INTERDIFF_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Most files of an [`Interdiff`], beside those that only the base changed.
pub const INTERDIFF_MAX_FILES: usize = 4_000;

/// What a program that isn't ours made of a canonical diff on its base.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecondOpinion {
    /// Program and version, such as `git 2.39.5`.
    pub applier: String,
    /// What it says.
    pub outcome: SecondOutcome,
}

/// The outcome of a [`SecondOpinion`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecondOutcome {
    /// The diff applies and gives this tree.
    Gives {
        /// The tree that it computed.
        tree: TreeSha,
    },
    /// The diff does not apply.
    Refused {
        /// Its words: one line, shortened, characters that can't be seen spelled out.
        said: String,
    },
}

impl SecondOpinion {
    /// Whether it comes to exactly this tree; a refusal never does.
    pub fn agrees_on(&self, tree: &TreeSha) -> bool {
        match &self.outcome {
            SecondOutcome::Gives { tree: given } => given == tree,
            SecondOutcome::Refused { .. } => false,
        }
    }
}

/// How the branch that a pinned base came from stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BaseStanding {
    /// The branch still points at the pinned commit.
    Unmoved,
    /// It moved forward, and the approved result merges cleanly onto its tip in memory.
    MovedClean {
        /// Where it points now.
        tip: CommitSha,
    },
    /// It moved forward, and the approved result conflicts with it.
    MovedConflict {
        /// Where it points now.
        tip: CommitSha,
    },
    /// It no longer contains the pinned commit (rewritten history).
    Rewritten {
        /// Where it points now.
        tip: CommitSha,
    },
    /// The branch is gone.
    Gone,
}

/// What a forge calls merged, and what had been approved.
#[derive(Debug, Clone, Copy)]
pub struct Merged<'a> {
    /// The branch that it was merged into.
    pub branch: &'a BranchName,
    /// The commit as which the forge says that it was.
    pub merged_as: &'a CommitSha,
    /// The approved commit.
    pub approved: &'a CommitSha,
    /// The base that it was made on; pinned.
    pub base: &'a CommitSha,
    /// The approved canonical diff.
    pub canonical: &'a [u8],
}

/// How something that landed can be taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// By this change of the branch as it is now.
    By {
        /// A canonical diff.
        canonical: Vec<u8>,
    },
    /// Not by itself: what came later touches the same lines.
    Conflicts,
    /// There is nothing of it any more.
    NotThere,
}

/// All objects of an approved commit, in memory, ready to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreparedCommit {
    /// The commit's id, computed from exactly the manifest's bytes.
    pub commit: CommitSha,
    /// Its tree, computed by applying the canonical diff to the base.
    pub tree: TreeSha,
    /// New objects, children before parents: git object kind and content without header.
    pub objects: Vec<(ObjectKind, Vec<u8>)>,
}

/// Kinds of git objects that we write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectKind {
    /// File content.
    Blob,
    /// Folder.
    Tree,
    /// Commit.
    Commit,
}

/// What a branch holds, read back from the repository itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchState {
    /// The commit the ref names.
    pub commit: CommitSha,
    /// That commit's tree.
    pub tree: TreeSha,
}

/// Why a branch or a pull request was not written, or is not known to have been.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The ref, or its pull request, was not in the expected state; nothing was changed.
    #[error("branch `{branch}` is not in the expected state: {found}")]
    ExpectedOldMismatch {
        /// Which branch, or the branch of which pull request.
        branch: String,
        /// What is there instead, in words.
        found: String,
    },
    /// Nothing was changed; the reason may pass.
    #[error(transparent)]
    Failed(TreesError),
    /// It may have happened; read back before repeating.
    #[error("the outcome of writing branch `{branch}` is not known")]
    Unknown {
        /// Which branch, or the branch of which pull request.
        branch: String,
        /// What went wrong.
        #[source]
        source: TreesError,
    },
}

/// Why git could not answer.
#[derive(Debug, thiserror::Error)]
pub enum TreesError {
    /// The user's input is wrong or unsupported: not a repository, sha256, partial clone, reftable, missing branch…
    #[error("{message}")]
    Unsupported {
        /// Stable kebab-case code.
        code: &'static str,
        /// Plain sentence with what to do next.
        message: String,
    },
    /// It may work later: a lock, a full disk, a repository that vanished mid-way.
    #[error("{message}")]
    Unavailable {
        /// Stable kebab-case code.
        code: &'static str,
        /// Plain sentence with what to do next.
        message: String,
    },
    /// An object or ref is damaged, or a limit was exceeded.
    #[error("{message}")]
    Corrupt {
        /// Stable kebab-case code.
        code: &'static str,
        /// Plain sentence with what to do next.
        message: String,
    },
}

impl TreesError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            TreesError::Unsupported { code, .. }
            | TreesError::Unavailable { code, .. }
            | TreesError::Corrupt { code, .. } => code,
        }
    }
}

/// The code of a path at which something else lies than a regular file.
pub const NOT_A_FILE: &str = "not-a-regular-file";

/// Git objects. Calls block; the engine runs them off its async threads.
///
/// Readers never write into a registered repository: `pin` copies into our own bare mirror. The two writers take
/// permits by value.
pub trait Trees: Send + Sync {
    /// Looks at a folder that a user named.
    fn probe(&self, path: &Path) -> Result<Probe, TreesError>;

    /// Reads the branches of a registered repository.
    fn heads(&self, repo: &RepoSource) -> Result<Heads, TreesError>;

    /// Fetches a branch at depth 1 into the mirror and keeps its commit under a pin ref for good.
    /// The answer names the commit that was really fetched, which may be newer than one seen before.
    fn pin(&self, repo: &RepoSource, branch: &BranchName) -> Result<Pinned, TreesError>;

    /// All files of a pinned commit, sorted by path.
    fn snapshot(&self, repo: &RepoSource, commit: &CommitSha) -> Result<Vec<SnapshotEntry>, TreesError>;

    /// One file's content at a pinned commit (`None`: nothing lies there). What is no regular file is refused
    /// ([`NOT_A_FILE`]), so that nobody takes it for nothing.
    fn file(
        &self,
        repo: &RepoSource,
        commit: &CommitSha,
        path: &RepoPath,
    ) -> Result<Option<Vec<u8>>, TreesError>;

    /// A blob of a pinned commit.
    fn blob(&self, repo: &RepoSource, blob: &BlobSha) -> Result<Vec<u8>, TreesError>;

    /// Reads a unified git diff leniently, applies it strictly to the base in memory.
    fn apply(
        &self,
        repo: &RepoSource,
        base: &CommitSha,
        diff: &[u8],
    ) -> Result<Result<Applied, ApplyRefusal>, TreesError>;

    /// What differs between two results, both computed in memory from their canonical diffs. Fails as `Corrupt` when one
    /// of them is not the tree it is said to be, and as `Unsupported` (`diff-too-large`) above [`INTERDIFF_MAX_BYTES`] or
    /// [`INTERDIFF_MAX_FILES`].
    fn interdiff(&self, repo: &RepoSource, from: &Proposed, to: &Proposed) -> Result<Interdiff, TreesError>;

    /// What the `git` program makes of a canonical diff on a pinned base: a second applier beside [`Trees::apply`],
    /// to be compared by [`SecondOpinion::agrees_on`]. An error is no opinion, which is never a yes.
    fn second_opinion(
        &self,
        repo: &RepoSource,
        base: &CommitSha,
        canonical: &[u8],
    ) -> Result<SecondOpinion, TreesError>;

    /// How `branch` stands against a pinned base, and whether the result of `canonical` merges onto its tip. It
    /// merges only where two programs agree on it and on the merged tree; all else is a conflict.
    fn base_standing(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
        base: &CommitSha,
        canonical: &[u8],
    ) -> Result<BaseStanding, TreesError>;

    /// What a merge brought into its branch, by the branch's own commits, with the tree that git's merge of the approved commit
    /// into what it held before gives; where that conflicts, none. The commits in question are pinned.
    fn landed(&self, repo: &RepoSource, merged: &Merged<'_>) -> Result<Landed, TreesError>;

    /// What would take back, in the branch as it is now, what `landed` made of `before`. Pins all three commits.
    fn taking_back(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
        landed: &CommitSha,
        before: &CommitSha,
    ) -> Result<Taken, TreesError>;

    /// Computes the objects of an approved commit in memory. Fails as `Corrupt` when the canonical diff does not
    /// give `tree` on `base`.
    fn prepare(
        &self,
        repo: &RepoSource,
        base: &CommitSha,
        canonical: &[u8],
        tree: &TreeSha,
        commit_bytes: &[u8],
    ) -> Result<PreparedCommit, TreesError>;

    /// Reads a branch from the repository itself, never from the mirror.
    fn read_branch(&self, repo: &RepoSource, branch: &BranchName) -> Result<Option<BranchState>, TreesError>;

    /// Adds the objects to the repository, where no ref names them yet. The gate's first yes is shown, not used up;
    /// what differs from it in `prepared` is refused.
    fn stage(
        &self,
        first: &ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError>;

    /// Creates the branch on staged objects. The permit names repository, branch and commit; anything else in
    /// `prepared` is refused. It is used up while the ref's lock is held, so that nothing can be waited for between
    /// the permit and the update. No hook runs.
    fn publish(
        &self,
        permit: ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError>;

    /// Deletes our own branch, if it still holds exactly the commit that the permit names.
    fn retract(&self, permit: RetractPermit<DeleteBranch>, repo: &RepoSource) -> Result<(), PublishError>;
}
