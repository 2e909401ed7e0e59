//! Keeping a ledger: keys change, bodies go, older copies are noticed, forged rows raise alarms.

use crate::support::{Seal, World, ada, open, workflow_id};
use countersign_core::digest::BodyHash;
use countersign_core::erasure::Erasure;
use countersign_core::id::{MemberId, RepositoryId, TenantId};
use countersign_ledger::{Continuity, LedgerKey, Rotation, origin_of};
use countersign_ports::store::{
    Alarm, CheckpointSigner, Cleared, Freeze, KeyRotation, Settles, Store as _, StoreError, Witness,
};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

struct From1To2(Seal);

impl KeyRotation for From1To2 {
    fn old(&self) -> &dyn CheckpointSigner {
        &self.0
    }

    fn statement(&self, tenant: &TenantId, size: u64) -> Result<Vec<u8>, StoreError> {
        let origin = origin_of(tenant.as_str());
        let key = |seed| LedgerKey::from_seed(&origin, &[seed; 32]).unwrap();
        Ok(Rotation::sign(&origin, size, &key(1), &key(2)).unwrap())
    }
}

#[tokio::test]
async fn after_a_change_of_keys_only_the_new_one_signs() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let local = world.local();
    let rotation = local.rotate(&From1To2(Seal(1))).await.unwrap();
    assert_eq!(rotation.size, 3);
    let refused = local.seal(&workflow.id, &Seal(1)).await.unwrap_err();
    assert_eq!(refused.code(), "ledger-key-retired");
    assert_eq!(local.seal_head(&Seal(2)).await.unwrap().size, 4);
    assert_eq!(local.rotations().await.unwrap(), [rotation]);
    let again = local.rotate(&From1To2(Seal(1))).await.unwrap_err();
    assert_eq!(again.code(), "ledger-key-retired");
    // The old key sealed what it may before it was handed over.
    let sizes: Vec<u64> = local
        .checkpoints(9)
        .await
        .unwrap()
        .iter()
        .map(|c| c.size)
        .collect();
    assert_eq!(sizes, [4, 3]);
}

/// A checkpoint kept in memory, as a file outside the database would.
#[derive(Default)]
struct Kept(Mutex<Option<(u64, String)>>);

impl Witness for Kept {
    fn newest(&self, _: &TenantId) -> Result<Option<String>, StoreError> {
        Ok(self.0.lock().unwrap().clone().map(|(_, note)| note))
    }

    fn keep(&self, _: &TenantId, size: u64, note: &str) -> Result<(), StoreError> {
        *self.0.lock().unwrap() = Some((size, note.to_owned()));
        Ok(())
    }
}

#[tokio::test]
async fn an_older_copy_of_the_database_is_read_and_not_written() {
    let world = World::new().await;
    let local_id = TenantId::local();
    let kept = Arc::new(Kept::default());
    let begun = world.store.watch(&local_id, kept.clone()).await.unwrap();
    assert_eq!(begun, Continuity::GoesOn);
    let workflow = world.started(1).await;
    world.local().seal(&workflow.id, &Seal(1)).await.unwrap();
    assert_eq!(kept.0.lock().unwrap().as_ref().unwrap().0, 3);
    // A copy is made, and the ledger goes on.
    let copy = world.folder.path().join("copy.db");
    world
        .sql(&format!("VACUUM INTO '{}'", copy.display()))
        .await
        .unwrap();
    world.started(2).await;
    world.local().seal_head(&Seal(1)).await.unwrap();

    let restored = open(copy, &world.clock).await.unwrap();
    let found = restored.watch(&local_id, kept.clone()).await.unwrap();
    assert_eq!(found, Continuity::Behind { seen: 6, have: 3 });
    let tenant = restored.tenant(&local_id);
    assert_eq!(tenant.events(&workflow.id).await.unwrap().len(), 3);
    let writes = [
        tenant.put_body(b"x").await.unwrap_err(),
        tenant.seal_head(&Seal(1)).await.unwrap_err(),
        tenant.ensure_member(&ada()).await.unwrap_err(),
        restored
            .claim("w", None, &BTreeSet::new())
            .await
            .map(|_| ())
            .unwrap_err(),
    ];
    for refused in writes {
        assert_eq!(refused.code(), "ledger-behind");
        assert!(refused.to_string().contains("3 entries"), "{refused}");
    }
    assert_eq!(
        kept.0.lock().unwrap().as_ref().unwrap().0,
        6,
        "what was seen stays seen"
    );
}

