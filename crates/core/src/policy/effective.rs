//! The policy that counts: the floor, tightened by each layer, with who set every value.

use super::file::PolicyFile;
use super::globs::BranchGlobs;
use super::own_rules::OwnRuleFile;
use super::rule::{RuleId, Severity};
use super::tier::RiskTier;
use super::waiver::WAIVER_MAX_DAYS;
use crate::budget::{AGENT_CALLS_MAX, AGENT_MINUTES_MAX};
use crate::digest::PolicyDigest;
use crate::forge::{AcceptedCheck, RequiredCheck};
use crate::id::BranchName;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

/// Raised when the built-in path lists or the meaning of a rule change, so that no approval outlives them.
const FLOOR_VERSION: u32 = 3;

/// Who set a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PolicySource {
    /// Built into Countersign; nobody asked for it explicitly.
    Floor,
    /// The organisation's baseline.
    Organisation,
    /// The policy file on the repository's default branch.
    DefaultBranch,
    /// The policy file in the base commit.
    Base,
    /// What the forge itself asks for before something is merged into the base branch.
    Protection,
}

impl fmt::Display for PolicySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            PolicySource::Floor => "built-in floor",
            PolicySource::Organisation => "organisation's baseline",
            PolicySource::DefaultBranch => "policy file on the default branch",
            PolicySource::Base => "policy file in the base commit",
            PolicySource::Protection => "protection of the base branch",
        })
    }
}

/// A value and who set it.
///
/// The first layer that said the standing value is its source. Only the floor gives way to an equal word: a
/// file asks for it explicitly, the floor does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sourced<T> {
    /// What counts.
    pub value: T,
    /// Who said so.
    pub source: PolicySource,
}

/// When a person has to approve the plan. Later variants are tighter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlanApproval {
    /// At high risk.
    HighRisk,
    /// Always.
    Always,
}

/// Whether a run may go on without a person. Later variants are tighter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unattended {
    /// On a local repository; remote forges refuse it elsewhere.
    Allow,
    /// Never.
    Forbid,
}

/// How far the base branch may have moved before a write. Later variants are tighter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BaseMovement {
    /// As long as it holds the pinned commit and merges cleanly.
    MergesCleanly,
    /// Not at all.
    Unmoved,
}

/// Whether CI has to pass. Later variants are tighter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CiRequirement {
    /// It is shown as not required, never as green.
    NotRequired,
    /// Every required check must succeed on exactly the written head.
    Required,
}

/// How many people approve, by risk tier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approvers {
    /// At low risk.
    pub low: Sourced<u32>,
    /// At medium risk.
    pub medium: Sourced<u32>,
    /// At high risk.
    pub high: Sourced<u32>,
}

/// The policy that counts for one repository and base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EffectivePolicy {
    /// Every rule's severity.
    pub rules: BTreeMap<RuleId, Sourced<Severity>>,
    /// Globs of paths that no proposal may touch; the union of all layers.
    pub frozen: Vec<Sourced<String>>,
    /// One list of branch globs per layer that has one; a base must match each list. None: every branch.
    pub allowed_bases: Vec<Sourced<Vec<String>>>,
    /// Most changed files in one repository.
    pub max_files: Sourced<u32>,
    /// Most lines added and removed in one repository.
    pub max_lines: Sourced<u32>,
    /// Largest file after the change, in bytes.
    pub max_file_bytes: Sourced<u64>,
    /// How many people approve.
    pub approvers: Approvers,
    /// For how many days an approval lives.
    pub approval_days: Sourced<u32>,
    /// For how many days a waiver lives at most.
    pub waiver_days: Sourced<u32>,
    /// When the plan needs approval.
    pub plan_approval: Sourced<PlanApproval>,
    /// Whether unattended runs are allowed.
    pub unattended: Sourced<Unattended>,
    /// How far the base branch may have moved.
    pub base_movement: Sourced<BaseMovement>,
    /// Whether CI has to pass.
    pub ci: Sourced<CiRequirement>,
    /// How many critic rounds before a person is asked.
    pub review_rounds: Sourced<u32>,
    /// Most agent calls of one workflow before a person is asked. The floor's word is not stored, so that a policy from
    /// before there were budgets keeps its digest.
    #[serde(default = "floor_calls", skip_serializing_if = "is_floor_calls")]
    pub budget_calls: Sourced<u32>,
    /// Most agent time of one workflow before a person is asked, in minutes; stored like the calls.
    #[serde(default = "floor_minutes", skip_serializing_if = "is_floor_minutes")]
    pub budget_minutes: Sourced<u32>,
    /// Files of rules that the repository brings itself, layer by layer; every layer's are asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub own_rules: Vec<Sourced<OwnRuleFile>>,
    /// Checks that CI has to show as succeeded; the union of all layers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub required_checks: Vec<Sourced<RequiredCheck>>,
    /// Those among them that may end otherwise than with success: as all layers accept that name the check.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accepted_checks: Vec<Sourced<AcceptedCheck>>,
    /// Whether pull requests are opened as drafts; absent: they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<Sourced<bool>>,
    /// For how long they are waited for, in minutes; absent: [`super::CI_DEADLINE_MINUTES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ci_deadline_minutes: Option<Sourced<u32>>,
    /// Whether a merge at the forge is waited for; absent: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub await_merge: Option<Sourced<bool>>,
    /// For how long, in days; absent: [`super::MERGE_DEADLINE_DAYS`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge_deadline_days: Option<Sourced<u32>>,
}

