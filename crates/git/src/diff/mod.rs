//! What changed between two trees: the facts, and the canonical diff that people approve.
//!
//! Both depend on nothing but the two trees: no configuration, attribute, clock or text conversion is
//! consulted, so every machine computes the same bytes. Renames are shown, copies are shown as new files.

mod lines;
mod renames;
mod render;

pub(crate) use lines::split;

use crate::error::corrupt;
use crate::known::Known;
use crate::objects::{blob_sha, file_mode, to_gix, tree_sha};
use countersign_core::diff::{ChangeKind, FileChange, FileMode, FileSide, TreeDiff};
use countersign_core::digest::DiffHash;
use countersign_core::path::RepoPath;
use countersign_ports::trees::TreesError;
use gix::ObjectId;
use gix::bstr::BString;
use gix::object::tree::diff::ChangeDetached;
use gix::objs::tree::EntryMode;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many leading bytes are searched for a NUL (git's rule for binary).
const BINARY_PROBE_BYTES: usize = 8_000;

/// Facts and canonical diff of one change.
pub(crate) struct Rendered {
    pub(crate) facts: TreeDiff,
    pub(crate) canonical: Vec<u8>,
}

/// Compares two trees.
pub(crate) fn between(known: &Known<'_>, base: ObjectId, result: ObjectId) -> Result<Rendered, TreesError> {
    let rendered = between_within(known, base, result, usize::MAX)?;
    Ok(rendered.expect("because nothing is longer than usize::MAX"))
}

/// Compares two trees; `None`: the canonical diff would have more than `most` bytes.
pub(crate) fn between_within(
    known: &Known<'_>,
    base: ObjectId,
    result: ObjectId,
    most: usize,
) -> Result<Option<Rendered>, TreesError> {
    let changes = changed(known, base, result)?;
    rendered(known, (base, result), changes, most)
}

/// What changed between two trees, by path.
pub(crate) fn changed(
    known: &Known<'_>,
    base: ObjectId,
    result: ObjectId,
) -> Result<Vec<ChangeKind>, TreesError> {
    let mut changes = Vec::new();
    for change in renames::changes(known, base, result)? {
        if let Some(kind) = change_kind(known, change)? {
            changes.push(kind);
        }
    }
    let mut changes = links_apart(changes);
    changes.sort_by(|a, b| path_of(a).cmp(path_of(b)));
    Ok(changes)
}

/// Changes between two trees as facts and as a canonical diff; `None`: that would have more than `most` bytes.
pub(crate) fn rendered(
    known: &Known<'_>,
    (base, result): (ObjectId, ObjectId),
    changes: Vec<ChangeKind>,
    most: usize,
) -> Result<Option<Rendered>, TreesError> {
    let mut canonical = Vec::new();
    let mut files = Vec::with_capacity(changes.len());
    for change in changes {
        files.push(describe(known, change, &mut canonical)?);
        if canonical.len() > most {
            return Ok(None);
        }
    }
    let facts = TreeDiff {
        base_tree: tree_sha(&base)?,
        result_tree: tree_sha(&result)?,
        diff_hash: DiffHash::of_bytes(&canonical),
        files,
    };
    Ok(Some(Rendered { facts, canonical }))
}

/// One changed file in our words; `None` for folders, whose files are listed themselves.
fn change_kind(known: &Known<'_>, change: ChangeDetached) -> Result<Option<ChangeKind>, TreesError> {
    let side = |path: BString, mode: EntryMode, id: ObjectId| -> Result<Option<FileSide>, TreesError> {
        let Some(mode) = file_mode(mode) else {
            return Ok(None);
        };
        let size = if mode == FileMode::Submodule {
            0
        } else {
            known.size(id)?
        };
        let path = RepoPath::from_bytes(Vec::from(path));
        Ok(Some(FileSide {
            path,
            mode,
            blob: blob_sha(&id)?,
            size,
        }))
    };
    Ok(match change {
        ChangeDetached::Addition {
            location,
            entry_mode,
            id,
            ..
        } => side(location, entry_mode, id)?.map(|new| ChangeKind::Added { new }),
        ChangeDetached::Deletion {
            location,
            entry_mode,
            id,
            ..
        } => side(location, entry_mode, id)?.map(|old| ChangeKind::Deleted { old }),
        ChangeDetached::Modification {
            location,
            previous_entry_mode,
            previous_id,
            entry_mode,
            id,
        } => {
            let old = side(location.clone(), previous_entry_mode, previous_id)?;
            let new = side(location, entry_mode, id)?;
            replaced(old, new)?
        }
        ChangeDetached::Rewrite {
            source_location,
            source_entry_mode,
            source_id,
            location,
            entry_mode,
            id,
            ..
        } => match (
            side(source_location, source_entry_mode, source_id)?,
            side(location, entry_mode, id)?,
        ) {
            (Some(old), Some(new)) => Some(ChangeKind::Renamed { old, new }),
            (None, None) => None,
            (_, _) => return Err(file_and_folder()),
        },
    })
}

fn replaced(old: Option<FileSide>, new: Option<FileSide>) -> Result<Option<ChangeKind>, TreesError> {
    match (old, new) {
        (Some(old), Some(new)) => Ok(Some(ChangeKind::Modified { old, new })),
        (None, None) => Ok(None),
        (_, _) => Err(file_and_folder()),
    }
}

fn file_and_folder() -> TreesError {
    corrupt(
        "file-and-folder",
        "A folder and a file took each other's place, which can't be shown as one change.",
    )
}

/// A symlink that moves away and leaves its place to a folder is shown as deleted and as new: where a diff calls that
/// a rename, git takes the folder's files for ones behind the link, and refuses them.
fn links_apart(changes: Vec<ChangeKind>) -> Vec<ChangeKind> {
    let new_paths: BTreeSet<RepoPath> = changes.iter().filter_map(new_path).cloned().collect();
    let becomes_folder = |link: &RepoPath| {
        let inside = [link.as_bytes(), b"/"].concat();
        let next = new_paths.range(RepoPath::from_bytes(inside.clone())..).next();
        next.is_some_and(|p| p.as_bytes().starts_with(&inside))
    };
    let apart = |change: ChangeKind| match change {
        ChangeKind::Renamed { old, new } if old.mode == FileMode::Symlink && becomes_folder(&old.path) => {
            vec![ChangeKind::Deleted { old }, ChangeKind::Added { new }]
        }
        ChangeKind::Added { .. }
        | ChangeKind::Deleted { .. }
        | ChangeKind::Modified { .. }
        | ChangeKind::Renamed { .. } => vec![change],
    };
    changes.into_iter().flat_map(apart).collect()
}

fn new_path(change: &ChangeKind) -> Option<&RepoPath> {
    match change {
        ChangeKind::Added { new } | ChangeKind::Modified { new, .. } | ChangeKind::Renamed { new, .. } => {
            Some(&new.path)
        }
        ChangeKind::Deleted { .. } => None,
    }
}

pub(crate) fn path_of(change: &ChangeKind) -> &RepoPath {
    match change {
        ChangeKind::Added { new } | ChangeKind::Modified { new, .. } | ChangeKind::Renamed { new, .. } => {
            &new.path
        }
        ChangeKind::Deleted { old } => &old.path,
    }
}

/// Renders one file's section and counts its lines.
fn describe(known: &Known<'_>, change: ChangeKind, out: &mut Vec<u8>) -> Result<FileChange, TreesError> {
    let mut file = FileChange {
        change,
        added: 0,
        removed: 0,
        binary: false,
        symlink_target: None,
    };
    let old = content_of(known, file.old())?;
    let new = content_of(known, file.new_side())?;
    file.binary = is_binary(&old) || is_binary(&new);
    if file.new_side().is_some_and(|s| s.mode == FileMode::Symlink) {
        file.symlink_target = Some(String::from_utf8_lossy(&new).into_owned());
    }
    let counts = render::section(&file, &old, &new, out);
    file.added = counts.added;
    file.removed = counts.removed;
    Ok(file)
}

/// What the diff shows of a side: content, or what git writes for a submodule.
fn content_of(known: &Known<'_>, side: Option<&FileSide>) -> Result<Arc<Vec<u8>>, TreesError> {
    match side {
        None => Ok(Arc::default()),
        Some(side) if side.mode == FileMode::Submodule => Ok(Arc::new(
            format!("Subproject commit {}\n", side.blob).into_bytes(),
        )),
        Some(side) => known.blob(to_gix(side.blob.as_str())?),
    }
}

fn is_binary(content: &[u8]) -> bool {
    content[..content.len().min(BINARY_PROBE_BYTES)].contains(&0)
}
