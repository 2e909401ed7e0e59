//! Judges of what is left of a run. Each looks at [`Evidence`] alone, never at what the engine says of itself.
//!
//! They count for themselves; only the workflow's state is what the production `apply` makes of its events. Broken
//! evidence is shown to each of them in `tests/it/judged.rs`.

mod ledger;
mod merges;
mod writes;

use crate::evidence::{Evidence, Kept};
use crate::repositories;
use countersign_core::forge::{PullRequest, PullRequestState};
use countersign_core::id::{BranchName, WorkflowId};
use countersign_core::patch_set::PatchSet;
use countersign_core::record::EventRecord;
use countersign_core::workflow::event::Subject;
use countersign_core::workflow::{Event, State, Workflow};
use countersign_ports::store::{Alarm, InputStatus};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What is wrong, one sentence each.
#[derive(Debug, Default)]
pub struct Findings(pub Vec<String>);

impl Evidence {
    /// Whether people pushed to a branch or deleted it.
    fn is_touched(&self, git_dir: &Path, branch: &BranchName) -> bool {
        let mut touched = self.touched.iter();
        touched.any(|(dir, of)| dir == git_dir && of == branch)
    }
}

impl Findings {
    fn require(&mut self, holds: bool, otherwise: impl FnOnce() -> String) {
        if !holds {
            self.0.push(otherwise());
        }
    }
}

/// Everything that has to hold whenever nothing more can be done without people.
pub fn judge(evidence: &Evidence) -> Findings {
    let mut findings = Findings::default();
    for kept in &evidence.tenants {
        let workflows: Vec<Workflow> = kept.streams.keys().map(|id| replayed(kept, id)).collect();
        for w in &workflows {
            waiting(w, &mut findings);
            branches(evidence, kept, w, &mut findings);
            mixed(kept, &w.id, &kept.streams[&w.id], &mut findings);
        }
        settled(kept, &mut findings);
        merges::judge(evidence, kept, &workflows, &mut findings);
        if let Some(ledger) = &kept.ledger {
            ledger::judge(kept, ledger, &workflows, &mut findings);
        }
    }
    writes::judge(evidence, &mut findings);
    findings
}

fn replayed(kept: &Kept, id: &WorkflowId) -> Workflow {
    let events = kept.streams[id].iter().map(|r| &r.event);
    Workflow::replay(kept.tenant.clone(), id.clone(), events)
}

/// Whatever came in was judged, and nobody had to call anything a forgery.
fn settled(kept: &Kept, findings: &mut Findings) {
    for (id, status) in &kept.inputs {
        let done = match status {
            InputStatus::Accepted | InputStatus::Refused { .. } => true,
            InputStatus::Pending | InputStatus::Held { .. } => false,
        };
        findings.require(done, || format!("the input {id} is {status:?}"));
    }
    let forged = |alarm: &&Alarm| alarm.code != merges::LANDED_DIFFERENT;
    for alarm in kept.alarms.iter().map(|row| &row.alarm).filter(forged) {
        findings
            .0
            .push(format!("an alarm about {}: {}", alarm.workflow, alarm.message));
    }
}

/// Who waits has one open request per subject; nobody stands still; who has ended asks nobody.
fn waiting(w: &Workflow, findings: &mut Findings) {
    let open: Vec<String> = w
        .open_requests()
        .map(|r| match &r.subject {
            Subject::Plan { .. } => "the plan".to_owned(),
            Subject::PatchSet { repository, .. } => repository.to_string(),
            Subject::Question { .. } => "a question".to_owned(),
        })
        .collect();
    let different: BTreeSet<&String> = open.iter().collect();
    findings.require(different.len() == open.len(), || {
        format!("{} asks twice: {open:?}", w.id)
    });
    let rests = w.state.is_final() || w.state.waits_for_human() || w.submission.is_none();
    findings.require(rests, || {
        format!("{} stands still in {} with {:?}", w.id, w.state, w.outstanding)
    });
    if w.state.waits_for_human() && w.state != State::Deferred {
        findings.require(!open.is_empty(), || {
            format!("{} waits in {} and asks nobody", w.id, w.state)
        });
    }
    if w.state.is_final() {
        findings.require(open.is_empty(), || {
            format!("{} has ended and still asks: {open:?}", w.id)
        });
    }
}

