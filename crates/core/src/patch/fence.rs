//! Fenced blocks (CommonMark's ``` and ~~~), and whole files in them.
//!
//! A file must never be cut short by a fence of its own: a block whose end could be another line is refused.

use super::hunk::is_header_pair;
use super::path_line::{PathLine, path_in_info, path_line};
use super::{INPUT_MAX_BYTES, ReadError, blocks, refuse};
use crate::path::RepoPath;

/// Most bytes that are looked through for the ends of fences.
const LOOKAHEAD_MAX_BYTES: usize = 4 * INPUT_MAX_BYTES;
/// Shortest fence.
const FENCE_MIN: usize = 3;
/// From this indentation on a line can't close a fence that starts at the margin.
const INDENT_MAX: usize = 3;
/// Info strings of diffs.
const DIFF_WORDS: [&[u8]; 4] = [b"diff", b"patch", b"udiff", b"git-diff"];
/// Endings of files that are diffs themselves.
const DIFF_ENDINGS: [&[u8]; 2] = [b"diff", b"patch"];
/// Endings of files that often hold fences; a name without an ending counts too.
const TEXT_ENDINGS: [&[u8]; 16] = [
    b"md",
    b"markdown",
    b"mdown",
    b"mdx",
    b"mdc",
    b"rmd",
    b"qmd",
    b"txt",
    b"text",
    b"rst",
    b"adoc",
    b"org",
    b"typ",
    b"html",
    b"htm",
    b"tmpl",
];

/// A line that is a fence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fence<'l> {
    indent: usize,
    mark: u8,
    length: usize,
    /// What follows the marks, trimmed. Not empty: the line can only open.
    pub(super) info: &'l [u8],
}

impl Fence<'_> {
    /// Whether this line ends a block that `open` began.
    pub(super) fn closes(&self, open: &Fence<'_>) -> bool {
        self.info.is_empty() && self.rivals(open) && (open.indent > 0 || self.indent <= INDENT_MAX)
    }

    /// Whether it is long enough to be taken for an end of the other's block.
    fn rivals(&self, open: &Fence<'_>) -> bool {
        self.mark == open.mark && self.length >= open.length
    }
}

/// Reads a line as a fence.
pub(super) fn fence(line: &[u8]) -> Option<Fence<'_>> {
    let indent = line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let mark = *line.get(indent)?;
    let length = line[indent..].iter().take_while(|b| **b == mark).count();
    let info = line[indent + length..].trim_ascii();
    let is_fence =
        matches!(mark, b'`' | b'~') && length >= FENCE_MIN && !(mark == b'`' && info.contains(&b'`'));
    is_fence.then_some(Fence {
        indent,
        mark,
        length,
        info,
    })
}

/// How far one text was looked through for the ends of its fences, in bytes. Each look usually ends at the next fence,
/// so all of them together read the text about once.
#[derive(Debug, Default)]
pub(super) struct Lookahead(usize);

impl Lookahead {
    /// The next fence at the margin that is long enough to end what `open` began, and its line.
    fn next_rival<'l>(
        &mut self,
        lines: &[&'l [u8]],
        from: usize,
        open: &Fence<'_>,
    ) -> Result<Option<(usize, Fence<'l>)>, ReadError> {
        for (at, line) in lines.iter().enumerate().skip(from) {
            self.0 += line.len() + 1;
            if self.0 > LOOKAHEAD_MAX_BYTES {
                return refuse(
                    "too-costly",
                    at + 1,
                    "Finding where the files of this answer end takes too long. Give their fences the same length.",
                );
            }
            if let Some(rival) = fence(line).filter(|f| f.indent == 0 && f.rivals(open)) {
                return Ok(Some((at, rival)));
            }
        }
        Ok(None)
    }
}

/// What an opening fence holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holds<'l> {
    /// A file, whole; `next` is the line behind the closing fence.
    File {
        path: RepoPath,
        content: Vec<&'l [u8]>,
        next: usize,
    },
    /// A diff which must name its files itself.
    Diff,
    /// Anything else: blocks that name their files, or a sample.
    Other,
}

