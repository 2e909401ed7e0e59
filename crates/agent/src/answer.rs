//! What all agents of this crate share when they answer: reports, errors and names. It holds no rule of its
//! own.

use countersign_core::artifact::AgentRole;
use countersign_core::id::RepositoryId;
use countersign_ports::agent::{AgentAnswer, AgentError, AgentRepo, AgentReport, OUTPUT_MAX_BYTES};
use countersign_ports::trees::TreesError;
use serde::Serialize;

/// This crate's version, for `answered_by`.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// `codemod 0.1.0`
pub(crate) fn versioned(name: &str) -> String {
    format!("{name} {VERSION}")
}

/// A report whose raw output is the answer itself as JSON: for agents that have no other output.
///
/// # Errors
/// `Malformed` when that is more than the run log keeps.
pub(crate) fn report(answer: AgentAnswer, answered_by: String) -> Result<AgentReport, AgentError> {
    let raw_output = match &answer {
        AgentAnswer::Triage(triage) => to_json(triage)?,
        AgentAnswer::Architecture(architecture) => to_json(architecture)?,
        AgentAnswer::Plan(plan) => to_json(plan)?,
        AgentAnswer::Proposal(proposals) => to_json(proposals)?,
        AgentAnswer::Critique(critique) => to_json(critique)?,
    };
    if raw_output.len() > OUTPUT_MAX_BYTES {
        let message = format!(
            "the answer has {} bytes; at most {OUTPUT_MAX_BYTES} are kept: make the change smaller",
            raw_output.len()
        );
        return Err(malformed("answer-too-large", message));
    }
    Ok(AgentReport {
        answer,
        answered_by,
        raw_output,
    })
}

fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, AgentError> {
    serde_json::to_vec(value)
        .map_err(|e| malformed("answer-not-json", format!("the answer can't be kept: {e}")))
}

/// The answer came and is not of the asked form.
pub(crate) fn malformed(code: &'static str, message: impl Into<String>) -> AgentError {
    AgentError::Malformed {
        code,
        message: message.into(),
    }
}

/// It may work later.
pub(crate) fn unavailable(code: &'static str, message: impl Into<String>) -> AgentError {
    AgentError::Unavailable {
        code,
        message: message.into(),
    }
}

/// This agent can't do that.
pub(crate) fn unsupported(code: &'static str, message: impl Into<String>) -> AgentError {
    AgentError::Unsupported {
        code,
        message: message.into(),
    }
}

/// This agent has no such role.
pub(crate) fn no_such_role(agent: &str, role: AgentRole) -> AgentError {
    let message = format!(
        "the {agent} agent has no {} role; choose another agent for this workflow",
        role.as_str()
    );
    unsupported("agent-role-unsupported", message)
}

/// The call ran into its deadline.
pub(crate) fn past_deadline(seconds: u64) -> AgentError {
    unavailable(
        "agent-deadline",
        format!("the agent gave no answer within {seconds} s"),
    )
}

/// A snapshot could not be read.
pub(crate) fn snapshot_failed(repo: &AgentRepo, error: &TreesError) -> AgentError {
    unavailable(
        error.code(),
        format!("a file of {} could not be read: {error}", repo.name),
    )
}

/// The repository of that short name.
pub(crate) fn by_name<'a>(repositories: &'a [AgentRepo], name: &str) -> Option<&'a AgentRepo> {
    repositories.iter().find(|repo| repo.name == name)
}

/// The repository's short name, or its id where the workflow does not know it.
pub(crate) fn name_of(repositories: &[AgentRepo], id: &RepositoryId) -> String {
    repositories
        .iter()
        .find(|repo| repo.id == *id)
        .map_or_else(|| id.to_string(), |repo| repo.name.clone())
}

/// All short names, for messages that say what could be meant.
pub(crate) fn names(repositories: &[AgentRepo]) -> String {
    let names: Vec<String> = repositories
        .iter()
        .map(|repo| format!("`{}`", repo.name))
        .collect();
    names.join(", ")
}
