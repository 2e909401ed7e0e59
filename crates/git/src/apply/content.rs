//! One file's content after its change: hunks and blocks onto the base, or a whole content.
//!
//! Line ends are the transport's or the file's, never a mixture: what can't be told apart is refused.

use super::budget::Budget;
use super::search::{Order, Placed, Rules, place_all};
use super::{Stop, refused};
use crate::diff::split;
use countersign_core::patch::{Edits, Elision, FileOp, FilePatch, Hunk, PROOF_MIN_DIGITS, Side, elision};
use countersign_ports::trees::{ApplyRefusal, ApplyWarning};
use gix::bstr::ByteSlice;
use std::collections::BTreeMap;

/// Endings of files in which dots alone are code.
const DOTS_ARE_CODE: [&[u8]; 2] = [b".py", b".pyi"];

/// What a change is applied with.
pub(super) struct Work<'w> {
    /// The section's place, for refusals and warnings.
    pub(super) place: &'w str,
    /// Repairs are allowed, and told.
    pub(super) repairs: bool,
    pub(super) budget: &'w mut Budget,
    pub(super) warnings: &'w mut Vec<ApplyWarning>,
}

impl Work<'_> {
    fn warn(&mut self, code: &'static str, place: &str, message: impl Into<String>) {
        self.warnings.push(ApplyWarning {
            code,
            message: message.into(),
            place: place.to_owned(),
        });
    }
}

/// The content after the change. `base` is `None` for a file that isn't there.
pub(super) fn after(base: Option<&[u8]>, patch: &FilePatch, work: &mut Work<'_>) -> Result<Vec<u8>, Stop> {
    let content = base.unwrap_or_default();
    match &patch.edits {
        Edits::Hunks(hunks) => edited(content, hunks, Order::Kept, patch, work),
        Edits::Blocks(blocks) => edited(content, blocks, Order::Free, patch, work),
        Edits::Fill(_) if !content.is_empty() => refused(
            "search-empty",
            work.place,
            "A block with an empty SEARCH makes a new file, and this one has content. Say what to replace.",
        ),
        Edits::Fill(new) | Edits::Whole(new) => whole(base, new, patch, work),
    }
}

/// The proposal's content in place of the file's.
fn whole(base: Option<&[u8]>, new: &[u8], patch: &FilePatch, work: &mut Work<'_>) -> Result<Vec<u8>, Stop> {
    let old = base.unwrap_or_default();
    if new.is_empty() && !old.is_empty() {
        return refused(
            "whole-empty",
            work.place,
            "The block that should hold the whole file is empty, and the file is not. Give its content, or delete it by \
             a unified diff.",
        );
    }
    let dots_are_code = base.is_none()
        && DOTS_ARE_CODE
            .iter()
            .any(|e| patch.new_path.as_bytes().ends_with(e));
    refuse_elided(lines_of(old), lines_of(new), dots_are_code, work.place)?;
    let dos = LineEnds::of(old) == LineEnds::Crlf;
    if patch.crlf_transport {
        warn_transport(work);
        refuse_mixed(old, work.place)?;
        let lost = dos && LineEnds::of(new) == LineEnds::Lf;
        return Ok(if lost { with_cr_bytes(new) } else { new.to_vec() });
    }
    if !old.is_empty() && !new.is_empty() && LineEnds::of(old) != LineEnds::of(new) {
        work.warn(
            "line-ends-changed",
            work.place,
            "The whole file as proposed has other line ends than the file in the base.",
        );
    }
    Ok(new.to_vec())
}

