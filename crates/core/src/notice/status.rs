//! How a workflow stands, in slots: what the one comment says below the issue that it was started from, and below each pull
//! request of its.
//! Pure, and without a place for anybody's words.

use crate::command::{STARTED_FROM, read_started_from};
use crate::gate::{GateId, GateOutcome};
use crate::id::{PullRequestNumber, RepositoryId, RequestId, Revision, TenantId, WorkflowId};
use crate::workflow::event::WriteIntent;
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
    /// It is a pull request, and no issue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_pull_request: bool,
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
    /// Its pull requests in other repositories; said below pull requests only, whose approved words name those repositories.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub siblings: Vec<OnIssue>,
}

impl Status {
    /// How a workflow stands after these events, and where that is said: below the issue, if a comment there started it, and
    /// below every pull request that it opened, also one that is out of play by now.
    pub fn everywhere<'a>(
        tenant: &TenantId,
        id: &WorkflowId,
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Vec<(OnIssue, Status)> {
        let mut workflow = Workflow::empty(tenant.clone(), id.clone());
        let mut said: Vec<(OnIssue, Status)> = Vec::new();
        for event in events {
            workflow.apply(event);
            let mut places: Vec<OnIssue> = said.iter().map(|(on, _)| on.clone()).collect();
            let now = started_on(&workflow).into_iter().chain(pull_requests(&workflow));
            places.extend(now.filter(|on| !said.iter().any(|(other, _)| other == on)));
            for on in places {
                let before = said.iter_mut().find(|(other, _)| *other == on);
                let step = before.as_ref().map_or(0, |(_, status)| status.step);
                let now = Self::now(&workflow, &on, step);
                let next = Status {
                    step: step.saturating_add(1),
                    ..now.clone()
                };
                match before {
                    Some((_, status)) if *status == now => {}
                    Some((_, status)) => *status = next,
                    None => said.push((on, next)),
                }
            }
        }
        said
    }

    /// How any workflow stands, for somebody who asks in that repository.
    pub fn asked_in(workflow: &Workflow, repository: &RepositoryId) -> Self {
        let on = OnIssue {
            repository: repository.clone(),
            issue: 0,
            is_pull_request: false,
        };
        Self::now(workflow, &on, 0)
    }

    fn now(workflow: &Workflow, on: &OnIssue, step: u32) -> Self {
        let ours = pull_requests(workflow);
        let siblings = match on.is_pull_request {
            true => ours
                .iter()
                .filter(|p| p.repository != on.repository)
                .cloned()
                .collect(),
            false => Vec::new(),
        };
        let here = ours.iter().find(|p| p.repository == on.repository);
        Self {
            workflow: workflow.id.clone(),
            step,
            state: workflow.state,
            retracting: workflow.is_retracting() && !workflow.state.is_final(),
            revision: workflow.revision,
            gates: workflow.gates.values().map(|g| (g.gate, g.outcome)).collect(),
            request: workflow.open_requests().next().map(|r| r.id.clone()),
            pull_request: here.map(|p| PullRequestNumber(p.issue)),
            siblings,
        }
    }
}

fn started_on(workflow: &Workflow) -> Option<OnIssue> {
    let from = workflow.submission.as_ref()?.metadata.get(STARTED_FROM)?;
    let (repository, issue) = read_started_from(from)?;
    Some(OnIssue {
        repository,
        issue,
        is_pull_request: false,
    })
}

/// Those that are in play.
fn pull_requests(workflow: &Workflow) -> Vec<OnIssue> {
    let of = |intent: &WriteIntent| {
        let opened = opened(workflow, &intent.id)?;
        Some(OnIssue {
            repository: intent.repository.clone(),
            issue: opened.number.0,
            is_pull_request: true,
        })
    };
    workflow.intents.iter().filter_map(of).collect()
}
