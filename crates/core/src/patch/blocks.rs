//! SEARCH/REPLACE blocks: where one begins and ends, and which file it is for.
//!
//! Content may hold lines like the marks: a block with more chevrons than they have takes them as content, and
//! whatever could be read in two ways is refused. It must never cut a block short.

use super::fence::{fence, line_above, mixed_line_ends};
use super::path_line::{PathLine, path_line};
use super::{Hunk, HunkLine, ReadError, Side, refuse};
use crate::path::RepoPath;

/// How many chevrons or equals signs a mark has.
const MARK_LENGTHS: std::ops::RangeInclusive<usize> = 5..=9;
/// From how many chevrons on a line is taken for a failed mark.
const NEAR_MARK_MIN: usize = 3;

/// A line that is a mark, with its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Head(usize),
    Divider(usize),
    End(usize),
}

fn mark(line: &[u8]) -> Option<Mark> {
    let first = *line.first()?;
    let length = line.iter().take_while(|b| **b == first).count();
    if !MARK_LENGTHS.contains(&length) {
        return None;
    }
    match (first, line[length..].trim_ascii_end()) {
        (b'<', b" SEARCH") => Some(Mark::Head(length)),
        (b'=', b"") => Some(Mark::Divider(length)),
        (b'>', b" REPLACE") => Some(Mark::End(length)),
        (_, _) => None,
    }
}

/// Whether a block begins here.
pub(super) fn is_head(line: &[u8]) -> bool {
    matches!(mark(line), Some(Mark::Head(_)))
}

/// A mark without its block, or a line that was meant to be one: indented, too long, with words behind.
pub(super) fn is_stray(line: &[u8]) -> bool {
    let text = line.trim_ascii();
    let word = |chevron: u8, word: &[u8]| {
        let length = text.iter().take_while(|b| **b == chevron).count();
        length >= NEAR_MARK_MIN && text[length..].trim_ascii_start().starts_with(word)
    };
    word(b'<', b"SEARCH") || word(b'>', b"REPLACE")
}

/// A mark that belongs to no block.
pub(super) fn stray<T>(at: usize) -> Result<T, ReadError> {
    refuse(
        "mark-stray",
        at + 1,
        "This mark belongs to no block. A block is `<<<<<<< SEARCH`, lines, `=======`, lines, `>>>>>>> REPLACE`, each \
         mark alone at the start of its line; where the content holds such lines, give all three marks more chevrons \
         (up to nine) than those have.",
    )
}

/// A block that was read.
pub(super) struct Block {
    /// What it searches for: is it anything?
    pub(super) searches: bool,
    /// Its lines; context is what both sides begin and end with.
    pub(super) hunk: Hunk,
    /// Index of the line behind it.
    pub(super) next: usize,
}

/// Reads the block whose first mark is `lines[at]`. Shorter marks than its own are content, longer ones refused.
pub(super) fn read_block(lines: &[&[u8]], at: usize) -> Result<Block, ReadError> {
    let Some(Mark::Head(length)) = mark(lines[at]) else {
        return stray(at);
    };
    if lines[at].ends_with(b"\r") {
        return mixed_line_ends(at);
    }
    let mut dividers: Vec<(usize, usize)> = Vec::new();
    let mut end = at + 1;
    loop {
        let Some(line) = lines.get(end) else {
            return refuse(
                "block-open",
                at + 1,
                "This block has no `REPLACE` mark as long as its `SEARCH` mark, so it may be cut off. Give all of it.",
            );
        };
        match mark(line) {
            Some(Mark::End(of)) if of == length => break,
            Some(Mark::Head(of) | Mark::End(of)) if of >= length => return unclear(end),
            Some(Mark::Divider(of)) => dividers.push((end, of)),
            Some(Mark::Head(_) | Mark::End(_)) | None => {}
        }
        end += 1;
    }
    if lines.get(end + 1).is_some_and(|l| !may_follow(l)) {
        return unclear(end);
    }
    let same: Vec<&(usize, usize)> = dividers.iter().filter(|(_, of)| *of == length).collect();
    let divider = match (dividers.as_slice(), same.as_slice()) {
        ([], _) => {
            return refuse(
                "block-open",
                at + 1,
                "This block has no `=======` between its two sides. Give both.",
            );
        }
        ([(only, _)], _) | (_, [(only, _)]) => *only,
        ([_, second, ..], _) => return unclear(second.0),
    };
    let (search, replace) = (&lines[at + 1..divider], &lines[divider + 1..end]);
    Ok(Block {
        searches: !search.is_empty(),
        hunk: Hunk {
            old_index: None,
            numbered: false,
            lines: sides(search, replace),
            open_end: false,
            line: at + 1,
        },
        next: end + 1,
    })
}

