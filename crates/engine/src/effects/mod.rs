//! One function per effect: does what was asked, and says what it found out. It never changes a state.

mod agents;
mod drafting;
mod looking;
mod merges;
mod pull_requests;
mod reserving;
mod snapshot;
mod writing;

pub(crate) use drafting::draft;
pub(crate) use looking::policy_layer;

use crate::judge::{Judge, Outcome};
use crate::{EngineError, Ports};
use countersign_core::id::RepositoryId;
use countersign_core::time::Timestamp;
use countersign_core::workflow::{Effect, EffectResult, Input, Workflow};
use countersign_ports::agent::AgentError;
use countersign_ports::store::{ClaimedEffect, Settles, StoreError, TenantStore};
use countersign_ports::trees::{RepoSource, Trees, TreesError};
use std::pin::Pin;
use std::sync::Arc;

/// What an effect found out, with the evidence that its events name.
pub(crate) struct Performed {
    pub(crate) result: EffectResult,
    pub(crate) bodies: Vec<Vec<u8>>,
    /// Trying again would come to the same: whoever is on the other side refused for good.
    pub(crate) for_good: bool,
}

impl From<EffectResult> for Performed {
    fn from(result: EffectResult) -> Self {
        Self {
            result,
            bodies: Vec::new(),
            for_good: false,
        }
    }
}

/// Why an effect has no result.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EffectError {
    /// It may work later.
    #[error("{message}")]
    Passing { code: String, message: String },
    /// It will not work by itself.
    #[error("{message}")]
    Lasting { code: String, message: String },
    /// Somebody froze it: it waits until that ends, and no try counts.
    #[error("{message}")]
    Frozen { message: String },
    /// What it looks for is not there yet: it looks again after a pause, and no try counts.
    #[error("{message}")]
    Waits { message: String, again_after_ms: u64 },
    /// The host wants to be left alone: it is asked after that, and no try counts.
    #[error("{message}")]
    Rests { message: String, again_after_ms: u64 },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<EngineError> for EffectError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::TooManyClashes(_) | EngineError::DecisionBroke => EffectError::Passing {
                code: error.code().to_owned(),
                message: error.to_string(),
            },
        }
    }
}

impl From<TreesError> for EffectError {
    fn from(error: TreesError) -> Self {
        let code = error.code().to_owned();
        match error {
            TreesError::Unavailable { message, .. } => EffectError::Passing { code, message },
            TreesError::Unsupported { message, .. } | TreesError::Corrupt { message, .. } => {
                EffectError::Lasting { code, message }
            }
        }
    }
}

impl From<AgentError> for EffectError {
    fn from(error: AgentError) -> Self {
        let code = error.code().to_owned();
        match error {
            AgentError::Unavailable { message, .. } | AgentError::Malformed { message, .. } => {
                EffectError::Passing { code, message }
            }
            AgentError::Unsupported { message, .. } => EffectError::Lasting { code, message },
        }
    }
}

/// One effect at work.
pub(crate) struct Job<'a> {
    ports: &'a Ports,
    store: Arc<dyn TenantStore>,
    claimed: &'a ClaimedEffect,
    workflow: Workflow,
}

impl Job<'_> {
    /// Records something of the outstanding effect under its claim, before the effect has ended; whether it was taken. `known`
    /// is the newest state, if the caller holds it.
    async fn record(&self, input: Input, known: Option<Workflow>) -> Result<bool, EffectError> {
        let settles = Settles::KeepsClaim {
            id: self.claimed.id.clone(),
            fence: self.claimed.fence,
        };
        match self.judge().decide(input, Vec::new(), settles, known).await? {
            Outcome::Recorded(_) => Ok(true),
            Outcome::Refused(_) => Ok(false),
        }
    }

    fn judge(&self) -> Judge<'_> {
        Judge {
            ports: self.ports,
            store: self.store.clone(),
            workflow: self.workflow.id.clone(),
            goes_on: None,
        }
    }
}

