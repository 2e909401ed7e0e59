//! The outbox: queued once, tried on the record, ended as a fact, of one tenant, and void in another epoch.

use crate::support::{START, World, open, workflow_id};
use countersign_core::epoch::Epoch;
use countersign_core::id::TenantId;
use countersign_core::notice::ending::{Follows, TryEnded};
use countersign_core::notice::{Notice, NoticeRecord, NoticeStanding, PlaceForm, PlaceId};
use countersign_core::time::Timestamp;
use countersign_ports::notice::{Cursor, NewNotice, Outbox, Settled, Wrong};
use countersign_ports::store::{Store as _, StoreError};
use std::sync::Arc;

fn mail() -> PlaceId {
    PlaceId::of(PlaceForm::Mail, "ada@example.org")
}

fn new(entry: u64) -> NewNotice {
    NewNotice {
        notice: Notice::AlarmRaised {
            workflow: workflow_id(1),
            entry,
        },
        place: mail(),
        shown: "a…@example.org".to_owned(),
    }
}

fn ends(standing: NoticeStanding) -> Settled {
    let wrong = Wrong {
        code: "odd".to_owned(),
        message: "it is odd".to_owned(),
    };
    Settled {
        ended: TryEnded::Unknown,
        follows: Follows::Ends(standing),
        wrong: Some(wrong),
    }
}

async fn world() -> (World, Arc<dyn Outbox>, Cursor) {
    let world = World::new().await;
    world.started(1).await;
    let outbox = world.store.outbox(&TenantId::local());
    let cursor = outbox.begin().await.unwrap();
    (world, outbox, cursor)
}

fn next(cursor: Cursor) -> Cursor {
    Cursor {
        next_entry: cursor.next_entry + 1,
        ..cursor
    }
}

async fn facts(world: &World) -> Vec<NoticeRecord> {
    let rows = world.local().entries(Some("notices"), 0, 100).await.unwrap();
    rows.iter()
        .map(|row| serde_json::from_slice(row.body.as_ref().unwrap()).unwrap())
        .collect()
}

