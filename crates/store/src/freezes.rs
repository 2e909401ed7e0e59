//! What is frozen: facts in the ledger and nothing else, so that no row can be taken away to let a write through.

use crate::db::Tx;
use crate::log::{self, KIND_FREEZE_BEGUN, KIND_FREEZE_ENDED};
use crate::{entries, error};
use countersign_core::digest::canonical_json;
use countersign_core::time::Timestamp;
use countersign_ports::store::{Freeze, StoreError};

/// What is frozen, oldest first.
pub(crate) async fn all(tx: &Tx<'_>) -> Result<Vec<(Timestamp, Freeze)>, StoreError> {
    let mut frozen: Vec<(Timestamp, Freeze)> = Vec::new();
    for fact in entries::placed_tenant_facts(tx, &[KIND_FREEZE_BEGUN, KIND_FREEZE_ENDED]).await? {
        let said: Freeze = serde_json::from_slice(&fact.body)
            .map_err(|_| error::damaged("a freeze in the ledger can't be read"))?;
        if fact.kind == KIND_FREEZE_BEGUN {
            frozen.push((fact.at, said));
            continue;
        }
        // An owner's own first: whoever lifts that has not said anything about what we found ourselves.
        let same = |by_owner: bool| {
            let of_it =
                |(_, f): &(Timestamp, Freeze)| f.repository == said.repository && f.by.is_some() == by_owner;
            frozen.iter().position(of_it)
        };
        if let Some(ended) = same(true).or_else(|| same(false)) {
            frozen.remove(ended);
        }
    }
    Ok(frozen)
}

/// Freezes what is not.
pub(crate) async fn begin(tx: &Tx<'_>, freeze: &Freeze) -> Result<(), StoreError> {
    let same = |(_, other): &(Timestamp, Freeze)| {
        other.repository == freeze.repository && other.by.is_some() == freeze.by.is_some()
    };
    match all(tx).await?.iter().find(|other| same(other)) {
        None => log::append_tenant_fact(tx, KIND_FREEZE_BEGUN, &canonical_json(freeze)).await,
        Some((at, _)) => Err(StoreError::Refused {
            code: "frozen-already",
            message: format!("it is frozen since {at}"),
        }),
    }
}

/// Unfreezes what is frozen.
pub(crate) async fn end(tx: &Tx<'_>, end: &Freeze) -> Result<(), StoreError> {
    let is_frozen = all(tx).await?.iter().any(|(_, f)| f.repository == end.repository);
    match is_frozen {
        true => log::append_tenant_fact(tx, KIND_FREEZE_ENDED, &canonical_json(end)).await,
        false => Err(StoreError::Refused {
            code: "not-frozen",
            message: "it is not frozen".to_owned(),
        }),
    }
}
