//! One workflow's story as one file: ledger entries with proofs, and the evidence that they name.

use crate::EngineError;
use countersign_core::digest::BodyHash;
use countersign_core::erasure::Erasure;
use countersign_core::id::WorkflowId;
use countersign_core::record::EventRecord;
use countersign_core::workflow::Event;
use countersign_ledger::{Body, Bundle, BundleBuilder, BundleEntry};
use countersign_ports::store::{CheckpointSigner, StoreError, TenantStore};
use std::collections::BTreeSet;

/// Puts a bundle together against a fresh checkpoint. `since` are sizes of earlier checkpoints that somebody has seen
/// and wants compared; those that the story itself names are always proven.
///
/// # Errors
/// When there is no such workflow, or the store fails.
pub async fn export(
    store: &dyn TenantStore,
    workflow: &WorkflowId,
    signer: &dyn CheckpointSigner,
    since: &[u64],
) -> Result<Bundle, EngineError> {
    store.workflow(workflow).await?;
    let checkpoint = match store.seal_head(signer).await {
        // What can only be read is shown as far as it was signed.
        Err(closed @ StoreError::Closed { .. }) => store.checkpoints(1).await?.pop().ok_or(closed)?,
        sealed => sealed?,
    };
    let size = checkpoint.size;
    let mut builder = BundleBuilder::new(store.tenant().as_str(), workflow.as_str());
    let (mut sizes, mut named) = (BTreeSet::from_iter(since.iter().copied()), Vec::new());
    for entry in store.export(workflow, size).await? {
        if let Some(event) = event(&entry) {
            named.extend(evidence(&event));
            sizes.extend(sealed(&event));
        }
        builder.push(entry);
    }
    let mut erased: BTreeSet<BodyHash> = BTreeSet::new();
    for notice in store.notices(workflow, size).await? {
        if let Body::Present { bytes, .. } = &notice.body {
            erased.extend(Erasure::parse(bytes).into_iter().flat_map(|e| e.evidence));
        }
        builder.notice(notice);
    }
    for hash in named.into_iter().filter(|hash| !erased.contains(hash)) {
        builder.attach(store.body(&hash).await?);
    }
    let sizes: Vec<u64> = sizes.into_iter().collect();
    for earlier in store.earlier(&sizes, size).await? {
        builder.earlier(earlier);
    }
    Ok(builder.finish(checkpoint.note, &signer.verifiers(store.tenant())))
}

/// The event of an entry, unless it was erased.
fn event(entry: &BundleEntry) -> Option<Event> {
    match &entry.body {
        Body::Present { bytes, .. } => EventRecord::from_bytes(bytes).ok().map(|r| r.event),
        Body::Erased => None,
    }
}

/// The size of a signed checkpoint that an event names.
fn sealed(event: &Event) -> Option<u64> {
    if let Event::LedgerSealed { checkpoint, .. } = event {
        Some(checkpoint.size)
    } else {
        None
    }
}

/// The bodies that an event names.
pub(crate) fn evidence(event: &Event) -> Vec<BodyHash> {
    match event {
        Event::DraftsRecorded { drafts } => drafts.iter().map(|d| d.canonical).collect(),
        Event::AgentCalled { run } => vec![run.output],
        Event::LedgerSealed { checkpoint, .. } => vec![checkpoint.note],
        Event::WorkflowStarted { .. }
        | Event::StateEntered { .. }
        | Event::RosterRecorded { .. }
        | Event::EffectRequested { .. }
        | Event::RefsLookedUp { .. }
        | Event::GateEvaluated { .. }
        | Event::ContextLoaded { .. }
        | Event::TriageRecorded { .. }
        | Event::PlanRecorded { .. }
        | Event::AnswerRefused { .. }
        | Event::CritiqueRecorded { .. }
        | Event::PolicyEvaluated { .. }
        | Event::TierComputed { .. }
        | Event::PlanAccepted { .. }
        | Event::PatchSetsFixed { .. }
        | Event::RequestOpened { .. }
        | Event::RequestClosed { .. }
        | Event::ApprovalGiven { .. }
        | Event::RejectionGiven { .. }
        | Event::ChangesRequested { .. }
        | Event::AnswerGiven { .. }
        | Event::PatchesDeselected { .. }
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
        | Event::AgentCallEnded { .. } => Vec::new(),
    }
}
