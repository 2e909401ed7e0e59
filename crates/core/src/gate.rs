//! The numbered gates: each is a list of checks over evidence, and missing evidence is never a pass (INV-8).
//!
//! A check that is not built yet is in no list; it is never shown as passed.

use crate::digest::EvidenceDigest;
use crate::id::{RepositoryId, Revision};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateId {
    /// 0: may this start?
    Intake,
    /// 1: is there a valid plan?
    Plan,
    /// 2: does the proposal apply, stay inside plan and policy, and pass the critic?
    Proposal,
    /// 3: did enough people approve exactly this?
    Approval,
    /// 4: may it be written now, and was exactly it written?
    Write,
    /// 5: did CI pass on exactly what was written?
    Ci,
    /// 6: did exactly what was approved land?
    Delivery,
}

impl GateId {
    /// All gates in order.
    pub const ALL: [GateId; 7] = [
        GateId::Intake,
        GateId::Plan,
        GateId::Proposal,
        GateId::Approval,
        GateId::Write,
        GateId::Ci,
        GateId::Delivery,
    ];

    /// The gate's number.
    pub fn number(self) -> u8 {
        match self {
            GateId::Intake => 0,
            GateId::Plan => 1,
            GateId::Proposal => 2,
            GateId::Approval => 3,
            GateId::Write => 4,
            GateId::Ci => 5,
            GateId::Delivery => 6,
        }
    }

    /// The gate's name.
    pub fn name(self) -> &'static str {
        match self {
            GateId::Intake => "intake",
            GateId::Plan => "plan",
            GateId::Proposal => "proposal",
            GateId::Approval => "approval",
            GateId::Write => "write",
            GateId::Ci => "CI",
            GateId::Delivery => "delivery",
        }
    }
}

impl fmt::Display for GateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "gate {} ({})", self.number(), self.name())
    }
}

/// How one check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckOutcome {
    /// The evidence is there and says yes.
    Passed,
    /// The evidence is there and says no.
    Failed,
    /// The evidence is not there, which is not a yes.
    Missing,
}

/// The checks that exist. A gate's result must hold every check of [`CheckId::required_by`] for its gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckId {
    /// The text is inside its size bounds and readable.
    WellFormed,
    /// Every base ref is a branch that exists.
    BaseExists,
    /// Policy allows every base branch.
    BaseAllowed,
    /// Every policy text could be read.
    PolicyReadable,
    /// There are enough people for what policy demands.
    PolicyCanBeMet,
    /// The starter may start work.
    StarterAllowed,
    /// The agent may run here.
    AgentAllowed,
    /// No open workflow has the same text and repositories, or the starter asked for it again.
    NotDuplicate,
    /// Triage said GO.
    TriageGo,
    /// All artifacts are there and valid.
    ArtifactsValid,
    /// Every path that the plan calls existing is in the pinned context, every new one is not.
    PathsFound,
    /// No path of the plan is blocked by policy.
    PlanInsidePolicy,
    /// The plan was approved where that is asked.
    PlanApproved,
    /// Every diff was read and applied exactly to the pinned base.
    AppliesExactly,
    /// A second applier gives the same tree.
    AppliersAgree,
    /// Nothing outside the plan is changed.
    InsidePlan,
    /// No violation that blocks.
    NoBlock,
    /// Nothing that would leave with the change looks like a secret.
    OutboundClean,
    /// The critic does not reject.
    CriticNotRejecting,
    /// Enough eligible people approved exactly this digest.
    EnoughApprovals,
    /// Somebody whom CODEOWNERS names approved each path that has an owner.
    OwnersApproved,
    /// Nobody rejected.
    NoRejection,
    /// No approval ran out or was withdrawn.
    ApprovalsLive,
    /// The approvals are in a signed checkpoint.
    ApprovalsSealed,
    /// The base branch still contains the pinned commit, and the result merges cleanly.
    BaseStands,
    /// The approvals outlast all planned writes.
    ApprovalsOutlast,
    /// Each branch was read back and holds exactly the approved commit and tree.
    ReadBack,
    /// Required checks of CI; policy may say that none is required.
    CiRequired,
    /// No more budget is asked for than policy gives. Not in the stories of before there were budgets, so no gate
    /// requires it; gate 0 always makes it where a budget is part of what was signed.
    BudgetAllowed,
    /// Branch and pull request still hold exactly what was approved.
    HeadUnmoved,
    /// What was merged is what merging the approved commit gives.
    LandedAsApproved,
}

