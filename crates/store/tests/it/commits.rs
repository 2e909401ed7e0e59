//! One transition is recorded whole or not at all.

use crate::support::{World, crafted, input_id, submission, workflow_id};
use countersign_core::digest::BodyHash;
use countersign_core::id::{RepositoryId, TenantId, Version};
use countersign_core::record::RECORDED_WITHIN_MS;
use countersign_core::workflow::{Decision, State, Workflow};
use countersign_ledger::Leaf;
use countersign_ports::store::{BODY_MAX_BYTES, Clock as _, Settles, StoreError};

#[tokio::test]
async fn a_start_is_recorded_projected_and_enqueued() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let local = world.local();

    let events = local.events(&workflow.id).await.unwrap();
    assert_eq!(
        events.iter().map(|r| r.event.kind()).collect::<Vec<_>>(),
        ["workflow-started", "state-entered", "effect-requested"]
    );
    let replayed = Workflow::replay(
        TenantId::local(),
        workflow.id.clone(),
        events.iter().map(|r| &r.event),
    );
    assert_eq!((replayed.version, replayed.state), (Version(3), State::Queued));

    let row = local.workflow(&workflow.id).await.unwrap();
    assert_eq!(
        (row.title.as_str(), row.state, row.version),
        ("fix number 1", State::Queued, Version(3))
    );
    assert_eq!(row.repositories, workflow.submission.unwrap().repositories);
    assert_eq!(row.created_at, world.clock.now());
    assert_eq!(world.claim_effect().await.workflow, workflow.id);
}

#[tokio::test]
async fn a_clash_writes_nothing() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let local = world.local();
    let mut late = world.commit(2, world.looked_up(&workflow), Settles::Nothing);
    late.decision.workflow.version = Version(2 + late.decision.events.len() as u64);
    late.bodies = vec![b"evidence".to_vec()];

    assert!(matches!(local.commit(&late).await, Err(StoreError::Clash)));
    assert!(matches!(
        local.body(&BodyHash::of_bytes(b"evidence")).await,
        Err(StoreError::NotFound { .. })
    ));
    assert_eq!(local.events(&workflow.id).await.unwrap().len(), 3);
    assert_eq!(local.ledger_size().await.unwrap(), (3, 0));
    assert_eq!(local.workflow(&workflow.id).await.unwrap().version, Version(3));
}

/// Others are recorded between a decision and its commit. Its entries never lie before theirs, its records keep the time that
/// it was decided at, and what took too long is decided again.
#[tokio::test]
async fn a_decision_is_recorded_at_its_own_time_after_others_unless_it_is_too_old() {
    let world = World::new().await;
    let (first, second) = (world.started(1).await, world.started(2).await);
    let local = world.local();
    let decided = world.clock.now();
    let mut early = world.commit(3, world.looked_up(&first), Settles::Nothing);
    early.at = decided;
    let mut later = world.commit(3, world.looked_up(&second), Settles::Nothing);

    later.at = decided.plus_ms(RECORDED_WITHIN_MS + 1);
    local.commit(&later).await.unwrap();
    assert!(matches!(local.commit(&early).await, Err(StoreError::Clash)));
    early.at = decided.plus_ms(1);
    local.commit(&early).await.unwrap();
    let records = local.events(&first.id).await.unwrap();
    assert_eq!(records.last().unwrap().at, early.at);
    let entries = local.entries(Some(first.id.as_str()), 0, 100).await.unwrap();
    let last = entries.last().unwrap();
    assert_eq!(Leaf::parse(&last.leaf).unwrap().at, later.at.to_rfc3339());
}

#[tokio::test]
async fn of_two_that_decide_on_the_same_version_one_wins() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let local = world.local();
    let (one, other) = (
        world.commit(3, world.looked_up(&workflow), Settles::Nothing),
        world.commit(3, world.declined(&workflow), Settles::Nothing),
    );
    let (one, other) = tokio::join!(local.commit(&one), local.commit(&other));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert!(matches!(one.and(other), Err(StoreError::Clash)));
}

#[tokio::test]
async fn a_second_start_of_the_same_workflow_is_a_clash() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let again = countersign_core::workflow::start(
        &Workflow::empty(TenantId::local(), workflow.id),
        submission("something else"),
        world.clock.now(),
    );
    let commit = world.commit(0, again.unwrap(), Settles::Nothing);
    assert!(matches!(
        world.local().commit(&commit).await,
        Err(StoreError::Clash)
    ));
}

/// INV-4.
#[tokio::test]
async fn a_failure_in_the_middle_takes_everything_back() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let local = world.local();
    let mut commit = world.commit(3, world.looked_up(&workflow), Settles::Nothing);
    commit.bodies = vec![b"fits".to_vec(), vec![0; BODY_MAX_BYTES + 1]];
    assert_eq!(local.commit(&commit).await.unwrap_err().code(), "body-too-large");
    assert_eq!(local.ledger_size().await.unwrap(), (3, 0));
    assert!(local.body(&BodyHash::of_bytes(b"fits")).await.is_err());
    assert_eq!(local.workflow(&workflow.id).await.unwrap().state, State::Queued);

    commit.bodies.pop();
    local.commit(&commit).await.unwrap();
    assert_eq!(local.body(&BodyHash::of_bytes(b"fits")).await.unwrap(), b"fits");
    assert_eq!(
        local.workflow(&workflow.id).await.unwrap().state,
        State::LoadingContext
    );
}

