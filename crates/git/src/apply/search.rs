//! Where hunks belong in a file: the exact place or none.
//!
//! The line numbers of a file are believed as long as every one of them fits; otherwise what a hunk expects must
//! occur exactly once in the whole file. It must never choose between two places.

use super::budget::{Budget, cost};
use super::{Stop, refused, repair};
use countersign_core::patch::{Hunk, HunkLine, Side};

/// Whether hunks stand in the order of the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    /// As in a diff.
    Kept,
    /// As in SEARCH/REPLACE blocks.
    Free,
}

/// What may be done to find places.
#[derive(Clone, Copy)]
pub(super) struct Rules<'r> {
    /// The file, for refusals.
    pub(super) file: &'r str,
    pub(super) order: Order,
    /// The content after the change is proven by a stated blob id.
    pub(super) proven: bool,
    /// Whitespace may be repaired, visibly.
    pub(super) repairs: bool,
}

impl Rules<'_> {
    /// Which hunk, for people.
    pub(super) fn place(&self, number: usize, hunk: &Hunk) -> String {
        let word = match self.order {
            Order::Kept => "hunk",
            Order::Free => "block",
        };
        format!(
            "{}, {word} {} (line {} of the diff)",
            self.file,
            number + 1,
            hunk.line
        )
    }
}

/// A hunk and the lines of the file that it takes.
pub(super) struct Placed<'h> {
    pub(super) at: usize,
    pub(super) len: usize,
    pub(super) hunk: &'h Hunk,
    pub(super) place: String,
    /// Its whitespace differs from the file's.
    pub(super) repaired: bool,
}

/// Finds the places of all hunks, in the order of the file.
pub(super) fn place_all<'h>(
    lines: &[&[u8]],
    hunks: &'h [Hunk],
    rules: &Rules<'_>,
    budget: &mut Budget,
) -> Result<Vec<Placed<'h>>, Stop> {
    let mut search = Search { lines, rules, budget };
    let believed = search.numbers_hold(hunks)?;
    let mut placed = Vec::with_capacity(hunks.len());
    for (number, hunk) in hunks.iter().enumerate() {
        let stated = hunk.old_index.filter(|_| believed);
        placed.push(search.find(hunk, stated, rules.place(number, hunk))?);
    }
    if rules.order == Order::Free {
        placed.sort_by_key(|p| p.at);
    }
    let mut from = 0;
    for (number, found) in placed.iter().enumerate() {
        // Lines without context behind another hunk: they would have been written into that one.
        let twice = found.len == 0 && number > 0 && found.at == from;
        if found.at < from || twice {
            return refused(
                "hunks-overlap",
                &found.place,
                "This hunk lies before the end of the one above it. Give hunks in the order of the file, and join \
                 those that share lines.",
            );
        }
        from = found.at + found.len;
    }
    Ok(placed)
}

struct Search<'a> {
    lines: &'a [&'a [u8]],
    rules: &'a Rules<'a>,
    budget: &'a mut Budget,
}