impl EffectivePolicy {
    /// The same with the files of rules of one layer. No layer takes away what another one brings.
    #[must_use]
    pub fn with_own_rules(mut self, files: &[OwnRuleFile], source: PolicySource) -> Self {
        let sourced = files.iter().cloned().map(|value| Sourced { value, source });
        self.own_rules.extend(sourced);
        self
    }

    /// The same with the checks that the forge asks for before something is merged into the base.
    #[must_use]
    pub fn with_protection(mut self, checks: &[RequiredCheck]) -> Self {
        for check in checks {
            require(&mut self.required_checks, check, PolicySource::Protection);
        }
        self
    }

    /// The checks that the forge asked for when this was put together.
    pub fn protection(&self) -> Vec<RequiredCheck> {
        let of_it = |c: &&Sourced<RequiredCheck>| c.source == PolicySource::Protection;
        let found = self.required_checks.iter().filter(of_it);
        found.map(|c| c.value.clone()).collect()
    }

    /// Names this policy, its sources and the version of the built-in rules.
    pub fn digest(&self) -> PolicyDigest {
        PolicyDigest::of(&(FLOOR_VERSION, self))
    }

    /// Whether nothing here is looser than the built-in floor: what a policy that was put together by [`effective`]
    /// always is, and one that somebody wrote into a record may not be.
    pub fn is_no_looser_than_floor(&self) -> bool {
        let floor = floor();
        let rules = RuleId::all()
            .iter()
            .all(|rule| self.severity(*rule) >= rule.floor_severity());
        let limits = self.max_files.value <= floor.max_files.value
            && self.max_lines.value <= floor.max_lines.value
            && self.max_file_bytes.value <= floor.max_file_bytes.value
            && self.approval_days.value <= floor.approval_days.value
            && self.waiver_days.value <= floor.waiver_days.value
            && self.review_rounds.value <= floor.review_rounds.value
            && self.budget_calls.value <= floor.budget_calls.value
            && self.budget_minutes.value <= floor.budget_minutes.value;
        let people = self.approvers.low.value >= floor.approvers.low.value
            && self.approvers.medium.value >= floor.approvers.medium.value
            && self.approvers.high.value >= floor.approvers.high.value;
        let demands = self.plan_approval.value >= floor.plan_approval.value
            && self.unattended.value >= floor.unattended.value
            && self.base_movement.value >= floor.base_movement.value
            && self.ci.value >= floor.ci.value;
        rules && limits && people && demands
    }

    /// Whether work may start from that branch.
    pub fn allows_base(&self, branch: &BranchName) -> bool {
        self.allowed_bases
            .iter()
            .all(|list| BranchGlobs::compile(&list.value).is_match(branch))
    }

