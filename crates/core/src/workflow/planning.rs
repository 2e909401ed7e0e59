//! Triage, architecture and plan: gate 1, and the plan's approval where it is asked for.

use super::event::{AgentRun, Event, PinnedRepo, RequestStatus, ResumePoint, Subject};
use super::input::{PathLookup, Refused};
use super::intake::people_check;
use super::proposing::follows_a_stranger;
use super::turn::Turn;
use super::{Effect, REFUSALS_MAX, State, Workflow};
use crate::artifact::{AgentRole, Architecture, PathExpectation, Plan, TriageDecision, Verdict};
use crate::digest::PlanDigest;
use crate::gate::{Check, CheckId, CheckOutcome, GateId};
use crate::id::RepositoryId;
use crate::member::Roster;
use crate::path::RepoPath;
use crate::policy::{self, PlanApproval, PolicySource, RiskTier, Violation};
use crate::proposal;
use crate::question::QuestionKind;
use crate::time::Timestamp;
use std::collections::BTreeSet;

/// A day, in milliseconds.
pub(super) const DAY_MS: u64 = 24 * 60 * 60 * 1000;

pub(super) fn triaged(turn: &mut Turn, run: AgentRun, answer: Result<TriageDecision, Refused>) {
    turn.emit(Event::AgentCalled { run });
    let checked = answer.and_then(|d| match proposal::validate_triage(&d) {
        Ok(()) => Ok(d),
        Err(reasons) => Err(Refused { reasons }),
    });
    let decision = match checked {
        Ok(decision) => decision,
        Err(refused) => {
            let resume = ResumePoint::Triaging;
            return refuse(
                turn,
                AgentRole::Triage,
                refused,
                (Effect::Triage, QuestionKind::StepFailed, resume),
            );
        }
    };
    let (verdict, reasons, missing) = (
        decision.verdict,
        decision.reasons.join("; "),
        decision.missing.clone(),
    );
    turn.emit(Event::TriageRecorded { decision });
    match verdict {
        Verdict::Go => {
            turn.enter(State::Planning, "triage says GO");
            turn.request(Effect::Plan);
        }
        Verdict::Ask => turn.ask(QuestionKind::InformationMissing, missing, ResumePoint::Triaging),
        Verdict::NoGo => {
            close_gate(turn, &format!("triage says NO-GO: {reasons}"));
            turn.end(State::Declined, format!("triage says NO-GO: {reasons}"));
        }
        Verdict::Defer => {
            close_gate(turn, &format!("triage says DEFER: {reasons}"));
            turn.enter(
                State::Deferred,
                format!("triage says DEFER: {reasons}; `countersign wake` takes it up again"),
            );
        }
    }
}

fn close_gate(turn: &mut Turn, why: &str) {
    let closed = turn.judge(GateId::Plan, vec![Check::new(CheckId::TriageGo, false, why)]);
    assert!(closed.is_err(), "a gate with a failed check is closed");
}

/// Records a refused answer and asks the agent again, or a human when the rounds are spent.
pub(super) fn refuse(
    turn: &mut Turn,
    role: AgentRole,
    refused: Refused,
    (again, question, resume): (Effect, QuestionKind, ResumePoint),
) {
    let reasons = refused.reasons;
    turn.emit(Event::AnswerRefused {
        role,
        reasons: reasons.clone(),
    });
    let rounds = rounds_spent(&turn.workflow, role);
    if rounds < REFUSALS_MAX {
        turn.request(again);
    } else {
        turn.ask(question, reasons, resume);
    }
}

/// Coder and critic share the rounds of one revision: each refusal costs one.
fn rounds_spent(workflow: &Workflow, role: AgentRole) -> u32 {
    let of = |role: AgentRole| workflow.refused_in_a_row.get(&role).copied().unwrap_or(0);
    match role {
        AgentRole::Coder | AgentRole::Critic => of(AgentRole::Coder) + of(AgentRole::Critic),
        AgentRole::Triage
        | AgentRole::Architect
        | AgentRole::Planner
        | AgentRole::Fixer
        | AgentRole::Extractor => of(role),
    }
}

pub(super) fn planned(
    turn: &mut Turn,
    runs: Vec<AgentRun>,
    answer: Result<(Architecture, Plan, Vec<PathLookup>), Refused>,
    roster: &Roster,
) {
    for run in runs {
        turn.emit(Event::AgentCalled { run });
    }
    let known: BTreeSet<RepositoryId> = turn
        .workflow
        .repositories
        .iter()
        .map(|r| r.repository.clone())
        .collect();
    let checked = answer.and_then(|(architecture, plan, lookups)| {
        let mut reasons = proposal::validate_plan(&architecture, &plan, &known)
            .err()
            .unwrap_or_default();
        reasons.extend(path_problems(&plan, &lookups));
        if reasons.is_empty() {
            Ok((architecture, plan))
        } else {
            Err(Refused { reasons })
        }
    });
    match checked {
        Ok((architecture, plan)) => accept(turn, architecture, plan, roster),
        Err(refused) => {
            let failed = Check::new(CheckId::ArtifactsValid, false, refused.reasons.join("; "));
            let closed = turn.judge(GateId::Plan, vec![failed]);
            assert!(closed.is_err(), "a gate with a failed check is closed");
            refuse(
                turn,
                AgentRole::Planner,
                refused,
                (Effect::Plan, QuestionKind::PlanRefused, ResumePoint::Planning),
            );
        }
    }
}

