//! What humans do. One function for every door: terminal today, API and comments later (hazard 13).

use super::approving::{ask_again, count_approvals, decision_expires_at};
use super::effect::SealPurpose;
use super::event::{Approval, Event, Request, RequestStatus, ResumePoint, RevisionCause, Subject};
use super::planning::{approval_window_ms, ask_for_plan, plan_approved};
use super::turn::Turn;
use super::writing::{any_written, pin_anew, retract_next};
use super::{EVENTS_MAX, Effect, Refusal, State, Workflow, deselecting, merging, verifying, waiving};
use crate::act::{Act, Attendance, COMMENT_MAX_BYTES, SeenDigest, SignedAct};
use crate::feedback::AgentSpec;
use crate::gate::{GateId, GateOutcome};
use crate::id::{RequestId, Revision};
use crate::line_comment::{self, LineComment};
use crate::member::{Role, Roster};
use crate::outbound::refused_words;
use crate::policy::Unattended;
use crate::question::{Choice, Question, QuestionKind};
use crate::time::Timestamp;

/// Judges one act. The signature was checked before; entitlement, digest and state are checked here.
pub(super) fn act(turn: &mut Turn, act: SignedAct, roster: &Roster) -> Result<(), Refusal> {
    if act.record.tenant != turn.workflow.tenant || act.record.workflow != turn.workflow.id {
        return Err(Refusal::WrongWorkflow);
    }
    roster.entitled(&act.record.member, Role::Reviewer)?;
    if turn.workflow.cancelling {
        return go_on_cancelling(turn, act);
    }
    check_length(&turn.workflow, &act.record.act)?;
    check_attendance(&turn.workflow, &act)?;
    match act.record.act.clone() {
        Act::Approve {
            request,
            seen,
            acknowledged,
        } => approve(turn, act, &request, &seen, &acknowledged, roster),
        Act::Reject {
            request,
            seen,
            reason,
        } => reject(turn, act, &request, &seen, &reason),
        Act::RequestChanges {
            request,
            seen,
            comment,
            comments,
        } => request_changes(turn, act, (&request, &seen), (&comment, &comments)),
        Act::Answer {
            request,
            seen,
            choice,
            text,
        } => answer(turn, act, (&request, &seen), (choice, &text), roster),
        Act::Deselect {
            request,
            seen,
            left_out,
            reason,
        } => deselecting::deselect(turn, act, (&request, &seen), &left_out, &reason),
        Act::Waive {
            request,
            seen,
            repository,
            violation,
            reason,
            until,
        } => {
            let asked = waiving::Asked {
                repository,
                violation,
                reason,
                until,
            };
            waiving::waive(turn, act, (&request, &seen), asked, roster)
        }
        Act::Withdraw { reason } => withdraw(turn, act, &reason, roster),
        Act::Cancel { reason } => cancel(turn, act, &reason),
        Act::Retry { request, seen } => retry(turn, act, &request, &seen, roster),
        Act::Extend { request, seen, until } => extend(turn, act, &request, &seen, until),
        Act::Wake => wake(turn, act),
    }
}

/// What is being cancelled can only be cancelled further: a step that failed on the way is done once more.
fn go_on_cancelling(turn: &mut Turn, act: SignedAct) -> Result<(), Refusal> {
    let pushes_on = match &act.record.act {
        Act::Cancel { .. } | Act::Retry { .. } => true,
        Act::Answer { choice, .. } => *choice == Choice::Retry || *choice == Choice::Cancel,
        Act::Approve { .. }
        | Act::Reject { .. }
        | Act::RequestChanges { .. }
        | Act::Deselect { .. }
        | Act::Waive { .. }
        | Act::Withdraw { .. }
        | Act::Extend { .. }
        | Act::Wake => false,
    };
    if !pushes_on || turn.workflow.open_requests().next().is_none() {
        return Err(wrong_state(
            &turn.workflow,
            act.record.act.verb(),
            "; it is being cancelled",
        ));
    }
    turn.emit(Event::ActTaken { act });
    turn.close_all(RequestStatus::Answered);
    retract_next(turn);
    Ok(())
}

