//! CI on exactly what was written: gate 5, over all repositories together.
//!
//! Required checks come from policy, by app and name. Absent, skipped, neutral, stale, cancelled and timed out are not
//! success, and nothing that is missing ever becomes a pass (INV-8). What a human changed about a branch or a pull
//! request of ours ends the verification: it would be about something else (hazards 4, 17, 46).

use super::event::{AttemptOutcome, Event, ReadHead, ResumePoint, WriteIntent};
use super::human::rounds_spent;
use super::pull_requests::{has_one, opened, why_not_ours};
use super::turn::Turn;
use super::writing::retract_next;
use super::{Effect, Refusal, State, Workflow, merging};
use crate::feedback::AgentSpec;
use crate::forge::{CheckRun, CheckState, FailedCheck, PullRequest, PullRequestState, RequiredCheck};
use crate::gate::{self, Check, CheckId, GateId};
use crate::id::{AccountId, RepositoryId};
use crate::policy::{CI_DEADLINE_MINUTES, CiDemand};
use crate::question::QuestionKind;

/// Every pull request is open: CI is waited for, unless every policy says that none is required.
pub(super) fn begin(turn: &mut Turn) {
    let unasked = |i: &WriteIntent| demand(&turn.workflow, &i.repository) == CiDemand::NotRequired;
    if turn.workflow.intents.iter().filter(|i| has_one(i)).all(unasked) {
        let ci = gate::not_required(GateId::Ci, turn.workflow.revision, "CI: not required by policy");
        turn.emit(Event::GateEvaluated { result: ci });
        let reason = "every approved branch is written and has its pull request; policy requires no CI";
        return merging::begin(turn, reason);
    }
    turn.enter(State::VerifyingCi, "every pull request is open and read back");
    let waits = |i: &WriteIntent| deadline_ms(&turn.workflow, &i.repository);
    let longest = turn
        .workflow
        .intents
        .iter()
        .filter(|i| has_one(i))
        .map(waits)
        .max();
    let until = turn
        .at
        .plus_ms(longest.unwrap_or(u64::from(CI_DEADLINE_MINUTES) * 60_000));
    turn.emit(Event::ChecksAwaited {
        since: turn.at,
        until,
    });
    turn.request(Effect::ReadChecks);
}

fn demand<'w>(workflow: &'w Workflow, repository: &RepositoryId) -> CiDemand<'w> {
    let pinned = workflow.repositories.iter().find(|r| r.repository == *repository);
    pinned.map_or(CiDemand::Unsaid, |r| r.policy.ci_demand())
}

fn deadline_ms(workflow: &Workflow, repository: &RepositoryId) -> u64 {
    let pinned = workflow.repositories.iter().find(|r| r.repository == *repository);
    pinned.map_or(0, |r| r.policy.ci_deadline_ms())
}

/// The checks that policy and the base's protection require of a repository.
pub fn required(workflow: &Workflow, repository: &RepositoryId) -> Vec<RequiredCheck> {
    match demand(workflow, repository) {
        CiDemand::Checks(checks) => checks.iter().map(|c| c.value.clone()).collect(),
        CiDemand::NotRequired | CiDemand::Unsaid => Vec::new(),
    }
}

/// Of all runs on a commit those whose name is asked for, whoever posted them: what a story needs to tell.
/// Words are kept of those only that count.
pub fn of_required_names(required: &[RequiredCheck], mut runs: Vec<CheckRun>) -> Vec<CheckRun> {
    runs.retain(|run| required.iter().any(|r| r.name == run.name));
    for run in &mut runs {
        if !required.iter().any(|r| r.is_met_by(run)) {
            run.said = None;
        }
    }
    runs
}

/// What was read, as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outlook {
    /// A human changed what is verified: where and how.
    Moved(Vec<String>),
    /// All that is required succeeded on exactly what was written.
    Green,
    /// Something required has ended, and not with success.
    Red,
    /// Something required has not ended, or is not there yet.
    Waiting,
}

/// How verification stands.
pub fn outlook(workflow: &Workflow, heads: &[ReadHead]) -> Outlook {
    let moved = moved(workflow, heads);
    if !moved.is_empty() {
        return Outlook::Moved(moved);
    }
    let judged: Vec<Standing> = standings(workflow, heads).into_iter().map(|(s, _)| s).collect();
    if judged.contains(&Standing::Ended) {
        Outlook::Red
    } else if judged.contains(&Standing::Open) {
        Outlook::Waiting
    } else {
        Outlook::Green
    }
}

/// Another change is wanted: before anything is taken out of play it is looked whether a human touched it since the last look.
pub(super) fn look_before_fixing(turn: &mut Turn) {
    turn.enter(
        State::VerifyingCi,
        "what is written is looked at before it is taken out of play",
    );
    turn.request(Effect::ReadChecks);
}