/// Where the plan and the pinned context disagree. A path nobody looked up counts as missing evidence.
fn path_problems(plan: &Plan, lookups: &[PathLookup]) -> Vec<String> {
    let mut problems = Vec::new();
    for step in &plan.steps {
        for planned in &step.paths {
            let found = lookups
                .iter()
                .find(|l| l.repository == step.repository && l.path == planned.path);
            let problem = match (planned.expectation, found.map(|l| l.exists)) {
                (PathExpectation::Exists, Some(true)) | (PathExpectation::New, Some(false)) => continue,
                (PathExpectation::Exists, Some(false)) => {
                    "is called existing but is not in the pinned context"
                }
                (PathExpectation::New, Some(true)) => "is called new but is there already",
                (PathExpectation::Exists | PathExpectation::New, None) => "was not looked up",
            };
            problems.push(format!("step {}: {} {problem}", step.id, planned.path));
        }
    }
    problems
}

fn accept(turn: &mut Turn, architecture: Architecture, plan: Plan, roster: &Roster) {
    let digest = PlanDigest::of(&(&turn.workflow.id, turn.workflow.revision, &architecture, &plan));
    turn.emit(Event::PlanRecorded {
        architecture,
        plan,
        digest,
    });
    judge_plan(turn, roster);
}

/// Holds a recorded plan against policy: blocked, asked about, or through gate 1.
pub(super) fn judge_plan(turn: &mut Turn, roster: &Roster) {
    let violations = path_violations(&turn.workflow, turn.at);
    let shown = violations.iter().any(|v| v.blocks() || v.waived_until.is_some());
    if shown {
        turn.emit(Event::PolicyEvaluated { violations });
    }
    let blocked = blocked_paths(&turn.workflow, turn.at);
    if !blocked.is_empty() {
        let closed = turn.judge(GateId::Plan, plan_checks(&turn.workflow, &blocked, roster));
        assert!(closed.is_err(), "a gate with a failed check is closed");
        return turn.ask(QuestionKind::PolicyBlocks, blocked, ResumePoint::Planning);
    }
    if needs_plan_approval(&turn.workflow, planned_tier(&turn.workflow), roster) {
        return ask_for_plan(turn, "policy or risk tier asks for it");
    }
    pass_gate(turn, roster);
}

/// Opens the request for the plan.
pub(super) fn ask_for_plan(turn: &mut Turn, why: &str) {
    let digest = turn
        .workflow
        .plan_digest
        .expect("because a plan is recorded before anybody is asked about it");
    turn.enter(State::AwaitingPlanApproval, why);
    let expires_at = turn.at.plus_ms(approval_window_ms(&turn.workflow));
    turn.open(Subject::Plan { digest }, Some(expires_at), None);
}

/// How long an approval lives: the shortest of all repositories' policies.
pub(super) fn approval_window_ms(workflow: &Workflow) -> u64 {
    let days = workflow
        .repositories
        .iter()
        .map(|r| r.policy.approval_days.value)
        .min()
        .unwrap_or(1);
    u64::from(days) * DAY_MS
}

/// Gate 1 passes: coding begins, or review goes on where it had been interrupted.
pub(super) fn pass_gate(turn: &mut Turn, roster: &Roster) {
    let tier = turn
        .workflow
        .tier
        .unwrap_or(RiskTier::Low)
        .max(planned_tier(&turn.workflow));
    let blocked = blocked_paths(&turn.workflow, turn.at);
    let checks = plan_checks(&turn.workflow, &blocked, roster);
    if let Err(failures) = turn.judge(GateId::Plan, checks) {
        return turn.ask(QuestionKind::PlanRefused, failures, ResumePoint::Planning);
    }
    turn.emit(Event::PlanAccepted { tier });
    turn.enter(State::Coding, "gate 1 passed");
    turn.request(Effect::Draft);
}

fn plan_checks(workflow: &Workflow, blocked: &[String], roster: &Roster) -> Vec<Check> {
    let plan = workflow
        .plan
        .as_ref()
        .expect("because gate 1 judges a recorded plan");
    let paths: usize = plan.steps.iter().map(|s| s.paths.len()).sum();
    let inside = if blocked.is_empty() {
        "no planned path is blocked".to_owned()
    } else {
        blocked.join("; ")
    };
    let approved = plan_approval_check(workflow, blocked, roster);
    let mut checks = vec![
        Check::new(CheckId::TriageGo, true, "triage says GO"),
        Check::new(
            CheckId::ArtifactsValid,
            true,
            format!(
                "decision, architecture, scope, {} and {} are there",
                count(plan.steps.len(), "step"),
                count(plan.acceptance.len(), "acceptance criterion")
            ),
        ),
        Check::new(
            CheckId::PathsFound,
            true,
            format!("{} looked up at the pinned bases", count(paths, "planned path")),
        ),
        Check::new(CheckId::PlanInsidePolicy, blocked.is_empty(), inside),
        approved,
    ];
    for repo in &workflow.repositories {
        checks.push(people_check(workflow, &repo.repository, &repo.policy, roster).about(&repo.repository));
    }
    checks
}

