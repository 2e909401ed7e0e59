//! Facts and canonical bytes put together to a typed diff, within limits.

use super::anchor::{self, Anchor, HunkAnchors};
use super::form::{
    Change, EntryType, FileView, HunkView, LineSide, LineView, SideView, TextView, Truncated, TypedDiff,
};
use super::marks::{Ends, path_view, text_view};
use super::pairs::{Budget, pair};
use super::read::{RawHunk, RawLine, Section, sections};
use super::{VERSION, ViewError, heading};
use crate::diff::{ChangeKind, FileChange, FileMode, FileSide, TreeDiff};
use crate::digest::DiffHash;
use crate::id::BlobSha;
use crate::patch::Side;
use crate::path::RepoPath;

/// How many bytes of the serialized form a listed line costs besides its text, about.
const LINE_COST_BYTES: usize = 200;
/// How many bytes of the serialized form a mark costs, about.
const MARK_COST_BYTES: usize = 100;
/// Longest heading, in bytes (git's).
const HEADING_MAX_BYTES: usize = 80;
/// Longest symlink target that is shown, in bytes (PATH_MAX of Linux).
const TARGET_MAX_BYTES: usize = 4096;

/// How much is listed at most. What doesn't fit is counted in [`Truncated`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files.
    pub files: usize,
    /// Lines over all files.
    pub lines: usize,
    /// Lines of one file.
    pub file_lines: usize,
    /// Bytes of the serialized form over all files, about.
    pub bytes: usize,
    /// Bytes of one line's text.
    pub line_bytes: usize,
    /// Changed lines over all files that get partners and word ranges.
    pub word_lines: usize,
    /// Changed lines of one file that get partners and word ranges.
    pub file_word_lines: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files: 3_000,
            lines: 50_000,
            file_lines: 10_000,
            bytes: 32 << 20,
            line_bytes: 8 << 10,
            word_lines: 20_000,
            file_word_lines: 2_000,
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// How much at most.
    pub limits: Limits,
    /// Only the file with this path (the new one, or the old one of a deleted file); the others count as left out.
    pub only: Option<RepoPath>,
}

/// Makes the typed diff of a change.
///
/// `old_content` gives a blob of the base where it is at hand, for the headings of hunks; it is asked once per
/// listed file.
///
/// # Errors
/// When the bytes are not the canonical diff that the facts were made with.
pub fn typed_diff(
    facts: &TreeDiff,
    canonical: &[u8],
    old_content: &dyn Fn(&BlobSha) -> Option<Vec<u8>>,
    wanted: &Wanted,
) -> Result<TypedDiff, ViewError> {
    if DiffHash::of_bytes(canonical) != facts.diff_hash {
        return Err(ViewError::ForeignBytes);
    }
    let mut sections = sections(canonical)?.into_iter();
    let mut builder = Builder::new(&wanted.limits, old_content);
    for file in &facts.files {
        let parts: Vec<Section<'_>> = sections.by_ref().take(section_count(file)).collect();
        check(file, &parts)?;
        if wanted.only.as_ref().is_none_or(|only| only == file.path()) {
            builder.add(file, &parts);
        } else {
            builder.missing.add(&whole(&parts));
        }
    }
    if sections.next().is_some() {
        return mismatch("it has more files than its facts");
    }
    Ok(TypedDiff {
        version: VERSION,
        base_tree: facts.base_tree.clone(),
        result_tree: facts.result_tree.clone(),
        diff_hash: facts.diff_hash,
        files_changed: facts.files.len() as u64,
        added: facts.added(),
        removed: facts.removed(),
        truncated: builder.missing.said(),
        files: builder.files,
    })
}

fn mismatch<T>(reason: &'static str) -> Result<T, ViewError> {
    Err(ViewError::NotCanonical { line: 0, reason })
}

/// A file that becomes a symlink, or the other way, has two sections.
fn section_count(file: &FileChange) -> usize {
    match &file.change {
        ChangeKind::Modified { old, new } if type_of(old.mode) != type_of(new.mode) => 2,
        ChangeKind::Modified { .. }
        | ChangeKind::Added { .. }
        | ChangeKind::Deleted { .. }
        | ChangeKind::Renamed { .. } => 1,
    }
}

