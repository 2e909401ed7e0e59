//! What changed between two trees, as facts: the input of policy, risk tier, critic and every viewer.
//!
//! Computed by the git crate from the base tree and the result tree, never taken from a proposal's own words.

use crate::digest::DiffHash;
use crate::id::{BlobSha, TreeSha};
use crate::path::RepoPath;
use serde::{Deserialize, Serialize};

/// What kind of thing a tree entry is (git's five modes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileMode {
    /// 100644
    Regular,
    /// 100755
    Executable,
    /// 120000
    Symlink,
    /// 160000: another repository's commit
    Submodule,
}

impl FileMode {
    /// Git's octal spelling.
    pub fn octal(self) -> &'static str {
        match self {
            FileMode::Regular => "100644",
            FileMode::Executable => "100755",
            FileMode::Symlink => "120000",
            FileMode::Submodule => "160000",
        }
    }
}

/// One side of a changed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSide {
    /// Where it lies.
    pub path: RepoPath,
    /// Its mode.
    pub mode: FileMode,
    /// Its content.
    pub blob: BlobSha,
    /// Content length in bytes.
    pub size: u64,
}

/// How a file changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum ChangeKind {
    /// New file.
    Added {
        /// The file as it will be.
        new: FileSide,
    },
    /// File gone.
    Deleted {
        /// The file as it was.
        old: FileSide,
    },
    /// Same path, other content or mode.
    Modified {
        /// Before.
        old: FileSide,
        /// After.
        new: FileSide,
    },
    /// Other path, similar or equal content.
    Renamed {
        /// Before.
        old: FileSide,
        /// After.
        new: FileSide,
    },
}

/// One changed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileChange {
    /// What happened to it.
    pub change: ChangeKind,
    /// Lines added (0 for binary content).
    pub added: u32,
    /// Lines removed (0 for binary content).
    pub removed: u32,
    /// A side holds a NUL byte in its first 8,000 bytes (git's rule).
    pub binary: bool,
    /// Where a symlink points, if the new side is one; lossy UTF-8.
    pub symlink_target: Option<String>,
}

impl FileChange {
    /// The side before, if there was one.
    pub fn old(&self) -> Option<&FileSide> {
        match &self.change {
            ChangeKind::Added { .. } => None,
            ChangeKind::Deleted { old }
            | ChangeKind::Modified { old, .. }
            | ChangeKind::Renamed { old, .. } => Some(old),
        }
    }

    /// The side after, if there is one.
    pub fn new_side(&self) -> Option<&FileSide> {
        match &self.change {
            ChangeKind::Added { new }
            | ChangeKind::Modified { new, .. }
            | ChangeKind::Renamed { new, .. } => Some(new),
            ChangeKind::Deleted { .. } => None,
        }
    }

    /// The path that people speak of: the new one, or the old one of a deleted file.
    pub fn path(&self) -> &RepoPath {
        match &self.change {
            ChangeKind::Added { new }
            | ChangeKind::Modified { new, .. }
            | ChangeKind::Renamed { new, .. } => &new.path,
            ChangeKind::Deleted { old } => &old.path,
        }
    }

    /// Both sides' paths, without repeating an equal one.
    pub fn paths(&self) -> Vec<&RepoPath> {
        let mut paths: Vec<&RepoPath> = self
            .old()
            .iter()
            .chain(self.new_side().iter())
            .map(|s| &s.path)
            .collect();
        paths.dedup();
        paths
    }
}

/// The whole change of one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TreeDiff {
    /// The tree before.
    pub base_tree: TreeSha,
    /// The tree after.
    pub result_tree: TreeSha,
    /// Hash of the canonical diff bytes.
    pub diff_hash: DiffHash,
    /// Changed files, sorted by path.
    pub files: Vec<FileChange>,
}

impl TreeDiff {
    /// Lines added over all files.
    pub fn added(&self) -> u64 {
        self.files.iter().map(|f| u64::from(f.added)).sum()
    }

    /// Lines removed over all files.
    pub fn removed(&self) -> u64 {
        self.files.iter().map(|f| u64::from(f.removed)).sum()
    }
}
