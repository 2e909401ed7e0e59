//! Drafts, critic and policy: gate 2.

use super::effect::SealPurpose;
use super::event::{AgentRun, Event, ResumePoint};
use super::input::Refused;
use super::planning::{ask_for_plan, count, needs_plan_approval, planned_paths, refuse};
use super::turn::Turn;
use super::{Effect, State, Workflow};
use crate::artifact::{AgentRole, Critique};
use crate::feedback::{AgentSpec, UNTRUSTED, WORDS_OF};
use crate::gate::{Check, CheckId, GateId};
use crate::member::Roster;
use crate::outbound::secrets_in;
use crate::patch_set::{Draft, SecondOpinion, SecondOutcome};
use crate::path::RepoPath;
use crate::policy::{self, RiskTier, RuleId, TierReport, Violation};
use crate::proposal;
use crate::question::QuestionKind;
use crate::time::Timestamp;
use std::collections::BTreeSet;

pub(super) fn drafted(turn: &mut Turn, run: AgentRun, answer: Result<Vec<Draft>, Refused>) {
    turn.emit(Event::AgentCalled { run });
    match answer {
        Ok(drafts) if drafts.is_empty() => {
            let reasons = vec!["the proposal changes nothing in any repository".to_owned()];
            propose_again(turn, AgentRole::Coder, Refused { reasons });
        }
        Ok(drafts) => {
            let unchanged = is_unchanged(&turn.workflow.earlier_drafts, &drafts);
            turn.emit(Event::DraftsRecorded { drafts });
            if unchanged {
                let details = vec![format!(
                    "revision {} has the same result trees as the one before",
                    turn.workflow.revision
                )];
                return turn.ask(QuestionKind::ResultUnchanged, details, ResumePoint::Coding);
            }
            turn.enter(State::Reviewing, "every diff applies exactly to its pinned base");
            turn.request(Effect::Critique);
        }
        Err(refused) => propose_again(turn, AgentRole::Coder, refused),
    }
}

fn is_unchanged(earlier: &[Draft], drafts: &[Draft]) -> bool {
    let results = |drafts: &[Draft]| {
        let mut trees: Vec<_> = drafts
            .iter()
            .map(|d| (d.repository.clone(), d.diff.result_tree.clone()))
            .collect();
        trees.sort();
        trees
    };
    !earlier.is_empty() && results(earlier) == results(drafts)
}

/// Another round of coding, or a human when the rounds are spent.
fn propose_again(turn: &mut Turn, role: AgentRole, refused: Refused) {
    if turn.workflow.state != State::Coding {
        turn.enter(State::Coding, "the proposal did not pass review");
    }
    refuse(
        turn,
        role,
        refused,
        (Effect::Draft, QuestionKind::ProposalRefused, ResumePoint::Coding),
    );
}

pub(super) fn critiqued(turn: &mut Turn, run: AgentRun, answer: Result<Critique, Refused>, roster: &Roster) {
    turn.emit(Event::AgentCalled { run });
    let checked = answer.and_then(|c| match proposal::validate_critique(&c) {
        Ok(()) => Ok(c),
        Err(reasons) => Err(Refused { reasons }),
    });
    let critique = match checked {
        Ok(critique) => critique,
        Err(refused) => {
            let resume = ResumePoint::Reviewing;
            return refuse(
                turn,
                AgentRole::Critic,
                refused,
                (Effect::Critique, QuestionKind::StepFailed, resume),
            );
        }
    };
    turn.emit(Event::CritiqueRecorded { critique });
    judge_proposal(turn, roster, "the critic answered");
}

/// Policy, tier and gate 2, on drafts and critique as they are recorded; also after something was waived.
pub(super) fn judge_proposal(turn: &mut Turn, roster: &Roster, why: &str) {
    let rejections = match &turn.workflow.critique {
        Some(critique) => proposal::rejections(critique),
        None => vec!["no critic looked at it".to_owned()],
    };
    if turn.workflow.state != State::Reviewing {
        if !turn.workflow.approvals.is_empty() {
            let reason = why.to_owned();
            turn.emit(Event::ApprovalsVoided { reason });
        }
        turn.enter(State::Reviewing, why);
    }
    let violations = violations(&turn.workflow, turn.at);
    turn.emit(Event::PolicyEvaluated {
        violations: violations.clone(),
    });
    compute_tier(turn);
    let outside = outside_plan(&turn.workflow);
    let checks = checks(&turn.workflow, &violations, &outside, &rejections);
    let passed = turn.judge(GateId::Proposal, checks);
    if let Err(failures) = passed {
        return close(turn, &violations, outside, rejections, failures);
    }
    let tier = turn.workflow.tier.expect("because it was just computed");
    let risen = turn
        .workflow
        .plan_accepted_under
        .is_none_or(|accepted| tier > accepted);
    if risen && needs_plan_approval(&turn.workflow, tier, roster) {
        return ask_for_plan(
            turn,
            "the risk tier rose above the one that the plan was accepted under",
        );
    }
    turn.request(Effect::SealLedger {
        purpose: SealPurpose::BeforeApproval,
    });
}

