//! Holding a proposal against the policy: every broken rule, where, how much it weighs and what to do.

use super::collisions::{ResultPath, collisions};
use super::content_rules::{broken_by_file, broken_by_size};
use super::effective::EffectivePolicy;
use super::finding::{FINDING_LINES_MAX, Finding};
use super::globs::FrozenGlobs;
use super::path_rules::broken_by;
use super::rule::{RuleId, Severity};
use super::waiver::{WaivedContent, may_waive};
use crate::diff::{ChangeKind, FileChange, TreeDiff};
use crate::digest::PlanDigest;
use crate::id::RepositoryId;
use crate::member::Role;
use crate::path::{RepoPath, quote};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Violation {
    /// Which rule.
    pub rule: RuleId,
    /// Which of the rules that the policy brings itself.
    pub custom: Option<String>,
    /// How much it weighs here.
    pub severity: Severity,
    /// In which repository.
    pub repository: RepositoryId,
    /// At which path; none where the whole change breaks the rule.
    pub path: Option<RepoPath>,
    /// What a waiver of it is bound to; none where nothing can be waived.
    pub content: Option<WaivedContent>,
    /// Lines of the new side, from 1, at most [`FINDING_LINES_MAX`].
    pub lines: Vec<u32>,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What a person can do about it, in a sentence.
    pub remedy: String,
    /// Until when it is waived, if it is.
    pub waived_until: Option<Timestamp>,
}

impl Violation {
    /// What names it within its repository: `ci-file@.ci/run`, or the rule alone where there is no path.
    ///
    /// A path that is not plain ASCII is quoted as git does, so that look-alikes differ.
    pub fn id(&self) -> String {
        let rule = match &self.custom {
            None => self.rule.to_string(),
            Some(name) => format!("{}:{name}", self.rule),
        };
        match &self.path {
            None => rule,
            Some(path) if path.as_bytes().is_ascii() => format!("{rule}@{path}"),
            Some(path) => format!("{rule}@{}", quote(path.as_bytes())),
        }
    }

    /// Who could let it pass, in a sentence.
    pub fn other_way_out(&self) -> &'static str {
        match (&self.content, may_waive(self.severity)) {
            (None, _) => "Nobody can waive it.",
            (Some(_), Role::Owner) => "Or an owner waives it, for exactly this.",
            (Some(_), Role::Maintainer) => "Or a maintainer waives it, for exactly this.",
            (Some(_), Role::Reviewer | Role::Viewer) => "Or a reviewer waives it, for exactly this.",
        }
    }

    /// It keeps the proposal from going on.
    pub fn blocks(&self) -> bool {
        self.severity == Severity::Block && self.waived_until.is_none()
    }

    /// Whoever approves has to acknowledge it.
    pub fn needs_acknowledgement(&self) -> bool {
        self.severity == Severity::Warn && self.waived_until.is_none()
    }
}

