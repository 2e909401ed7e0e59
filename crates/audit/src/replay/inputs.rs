//! From the events of a step back to the input that can have led to it.
//!
//! Everything that `decide` takes from an input it records; the few things that leave no trace of their own follow
//! from what is recorded (a path that was found as planned, the words of a failure in its question). Where two inputs
//! are thinkable both are given; a wrong guess only fails the comparison.

use countersign_core::act::SignedAct;
use countersign_core::artifact::{AgentRole, PathExpectation, Plan};
use countersign_core::commit_signature::{SignedCommits, take};
use countersign_core::feedback::{AgentSpec, Feedback, RepoSelection};
use countersign_core::id::{EffectId, Fence, InputId, MemberId};
use countersign_core::member::Roster;
use countersign_core::patch_set::PatchSet;
use countersign_core::question::{DETAILS_MAX, Question, QuestionKind};
use countersign_core::record::EventRecord;
use countersign_core::workflow::event::{AgentRun, Subject};
use countersign_core::workflow::input::{PathLookup, Refused};
use countersign_core::workflow::{Effect, EffectResult, Event, Input, Submission, Workflow};

/// An input that can have led to a step.
pub(super) enum Candidate {
    /// The first one of a workflow.
    Start(Box<Submission>),
    /// Any other.
    Input(Box<Input>),
}

/// All inputs that can have led to a step that begins like this.
pub(super) fn candidates(workflow: &Workflow, now: &[&EventRecord]) -> Vec<Candidate> {
    let events: Vec<&Event> = now.iter().map(|r| &r.event).collect();
    let (roster, lead) = match events.as_slice() {
        [Event::RosterRecorded { roster }, rest @ ..] => (roster.clone(), rest),
        all => (recorded_roster(workflow), all),
    };
    let Some((first, rest)) = lead.split_first() else {
        return Vec::new();
    };
    if let Some(submission) = submission(first) {
        return vec![Candidate::Start(Box::new(submission))];
    }
    if let Some(act) = act_of(first) {
        let input = InputId::from_parts(0, 0);
        let act = act.clone();
        return vec![input_of(Input::Act { input, act, roster })];
    }
    if let Event::Reconciled { epoch, branches } = first {
        let (epoch, branches) = (*epoch, branches.clone());
        return vec![input_of(Input::Reconciling {
            epoch,
            branches,
            roster,
        })];
    }
    let Some((id, effect)) = &workflow.outstanding else {
        return vec![input_of(Input::TimePassed)];
    };
    let mut found: Vec<Candidate> = results(effect, first, rest, &roster)
        .into_iter()
        .map(|result| of_effect(id, result))
        .collect();
    if let Event::AttemptStarted { attempt } = first {
        found.push(starting(id, attempt));
    }
    if let (Event::AttemptEnded { .. }, Some(Event::AttemptStarted { attempt })) = (first, rest.first()) {
        found.push(starting(id, attempt));
    }
    found.extend(calls(id, first, rest));
    found.push(input_of(Input::TimePassed));
    found
}

/// A call that begins or ends, or that did not fit into the budget: then only the question is recorded, and which role was
/// to be asked is in its words.
fn calls(id: &EffectId, first: &Event, rest: &[&Event]) -> Vec<Candidate> {
    let starting = |role, fence| {
        let id = id.clone();
        input_of(Input::AgentCallStarting { id, role, fence })
    };
    if let Event::AgentCallReserved { reservation } = first {
        return vec![starting(reservation.role, reservation.fence)];
    }
    if let Event::AgentCallEnded { number, took_ms } = first {
        let (id, number, took_ms) = (id.clone(), *number, *took_ms);
        return vec![input_of(Input::AgentCallEnded { id, number, took_ms })];
    }
    let all = || std::iter::once(first).chain(rest.iter().copied());
    if question(all()).is_none_or(|q| q.kind != QuestionKind::BudgetSpent) {
        return Vec::new();
    }
    let roles = [
        AgentRole::Triage,
        AgentRole::Architect,
        AgentRole::Planner,
        AgentRole::Coder,
        AgentRole::Critic,
    ];
    roles.into_iter().map(|role| starting(role, Fence(0))).collect()
}

