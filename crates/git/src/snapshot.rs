//! Reading a pinned commit: its files, one file, one blob. Only from the mirror.

use crate::error::{corrupt, from_gix};
use crate::mirror::Mirrors;
use crate::objects::{blob as read_blob, blob_sha, file_mode, read_tree, to_gix};
use countersign_core::diff::FileMode;
use countersign_core::id::{BlobSha, CommitSha};
use countersign_core::path::RepoPath;
use countersign_ports::trees::{RepoSource, SnapshotEntry, TreesError};
use gix::ObjectId;
use gix::bstr::BString;
use gix::objs::TreeRefIter;

/// Most files of one commit.
pub(crate) const FILES_MAX: usize = 500_000;
/// Most folders of one commit. Trees may share subtrees, so a small repository can hold a great many.
pub(crate) const FOLDERS_MAX: usize = 500_000;
/// Deepest nesting of folders.
pub(crate) const DEPTH_MAX: usize = 512;
/// Longest path, in bytes; no system could check out a longer one.
pub(crate) const PATH_MAX_BYTES: usize = 4_096;
/// Most bytes of all paths together.
pub(crate) const PATHS_MAX_BYTES: usize = 256 * 1024 * 1024;

/// All files of a pinned commit, sorted by path.
pub(crate) fn files(
    mirrors: &Mirrors,
    repo: &RepoSource,
    commit: &CommitSha,
) -> Result<Vec<SnapshotEntry>, TreesError> {
    let (mirror, tree) = mirrors.pinned(&repo.id, commit)?;
    let mut found = Vec::new();
    walk(&mirror, tree, |path, mode, id| {
        found.push(SnapshotEntry {
            path: RepoPath::from_bytes(path),
            mode,
            blob: blob_sha(&id)?,
        });
        Ok(())
    })?;
    found.sort();
    Ok(found)
}

/// Refuses a tree that is too large or too deep for [`walk`].
pub(crate) fn require_countable(repo: &gix::Repository, tree: ObjectId) -> Result<(), TreesError> {
    walk(repo, tree, |_, _, _| Ok(()))
}

/// Calls `each` for every file below a tree, in the tree's order and within the limits above.
pub(crate) fn walk(
    repo: &gix::Repository,
    tree: ObjectId,
    each: impl FnMut(&[u8], FileMode, ObjectId) -> Result<(), TreesError>,
) -> Result<(), TreesError> {
    let mut walk = Walk {
        repo,
        each,
        path: Vec::new(),
        files: 0,
        folders: 0,
        path_bytes: 0,
    };
    walk.folder(tree, 0)
}

struct Walk<'r, F> {
    repo: &'r gix::Repository,
    each: F,
    path: Vec<u8>,
    files: usize,
    folders: usize,
    path_bytes: usize,
}

impl<F: FnMut(&[u8], FileMode, ObjectId) -> Result<(), TreesError>> Walk<'_, F> {
    fn folder(&mut self, tree: ObjectId, depth: usize) -> Result<(), TreesError> {
        self.folders += 1;
        if depth > DEPTH_MAX || self.folders > FOLDERS_MAX {
            return Err(too_large());
        }
        let bytes = read_tree(self.repo, tree)?;
        for entry in TreeRefIter::from_bytes(&bytes, gix::hash::Kind::Sha1) {
            let entry =
                entry.map_err(|e| corrupt("bad-tree", format!("The tree {tree} can't be read: {e}.")))?;
            let above = self.path.len();
            self.path.extend_from_slice(entry.filename);
            if self.path.len() > PATH_MAX_BYTES {
                return Err(too_large());
            }
            match file_mode(entry.mode) {
                Some(mode) => self.file(mode, entry.oid.to_owned())?,
                None => {
                    self.path.push(b'/');
                    self.folder(entry.oid.to_owned(), depth + 1)?;
                }
            }
            self.path.truncate(above);
        }
        Ok(())
    }

    fn file(&mut self, mode: FileMode, id: ObjectId) -> Result<(), TreesError> {
        self.files += 1;
        self.path_bytes += self.path.len();
        if self.files > FILES_MAX || self.path_bytes > PATHS_MAX_BYTES {
            return Err(too_large());
        }
        (self.each)(&self.path, mode, id)
    }
}

pub(crate) fn too_large() -> TreesError {
    corrupt(
        "tree-too-large",
        format!(
            "The commit has more than {FILES_MAX} files, {FOLDERS_MAX} folders, {DEPTH_MAX} levels of folders, \
             {PATH_MAX_BYTES} bytes in one path or {PATHS_MAX_BYTES} in all. Use a smaller repository."
        ),
    )
}

/// One regular file's content; `None`: nothing, or something else, lies there.
pub(crate) fn file(
    mirrors: &Mirrors,
    repo: &RepoSource,
    commit: &CommitSha,
    path: &RepoPath,
) -> Result<Option<Vec<u8>>, TreesError> {
    let doing = "Reading a file";
    let (mirror, tree) = mirrors.pinned(&repo.id, commit)?;
    let tree = mirror.find_tree(tree).map_err(|e| from_gix(doing, &e))?;
    let parts: Vec<BString> = path.parts().map(BString::from).collect();
    let entry = tree.lookup_entry(parts).map_err(|e| from_gix(doing, &e))?;
    match entry {
        Some(entry) => match file_mode(entry.mode()) {
            Some(FileMode::Regular | FileMode::Executable) => read_blob(&mirror, entry.object_id()).map(Some),
            Some(FileMode::Symlink | FileMode::Submodule) | None => Ok(None),
        },
        None => Ok(None),
    }
}

/// A blob of the mirror.
pub(crate) fn blob(mirrors: &Mirrors, repo: &RepoSource, blob: &BlobSha) -> Result<Vec<u8>, TreesError> {
    read_blob(&mirrors.open(&repo.id)?, to_gix(blob.as_str())?)
}
