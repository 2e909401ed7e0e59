//! What is left of a run, taken down once: streams, ledger, exported stories, branches, and what permits did.
//!
//! [`crate::judges`] look at this alone. It must not judge anything itself, and takes no word of the engine for
//! anything: it reads the real store and the repositories.

use crate::house::{House, HouseError, Tenant};
use crate::repositories::{Deed, Landing};
use countersign_core::forge::PullRequest;
use countersign_core::id::{BranchName, CommitSha, InputId, TenantId, WorkflowId};
use countersign_core::record::EventRecord;
use countersign_engine::bundle::export;
use countersign_ledger::{Leaf, VerifierKey};
use countersign_ports::store::{AlarmRow, CheckpointSigner as _, Freeze, InputStatus, RepositoryRow};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// How the ledger calls a freeze that begins.
const FREEZE_BEGUN: &str = "freeze.begun";
/// Entries that are read at once.
const PAGE: u32 = 1_000;

/// All of it.
#[derive(Clone)]
pub struct Evidence {
    /// By tenant.
    pub tenants: Vec<Kept>,
    /// Everything that permits did, oldest first.
    pub deeds: Vec<Deed>,
    /// Every branch but `main`, with its commit, by folder.
    pub branches: Vec<(PathBuf, BranchName, CommitSha)>,
    /// Every pull request, by folder.
    pub pull_requests: Vec<(PathBuf, PullRequest)>,
    /// Everything that somebody merged, oldest first, by content.
    pub landings: Vec<Landing>,
    /// Branches of ours that somebody else pushed to or deleted.
    pub touched: Vec<(PathBuf, BranchName)>,
}

/// What is kept of one tenant.
#[derive(Clone)]
pub struct Kept {
    /// Whose.
    pub tenant: TenantId,
    /// Its repositories.
    pub repositories: Vec<RepositoryRow>,
    /// Each workflow that somebody wanted to start, with its events.
    pub streams: BTreeMap<WorkflowId, Vec<EventRecord>>,
    /// Each input that came in, and what became of it.
    pub inputs: Vec<(InputId, InputStatus)>,
    /// What the store says of forgeries.
    pub alarms: Vec<AlarmRow>,
    /// The ledger, where it was asked for.
    pub ledger: Option<Ledger>,
}

/// One tenant's ledger as a stranger gets it.
#[derive(Clone)]
pub struct Ledger {
    /// Whose signature counts.
    pub keys: Vec<VerifierKey>,
    /// The signed head.
    pub head: String,
    /// Every leaf.
    pub leaves: Vec<Vec<u8>>,
    /// What was frozen, each with its leaf's place.
    pub frozen: Vec<(u64, Freeze)>,
    /// Each story as its exported file, or why it can't be exported.
    pub stories: BTreeMap<WorkflowId, Result<Vec<u8>, String>>,
}

/// Takes it down.
///
/// # Errors
/// When the house itself can't be looked at.
pub async fn take_down(house: &House, with_ledger: bool) -> Result<Evidence, HouseError> {
    let mut tenants = Vec::new();
    for tenant in &house.tenants {
        let mut kept = Kept {
            tenant: tenant.store.tenant().clone(),
            repositories: tenant.repositories.clone(),
            streams: BTreeMap::new(),
            inputs: inputs(house, tenant).await?,
            alarms: tenant.store.alarms().await?,
            ledger: None,
        };
        for id in tenant.workflows() {
            kept.streams.insert(id.clone(), tenant.store.events(&id).await?);
        }
        if with_ledger {
            kept.ledger = Some(ledger(house, tenant, &kept).await?);
        }
        tenants.push(kept);
    }
    Ok(Evidence {
        tenants,
        deeds: house.repositories.deeds(),
        branches: house.repositories.branches(),
        pull_requests: house.repositories.pull_requests(),
        landings: house.repositories.landings(),
        touched: house.repositories.touched(),
    })
}

async fn inputs(house: &House, tenant: &Tenant) -> Result<Vec<(InputId, InputStatus)>, HouseError> {
    let arrived = house
        .fates
        .arrived
        .lock()
        .expect("because arrivals are only pushed and read")
        .clone();
    let mut found = Vec::new();
    for (_, id) in arrived.into_iter().filter(|(of, _)| of == tenant.store.tenant()) {
        let status = tenant.store.input_status(&id).await?;
        found.push((id, status));
    }
    Ok(found)
}

async fn ledger(house: &House, tenant: &Tenant, kept: &Kept) -> Result<Ledger, HouseError> {
    let head = tenant.store.seal_head(house.signer.as_ref()).await?.note;
    let (mut leaves, mut frozen) = (Vec::new(), Vec::new());
    loop {
        let page = tenant.store.entries(None, leaves.len() as u64, PAGE).await?;
        if page.is_empty() {
            break;
        }
        for entry in page {
            let kind = Leaf::parse(&entry.leaf).map(|leaf| leaf.kind);
            if kind.is_ok_and(|kind| kind == FREEZE_BEGUN) {
                let body = entry.body.unwrap_or_default();
                let said = serde_json::from_slice(&body).map_err(|e| HouseError::Ledger(e.to_string()))?;
                frozen.push((entry.index, said));
            }
            leaves.push(entry.leaf);
        }
    }
    let mut stories = BTreeMap::new();
    for id in kept
        .streams
        .iter()
        .filter(|(_, s)| !s.is_empty())
        .map(|(id, _)| id)
    {
        let bundle = export(tenant.store.as_ref(), id, house.signer.as_ref(), &[]).await;
        let bytes = bundle
            .map_err(|e| e.to_string())
            .and_then(|bundle| bundle.to_bytes().map_err(|e| e.to_string()));
        stories.insert(id.clone(), bytes);
    }
    Ok(Ledger {
        keys: house.signer.verifiers(tenant.store.tenant()),
        head,
        leaves,
        frozen,
        stories,
    })
}
