//! The typed diff held against small canonical diffs, which are rendered here without git.

#![expect(clippy::unwrap_used, reason = "a test that can't set its scene has failed")]

mod anchors;
mod limits;
mod lines;
mod words;

use super::form::{FileView, LineView, TypedDiff};
use super::{Wanted, typed_diff};
use crate::diff::{ChangeKind, FileChange, FileMode, FileSide, TreeDiff};
use crate::digest::DiffHash;
use crate::id::{BlobSha, TreeSha};
use crate::path::RepoPath;
use sha1::{Digest as _, Sha1};
use similar::{ChangeTag, TextDiff};

/// A change of files, and its canonical diff as it grows.
#[derive(Default)]
pub(super) struct Scene {
    files: Vec<FileChange>,
    canonical: Vec<u8>,
    old: Vec<(BlobSha, Vec<u8>)>,
}

impl Scene {
    /// One file that is changed in place.
    pub(super) fn of(old: impl AsRef<[u8]>, new: impl AsRef<[u8]>) -> Self {
        Self::default().file(Some("a.rs"), Some("a.rs"), old, new)
    }

    /// Adds a changed regular file; no path on one side: it is new or gone.
    pub(super) fn file(
        self,
        from: Option<&str>,
        to: Option<&str>,
        old: impl AsRef<[u8]>,
        new: impl AsRef<[u8]>,
    ) -> Self {
        let side = |path: Option<&str>, content: &[u8]| path.map(|p| side(p, FileMode::Regular, content));
        let (old, new) = (old.as_ref(), new.as_ref());
        self.sides(side(from, old), side(to, new), old, new)
    }

    pub(super) fn sides(
        mut self,
        from: Option<FileSide>,
        to: Option<FileSide>,
        old: &[u8],
        new: &[u8],
    ) -> Self {
        let similar = "similarity index 87%\n";
        self.canonical.extend_from_slice(b"diff --git a/x b/x\n");
        let change = match (from, to) {
            (None, Some(new)) => ChangeKind::Added { new },
            (Some(old), None) => ChangeKind::Deleted { old },
            (Some(old), Some(new)) if old.path == new.path => ChangeKind::Modified { old, new },
            (Some(old), Some(new)) => {
                self.canonical.extend_from_slice(similar.as_bytes());
                ChangeKind::Renamed { old, new }
            }
            (None, None) => panic!("a file has a side"),
        };
        let (added, removed) = hunks(old, new, &mut self.canonical);
        self.old.push((blob(old), old.to_vec()));
        self.files.push(FileChange {
            change,
            added,
            removed,
            binary: false,
            symlink_target: None,
        });
        self
    }

    pub(super) fn facts(&self) -> TreeDiff {
        TreeDiff {
            base_tree: TreeSha::parse(&"1".repeat(40)).unwrap(),
            result_tree: TreeSha::parse(&"2".repeat(40)).unwrap(),
            diff_hash: DiffHash::of_bytes(&self.canonical),
            files: self.files.clone(),
        }
    }

    pub(super) fn view(&self) -> TypedDiff {
        self.view_of(&Wanted::default())
    }

    pub(super) fn view_of(&self, wanted: &Wanted) -> TypedDiff {
        let old = |blob: &BlobSha| {
            let found = self.old.iter().find(|(id, _)| id == blob);
            found.map(|(_, content)| content.clone())
        };
        typed_diff(&self.facts(), &self.canonical, &old, wanted).unwrap()
    }
}

pub(super) fn side(path: &str, mode: FileMode, content: &[u8]) -> FileSide {
    FileSide {
        path: RepoPath::from(path),
        mode,
        blob: blob(content),
        size: content.len() as u64,
    }
}

fn blob(content: &[u8]) -> BlobSha {
    BlobSha::parse(&hex::encode(Sha1::digest(content))).unwrap()
}

/// Hunks as git writes them: three lines around each change.
fn hunks(old: &[u8], new: &[u8], out: &mut Vec<u8>) -> (u32, u32) {
    let lines = |content: &'_ [u8]| -> Vec<Vec<u8>> {
        content
            .split_inclusive(|b| *b == b'\n')
            .map(<[u8]>::to_vec)
            .collect()
    };
    let (old, new) = (lines(old), lines(new));
    let old: Vec<&[u8]> = old.iter().map(Vec::as_slice).collect();
    let new: Vec<&[u8]> = new.iter().map(Vec::as_slice).collect();
    let diff = TextDiff::configure().diff_slices(&old, &new);
    let (mut added, mut removed) = (0, 0);
    for group in diff.grouped_ops(3) {
        let (first, last) = (group.first().unwrap(), group.last().unwrap());
        let before = first.old_range().start..last.old_range().end;
        let after = first.new_range().start..last.new_range().end;
        let head = format!("@@ -{} +{} @@\n", range(&before), range(&after));
        out.extend_from_slice(head.as_bytes());
        for change in group.iter().flat_map(|op| diff.iter_changes(op)) {
            let (mark, counted) = match change.tag() {
                ChangeTag::Equal => (b' ', None),
                ChangeTag::Delete => (b'-', Some(&mut removed)),
                ChangeTag::Insert => (b'+', Some(&mut added)),
            };
            *counted.unwrap_or(&mut 0) += 1;
            out.push(mark);
            out.extend_from_slice(change.value());
            if !change.value().ends_with(b"\n") {
                out.extend_from_slice(b"\n\\ No newline at end of file\n");
            }
        }
    }
    (added, removed)
}

fn range(range: &std::ops::Range<usize>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        count => format!("{},{count}", range.start + 1),
    }
}

/// All listed lines of a file.
pub(super) fn all_lines(file: &FileView) -> Vec<&LineView> {
    file.hunks.iter().flat_map(|h| &h.lines).collect()
}

/// The only line that says this.
pub(super) fn line<'d>(diff: &'d TypedDiff, text: &str) -> &'d LineView {
    let lines = diff.files.iter().flat_map(all_lines);
    let found: Vec<&LineView> = lines.filter(|l| l.text == text).collect();
    assert_eq!(found.len(), 1, "one line `{text}` in {diff:#?}");
    found[0]
}

/// Lines that are all different.
pub(super) fn numbered(count: usize) -> Vec<String> {
    (1..=count).map(|i| format!("statement number {i};\n")).collect()
}
