//! The one door: input and state in, events and effects out. Judges; performs nothing.

use super::event::AttemptOutcome;
use super::input::{EffectResult, Input, Submission};
use super::turn::{Decision, Turn};
use super::{
    Effect, Refusal, Workflow, approving, budget, deselecting, human, intake, merging, planning, proposing,
    pull_requests, restoring, verifying, writing,
};
use crate::time::Timestamp;

/// Begins a workflow.
///
/// # Errors
/// When the submission can't be a workflow at all; gate 0 judges the rest.
pub fn start(empty: &Workflow, submission: Submission, at: Timestamp) -> Result<Decision, Refusal> {
    assert_eq!(empty.version.0, 0, "a workflow starts once");
    intake::check(&submission)?;
    let mut turn = Turn::new(empty, at);
    intake::begin(&mut turn, submission);
    Ok(turn.finish())
}

/// Judges one input.
///
/// # Errors
/// When the input changes nothing; the reason is for whoever sent it.
pub fn decide(workflow: &Workflow, input: Input, at: Timestamp) -> Result<Decision, Refusal> {
    if workflow.state.is_final() {
        return Err(Refusal::Ended(workflow.state));
    }
    if workflow.submission.is_none() {
        return Err(Refusal::NotStarted);
    }
    let mut turn = Turn::new(workflow, at);
    match input {
        Input::Effect { id, result } => {
            let effect = turn.expect(&id)?;
            if let Some(roster) = result.roster() {
                turn.see(roster);
            }
            budget::check_runs(&turn.workflow, &id, result.runs())?;
            take_result(&mut turn, &effect, result)?;
        }
        Input::AttemptStarting { id, attempt } => {
            let effect = turn.expect(&id)?;
            writing::attempt_starting(&mut turn, &effect, attempt)?;
        }
        Input::Act { act, roster, .. } => {
            turn.see(&roster);
            human::act(&mut turn, act, &roster)?;
        }
        Input::Reconciling {
            epoch,
            branches,
            roster,
        } => {
            restoring::reconcile(&mut turn, epoch, branches, &roster)?;
        }
        Input::TimePassed => approving::time_passed(&mut turn)?,
        Input::AgentCallStarting { id, role, fence } => {
            let effect = turn.expect(&id)?;
            budget::call_starting(&mut turn, (id, &effect), role, fence)?;
        }
        Input::AgentCallEnded { id, number, took_ms } => {
            turn.expect(&id)?;
            budget::call_ended(&mut turn, &id, number, took_ms)?;
        }
    }
    Ok(turn.finish())
}

fn take_result(turn: &mut Turn, effect: &Effect, result: EffectResult) -> Result<(), Refusal> {
    match (effect, result) {
        (_, EffectResult::GaveUp { code, detail }) => writing::gave_up(turn, effect, &code, &detail),
        (
            Effect::LookUpRefs,
            EffectResult::RefsLookedUp {
                repositories,
                policies,
                protections,
                organisation,
                duplicate_of,
                roster,
            },
        ) => {
            let found = intake::Found {
                policies,
                protections,
                organisation,
                duplicate_of,
                roster,
            };
            intake::refs_looked_up(turn, repositories, &found);
        }
        (
            Effect::LoadContext,
            EffectResult::ContextLoaded {
                repositories,
                organisation,
                context,
            },
        ) => {
            intake::context_loaded(turn, repositories, organisation.as_deref(), context);
        }
        (Effect::Triage, EffectResult::Triaged { run, answer }) => planning::triaged(turn, run, answer),
        (Effect::Plan, EffectResult::Planned { runs, answer, roster }) => {
            planning::planned(turn, runs, answer, &roster);
        }
        (Effect::Draft, EffectResult::Drafted { run, answer }) => proposing::drafted(turn, run, answer),
        (Effect::Narrow, EffectResult::Narrowed { answer }) => deselecting::narrowed(turn, answer),
        (Effect::Critique, EffectResult::Critiqued { run, answer, roster }) => {
            proposing::critiqued(turn, run, answer, &roster);
        }
        (
            Effect::SealLedger { purpose },
            EffectResult::Sealed {
                checkpoint,
                roster,
                signed,
            },
        ) => {
            approving::sealed(turn, *purpose, checkpoint, &roster, signed.as_ref());
        }
        (Effect::CheckBases, EffectResult::BasesChecked { standings, roster }) => {
            writing::bases_checked(turn, standings, &roster);
        }
        (
            Effect::WriteBranch { intent },
            EffectResult::WriteEnded {
                intent: of,
                number,
                outcome,
            },
        ) if *intent == of && !matches!(outcome, AttemptOutcome::Opened { .. }) => {
            writing::write_ended(turn, &of, number, outcome);
        }
        (
            Effect::OpenPullRequest { intent },
            EffectResult::WriteEnded {
                intent: of,
                number,
                outcome,
            },
        ) if of == intent.pull_request() && !matches!(outcome, AttemptOutcome::Written { .. }) => {
            pull_requests::ended(turn, intent, number, outcome);
        }
        (Effect::ReadChecks, EffectResult::ChecksRead { repositories }) => {
            verifying::checks_read(turn, repositories)?;
        }
        (Effect::ReadMerges, EffectResult::MergesRead { repositories }) => {
            merging::merges_read(turn, repositories)?;
        }
        (Effect::ClosePullRequest { intent }, EffectResult::PullRequestClosed { intent: of, closed })
            if *intent == of =>
        {
            pull_requests::closed(turn, of, closed);
        }
        (Effect::RetractBranch { intent }, EffectResult::Retracted { intent: of, deleted })
            if *intent == of =>
        {
            writing::retracted(turn, of, deleted);
        }
        (
            Effect::LookUpRefs
            | Effect::LoadContext
            | Effect::Triage
            | Effect::Plan
            | Effect::Draft
            | Effect::Narrow
            | Effect::Critique
            | Effect::SealLedger { .. }
            | Effect::CheckBases
            | Effect::WriteBranch { .. }
            | Effect::RetractBranch { .. }
            | Effect::OpenPullRequest { .. }
            | Effect::ReadChecks
            | Effect::ReadMerges
            | Effect::ClosePullRequest { .. },
            _,
        ) => return Err(Refusal::Stale),
    }
    Ok(())
}
