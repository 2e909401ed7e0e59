//! One workflow's story as one file: ledger entries with proofs, and the evidence that they name.

use crate::EngineError;
use countersign_core::digest::BodyHash;
use countersign_core::id::WorkflowId;
use countersign_core::workflow::Event;
use countersign_ledger::{Bundle, BundleBuilder};
use countersign_ports::store::{CheckpointSigner, TenantStore};

/// Puts a bundle together against a fresh checkpoint.
///
/// # Errors
/// When there is no such workflow, or the store fails.
pub async fn export(
    store: &dyn TenantStore,
    workflow: &WorkflowId,
    signer: &dyn CheckpointSigner,
) -> Result<Bundle, EngineError> {
    store.workflow(workflow).await?;
    let checkpoint = store.seal_head(signer).await?;
    let mut builder = BundleBuilder::new(store.tenant().as_str(), workflow.as_str());
    for entry in store.export(workflow, checkpoint.size).await? {
        builder.push(entry);
    }
    for record in store.events(workflow).await? {
        for hash in evidence(&record.event) {
            builder.attach(store.body(&hash).await?);
        }
    }
    Ok(builder.finish(checkpoint.note, &signer.verifiers(store.tenant())))
}

/// The bodies that an event names.
fn evidence(event: &Event) -> Vec<BodyHash> {
    match event {
        Event::DraftsRecorded { drafts } => drafts.iter().map(|d| d.canonical).collect(),
        Event::AgentCalled { run } => vec![run.output],
        Event::LedgerSealed { checkpoint, .. } => vec![checkpoint.note],
        Event::WorkflowStarted { .. }
        | Event::StateEntered { .. }
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
        | Event::WorkflowEnded { .. } => Vec::new(),
    }
}
