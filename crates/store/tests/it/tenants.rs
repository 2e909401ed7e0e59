//! A tenant never reads or writes another tenant's data (INV-6), and none starves another.

use crate::support::{Seal, World, ada, input_id, submission, workflow_id};
use countersign_core::digest::BodyHash;
use countersign_core::id::{RepositoryId, TenantId};
use countersign_core::workflow::Workflow;
use countersign_ports::store::{Claim, InputStatus, NewInput, Settles, Store as _, StoreError};
use std::path::Path;

fn other() -> TenantId {
    TenantId::parse("other").unwrap()
}

/// INV-6.
#[tokio::test]
async fn tenants_never_see_each_others_rows() {
    let world = World::new().await;
    world.store.ensure_tenant(&other()).await.unwrap();
    let (mine, theirs) = (world.local(), world.store.tenant(&other()));
    let workflow = world.started_in(mine.as_ref(), 1).await;
    let submit = NewInput::Submit(submission("mine"));
    mine.insert_input(&input_id(1), &workflow.id, &submit)
        .await
        .unwrap();
    mine.ensure_member(&ada()).await.unwrap();
    mine.register_repository(Path::new("/srv/shop.git"))
        .await
        .unwrap();
    let hash = mine.put_body(b"secret").await.unwrap();
    let sealed = mine.seal(&workflow.id, &Seal(1)).await.unwrap();

    assert!(theirs.events(&workflow.id).await.unwrap().is_empty());
    assert!(theirs.workflows(10).await.unwrap().is_empty());
    assert_eq!(
        theirs.workflow(&workflow.id).await.unwrap_err().code(),
        "not-found"
    );
    assert_eq!(
        theirs.input_status(&input_id(1)).await.unwrap_err().code(),
        "not-found"
    );
    assert_eq!(theirs.body(&hash).await.unwrap_err().code(), "not-found");
    assert_eq!(
        theirs.export(&workflow.id, 0).await.unwrap_err().code(),
        "not-found"
    );
    assert!(theirs.roster().await.unwrap().members.is_empty());
    assert!(theirs.repositories().await.unwrap().is_empty());
    assert!(theirs.entries(None, 0, 10).await.unwrap().is_empty());
    assert!(theirs.checkpoints(10).await.unwrap().is_empty());
    assert_eq!(theirs.ledger_size().await.unwrap(), (0, 0));
    let counted = theirs.tally().await.unwrap();
    assert!(counted.workflows.is_empty() && counted.effects.is_empty());
    assert_eq!((counted.pending_inputs, counted.unclaimed_since), (0, None));
    assert_eq!(mine.tally().await.unwrap().pending_inputs, 1);
    assert_eq!(mine.ledger_size().await.unwrap(), (sealed.size, sealed.size));
}

/// INV-6.
#[tokio::test]
async fn tenants_never_write_each_others_rows() {
    let world = World::new().await;
    world.store.ensure_tenant(&other()).await.unwrap();
    let (mine, theirs) = (world.local(), world.store.tenant(&other()));
    let workflow = world.started_in(mine.as_ref(), 1).await;
    let submit = NewInput::Submit(submission("mine"));
    mine.insert_input(&input_id(1), &workflow.id, &submit)
        .await
        .unwrap();
    let held = InputStatus::Held {
        code: "x".to_owned(),
        message: "x".to_owned(),
    };
    assert_eq!(
        theirs.settle_input(&input_id(1), &held).await.unwrap_err().code(),
        "not-found"
    );
    assert_eq!(
        mine.input_status(&input_id(1)).await.unwrap(),
        InputStatus::Pending
    );
    mine.settle_input(&input_id(1), &InputStatus::Accepted)
        .await
        .unwrap();
    let effect = world.claim_effect().await;
    assert!(matches!(theirs.renew(&effect).await, Err(StoreError::ClaimLost)));
    let commit = world.commit(3, world.looked_up(&workflow), Settles::Nothing);
    assert_eq!(theirs.commit(&commit).await.unwrap_err().code(), "wrong-tenant");

    // The same ids in another tenant are other things.
    theirs
        .insert_input(&input_id(1), &workflow.id, &submit)
        .await
        .unwrap();
    assert_eq!(
        theirs.input_status(&input_id(1)).await.unwrap(),
        InputStatus::Pending
    );
    assert_eq!(
        mine.input_status(&input_id(1)).await.unwrap(),
        InputStatus::Accepted
    );
    assert_eq!(
        theirs
            .register_repository(Path::new("/srv/x.git"))
            .await
            .unwrap()
            .id,
        RepositoryId::local(1)
    );
}

