//! How a workflow stands, in slots: what the one comment below the issue that it was started from says.
//! Pure, and without a place for anybody's words.

use crate::command::{STARTED_FROM, read_started_from};
use crate::gate::{GateId, GateOutcome};
use crate::id::{PullRequestNumber, RepositoryId, RequestId, Revision, TenantId, WorkflowId};
use crate::workflow::pull_requests::opened;
use crate::workflow::{Event, State, Workflow};
use serde::{Deserialize, Serialize};

/// An issue or a pull request of a forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnIssue {
    /// Whose.
    pub repository: RepositoryId,
    /// Its number there.
    pub issue: u64,
}

/// How a workflow stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// Which.
    pub workflow: WorkflowId,
    /// How often what is said of it has changed: a later one is news to an earlier one.
    pub step: u32,
    /// Where it is.
    pub state: State,
    /// What it wrote is being taken out of play.
    pub retracting: bool,
    /// In which revision.
    pub revision: Revision,
    /// The gates that count now.
    pub gates: Vec<(GateId, GateOutcome)>,
    /// What a person is asked, first.
    pub request: Option<RequestId>,
    /// Its pull request in the repository of the issue.
    pub pull_request: Option<PullRequestNumber>,
}

impl Status {
    /// How a workflow that a comment started stands after these events, and below which issue that is said; `None` for every
    /// other workflow.
    pub fn of<'a>(
        tenant: &TenantId,
        id: &WorkflowId,
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Option<(OnIssue, Status)> {
        let mut workflow = Workflow::empty(tenant.clone(), id.clone());
        let mut said: Option<Status> = None;
        for event in events {
            workflow.apply(event);
            let step = said.as_ref().map_or(0, |s| s.step);
            let on = started_on(&workflow);
            let now = Self::now(&workflow, on.as_ref().map(|on| &on.repository), step);
            said = match said {
                Some(before) if before == now => Some(before),
                Some(_) | None => Some(Status {
                    step: step.saturating_add(1),
                    ..now
                }),
            };
        }
        Some((started_on(&workflow)?, said?))
    }

    /// How any workflow stands, for somebody who asks in that repository.
    pub fn asked_in(workflow: &Workflow, repository: &RepositoryId) -> Self {
        Self::now(workflow, Some(repository), 0)
    }

    fn now(workflow: &Workflow, repository: Option<&RepositoryId>, step: u32) -> Self {
        Self {
            workflow: workflow.id.clone(),
            step,
            state: workflow.state,
            retracting: workflow.is_retracting() && !workflow.state.is_final(),
            revision: workflow.revision,
            gates: workflow.gates.values().map(|g| (g.gate, g.outcome)).collect(),
            request: workflow.open_requests().next().map(|r| r.id.clone()),
            pull_request: repository.and_then(|r| pull_request(workflow, r)),
        }
    }
}

fn started_on(workflow: &Workflow) -> Option<OnIssue> {
    let from = workflow.submission.as_ref()?.metadata.get(STARTED_FROM)?;
    let (repository, issue) = read_started_from(from)?;
    Some(OnIssue { repository, issue })
}

/// That of one repository: the numbers of others would name them.
fn pull_request(workflow: &Workflow, repository: &RepositoryId) -> Option<PullRequestNumber> {
    let mut intents = workflow.intents.iter().filter(|i| i.repository == *repository);
    intents.find_map(|i| opened(workflow, &i.id)).map(|p| p.number)
}