/// Finds out what the fence at `lines[at]` holds, with the path line above it, which may not lie before
/// `free_from`.
pub(super) fn holds<'l>(
    lines: &[&'l [u8]],
    at: usize,
    free_from: usize,
    ahead: &mut Lookahead,
) -> Result<Holds<'l>, ReadError> {
    let Some(open) = fence(lines[at]) else {
        return Ok(Holds::Other);
    };
    let first = lines[at + 1..]
        .iter()
        .position(|l| !l.trim_ascii().is_empty())
        .map(|i| at + 1 + i);
    let starts_with_edits = first.is_some_and(|i| starts_edits(lines, i));
    let path = match line_above(lines, at, free_from).map_or(PathLine::Prose, |i| path_line(lines[i])) {
        PathLine::Prose if path_in_info(open.info) && !starts_with_edits => return path_in_fence(at),
        PathLine::Prose => return Ok(Holds::Other),
        PathLine::Unclear if starts_with_edits => return Ok(Holds::Other),
        PathLine::Unclear => return unclear(at),
        PathLine::Path(path) => path,
    };
    let word = open.info.split(|b| *b == b' ').next().unwrap_or_default();
    let says_diff = DIFF_WORDS.iter().any(|w| w.eq_ignore_ascii_case(word));
    let starts_diff = first.is_some_and(|i| starts_diff(lines, i));
    if (says_diff || starts_diff) && ending(&path).is_some_and(|e| DIFF_ENDINGS.contains(&e)) {
        return ambiguous(
            at,
            "The file can be a diff, or be changed by one. Give it as a unified diff.",
        );
    }
    if says_diff || starts_diff {
        return Ok(Holds::Diff);
    }
    if starts_with_edits {
        return Ok(Holds::Other);
    }
    if lines[at].ends_with(b"\r") {
        return mixed_line_ends(at);
    }
    if open.indent > 0 {
        return ambiguous(
            at,
            "The fence is indented, so the file's own indentation is unclear. Start it at the margin.",
        );
    }
    whole_file(lines, at, &open, path, ahead)
}

/// The nearest line above with words, at most one blank line away.
pub(super) fn line_above(lines: &[&[u8]], at: usize, free_from: usize) -> Option<usize> {
    let near = [at.checked_sub(1)?, at.checked_sub(2).unwrap_or(usize::MAX)];
    let found = near
        .into_iter()
        .find(|i| lines.get(*i).is_some_and(|l| !l.trim_ascii().is_empty()))?;
    (found >= free_from).then_some(found)
}

fn starts_edits(lines: &[&[u8]], at: usize) -> bool {
    let is_head = |i: usize| lines.get(i).is_some_and(|l| blocks::is_head(l));
    let named = lines
        .get(at)
        .is_some_and(|l| matches!(path_line(l), PathLine::Path(_)));
    is_head(at) || (named && is_head(at + 1)) || starts_diff(lines, at)
}

fn starts_diff(lines: &[&[u8]], at: usize) -> bool {
    let Some(line) = lines.get(at) else { return false };
    line.starts_with(b"diff --git ")
        || line.starts_with(b"@@ -")
        || *line == b"@@"
        || line.starts_with(b"@@ .")
        || is_header_pair(lines, at)
}

