//! What ran out, then inputs, then effects: step by step for one workflow ([`Worker::run_once`]), or many workflows
//! at a time ([`Worker::serve`]).

use crate::effects::{self, EffectError, Performed};
use crate::judge::{Judge, NextEffect, Outcome};
use crate::lease::HeldLease;
use crate::{EngineError, Ports, TryEnd, trace};
use countersign_core::id::{InputId, TenantId, WorkflowId};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::AttemptOutcome;
use countersign_core::workflow::{EffectResult, Input, Workflow};
use countersign_ports::moment::{self, Moment};
use countersign_ports::store::{Claim, ClaimedEffect, InputStatus, Settles, StoreError, TRIES_MAX};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tracing::Instrument as _;
use tracing::field::Empty;

/// How often a frozen write looks whether it may go on, in milliseconds.
const THAW_LOOK_MS: u64 = 2_000;
/// How long to wait before the second, third, fourth and fifth try, in milliseconds.
const BACKOFF_MS: [u64; 4] = [250, 1_000, 3_000, 8_000];
/// The sweep: how long a worker sleeps at most before it looks again.
const SWEEP: Duration = Duration::from_millis(500);

/// Workflows that one worker is busy with at a time.
const WORKFLOWS_AT_ONCE: usize = 32;
/// Effects of one workflow that follow each other before others get their turn.
const STEPS_IN_A_ROW_MAX: u32 = 32;

/// What one step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Something was judged or performed.
    Worked,
    /// There was nothing to claim.
    Idle,
}

/// Decides and performs. Exactly one process per data folder, held by the owner lock.
pub struct Worker {
    ports: Ports,
    name: String,
    inbox: Arc<Inbox>,
}

/// What the workers of one process share: inputs of a workflow are judged one after the other.
#[derive(Default)]
struct Inbox {
    /// Held while one of them claims.
    claiming: tokio::sync::Mutex<()>,
    /// Workflows of which an input is being judged: the next one of theirs has to wait.
    judging: Mutex<BTreeSet<WorkflowId>>,
}

impl Inbox {
    fn judging(&self) -> std::sync::MutexGuard<'_, BTreeSet<WorkflowId>> {
        self.judging.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a workflow from those being judged.
struct Judging<'a> {
    inbox: &'a Inbox,
    workflow: WorkflowId,
}

