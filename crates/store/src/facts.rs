//! What the write gate looks at, read anew in one transaction that holds the write lock and the claim (hazard
//! 35).
//!
//! This is the only caller of [`FreshFacts::attest`]: nothing here comes from memory, all of it from rows
//! that were just checked against the ledger and, for approvals, against keys that are not in the database
//! (hazard 40).

use crate::alarms;
use crate::db::Tx;
use crate::effects;
use crate::entries;
use crate::error;
use crate::freezes;
use crate::inputs;
use crate::members;
use countersign_core::act::SignedAct;
use countersign_core::id::{TenantId, WorkflowId};
use countersign_core::permit::{ClaimFacts, FreshFacts};
use countersign_core::time::Timestamp;
use countersign_core::workflow::Workflow;
use countersign_core::workflow::event::Attempt;
use countersign_ports::store::{Alarm, ClaimedEffect, Freeze, MemberKeys, OutsideFacts, StoreError};
use ed25519_dalek::VerifyingKey;

/// How far the machine's clock may lie behind the ledger for a write to be thought of, in milliseconds.
pub(crate) const CLOCK_SKEW_MAX_MS: u64 = 5_000;

/// Reads the facts under a claim.
pub(crate) async fn fresh(
    tx: &Tx<'_>,
    keys: &dyn MemberKeys,
    effect: &ClaimedEffect,
    attempt: &Attempt,
    outside: OutsideFacts,
) -> Result<FreshFacts, StoreError> {
    let now = refuse_skew(tx).await?;
    let held = effects::held(tx, &effect.id, effect.fence, now).await?;
    let workflow = replay(tx, &held.workflow).await?;
    let approvals_authentic = approvals_are_authentic(&workflow, keys);
    if !approvals_authentic {
        let message =
            "an approval in the ledger is not signed by the key held for its member; nothing is written";
        alarms::raise(
            tx,
            &Alarm::new("approval-not-authentic", &workflow.id, message.to_owned()),
        )
        .await?;
    }
    let facts = ClaimFacts {
        now,
        fence: effect.fence,
        lease_until: held.lease_until,
        undecided_inputs: inputs::undecided(tx, &held.workflow).await?,
        approvals_authentic,
        tenant_active: is_active(tx).await?,
        baseline_unchanged: outside.baseline_unchanged,
        base_stands: outside.base_stands,
        frozen: is_frozen(tx, &workflow).await?,
    };
    Ok(FreshFacts::attest(
        workflow,
        attempt.clone(),
        facts,
        members::roster(tx, keys).await?,
    ))
}

/// The database's time; a clock that lies behind the ledger can't say what has run out (hazard 52).
async fn refuse_skew(tx: &Tx<'_>) -> Result<Timestamp, StoreError> {
    let (clock, ledger) = (tx.all().clock(), tx.all().last_entry_at().await?);
    if clock.plus_ms(CLOCK_SKEW_MAX_MS) < ledger {
        return Err(StoreError::Unavailable {
            code: "clock-behind",
            message: format!(
                "this machine's clock says {clock}, but the ledger is at {ledger}; set the clock right"
            ),
            source: None,
        });
    }
    Ok(clock.max(ledger))
}

async fn replay(tx: &Tx<'_>, id: &WorkflowId) -> Result<Workflow, StoreError> {
    let records = entries::events(tx, id).await?;
    let workflow = Workflow::replay(tx.tenant().clone(), id.clone(), records.iter().map(|r| &r.event));
    if workflow.version == crate::workflows::version(tx, id).await? {
        Ok(workflow)
    } else {
        Err(error::damaged(format_args!(
            "the list and the ledger disagree on {id}"
        )))
    }
}

fn approvals_are_authentic(workflow: &Workflow, keys: &dyn MemberKeys) -> bool {
    let acts = workflow.approvals.iter().map(|approval| &approval.act);
    acts.into_iter()
        .all(|act| is_authentic(act, &workflow.tenant, &workflow.id, keys))
}

/// Made for this workflow, and signed by the key that is held for its member.
fn is_authentic(act: &SignedAct, tenant: &TenantId, workflow: &WorkflowId, keys: &dyn MemberKeys) -> bool {
    let record = &act.record;
    let key = keys
        .verifying_key(tenant, &record.member)
        .and_then(|bytes| VerifyingKey::from_bytes(&bytes).ok());
    record.tenant == *tenant && record.workflow == *workflow && key.is_some_and(|key| act.is_authentic(&key))
}

async fn is_frozen(tx: &Tx<'_>, workflow: &Workflow) -> Result<bool, StoreError> {
    let frozen = freezes::all(tx).await?;
    let covers = |(_, freeze): &(Timestamp, Freeze)| {
        freeze.covers(workflow.repositories.iter().map(|r| &r.repository))
    };
    Ok(frozen.iter().any(covers))
}

async fn is_active(tx: &Tx<'_>) -> Result<bool, StoreError> {
    let row = tx.row("SELECT active FROM tenants WHERE id = $1", []).await?;
    row.map_or(Ok(false), |row| row.flag("active"))
}