/// What was read is judged: at once where it is conclusive, else at the deadline.
pub(super) fn checks_read(turn: &mut Turn, heads: Vec<ReadHead>) -> Result<(), Refusal> {
    let outlook = outlook(&turn.workflow, &heads);
    if turn.workflow.fixing.is_some() && !turn.workflow.cancelling {
        turn.emit(Event::ChecksRead { repositories: heads });
        match outlook {
            Outlook::Moved(details) => turn.ask(QuestionKind::HeadMoved, details, ResumePoint::VerifyingCi),
            Outlook::Green | Outlook::Red | Outlook::Waiting => retract_next(turn),
        }
        return Ok(());
    }
    let over = turn
        .workflow
        .checks_awaited
        .is_none_or(|(_, until)| until <= turn.at);
    if outlook == Outlook::Waiting && !over {
        return Err(Refusal::StillRunning);
    }
    let checks = standings(&turn.workflow, &heads)
        .into_iter()
        .map(|(_, check)| check);
    let checks: Vec<Check> = checks.collect();
    turn.emit(Event::ChecksRead {
        repositories: heads.clone(),
    });
    if let Outlook::Moved(details) = outlook {
        turn.ask(QuestionKind::HeadMoved, details, ResumePoint::VerifyingCi);
        return Ok(());
    }
    match turn.judge(GateId::Ci, checks) {
        Ok(()) => merging::begin(
            turn,
            "every approved branch has its pull request, and its required checks succeeded",
        ),
        Err(_) if may_fix(&turn.workflow) => {
            turn.emit(Event::FixRoundBegun {});
            retract_next(turn);
        }
        Err(failures) => turn.ask(QuestionKind::CiNotGreen, failures, ResumePoint::VerifyingCi),
    }
    Ok(())
}

/// Whether the agent tries again without anybody being asked whether it should: what it makes needs approvals of its own. One
/// that only follows rules would make the same again, and a check that was cancelled or is stale says nothing of the code.
fn may_fix(workflow: &Workflow) -> bool {
    let answers_anew = match workflow.submission.as_ref().map(|s| &s.agent) {
        Some(AgentSpec::Scripted { .. } | AgentSpec::Command { .. }) => true,
        Some(AgentSpec::Codemod | AgentSpec::Diff { .. }) | None => false,
    };
    let by_code = |f: &FailedCheck| f.run.state == CheckState::Failure;
    answers_anew && !rounds_spent(workflow) && failed(workflow).iter().any(by_code)
}

/// The runs of required checks that ended without success, as they were last read.
pub(super) fn failed(workflow: &Workflow) -> Vec<FailedCheck> {
    let mut failed = Vec::new();
    for head in &workflow.heads {
        let ended =
            |run: &&CheckRun| run.state != CheckState::Pending && !lets_pass(workflow, &head.repository, run);
        let required = required(workflow, &head.repository);
        let of_it = |run: &&CheckRun| required.iter().any(|r| r.is_met_by(run));
        let runs = head.checks.iter().filter(of_it).filter(ended).cloned();
        failed.extend(runs.map(|run| FailedCheck {
            repository: head.repository.clone(),
            run,
        }));
    }
    failed
}

/// Where a branch or a pull request is not as we left it. What is not seen at all is no evidence of anything.
fn moved(workflow: &Workflow, heads: &[ReadHead]) -> Vec<String> {
    let mut moved = Vec::new();
    for intent in workflow.intents.iter().filter(|i| has_one(i)) {
        let Some(head) = heads.iter().find(|h| h.repository == intent.repository) else {
            continue;
        };
        let name = workflow.repository_name(&intent.repository);
        let merged = is_merged(workflow, head);
        let elsewhere = head
            .branch
            .as_ref()
            .filter(|now| **now != intent.commit && !merged);
        if let Some(now) = elsewhere {
            moved.push(format!(
                "{name}: somebody pushed to {}: it holds {} and {} was approved",
                intent.branch,
                now.short(),
                intent.commit.short()
            ));
        }
        let as_open = |found: &PullRequest| PullRequest {
            state: if merged {
                PullRequestState::Open
            } else {
                found.state
            },
            ..found.clone()
        };
        if let Some(found) = head.pull_request.as_ref().map(as_open)
            && let Some(why) = why_not_ours(workflow, intent, account(workflow, intent), &found)
        {
            moved.push(format!("{name}: pull request #{} {why}", found.number));
        }
    }
    moved
}

/// Whether somebody merged before CI was looked at, where a merge is waited for: what landed is judged after CI.
fn is_merged(workflow: &Workflow, head: &ReadHead) -> bool {
    let shown = head.pull_request.as_ref();
    merging::is_awaited(workflow) && shown.is_some_and(|p| p.state == PullRequestState::Merged)
}

