//! After CI: somebody merges at the forge, and what landed has to be what merging the approved commit gives (INV-12).
//!
//! Waited for only where policy says so. What the forge says of a merge is no evidence: the commits of the branch are, and a
//! merge that we compute from what the branch held before and the approved commit (hazards 5, 44). We never merge ourselves.

use super::event::{Event, ReadMerge, ResumePoint, WriteIntent};
use super::pull_requests::{has_one, opened, why_another};
use super::turn::Turn;
use super::{Effect, Refusal, State, Workflow, verifying};
use crate::forge::{DIFFERING_MAX, Landed, PullRequest, PullRequestState};
use crate::gate::{Check, CheckId, GateId};
use crate::id::{CommitSha, RepositoryId};
use crate::path::RepoPath;
use crate::policy::MERGE_DEADLINE_DAYS;
use crate::question::QuestionKind;

/// The key under which a workflow says which one's landing it takes back. No caller can give it.
pub const REVERTS: &str = "countersign.reverts";

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// CI is seen to: the end, or a merge is waited for.
pub(super) fn begin(turn: &mut Turn, done: &str) {
    if is_awaited(&turn.workflow) {
        wait(turn);
    } else {
        turn.end(State::Done, done);
    }
}

/// Whether any policy wants a merge to be waited for; siblings end together.
pub fn is_awaited(workflow: &Workflow) -> bool {
    let wants = |i: &WriteIntent| {
        let pinned = workflow
            .repositories
            .iter()
            .find(|r| r.repository == i.repository);
        pinned.is_some_and(|r| r.policy.awaits_merge())
    };
    workflow.intents.iter().filter(|i| has_one(i)).any(wants)
}

/// Waits from now on.
pub(super) fn wait(turn: &mut Turn) {
    turn.enter(State::AwaitingMerge, "somebody at the forge is to merge");
    let mut days: Option<u32> = None;
    for pinned in &turn.workflow.repositories {
        days = days.max(pinned.policy.merge_deadline_days());
    }
    let days = days.unwrap_or(MERGE_DEADLINE_DAYS);
    turn.emit(Event::MergeAwaited {
        since: turn.at,
        until: turn.at.plus_ms(u64::from(days) * DAY_MS),
    });
    turn.request(Effect::ReadMerges);
}

/// Whether everything is written and verified, and only the merge is open, or what was found of it.
pub(super) fn is_waited_for(workflow: &Workflow) -> bool {
    let asked = workflow.state == State::NeedsHuman && workflow.resume == Some(ResumePoint::AwaitingMerge);
    workflow.state == State::AwaitingMerge || asked
}

/// What was read, as it stands; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outlook {
    /// Something was merged that is not what was approved. Nothing more may be written there.
    Differs,
    /// Somebody changed what was to be merged, or where it lies.
    Moved,
    /// Somebody closed a pull request without merging it.
    Closed,
    /// Something is not merged yet, or not to be seen.
    Waiting,
    /// All of it was merged, and is exactly what was approved.
    Merged,
}

/// How the merges stand; what is worst counts.
pub fn outlook(workflow: &Workflow, merges: &[ReadMerge]) -> Outlook {
    let each = landings(workflow, merges).into_iter();
    let each = each.map(|(_, landing)| match landing {
        Landing::Exactly(_) => Outlook::Merged,
        Landing::Differs(_) => Outlook::Differs,
        Landing::Moved(_) => Outlook::Moved,
        Landing::Closed(_) => Outlook::Closed,
        Landing::Open(_) => Outlook::Waiting,
    });
    each.min().unwrap_or(Outlook::Merged)
}

/// Where something was merged that was not approved.
pub fn differing<'w>(workflow: &'w Workflow, merges: &[ReadMerge]) -> Vec<(&'w WriteIntent, String)> {
    let all = landings(workflow, merges).into_iter();
    all.filter_map(|(intent, landing)| match landing {
        Landing::Differs(detail) => Some((intent, detail)),
        Landing::Exactly(_) | Landing::Moved(_) | Landing::Closed(_) | Landing::Open(_) => None,
    })
    .collect()
}

/// The commit as which something landed, when it was last looked.
pub fn landed_as<'w>(workflow: &'w Workflow, repository: &RepositoryId) -> Option<&'w CommitSha> {
    let read = workflow.merges.iter().find(|m| m.repository == *repository)?;
    match read.landed.as_ref()? {
        Landed::As { commit, .. } => Some(commit),
        Landed::Nowhere { .. } => None,
    }
}

/// Whether anything was merged when it was last looked.
pub(super) fn any_merged(workflow: &Workflow) -> bool {
    let merged = |p: &PullRequest| p.state == PullRequestState::Merged;
    workflow
        .merges
        .iter()
        .filter_map(|m| m.pull_request.as_ref())
        .any(merged)
}

