//! One unit of requested work as an event-sourced state machine.
//!
//! [`decide`] is the only place where states change, [`apply`](Workflow::apply) derives a [`Workflow`] from its
//! events, and both are pure: the same events, input and time give the same decision on every machine (INV-3).
//! The steps are in order of the way through: [`intake`], [`planning`], [`proposing`], [`approving`], [`writing`];
//! what humans do is in [`human`]; [`catalogue`] lists all of it and is printed into the docs.

mod apply;
pub mod approving;
pub mod catalogue;
pub mod decide;
pub mod effect;
pub mod event;
pub mod human;
pub mod input;
pub mod intake;
pub mod planning;
pub mod proposing;
pub mod writing;

pub use decide::{Decision, Refusal, decide, start};
pub use effect::Effect;
pub use event::Event;
pub use input::{EffectResult, Input, Submission};

use crate::artifact::{AgentRole, Architecture, Critique, Plan, TriageDecision};
use crate::digest::{ApprovalDigest, ContextHash, PlanDigest, PolicyDigest};
use crate::gate::{GateId, GateResult};
use crate::id::{EffectId, MemberId, RepositoryId, Revision, TenantId, Version, WorkflowId, WriteIntentId};
use crate::patch_set::{Draft, PatchSet, approval_digest};
use crate::policy::{RiskTier, Violation};
use event::{
    Approval, Attempt, AttemptOutcome, PinnedRepo, RepoLookup, Request, RequestStatus, ResumePoint, Standing,
    WriteIntent,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Rounds in which a plan or a proposal may be refused before a human is asked.
pub const REFUSALS_MAX: u32 = 2;
/// The approvals must outlast the moment of writing by this much.
pub const WRITE_WINDOW_MS: u64 = 10 * 60 * 1000;
/// Most events of one workflow; beyond it only cancelling is possible.
pub const EVENTS_MAX: u64 = 5_000;

/// Where a workflow is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum State {
    /// Accepted once; branches and policy are looked up; gate 0.
    Queued,
    /// Bases are pinned.
    LoadingContext,
    /// GO, NO-GO, DEFER or a question.
    Triaging,
    /// Architecture, scope, plan, acceptance criteria; gate 1.
    Planning,
    /// A human decides on the plan.
    AwaitingPlanApproval,
    /// A patch set per repository.
    Coding,
    /// Critic and policy; gate 2.
    Reviewing,
    /// Humans decide per patch set; gate 3.
    AwaitingApproval,
    /// Branches are written and read back; gate 4.
    Applying,
    /// Pull requests are open; skipped where the forge has none.
    PrOpen,
    /// All gates passed, evidence complete.
    Done,
    /// A question waits.
    NeedsHuman,
    /// Policy blocks.
    BlockedPolicy,
    /// Ended: not to be done.
    Declined,
    /// Not now; can be woken.
    Deferred,
    /// Ended: rejected.
    Failed,
    /// Ended: stopped by a human.
    Cancelled,
}

impl State {
    /// All states.
    pub const ALL: [State; 17] = [
        State::Queued,
        State::LoadingContext,
        State::Triaging,
        State::Planning,
        State::AwaitingPlanApproval,
        State::Coding,
        State::Reviewing,
        State::AwaitingApproval,
        State::Applying,
        State::PrOpen,
        State::Done,
        State::NeedsHuman,
        State::BlockedPolicy,
        State::Declined,
        State::Deferred,
        State::Failed,
        State::Cancelled,
    ];

