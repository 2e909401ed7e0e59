//! All tenants' work: the [`Store`] port.

use crate::claim::{self, Ask};
use crate::db::{AllTx, Closed, Db};
use crate::effects;
use crate::epoch::{self, EpochStanding};
use crate::open;
use crate::row::time;
use crate::tenant::SqliteTenant;
use crate::{seal, whole, workflows};
use async_trait::async_trait;
use countersign_core::epoch::Epoch;
use countersign_core::id::{TenantId, WorkflowId};
use countersign_core::time::Timestamp;
use countersign_ledger::{Continuity, Leaf, Salt, commit};
use countersign_ports::access::Access;
use countersign_ports::hook::Hooks;
use countersign_ports::notice::Outbox;
use countersign_ports::reviewing::Reviewing;
use countersign_ports::store::{
    CheckpointRow, Claim, Clock, MemberKeys, Store, StoreError, TenantStore, Witness, WorkflowRow,
};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// Code of every refusal to write from a data folder that was restored, copied or moved.
const COPIED: &str = "data-folder-copied";

/// The store of one data folder.
pub struct SqliteStore {
    shared: Arc<Shared>,
    /// Whose turn it was last.
    served: Mutex<Option<TenantId>>,
}

/// What the store and its tenants' handles have in common.
pub(crate) struct Shared {
    pub(crate) db: Db,
    pub(crate) keys: Arc<dyn MemberKeys>,
    witness: OnceLock<Arc<dyn Witness>>,
    wake: Notify,
}

impl Shared {
    /// Keeps a checkpoint outside of the database, after the commit that recorded it. What is kept there is compared first:
    /// somebody may have been shown a head meanwhile that this log does not go on from, and then nothing more is written.
    /// A failure weakens what can be noticed later; it undoes nothing.
    pub(crate) async fn witness(&self, tenant: &TenantId, row: &CheckpointRow) {
        let Some(witness) = self.witness.get() else {
            return;
        };
        let kept = match self.compare(tenant, witness.as_ref()).await {
            Ok(Continuity::GoesOn) => witness.keep(tenant, row.size, &row.note),
            Ok(Continuity::Behind { .. } | Continuity::Forked { .. }) => return,
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            tracing::warn!(code = error.code(), %error, "the newest checkpoint could not be kept outside the database");
        }
    }

    /// How the log stands to what is kept outside; unless it goes on from there, it is only read from then on.
    async fn compare(&self, tenant: &TenantId, witness: &dyn Witness) -> Result<Continuity, StoreError> {
        let found = match witness.newest(tenant)? {
            Some(note) => {
                let compared = self
                    .db
                    .in_snapshot(tenant, async |tx| seal::compare(tx, &note).await);
                compared.await?
            }
            None => Continuity::GoesOn,
        };
        if let Some(refusal) = refusal(&found) {
            tracing::error!(code = refusal.code, "ALARM: {}", refusal.message);
            self.db.close_to_writes(refusal);
        }
        Ok(found)
    }

    /// Something may be there to claim. Called only after a commit has returned: nothing is visible before it
    /// is on disk (hazard 58).
    pub(crate) fn wake(&self) {
        self.wake.notify_waiters();
        self.wake.notify_one();
    }
}

impl SqliteStore {
    /// Opens a database file, which is made if it is not there (its folder has to be), brings its tables up
    /// to date and makes sure of the tenant `local`. Any number of processes may have it open.
    ///
    /// # Errors
    /// `Unavailable` with a code and a next step when the file can't be used.
    pub async fn open(
        path: &Path,
        clock: Arc<dyn Clock>,
        keys: Arc<dyn MemberKeys>,
    ) -> Result<Arc<Self>, StoreError> {
        let db = open::open(path, clock).await?;
        let store = Self {
            shared: Arc::new(Shared {
                db,
                keys,
                witness: OnceLock::new(),
                wake: Notify::new(),
            }),
            served: Mutex::new(None),
        };
        store.ensure_tenant(&TenantId::local()).await?;
        Ok(Arc::new(store))
    }

