//! The typed diff's fields, as they are serialized (version 1: names, units and meaning stay).
//!
//! Offsets into a `text` count UTF-16 code units, so that `text.slice(start, end)` of JavaScript and the
//! positions of the Language Server Protocol fit as they are. Every field is always there; `null` is said
//! where a thing doesn't exist.

use super::anchor::Anchor;
use crate::digest::DiffHash;
use crate::id::{BlobSha, TreeSha};
use serde::Serialize;

/// The whole change of one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TypedDiff {
    /// Version of this form.
    pub version: u32,
    /// The tree before.
    pub base_tree: TreeSha,
    /// The tree after.
    pub result_tree: TreeSha,
    /// Hash of the canonical diff's bytes, which is what is approved.
    pub diff_hash: DiffHash,
    /// How many files change, listed or not.
    pub files_changed: u64,
    /// Lines added over all files, listed or not.
    pub added: u64,
    /// Lines removed over all files, listed or not.
    pub removed: u64,
    /// What is missing below because of a limit; `null` when everything is there.
    pub truncated: Option<Truncated>,
    /// Changed files, sorted by path.
    pub files: Vec<FileView>,
}

/// What is left out because of a limit. Whoever shows the rest must show these numbers too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Truncated {
    /// Files that are not listed.
    pub files: u64,
    /// Hunks that are not listed.
    pub hunks: u64,
    /// Lines that are not listed.
    pub lines: u64,
    /// Bytes at the ends of listed lines that are not shown.
    pub bytes: u64,
    /// Changed lines for which no partner and no word ranges were looked for.
    pub words: u64,
}

impl Truncated {
    /// Whether lines or files are missing, and not only word ranges.
    pub fn hides_content(&self) -> bool {
        self.files > 0 || self.hunks > 0 || self.lines > 0 || self.bytes > 0
    }

    /// `None` where nothing is left out.
    pub(super) fn said(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.hunks += other.hunks;
        self.lines += other.lines;
        self.bytes += other.bytes;
        self.words += other.words;
    }
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// New file.
    Added,
    /// File gone.
    Deleted,
    /// Same path, other content or mode.
    Modified,
    /// Other path, similar or equal content.
    Renamed,
}

/// One changed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileView {
    /// What happened.
    pub change: Change,
    /// The path that people speak of: the new one, or the old one of a deleted file.
    pub path: PathView,
    /// The file before; `null` for an added one.
    pub old: Option<SideView>,
    /// The file after; `null` for a deleted one.
    pub new: Option<SideView>,
    /// For a rename: how much of the larger content stayed, in percent.
    pub similarity: Option<u8>,
    /// A side is binary (a NUL byte in its first 8,000 bytes): there are no hunks although content may differ.
    pub binary: bool,
    /// Lines added, listed or not.
    pub added: u32,
    /// Lines removed, listed or not.
    pub removed: u32,
    /// What of this file is missing because of a limit; `null` when everything is there.
    pub truncated: Option<Truncated>,
    /// Stays the same over revisions: made from the path in the base (of a new file: its own).
    pub anchor: Anchor,
    /// The changed places, in the order of the file. A file that became a symlink, or the other way, has the
    /// hunks of its removal and then those of its creation.
    pub hunks: Vec<HunkView>,
}

/// A path. Two different ones never have the same `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PathView {
    /// As it is; or, where it has bytes that are no UTF-8, control characters, a backslash or a leading quote: in
    /// double quotes with git's escapes (core.quotePath).
    pub text: String,
    /// The path's bytes in hex, where `text` is quoted.
    pub hex: Option<String>,
    /// Characters of `text` that can't be seen.
    pub hidden: Vec<HiddenMark>,
}

/// What kind of thing a path names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryType {
    /// A file.
    File,
    /// A file that may be run.
    Executable,
    /// A symbolic link.
    Symlink,
    /// Another repository's commit.
    Submodule,
}

/// One side of a changed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SideView {
    /// Where it lies.
    pub path: PathView,
    /// Git's mode: `100644`, `100755`, `120000` or `160000`.
    pub mode: &'static str,
    /// The mode in words.
    #[serde(rename = "type")]
    pub entry: EntryType,
    /// Git's id of the content; for a submodule the commit's.
    pub blob: BlobSha,
    /// Content length in bytes; 0 for a submodule.
    pub size: u64,
    /// Where a symlink points.
    pub symlink_target: Option<TextView>,
}

