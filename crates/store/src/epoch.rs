//! Which database writes: epochs in the ledger, a mark in the file's header, and copies of the file.
//!
//! The mark is SQLite's `user_version` (<https://www.sqlite.org/pragma.html#pragma_user_version>): it travels with every
//! copy of the file and changes only inside a transaction. A copy that [`mark_copied`] made never passes for the
//! original, wherever it lies; any other copy is known by its place.

use crate::db::{AllTx, Tx};
use crate::{access, entries, error, hooks, log, outbox};
use countersign_core::epoch::{Epoch, KIND_EPOCH_BEGUN};
use countersign_ports::store::StoreError;

/// What the file's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It is at work.
    AtWork,
    /// It is a copy, from which nothing is written before its own epoch begins.
    Copied,
    /// Its epoch began, and not everything is reconciled yet.
    Reconciling,
}

impl Mark {
    fn number(self) -> u8 {
        match self {
            Mark::AtWork => 0,
            Mark::Copied => 1,
            Mark::Reconciling => 2,
        }
    }
}

/// How a data folder stands to its newest epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EpochStanding {
    /// No epoch has begun yet: it is new, or older than epochs.
    New,
    /// This is the place at which the epoch began, and everything is reconciled.
    AtWork(Epoch),
    /// This is the place at which the epoch began; not everything is reconciled yet.
    Reconciling(Epoch),
    /// It was restored, copied or moved since.
    Elsewhere(Option<Epoch>),
}

/// Compares the newest epoch with a place.
pub(crate) async fn standing(tx: &Tx<'_>, place: &str) -> Result<EpochStanding, StoreError> {
    let newest = newest(tx).await?;
    Ok(match (mark(tx.all()).await?, newest) {
        (Mark::AtWork, None) => EpochStanding::New,
        (Mark::AtWork, Some(epoch)) if epoch.place == place => EpochStanding::AtWork(epoch),
        (Mark::Reconciling, Some(epoch)) if epoch.place == place => EpochStanding::Reconciling(epoch),
        (Mark::AtWork | Mark::Copied | Mark::Reconciling, newest) => EpochStanding::Elsewhere(newest),
    })
}

/// The newest epoch in the ledger.
pub(crate) async fn newest(tx: &Tx<'_>) -> Result<Option<Epoch>, StoreError> {
    Ok(all(tx).await?.pop())
}

/// All epochs in the ledger, oldest first.
pub(crate) async fn all(tx: &Tx<'_>) -> Result<Vec<Epoch>, StoreError> {
    let facts = entries::tenant_facts(tx, KIND_EPOCH_BEGUN).await?;
    let read = |body: Vec<u8>| {
        Epoch::parse(&body).ok_or_else(|| error::damaged("an epoch in the ledger can't be read"))
    };
    facts.into_iter().map(read).collect()
}

/// Records the first epoch, unless another process was first.
pub(crate) async fn begin_first(tx: &Tx<'_>, place: &str) -> Result<(), StoreError> {
    if newest(tx).await?.is_some() {
        return Ok(());
    }
    let first = Epoch::first(log::size(tx).await?, place);
    log::append_tenant_fact(tx, KIND_EPOCH_BEGUN, &first.to_bytes()).await
}

/// Records the next epoch; nothing but reconciling is done in it yet. Whoever was let in before has to come in
/// again, and no notice of before is sent.
pub(crate) async fn begin(tx: &Tx<'_>, epoch: &Epoch) -> Result<(), StoreError> {
    if newest(tx).await?.map(|e| e.epoch) != epoch.previous || log::size(tx).await? != epoch.entries {
        return Err(StoreError::Clash);
    }
    log::append_tenant_fact(tx, KIND_EPOCH_BEGUN, &epoch.to_bytes()).await?;
    access::close_all(tx).await?;
    outbox::void(tx).await?;
    hooks::void(tx).await?;
    set(tx.all(), Mark::Reconciling).await
}

/// Everything is reconciled.
pub(crate) async fn at_work(tx: &Tx<'_>) -> Result<(), StoreError> {
    set(tx.all(), Mark::AtWork).await
}

/// From now on this file is a copy.
pub(crate) async fn mark_copied(all: &AllTx) -> Result<(), StoreError> {
    set(all, Mark::Copied).await
}

async fn mark(all: &AllTx) -> Result<Mark, StoreError> {
    let row = all.row("PRAGMA user_version", []).await?;
    let number = row.map_or(Ok(0), |row| row.number("user_version"))?;
    let known = [Mark::AtWork, Mark::Copied, Mark::Reconciling];
    let found = known.into_iter().find(|mark| u64::from(mark.number()) == number);
    found.ok_or_else(|| error::damaged(format_args!("its header is marked {number}")))
}

async fn set(all: &AllTx, mark: Mark) -> Result<(), StoreError> {
    all.plain(&format!("PRAGMA user_version = {}", mark.number()))
        .await
}
