//! Erasing bodies: the leaf stays, salt and body go together, and the ledger says what went, by whom and why.

use crate::access::forget_answers;
use crate::db::Tx;
use crate::log;
use crate::row::int;
use crate::workflows;
use countersign_core::digest::BodyHash;
use countersign_core::erasure::{Erasure, KIND_ERASED};
use countersign_ports::store::StoreError;

/// What lists show where a title was.
const ERASED_TITLE: &str = "(erased)";

/// Erases, and gives what was really there.
pub(crate) async fn erase(tx: &Tx<'_>, wanted: &Erasure) -> Result<Erasure, StoreError> {
    let row = workflows::one(tx, &wanted.workflow).await?;
    if !row.state.is_final() {
        return Err(StoreError::Refused {
            code: "workflow-open",
            message: format!(
                "{} is {}, and what is still needed can't be erased; end it first (`countersign cancel`)",
                wanted.workflow, row.state
            ),
        });
    }
    let mut done = wanted.clone();
    done.entries.clear();
    done.evidence.clear();
    for seq in &wanted.entries {
        if erase_entry(tx, wanted, *seq).await? {
            done.entries.insert(*seq);
        }
    }
    for hash in &wanted.evidence {
        if erase_evidence(tx, wanted, hash).await? {
            done.evidence.insert(*hash);
        }
    }
    if done.entries.contains(&1) {
        forget_submission(tx, wanted).await?;
    }
    if done.entries.is_empty() && done.evidence.is_empty() {
        return Err(StoreError::Refused {
            code: "nothing-to-erase",
            message: format!("nothing of that is there in {} any more", wanted.workflow),
        });
    }
    log::append_tenant_fact(tx, KIND_ERASED, &done.to_bytes()).await?;
    Ok(done)
}

async fn erase_entry(tx: &Tx<'_>, erasure: &Erasure, seq: u64) -> Result<bool, StoreError> {
    const ERASE: &str = "DELETE FROM entry_bodies WHERE tenant = $1 AND idx =
        (SELECT idx FROM entries WHERE tenant = $1 AND stream = $2 AND seq = $3)";
    let values = [erasure.workflow.as_str().into(), int(seq)];
    Ok(tx.run(ERASE, values).await? == 1)
}

/// Evidence is kept by its content: what another workflow names by the same hash is that one's as well.
async fn erase_evidence(tx: &Tx<'_>, erasure: &Erasure, hash: &BodyHash) -> Result<bool, StoreError> {
    const NAMED: &str = "SELECT 1 FROM entries e
        JOIN entry_bodies b ON b.tenant = e.tenant AND b.idx = e.idx
        WHERE e.tenant = $1 AND e.stream <> $2 AND e.stream <> $3
        AND instr(CAST(b.body AS TEXT), $4) > 0 LIMIT 1";
    const ERASE: &str = "DELETE FROM bodies WHERE tenant = $1 AND hash = $2";
    let named = [
        erasure.workflow.as_str().into(),
        log::TENANT_STREAM.into(),
        hash.to_hex().into(),
    ];
    if tx.row(NAMED, named).await?.is_some() {
        return Ok(false);
    }
    Ok(tx.run(ERASE, [hash.to_hex().into()]).await? == 1)
}

/// The words stand in the inbox, in the list and in answers that are kept for whoever repeats a call as well.
async fn forget_submission(tx: &Tx<'_>, erasure: &Erasure) -> Result<(), StoreError> {
    const INPUTS: &str = "UPDATE inputs SET payload = x'' WHERE tenant = $1 AND workflow = $2
        AND status IN ('accepted', 'refused')";
    const LIST: &str = "UPDATE workflows SET title = $3, feedback_hash = '' WHERE tenant = $1 AND id = $2";
    const DRAFTS: &str = "DELETE FROM draft_comments WHERE tenant = $1 AND workflow = $2";
    tx.run(INPUTS, [erasure.workflow.as_str().into()]).await?;
    tx.run(DRAFTS, [erasure.workflow.as_str().into()]).await?;
    forget_answers(tx, erasure.workflow.as_str()).await?;
    tx.run(LIST, [erasure.workflow.as_str().into(), ERASED_TITLE.into()])
        .await?;
    Ok(())
}