    /// The name as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Queued => "Queued",
            State::LoadingContext => "LoadingContext",
            State::Triaging => "Triaging",
            State::Planning => "Planning",
            State::AwaitingPlanApproval => "AwaitingPlanApproval",
            State::Coding => "Coding",
            State::Reviewing => "Reviewing",
            State::AwaitingApproval => "AwaitingApproval",
            State::Applying => "Applying",
            State::PrOpen => "PrOpen",
            State::Done => "Done",
            State::NeedsHuman => "NeedsHuman",
            State::BlockedPolicy => "BlockedPolicy",
            State::Declined => "Declined",
            State::Deferred => "Deferred",
            State::Failed => "Failed",
            State::Cancelled => "Cancelled",
        }
    }

    /// Nothing can happen any more.
    pub fn is_final(self) -> bool {
        match self {
            State::Done | State::Declined | State::Failed | State::Cancelled => true,
            State::Queued
            | State::LoadingContext
            | State::Triaging
            | State::Planning
            | State::AwaitingPlanApproval
            | State::Coding
            | State::Reviewing
            | State::AwaitingApproval
            | State::Applying
            | State::PrOpen
            | State::NeedsHuman
            | State::BlockedPolicy
            | State::Deferred => false,
        }
    }

    /// Only a human can move it.
    pub fn waits_for_human(self) -> bool {
        match self {
            State::AwaitingPlanApproval
            | State::AwaitingApproval
            | State::NeedsHuman
            | State::BlockedPolicy
            | State::Deferred => true,
            State::Queued
            | State::LoadingContext
            | State::Triaging
            | State::Planning
            | State::Coding
            | State::Reviewing
            | State::Applying
            | State::PrOpen
            | State::Done
            | State::Declined
            | State::Failed
            | State::Cancelled => false,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An agent's words of a human for the next round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuidanceNote {
    /// Which revision they speak of.
    pub revision: Revision,
    /// The words.
    pub text: String,
}

/// A workflow as its events make it. Never stored; always derived.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// Whose.
    pub tenant: TenantId,
    /// Its id.
    pub id: WorkflowId,
    /// How many events it has.
    pub version: Version,
    /// Where it is.
    pub state: State,
    /// Why it is there.
    pub reason: String,
    /// What started it.
    pub submission: Option<Submission>,
    /// The branches as looked up at intake.
    pub lookups: Vec<RepoLookup>,
    /// The pinned repositories, in write order.
    pub repositories: Vec<PinnedRepo>,
    /// The hash of everything that agents get to see.
    pub context: Option<ContextHash>,
    /// The current revision.
    pub revision: Revision,
    /// How often each role was asked.
    pub rounds: BTreeMap<AgentRole, u32>,
    /// Refused answers in this revision, per role, with their reasons.
    pub refusals: BTreeMap<AgentRole, Vec<String>>,
    /// How many answers of a role were refused in a row.
    pub refused_in_a_row: BTreeMap<AgentRole, u32>,
    /// Words of humans for agents, oldest first.
    pub guidance: Vec<GuidanceNote>,
    /// Triage's decision.
    pub triage: Option<TriageDecision>,
    /// The architecture.
    pub architecture: Option<Architecture>,
    /// The plan.
    pub plan: Option<Plan>,
    /// Its digest.
    pub plan_digest: Option<PlanDigest>,
    /// Drafts of this revision.
    pub drafts: Vec<Draft>,
    /// Drafts of the revision before, to see an unchanged result.
    pub earlier_drafts: Vec<Draft>,
    /// The critic's answer in this revision.
    pub critique: Option<Critique>,
    /// What policy found in this revision.
    pub violations: Vec<Violation>,
    /// The tier, which only rises.
    pub tier: Option<RiskTier>,
    /// Why.
    pub tier_reasons: Vec<String>,
    /// The tier under which the plan was accepted.
    pub plan_accepted_under: Option<RiskTier>,
    /// A human approved the plan at hand.
    pub plan_approved: bool,
    /// Patch sets that people are asked about.
    pub patch_sets: Vec<PatchSet>,
    /// Latest result per gate, while it counts.
    pub gates: BTreeMap<GateId, GateResult>,
    /// The checkpoint that went into the trailers.
    pub checkpoint: Option<event::CheckpointRef>,
    /// All requests so far.
    pub requests: Vec<Request>,
    /// Live approvals.
    pub approvals: Vec<Approval>,
    /// Whether somebody rejected.
    pub rejected: bool,
    /// Who started, shaped or answered for the content.
    pub shapers: BTreeSet<MemberId>,
    /// How the bases stood right before writing.
    pub standings: Vec<(RepositoryId, Standing)>,
    /// Write intents of this revision.
    pub intents: Vec<WriteIntent>,
    /// All attempts so far with their outcome.
    pub attempts: Vec<(Attempt, Option<AttemptOutcome>)>,
    /// Writes that were taken out of play.
    pub retracted: BTreeSet<WriteIntentId>,
    /// A human wants it stopped; it ends when nothing of ours is left in play.
    pub cancelling: bool,
    /// The outstanding effect.
    pub outstanding: Option<(EffectId, Effect)>,
    /// Where it goes on after the open question.
    pub resume: Option<ResumePoint>,
    /// Effects so far.
    pub effects_requested: u64,
}

