//! The loop's one step: what ran out, then inputs, then effects.

use crate::effects::{self, EffectError, Performed};
use crate::judge::{Judge, Outcome};
use crate::lease::HeldLease;
use crate::{EngineError, Ports};
use countersign_core::id::{InputId, TenantId, WorkflowId};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::AttemptOutcome;
use countersign_core::workflow::{EffectResult, Input};
use countersign_ports::store::{Claim, ClaimedEffect, InputStatus, Settles, StoreError, TRIES_MAX};
use std::time::Duration;
use tracing::Instrument as _;

/// How long to wait before the second, third, fourth and fifth try, in milliseconds.
const BACKOFF_MS: [u64; 4] = [250, 1_000, 3_000, 8_000];
/// The sweep: how long a worker sleeps at most before it looks again.
const SWEEP: Duration = Duration::from_millis(500);

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Something was judged or performed.
    Worked,
    /// There was nothing to claim.
    Idle,
}

/// Decides and performs. Exactly one per data folder, held by the owner lock.
pub struct Worker {
    ports: Ports,
    name: String,
}

impl Worker {
    /// Takes over the data folder: claims of earlier workers end here.
    ///
    /// # Errors
    /// When the store can't be written.
    pub async fn start(ports: Ports, name: String) -> Result<Self, EngineError> {
        let lost = ports.store.end_lost_claims().await?;
        if lost > 0 {
            tracing::info!(lost, "took over what an earlier worker had begun");
        }
        Ok(Self { ports, name })
    }

    /// One step. With `only`, other workflows are left alone.
    ///
    /// # Errors
    /// When the store fails; nothing is half-written then.
    pub async fn run_once(&self, only: Option<&WorkflowId>) -> Result<Step, EngineError> {
        self.expire(only).await?;
        let claim = self.ports.store.claim(&self.name, only).await?;
        match claim {
            None => Ok(Step::Idle),
            Some(Claim::Input {
                tenant,
                workflow,
                id,
                input,
            }) => {
                let span = tracing::info_span!("decision", %workflow, input = %id);
                let judged = self
                    .judge(&tenant, &workflow)
                    .input(&id, input)
                    .instrument(span)
                    .await;
                match judged {
                    Err(error) if holds(&error) => {
                        let why = error.to_string();
                        self.hold(&tenant, &workflow, &id, &why).await?;
                    }
                    other => other?,
                }
                Ok(Step::Worked)
            }
            Some(Claim::Undecidable {
                tenant,
                workflow,
                id,
                reason,
            }) => {
                self.hold(
                    &tenant,
                    &workflow,
                    &id,
                    &format!("a stored input can't be read: {reason}"),
                )
                .await?;
                Ok(Step::Worked)
            }
            Some(Claim::Effect(claimed)) => {
                let (kind, attempt) = (claimed.effect.kind(), claimed.attempt);
                let span = tracing::info_span!("effect", workflow = %claimed.workflow, kind, attempt);
                self.effect(claimed).instrument(span).await?;
                Ok(Step::Worked)
            }
        }
    }

    /// An input that can't be judged may be the rejection: it holds its workflow closed (hazard 60).
    async fn hold(
        &self,
        tenant: &TenantId,
        workflow: &WorkflowId,
        id: &InputId,
        why: &str,
    ) -> Result<(), EngineError> {
        tracing::error!(%workflow, input = %id, why, "an input can't be judged; its workflow is held");
        let (code, message) = ("input-undecidable".to_owned(), why.to_owned());
        let held = InputStatus::Held { code, message };
        Ok(self.ports.store.tenant(tenant).settle_input(id, &held).await?)
    }

    /// Sleeps until there may be something to do.
    ///
    /// # Errors
    /// When the store can't be read.
    pub async fn wait(&self, only: Option<&WorkflowId>) -> Result<(), EngineError> {
        let next = self.ports.store.next_run_at(only).await?;
        let now = self.ports.store.now().await?;
        let until = next.map_or(SWEEP, |t| Duration::from_millis(t.0.saturating_sub(now.0)));
        self.ports
            .store
            .wait_for_work(until.clamp(Duration::from_millis(5), SWEEP))
            .await;
        Ok(())
    }