fn plan_approval_check(workflow: &Workflow, blocked: &[String], roster: &Roster) -> Check {
    let tier = planned_tier(workflow);
    let of = |outcome, detail: &str| Check {
        id: CheckId::PlanApproved,
        repository: None,
        outcome,
        detail: detail.to_owned(),
    };
    if workflow.plan_approved {
        return of(CheckOutcome::Passed, "approved by a human");
    }
    if !blocked.is_empty() {
        return of(
            CheckOutcome::Missing,
            "nobody was asked, because policy blocks the plan",
        );
    }
    if needs_plan_approval(workflow, tier, roster) {
        return of(CheckOutcome::Failed, "a human has to approve the plan");
    }
    if tier == RiskTier::High && roster.is_solo() {
        return of(
            CheckOutcome::Passed,
            "high risk, but solo mode: the same person approves the content right after",
        );
    }
    of(CheckOutcome::Passed, "neither policy nor risk tier asks for it")
}

/// `1 step`, `2 steps`, `2 acceptance criteria`.
pub(super) fn count(n: usize, noun: &str) -> String {
    match (n, noun.strip_suffix("criterion")) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{n} {stem}criteria"),
        (_, None) => format!("{n} {noun}s"),
    }
}

fn blocked_paths(workflow: &Workflow, at: Timestamp) -> Vec<String> {
    let violations = path_violations(workflow, at);
    let blocking = violations.iter().filter(|v| v.blocks());
    blocking
        .map(|v| format!("{}: {} {} {}", v.id(), v.message, v.remedy, v.other_way_out()))
        .collect()
}

/// What the plan's paths break, with what is waived for this plan.
fn path_violations(workflow: &Workflow, at: Timestamp) -> Vec<Violation> {
    let digest = workflow
        .plan_digest
        .expect("because policy looks at a recorded plan");
    let of = |repo: &PinnedRepo| {
        let paths = planned_paths(workflow, &repo.repository);
        policy::evaluate_paths(&repo.policy, &repo.repository, &paths, digest)
    };
    let mut violations: Vec<Violation> = workflow.repositories.iter().flat_map(of).collect();
    policy::waive(&mut violations, &workflow.waivers, at);
    violations
}

/// All paths that the plan names in one repository.
pub(super) fn planned_paths(workflow: &Workflow, repository: &RepositoryId) -> Vec<RepoPath> {
    let steps = workflow
        .plan
        .iter()
        .flat_map(|p| &p.steps)
        .filter(|s| s.repository == *repository);
    let paths: BTreeSet<RepoPath> = steps.flat_map(|s| &s.paths).map(|p| p.path.clone()).collect();
    paths.into_iter().collect()
}

/// The tier that the planned paths alone show; the diff's tier replaces it when it is there.
fn planned_tier(workflow: &Workflow) -> RiskTier {
    let touched: Vec<_> = workflow
        .repositories
        .iter()
        .map(|r| (r.repository.clone(), planned_paths(workflow, &r.repository)))
        .filter(|(_, paths)| !paths.is_empty())
        .collect();
    match follows_a_stranger(workflow) {
        true => RiskTier::High,
        false => policy::planned_risk_tier(&touched).tier,
    }
}

/// Whether a human has to approve the plan. A solo member approves the content itself right after, so the floor's
/// word is not asked of them; a policy that says it explicitly is.
pub(super) fn needs_plan_approval(workflow: &Workflow, tier: RiskTier, roster: &Roster) -> bool {
    workflow.repositories.iter().any(|r| {
        match (r.policy.plan_approval.value, r.policy.plan_approval.source) {
            (PlanApproval::Always, _) => true,
            (PlanApproval::HighRisk, PolicySource::Floor) => tier == RiskTier::High && !roster.is_solo(),
            (
                PlanApproval::HighRisk,
                PolicySource::Organisation
                | PolicySource::DefaultBranch
                | PolicySource::Base
                | PolicySource::Protection,
            ) => tier == RiskTier::High,
        }
    })
}

/// A human said yes to the plan.
pub(super) fn plan_approved(turn: &mut Turn, roster: &Roster) {
    turn.close_all(RequestStatus::Approved);
    if turn.workflow.drafts.is_empty() {
        return pass_gate(turn, roster);
    }
    let tier = turn
        .workflow
        .tier
        .expect("because drafts are judged before the plan is asked about again");
    let blocked = blocked_paths(&turn.workflow, turn.at);
    let checks = plan_checks(&turn.workflow, &blocked, roster);
    match turn.judge(GateId::Plan, checks) {
        Ok(()) => {
            turn.emit(Event::PlanAccepted { tier });
            turn.enter(State::Reviewing, "the plan was approved under the higher tier");
            turn.request(Effect::Critique);
        }
        Err(failures) => turn.ask(QuestionKind::PlanRefused, failures, ResumePoint::Planning),
    }
}