#[tokio::test]
async fn what_follows_is_queued_with_the_cursor_once_and_only_from_where_it_is() {
    let (world, outbox, cursor) = world().await;
    assert_eq!(
        cursor.next_entry,
        world.local().ledger_size().await.unwrap().0,
        "it begins at the present"
    );
    assert_eq!(
        outbox
            .queue(cursor, next(cursor), &[new(1), new(2)])
            .await
            .unwrap(),
        2
    );
    let stale = outbox.queue(cursor, next(cursor), &[new(3)]).await;
    assert!(
        matches!(stale, Err(StoreError::Clash)),
        "another process was first"
    );
    let (cursor, moved) = (next(cursor), next(next(cursor)));
    assert_eq!(
        outbox.queue(cursor, moved, &[new(2)]).await.unwrap(),
        0,
        "the same is queued once"
    );
    assert_eq!(outbox.cursor().await.unwrap(), Some(moved));
    assert_eq!(outbox.list(10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_try_is_on_disk_before_anything_is_sent_and_its_end_is_a_fact_once() {
    let (world, outbox, cursor) = world().await;
    outbox.queue(cursor, next(cursor), &[new(1)]).await.unwrap();
    let facts_of_try = outbox.claim(&mail()).await.unwrap().unwrap();
    let held = facts_of_try.held().clone();
    assert_eq!(
        (held.attempt, held.not_sent_before, held.tenant_active),
        (1, true, true)
    );
    assert!(
        outbox.claim(&mail()).await.unwrap().is_none(),
        "nobody else has it"
    );

    let world = world.reopened().await;
    let outbox = world.store.outbox(&TenantId::local());
    let lost = outbox.lost().await.unwrap();
    assert_eq!(lost.len(), 1);
    assert_eq!(lost[0].held(), &held);
    outbox
        .settle(&held, &ends(NoticeStanding::Unknown))
        .await
        .unwrap();
    let again = outbox.settle(&held, &ends(NoticeStanding::Delivered)).await;
    assert!(matches!(again, Err(StoreError::ClaimLost)));
    let recorded = facts(&world).await;
    assert_eq!(recorded.len(), 1);
    assert_eq!(
        (
            recorded[0].standing,
            recorded[0].attempts,
            recorded[0].code.as_deref()
        ),
        (NoticeStanding::Unknown, 1, Some("odd"))
    );
    assert_eq!(
        outbox.list(10).await.unwrap()[0].standing,
        NoticeStanding::Unknown
    );
}

#[tokio::test]
async fn what_is_tried_again_comes_at_its_time_and_says_that_it_may_have_arrived() {
    let (world, outbox, cursor) = world().await;
    outbox.queue(cursor, next(cursor), &[new(1)]).await.unwrap();
    let held = outbox.claim(&mail()).await.unwrap().unwrap().held().clone();
    let later = Settled {
        follows: Follows::Again(Timestamp(START + 5_000)),
        ..ends(NoticeStanding::Unknown)
    };
    outbox.settle(&held, &later).await.unwrap();
    assert!(outbox.claim(&mail()).await.unwrap().is_none());
    world.clock.forward(5_000);
    let again = outbox.claim(&mail()).await.unwrap().unwrap();
    assert_eq!((again.held().attempt, again.held().not_sent_before), (2, false));
    assert!(
        matches!(outbox.settle(&held, &later).await, Err(StoreError::ClaimLost)),
        "its turn is over"
    );
    outbox
        .put_back(again.held(), Timestamp(START + 9_000))
        .await
        .unwrap();
    world.clock.forward(4_000);
    assert_eq!(
        outbox.claim(&mail()).await.unwrap().unwrap().held().attempt,
        2,
        "that one did not count"
    );
    assert_eq!(facts(&world).await.len(), 0, "nothing has ended");
}

/// INV-6.
#[tokio::test]
async fn another_tenant_sees_and_sends_nothing_of_it() {
    let (world, outbox, cursor) = world().await;
    outbox.queue(cursor, next(cursor), &[new(1)]).await.unwrap();
    let other = TenantId::parse("other").unwrap();
    world.store.ensure_tenant(&other).await.unwrap();
    let theirs = world.store.outbox(&other);
    assert!(theirs.claim(&mail()).await.unwrap().is_none());
    assert!(theirs.list(10).await.unwrap().is_empty() && theirs.cursor().await.unwrap().is_none());
    theirs.rest().await.unwrap();
    assert_eq!(theirs.give_up_elsewhere(&[]).await.unwrap(), 0);
    assert!(outbox.claim(&mail()).await.unwrap().is_some());
}

#[tokio::test]
async fn nothing_of_another_epoch_is_sent() {
    let (world, outbox, cursor) = world().await;
    let tenant = TenantId::local();
    world.store.begin_first_epoch(&tenant, "here").await.unwrap();
    outbox
        .queue(cursor, next(cursor), &[new(1), new(2)])
        .await
        .unwrap();
    outbox.claim(&mail()).await.unwrap().unwrap();
    let (size, _) = world.local().ledger_size().await.unwrap();
    let second = Epoch {
        epoch: 2,
        previous: Some(1),
        entries: size,
        ..Epoch::first(size, "there")
    };
    world.store.begin_epoch(&tenant, &second).await.unwrap();
    let standings: Vec<_> = outbox
        .list(10)
        .await
        .unwrap()
        .iter()
        .map(|r| r.standing)
        .collect();
    assert_eq!(standings, [NoticeStanding::Void; 2]);
    assert!(outbox.claim(&mail()).await.unwrap().is_none() && outbox.lost().await.unwrap().is_empty());
    let (size, _) = world.local().ledger_size().await.unwrap();
    assert_eq!(
        outbox.begin().await.unwrap().next_entry,
        size,
        "it begins at the present"
    );
    assert_eq!(facts(&world).await.len(), 2);
    let reopened = open(world.file(), &world.clock).await.unwrap();
    assert_eq!(reopened.tenant(&tenant).ledger_size().await.unwrap().0, size);
}
