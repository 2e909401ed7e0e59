//! Tests that show less than before: gone, skipped, emptied, asserting less, or with lower thresholds.
//!
//! Found by signs in the text. Moved and renamed tests are not held against a change; new tests neither.

mod language;
#[cfg(test)]
mod tests;
mod thresholds;
mod units;

use crate::seen::{Line, Seen};
use crate::shown::{count, listed, shown};
use crate::{Finding, Rule};
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
    let tests: Vec<Tests<'_>> = files.iter().filter_map(tests_of).collect();
    let lost = lost_tests(&tests);
    let mut findings = Vec::new();
    for (one, lost) in tests.iter().zip(lost) {
        findings.extend(gone(one, &lost));
        findings.extend(skipped(one));
        findings.extend(thinner(one));
        findings.extend(emptied_assertions(one));
    }
    findings.extend(snapshots(files, &tests));
    findings.extend(files.iter().filter_map(thresholds::finding));
    findings
}

fn tests_of<'a>(seen: &'a Seen<'a>) -> Option<Tests<'a>> {
    let language = language_of(seen.path())?;
    let side = |path: Option<&countersign_core::path::RepoPath>, text: Option<&str>| match (path, text) {
        (Some(path), Some(text)) => units(language, path, text),
        (_, _) => Vec::new(),
    };
    let before = side(seen.old_path(), seen.old_text());
    let after = side(seen.new_path(), seen.new_text());
    (!before.is_empty() || !after.is_empty()).then_some(Tests {
        seen,
        language,
        known: before.iter().map(|unit| unit.name.clone()).collect(),
        before,
        after,
    })
}

/// Per file, the names of tests that are nowhere any more, under no other name either.
fn lost_tests(tests: &[Tests<'_>]) -> Vec<Vec<String>> {
    let mut fresh: BTreeMap<Language, Vec<&Unit>> = BTreeMap::new();
    for one in tests {
        let mut known = counts(&one.before);
        let new = one
            .after
            .iter()
            .filter(|unit| take(&mut known, &unit.name).is_none());
        fresh.entry(one.language).or_default().extend(new);
    }
    let mut compared = 0;
    let mut lost = Vec::new();
    for one in tests {
        let mut known = counts(&one.after);
        let pool = fresh.entry(one.language).or_default();
        let mut gone = Vec::new();
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
            match successor {
                Some(at) => drop(pool.swap_remove(at)),
                None => gone.push(unit.name.clone()),
            }
        }
        lost.push(gone);
    }
    lost
}

/// The new test that most looks like one that is gone: by its name, else by its body and asserting no less.
fn successor(gone: &Unit, pool: &[&Unit]) -> Option<usize> {
    let score = |new: &Unit| {
        let (body, name) = (gone.overlap(new), common_ends_percent(&gone.name, &new.name));
        let same = body >= SAME_TEST_PERCENT || name >= SAME_NAME_PERCENT;
        (gone.name == new.name || (same && new.assertions >= gone.assertions)).then_some(body + name)
    };
    let scored = pool
        .iter()
        .enumerate()
        .filter_map(|(at, new)| Some((score(new)?, at)));
    scored.max().map(|(_, at)| at)
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
    let (mut emptied, mut fewer, mut lines) = (Vec::new(), Vec::new(), Vec::new());
    let mut lost = 0i64;
    for (old, unit) in same_tests(one) {
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
    // Assertions that only moved to a neighbour are not lost.
    let moved_in: i64 = new_assertions(one);
    if !fewer.is_empty() && lost > moved_in {
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
