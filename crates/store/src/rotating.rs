//! From one signing key to the next: sealed by the old key, stated by both, and refused to the old one from then on.

use crate::db::Tx;
use crate::log;
use crate::{entries, error, seal};
use countersign_ledger::rotation::KIND_KEY_ROTATED;
use countersign_ledger::{Rotation, VerifierKey};
use countersign_ports::store::{KeyRotation, StoreError};

/// Hands over.
pub(crate) async fn rotate(tx: &Tx<'_>, rotation: &dyn KeyRotation) -> Result<Rotation, StoreError> {
    seal::head(tx, rotation.old()).await?;
    let size = log::size(tx).await?;
    let statement = rotation.statement(tx.tenant(), size)?;
    let stated = Rotation::parse(&statement).map_err(|e| StoreError::Refused {
        code: e.code(),
        message: format!("the change of keys can't be recorded: {e}"),
    })?;
    let old = rotation.old().verifiers(tx.tenant());
    if stated.size != size || !old.contains(&stated.from) {
        return Err(StoreError::Refused {
            code: "rotation-misplaced",
            message: "the change of keys was stated for another log or another key".to_owned(),
        });
    }
    log::append_tenant_fact(tx, KIND_KEY_ROTATED, &statement).await?;
    Ok(stated)
}

/// All changes of keys, oldest first.
pub(crate) async fn rotations(tx: &Tx<'_>) -> Result<Vec<Rotation>, StoreError> {
    let facts = entries::tenant_facts(tx, KIND_KEY_ROTATED).await?;
    let read = |body: &Vec<u8>| {
        Rotation::parse(body).map_err(|e| error::damaged(format_args!("a change of keys in the ledger: {e}")))
    };
    facts.iter().map(read).collect()
}

/// A key that was handed over signs nothing any more, whoever still has it.
pub(crate) async fn refuse_retired(tx: &Tx<'_>, keys: &[VerifierKey]) -> Result<(), StoreError> {
    let Some(newest) = rotations(tx).await?.pop() else {
        return Ok(());
    };
    if keys.contains(&newest.to) {
        return Ok(());
    }
    Err(StoreError::Refused {
        code: "ledger-key-retired",
        message: format!(
            "the ledger goes on under the key {}, and this is another one; put the newest keys folder back",
            newest.to.name()
        ),
    })
}
