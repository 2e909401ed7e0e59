//! From approvals to branches: gate 4, one write at a time, read back; and taking out of play what was written.

use super::approving::standing;
use super::event::{
    Attempt, AttemptOutcome, BranchHolds, Event, ResumePoint, RevisionCause, Standing, WriteIntent,
};
use super::turn::Turn;
use super::{Effect, Refusal, State, WRITE_WINDOW_MS, Workflow, human, merging, pull_requests};
use crate::gate::{self, Check, CheckId, GateId};
use crate::id::{AttemptNumber, RepositoryId, Revision, WriteIntentId};
use crate::member::Roster;
use crate::permit::{self, Meaning};
use crate::policy::BaseMovement;
use crate::question::QuestionKind;

/// Gate 4, before the first byte.
pub(super) fn bases_checked(turn: &mut Turn, standings: Vec<(RepositoryId, Standing)>, roster: &Roster) {
    turn.emit(Event::BasesChecked { standings });
    let moved = moved_bases(&turn.workflow);
    let outlasting = outlast_checks(turn, roster);
    let lapsed = outlasting.iter().any(|c| c.outcome != gate::CheckOutcome::Passed);
    let checks = base_checks(&turn.workflow)
        .into_iter()
        .chain(outlasting)
        .collect();
    match turn.judge(GateId::Write, checks) {
        Ok(()) => begin_writing(turn),
        Err(failures) if moved.counts && any_written(&turn.workflow) => {
            turn.ask(QuestionKind::WriteIncomplete, failures, ResumePoint::Applying);
        }
        Err(failures) if moved.gone => {
            turn.ask(QuestionKind::BaseLost, failures, ResumePoint::LoadingContext);
        }
        Err(_) if moved.counts => pin_anew(turn, RevisionCause::BaseMoved),
        Err(failures) if lapsed => turn.ask(
            QuestionKind::ApprovalsLapsed,
            failures,
            ResumePoint::AwaitingApproval,
        ),
        Err(failures) => turn.ask(QuestionKind::StepFailed, failures, ResumePoint::Applying),
    }
}

struct Moved {
    gone: bool,
    counts: bool,
}

/// Whether some base moved in a way that counts.
fn moved_bases(workflow: &Workflow) -> Moved {
    let counts =
        |repository: &RepositoryId, standing: &Standing| !base_stands(workflow, repository, standing);
    Moved {
        gone: workflow.standings.iter().any(|(_, s)| *s == Standing::Gone),
        counts: workflow.standings.iter().any(|(r, s)| counts(r, s)),
    }
}

/// Whether a base that stands like this may still be written on.
pub fn base_stands(workflow: &Workflow, repository: &RepositoryId, standing: &Standing) -> bool {
    match standing {
        Standing::Unmoved => true,
        Standing::MovedClean { .. } => !demands_unmoved(workflow, repository),
        Standing::MovedConflict { .. } | Standing::Rewritten { .. } | Standing::Gone => false,
    }
}

fn demands_unmoved(workflow: &Workflow, repository: &RepositoryId) -> bool {
    let repo = workflow.repositories.iter().find(|r| r.repository == *repository);
    repo.is_none_or(|r| match r.policy.base_movement.value {
        BaseMovement::Unmoved => true,
        BaseMovement::MergesCleanly => false,
    })
}

fn base_checks(workflow: &Workflow) -> Vec<Check> {
    let mut checks = Vec::new();
    for patch_set in &workflow.patch_sets {
        let (id, branch) = (&patch_set.repository, &patch_set.base_branch);
        let name = workflow.repository_name(id);
        let found = workflow.standings.iter().find(|(of, _)| of == id).map(|(_, s)| s);
        let (passed, detail) = match found {
            Some(Standing::Unmoved) => (
                true,
                format!("{name}: {branch} is still at {}", patch_set.base.short()),
            ),
            Some(Standing::MovedClean { tip }) => {
                let unmoved = demands_unmoved(workflow, id);
                let rule = if unmoved {
                    ", and policy demands an unmoved base"
                } else {
                    ""
                };
                (
                    !unmoved,
                    format!(
                        "{name}: {branch} moved to {}; the result merges cleanly{rule}",
                        tip.short()
                    ),
                )
            }
            Some(Standing::MovedConflict { tip }) => (
                false,
                format!(
                    "{name}: {branch} moved to {} and the result conflicts with it",
                    tip.short()
                ),
            ),
            Some(Standing::Rewritten { tip }) => (
                false,
                format!(
                    "{name}: {branch} is at {} and no longer contains {}",
                    tip.short(),
                    patch_set.base.short()
                ),
            ),
            Some(Standing::Gone) => (false, format!("{name}: there is no branch {branch} any more")),
            None => (false, format!("{name}: the base was not looked at")),
        };
        checks.push(Check::new(CheckId::BaseStands, passed, detail).about(id));
    }
    checks
}

