//! The changed files with the lines that the change brings in and takes out.
//!
//! Only what the change introduces counts: what stands in unchanged lines isn't held against it.

use crate::{Change, ChangedFile, Finding, Rule};
use countersign_core::diff::{FileMode, FileSide};
use countersign_core::id::BlobSha;
use countersign_core::path::RepoPath;
use similar::{Algorithm, DiffOp, capture_diff_slices};
use std::collections::{BTreeMap, BTreeSet};

/// Largest content that is looked into, in bytes.
pub const MAX_INSPECTED_BYTES: usize = 8 * 1024 * 1024;
/// Most lines (both sides, after what is equal at both ends) that are aligned; above it lines are counted instead.
const MAX_ALIGNED_LINES: usize = 40_000;
/// Most lines that one finding names.
pub(crate) const MAX_FINDING_LINES: usize = 50;

/// One changed file as it is looked at.
pub(crate) struct Seen<'a> {
    pub(crate) file: &'a ChangedFile<'a>,
    /// Content before: none where there is no such side, or it is no file.
    pub(crate) old: Option<&'a [u8]>,
    /// Content after.
    pub(crate) new: Option<&'a [u8]>,
    /// Lines that the change brings in, in order.
    pub(crate) added: Vec<Line<'a>>,
    /// Lines that it takes out, in order.
    pub(crate) removed: Vec<Line<'a>>,
    added_numbers: BTreeSet<u32>,
}

/// A line of one side, without its line feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// From 1.
    pub(crate) number: u32,
    pub(crate) bytes: &'a [u8],
}

impl<'a> Line<'a> {
    /// The line as text; what isn't UTF-8 is left out.
    pub(crate) fn text(self) -> std::borrow::Cow<'a, str> {
        match std::str::from_utf8(self.bytes) {
            Ok(text) => text.into(),
            Err(_) => self
                .bytes
                .utf8_chunks()
                .map(|chunk| chunk.valid())
                .collect::<String>()
                .into(),
        }
    }
}

impl<'a> Seen<'a> {
    pub(crate) fn path(&self) -> &'a RepoPath {
        self.file.facts.path()
    }

    pub(crate) fn old_path(&self) -> Option<&'a RepoPath> {
        self.file.facts.old().map(|side| &side.path)
    }

    pub(crate) fn new_path(&self) -> Option<&'a RepoPath> {
        self.file.facts.new_side().map(|side| &side.path)
    }

    /// The blob that a finding is about.
    pub(crate) fn blob(&self) -> Option<BlobSha> {
        let side = self.file.facts.new_side().or(self.file.facts.old());
        side.map(|side| side.blob.clone())
    }

    /// The content after as text; none where it isn't UTF-8.
    pub(crate) fn new_text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.new?).ok()
    }

    /// The content before as text; none where it isn't UTF-8.
    pub(crate) fn old_text(&self) -> Option<&'a str> {
        std::str::from_utf8(self.old?).ok()
    }

    /// Whether the change brings in the line of that number of the new side.
    pub(crate) fn adds_line(&self, number: u32) -> bool {
        self.added_numbers.contains(&number)
    }

    /// A finding about this file.
    pub(crate) fn finding(&self, rule: Rule, mut lines: Vec<u32>, message: String) -> Finding {
        lines.sort_unstable();
        lines.dedup();
        lines.truncate(MAX_FINDING_LINES);
        Finding {
            custom: None,
            severity: None,
            rule,
            path: Some(self.path().clone()),
            blob: self.blob(),
            lines,
            message,
        }
    }

    /// Numbers of the added lines that hold the text.
    pub(crate) fn added_lines_with(&self, text: &str) -> Vec<u32> {
        let hits = self
            .added
            .iter()
            .filter(|line| !text.is_empty() && line.text().contains(text));
        hits.take(MAX_FINDING_LINES).map(|line| line.number).collect()
    }
}

/// Looks at every changed file; what can't be looked at is a finding.
pub(crate) fn all<'a>(change: &Change<'a>, findings: &mut Vec<Finding>) -> Vec<Seen<'a>> {
    change.files.iter().map(|file| one(file, findings)).collect()
}

fn one<'a>(file: &'a ChangedFile<'a>, findings: &mut Vec<Finding>) -> Seen<'a> {
    let mut seen = Seen {
        file,
        old: None,
        new: None,
        added: Vec::new(),
        removed: Vec::new(),
        added_numbers: BTreeSet::new(),
    };
    let sides = [
        ("before", file.facts.old(), file.old),
        ("after", file.facts.new_side(), file.new),
    ];
    let [old, new] = sides.map(|(when, side, content)| match content_of(side, content) {
        Ok(content) => content,
        Err(reason) => {
            let text = format!("The content {when} the change was not looked into: {reason}.");
            findings.push(seen.finding(Rule::NotInspected, Vec::new(), text));
            None
        }
    });
    (seen.old, seen.new) = (old, new);
    if !file.facts.binary {
        (seen.removed, seen.added) = edits(old.unwrap_or_default(), new.unwrap_or_default());
        seen.added_numbers = seen.added.iter().map(|line| line.number).collect();
    }
    seen
}