/// What was read is judged: at once where it is conclusive, else at the deadline.
pub(super) fn merges_read(turn: &mut Turn, merges: Vec<ReadMerge>) -> Result<(), Refusal> {
    let outlook = outlook(&turn.workflow, &merges);
    let over = turn
        .workflow
        .merge_awaited
        .is_none_or(|(_, until)| until <= turn.at);
    if outlook == Outlook::Waiting && !over {
        return Err(Refusal::StillRunning);
    }
    let landings = landings(&turn.workflow, &merges);
    let checks = landings.iter().map(|(intent, landing)| landing.check(intent));
    let checks: Vec<Check> = checks.collect();
    turn.emit(Event::MergesRead { repositories: merges });
    let judged = turn.judge(GateId::Delivery, checks);
    let failures = judged.err().unwrap_or_default();
    match outlook {
        Outlook::Merged => turn.end(
            State::Done,
            "every pull request was merged, and what landed is exactly what was approved",
        ),
        Outlook::Differs => turn.ask(
            QuestionKind::LandedDifferent,
            failures,
            ResumePoint::AwaitingMerge,
        ),
        Outlook::Moved => turn.ask(QuestionKind::HeadMoved, failures, ResumePoint::AwaitingMerge),
        Outlook::Closed | Outlook::Waiting => {
            turn.ask(QuestionKind::NotMerged, failures, ResumePoint::AwaitingMerge);
        }
    }
    Ok(())
}

/// How one pull request stands, in a sentence.
enum Landing {
    Exactly(String),
    Differs(String),
    Moved(String),
    Closed(String),
    Open(String),
}

impl Landing {
    fn check(&self, intent: &WriteIntent) -> Check {
        let (passed, detail) = match self {
            Landing::Exactly(detail) => (true, detail),
            Landing::Differs(detail)
            | Landing::Moved(detail)
            | Landing::Closed(detail)
            | Landing::Open(detail) => (false, detail),
        };
        Check::new(CheckId::LandedAsApproved, passed, detail.clone()).about(&intent.repository)
    }
}

fn landings<'w>(workflow: &'w Workflow, merges: &[ReadMerge]) -> Vec<(&'w WriteIntent, Landing)> {
    let with_one = workflow.intents.iter().filter(|i| has_one(i));
    with_one
        .map(|intent| {
            let read = merges.iter().find(|m| m.repository == intent.repository);
            (intent, landing(workflow, intent, read))
        })
        .collect()
}

fn landing(workflow: &Workflow, intent: &WriteIntent, read: Option<&ReadMerge>) -> Landing {
    let name = workflow.repository_name(&intent.repository);
    let number = opened(workflow, &intent.id).map(|p| p.number);
    let shown = read.and_then(|r| r.pull_request.as_ref());
    let Some(pull) = shown.filter(|p| Some(p.number) == number) else {
        return Landing::Open(format!("{name}: its pull request is not to be seen"));
    };
    let at = format!("{name}: pull request #{}", pull.number);
    if let Some(why) = why_another(workflow, intent, verifying::account(workflow, intent), pull) {
        return Landing::Moved(format!("{at} {why}"));
    }
    match (pull.state, read.and_then(|r| r.landed.as_ref())) {
        (PullRequestState::Open, _) if pull.head != intent.commit => {
            Landing::Moved(another_head(&at, intent, pull))
        }
        (PullRequestState::Open, _) => Landing::Open(format!("{at} is open")),
        (PullRequestState::Closed, _) => Landing::Closed(format!("{at} was closed and not merged")),
        (PullRequestState::Merged, None) => {
            Landing::Open(format!("{at} is merged, and what landed is not to be seen yet"))
        }
        // The tree may be the right one, and its history hold what nobody approved.
        (PullRequestState::Merged, Some(landed)) => {
            let compared = compared(intent, &at, landed);
            let is_exact = matches!(compared, Landing::Exactly(_));
            match is_exact && pull.head != intent.commit {
                true => Landing::Moved(another_head(&at, intent, pull)),
                false => compared,
            }
        }
    }
}

fn another_head(at: &str, intent: &WriteIntent, pull: &PullRequest) -> String {
    format!(
        "{at} shows commit {}, and {} was approved",
        pull.head.short(),
        intent.commit.short()
    )
}

/// What landed against what merging the approved commit gives.
fn compared(intent: &WriteIntent, at: &str, landed: &Landed) -> Landing {
    let (commit, tree, before, brings, expected, differing) = match landed {
        Landed::Nowhere { detail } => return Landing::Moved(format!("{at} is called merged, and {detail}")),
        Landed::As {
            commit,
            tree,
            before,
            brings,
            expected,
            differing,
        } => (commit, tree, before, brings, expected, differing),
    };
    let merging = format!("merging {} into {}", intent.commit.short(), before.short());
    match expected {
        None => Landing::Differs(format!(
            "{at} landed as {} with tree {}, and {merging} conflicts: nobody approved how that was settled",
            commit.short(),
            tree.short()
        )),
        Some(expected) if expected != tree => Landing::Differs(format!(
            "{at} landed as {} with tree {}, and {merging} gives {}{}",
            commit.short(),
            tree.short(),
            expected.short(),
            in_files(differing)
        )),
        Some(_) => match brings.iter().find(|other| **other != intent.commit) {
            Some(other) => Landing::Moved(format!(
                "{at} landed as {} with the tree that was approved, and brought commit {} along, which nobody approved",
                commit.short(),
                other.short()
            )),
            None => Landing::Exactly(format!(
                "{at} landed as {} with exactly the tree that {merging} gives",
                commit.short()
            )),
        },
    }
}

/// Where the two differ, as far as it is known; named are at most [`DIFFERING_MAX`].
fn in_files(differing: &[RepoPath]) -> String {
    let named: Vec<String> = differing
        .iter()
        .map(|path| format!("`{}`", path.to_text()))
        .collect();
    match named.len() {
        0 => String::new(),
        DIFFERING_MAX.. => format!("; what differs begins with {}", named.join(", ")),
        _ => format!("; what differs is {}", named.join(", ")),
    }
}
