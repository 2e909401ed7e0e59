//! Reading a policy file: strict, so that a typo fails instead of leaving something unprotected.

use super::ci::{
    CI_DEADLINE_MINUTES_MAX, MERGE_DEADLINE_DAYS_MAX, REQUIRED_CHECKS_MAX, app_problem, name_problem,
};
use super::effective::{BaseMovement, CiRequirement, PlanApproval, Unattended};
use super::globs::{branch_glob_problem, path_glob_problem};
use super::rule::{RuleId, Severity};
use super::{GLOBS_MAX, POLICY_MAX_BYTES};
use crate::budget::{AGENT_CALLS_MAX, AGENT_MINUTES_MAX};
use crate::forge::{AcceptedCheck, AcceptedEnd, RequiredCheck};
use serde::Deserialize;
use serde::de::{Deserializer, Unexpected, Visitor};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use toml::Spanned;

/// One policy file, read and checked; what it leaves out it has no opinion on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PolicyFile {
    pub(super) rules: BTreeMap<RuleId, Severity>,
    pub(super) frozen: Vec<String>,
    pub(super) allowed_bases: Option<Vec<String>>,
    pub(super) max_files: Option<u32>,
    pub(super) max_lines: Option<u32>,
    pub(super) max_file_bytes: Option<u64>,
    pub(super) approvers_low: Option<u32>,
    pub(super) approvers_medium: Option<u32>,
    pub(super) approvers_high: Option<u32>,
    pub(super) approval_days: Option<u32>,
    pub(super) waiver_days: Option<u32>,
    pub(super) plan_approval: Option<PlanApproval>,
    pub(super) unattended: Option<Unattended>,
    pub(super) base_movement: Option<BaseMovement>,
    pub(super) ci: Option<CiRequirement>,
    pub(super) review_rounds: Option<u32>,
    pub(super) budget_calls: Option<u32>,
    pub(super) budget_minutes: Option<u32>,
    pub(super) required_checks: Vec<RequiredCheck>,
    pub(super) accepted_checks: Vec<AcceptedCheck>,
    pub(super) draft: Option<bool>,
    pub(super) ci_deadline_minutes: Option<u32>,
    pub(super) await_merge: Option<bool>,
    pub(super) merge_deadline_days: Option<u32>,
}

/// Why a text is not a policy file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct PolicyError {
    /// The code: `policy-too-large`, `policy-syntax`, `policy-version`, `policy-invalid`, `policy-glob`.
    pub code: &'static str,
    /// Line and column, or the key.
    pub place: String,
    /// What is wrong and which words are allowed.
    pub message: String,
}

/// Reads a policy file.
///
/// # Errors
/// When it is larger than [`POLICY_MAX_BYTES`], not TOML, of another version, has an unknown key or word, a
/// number out of range, a broken glob, or more than [`GLOBS_MAX`] globs. It names place and allowed words.
pub fn parse(text: &str) -> Result<PolicyFile, PolicyError> {
    if text.len() > POLICY_MAX_BYTES {
        let message = format!(
            "the file has {} bytes; at most {POLICY_MAX_BYTES} are read",
            text.len()
        );
        return Err(PolicyError {
            code: "policy-too-large",
            place: "whole file".into(),
            message,
        });
    }
    let table: toml::Table = toml::from_str(text).map_err(|e| refuse_toml("policy-syntax", text, &e))?;
    check_version(&table)?;
    let wire: Wire = toml::from_str(text).map_err(|e| refuse_toml("policy-invalid", text, &e))?;
    check_globs(text, &wire)?;
    check_required(&wire.ci)?;
    Ok(wire.into_policy())
}

/// The only version of the format.
const VERSION: i64 = 1;

fn check_version(table: &toml::Table) -> Result<(), PolicyError> {
    let message = match table.get("version") {
        Some(value) if value.as_integer() == Some(VERSION) => return Ok(()),
        Some(_) => format!(
            "this Countersign reads version {VERSION} of the policy format; write `version = {VERSION}`"
        ),
        None => format!("the version is missing; write `version = {VERSION}` as the first line"),
    };
    Err(PolicyError {
        code: "policy-version",
        place: "version".into(),
        message,
    })
}

