//! A decision in the making: events are applied as they are emitted, and what must hold at the end is asserted.

use super::event::{Event, Request, RequestStatus, ResumePoint, Subject};
use super::{Effect, Refusal, State, Workflow};
use crate::digest::QuestionDigest;
use crate::gate::{self, Check, GateId, GateOutcome};
use crate::id::{EffectId, RequestId};
use crate::member::Roster;
use crate::question::{DETAILS_MAX, Question, QuestionKind};
use crate::time::Timestamp;

/// What is to be recorded and done.
#[derive(Debug, Clone)]
pub struct Decision {
    /// Facts, in order.
    pub events: Vec<Event>,
    /// What to do next.
    pub effects: Vec<(EffectId, Effect)>,
    /// The workflow after these events.
    pub workflow: Workflow,
}

/// One decision in the making: every emitted event is applied at once, so that later rules see it.
pub(super) struct Turn {
    pub(super) workflow: Workflow,
    pub(super) at: Timestamp,
    events: Vec<Event>,
    effects: Vec<(EffectId, Effect)>,
}

impl Turn {
    pub(super) fn new(workflow: &Workflow, at: Timestamp) -> Self {
        Self {
            workflow: workflow.clone(),
            at,
            events: Vec::new(),
            effects: Vec::new(),
        }
    }

    pub(super) fn finish(self) -> Decision {
        let open_questions = self.workflow.open_requests().count();
        let sealing = self.workflow.outstanding.is_some();
        assert!(
            !self.workflow.state.waits_for_human()
                || self.workflow.state == State::Deferred
                || open_questions > 0
                || sealing,
            "a workflow that waits has an open request (INV-10)"
        );
        assert!(
            self.workflow.state.waits_for_human()
                || self.workflow.state.is_final()
                || self.workflow.outstanding.is_some(),
            "a workflow that does not wait has something to do"
        );
        Decision {
            events: self.events,
            effects: self.effects,
            workflow: self.workflow,
        }
    }

    /// The outstanding effect, if it is this one.
    pub(super) fn expect(&self, id: &EffectId) -> Result<Effect, Refusal> {
        match &self.workflow.outstanding {
            Some((outstanding, effect)) if outstanding == id => Ok(effect.clone()),
            Some(_) | None => Err(Refusal::Stale),
        }
    }

    pub(super) fn emit(&mut self, event: Event) {
        self.workflow.apply(&event);
        self.events.push(event);
    }

    /// Records who the members are, if that is new: a story has to say by whom it was judged.
    pub(super) fn see(&mut self, roster: &Roster) {
        if self.workflow.roster.as_ref() != Some(roster) {
            self.emit(Event::RosterRecorded {
                roster: roster.clone(),
            });
        }
    }

    pub(super) fn enter(&mut self, state: State, reason: impl Into<String>) {
        self.emit(Event::StateEntered {
            state,
            reason: reason.into(),
        });
    }

    /// Requests an effect; it becomes the only outstanding one.
    pub(super) fn request(&mut self, effect: Effect) {
        let id = EffectId::derive(&self.workflow.id, self.workflow.effects_requested + 1);
        self.emit(Event::EffectRequested {
            id: id.clone(),
            effect: effect.clone(),
        });
        self.effects = vec![(id, effect)];
    }

    /// Judges a gate and records the result.
    pub(super) fn judge(&mut self, gate: GateId, checks: Vec<Check>) -> Result<(), Vec<String>> {
        let result = gate::evaluate(gate, self.workflow.revision, checks);
        let (outcome, failures) = (result.outcome, result.failures());
        self.emit(Event::GateEvaluated { result });
        match outcome {
            GateOutcome::Passed => Ok(()),
            GateOutcome::Failed | GateOutcome::NotRequired => Err(failures),
        }
    }

    pub(super) fn next_request_id(&self) -> RequestId {
        let number = u32::try_from(self.workflow.requests.len())
            .unwrap_or(u32::MAX)
            .saturating_add(1);
        RequestId::derive(&self.workflow.id, number)
    }

    pub(super) fn open(
        &mut self,
        subject: Subject,
        expires_at: Option<Timestamp>,
        resume: Option<ResumePoint>,
    ) {
        let request = Request {
            id: self.next_request_id(),
            subject,
            revision: self.workflow.revision,
            opened_at: self.at,
            expires_at,
            status: RequestStatus::Open,
        };
        self.emit(Event::RequestOpened { request, resume });
    }

    pub(super) fn close(&mut self, request: &RequestId, status: RequestStatus) {
        self.emit(Event::RequestClosed {
            request: request.clone(),
            status,
        });
    }

    /// Ends every open request the same way.
    pub(super) fn close_all(&mut self, status: RequestStatus) {
        let open: Vec<RequestId> = self.workflow.open_requests().map(|r| r.id.clone()).collect();
        for request in open {
            self.close(&request, status);
        }
    }

    /// Stops with a question of the fixed list.
    pub(super) fn ask(&mut self, kind: QuestionKind, mut details: Vec<String>, resume: ResumePoint) {
        let left_out = details.len().saturating_sub(DETAILS_MAX);
        details.truncate(DETAILS_MAX);
        if left_out > 0 {
            details.push(format!("… and {left_out} more"));
        }
        self.close_all(RequestStatus::Superseded);
        let state = match kind {
            QuestionKind::PolicyBlocks => State::BlockedPolicy,
            QuestionKind::InformationMissing
            | QuestionKind::PlanRefused
            | QuestionKind::ProposalRefused
            | QuestionKind::ResultUnchanged
            | QuestionKind::RoundsSpent
            | QuestionKind::ApprovalExpired
            | QuestionKind::ApprovalsLapsed
            | QuestionKind::ApproversMissing
            | QuestionKind::WriteIncomplete
            | QuestionKind::ForeignBranch
            | QuestionKind::BaseLost
            | QuestionKind::StepFailed
            | QuestionKind::Restored
            | QuestionKind::ForeignPullRequest
            | QuestionKind::HeadMoved
            | QuestionKind::CiNotGreen
            | QuestionKind::NotMerged
            | QuestionKind::LandedDifferent
            | QuestionKind::BudgetSpent => State::NeedsHuman,
        };
        self.enter(state, kind.text());
        let question = Question { kind, details };
        let digest = QuestionDigest::of(&(
            &self.workflow.id,
            self.workflow.revision,
            self.next_request_id(),
            &question,
        ));
        self.open(Subject::Question { question, digest }, None, Some(resume));
    }

    /// The last event of the stream.
    pub(super) fn end(&mut self, state: State, reason: impl Into<String>) {
        self.emit(Event::WorkflowEnded {
            state,
            reason: reason.into(),
        });
        self.effects.clear();
    }
}
