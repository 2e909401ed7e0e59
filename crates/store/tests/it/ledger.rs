//! Sealing, proofs and export: what the ledger crate verifies offline.

use crate::support::{Seal, World, workflow_id};
use countersign_core::id::Version;
use countersign_ledger::{BundleBuilder, Origin, Trust, inspect, verify};
use countersign_ports::store::{CheckpointSigner as _, Settles, StoreError};

#[tokio::test]
async fn an_export_verifies_with_the_key_given() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    world.started(2).await;
    let local = world.local();
    local
        .commit(&world.commit(3, world.declined(&workflow), Settles::Nothing))
        .await
        .unwrap();
    world.started(3).await;
    let sealed = local.seal(&workflow.id, &Seal(1)).await.unwrap();
    world.started(4).await;

    let bytes = bundle(&world, 1, sealed.size).await;
    let keys = Seal(1).verifiers(local.tenant());
    let report = verify(
        &bytes,
        &Trust {
            keys,
            ..Trust::default()
        },
    )
    .unwrap();
    assert!(matches!(report.origin, Origin::Proven { .. }) && report.complete);
    let events = local.events(&workflow.id).await.unwrap();
    let bodies: Vec<_> = report.entries.iter().map(|e| e.body.clone().unwrap()).collect();
    assert_eq!(bodies, events.iter().map(|e| e.to_bytes()).collect::<Vec<_>>());

    let stranger = Seal(2).verifiers(local.tenant());
    let report = verify(
        &bytes,
        &Trust {
            keys: stranger,
            ..Trust::default()
        },
    )
    .unwrap();
    assert_eq!(report.origin, Origin::Unproven);
}

#[tokio::test]
async fn every_stream_is_proven_against_every_later_size() {
    let world = World::new().await;
    for number in 1..=5 {
        world.started(number).await;
        let sealed = world.local().seal(&workflow_id(number), &Seal(1)).await.unwrap();
        assert_eq!(sealed.size, 3 * u64::try_from(number).unwrap());
        for earlier in 1..=number {
            let bytes = bundle(&world, earlier, sealed.size).await;
            let keys = Seal(1).verifiers(world.local().tenant());
            assert!(
                !verify(
                    &bytes,
                    &Trust {
                        keys,
                        ..Trust::default()
                    }
                )
                .unwrap()
                .complete
            );
        }
    }
}

#[tokio::test]
async fn a_checkpoint_is_signed_once_per_size_and_kept() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let local = world.local();
    let one = local.seal(&workflow.id, &Seal(1)).await.unwrap();
    let again = local.seal(&workflow.id, &Seal(1)).await.unwrap();
    assert_eq!(one, again);
    assert_eq!((one.size, one.covers), (3, Version(3)));
    assert_eq!(local.checkpoints(10).await.unwrap().len(), 1);
    let head = local.seal_head(&Seal(1)).await.unwrap();
    assert_eq!(local.body(&one.note).await.unwrap(), head.note.as_bytes());
    assert_eq!(inspect(&head.note).unwrap().root().to_string(), one.root);
    assert_eq!(local.ledger_size().await.unwrap(), (3, 3));

    world.started(2).await;
    assert_eq!(local.ledger_size().await.unwrap(), (6, 3));
    assert_eq!(local.seal_head(&Seal(1)).await.unwrap().size, 6);
    let sizes: Vec<u64> = local
        .checkpoints(10)
        .await
        .unwrap()
        .iter()
        .map(|c| c.size)
        .collect();
    assert_eq!(sizes, [6, 3]);
}

#[tokio::test]
async fn an_empty_ledger_has_a_head_too() {
    let world = World::new().await;
    let head = world.local().seal_head(&Seal(1)).await.unwrap();
    assert_eq!(
        (head.size, inspect(&head.note).unwrap().root()),
        (0, countersign_ledger::RootHash::EMPTY)
    );
    world.started(1).await;
    assert_eq!(world.local().seal_head(&Seal(1)).await.unwrap().size, 3);
}

#[tokio::test]
async fn a_signature_that_nobody_can_check_is_not_kept() {
    struct Wrong;
    impl countersign_ports::store::CheckpointSigner for Wrong {
        fn sign(
            &self,
            tenant: &countersign_core::id::TenantId,
            size: u64,
            root: &countersign_ledger::RootHash,
        ) -> Result<String, StoreError> {
            Seal(1).sign(tenant, size, root)
        }
        fn verifiers(&self, tenant: &countersign_core::id::TenantId) -> Vec<countersign_ledger::VerifierKey> {
            Seal(2).verifiers(tenant)
        }
    }
    let world = World::new().await;
    let workflow = world.started(1).await;
    let error = world.local().seal(&workflow.id, &Wrong).await.unwrap_err();
    assert_eq!(error.code(), "checkpoint-unusable");
    assert!(world.local().checkpoints(10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_export_needs_a_size_that_is_there_and_covers_something() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let local = world.local();
    assert_eq!(
        local.export(&workflow.id, 4).await.unwrap_err().code(),
        "size-beyond-ledger"
    );
    assert_eq!(
        local.export(&workflow.id, 0).await.unwrap_err().code(),
        "not-found"
    );
    assert_eq!(local.export(&workflow.id, 2).await.unwrap().len(), 2);
}

#[tokio::test]
async fn an_erased_body_is_exported_as_erased() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let sealed = world.local().seal(&workflow.id, &Seal(1)).await.unwrap();
    world.sql("DELETE FROM entry_bodies WHERE idx = 1").await.unwrap();
    let bytes = bundle(&world, 1, sealed.size).await;
    let keys = Seal(1).verifiers(world.local().tenant());
    assert_eq!(
        verify(
            &bytes,
            &Trust {
                keys,
                ..Trust::default()
            }
        )
        .unwrap()
        .erased,
        1
    );
    assert_eq!(world.local().entries(None, 1, 1).await.unwrap()[0].body, None);
    assert_eq!(
        world.local().events(&workflow.id).await.unwrap_err().code(),
        "data-damaged"
    );
}

async fn bundle(world: &World, number: u128, size: u64) -> Vec<u8> {
    let local = world.local();
    let checkpoints = local.checkpoints(100).await.unwrap();
    let checkpoint = checkpoints.into_iter().find(|c| c.size == size).unwrap();
    let id = workflow_id(number);
    let mut builder = BundleBuilder::new(local.tenant().as_str(), id.as_str());
    for entry in local.export(&id, size).await.unwrap() {
        builder.push(entry);
    }
    let keys = Seal(1).verifiers(local.tenant());
    builder.finish(checkpoint.note, &keys).to_bytes().unwrap()
}
