//! Events to state. It judges nothing: whatever was decided is taken as it is, so that old streams always replay.

use super::budget::Call;
use super::event::{Approval, AttemptOutcome, Event, RevisionCause, Subject};
use super::input::Submission;
use super::{GuidanceNote, State, Workflow, verifying};
use crate::act::{Act, SeenDigest, SignedAct};
use crate::artifact::AgentRole;
use crate::gate::GateId;
use crate::id::{RequestId, Revision, Version, WriteIntentId};
use crate::line_comment::as_words;
use crate::question::{Choice, QuestionKind};
use crate::time::Timestamp;

impl Workflow {
    /// Takes one event in.
    pub fn apply(&mut self, event: &Event) {
        self.version = Version(self.version.0 + 1);
        match event {
            Event::WorkflowStarted {
                feedback,
                repositories,
                agent,
                started_by,
                attendance,
                again,
                metadata,
                budget,
                signature,
            } => {
                self.shapers.insert(started_by.clone());
                self.submission = Some(Submission {
                    feedback: feedback.clone(),
                    repositories: repositories.clone(),
                    agent: agent.clone(),
                    started_by: started_by.clone(),
                    attendance: *attendance,
                    again: *again,
                    metadata: metadata.clone(),
                    budget: *budget,
                    signature: signature.clone(),
                });
            }
            Event::StateEntered { state, reason } => self.enter(*state, reason),
            Event::RosterRecorded { roster } => self.roster = Some(roster.clone()),
            Event::EffectRequested { id, effect } => {
                self.effects_requested += 1;
                self.outstanding = Some((id.clone(), effect.clone()));
            }
            Event::RefsLookedUp { repositories } => {
                self.outstanding = None;
                self.lookups.clone_from(repositories);
            }
            Event::GateEvaluated { result } => {
                self.gates.insert(result.gate, result.clone());
            }
            Event::ContextLoaded {
                repositories,
                context,
            } => {
                self.outstanding = None;
                self.repositories.clone_from(repositories);
                self.policy_digests.take();
                self.context = Some(*context);
            }
            Event::AgentCalled { run } => {
                self.outstanding = None;
                *self.rounds.entry(run.role).or_default() += 1;
            }
            Event::TriageRecorded { decision } => self.triage = Some(decision.clone()),
            Event::PlanRecorded {
                architecture,
                plan,
                digest,
            } => {
                self.accept_answer(AgentRole::Planner);
                self.architecture = Some(architecture.clone());
                self.plan = Some(plan.clone());
                self.plan_digest = Some(*digest);
                self.plan_approved = false;
                self.plan_accepted_under = None;
            }
            Event::AnswerRefused { role, reasons } => {
                self.refusals
                    .entry(*role)
                    .or_default()
                    .extend(reasons.iter().cloned());
                *self.refused_in_a_row.entry(*role).or_default() += 1;
            }
            Event::DraftsRecorded { drafts } => self.drafts.clone_from(drafts),
            Event::CritiqueRecorded { critique } => self.critique = Some(critique.clone()),
            Event::PolicyEvaluated { violations } => self.violations.clone_from(violations),
            Event::TierComputed { tier, reasons } => {
                self.tier = Some(*tier);
                self.tier_reasons.clone_from(reasons);
            }
            Event::PlanAccepted { tier } => self.plan_accepted_under = Some(*tier),
            Event::LedgerSealed { checkpoint, .. } => {
                self.outstanding = None;
                self.checkpoint = Some(checkpoint.clone());
            }
            Event::PatchSetsFixed { patch_sets } => self.patch_sets.clone_from(patch_sets),
            Event::RequestOpened { request, resume } => {
                self.requests.push(request.clone());
                if resume.is_some() {
                    self.resume.clone_from(resume);
                }
            }
            Event::RequestClosed { request, status } => {
                if let Some(found) = self.requests.iter_mut().find(|r| r.id == *request) {
                    found.status = *status;
                }
            }
            Event::ApprovalGiven { approval } => {
                self.approvals.push(approval.clone());
                if is_of_plan(approval) {
                    self.plan_approved = true;
                }
            }
            Event::RejectionGiven { .. } => self.rejected = true,
            Event::ChangesRequested { act } => self.take_words(act),
            Event::AnswerGiven { act } => {
                self.take_words(act);
                if matches!(
                    act.record.act,
                    Act::Answer {
                        choice: Choice::Cancel,
                        ..
                    }
                ) {
                    self.cancelling = true;
                }
                self.take_fix(act);
                self.take_grant(act);
            }
            Event::PatchesDeselected {
                act,
                plan,
                digest,
                left_out,
            } => {
                self.shapers.insert(act.record.member.clone());
                self.plan = Some(plan.clone());
                self.plan_digest = Some(*digest);
                self.left_out.clone_from(left_out);
            }
            Event::WaiverGiven { act, waiver } => {
                self.shapers.insert(act.record.member.clone());
                self.waivers.push(waiver.clone());
            }
            Event::ApprovalsWithdrawn { act } => {
                self.approvals
                    .retain(|a| is_of_plan(a) || a.act.record.member != act.record.member);
                self.intents.clear();
                self.outstanding = None;
            }
            Event::ApprovalsVoided { .. } => self.approvals.retain(is_of_plan),
            Event::ActTaken { act } => match act.record.act {
                Act::Cancel { .. } => self.cancelling = true,
                Act::Retry { .. } => self.take_words(act),
                Act::Extend {
                    ref request, until, ..
                } => self.extend(request, until),
                Act::Approve { .. }
                | Act::Reject { .. }
                | Act::RequestChanges { .. }
                | Act::Answer { .. }
                | Act::Deselect { .. }
                | Act::Waive { .. }
                | Act::Withdraw { .. }
                | Act::Wake => {}
            },
            Event::RevisionStarted { revision, cause } => self.start_revision(*revision, *cause),
            Event::BasesChecked { standings } => {
                self.outstanding = None;
                self.standings.clone_from(standings);
            }
            Event::IntentsRecorded { intents } => self.intents.clone_from(intents),
            Event::AttemptStarted { attempt } => self.attempts.push((attempt.clone(), None)),
            Event::AttemptEnded {
                intent,
                number,
                outcome,
            } => {
                let of_this = |a: &super::Attempt| a.intent == *intent && a.number == *number;
                if let Some((_, slot)) = self.attempts.iter_mut().find(|(a, _)| of_this(a)) {
                    *slot = Some(outcome.clone());
                }
                match outcome {
                    AttemptOutcome::Written { .. }
                    | AttemptOutcome::Foreign { .. }
                    | AttemptOutcome::Opened { .. } => self.outstanding = None,
                    AttemptOutcome::Refused { .. }
                    | AttemptOutcome::Failed { .. }
                    | AttemptOutcome::Unknown { .. } => {}
                }
            }
            Event::PullRequestsSkipped { .. } => {}
            Event::BranchRetracted { intent, deleted } => self.take_out(intent.clone(), *deleted),
            Event::ChecksAwaited { since, until } => self.checks_awaited = Some((*since, *until)),
            Event::ChecksRead { repositories } => {
                self.outstanding = None;
                self.heads.clone_from(repositories);
            }
            Event::MergeAwaited { since, until } => self.merge_awaited = Some((*since, *until)),
            Event::MergesRead { repositories } => {
                self.outstanding = None;
                self.merges.clone_from(repositories);
            }
            Event::FixRoundBegun {} => self.begin_fix(RevisionCause::CiRed),
            Event::PullRequestClosed { intent, closed } => self.take_out(intent.pull_request(), *closed),
            Event::Reconciled { epoch, branches } => {
                self.epoch = *epoch;
                self.found.clone_from(branches);
                self.approvals.clear();
                self.standings.clear();
                self.outstanding = None;
            }
            Event::WorkflowEnded { state, reason } => {
                self.enter(*state, reason);
                self.outstanding = None;
                self.resume = None;
            }
            Event::AgentCallReserved { reservation } => self.calls.push(Call {
                reservation: reservation.clone(),
                took_ms: None,
            }),
            Event::AgentCallEnded { number, took_ms } => {
                for call in self.calls.iter_mut().filter(|c| c.reservation.number == *number) {
                    call.took_ms = Some(*took_ms);
                }
            }
        }
    }

