//! Reading a pinned commit: its files, one file, one blob. Only from the mirror.

use crate::error::{corrupt, from_gix};
use crate::mirror::Mirrors;
use crate::objects::{blob as read_blob, blob_sha, file_mode, to_gix};
use countersign_core::diff::FileMode;
use countersign_core::id::{BlobSha, CommitSha};
use countersign_core::path::RepoPath;
use countersign_ports::trees::{RepoSource, SnapshotEntry, TreesError};
use gix::ObjectId;
use gix::bstr::BString;

/// Most files of one commit.
pub(crate) const FILES_MAX: usize = 500_000;
/// Deepest nesting of folders.
pub(crate) const DEPTH_MAX: usize = 512;

/// All files of a pinned commit, sorted by path.
pub(crate) fn files(
    mirrors: &Mirrors,
    repo: &RepoSource,
    commit: &CommitSha,
) -> Result<Vec<SnapshotEntry>, TreesError> {
    let (mirror, tree) = mirrors.pinned(&repo.id, commit)?;
    let mut found = Vec::new();
    walk(&mirror, tree, &mut Vec::new(), 0, &mut found)?;
    found.sort();
    Ok(found)
}

fn walk(
    repo: &gix::Repository,
    tree: ObjectId,
    path: &mut Vec<u8>,
    depth: usize,
    found: &mut Vec<SnapshotEntry>,
) -> Result<(), TreesError> {
    let doing = "Reading a tree";
    if depth > DEPTH_MAX || found.len() > FILES_MAX {
        return Err(corrupt(
            "tree-too-large",
            format!("The commit has more than {FILES_MAX} files or {DEPTH_MAX} levels of folders."),
        ));
    }
    let tree = repo.find_tree(tree).map_err(|e| from_gix(doing, &e))?;
    for entry in tree.iter() {
        let entry = entry.map_err(|e| from_gix(doing, &e))?;
        let above = path.len();
        path.extend_from_slice(entry.filename());
        match file_mode(entry.mode()) {
            Some(mode) => found.push(SnapshotEntry {
                path: RepoPath::from_bytes(path.as_slice()),
                mode,
                blob: blob_sha(&entry.object_id())?,
            }),
            None => {
                path.push(b'/');
                walk(repo, entry.object_id(), path, depth + 1, found)?;
            }
        }
        path.truncate(above);
    }
    Ok(())
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