    /// Adds a tenant if there is none of that id.
    ///
    /// # Errors
    /// `Refused` when the ledger can't name such a tenant.
    pub async fn ensure_tenant(&self, tenant: &TenantId) -> Result<(), StoreError> {
        const INSERT: &str = "INSERT INTO tenants (id, active, created_at) VALUES ($1, 1, $2)";
        refuse_unnameable(tenant)?;
        let known = async |all: &AllTx| {
            all.row("SELECT 1 FROM tenants WHERE id = $1", [tenant.as_str().into()])
                .await
        };
        if self.shared.db.in_snapshot_of_all(known).await?.is_some() {
            return Ok(());
        }
        let add = async |all: &AllTx| {
            if known(all).await?.is_none() {
                all.run(INSERT, [tenant.as_str().into(), time(all.now().await?)])
                    .await?;
            }
            Ok(())
        };
        self.shared.db.in_tx_of_all(add).await
    }

    /// Has the newest checkpoint of a tenant kept outside of the database from now on, and compares the one that was
    /// kept. A database that lies behind it, or begins with something else, is an older copy or was rewritten: it is
    /// only read from then on, and every write is refused with the code `ledger-behind` or `ledger-forked`.
    ///
    /// # Errors
    /// When what was kept can't be read or is no checkpoint of this log.
    pub async fn watch(
        &self,
        tenant: &TenantId,
        witness: Arc<dyn Witness>,
    ) -> Result<Continuity, StoreError> {
        let found = self.shared.compare(tenant, witness.as_ref()).await?;
        // A second watcher would be a mistake of the caller; the first one stays.
        let _first = self.shared.witness.set(witness);
        Ok(found)
    }