fn input_of(input: Input) -> Candidate {
    Candidate::Input(Box::new(input))
}

fn of_effect(id: &EffectId, result: EffectResult) -> Candidate {
    let id = id.clone();
    input_of(Input::Effect { id, result })
}

fn starting(id: &EffectId, attempt: &countersign_core::workflow::event::Attempt) -> Candidate {
    let (id, attempt) = (id.clone(), attempt.clone());
    input_of(Input::AttemptStarting { id, attempt })
}

/// The roster that counts where a step records no new one.
fn recorded_roster(workflow: &Workflow) -> Roster {
    workflow.roster.clone().unwrap_or(Roster {
        members: Vec::new(),
        keys: std::collections::BTreeMap::new(),
    })
}

/// The submission that the first event of a workflow records.
pub(crate) fn submission(first: &Event) -> Option<Submission> {
    let Event::WorkflowStarted {
        feedback,
        repositories,
        agent,
        started_by,
        attendance,
        again,
        metadata,
        budget,
        signature,
    } = first
    else {
        return None;
    };
    let (feedback, repositories, agent, started_by): (Feedback, Vec<RepoSelection>, AgentSpec, MemberId) = (
        feedback.clone(),
        repositories.clone(),
        agent.clone(),
        started_by.clone(),
    );
    Some(Submission {
        feedback,
        repositories,
        agent,
        started_by,
        attendance: *attendance,
        again: *again,
        metadata: metadata.clone(),
        budget: *budget,
        signature: signature.clone(),
    })
}

/// The act that an event records.
pub(crate) fn act_of(event: &Event) -> Option<&SignedAct> {
    match event {
        Event::ApprovalGiven { approval } => Some(&approval.act),
        Event::RejectionGiven { act }
        | Event::ChangesRequested { act }
        | Event::AnswerGiven { act }
        | Event::PatchesDeselected { act, .. }
        | Event::WaiverGiven { act, .. }
        | Event::ApprovalsWithdrawn { act }
        | Event::ActTaken { act } => Some(act),
        Event::WorkflowStarted { .. }
        | Event::StateEntered { .. }
        | Event::RosterRecorded { .. }
        | Event::EffectRequested { .. }
        | Event::RefsLookedUp { .. }
        | Event::GateEvaluated { .. }
        | Event::ContextLoaded { .. }
        | Event::AgentCalled { .. }
        | Event::TriageRecorded { .. }
        | Event::PlanRecorded { .. }
        | Event::AnswerRefused { .. }
        | Event::DraftsRecorded { .. }
        | Event::CritiqueRecorded { .. }
        | Event::PolicyEvaluated { .. }
        | Event::TierComputed { .. }
        | Event::PlanAccepted { .. }
        | Event::LedgerSealed { .. }
        | Event::PatchSetsFixed { .. }
        | Event::RequestOpened { .. }
        | Event::RequestClosed { .. }
        | Event::ApprovalsVoided { .. }
        | Event::RevisionStarted { .. }
        | Event::BasesChecked { .. }
        | Event::IntentsRecorded { .. }
        | Event::AttemptStarted { .. }
        | Event::AttemptEnded { .. }
        | Event::PullRequestsSkipped { .. }
        | Event::BranchRetracted { .. }
        | Event::ChecksAwaited { .. }
        | Event::MergeAwaited { .. }
        | Event::MergesRead { .. }
        | Event::ChecksRead { .. }
        | Event::FixRoundBegun {}
        | Event::PullRequestClosed { .. }
        | Event::Reconciled { .. }
        | Event::WorkflowEnded { .. }
        | Event::AgentCallReserved { .. }
        | Event::AgentCallEnded { .. } => None,
    }
}

