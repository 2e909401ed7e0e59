//! A diff on a page: its lines in colours and with their numbers, and what policy, critic and agent say about it at the file and
//! at the line that they mean.

use super::said::said;
use crate::shown::asking::{claims, masking};
use crate::shown::lines::Page;
use crate::shown::{Seen, policy, visible, visible_bytes, waivers};
use countersign_core::artifact::FindingLevel;
use countersign_core::diff::{FileChange, TreeDiff};
use countersign_core::patch_set::Draft;
use countersign_core::path::{RepoPath, quote};
use countersign_core::policy::{Severity, Violation};
use countersign_inspect::masked;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// Lines of a diff that are shown on the page; the rest is left out and said so.
const LINES_MAX: usize = 20_000;

/// What is said about one place: how it looks, and the words.
type Mark = (&'static str, String);

/// What is said about one file.
#[derive(Debug, Default)]
struct FileMarks {
    /// About all of it.
    whole: Vec<Mark>,
    /// By lines of the new side.
    lines: BTreeMap<u64, Vec<Mark>>,
}

/// What is said about a diff.
#[derive(Debug, Default)]
struct Marks {
    /// By the first line of a file's section.
    files: BTreeMap<Vec<u8>, FileMarks>,
    /// Of the section that is being shown.
    here: FileMarks,
}

impl Marks {
    /// Broken rules and the critic's findings, where they are about a file.
    fn of(seen: &Seen, draft: &Draft) -> Self {
        let mut marks = Self::default();
        for violation in &seen.workflow.violations {
            let Some(path) = violation
                .path
                .as_ref()
                .filter(|_| violation.repository == draft.repository)
            else {
                continue;
            };
            let Some(file) = marks.file(&draft.diff, path) else {
                continue;
            };
            let class = class(violation);
            let head = format!("{} {}", heavy(violation), violation.id());
            for line in &violation.lines {
                let mark = (class, format!("{head}: {}", violation.message));
                file.lines.entry(u64::from(*line)).or_default().push(mark);
            }
            let lines = policy::lines(&violation.lines);
            file.whole
                .push((class, format!("{head}{lines}: {}", violation.message)));
        }
        let findings = seen.workflow.critique.iter().flat_map(|c| &c.findings);
        for finding in findings.filter(|f| f.repository.as_ref().is_none_or(|r| *r == draft.repository)) {
            let Some(file) = finding
                .path
                .as_ref()
                .and_then(|path| marks.file(&draft.diff, path))
            else {
                continue;
            };
            let class = match finding.level {
                FindingLevel::Note => "warn",
                FindingLevel::Reject => "bad",
            };
            file.whole
                .push((class, format!("critic, {}: {}", finding.code, finding.text)));
        }
        marks
    }

    /// What is said below the next line: about a file at its head, about a line where it stands on the new side.
    fn below(&mut self, line: &[u8], class: &str, number: Option<u64>) -> Vec<Mark> {
        match (class, number) {
            ("file", _) => {
                self.here = self.files.remove(line).unwrap_or_default();
                std::mem::take(&mut self.here.whole)
            }
            ("add" | "same", Some(number)) => self.here.lines.remove(&number).unwrap_or_default(),
            (_, _) => Vec::new(),
        }
    }

    /// Of the file that has that path on either side.
    fn file(&mut self, diff: &TreeDiff, path: &RepoPath) -> Option<&mut FileMarks> {
        let change = diff.files.iter().find(|f| f.paths().contains(&path))?;
        Some(self.files.entry(begins(change)).or_default())
    }
}

/// Let pass is never shown as green.
fn class(violation: &Violation) -> &'static str {
    match (violation.severity, violation.waived_until) {
        (Severity::Block, None) => "bad",
        (Severity::Block, Some(_)) | (Severity::Warn, _) => "warn",
    }
}

fn heavy(violation: &Violation) -> String {
    let word = waivers::weight(violation.severity);
    match violation.waived_until {
        Some(_) => format!("waived {word}"),
        None => word.to_owned(),
    }
}

/// The line that a file's section of a canonical diff begins with.
fn begins(change: &FileChange) -> Vec<u8> {
    let old = change.old().map_or_else(|| change.path(), |side| &side.path);
    let named = |prefix: &[u8], path: &RepoPath| {
        let whole = [prefix, path.as_bytes()].concat();
        let plain = |b: &u8| matches!(b, 0x20..=0x7e) && !matches!(b, b'"' | b'\\');
        match whole.iter().all(plain) {
            true => whole,
            false => quote(&whole).into_bytes(),
        }
    };
    [
        b"diff --git ".as_slice(),
        &named(b"a/", old),
        b" ",
        &named(b"b/", change.path()),
    ]
    .concat()
}