impl Drop for Judging<'_> {
    fn drop(&mut self) {
        self.inbox.judging().remove(&self.workflow);
    }
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
        let inbox = Arc::default();
        Ok(Self { ports, name, inbox })
    }

    /// One more worker in the process that has taken the data folder over.
    pub fn beside(&self, name: String) -> Self {
        Self {
            ports: self.ports.clone(),
            name,
            inbox: Arc::clone(&self.inbox),
        }
    }

    /// One step. With `only`, other workflows are left alone.
    ///
    /// # Errors
    /// When the store fails; nothing is half-written then.
    pub async fn run_once(&self, only: Option<&WorkflowId>) -> Result<Step, EngineError> {
        self.expire(only).await?;
        match self.claim(only).await? {
            None => Ok(Step::Idle),
            Some(claim) => self.item(claim, None).await.map(|_| Step::Worked),
        }
    }

    /// One item and all that follows from it at once: what [`Worker::serve`] does for many workflows at a time.
    ///
    /// # Errors
    /// When the store fails; nothing is half-written then.
    pub async fn run_through(&self) -> Result<Step, EngineError> {
        self.expire(None).await?;
        let Some(claim) = self.claim(None).await? else {
            return Ok(Step::Idle);
        };
        self.follow(claim, || true).await?;
        Ok(Step::Worked)
    }

    /// Works on many workflows at a time until `stop` says so; what was begun then is brought to its end.
    ///
    /// # Errors
    /// When the store fails; nothing is half-written then.
    pub async fn serve(self: Arc<Self>, mut stop: watch::Receiver<bool>) -> Result<(), EngineError> {
        let lanes = Arc::new(Semaphore::new(WORKFLOWS_AT_ONCE));
        let mut items = JoinSet::new();
        let mut looked = Instant::now();
        while !*stop.borrow() {
            while let Some(ended) = items.try_join_next() {
                flat(ended)?;
            }
            if looked.elapsed() >= SWEEP {
                self.expire(None).await?;
                looked = Instant::now();
            }
            let lane = Arc::clone(&lanes).acquire_owned().await;
            let lane = lane.expect("nobody closes the lanes");
            match self.claim(None).await? {
                Some(claim) => {
                    let (worker, lanes, stop) = (Arc::clone(&self), Arc::clone(&lanes), stop.clone());
                    items.spawn(async move {
                        let _lane = lane;
                        // Where all lanes are taken, whoever comes in would wait for the ends of whole workflows.
                        let stays = || !*stop.borrow() && lanes.available_permits() > 0;
                        worker.follow(claim, stays).await
                    });
                }
                None => tokio::select! {
                    waited = self.wait(None) => waited?,
                    _ = stop.changed() => {}
                },
            }
        }
        while let Some(ended) = items.join_next().await {
            flat(ended)?;
        }
        Ok(())
    }

    /// Works on one item and on what follows from it, as long as the workflow `stays` here; what is left is anybody's.
    async fn follow(&self, claim: Claim, stays: impl Fn() -> bool) -> Result<(), EngineError> {
        let goes_on = || stays().then(|| self.name.clone());
        let mut next = self.item(claim, goes_on()).await?;
        for step in 1.. {
            let Some(NextEffect { claimed, workflow }) = next else {
                break;
            };
            let more = goes_on().filter(|_| step < STEPS_IN_A_ROW_MAX);
            next = self.effect_in_span(claimed, Some(workflow), more).await?;
        }
        Ok(())
    }

    async fn claim(&self, only: Option<&WorkflowId>) -> Result<Option<Claim>, EngineError> {
        let _claiming = self.inbox.claiming.lock().await;
        let judging = self.inbox.judging().clone();
        let claim = self.ports.store.claim(&self.name, only, &judging).await?;
        if let Some(Claim::Input { workflow, .. } | Claim::Undecidable { workflow, .. }) = &claim {
            self.inbox.judging().insert(workflow.clone());
        }
        Ok(claim)
    }

    /// Works on one item. With `goes_on`, what it asks for is claimed along with its result.
    async fn item(&self, claim: Claim, goes_on: Option<String>) -> Result<Option<NextEffect>, EngineError> {
        match claim {
            Claim::Input {
                tenant,
                workflow,
                id,
                input,
            } => {
                let _judging = Judging {
                    inbox: &self.inbox,
                    workflow: workflow.clone(),
                };
                let span = tracing::info_span!("decision", %workflow, input = %id);
                trace::joins(&span, &workflow);
                let judged = self
                    .judge(&tenant, &workflow, goes_on)
                    .input(&id, input)
                    .instrument(span)
                    .await;
                match judged {
                    Err(error) if holds(&error) => {
                        let why = error.to_string();
                        self.hold(&tenant, &workflow, &id, &why).await?;
                        Ok(None)
                    }
                    other => other,
                }
            }
            Claim::Undecidable {
                tenant,
                workflow,
                id,
                reason,
            } => {
                let _judging = Judging {
                    inbox: &self.inbox,
                    workflow: workflow.clone(),
                };
                let why = format!("a stored input can't be read: {reason}");
                self.hold(&tenant, &workflow, &id, &why).await?;
                Ok(None)
            }
            Claim::Effect(claimed) => self.effect_in_span(claimed, None, goes_on).await,
        }
    }

    async fn effect_in_span(
        &self,
        claimed: ClaimedEffect,
        known: Option<Workflow>,
        goes_on: Option<String>,
    ) -> Result<Option<NextEffect>, EngineError> {
        let (kind, attempt) = (claimed.effect.kind(), claimed.attempt);
        let span = tracing::info_span!("effect", workflow = %claimed.workflow, kind, attempt, end = Empty);
        trace::joins(&span, &claimed.workflow);
        Box::pin(self.effect(claimed, known, goes_on))
            .instrument(span)
            .await
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

    fn judge(&self, tenant: &TenantId, workflow: &WorkflowId, goes_on: Option<String>) -> Judge<'_> {
        Judge {
            ports: &self.ports,
            store: self.ports.store.tenant(tenant),
            workflow: workflow.clone(),
            goes_on,
        }
    }

    async fn expire(&self, only: Option<&WorkflowId>) -> Result<(), EngineError> {
        for (tenant, workflow) in self.ports.store.expired().await? {
            if only.is_none_or(|id| *id == workflow) {
                self.judge(&tenant, &workflow, None)
                    .decide(Input::TimePassed, Vec::new(), Settles::Nothing, None)
                    .await?;
            }
        }
        Ok(())
    }

    /// Performs a claimed effect and records what it found out.
    async fn effect(
        &self,
        claimed: ClaimedEffect,
        known: Option<Workflow>,
        goes_on: Option<String>,
    ) -> Result<Option<NextEffect>, EngineError> {
        self.ports
            .observer
            .performing(&claimed.workflow, &claimed.effect, claimed.attempt);
        let began = Instant::now();
        let performed = self.perform(&claimed, known.clone()).await;
        if let Some(end) = try_end(&performed, claimed.attempt) {
            let observer = &self.ports.observer;
            observer.performed(&claimed.effect, end, began.elapsed());
            tracing::Span::current().record("end", end.as_str());
        }
        tracing::info!(ok = performed.is_ok(), "performed");
        let (result, bodies, for_good) = match performed {
            Ok(Performed {
                result,
                bodies,
                for_good,
            }) => (result, bodies, for_good),
            Err(EffectError::Store(StoreError::ClaimLost)) => return Ok(None),
            Err(EffectError::Store(error)) => return Err(error.into()),
            Err(EffectError::Frozen { message }) => {
                return self
                    .look_again(&claimed, &message, THAW_LOOK_MS)
                    .await
                    .map(|()| None);
            }
            Err(EffectError::Waits {
                message,
                again_after_ms,
            }) => {
                return self
                    .look_again(&claimed, &message, again_after_ms)
                    .await
                    .map(|()| None);
            }
            Err(EffectError::Rests {
                message,
                again_after_ms,
            }) => {
                self.ports
                    .observer
                    .retrying(&claimed.workflow, &claimed.effect, &message);
                return self
                    .look_again(&claimed, &message, again_after_ms)
                    .await
                    .map(|()| None);
            }
            Err(EffectError::Passing { code, message }) if claimed.attempt < TRIES_MAX => {
                return self.try_later(&claimed, &code, &message).await.map(|()| None);
            }
            Err(EffectError::Passing { code, message } | EffectError::Lasting { code, message }) => {
                tracing::warn!(code, message, "the effect is given up");
                (
                    EffectResult::GaveUp {
                        code,
                        detail: message,
                    },
                    Vec::new(),
                    true,
                )
            }
        };
        if let EffectResult::WriteEnded {
            outcome: AttemptOutcome::Failed { detail, .. },
            ..
        } = &result
            && !for_good
        {
            self.ports
                .observer
                .retrying(&claimed.workflow, &claimed.effect, detail);
        }
        // A write records its attempt on the way, and an agent call its reservation: what was known before is old.
        let reserved = result.runs().iter().any(|run| run.call.is_some());
        let known = known.filter(|_| !reserved && !matches!(result, EffectResult::WriteEnded { .. }));
        // What was refused for good is asked about at once, as what was tried often enough is.
        if (for_good || claimed.attempt >= TRIES_MAX)
            && let Some((code, detail)) = came_to_nothing(&result)
        {
            let (code, detail) = (code.to_owned(), detail.to_owned());
            let settles = Settles::KeepsClaim {
                id: claimed.id.clone(),
                fence: claimed.fence,
            };
            let judge = self.judge(&claimed.tenant, &claimed.workflow, None);
            self.conclude(&judge, &claimed, (result, bodies), settles, known)
                .await?;
            let given_up = EffectResult::GaveUp { code, detail };
            return self
                .conclude_and_settle(&claimed, (given_up, Vec::new()), None, goes_on)
                .await;
        }
        self.conclude_and_settle(&claimed, (result, bodies), known, goes_on)
            .await
    }

    async fn conclude_and_settle(
        &self,
        claimed: &ClaimedEffect,
        found: (EffectResult, Vec<Vec<u8>>),
        known: Option<Workflow>,
        goes_on: Option<String>,
    ) -> Result<Option<NextEffect>, EngineError> {
        let settles = Settles::Effect {
            id: claimed.id.clone(),
            fence: claimed.fence,
            again_after_ms: backoff_ms(claimed),
        };
        let judge = self.judge(&claimed.tenant, &claimed.workflow, goes_on);
        self.conclude(&judge, claimed, found, settles, known).await
    }

    /// Lets `decide` draw the conclusions of a result; one that nobody waits for is put back and superseded.
    async fn conclude(
        &self,
        judge: &Judge<'_>,
        claimed: &ClaimedEffect,
        (result, bodies): (EffectResult, Vec<Vec<u8>>),
        settles: Settles,
        known: Option<Workflow>,
    ) -> Result<Option<NextEffect>, EngineError> {
        let input = Input::Effect {
            id: claimed.id.clone(),
            result,
        };
        match Box::pin(judge.decide(input, bodies, settles, known)).await {
            Ok(Outcome::Recorded(next)) => Ok(next.map(|next| *next)),
            Ok(Outcome::Refused(refusal)) => {
                tracing::debug!(code = refusal.code(), "the effect's result is out of date");
                let at = self.backoff(claimed).await?;
                let put_back = judge.store.reschedule(claimed, at, refusal.code(), true).await;
                ignore_lost_claim(put_back).map(|()| None)
            }
            Err(EngineError::Store(StoreError::ClaimLost)) => Ok(None),
            Err(error) if holds(&error) => {
                let why = error.to_string();
                self.try_later(claimed, error.code(), &why).await.map(|()| None)
            }
            Err(error) => Err(error),
        }
    }

    /// Runs the effect on a task of its own under a lease that is renewed: a panic ends this try, not the process.
    async fn perform(
        &self,
        claimed: &ClaimedEffect,
        known: Option<Workflow>,
    ) -> Result<Performed, EffectError> {
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
        let work = async move {
            moment::pass(Moment::BeforeEffect);
            let performed = effects::perform(&ports, &effect, known).await;
            moment::pass(Moment::AfterEffect);
            performed
        };
        let task = tokio::spawn(work.instrument(span));
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

    /// No try: it is put back as it was, and looked at again after a pause.
    async fn look_again(
        &self,
        claimed: &ClaimedEffect,
        message: &str,
        after_ms: u64,
    ) -> Result<(), EngineError> {
        tracing::info!(message, "the effect waits");
        let at = self.ports.store.now().await?.plus_ms(after_ms);
        let store = self.ports.store.tenant(&claimed.tenant);
        ignore_lost_claim(store.reschedule(claimed, at, message, false).await)
    }

    async fn backoff(&self, claimed: &ClaimedEffect) -> Result<Timestamp, EngineError> {
        Ok(self.ports.store.now().await?.plus_ms(backoff_ms(claimed)))
    }
}