impl Workflow {
    /// A workflow before its first event.
    pub fn empty(tenant: TenantId, id: WorkflowId) -> Self {
        Self {
            tenant,
            id,
            version: Version(0),
            state: State::Queued,
            reason: String::new(),
            submission: None,
            lookups: Vec::new(),
            repositories: Vec::new(),
            context: None,
            revision: Revision(1),
            rounds: BTreeMap::new(),
            refusals: BTreeMap::new(),
            refused_in_a_row: BTreeMap::new(),
            guidance: Vec::new(),
            triage: None,
            architecture: None,
            plan: None,
            plan_digest: None,
            drafts: Vec::new(),
            earlier_drafts: Vec::new(),
            critique: None,
            violations: Vec::new(),
            tier: None,
            tier_reasons: Vec::new(),
            plan_accepted_under: None,
            plan_approved: false,
            patch_sets: Vec::new(),
            gates: BTreeMap::new(),
            checkpoint: None,
            requests: Vec::new(),
            approvals: Vec::new(),
            rejected: false,
            shapers: BTreeSet::new(),
            standings: Vec::new(),
            intents: Vec::new(),
            attempts: Vec::new(),
            retracted: BTreeSet::new(),
            cancelling: false,
            outstanding: None,
            resume: None,
            effects_requested: 0,
        }
    }

    /// Derives a workflow from all of its events, in order.
    pub fn replay<'a>(tenant: TenantId, id: WorkflowId, events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut workflow = Self::empty(tenant, id);
        for event in events {
            workflow.apply(event);
        }
        workflow
    }

    /// Requests that wait for a human, oldest first.
    pub fn open_requests(&self) -> impl Iterator<Item = &Request> {
        self.requests.iter().filter(|r| r.status == RequestStatus::Open)
    }

    /// The effective policies by repository.
    pub fn policies(&self) -> Vec<(RepositoryId, PolicyDigest)> {
        self.repositories
            .iter()
            .map(|r| (r.repository.clone(), r.policy.digest()))
            .collect()
    }

    /// A repository's short name.
    pub fn repository_name(&self, id: &RepositoryId) -> String {
        let selections = self.submission.iter().flat_map(|s| &s.repositories);
        selections
            .filter(|s| s.id == *id)
            .map(|s| s.name.clone())
            .next()
            .unwrap_or_else(|| id.to_string())
    }

    /// What a human decides on for a patch set, derived again from what is stored.
    pub fn approval_digest(&self, patch_set: &PatchSet) -> Option<ApprovalDigest> {
        let gates: Vec<_> = [GateId::Intake, GateId::Plan, GateId::Proposal]
            .into_iter()
            .filter_map(|g| self.gates.get(&g))
            .map(|g| (g.gate, g.outcome, g.evidence))
            .collect();
        if gates.len() != 3 {
            return None;
        }
        Some(approval_digest(
            patch_set,
            &self.patch_sets,
            self.plan_digest?,
            &self.policies(),
            &gates,
        ))
    }

    /// The patch set of a repository in the current revision.
    pub fn patch_set(&self, repository: &RepositoryId) -> Option<&PatchSet> {
        self.patch_sets.iter().find(|p| p.repository == *repository)
    }

    /// The last attempt of an intent.
    pub fn last_attempt(&self, intent: &WriteIntentId) -> Option<&(Attempt, Option<AttemptOutcome>)> {
        self.attempts.iter().rev().find(|(a, _)| a.intent == *intent)
    }

    /// Whether an intent's branch was written and read back, and not taken out of play since.
    pub fn is_written(&self, intent: &WriteIntentId) -> bool {
        let written = self
            .attempts
            .iter()
            .any(|(a, o)| a.intent == *intent && matches!(o, Some(AttemptOutcome::Written { .. })));
        written && !self.retracted.contains(intent)
    }

    /// Whether something of an intent may be out there: an attempt whose outcome is open or unknown.
    pub fn may_be_written(&self, intent: &WriteIntentId) -> bool {
        let open = |o: &Option<AttemptOutcome>| matches!(o, None | Some(AttemptOutcome::Unknown { .. }));
        self.last_attempt(intent).is_some_and(|(_, o)| open(o)) && !self.retracted.contains(intent)
    }
}
