//! The interpreter: takes inputs in, asks `decide`, performs effects, records results. It decides nothing itself.
//!
//! [`Worker::run_once`] is one step of the only loop there is; [`effects`] holds one function per effect. Only the
//! holder of the data folder's owner lock may run a worker.

pub mod bundle;
pub mod effects;
pub mod erasing;
pub mod inspection;
pub mod intake;
mod judge;
mod lease;
pub mod notices;
pub mod own_rules;
pub mod policies;
pub mod previewing;
pub mod reconciling;
pub mod trace;
mod worker;

use countersign_core::id::WorkflowId;
use countersign_core::workflow::Event;
use countersign_inspect::Salt;
use countersign_ports::agent::AgentFactory;
use countersign_ports::forge::Forge;
use countersign_ports::signing::CommitSigner;
use countersign_ports::store::{CheckpointSigner, MemberKeys, Store, StoreError};
use countersign_ports::trees::Trees;
use std::sync::Arc;
use std::time::Duration;

pub use own_rules::OwnRules;
pub use worker::{Step, Worker};

/// Everything that a worker works with.
#[derive(Clone)]
pub struct Ports {
    /// Memory.
    pub store: Arc<dyn Store>,
    /// Git objects.
    pub trees: Arc<dyn Trees>,
    /// Where approved content goes.
    pub forge: Arc<dyn Forge>,
    /// Who proposes.
    pub agents: Arc<dyn AgentFactory>,
    /// Signs the ledger.
    pub signer: Arc<dyn CheckpointSigner>,
    /// Signs commits; `None`: they are written unsigned.
    pub commit_signer: Option<Arc<dyn CommitSigner>>,
    /// Verifies what humans did.
    pub member_keys: Arc<dyn MemberKeys>,
    /// The organisation's baseline.
    pub baseline: Arc<dyn Baseline>,
    /// Runs the rules that repositories bring themselves.
    pub own_rules: Arc<dyn OwnRules>,
    /// What secrets are hashed with, so that two findings can be compared and nobody can guess from one.
    pub salt: Salt,
    /// Who wants to know what is recorded.
    pub observer: Arc<dyn Observer>,
}

/// Where the organisation's policy comes from.
pub trait Baseline: Send + Sync {
    /// Its bytes as they are now; `None`: there is none.
    ///
    /// # Errors
    /// A plain sentence, when there is one and it can't be read.
    fn read(&self) -> Result<Option<Vec<u8>>, String>;
}

/// How a try of an effect ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TryEnd {
    /// It found out what it was to find out, or did what it was to do.
    Done,
    /// It came to nothing; it may be tried again.
    Failed,
    /// It came to nothing and is not tried again by itself.
    GivenUp,
}

impl TryEnd {
    /// All of them.
    pub const ALL: [TryEnd; 3] = [TryEnd::Done, TryEnd::Failed, TryEnd::GivenUp];

    /// The word used in texts.
    pub fn as_str(self) -> &'static str {
        match self {
            TryEnd::Done => "done",
            TryEnd::Failed => "failed",
            TryEnd::GivenUp => "given-up",
        }
    }
}

/// Is told what was recorded, after it is durable.
pub trait Observer: Send + Sync {
    /// These events of a workflow were committed.
    fn recorded(&self, workflow: &WorkflowId, events: &[Event]);

    /// An effect is about to be performed.
    fn performing(&self, workflow: &WorkflowId, effect: &countersign_core::workflow::Effect, attempt: u32);

    /// A try of an effect came to its end; what came of it is not recorded yet.
    fn performed(&self, _effect: &countersign_core::workflow::Effect, _end: TryEnd, _took: Duration) {}

    /// An effect failed and will be tried again.
    fn retrying(&self, workflow: &WorkflowId, effect: &countersign_core::workflow::Effect, message: &str);
}

/// Why the worker can't go on at all.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed; nothing was half-written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A rule of the state machine broke on this input; nothing was recorded.
    #[error("a decision ended in an internal error; nothing was recorded")]
    DecisionBroke,
    /// The same transition clashed too often.
    #[error("the workflow {0} changes faster than it can be decided on; try again")]
    TooManyClashes(WorkflowId),
}

impl EngineError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            EngineError::Store(error) => error.code(),
            EngineError::DecisionBroke => "decision-broke",
            EngineError::TooManyClashes(_) => "too-many-clashes",
        }
    }
}
