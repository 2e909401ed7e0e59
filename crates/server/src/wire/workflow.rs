//! Lists, one workflow, and diffs.

use super::around::{DependencyWire, OwnerWire, dependencies, owners};
use super::parts::{
    FindingWire, GateWire, PatchSetWire, PlanWire, RequestWire, SelectionWire, ViolationWire, WrittenWire,
    findings, gates, patch_sets, plan, repositories, violations, written,
};
use super::{BudgetWire, StoryWire};
use crate::shown::Seen;
use countersign_core::act::SeenDigest;
use countersign_core::id::Revision;
use countersign_core::patch_set::Draft;
use countersign_core::time::Timestamp;
use countersign_inspect::masked;
use countersign_ports::store::{AlarmRow, WorkflowRow};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// `list --json`.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkflowsWire {
    /// Newest first.
    pub workflows: Vec<WorkflowRowWire>,
    /// What points to a forgery, oldest first.
    pub alarms: Vec<AlarmWire>,
}

/// Something that points to a forgery.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AlarmWire {
    /// Its number, by which it is cleared.
    pub id: u64,
    /// RFC 3339, UTC.
    pub at: String,
    /// Stable kebab-case code.
    pub code: String,
    /// About which workflow.
    pub workflow: String,
    /// What was noticed.
    pub message: String,
    /// Who has seen to it; null: nobody yet.
    pub cleared: Option<ClearedWire>,
}

/// Somebody has seen to an alarm.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ClearedWire {
    /// RFC 3339, UTC.
    pub at: String,
    /// Who, by member's id.
    pub by: String,
    /// What was found and done.
    pub note: String,
}

impl AlarmWire {
    /// From a stored one.
    pub fn of(row: &AlarmRow) -> Self {
        let cleared = row.cleared.as_ref().map(|(at, cleared)| ClearedWire {
            at: at.to_rfc3339(),
            by: cleared.by.to_string(),
            note: cleared.note.clone(),
        });
        Self {
            id: row.index,
            at: row.at.to_rfc3339(),
            code: row.alarm.code.clone(),
            workflow: row.alarm.workflow.to_string(),
            message: row.alarm.message.clone(),
            cleared,
        }
    }
}

/// One workflow in a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WorkflowRowWire {
    /// `wf_…`.
    pub id: String,
    /// First line of its feedback.
    pub title: String,
    /// `AwaitingApproval`, `Done`…
    pub state: String,
    /// Why it is there.
    pub reason: String,
    /// The current revision.
    pub revision: u32,
    /// Names of its repositories.
    pub repositories: Vec<String>,
    /// How many requests are open.
    pub open_requests: u32,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// RFC 3339, UTC.
    pub updated_at: String,
}

impl WorkflowRowWire {
    /// From a stored row.
    pub fn of(row: &WorkflowRow) -> Self {
        Self {
            id: row.id.to_string(),
            title: row.title.clone(),
            state: row.state.to_string(),
            reason: row.reason.clone(),
            revision: row.revision.0,
            repositories: row.repositories.iter().map(|r| r.name.clone()).collect(),
            open_requests: row.open_requests,
            created_at: row.created_at.to_rfc3339(),
            updated_at: row.updated_at.to_rfc3339(),
        }
    }
}