#[tokio::test]
async fn a_head_that_was_shown_meanwhile_and_that_it_does_not_go_on_from_stops_every_write() {
    let (one, two) = (World::new().await, World::new().await);
    one.started(1).await;
    two.started(2).await;
    let kept = Arc::new(Kept::default());
    two.store.watch(&TenantId::local(), kept.clone()).await.unwrap();
    two.local().seal_head(&Seal(1)).await.unwrap();
    // Another process keeps what it was shown.
    let note = one.local().seal_head(&Seal(1)).await.unwrap().note;
    *kept.0.lock().unwrap() = Some((3, note.clone()));
    two.started(3).await;
    two.local().seal_head(&Seal(1)).await.unwrap();
    assert_eq!(
        two.local().put_body(b"x").await.unwrap_err().code(),
        "ledger-forked"
    );
    assert_eq!(
        kept.0.lock().unwrap().as_ref().unwrap().1,
        note,
        "what was shown stays"
    );
}

#[tokio::test]
async fn another_ledger_than_was_seen_is_not_written() {
    let (one, two) = (World::new().await, World::new().await);
    one.started(1).await;
    two.started(2).await;
    let note = one.local().seal_head(&Seal(1)).await.unwrap().note;
    assert_eq!(one.local().continuity(&note).await.unwrap(), Continuity::GoesOn);
    assert_eq!(
        two.local().continuity(&note).await.unwrap(),
        Continuity::Forked { seen: 3 }
    );
    let kept = Arc::new(Kept(Mutex::new(Some((3, note)))));
    two.store.watch(&TenantId::local(), kept).await.unwrap();
    assert_eq!(
        two.local().put_body(b"x").await.unwrap_err().code(),
        "ledger-forked"
    );
    let nonsense = one.local().continuity("nonsense").await.unwrap_err();
    assert_eq!(nonsense.code(), "checkpoint-note-malformed");
}

#[tokio::test]
async fn earlier_heads_are_proven_to_be_the_beginning() {
    let world = World::new().await;
    for number in 1..=3 {
        world.started(number).await;
    }
    let earlier = world.local().earlier(&[0, 1, 4, 9, 12], 9).await.unwrap();
    let sizes: Vec<u64> = earlier.iter().map(|e| e.size).collect();
    assert_eq!(
        sizes,
        [1, 4],
        "nothing is to be proven of none, of all, or of more than there are"
    );
}

fn erasure(workflow: u128, entries: &[u64], evidence: &[BodyHash]) -> Erasure {
    Erasure::new(
        workflow_id(workflow),
        entries.iter().copied().collect(),
        evidence.iter().copied().collect(),
        ada().id,
        "asked for".to_owned(),
    )
}

#[tokio::test]
async fn erased_words_are_gone_from_every_table_and_the_ledger_says_so() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let local = world.local();
    let open_one = local.erase(&erasure(1, &[1], &[])).await.unwrap_err();
    assert_eq!(open_one.code(), "workflow-open");
    let declined = world.commit(3, world.declined(&workflow), Settles::Nothing);
    local.commit(&declined).await.unwrap();
    let title = local.workflow(&workflow.id).await.unwrap().title;
    let evidence = local.put_body(b"a diff with a name in it").await.unwrap();
    let done = local.erase(&erasure(1, &[1, 99], &[evidence])).await.unwrap();
    assert_eq!(
        (done.entries, done.evidence),
        (BTreeSet::from([1]), BTreeSet::from([evidence]))
    );
    assert_eq!(local.workflow(&workflow.id).await.unwrap().title, "(erased)");
    assert_eq!(local.body(&evidence).await.unwrap_err().code(), "not-found");
    assert_eq!(
        local.events(&workflow.id).await.unwrap_err().code(),
        "body-erased"
    );
    let head = local.seal_head(&Seal(1)).await.unwrap();
    let bundle = local.export(&workflow.id, head.size).await.unwrap();
    assert!(matches!(bundle[0].body, countersign_ledger::Body::Erased));
    assert_eq!(local.notices(&workflow.id, head.size).await.unwrap().len(), 1);
    assert!(
        local
            .notices(&workflow_id(2), head.size)
            .await
            .unwrap()
            .is_empty()
    );
    world.store.close().await;
    let file = std::fs::read(world.file()).unwrap();
    for words in [title.as_bytes(), b"a diff with a name in it"] {
        assert!(
            !file.windows(words.len()).any(|w| w == words),
            "the words are still in the file"
        );
    }
}