fn check_globs(text: &str, wire: &Wire) -> Result<(), PolicyError> {
    let refuse = |code, place: String, message: String| Err(PolicyError { code, place, message });
    let frozen = &wire.paths.frozen;
    let allowed = wire.bases.allowed.as_deref();
    if frozen.len() + allowed.map_or(0, <[_]>::len) > GLOBS_MAX {
        let message = format!("there are more than {GLOBS_MAX} globs in this file");
        return refuse("policy-glob", "paths.frozen and bases.allowed".into(), message);
    }
    if allowed.is_some_and(<[_]>::is_empty) {
        let message =
            "the list is empty; name at least one branch, or leave the key out to allow every branch";
        return refuse("policy-invalid", "bases.allowed".into(), message.into());
    }
    let problems = frozen.iter().map(|glob| (glob, path_glob_problem(glob.as_ref())));
    let problems = problems.chain(
        allowed
            .into_iter()
            .flatten()
            .map(|g| (g, branch_glob_problem(g.as_ref()))),
    );
    for (glob, problem) in problems {
        if let Some(problem) = problem {
            let message = format!("the glob `{}` {problem}", glob.as_ref().escape_debug());
            return refuse("policy-glob", place(text, Some(glob.span())), message);
        }
    }
    Ok(())
}

/// The checks that CI has to show: few enough, with names that can be names, and no word against them.
fn check_required(ci: &WireCi) -> Result<(), PolicyError> {
    let refuse = |message: String| {
        Err(PolicyError {
            code: "policy-invalid",
            place: "ci.checks".into(),
            message,
        })
    };
    if ci.checks.len() > REQUIRED_CHECKS_MAX {
        return refuse(format!(
            "there are more than {REQUIRED_CHECKS_MAX} checks in this file"
        ));
    }
    if ci.required == Some(false) && !ci.checks.is_empty() {
        return refuse(
            "`required = false` stands beside checks that are required; leave one of the two out".into(),
        );
    }
    for check in &ci.checks {
        let problems = [
            (&check.app, app_problem(&check.app)),
            (&check.name, name_problem(&check.name)),
        ];
        for (name, problem) in problems {
            if let Some(problem) = problem {
                return refuse(format!("the name `{}` {problem}", name.escape_debug()));
            }
        }
    }
    Ok(())
}

fn refuse_toml(code: &'static str, text: &str, error: &toml::de::Error) -> PolicyError {
    PolicyError {
        code,
        place: place(text, error.span()),
        message: error.message().trim_end().to_owned(),
    }
}

fn place(text: &str, span: Option<Range<usize>>) -> String {
    let Some(before) = span.and_then(|span| text.get(..span.start)) else {
        return "whole file".to_owned();
    };
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("line {line}, column {column}")
}

