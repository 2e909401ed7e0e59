//! Reading objects by kind out of an opened repository, with limits and our own errors.

use crate::admission::require_plain_object;
use crate::error::{corrupt, from_gix};
use countersign_core::diff::FileMode;
use countersign_core::id::{BlobSha, CommitSha, TreeSha};
use countersign_ports::trees::TreesError;
use gix::ObjectId;
use gix::objs::Kind;
use gix::objs::tree::{EntryKind, EntryMode};
use gix::odb::pack::cache::lru::MemoryCappedHashmap;

/// Largest object that is read into memory.
pub(crate) const OBJECT_MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Largest piece of memory that gix may take on the way to an object: a small one may be packed as a
/// difference from a huge one.
pub(crate) const ALLOC_LIMIT: &str = "gitoxide.objects.allocLimit=256m";

/// Memory for recently read objects of one opened repository.
const OBJECT_CACHE_BYTES: usize = 32 * 1024 * 1024;
/// Memory for what packed objects are stored as differences from: those of a file's versions are often the same.
const PACK_CACHE_BYTES: usize = 32 * 1024 * 1024;

/// Lets an opened repository remember what it has read lately.
pub(crate) fn remember_some(repo: &mut gix::Repository) {
    repo.object_cache_size_if_unset(OBJECT_CACHE_BYTES);
    let cache =
        || -> Box<gix::odb::cache::PackCache> { Box::new(MemoryCappedHashmap::new(PACK_CACHE_BYTES)) };
    repo.objects.set_pack_cache(cache);
}

/// Turns our text form into gix's; the text was checked when it was made.
pub(crate) fn to_gix(hex: &str) -> Result<ObjectId, TreesError> {
    ObjectId::from_hex(hex.as_bytes())
        .map_err(|_| corrupt("bad-id", format!("`{hex}` is not a git object id.")))
}

pub(crate) fn commit_sha(id: &ObjectId) -> Result<CommitSha, TreesError> {
    CommitSha::parse(&id.to_hex().to_string()).map_err(|e| corrupt("bad-id", e.to_string()))
}

pub(crate) fn tree_sha(id: &ObjectId) -> Result<TreeSha, TreesError> {
    TreeSha::parse(&id.to_hex().to_string()).map_err(|e| corrupt("bad-id", e.to_string()))
}

pub(crate) fn blob_sha(id: &ObjectId) -> Result<BlobSha, TreesError> {
    BlobSha::parse(&id.to_hex().to_string()).map_err(|e| corrupt("bad-id", e.to_string()))
}

/// Size and kind of an object, without its content. `None`: it isn't there.
pub(crate) fn header(repo: &gix::Repository, id: ObjectId) -> Result<Option<(Kind, u64)>, TreesError> {
    require_plain_object(&repo.common_dir().join("objects"), &id.to_string())?;
    let header = repo
        .try_find_header(id)
        .map_err(|e| from_gix("Reading an object", &e))?;
    Ok(header.map(|h| (h.kind(), h.size())))
}

/// The content of an object that must be of this kind, and whose bytes must have this id.
pub(crate) fn read(repo: &gix::Repository, id: ObjectId, kind: Kind) -> Result<Vec<u8>, TreesError> {
    let missing = || {
        corrupt(
            "object-missing",
            format!("The {kind} {id} is missing. Run `git fsck` on the repository and repair it."),
        )
    };
    let (found, size) = header(repo, id)?.ok_or_else(missing)?;
    if found != kind {
        return Err(corrupt(
            "object-kind",
            format!("The object {id} is a {found} where a {kind} belongs."),
        ));
    }
    if size > OBJECT_MAX_BYTES {
        return Err(corrupt(
            "object-too-large",
            format!("The {kind} {id} has {size} bytes; at most {OBJECT_MAX_BYTES} can be read."),
        ));
    }
    let object = repo
        .try_find_object(id)
        .map_err(|e| from_gix("Reading an object", &e))?;
    let data = object.ok_or_else(missing)?.detach().data;
    require_id(id, kind, &data)?;
    Ok(data)
}

/// Refuses bytes that don't have this id.
pub(crate) fn require_id(id: ObjectId, kind: Kind, bytes: &[u8]) -> Result<(), TreesError> {
    if hash(kind, bytes)? == id {
        return Ok(());
    }
    Err(corrupt(
        "wrong-content",
        format!(
            "What is stored as the {kind} {id} is something else. Run `git fsck` on the repository and repair it."
        ),
    ))
}

/// The id of an object's bytes.
pub(crate) fn hash(kind: Kind, bytes: &[u8]) -> Result<ObjectId, TreesError> {
    gix::objs::compute_hash(gix::hash::Kind::Sha1, kind, bytes)
        .map_err(|e| corrupt("hash-failed", format!("An object's id can't be computed: {e}.")))
}

/// A tree's bytes. The empty tree needs not be stored.
pub(crate) fn read_tree(repo: &gix::Repository, id: ObjectId) -> Result<Vec<u8>, TreesError> {
    if id.is_empty_tree() {
        Ok(Vec::new())
    } else {
        read(repo, id, Kind::Tree)
    }
}

/// A blob's content. The empty blob needs not be stored.
pub(crate) fn blob(repo: &gix::Repository, id: ObjectId) -> Result<Vec<u8>, TreesError> {
    if id.is_empty_blob() {
        Ok(Vec::new())
    } else {
        read(repo, id, Kind::Blob)
    }
}

/// A blob's size.
pub(crate) fn blob_size(repo: &gix::Repository, id: ObjectId) -> Result<u64, TreesError> {
    match header(repo, id)? {
        Some((_, size)) => Ok(size),
        None if id.is_empty_blob() => Ok(0),
        None => Err(corrupt(
            "object-missing",
            format!("The blob {id} is missing. Run `git fsck` and repair it."),
        )),
    }
}

/// The tree that a commit names.
pub(crate) fn tree_of(repo: &gix::Repository, commit: ObjectId) -> Result<ObjectId, TreesError> {
    let data = read(repo, commit, Kind::Commit)?;
    let decoded = decode_commit(&data)?;
    Ok(decoded.0)
}

/// Tree and parents out of a commit's bytes.
pub(crate) fn decode_commit(data: &[u8]) -> Result<(ObjectId, Vec<ObjectId>), TreesError> {
    let broken = |e: String| corrupt("bad-commit", format!("The commit's bytes can't be read: {e}."));
    let commit =
        gix::objs::CommitRef::from_bytes(data, gix::hash::Kind::Sha1).map_err(|e| broken(e.to_string()))?;
    Ok((commit.tree(), commit.parents().collect()))
}

/// Our word for a tree entry's mode; `None` for a folder.
pub(crate) fn file_mode(mode: EntryMode) -> Option<FileMode> {
    match mode.kind() {
        EntryKind::Tree => None,
        EntryKind::Blob => Some(FileMode::Regular),
        EntryKind::BlobExecutable => Some(FileMode::Executable),
        EntryKind::Link => Some(FileMode::Symlink),
        EntryKind::Commit => Some(FileMode::Submodule),
    }
}

/// Git's word for our mode.
pub(crate) fn entry_kind(mode: FileMode) -> EntryKind {
    match mode {
        FileMode::Regular => EntryKind::Blob,
        FileMode::Executable => EntryKind::BlobExecutable,
        FileMode::Symlink => EntryKind::Link,
        FileMode::Submodule => EntryKind::Commit,
    }
}
