//! The two doors to the database: write transactions through one connection, snapshots through a few others.
//!
//! A write transaction is always `BEGIN IMMEDIATE` (see `group`), so what it read is still true when it writes. Every
//! statement of a tenant's transaction binds that tenant as `$1` (INV-6); a statement that does not name it
//! is refused by an assertion.

use crate::error;
use crate::group::Group;
use crate::row::Row;
use countersign_core::id::TenantId;
use countersign_core::time::Timestamp;
use countersign_ports::store::{Clock, StoreError};
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DatabaseTransaction, DbBackend, Statement,
    TransactionTrait as _, Value,
};
use std::sync::{Arc, OnceLock};

/// Connections and clock.
pub(crate) struct Db {
    pub(crate) write: Group,
    pub(crate) read: DatabaseConnection,
    pub(crate) clock: Arc<dyn Clock>,
    closed: OnceLock<Closed>,
}

/// Why nothing is written to this database.
#[derive(Debug, Clone)]
pub(crate) struct Closed {
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl Db {
    pub(crate) fn new(write: Group, read: DatabaseConnection, clock: Arc<dyn Clock>) -> Self {
        Self {
            write,
            read,
            clock,
            closed: OnceLock::new(),
        }
    }

    /// Every write transaction from now on is refused.
    pub(crate) fn close_to_writes(&self, why: Closed) {
        // The first reason stays.
        let _first = self.closed.set(why);
    }

    /// A write transaction of one tenant. Commits if `work` succeeds; otherwise nothing of it remains.
    pub(crate) async fn in_tx<T>(
        &self,
        tenant: &TenantId,
        work: impl AsyncFnOnce(&Tx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.in_tx_of_all(async |all| {
            let tx = all.of(tenant);
            tx.refuse_unknown_tenant().await?;
            work(&tx).await
        })
        .await
    }

    /// A write transaction over all tenants: claims and their like.
    pub(crate) async fn in_tx_of_all<T>(
        &self,
        work: impl AsyncFnOnce(&AllTx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(Closed { code, message }) = self.closed.get().cloned() {
            return Err(StoreError::Closed { code, message });
        }
        self.write.item(work).await
    }

    /// One unchanging view of one tenant's data.
    pub(crate) async fn in_snapshot<T>(
        &self,
        tenant: &TenantId,
        work: impl AsyncFnOnce(&Tx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.in_snapshot_of_all(async |all| work(&all.of(tenant)).await)
            .await
    }

    /// One unchanging view of everything.
    pub(crate) async fn in_snapshot_of_all<T>(
        &self,
        work: impl AsyncFnOnce(&AllTx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let tx = self.begin_read().await?;
        let result = work(&tx).await;
        tx.roll_back().await;
        result
    }

    async fn begin_read(&self) -> Result<AllTx, StoreError> {
        let db = self.read.begin().await.map_err(error::database)?;
        Ok(AllTx::new(db, Arc::clone(&self.clock)))
    }
}

/// A transaction of one tenant: `$1` in every statement is that tenant, further values follow from `$2` on.
pub(crate) struct Tx<'a> {
    all: &'a AllTx,
    tenant: &'a TenantId,
}

impl Tx<'_> {
    /// Whose transaction it is.
    pub(crate) fn tenant(&self) -> &TenantId {
        self.tenant
    }

    /// What this transaction sees apart from the tenant's rows: clock and newest time.
    pub(crate) fn all(&self) -> &AllTx {
        self.all
    }

    /// As [`AllTx::now`].
    pub(crate) async fn now(&self) -> Result<Timestamp, StoreError> {
        self.all.now().await
    }

    /// Runs a statement and gives the number of rows that it changed.
    pub(crate) async fn run<const N: usize>(&self, sql: &str, values: [Value; N]) -> Result<u64, StoreError> {
        self.all.run_with(sql, self.bound(sql, values)).await
    }

    /// The first row of a query.
    pub(crate) async fn row<const N: usize>(
        &self,
        sql: &str,
        values: [Value; N],
    ) -> Result<Option<Row>, StoreError> {
        self.all.row_with(sql, self.bound(sql, values)).await
    }

    /// All rows of a query.
    pub(crate) async fn rows<const N: usize>(
        &self,
        sql: &str,
        values: [Value; N],
    ) -> Result<Vec<Row>, StoreError> {
        self.all.rows_with(sql, self.bound(sql, values)).await
    }

    fn bound<const N: usize>(&self, sql: &str, values: [Value; N]) -> Vec<Value> {
        assert!(sql.contains("$1"), "a tenant's statement names its tenant: {sql}");
        std::iter::once(Value::from(self.tenant.as_str()))
            .chain(values)
            .collect()
    }

    async fn refuse_unknown_tenant(&self) -> Result<(), StoreError> {
        match self.row("SELECT 1 FROM tenants WHERE id = $1", []).await? {
            Some(_) => Ok(()),
            None => Err(StoreError::Refused {
                code: "unknown-tenant",
                message: format!("there is no tenant `{}` in this data folder", self.tenant),
            }),
        }
    }
}

/// A transaction that is bound to no tenant.
pub(crate) struct AllTx {
    db: DatabaseTransaction,
    clock: Arc<dyn Clock>,
}

impl AllTx {
    pub(crate) fn new(db: DatabaseTransaction, clock: Arc<dyn Clock>) -> Self {
        Self { db, clock }
    }

    /// The same transaction, for one tenant's rows.
    pub(crate) fn of<'a>(&'a self, tenant: &'a TenantId) -> Tx<'a> {
        Tx { all: self, tenant }
    }

    /// Runs a statement and gives the number of rows that it changed.
    pub(crate) async fn run<const N: usize>(&self, sql: &str, values: [Value; N]) -> Result<u64, StoreError> {
        self.run_with(sql, values.into()).await
    }

    /// The first row of a query.
    pub(crate) async fn row<const N: usize>(
        &self,
        sql: &str,
        values: [Value; N],
    ) -> Result<Option<Row>, StoreError> {
        self.row_with(sql, values.into()).await
    }

    /// All rows of a query.
    pub(crate) async fn rows<const N: usize>(
        &self,
        sql: &str,
        values: [Value; N],
    ) -> Result<Vec<Row>, StoreError> {
        self.rows_with(sql, values.into()).await
    }

    /// The machine's clock, as it is.
    pub(crate) fn clock(&self) -> Timestamp {
        self.clock.now()
    }

    /// The newest time in any ledger.
    pub(crate) async fn last_entry_at(&self) -> Result<Timestamp, StoreError> {
        match self
            .row("SELECT coalesce(max(at), 0) AS at FROM entries", [])
            .await?
        {
            Some(row) => row.time("at"),
            None => Ok(Timestamp(0)),
        }
    }

    /// The machine's clock, but never below the last ledger time: what ran out stays run out when a clock
    /// goes back.
    pub(crate) async fn now(&self) -> Result<Timestamp, StoreError> {
        Ok(self.clock().max(self.last_entry_at().await?))
    }

    async fn run_with(&self, sql: &str, values: Vec<Value>) -> Result<u64, StoreError> {
        let done = self
            .db
            .execute_raw(statement(sql, values))
            .await
            .map_err(error::database)?;
        Ok(done.rows_affected())
    }

    async fn row_with(&self, sql: &str, values: Vec<Value>) -> Result<Option<Row>, StoreError> {
        let row = self
            .db
            .query_one_raw(statement(sql, values))
            .await
            .map_err(error::database)?;
        Ok(row.map(Row))
    }

    async fn rows_with(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let rows = self
            .db
            .query_all_raw(statement(sql, values))
            .await
            .map_err(error::database)?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// Runs a statement without values, of the transaction itself.
    pub(crate) async fn plain(&self, sql: &str) -> Result<(), StoreError> {
        let done = self.db.execute_unprepared(sql).await;
        done.map(|_| ()).map_err(error::database)
    }

    /// Everything is on disk when this returns a success.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        self.db.commit().await.map_err(error::database)
    }

    /// That a broken transaction can't even be rolled back changes nothing, and such a connection is not used
    /// again (see `open`).
    pub(crate) async fn roll_back(self) {
        if let Err(error) = self.db.rollback().await {
            tracing::debug!(%error, "the database had already rolled back");
        }
    }
}

fn statement(sql: &str, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)
}
