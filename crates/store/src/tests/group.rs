//! What items of one group owe each other.

use super::store;
use crate::db::AllTx;
use crate::store::SqliteStore;
use countersign_ports::store::StoreError;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

type Item = JoinHandle<Result<(), StoreError>>;

/// An item that adds a tenant of that name, and stops inside its work until it is told how to end.
fn item(store: &Arc<SqliteStore>, name: &str) -> (Item, oneshot::Sender<Result<(), StoreError>>) {
    let (tell, told) = oneshot::channel();
    let (store, name) = (Arc::clone(store), name.to_owned());
    let work = async move |all: &AllTx| {
        all.run("INSERT INTO tenants VALUES ($1, 1, 0)", [name.into()])
            .await?;
        told.await.unwrap()
    };
    let item = tokio::spawn(async move { store.shared().db.in_tx_of_all(work).await });
    (item, tell)
}

/// Every task that can go on did.
async fn settled() {
    for _ in 0..20 {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
}

async fn names(store: &SqliteStore) -> Vec<String> {
    let read = async |all: &AllTx| {
        let rows = all.rows("SELECT id FROM tenants ORDER BY id", []).await?;
        rows.iter().map(|row| row.text("id")).collect()
    };
    store.shared().db.in_snapshot_of_all(read).await.unwrap()
}

#[tokio::test]
async fn nobody_hears_of_an_item_before_the_commit_that_it_shares() {
    let (_folder, store) = store().await;
    let (first, tell_first) = item(&store, "a");
    settled().await;
    let (second, tell_second) = item(&store, "b");
    settled().await;
    tell_first.send(Ok(())).unwrap();
    settled().await;
    assert!(!first.is_finished(), "its group is still open");
    assert_eq!(names(&store).await, ["local"], "and nobody sees what it did");
    tell_second.send(Ok(())).unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap().unwrap();
    assert_eq!(names(&store).await, ["a", "b", "local"]);
}

#[tokio::test]
async fn a_clash_takes_back_its_own_item_only() {
    let (_folder, store) = store().await;
    let mut group = Vec::new();
    for name in ["a", "b", "c", "d", "e"] {
        group.push(item(&store, name));
        settled().await;
    }
    let mut ends = Vec::new();
    for (n, (item, tell)) in group.into_iter().enumerate() {
        tell.send(if n == 2 { Err(StoreError::Clash) } else { Ok(()) })
            .unwrap();
        ends.push(item);
    }
    let mut clashes = Vec::new();
    for end in ends {
        clashes.push(matches!(end.await.unwrap(), Err(StoreError::Clash)));
    }
    assert_eq!(clashes, [false, false, true, false, false]);
    assert_eq!(names(&store).await, ["a", "b", "d", "e", "local"]);
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_nobody_along() {
    let (_folder, store) = store().await;
    let (done, tell_done) = item(&store, "done");
    settled().await;
    let (half, _tell_half) = item(&store, "half");
    let (last, tell_last) = item(&store, "last");
    settled().await;
    tell_done.send(Ok(())).unwrap();
    settled().await;
    done.abort();
    half.abort();
    settled().await;
    tell_last.send(Ok(())).unwrap();
    last.await.unwrap().unwrap();
    assert_eq!(
        names(&store).await,
        ["done", "last", "local"],
        "what was done stays, the half is taken back"
    );
}

#[tokio::test]
async fn a_group_that_everybody_left_is_still_committed() {
    let (_folder, store) = store().await;
    let (first, tell_first) = item(&store, "a");
    settled().await;
    let (second, _tell_second) = item(&store, "b");
    settled().await;
    tell_first.send(Ok(())).unwrap();
    settled().await;
    first.abort();
    second.abort();
    settled().await;
    assert_eq!(names(&store).await, ["a", "local"]);
    let (third, tell_third) = item(&store, "c");
    tell_third.send(Ok(())).unwrap();
    third.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_group_that_the_database_ended_fails_for_all_of_its_members() {
    let (_folder, store) = store().await;
    let (first, tell_first) = item(&store, "a");
    settled().await;
    let breaking = Arc::clone(&store);
    let second = tokio::spawn(async move {
        let end = async |all: &AllTx| all.run("ROLLBACK", []).await.map(|_| ());
        breaking.shared().db.in_tx_of_all(end).await
    });
    settled().await;
    tell_first.send(Ok(())).unwrap();
    assert_eq!(first.await.unwrap().unwrap_err().code(), "data-commit-failed");
    assert!(second.await.unwrap().is_err());
    assert_eq!(names(&store).await, ["local"]);
    let (third, tell_third) = item(&store, "c");
    tell_third.send(Ok(())).unwrap();
    third.await.unwrap().unwrap();
}

#[tokio::test]
async fn more_items_than_a_group_holds_are_all_recorded() {
    let (_folder, store) = store().await;
    let (first, tell_first) = item(&store, "0");
    settled().await;
    let rest: Vec<_> = (1..=150).map(|n| item(&store, &n.to_string())).collect();
    settled().await;
    tell_first.send(Ok(())).unwrap();
    let mut ends = vec![first];
    for (item, tell) in rest {
        tell.send(Ok(())).unwrap();
        ends.push(item);
    }
    for end in ends {
        end.await.unwrap().unwrap();
    }
    assert_eq!(names(&store).await.len(), 152);
}