/// One branch per repository, of what was approved; none of what ended otherwise. What somebody else pushed to is theirs.
fn branches(evidence: &Evidence, kept: &Kept, w: &Workflow, findings: &mut Findings) {
    let mut found = BTreeMap::new();
    for (git_dir, branch, commit) in &evidence.branches {
        let row = kept
            .repositories
            .iter()
            .find(|row| repositories::folder(&row.place) == *git_dir);
        let ours = branch.as_str().contains(w.id.as_str()) && !evidence.is_touched(git_dir, branch);
        if let (Some(row), true) = (row, ours) {
            let before = found.insert(row.id.clone(), commit.clone());
            findings.require(before.is_none(), || {
                format!("{} has two branches in {}", w.id, row.name)
            });
        }
    }
    pull_requests(evidence, kept, w, findings);
    let wanted: BTreeMap<_, _> = w
        .patch_sets
        .iter()
        .filter(|p| {
            let row = kept.repositories.iter().find(|row| row.id == p.repository);
            row.is_none_or(|row| !evidence.is_touched(&repositories::folder(&row.place), &p.manifest.branch))
        })
        .map(|p| (p.repository.clone(), p.manifest.commit.clone()))
        .collect();
    for (repository, commit) in &found {
        let head = wanted.get(repository) == Some(commit);
        findings.require(head, || {
            format!("{} holds {commit} in {repository}, which is not the head", w.id)
        });
    }
    match w.state {
        State::Done => findings.require(found == wanted, || {
            format!("{} is done without its branches", w.id)
        }),
        State::Cancelled | State::Failed | State::Declined => {
            findings.require(found.is_empty(), || {
                format!("{} ended as {} and left {found:?}", w.id, w.state)
            });
        }
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
        | State::AwaitingMerge
        | State::NeedsHuman
        | State::BlockedPolicy
        | State::Deferred => {}
    }
}

/// At most one pull request per branch, ever, of what its branch holds; there where the workflow is done, whatever a person
/// did to it on the forge's own page; none open where it ended otherwise.
fn pull_requests(evidence: &Evidence, kept: &Kept, w: &Workflow, findings: &mut Findings) {
    for row in &kept.repositories {
        let of_this = |(dir, p): &&(std::path::PathBuf, PullRequest)| {
            repositories::folder(&row.place) == *dir && p.branch.as_str().contains(w.id.as_str())
        };
        let found: Vec<&PullRequest> = evidence
            .pull_requests
            .iter()
            .filter(of_this)
            .map(|(_, p)| p)
            .collect();
        let branches: BTreeSet<_> = found.iter().map(|p| &p.branch).collect();
        findings.require(branches.len() == found.len(), || {
            format!("{} has two pull requests for a branch in {}", w.id, row.name)
        });
        let dir = repositories::folder(&row.place);
        let left =
            |p: &&&PullRequest| p.state == PullRequestState::Open && !evidence.is_touched(&dir, &p.branch);
        let open = found.iter().filter(left).count();
        let ended = w.state.is_final() && w.state != State::Done;
        findings.require(!ended || open == 0, || {
            format!(
                "{} ended as {} and left a pull request open in {}",
                w.id, w.state, row.name
            )
        });
        let wanted = row.id.forge.has_pull_requests() && w.state == State::Done;
        let untouched = |p: &&PatchSet| !evidence.is_touched(&dir, &p.manifest.branch);
        let patch_set = w.patch_set(&row.id).filter(untouched);
        let head = patch_set.map(|p| &p.manifest.commit);
        let has_one = found.iter().any(|p| Some(&p.head) == head);
        findings.require(!wanted || head.is_none() || has_one, || {
            format!("{} is done without its pull request in {}", w.id, row.name)
        });
    }
}

/// A stream speaks of its own tenant, workflow and repositories alone.
fn mixed(kept: &Kept, id: &WorkflowId, records: &[EventRecord], findings: &mut Findings) {
    for record in records {
        let own = record.tenant == kept.tenant && record.workflow == *id;
        findings.require(own, || {
            format!("an event of {} is in the stream of {id}", record.workflow)
        });
        if let Event::WorkflowStarted { repositories, .. } = &record.event {
            let known = repositories
                .iter()
                .all(|r| kept.repositories.iter().any(|row| row.id == r.id));
            findings.require(known, || format!("{id} is about repositories of others"));
        }
    }
}