/// Performs an effect. `known` is the workflow as it asked for it, if the caller holds it.
pub(crate) async fn perform(
    ports: &Ports,
    claimed: &ClaimedEffect,
    known: Option<Workflow>,
) -> Result<Performed, EffectError> {
    let store = ports.store.tenant(&claimed.tenant);
    let workflow = match known {
        Some(workflow) => workflow,
        None => {
            let records = store.events(&claimed.workflow).await?;
            let events = records.iter().map(|r| &r.event);
            Workflow::replay(claimed.tenant.clone(), claimed.workflow.clone(), events)
        }
    };
    let job = Job {
        ports,
        store,
        claimed,
        workflow,
    };
    // Each on the heap: the largest of them would else be on the stack of every caller.
    let work: Pin<Box<dyn Future<Output = Result<Performed, EffectError>> + Send + '_>> =
        match &claimed.effect {
            Effect::LookUpRefs => Box::pin(job.look_up_refs()),
            Effect::LoadContext => Box::pin(job.load_context()),
            Effect::Triage => Box::pin(job.triage()),
            Effect::Plan => Box::pin(job.plan()),
            Effect::Draft => Box::pin(job.draft()),
            Effect::Narrow => Box::pin(job.narrow()),
            Effect::Critique => Box::pin(job.critique()),
            Effect::SealLedger { purpose } => Box::pin(job.seal(*purpose)),
            Effect::CheckBases => Box::pin(job.check_bases()),
            Effect::WriteBranch { intent } => Box::pin(job.write_branch(intent)),
            Effect::RetractBranch { intent } => Box::pin(job.retract_branch(intent)),
            Effect::OpenPullRequest { intent } => Box::pin(job.open_pull_request(intent)),
            Effect::ReadChecks => Box::pin(job.read_checks()),
            Effect::ReadMerges => Box::pin(job.read_merges()),
            Effect::ClosePullRequest { intent } => Box::pin(job.close_pull_request(intent)),
        };
    work.await
}

impl Job<'_> {
    /// Where a registered repository lies.
    async fn source(&self, id: &RepositoryId) -> Result<RepoSource, EffectError> {
        let rows = self.store.repositories().await?;
        let row = rows.into_iter().find(|r| r.id == *id);
        row.map(|r| r.source()).ok_or_else(|| EffectError::Lasting {
            code: "repository-not-registered".to_owned(),
            message: format!("{id} is not registered any more; `countersign repo add` registers it"),
        })
    }

    /// Where a repository lies whose host will be asked next, unless that wants to be left alone now.
    async fn reachable(&self, id: &RepositoryId) -> Result<RepoSource, EffectError> {
        let source = self.source(id).await?;
        match self.ports.forge.rests_for(&source) {
            None => Ok(source),
            Some(rest) => Err(EffectError::Rests {
                message: format!(
                    "the host of {} wants to be left alone for {} s",
                    source.place,
                    rest.as_secs() + 1
                ),
                // A little later, so that one look is enough.
                again_after_ms: u64::try_from(rest.as_millis())
                    .unwrap_or(u64::MAX)
                    .saturating_add(RESTED_MS),
            }),
        }
    }

    /// Runs blocking git work off the async threads.
    async fn git<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Trees) -> Result<T, TreesError> + Send + 'static,
    ) -> Result<T, EffectError> {
        let trees = self.ports.trees.clone();
        blocking(move || work(trees.as_ref()))
            .await?
            .map_err(EffectError::from)
    }

    fn baseline(&self) -> Result<Option<Vec<u8>>, EffectError> {
        let read = self.ports.baseline.read();
        read.map_err(|message| EffectError::Lasting {
            code: "baseline-unreadable".to_owned(),
            message,
        })
    }
}

/// How much later than a host wants it is asked again, in milliseconds.
const RESTED_MS: u64 = 250;

/// The shortest pause between two looks at something that is waited for, in milliseconds.
const PAUSE_MIN_MS: u64 = 2_000;
/// A pause is this part of the time that was waited already, so that a long wait costs few looks.
const PAUSE_PART: u64 = 8;

/// How long to wait before the next look at what is waited for since and until then, in milliseconds.
fn pause(awaited: Option<(Timestamp, Timestamp)>, now: Timestamp, longest_ms: u64) -> u64 {
    let waited = awaited.map_or(0, |(since, _)| now.0.saturating_sub(since.0));
    (waited / PAUSE_PART).clamp(PAUSE_MIN_MS, longest_ms)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, EffectError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|died| EffectError::Passing {
            code: "effect-panicked".to_owned(),
            message: format!("a step of git work ended in an internal error: {died}"),
        })
}
