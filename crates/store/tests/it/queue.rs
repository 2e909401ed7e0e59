//! Durable effects: each point at which the queue libraries failed (`dependencies.md`), and fencing.

use crate::support::{StandingClock, World, open, workflow_id};
use countersign_core::workflow::{Effect, State};
use countersign_ports::store::{Claim, Clock as _, LEASE_MS, Settles, Store as _, StoreError};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::test]
async fn the_acknowledgement_is_part_of_the_results_transaction() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let claimed = world.claim_effect().await;
    assert_eq!((claimed.attempt, &claimed.effect), (1, &Effect::LookUpRefs));
    let settles = Settles::Effect {
        id: claimed.id,
        fence: claimed.fence,
        again_after_ms: 0,
    };
    world
        .local()
        .commit(&world.commit(3, world.looked_up(&workflow), settles))
        .await
        .unwrap();

    let world = world.reopened().await;
    world.clock.forward(10 * LEASE_MS);
    let next = world.claim_effect().await;
    assert_eq!(
        next.effect,
        Effect::LoadContext,
        "the finished effect never runs again"
    );
    assert_eq!(next.attempt, 1);
    assert!(world.claim().await.is_none());
}

#[tokio::test]
async fn a_killed_process_loses_nothing_and_its_try_counts() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "queue::a_process_that_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env("COUNTERSIGN_STORE_TO_KILL", &file)
        .output()
        .unwrap();
    assert!(!child.status.success(), "the child was killed");

    let clock = Arc::new(StandingClock::default());
    clock.set(crate::support::START);
    let world = World {
        folder,
        store: open(file, &clock).await.unwrap(),
        clock,
    };
    assert_eq!(world.local().events(&workflow_id(1)).await.unwrap().len(), 3);
    assert!(
        world.claim().await.is_none(),
        "the dead worker's lease still runs"
    );
    world.clock.forward(LEASE_MS);
    let claimed = world.claim_effect().await;
    assert_eq!((claimed.attempt, claimed.fence.0), (2, 2));
}

#[tokio::test]
#[ignore = "is run, and dies, as a child of the test above"]
async fn a_process_that_is_killed() {
    let file = PathBuf::from(std::env::var_os("COUNTERSIGN_STORE_TO_KILL").unwrap());
    let clock = Arc::new(StandingClock::default());
    clock.set(crate::support::START);
    let folder = tempfile::tempdir().unwrap();
    let world = World {
        folder,
        store: open(file, &clock).await.unwrap(),
        clock,
    };
    world.started(1).await;
    world.claim_effect().await;
    std::process::abort();
}

#[tokio::test]
async fn a_lapsed_lease_is_claimed_anew_and_the_old_fence_settles_nothing() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let old = world.claim_effect().await;
    assert!(world.claim().await.is_none(), "one item of a workflow at a time");
    world.clock.forward(LEASE_MS);
    let new = world.claim_effect().await;
    assert_eq!((&new.id, new.attempt), (&old.id, 2));
    assert!(new.fence > old.fence);

    let local = world.local();
    let result = |fence| {
        let settles = Settles::Effect {
            id: old.id.clone(),
            fence,
            again_after_ms: 0,
        };
        world.commit(3, world.looked_up(&workflow), settles)
    };
    assert!(matches!(
        local.commit(&result(old.fence)).await,
        Err(StoreError::ClaimLost)
    ));
    assert!(matches!(local.renew(&old).await, Err(StoreError::ClaimLost)));
    assert!(matches!(
        local.reschedule(&old, world.clock.now(), "late", true).await,
        Err(StoreError::ClaimLost)
    ));
    assert_eq!(
        local.events(&workflow.id).await.unwrap().len(),
        3,
        "a lost claim writes nothing"
    );
    local.commit(&result(new.fence)).await.unwrap();
}

