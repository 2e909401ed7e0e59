//! All file changes of one diff, checked against the base and against each other, then made at once.
//!
//! Editing a tree (`edit`) silently replaces a file by a folder, and a folder with all that it holds by a file; the
//! checks here are what stops that where the diff doesn't take away what is in the way.

use super::base::{AtBase, Base, BaseFile};
use super::budget::Budget;
use super::edit::Edit;
use super::{Leniency, Stop, content, paths, refused};
use crate::known::Known;
use crate::objects::OBJECT_MAX_BYTES;
use countersign_core::diff::FileMode;
use countersign_core::patch::{Edits, FileOp, FilePatch, INPUT_MAX_BYTES};
use countersign_core::path::RepoPath;
use countersign_ports::trees::ApplyWarning;
use gix::ObjectId;
use std::collections::BTreeMap;

/// Most bytes of all changed files together, after the change.
const RESULT_MAX_BYTES: usize = 256 * 1024 * 1024;

/// How a base file is used up.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Removal {
    Deleted(FileMode),
    Renamed,
}

pub(super) struct Plan<'r> {
    known: &'r Known<'r>,
    base: Base<'r>,
    removed: BTreeMap<RepoPath, Removal>,
    written: BTreeMap<RepoPath, (FileMode, ObjectId, String)>,
    warnings: Vec<ApplyWarning>,
    budget: Budget,
    leniency: Leniency,
    result_bytes: usize,
    created_bytes: usize,
}

impl<'r> Plan<'r> {
    pub(super) fn new(known: &'r Known<'r>, base: ObjectId, leniency: Leniency) -> Self {
        Self {
            known,
            base: Base { known, tree: base },
            removed: BTreeMap::new(),
            written: BTreeMap::new(),
            warnings: Vec::new(),
            budget: Budget::new(),
            leniency,
            result_bytes: 0,
            created_bytes: 0,
        }
    }

    /// Adds one file's change.
    pub(super) fn add(&mut self, patch: &FilePatch) -> Result<(), Stop> {
        let place = format!("{} (line {} of the diff)", patch.new_path, patch.line);
        paths::check(&patch.old_path, &place)?;
        paths::check(&patch.new_path, &place)?;
        refuse_unsupported(patch, &place)?;
        let old = self.old_file(patch, &place)?;
        check_old(patch, old.as_ref(), &place)?;
        let content = self.new_content(patch, old.as_ref(), &place)?;
        self.count_bytes(patch, old.is_none(), content.len(), &place)?;
        if patch.op == FileOp::Delete {
            if !content.is_empty() {
                return refused(
                    "delete-mismatch",
                    &place,
                    "The diff deletes this file but doesn't state all of its content. Make the diff again.",
                );
            }
            check_id(patch.new_id.as_deref(), None, &place)?;
            let mode = old.map_or(FileMode::Regular, |o| o.mode);
            return self.remove(&patch.old_path, Removal::Deleted(mode), &place);
        }
        let mode = new_mode(patch, old.as_ref(), &place)?;
        let ends_line = content.ends_with(b"\n");
        let id = self.known.keep(content, patch.new_id.as_deref())?;
        check_id(patch.new_id.as_deref(), Some(id), &place)?;
        if is_link(mode) && ends_line {
            return refused(
                "bad-link",
                &place,
                "A symlink's target must not end in a line feed. Put `\\ No newline at end of file` below it.",
            );
        }
        if patch.op == FileOp::Rename {
            self.remove(&patch.old_path, Removal::Renamed, &place)?;
        }
        self.write(&patch.new_path, mode, id, place)
    }

    /// The base file that a patch starts from; `None` for a new file.
    fn old_file(&self, patch: &FilePatch, place: &str) -> Result<Option<BaseFile>, Stop> {
        if patch.op == FileOp::Create {
            return Ok(None);
        }
        let found = self.base.at(&patch.old_path)?;
        if patch.op == FileOp::Write && !matches!(found, AtBase::File(_)) {
            return Ok(None);
        }
        match found {
            AtBase::File(BaseFile {
                mode: FileMode::Submodule,
                ..
            }) => submodule(place),
            AtBase::File(file) => Ok(Some(file)),
            AtBase::Nothing | AtBase::Folder(_) | AtBase::BelowFile(_) => refused(
                "file-not-found",
                place,
                format!(
                    "The base has no file `{}`. Check the path, or say `new file mode`.",
                    patch.old_path
                ),
            ),
        }
    }