fn outlast_checks(turn: &Turn, roster: &Roster) -> Vec<Check> {
    let workflow = &turn.workflow;
    let until = turn.at.plus_ms(WRITE_WINDOW_MS);
    let check = |patch_set: &crate::patch_set::PatchSet| {
        let name = workflow.repository_name(&patch_set.repository);
        let later = standing(workflow, patch_set, roster, until);
        let outlasts = later.is_enough();
        let minutes = WRITE_WINDOW_MS / 60_000;
        let detail = if outlasts {
            format!("{name}: the approvals outlast the next {minutes} minutes")
        } else {
            format!("{name}: the approvals do not outlast the next {minutes} minutes")
        };
        Check::new(CheckId::ApprovalsOutlast, outlasts, detail).about(&patch_set.repository)
    };
    workflow.patch_sets.iter().map(check).collect()
}

/// Voids everything from gate 1 up and starts anew on what is there now; nothing of this revision was written yet.
pub(super) fn pin_anew(turn: &mut Turn, cause: RevisionCause) {
    let why = match cause {
        RevisionCause::PolicyChanged => {
            "the policy is no longer the one that was approved under; everything is made anew"
        }
        RevisionCause::BaseMoved
        | RevisionCause::ChangesRequested
        | RevisionCause::Deselected
        | RevisionCause::CiRed => "a base moved in a way that counts; everything is made anew on the new one",
    };
    let revision = Revision(turn.workflow.revision.0 + 1);
    turn.emit(Event::RevisionStarted { revision, cause });
    turn.enter(State::LoadingContext, why);
    turn.request(Effect::LoadContext);
}

/// Consumes the approvals into one intent per repository, unless that was done before.
fn begin_writing(turn: &mut Turn) {
    let intents = intents(&turn.workflow);
    if intents != turn.workflow.intents {
        turn.emit(Event::IntentsRecorded { intents });
    }
    write_next(turn);
}

/// What was intended before stays, unless its branch is out of play: then it is another write with another id.
fn intents(workflow: &Workflow) -> Vec<WriteIntent> {
    let first = u32::try_from(workflow.attempts.len()).unwrap_or(u32::MAX);
    let kept: Vec<&WriteIntent> = workflow
        .intents
        .iter()
        .filter(|i| !workflow.retracted.contains(&i.id))
        .collect();
    let used = |id: &WriteIntentId| {
        workflow.attempts.iter().any(|(a, _)| a.intent == *id) || workflow.intents.iter().any(|i| i.id == *id)
    };
    let numbered = workflow.patch_sets.iter().enumerate();
    numbered
        .filter_map(|(index, patch_set)| {
            if let Some(kept) = kept.iter().find(|i| i.repository == patch_set.repository) {
                return Some((*kept).clone());
            }
            let number = first + u32::try_from(index).ok()? + 1;
            let derived =
                |number: u32| WriteIntentId::derive(&workflow.id, workflow.revision.0 * 1000 + number);
            let id = (number..).map(derived).find(|id| !used(id))?;
            Some(WriteIntent {
                id,
                revision: workflow.revision,
                repository: patch_set.repository.clone(),
                branch: patch_set.manifest.branch.clone(),
                commit: patch_set.manifest.commit.clone(),
                tree: patch_set.draft.diff.result_tree.clone(),
                patch_set: patch_set.digest,
                approval: workflow.approval_digest(patch_set)?,
            })
        })
        .collect()
}