#[tokio::test]
async fn a_lease_that_ran_out_settles_nothing_even_if_nobody_took_over() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let claimed = world.claim_effect().await;
    world.clock.forward(LEASE_MS);
    let settles = Settles::Effect {
        id: claimed.id,
        fence: claimed.fence,
        again_after_ms: 0,
    };
    let commit = world.commit(3, world.looked_up(&workflow), settles);
    assert!(matches!(
        world.local().commit(&commit).await,
        Err(StoreError::ClaimLost)
    ));
}

#[tokio::test]
async fn a_renewed_lease_lasts() {
    let world = World::new().await;
    world.started(1).await;
    let claimed = world.claim_effect().await;
    world.clock.forward(LEASE_MS - 1);
    let until = world.local().renew(&claimed).await.unwrap();
    assert_eq!(until, world.clock.now().plus_ms(LEASE_MS));
    world.clock.forward(LEASE_MS - 1);
    assert!(world.claim().await.is_none());
    assert_eq!(world.store.next_run_at(None).await.unwrap(), Some(until));
}

#[tokio::test]
async fn backoff_is_stored_and_tries_are_counted() {
    let world = World::new().await;
    world.started(1).await;
    let first = world.claim_effect().await;
    let later = world.clock.now().plus_ms(30_000);
    world
        .local()
        .reschedule(&first, later, "the mirror is locked", true)
        .await
        .unwrap();

    let world = world.reopened().await;
    assert!(world.claim().await.is_none(), "it waits, also after a restart");
    assert_eq!(world.store.next_run_at(None).await.unwrap(), Some(later));
    world.clock.forward(30_000);
    let second = world.claim_effect().await;
    assert_eq!((&second.id, second.attempt), (&first.id, 2));
    world
        .local()
        .reschedule(&second, world.clock.now(), "a clash is nobody's fault", false)
        .await
        .unwrap();
    assert_eq!(
        world.claim_effect().await.attempt,
        2,
        "a try that does not count is given back"
    );
}

#[tokio::test]
async fn a_result_after_which_the_effect_is_still_wanted_backs_off() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let claimed = world.claim_effect().await;
    let noted = crate::support::crafted(
        &workflow,
        vec![world.local().events(&workflow.id).await.unwrap()[1].event.clone()],
    );
    let settles = Settles::Effect {
        id: claimed.id.clone(),
        fence: claimed.fence,
        again_after_ms: 5_000,
    };
    let noted = world.commit(3, noted, settles);
    world.local().commit(&noted).await.unwrap();
    let again_at = noted.at.plus_ms(5_000);
    assert_eq!(world.store.next_run_at(None).await.unwrap(), Some(again_at));
    world.clock.forward(5_000);
    let again = world.claim_effect().await;
    assert_eq!((again.id, again.attempt), (claimed.id, 2));
}

#[tokio::test]
async fn an_attempt_is_recorded_under_a_claim_that_goes_on() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let claimed = world.claim_effect().await;
    let event = world.local().events(&workflow.id).await.unwrap()[1].event.clone();
    let noted = crate::support::crafted(&workflow, vec![event]);
    let keeps = Settles::KeepsClaim {
        id: claimed.id.clone(),
        fence: claimed.fence,
    };
    world
        .local()
        .commit(&world.commit(3, noted.clone(), keeps))
        .await
        .unwrap();
    assert!(world.claim().await.is_none(), "still claimed");
    world.local().renew(&claimed).await.unwrap();

    let mut lost = claimed.fence;
    lost.0 += 1;
    let keeps = Settles::KeepsClaim {
        id: claimed.id,
        fence: lost,
    };
    let more = crate::support::crafted(&noted.workflow, vec![noted.events[0].clone()]);
    assert!(matches!(
        world.local().commit(&world.commit(4, more, keeps)).await,
        Err(StoreError::ClaimLost)
    ));
}

