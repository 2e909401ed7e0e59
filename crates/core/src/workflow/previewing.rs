//! What policy would say of drafts, without saying it: the same checks that gates 0 and 2 make, and no event of it.

use super::approving::approvals_needed;
use super::planning::needs_plan_approval;
use super::{Workflow, intake, proposing};
use crate::gate::{self, Check, CheckId, GateId, GateResult};
use crate::id::RepositoryId;
use crate::member::Roster;
use crate::policy::{TierReport, Violation};
use crate::proposal;
use crate::time::Timestamp;

/// What would come of a workflow's drafts under the policies that it holds.
#[derive(Debug, Clone)]
pub struct Preview {
    /// Every broken rule, with what is waived.
    pub violations: Vec<Violation>,
    /// How risky it is, and why.
    pub tier: TierReport,
    /// What gate 0 asks of policy and people. What it asks besides has no evidence here.
    pub intake: GateResult,
    /// Gate 2. What nobody looked at (a plan, a critic's answer) has no evidence, which is not a pass.
    pub proposal: GateResult,
    /// How many people would have to approve in each repository.
    pub approvals: Vec<(RepositoryId, u32)>,
    /// Whether a person would be asked about the plan as well.
    pub asks_for_plan: bool,
}

/// Judges drafts as gates 0 and 2 do at that moment. Where the workflow has no submission, no plan or no critique, what
/// rests on these counts as missing.
pub fn preview(workflow: &Workflow, roster: &Roster, at: Timestamp) -> Preview {
    let violations = proposing::violations(workflow, at);
    let tier = proposing::tier_of(workflow, &violations);
    let judged = Workflow {
        violations: violations.clone(),
        tier: Some(tier.tier),
        ..workflow.clone()
    };
    let of_policy = |repo: &super::event::PinnedRepo| {
        let base = (&repo.repository, &repo.base_branch);
        let checks = intake::policy_checks(&judged, &repo.policy, base, roster);
        checks
            .into_iter()
            .map(|c| c.about(&repo.repository))
            .collect::<Vec<_>>()
    };
    let intake = judged.repositories.iter().flat_map(of_policy).collect();
    let needed = |repo: &super::event::PinnedRepo| {
        let needed = approvals_needed(&judged, &repo.repository, roster);
        (repo.repository.clone(), needed)
    };
    Preview {
        intake: gate::evaluate(GateId::Intake, judged.revision, intake),
        proposal: gate::evaluate(GateId::Proposal, judged.revision, proposal_checks(&judged)),
        approvals: judged.repositories.iter().map(needed).collect(),
        asks_for_plan: needs_plan_approval(&judged, tier.tier, roster),
        violations,
        tier,
    }
}

/// The checks of gate 2 for which there is evidence.
fn proposal_checks(workflow: &Workflow) -> Vec<Check> {
    let rejections = workflow.critique.as_ref().map(proposal::rejections);
    let outside = proposing::outside_plan(workflow);
    let all = proposing::checks(
        workflow,
        &workflow.violations,
        &outside,
        rejections.as_deref().unwrap_or_default(),
    );
    let unseen = [
        (CheckId::InsidePlan, workflow.plan.is_none()),
        (CheckId::OutboundClean, workflow.submission.is_none()),
        (CheckId::CriticNotRejecting, workflow.critique.is_none()),
    ];
    let is_seen = |c: &Check| !unseen.contains(&(c.id, true));
    all.into_iter().filter(is_seen).collect()
}
