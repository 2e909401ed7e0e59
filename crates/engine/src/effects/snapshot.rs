//! The read-only view of a repository that agents get.

use countersign_core::diff::FileMode;
use countersign_core::path::RepoPath;
use countersign_ports::agent::Snapshot;
use countersign_ports::trees::{RepoSource, SnapshotEntry, Trees, TreesError};
use std::sync::Arc;

/// A pinned commit's files, read from the mirror.
pub(super) struct PinnedSnapshot {
    pub(super) trees: Arc<dyn Trees>,
    pub(super) source: RepoSource,
    pub(super) entries: Vec<SnapshotEntry>,
}

impl Snapshot for PinnedSnapshot {
    fn entries(&self) -> &[SnapshotEntry] {
        &self.entries
    }

    fn read(&self, path: &RepoPath) -> Result<Option<Vec<u8>>, TreesError> {
        let Ok(index) = self.entries.binary_search_by(|e| e.path.cmp(path)) else {
            return Ok(None);
        };
        let entry = &self.entries[index];
        match entry.mode {
            FileMode::Regular | FileMode::Executable => self.trees.blob(&self.source, &entry.blob).map(Some),
            FileMode::Symlink | FileMode::Submodule => Ok(None),
        }
    }
}
