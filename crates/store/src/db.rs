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
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Rows that one statement inserts: each number of rows is a statement of its own, which connections keep prepared.
const ROWS_AT_ONCE: usize = 16;

/// Connections and clock.
pub(crate) struct Db {
    pub(crate) write: Group,
    pub(crate) read: DatabaseConnection,
    pub(crate) clock: Arc<dyn Clock>,
    /// Tenants that wrote before: a tenant never goes.
    known: Mutex<BTreeSet<TenantId>>,
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
            known: Mutex::default(),
            closed: OnceLock::new(),
        }
    }

    /// Every write transaction from now on is refused.
    pub(crate) fn close_to_writes(&self, why: Closed) {
        // The first reason stays.
        let _first = self.closed.set(why);
    }

    /// With what every write is refused, if so.
    pub(crate) fn closed(&self) -> Option<StoreError> {
        let Closed { code, message } = self.closed.get().cloned()?;
        Some(StoreError::Closed { code, message })
    }

    /// A write transaction of one tenant. Commits if `work` succeeds; otherwise nothing of it remains.
    pub(crate) async fn in_tx<T>(
        &self,
        tenant: &TenantId,
        work: impl AsyncFnOnce(&Tx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let wrote_before = known().contains(tenant);
        let done = self.in_tx_of_all(async |all| {
            let tx = all.of(tenant);
            if !wrote_before {
                tx.refuse_unknown_tenant().await?;
            }
            work(&tx).await
        });
        let done = done.await?;
        if !wrote_before {
            known().insert(tenant.clone());
        }
        Ok(done)
    }

    /// A write transaction over all tenants: claims and their like.
    pub(crate) async fn in_tx_of_all<T>(
        &self,
        work: impl AsyncFnOnce(&AllTx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        if let Some(closed) = self.closed() {
            return Err(closed);
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

    /// One tenant's data, asked with one statement: that is an unchanging view by itself.
    pub(crate) async fn in_statement<T>(
        &self,
        tenant: &TenantId,
        work: impl AsyncFnOnce(&Tx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.in_statement_of_all(async |all| work(&all.of(tenant)).await)
            .await
    }

    /// Everything, asked with one statement.
    pub(crate) async fn in_statement_of_all<T>(
        &self,
        work: impl AsyncFnOnce(&AllTx) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let one = Way::Statement(self.read.clone(), AtomicBool::new(false));
        work(&AllTx::new(one, Arc::clone(&self.clock))).await
    }

    async fn begin_read(&self) -> Result<AllTx, StoreError> {
        let db = self.read.begin().await.map_err(error::database)?;
        Ok(AllTx::new(Way::Transaction(db), Arc::clone(&self.clock)))
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

    /// Inserts rows in this order, many with one statement. `into` names the table and its columns, the tenant's first.
    pub(crate) async fn insert<const N: usize>(
        &self,
        into: &str,
        rows: Vec<[Value; N]>,
    ) -> Result<(), StoreError> {
        let mut rows = rows.into_iter().peekable();
        while rows.peek().is_some() {
            let chunk: Vec<[Value; N]> = rows.by_ref().take(ROWS_AT_ONCE).collect();
            let row = |n: usize| {
                let own: Vec<String> = (0..N).map(|column| format!("${}", 2 + n * N + column)).collect();
                format!("($1, {})", own.join(", "))
            };
            let places: Vec<String> = (0..chunk.len()).map(row).collect();
            let sql = format!("INSERT INTO {into} VALUES {}", places.join(", "));
            let values = self.bound(&sql, chunk.into_iter().flatten());
            self.all.run_with(&sql, values).await?;
        }
        Ok(())
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

    fn bound(&self, sql: &str, values: impl IntoIterator<Item = Value>) -> Vec<Value> {
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
    way: Way,
    clock: Arc<dyn Clock>,
}

/// How statements reach the database.
pub(crate) enum Way {
    /// All of them see the same data.
    Transaction(DatabaseTransaction),
    /// There is only one, without the cost of a transaction around it. The mark: it was run.
    Statement(DatabaseConnection, AtomicBool),
}

impl AllTx {
    pub(crate) fn new(way: Way, clock: Arc<dyn Clock>) -> Self {
        Self { way, clock }
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
        let statement = statement(sql, values);
        let done = match &self.way {
            Way::Transaction(db) => db.execute_raw(statement).await,
            Way::Statement(db, run) => once(db, run).execute_raw(statement).await,
        };
        Ok(done.map_err(error::database)?.rows_affected())
    }

    async fn row_with(&self, sql: &str, values: Vec<Value>) -> Result<Option<Row>, StoreError> {
        let statement = statement(sql, values);
        let row = match &self.way {
            Way::Transaction(db) => db.query_one_raw(statement).await,
            Way::Statement(db, run) => once(db, run).query_one_raw(statement).await,
        };
        Ok(row.map_err(error::database)?.map(Row))
    }

    async fn rows_with(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let statement = statement(sql, values);
        let rows = match &self.way {
            Way::Transaction(db) => db.query_all_raw(statement).await,
            Way::Statement(db, run) => once(db, run).query_all_raw(statement).await,
        };
        Ok(rows.map_err(error::database)?.into_iter().map(Row).collect())
    }

    /// Runs a statement without values, of the transaction itself.
    pub(crate) async fn plain(&self, sql: &str) -> Result<(), StoreError> {
        let done = match &self.way {
            Way::Transaction(db) => db.execute_unprepared(sql).await,
            Way::Statement(db, run) => once(db, run).execute_unprepared(sql).await,
        };
        done.map(|_| ()).map_err(error::database)
    }

    /// Everything is on disk when this returns a success.
    pub(crate) async fn commit(self) -> Result<(), StoreError> {
        match self.way {
            Way::Transaction(db) => db.commit().await.map_err(error::database),
            Way::Statement(..) => Ok(()),
        }
    }

    /// That a broken transaction can't even be rolled back changes nothing, and such a connection is not used
    /// again (see `open`).
    pub(crate) async fn roll_back(self) {
        if let Way::Transaction(db) = self.way
            && let Err(error) = db.rollback().await
        {
            tracing::debug!(%error, "the database had already rolled back");
        }
    }
}

/// Two statements outside a transaction could see different data: that is a mistake of the caller.
fn once<'a>(db: &'a DatabaseConnection, run: &AtomicBool) -> &'a DatabaseConnection {
    let before = run.swap(true, Ordering::Relaxed);
    assert!(!before, "a second statement needs a snapshot");
    db
}

fn statement(sql: &str, values: Vec<Value>) -> Statement {
    Statement::from_sql_and_values(DbBackend::Sqlite, sql, values)
}
