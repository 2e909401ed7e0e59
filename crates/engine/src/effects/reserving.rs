//! Reserves what an agent call may cost before it begins, and gives back what it did not use once it has ended.
//!
//! Both are transactions of their own under the effect's claim. A process that dies between them has recorded the
//! reservation and no end: `decide` counts such a call whole.

use super::{EffectError, Job};
use countersign_core::artifact::AgentRole;
use countersign_core::budget::CALL_MAX_MS;
use countersign_core::id::CallNumber;
use countersign_core::workflow::Input;
use countersign_ports::store::StoreError;
use std::time::Duration;

/// Leave to call an agent.
pub(super) struct Leave {
    /// The reservation; absent where the agent runs nothing outside.
    pub(super) number: Option<CallNumber>,
    /// How long the call may take.
    pub(super) deadline: Duration,
}

impl Job<'_> {
    /// Reserves the worst case of one call.
    ///
    /// # Errors
    /// `ClaimLost` where nobody waits for the effect any more: the budget did not allow the call and a person is asked,
    /// the workflow went on without it, or another worker holds it.
    pub(super) async fn reserve(&self, role: AgentRole) -> Result<Leave, EffectError> {
        if !self.workflow.counts_call(role) {
            return Ok(Leave {
                number: None,
                deadline: Duration::from_millis(CALL_MAX_MS),
            });
        }
        let input = Input::AgentCallStarting {
            id: self.claimed.id.clone(),
            role,
            fence: self.claimed.fence,
        };
        if !self.record(input, None).await? {
            return Err(StoreError::ClaimLost.into());
        }
        let now = self.judge().load().await?;
        let waits = now
            .outstanding
            .as_ref()
            .is_some_and(|(id, _)| *id == self.claimed.id);
        let last = now.calls.last().map(|call| &call.reservation);
        let ours = last.filter(|r| r.effect == self.claimed.id && r.fence == self.claimed.fence);
        match ours {
            Some(reservation) if waits => Ok(Leave {
                number: Some(reservation.number),
                deadline: Duration::from_millis(reservation.reserves_ms),
            }),
            Some(_) | None => Err(StoreError::ClaimLost.into()),
        }
    }

    /// Records that a call has ended, with an answer or without. Where nobody waits for the effect any more there is
    /// nothing to give back to.
    pub(super) async fn call_ended(&self, number: CallNumber, took_ms: u64) -> Result<(), EffectError> {
        let input = Input::AgentCallEnded {
            id: self.claimed.id.clone(),
            number,
            took_ms,
        };
        self.record(input, None).await.map(drop)
    }
}
