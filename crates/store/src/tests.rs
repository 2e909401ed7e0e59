//! What can only be seen or provoked from inside: the settings of the connections, and a database that is
//! full.

#![allow(clippy::unwrap_used, reason = "tests")]

mod group;

use crate::db::AllTx;
use crate::store::SqliteStore;
use countersign_core::id::{MemberId, TenantId};
use countersign_core::time::Timestamp;
use countersign_ports::store::{Clock, MemberKeys, Store as _, StoreError};
use sea_orm::ConnectionTrait as _;
use std::collections::BTreeSet;
use std::sync::Arc;

struct Frozen;

impl Clock for Frozen {
    fn now(&self) -> Timestamp {
        Timestamp(1)
    }
}

impl MemberKeys for Frozen {
    fn verifying_key(&self, _tenant: &TenantId, _member: &MemberId) -> Option<[u8; 32]> {
        None
    }
}

async fn store() -> (tempfile::TempDir, Arc<SqliteStore>) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(
        &folder.path().join("store.db"),
        Arc::new(Frozen),
        Arc::new(Frozen),
    )
    .await
    .unwrap();
    (folder, store)
}

#[tokio::test]
async fn every_commit_is_on_disk_and_stays_so() {
    let (_folder, store) = store().await;
    let settings = [
        ("journal_mode", "wal"),
        ("synchronous", "2"),
        ("foreign_keys", "1"),
        ("busy_timeout", "10000"),
        ("query_only", "0"),
    ];
    for round in 0..3_u8 {
        store.tenant(&TenantId::local()).put_body(&[round]).await.unwrap();
        store.claim("tester", None, &BTreeSet::new()).await.unwrap();
        for (name, value) in settings {
            let sql = format!("SELECT CAST({name} AS TEXT) AS value FROM pragma_{name}")
                .replace("busy_timeout AS", "timeout AS");
            let read = async |all: &AllTx| all.row(&sql, []).await?.unwrap().text("value");
            assert_eq!(
                store.shared().db.in_tx_of_all(read).await.unwrap(),
                value,
                "{name}"
            );
        }
    }
    let write = async |all: &AllTx| all.run("DELETE FROM bodies", []).await;
    let refused = store.shared().db.in_snapshot_of_all(write).await.unwrap_err();
    assert_eq!(refused.code(), "data-read-only", "readers only read");
}

#[test]
fn no_room_is_a_full_disk_wherever_the_database_meets_it() {
    let told = |code| crate::error::meaning(code).0;
    // SQLITE_FULL, and SQLITE_IOERR_SHMSIZE, which is how a completely full disk meets whoever opens a database.
    assert_eq!((told(13), told(4874)), ("disk-full", "disk-full"));
    // SQLITE_IOERR_READ and SQLITE_IOERR_WRITE are the disk's own errors.
    assert_eq!((told(266), told(778)), ("data-io", "data-io"));
}

#[tokio::test]
async fn a_full_disk_loses_nothing_and_the_store_goes_on_when_there_is_room() {
    let (_folder, store) = store().await;
    let local = store.tenant(&TenantId::local());
    let kept = local.put_body(b"kept").await.unwrap();
    let pages = "PRAGMA max_page_count = 100";
    store
        .shared()
        .db
        .write
        .connection()
        .execute_unprepared(pages)
        .await
        .unwrap();
    for _ in 0..2 {
        let error = local.put_body(&vec![7; 1 << 20]).await.unwrap_err();
        assert_eq!(error.code(), "disk-full");
        assert!(error.to_string().contains("make room"), "{error}");
        assert!(matches!(error, StoreError::Unavailable { source: Some(_), .. }));
        store
            .shared()
            .db
            .write
            .connection()
            .execute_unprepared(pages)
            .await
            .unwrap();
    }
    assert_eq!(local.body(&kept).await.unwrap(), b"kept");
    store
        .shared()
        .db
        .write
        .connection()
        .execute_unprepared("PRAGMA max_page_count = 100000")
        .await
        .unwrap();
    local.put_body(&vec![7; 1 << 20]).await.unwrap();
}

#[tokio::test]
async fn a_write_transaction_is_immediate_also_after_one_that_the_database_ended_by_itself() {
    let (folder, store) = store().await;
    let url = format!("sqlite://{}?mode=rw", folder.path().join("store.db").display());
    let somebody = sea_orm::Database::connect(url).await.unwrap();
    somebody
        .execute_unprepared("PRAGMA busy_timeout = 0")
        .await
        .unwrap();
    let ended = async |all: &AllTx| {
        all.run("ROLLBACK", []).await?;
        Err::<(), _>(StoreError::Clash)
    };
    let excludes_writers =
        async |_: &AllTx| Ok(somebody.execute_unprepared("BEGIN IMMEDIATE").await.is_err());
    for _ in 0..2 {
        assert!(store.shared().db.in_tx_of_all(excludes_writers).await.unwrap());
        let error = store.shared().db.in_tx_of_all(ended).await.unwrap_err();
        assert!(
            matches!(error, StoreError::Clash),
            "the first failure is the one that is told: {error}"
        );
    }
}

#[tokio::test]
async fn a_database_that_somebody_else_keeps_locked_is_said_plainly() {
    let (folder, store) = store().await;
    let url = format!("sqlite://{}?mode=rw", folder.path().join("store.db").display());
    let somebody = sea_orm::Database::connect(url).await.unwrap();
    somebody.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    store
        .shared()
        .db
        .write
        .connection()
        .execute_unprepared("PRAGMA busy_timeout = 50")
        .await
        .unwrap();
    let local = store.tenant(&TenantId::local());
    assert_eq!(local.put_body(b"x").await.unwrap_err().code(), "data-locked");
    assert!(local.roster().await.is_ok(), "reading goes on");
    somebody.execute_unprepared("ROLLBACK").await.unwrap();
    local.put_body(b"x").await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_is_dropped_half_way_leaves_nothing_and_blocks_nobody() {
    let (_folder, store) = store().await;
    let half = store.shared().db.in_tx_of_all(async |all| {
        all.run("INSERT INTO tenants VALUES ('half', 1, 0)", []).await?;
        std::future::pending::<Result<(), StoreError>>().await
    });
    assert!(
        tokio::time::timeout(std::time::Duration::from_millis(50), half)
            .await
            .is_err()
    );
    let count = async |all: &AllTx| {
        all.row("SELECT count(*) AS n FROM tenants", [])
            .await?
            .unwrap()
            .number("n")
    };
    assert_eq!(store.shared().db.in_tx_of_all(count).await.unwrap(), 1);
    store
        .tenant(&TenantId::local())
        .put_body(b"goes on")
        .await
        .unwrap();
}

#[tokio::test]
#[should_panic(expected = "a tenant's statement names its tenant")]
async fn a_tenants_statement_that_forgets_its_tenant_is_refused() {
    let (_folder, store) = store().await;
    let _ = store
        .shared()
        .db
        .in_snapshot(&TenantId::local(), async |tx| tx.row("SELECT 1", []).await)
        .await;
}