/// A stream is bounded: at its bound only the end is left.
fn check_length(workflow: &Workflow, act: &Act) -> Result<(), Refusal> {
    if workflow.version.0 >= EVENTS_MAX && !matches!(act, Act::Cancel { .. }) {
        return Err(Refusal::TooLong(workflow.version.0));
    }
    Ok(())
}

/// Unattended runs can approve where every policy allows it, and stop; they judge and answer nothing.
fn check_attendance(workflow: &Workflow, act: &SignedAct) -> Result<(), Refusal> {
    match (act.record.attendance, &act.record.act) {
        (Attendance::Attended, _) => Ok(()),
        (
            Attendance::Unattended,
            Act::Withdraw { .. } | Act::Cancel { .. } | Act::Retry { .. } | Act::Wake,
        ) => Ok(()),
        (Attendance::Unattended, Act::Approve { .. }) => {
            let remote = workflow
                .repositories
                .iter()
                .find(|r| r.repository.forge.is_remote());
            if let Some(remote) = remote {
                let name = workflow.repository_name(&remote.repository);
                return Err(Refusal::UnattendedForbidden(format!(
                    "{name} is on a {} forge, where only a person approves",
                    remote.repository.forge.as_str()
                )));
            }
            let forbids = |r: &&super::event::PinnedRepo| match r.policy.unattended.value {
                Unattended::Forbid => true,
                Unattended::Allow => false,
            };
            match workflow.repositories.iter().find(forbids) {
                None => Ok(()),
                Some(repo) => {
                    let name = workflow.repository_name(&repo.repository);
                    Err(Refusal::UnattendedForbidden(format!(
                        "the policy of {name} demands that a person decides"
                    )))
                }
            }
        }
        (
            Attendance::Unattended,
            Act::Reject { .. }
            | Act::RequestChanges { .. }
            | Act::Answer { .. }
            | Act::Deselect { .. }
            | Act::Waive { .. }
            | Act::Extend { .. },
        ) => {
            let verb = act.record.act.verb();
            Err(Refusal::UnattendedForbidden(format!(
                "`{verb}` needs a person at a terminal"
            )))
        }
    }
}

/// The open request that was meant, if what was seen is what it asks about.
pub(super) fn find_open(workflow: &Workflow, id: &RequestId, seen: &SeenDigest) -> Result<Request, Refusal> {
    let open = workflow.open_requests().find(|r| r.id == *id);
    let request = open.cloned().ok_or_else(|| Refusal::RequestNotOpen(id.clone()))?;
    let current = match &request.subject {
        Subject::Plan { digest } => SeenDigest::Plan(*digest),
        Subject::PatchSet { digest, .. } => SeenDigest::PatchSet(*digest),
        Subject::Question { digest, .. } => SeenDigest::Question(*digest),
    };
    if current == *seen {
        return Ok(request);
    }
    let delta = format!("revision {} waits; look at it again", request.revision);
    Err(Refusal::DigestMismatch {
        given: seen.to_hex(),
        current: current.to_hex(),
        delta,
    })
}

