//! The one door: input and state in, events and effects out. Judges; performs nothing.

use super::event::{Event, Request, RequestStatus, ResumePoint, Subject};
use super::input::{EffectResult, Input, Submission};
use super::{Effect, State, Workflow, approving, human, intake, planning, proposing, writing};
use crate::digest::QuestionDigest;
use crate::gate::{self, Check, GateId, GateOutcome};
use crate::id::{EffectId, RequestId};
use crate::member::Ineligible;
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

/// Why an input changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// An effect's result that nobody waits for any more.
    #[error("this result is out of date; the workflow went on without it")]
    Stale,
    /// The submission can't be a workflow.
    #[error("{0}")]
    BadSubmission(String),
    /// Nothing can happen to it any more.
    #[error("the workflow has ended as {0}; nothing can be changed any more")]
    Ended(State),
    /// The verb means nothing in this state.
    #[error("`{verb}` is not possible while the workflow is {state}{hint}")]
    WrongState {
        /// What was tried.
        verb: &'static str,
        /// Where it is.
        state: State,
        /// What is possible instead.
        hint: String,
    },
    /// No such request, or it is no longer open.
    #[error("the request {0} is not open any more; look again with `countersign show`")]
    RequestNotOpen(RequestId),
    /// The digest is not that of what would be decided on.
    #[error("the digest is {given}, but what waits for a decision now is {current}: {delta}")]
    DigestMismatch {
        /// What the client sent.
        given: String,
        /// What it would have to be.
        current: String,
        /// What is different.
        delta: String,
    },
    /// This person may not.
    #[error(transparent)]
    Ineligible(#[from] Ineligible),
    /// Approved already by the same person.
    #[error("{0} has approved this already")]
    AlreadyApproved(String),
    /// Warnings have to be acknowledged one by one.
    #[error("policy warnings have to be acknowledged in the decision: {}", .0.join(", "))]
    WarningsNotAcknowledged(Vec<String>),
    /// Policy wants a person to look.
    #[error("an unattended decision is not allowed here: {0}")]
    UnattendedForbidden(String),
    /// The answer is not among the choices.
    #[error("`{given}` is not a choice here; choose one of: {}", .offered.join(", "))]
    NotAChoice {
        /// What was given.
        given: &'static str,
        /// What is offered.
        offered: Vec<&'static str>,
    },
    /// Words are missing or too many.
    #[error("{0}")]
    BadText(String),
    /// Nothing of that person to withdraw, or it is too late.
    #[error("{0}")]
    NothingToWithdraw(String),
    /// There is no such workflow, or it was never accepted.
    #[error("there is no such workflow; `countersign list` shows all")]
    NotStarted,
    /// Its stream is at its bound.
    #[error("the workflow has {0} events and takes no more; `countersign cancel` ends it")]
    TooLong(u64),
    /// The act is for another workflow or tenant.
    #[error("this act was made for another workflow")]
    WrongWorkflow,
}

impl Refusal {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::Stale => "stale-result",
            Refusal::BadSubmission(_) => "bad-submission",
            Refusal::Ended(_) => "workflow-ended",
            Refusal::WrongState { .. } => "wrong-state",
            Refusal::RequestNotOpen(_) => "request-not-open",
            Refusal::DigestMismatch { .. } => "digest-mismatch",
            Refusal::Ineligible(_) => "not-eligible",
            Refusal::AlreadyApproved(_) => "already-approved",
            Refusal::WarningsNotAcknowledged(_) => "warnings-not-acknowledged",
            Refusal::UnattendedForbidden(_) => "unattended-forbidden",
            Refusal::NotAChoice { .. } => "not-a-choice",
            Refusal::BadText(_) => "bad-text",
            Refusal::NothingToWithdraw(_) => "nothing-to-withdraw",
            Refusal::NotStarted => "not-started",
            Refusal::TooLong(_) => "too-long",
            Refusal::WrongWorkflow => "wrong-workflow",
        }
    }
}

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
            take_result(&mut turn, &effect, result)?;
        }
        Input::AttemptStarting { id, attempt } => {
            turn.expect(&id)?;
            writing::attempt_starting(&mut turn, attempt)?;
        }
        Input::Act { act, roster, .. } => human::act(&mut turn, act, &roster)?,
        Input::TimePassed => approving::time_passed(&mut turn)?,
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
                organisation,
                duplicate_of,
                roster,
            },
        ) => {
            let found = intake::Found {
                policies,
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
        (Effect::Critique, EffectResult::Critiqued { run, answer, roster }) => {
            proposing::critiqued(turn, run, answer, &roster);
        }
        (Effect::SealLedger { purpose }, EffectResult::Sealed { checkpoint, roster }) => {
            approving::sealed(turn, *purpose, checkpoint, &roster);
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
        ) if *intent == of => {
            writing::write_ended(turn, &of, number, outcome);
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
            | Effect::Critique
            | Effect::SealLedger { .. }
            | Effect::CheckBases
            | Effect::WriteBranch { .. }
            | Effect::RetractBranch { .. },
            _,
        ) => return Err(Refusal::Stale),
    }
    Ok(())
}

/// One decision in the making: every emitted event is applied at once, so that later rules see it.
pub(super) struct Turn {
    pub(super) workflow: Workflow,
    pub(super) at: Timestamp,
    events: Vec<Event>,
    effects: Vec<(EffectId, Effect)>,
}

impl Turn {
    fn new(workflow: &Workflow, at: Timestamp) -> Self {
        Self {
            workflow: workflow.clone(),
            at,
            events: Vec::new(),
            effects: Vec::new(),
        }
    }

    fn finish(self) -> Decision {
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
    fn expect(&self, id: &EffectId) -> Result<Effect, Refusal> {
        match &self.workflow.outstanding {
            Some((outstanding, effect)) if outstanding == id => Ok(effect.clone()),
            Some(_) | None => Err(Refusal::Stale),
        }
    }

    pub(super) fn emit(&mut self, event: Event) {
        self.workflow.apply(&event);
        self.events.push(event);
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
            | QuestionKind::StepFailed => State::NeedsHuman,
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