/// Every rule that a change of one repository breaks: blocks first, then by rule and path, each place once.
///
/// Both sides of a rename count. `findings` are what only contents and the tree around the change show; see
/// [`find_collisions`] for the latter. Nothing is waived yet: see [`super::waive`].
pub fn evaluate(
    policy: &EffectivePolicy,
    repository: &RepositoryId,
    diff: &TreeDiff,
    findings: &[Finding],
) -> Vec<Violation> {
    let mut report = Report::new(policy, repository, Bound::To(diff));
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
    for finding in findings {
        report.take(finding);
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
    plan: PlanDigest,
) -> Vec<Violation> {
    let mut report = Report::new(policy, repository, Bound::ToPlan(plan));
    report.add_paths(&paths.iter().collect::<Vec<_>>());
    report.finish()
}

/// Paths that the change introduces and that some file systems take for a path already in the base tree.
///
/// `base_paths` are all paths of the base tree. What the tree had before the change is not held against it.
pub fn find_collisions(diff: &TreeDiff, base_paths: &[RepoPath]) -> Vec<Finding> {
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
    let found = collisions(&changed, &kept).into_iter();
    found
        .map(|(path, message)| Finding::at(RuleId::PathCollision, path, message))
        .collect()
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

/// What the violations of a report are about.
enum Bound<'a> {
    /// A change whose contents are there.
    To(&'a TreeDiff),
    /// A plan.
    ToPlan(PlanDigest),
}

impl Bound<'_> {
    /// What a waiver at that path would be bound to.
    fn content(&self, path: &RepoPath) -> Option<WaivedContent> {
        let diff = match self {
            Bound::ToPlan(digest) => return Some(WaivedContent::Plan { digest: *digest }),
            Bound::To(diff) => diff,
        };
        let new = diff.files.iter().filter_map(FileChange::new_side);
        let old = diff.files.iter().filter_map(FileChange::old);
        let blob = new
            .filter(|side| side.path == *path)
            .map(|side| side.blob.clone())
            .next();
        let removed = || {
            old.filter(|side| side.path == *path)
                .map(|side| side.blob.clone())
                .next()
        };
        blob.map(|blob| WaivedContent::Blob { blob })
            .or_else(|| removed().map(|blob| WaivedContent::Removal { blob }))
    }
}

/// What tells violations apart, in the order in which they are listed.
type Key = (Reverse<Severity>, RuleId, Option<String>, Option<RepoPath>);

/// Violations as they are found; the first message for a rule at a path stays, the lines are joined.
struct Report<'a> {
    policy: &'a EffectivePolicy,
    repository: &'a RepositoryId,
    bound: Bound<'a>,
    found: BTreeMap<Key, (String, BTreeSet<u32>)>,
}

impl<'a> Report<'a> {
    fn new(policy: &'a EffectivePolicy, repository: &'a RepositoryId, bound: Bound<'a>) -> Self {
        Self {
            policy,
            repository,
            bound,
            found: BTreeMap::new(),
        }
    }

    fn add(&mut self, rule: RuleId, path: Option<&RepoPath>, message: String) {
        let key = (Reverse(self.policy.severity(rule)), rule, None, path.cloned());
        self.found.entry(key).or_insert((message, BTreeSet::new()));
    }

    /// A finding weighs what policy says, or more where its finder says so.
    fn take(&mut self, finding: &Finding) {
        let severity = finding.severity.max(Some(self.policy.severity(finding.rule)));
        let severity = severity.unwrap_or(Severity::Block);
        let key = (
            Reverse(severity),
            finding.rule,
            finding.custom.clone(),
            finding.path.clone(),
        );
        let (_, lines) = self
            .found
            .entry(key)
            .or_insert_with(|| (finding.message.clone(), BTreeSet::new()));
        lines.extend(&finding.lines);
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
        let Report {
            repository,
            bound,
            found,
            ..
        } = self;
        let violation =
            |((Reverse(severity), rule, custom, path), (message, lines)): (Key, (_, BTreeSet<u32>))| {
                let waivable = path.as_ref().filter(|_| rule.waivable());
                Violation {
                    rule,
                    custom,
                    severity,
                    repository: repository.clone(),
                    content: waivable.and_then(|path| bound.content(path)),
                    path,
                    lines: lines.into_iter().take(FINDING_LINES_MAX).collect(),
                    message,
                    remedy: remedy(rule, severity),
                    waived_until: None,
                }
            };
        found.into_iter().map(violation).collect()
    }
}

/// How to satisfy a rule, in a sentence.
pub(super) fn remedy(rule: RuleId, severity: Severity) -> String {
    let way_out = rule.way_out();
    match severity {
        Severity::Warn => format!("Look at it closely and acknowledge it with your decision, or {way_out}."),
        Severity::Block => {
            let (first, rest) = way_out.split_at(1);
            format!("{}{rest}.", first.to_uppercase())
        }
    }
}
