//! A restored, copied or moved data folder: approvals are void, and what the story says of branches is compared with
//! what is there. Nothing is written by itself afterwards: whatever had come to people comes to people again.

use super::approving::ask_again;
use super::event::{
    AttemptOutcome, BranchHolds, Event, FoundBranch, RequestStatus, ResumePoint, WriteIntent,
};
use super::planning::ask_for_plan;
use super::turn::Turn;
use super::writing::{any_written, finish, progress, retract_next};
use super::{Effect, Refusal, State, Workflow, merging, pull_requests};
use crate::id::RepositoryId;
use crate::member::Roster;
use crate::patch_set::PatchSet;
use crate::question::QuestionKind;

const AGAIN: &str = "the data folder was restored, copied or moved; everything is asked for again";

/// Takes in what is there, once per epoch.
pub(super) fn reconcile(
    turn: &mut Turn,
    epoch: u64,
    branches: Vec<FoundBranch>,
    roster: &Roster,
) -> Result<(), Refusal> {
    if epoch <= turn.workflow.epoch {
        return Err(Refusal::Stale);
    }
    turn.see(roster);
    let doing = turn.workflow.outstanding.clone().map(|(_, effect)| effect);
    turn.emit(Event::Reconciled { epoch, branches });
    conclude_attempts(turn);
    forget_openings(turn);
    let mut differs = Vec::new();
    // Whoever merges may delete the branch: it is the merge that is looked at again.
    let written = match merging::is_waited_for(&turn.workflow) {
        true => Vec::new(),
        false => turn.workflow.patch_sets.clone(),
    };
    for patch_set in written {
        differs.extend(compare(turn, &patch_set));
    }
    if turn.workflow.is_retracting() {
        stop_retracting(turn, differs);
    } else {
        go_on(turn, doing, differs, roster);
    }
    Ok(())
}

/// What a branch was found to hold, in the light of what it should hold.
enum Holds {
    Ours,
    Nothing,
    Other(String),
    Unknown(String),
}

fn holds(workflow: &Workflow, of: &RepositoryId, patch_set: &PatchSet) -> Holds {
    let name = &patch_set.manifest.branch;
    let found = workflow
        .found
        .iter()
        .find(|f| f.repository == *of && f.branch == *name);
    match found.map(|f| &f.holds) {
        Some(BranchHolds::Commit { commit, tree }) => {
            if *commit == patch_set.manifest.commit && *tree == patch_set.draft.diff.result_tree {
                Holds::Ours
            } else {
                Holds::Other(commit.short().to_owned())
            }
        }
        Some(BranchHolds::Nothing) => Holds::Nothing,
        Some(BranchHolds::Unreadable { detail }) => Holds::Unknown(detail.clone()),
        None => Holds::Unknown("it was not looked at".to_owned()),
    }
}

/// Tries without a known end get the one that can be seen.
fn conclude_attempts(turn: &mut Turn) {
    for intent in turn.workflow.intents.clone() {
        if !turn.workflow.may_be_written(&intent.id) {
            continue;
        }
        let Some((attempt, was)) = turn.workflow.last_attempt(&intent.id).cloned() else {
            continue;
        };
        let over = attempt.deadline <= turn.at;
        let outcome = outcome(&turn.workflow, &intent, over);
        if was.is_some() && matches!(outcome, AttemptOutcome::Unknown { .. }) {
            continue;
        }
        turn.emit(Event::AttemptEnded {
            intent: intent.id,
            number: attempt.number,
            outcome,
        });
    }
}

/// Whether a try to open a pull request came to something is not known before the forge is asked again.
fn forget_openings(turn: &mut Turn) {
    for intent in turn.workflow.intents.clone() {
        let operation = intent.id.pull_request();
        let last = turn.workflow.last_attempt(&operation);
        let Some((attempt, None)) = last.cloned() else {
            continue;
        };
        let detail = "the data folder was taken up again; the pull request is read back first".to_owned();
        turn.emit(Event::AttemptEnded {
            intent: operation,
            number: attempt.number,
            outcome: AttemptOutcome::Unknown { detail },
        });
    }
}

fn outcome(workflow: &Workflow, intent: &WriteIntent, over: bool) -> AttemptOutcome {
    let unknown = |why: String| AttemptOutcome::Unknown { detail: why };
    let Some(patch_set) = workflow.patch_set(&intent.repository) else {
        return unknown("the approved patch set is gone".to_owned());
    };
    match holds(workflow, &intent.repository, patch_set) {
        Holds::Ours => AttemptOutcome::Written {
            commit: intent.commit.clone(),
            tree: intent.tree.clone(),
            found: true,
        },
        Holds::Other(commit) => AttemptOutcome::Foreign {
            commit: None,
            detail: format!("branch {} holds {commit}, which is not ours", intent.branch),
        },
        Holds::Nothing if over => AttemptOutcome::Failed {
            code: "branch-not-there".to_owned(),
            detail: format!("branch {} is not there", intent.branch),
        },
        Holds::Nothing => unknown(format!(
            "branch {} is not there yet, and this try may still be going on",
            intent.branch
        )),
        Holds::Unknown(why) => unknown(format!("the branch can't be read: {why}")),
    }
}

