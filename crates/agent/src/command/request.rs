//! What a program is told: one JSON object on its standard input. Nothing in it is secret, and no path in it
//! but those of the private folder leads anywhere.
//!
//! ```json
//! {"version": 1, "role": "coder", "workflow": "wf_…", "revision": 1, "round": 1, "deadline_seconds": 60,
//!  "feedback": "the issue's text", "guidance": [{"revision": 1, "text": "…"}],
//!  "repositories": [{"name": "tollgate", "id": "local-1", "role": "primary", "base": "40 hex digits",
//!                    "path": "/agent/repos/tollgate", "skipped": ["link"]}],
//!  "triage": null, "architecture": null, "plan": null, "refusals": [],
//!  "failed_checks": [{"repository": "tollgate", "app": "github-actions", "name": "test", "state": "failure",
//!                     "said": "what it says, untrusted"}]}
//! ```
//!
//! Where traces are exported it holds `traceparent`, too (W3C Trace Context), so that the program can add to them.

use super::stage::Stage;
use crate::answer::malformed;
use crate::wire::PlanForm;
use countersign_core::artifact::{AgentRole, Architecture, Plan, TriageDecision};
use countersign_core::feedback::RepoRole;
use countersign_core::id::RepositoryId;
use countersign_ports::agent::{AgentCall, AgentError};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;

/// Version of this object.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Request<'a> {
    version: u32,
    role: AgentRole,
    workflow: &'a str,
    revision: u32,
    round: u32,
    deadline_seconds: u64,
    feedback: &'a str,
    guidance: Vec<GuidanceForm<'a>>,
    repositories: Vec<RepositoryForm<'a>>,
    triage: Option<&'a TriageDecision>,
    architecture: Option<&'a Architecture>,
    plan: Option<PlanForm>,
    refusals: &'a [String],
    failed_checks: Vec<FailedCheckForm<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<&'a str>,
}

#[derive(Serialize)]
struct GuidanceForm<'a> {
    revision: u32,
    text: &'a str,
}

#[derive(Serialize)]
struct FailedCheckForm<'a> {
    repository: &'a str,
    app: &'a str,
    name: &'a str,
    state: &'static str,
    said: Option<&'a str>,
}

#[derive(Serialize)]
struct RepositoryForm<'a> {
    name: &'a str,
    id: String,
    role: RepoRole,
    base: &'a str,
    path: String,
    skipped: &'a [String],
}

/// The object as bytes. `repos` is where the program sees the copies of `stage`.
///
/// # Errors
/// Never in practice: all of it is text and numbers.
pub(super) fn write(
    call: &AgentCall,
    role: AgentRole,
    plan: Option<&Plan>,
    (stage, repos): (&Stage, &Path),
    left: Duration,
) -> Result<Vec<u8>, AgentError> {
    let repositories = call
        .repositories
        .iter()
        .zip(stage.copies())
        .map(|(repo, copy)| RepositoryForm {
            name: &repo.name,
            id: repo.id.to_string(),
            role: repo.role,
            base: repo.base.as_str(),
            path: repos.join(&copy.folder).to_string_lossy().into_owned(),
            skipped: &copy.skipped,
        });
    let name_of = |id: &RepositoryId| {
        let mut all = call.repositories.iter();
        all.find(|r| r.id == *id).map_or("", |r| r.name.as_str())
    };
    let failed_checks = call.failed_checks.iter().map(|f| FailedCheckForm {
        repository: name_of(&f.repository),
        app: &f.run.app,
        name: &f.run.name,
        state: f.run.state.as_str(),
        said: f.run.said.as_deref(),
    });
    let request = Request {
        version: VERSION,
        role,
        workflow: call.workflow.as_str(),
        revision: call.revision.0,
        round: call.round,
        deadline_seconds: left.as_secs(),
        feedback: &call.feedback,
        guidance: call
            .guidance
            .iter()
            .map(|g| GuidanceForm {
                revision: g.revision.0,
                text: &g.text,
            })
            .collect(),
        repositories: repositories.collect(),
        triage: call.triage.as_ref(),
        architecture: call.architecture.as_ref(),
        plan: plan.map(|plan| PlanForm::from_core(plan, &call.repositories)),
        refusals: &call.refusals,
        failed_checks: failed_checks.collect(),
        traceparent: call.traceparent.as_deref(),
    };
    serde_json::to_vec(&request).map_err(|e| {
        malformed(
            "command-request",
            format!("the command can't be told what to do: {e}"),
        )
    })
}
