//! Opening a database file: private to its user, write-ahead log, every commit on disk before anybody hears
//! of it.

use crate::db::Db;
use crate::error;
use crate::group::Group;
use crate::migrations;
use countersign_ports::store::{Clock, StoreError};
use rustix::fs::{Access, access};
use sea_orm::sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sea_orm::sqlx::{ConnectOptions as _, Connection as _};
use sea_orm::{
    ConnectionTrait as _, DatabaseConnection, DbBackend, SqliteTransactionMode, SqlxSqliteConnector,
    Statement, TransactionOptions, TransactionTrait as _,
};
use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a statement waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
/// How often opening is tried again meanwhile.
const RETRY_EVERY: Duration = Duration::from_millis(20);
/// How long a task waits for its turn at a connection.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(60);
/// Connections that only read.
const READERS: u32 = 4;
/// Prepared statements that a connection keeps: more than there are, those that insert many rows included.
const STATEMENTS_KEPT: usize = 256;
/// SQLite gives its `-wal` and `-shm` files the mode of the main file.
const FILE_MODE: u32 = 0o600;

/// Opens the file, which is made if it is not there, and brings its tables up to date.
pub(crate) async fn open(path: &Path, clock: Arc<dyn Clock>) -> Result<Db, StoreError> {
    make_private(path).map_err(|e| error::files(&format!("the database {}", path.display()), e))?;
    // What is erased does not stay in free pages (https://www.sqlite.org/pragma.html#pragma_secure_delete).
    let write = connect(writer, options(path).pragma("secure_delete", "ON")).await?;
    migrate(&write).await?;
    let read = connect(reader, options(path).pragma("query_only", "ON")).await?;
    Ok(Db::new(Group::new(write, Arc::clone(&clock)), read, clock))
}

/// Makes the file, or closes an old one to others. An old one is never opened here: a process that closes any
/// handle of a file gives up the locks that SQLite holds on it for another store in the same process
/// (<https://www.sqlite.org/howtocorrupt.html>, section 2.2).
fn make_private(path: &Path) -> std::io::Result<()> {
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(path)
    {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            access(path, Access::WRITE_OK)?;
            if path.metadata()?.permissions().mode() & 0o077 != 0 {
                std::fs::set_permissions(path, Permissions::from_mode(FILE_MODE))?;
            }
            Ok(())
        }
        Err(error) => Err(error),
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .statement_cache_capacity(STATEMENTS_KEPT)
        .disable_statement_logging()
}

/// A connection is tested when it is given back, and this process alone has it: testing it again before use would
/// only cost.
fn reader() -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(READERS)
        .test_before_acquire(false)
        .acquire_timeout(ACQUIRE_TIMEOUT)
}

/// The one write connection. When SQLite ends a transaction by itself (as it may on a full disk), the libraries
/// believe it still open, and would make savepoints of all later ones, which are not immediate. Such a
/// connection is closed and replaced.
fn writer() -> SqlitePoolOptions {
    let pool = SqlitePoolOptions::new()
        .max_connections(1)
        .test_before_acquire(false)
        .acquire_timeout(ACQUIRE_TIMEOUT);
    pool.idle_timeout(None)
        .max_lifetime(None)
        .after_release(|connection, _| {
            Box::pin(async move {
                connection.ping().await?;
                Ok(!connection.is_in_transaction())
            })
        })
}

/// Opens a pool. Turning a new file's write-ahead log on fails at once while another process does the same;
/// SQLite does not wait for that, so we do.
async fn connect(
    pool: fn() -> SqlitePoolOptions,
    options: SqliteConnectOptions,
) -> Result<DatabaseConnection, StoreError> {
    let last_try = Instant::now() + BUSY_TIMEOUT;
    loop {
        match pool()
            .connect_with(options.clone())
            .await
            .map_err(error::connecting)
        {
            Ok(pool) => return Ok(SqlxSqliteConnector::from_sqlx_sqlite_pool(pool)),
            Err(error) if error.code() == error::LOCKED_CODE && Instant::now() < last_try => {
                tokio::time::sleep(RETRY_EVERY).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Copies the database as it is at one moment into a new file, while others go on working
/// (<https://www.sqlite.org/lang_vacuum.html#vacuum_with_an_into_clause>). The copy is private and on disk.
pub(crate) async fn copy(path: &Path, into: &Path) -> Result<(), StoreError> {
    let failed = |e| error::files(&format!("the copy {}", into.display()), e);
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(into)
        .map_err(failed)?;
    let name = into.to_str().ok_or_else(|| StoreError::Refused {
        code: "path-not-text",
        message: format!("{} is not UTF-8; name another folder", into.display()),
    })?;
    let source = connect(reader, options(path)).await?;
    let statement = Statement::from_sql_and_values(DbBackend::Sqlite, "VACUUM INTO $1", [name.into()]);
    let copied = source.execute_raw(statement).await.map_err(error::database);
    source.get_sqlite_connection_pool().close().await;
    copied?;
    file.sync_all().map_err(failed)
}

/// The versions of tables that a database has, oldest first; nothing is changed.
pub(crate) async fn applied(path: &Path) -> Result<Vec<String>, StoreError> {
    const THERE: &str = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'seaql_migrations'";
    const APPLIED: &str = "SELECT version FROM seaql_migrations ORDER BY version";
    let read = connect(reader, options(path).pragma("query_only", "ON")).await?;
    let ask = |sql: &str| Statement::from_string(DbBackend::Sqlite, sql);
    let found = async {
        if read.query_one_raw(ask(THERE)).await?.is_none() {
            return Ok(Vec::new());
        }
        let rows = read.query_all_raw(ask(APPLIED)).await?;
        rows.iter().map(|row| row.try_get_by_index(0)).collect()
    };
    let found = found.await.map_err(error::database);
    read.get_sqlite_connection_pool().close().await;
    found
}

async fn migrate(write: &DatabaseConnection) -> Result<(), StoreError> {
    let immediate = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..Default::default()
    };
    let tx = write
        .begin_with_options(immediate)
        .await
        .map_err(error::database)?;
    migrations::up(&tx).await?;
    tx.commit().await.map_err(error::database)
}
