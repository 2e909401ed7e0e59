//! What operators watch is counted as it is, and for one tenant only.

use crate::support::{START, World, input_id};
use countersign_core::time::Timestamp;
use countersign_core::workflow::State;
use countersign_ports::store::{Alarm, Cleared, EffectTally, Freeze, InputStatus, LEASE_MS, NewInput};
use std::collections::BTreeMap;

#[tokio::test]
async fn effects_age_from_when_they_are_due_and_lie_untaken_until_somebody_holds_them() {
    let world = World::new().await;
    let (local, begun) = (world.local(), Timestamp(START));
    assert_eq!(local.tally().await.unwrap().unclaimed_since, None);
    world.started(1).await;
    world.clock.forward(5_000);
    let tally = local.tally().await.unwrap();
    let looked_up = EffectTally {
        kind: "look-up-refs".to_owned(),
        outstanding: 1,
        due_since: begun,
    };
    assert_eq!(tally.at, begun.plus_ms(5_000));
    assert_eq!(tally.effects, std::slice::from_ref(&looked_up));
    assert_eq!(tally.unclaimed_since, Some(begun));
    assert_eq!(tally.workflows, BTreeMap::from([(State::Queued, 1)]));

    let claimed = world.claim_effect().await;
    let tally = local.tally().await.unwrap();
    assert_eq!(tally.effects, [looked_up], "it is still to be done");
    assert_eq!(tally.unclaimed_since, None);
    world.clock.forward(LEASE_MS + 1);
    let tally = local.tally().await.unwrap();
    assert_eq!(
        tally.unclaimed_since,
        Some(claimed.lease_until),
        "whoever held it is gone"
    );
}

#[tokio::test]
async fn inputs_are_counted_and_a_held_one_leaves_nothing_to_take() {
    let world = World::new().await;
    let local = world.local();
    let workflow = world.started(1).await;
    world.clock.forward(1_000);
    for number in [1, 2] {
        let act = NewInput::Act(world.cancel(&workflow.id));
        local
            .insert_input(&input_id(number), &workflow.id, &act)
            .await
            .unwrap();
    }
    let tally = local.tally().await.unwrap();
    assert_eq!((tally.pending_inputs, tally.held_inputs), (2, 0));
    let (code, message) = ("input-undecidable".to_owned(), "it can't be read".to_owned());
    let held = InputStatus::Held { code, message };
    local.settle_input(&input_id(1), &held).await.unwrap();
    let tally = local.tally().await.unwrap();
    assert_eq!((tally.pending_inputs, tally.held_inputs), (1, 1));
    assert_eq!(tally.unclaimed_since, None, "the workflow is closed");
}

#[tokio::test]
async fn what_waits_longest_for_a_person_is_the_one_that_has_not_moved() {
    let world = World::new().await;
    let local = world.local();
    for number in [1, 2, 3] {
        world.started(number).await;
        world.clock.forward(1_000);
    }
    assert_eq!(local.tally().await.unwrap().waiting_since, None);
    world
        .sql("UPDATE workflows SET open_requests = 2, state = 'AwaitingApproval' WHERE created_at > 1795208400000")
        .await
        .unwrap();
    let tally = local.tally().await.unwrap();
    assert_eq!(
        tally.workflows,
        BTreeMap::from([(State::Queued, 1), (State::AwaitingApproval, 2)])
    );
    assert_eq!(tally.open_requests, 4);
    assert_eq!(tally.waiting_since, Some(Timestamp(START + 1_000)));
}

#[tokio::test]
async fn alarms_count_until_they_are_cleared_and_freezes_until_they_end() {
    let world = World::new().await;
    let local = world.local();
    let workflow = world.started(1).await;
    let by = crate::support::ada().id;
    let alarm = Alarm::new("row-forged", &workflow.id, "a row was forged".to_owned());
    local.raise(&alarm).await.unwrap();
    let reason = "Release day.".to_owned();
    let freeze = Freeze {
        v: 1,
        repository: None,
        by: Some(by.clone()),
        because: None,
        reason,
    };
    local.freeze(&freeze).await.unwrap();
    let tally = local.tally().await.unwrap();
    assert_eq!((tally.open_alarms, tally.freezes), (1, 1));
    assert_eq!(tally.ledger_size, local.ledger_size().await.unwrap());

    let index = local.alarms().await.unwrap()[0].index;
    let note = "It was a test.".to_owned();
    let cleared = Cleared {
        v: 1,
        alarm: index,
        by,
        note,
    };
    local.clear_alarm(&cleared).await.unwrap();
    local.unfreeze(&freeze).await.unwrap();
    let tally = local.tally().await.unwrap();
    assert_eq!((tally.open_alarms, tally.freezes), (0, 0));
}