#[tokio::test]
async fn decisions_that_do_not_fit_are_refused() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let local = world.local();
    let refused = async |expected: u64, decision: Decision| {
        let commit = world.commit(expected, decision, Settles::Nothing);
        local.commit(&commit).await.unwrap_err().code()
    };
    let mut foreign = world.looked_up(&workflow);
    foreign.workflow.tenant = TenantId::parse("other").unwrap();
    assert_eq!(refused(3, foreign).await, "wrong-tenant");
    assert_eq!(refused(2, world.looked_up(&workflow)).await, "wrong-version");
    assert_eq!(
        refused(3, crafted(&workflow, Vec::new())).await,
        "nothing-decided"
    );
    let mut forgetful = world.looked_up(&workflow);
    forgetful.effects.clear();
    assert_eq!(refused(3, forgetful).await, "effect-missing");
}

#[tokio::test]
async fn the_last_leaf_says_how_long_the_stream_is_and_nothing_follows_it() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let local = world.local();
    let declined = world.declined(&workflow);
    let length = declined.workflow.version.0;
    local
        .commit(&world.commit(3, declined.clone(), Settles::Nothing))
        .await
        .unwrap();
    let entries = local.entries(Some(workflow.id.as_str()), 0, 100).await.unwrap();
    let leaves: Vec<Leaf> = entries.iter().map(|e| Leaf::parse(&e.leaf).unwrap()).collect();
    assert_eq!(leaves.last().unwrap().ended, Some(length));
    assert!(leaves[..leaves.len() - 1].iter().all(|l| l.ended.is_none()));
    assert!(
        world.claim().await.is_none(),
        "an ended workflow has nothing to do"
    );

    let more = crafted(&declined.workflow, vec![declined.events[0].clone()]);
    let commit = world.commit(length, more, Settles::Nothing);
    assert_eq!(local.commit(&commit).await.unwrap_err().code(), "workflow-ended");
}

#[tokio::test]
async fn ledger_time_never_goes_back() {
    let world = World::new().await;
    world.started(1).await;
    world.clock.back(86_400_000);
    assert_eq!(
        countersign_ports::store::Store::now(world.store.as_ref())
            .await
            .unwrap()
            .0,
        crate::support::START
    );
    world.clock.forward(86_400_000 - RECORDED_WITHIN_MS);
    world.started(2).await;
    let entries = world.local().entries(None, 0, 100).await.unwrap();
    let times: Vec<String> = entries.iter().map(|e| Leaf::parse(&e.leaf).unwrap().at).collect();
    assert!(times.is_sorted() && times.len() == 6, "{times:?}");
    assert!(times.iter().all(|t| t == "2026-11-20T21:00:00.000Z"), "{times:?}");
}

#[tokio::test]
async fn lists_are_newest_first_and_duplicates_are_found_while_open() {
    let world = World::new().await;
    let first = world.started(1).await;
    world.clock.forward(1_000);
    let second = world.started(2).await;
    let local = world.local();
    let ids: Vec<_> = local
        .workflows(10)
        .await
        .unwrap()
        .into_iter()
        .map(|w| w.id)
        .collect();
    assert_eq!(ids, [second.id.clone(), first.id.clone()]);
    assert_eq!(local.workflows(1).await.unwrap().len(), 1);

    let hash = first.submission.as_ref().unwrap().feedback.hash;
    let one = [RepositoryId::local(1)];
    assert_eq!(
        local.open_duplicate(&hash, &one, None).await.unwrap(),
        Some(first.id.clone())
    );
    assert_eq!(
        local.open_duplicate(&hash, &one, Some(&first.id)).await.unwrap(),
        None
    );
    let two = [RepositoryId::local(2), RepositoryId::local(1)];
    assert_eq!(local.open_duplicate(&hash, &two, None).await.unwrap(), None);
    local
        .commit(&world.commit(3, world.declined(&first), Settles::Nothing))
        .await
        .unwrap();
    assert_eq!(local.open_duplicate(&hash, &one, None).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let world = World::new().await;
    let local = world.local();
    assert!(local.events(&workflow_id(9)).await.unwrap().is_empty());
    assert_eq!(
        local.workflow(&workflow_id(9)).await.unwrap_err().code(),
        "not-found"
    );
    assert_eq!(
        local.input_status(&input_id(9)).await.unwrap_err().code(),
        "not-found"
    );
    assert_eq!(
        local.export(&workflow_id(9), 0).await.unwrap_err().code(),
        "not-found"
    );
    assert_eq!(
        local
            .seal(&workflow_id(9), &crate::support::Seal(1))
            .await
            .unwrap_err()
            .code(),
        "not-found"
    );
}