    /// Entering a state voids the results of the gates that have to be passed again from there.
    fn enter(&mut self, state: State, reason: &str) {
        self.state = state;
        reason.clone_into(&mut self.reason);
        if state.waits_for_human() {
            self.outstanding = None;
        }
        let void_from = match state {
            State::Queued => Some(GateId::Intake),
            State::LoadingContext | State::Triaging | State::Planning => Some(GateId::Plan),
            State::Coding => Some(GateId::Proposal),
            State::AwaitingApproval => Some(GateId::Approval),
            State::AwaitingPlanApproval
            | State::Reviewing
            | State::Applying
            | State::PrOpen
            | State::VerifyingCi
            | State::AwaitingMerge
            | State::Done
            | State::NeedsHuman
            | State::BlockedPolicy
            | State::Declined
            | State::Deferred
            | State::Failed
            | State::Cancelled => None,
        };
        if let Some(first) = void_from {
            self.gates.retain(|gate, _| *gate < first);
        }
    }

    fn accept_answer(&mut self, role: AgentRole) {
        self.refused_in_a_row.remove(&role);
    }

    fn extend(&mut self, id: &RequestId, until: Timestamp) {
        for request in self.requests.iter_mut().filter(|r| r.id == *id) {
            request.expires_at = Some(until);
        }
    }

