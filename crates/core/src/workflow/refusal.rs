//! Why an input changes nothing: for whoever sent it, with a stable code and a plain sentence.

use super::State;
use crate::id::RequestId;
use crate::member::Ineligible;

/// Why an input changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Required checks have not ended, and their deadline is not over.
    #[error("required checks have not ended yet; they are looked at again")]
    StillRunning,
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
    /// That rule, path or time can't be waived.
    #[error("{0}")]
    NotWaivable(String),
    /// A request that can't be kept open, or not that long.
    #[error("{0}")]
    NotExtendable(String),
    /// That can't be left out.
    #[error("{0}")]
    NotDeselectable(String),
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
            Refusal::StillRunning => "checks-still-running",
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
            Refusal::NotWaivable(_) => "not-waivable",
            Refusal::NotExtendable(_) => "not-extendable",
            Refusal::NotDeselectable(_) => "not-deselectable",
            Refusal::NothingToWithdraw(_) => "nothing-to-withdraw",
            Refusal::NotStarted => "not-started",
            Refusal::TooLong(_) => "too-long",
            Refusal::WrongWorkflow => "wrong-workflow",
        }
    }
}
