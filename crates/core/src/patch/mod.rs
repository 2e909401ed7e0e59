//! Proposals as text: the lenient reader of what people, tools and models write when they change files.
//!
//! Three formats, also mixed in one answer: unified git diffs, SEARCH/REPLACE blocks below a path, and whole
//! files in a fence below a path. [`read`] accepts prose and fences around them, wrong or missing counts and
//! missing headers as long as only one meaning is possible, and refuses the rest with a code and a line
//! number. `docs/patches.md` has the rules. It never looks at a repository, never guesses content and never
//! repairs it: whether a change *fits* is the strict applier's business (git crate).

mod blocks;
mod elision;
mod fence;
mod header;
mod hunk;
mod path_line;
mod reader;
#[cfg(test)]
mod tests;

use crate::diff::FileMode;
use crate::path::RepoPath;

pub use elision::{Elision, elision};
pub use reader::read;

/// Longest accepted input, in bytes.
pub const INPUT_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Most files in one input.
pub const FILES_MAX: usize = 2_000;
/// Most hunks and SEARCH/REPLACE blocks in one input, together.
pub const HUNKS_MAX: usize = 20_000;
/// Most lines in one input.
pub const LINES_MAX: usize = 1_000_000;
/// Longest accepted line, in bytes.
pub const LINE_MAX_BYTES: usize = 1024 * 1024;
/// From how many hex digits on a stated blob id proves content: git abbreviates to seven or more.
pub const PROOF_MIN_DIGITS: usize = 7;

/// Why a text can't be read as a diff, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (line {line} of the diff)")]
pub struct ReadError {
    /// Stable kebab-case code.
    pub code: &'static str,
    /// Plain sentence: what is wrong and what would be accepted.
    pub message: String,
    /// Line of the input, counted from 1.
    pub line: usize,
}

/// What one section of a diff does to its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileOp {
    /// Changes content or mode in place.
    Modify,
    /// Makes a file that must not exist yet.
    Create,
    /// Removes a file whose content the section states.
    Delete,
    /// Moves a file, perhaps with edits.
    Rename,
    /// Makes a second file out of the first, perhaps with edits.
    Copy,
    /// States the content that a file is to have, whether or not it is there.
    Write,
}

/// How a section states the content after the change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edits {
    /// Hunks of a unified diff, in the order of the file.
    Hunks(Vec<Hunk>),
    /// SEARCH/REPLACE blocks, each to be found in the base, in any order; what both sides begin and end with is
    /// context. They can't say that a last line has no line feed.
    Blocks(Vec<Hunk>),
    /// A block with an empty SEARCH: the whole content of a file that must be new or empty.
    Fill(Vec<u8>),
    /// The whole content, in place of whatever there was.
    Whole(Vec<u8>),
}

impl Edits {
    /// Whether nothing is stated about the content.
    pub fn is_empty(&self) -> bool {
        match self {
            Edits::Hunks(hunks) | Edits::Blocks(hunks) => hunks.is_empty(),
            Edits::Fill(_) | Edits::Whole(_) => false,
        }
    }
}

/// One section of an answer: the change of one file, as stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePatch {
    /// What happens.
    pub op: FileOp,
    /// The file before (for a new file: the same as `new_path`).
    pub old_path: RepoPath,
    /// The file after (for a deleted file: the same as `old_path`).
    pub new_path: RepoPath,
    /// The mode before, where stated.
    pub old_mode: Option<FileMode>,
    /// The mode after, where stated.
    pub new_mode: Option<FileMode>,
    /// The blob id before, where stated: lower-case hex, perhaps abbreviated; never all zeros.
    pub old_id: Option<String>,
    /// The blob id after, where stated: lower-case hex, perhaps abbreviated; never all zeros.
    pub new_id: Option<String>,
    /// What becomes of the content.
    pub edits: Edits,
    /// The section says that its content is binary; it can't be applied.
    pub binary: bool,
    /// Every line of the input ended in CRLF and lost that CR here: whether the file itself has CRLF isn't
    /// known.
    pub crlf_transport: bool,
    /// Line of the input where the section starts.
    pub line: usize,
}

/// One edit with its surroundings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// Where the pre-image starts in the old file, counted from 0, where it is stated and the counts beside it are
    /// true. A header whose counts are wrong was made for other lines, so its place is not believed either.
    pub old_index: Option<usize>,
    /// Its header states lines and counts, true or not.
    pub numbered: bool,
    /// The lines of both sides.
    pub lines: Vec<HunkLine>,
    /// The text ends right behind it, and no count says whether it is whole.
    pub open_end: bool,
    /// Line of the input where the hunk starts.
    pub line: usize,
}

/// Which side a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Both.
    Context,
    /// Only before.
    Removed,
    /// Only after.
    Added,
}

/// One line of a hunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HunkLine {
    /// Which side it belongs to.
    pub side: Side,
    /// Its content, with its line feed unless the diff says that there is none.
    pub bytes: Vec<u8>,
}

fn refuse<T>(code: &'static str, line: usize, message: impl Into<String>) -> Result<T, ReadError> {
    Err(ReadError {
        code,
        message: message.into(),
        line,
    })
}