impl Search<'_> {
    /// Whether all stated places fit, in order. One that doesn't shows that the numbers are of another file, and
    /// then a hunk may fit at its number by chance.
    fn numbers_hold(&mut self, hunks: &[Hunk]) -> Result<bool, Stop> {
        let mut from = 0;
        for (number, hunk) in hunks.iter().enumerate() {
            let Some(at) = hunk.old_index else { continue };
            let before = before(hunk);
            let in_range = at >= from && at + before.len() <= self.lines.len();
            if !in_range || !self.fits(at, &before, &self.rules.place(number, hunk))? {
                return Ok(false);
            }
            from = at + before.len();
        }
        Ok(true)
    }

    /// Finds the place of one hunk.
    fn find<'h>(&mut self, hunk: &'h Hunk, stated: Option<usize>, place: String) -> Result<Placed<'h>, Stop> {
        let before = before(hunk);
        let mut repaired = false;
        let at = match (stated, before.is_empty()) {
            (_, true) => self.insertion(stated, &place)?,
            (Some(stated), false) => stated,
            (None, false) => match self.only_place(hunk, &before, &place)? {
                Some(at) => at,
                None => {
                    repaired = true;
                    self.repaired_place(hunk, &place)?
                }
            },
        };
        let (lead, trail) = (context(hunk.lines.iter()), context(hunk.lines.iter().rev()));
        if hunk.open_end && lead > 0 && trail == 0 && at + before.len() < self.lines.len() {
            return refused(
                "hunk-cut",
                &place,
                "The text ends behind a changed line of this hunk, no count says that it is whole, and the file goes \
                 on. Give the lines behind it, or put the diff in a fence.",
            );
        }
        Ok(Placed {
            at,
            len: before.len(),
            hunk,
            place,
            repaired,
        })
    }

    /// Lines without any context go only into an empty file, to its very end if that is stated, or anywhere stated
    /// if the result is proven.
    fn insertion(&self, stated: Option<usize>, place: &str) -> Result<usize, Stop> {
        let end = self.lines.len();
        match stated {
            _ if end == 0 => Ok(0),
            Some(at) if at == end || (at < end && self.rules.proven) => Ok(at),
            Some(_) | None => refused(
                "no-context",
                place,
                "This hunk only adds lines and has no context, so its place is a guess. Give it some unchanged lines.",
            ),
        }
    }

    fn fits(&mut self, at: usize, before: &[&[u8]], place: &str) -> Result<bool, Stop> {
        let Some(window) = at
            .checked_add(before.len())
            .and_then(|end| self.lines.get(at..end))
        else {
            return Ok(false);
        };
        let mut spent = 1;
        let differs = window.iter().zip(before).any(|(a, b)| {
            // Lines of other lengths differ without a look.
            spent += if a.len() == b.len() { cost(a) } else { 1 };
            a != b
        });
        self.budget.spend(spent, place)?;
        Ok(!differs)
    }

    /// The pre-image must occur once. A hunk that states another line, or false counts, may have lost lines: where
    /// its context says that it touches the start or the end of the file, it must also lie there. `None`: it occurs
    /// nowhere.
    fn only_place(&mut self, hunk: &Hunk, before: &[&[u8]], place: &str) -> Result<Option<usize>, Stop> {
        let last = self.lines.len().checked_sub(before.len());
        let mut found = None;
        for at in 0..last.map_or(0, |l| l + 1) {
            if !self.fits(at, before, place)? {
                continue;
            }
            if let Some(first) = found {
                return ambiguous(first, at, place);
            }
            found = Some(at);
        }
        let (lead, trail) = (context(hunk.lines.iter()), context(hunk.lines.iter().rev()));
        let false_counts = hunk.numbered && hunk.old_index.is_none();
        let at_end = trail == 0 && (false_counts || (hunk.numbered && lead > 0));
        let at_start = (hunk.old_index == Some(0) && lead < trail) || (false_counts && lead == 0);
        match found {
            Some(at) if hunk.old_index == Some(at) => Ok(found),
            Some(at) if (at_end && Some(at) != last) || (at_start && at != 0) => match false_counts {
                true => context_missing(place),
                false => not_found(place),
            },
            Some(at) => match self.stated_but_for_whitespace(hunk, before, place)? {
                Some(stated) => ambiguous(stated, at, place),
                None => Ok(found),
            },
            None => Ok(found),
        }
    }

    /// The stated line, where only whitespace keeps what is expected from lying there: then the text may have lost
    /// that whitespace on the way, and another place that fits exactly may do so by chance.
    fn stated_but_for_whitespace(
        &mut self,
        hunk: &Hunk,
        before: &[&[u8]],
        place: &str,
    ) -> Result<Option<usize>, Stop> {
        let Some(stated) = hunk.old_index else {
            return Ok(None);
        };
        let end = stated.checked_add(before.len());
        let Some(window) = end.and_then(|end| self.lines.get(stated..end)) else {
            return Ok(None);
        };
        let spent = window.iter().map(|line| cost(line)).sum();
        self.budget.spend(spent, place)?;
        let alike = window.iter().zip(before).all(|(a, b)| repair::same_words(a, b));
        Ok(alike.then_some(stated))
    }

    /// The one place where only whitespace differs, if that may be repaired.
    fn repaired_place(&mut self, hunk: &Hunk, place: &str) -> Result<usize, Stop> {
        if !self.rules.repairs {
            return not_found(place);
        }
        let mut found = None;
        for at in 0..self.lines.len() {
            match repair::differs_in_whitespace(
                &self.lines[at..],
                hunk,
                self.rules.order,
                self.budget,
                place,
            )? {
                false => {}
                true => match found {
                    Some(first) => return ambiguous(first, at, place),
                    None => found = Some(at),
                },
            }
        }
        match found {
            Some(at) if hunk.old_index.is_none_or(|stated| stated == at) => Ok(at),
            Some(_) | None => not_found(place),
        }
    }
}

/// The lines that a hunk expects.
fn before(hunk: &Hunk) -> Vec<&[u8]> {
    let old = hunk.lines.iter().filter(|l| l.side != Side::Added);
    old.map(|l| l.bytes.as_slice()).collect()
}

fn context<'h>(lines: impl Iterator<Item = &'h HunkLine>) -> usize {
    lines.take_while(|l| l.side == Side::Context).count()
}

fn context_missing<T>(place: &str) -> Result<T, Stop> {
    refused(
        "context-missing",
        place,
        "The counts of this hunk are not those of its lines, and it has no unchanged line at its start or end, so a \
         line may be missing. Correct the counts, or give some unchanged lines before and after.",
    )
}

fn not_found<T>(place: &str) -> Result<T, Stop> {
    refused(
        "context-not-found",
        place,
        "The lines that this hunk expects are not in the file, not exactly so, or not at its stated place. Make the \
         diff again from the current base.",
    )
}

fn ambiguous<T>(first: usize, second: usize, place: &str) -> Result<T, Stop> {
    refused(
        "ambiguous",
        place,
        format!(
            "The lines that this hunk expects occur more than once (lines {} and {}), and the stated lines don't all \
             fit. Give more context or the right line numbers.",
            first + 1,
            second + 1
        ),
    )
}

#[cfg(test)]
mod tests;