/// The file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    #[serde(rename = "version")]
    _version: i64,
    #[serde(default)]
    rules: BTreeMap<RuleId, Severity>,
    #[serde(default)]
    paths: WirePaths,
    #[serde(default)]
    bases: WireBases,
    #[serde(default)]
    limits: WireLimits,
    #[serde(default)]
    approval: WireApproval,
    #[serde(default)]
    waivers: WireWaivers,
    #[serde(default)]
    base: WireBase,
    #[serde(default)]
    ci: WireCi,
    #[serde(default, rename = "pull_request")]
    pull_request: WirePullRequest,
    #[serde(default)]
    merge: WireMerge,
    #[serde(default)]
    review: WireReview,
    #[serde(default)]
    budget: WireBudget,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WirePaths {
    #[serde(default)]
    frozen: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireBases {
    allowed: Option<Vec<Spanned<String>>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireLimits {
    max_files: Option<Whole<1_000_000>>,
    max_lines: Option<Whole<100_000_000>>,
    max_file_bytes: Option<Whole<1_099_511_627_776>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireApproval {
    low: Option<Whole<20>>,
    medium: Option<Whole<20>>,
    high: Option<Whole<20>>,
    days: Option<Whole<365>>,
    plan: Option<PlanApproval>,
    unattended: Option<Unattended>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireWaivers {
    days: Option<Whole<30>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireBase {
    movement: Option<BaseMovement>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCi {
    required: Option<bool>,
    #[serde(default)]
    checks: Vec<WireCheck>,
    #[serde(rename = "deadline-minutes")]
    deadline_minutes: Option<Whole<CI_DEADLINE_MINUTES_MAX>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireCheck {
    app: String,
    name: String,
    #[serde(default)]
    accept: Vec<AcceptedEnd>,
}

impl WireCheck {
    fn required(&self) -> RequiredCheck {
        RequiredCheck {
            app: self.app.clone(),
            name: self.name.clone(),
        }
    }

    /// Each end once, in an order of its own.
    fn accepted(&self) -> Option<AcceptedCheck> {
        let ends: BTreeSet<AcceptedEnd> = self.accept.iter().copied().collect();
        (!ends.is_empty()).then(|| AcceptedCheck {
            check: self.required(),
            ends: ends.into_iter().collect(),
        })
    }
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WirePullRequest {
    draft: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireMerge {
    wait: Option<bool>,
    deadline_days: Option<Whole<MERGE_DEADLINE_DAYS_MAX>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireReview {
    rounds: Option<Whole<5>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireBudget {
    agent_calls: Option<Whole<{ AGENT_CALLS_MAX as u64 }>>,
    agent_minutes: Option<Whole<{ AGENT_MINUTES_MAX as u64 }>>,
}

impl Wire {
    fn into_policy(self) -> PolicyFile {
        let texts = |globs: Vec<Spanned<String>>| globs.into_iter().map(Spanned::into_inner).collect();
        let ci = |required| {
            if required {
                CiRequirement::Required
            } else {
                CiRequirement::NotRequired
            }
        };
        PolicyFile {
            rules: self.rules,
            frozen: texts(self.paths.frozen),
            allowed_bases: self.bases.allowed.map(texts),
            max_files: self.limits.max_files.map(Whole::small),
            max_lines: self.limits.max_lines.map(Whole::small),
            max_file_bytes: self.limits.max_file_bytes.map(|n| n.0),
            approvers_low: self.approval.low.map(Whole::small),
            approvers_medium: self.approval.medium.map(Whole::small),
            approvers_high: self.approval.high.map(Whole::small),
            approval_days: self.approval.days.map(Whole::small),
            waiver_days: self.waivers.days.map(Whole::small),
            plan_approval: self.approval.plan,
            unattended: self.approval.unattended,
            base_movement: self.base.movement,
            // A check that is named is required.
            ci: (!self.ci.checks.is_empty())
                .then_some(true)
                .or(self.ci.required)
                .map(ci),
            review_rounds: self.review.rounds.map(Whole::small),
            budget_calls: self.budget.agent_calls.map(Whole::small),
            budget_minutes: self.budget.agent_minutes.map(Whole::small),
            required_checks: self.ci.checks.iter().map(WireCheck::required).collect(),
            accepted_checks: self.ci.checks.iter().filter_map(WireCheck::accepted).collect(),
            draft: self.pull_request.draft,
            ci_deadline_minutes: self.ci.deadline_minutes.map(Whole::small),
            await_merge: self.merge.wait,
            merge_deadline_days: self.merge.deadline_days.map(Whole::small),
        }
    }
}

/// A whole number from 1 to `MAX`.
#[derive(Clone, Copy)]
struct Whole<const MAX: u64>(u64);

impl<const MAX: u64> Whole<MAX> {
    /// For maxima that fit.
    fn small(self) -> u32 {
        u32::try_from(self.0).unwrap_or(u32::MAX)
    }
}

impl<'de, const MAX: u64> Deserialize<'de> for Whole<MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(WholeVisitor::<MAX>)
    }
}

struct WholeVisitor<const MAX: u64>;

impl<const MAX: u64> Visitor<'_> for WholeVisitor<MAX> {
    type Value = Whole<MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from 1 to {MAX}")
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Self::Value, E> {
        match u64::try_from(value) {
            Ok(n) if (1..=MAX).contains(&n) => Ok(Whole(n)),
            Ok(_) | Err(_) => Err(E::invalid_value(Unexpected::Signed(value), &self)),
        }
    }
}
