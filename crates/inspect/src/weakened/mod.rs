//! Tests that show less than before: gone, skipped, emptied, asserting less, or with lower thresholds.
//!
//! Found by signs in the text. Tests that move or get another name are not held against a change if they show as much as before; new
//! tests neither.

mod language;
#[cfg(test)]
mod tests;
mod thresholds;
mod units;

use crate::seen::{Line, Seen};
use crate::shown::{count, listed, shown};
use crate::{Finding, Rule};
use countersign_core::path::RepoPath;
use language::{Language, is_snapshot, is_test_path, language_of};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use units::{Unit, block_end, is_comment, units};

/// How much of a body has to live on for a test to count as renamed, in hundredths.
const SAME_TEST_PERCENT: usize = 60;
/// How much of a name has to stay for a spelling to count as corrected, in hundredths.
const SAME_NAME_PERCENT: usize = 85;
/// Most pairs of removed and new tests that are compared for a renaming.
const MAX_COMPARED: usize = 20_000;
/// Most lines of one file that are looked at more closely.
const MAX_HITS: usize = 100;

/// The tests of one changed file, before and after.
struct Tests<'a> {
    seen: &'a Seen<'a>,
    language: Language,
    before: Vec<Unit>,
    after: Vec<Unit>,
    /// Names of the tests before.
    known: BTreeSet<String>,
}

impl Tests<'_> {
    /// The test after the change that a line belongs to.
    fn unit_at(&self, line: u32) -> Option<&Unit> {
        let next = self.after.partition_point(|unit| unit.head <= line);
        next.checked_sub(1)
            .map(|at| &self.after[at])
            .filter(|unit| line <= unit.end)
    }

    fn is_new(&self, unit: &Unit) -> bool {
        !self.known.contains(&unit.name)
    }
}

/// Everything of this kind in a change.
pub(crate) fn inspect(files: &[Seen<'_>]) -> Vec<Finding> {
    let tests: Vec<Tests<'_>> = files.iter().flat_map(tests_of).collect();
    let fates = fates(&tests);
    let mut findings = Vec::new();
    for (at, (one, fate)) in tests.iter().zip(&fates).enumerate() {
        findings.extend(gone(one, &fate.lost));
        let moved_here = fates.iter().flat_map(|from| &from.moved).filter(|m| m.to == at);
        findings.extend(moved(one, moved_here.collect()));
        findings.extend(skipped(one));
        findings.extend(thinner(one));
        findings.extend(emptied_assertions(one));
    }
    findings.extend(snapshots(files, &tests));
    findings.extend(files.iter().filter_map(thresholds::finding));
    findings
}

/// A file whose name takes it out of its language holds no tests of that any more, whatever it says.
fn tests_of<'a>(seen: &'a Seen<'a>) -> Vec<Tests<'a>> {
    let old = seen.old_path().zip(seen.old_text());
    let new = seen.new_path().zip(seen.new_text());
    let in_language = |side: Option<(&RepoPath, &str)>, language| match side {
        Some((path, text)) if language_of(path) == Some(language) => units(language, path, text),
        Some(_) | None => Vec::new(),
    };
    let sides = [old, new].into_iter().flatten();
    let languages: BTreeSet<Language> = sides.filter_map(|(path, _)| language_of(path)).collect();
    let both = |language| {
        let before = in_language(old, language);
        let after = in_language(new, language);
        (!before.is_empty() || !after.is_empty()).then(|| Tests {
            seen,
            language,
            known: before.iter().map(|unit| unit.name.clone()).collect(),
            before,
            after,
        })
    };
    languages.into_iter().filter_map(both).collect()
}

/// What became of the tests of one file that are not in it any more.
#[derive(Default)]
struct Fate<'b> {
    /// Names of those that are nowhere, under no other name either.
    lost: Vec<String>,
    /// Those that are elsewhere, or have another name.
    moved: Vec<Moved<'b>>,
}

/// A test that is in another place now.
struct Moved<'b> {
    before: &'b Unit,
    after: &'b Unit,
    /// In the file of that index.
    to: usize,
}