fn write_next(turn: &mut Turn) {
    let next = turn
        .workflow
        .intents
        .iter()
        .find(|i| !turn.workflow.is_written(&i.id))
        .map(|i| i.id.clone());
    match next {
        Some(intent) => turn.request(Effect::WriteBranch { intent }),
        None => finish(turn),
    }
}

/// Whether something of this revision is, or may be, in a repository.
pub(super) fn any_written(workflow: &Workflow) -> bool {
    workflow
        .intents
        .iter()
        .any(|i| workflow.is_written(&i.id) || workflow.may_be_written(&i.id))
}

/// Records a try before its first byte.
pub(super) fn attempt_starting(turn: &mut Turn, effect: &Effect, attempt: Attempt) -> Result<(), Refusal> {
    let opens = matches!(effect, Effect::OpenPullRequest { .. });
    let operation = |i: &WriteIntent| if opens { i.id.pull_request() } else { i.id.clone() };
    let intent = turn
        .workflow
        .intents
        .iter()
        .find(|i| operation(i) == attempt.intent)
        .ok_or(Refusal::Stale)?;
    let earlier = turn
        .workflow
        .attempts
        .iter()
        .filter(|(a, _)| a.intent == attempt.intent)
        .count();
    let fits = intent.commit == attempt.commit
        && attempt.expected_old.is_none()
        && attempt.number.0 as usize == earlier + 1
        && attempt.deadline > turn.at;
    if !fits {
        return Err(Refusal::Stale);
    }
    close_lost_attempt(turn, &attempt);
    turn.emit(Event::AttemptStarted { attempt });
    Ok(())
}

/// The try before has no outcome: its process died. What it did is not known until the branch is read back.
fn close_lost_attempt(turn: &mut Turn, next: &Attempt) {
    let lost = turn
        .workflow
        .last_attempt(&next.intent)
        .filter(|(_, outcome)| outcome.is_none());
    if let Some((lost, _)) = lost.cloned() {
        let detail =
            "the process that ran this attempt is gone; the branch is read back before anything is repeated";
        let outcome = AttemptOutcome::Unknown {
            detail: detail.to_owned(),
        };
        turn.emit(Event::AttemptEnded {
            intent: lost.intent,
            number: lost.number,
            outcome,
        });
    }
}

pub(super) fn write_ended(
    turn: &mut Turn,
    intent: &WriteIntentId,
    number: AttemptNumber,
    outcome: AttemptOutcome,
) {
    let approved = turn.workflow.intents.iter().find(|i| i.id == *intent).cloned();
    let outcome = match (&outcome, &approved) {
        (AttemptOutcome::Written { commit, tree, .. }, Some(i)) if *commit != i.commit || *tree != i.tree => {
            let detail = format!(
                "the branch was read back with commit {commit} and tree {tree}, not with what was approved"
            );
            AttemptOutcome::Foreign {
                commit: Some(commit.clone()),
                detail,
            }
        }
        _as_it_is => outcome,
    };
    turn.emit(Event::AttemptEnded {
        intent: intent.clone(),
        number,
        outcome: outcome.clone(),
    });
    match outcome {
        AttemptOutcome::Written { .. } if turn.workflow.cancelling => retract_next(turn),
        AttemptOutcome::Written { .. } => write_next(turn),
        AttemptOutcome::Foreign { .. } | AttemptOutcome::Refused { .. } if turn.workflow.cancelling => {
            retract_next(turn)
        }
        AttemptOutcome::Foreign { detail, .. } => {
            let details = [vec![detail], progress(&turn.workflow)].concat();
            turn.ask(QuestionKind::ForeignBranch, details, ResumePoint::Applying);
        }
        AttemptOutcome::Refused { code, detail } => refused(turn, &code, detail),
        // The effect stays outstanding: the engine tries again later, within its bounds.
        AttemptOutcome::Failed { .. } | AttemptOutcome::Unknown { .. } | AttemptOutcome::Opened { .. } => {}
    }
}

