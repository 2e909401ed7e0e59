//! A tree out of another by a few changes: only the folders on the way to a change are read, and made anew.
//!
//! It puts and takes away what it is told and judges nothing: whether a file may lie at a path, or may go, is the plan's
//! business. A folder in which nothing is left goes too, as git keeps none.

use crate::error::from_gix;
use crate::known::Known;
use crate::objects::entry_kind;
use countersign_core::diff::FileMode;
use countersign_core::path::RepoPath;
use countersign_ports::trees::TreesError;
use gix::ObjectId;
use gix::bstr::ByteSlice;
use gix::objs::tree::{EntryKind, EntryRef};
use gix::objs::{TreeRef, TreeRefIter};
use std::collections::BTreeMap;

/// What becomes of an entry; `None`: it goes.
type After = Option<(EntryKind, ObjectId)>;

/// A folder that holds changes.
#[derive(Default)]
struct Folder<'p> {
    /// Its tree, where the base has it.
    tree: Option<ObjectId>,
    entries: BTreeMap<&'p [u8], After>,
}

/// The changes of one tree. A folder's key has its depth first: those above come before those below.
#[derive(Default)]
pub(super) struct Edit<'p> {
    folders: BTreeMap<(usize, &'p [u8]), Folder<'p>>,
}

impl<'p> Edit<'p> {
    /// Takes a file away.
    pub(super) fn remove(&mut self, path: &'p RepoPath) {
        self.change(path, None);
    }

    /// Puts a file, in place of whatever is or was there. None may lie below another one.
    pub(super) fn put(&mut self, path: &'p RepoPath, mode: FileMode, id: ObjectId) {
        self.change(path, Some((entry_kind(mode), id)));
    }

    fn change(&mut self, path: &'p RepoPath, after: After) {
        let above = path.parents().chain([path.as_bytes()]).enumerate();
        for (depth, below) in above {
            let (folder, name) = split(below);
            let folder = self.folders.entry((depth, folder)).or_default();
            if below.len() == path.as_bytes().len() {
                folder.entries.insert(name, after);
            }
        }
    }

    /// Makes the changes; gives the new tree.
    pub(super) fn write(mut self, known: &Known<'_>, base: ObjectId) -> Result<ObjectId, TreesError> {
        self.find_trees(known, base)?;
        let empty = || known.keep_tree(&TreeRef::empty());
        while let Some(((depth, path), folder)) = self.folders.pop_last() {
            let made = folder.write(known)?;
            if depth == 0 {
                return made.map_or_else(empty, Ok);
            }
            let (above, name) = split(path);
            let above = self.folders.entry((depth - 1, above)).or_default();
            // A file in the place of a folder stays: these changes take away all that the folder held.
            let own = above.entries.entry(name).or_default();
            *own = own.or(made.map(|id| (EntryKind::Tree, id)));
        }
        Ok(base)
    }

    /// Looks up the trees that the folders have in the base.
    fn find_trees(&mut self, known: &Known<'_>, base: ObjectId) -> Result<(), TreesError> {
        let keys: Vec<(usize, &[u8])> = self.folders.keys().copied().collect();
        for (depth, path) in keys {
            let (above, name) = split(path);
            let tree = match depth.checked_sub(1) {
                None => Some(base),
                Some(depth) => match self.folders.get(&(depth, above)).and_then(|f| f.tree) {
                    Some(tree) => folder_in(&known.tree(tree)?, name)?,
                    None => None,
                },
            };
            if let Some(folder) = self.folders.get_mut(&(depth, path)) {
                folder.tree = tree;
            }
        }
        Ok(())
    }
}