/// Gate 2 is closed: policy goes to a human, the rest to another round.
fn close(
    turn: &mut Turn,
    violations: &[Violation],
    outside: Vec<String>,
    rejections: Vec<String>,
    failures: Vec<String>,
) {
    let blocking: Vec<String> = violations
        .iter()
        .filter(|v| v.blocks())
        .map(|v| format!("{}: {} {} {}", v.id(), v.message, v.remedy, v.other_way_out()))
        .collect();
    if !blocking.is_empty() {
        return turn.ask(QuestionKind::PolicyBlocks, blocking, ResumePoint::Coding);
    }
    let reasons: Vec<String> = outside.into_iter().chain(rejections).collect();
    let reasons = if reasons.is_empty() { failures } else { reasons };
    propose_again(turn, AgentRole::Critic, Refused { reasons });
}

pub(super) fn violations(workflow: &Workflow, at: Timestamp) -> Vec<Violation> {
    let mut all = Vec::new();
    for draft in &workflow.drafts {
        let pinned = workflow
            .repositories
            .iter()
            .find(|r| r.repository == draft.repository);
        if let Some(repo) = pinned {
            all.extend(policy::evaluate(
                &repo.policy,
                &repo.repository,
                &draft.diff,
                &draft.findings,
            ));
        }
    }
    policy::waive(&mut all, &workflow.waivers, at);
    all
}

/// Title and steps become the commit's message: neither may hold a secret, although one would be taken out there.
fn outbound_check(workflow: &Workflow) -> Check {
    let title = workflow
        .submission
        .iter()
        .map(|s| ("the title", s.feedback.title.as_str()));
    let plan = workflow.plan.iter().flat_map(|p| &p.steps);
    let steps = plan.map(|s| ("a step of the plan", s.title.as_str()));
    let mut found = Vec::new();
    for (what, text) in title.chain(steps) {
        if let Some(secret) = secrets_in(text).first() {
            found.push(format!("{what} holds what looks like a secret ({})", secret.rule));
        }
    }
    let detail = if found.is_empty() {
        "title and steps hold nothing that looks like a secret".to_owned()
    } else {
        found.join("; ")
    };
    Check::new(CheckId::OutboundClean, found.is_empty(), detail)
}

/// Two appliers that share no code have to come to the same tree.
fn second_opinion(draft: &Draft, name: &str) -> Check {
    let SecondOpinion { applier, outcome } = &draft.second_opinion;
    let (agrees, detail) = match outcome {
        SecondOutcome::Tree { tree } if *tree == draft.diff.result_tree => {
            (true, format!("{name}: {applier} gives the same tree"))
        }
        SecondOutcome::Tree { tree } => (
            false,
            format!(
                "{name}: {applier} gives tree {} instead of {}",
                tree.short(),
                draft.diff.result_tree.short()
            ),
        ),
        SecondOutcome::Refused { detail } => (false, format!("{name}: {applier} refuses it: {detail}")),
    };
    Check::new(CheckId::AppliersAgree, agrees, detail).about(&draft.repository)
}

/// The tier comes from rules over paths and diff, and it may only rise.
fn compute_tier(turn: &mut Turn) {
    let TierReport { tier, reasons } = tier_of(&turn.workflow, &turn.workflow.violations);
    turn.emit(Event::TierComputed { tier, reasons });
}