    /// Words of a human shape what comes next.
    fn take_words(&mut self, act: &SignedAct) {
        let text = match &act.record.act {
            Act::RequestChanges {
                comment, comments, ..
            } => as_words(comment, comments, |id| self.repository_name(id)),
            Act::Answer { text, .. } => text.clone(),
            Act::Approve { .. }
            | Act::Reject { .. }
            | Act::Deselect { .. }
            | Act::Waive { .. }
            | Act::Withdraw { .. }
            | Act::Cancel { .. }
            | Act::Retry { .. }
            | Act::Extend { .. }
            | Act::Wake => String::new(),
        };
        self.refused_in_a_row.clear();
        if !text.is_empty() {
            self.shapers.insert(act.record.member.clone());
            self.guidance.push(GuidanceNote {
                revision: self.revision,
                text,
            });
        }
    }

    /// Another change is wanted in place of one that CI said no to.
    fn take_fix(&mut self, act: &SignedAct) {
        let Act::Answer {
            request,
            choice: Choice::Provide,
            ..
        } = &act.record.act
        else {
            return;
        };
        let asked = self.requests.iter().find(|r| r.id == *request);
        let of_ci = |s: &Subject| matches!(s, Subject::Question { question, .. } if question.kind == QuestionKind::CiNotGreen);
        if asked.is_some_and(|r| of_ci(&r.subject)) {
            self.begin_fix(RevisionCause::ChangesRequested);
        }
    }

    /// `was_ours` where it was as we wrote it, up to then.
    fn take_out(&mut self, operation: WriteIntentId, was_ours: bool) {
        self.outstanding = None;
        if !was_ours {
            self.left.insert(operation.clone());
        }
        self.retracted.insert(operation);
    }

    fn begin_fix(&mut self, cause: RevisionCause) {
        self.fixing = Some(cause);
        self.failed_checks = verifying::failed(self);
    }

    /// A new revision voids every draft and approval; the state that it enters voids the gates from there on.
    fn start_revision(&mut self, revision: Revision, cause: RevisionCause) {
        self.revision = revision;
        self.earlier_drafts = std::mem::take(&mut self.drafts);
        self.patch_sets.clear();
        self.critique = None;
        self.violations.clear();
        self.refusals.clear();
        self.refused_in_a_row.clear();
        self.approvals.clear();
        let ended = std::mem::take(&mut self.intents);
        self.found.retain(|f| !ended.iter().any(|i| i.branch == f.branch));
        self.standings.clear();
        self.checks_awaited = None;
        self.heads.clear();
        self.merge_awaited = None;
        self.merges.clear();
        if self.fixing.take().is_none() {
            self.failed_checks.clear();
        }
        self.outstanding = None;
        match cause {
            RevisionCause::Deselected => {}
            RevisionCause::ChangesRequested | RevisionCause::CiRed => {
                self.change_rounds += 1;
                self.left_out.clear();
            }
            RevisionCause::BaseMoved | RevisionCause::PolicyChanged => {
                self.earlier_drafts.clear();
                self.left_out.clear();
            }
        }
    }
}

fn is_of_plan(approval: &Approval) -> bool {
    matches!(
        &approval.act.record.act,
        Act::Approve {
            seen: SeenDigest::Plan(_),
            ..
        }
    )
}