/// The write gate said no.
pub(super) fn refused(turn: &mut Turn, code: &str, detail: String) {
    let details = [vec![detail], progress(&turn.workflow)].concat();
    match permit::meaning(code) {
        Meaning::BaseMoved => {
            if turn.workflow.state != State::Applying {
                turn.enter(State::Applying, "the base moved; it is looked at again");
            }
            turn.request(Effect::CheckBases);
        }
        Meaning::PolicyChanged if !any_written(&turn.workflow) => {
            pin_anew(turn, RevisionCause::PolicyChanged)
        }
        Meaning::PolicyChanged => turn.ask(QuestionKind::WriteIncomplete, details, ResumePoint::Applying),
        Meaning::ApprovalsLapsed => turn.ask(
            QuestionKind::ApprovalsLapsed,
            details,
            ResumePoint::AwaitingApproval,
        ),
        // The effect stays outstanding: the engine tries again later, within its bounds.
        Meaning::MayPass => {}
    }
}

/// What is written and what is not, one line per repository.
pub(super) fn progress(workflow: &Workflow) -> Vec<String> {
    let line = |i: &WriteIntent| {
        let name = workflow.repository_name(&i.repository);
        if let Some(opened) = pull_requests::opened(workflow, &i.id) {
            let number = opened.number;
            return format!(
                "{name}: branch {} is written, and pull request #{number} is open",
                i.branch
            );
        }
        if workflow.is_written(&i.id) {
            format!("{name}: branch {} is written", i.branch)
        } else if workflow.may_be_written(&i.id) {
            format!("{name}: whether branch {} is written is not known", i.branch)
        } else {
            format!("{name}: branch {} is not written", i.branch)
        }
    };
    workflow.intents.iter().map(line).collect()
}

/// Every branch was read back: the last gates and the end.
pub(super) fn finish(turn: &mut Turn) {
    let mut checks = turn
        .workflow
        .gates
        .get(&GateId::Write)
        .map(|g| g.checks.clone())
        .unwrap_or_default();
    checks.retain(|c| c.id != CheckId::ReadBack);
    for intent in turn.workflow.intents.clone() {
        let name = turn.workflow.repository_name(&intent.repository);
        let detail = format!(
            "{name}: {} holds commit {} with tree {}",
            intent.branch,
            intent.commit.short(),
            intent.tree.short()
        );
        checks.push(
            Check::new(CheckId::ReadBack, turn.workflow.is_written(&intent.id), detail)
                .about(&intent.repository),
        );
    }
    if let Err(failures) = turn.judge(GateId::Write, checks) {
        return turn.ask(QuestionKind::WriteIncomplete, failures, ResumePoint::Applying);
    }
    if pull_requests::are_wanted(&turn.workflow) {
        return pull_requests::open_next(turn);
    }
    let reason = "a local repository has branches and no pull requests".to_owned();
    turn.emit(Event::PullRequestsSkipped { reason });
    let ci = gate::not_required(GateId::Ci, turn.workflow.revision, "CI: not required by policy");
    turn.emit(Event::GateEvaluated { result: ci });
    turn.end(State::Done, "every approved branch is written and read back");
}

/// Takes out of play what was written; then it ends, or begins another revision.
pub(super) fn retract_next(turn: &mut Turn) {
    let workflow = &turn.workflow;
    // A pull request before its branch: without the branch it could not be told from a stranger's (hazard 50).
    let in_play = |i: &WriteIntent| {
        let intent = i.id.clone();
        if pull_requests::in_play(workflow, &i.id) {
            Some(Effect::ClosePullRequest { intent })
        } else if workflow.is_written(&i.id) || workflow.may_be_written(&i.id) {
            Some(Effect::RetractBranch { intent })
        } else {
            None
        }
    };
    let next = workflow.intents.iter().find_map(in_play);
    match next {
        Some(effect) => {
            if turn.workflow.state != State::Applying {
                turn.enter(State::Applying, "taking out of play what was written");
            }
            turn.request(effect);
        }
        None if let Some(cause) = turn.workflow.fixing.filter(|_| !turn.workflow.cancelling) => {
            human::start_revision(turn, cause, false);
        }
        None => {
            let stays = unknown_stays(&turn.workflow);
            let reason = match turn.workflow.retracted.is_empty() {
                _restored if stays => {
                    "cancelled; a branch that this ledger does not know of stays where it is"
                }
                true => "cancelled; nothing was written",
                false if merging::any_merged(&turn.workflow) => {
                    "cancelled; what was merged stays merged, and of the rest what was as we wrote it is out of play"
                }
                false if !turn.workflow.left.is_empty() => {
                    "cancelled; what was as we wrote it is out of play, and everything else is left as it is"
                }
                false if any_pull_request(&turn.workflow) => {
                    "cancelled; every pull request is closed, and every branch that was written is deleted again"
                }
                false => "cancelled; every branch that was written is deleted again",
            };
            turn.end(State::Cancelled, reason);
        }
    }
}

