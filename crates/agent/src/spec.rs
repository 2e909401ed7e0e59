//! From a specification with its bodies loaded to something that answers calls. No rules live here, only
//! wiring.

use crate::codemod::Codemod;
use crate::command::CommandAgent;
use crate::scripted::Scripted;
use crate::submitted::Submitted;
use countersign_core::id::RepositoryId;
use countersign_ports::agent::{Agent, AgentError, AgentFactory, ResolvedAgent};
use std::path::PathBuf;
use std::sync::Arc;

/// Who proposes: `core::feedback::AgentSpec` with its bodies loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolvedSpec {
    /// Rules out of the feedback's fenced `codemod` blocks.
    Codemod,
    /// Answers out of a script file.
    Scripted {
        /// The file's bytes.
        script: Vec<u8>,
    },
    /// An external program, run without confinement. The caller has seen to it that this is allowed and
    /// recorded.
    Command {
        /// The command line, run by `sh -c`.
        command: String,
        /// An existing folder of our own, below which private folders for snapshots are made and removed.
        scratch: PathBuf,
    },
    /// A change that some other tool or person made.
    Diff {
        /// One diff per repository.
        diffs: Vec<(RepositoryId, Vec<u8>)>,
    },
}

/// Makes the agent. Cheap, and runs nothing.
///
/// # Errors
/// `Malformed` when a script can't be read (the message names line and column), so that it can be refused
/// before a workflow starts.
pub fn build(spec: ResolvedSpec) -> Result<Arc<dyn Agent>, AgentError> {
    Ok(match spec {
        ResolvedSpec::Codemod => Arc::new(Codemod),
        ResolvedSpec::Scripted { script } => Arc::new(Scripted::read(&script)?),
        ResolvedSpec::Command { command, scratch } => Arc::new(CommandAgent::new(command, scratch)),
        ResolvedSpec::Diff { diffs } => Arc::new(Submitted::new(diffs)),
    })
}

/// The port's factory over this crate's adapters.
#[derive(Debug, Clone)]
pub struct Agents {
    scratch: PathBuf,
}

impl Agents {
    /// `scratch` is an existing folder of our own, for the private folders of command agents.
    pub fn new(scratch: PathBuf) -> Self {
        Self { scratch }
    }
}

impl AgentFactory for Agents {
    fn build(&self, agent: ResolvedAgent) -> Result<Arc<dyn Agent>, AgentError> {
        build(match agent {
            ResolvedAgent::Codemod => ResolvedSpec::Codemod,
            ResolvedAgent::Scripted { script } => ResolvedSpec::Scripted { script },
            ResolvedAgent::Command { command } => ResolvedSpec::Command {
                command,
                scratch: self.scratch.clone(),
            },
            ResolvedAgent::Diff { diffs } => ResolvedSpec::Diff { diffs },
        })
    }
}