/// Says where the story and the repository part, in a sentence. A written branch that is gone is out of play.
fn compare(turn: &mut Turn, patch_set: &PatchSet) -> Option<String> {
    let workflow = &turn.workflow;
    let intent = workflow
        .intents
        .iter()
        .find(|i| i.repository == patch_set.repository);
    let intent = intent
        .filter(|i| !workflow.retracted.contains(&i.id))
        .map(|i| i.id.clone());
    let written = intent.filter(|id| workflow.is_written(id));
    let place = format!(
        "{}: branch {}",
        workflow.repository_name(&patch_set.repository),
        patch_set.manifest.branch
    );
    match (holds(workflow, &patch_set.repository, patch_set), written) {
        (Holds::Ours, Some(_)) | (Holds::Nothing, None) => None,
        (Holds::Nothing, Some(intent)) => {
            // A pull request goes with its branch.
            if pull_requests::in_play(&turn.workflow, &intent) {
                let (intent, closed) = (intent.clone(), false);
                turn.emit(Event::PullRequestClosed { intent, closed });
            }
            let deleted = false;
            turn.emit(Event::BranchRetracted { intent, deleted });
            Some(format!(
                "{place} was written and is not there any more; it is written again only if people approve it again"
            ))
        }
        (Holds::Ours, None) => Some(format!(
            "{place} is there with exactly the proposed commit, and this ledger does not know how it came there"
        )),
        (Holds::Other(commit), Some(_)) => Some(format!("{place} was written and holds {commit} now")),
        (Holds::Other(commit), None) => Some(format!("{place} holds {commit}, which is not ours")),
        (Holds::Unknown(why), Some(_) | None) => Some(format!("{place} can't be read: {why}")),
    }
}

/// What was being taken out of play is done with if there is nothing left; else a person says so again.
fn stop_retracting(turn: &mut Turn, mut differs: Vec<String>) {
    if !any_written(&turn.workflow) {
        turn.close_all(RequestStatus::Superseded);
        return retract_next(turn);
    }
    differs.push(match turn.workflow.cancelling {
        true => "it was being cancelled; `cancel` goes on taking out of play what is ours".to_owned(),
        false => {
            "it was being taken out of play for another change; `ask-again` goes on with that".to_owned()
        }
    });
    differs.extend(progress(&turn.workflow));
    turn.ask(QuestionKind::Restored, differs, ResumePoint::Retracting);
}

fn go_on(turn: &mut Turn, doing: Option<Effect>, differs: Vec<String>, roster: &Roster) {
    match turn.workflow.state {
        State::Queued
        | State::LoadingContext
        | State::Triaging
        | State::Planning
        | State::Coding
        | State::Reviewing => {
            if let Some(effect) = doing {
                turn.request(effect);
            }
        }
        State::AwaitingPlanApproval => {
            turn.close_all(RequestStatus::Superseded);
            ask_for_plan(turn, AGAIN);
        }
        State::AwaitingApproval if differs.is_empty() => {
            turn.close_all(RequestStatus::Superseded);
            ask_again(turn, AGAIN, roster);
        }
        State::Applying | State::PrOpen | State::VerifyingCi if differs.is_empty() => {
            go_on_applying(turn, roster)
        }
        State::AwaitingMerge => merging::wait(turn),
        State::NeedsHuman | State::BlockedPolicy if differs.is_empty() => {}
        State::AwaitingApproval
        | State::Applying
        | State::PrOpen
        | State::VerifyingCi
        | State::NeedsHuman
        | State::BlockedPolicy => ask_people(turn, differs),
        State::Deferred | State::Done | State::Declined | State::Failed | State::Cancelled => {}
    }
}

/// All of it is there: done. Nothing of it is there: asked for again. Some of it is there: people are told.
fn go_on_applying(turn: &mut Turn, roster: &Roster) {
    let intents = &turn.workflow.intents;
    let all = !intents.is_empty() && intents.iter().all(|i| turn.workflow.is_written(&i.id));
    let unopened = intents
        .iter()
        .any(|i| pull_requests::is_missing(&turn.workflow, i));
    if all && unopened {
        let why = "a pull request was about to be opened; whether it is open is looked at first".to_owned();
        ask_people(turn, vec![why]);
    } else if all {
        finish(turn);
    } else if any_written(&turn.workflow) {
        ask_people(turn, Vec::new());
    } else {
        ask_again(turn, AGAIN, roster);
    }
}

fn ask_people(turn: &mut Turn, mut differs: Vec<String>) {
    if any_written(&turn.workflow) {
        differs.extend(progress(&turn.workflow));
    }
    turn.ask(QuestionKind::Restored, differs, ResumePoint::AwaitingApproval);
}