    fn new_content(
        &mut self,
        patch: &FilePatch,
        old: Option<&BaseFile>,
        place: &str,
    ) -> Result<Vec<u8>, Stop> {
        let base = match old {
            None => None,
            Some(file) => match self.known.stored(file.id)? {
                Some(content) => Some(content),
                None => {
                    return refused(
                        "file-too-large",
                        place,
                        format!("A file may have at most {OBJECT_MAX_BYTES} bytes."),
                    );
                }
            },
        };
        let mut work = content::Work {
            place,
            repairs: self.leniency == Leniency::Proposal,
            budget: &mut self.budget,
            warnings: &mut self.warnings,
        };
        content::after(base.as_deref().map(Vec::as_slice), patch, &mut work)
    }

    /// Refuses what would take too much memory, before it does. New content stands in the canonical diff as it is.
    fn count_bytes(
        &mut self,
        patch: &FilePatch,
        is_new: bool,
        bytes: usize,
        place: &str,
    ) -> Result<(), Stop> {
        self.result_bytes = self.result_bytes.saturating_add(bytes);
        if is_new || patch.op == FileOp::Copy {
            self.created_bytes = self.created_bytes.saturating_add(bytes);
        }
        if self.result_bytes > RESULT_MAX_BYTES {
            let what = format!(
                "The changed files have more than {RESULT_MAX_BYTES} bytes together. Split the change."
            );
            return refused("result-too-large", place, what);
        }
        if self.created_bytes > INPUT_MAX_BYTES {
            let what =
                format!("The new files have more than {INPUT_MAX_BYTES} bytes together. Split the change.");
            return refused("result-too-large", place, what);
        }
        Ok(())
    }

    fn remove(&mut self, path: &RepoPath, removal: Removal, place: &str) -> Result<(), Stop> {
        let rewritten = self.written.contains_key(path) && removal != Removal::Renamed;
        if self.removed.insert(path.clone(), removal).is_some() || rewritten {
            return twice(place);
        }
        Ok(())
    }

    fn write(&mut self, path: &RepoPath, mode: FileMode, id: ObjectId, place: String) -> Result<(), Stop> {
        if self.written.contains_key(path) {
            return twice(&place);
        }
        self.written.insert(path.clone(), (mode, id, place));
        Ok(())
    }

    /// Makes all changes; gives the result tree.
    pub(super) fn finish(self, targets: &[FilePatch]) -> Result<(ObjectId, Vec<ApplyWarning>), Stop> {
        for patch in targets.iter().filter(|p| p.op != FileOp::Delete) {
            self.check_target(patch)?;
        }
        let mut edit = Edit::default();
        for path in self.removed.keys() {
            edit.remove(path);
        }
        for (path, (mode, id, _)) in &self.written {
            edit.put(path, *mode, *id);
        }
        let result = edit.write(self.known, self.base.tree)?;
        Ok((result, self.warnings))
    }

    /// A target must be free in the base, or be the changed file itself, or be freed by this diff: a file above it, or
    /// all that a folder at its place holds, is deleted or renamed away.
    fn check_target(&self, patch: &FilePatch) -> Result<(), Stop> {
        let path = &patch.new_path;
        let Some((mode, _, place)) = self.written.get(path) else {
            return Ok(());
        };
        let mut above = path.parents().map(RepoPath::from_bytes);
        if let Some(above) = above.find(|p| self.written.contains_key(p)) {
            return below_file(&above, place);
        }
        match (self.base.at(path)?, self.removed.get(path)) {
            (AtBase::Nothing, _) => Ok(()),
            (AtBase::BelowFile(above), _) if self.removed.contains_key(&above) => Ok(()),
            (AtBase::BelowFile(above), _) => below_file(&above, place),
            (AtBase::Folder(tree), _) => self.require_emptied(path, tree, place),
            (AtBase::File(_), None) if matches!(patch.op, FileOp::Modify | FileOp::Write) => Ok(()),
            (AtBase::File(_), None) => refused(
                "file-exists",
                place,
                "The base already has a file at this path, and the diff says that it is new. Change it instead.",
            ),
            (AtBase::File(_), Some(Removal::Renamed))
                if !matches!(patch.op, FileOp::Modify | FileOp::Write) =>
            {
                Ok(())
            }
            (AtBase::File(_), Some(Removal::Deleted(old)))
                if patch.op == FileOp::Create && is_link(*old) != is_link(*mode) =>
            {
                Ok(())
            }
            (AtBase::File(_), Some(_)) => twice(place),
        }
    }

