//! The policy that counts for a base: every value with the layer that set it, and the repository's own rules with the
//! commits that they come from. `policy show --json` prints the same form.

use countersign_core::policy::{
    CI_DEADLINE_MINUTES, CiRequirement, EffectivePolicy, MERGE_DEADLINE_DAYS, OwnRuleFile, PolicySource,
    Sourced,
};
use countersign_engine::policies::Layers;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// A policy.
#[derive(Debug, Serialize, ToSchema)]
pub struct PolicyWire {
    /// Names the policy: as in requests and evidence.
    pub digest: String,
    /// The commit that it counts for.
    pub base: String,
    /// From the loosest on.
    pub layers: Vec<LayerWire>,
    /// Every value; `paths.frozen` and `bases.allowed` as often as they are said.
    pub values: Vec<ValueWire>,
    /// The files of rules that the repository brings itself; all of them are asked.
    pub own_rules: Vec<OwnRulesWire>,
    /// Whether this build can run them; where it can't, they block everything.
    pub runs_own_rules: bool,
}

/// One layer.
#[derive(Debug, Serialize, ToSchema)]
pub struct LayerWire {
    /// `floor`, `organisation`, `default-branch` or `base`.
    #[schema(value_type = String)]
    pub source: PolicySource,
    /// Where it is looked for.
    pub place: String,
    /// Whether there is one.
    pub there: bool,
}

/// One value and who set it.
#[derive(Debug, Serialize, ToSchema)]
pub struct ValueWire {
    /// As in a policy file: `rules.ci-file`.
    pub key: String,
    /// As in a policy file: a number, a word, or a list of words.
    pub value: Value,
    /// The first layer that said it.
    #[schema(value_type = String)]
    pub source: PolicySource,
}

/// One file of rules in one layer.
#[derive(Debug, Serialize, ToSchema)]
pub struct OwnRulesWire {
    /// Where it lies in the repository.
    pub path: String,
    /// Which layer brings it.
    #[schema(value_type = String)]
    pub source: PolicySource,
    /// The commit that it was read from.
    pub commit: String,
    /// SHA-256 of its content; null: it is no file, and can't be run.
    pub digest: Option<String>,
}

impl PolicyWire {
    /// Of a policy; `runs_own_rules`: whether this build can run a repository's own rules.
    pub fn of(found: &Layers, runs_own_rules: bool) -> Self {
        let layer = |l: &countersign_engine::policies::Layer| LayerWire {
            source: l.source,
            place: l.place.clone(),
            there: l.there,
        };
        Self {
            digest: found.policy.digest().to_hex(),
            base: found.base.to_string(),
            layers: found.layers.iter().map(layer).collect(),
            values: values(&found.policy),
            own_rules: own_rules(found),
            runs_own_rules,
        }
    }
}

/// The files of rules of every layer, with the commit that they come from.
fn own_rules(found: &Layers) -> Vec<OwnRulesWire> {
    let one = |file: &Sourced<OwnRuleFile>| OwnRulesWire {
        path: file.value.path.to_text(),
        source: file.source,
        commit: match file.source {
            PolicySource::DefaultBranch => found.default_commit.to_string(),
            PolicySource::Floor
            | PolicySource::Organisation
            | PolicySource::Base
            | PolicySource::Protection => found.base.to_string(),
        },
        digest: file.value.digest.map(|d| d.to_hex()),
    };
    found.policy.own_rules.iter().map(one).collect()
}

/// Every value in the order of a policy file.
fn values(policy: &EffectivePolicy) -> Vec<ValueWire> {
    let mut all = Vec::new();
    let mut push = |key: String, value: Value, source| all.push(ValueWire { key, value, source });
    for glob in &policy.frozen {
        push("paths.frozen".into(), json(&glob.value), glob.source);
    }
    for list in &policy.allowed_bases {
        push("bases.allowed".into(), json(&list.value), list.source);
    }
    for (rule, severity) in &policy.rules {
        push(format!("rules.{rule}"), json(&severity.value), severity.source);
    }
    let approvers = &policy.approvers;
    let numbers = [
        ("limits.max-files", policy.max_files),
        ("limits.max-lines", policy.max_lines),
        ("approval.low", approvers.low),
        ("approval.medium", approvers.medium),
        ("approval.high", approvers.high),
        ("approval.days", policy.approval_days),
        ("waivers.days", policy.waiver_days),
        ("review.rounds", policy.review_rounds),
        ("budget.agent-calls", policy.budget_calls),
        ("budget.agent-minutes", policy.budget_minutes),
    ];
    for (key, Sourced { value, source }) in numbers {
        push(key.into(), json(&value), source);
    }
    let EffectivePolicy {
        max_file_bytes: bytes,
        plan_approval: plan,
        unattended,
        base_movement: movement,
        ci,
        ..
    } = policy;
    push("limits.max-file-bytes".into(), json(&bytes.value), bytes.source);
    push("approval.plan".into(), json(&plan.value), plan.source);
    push(
        "approval.unattended".into(),
        json(&unattended.value),
        unattended.source,
    );
    push("base.movement".into(), json(&movement.value), movement.source);
    let required = match ci.value {
        CiRequirement::Required => true,
        CiRequirement::NotRequired => false,
    };
    push("ci.required".into(), json(&required), ci.source);
    for check in &policy.required_checks {
        push("ci.checks".into(), json(&check.value), check.source);
    }
    for accepted in &policy.accepted_checks {
        push("ci.accepted".into(), json(&accepted.value), accepted.source);
    }
    let draft = policy.draft.unwrap_or(Sourced {
        value: false,
        source: PolicySource::Floor,
    });
    push("pull_request.draft".into(), json(&draft.value), draft.source);
    let minutes = policy.ci_deadline_minutes.unwrap_or(Sourced {
        value: CI_DEADLINE_MINUTES,
        source: PolicySource::Floor,
    });
    push("ci.deadline-minutes".into(), json(&minutes.value), minutes.source);
    let wait = policy.await_merge.unwrap_or(Sourced {
        value: false,
        source: PolicySource::Floor,
    });
    push("merge.wait".into(), json(&wait.value), wait.source);
    let days = policy.merge_deadline_days.unwrap_or(Sourced {
        value: MERGE_DEADLINE_DAYS,
        source: PolicySource::Floor,
    });
    push("merge.deadline-days".into(), json(&days.value), days.source);
    // A file's order of tables; within one the order stays.
    let tables = [
        "paths",
        "bases",
        "rules",
        "limits",
        "approval",
        "waivers",
        "base",
        "ci",
        "pull_request",
        "merge",
        "review",
        "budget",
    ];
    let place = |v: &ValueWire| tables.iter().position(|t| Some(*t) == v.key.split('.').next());
    all.sort_by_key(place);
    all
}

fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("because numbers, words and lists of words are JSON")
}