/// What the outstanding effect can have found out.
fn results(effect: &Effect, first: &Event, rest: &[&Event], roster: &Roster) -> Vec<EffectResult> {
    let all = || std::iter::once(first).chain(rest.iter().copied());
    let mut found = Vec::new();
    match effect {
        // Both are put together where they are compared in part.
        Effect::LookUpRefs | Effect::LoadContext => {
            found.extend(super::masked::result(first, rest, roster));
        }
        Effect::Triage => found.extend(triaged(first, rest)),
        Effect::Plan => found.extend(planned(first, rest, roster)),
        Effect::Draft => found.extend(drafted(first, rest)),
        Effect::Narrow => found.extend(narrowed(first, all())),
        Effect::Critique => found.extend(critiqued(first, rest, roster)),
        Effect::SealLedger { .. } => {
            if let Event::LedgerSealed { checkpoint, .. } = first {
                let (checkpoint, roster) = (checkpoint.clone(), roster.clone());
                found.push(EffectResult::Sealed {
                    checkpoint,
                    roster,
                    signed: signed(rest),
                });
            }
        }
        Effect::CheckBases => {
            if let Event::BasesChecked { standings } = first {
                let (standings, roster) = (standings.clone(), roster.clone());
                found.push(EffectResult::BasesChecked { standings, roster });
            }
        }
        Effect::WriteBranch { .. } | Effect::OpenPullRequest { .. } => {
            if let Event::AttemptEnded {
                intent,
                number,
                outcome,
            } = first
            {
                let (intent, number, outcome) = (intent.clone(), *number, outcome.clone());
                found.push(EffectResult::WriteEnded {
                    intent,
                    number,
                    outcome,
                });
            }
        }
        Effect::RetractBranch { .. } => {
            if let Event::BranchRetracted { intent, deleted } = first {
                let (intent, deleted) = (intent.clone(), *deleted);
                found.push(EffectResult::Retracted { intent, deleted });
            }
        }
        Effect::ReadChecks => {
            if let Event::ChecksRead { repositories } = first {
                let repositories = repositories.clone();
                found.push(EffectResult::ChecksRead { repositories });
            }
        }
        Effect::ReadMerges => {
            if let Event::MergesRead { repositories } = first {
                let repositories = repositories.clone();
                found.push(EffectResult::MergesRead { repositories });
            }
        }
        Effect::ClosePullRequest { .. } => {
            if let Event::PullRequestClosed { intent, closed } = first {
                let (intent, closed) = (intent.clone(), *closed);
                found.push(EffectResult::PullRequestClosed { intent, closed });
            }
        }
    }
    found.push(gave_up(effect, all()));
    found
}

/// The signatures that stand in the commits which were fixed at that step, if any does.
fn signed(rest: &[&Event]) -> Option<SignedCommits> {
    let patch_sets = rest.iter().find_map(|event| {
        if let Event::PatchSetsFixed { patch_sets } = event {
            Some(patch_sets)
        } else {
            None
        }
    })?;
    let first = patch_sets.iter().find_map(|p| p.manifest.signature.as_ref())?;
    let signature = |p: &PatchSet| {
        let (_, armour) = take(&p.manifest.commit_bytes)?;
        Some((p.repository.clone(), armour))
    };
    Some(SignedCommits {
        committer: first.committer.clone(),
        at: first.at,
        signatures: patch_sets.iter().filter_map(signature).collect(),
    })
}

fn run_of(event: &Event) -> Option<&AgentRun> {
    if let Event::AgentCalled { run } = event {
        Some(run)
    } else {
        None
    }
}

/// The reasons of the first refused answer.
fn refused<'a>(mut events: impl Iterator<Item = &'a Event>) -> Option<Refused> {
    events.find_map(|event| {
        if let Event::AnswerRefused { reasons, .. } = event {
            let reasons = reasons.clone();
            Some(Refused { reasons })
        } else {
            None
        }
    })
}

fn triaged(first: &Event, rest: &[&Event]) -> Option<EffectResult> {
    let run = run_of(first)?.clone();
    let answer = match rest.first() {
        Some(Event::TriageRecorded { decision }) => Ok(decision.clone()),
        _other => Err(refused(rest.iter().copied())?),
    };
    Some(EffectResult::Triaged { run, answer })
}

