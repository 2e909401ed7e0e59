//! Reading a pinned commit: its files, one file, one blob. Only from the mirror.

use crate::error::{corrupt, from_gix, unsupported};
use crate::mirror::Mirrors;
use crate::objects::{blob as read_blob, blob_sha, file_mode, read_tree, to_gix};
use countersign_core::diff::FileMode;
use countersign_core::id::{BlobSha, CommitSha};
use countersign_core::path::RepoPath;
use countersign_ports::trees::{NOT_A_FILE, RepoSource, SnapshotEntry, TreesError};
use gix::ObjectId;
use gix::bstr::BString;
use gix::objs::TreeRefIter;
use std::collections::BTreeMap;
use std::fmt::Display;

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

/// Calls `each` for every file below a tree, in the tree's order. Refuses what is beyond the limits above.
pub(crate) fn walk(
    repo: &gix::Repository,
    tree: ObjectId,
    mut each: impl FnMut(&[u8], FileMode, ObjectId) -> Result<(), TreesError>,
) -> Result<(), TreesError> {
    require_walkable(repo, tree)?;
    folder(repo, tree, &mut Vec::new(), &mut each)
}

fn folder(
    repo: &gix::Repository,
    tree: ObjectId,
    path: &mut Vec<u8>,
    each: &mut impl FnMut(&[u8], FileMode, ObjectId) -> Result<(), TreesError>,
) -> Result<(), TreesError> {
    let bytes = read_tree(repo, tree)?;
    for entry in TreeRefIter::from_bytes(&bytes, gix::hash::Kind::Sha1) {
        let entry = entry.map_err(|e| unreadable(tree, &e))?;
        let above = path.len();
        path.extend_from_slice(entry.filename);
        match file_mode(entry.mode) {
            Some(mode) => each(path, mode, entry.oid.to_owned())?,
            None => {
                path.push(b'/');
                folder(repo, entry.oid.to_owned(), path, each)?;
            }
        }
        path.truncate(above);
    }
    Ok(())
}

/// Refuses a tree that is too large or too deep to be walked. Each distinct subtree is read once, so this costs
/// little where a few of them stand for billions of files.
pub(crate) fn require_walkable(repo: &gix::Repository, tree: ObjectId) -> Result<(), TreesError> {
    let size = measure(repo, tree, 0, &mut BTreeMap::new())?;
    let fits = size.files <= FILES_MAX
        && size.folders <= FOLDERS_MAX
        && size.depth <= DEPTH_MAX
        && size.longest <= PATH_MAX_BYTES
        && size.path_bytes <= PATHS_MAX_BYTES;
    if fits { Ok(()) } else { Err(too_large()) }
}

/// What a tree stands for.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    files: usize,
    folders: usize,
    /// Levels of folders below it.
    depth: usize,
    /// Bytes of the longest path.
    longest: usize,
    /// Bytes of all files' paths.
    path_bytes: usize,
}

fn measure(
    repo: &gix::Repository,
    tree: ObjectId,
    depth: usize,
    known: &mut BTreeMap<ObjectId, Size>,
) -> Result<Size, TreesError> {
    if let Some(size) = known.get(&tree) {
        return Ok(*size);
    }
    // Only this bounds our own recursion; a tree can't hold itself, whose id would have to be in its bytes.
    if depth > DEPTH_MAX {
        return Err(too_large());
    }
    let bytes = read_tree(repo, tree)?;
    let mut size = Size::default();
    for entry in TreeRefIter::from_bytes(&bytes, gix::hash::Kind::Sha1) {
        let entry = entry.map_err(|e| unreadable(tree, &e))?;
        let name = entry.filename.len();
        if file_mode(entry.mode).is_some() {
            size.files = size.files.saturating_add(1);
            size.path_bytes = size.path_bytes.saturating_add(name);
            size.longest = size.longest.max(name);
            continue;
        }
        let below = measure(repo, entry.oid.to_owned(), depth + 1, known)?;
        size.files = size.files.saturating_add(below.files);
        size.folders = size.folders.saturating_add(below.folders).saturating_add(1);
        size.depth = size.depth.max(below.depth + 1);
        size.longest = size.longest.max(below.longest.saturating_add(name + 1));
        let prefixes = below.files.saturating_mul(name + 1);
        size.path_bytes = size
            .path_bytes
            .saturating_add(below.path_bytes)
            .saturating_add(prefixes);
    }
    known.insert(tree, size);
    Ok(size)
}

fn unreadable(tree: ObjectId, error: &impl Display) -> TreesError {
    corrupt("bad-tree", format!("The tree {tree} can't be read: {error}."))
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

/// One regular file's content; `None`: nothing lies there. What is something else is refused.
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
            Some(FileMode::Symlink | FileMode::Submodule) | None => Err(unsupported(
                NOT_A_FILE,
                format!("{path} is no regular file at {}. Make it one.", commit.short()),
            )),
        },
        None => Ok(None),
    }
}

/// A blob of the mirror.
pub(crate) fn blob(mirrors: &Mirrors, repo: &RepoSource, blob: &BlobSha) -> Result<Vec<u8>, TreesError> {
    read_blob(&mirrors.open(&repo.id)?, to_gix(blob.as_str())?)
}