impl CheckId {
    /// The checks that a gate must have seen, in the order in which they are shown.
    pub fn required_by(gate: GateId) -> &'static [CheckId] {
        match gate {
            GateId::Intake => &[
                CheckId::WellFormed,
                CheckId::StarterAllowed,
                CheckId::AgentAllowed,
                CheckId::NotDuplicate,
                CheckId::BaseExists,
                CheckId::PolicyReadable,
                CheckId::BaseAllowed,
                CheckId::PolicyCanBeMet,
            ],
            GateId::Plan => &[
                CheckId::TriageGo,
                CheckId::ArtifactsValid,
                CheckId::PathsFound,
                CheckId::PlanInsidePolicy,
                CheckId::PolicyCanBeMet,
                CheckId::PlanApproved,
            ],
            GateId::Proposal => &[
                CheckId::AppliesExactly,
                CheckId::AppliersAgree,
                CheckId::InsidePlan,
                CheckId::NoBlock,
                CheckId::OutboundClean,
                CheckId::CriticNotRejecting,
            ],
            GateId::Approval => &[
                CheckId::EnoughApprovals,
                CheckId::OwnersApproved,
                CheckId::NoRejection,
                CheckId::ApprovalsLive,
                CheckId::ApprovalsSealed,
            ],
            GateId::Write => &[CheckId::BaseStands, CheckId::ApprovalsOutlast],
            GateId::Ci => &[CheckId::HeadUnmoved, CheckId::CiRequired],
            GateId::Delivery => &[CheckId::LandedAsApproved],
        }
    }

    /// The name as it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            CheckId::WellFormed => "well-formed",
            CheckId::BaseExists => "base-exists",
            CheckId::BaseAllowed => "base-allowed",
            CheckId::PolicyReadable => "policy-readable",
            CheckId::PolicyCanBeMet => "policy-can-be-met",
            CheckId::StarterAllowed => "starter-allowed",
            CheckId::AgentAllowed => "agent-allowed",
            CheckId::NotDuplicate => "not-duplicate",
            CheckId::TriageGo => "triage-go",
            CheckId::ArtifactsValid => "artifacts-valid",
            CheckId::PathsFound => "paths-found",
            CheckId::PlanInsidePolicy => "plan-inside-policy",
            CheckId::PlanApproved => "plan-approved",
            CheckId::AppliesExactly => "applies-exactly",
            CheckId::AppliersAgree => "appliers-agree",
            CheckId::InsidePlan => "inside-plan",
            CheckId::NoBlock => "no-block",
            CheckId::OutboundClean => "outbound-clean",
            CheckId::CriticNotRejecting => "critic-not-rejecting",
            CheckId::EnoughApprovals => "enough-approvals",
            CheckId::OwnersApproved => "owners-approved",
            CheckId::NoRejection => "no-rejection",
            CheckId::ApprovalsLive => "approvals-live",
            CheckId::ApprovalsSealed => "approvals-sealed",
            CheckId::BaseStands => "base-stands",
            CheckId::ApprovalsOutlast => "approvals-outlast",
            CheckId::ReadBack => "read-back",
            CheckId::CiRequired => "ci-required",
            CheckId::BudgetAllowed => "budget-allowed",
            CheckId::HeadUnmoved => "head-unmoved",
            CheckId::LandedAsApproved => "landed-as-approved",
        }
    }
}

/// One check with what it looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    /// Which.
    pub id: CheckId,
    /// About which repository; absent: about the whole workflow.
    pub repository: Option<RepositoryId>,
    /// How it came out.
    pub outcome: CheckOutcome,
    /// What was seen, in one sentence, without times.
    pub detail: String,
}

impl Check {
    /// A check about the whole workflow.
    pub fn new(id: CheckId, passed: bool, detail: impl Into<String>) -> Self {
        let outcome = if passed {
            CheckOutcome::Passed
        } else {
            CheckOutcome::Failed
        };
        Self {
            id,
            repository: None,
            outcome,
            detail: detail.into(),
        }
    }

    /// The same check, about one repository.
    #[must_use]
    pub fn about(mut self, repository: &RepositoryId) -> Self {
        self.repository = Some(repository.clone());
        self
    }
}

/// How a gate came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GateOutcome {
    /// Every required check is there and passed.
    Passed,
    /// Some check failed or its evidence is missing.
    Failed,
    /// Policy does not ask for it; shown as such and never as green.
    NotRequired,
}

/// A gate's result with its evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GateResult {
    /// Which gate.
    pub gate: GateId,
    /// For which revision.
    pub revision: Revision,
    /// How it came out.
    pub outcome: GateOutcome,
    /// The evidence.
    pub checks: Vec<Check>,
    /// Digest of gate, revision and checks.
    pub evidence: EvidenceDigest,
}

/// Judges a gate: it passes when every required check is there and no check is anything but passed.
pub fn evaluate(gate: GateId, revision: Revision, mut checks: Vec<Check>) -> GateResult {
    for required in CheckId::required_by(gate) {
        if !checks.iter().any(|c| c.id == *required) {
            let detail = "no evidence".to_owned();
            checks.push(Check {
                id: *required,
                repository: None,
                outcome: CheckOutcome::Missing,
                detail,
            });
        }
    }
    let all_passed = checks.iter().all(|c| c.outcome == CheckOutcome::Passed);
    let outcome = if all_passed {
        GateOutcome::Passed
    } else {
        GateOutcome::Failed
    };
    result(gate, revision, outcome, checks)
}

/// The third outcome: the effective policy says that this gate is not asked for.
pub fn not_required(gate: GateId, revision: Revision, detail: &str) -> GateResult {
    let check = Check {
        id: CheckId::CiRequired,
        repository: None,
        outcome: CheckOutcome::Missing,
        detail: detail.to_owned(),
    };
    result(gate, revision, GateOutcome::NotRequired, vec![check])
}

fn result(gate: GateId, revision: Revision, outcome: GateOutcome, checks: Vec<Check>) -> GateResult {
    let evidence = EvidenceDigest::of(&(gate, revision, outcome, &checks));
    GateResult {
        gate,
        revision,
        outcome,
        checks,
        evidence,
    }
}

impl GateResult {
    /// The checks that keep the gate closed, one sentence each.
    pub fn failures(&self) -> Vec<String> {
        let failed = self.checks.iter().filter(|c| c.outcome != CheckOutcome::Passed);
        failed
            .map(|c| format!("{}: {}", c.id.as_str(), c.detail))
            .collect()
    }
}