fn planned(first: &Event, rest: &[&Event], roster: &Roster) -> Option<EffectResult> {
    let all = || std::iter::once(first).chain(rest.iter().copied());
    let runs: Vec<AgentRun> = all().map_while(run_of).cloned().collect();
    let answer = match all().nth(runs.len()) {
        Some(Event::PlanRecorded {
            architecture, plan, ..
        }) => Ok((architecture.clone(), plan.clone(), found_as_planned(plan))),
        _other => Err(refused(all())?),
    };
    let roster = roster.clone();
    Some(EffectResult::Planned { runs, answer, roster })
}

/// A plan is recorded only if every path was found as it says.
fn found_as_planned(plan: &Plan) -> Vec<PathLookup> {
    let steps = plan.steps.iter();
    let lookup = |step: &countersign_core::artifact::Step| {
        let repository = step.repository.clone();
        let paths = step.paths.clone().into_iter();
        paths.map(move |planned| PathLookup {
            repository: repository.clone(),
            exists: planned.expectation == PathExpectation::Exists,
            path: planned.path,
        })
    };
    steps.flat_map(lookup).collect()
}

fn drafted(first: &Event, rest: &[&Event]) -> Option<EffectResult> {
    let run = run_of(first)?.clone();
    let answer = match rest.first() {
        Some(Event::DraftsRecorded { drafts }) => Ok(drafts.clone()),
        _other => Err(refused(rest.iter().copied())?),
    };
    Some(EffectResult::Drafted { run, answer })
}

fn narrowed<'a>(first: &Event, all: impl Iterator<Item = &'a Event>) -> Vec<EffectResult> {
    if let Event::DraftsRecorded { drafts } = first {
        let answer = Ok(drafts.clone());
        return vec![EffectResult::Narrowed { answer }];
    }
    let Some(question) = question(all) else {
        return Vec::new();
    };
    let reasons = whole(&question.details);
    vec![
        EffectResult::Narrowed { answer: Ok(vec![]) },
        EffectResult::Narrowed {
            answer: Err(Refused { reasons }),
        },
    ]
}

fn critiqued(first: &Event, rest: &[&Event], roster: &Roster) -> Option<EffectResult> {
    let run = run_of(first)?.clone();
    let answer = match rest.first() {
        Some(Event::CritiqueRecorded { critique }) => Ok(critique.clone()),
        _other => Err(refused(rest.iter().copied())?),
    };
    let roster = roster.clone();
    Some(EffectResult::Critiqued { run, answer, roster })
}

/// The question that a step opens.
fn question<'a>(mut events: impl Iterator<Item = &'a Event>) -> Option<&'a Question> {
    events.find_map(|event| {
        if let Event::RequestOpened { request, .. } = event
            && let Subject::Question { question, .. } = &request.subject
        {
            Some(question)
        } else {
            None
        }
    })
}

/// As many reasons as a question was cut from: of those left out only the number is known, and only it shows.
fn whole(details: &[String]) -> Vec<String> {
    let mut reasons = details.to_vec();
    if reasons.len() != DETAILS_MAX + 1 {
        return reasons;
    }
    let last = reasons.pop().unwrap_or_default();
    let number = last.strip_prefix("… and ").and_then(|t| t.strip_suffix(" more"));
    let left_out: usize = number.and_then(|n| n.parse().ok()).unwrap_or(1);
    // More than a thousand would only be a waste of memory; then the comparison fails.
    reasons.resize(DETAILS_MAX + left_out.min(1_000), String::new());
    reasons
}

/// Every try failed: code and words are in the question, `kind: words (code)`.
fn gave_up<'a>(effect: &Effect, all: impl Iterator<Item = &'a Event>) -> EffectResult {
    let said = question(all).and_then(|q| q.details.first());
    let words = said.and_then(|text| text.strip_prefix(&format!("{}: ", effect.kind())));
    let parts = words.and_then(|w| w.strip_suffix(')')?.rsplit_once(" ("));
    let (detail, code) = parts.unwrap_or_default();
    EffectResult::GaveUp {
        code: code.to_owned(),
        detail: detail.to_owned(),
    }
}