    /// A folder of the base makes room for a file only if this diff takes away all that it holds.
    fn require_emptied(&self, path: &RepoPath, tree: ObjectId, place: &str) -> Result<(), Stop> {
        let is_gone = |file: &RepoPath| self.removed.contains_key(file);
        match self.base.left_of(path, tree, is_gone, self.removed.len())? {
            None => Ok(()),
            Some(left) => refused(
                "path-is-folder",
                place,
                format!(
                    "The base has a folder at this path, and `{left}` stays in it. Delete or move all of its files in \
                     the same diff, or choose another path."
                ),
            ),
        }
    }
}

fn is_link(mode: FileMode) -> bool {
    mode == FileMode::Symlink
}

fn refuse_unsupported(patch: &FilePatch, place: &str) -> Result<(), Stop> {
    if patch.binary {
        return refused(
            "binary-change",
            place,
            "Binary changes can't be reviewed and aren't applied. Leave it out.",
        );
    }
    if patch.old_mode == Some(FileMode::Submodule) || patch.new_mode == Some(FileMode::Submodule) {
        return submodule(place);
    }
    Ok(())
}

/// What the diff says about the file before must be true.
fn check_old(patch: &FilePatch, old: Option<&BaseFile>, place: &str) -> Result<(), Stop> {
    let by_diff = matches!(patch.edits, Edits::Hunks(_));
    if !by_diff && old.is_some_and(|o| is_link(o.mode)) {
        return refused(
            "type-change",
            place,
            "This is a symlink, and the answer gives the content of a file. Change it by a unified diff.",
        );
    }
    check_id(patch.old_id.as_deref(), old.map(|o| o.id), place)?;
    match (patch.old_mode, old) {
        (Some(stated), Some(file)) if stated != file.mode => refused(
            "mode-mismatch",
            place,
            format!(
                "The diff says that the mode is {}; in the base it is {}.",
                stated.octal(),
                file.mode.octal()
            ),
        ),
        (_, _) => Ok(()),
    }
}

/// A stated blob id, perhaps abbreviated, must be the real one's beginning.
fn check_id(stated: Option<&str>, real: Option<ObjectId>, place: &str) -> Result<(), Stop> {
    let Some(stated) = stated else { return Ok(()) };
    let real = real.map(|id| id.to_hex().to_string());
    if real.as_ref().is_some_and(|r| r.starts_with(stated)) {
        return Ok(());
    }
    let found = real.as_deref().unwrap_or("no file");
    refused(
        "index-mismatch",
        place,
        format!(
            "The `index` line says {stated} and there is {found}. Make the diff again, or leave that line out."
        ),
    )
}

fn new_mode(patch: &FilePatch, old: Option<&BaseFile>, place: &str) -> Result<FileMode, Stop> {
    let before = old.map(|o| o.mode);
    let mode = patch.new_mode.or(before).unwrap_or(FileMode::Regular);
    if before.is_some_and(|b| is_link(b) != is_link(mode)) {
        return refused(
            "type-change",
            place,
            "A file can't turn into a symlink or back by its mode alone. Delete the one and create the other.",
        );
    }
    Ok(mode)
}

fn submodule<T>(place: &str) -> Result<T, Stop> {
    refused(
        "submodule",
        place,
        "Submodules can't be changed here. Leave this file out.",
    )
}

fn twice<T>(place: &str) -> Result<T, Stop> {
    refused(
        "file-twice",
        place,
        "The diff changes this file more than once. Join the changes in one section.",
    )
}

fn below_file<T>(above: &RepoPath, place: &str) -> Result<T, Stop> {
    refused(
        "path-below-file",
        place,
        format!(
            "`{above}` is a file, symlink or submodule, and nothing can lie below it. Delete or move it in the same \
             diff, or choose another path."
        ),
    )
}
