//! Paths that some file systems take for one: equal but for case, Unicode form, final dots or the name of a stream.

use super::fold::file_key;
use crate::path::RepoPath;
use std::collections::{BTreeMap, BTreeSet};

/// A path of the result that the proposal changed.
#[derive(Clone, Copy)]
pub(super) struct ResultPath<'a> {
    pub(super) path: &'a RepoPath,
    /// The proposal put it there: added, or renamed to it.
    pub(super) introduced: bool,
}

/// Paths of `changed` that some file system takes for another path of the result, each with a sentence.
///
/// A changed path collides with an equal one, an introduced path also by the folders above it.
pub(super) fn collisions<'a>(
    changed: &[ResultPath<'a>],
    others: &'a [RepoPath],
) -> Vec<(&'a RepoPath, String)> {
    let mut tree = FoldedTree::default();
    for path in changed.iter().map(|c| c.path).chain(others) {
        tree.insert(path);
    }
    let mut found = Vec::new();
    for ResultPath { path, introduced } in changed {
        let whole = tree
            .equal_path(path)
            .map(|other| format!("Some file systems take it for `{other}`."));
        let part = || tree.other_part(path).filter(|_| *introduced);
        let folder = || part().map(|other| format!("Some file systems take a part of it for `{other}`."));
        if let Some(message) = whole.or_else(folder) {
            found.push((*path, message));
        }
    }
    found
}

/// Paths by their folded parts; its size grows with the paths' length, however deep they are.
#[derive(Default)]
struct FoldedTree<'a> {
    /// Number of the folder above (0 is the root) and folded name, to the entry's own number.
    numbers: BTreeMap<(usize, Vec<u8>), usize>,
    entries: BTreeMap<usize, Entry<'a>>,
}

#[derive(Default)]
struct Entry<'a> {
    /// How the last part is spelt.
    names: BTreeSet<&'a [u8]>,
    /// Whole paths that end here.
    paths: BTreeSet<&'a RepoPath>,
}

impl<'a> FoldedTree<'a> {
    fn insert(&mut self, path: &'a RepoPath) {
        let mut at = 0;
        for part in path.parts() {
            let next = self.numbers.len() + 1;
            at = *self.numbers.entry((at, file_key(part))).or_insert(next);
            self.entries.entry(at).or_default().names.insert(part);
        }
        self.entries.entry(at).or_default().paths.insert(path);
    }

    /// Each part with its entry, outermost first.
    fn entries(&self, path: &'a RepoPath) -> impl Iterator<Item = (&'a [u8], &Entry<'a>)> {
        let mut at = 0;
        path.parts().map_while(move |part| {
            at = *self.numbers.get(&(at, file_key(part)))?;
            Some((part, self.entries.get(&at)?))
        })
    }

    /// Another whole path that folds to the same.
    fn equal_path(&self, path: &'a RepoPath) -> Option<&'a RepoPath> {
        let (_, entry) = self.entries(path).last()?;
        entry.paths.iter().copied().find(|other| *other != path)
    }

    /// Another spelling of a part.
    fn other_part(&self, path: &'a RepoPath) -> Option<RepoPath> {
        let other =
            |(part, entry): (&[u8], &Entry<'a>)| entry.names.iter().copied().find(|name| *name != part);
        self.entries(path).find_map(other).map(RepoPath::from_bytes)
    }
}
