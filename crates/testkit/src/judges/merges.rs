//! Judges merges by what somebody really did at the forge: done only where exactly what was approved landed, and whatever
//! else landed froze its repository and raised one alarm before it was on record (INV-12). Nothing else froze anything.

use super::Findings;
use crate::evidence::{Evidence, Kept, Ledger};
use crate::repositories::{self, Landing};
use countersign_core::forge::{Landed, PullRequestState};
use countersign_core::id::WorkflowId;
use countersign_core::workflow::event::ReadMerge;
use countersign_core::workflow::{Event, State, Workflow};
use countersign_ledger::Leaf;
use countersign_ports::store::{Freeze, RepositoryRow};

/// The code of the alarm.
pub(super) const LANDED_DIFFERENT: &str = "landed-different";

pub(super) fn judge(evidence: &Evidence, kept: &Kept, workflows: &[Workflow], findings: &mut Findings) {
    for w in workflows
        .iter()
        .filter(|w| w.state == State::Done && awaits(kept, &w.id))
    {
        for row in &kept.repositories {
            let Some(approved) = w.patch_set(&row.id) else {
                continue;
            };
            let exact = |l: &Landing| l.as_approved && l.head == approved.manifest.commit;
            let landed = of(evidence, row, &w.id).any(exact);
            findings.require(landed, || {
                format!(
                    "{} is done, and what was approved did not land in {}",
                    w.id, row.name
                )
            });
        }
    }
    for alarm in kept.alarms.iter().map(|row| &row.alarm) {
        let other = |row: &RepositoryRow| differs(evidence, kept, row, &alarm.workflow);
        let reason = alarm.code != LANDED_DIFFERENT || kept.repositories.iter().any(other);
        findings.require(reason, || {
            format!("an alarm about {} for nothing: {}", alarm.workflow, alarm.message)
        });
    }
    let Some(ledger) = &kept.ledger else { return };
    for (_, freeze) in &ledger.frozen {
        let row = kept
            .repositories
            .iter()
            .find(|row| Some(&row.id) == freeze.repository.as_ref());
        let because = freeze.because.as_ref().filter(|_| freeze.by.is_none());
        let reason = row
            .zip(because)
            .is_some_and(|(row, id)| differs(evidence, kept, row, id));
        findings.require(reason, || {
            format!(
                "{:?} was frozen for nothing: {}",
                freeze.repository, freeze.reason
            )
        });
    }
    for (id, stream) in &kept.streams {
        for (seq, record) in (1..).zip(stream) {
            if let Event::MergesRead { repositories } = &record.event {
                for read in repositories {
                    recorded(evidence, kept, ledger, (id, seq), read, findings);
                }
            }
        }
    }
}

/// What a look says is on record: if that was not what was approved, freeze and alarm came before it.
fn recorded(
    evidence: &Evidence,
    kept: &Kept,
    ledger: &Ledger,
    (id, seq): (&WorkflowId, u64),
    read: &ReadMerge,
    findings: &mut Findings,
) {
    let rows = kept.repositories.iter();
    let shown = read.pull_request.as_ref();
    let merged = shown.filter(|p| p.state == PullRequestState::Merged && has_landed(read));
    let (Some(row), Some(pull)) = (rows.into_iter().find(|row| row.id == read.repository), merged) else {
        return;
    };
    let mut landings = of(evidence, row, id);
    if !landings.any(|l| l.number == pull.number && !l.as_approved) {
        return;
    }
    let place = format!("{id} records what landed in {} as #{}", row.name, pull.number);
    let Some(at) = leaf_of(ledger, id, seq) else {
        return findings.0.push(format!("{place}, and the ledger has it not"));
    };
    let frozen = |(index, f): &(u64, Freeze)| *index < at && f.repository.as_ref() == Some(&row.id);
    findings.require(ledger.frozen.iter().any(frozen), || {
        format!("{place} before it was frozen")
    });
    let about = format!("{}: pull request #{} ", row.name, pull.number);
    let alarms = kept.alarms.iter().filter(|a| {
        a.alarm.code == LANDED_DIFFERENT && a.alarm.workflow == *id && a.alarm.message.starts_with(&about)
    });
    let indexes: Vec<u64> = alarms.map(|a| a.index).collect();
    let once = indexes.len() == 1 && indexes.iter().all(|index| *index < at);
    findings.require(once, || {
        format!("{place} at {at}, and its alarms are at {indexes:?}")
    });
}

fn has_landed(read: &ReadMerge) -> bool {
    matches!(read.landed, Some(Landed::As { .. }))
}

/// Where the ledger has an event of a stream.
fn leaf_of(ledger: &Ledger, id: &WorkflowId, seq: u64) -> Option<u64> {
    let is_it =
        |bytes: &Vec<u8>| Leaf::parse(bytes).is_ok_and(|leaf| leaf.stream == id.as_str() && leaf.seq == seq);
    let at = ledger.leaves.iter().position(is_it)?;
    u64::try_from(at).ok()
}

/// Merges of a workflow's branches in a repository.
fn of<'e>(
    evidence: &'e Evidence,
    row: &RepositoryRow,
    id: &'e WorkflowId,
) -> impl Iterator<Item = &'e Landing> {
    let dir = repositories::folder(&row.place);
    let all = evidence.landings.iter();
    all.filter(move |l| l.git_dir == dir && l.branch.as_str().contains(id.as_str()))
}

/// Whether something landed there that was not approved, of a workflow that waited for it.
fn differs(evidence: &Evidence, kept: &Kept, row: &RepositoryRow, id: &WorkflowId) -> bool {
    awaits(kept, id) && of(evidence, row, id).any(|l| !l.as_approved)
}

/// Whether any policy that it was begun under, or begun again, wants merges to be waited for.
fn awaits(kept: &Kept, id: &WorkflowId) -> bool {
    let events = kept.streams.get(id).into_iter().flatten();
    events.into_iter().any(|record| {
        if let Event::ContextLoaded { repositories, .. } = &record.event {
            repositories.iter().any(|r| r.policy.awaits_merge())
        } else {
            false
        }
    })
}