/// Hunks or blocks onto the base, with the line ends of the file or of the transport.
fn edited(
    base: &[u8],
    hunks: &[Hunk],
    order: Order,
    patch: &FilePatch,
    work: &mut Work<'_>,
) -> Result<Vec<u8>, Stop> {
    if order == Order::Free {
        for (number, hunk) in hunks.iter().enumerate() {
            let side = |side| {
                hunk.lines
                    .iter()
                    .filter(move |l| l.side == side)
                    .map(|l| l.bytes.as_slice())
            };
            let place = format!(
                "{}, block {} (line {} of the diff)",
                patch.new_path,
                number + 1,
                hunk.line
            );
            refuse_elided(side(Side::Removed), side(Side::Added), false, &place)?;
        }
    }
    let ends = LineEnds::of(base);
    if hunks.is_empty() {
        return Ok(base.to_vec());
    }
    if patch.crlf_transport {
        warn_transport(work);
        refuse_mixed(base, work.place)?;
        return match ends == LineEnds::Crlf && !has_cr(hunks) {
            true => apply(base, &with_cr(hunks), order, patch, work),
            false => apply(base, hunks, order, patch, work),
        };
    }
    let outcome = apply(base, hunks, order, patch, work);
    let misfit = matches!(
        &outcome,
        Err(Stop::Refused(ApplyRefusal {
            code: "context-not-found",
            ..
        }))
    );
    if !misfit || !work.repairs || ends != LineEnds::Crlf || has_cr(hunks) {
        return outcome;
    }
    let repairs = std::mem::replace(&mut work.repairs, false);
    let restored = apply(base, &with_cr(hunks), order, patch, work);
    work.repairs = repairs;
    if restored.is_ok() {
        work.warn(
            "line-ends-restored",
            work.place,
            "Every line of the file ends in CRLF and none of the proposal does; the proposal's lines got the CR back.",
        );
        return restored;
    }
    outcome
}

fn apply(
    base: &[u8],
    hunks: &[Hunk],
    order: Order,
    patch: &FilePatch,
    work: &mut Work<'_>,
) -> Result<Vec<u8>, Stop> {
    let file = patch.new_path.to_text();
    let rules = Rules {
        file: &file,
        order,
        proven: patch
            .new_id
            .as_ref()
            .is_some_and(|id| id.len() >= PROOF_MIN_DIGITS),
        repairs: work.repairs && patch.op != FileOp::Delete,
    };
    let unended = order == Order::Free && base.last().is_some_and(|b| *b != b'\n');
    let ended: Vec<u8> = if unended {
        [base, b"\n"].concat()
    } else {
        Vec::new()
    };
    let whole = if unended { &ended } else { base };
    let lines = split(whole);
    let placed = place_all(&lines, hunks, &rules, work.budget)?;
    let added = hunks
        .iter()
        .flat_map(|h| &h.lines)
        .filter(|l| l.side == Side::Added);
    let mut out = Vec::with_capacity(whole.len() + added.map(|l| l.bytes.len()).sum::<usize>());
    let (mut from, mut left) = (0, whole);
    for hunk in &placed {
        // What no hunk touches is copied in one piece.
        let (kept, rest) = left.split_at(bytes_of(&lines[from..hunk.at]));
        extend(&mut out, [kept], &hunk.place)?;
        extend(&mut out, after_image(&lines, hunk), &hunk.place)?;
        from = hunk.at + hunk.len;
        left = &rest[bytes_of(&lines[hunk.at..from])..];
        if hunk.repaired {
            work.warn(
                "whitespace-repaired",
                &hunk.place,
                "This hunk fits only but for whitespace. Unchanged lines keep the file's own, added lines the \
                 proposal's.",
            );
        }
    }
    extend(&mut out, [left], &file)?;
    if unended {
        take_line_feed(&mut out, lines.len(), placed.last(), work);
    }
    Ok(out)
}

/// Blocks can't say that a last line has no line feed: it stays without, also where it is another line now.
fn take_line_feed(out: &mut Vec<u8>, lines: usize, last: Option<&Placed<'_>>, work: &mut Work<'_>) {
    if let Some(hunk) = last.filter(|h| h.at + h.len == lines) {
        match hunk.hunk.lines.last().map(|l| l.side) {
            Some(Side::Removed) => return,
            Some(Side::Added) => work.warn(
                "final-newline-kept",
                &hunk.place,
                "The file has no line feed at its end, which a block can't say; the new last line has none either.",
            ),
            Some(Side::Context) | None => {}
        }
    }
    out.pop();
}

