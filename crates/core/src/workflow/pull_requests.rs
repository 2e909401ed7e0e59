//! From written branches to open pull requests, one at a time and read back; and taking them out of play again.
//!
//! A write intent of a repository whose forge has pull requests covers two operations with attempts of their own: the
//! branch, and then its pull request. What is there counts only if branch, head, base and author are ours (hazard 43);
//! a lost answer is read back before anything is repeated (INV-7).

use super::event::{AttemptOutcome, Event, ResumePoint, WriteIntent};
use super::turn::Turn;
use super::writing::{progress, refused, retract_next};
use super::{Effect, State, Workflow, verifying};
use crate::forge::{PullRequest, PullRequestState};
use crate::id::{AccountId, AttemptNumber, PullRequestNumber, WriteIntentId};
use crate::question::QuestionKind;
use std::collections::BTreeSet;

/// The pull request that was opened and read back for a branch's intent, unless it was taken out of play since.
pub fn opened<'w>(workflow: &'w Workflow, intent: &WriteIntentId) -> Option<&'w PullRequest> {
    let operation = intent.pull_request();
    if workflow.retracted.contains(&operation) {
        return None;
    }
    let of_this = |(attempt, outcome): &'w (_, Option<AttemptOutcome>)| {
        let attempt: &super::Attempt = attempt;
        match outcome {
            Some(AttemptOutcome::Opened { pull_request, .. }) if attempt.intent == operation => {
                Some(pull_request)
            }
            _other => None,
        }
    };
    workflow.attempts.iter().rev().find_map(of_this)
}

/// Whether a pull request of an intent is, or may be, out there.
pub(crate) fn in_play(workflow: &Workflow, intent: &WriteIntentId) -> bool {
    opened(workflow, intent).is_some() || workflow.may_be_written(&intent.pull_request())
}

/// What a forge shows for a branch, in the light of what was approved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recognised {
    /// There is none.
    Nothing,
    /// There is one, and it is ours.
    Ours(PullRequest),
    /// What is there is not as we would have opened it: why, in a sentence.
    Foreign(String),
}

/// Looks through the pull requests of an intent's branch. `account`: under which we write there.
pub fn recognise(
    workflow: &Workflow,
    intent: &WriteIntent,
    account: AccountId,
    found: &[PullRequest],
) -> Recognised {
    let past = past(workflow);
    let is_past = |p: &&PullRequest| p.state == PullRequestState::Closed && past.contains(&p.number);
    let current: Vec<&PullRequest> = found.iter().filter(|p| !is_past(p)).collect();
    match current.as_slice() {
        [] => Recognised::Nothing,
        [only] => match why_not_ours(workflow, intent, account, only) {
            None => Recognised::Ours((*only).clone()),
            Some(why) => Recognised::Foreign(format!("pull request #{} {why}", only.number)),
        },
        [first, second, ..] => Recognised::Foreign(format!(
            "branch {} has more than one pull request: #{} and #{}",
            intent.branch, first.number, second.number
        )),
    }
}

/// What keeps a pull request from being the one that was approved.
pub(super) fn why_not_ours(
    workflow: &Workflow,
    intent: &WriteIntent,
    account: AccountId,
    found: &PullRequest,
) -> Option<String> {
    if let Some(why) = why_another(workflow, intent, account, found) {
        return Some(why);
    }
    if found.head != intent.commit {
        return Some(format!(
            "shows commit {}, and {} was approved",
            found.head.short(),
            intent.commit.short()
        ));
    }
    (found.state != PullRequestState::Open).then(|| format!("is {}", found.state.as_str()))
}

/// What makes it another pull request than the one that was approved, whatever became of it since.
pub(super) fn why_another(
    workflow: &Workflow,
    intent: &WriteIntent,
    account: AccountId,
    found: &PullRequest,
) -> Option<String> {
    let base = workflow.patch_set(&intent.repository).map(|p| &p.base_branch);
    if found.branch != intent.branch {
        return Some(format!("is of branch {}", found.branch));
    }
    if found.author != account {
        return Some(format!(
            "was opened by account {}, and we write as account {account}",
            found.author
        ));
    }
    (Some(&found.base_branch) != base).then(|| format!("is to be merged into {}", found.base_branch))
}