pub(super) fn tier_of(workflow: &Workflow, violations: &[Violation]) -> TierReport {
    let drafts = workflow.drafts.iter();
    let diffs: Vec<_> = drafts.map(|d| (d.repository.clone(), &d.diff)).collect();
    let mut report = policy::risk_tier(&diffs);
    let waived = violations.iter().filter(|v| v.waived_until.is_some()).count();
    let waived = (waived > 0).then(|| format!("{} let pass by a waiver.", count(waived, "broken rule")));
    // Which files CI calls is read off the base; paths alone don't tell.
    let called = violations.iter().filter(|v| v.rule == RuleId::CiCalledScript);
    let called: BTreeSet<&RepoPath> = called.filter_map(|v| v.path.as_ref()).collect();
    let called = called
        .first()
        .map(|path| format!("{} that CI runs change: {path}.", count(called.len(), "file")));
    let stranger = follows_a_stranger(workflow).then(|| {
        "What it follows was written by somebody whom the repository's people don't vouch for.".to_owned()
    });
    for reason in [waived, called, stranger].into_iter().flatten() {
        if report.tier < RiskTier::High {
            report.tier = RiskTier::High;
            report.reasons.clear();
        }
        report.reasons.push(reason);
    }
    match workflow.tier {
        Some(tier) if tier > report.tier => {
            let mut reasons = workflow.tier_reasons.clone();
            reasons.push("an earlier revision had this tier, and it may only rise".to_owned());
            reasons.dedup();
            TierReport { tier, reasons }
        }
        Some(_) | None => report,
    }
}

/// Whether the proposal was made of words of somebody whom nobody vouches for (hazard 46). A ready-made diff was not.
pub(super) fn follows_a_stranger(workflow: &Workflow) -> bool {
    workflow.submission.as_ref().is_some_and(|submission| {
        let of_words = match submission.agent {
            AgentSpec::Codemod | AgentSpec::Scripted { .. } | AgentSpec::Command { .. } => true,
            AgentSpec::Diff { .. } => false,
        };
        of_words
            && submission
                .metadata
                .get(WORDS_OF)
                .is_some_and(|of| of == UNTRUSTED)
    })
}

pub(super) fn outside_plan(workflow: &Workflow) -> Vec<String> {
    let mut outside = Vec::new();
    for draft in &workflow.drafts {
        let planned = planned_paths(workflow, &draft.repository);
        for path in draft.diff.files.iter().flat_map(|f| f.paths()) {
            if planned.binary_search(path).is_err() {
                let name = workflow.repository_name(&draft.repository);
                outside.push(format!("{name}: {path} is changed but is not in the plan"));
            }
        }
    }
    outside
}

pub(super) fn checks(
    workflow: &Workflow,
    violations: &[Violation],
    outside: &[String],
    rejections: &[String],
) -> Vec<Check> {
    let mut checks = Vec::new();
    for draft in &workflow.drafts {
        let name = workflow.repository_name(&draft.repository);
        let repo = workflow
            .repositories
            .iter()
            .find(|r| r.repository == draft.repository);
        let detail = match repo {
            Some(repo) => format!(
                "{name}: {} applied exactly to {} and gave tree {}",
                count(draft.diff.files.len(), "file"),
                repo.base.short(),
                draft.diff.result_tree.short()
            ),
            None => format!("{name} has no pinned base"),
        };
        let same_base = repo.is_some_and(|r| r.base_tree == draft.diff.base_tree);
        checks.push(Check::new(CheckId::AppliesExactly, same_base, detail).about(&draft.repository));
        checks.push(second_opinion(draft, &name));
    }
    let blocks = violations.iter().filter(|v| v.blocks()).count();
    let warns = violations.iter().filter(|v| v.needs_acknowledgement()).count();
    let waived = violations.len() - blocks - warns;
    let waived = if waived == 0 {
        String::new()
    } else {
        format!(", {waived} waived")
    };
    let say = |problems: &[String], otherwise: &str| {
        if problems.is_empty() {
            otherwise.to_owned()
        } else {
            problems.join("; ")
        }
    };
    checks.extend([
        Check::new(
            CheckId::InsidePlan,
            outside.is_empty(),
            say(outside, "every changed path is in the plan"),
        ),
        Check::new(
            CheckId::NoBlock,
            blocks == 0,
            format!(
                "{} and {}{waived}",
                count(blocks, "block"),
                count(warns, "warning")
            ),
        ),
        outbound_check(workflow),
        Check::new(
            CheckId::CriticNotRejecting,
            rejections.is_empty(),
            say(rejections, "the critic has no rejecting finding"),
        ),
    ]);
    checks
}