fn type_of(mode: FileMode) -> u8 {
    match mode {
        FileMode::Regular | FileMode::Executable => 0,
        FileMode::Symlink => 1,
        FileMode::Submodule => 2,
    }
}

/// Each file's section must have the lines that its facts count.
fn check(file: &FileChange, parts: &[Section<'_>]) -> Result<(), ViewError> {
    if parts.len() != section_count(file) {
        return mismatch("it has fewer files than its facts");
    }
    let count = |side: Side| {
        let hunks = parts.iter().flat_map(|p| &p.hunks);
        hunks.flat_map(|h| &h.lines).filter(|l| l.side == side).count()
    };
    if count(Side::Added) != file.added as usize || count(Side::Removed) != file.removed as usize {
        return mismatch("a file has other lines than its facts count");
    }
    Ok(())
}

/// All of a file, as left out.
fn whole(parts: &[Section<'_>]) -> Truncated {
    let hunks = parts.iter().flat_map(|p| &p.hunks);
    Truncated {
        files: 1,
        hunks: hunks.clone().count() as u64,
        lines: hunks.map(|h| h.lines.len() as u64).sum(),
        ..Truncated::default()
    }
}

struct Builder<'a> {
    limits: &'a Limits,
    old_content: &'a dyn Fn(&BlobSha) -> Option<Vec<u8>>,
    lines: usize,
    bytes: usize,
    word_lines: usize,
    files: Vec<FileView>,
    missing: Truncated,
}

impl<'a> Builder<'a> {
    fn new(limits: &'a Limits, old_content: &'a dyn Fn(&BlobSha) -> Option<Vec<u8>>) -> Self {
        Self {
            limits,
            old_content,
            lines: limits.lines,
            bytes: limits.bytes,
            word_lines: limits.word_lines,
            files: Vec::new(),
            missing: Truncated::default(),
        }
    }

    fn add(&mut self, file: &FileChange, parts: &[Section<'_>]) {
        if self.files.len() >= self.limits.files {
            self.missing.add(&whole(parts));
            return;
        }
        let raw: Vec<&RawHunk<'_>> = parts.iter().flat_map(|p| &p.hunks).collect();
        let key = match file.old() {
            Some(old) => anchor::of_base_file(&old.path),
            None => anchor::of_new_file(file.path()),
        };
        let mut missing = Truncated::default();
        let hunks = self.hunks(file, &raw, anchor::of_hunks(key, &raw), &mut missing);
        self.missing.add(&missing);
        self.files.push(FileView {
            change: change(&file.change),
            path: path_view(file.path()),
            old: file.old().map(|side| side_view(side, file, &raw, Side::Added)),
            new: file
                .new_side()
                .map(|side| side_view(side, file, &raw, Side::Removed)),
            similarity: parts.iter().find_map(|p| p.similarity),
            binary: file.binary,
            added: file.added,
            removed: file.removed,
            truncated: missing.said(),
            anchor: Anchor::File(key),
            hunks,
        });
    }

    fn hunks(
        &mut self,
        file: &FileChange,
        raw: &[&RawHunk<'_>],
        anchors: Vec<HunkAnchors>,
        missing: &mut Truncated,
    ) -> Vec<HunkView> {
        let old = file.old().filter(|_| raw.iter().any(|h| h.old_start > 1));
        let old = old
            .and_then(|side| (self.old_content)(&side.blob))
            .unwrap_or_default();
        let old_lines: Vec<&[u8]> = old.split(|b| *b == b'\n').collect();
        let mut file_lines = self.limits.file_lines;
        let mut words = Budget::of_lines(self.limits.file_word_lines.min(self.word_lines));
        let allowed = words.lines;
        let mut hunks = Vec::new();
        for (hunk, anchors) in raw.iter().zip(anchors) {
            if file_lines.min(self.lines) == 0 || self.bytes == 0 {
                missing.hunks += 1;
                missing.lines += hunk.lines.len() as u64;
                continue;
            }
            let mut view = hunk_view(hunk, &old_lines, Anchor::Hunk(anchors.hunk));
            self.list_lines(hunk, anchors, file_lines, &mut view);
            file_lines -= view.lines.len();
            missing.lines += view.omitted_lines;
            missing.bytes += view.lines.iter().map(|l| l.omitted_bytes).sum::<u64>();
            missing.words += pair(&mut view.lines, &mut words);
            hunks.push(view);
        }
        self.word_lines -= allowed - words.lines;
        hunks
    }

    /// Lists as many lines of a hunk as fit.
    fn list_lines(&mut self, hunk: &RawHunk<'_>, anchors: HunkAnchors, most: usize, view: &mut HunkView) {
        let (mut old, mut new) = (hunk.old_start, hunk.new_start);
        for (raw, key) in hunk.lines.iter().zip(anchors.lines) {
            if view.lines.len() >= most || self.lines == 0 || self.bytes == 0 {
                break;
            }
            let line = line_view(raw, self.limits.line_bytes, (old, new), Anchor::Line(key));
            old += u32::from(raw.side != Side::Added);
            new += u32::from(raw.side != Side::Removed);
            let hex = line.hex.as_ref().map_or(0, String::len);
            let cost = LINE_COST_BYTES + line.text.len() + hex + MARK_COST_BYTES * line.hidden.len();
            self.lines -= 1;
            self.bytes = self.bytes.saturating_sub(cost);
            view.lines.push(line);
        }
        view.omitted_lines = (hunk.lines.len() - view.lines.len()) as u64;
    }
}

fn change(kind: &ChangeKind) -> Change {
    match kind {
        ChangeKind::Added { .. } => Change::Added,
        ChangeKind::Deleted { .. } => Change::Deleted,
        ChangeKind::Modified { .. } => Change::Modified,
        ChangeKind::Renamed { .. } => Change::Renamed,
    }
}

fn side_view(side: &FileSide, file: &FileChange, hunks: &[&RawHunk<'_>], absent: Side) -> SideView {
    let is_link = side.mode == FileMode::Symlink;
    SideView {
        path: path_view(&side.path),
        mode: side.mode.octal(),
        entry: match side.mode {
            FileMode::Regular => EntryType::File,
            FileMode::Executable => EntryType::Executable,
            FileMode::Symlink => EntryType::Symlink,
            FileMode::Submodule => EntryType::Submodule,
        },
        blob: side.blob.clone(),
        size: side.size,
        symlink_target: is_link.then(|| target(file, hunks, absent)).flatten(),
    }
}

/// Where a symlink's side points: its lines, or where none changed what the facts say.
fn target(file: &FileChange, hunks: &[&RawHunk<'_>], absent: Side) -> Option<TextView> {
    let mut bytes = Vec::new();
    for line in hunks.iter().flat_map(|h| &h.lines).filter(|l| l.side != absent) {
        bytes.extend_from_slice(line.bytes);
        bytes.extend_from_slice(if line.newline { b"\n" } else { b"" });
    }
    if hunks.is_empty() && !file.binary {
        bytes = file.symlink_target.as_ref()?.as_bytes().to_vec();
    }
    (!bytes.is_empty()).then(|| text_view(&bytes, TARGET_MAX_BYTES, Ends::Without))
}

fn hunk_view(hunk: &RawHunk<'_>, old_lines: &[&[u8]], anchor: Anchor) -> HunkView {
    let heading = heading::heading(old_lines, hunk.old_start);
    HunkView {
        old_start: hunk.old_start,
        old_count: hunk.old_count,
        new_start: hunk.new_start,
        new_count: hunk.new_count,
        heading: heading.map(|h| text_view(h, HEADING_MAX_BYTES, Ends::Without)),
        omitted_lines: 0,
        anchor,
        lines: Vec::new(),
    }
}

fn line_view(raw: &RawLine<'_>, line_bytes: usize, numbers: (u32, u32), anchor: Anchor) -> LineView {
    let ends = if raw.newline {
        Ends::WithNewline
    } else {
        Ends::Without
    };
    let text = text_view(raw.bytes, line_bytes, ends);
    LineView {
        side: match raw.side {
            Side::Context => LineSide::Context,
            Side::Removed => LineSide::Removed,
            Side::Added => LineSide::Added,
        },
        old: (raw.side != Side::Added).then_some(numbers.0),
        new: (raw.side != Side::Removed).then_some(numbers.1),
        text: text.text,
        hex: text.hex,
        omitted_bytes: text.omitted_bytes,
        newline: raw.newline,
        pair: None,
        words: None,
        hidden: text.hidden,
        anchor,
    }
}
