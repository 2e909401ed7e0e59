//! What of a story goes when people's words, agents' artifacts or diffs are to be erased.
//!
//! It only says what; the store erases and records it. Facts that carry decisions (acts, approvals, gates, seals,
//! writes) are in no part: they hold no content but digests and signatures. What checks of CI say goes with the artifacts.

use crate::EngineError;
use crate::bundle::evidence;
use countersign_core::digest::BodyHash;
use countersign_core::erasure::Erasure;
use countersign_core::id::{MemberId, WorkflowId};
use countersign_core::record::EventRecord;
use countersign_core::workflow::Event;
use countersign_core::workflow::event::ReadHead;
use countersign_ports::store::TenantStore;
use std::collections::BTreeSet;

/// More entries than a stream has: at its bound a workflow can only be cancelled.
const ENTRIES_MAX: u32 = 10_000;

/// What of a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The feedback, and what people wrote to agents later.
    Feedback,
    /// What agents answered: decisions, plans, criticism, and their raw output.
    Artifacts,
    /// Diffs, and the commits made of them, whose message holds the feedback's title.
    Diffs,
}

/// Puts together what an erasure of these parts takes, by whom and why.
///
/// # Errors
/// When there is no such workflow, or the store can't be read.
pub async fn plan(
    store: &dyn TenantStore,
    workflow: &WorkflowId,
    parts: &BTreeSet<Part>,
    (by, reason): (&MemberId, &str),
) -> Result<Erasure, EngineError> {
    store.workflow(workflow).await?;
    let mut entries: BTreeSet<u64> = BTreeSet::new();
    let mut gone: BTreeSet<BodyHash> = BTreeSet::new();
    for row in store.entries(Some(workflow.as_str()), 0, ENTRIES_MAX).await? {
        let Some(record) = row.body.and_then(|body| EventRecord::from_bytes(&body).ok()) else {
            continue;
        };
        let part = part(&record.event);
        if part.is_some_and(|part| parts.contains(&part)) {
            entries.insert(record.seq);
        }
        let evidence_of = if matches!(record.event, Event::AgentCalled { .. }) {
            Some(Part::Artifacts)
        } else {
            part.filter(|part| *part == Part::Diffs)
        };
        if evidence_of.is_some_and(|part| parts.contains(&part)) {
            gone.extend(evidence(&record.event));
        }
    }
    Ok(Erasure::new(
        workflow.clone(),
        entries,
        gone,
        by.clone(),
        reason.to_owned(),
    ))
}

/// To which part the body of an event belongs.
/// Whether a check says something of itself.
fn has_words(heads: &[ReadHead]) -> bool {
    heads.iter().flat_map(|h| &h.checks).any(|run| run.said.is_some())
}

fn part(event: &Event) -> Option<Part> {
    match event {
        Event::WorkflowStarted { .. } | Event::ChangesRequested { .. } | Event::AnswerGiven { .. } => {
            Some(Part::Feedback)
        }
        Event::TriageRecorded { .. }
        | Event::PlanRecorded { .. }
        | Event::AnswerRefused { .. }
        | Event::CritiqueRecorded { .. }
        | Event::PatchesDeselected { .. } => Some(Part::Artifacts),
        Event::ChecksRead { repositories } if has_words(repositories) => Some(Part::Artifacts),
        Event::DraftsRecorded { .. } | Event::PatchSetsFixed { .. } => Some(Part::Diffs),
        Event::StateEntered { .. }
        | Event::RosterRecorded { .. }
        | Event::EffectRequested { .. }
        | Event::RefsLookedUp { .. }
        | Event::GateEvaluated { .. }
        | Event::ContextLoaded { .. }
        | Event::AgentCalled { .. }
        | Event::PolicyEvaluated { .. }
        | Event::TierComputed { .. }
        | Event::PlanAccepted { .. }
        | Event::LedgerSealed { .. }
        | Event::RequestOpened { .. }
        | Event::RequestClosed { .. }
        | Event::ApprovalGiven { .. }
        | Event::RejectionGiven { .. }
        | Event::WaiverGiven { .. }
        | Event::ApprovalsWithdrawn { .. }
        | Event::ApprovalsVoided { .. }
        | Event::ActTaken { .. }
        | Event::RevisionStarted { .. }
        | Event::BasesChecked { .. }
        | Event::IntentsRecorded { .. }
        | Event::AttemptStarted { .. }
        | Event::AttemptEnded { .. }
        | Event::PullRequestsSkipped { .. }
        | Event::BranchRetracted { .. }
        | Event::ChecksAwaited { .. }
        | Event::MergeAwaited { .. }
        | Event::MergesRead { .. }
        | Event::ChecksRead { .. }
        | Event::FixRoundBegun {}
        | Event::PullRequestClosed { .. }
        | Event::Reconciled { .. }
        | Event::WorkflowEnded { .. }
        | Event::AgentCallReserved { .. }
        | Event::AgentCallEnded { .. } => None,
    }
}