/// One draft: what its agent claims, and the whole of it.
pub(super) fn diff(seen: &Seen, draft: &Draft) -> Markup {
    let shown = masked(seen.diff(draft), &draft.findings);
    let mut hidden = Page::new();
    masking(&mut hidden, shown.lines);
    html! {
        section {
            h2 { "Diff of " (visible(&seen.workflow.repository_name(&draft.repository))) " "
                span.dim { "+" (draft.diff.added()) " −" (draft.diff.removed()) } }
            (said(&claims(draft))) (said(&hidden))
            (coloured(&shown.bytes, &mut Marks::of(seen, draft)))
            @if lines_in(&shown.bytes) > LINES_MAX {
                p { "The whole diff: " code { "countersign diff " (seen.workflow.id) } }
            }
        }
    }
}

fn lines_in(diff: &[u8]) -> usize {
    diff.split_inclusive(|b| *b == b'\n').count()
}

/// Longest head of a hunk up to its second `@@`, in bytes: four numbers of 20 digits, and what is between.
const HUNK_HEAD_MAX_BYTES: usize = 96;

/// Where one is in a diff: what a line is, and its number, by which comments name it.
#[derive(Default)]
struct Walk {
    in_hunk: bool,
    old: u64,
    new: u64,
}

impl Walk {
    /// The class of the next line, and its number on its own side; on the new one where both have it.
    fn step(&mut self, line: &[u8]) -> (&'static str, Option<u64>) {
        if let Some((old, new)) = hunk_begins(line) {
            *self = Self {
                in_hunk: true,
                old,
                new,
            };
            return ("hunk", None);
        }
        self.in_hunk &= !line.starts_with(b"diff ");
        let (class, on_old, on_new) = match line.first() {
            Some(b'+') if self.in_hunk => ("add", 0, 1),
            Some(b'-') if self.in_hunk => ("del", 1, 0),
            Some(b' ') if self.in_hunk => ("same", 1, 1),
            Some(_) if line.starts_with(b"diff ") => ("file", 0, 0),
            Some(_) | None => ("dim", 0, 0),
        };
        let number = match (on_old, on_new) {
            (0, 0) => None,
            (_, 0) => Some(self.old),
            (_, _) => Some(self.new),
        };
        (self.old, self.new) = (self.old + on_old, self.new + on_new);
        (class, number)
    }
}

/// The first lines of a hunk's two sides, out of `@@ -OLD[,N] +NEW[,N] @@`.
fn hunk_begins(line: &[u8]) -> Option<(u64, u64)> {
    // What follows the numbers is a line of the file, in whatever bytes.
    let head = String::from_utf8_lossy(&line[..line.len().min(HUNK_HEAD_MAX_BYTES)]);
    let mut sides = head.strip_prefix("@@ -")?.splitn(3, ' ');
    let first = |side: &str| side.split(',').next()?.parse().ok();
    Some((first(sides.next()?)?, first(sides.next()?.strip_prefix('+')?)?))
}

/// A diff in colours, with its lines' numbers, as far as a page goes.
pub(super) fn diff_lines(diff: &[u8]) -> Markup {
    coloured(diff, &mut Marks::default())
}

fn coloured(diff: &[u8], marks: &mut Marks) -> Markup {
    let (all, mut walk) = (lines_in(diff), Walk::default());
    let bare = |line: &'_ [u8]| line.strip_suffix(b"\n").map_or(line.len(), <[u8]>::len);
    html! {
        pre.diff tabindex="0" { @for line in diff.split_inclusive(|b| *b == b'\n').take(LINES_MAX) {
            @let line = &line[..bare(line)];
            @let (class, number) = walk.step(line);
            span class=(class) data-line=[number] { (visible_bytes(line)) "\n" }
            @for (class, words) in marks.below(line, class, number) {
                span class={ "mark " (class) } { "▲ " (visible(&words)) "\n" }
            }
        } }
        @if all > LINES_MAX { p.warn { "Only the first " (LINES_MAX) " of " (all) " lines are shown here." } }
    }
}

#[cfg(test)]
mod tests {
    use super::Walk;

    #[test]
    fn lines_have_the_numbers_by_which_comments_name_them() {
        let diff = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -9,3 +12,3 @@ fn \u{e4}()\n same\n-old\n+new\n+newer\n\\ No newline\n\
                    @@ -40 +44 @@\n-@@ -1 +1 @@\ndiff --git a/y b/y\n+++ b/y\n";
        let mut walk = Walk::default();
        let steps: Vec<_> = diff.lines().map(|line| walk.step(line.as_bytes())).collect();
        let expected = [
            ("file", None),
            ("dim", None),
            ("dim", None),
            ("hunk", None),
            ("same", Some(12)),
            ("del", Some(10)),
            ("add", Some(13)),
            ("add", Some(14)),
            ("dim", None),
            ("hunk", None),
            ("del", Some(40)),
            ("file", None),
            ("dim", None),
        ];
        assert_eq!(steps, expected);
    }
}
