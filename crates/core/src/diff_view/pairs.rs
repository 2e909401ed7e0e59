//! Which removed line became which added one, inside one run of changed lines, and what differs between them.
//!
//! Lines are paired in order and only where they have enough in common; what is too long or too many to be
//! compared is counted, never guessed.

use super::form::{LineSide, LineView};
use super::words::{is_space, spans, tokens, units};
use std::ops::Range;

/// From which share of common text on (0 to 1) two lines are taken for one that was changed.
const SIMILARITY: f64 = 0.4;
/// Longest line that is compared word by word, in bytes.
const LINE_MAX_BYTES: usize = 2048;
/// Up to how many removed × added lines of one run the best pairing is looked for; above it only runs of equal
/// length are paired, line by line.
const RUN_MAX_PAIRS: usize = 4096;
/// How many pairs of tokens may be compared in one file.
const WORK_MAX: usize = 20_000_000;

/// How much comparing is still allowed.
pub(super) struct Budget {
    /// Changed lines.
    pub(super) lines: usize,
    work: usize,
}

impl Budget {
    pub(super) fn of_lines(lines: usize) -> Self {
        Self {
            lines,
            work: WORK_MAX,
        }
    }
}

/// Pairs the lines of one hunk; gives the number of changed lines that were not compared because of a limit.
pub(super) fn pair(lines: &mut [LineView], budget: &mut Budget) -> u64 {
    let mut left_out = 0;
    for (removed, added) in runs(lines) {
        let changed = removed.len() + added.len();
        if removed.is_empty() || added.is_empty() {
            continue;
        }
        if changed > budget.lines {
            left_out += changed as u64;
            continue;
        }
        budget.lines -= changed;
        left_out += pair_run(lines, removed, added, budget);
    }
    left_out
}

/// Runs of removed lines with the added ones that follow.
fn runs(lines: &[LineView]) -> Vec<(Range<usize>, Range<usize>)> {
    let length = |from: usize, side: LineSide| lines[from..].iter().take_while(|l| l.side == side).count();
    let mut runs = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        at += length(at, LineSide::Context);
        let removed = at..at + length(at, LineSide::Removed);
        let added = removed.end..removed.end + length(removed.end, LineSide::Added);
        at = added.end;
        runs.push((removed, added));
    }
    runs
}

fn pair_run(lines: &mut [LineView], removed: Range<usize>, added: Range<usize>, budget: &mut Budget) -> u64 {
    let comparable =
        |range: &Range<usize>| -> Vec<Option<Words>> { lines[range.clone()].iter().map(Words::of).collect() };
    let (old, new) = (comparable(&removed), comparable(&added));
    let mut left_out = old.iter().chain(&new).filter(|w| w.is_none()).count() as u64;
    let pairs = match old.len().saturating_mul(new.len()) <= RUN_MAX_PAIRS {
        true => best_pairs(&old, &new),
        false if old.len() == new.len() => (0..old.len())
            .filter(|at| similarity(old[*at].as_ref(), new[*at].as_ref()) >= SIMILARITY)
            .map(|at| (at, at))
            .collect(),
        false => return (old.len() + new.len()) as u64,
    };
    let mut found = Vec::with_capacity(pairs.len());
    for (o, n) in pairs {
        let (Some(before), Some(after)) = (&old[o], &new[n]) else {
            continue;
        };
        let work = before.tokens.len().saturating_mul(after.tokens.len());
        let words = (work <= budget.work).then(|| {
            budget.work -= work;
            spans(&refs(&before.tokens), &refs(&after.tokens))
        });
        left_out += if words.is_none() { 2 } else { 0 };
        found.push((removed.start + o, added.start + n, words));
    }
    for (o, n, words) in found {
        let (gone, come) = words.unzip();
        (lines[o].pair, lines[o].words) = (u32::try_from(n).ok(), gone);
        (lines[n].pair, lines[n].words) = (u32::try_from(o).ok(), come);
    }
    left_out
}

fn refs(tokens: &[String]) -> Vec<&str> {
    tokens.iter().map(String::as_str).collect()
}

/// A line's words, and the same sorted without whitespace.
struct Words {
    tokens: Vec<String>,
    sorted: Vec<String>,
    weight: u32,
}

impl Words {
    /// `None`: the line is too long to be compared.
    fn of(line: &LineView) -> Option<Self> {
        if line.text.len() > LINE_MAX_BYTES || line.omitted_bytes > 0 {
            return None;
        }
        let tokens: Vec<String> = tokens(&line.text).into_iter().map(str::to_owned).collect();
        let mut sorted: Vec<String> = tokens.iter().filter(|t| !is_space(t)).cloned().collect();
        sorted.sort_unstable();
        let weight = sorted.iter().map(|t| units(t)).sum();
        Some(Self {
            tokens,
            sorted,
            weight,
        })
    }
}

/// How much of two lines is the same words in whatever order, from 0 to 1; whitespace doesn't count.
fn similarity(old: Option<&Words>, new: Option<&Words>) -> f64 {
    let (Some(old), Some(new)) = (old, new) else {
        return 0.0;
    };
    let both = old.weight + new.weight;
    if both == 0 {
        return 1.0;
    }
    let (mut o, mut n, mut common) = (0, 0, 0);
    while let (Some(a), Some(b)) = (old.sorted.get(o), new.sorted.get(n)) {
        match a.cmp(b) {
            std::cmp::Ordering::Less => o += 1,
            std::cmp::Ordering::Greater => n += 1,
            std::cmp::Ordering::Equal => {
                common += units(a);
                o += 1;
                n += 1;
            }
        }
    }
    f64::from(2 * common) / f64::from(both)
}

/// The pairing in order that has most in common altogether.
fn best_pairs(old: &[Option<Words>], new: &[Option<Words>]) -> Vec<(usize, usize)> {
    let width = new.len() + 1;
    let mut best = vec![0.0_f64; (old.len() + 1) * width];
    let mut alike = vec![0.0_f64; old.len() * new.len()];
    for o in (0..old.len()).rev() {
        for n in (0..new.len()).rev() {
            let same = similarity(old[o].as_ref(), new[n].as_ref());
            alike[o * new.len() + n] = same;
            let skip = best[(o + 1) * width + n].max(best[o * width + n + 1]);
            let take = if same >= SIMILARITY {
                same + best[(o + 1) * width + n + 1]
            } else {
                0.0
            };
            best[o * width + n] = skip.max(take);
        }
    }
    let mut pairs = Vec::new();
    let (mut o, mut n) = (0, 0);
    while o < old.len() && n < new.len() {
        let same = alike[o * new.len() + n];
        let here = best[o * width + n];
        if same >= SIMILARITY && here <= same + best[(o + 1) * width + n + 1] {
            pairs.push((o, n));
            o += 1;
            n += 1;
        } else if here <= best[(o + 1) * width + n] {
            o += 1;
        } else {
            n += 1;
        }
    }
    pairs
}