#[tokio::test]
async fn what_is_wanted_no_longer_is_superseded() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let claimed = world.claim_effect().await;
    let went_on = world.looked_up(&workflow);
    world
        .local()
        .commit(&world.commit(3, went_on, Settles::Nothing))
        .await
        .unwrap();
    assert!(matches!(
        world.local().renew(&claimed).await,
        Err(StoreError::ClaimLost)
    ));
    assert_eq!(world.claim_effect().await.effect, Effect::LoadContext);
    world.clock.forward(2 * LEASE_MS);
    assert_eq!(
        world.claim_effect().await.effect,
        Effect::LoadContext,
        "the superseded one never comes back"
    );
    assert!(world.claim().await.is_none());
}

#[tokio::test]
async fn a_new_owner_ends_the_claims_of_the_dead_one() {
    let world = World::new().await;
    world.started(1).await;
    let dead = world.claim_effect().await;
    let world = world.reopened().await;
    assert_eq!(world.store.end_lost_claims().await.unwrap(), 1);
    assert!(matches!(
        world.local().renew(&dead).await,
        Err(StoreError::ClaimLost)
    ));
    let mine = world.claim_effect().await;
    assert_eq!((mine.id, mine.attempt), (dead.id, 2));
    assert!(mine.fence > dead.fence);
}

#[tokio::test]
async fn an_effect_that_can_not_be_read_stands_in_nobodys_way() {
    let world = World::new().await;
    let broken = world.started(1).await;
    let sound = world.started(2).await;
    let sql = format!(
        "UPDATE effects SET payload = x'7b7d' WHERE workflow = '{}'",
        broken.id
    );
    world.sql(&sql).await.unwrap();
    assert_eq!(
        world
            .store
            .claim("tester", None, &BTreeSet::new())
            .await
            .unwrap_err()
            .code(),
        "data-damaged"
    );
    assert_eq!(world.claim_effect().await.workflow, sound.id);
    assert!(world.claim().await.is_none());
}

#[tokio::test]
async fn a_commit_wakes_whoever_waits_within_milliseconds() {
    let world = World::new().await;
    let store = Arc::clone(&world.store);
    let waiting = tokio::spawn(async move {
        store.wait_for_work(Duration::from_secs(30)).await;
        Instant::now()
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    world.started(1).await;
    let committed = Instant::now();
    let woken = waiting.await.unwrap();
    assert!(woken.saturating_duration_since(committed) < Duration::from_millis(500));

    let before = Instant::now();
    world.store.wait_for_work(Duration::from_secs(30)).await;
    assert!(
        before.elapsed() < Duration::from_secs(5),
        "a commit between looking and waiting is not missed"
    );
    world.store.wait_for_work(Duration::from_millis(20)).await;
}

#[tokio::test]
async fn only_the_workflow_that_was_asked_for_is_claimed() {
    let world = World::new().await;
    world.started(1).await;
    let mine = world.started(2).await;
    let claim = world
        .store
        .claim("tester", Some(&mine.id), &BTreeSet::new())
        .await
        .unwrap();
    assert!(matches!(claim, Some(Claim::Effect(effect)) if effect.workflow == mine.id));
    assert!(
        world
            .store
            .claim("tester", Some(&mine.id), &BTreeSet::new())
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        world.store.next_run_at(Some(&mine.id)).await.unwrap(),
        Some(world.clock.now().plus_ms(LEASE_MS))
    );
}

#[tokio::test]
async fn requests_that_ran_out_are_listed() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    assert!(world.store.expired().await.unwrap().is_empty());
    let expiry = world.clock.now().plus_ms(1_000).0;
    world
        .sql(&format!("UPDATE workflows SET next_expiry_at = {expiry}"))
        .await
        .unwrap();
    assert!(world.store.expired().await.unwrap().is_empty());
    world.clock.forward(1_000);
    let expired = world.store.expired().await.unwrap();
    assert_eq!(expired, [(workflow.tenant.clone(), workflow.id.clone())]);
    let declined = world.declined(&workflow);
    assert_eq!(declined.workflow.state, State::Declined);
    world
        .local()
        .commit(&world.commit(3, declined, Settles::Nothing))
        .await
        .unwrap();
    assert!(world.store.expired().await.unwrap().is_empty());
}
