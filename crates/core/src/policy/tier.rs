//! How risky a change is, from facts alone: it decides how many people approve, and nothing lowers it.

use super::fold::match_key;
use super::lists::{PathList, is_auth};
use crate::diff::{FileChange, FileMode, TreeDiff};
use crate::id::RepositoryId;
use crate::path::RepoPath;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// How risky a change is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RiskTier {
    /// Small, in one repository, in ordinary files.
    Low,
    /// Everything between.
    Medium,
    /// Large, or in files that steer other things.
    High,
}

impl fmt::Display for RiskTier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RiskTier::Low => "low",
            RiskTier::Medium => "medium",
            RiskTier::High => "high",
        })
    }
}

/// A tier and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TierReport {
    /// How risky.
    pub tier: RiskTier,
    /// What led to that tier, in plain sentences; never empty.
    pub reasons: Vec<String>,
}

/// Low up to this many changed files.
const LOW_FILES: usize = 5;
/// Low up to this many changed lines.
const LOW_LINES: u64 = 200;
/// High above this many changed files.
const HIGH_FILES: usize = 30;
/// High above this many changed lines.
const HIGH_LINES: u64 = 1_000;
/// High above this many repositories.
const HIGH_REPOSITORIES: usize = 2;
/// Paths named in one reason; the rest are counted.
const NAMED_PATHS: usize = 3;

/// The tier of a whole change over all its repositories.
pub fn risk_tier(diffs: &[(RepositoryId, &TreeDiff)]) -> TierReport {
    let files: Vec<&FileChange> = diffs.iter().flat_map(|(_, diff)| &diff.files).collect();
    let lines: u64 = diffs.iter().map(|(_, diff)| diff.added() + diff.removed()).sum();
    let repositories = diffs.iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len();
    let mut found = size_reasons(files.len(), lines, repositories);
    found.extend(path_reasons(
        &files.iter().map(|file| file.paths()).collect::<Vec<_>>(),
    ));
    found.extend(content_reasons(&files));
    report(found, || {
        let files = count(files.len() as u64, "file", "files");
        let repositories = count(repositories as u64, "repository", "repositories");
        format!(
            "{files}, {} and {repositories}, none of them sensitive.",
            count(lines, "line", "lines")
        )
    })
}

/// The tier that the paths of a plan show by themselves; lines, modes and content are not known yet.
pub fn planned_risk_tier(plans: &[(RepositoryId, Vec<RepoPath>)]) -> TierReport {
    let paths: Vec<Vec<&RepoPath>> = plans
        .iter()
        .flat_map(|(_, paths)| paths)
        .map(|path| vec![path])
        .collect();
    let repositories = plans.iter().map(|(id, _)| id).collect::<BTreeSet<_>>().len();
    let mut found = size_reasons(paths.len(), 0, repositories);
    found.extend(path_reasons(&paths));
    report(found, || {
        let files = count(paths.len() as u64, "planned file", "planned files");
        format!(
            "{files} in {}, none sensitive.",
            count(repositories as u64, "repository", "repositories")
        )
    })
}

/// The highest tier found, with what led to it; `low` says why where nothing was found.
fn report(found: Vec<(RiskTier, String)>, low: impl Fn() -> String) -> TierReport {
    let tier = found.iter().map(|(tier, _)| *tier).max().unwrap_or(RiskTier::Low);
    let reasons: Vec<String> = found
        .into_iter()
        .filter(|(t, _)| *t == tier)
        .map(|(_, text)| text)
        .collect();
    TierReport {
        tier,
        reasons: if reasons.is_empty() { vec![low()] } else { reasons },
    }
}

fn size_reasons(files: usize, lines: u64, repositories: usize) -> Vec<(RiskTier, String)> {
    let mut found = Vec::new();
    if files > HIGH_FILES {
        found.push((
            RiskTier::High,
            format!("{files} files change; over {HIGH_FILES} is high risk."),
        ));
    } else if files > LOW_FILES {
        found.push((
            RiskTier::Medium,
            format!("{files} files change; low risk ends at {LOW_FILES}."),
        ));
    }
    if lines > HIGH_LINES {
        found.push((
            RiskTier::High,
            format!("{lines} lines change; over {HIGH_LINES} is high risk."),
        ));
    } else if lines > LOW_LINES {
        found.push((
            RiskTier::Medium,
            format!("{lines} lines change; low risk ends at {LOW_LINES}."),
        ));
    }
    if repositories > HIGH_REPOSITORIES {
        let text = format!("{repositories} repositories change; over {HIGH_REPOSITORIES} is high risk.");
        found.push((RiskTier::High, text));
    } else if repositories > 1 {
        found.push((
            RiskTier::Medium,
            format!("{repositories} repositories change; low risk is one."),
        ));
    }
    found
}

/// Files that steer other things; each file with the paths of both its sides.
fn path_reasons(files: &[Vec<&RepoPath>]) -> Vec<(RiskTier, String)> {
    let mut found = Vec::new();
    let mut look = |name: &str, matches: &dyn Fn(&[u8]) -> bool| {
        let hit = |paths: &&Vec<&RepoPath>| paths.iter().any(|p| matches(&match_key(p.as_bytes())));
        if let Some(paths) = named(files.iter().filter(hit).filter_map(|paths| paths.last().copied())) {
            found.push((RiskTier::High, format!("{name} files change: {paths}.")));
        }
    };
    look("CI", &|key| PathList::Ci.contains(key));
    look("Policy", &|key| PathList::Policy.contains(key));
    look("Agent-instruction", &|key| {
        PathList::AgentInstruction.contains(key)
    });
    look("Dependency", &|key| PathList::Dependency.contains(key));
    look("Authentication or authorisation", &is_auth);
    found
}

/// Content whose lines do not tell what it does.
fn content_reasons(files: &[&FileChange]) -> Vec<(RiskTier, String)> {
    let mut found = Vec::new();
    let mut look = |tier, what: &str, matches: &dyn Fn(&FileChange) -> bool| {
        let hits = files.iter().filter(|file| matches(file)).map(|file| file.path());
        if let Some(paths) = named(hits) {
            found.push((tier, format!("{what}: {paths}.")));
        }
    };
    look(RiskTier::High, "Symbolic links change", &|f| {
        has_mode(f, FileMode::Symlink)
    });
    look(RiskTier::High, "Submodules change", &|f| {
        has_mode(f, FileMode::Submodule)
    });
    look(RiskTier::Medium, "Files become executable", &gains_executable_bit);
    look(
        RiskTier::Medium,
        "Binary files change, whose lines can't be counted",
        &|f| f.binary,
    );
    found
}

fn has_mode(file: &FileChange, mode: FileMode) -> bool {
    [file.old(), file.new_side()]
        .into_iter()
        .flatten()
        .any(|side| side.mode == mode)
}

pub(super) fn gains_executable_bit(file: &FileChange) -> bool {
    let before = file.old().is_some_and(|side| side.mode == FileMode::Executable);
    let after = file
        .new_side()
        .is_some_and(|side| side.mode == FileMode::Executable);
    after && !before
}

/// The first few paths, and how many more there are.
fn named<'a>(paths: impl Iterator<Item = &'a RepoPath>) -> Option<String> {
    let paths: Vec<String> = paths.map(RepoPath::to_text).collect();
    let first = paths
        .iter()
        .take(NAMED_PATHS)
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    match paths.len() {
        0 => None,
        n if n > NAMED_PATHS => Some(format!("{first} and {} more", n - NAMED_PATHS)),
        _ => Some(first),
    }
}

fn count(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}