fn approve(
    turn: &mut Turn,
    act: SignedAct,
    id: &RequestId,
    seen: &SeenDigest,
    acknowledged: &[String],
    roster: &Roster,
) -> Result<(), Refusal> {
    let request = find_open(&turn.workflow, id, seen)?;
    let member = roster.may_approve(&act.record.member, &turn.workflow.shapers)?;
    let same_person = |a: &&Approval| {
        a.request == *id
            && roster
                .find(&a.act.record.member)
                .is_ok_and(|m| m.person == member.person)
    };
    if turn
        .workflow
        .approvals
        .iter()
        .any(|a| same_person(&a) && a.expires_at > turn.at)
    {
        return Err(Refusal::AlreadyApproved(member.name.clone()));
    }
    let expires_at = decision_expires_at(&turn.workflow, turn.at);
    let approval = |turn: &Turn, act: SignedAct| Approval {
        request: id.clone(),
        revision: turn.workflow.revision,
        act,
        expires_at,
        recorded_at: crate::id::Version(turn.workflow.version.0 + 1),
    };
    match request.subject {
        Subject::Question { .. } => Err(wrong_state(&turn.workflow, "approve", "; it waits for an answer")),
        Subject::Plan { .. } => {
            let approval = approval(turn, act);
            turn.emit(Event::ApprovalGiven { approval });
            plan_approved(turn, roster);
            Ok(())
        }
        Subject::PatchSet { repository, .. } => {
            let missing = unacknowledged(&turn.workflow, &repository, acknowledged);
            if !missing.is_empty() {
                return Err(Refusal::WarningsNotAcknowledged(missing));
            }
            let approval = approval(turn, act);
            turn.emit(Event::ApprovalGiven { approval });
            count_approvals(turn, &repository, roster);
            Ok(())
        }
    }
}

fn unacknowledged(
    workflow: &Workflow,
    repository: &crate::id::RepositoryId,
    acknowledged: &[String],
) -> Vec<String> {
    let warnings = workflow
        .violations
        .iter()
        .filter(|v| v.repository == *repository && v.needs_acknowledgement());
    warnings
        .map(|v| v.id())
        .filter(|id| !acknowledged.contains(id))
        .collect()
}

pub(super) fn wrong_state(workflow: &Workflow, verb: &'static str, hint: &str) -> Refusal {
    Refusal::WrongState {
        verb,
        state: workflow.state,
        hint: hint.to_owned(),
    }
}

pub(super) fn check_text(what: &str, text: &str) -> Result<(), Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::BadText(format!("{what} is empty; say it in a sentence")));
    }
    if let Some(why) = refused_words(what, text) {
        return Err(Refusal::BadText(why));
    }
    if text.len() > COMMENT_MAX_BYTES {
        return Err(Refusal::BadText(format!(
            "{what} has {} bytes; at most {COMMENT_MAX_BYTES} are taken",
            text.len()
        )));
    }
    Ok(())
}

fn reject(
    turn: &mut Turn,
    act: SignedAct,
    id: &RequestId,
    seen: &SeenDigest,
    reason: &str,
) -> Result<(), Refusal> {
    check_text("the reason", reason)?;
    let request = find_open(&turn.workflow, id, seen)?;
    if matches!(request.subject, Subject::Question { .. }) {
        return Err(wrong_state(
            &turn.workflow,
            "reject",
            "; it waits for an answer, and `cancel` stops it",
        ));
    }
    refuse_half_written(&turn.workflow, "reject")?;
    turn.emit(Event::RejectionGiven { act });
    turn.close(id, RequestStatus::Rejected);
    turn.close_all(RequestStatus::Superseded);
    turn.end(State::Failed, format!("rejected: {}", reason.trim()));
    Ok(())
}

fn request_changes(
    turn: &mut Turn,
    act: SignedAct,
    (id, seen): (&RequestId, &SeenDigest),
    (comment, comments): (&str, &[LineComment]),
) -> Result<(), Refusal> {
    check_text("the comment", comment)?;
    if let Some(why) = line_comment::wrong(comments, &turn.workflow.drafts) {
        return Err(Refusal::BadText(why));
    }
    let request = find_open(&turn.workflow, id, seen)?;
    let about_plan = match request.subject {
        Subject::Plan { .. } => true,
        Subject::PatchSet { .. } => false,
        Subject::Question { .. } => {
            return Err(wrong_state(
                &turn.workflow,
                "request changes",
                "; it waits for an answer",
            ));
        }
    };
    refuse_half_written(&turn.workflow, "request changes")?;
    let spent = rounds_spent(&turn.workflow);
    turn.emit(Event::ChangesRequested { act });
    turn.close(id, RequestStatus::ChangesRequested);
    turn.close_all(RequestStatus::Superseded);
    if spent {
        let details = vec![format!(
            "revision {} was the last one that policy allows",
            turn.workflow.revision
        )];
        turn.ask(QuestionKind::RoundsSpent, details, ResumePoint::Coding);
    } else {
        start_revision(turn, RevisionCause::ChangesRequested, about_plan);
    }
    Ok(())
}