/// A hunk's lines after the change: the file's own for context.
fn after_image<'l>(lines: &'l [&'l [u8]], placed: &'l Placed<'_>) -> impl Iterator<Item = &'l [u8]> {
    let mut at = placed.at;
    placed.hunk.lines.iter().filter_map(move |line| match line.side {
        Side::Added => Some(line.bytes.as_slice()),
        Side::Removed => {
            at += 1;
            None
        }
        Side::Context => {
            at += 1;
            Some(lines[at - 1])
        }
    })
}

fn bytes_of(lines: &[&[u8]]) -> usize {
    lines.iter().map(|l| l.len()).sum()
}

/// Appends lines or runs of them; nothing can follow a line that has no line feed.
fn extend<'l>(out: &mut Vec<u8>, lines: impl IntoIterator<Item = &'l [u8]>, place: &str) -> Result<(), Stop> {
    for line in lines.into_iter().filter(|l| !l.is_empty()) {
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

/// Refuses content in which new lines stand for code that was left out.
fn refuse_elided<'l>(
    old: impl Iterator<Item = &'l [u8]>,
    new: impl Iterator<Item = &'l [u8]>,
    dots_are_code: bool,
    place: &str,
) -> Result<(), Stop> {
    let counts = |line: &&[u8]| match elision(line) {
        Some(Elision::Said) => true,
        Some(Elision::Dots) => !dots_are_code,
        None => false,
    };
    let mut known: BTreeMap<&[u8], usize> = BTreeMap::new();
    for line in old.filter(counts) {
        *known.entry(line.trim_ascii()).or_default() += 1;
    }
    for line in new.filter(counts) {
        match known.get_mut(line.trim_ascii()).filter(|left| **left > 0) {
            Some(left) => *left -= 1,
            None => {
                let shown = String::from_utf8_lossy(line.trim_ascii()).into_owned();
                return refused(
                    "elided",
                    place,
                    format!(
                        "The line `{shown}` stands for code that was left out. Give all of it, or a diff."
                    ),
                );
            }
        }
    }
    Ok(())
}

/// How the lines of a content end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineEnds {
    /// None has a CR, or there is no line end.
    Lf,
    Crlf,
    Mixed,
}

impl LineEnds {
    fn of(content: &[u8]) -> Self {
        if !content.contains(&b'\r') {
            return LineEnds::Lf;
        }
        let all = content.iter().filter(|b| **b == b'\n').count();
        let crlf = content.windows(2).filter(|w| w == b"\r\n").count();
        match crlf {
            0 => LineEnds::Lf,
            some if some == all => LineEnds::Crlf,
            _ => LineEnds::Mixed,
        }
    }
}

fn warn_transport(work: &mut Work<'_>) {
    work.warn(
        "crlf-transport",
        work.place,
        "Every line of the diff ended in CRLF; the CR was taken as the transport's.",
    );
}

/// A file with both kinds of line ends can't be matched to a transported diff.
fn refuse_mixed(base: &[u8], place: &str) -> Result<(), Stop> {
    if LineEnds::of(base) == LineEnds::Mixed {
        return refused(
            "mixed-line-ends",
            place,
            "Every line of the diff ends in CRLF, and the file has lines of both kinds, so the diff's meaning is \
             unclear. Give the diff with LF line ends.",
        );
    }
    Ok(())
}

/// A line kept its CR: the transport added one of its own to each, and took nothing of the content.
fn has_cr(hunks: &[Hunk]) -> bool {
    let mut lines = hunks.iter().flat_map(|h| &h.lines);
    lines.any(|l| l.bytes.ends_with(b"\r\n"))
}

/// Gives every hunk line the CR back that the transport took.
fn with_cr(hunks: &[Hunk]) -> Vec<Hunk> {
    let mut hunks = hunks.to_vec();
    for line in hunks.iter_mut().flat_map(|h| h.lines.iter_mut()) {
        if line.bytes.last() == Some(&b'\n') {
            line.bytes.insert(line.bytes.len() - 1, b'\r');
        }
    }
    hunks
}

fn with_cr_bytes(content: &[u8]) -> Vec<u8> {
    let lines = lines_of(content).map(|l| match l.strip_suffix(b"\n") {
        Some(text) => [text, b"\r\n"].concat(),
        None => l.to_vec(),
    });
    lines.flatten().collect()
}

/// Lines, each with its line feed.
fn lines_of(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    content.lines_with_terminator()
}