#[tokio::test]
async fn evidence_that_another_workflow_names_stays() {
    let world = World::new().await;
    let one = world.started(1).await;
    world
        .local()
        .commit(&world.commit(3, world.declined(&one), Settles::Nothing))
        .await
        .unwrap();
    // Named by another workflow's entries: the feedback's hash stands in both stories here.
    let two = world.started(2).await;
    let text = String::from_utf8(world.local().events(&two.id).await.unwrap()[0].to_bytes()).unwrap();
    let named = text
        .split("\"hash\":\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let named = BodyHash::parse(named).unwrap();
    let kept = world.local().erase(&erasure(1, &[1], &[named])).await.unwrap();
    assert!(kept.evidence.is_empty());
}

#[tokio::test]
async fn an_alarm_is_kept_once_and_for_good() {
    let world = World::new().await;
    let alarm = Alarm::new("act-not-authentic", &workflow_id(1), "somebody tried".to_owned());
    for _ in 0..3 {
        world.local().raise(&alarm).await.unwrap();
    }
    let alarms = world.local().alarms().await.unwrap();
    assert_eq!(alarms.iter().map(|a| &a.alarm).collect::<Vec<_>>(), [&alarm]);
    let cleared = Cleared {
        v: 1,
        alarm: alarms[0].index,
        by: MemberId::parse("mb_me").unwrap(),
        note: "It was a test.".to_owned(),
    };
    world.local().clear_alarm(&cleared).await.unwrap();
    let again = world.local().clear_alarm(&cleared).await.unwrap_err();
    assert_eq!(again.code(), "alarm-cleared-already");
    let none = Cleared {
        alarm: 9_999,
        ..cleared.clone()
    };
    assert_eq!(
        world.local().clear_alarm(&none).await.unwrap_err().code(),
        "not-found"
    );
    let row = &world.local().alarms().await.unwrap()[0];
    assert_eq!(row.cleared.as_ref().map(|(_, c)| c), Some(&cleared));
    world.local().raise(&alarm).await.unwrap();
    assert_eq!(
        world.local().alarms().await.unwrap().len(),
        2,
        "it is raised anew"
    );
    assert!(world.sql("DELETE FROM entries").await.is_err());
}

#[tokio::test]
async fn a_member_that_was_added_or_changed_by_hand_is_nobody() {
    for sql in [
        "INSERT INTO members VALUES ('local', 'mb_eve', 'eve', 'Eve', 'owner', 1)",
        "UPDATE members SET person = 'somebody else'",
        "UPDATE members SET role = 'viewer'",
        "UPDATE members SET active = 0",
    ] {
        let world = World::new().await;
        world.local().ensure_member(&ada()).await.unwrap();
        assert_eq!(world.local().roster().await.unwrap().members.len(), 1);
        world.sql(sql).await.unwrap();
        assert_eq!(
            world.local().roster().await.unwrap_err().code(),
            "data-damaged",
            "{sql}"
        );
    }
}

#[tokio::test]
async fn a_freeze_is_what_the_ledger_says_and_ends_once() {
    let world = World::new().await;
    let local = world.local();
    let freeze = |repository| Freeze {
        v: 1,
        repository,
        by: Some(MemberId::parse("mb_me").unwrap()),
        because: None,
        reason: "Release day.".to_owned(),
    };
    local.freeze(&freeze(None)).await.unwrap();
    local.freeze(&freeze(Some(RepositoryId::local(1)))).await.unwrap();
    let again = local.freeze(&freeze(None)).await.unwrap_err();
    assert_eq!(again.code(), "frozen-already");
    assert_eq!(local.freezes().await.unwrap().len(), 2);
    local.unfreeze(&freeze(None)).await.unwrap();
    assert_eq!(
        local.unfreeze(&freeze(None)).await.unwrap_err().code(),
        "not-frozen"
    );
    let left: Vec<Freeze> = local
        .freezes()
        .await
        .unwrap()
        .into_iter()
        .map(|(_, f)| f)
        .collect();
    assert_eq!(left, [freeze(Some(RepositoryId::local(1)))]);
    local.freeze(&freeze(None)).await.unwrap();
    assert_eq!(local.freezes().await.unwrap().len(), 2);
}