#[tokio::test]
async fn a_tenant_that_is_not_there_is_refused() {
    let world = World::new().await;
    let nobody = world.store.tenant(&other());
    assert_eq!(nobody.put_body(b"x").await.unwrap_err().code(), "unknown-tenant");
    let unnameable = TenantId::parse("a/b").unwrap();
    assert_eq!(
        world.store.ensure_tenant(&unnameable).await.unwrap_err().code(),
        "leaf-field-malformed"
    );
}

#[tokio::test]
async fn ten_thousand_inputs_of_one_tenant_do_not_starve_another() {
    let world = World::new().await;
    world.store.ensure_tenant(&other()).await.unwrap();
    let flood = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
         INSERT INTO inputs (tenant, id, workflow, payload, status, received_at)
         SELECT 'local', 'in_' || i, '{}', x'7b7d', 'pending', 0 FROM n",
        workflow_id(1)
    );
    world.sql(&flood).await.unwrap();
    let theirs = world.store.tenant(&other());
    world.started_in(theirs.as_ref(), 2).await;
    world.started_in(theirs.as_ref(), 3).await;
    let mut turns = Vec::new();
    for _ in 0..4 {
        turns.push(match world.claim().await.unwrap() {
            Claim::Input { tenant, .. } | Claim::Undecidable { tenant, .. } => tenant,
            Claim::Effect(effect) => effect.tenant,
        });
    }
    assert_eq!(turns, [TenantId::local(), other(), TenantId::local(), other()]);
}

#[tokio::test]
async fn members_and_repositories_are_facts_in_the_ledger_once() {
    let world = World::new().await;
    let local = world.local();
    for _ in 0..2 {
        local.ensure_member(&ada()).await.unwrap();
    }
    assert_eq!(local.roster().await.unwrap().members, [ada()]);
    let names = ["/srv/shop.git", "/home/me/shop/.git", "/srv/shop.git", "/x/shop"];
    let mut rows = Vec::new();
    for name in names {
        rows.push(local.register_repository(Path::new(name)).await.unwrap());
    }
    assert_eq!(rows[0], rows[2]);
    assert_eq!(
        rows.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(),
        ["shop", "shop-2", "shop", "shop-3"]
    );
    let listed = local.repositories().await.unwrap();
    assert_eq!(listed, [rows[0].clone(), rows[1].clone(), rows[3].clone()]);
    let relative = local.register_repository(Path::new("shop")).await.unwrap_err();
    assert_eq!(relative.code(), "path-not-absolute");

    let entries = local.entries(Some("tenant"), 0, 10).await.unwrap();
    let kinds: Vec<String> = entries
        .iter()
        .map(|e| countersign_ledger::Leaf::parse(&e.leaf).unwrap().kind)
        .collect();
    assert_eq!(kinds[0], "member.added");
    assert_eq!(kinds[1..], ["repository.registered"; 3]);
    let body = String::from_utf8(entries[1].body.clone().unwrap()).unwrap();
    assert_eq!(
        body,
        r#"{"git_dir":"/srv/shop.git","name":"shop","repository":"local-1","v":1}"#
    );
}

#[tokio::test]
async fn bodies_are_kept_once_under_their_plain_sha256() {
    let world = World::new().await;
    let local = world.local();
    let hash = local.put_body(b"evidence").await.unwrap();
    assert_eq!(local.put_body(b"evidence").await.unwrap(), hash);
    assert_eq!(hash, BodyHash::of_bytes(b"evidence"));
    assert_eq!(local.body(&hash).await.unwrap(), b"evidence");
    assert_eq!(local.put_body(b"").await.unwrap(), BodyHash::of_bytes(b""));
    assert_eq!(local.body(&BodyHash::of_bytes(b"")).await.unwrap(), b"");
    let empty = Workflow::empty(TenantId::local(), workflow_id(1));
    assert!(local.events(&empty.id).await.unwrap().is_empty());
}