    /// How this database stands to its newest epoch, seen from a place. Unless it is at work here (or new), it is only
    /// read from then on, and every write is refused with the code `data-folder-copied`.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn settle(&self, tenant: &TenantId, place: &str) -> Result<EpochStanding, StoreError> {
        let standing = self.standing(tenant, place).await?;
        match &standing {
            EpochStanding::New | EpochStanding::AtWork(_) => {}
            EpochStanding::Reconciling(epoch) => self.shared.db.close_to_writes(Closed {
                code: COPIED,
                message: format!(
                    "epoch {} of this data folder has begun, and not everything is reconciled yet, so nothing else is written",
                    epoch.epoch
                ),
            }),
            EpochStanding::Elsewhere(_) => self.shared.db.close_to_writes(Closed {
                code: COPIED,
                message: "this data folder was restored, copied or moved, so nothing is written".to_owned(),
            }),
        }
        Ok(standing)
    }

    /// The same, without closing anything.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn standing(&self, tenant: &TenantId, place: &str) -> Result<EpochStanding, StoreError> {
        self.shared
            .db
            .in_snapshot(tenant, async |tx| epoch::standing(tx, place).await)
            .await
    }

    /// All epochs that the ledger records, oldest first.
    ///
    /// # Errors
    /// When the ledger can't be read.
    pub async fn epochs(&self, tenant: &TenantId) -> Result<Vec<Epoch>, StoreError> {
        self.shared
            .db
            .in_snapshot(tenant, async |tx| epoch::all(tx).await)
            .await
    }

    /// Records the first epoch, unless there is one.
    ///
    /// # Errors
    /// When it can't be recorded.
    pub async fn begin_first_epoch(&self, tenant: &TenantId, place: &str) -> Result<(), StoreError> {
        self.shared
            .db
            .in_tx(tenant, async |tx| epoch::begin_first(tx, place).await)
            .await
    }

    /// Records the next epoch. From then on only [`SqliteStore::end_reconciling`] makes the folder writable for
    /// others.
    ///
    /// # Errors
    /// `Clash` when the ledger is not the one that it was made for.
    pub async fn begin_epoch(&self, tenant: &TenantId, epoch: &Epoch) -> Result<(), StoreError> {
        self.shared
            .db
            .in_tx(tenant, async |tx| epoch::begin(tx, epoch).await)
            .await
    }

    /// Everything is reconciled: the folder is at work.
    ///
    /// # Errors
    /// When it can't be recorded.
    pub async fn end_reconciling(&self, tenant: &TenantId) -> Result<(), StoreError> {
        self.shared
            .db
            .in_tx(tenant, async |tx| epoch::at_work(tx).await)
            .await
    }

    /// Every workflow of a tenant that has not ended, oldest first.
    ///
    /// # Errors
    /// When the list can't be read.
    pub async fn unfinished(&self, tenant: &TenantId) -> Result<Vec<WorkflowRow>, StoreError> {
        self.shared
            .db
            .in_snapshot(tenant, async |tx| workflows::unfinished(tx).await)
            .await
    }

    /// Copies a database as it is at one moment into a new file; others may go on working meanwhile.
    ///
    /// # Errors
    /// When the copy can't be made; what there is of it then is to be thrown away.
    pub async fn copy(from: &Path, into: &Path) -> Result<(), StoreError> {
        open::copy(from, into).await
    }

    /// Marks this database as a copy: nothing is written from it, wherever it lies, before its own epoch begins.
    ///
    /// # Errors
    /// When it can't be written.
    pub async fn mark_copied(&self) -> Result<(), StoreError> {
        self.shared.db.in_tx_of_all(epoch::mark_copied).await
    }

    /// Checks the whole ledger of a tenant: every leaf, body and stream, and the tree from its leaves up, against a
    /// signed note over all of it. Gives the number of entries.
    ///
    /// # Errors
    /// When anything does not fit.
    pub async fn check_whole(&self, tenant: &TenantId, note: &str) -> Result<u64, StoreError> {
        self.shared
            .db
            .in_snapshot(tenant, async |tx| whole::check(tx, note).await)
            .await
    }

    /// The same without a note: signed or not.
    ///
    /// # Errors
    /// When anything does not fit.
    pub async fn check_entries(&self, tenant: &TenantId) -> Result<u64, StoreError> {
        self.shared
            .db
            .in_snapshot(tenant, async |tx| whole::check_entries(tx).await)
            .await
    }

    /// Why nothing is written to this database, if so.
    pub fn closed(&self) -> Option<StoreError> {
        self.shared.db.closed()
    }

    /// Closes all connections and brings the write-ahead log into the file. Later calls fail.
    pub async fn close(&self) {
        for pool in [&self.shared.db.read, self.shared.db.write.connection()] {
            pool.get_sqlite_connection_pool().close().await;
        }
    }

    /// What the handles share, for tests from inside.
    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    fn served(&self) -> std::sync::MutexGuard<'_, Option<TenantId>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SqliteStore {
    /// One tenant's doors.
    pub fn access(&self, tenant: &TenantId) -> Arc<dyn Access> {
        Arc::new(SqliteTenant {
            shared: Arc::clone(&self.shared),
            tenant: tenant.clone(),
        })
    }

    /// One tenant's notices.
    pub fn outbox(&self, tenant: &TenantId) -> Arc<dyn Outbox> {
        Arc::new(SqliteTenant {
            shared: Arc::clone(&self.shared),
            tenant: tenant.clone(),
        })
    }

    /// What forges told one tenant.
    pub fn hooks(&self, tenant: &TenantId) -> Arc<dyn Hooks> {
        Arc::new(SqliteTenant {
            shared: Arc::clone(&self.shared),
            tenant: tenant.clone(),
        })
    }

    /// What one tenant's members keep while reviewing.
    pub fn reviewing(&self, tenant: &TenantId) -> Arc<dyn Reviewing> {
        Arc::new(SqliteTenant {
            shared: Arc::clone(&self.shared),
            tenant: tenant.clone(),
        })
    }
}