/// What is written has to be taken out of play before its revision can end (hazard 50).
pub(super) fn refuse_half_written(workflow: &Workflow, verb: &'static str) -> Result<(), Refusal> {
    if any_written(workflow) {
        return Err(wrong_state(
            workflow,
            verb,
            "; part of it is written already: `cancel` takes that out of play",
        ));
    }
    Ok(())
}

/// Every round that policy allows is used up; the tightest repository counts.
pub(super) fn rounds_spent(workflow: &Workflow) -> bool {
    let rounds = workflow
        .repositories
        .iter()
        .map(|r| r.policy.review_rounds.value)
        .min()
        .unwrap_or(0);
    workflow.change_rounds >= rounds
}

/// A new revision with a human's words, or CI's. Where the plan is read off the rules or the diff, it is made anew as well.
pub(super) fn start_revision(turn: &mut Turn, cause: RevisionCause, about_plan: bool) {
    let revision = Revision(turn.workflow.revision.0 + 1);
    // A plan that never passed its gate is not coded against.
    let gate_1 = turn.workflow.gates.get(&GateId::Plan);
    let gate_1_passed = gate_1.is_some_and(|g| g.outcome == GateOutcome::Passed);
    turn.emit(Event::RevisionStarted { revision, cause });
    let plans_anew = match turn.workflow.submission.as_ref().map(|s| &s.agent) {
        Some(AgentSpec::Codemod | AgentSpec::Diff { .. }) | None => true,
        Some(AgentSpec::Scripted { .. } | AgentSpec::Command { .. }) => about_plan || !gate_1_passed,
    };
    if plans_anew {
        turn.enter(State::Planning, format!("revision {revision} begins"));
        turn.request(Effect::Plan);
    } else {
        turn.enter(State::Coding, format!("revision {revision} begins"));
        turn.request(Effect::Draft);
    }
}

fn answer(
    turn: &mut Turn,
    act: SignedAct,
    (id, seen): (&RequestId, &SeenDigest),
    (choice, text): (Choice, &str),
    roster: &Roster,
) -> Result<(), Refusal> {
    let request = find_open(&turn.workflow, id, seen)?;
    let Subject::Question { question, .. } = request.subject else {
        return Err(wrong_state(
            &turn.workflow,
            "answer",
            "; it waits for an approval, not for an answer",
        ));
    };
    offered(&question, choice)?;
    match choice {
        Choice::Provide => check_text("the answer", text)?,
        Choice::Retry | Choice::AskAgain | Choice::Cancel | Choice::GrantMore if !text.is_empty() => {
            return Err(Refusal::BadText(format!("`{}` takes no text", choice.as_str())));
        }
        Choice::GrantMore => drop(roster.entitled(&act.record.member, Role::Maintainer)?),
        Choice::Retry | Choice::AskAgain | Choice::Cancel => {}
    }
    turn.emit(Event::AnswerGiven { act });
    turn.close(id, RequestStatus::Answered);
    go_on(turn, question.kind, choice, roster);
    Ok(())
}

fn offered(question: &Question, choice: Choice) -> Result<(), Refusal> {
    let choices = question.kind.choices();
    if choices.contains(&choice) {
        return Ok(());
    }
    let offered = choices.iter().map(|c| c.as_str()).collect();
    Err(Refusal::NotAChoice {
        given: choice.as_str(),
        offered,
    })
}

fn go_on(turn: &mut Turn, kind: QuestionKind, choice: Choice, roster: &Roster) {
    match choice {
        Choice::Cancel => retract_next(turn),
        Choice::Provide if kind == QuestionKind::InformationMissing => {
            turn.enter(State::Triaging, "the missing information was supplied");
            turn.request(Effect::Triage);
        }
        Choice::Provide if turn.workflow.fixing.is_some() => verifying::look_before_fixing(turn),
        Choice::Provide => {
            let about_plan = kind == QuestionKind::PlanRefused;
            start_revision(turn, RevisionCause::ChangesRequested, about_plan);
        }
        Choice::Retry | Choice::AskAgain | Choice::GrantMore => resume(turn, roster),
    }
}