impl Folder<'_> {
    /// The folder after its changes; `None`: nothing is left in it.
    fn write(&self, known: &Known<'_>) -> Result<Option<ObjectId>, TreesError> {
        let bytes = self
            .tree
            .map(|id| known.tree(id))
            .transpose()?
            .unwrap_or_default();
        let decoded = TreeRef::from_bytes(&bytes, gix::hash::Kind::Sha1);
        let mut entries = decoded.map_err(|e| from_gix(READING, &e))?.entries;
        let mut new: BTreeMap<&[u8], &After> =
            self.entries.iter().map(|(name, after)| (*name, after)).collect();
        entries.retain_mut(|entry| match new.remove(entry.filename.as_bytes()) {
            None => true,
            Some(None) => false,
            Some(Some((kind, id))) => {
                (entry.mode, entry.oid) = ((*kind).into(), id);
                true
            }
        });
        entries.extend(new.into_iter().filter_map(|(name, after)| {
            let (kind, id) = after.as_ref()?;
            let (mode, filename) = ((*kind).into(), name.as_bstr());
            Some(EntryRef {
                mode,
                filename,
                oid: id,
            })
        }));
        if entries.is_empty() {
            return Ok(None);
        }
        // A folder is sorted as if its name ended in a slash, so one that takes a file's place may have to move.
        entries.sort();
        known.keep_tree(&TreeRef { entries }).map(Some)
    }
}

const READING: &str = "Reading the base tree";

/// The tree of a folder in a tree, if it holds one of this name.
fn folder_in(tree: &[u8], name: &[u8]) -> Result<Option<ObjectId>, TreesError> {
    for entry in TreeRefIter::from_bytes(tree, gix::hash::Kind::Sha1) {
        let entry = entry.map_err(|e| from_gix(READING, &e))?;
        if entry.filename == name {
            return Ok(entry.mode.is_tree().then(|| entry.oid.to_owned()));
        }
    }
    Ok(None)
}

/// A path's folder and its last part.
fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|b| *b == b'/') {
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b"", path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known::Memory;
    use crate::support::Sandbox;
    use gix::objs::tree::EntryKind;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Names whose order differs between files and folders.
    fn path() -> impl Strategy<Value = RepoPath> {
        let name = prop_oneof![Just("a"), Just("a.b"), Just("a-"), Just("a0"), Just("b")];
        prop::collection::vec(name, 1..4).prop_map(|parts| RepoPath::from(parts.join("/").as_str()))
    }

    fn paths() -> impl Strategy<Value = BTreeSet<RepoPath>> {
        let none_below_another = |all: BTreeSet<RepoPath>| {
            let below = |p: &RepoPath| {
                p.parents()
                    .any(|above| all.contains(&RepoPath::from_bytes(above)))
            };
            all.iter().filter(|p| !below(p)).cloned().collect()
        };
        prop::collection::btree_set(path(), 0..12).prop_map(none_below_another)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        /// Gix's own editor makes the wanted tree from nothing; here it is made out of another one.
        #[test]
        fn a_tree_by_changes_is_the_tree_made_from_nothing(before in paths(), after in paths()) {
            thread_local! {
                static REPO: (Sandbox, gix::Repository) = {
                    let sandbox = Sandbox::empty();
                    let repo = gix::open_opts(sandbox.git_dir(), gix::open::Options::isolated());
                    (sandbox, repo.expect("opened").with_object_memory())
                };
            }
            REPO.with(|(_, repo)| {
                let blob = |text: &str| repo.write_blob(text).expect("kept").detach();
                let (old, new) = (blob("old\n"), blob("new\n"));
                let whole = |paths: &BTreeSet<RepoPath>, id: ObjectId| {
                    let empty = repo.empty_tree();
                    let mut editor = empty.edit().expect("an editor");
                    for path in paths {
                        editor.upsert(path.as_bytes().as_bstr(), EntryKind::Blob, id).expect("put");
                    }
                    editor.write().expect("kept").detach()
                };
                let (from, to) = (whole(&before, old), whole(&after, new));
                let memory = Memory::default();
                let known = Known::new(repo, &memory);
                let mut edit = Edit::default();
                before.difference(&after).for_each(|path| edit.remove(path));
                after.iter().for_each(|path| edit.put(path, FileMode::Regular, new));
                let made = edit.write(&known, from).map_err(|e| TestCaseError::fail(e.to_string()))?;
                prop_assert_eq!(made, to);
                Ok(())
            })?;
        }
    }
}