#[async_trait]
impl Store for SqliteStore {
    fn tenant(&self, tenant: &TenantId) -> Arc<dyn TenantStore> {
        Arc::new(SqliteTenant {
            shared: Arc::clone(&self.shared),
            tenant: tenant.clone(),
        })
    }

    async fn now(&self) -> Result<Timestamp, StoreError> {
        self.shared
            .db
            .in_statement_of_all(async |all| all.now().await)
            .await
    }

    async fn claim(
        &self,
        worker: &str,
        only: Option<&WorkflowId>,
        judging: &BTreeSet<WorkflowId>,
    ) -> Result<Option<Claim>, StoreError> {
        let ask = Ask {
            worker,
            only,
            judging,
            served: self.served().clone(),
        };
        match self
            .shared
            .db
            .in_tx_of_all(async |all| claim::next(all, &ask).await)
            .await?
        {
            Some(found) => {
                *self.served() = Some(found.tenant);
                found.claim.map(Some)
            }
            None => Ok(None),
        }
    }

    async fn end_lost_claims(&self) -> Result<u64, StoreError> {
        let ended = self.shared.db.in_tx_of_all(effects::end_claims).await?;
        self.shared.wake();
        Ok(ended)
    }

    async fn wait_for_work(&self, limit: Duration) {
        // Woken or not, the caller looks again: a sweep is the truth.
        let _ = tokio::time::timeout(limit, self.shared.wake.notified()).await;
    }

    async fn next_run_at(&self, only: Option<&WorkflowId>) -> Result<Option<Timestamp>, StoreError> {
        self.shared
            .db
            .in_statement_of_all(async |all| effects::next_run_at(all, only).await)
            .await
    }

    async fn expired(&self) -> Result<Vec<(TenantId, WorkflowId)>, StoreError> {
        const EXPIRED: &str =
            "SELECT tenant, id FROM workflows WHERE next_expiry_at <= $1 ORDER BY next_expiry_at";
        let rows = async |all: &AllTx| all.rows(EXPIRED, [time(all.now().await?)]).await;
        let rows = self.shared.db.in_snapshot_of_all(rows).await?;
        rows.iter()
            .map(|row| {
                Ok((
                    row.parsed("tenant", TenantId::parse)?,
                    row.parsed("id", WorkflowId::parse)?,
                ))
            })
            .collect()
    }
}

/// Why a log that does not go on from what was seen is not written to.
fn refusal(found: &Continuity) -> Option<Closed> {
    match found {
        Continuity::GoesOn => None,
        Continuity::Behind { seen, have } => Some(Closed {
            code: "ledger-behind",
            message: format!(
                "this ledger has {have} entries, and a signed checkpoint of {seen} was seen: an older copy was put \
                back, so nothing is written"
            ),
        }),
        Continuity::Forked { seen } => Some(Closed {
            code: "ledger-forked",
            message: format!(
                "this ledger does not begin with the {seen} entries of a signed checkpoint that was seen: it is \
                another one or was rewritten, so nothing is written; keep this folder for examination"
            ),
        }),
    }
}

/// A tenant whose name no leaf can hold could never record anything.
fn refuse_unnameable(tenant: &TenantId) -> Result<(), StoreError> {
    let leaf = Leaf {
        tenant: tenant.to_string(),
        stream: crate::log::TENANT_STREAM.to_owned(),
        seq: 1,
        prev: None,
        kind: crate::log::KIND_MEMBER_ADDED.to_owned(),
        at: Timestamp(0).to_rfc3339(),
        commitment: commit(&Salt([0; 32]), b""),
        ended: None,
    };
    leaf.to_bytes().map(|_| ()).map_err(|e| crate::error::leaf(&e))
}