/// Per file, what became of its tests.
fn fates<'b>(tests: &'b [Tests<'_>]) -> Vec<Fate<'b>> {
    let mut fresh: BTreeMap<Language, Vec<(usize, &Unit)>> = BTreeMap::new();
    for (at, one) in tests.iter().enumerate() {
        let mut known = counts(&one.before);
        let new = one
            .after
            .iter()
            .filter(|unit| take(&mut known, &unit.name).is_none());
        fresh
            .entry(one.language)
            .or_default()
            .extend(new.map(|unit| (at, unit)));
    }
    let mut compared = 0;
    let mut fates = Vec::new();
    for one in tests {
        let mut known = counts(&one.after);
        let pool = fresh.entry(one.language).or_default();
        let mut fate = Fate::default();
        for unit in one
            .before
            .iter()
            .filter(|unit| take(&mut known, &unit.name).is_none())
        {
            compared += pool.len();
            let successor = if compared <= MAX_COMPARED {
                successor(unit, pool)
            } else {
                None
            };
            match successor.map(|at| pool.swap_remove(at)) {
                Some((to, after)) => fate.moved.push(Moved {
                    before: unit,
                    after,
                    to,
                }),
                None => fate.lost.push(unit.name.clone()),
            }
        }
        fates.push(fate);
    }
    fates
}

/// The new test that most looks like one that is gone: by its name, else by its body and asserting no less.
fn successor(gone: &Unit, pool: &[(usize, &Unit)]) -> Option<usize> {
    let score = |new: &Unit| {
        let (body, name) = (gone.overlap(new), common_ends_percent(&gone.name, &new.name));
        let same = body >= SAME_TEST_PERCENT || name >= SAME_NAME_PERCENT;
        (gone.name == new.name || (same && new.assertions >= gone.assertions)).then_some(body + name)
    };
    let scored = pool
        .iter()
        .enumerate()
        .filter_map(|(at, (_, new))| Some((score(new)?, at)));
    scored.max().map(|(_, at)| at)
}

/// Tests that came into this file and show less than where they were.
fn moved(one: &Tests<'_>, here: Vec<&Moved<'_>>) -> Vec<Finding> {
    let pairs = here.iter().map(|m| (m.before, m.after)).collect::<Vec<_>>();
    let mut findings = thinner_of(one, &pairs, 0);
    let skipped: Vec<&Unit> = here
        .iter()
        .filter(|m| m.after.skips.len() > m.before.skips.len())
        .map(|m| m.after)
        .collect();
    if !skipped.is_empty() {
        let names: Vec<String> = skipped.iter().map(|unit| unit.name.clone()).collect();
        let lines = skipped.iter().flat_map(|unit| unit.skips.clone()).collect();
        let text = format!(
            "Tests that moved here are kept from running or expected to fail: {}.",
            listed(&names)
        );
        findings.push(one.seen.finding(Rule::WeakenedTest, lines, text));
    }
    findings
}

/// How much of the longer name both share at their beginnings and ends, in hundredths.
fn common_ends_percent(a: &str, b: &str) -> usize {
    let same = |(a, b): &(char, char)| a == b;
    let start = a.chars().zip(b.chars()).take_while(same).count();
    let (shorter, longer) = (
        a.chars().count().min(b.chars().count()),
        a.chars().count().max(b.chars().count()),
    );
    let end = a
        .chars()
        .rev()
        .zip(b.chars().rev())
        .take(shorter - start)
        .take_while(same)
        .count();
    ((start + end) * 100).checked_div(longer).unwrap_or(100)
}

fn counts(units: &[Unit]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for unit in units {
        *counts.entry(unit.name.as_str()).or_default() += 1;
    }
    counts
}

fn take(counts: &mut BTreeMap<&str, usize>, name: &str) -> Option<()> {
    let count = counts.get_mut(name).filter(|count| **count > 0)?;
    *count -= 1;
    Some(())
}

fn gone(one: &Tests<'_>, lost: &[String]) -> Option<Finding> {
    if lost.is_empty() {
        return None;
    }
    let whole = if one.seen.new.is_none() {
        "A file with tests is deleted, with "
    } else if one.seen.new_path().and_then(language_of) != Some(one.language) {
        "A file with tests has a name that nothing runs any more, with "
    } else {
        "No longer there: "
    };
    let text = format!("{whole}{}: {}.", count(lost.len(), "test"), listed(lost));
    Some(one.seen.finding(Rule::WeakenedTest, Vec::new(), text))
}

/// Lines that are brought in and were not only moved or indented anew.
fn fresh_lines<'a>(seen: &'a Seen<'a>) -> Vec<Line<'a>> {
    let mut gone: BTreeMap<String, usize> = BTreeMap::new();
    for line in &seen.removed {
        *gone.entry(line.text().trim().to_owned()).or_default() += 1;
    }
    let fresh = seen
        .added
        .iter()
        .filter(|line| match gone.get_mut(line.text().trim()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                false
            }
            Some(_) | None => true,
        });
    fresh.copied().collect()
}

/// Whether what a line opens (a group, a class) holds tests, and only such as the change brings in.
fn covers_only_new(one: &Tests<'_>, line: u32) -> bool {
    let text = one.seen.new_text().unwrap_or_default();
    let end = block_end(one.language, text, line);
    let mut inside = one
        .after
        .iter()
        .filter(|unit| (line..=end).contains(&unit.head))
        .peekable();
    inside.peek().is_some() && inside.all(|unit| one.is_new(unit))
}

/// Whether a line stands in a test that the change itself brings in.
fn in_new_test(one: &Tests<'_>, line: u32) -> bool {
    one.unit_at(line).is_some_and(|unit| one.is_new(unit))
}