    /// The highest number of approvers that someone other than the floor explicitly asked for, at any tier.
    pub fn demands_people(&self) -> Option<u32> {
        let Approvers { low, medium, high } = self.approvers;
        [low, medium, high]
            .iter()
            .filter(|n| n.source != PolicySource::Floor)
            .map(|n| n.value)
            .max()
    }

    /// How many people approve at that tier; never fewer than at a lower tier.
    pub fn approvers_for(&self, tier: RiskTier) -> u32 {
        let Approvers { low, medium, high } = self.approvers;
        match tier {
            RiskTier::Low => low.value,
            RiskTier::Medium => low.value.max(medium.value),
            RiskTier::High => low.value.max(medium.value).max(high.value),
        }
    }

    /// What a broken rule weighs.
    pub fn severity(&self, rule: RuleId) -> Severity {
        self.rules.get(&rule).map_or(rule.floor_severity(), |s| s.value)
    }
}

/// What counts where nobody said anything, and what nobody can loosen.
pub fn floor() -> EffectivePolicy {
    EffectivePolicy {
        rules: RuleId::all()
            .iter()
            .map(|rule| (*rule, by_floor(rule.floor_severity())))
            .collect(),
        frozen: Vec::new(),
        allowed_bases: Vec::new(),
        max_files: by_floor(300),
        max_lines: by_floor(10_000),
        max_file_bytes: by_floor(1 << 20),
        approvers: Approvers {
            low: by_floor(1),
            medium: by_floor(1),
            high: by_floor(2),
        },
        approval_days: by_floor(7),
        waiver_days: by_floor(WAIVER_MAX_DAYS),
        plan_approval: by_floor(PlanApproval::HighRisk),
        unattended: by_floor(Unattended::Allow),
        base_movement: by_floor(BaseMovement::MergesCleanly),
        ci: by_floor(CiRequirement::NotRequired),
        review_rounds: by_floor(2),
        budget_calls: floor_calls(),
        budget_minutes: floor_minutes(),
        own_rules: Vec::new(),
        required_checks: Vec::new(),
        accepted_checks: Vec::new(),
        draft: None,
        ci_deadline_minutes: None,
        await_merge: None,
        merge_deadline_days: None,
    }
}

/// The floor, tightened by each file that is there: a looser value has no effect.
///
/// The repository's file counts from the default branch and from the base, so that choosing a base with an
/// emptied policy gains nothing (hazard 42).
pub fn effective(
    organisation: Option<&PolicyFile>,
    default_branch: Option<&PolicyFile>,
    base: Option<&PolicyFile>,
) -> EffectivePolicy {
    let mut policy = floor();
    let layers = [
        (organisation, PolicySource::Organisation),
        (default_branch, PolicySource::DefaultBranch),
        (base, PolicySource::Base),
    ];
    for (file, source) in layers {
        if let Some(file) = file {
            tighten(&mut policy, file, source);
        }
    }
    policy
}

fn floor_calls() -> Sourced<u32> {
    by_floor(AGENT_CALLS_MAX)
}

fn is_floor_calls(calls: &Sourced<u32>) -> bool {
    *calls == floor_calls()
}

fn floor_minutes() -> Sourced<u32> {
    by_floor(AGENT_MINUTES_MAX)
}

fn is_floor_minutes(minutes: &Sourced<u32>) -> bool {
    *minutes == floor_minutes()
}

fn by_floor<T>(value: T) -> Sourced<T> {
    Sourced {
        value,
        source: PolicySource::Floor,
    }
}

