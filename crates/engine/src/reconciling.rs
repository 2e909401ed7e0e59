//! A data folder that is taken up again: every unfinished workflow is held against what its branches hold now. Only
//! reads the forge; what follows from it `decide` says.

use crate::judge::{Judge, Outcome};
use crate::{EngineError, Ports};
use countersign_core::id::{TenantId, WorkflowId};
use countersign_core::patch_set::PatchSet;
use countersign_core::workflow::event::{BranchHolds, FoundBranch};
use countersign_core::workflow::{Input, Workflow};
use countersign_ports::store::{RepositoryRow, Settles, TenantStore};
use std::sync::Arc;

/// One workflow before and after.
pub struct Reconciled {
    /// As it was found.
    pub before: Workflow,
    /// As it goes on.
    pub after: Workflow,
}

/// Reconciles one workflow under an epoch; `None`: it was done before, or the workflow has ended. Only for the holder of the owner
/// lock, while nothing else writes.
///
/// # Errors
/// When the store fails; nothing is half-written then.
pub async fn reconcile(
    ports: &Ports,
    tenant: &TenantId,
    id: &WorkflowId,
    epoch: u64,
) -> Result<Option<Reconciled>, EngineError> {
    let judge = Judge {
        ports,
        store: ports.store.tenant(tenant),
        workflow: id.clone(),
        goes_on: None,
    };
    let before = judge.load().await?;
    if before.epoch >= epoch || before.state.is_final() {
        return Ok(None);
    }
    let branches = look(ports, judge.store.as_ref(), &before).await?;
    let roster = judge.store.roster().await?;
    let input = Input::Reconciling {
        epoch,
        branches,
        roster,
    };
    match judge.decide(input, Vec::new(), Settles::Nothing, None).await? {
        Outcome::Recorded(_) => {
            let after = judge.load().await?;
            Ok(Some(Reconciled { before, after }))
        }
        Outcome::Refused(refusal) => {
            tracing::info!(code = refusal.code(), %refusal, "nothing to reconcile");
            Ok(None)
        }
    }
}

/// What the branch of every patch set holds.
async fn look(
    ports: &Ports,
    store: &dyn TenantStore,
    workflow: &Workflow,
) -> Result<Vec<FoundBranch>, EngineError> {
    let rows = store.repositories().await?;
    let mut found = Vec::new();
    for patch_set in &workflow.patch_sets {
        let row = rows.iter().find(|row| row.id == patch_set.repository);
        found.push(FoundBranch {
            repository: patch_set.repository.clone(),
            branch: patch_set.manifest.branch.clone(),
            holds: read(ports, row, patch_set).await,
        });
    }
    Ok(found)
}

async fn read(ports: &Ports, row: Option<&RepositoryRow>, patch_set: &PatchSet) -> BranchHolds {
    let unreadable = |detail: String| BranchHolds::Unreadable { detail };
    let Some(row) = row else {
        return unreadable("the repository is not registered".to_owned());
    };
    let source = row.source();
    let (forge, branch) = (Arc::clone(&ports.forge), patch_set.manifest.branch.clone());
    match tokio::task::spawn_blocking(move || forge.read_branch(&source, &branch)).await {
        Ok(Ok(Some(state))) => BranchHolds::Commit {
            commit: state.commit,
            tree: state.tree,
        },
        Ok(Ok(None)) => BranchHolds::Nothing,
        Ok(Err(error)) => unreadable(error.to_string()),
        Err(died) => unreadable(format!("an internal error: {died}")),
    }
}