/// `show --json`, and what `run`, `resume` and every decision print at their end.
#[derive(Debug, Serialize, ToSchema)]
pub struct WorkflowWire {
    id: String,
    /// `AwaitingApproval`, `Done`…
    state: String,
    /// Why it is there.
    reason: String,
    revision: u32,
    title: String,
    /// The issue's text; untrusted.
    text: String,
    /// When it was noticed that the issue, which a comment or a label started it from, says something else by now (RFC 3339, UTC);
    /// null: it was not. `text` is what it said at the start, and what is decided on was made from that.
    issue_changed_at: Option<String>,
    /// What whoever started it says about it; untrusted.
    metadata: BTreeMap<String, String>,
    /// What may be spent on agents, and what is spent.
    budget: BudgetWire,
    /// Who proposes.
    agent: String,
    /// The proposer ran without confinement.
    unconfined: bool,
    /// Beside its snapshot, a confined command may read these paths and reach these hosts; null: nothing of
    /// the kind runs, or nothing confines it.
    agent_reads: Option<Vec<String>>,
    agent_reaches: Option<Vec<String>>,
    /// One member approves alone.
    solo: bool,
    risk: Option<String>,
    risk_reasons: Vec<String>,
    repositories: Vec<SelectionWire>,
    plan: Option<PlanWire>,
    patch_sets: Vec<PatchSetWire>,
    /// Every dependency that the newest drafts move.
    dependencies: Vec<DependencyWire>,
    /// Who owns the paths that the newest drafts change.
    owners: Vec<OwnerWire>,
    gates: Vec<GateWire>,
    /// The critic's remarks; null: it was not asked yet.
    findings: Option<Vec<FindingWire>>,
    violations: Vec<ViolationWire>,
    /// What waits for a human.
    requests: Vec<RequestWire>,
    /// What is in a repository now.
    written: Vec<WrittenWire>,
    /// With `--story`: what happened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub story: Option<Vec<StoryWire>>,
    /// Where something points to a forgery.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<AlarmWire>,
}

impl WorkflowWire {
    /// From everything that is shown of a workflow.
    pub fn of(seen: &Seen) -> Self {
        let workflow = &seen.workflow;
        let submission = workflow.submission.as_ref();
        let reach = submission.and_then(|s| s.agent.reach());
        Self {
            id: workflow.id.to_string(),
            state: workflow.state.to_string(),
            reason: workflow.reason.clone(),
            revision: workflow.revision.0,
            title: submission.map(|s| s.feedback.title.clone()).unwrap_or_default(),
            text: submission.map(|s| s.feedback.text.clone()).unwrap_or_default(),
            issue_changed_at: seen.issue_changed.map(Timestamp::to_rfc3339),
            metadata: submission.map(|s| s.metadata.clone()).unwrap_or_default(),
            budget: BudgetWire::of(&workflow.account(), workflow.budget_grants),
            agent: submission.map(|s| s.agent.label()).unwrap_or_default(),
            unconfined: submission.is_some_and(|s| s.agent.unconfined()),
            agent_reads: reach.map(|(paths, _)| paths.to_vec()),
            agent_reaches: reach.map(|(_, hosts)| hosts.iter().map(ToString::to_string).collect()),
            solo: seen.roster.is_solo(),
            risk: workflow.tier.map(|t| t.to_string()),
            risk_reasons: workflow.tier_reasons.clone(),
            repositories: repositories(seen),
            plan: plan(seen),
            patch_sets: patch_sets(seen),
            dependencies: dependencies(seen),
            owners: owners(seen),
            gates: gates(seen),
            findings: findings(seen),
            violations: violations(seen),
            requests: workflow
                .open_requests()
                .map(|r| RequestWire::of(seen, r))
                .collect(),
            written: written(seen),
            story: None,
            alarms: Vec::new(),
        }
    }
}

/// `diff --json`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DiffsWire {
    /// One per repository that changes.
    pub diffs: Vec<DiffWire>,
}

/// One repository's diff.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DiffWire {
    /// The repository's name.
    pub repository: String,
    /// Of which revision.
    pub revision: u32,
    /// What is decided on; null for an earlier revision.
    pub digest: Option<String>,
    /// Lines.
    pub added: u64,
    /// Lines.
    pub removed: u64,
    /// The canonical diff; bytes that are not UTF-8 are replaced, and what looks like a secret is.
    pub diff: String,
    /// Whether bytes were replaced that are not UTF-8.
    pub lossy: bool,
    /// How many lines are there without what looks like a secret.
    pub masked_lines: u32,
}

impl DiffWire {
    /// From a draft and its canonical diff.
    pub fn of(
        name: &str,
        revision: Revision,
        digest: Option<&SeenDigest>,
        draft: &Draft,
        canonical: &[u8],
    ) -> Self {
        let shown = masked(canonical, &draft.findings);
        Self {
            repository: name.to_owned(),
            revision: revision.0,
            digest: digest.map(SeenDigest::to_hex),
            added: draft.diff.added(),
            removed: draft.diff.removed(),
            diff: String::from_utf8_lossy(&shown.bytes).into_owned(),
            masked_lines: shown.lines,
            lossy: std::str::from_utf8(canonical).is_err(),
        }
    }
}