fn tighten(policy: &mut EffectivePolicy, file: &PolicyFile, source: PolicySource) {
    for (rule, severity) in &file.rules {
        let standing = policy
            .rules
            .entry(*rule)
            .or_insert(by_floor(rule.floor_severity()));
        raise(standing, Some(*severity), source);
    }
    for glob in &file.frozen {
        if !policy.frozen.iter().any(|f| f.value == *glob) {
            policy.frozen.push(Sourced {
                value: glob.clone(),
                source,
            });
        }
    }
    if let Some(list) = &file.allowed_bases
        && !policy.allowed_bases.iter().any(|l| l.value == *list)
    {
        policy.allowed_bases.push(Sourced {
            value: list.clone(),
            source,
        });
    }
    lower(&mut policy.max_files, file.max_files, source);
    lower(&mut policy.max_lines, file.max_lines, source);
    lower(&mut policy.max_file_bytes, file.max_file_bytes, source);
    raise(&mut policy.approvers.low, file.approvers_low, source);
    raise(&mut policy.approvers.medium, file.approvers_medium, source);
    raise(&mut policy.approvers.high, file.approvers_high, source);
    lower(&mut policy.approval_days, file.approval_days, source);
    lower(&mut policy.waiver_days, file.waiver_days, source);
    raise(&mut policy.plan_approval, file.plan_approval, source);
    raise(&mut policy.unattended, file.unattended, source);
    raise(&mut policy.base_movement, file.base_movement, source);
    raise(&mut policy.ci, file.ci, source);
    for check in &file.required_checks {
        accept(policy, file, check, source);
        require(&mut policy.required_checks, check, source);
    }
    // Looser than what stands: no effect, not even a trace of it.
    if file.draft == Some(true) && policy.draft.is_none() {
        policy.draft = Some(Sourced { value: true, source });
    }
    lower_or_set(&mut policy.ci_deadline_minutes, file.ci_deadline_minutes, source);
    // Looser than what stands: no effect, not even a trace of it.
    if file.await_merge == Some(true) && policy.await_merge.is_none() {
        policy.await_merge = Some(Sourced { value: true, source });
    }
    lower_or_set(&mut policy.merge_deadline_days, file.merge_deadline_days, source);
    lower(&mut policy.review_rounds, file.review_rounds, source);
    lower(&mut policy.budget_calls, file.budget_calls, source);
    lower(&mut policy.budget_minutes, file.budget_minutes, source);
}

/// What a layer accepts counts where nobody before it asked for the check without accepting that.
fn accept(policy: &mut EffectivePolicy, file: &PolicyFile, check: &RequiredCheck, source: PolicySource) {
    let is_it = |accepted: &&AcceptedCheck| accepted.check == *check;
    let said = file.accepted_checks.iter().find(is_it);
    let ends = said.map(|accepted| accepted.ends.as_slice()).unwrap_or_default();
    if policy.required_checks.iter().any(|c| c.value == *check) {
        for standing in &mut policy.accepted_checks {
            if standing.value.check == *check {
                standing.value.ends.retain(|end| ends.contains(end));
            }
        }
        policy.accepted_checks.retain(|a| !a.value.ends.is_empty());
    } else if let Some(value) = said.cloned() {
        policy.accepted_checks.push(Sourced { value, source });
    }
}

fn require(checks: &mut Vec<Sourced<RequiredCheck>>, check: &RequiredCheck, source: PolicySource) {
    if !checks.iter().any(|c| c.value == *check) {
        let value = check.clone();
        checks.push(Sourced { value, source });
    }
}

/// For values where more is tighter.
fn raise<T: Ord>(standing: &mut Sourced<T>, said: Option<T>, source: PolicySource) {
    if let Some(said) = said {
        let order = said.cmp(&standing.value);
        settle(standing, said, source, order);
    }
}

/// For values where less is tighter.
fn lower<T: Ord>(standing: &mut Sourced<T>, said: Option<T>, source: PolicySource) {
    if let Some(said) = said {
        let order = standing.value.cmp(&said);
        settle(standing, said, source, order);
    }
}

/// The same for a value that the floor has none of.
fn lower_or_set<T: Ord + Copy>(standing: &mut Option<Sourced<T>>, said: Option<T>, source: PolicySource) {
    if let Some(value) = said {
        lower(
            standing.get_or_insert(Sourced { value, source }),
            Some(value),
            source,
        );
    }
}

fn settle<T>(standing: &mut Sourced<T>, said: T, source: PolicySource, tighter: Ordering) {
    match tighter {
        Ordering::Greater => *standing = Sourced { value: said, source },
        Ordering::Equal if standing.source == PolicySource::Floor => standing.source = source,
        Ordering::Equal | Ordering::Less => {}
    }
}
