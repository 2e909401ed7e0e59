//! Reads a canonical diff back: strictly, and only what our own renderer writes. The reader for proposals
//! ([`crate::patch`]) is lenient and bounded by what may be proposed; this one must read every canonical diff.

use super::ViewError;
use crate::patch::Side;

/// One section: all of a file's change, or its removal or creation where its type changes.
#[derive(Debug, Default)]
pub(super) struct Section<'d> {
    pub(super) similarity: Option<u8>,
    pub(super) hunks: Vec<RawHunk<'d>>,
}

/// One hunk, numbers as git spells them.
#[derive(Debug)]
pub(super) struct RawHunk<'d> {
    pub(super) old_start: u32,
    pub(super) old_count: u32,
    pub(super) new_start: u32,
    pub(super) new_count: u32,
    pub(super) lines: Vec<RawLine<'d>>,
}

/// One line, without its line feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RawLine<'d> {
    pub(super) side: Side,
    pub(super) bytes: &'d [u8],
    pub(super) newline: bool,
}

/// All sections, in order.
pub(super) fn sections(canonical: &[u8]) -> Result<Vec<Section<'_>>, ViewError> {
    let mut cursor = Cursor {
        rest: canonical,
        line: 0,
    };
    let mut sections: Vec<Section<'_>> = Vec::new();
    while let Some(line) = cursor.next() {
        if line.starts_with(b"diff --git ") {
            sections.push(Section::default());
            continue;
        }
        let Some(section) = sections.last_mut() else {
            return cursor.refuse("a section must begin with `diff --git`");
        };
        if let Some(range) = line.strip_prefix(b"@@ ") {
            let hunk = cursor.hunk(range)?;
            section.hunks.push(hunk);
        } else if !section.hunks.is_empty() {
            return cursor.refuse("it belongs to no hunk");
        } else if let Some(percent) = line.strip_prefix(b"similarity index ") {
            section.similarity = number(percent.strip_suffix(b"%").unwrap_or(percent));
        }
    }
    Ok(sections)
}

struct Cursor<'d> {
    rest: &'d [u8],
    line: usize,
}

impl<'d> Cursor<'d> {
    /// The next line, without its line feed.
    fn next(&mut self) -> Option<&'d [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        self.line += 1;
        let end = self.rest.iter().position(|b| *b == b'\n');
        let (line, rest) = match end {
            Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
            None => (self.rest, &self.rest[self.rest.len()..]),
        };
        self.rest = rest;
        Some(line)
    }

    fn refuse<T>(&self, reason: &'static str) -> Result<T, ViewError> {
        Err(ViewError::NotCanonical {
            line: self.line,
            reason,
        })
    }

    fn hunk(&mut self, range: &[u8]) -> Result<RawHunk<'d>, ViewError> {
        let Some([old, new]) = ranges(range) else {
            return self.refuse("its ranges can't be read");
        };
        let mut hunk = RawHunk {
            old_start: old.0,
            old_count: old.1,
            new_start: new.0,
            new_count: new.1,
            lines: Vec::new(),
        };
        let (mut old, mut new) = (old.1, new.1);
        while old > 0 || new > 0 {
            let side = match self.rest.first() {
                Some(b' ') => Side::Context,
                Some(b'-') => Side::Removed,
                Some(b'+') => Side::Added,
                Some(_) | None => return self.refuse("a hunk ends before its counts do"),
            };
            let takes = (u32::from(side != Side::Added), u32::from(side != Side::Removed));
            let left = (old.checked_sub(takes.0), new.checked_sub(takes.1));
            let (Some(old_left), Some(new_left)) = left else {
                return self.refuse("a hunk has more lines than its counts");
            };
            (old, new) = (old_left, new_left);
            let bytes = self.next().and_then(|l| l.get(1..)).unwrap_or_default();
            let newline = !self.rest.starts_with(b"\\ ");
            if !newline {
                self.next();
            }
            hunk.lines.push(RawLine { side, bytes, newline });
        }
        Ok(hunk)
    }
}

/// `-1,2 +3,4 @@` as starts and counts.
fn ranges(text: &[u8]) -> Option<[(u32, u32); 2]> {
    let mut words = text.split(|b| *b == b' ');
    let old = range(words.next()?.strip_prefix(b"-")?)?;
    let new = range(words.next()?.strip_prefix(b"+")?)?;
    (words.next()? == b"@@").then_some([old, new])
}

/// Start and count, whose sum is a line number too.
fn range(text: &[u8]) -> Option<(u32, u32)> {
    let (start, count): (u32, u32) = match text.iter().position(|b| *b == b',') {
        Some(at) => (number(&text[..at])?, number(&text[at + 1..])?),
        None => (number(text)?, 1),
    };
    start.checked_add(count)?;
    Some((start, count))
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