/// The account under which its pull request was opened.
pub(super) fn account(workflow: &Workflow, intent: &WriteIntent) -> AccountId {
    let operation = intent.id.pull_request();
    let mut outcomes = workflow
        .attempts
        .iter()
        .rev()
        .filter(|(a, _)| a.intent == operation);
    let opened = outcomes.find_map(|(_, outcome)| match outcome {
        Some(AttemptOutcome::Opened { account, .. }) => Some(*account),
        _other => None,
    });
    opened.unwrap_or(AccountId(0))
}

/// How one thing that is required stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Succeeded,
    Ended,
    Open,
}

/// Everything that gate 5 looks at, with how it stands.
fn standings(workflow: &Workflow, heads: &[ReadHead]) -> Vec<(Standing, Check)> {
    let mut all = Vec::new();
    for intent in workflow.intents.iter().filter(|i| has_one(i)) {
        let head = heads.iter().find(|h| h.repository == intent.repository);
        let name = workflow.repository_name(&intent.repository);
        all.push(seen_unmoved(workflow, intent, head, &name));
        match demand(workflow, &intent.repository) {
            CiDemand::NotRequired => {}
            CiDemand::Unsaid => {
                let detail =
                    format!("{name}: policy names no check of CI, and does not say that none is required");
                let check = Check::new(CheckId::CiRequired, false, detail);
                all.push((Standing::Ended, check.about(&intent.repository)));
            }
            CiDemand::Checks(required) => {
                let runs = head.map(|h| h.checks.as_slice()).unwrap_or_default();
                let passes = |run: &CheckRun| lets_pass(workflow, &intent.repository, run);
                all.extend(
                    required
                        .iter()
                        .map(|r| one(intent, &r.value, runs, &passes, &name)),
                );
            }
        }
    }
    all
}

fn seen_unmoved(
    workflow: &Workflow,
    intent: &WriteIntent,
    head: Option<&ReadHead>,
    name: &str,
) -> (Standing, Check) {
    let number = opened(workflow, &intent.id).map(|p| p.number);
    let branch = head.and_then(|h| h.branch.as_ref());
    let shown = head.and_then(|h| h.pull_request.as_ref()).map(|p| p.number);
    let holds = branch == Some(&intent.commit) || head.is_some_and(|h| is_merged(workflow, h));
    let seen = holds && shown.is_some() && shown == number;
    let (standing, detail) = if seen {
        let number = number.map(|n| n.to_string()).unwrap_or_default();
        let commit = intent.commit.short();
        let detail = format!("{name}: branch and pull request #{number} hold exactly {commit}");
        (Standing::Succeeded, detail)
    } else {
        let detail = format!("{name}: the branch or its pull request is not to be seen");
        (Standing::Open, detail)
    };
    let check = Check::new(CheckId::HeadUnmoved, seen, detail);
    (standing, check.about(&intent.repository))
}

/// Whether policy takes that run for a yes.
fn lets_pass(workflow: &Workflow, repository: &RepositoryId, run: &CheckRun) -> bool {
    let mut pinned = workflow.repositories.iter();
    let of_it = pinned.find(|r| r.repository == *repository);
    of_it.is_some_and(|r| r.policy.lets_pass(run))
}

/// One required check: every run of it by that app on exactly that commit has to have ended as policy lets it.
fn one(
    intent: &WriteIntent,
    required: &RequiredCheck,
    runs: &[CheckRun],
    passes: &dyn Fn(&CheckRun) -> bool,
    name: &str,
) -> (Standing, Check) {
    let named: Vec<&CheckRun> = runs
        .iter()
        .filter(|r| r.name == required.name && r.head == intent.commit)
        .collect();
    let of_app: Vec<&CheckRun> = named.iter().copied().filter(|r| required.is_met_by(r)).collect();
    let at = intent.commit.short();
    let mut with_no_yes = of_app.iter().filter(|r| r.state != CheckState::Success);
    let ended = of_app
        .iter()
        .find(|r| !passes(r) && r.state != CheckState::Pending);
    let (standing, detail) = if let Some(run) = ended {
        (
            Standing::Ended,
            format!("{name}: {required} on {at}: {}", run.state.as_str()),
        )
    } else if of_app.iter().any(|r| r.state == CheckState::Pending) {
        (
            Standing::Open,
            format!("{name}: {required} on {at} has not ended"),
        )
    } else if let Some(run) = with_no_yes.next() {
        let state = run.state.as_str();
        (
            Standing::Succeeded,
            format!("{name}: {required} on {at}: {state}, which policy accepts"),
        )
    } else if !of_app.is_empty() {
        (
            Standing::Succeeded,
            format!("{name}: {required} succeeded on {at}"),
        )
    } else if let Some(other) = named.first() {
        let detail = format!(
            "{name}: {required} is missing on {at}; a check of that name by {} does not count",
            other.app
        );
        (Standing::Open, detail)
    } else {
        (Standing::Open, format!("{name}: {required} is missing on {at}"))
    };
    let check = Check::new(CheckId::CiRequired, standing == Standing::Succeeded, detail);
    (standing, check.about(&intent.repository))
}
