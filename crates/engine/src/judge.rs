//! Load, decide, commit: the only way in which a workflow moves.

use crate::trace::ENDED;
use crate::{EngineError, Ports};
use countersign_core::act::{MemberKey, SignedAct};
use countersign_core::id::{InputId, WorkflowId};
use countersign_core::workflow::merging::REVERTS;
use countersign_core::workflow::{Decision, Event, Input, Refusal, Submission, Workflow, decide, start};
use countersign_ports::store::{
    Alarm, ClaimedEffect, Commit, Freeze, InputStatus, NewInput, Settles, StoreError, TenantStore,
};
use ed25519_dalek::VerifyingKey;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// How often a transition is decided again after a clash.
const CLASHES_MAX: u32 = 20;
/// A checkpoint is signed at the latest after this many entries.
const UNSEALED_MAX: u64 = 1_000;
/// After how many entries it is looked at whether that many are unsealed.
const SEAL_LOOK_EVERY: u64 = 100;

/// Judges inputs for one workflow.
pub(crate) struct Judge<'a> {
    pub(crate) ports: &'a Ports,
    pub(crate) store: Arc<dyn TenantStore>,
    pub(crate) workflow: WorkflowId,
    /// The worker that goes on with what a decision asks for.
    pub(crate) goes_on: Option<String>,
}

/// What became of an input.
pub(crate) enum Outcome {
    Recorded(Option<Box<NextEffect>>),
    Refused(Refusal),
}

/// The effect that was claimed with the decision that asks for it, and the workflow as it was decided.
pub(crate) struct NextEffect {
    pub(crate) claimed: ClaimedEffect,
    pub(crate) workflow: Workflow,
}