/// Takes the lines up to the closing fence, if no other line could be meant by it.
fn whole_file<'l>(
    lines: &[&'l [u8]],
    at: usize,
    open: &Fence<'_>,
    path: RepoPath,
    ahead: &mut Lookahead,
) -> Result<Holds<'l>, ReadError> {
    let mut end = at + 1;
    loop {
        let Some(line) = lines.get(end) else {
            return refuse(
                "fence-open",
                at + 1,
                "The fence of this file is never closed, so the file may be cut off. Give the rest of the answer.",
            );
        };
        if let Some(inner) = fence(line).filter(|f| f.rivals(open) && f.indent <= INDENT_MAX) {
            if inner.info.is_empty() && inner.indent == 0 && inner.length == open.length {
                break;
            }
            return ambiguous(
                end,
                "The file holds a fence of its own. Put a longer fence around the file.",
            );
        }
        let is_edit = blocks::is_head(line) || blocks::is_stray(line) || line.starts_with(b"diff --git ");
        if is_edit || (is_header_pair(lines, end) && lines.get(end + 2).is_some_and(|l| l.starts_with(b"@@")))
        {
            return ambiguous(
                end,
                "This can be a line of the file, or a change of it. Put a path line, and nothing else, above a block \
                 or a diff, and give a file that holds such lines as a unified diff.",
            );
        }
        end += 1;
    }
    refuse_other_end(lines, end, open, &path, ahead)?;
    Ok(Holds::File {
        path,
        content: lines[at + 1..end].to_vec(),
        next: end + 1,
    })
}

/// The closing fence could as well open a block inside the file. It doesn't where a blank line follows, and no bare
/// fence that nothing but a path line explains.
fn refuse_other_end(
    lines: &[&[u8]],
    end: usize,
    open: &Fence<'_>,
    path: &RepoPath,
    ahead: &mut Lookahead,
) -> Result<(), ReadError> {
    let blank = |i: usize| lines[i].trim_ascii().is_empty();
    if end + 1 < lines.len() && !blank(end + 1) {
        return ambiguous(
            end,
            "Text follows directly, so this fence may belong to the file. Put a longer fence around the file, or a \
             blank line behind it.",
        );
    }
    let Some((next, _)) = ahead
        .next_rival(lines, end + 1, open)?
        .filter(|(_, f)| f.info.is_empty())
    else {
        return Ok(());
    };
    let words: Vec<usize> = (end + 1..next).filter(|i| !blank(*i)).collect();
    let explained = match words.as_slice() {
        [only] => next - only <= 2 && matches!(path_line(lines[*only]), PathLine::Path(_)),
        [] => (next + 1..lines.len())
            .find(|i| !blank(*i))
            .is_some_and(|i| starts_edits(lines, i)),
        _ => false,
    };
    let may_hold_fences = ending(path).is_none_or(|e| TEXT_ENDINGS.iter().any(|t| t.eq_ignore_ascii_case(e)));
    if explained && !may_hold_fences {
        return Ok(());
    }
    ambiguous(
        next,
        "This fence can belong to the file above. Put a longer fence around that file, or a word such as `text` behind \
         this fence.",
    )
}

/// What follows the last dot of a file's name.
fn ending(path: &RepoPath) -> Option<&[u8]> {
    let name = path.as_bytes().rsplit(|b| *b == b'/').next()?;
    let dot = name.iter().rposition(|b| *b == b'.').filter(|i| *i > 0)?;
    Some(&name[dot + 1..])
}

/// Some lines of the answer have a CR and others don't: which of those the content keeps is unclear.
pub(super) fn mixed_line_ends<T>(at: usize) -> Result<T, ReadError> {
    refuse(
        "mixed-line-ends",
        at + 1,
        "This line ends in CRLF and other lines of the answer don't. Give all of it one kind of line end.",
    )
}

fn ambiguous<T>(at: usize, why: &str) -> Result<T, ReadError> {
    refuse("fence-ambiguous", at + 1, why)
}

fn unclear<T>(at: usize) -> Result<T, ReadError> {
    refuse(
        "path-unclear",
        at + 1,
        "The line above this fence can be a file's path or a heading. Put nothing but the path there, in backticks, or \
         no path at all.",
    )
}

fn path_in_fence<T>(at: usize) -> Result<T, ReadError> {
    refuse(
        "path-unclear",
        at + 1,
        "A path stands behind this fence. Put it alone on the line above if the block is that whole file; leave it out \
         if it is a sample.",
    )
}