/// Goes on where it stopped.
fn resume(turn: &mut Turn, roster: &Roster) {
    let point = turn.workflow.resume.clone().unwrap_or(ResumePoint::Queued);
    let again = "taken up again where it stopped";
    let (state, effect) = match point {
        ResumePoint::Queued => (State::Queued, Effect::LookUpRefs),
        ResumePoint::LoadingContext if !turn.workflow.patch_sets.is_empty() => {
            return pin_anew(turn, RevisionCause::BaseMoved);
        }
        ResumePoint::LoadingContext => (State::LoadingContext, Effect::LoadContext),
        ResumePoint::Triaging => (State::Triaging, Effect::Triage),
        ResumePoint::Planning if turn.workflow.plan_digest.is_some() && plan_was_asked(&turn.workflow) => {
            return ask_for_plan(turn, again);
        }
        ResumePoint::Planning => (State::Planning, Effect::Plan),
        ResumePoint::Coding => (State::Coding, Effect::Draft),
        ResumePoint::Narrowing => (State::Coding, Effect::Narrow),
        ResumePoint::Reviewing => (State::Reviewing, Effect::Critique),
        ResumePoint::AwaitingApproval if turn.workflow.patch_sets.is_empty() => (
            State::Reviewing,
            Effect::SealLedger {
                purpose: SealPurpose::BeforeApproval,
            },
        ),
        ResumePoint::AwaitingApproval => {
            let reason = "all approvals are asked for again".to_owned();
            turn.emit(Event::ApprovalsVoided { reason });
            return ask_again(turn, again, roster);
        }
        ResumePoint::Applying => (State::Applying, Effect::CheckBases),
        ResumePoint::Retracting => return retract_next(turn),
        ResumePoint::VerifyingCi if turn.workflow.fixing.is_some() => {
            return verifying::look_before_fixing(turn);
        }
        ResumePoint::VerifyingCi => return verifying::begin(turn),
        ResumePoint::AwaitingMerge => return merging::wait(turn),
    };
    turn.enter(state, again);
    turn.request(effect);
}

/// The question is about a plan that nobody decided on in time.
fn plan_was_asked(workflow: &Workflow) -> bool {
    let last = workflow
        .requests
        .iter()
        .rev()
        .find(|r| !matches!(r.subject, Subject::Question { .. }));
    last.is_some_and(|r| matches!(r.subject, Subject::Plan { .. }) && r.status == RequestStatus::Expired)
}

fn withdraw(turn: &mut Turn, act: SignedAct, reason: &str, roster: &Roster) -> Result<(), Refusal> {
    check_text("the reason", reason)?;
    let own = turn
        .workflow
        .approvals
        .iter()
        .any(|a| a.act.record.member == act.record.member && approves_content(&a.act.record.act));
    if !own || !may_still_write(&turn.workflow) {
        return Err(Refusal::NothingToWithdraw(
            "you have no live approval here that could be withdrawn".to_owned(),
        ));
    }
    // A try that wrote nothing for sure has begun nothing: the gate may have refused it because of this very act.
    if any_written(&turn.workflow) {
        let text = "writing has begun; `countersign cancel` takes out of play what was written".to_owned();
        return Err(Refusal::NothingToWithdraw(text));
    }
    turn.emit(Event::ApprovalsWithdrawn { act });
    turn.close_all(RequestStatus::Withdrawn);
    ask_again(turn, "an approval was withdrawn", roster);
    for repository in turn
        .workflow
        .patch_sets
        .iter()
        .map(|p| p.repository.clone())
        .collect::<Vec<_>>()
    {
        count_approvals(turn, &repository, roster);
    }
    Ok(())
}

