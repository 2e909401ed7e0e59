//! Hunks onto one file's content: the exact place or none.
//!
//! The stated line (plus how far the hunk before it had to move) wins; otherwise the lines before the change
//! must occur exactly once. It must never choose between two places.

use super::{Stop, refused};
use countersign_core::patch::{Hunk, HunkLine, Side};

/// Most line comparisons for one diff; one that needs more is made to waste time.
const COMPARISONS_MAX: usize = 200_000_000;

/// How many comparisons a diff has left.
pub(super) struct Budget(usize);

impl Budget {
    pub(super) fn new() -> Self {
        Self(COMPARISONS_MAX)
    }
}

/// Applies hunks to content. `file` names it in refusals.
pub(super) fn apply_hunks(
    base: &[u8],
    hunks: &[Hunk],
    file: &str,
    budget: &mut Budget,
) -> Result<Vec<u8>, Stop> {
    let lines: Vec<&[u8]> = base.split_inclusive(|b| *b == b'\n').collect();
    let mut out = Vec::with_capacity(base.len());
    let mut search = Search {
        lines: &lines,
        from: 0,
        moved: 0,
        budget,
    };
    for (number, hunk) in hunks.iter().enumerate() {
        let place = format!("{file}, hunk {} (line {} of the diff)", number + 1, hunk.line);
        let kept_from = search.from;
        let at = search.find(hunk, &place)?;
        extend(&mut out, &lines[kept_from..at], &place)?;
        let after: Vec<&[u8]> = side(hunk, Side::Removed).collect();
        extend(&mut out, &after, &place)?;
    }
    extend(&mut out, &lines[search.from..], file)?;
    Ok(out)
}

/// The lines of one side: all but those of the other.
fn side(hunk: &Hunk, without: Side) -> impl Iterator<Item = &[u8]> {
    hunk.lines
        .iter()
        .filter(move |l| l.side != without)
        .map(|l| l.bytes.as_slice())
}

/// Appends lines; nothing can follow a line that has no line feed.
fn extend(out: &mut Vec<u8>, lines: &[&[u8]], place: &str) -> Result<(), Stop> {
    for line in lines {
        if out.last().is_some_and(|b| *b != b'\n') {
            return refused(
                "joins-lines",
                place,
                "The result would join two lines, because the first has no line feed. Add the missing \
                 `\\ No newline at end of file` and the changed last line.",
            );
        }
        out.extend_from_slice(line);
    }
    Ok(())
}

struct Search<'a> {
    lines: &'a [&'a [u8]],
    /// First line that no hunk has used yet.
    from: usize,
    /// How far the last hunk lay from where it was stated.
    moved: isize,
    budget: &'a mut Budget,
}

impl Search<'_> {
    /// Finds the place of a hunk and moves behind its pre-image.
    fn find(&mut self, hunk: &Hunk, place: &str) -> Result<usize, Stop> {
        let before: Vec<&[u8]> = side(hunk, Side::Added).collect();
        let expected = hunk.old_index.and_then(|i| i.checked_add_signed(self.moved));
        let at = match expected {
            _ if before.is_empty() => self.insertion(hunk, place)?,
            Some(expected) if self.fits(expected, &before, place)? => expected,
            Some(_) | None => self.only_place(hunk, &before, place)?,
        };
        if let Some(stated) = hunk.old_index {
            self.moved = at.cast_signed().wrapping_sub(stated.cast_signed());
        }
        self.from = at + before.len();
        Ok(at)
    }

    /// Lines without any context go only into an empty file or, as stated, to its very end.
    fn insertion(&self, hunk: &Hunk, place: &str) -> Result<usize, Stop> {
        let end = self.lines.len();
        let stated_end = hunk.old_index.and_then(|i| i.checked_add_signed(self.moved)) == Some(end);
        if end == 0 || stated_end {
            return Ok(end);
        }
        refused(
            "no-context",
            place,
            "This hunk only adds lines and has no context, so its place is a guess. Give it some unchanged lines.",
        )
    }

    fn fits(&mut self, at: usize, before: &[&[u8]], place: &str) -> Result<bool, Stop> {
        if at < self.from {
            return Ok(false);
        }
        let Some(window) = at
            .checked_add(before.len())
            .and_then(|end| self.lines.get(at..end))
        else {
            return Ok(false);
        };
        let equal = window.iter().zip(before).take_while(|(a, b)| a == b).count();
        match self.budget.0.checked_sub(equal + 1) {
            Some(left) => self.budget.0 = left,
            None => {
                return refused(
                    "too-costly",
                    place,
                    "Finding this hunk's place takes too long. State correct line numbers in its `@@` line.",
                );
            }
        }
        Ok(equal == before.len())
    }

    /// The pre-image must occur once. A hunk that states its line, and whose context says that it touches the
    /// start or the end of the file, must also lie there.
    fn only_place(&mut self, hunk: &Hunk, before: &[&[u8]], place: &str) -> Result<usize, Stop> {
        let (lead, trail) = (context(hunk.lines.iter()), context(hunk.lines.iter().rev()));
        let at_end = hunk.old_index.is_some() && trail == 0 && lead > 0;
        let at_start = hunk.old_index == Some(0) && lead < trail;
        let last = self.lines.len().checked_sub(before.len());
        let mut found = None;
        for at in self.from..last.map_or(self.from, |l| l + 1) {
            let anchored = (!at_end || Some(at) == last) && (!at_start || at == 0);
            if anchored && self.fits(at, before, place)? {
                if let Some(first) = found {
                    return self.ambiguous(first, at, place);
                }
                found = Some(at);
            }
        }
        match found {
            Some(at) => Ok(at),
            None => refused(
                "context-not-found",
                place,
                "The lines that this hunk expects are not in the file, not exactly so, or not at its stated place. \
                 Make the diff again from the current base.",
            ),
        }
    }

    fn ambiguous<T>(&self, first: usize, second: usize, place: &str) -> Result<T, Stop> {
        refused(
            "ambiguous",
            place,
            format!(
                "The lines that this hunk expects occur more than once (lines {} and {}), and not at the stated \
                 line. Give more context or the right line number.",
                first + 1,
                second + 1
            ),
        )
    }
}

fn context<'h>(lines: impl Iterator<Item = &'h HunkLine>) -> usize {
    lines.take_while(|l| l.side == Side::Context).count()
}

/// A line kept its CR: the transport added one of its own to each, and took nothing of the content.
pub(super) fn has_cr(hunks: &[Hunk]) -> bool {
    hunks
        .iter()
        .flat_map(|h| &h.lines)
        .any(|l| l.bytes.ends_with(b"\r\n"))
}

/// Gives every hunk line of a transported diff the CR back that the transport took.
pub(super) fn with_cr(hunks: &[Hunk]) -> Vec<Hunk> {
    let mut hunks = hunks.to_vec();
    for line in hunks.iter_mut().flat_map(|h| h.lines.iter_mut()) {
        if line.bytes.last() == Some(&b'\n') {
            line.bytes.insert(line.bytes.len() - 1, b'\r');
        }
    }
    hunks
}
