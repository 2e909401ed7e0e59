//! Port to agents: one call per role, words in, words out. An agent proposes; it decides and writes nothing.

use async_trait::async_trait;
use countersign_core::artifact::{AgentRole, Architecture, Critique, Plan, RepoProposal, TriageDecision};
use countersign_core::confinement::{Confinement, Rights};
use countersign_core::diff::TreeDiff;
use countersign_core::feedback::RepoRole;
use countersign_core::forge::FailedCheck;
use countersign_core::id::{CommitSha, RepositoryId, Revision, WorkflowId};
use countersign_core::narrow::LeftOut;
use countersign_core::path::RepoPath;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::trees::{SnapshotEntry, TreesError};

/// Read-only view of one repository at its pinned base. Calls block.
pub trait Snapshot: Send + Sync {
    /// All files, sorted by path.
    fn entries(&self) -> &[SnapshotEntry];

    /// A regular file's content (`None`: no regular file of that path).
    fn read(&self, path: &RepoPath) -> Result<Option<Vec<u8>>, TreesError>;
}

/// One repository as an agent sees it.
#[derive(Clone)]
pub struct AgentRepo {
    /// Its id.
    pub id: RepositoryId,
    /// Its short name, by which issue texts may speak of it; unique in the workflow.
    pub name: String,
    /// Primary or secondary.
    pub role: RepoRole,
    /// The pinned base.
    pub base: CommitSha,
    /// Its files at the base.
    pub snapshot: Arc<dyn Snapshot>,
}

/// What the critic judges, per repository.
#[derive(Clone)]
pub struct CriticSubject {
    /// Which repository.
    pub repository: RepositoryId,
    /// The change as facts.
    pub diff: TreeDiff,
    /// The canonical diff.
    pub canonical: Arc<Vec<u8>>,
    /// Content after the change of every added, modified or renamed regular file.
    pub contents: Arc<BTreeMap<RepoPath, Vec<u8>>>,
}

/// A human's words that came after the feedback: comments of a change request, or an answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guidance {
    /// Which revision they speak of.
    pub revision: Revision,
    /// The words.
    pub text: String,
}

/// Everything that one call gets to see.
#[derive(Clone)]
pub struct AgentCall {
    /// What is asked.
    pub role: AgentRole,
    /// For which workflow.
    pub workflow: WorkflowId,
    /// Which revision is being made.
    pub revision: Revision,
    /// Which call of this role in this workflow, from 1; retries of a failed call keep their number.
    pub round: u32,
    /// The feedback's text, untrusted.
    pub feedback: String,
    /// Later words of humans, oldest first.
    pub guidance: Vec<Guidance>,
    /// The repositories, primary first.
    pub repositories: Vec<AgentRepo>,
    /// Triage's artifact, for every later role.
    pub triage: Option<TriageDecision>,
    /// The architecture, for planner, coder and critic.
    pub architecture: Option<Architecture>,
    /// The plan, for coder and critic.
    pub plan: Option<Plan>,
    /// Why an earlier answer of this role was refused in this revision, oldest first.
    pub refusals: Vec<String>,
    /// The required checks because of which this revision is made; what they say is untrusted.
    pub failed_checks: Vec<FailedCheck>,
    /// What a reviewer left out of this revision; the critic does not miss it.
    pub left_out: Vec<LeftOut>,
    /// The patch sets, for the critic.
    pub subjects: Vec<CriticSubject>,
    /// How long the call may take.
    pub deadline: Duration,
    /// Where the call stands in a trace that is exported: a `traceparent` (W3C Trace Context).
    pub traceparent: Option<String>,
}

/// The answer, by role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentAnswer {
    /// Of [`AgentRole::Triage`].
    Triage(TriageDecision),
    /// Of [`AgentRole::Architect`].
    Architecture(Architecture),
    /// Of [`AgentRole::Planner`].
    Plan(Plan),
    /// Of [`AgentRole::Coder`] and [`AgentRole::Fixer`].
    Proposal(Vec<RepoProposal>),
    /// Of [`AgentRole::Critic`].
    Critique(Critique),
}

/// An answer with what the run log keeps of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentReport {
    /// The answer.
    pub answer: AgentAnswer,
    /// Who answered, for people: `codemod 0.1.0`, `command /usr/bin/fix (confined by bubblewrap)`, `built-in
    /// critic 0.1.0`.
    pub answered_by: String,
    /// The raw output that the answer was read from (bounded by [`OUTPUT_MAX_BYTES`]).
    pub raw_output: Vec<u8>,
}

/// Most bytes that we read of one agent's answer.
pub const OUTPUT_MAX_BYTES: usize = 16 << 20;

/// Why there is no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// The answer came and is not of the asked form; the same call again won't help, a new round may.
    #[error("{message}")]
    Malformed {
        /// Stable kebab-case code.
        code: &'static str,
        /// Plain sentence with the place.
        message: String,
    },
    /// It may work later: time-out, crash, no answer.
    #[error("{message}")]
    Unavailable {
        /// Stable kebab-case code.
        code: &'static str,
        /// Plain sentence.
        message: String,
    },
    /// This agent can't do that role, or is not allowed to run here.
    #[error("{message}")]
    Unsupported {
        /// Stable kebab-case code.
        code: &'static str,
        /// Plain sentence with what to do next.
        message: String,
    },
}

impl AgentError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            AgentError::Malformed { code, .. }
            | AgentError::Unavailable { code, .. }
            | AgentError::Unsupported { code, .. } => code,
        }
    }
}

/// Something that answers calls.
#[async_trait]
pub trait Agent: Send + Sync {
    /// Answers one call. Deterministic agents give the same answer for the same call.
    async fn call(&self, call: AgentCall) -> Result<AgentReport, AgentError>;

    /// What will hold that role's calls on this machine; asked before any of them, and again for the run log.
    ///
    /// # Errors
    /// `Unsupported` where it can't be held as asked for; then no call is made.
    async fn confinement(&self, role: AgentRole) -> Result<Confinement, AgentError>;
}

/// An agent's specification with everything that it needs loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolvedAgent {
    /// Rules from the feedback.
    Codemod,
    /// Answers from a script.
    Scripted {
        /// The script's bytes.
        script: Vec<u8>,
    },
    /// An external program.
    Command {
        /// The command line for `sh -c`.
        command: String,
        /// What it may do on this machine.
        rights: Rights,
    },
    /// Ready-made diffs.
    Diff {
        /// Repository and diff bytes.
        diffs: Vec<(RepositoryId, Vec<u8>)>,
    },
}

/// Makes agents out of specifications.
pub trait AgentFactory: Send + Sync {
    /// The agent, ready to be called.
    fn build(&self, agent: ResolvedAgent) -> Result<Arc<dyn Agent>, AgentError>;
}