fn backoff_ms(claimed: &ClaimedEffect) -> u64 {
    let step = (claimed.attempt.max(1) as usize - 1).min(BACKOFF_MS.len() - 1);
    BACKOFF_MS[step]
}

/// What became of an item; a panic in it is passed on.
fn flat(ended: Result<Result<(), EngineError>, tokio::task::JoinError>) -> Result<(), EngineError> {
    match ended {
        Ok(ended) => ended,
        Err(died) if died.is_panic() => std::panic::resume_unwind(died.into_panic()),
        Err(_cancelled) => Ok(()),
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
        | EngineError::Store(
            StoreError::Clash
            | StoreError::ClaimLost
            | StoreError::Closed { .. }
            | StoreError::Unavailable { .. },
        ) => false,
    }
}

/// How a try ended; `None`: it was none, because the claim was lost, the store failed, writing is frozen or there is
/// nothing to conclude from yet.
fn try_end(performed: &Result<Performed, EffectError>, attempt: u32) -> Option<TryEnd> {
    let came_to_nothing = match performed {
        Ok(Performed {
            result,
            for_good: true,
            ..
        }) if came_to_nothing(result).is_some() => return Some(TryEnd::GivenUp),
        Ok(Performed { result, .. }) => came_to_nothing(result).is_some(),
        Err(EffectError::Passing { .. }) => true,
        Err(EffectError::Lasting { .. }) => return Some(TryEnd::GivenUp),
        Err(
            EffectError::Frozen { .. }
            | EffectError::Waits { .. }
            | EffectError::Rests { .. }
            | EffectError::Store(_),
        ) => return None,
    };
    Some(match came_to_nothing {
        false => TryEnd::Done,
        true if attempt < TRIES_MAX => TryEnd::Failed,
        true => TryEnd::GivenUp,
    })
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
        AttemptOutcome::Written { .. } | AttemptOutcome::Foreign { .. } | AttemptOutcome::Opened { .. } => {
            None
        }
    }
}

fn ignore_lost_claim(result: Result<(), StoreError>) -> Result<(), EngineError> {
    match result {
        Err(StoreError::ClaimLost) => Ok(()),
        other => other.map_err(EngineError::from),
    }
}
