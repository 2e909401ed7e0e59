//! How a workflow stands, in slots: what the one comment says below the issue that it was started from and below each pull
//! request of its, and what our check run says on each commit that was written.
//! Pure, and without a place for anybody's words.

use crate::act::{Act, SeenDigest};
use crate::command::{STARTED_FROM, read_started_from};
use crate::digest::ApprovalDigest;
use crate::gate::{CheckOutcome, GateId, GateOutcome};
use crate::id::{CommitSha, PullRequestNumber, RepositoryId, RequestId, Revision, TenantId, WorkflowId};
use crate::question::QuestionKind;
use crate::workflow::event::{Approval, WriteIntent};
use crate::workflow::pull_requests::opened;
use crate::workflow::{Event, State, Workflow};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

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
    /// Somebody else changed the branch or the pull request, and a person is asked about it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moved: bool,
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
        let places = |workflow: &Workflow| {
            let issue = started_on(workflow).into_iter();
            issue.chain(pull_requests(workflow)).collect()
        };
        let says = |workflow: &Workflow, on: &OnIssue, _: Option<&Status>| Some(Self::now(workflow, on, 0));
        let said = said_everywhere(Workflow::empty(tenant.clone(), id.clone()), events, places, says);
        let counted = said
            .into_iter()
            .map(|(on, step, status)| (on, Status { step, ..status }));
        counted.collect()
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
            moved: workflow.asks(QuestionKind::HeadMoved),
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

/// A commit that was written, and shown by a pull request of ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnHead {
    /// Where.
    pub repository: RepositoryId,
    /// Which.
    pub head: CommitSha,
    /// The pull request.
    pub pull_request: PullRequestNumber,
}

impl OnHead {
    /// Its pull request.
    pub fn pull_request(&self) -> OnIssue {
        OnIssue {
            repository: self.repository.clone(),
            issue: self.pull_request.0,
            is_pull_request: true,
        }
    }
}

/// What our check run says of a commit: how its workflow stands, and because of what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Summary {
    /// How the workflow stands; of a commit that is not in play any more, how it stood.
    pub status: Status,
    /// The commit is still what the workflow stands by.
    pub in_play: bool,
    /// What was approved.
    pub approved: ApprovalDigest,
    /// How many people approved it; who they are is nobody's to read.
    pub people: u32,
    /// How many checks of each gate passed.
    pub checks: Vec<(GateId, u32)>,
}

/// What our check run comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on by itself.
    Pending,
    /// Every gate that comes before a merge passed.
    Success,
    /// CI or what was merged is not as it has to be, or something else came up afterwards: a person is asked.
    Failure,
    /// It is not in play any more. GitHub lets nothing be merged that requires a cancelled check; a neutral one it would.
    Cancelled,
}

impl Summary {
    /// What is said after these events on every commit that came to a pull request, also on one that is out of play by now.
    pub fn everywhere<'a>(
        tenant: &TenantId,
        id: &WorkflowId,
        events: impl IntoIterator<Item = &'a Event>,
    ) -> Vec<(OnHead, Summary)> {
        let places = |workflow: &Workflow| {
            let intents = workflow.intents.iter();
            intents.filter_map(|intent| on_head(workflow, intent)).collect()
        };
        let empty = Workflow::empty(tenant.clone(), id.clone());
        let said = said_everywhere(empty, events, places, Self::now);
        let counted = said.into_iter().map(|(on, step, summary)| {
            let status = Status {
                step,
                ..summary.status
            };
            (on, Summary { status, ..summary })
        });
        counted.collect()
    }

    fn now(workflow: &Workflow, on: &OnHead, before: Option<&Summary>) -> Option<Summary> {
        let is_it = |intent: &&WriteIntent| on_head(workflow, intent).as_ref() == Some(on);
        let Some(intent) = workflow.intents.iter().find(is_it) else {
            return before.map(|before| Summary {
                in_play: false,
                ..before.clone()
            });
        };
        let passed = |gate: &crate::gate::GateResult| {
            let passed = gate.checks.iter().filter(|c| c.outcome == CheckOutcome::Passed);
            (gate.gate, count(passed.count()))
        };
        Some(Summary {
            status: Status::now(workflow, &on.pull_request(), 0),
            in_play: true,
            approved: intent.approval,
            // As many as there were when it was opened: approvals that run out later take nothing back.
            people: before.map_or_else(|| people(workflow, intent), |before| before.people),
            checks: workflow.gates.values().map(passed).collect(),
        })
    }

    /// What it comes to.
    pub fn verdict(&self) -> Verdict {
        let judged = self.status.gates.iter().any(|(gate, _)| *gate == GateId::Ci);
        match self.status.state {
            _any if !self.in_play || self.status.retracting => Verdict::Cancelled,
            State::Done | State::AwaitingMerge => Verdict::Success,
            State::Declined | State::Failed | State::Cancelled => Verdict::Cancelled,
            State::NeedsHuman | State::BlockedPolicy if judged => Verdict::Failure,
            State::Queued
            | State::LoadingContext
            | State::Triaging
            | State::Planning
            | State::AwaitingPlanApproval
            | State::Coding
            | State::Reviewing
            | State::AwaitingApproval
            | State::Applying
            | State::PrOpen
            | State::VerifyingCi
            | State::NeedsHuman
            | State::BlockedPolicy
            | State::Deferred => Verdict::Pending,
        }
    }
}

fn on_head(workflow: &Workflow, intent: &WriteIntent) -> Option<OnHead> {
    Some(OnHead {
        repository: intent.repository.clone(),
        head: intent.commit.clone(),
        pull_request: opened(workflow, &intent.id)?.number,
    })
}

/// How many approved exactly what an intent writes.
fn people(workflow: &Workflow, intent: &WriteIntent) -> u32 {
    let of_it = |approval: &&Approval| {
        let act = &approval.act.record.act;
        matches!(act, Act::Approve { seen: SeenDigest::PatchSet(seen), .. } if *seen == intent.approval)
    };
    let approvals = workflow.approvals.iter().filter(of_it);
    let members: BTreeSet<_> = approvals.map(|a| &a.act.record.member).collect();
    count(members.len())
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// What is said in each place after these events, and how often that has changed. A place that was there once stays one.
fn said_everywhere<'a, P: PartialEq, S: PartialEq>(
    mut workflow: Workflow,
    events: impl IntoIterator<Item = &'a Event>,
    places: impl Fn(&Workflow) -> Vec<P>,
    says: impl Fn(&Workflow, &P, Option<&S>) -> Option<S>,
) -> Vec<(P, u32, S)> {
    let mut said: Vec<(P, u32, S)> = Vec::new();
    for event in events {
        workflow.apply(event);
        for (place, step, before) in &mut said {
            match says(&workflow, place, Some(before)) {
                Some(now) if now != *before => (*step, *before) = (step.saturating_add(1), now),
                Some(_) | None => {}
            }
        }
        for place in places(&workflow) {
            if said.iter().all(|(other, ..)| *other != place)
                && let Some(first) = says(&workflow, &place, None)
            {
                said.push((place, 1, first));
            }
        }
    }
    said
}