impl Judge<'_> {
    /// Judges an input from the inbox and settles it.
    pub(crate) async fn input(
        &self,
        id: &InputId,
        input: NewInput,
    ) -> Result<Option<NextEffect>, EngineError> {
        let outcome = match input {
            NewInput::Submit(submission) => {
                if !self.is_asked_by(&submission) {
                    let text = format!(
                        "a workflow in the name of {} (input {id}) is not signed by the key held for that member; it is \
                         refused",
                        submission.started_by
                    );
                    return self.refuse_forged(id, "start-not-authentic", text).await;
                }
                if let Some(why) = self.frozen(&submission).await? {
                    return self.refuse_frozen(id, why).await;
                }
                self.submit(id, submission).await?
            }
            NewInput::Act(act) => {
                if !self.is_authentic(&act) {
                    let text = format!(
                        "`{}` in the name of {} (input {id}) is not signed by the key held for that member; it is refused",
                        act.record.act.verb(),
                        act.record.member
                    );
                    return self.refuse_forged(id, "act-not-authentic", text).await;
                }
                let roster = self.store.roster().await?;
                let input = Input::Act {
                    input: id.clone(),
                    act,
                    roster,
                };
                self.decide(input, Vec::new(), Settles::Input(id.clone()), None)
                    .await?
            }
        };
        match outcome {
            Outcome::Recorded(next) => Ok(next.map(|next| *next)),
            Outcome::Refused(refusal) => {
                tracing::info!(code = refusal.code(), %refusal, "refused");
                let refused = InputStatus::Refused {
                    code: refusal.code().to_owned(),
                    message: refusal.to_string(),
                };
                self.store.settle_input(id, &refused).await?;
                Ok(None)
            }
        }
    }

    /// A row that nobody with the member's key made.
    async fn refuse_forged(
        &self,
        id: &InputId,
        code: &str,
        alarm: String,
    ) -> Result<Option<NextEffect>, EngineError> {
        let alarm = Alarm::new(code, &self.workflow, alarm);
        self.store.raise(&alarm).await?;
        let refused = InputStatus::Refused {
            code: code.to_owned(),
            message: "the signature is not that of the key held for this member".to_owned(),
        };
        self.store.settle_input(id, &refused).await?;
        Ok(None)
    }

    /// Nothing new begins where writing is frozen, but what takes back that because of which we froze it; whoever asks is told
    /// why.
    async fn frozen(&self, submission: &Submission) -> Result<Option<String>, EngineError> {
        let repositories = || submission.repositories.iter().map(|r| &r.id);
        let takes_back = submission.metadata.get(REVERTS);
        let lets_begin = |f: &Freeze| {
            f.because
                .as_ref()
                .is_some_and(|w| Some(w.as_str()) == takes_back.map(String::as_str))
        };
        let frozen = self.store.freezes().await?;
        let mut held = frozen.into_iter().filter(|(_, f)| !lets_begin(f));
        let covering = held.find(|(_, f)| f.covers(repositories()));
        let name = |freeze: &Freeze| {
            let mut selections = submission.repositories.iter();
            let found = selections.find(|r| freeze.repository.as_ref() == Some(&r.id));
            found.map_or_else(|| "everything".to_owned(), |r| r.name.clone())
        };
        Ok(covering.map(|(at, freeze)| {
            let what = name(&freeze);
            format!("nothing begins: {what} is frozen since {at}: {}", freeze.reason)
        }))
    }

    async fn refuse_frozen(&self, id: &InputId, message: String) -> Result<Option<NextEffect>, EngineError> {
        let code = "frozen".to_owned();
        self.store
            .settle_input(id, &InputStatus::Refused { code, message })
            .await?;
        Ok(None)
    }

    fn is_asked_by(&self, submission: &Submission) -> bool {
        let tenant = self.store.tenant();
        let key = self
            .ports
            .member_keys
            .verifying_key(tenant, &submission.started_by);
        let key = key.map(MemberKey::from_bytes);
        key.is_some_and(|key| submission.is_signed_by(tenant, &self.workflow, &key))
    }

    fn is_authentic(&self, act: &SignedAct) -> bool {
        let key = self
            .ports
            .member_keys
            .verifying_key(self.store.tenant(), &act.record.member);
        let key = key.and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
        key.is_some_and(|key| act.is_authentic(&key)) && act.record.workflow == self.workflow
    }

    async fn submit(&self, id: &InputId, submission: Submission) -> Result<Outcome, EngineError> {
        let empty = Workflow::empty(self.store.tenant().clone(), self.workflow.clone());
        for _ in 0..CLASHES_MAX {
            let at = self.ports.store.now().await?;
            let decision = match guarded(|| start(&empty, submission.clone(), at))? {
                Ok(decision) => decision,
                Err(refusal) => return Ok(Outcome::Refused(refusal)),
            };
            let commit = Commit {
                expected: empty.version,
                at,
                decision,
                bodies: Vec::new(),
                settles: Settles::Input(id.clone()),
                goes_on: self.goes_on.clone(),
            };
            match self.record(commit).await {
                Ok(next) => return Ok(Outcome::Recorded(next.map(Box::new))),
                Err(EngineError::Store(StoreError::Clash)) => {
                    if !self.store.events(&self.workflow).await?.is_empty() {
                        let text = "there is a workflow of that id already".to_owned();
                        return Ok(Outcome::Refused(Refusal::BadSubmission(text)));
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Err(EngineError::TooManyClashes(self.workflow.clone()))
    }

    /// Decides on the newest state and records it; a clash is decided again. `known` is what the caller holds for
    /// the newest state; if it is not, that is a clash.
    pub(crate) async fn decide(
        &self,
        input: Input,
        bodies: Vec<Vec<u8>>,
        settles: Settles,
        mut known: Option<Workflow>,
    ) -> Result<Outcome, EngineError> {
        for _ in 0..CLASHES_MAX {
            let workflow = match known.take() {
                Some(workflow) => workflow,
                None => self.load().await?,
            };
            let at = self.ports.store.now().await?;
            let decision = match guarded(|| decide(&workflow, input.clone(), at))? {
                Ok(decision) => decision,
                Err(refusal) => return Ok(Outcome::Refused(refusal)),
            };
            log(&workflow, &decision);
            let commit = Commit {
                expected: workflow.version,
                at,
                decision,
                bodies: bodies.clone(),
                settles: settles.clone(),
                goes_on: self.goes_on.clone(),
            };
            match self.record(commit).await {
                Err(EngineError::Store(StoreError::Clash)) => {
                    tracing::debug!("decided on an old state; again")
                }
                Err(error) => return Err(error),
                Ok(next) => return Ok(Outcome::Recorded(next.map(Box::new))),
            }
        }
        Err(EngineError::TooManyClashes(self.workflow.clone()))
    }

    pub(crate) async fn load(&self) -> Result<Workflow, EngineError> {
        let records = self.store.events(&self.workflow).await?;
        let events = records.iter().map(|r| &r.event);
        Ok(Workflow::replay(
            self.store.tenant().clone(),
            self.workflow.clone(),
            events,
        ))
    }

    async fn record(&self, commit: Commit) -> Result<Option<NextEffect>, EngineError> {
        let committed = self.store.commit(&commit).await?;
        let Decision { events, workflow, .. } = commit.decision;
        self.ports.observer.recorded(&self.workflow, &events);
        if let Err(error) = self
            .seal_if_due(&workflow, events.len(), committed.ledger_size)
            .await
        {
            // The transition is recorded; the next end or export seals it.
            tracing::warn!(code = error.code(), "the ledger could not be sealed");
        }
        if workflow.state.is_final() {
            tracing::info!(target: ENDED, workflow = %workflow.id, state = %workflow.state, "the workflow has ended");
        }
        let with_state = |claimed| NextEffect { claimed, workflow };
        Ok(committed.next.map(with_state))
    }

    /// Seals at an end, and when the newest checkpoint has fallen behind, which is looked at now and then.
    async fn seal_if_due(&self, workflow: &Workflow, added: usize, size: u64) -> Result<(), EngineError> {
        let looked_at = |size: u64| size / SEAL_LOOK_EVERY;
        let look = looked_at(size) != looked_at(size.saturating_sub(added as u64));
        let behind = look && {
            let (size, sealed) = self.store.ledger_size().await?;
            size.saturating_sub(sealed) >= UNSEALED_MAX - SEAL_LOOK_EVERY
        };
        if workflow.state.is_final() || behind {
            self.store.seal_head(self.ports.signer.as_ref()).await?;
        }
        Ok(())
    }
}

/// A broken rule ends one decision and not the worker.
fn guarded<T>(decide: impl FnOnce() -> T) -> Result<T, EngineError> {
    catch_unwind(AssertUnwindSafe(decide)).map_err(|_| {
        tracing::error!("a decision ended in an internal error");
        EngineError::DecisionBroke
    })
}

fn log(before: &Workflow, decision: &Decision) {
    let kinds: Vec<&str> = decision.events.iter().map(Event::kind).collect();
    tracing::info!(from = %before.state, to = %decision.workflow.state, events = kinds.join(","), "decided");
}