/// Whether the approvals at hand can still lead to a write without anybody being asked again.
fn may_still_write(workflow: &Workflow) -> bool {
    match workflow.state {
        State::AwaitingApproval | State::Applying => true,
        State::NeedsHuman => workflow.resume == Some(ResumePoint::Applying),
        State::Queued
        | State::LoadingContext
        | State::Triaging
        | State::Planning
        | State::AwaitingPlanApproval
        | State::Coding
        | State::Reviewing
        | State::PrOpen
        | State::VerifyingCi
        | State::AwaitingMerge
        | State::Done
        | State::BlockedPolicy
        | State::Declined
        | State::Deferred
        | State::Failed
        | State::Cancelled => false,
    }
}

/// A plan's approval is past once coding began; a patch set's can be taken back.
fn approves_content(act: &Act) -> bool {
    matches!(
        act,
        Act::Approve {
            seen: SeenDigest::PatchSet(_),
            ..
        }
    )
}

fn cancel(turn: &mut Turn, act: SignedAct, reason: &str) -> Result<(), Refusal> {
    check_text("the reason", reason)?;
    turn.emit(Event::ActTaken { act });
    turn.close_all(RequestStatus::Cancelled);
    if write_in_flight(&turn.workflow) {
        return Ok(());
    }
    retract_next(turn);
    Ok(())
}

/// An attempt was begun and has no outcome: it concludes first, by its deadline and a read-back (hazard 38).
fn write_in_flight(workflow: &Workflow) -> bool {
    match &workflow.outstanding {
        Some((_, Effect::WriteBranch { intent })) => workflow.may_be_written(intent),
        Some((_, Effect::OpenPullRequest { intent })) => workflow.may_be_written(&intent.pull_request()),
        Some(_) | None => false,
    }
}

fn retry(
    turn: &mut Turn,
    act: SignedAct,
    id: &RequestId,
    seen: &SeenDigest,
    roster: &Roster,
) -> Result<(), Refusal> {
    let request = find_open(&turn.workflow, id, seen)?;
    let Subject::Question { question, .. } = request.subject else {
        return Err(wrong_state(&turn.workflow, "retry", "; nothing has stopped"));
    };
    offered(&question, Choice::Retry)?;
    turn.emit(Event::ActTaken { act });
    turn.close(id, RequestStatus::Answered);
    go_on(turn, question.kind, Choice::Retry, roster);
    Ok(())
}

/// The latest moment until which an open request can be kept open by somebody who asks for it now. `None`: it does not run
/// out.
pub fn extendable_until(workflow: &Workflow, request: &Request, at: Timestamp) -> Option<Timestamp> {
    request.expires_at?;
    match request.subject {
        Subject::Plan { .. } => Some(at.plus_ms(approval_window_ms(workflow))),
        Subject::PatchSet { .. } => Some(decision_expires_at(workflow, at)),
        Subject::Question { .. } => None,
    }
}

fn extend(
    turn: &mut Turn,
    act: SignedAct,
    id: &RequestId,
    seen: &SeenDigest,
    until: Timestamp,
) -> Result<(), Refusal> {
    let request = find_open(&turn.workflow, id, seen)?;
    let refuse = |why: String| Err(Refusal::NotExtendable(why));
    let (Some(now), Some(latest)) = (
        request.expires_at,
        extendable_until(&turn.workflow, &request, turn.at),
    ) else {
        return refuse("this request does not run out".to_owned());
    };
    if until <= now {
        return refuse(format!("it is open until {now} already"));
    }
    if until > latest {
        return refuse(format!(
            "policy and waivers keep it open until {latest} at the latest"
        ));
    }
    turn.emit(Event::ActTaken { act });
    Ok(())
}

fn wake(turn: &mut Turn, act: SignedAct) -> Result<(), Refusal> {
    if turn.workflow.state != State::Deferred {
        return Err(wrong_state(
            &turn.workflow,
            "wake",
            "; only a deferred workflow sleeps",
        ));
    }
    turn.emit(Event::ActTaken { act });
    turn.enter(State::Triaging, "woken");
    turn.request(Effect::Triage);
    Ok(())
}
