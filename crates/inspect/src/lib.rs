//! Reads what a change does out of the contents of the changed files, as findings for policy to weigh.
//!
//! Pure: contents come in, findings go out. It never runs a package manager, never follows a link, and never
//! decides how much a finding weighs. Call [`wanted`], read those files of the base commit, then call [`inspect`].
#![cfg_attr(test, allow(clippy::unwrap_used, reason = "tests"))]

mod ci;
mod dependency;
mod expression;
mod facts;
mod glob;
mod licence;
mod mask;
mod owners;
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
pub use facts::{Around, facts};
pub use mask::{Masked, masked, masked_between};
pub use owners::{MAX_CODEOWNERS_BYTES, Ownership, SkippedLine, codeowners, ownership};
pub use secrets::{SecretRules, secrets};
pub use seen::MAX_INSPECTED_BYTES;

use countersign_core::dependency::DependencyChange;
use countersign_core::diff::FileChange;
use countersign_core::path::RepoPath;
use countersign_core::policy::{Finding, RuleId as Rule};
use std::collections::{BTreeMap, BTreeSet};

/// Most base files that [`wanted`] asks for; what lies beyond is said in a finding.
pub const MAX_WANTED_FILES: usize = 500;

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
    /// What policy has to weigh, by path, rule, lines and message.
    pub findings: Vec<Finding>,
    /// Every dependency that moves, up to [`MAX_DEPENDENCY_CHANGES`].
    pub dependencies: Vec<DependencyChange>,
}

/// The base files that have to be read for [`inspect`], at most [`MAX_WANTED_FILES`], the most telling first.
pub fn wanted(base_paths: &[RepoPath], changed: &[&FileChange]) -> Vec<RepoPath> {
    let paths: BTreeSet<&RepoPath> = changed.iter().flat_map(|file| file.paths()).collect();
    all_wanted(base_paths, &paths)
        .into_iter()
        .take(MAX_WANTED_FILES)
        .cloned()
        .collect()
}

fn all_wanted<'a>(base_paths: &'a [RepoPath], changed: &BTreeSet<&RepoPath>) -> Vec<&'a RepoPath> {
    let changed: Vec<&RepoPath> = changed.iter().copied().collect();
    let rest = [
        ci::wanted(base_paths),
        tricks::wanted(base_paths, &changed),
        dependency::wanted(base_paths, &changed),
    ];
    let mut seen = BTreeSet::new();
    rest.into_iter()
        .flatten()
        .filter(|path| seen.insert(*path))
        .collect()
}

/// Looks at a change.
pub fn inspect(change: &Change<'_>) -> Inspection {
    let changed: BTreeSet<&RepoPath> = change.files.iter().flat_map(|file| file.facts.paths()).collect();
    let mut findings = missing(change, &changed);
    let files = seen::all(change, &mut findings);
    let manifests = dependency::compared(&files, &mut findings);
    let dependencies = dependency::inspect(&files, &manifests, change.base, &mut findings);
    findings.extend(dependency::new_build_scripts(&files, change.base));
    findings.extend(tricks::inspect(&files, change.base));
    findings.extend(weakened::inspect(&files));
    findings.extend(ci::inspect(&files, change.base));
    findings.extend(licence::inspect(&files, &manifests));
    findings.sort_by(|a, b| {
        (&a.path, a.rule, &a.lines, &a.message).cmp(&(&b.path, b.rule, &b.lines, &b.message))
    });
    findings.dedup();
    Inspection {
        findings,
        dependencies,
    }
}

/// Base files that were needed and are not here: what they say is unknown.
fn missing(change: &Change<'_>, changed: &BTreeSet<&RepoPath>) -> Vec<Finding> {
    let wanted = all_wanted(change.base.paths, changed);
    let missing: Vec<String> = wanted
        .into_iter()
        .filter(|path| !change.base.files.contains_key(*path))
        .map(RepoPath::to_text)
        .collect();
    if missing.is_empty() {
        return Vec::new();
    }
    vec![Finding {
        custom: None,
        severity: None,
        rule: Rule::NotInspected,
        path: None,
        blob: None,
        lines: Vec::new(),
        message: format!(
            "Files of the base that tell what this change does were not read: {}.",
            shown::listed(&missing)
        ),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_files_that_were_not_read_are_said() {
        let paths = [RepoPath::from(".github/workflows/ci.yml")];
        let base = BaseView {
            paths: &paths,
            files: BTreeMap::new(),
        };
        let found = inspect(&Change {
            files: &[],
            base: &base,
        });
        assert_eq!(found.findings.len(), 1);
        assert_eq!(found.findings[0].rule, Rule::NotInspected);
    }

    #[test]
    fn more_base_files_than_the_limit_are_asked_for_in_part() {
        let paths: Vec<RepoPath> = (0..600)
            .map(|i| RepoPath::from_bytes(format!("d{i}/.gitattributes")))
            .collect();
        let side = |path: &RepoPath| countersign_core::diff::FileSide {
            path: RepoPath::from_bytes([path.parents().last().unwrap(), b"/a"].concat()),
            mode: countersign_core::diff::FileMode::Regular,
            blob: countersign_core::id::BlobSha::parse(&"0".repeat(40)).unwrap(),
            size: 0,
        };
        let changed: Vec<FileChange> = paths
            .iter()
            .map(|path| FileChange {
                change: countersign_core::diff::ChangeKind::Deleted { old: side(path) },
                added: 0,
                removed: 0,
                binary: false,
                symlink_target: None,
            })
            .collect();
        assert_eq!(
            wanted(&paths, &changed.iter().collect::<Vec<_>>()).len(),
            MAX_WANTED_FILES
        );
    }
}
