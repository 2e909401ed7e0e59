//! From a specification with its bodies loaded to something that answers calls. No rules live here, only
//! wiring.

use crate::codemod::Codemod;
use crate::command::{CommandAgent, Fence};
use crate::scripted::Scripted;
use crate::submitted::Submitted;
use countersign_ports::agent::{Agent, AgentError, AgentFactory, ResolvedAgent};
use std::path::PathBuf;
use std::sync::Arc;

/// The port's factory over this crate's adapters.
#[derive(Debug, Clone)]
pub struct Agents {
    scratch: PathBuf,
    fence: Option<Fence>,
}

impl Agents {
    /// `scratch` is an existing folder of our own, below which command agents get private folders. Without
    /// [`Agents::fenced`] no command runs confined.
    pub fn new(scratch: PathBuf) -> Self {
        Self { scratch, fence: None }
    }

    /// With what it takes to confine commands.
    #[must_use]
    pub fn fenced(self, fence: Fence) -> Self {
        Self {
            fence: Some(fence),
            ..self
        }
    }
}

impl AgentFactory for Agents {
    /// Cheap, and runs nothing. `Malformed` when a script can't be read (the message names line and column), so
    /// that it can be refused before a workflow starts.
    fn build(&self, agent: ResolvedAgent) -> Result<Arc<dyn Agent>, AgentError> {
        Ok(match agent {
            ResolvedAgent::Codemod => Arc::new(Codemod),
            ResolvedAgent::Scripted { script } => Arc::new(Scripted::read(&script)?),
            ResolvedAgent::Command { command, rights } => Arc::new(CommandAgent {
                command,
                rights,
                scratch: self.scratch.clone(),
                fence: self.fence.clone(),
            }),
            ResolvedAgent::Diff { diffs } => Arc::new(Submitted::new(diffs)),
        })
    }
}