/// What may stand directly behind a block. Anything else may be the rest of it.
fn may_follow(line: &[u8]) -> bool {
    let named = matches!(path_line(line), PathLine::Path(_));
    line.trim_ascii().is_empty() || fence(line).is_some() || is_head(line) || is_stray(line) || named
}

fn unclear<T>(at: usize) -> Result<T, ReadError> {
    refuse(
        "mark-ambiguous",
        at + 1,
        "This line can be a mark of the block or a line of the file. Give all three marks of the block more chevrons \
         (up to nine) than the lines of the file have.",
    )
}

/// Context at both ends, and in between all of one side before all of the other.
fn sides(search: &[&[u8]], replace: &[&[u8]]) -> Vec<HunkLine> {
    let lead = search.iter().zip(replace).take_while(|(a, b)| a == b).count();
    let (old, new) = (&search[lead..], &replace[lead..]);
    let trail = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let line = |side: Side| {
        move |l: &&[u8]| HunkLine {
            side,
            bytes: [*l, b"\n"].concat(),
        }
    };
    let (removed, behind) = old.split_at(old.len() - trail);
    let added = &new[..new.len() - trail];
    let mut lines: Vec<HunkLine> = search[..lead].iter().map(line(Side::Context)).collect();
    lines.extend(removed.iter().map(line(Side::Removed)));
    lines.extend(added.iter().map(line(Side::Added)));
    lines.extend(behind.iter().map(line(Side::Context)));
    lines
}

/// What was consumed before a block.
pub(super) struct Before<'p> {
    /// First line that no diff, block or file has used.
    pub(super) free_from: usize,
    /// The file of the block that ends right there, if one does.
    pub(super) last: Option<&'p RepoPath>,
}

/// Which file the block at `lines[at]` is for: a path line above it, inside its fence or above the fence; or
/// nothing but blank lines and fences since the block before it.
pub(super) fn path_of(lines: &[&[u8]], at: usize, before: &Before<'_>) -> Result<RepoPath, ReadError> {
    let above = line_above(lines, at, before.free_from);
    let is_fence = |i: usize| fence(lines[i]).is_some();
    let direct = above.filter(|i| !is_fence(*i)).map(|i| (i, path_line(lines[i])));
    let (opened, inside) = match &direct {
        Some((i, PathLine::Path(path))) => (
            i.checked_sub(1)
                .filter(|f| *f >= before.free_from && is_fence(*f)),
            Some(path),
        ),
        Some((_, PathLine::Unclear | PathLine::Prose)) => (None, None),
        None => (above, None),
    };
    let outside = opened
        .and_then(|f| line_above(lines, f, before.free_from))
        .map(|i| path_line(lines[i]));
    match (inside, outside, before.last) {
        (Some(a), Some(PathLine::Path(b)), _) if *a != b => refuse(
            "header-contradiction",
            at + 1,
            "The path above the fence and the one inside differ. Keep one.",
        ),
        (Some(path), _, _) => Ok(path.clone()),
        (None, Some(PathLine::Path(path)), _) => Ok(path),
        (None, _, Some(last))
            if lines[before.free_from..at]
                .iter()
                .all(|l| l.trim_ascii().is_empty() || fence(l).is_some()) =>
        {
            Ok(last.clone())
        }
        (None, _, _) => refuse(
            "no-path",
            at + 1,
            "This block doesn't say which file it changes. Put the path alone on the line above it.",
        ),
    }
}
