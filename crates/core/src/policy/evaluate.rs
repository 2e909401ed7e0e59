//! Holding a proposal against the policy: every broken rule, where, how much it weighs and what to do.

use super::collisions::{ResultPath, collisions};
use super::content_rules::{broken_by_file, broken_by_size};
use super::effective::EffectivePolicy;
use super::globs::FrozenGlobs;
use super::path_rules::broken_by;
use super::rule::{RuleId, Severity};
use crate::diff::{ChangeKind, FileChange, TreeDiff};
use crate::id::RepositoryId;
use crate::path::{RepoPath, quote};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// Which rule.
    pub rule: RuleId,
    /// How much it weighs here.
    pub severity: Severity,
    /// In which repository.
    pub repository: RepositoryId,
    /// At which path; none where the whole change breaks the rule.
    pub path: Option<RepoPath>,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What a person can do about it, in a sentence.
    pub remedy: String,
}

impl Violation {
    /// What names it within its repository: `ci-file@.ci/run`, or the rule alone where there is no path.
    ///
    /// A path that is not plain ASCII is quoted as git does, so that look-alikes differ.
    pub fn id(&self) -> String {
        match &self.path {
            None => self.rule.to_string(),
            Some(path) if path.as_bytes().is_ascii() => format!("{}@{path}", self.rule),
            Some(path) => format!("{}@{}", self.rule, quote(path.as_bytes())),
        }
    }
}

/// Every rule that a change of one repository breaks: blocks first, then by rule and path, each place once.
///
/// Both sides of a rename count. The tree around the change is not known here: see [`evaluate_collisions`].
pub fn evaluate(policy: &EffectivePolicy, repository: &RepositoryId, diff: &TreeDiff) -> Vec<Violation> {
    let mut report = Report::new(policy, repository);
    for (rule, message) in broken_by_size(policy, diff) {
        report.add(rule, None, message);
    }
    let paths: Vec<&RepoPath> = diff.files.iter().flat_map(FileChange::paths).collect();
    report.add_paths(&paths);
    for file in &diff.files {
        for (rule, message) in broken_by_file(policy, file) {
            report.add(rule, Some(file.path()), message);
        }
    }
    for (path, message) in collisions(&result_paths(diff), &[]) {
        report.add(RuleId::PathCollision, Some(path), message);
    }
    report.finish()
}

/// Every rule that paths alone break, for a plan.
///
/// Collisions are left to the diff: a plan to rename `A` to `a` names both, and only one of them stays.
pub fn evaluate_paths(
    policy: &EffectivePolicy,
    repository: &RepositoryId,
    paths: &[RepoPath],
) -> Vec<Violation> {
    let mut report = Report::new(policy, repository);
    report.add_paths(&paths.iter().collect::<Vec<_>>());
    report.finish()
}

/// Paths that the change introduces and that some file systems take for a path already in the base tree.
///
/// `base_paths` are all paths of the base tree. What the tree had before the change is not held against it.
pub fn evaluate_collisions(
    policy: &EffectivePolicy,
    repository: &RepositoryId,
    diff: &TreeDiff,
    base_paths: &[RepoPath],
) -> Vec<Violation> {
    let gone: BTreeSet<&RepoPath> = diff
        .files
        .iter()
        .filter_map(|file| file.old())
        .map(|side| &side.path)
        .collect();
    let kept: Vec<RepoPath> = base_paths
        .iter()
        .filter(|path| !gone.contains(path))
        .cloned()
        .collect();
    let mut changed = result_paths(diff);
    changed.retain(|c| c.introduced);
    let mut report = Report::new(policy, repository);
    for (path, message) in collisions(&changed, &kept) {
        report.add(RuleId::PathCollision, Some(path), message);
    }
    report.finish()
}

fn result_paths(diff: &TreeDiff) -> Vec<ResultPath<'_>> {
    let result_path = |file: &'_ FileChange| match &file.change {
        ChangeKind::Added { .. } | ChangeKind::Renamed { .. } => Some(true),
        ChangeKind::Modified { .. } => Some(false),
        ChangeKind::Deleted { .. } => None,
    };
    let with_path = |file| {
        result_path(file).map(|introduced| ResultPath {
            path: file.path(),
            introduced,
        })
    };
    diff.files.iter().filter_map(with_path).collect()
}

/// Violations as they are found; the first message for a rule at a path stays.
struct Report<'a> {
    policy: &'a EffectivePolicy,
    repository: &'a RepositoryId,
    found: BTreeMap<(Reverse<Severity>, RuleId, Option<RepoPath>), String>,
}

impl<'a> Report<'a> {
    fn new(policy: &'a EffectivePolicy, repository: &'a RepositoryId) -> Self {
        Self {
            policy,
            repository,
            found: BTreeMap::new(),
        }
    }

    fn add(&mut self, rule: RuleId, path: Option<&RepoPath>, message: String) {
        let severity = self.policy.severity(rule);
        self.found
            .entry((Reverse(severity), rule, path.cloned()))
            .or_insert(message);
    }

    fn add_paths(&mut self, paths: &[&RepoPath]) {
        let globs: Vec<&str> = self.policy.frozen.iter().map(|f| f.value.as_str()).collect();
        let frozen = FrozenGlobs::compile(&globs);
        for path in paths {
            if let Some(glob) = frozen.first_match(path).map(|number| &self.policy.frozen[number]) {
                let message = format!("The {} freezes `{}`.", glob.source, glob.value);
                self.add(RuleId::FrozenPath, Some(path), message);
            }
            for (rule, message) in broken_by(path) {
                self.add(rule, Some(path), message);
            }
        }
    }

    fn finish(self) -> Vec<Violation> {
        let violation = |((Reverse(severity), rule, path), message)| Violation {
            rule,
            severity,
            repository: self.repository.clone(),
            path,
            message,
            remedy: remedy(rule, severity),
        };
        self.found.into_iter().map(violation).collect()
    }
}

fn remedy(rule: RuleId, severity: Severity) -> String {
    let way_out = match rule {
        RuleId::FrozenPath | RuleId::PolicyFile | RuleId::AgentInstructionFile | RuleId::CiFile => {
            "leave this file out, or have a maintainer change it outside Countersign"
        }
        RuleId::TooManyFiles | RuleId::TooManyLines => "split the change into smaller ones",
        RuleId::FileTooLarge => "make the file smaller or leave it out",
        RuleId::PathEscape => "choose a path that every system keeps inside the work tree",
        RuleId::PathCollision => "choose a name that differs by more than case, Unicode form or final dots",
        RuleId::HiddenCharactersInPath => "choose a name of visible characters",
        RuleId::Symlink => "use an ordinary file, or have a maintainer change the link outside Countersign",
        RuleId::ModeChange => "keep the mode as it was",
        RuleId::Submodule => {
            "leave submodules as they are, or have a maintainer change them outside Countersign"
        }
        RuleId::Binary => "leave this file out, or have a maintainer add it outside Countersign",
    };
    match severity {
        Severity::Warn => format!("Look at it closely and acknowledge it with your decision, or {way_out}."),
        Severity::Block => {
            let (first, rest) = way_out.split_at(1);
            format!("{}{rest}.", first.to_uppercase())
        }
    }
}