    fn judge(&self, tenant: &TenantId, workflow: &WorkflowId) -> Judge<'_> {
        Judge {
            ports: &self.ports,
            store: self.ports.store.tenant(tenant),
            workflow: workflow.clone(),
        }
    }

    async fn expire(&self, only: Option<&WorkflowId>) -> Result<(), EngineError> {
        for (tenant, workflow) in self.ports.store.expired().await? {
            if only.is_none_or(|id| *id == workflow) {
                self.judge(&tenant, &workflow)
                    .decide(Input::TimePassed, Vec::new(), Settles::Nothing)
                    .await?;
            }
        }
        Ok(())
    }

    /// Performs a claimed effect and records what it found out.
    async fn effect(&self, claimed: ClaimedEffect) -> Result<(), EngineError> {
        self.ports
            .observer
            .performing(&claimed.workflow, &claimed.effect, claimed.attempt);
        let performed = self.perform(&claimed).await;
        tracing::info!(ok = performed.is_ok(), "performed");
        let (result, bodies) = match performed {
            Ok(Performed { result, bodies }) => (result, bodies),
            Err(EffectError::Store(StoreError::ClaimLost)) => return Ok(()),
            Err(EffectError::Store(error)) => return Err(error.into()),
            Err(EffectError::Passing { code, message }) if claimed.attempt < TRIES_MAX => {
                return self.try_later(&claimed, &code, &message).await;
            }
            Err(EffectError::Passing { code, message } | EffectError::Lasting { code, message }) => {
                tracing::warn!(code, message, "the effect is given up");
                (
                    EffectResult::GaveUp {
                        code,
                        detail: message,
                    },
                    Vec::new(),
                )
            }
        };
        if let EffectResult::WriteEnded {
            outcome: AttemptOutcome::Failed { detail, .. },
            ..
        } = &result
        {
            self.ports
                .observer
                .retrying(&claimed.workflow, &claimed.effect, detail);
        }
        if claimed.attempt >= TRIES_MAX
            && let Some((code, detail)) = came_to_nothing(&result)
        {
            let (code, detail) = (code.to_owned(), detail.to_owned());
            let settles = Settles::KeepsClaim {
                id: claimed.id.clone(),
                fence: claimed.fence,
            };
            self.conclude(&claimed, result, bodies, settles).await?;
            let given_up = EffectResult::GaveUp { code, detail };
            return self.conclude_and_settle(&claimed, given_up, Vec::new()).await;
        }
        self.conclude_and_settle(&claimed, result, bodies).await
    }

    async fn conclude_and_settle(
        &self,
        claimed: &ClaimedEffect,
        result: EffectResult,
        bodies: Vec<Vec<u8>>,
    ) -> Result<(), EngineError> {
        let again_at = self.backoff(claimed).await?;
        let settles = Settles::Effect {
            id: claimed.id.clone(),
            fence: claimed.fence,
            again_at,
        };
        self.conclude(claimed, result, bodies, settles).await
    }

    /// Lets `decide` draw the conclusions of a result; one that nobody waits for is put back and superseded.
    async fn conclude(
        &self,
        claimed: &ClaimedEffect,
        result: EffectResult,
        bodies: Vec<Vec<u8>>,
        settles: Settles,
    ) -> Result<(), EngineError> {
        let judge = self.judge(&claimed.tenant, &claimed.workflow);
        let input = Input::Effect {
            id: claimed.id.clone(),
            result,
        };
        match judge.decide(input, bodies, settles).await {
            Ok(Outcome::Recorded) => Ok(()),
            Ok(Outcome::Refused(refusal)) => {
                tracing::debug!(code = refusal.code(), "the effect's result is out of date");
                let at = self.backoff(claimed).await?;
                let put_back = judge.store.reschedule(claimed, at, refusal.code(), true).await;
                ignore_lost_claim(put_back)
            }
            Err(EngineError::Store(StoreError::ClaimLost)) => Ok(()),
            Err(error) if holds(&error) => self.try_later(claimed, error.code(), &error.to_string()).await,
            Err(error) => Err(error),
        }
    }

    /// Runs the effect on a task of its own under a lease that is renewed: a panic ends this try, not the process.
    async fn perform(&self, claimed: &ClaimedEffect) -> Result<Performed, EffectError> {
        if claimed.attempt > TRIES_MAX {
            let message = format!(
                "it was begun {} times and never came to an end",
                claimed.attempt - 1
            );
            return Err(EffectError::Lasting {
                code: "effect-never-ended".to_owned(),
                message,
            });
        }
        let _lease = HeldLease::keep(self.ports.store.tenant(&claimed.tenant), claimed.clone());
        let (ports, effect) = (self.ports.clone(), claimed.clone());
        let span = tracing::Span::current();
        let task = tokio::spawn(async move { effects::perform(&ports, &effect).await }.instrument(span));
        match task.await {
            Ok(performed) => performed,
            Err(died) => {
                tracing::error!(error = %died, "an effect panicked");
                let message = "the step ended in an internal error; the log has the details".to_owned();
                Err(EffectError::Passing {
                    code: "effect-panicked".to_owned(),
                    message,
                })
            }
        }
    }

    async fn try_later(&self, claimed: &ClaimedEffect, code: &str, message: &str) -> Result<(), EngineError> {
        tracing::warn!(code, message, "the effect is tried again later");
        self.ports
            .observer
            .retrying(&claimed.workflow, &claimed.effect, message);
        let at = self.backoff(claimed).await?;
        let store = self.ports.store.tenant(&claimed.tenant);
        ignore_lost_claim(
            store
                .reschedule(claimed, at, &format!("{code}: {message}"), true)
                .await,
        )
    }

    async fn backoff(&self, claimed: &ClaimedEffect) -> Result<Timestamp, EngineError> {
        let step = (claimed.attempt.max(1) as usize - 1).min(BACKOFF_MS.len() - 1);
        Ok(self.ports.store.now().await?.plus_ms(BACKOFF_MS[step]))
    }
}

/// Errors that the same item would meet again: they stop the item, not the worker.
fn holds(error: &EngineError) -> bool {
    match error {
        EngineError::DecisionBroke
        | EngineError::Store(
            StoreError::Refused { .. } | StoreError::Corrupt { .. } | StoreError::NotFound { .. },
        ) => true,
        EngineError::TooManyClashes(_)
        | EngineError::Store(StoreError::Clash | StoreError::ClaimLost | StoreError::Unavailable { .. }) => {
            false
        }
    }
}

/// A try that wrote nothing for sure, with its reason.
fn came_to_nothing(result: &EffectResult) -> Option<(&str, &str)> {
    let EffectResult::WriteEnded { outcome, .. } = result else {
        return None;
    };
    match outcome {
        AttemptOutcome::Failed { code, detail } | AttemptOutcome::Refused { code, detail } => {
            Some((code, detail))
        }
        AttemptOutcome::Unknown { detail } => Some(("outcome-unknown", detail)),
        AttemptOutcome::Written { .. } | AttemptOutcome::Foreign { .. } => None,
    }
}

fn ignore_lost_claim(result: Result<(), StoreError>) -> Result<(), EngineError> {
    match result {
        Err(StoreError::ClaimLost) => Ok(()),
        other => other.map_err(EngineError::from),
    }
}