fn content_of<'a>(side: Option<&FileSide>, content: Option<&'a [u8]>) -> Result<Option<&'a [u8]>, String> {
    let Some(side) = side else { return Ok(None) };
    match (side.mode, content) {
        (FileMode::Submodule | FileMode::Symlink, _) => Ok(None),
        (FileMode::Regular | FileMode::Executable, None) => Err("it was not read".to_owned()),
        (FileMode::Regular | FileMode::Executable, Some(bytes)) if bytes.len() > MAX_INSPECTED_BYTES => Err(
            format!("it has {} bytes, more than {MAX_INSPECTED_BYTES}", bytes.len()),
        ),
        (FileMode::Regular | FileMode::Executable, Some(bytes)) => Ok(Some(bytes)),
    }
}

/// Lines taken out and lines brought in.
fn edits<'a>(old: &'a [u8], new: &'a [u8]) -> (Vec<Line<'a>>, Vec<Line<'a>>) {
    let (old, new) = (split(old), split(new));
    let same = |(a, b): &(&&[u8], &&[u8])| a == b;
    let start = old.iter().zip(&new).take_while(same).count();
    let most = old.len().min(new.len()) - start;
    let end = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take(most)
        .take_while(same)
        .count();
    let (old_part, new_part) = (&old[start..old.len() - end], &new[start..new.len() - end]);
    let line = |(at, bytes): (usize, &&'a [u8])| Line {
        number: u32::try_from(start + at + 1).unwrap_or(u32::MAX),
        bytes: bytes.strip_suffix(b"\n").unwrap_or(bytes),
    };
    let (removed, added) = if old_part.len() + new_part.len() <= MAX_ALIGNED_LINES {
        aligned(old_part, new_part)
    } else {
        (surplus(old_part, new_part), surplus(new_part, old_part))
    };
    let pick = |lines: &[&'a [u8]], numbers: Vec<usize>| {
        numbers.into_iter().map(|at| line((at, &lines[at]))).collect()
    };
    (pick(old_part, removed), pick(new_part, added))
}

fn split(content: &[u8]) -> Vec<&[u8]> {
    content.split_inclusive(|b| *b == b'\n').collect()
}

fn aligned(old: &[&[u8]], new: &[&[u8]]) -> (Vec<usize>, Vec<usize>) {
    let (mut removed, mut added) = (Vec::new(), Vec::new());
    for op in capture_diff_slices(Algorithm::Myers, old, new) {
        match op {
            DiffOp::Equal { .. } => {}
            DiffOp::Delete {
                old_index, old_len, ..
            } => removed.extend(old_index..old_index + old_len),
            DiffOp::Insert {
                new_index, new_len, ..
            } => added.extend(new_index..new_index + new_len),
            DiffOp::Replace {
                old_index,
                old_len,
                new_index,
                new_len,
            } => {
                removed.extend(old_index..old_index + old_len);
                added.extend(new_index..new_index + new_len);
            }
        }
    }
    (removed, added)
}

/// Lines of `these` beyond the number of equal ones in `those`.
fn surplus(these: &[&[u8]], those: &[&[u8]]) -> Vec<usize> {
    let mut left: BTreeMap<&[u8], usize> = BTreeMap::new();
    for line in those {
        *left.entry(line).or_default() += 1;
    }
    let mut found = Vec::new();
    for (at, line) in these.iter().enumerate() {
        match left.get_mut(line) {
            Some(count) if *count > 0 => *count -= 1,
            Some(_) | None => found.push(at),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(lines: &[Line<'_>]) -> Vec<(u32, String)> {
        lines.iter().map(|l| (l.number, l.text().into_owned())).collect()
    }

    #[test]
    fn only_lines_that_the_change_brings_in_are_added() {
        let (removed, added) = edits(b"a\nb\nc\nd\n", b"a\nB\nc\nd\ne");
        assert_eq!(texts(&removed), [(2, "b".into())]);
        assert_eq!(texts(&added), [(2, "B".into()), (5, "e".into())]);
        assert_eq!(edits(b"same\n", b"same\n"), (vec![], vec![]));
        assert_eq!(texts(&edits(b"", b"new\n").1), [(1, "new".into())]);
    }

    #[test]
    fn too_many_lines_are_counted_instead_of_aligned() {
        let many = |from: usize| {
            (from..from + 30_000)
                .map(|i| format!("{i}\n"))
                .collect::<String>()
        };
        let (old, new) = (format!("x\n{}y\n", many(0)), format!("1\n{}2\n", many(15_000)));
        let (removed, added) = edits(old.as_bytes(), new.as_bytes());
        assert_eq!((removed.len(), added.len()), (15_000, 15_000));
    }

    proptest! {
        #[test]
        fn lines_that_stay_and_lines_that_come_make_the_new_side(
            old in proptest::collection::vec(0u8..4, 0..40),
            new in proptest::collection::vec(0u8..4, 0..40),
        ) {
            let text = |lines: &[u8]| lines.iter().flat_map(|l| [b'a' + l, b'\n']).collect::<Vec<u8>>();
            let (old, new) = (text(&old), text(&new));
            let (removed, added) = edits(&old, &new);
            let kept = |side: &[u8], gone: &[Line<'_>]| -> Vec<u8> {
                let gone: BTreeSet<u32> = gone.iter().map(|l| l.number).collect();
                let lines = (1u32..).zip(split(side));
                lines.filter(|(n, _)| !gone.contains(n)).flat_map(|(_, l)| l.to_vec()).collect()
            };
            prop_assert_eq!(kept(&old, &removed), kept(&new, &added));
        }
    }
}