/// Numbers of pull requests that this workflow opened and that are out of play, with their branch or before it.
fn past(workflow: &Workflow) -> BTreeSet<PullRequestNumber> {
    let current: BTreeSet<WriteIntentId> = workflow
        .intents
        .iter()
        .filter(|i| !workflow.retracted.contains(&i.id))
        .map(|i| i.id.pull_request())
        .filter(|operation| !workflow.retracted.contains(operation))
        .collect();
    let number = |outcome: &Option<AttemptOutcome>| match outcome {
        Some(AttemptOutcome::Opened { pull_request, .. }) => Some(pull_request.number),
        _other => None,
    };
    let ended = workflow
        .attempts
        .iter()
        .filter(|(a, _)| !current.contains(&a.intent));
    ended.filter_map(|(_, outcome)| number(outcome)).collect()
}

/// Whether any repository of the patch sets is on a forge with pull requests.
pub(super) fn are_wanted(workflow: &Workflow) -> bool {
    workflow.intents.iter().any(has_one)
}

pub(super) fn has_one(intent: &WriteIntent) -> bool {
    intent.repository.forge.has_pull_requests()
}

/// Whether it has to be opened yet.
pub(super) fn is_missing(workflow: &Workflow, intent: &WriteIntent) -> bool {
    has_one(intent) && opened(workflow, &intent.id).is_none()
}

/// Every branch is read back: the next pull request, or CI.
pub(super) fn open_next(turn: &mut Turn) {
    let missing = |i: &&WriteIntent| is_missing(&turn.workflow, i);
    let next = turn.workflow.intents.iter().find(missing).map(|i| i.id.clone());
    match next {
        Some(intent) => {
            if turn.workflow.state != State::PrOpen {
                turn.enter(State::PrOpen, "every approved branch is written and read back");
            }
            turn.request(Effect::OpenPullRequest { intent });
        }
        None => verifying::begin(turn),
    }
}

/// A try to open one ended.
pub(super) fn ended(turn: &mut Turn, intent: &WriteIntentId, number: AttemptNumber, outcome: AttemptOutcome) {
    let approved = turn.workflow.intents.iter().find(|i| i.id == *intent).cloned();
    let outcome = match (outcome, approved) {
        (
            AttemptOutcome::Opened {
                pull_request,
                account,
                found,
            },
            Some(approved),
        ) => match why_not_ours(&turn.workflow, &approved, account, &pull_request) {
            None => AttemptOutcome::Opened {
                pull_request,
                account,
                found,
            },
            Some(why) => AttemptOutcome::Foreign {
                commit: Some(pull_request.head),
                detail: format!("pull request #{} {why}", pull_request.number),
            },
        },
        (as_it_is, _) => as_it_is,
    };
    turn.emit(Event::AttemptEnded {
        intent: intent.pull_request(),
        number,
        outcome: outcome.clone(),
    });
    let cancelling = turn.workflow.cancelling;
    match outcome {
        AttemptOutcome::Opened { .. } | AttemptOutcome::Foreign { .. } | AttemptOutcome::Refused { .. }
            if cancelling =>
        {
            retract_next(turn);
        }
        AttemptOutcome::Opened { .. } => open_next(turn),
        AttemptOutcome::Foreign { detail, .. } => {
            let details = [vec![detail], progress(&turn.workflow)].concat();
            turn.ask(QuestionKind::ForeignPullRequest, details, ResumePoint::Applying);
        }
        AttemptOutcome::Refused { code, detail } => refused(turn, &code, detail),
        // The effect stays outstanding: the engine tries again later, within its bounds.
        AttemptOutcome::Failed { .. } | AttemptOutcome::Unknown { .. } | AttemptOutcome::Written { .. } => {}
    }
}

/// One was taken out of play, or was not there.
pub(super) fn closed(turn: &mut Turn, intent: WriteIntentId, closed: bool) {
    turn.emit(Event::PullRequestClosed {
        intent: intent.clone(),
        closed,
    });
    if closed || !asks_about_foreign(turn) {
        return retract_next(turn);
    }
    let what = "its pull request is not open as ours any more: somebody closed, merged or changed it";
    ask_about_foreign(turn, &intent, what);
}

/// Whether what somebody else touched is asked about while a revision is taken out of play: another one is to follow, and
/// whoever touched it may have mended or merged it. Who cancels wants an end, whatever is there.
pub(super) fn asks_about_foreign(turn: &Turn) -> bool {
    turn.workflow.fixing.is_some() && !turn.workflow.cancelling
}

pub(super) fn ask_about_foreign(turn: &mut Turn, intent: &WriteIntentId, what: &str) {
    let of = turn.workflow.intents.iter().find(|i| i.id == *intent);
    let name = of.map_or_else(String::new, |i| turn.workflow.repository_name(&i.repository));
    let details = vec![format!("{name}: {what}; it stays as it is")];
    turn.ask(QuestionKind::HeadMoved, details, ResumePoint::Retracting);
}
