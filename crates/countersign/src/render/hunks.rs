//! The patches of a proposal with their hunks, counted as people name them when they leave some out.

use super::seen::Seen;
use countersign_core::diff::{ChangeKind, TreeDiff};
use countersign_core::id::RepositoryId;
use countersign_core::path::RepoPath;

/// One file's section of a canonical diff.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Section {
    /// How many hunks it has.
    pub(crate) hunks: u32,
    /// New, deleted or renamed: it goes as a whole or not at all.
    pub(crate) whole: bool,
}

/// The sections of a canonical diff, in order. Every line of a hunk begins with its sign, so no content looks like a
/// header.
pub(crate) fn sections(canonical: &[u8]) -> Vec<Section> {
    let mut found: Vec<Section> = Vec::new();
    for line in canonical.split(|b| *b == b'\n') {
        if line.starts_with(b"diff --git ") {
            found.push(Section {
                hunks: 0,
                whole: false,
            });
            continue;
        }
        let Some(section) = found.last_mut() else { continue };
        let indivisible: [&[u8]; 4] = [b"new file ", b"deleted file ", b"rename ", b"copy "];
        if line.starts_with(b"@@ ") {
            section.hunks += 1;
        } else if section.hunks == 0 && indivisible.iter().any(|w| line.starts_with(w)) {
            section.whole = true;
        }
    }
    found
}

/// One patch as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Patch {
    /// In which repository.
    pub(crate) repository: RepositoryId,
    /// That repository's name.
    pub(crate) name: String,
    /// Of which file: after the change, or before it where the file is deleted.
    pub(crate) path: RepoPath,
    /// `new`, `deleted`, `renamed` or nothing.
    pub(crate) what: &'static str,
    /// Hunks that can be left out one by one; 0: the patch is one piece.
    pub(crate) hunks: u32,
    /// The file's mode changes as well.
    pub(crate) mode_changes: bool,
    /// Lines added.
    pub(crate) added: u32,
    /// Lines removed.
    pub(crate) removed: u32,
}

/// Every patch of the newest drafts, in the order of their diffs.
pub(crate) fn patches(seen: &Seen) -> Vec<Patch> {
    let drafts = seen.drafts().iter();
    let of_draft = drafts.flat_map(|draft| {
        let name = seen.workflow.repository_name(&draft.repository);
        of_diff((&draft.repository, &name), &draft.diff, seen.diff(draft))
    });
    of_draft.collect()
}

fn of_diff((repository, name): (&RepositoryId, &str), diff: &TreeDiff, canonical: &[u8]) -> Vec<Patch> {
    let mut sections = sections(canonical).into_iter().peekable();
    let mut found = Vec::with_capacity(diff.files.len());
    for file in &diff.files {
        let section = sections.next();
        let (what, mode_changes) = match &file.change {
            ChangeKind::Added { .. } => ("new", false),
            ChangeKind::Deleted { .. } => ("deleted", false),
            ChangeKind::Renamed { .. } => ("renamed", false),
            ChangeKind::Modified { old, new } => ("", old.mode != new.mode),
        };
        // A file that turns into a link is deleted in one section and made in the next.
        let whole = section.is_none_or(|s| s.whole);
        if what.is_empty() && whole {
            sections.next();
        }
        found.push(Patch {
            repository: repository.clone(),
            name: name.to_owned(),
            path: file.path().clone(),
            what,
            hunks: section.filter(|s| !s.whole).map_or(0, |s| s.hunks),
            mode_changes,
            added: file.added,
            removed: file.removed,
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_that_looks_like_a_header_is_no_hunk() {
        let diff = b"diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-@@ -1 +1 @@\n+diff --git a/a b/a\n@@ -9 +9 @@\n-y\n+z\ndiff --git a/n b/n\nnew file mode 100644\n@@ -0,0 +1 @@\n+new file mode\n";
        let found = sections(diff);
        assert_eq!(
            found,
            [
                Section {
                    hunks: 2,
                    whole: false
                },
                Section {
                    hunks: 1,
                    whole: true
                }
            ]
        );
    }
}