fn any_pull_request(workflow: &Workflow) -> bool {
    let closed = |i: &WriteIntent| workflow.retracted.contains(&i.id.pull_request());
    workflow.intents.iter().any(closed)
}

/// When the data folder was taken up again, a branch of our name was there that no try of this story made.
fn unknown_stays(workflow: &Workflow) -> bool {
    let there = workflow.found.iter().filter(|f| match f.holds {
        BranchHolds::Commit { .. } => true,
        BranchHolds::Nothing | BranchHolds::Unreadable { .. } => false,
    });
    let mut unknown = there.filter(|f| {
        let of_this = |i: &&WriteIntent| i.repository == f.repository && i.branch == f.branch;
        !workflow
            .intents
            .iter()
            .filter(of_this)
            .any(|i| workflow.last_attempt(&i.id).is_some())
    });
    unknown.next().is_some()
}

pub(super) fn retracted(turn: &mut Turn, intent: WriteIntentId, deleted: bool) {
    turn.emit(Event::BranchRetracted {
        intent: intent.clone(),
        deleted,
    });
    if deleted || !pull_requests::asks_about_foreign(turn) {
        return retract_next(turn);
    }
    let what = "its branch does not hold our commit any more";
    pull_requests::ask_about_foreign(turn, &intent, what);
}

/// Every try of an effect failed.
pub(super) fn gave_up(turn: &mut Turn, effect: &Effect, code: &str, detail: &str) {
    let what = format!("{}: {detail} ({code})", effect.kind());
    let (kind, resume) = match effect {
        Effect::LookUpRefs => (QuestionKind::StepFailed, ResumePoint::Queued),
        Effect::LoadContext => (QuestionKind::StepFailed, ResumePoint::LoadingContext),
        Effect::Triage => (QuestionKind::StepFailed, ResumePoint::Triaging),
        Effect::Plan => (QuestionKind::StepFailed, ResumePoint::Planning),
        Effect::Draft => (QuestionKind::StepFailed, ResumePoint::Coding),
        Effect::Narrow => (QuestionKind::StepFailed, ResumePoint::Narrowing),
        Effect::Critique => (QuestionKind::StepFailed, ResumePoint::Reviewing),
        Effect::SealLedger { purpose } => match purpose {
            super::effect::SealPurpose::BeforeApproval => (QuestionKind::StepFailed, ResumePoint::Reviewing),
            super::effect::SealPurpose::Approved => (QuestionKind::StepFailed, ResumePoint::AwaitingApproval),
        },
        Effect::CheckBases => (QuestionKind::StepFailed, ResumePoint::Applying),
        Effect::WriteBranch { .. } | Effect::OpenPullRequest { .. } if turn.workflow.cancelling => {
            return retract_next(turn);
        }
        Effect::WriteBranch { .. } | Effect::OpenPullRequest { .. } => {
            (QuestionKind::WriteIncomplete, ResumePoint::Applying)
        }
        Effect::RetractBranch { .. } | Effect::ClosePullRequest { .. } => {
            (QuestionKind::StepFailed, ResumePoint::Retracting)
        }
        Effect::ReadChecks => (QuestionKind::StepFailed, ResumePoint::VerifyingCi),
        Effect::ReadMerges => (QuestionKind::StepFailed, ResumePoint::AwaitingMerge),
    };
    let written = if turn.workflow.intents.is_empty() {
        Vec::new()
    } else {
        progress(&turn.workflow)
    };
    turn.ask(kind, [vec![what], written].concat(), resume);
}
