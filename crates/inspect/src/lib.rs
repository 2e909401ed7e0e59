//! Reads what a change does out of the contents of the changed files, as findings for policy to weigh.
//!
//! Pure: contents come in, findings go out. It never runs a package manager, never follows a link, and never
//! decides how much a finding weighs.
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod dependency;
mod expression;
mod glob;
#[cfg(test)]
mod scenario;
mod secrets;
mod seen;
mod shown;
mod tricks;
mod unreadable;
mod weakened;
mod yaml;

pub use countersign_scan::Salt;
pub use dependency::MAX_DEPENDENCY_CHANGES;
pub use secrets::secrets;
pub use seen::MAX_INSPECTED_BYTES;

use countersign_core::dependency::DependencyChange;
use countersign_core::diff::FileChange;
use countersign_core::path::RepoPath;
use countersign_core::policy::{Finding, RuleId as Rule};
use std::collections::BTreeMap;

/// A change of one repository, with the contents that are needed to judge it.
#[derive(Debug, Clone, Copy)]
pub struct Change<'a> {
    /// The changed files.
    pub files: &'a [ChangedFile<'a>],
    /// What lies around them in the base commit.
    pub base: &'a BaseView<'a>,
}

/// One changed file.
#[derive(Debug, Clone, Copy)]
pub struct ChangedFile<'a> {
    /// What happened to it.
    pub facts: &'a FileChange,
    /// Content before; needed wherever that side is a regular or executable file.
    pub old: Option<&'a [u8]>,
    /// Content after, likewise.
    pub new: Option<&'a [u8]>,
}

/// The base commit, as far as it is needed.
#[derive(Debug, Clone)]
pub struct BaseView<'a> {
    /// Every path.
    pub paths: &'a [RepoPath],
    /// The contents that [`wanted`] asked for.
    pub files: BTreeMap<RepoPath, Vec<u8>>,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// What policy has to weigh, in a fixed order.
    pub findings: Vec<Finding>,
    /// Every dependency that moves, up to [`MAX_DEPENDENCY_CHANGES`].
    pub dependencies: Vec<DependencyChange>,
}

/// The base files that have to be read for [`inspect`], at most [`MAX_WANTED_FILES`].
pub fn wanted(base_paths: &[RepoPath], changed: &[&FileChange]) -> Vec<RepoPath> {
    let paths: Vec<&RepoPath> = changed.iter().flat_map(|file| file.paths()).collect();
    let wanted = tricks::wanted(base_paths, &paths)
        .into_iter()
        .chain(dependency::wanted(base_paths, &paths));
    let mut wanted: Vec<RepoPath> = wanted.cloned().collect();
    wanted.sort();
    wanted.dedup();
    wanted.truncate(MAX_WANTED_FILES);
    wanted
}

/// Most base files that are asked for.
pub const MAX_WANTED_FILES: usize = 500;

/// Looks at a change.
pub fn inspect(change: &Change<'_>) -> Inspection {
    let mut findings = Vec::new();
    let files = seen::all(change, &mut findings);
    let compared = dependency::compared(&files, &mut findings);
    let dependencies = dependency::inspect(&compared, change.base, &mut findings);
    findings.extend(dependency::new_build_scripts(&files, change.base));
    findings.extend(tricks::inspect(&files, change.base));
    findings.extend(weakened::inspect(&files));
    findings.sort_by(|a, b| {
        (&a.path, a.rule, &a.lines, &a.message).cmp(&(&b.path, b.rule, &b.lines, &b.message))
    });
    findings.dedup();
    Inspection {
        findings,
        dependencies,
    }
}
