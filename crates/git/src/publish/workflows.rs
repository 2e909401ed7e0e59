//! Whether a commit changes what CI does on GitHub: hosts want another permission for it than for everything else. Pure over
//! objects that are here already; it allows nothing.

use super::Verified;
use crate::error::corrupt;
use crate::objects::{decode_commit, read_tree, tree_of};
use countersign_ports::trees::TreesError;
use gix::ObjectId;
use gix::objs::{Kind, TreeRefIter};

/// Where workflows are.
const PLACE: [&str; 2] = [".github", "workflows"];

/// Whether the last of these objects, a commit, differs below [`PLACE`] from its first parent, which is in the mirror.
pub(super) fn changed(mirror: &gix::Repository, objects: &[Verified<'_>]) -> Result<bool, TreesError> {
    let Some(commit) = objects.last() else {
        return Ok(false);
    };
    let (tree, parents) = decode_commit(commit.bytes)?;
    let after = place(mirror, objects, tree)?;
    let before = match parents.first() {
        Some(parent) => place(mirror, &[], tree_of(mirror, *parent)?)?,
        None => None,
    };
    Ok(before != after)
}

/// What stands at the place, be it folder, file or link.
fn place(
    mirror: &gix::Repository,
    objects: &[Verified<'_>],
    root: ObjectId,
) -> Result<Option<ObjectId>, TreesError> {
    let mut at = root;
    for name in PLACE {
        let new = objects.iter().find(|o| o.id == at && o.kind == Kind::Tree);
        let bytes = match new {
            Some(new) => new.bytes.to_vec(),
            None => read_tree(mirror, at)?,
        };
        match entry(&bytes, name)? {
            Some(found) => at = found,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// What the tree has under that name; something that is no folder has nothing below it.
fn entry(tree: &[u8], name: &str) -> Result<Option<ObjectId>, TreesError> {
    for entry in TreeRefIter::from_bytes(tree, gix::hash::Kind::Sha1) {
        let entry = entry.map_err(|e| corrupt("bad-tree", format!("A tree can't be read: {e}.")))?;
        let last = name == PLACE[PLACE.len() - 1];
        if entry.filename == name.as_bytes() && (last || entry.mode.is_tree()) {
            return Ok(Some(entry.oid.to_owned()));
        }
    }
    Ok(None)
}