/// One changed place with its surroundings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HunkView {
    /// First line before, from 1; where `old_count` is 0: the line after which the new ones come.
    pub old_start: u32,
    /// Lines of the old side.
    pub old_count: u32,
    /// First line after, from 1; where `new_count` is 0: the line after which the old ones stood.
    pub new_start: u32,
    /// Lines of the new side.
    pub new_count: u32,
    /// What git would print behind `@@`: the last line above in the old file that begins with a letter, `_` or `$`.
    /// `null`: there is none, or the old content was not at hand.
    pub heading: Option<TextView>,
    /// Lines of this hunk that are not listed.
    pub omitted_lines: u64,
    /// Stays the same over revisions as long as the hunk's lines do, wherever it moves.
    pub anchor: Anchor,
    /// The lines of both sides.
    pub lines: Vec<LineView>,
}

/// Which side a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LineSide {
    /// Both.
    Context,
    /// Only before.
    Removed,
    /// Only after.
    Added,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineView {
    /// Which side it belongs to.
    pub side: LineSide,
    /// Its number before, from 1; `null` for an added line.
    pub old: Option<u32>,
    /// Its number after, from 1; `null` for a removed line.
    pub new: Option<u32>,
    /// The line without its line feed. Each byte that is no UTF-8 is one U+FFFD; `hex` has the real ones.
    pub text: String,
    /// The bytes of `text` in hex, where they are not UTF-8.
    pub hex: Option<String>,
    /// Bytes at the end that `text` lacks because the line is too long.
    pub omitted_bytes: u64,
    /// Whether a line feed ends the line; `false` is git's "No newline at end of file".
    pub newline: bool,
    /// The line that this one became or was: its index in this hunk's `lines`.
    pub pair: Option<u32>,
    /// What differs from `pair`. `null` without a pair, or with one when the ranges are left out (`truncated.words`).
    pub words: Option<Vec<Span>>,
    /// Characters of `text` that can't be seen.
    pub hidden: Vec<HiddenMark>,
    /// Stays the same over revisions as long as the line and its neighbours do, wherever they move.
    pub anchor: Anchor,
}

/// A short text that is not a line of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TextView {
    /// The text. Each byte that is no UTF-8 is one U+FFFD; `hex` has the real ones.
    pub text: String,
    /// The bytes of `text` in hex, where they are not UTF-8.
    pub hex: Option<String>,
    /// Bytes at the end that `text` lacks because it is too long.
    pub omitted_bytes: u64,
    /// Characters of `text` that can't be seen.
    pub hidden: Vec<HiddenMark>,
}

/// A part of a `text`, in UTF-16 code units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Where it begins.
    pub start: u32,
    /// Where it ends; that unit is not part of it.
    pub end: u32,
}

/// Something in a `text` that can't be seen or isn't what it looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HiddenMark {
    /// Where it begins, in UTF-16 code units.
    pub start: u32,
    /// Where it ends; that unit is not part of it.
    pub end: u32,
    /// What it is.
    pub kind: HiddenKind,
    /// The character, as `U+202E`; a run of the same one is one mark. `null` for `trailing-whitespace` and
    /// `not-utf8`.
    pub code: Option<String>,
}

/// Kinds of what can't be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum HiddenKind {
    /// Changes the order in which its neighbours are shown (UAX 9).
    Bidi,
    /// Takes no room: zero-width spaces and joiners, the byte order mark.
    ZeroWidth,
    /// C0 and C1 controls and DEL, also a CR inside a line; not the tab.
    Control,
    /// The CR of a CRLF line end.
    Crlf,
    /// The tag characters, in which text can hide.
    Tag,
    /// Chooses a glyph, and can carry hidden text.
    VariationSelector,
    /// Begins a new line in some viewers (U+2028, U+2029).
    LineSeparator,
    /// Other characters that are shown as nothing.
    Invisible,
    /// Looks like a space and is another character.
    UnusualSpace,
    /// Spaces and tabs at the end of a line.
    TrailingWhitespace,
    /// Bytes that are no UTF-8.
    NotUtf8,
}