fn skipped(one: &Tests<'_>) -> Option<Finding> {
    one.seen.old?;
    let skip = &one.language.signs().skip;
    let mut lines: BTreeSet<u32> = BTreeSet::new();
    for (old, new) in same_tests(one) {
        if new.skips.len() > old.skips.len() {
            lines.extend(new.skips.iter().copied().filter(|line| one.seen.adds_line(*line)));
        }
    }
    if is_test_path(one.seen.path()) {
        let matches = |line: &Line<'_>| {
            let text = line.text();
            skip.is_match(&text) && !is_comment(one.language, &text)
        };
        let hits = fresh_lines(one.seen).into_iter().filter(matches);
        let outside = hits
            .filter(|line| one.unit_at(line.number).is_none())
            .take(MAX_HITS);
        lines.extend(
            outside
                .map(|line| line.number)
                .filter(|line| !covers_only_new(one, *line)),
        );
    }
    let first = one
        .seen
        .added
        .iter()
        .find(|line| lines.contains(&line.number))?
        .text()
        .trim()
        .to_owned();
    let text = format!(
        "Tests are kept from running or expected to fail: `{}`.",
        shown(&first)
    );
    Some(
        one.seen
            .finding(Rule::WeakenedTest, lines.into_iter().collect(), text),
    )
}

/// Tests of both sides with the same name, in order.
fn same_tests<'b>(one: &'b Tests<'_>) -> Vec<(&'b Unit, &'b Unit)> {
    let mut before: BTreeMap<&str, VecDeque<&Unit>> = BTreeMap::new();
    for unit in &one.before {
        before.entry(&unit.name).or_default().push_back(unit);
    }
    let pair = |new: &'b Unit| Some((before.get_mut(new.name.as_str())?.pop_front()?, new));
    one.after.iter().filter_map(pair).collect()
}

/// Tests that are in both sides and assert less than before.
fn thinner(one: &Tests<'_>) -> Vec<Finding> {
    // Assertions that only moved to a neighbour are not lost.
    thinner_of(one, &same_tests(one), new_assertions(one))
}

/// Of these tests, before and after: those that do nothing any more, and those that assert less, if more than `elsewhere` is lost.
fn thinner_of(one: &Tests<'_>, tests: &[(&Unit, &Unit)], elsewhere: i64) -> Vec<Finding> {
    let (mut emptied, mut fewer, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    let mut lost = 0i64;
    for (old, unit) in tests {
        if !old.body.is_empty() && unit.body.is_empty() && unit.assertions == 0 {
            emptied.push(unit.name.clone());
            lines.push(unit.head);
        } else if unit.assertions < old.assertions {
            fewer.push(format!(
                "{} ({} → {})",
                unit.name, old.assertions, unit.assertions
            ));
            lines.push(unit.head);
        }
        lost += i64::from(old.assertions) - i64::from(unit.assertions);
    }
    let mut findings = Vec::new();
    if !emptied.is_empty() {
        let text = format!("Tests do nothing any more: {}.", listed(&emptied));
        findings.push(one.seen.finding(Rule::WeakenedTest, lines.clone(), text));
    }
    if !fewer.is_empty() && lost > elsewhere {
        let text = format!("Tests assert less than before: {}.", listed(&fewer));
        findings.push(one.seen.finding(Rule::WeakenedTest, lines, text));
    }
    findings
}

/// Assertions in tests that are new in the file.
fn new_assertions(one: &Tests<'_>) -> i64 {
    one.after
        .iter()
        .filter(|unit| one.is_new(unit))
        .map(|unit| i64::from(unit.assertions))
        .sum()
}

fn emptied_assertions(one: &Tests<'_>) -> Option<Finding> {
    one.seen.old?;
    let empty = &one.language.signs().empty_assertion;
    let hits: Vec<Line<'_>> = fresh_lines(one.seen)
        .into_iter()
        .filter(|line| empty.is_match(&line.text()))
        .take(MAX_HITS)
        .filter(|line| !in_new_test(one, line.number))
        .filter(|line| one.unit_at(line.number).is_some())
        .collect();
    let first = hits.first()?.text().trim().to_owned();
    let text = format!("A test asserts what is always so: `{}`.", shown(&first));
    Some(one.seen.finding(
        Rule::WeakenedTest,
        hits.iter().map(|line| line.number).collect(),
        text,
    ))
}

/// Expected values that change in recorded output only, without any test changing.
fn snapshots(files: &[Seen<'_>], tests: &[Tests<'_>]) -> Vec<Finding> {
    let tests_change = tests
        .iter()
        .any(|one| one.seen.new.is_some() && one.seen.old != one.seen.new);
    if tests_change {
        return Vec::new();
    }
    let recorded = files
        .iter()
        .filter(|seen| seen.old_path().is_some_and(is_snapshot) && seen.old != seen.new);
    recorded.map(|seen| {
        let text = match seen.new {
            Some(_) => format!(
                "Expected values change in recorded output only ({} in, {} out): no test changes with them.",
                count(seen.added.len(), "line"),
                count(seen.removed.len(), "line")
            ),
            None => "Recorded expected output is deleted, and no test changes with it.".to_owned(),
        };
        let lines = seen.added.iter().map(|line| line.number).collect();
        seen.finding(Rule::WeakenedTest, lines, text)
    }).collect()
}
