//! New objects into a repository's object database: only the missing, each safely on disk before its users.

use super::Verified;
use crate::error::{corrupt, from_gix_write, from_io, unavailable};
use crate::objects;
use countersign_ports::trees::TreesError;
use gix::ObjectId;
use gix::objs::tree::EntryKind;
use gix::objs::{Kind, TreeRefIter, Write as _};
use gix::odb::loose;
use std::collections::BTreeSet;
use std::fs::File;
use std::path::Path;

/// Writes what the repository doesn't have yet, after making sure that nothing would be missing below it.
pub(super) fn write_missing(repo: &gix::Repository, wanted: &[Verified<'_>]) -> Result<(), TreesError> {
    require_connected(repo, wanted)?;
    let folder = repo.common_dir().join("objects");
    let store = loose::Store::at(folder, gix::hash::Kind::Sha1);
    for object in wanted {
        if objects::header(repo, object.id)?.is_some() {
            require_equal(repo, object)?;
            continue;
        }
        let doing = format!("Writing the {} {}", object.kind, object.id);
        let id = store
            .write_buf(object.kind, object.bytes)
            .map_err(|e| from_gix_write(&doing, &e))?;
        if id != object.id {
            return Err(corrupt(
                "hash-failed",
                format!("{doing}: the disk holds {id} instead. Check the disk."),
            ));
        }
        let path = store.object_path(&id);
        sync(&path).map_err(|e| from_io(&doing, &e))?;
    }
    Ok(())
}

/// Puts a file and its folder's entry on disk.
pub(super) fn sync(path: &Path) -> std::io::Result<()> {
    File::open(path)?.sync_all()?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// An object that is there already must be the same, or the repository is damaged.
fn require_equal(repo: &gix::Repository, object: &Verified<'_>) -> Result<(), TreesError> {
    if objects::read(repo, object.id, object.kind)? == object.bytes {
        return Ok(());
    }
    Err(corrupt(
        "source-damaged",
        format!(
            "The repository holds other content under the id {}. Run `git fsck` there and repair it.",
            object.id
        ),
    ))
}

/// The parent, and everything that the new trees name, must be there or come along.
fn require_connected(repo: &gix::Repository, wanted: &[Verified<'_>]) -> Result<(), TreesError> {
    let new: BTreeSet<ObjectId> = wanted.iter().map(|o| o.id).collect();
    for object in wanted {
        let needed = match object.kind {
            Kind::Commit => {
                let (tree, mut parents) = objects::decode_commit(object.bytes)?;
                parents.push(tree);
                parents
            }
            Kind::Tree => children(object.bytes)?,
            Kind::Blob | Kind::Tag => Vec::new(),
        };
        for id in needed.into_iter().filter(|id| !new.contains(id)) {
            if objects::header(repo, id)?.is_none() {
                return Err(unavailable(
                    "base-missing",
                    format!(
                        "The repository no longer has the object {id} that the change builds on (was its history \
                         rewritten and cleaned up?). Start again from its current branch."
                    ),
                ));
            }
        }
    }
    Ok(())
}

fn children(tree: &[u8]) -> Result<Vec<ObjectId>, TreesError> {
    let mut ids = Vec::new();
    for entry in TreeRefIter::from_bytes(tree, gix::hash::Kind::Sha1) {
        let entry = entry.map_err(|e| corrupt("bad-tree", format!("A new tree can't be read: {e}.")))?;
        if entry.mode.kind() != EntryKind::Commit {
            ids.push(entry.oid.to_owned());
        }
    }
    Ok(ids)
}
