//! Makes agents out of what a workflow recorded about them.

use countersign_agent::{ResolvedSpec, build};
use countersign_ports::agent::{Agent, AgentError, AgentFactory, ResolvedAgent};
use std::path::PathBuf;
use std::sync::Arc;

/// All agents of this machine.
pub(crate) struct Agents {
    /// An existing folder for their private copies.
    pub(crate) scratch: PathBuf,
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
