//! Runs over histories, counted.

use super::distort::{Original, try_one};
use super::judge::{Outcome, understands};
use super::model::{Op, parse};
use super::source::{Change, History};
use countersign_core::id::CommitSha;
use countersign_git::Workbench;
use std::collections::BTreeMap;

/// Largest change that is distorted, in bytes of its diff and of the files before.
const DISTORTED_MAX_BYTES: usize = 400_000;

/// What came of undistorted diffs.
#[derive(Debug, Default)]
pub(crate) struct Identical {
    /// The identical tree id.
    pub(crate) same: usize,
    /// Refused, by code.
    pub(crate) refused: BTreeMap<&'static str, usize>,
    /// With a binary change, which the applier refuses: counted apart.
    pub(crate) binary: usize,
    /// With a submodule's change, likewise.
    pub(crate) submodule: usize,
    /// Another tree, or not refused where it must be.
    pub(crate) wrong: Vec<String>,
}

/// Applies each change's own diff to its parent.
pub(crate) fn identical(bench: &Workbench, changes: &[Change]) -> Identical {
    let mut counts = Identical::default();
    for change in changes.iter().filter(|c| !c.patch.is_empty()) {
        let sha = |id: &str| CommitSha::parse(id).expect("an id");
        let tree = |id: &str| bench.tree_of(&sha(id)).expect("a tree");
        let lines = || change.patch.split(|b| *b == b'\n');
        let binary = lines().any(|l| l.starts_with(b"Binary files ") || l.starts_with(b"GIT binary patch"));
        let submodule =
            lines().any(|l| l.ends_with(b" 160000") && !l.starts_with(b"+") && !l.starts_with(b"-"));
        let outcome = bench
            .fresh()
            .apply(&tree(&change.parent), &change.patch)
            .expect("git answers");
        match outcome {
            Ok(_) if submodule => counts
                .wrong
                .push(format!("{}: a submodule was applied", change.commit)),
            Ok(applied) if applied.diff.result_tree == tree(&change.commit) => counts.same += 1,
            Ok(_) => counts.wrong.push(format!("{}: another tree", change.commit)),
            Err(refusal) if refusal.code == "submodule" => counts.submodule += 1,
            Err(refusal) if (binary || submodule) && refusal.code == "binary-change" => counts.binary += 1,
            Err(refusal) => {
                let known = *counts
                    .refused
                    .entry(refusal.code)
                    .and_modify(|n| *n += 1)
                    .or_insert(1);
                if known <= 3 {
                    eprintln!("{}: {refusal} [{}]", change.commit, refusal.code);
                }
            }
        }
    }
    counts
}

/// Changes that the model understands and that are small enough to be distorted.
pub(crate) fn originals(history: &mut History, changes: &[Change]) -> Vec<Original> {
    let mut found = Vec::new();
    for change in changes
        .iter()
        .filter(|c| !c.patch.is_empty() && c.patch.len() < DISTORTED_MAX_BYTES)
    {
        let sections = parse(&change.patch);
        let sources: Vec<Vec<u8>> = sections
            .iter()
            .filter(|s| s.op == Op::Copy)
            .map(|s| s.old_path.clone())
            .collect();
        if sections.iter().any(|s| s.opaque) {
            continue;
        }
        let Some((base, truth)) = history.truth(change, &sources) else {
            continue;
        };
        let original = Original { sections, base };
        let size: usize = original.base.values().map(|s| s.bytes.len()).sum();
        if size < DISTORTED_MAX_BYTES {
            assert!(
                understands(&original, &truth),
                "the model misunderstands {}",
                change.commit
            );
            found.push(original);
        }
    }
    found
}

/// What came of distorted diffs, in all and by kind.
#[derive(Debug, Default)]
pub(crate) struct Distorted {
    pub(crate) right: usize,
    pub(crate) refused: usize,
    pub(crate) twin: usize,
    pub(crate) part: usize,
    pub(crate) line_ends: usize,
    pub(crate) wrong: Vec<String>,
    pub(crate) codes: BTreeMap<&'static str, usize>,
    pub(crate) twins_by_kind: BTreeMap<String, usize>,
}

impl Distorted {
    pub(crate) fn all(&self) -> usize {
        self.right + self.refused + self.twin + self.part + self.line_ends + self.wrong.len()
    }
}

/// Distorts changes in turn, with one seed after the other.
pub(crate) fn distorted(bench: &Workbench, originals: &[Original], seeds: std::ops::Range<u64>) -> Distorted {
    let mut counts = Distorted::default();
    for seed in seeds {
        let at = usize::try_from(seed % originals.len() as u64).expect("an index");
        let (kind, outcome) = try_one(&originals[at], seed, bench);
        match outcome {
            Outcome::Right => counts.right += 1,
            Outcome::Refused(code) => {
                counts.refused += 1;
                *counts.codes.entry(code).or_default() += 1;
            }
            Outcome::Twin => {
                counts.twin += 1;
                *counts.twins_by_kind.entry(kind).or_default() += 1;
            }
            Outcome::Part => counts.part += 1,
            Outcome::LineEnds => counts.line_ends += 1,
            Outcome::Wrong(why) => counts.wrong.push(format!("{kind}: {why}")),
        }
    }
    counts
}
