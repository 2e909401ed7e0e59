//! Facts from outside: once, in order, before effects, and closed when one can't be judged.

use crate::support::{World, input_id, roster, submission, workflow_id};
use countersign_core::workflow::{Input, decide};
use countersign_ports::store::{Claim, Clock as _, INBOX_MAX, InputStatus, NewInput, Settles, StoreError};

#[tokio::test]
async fn the_same_input_again_changes_nothing() {
    let world = World::new().await;
    let (local, workflow) = (world.local(), workflow_id(1));
    let submit = |text: &str| NewInput::Submit(submission(text));
    local
        .insert_input(&input_id(1), &workflow, &submit("first"))
        .await
        .unwrap();
    local
        .insert_input(&input_id(1), &workflow, &submit("second"))
        .await
        .unwrap();
    let Some(Claim::Input {
        input: NewInput::Submit(got),
        ..
    }) = world.claim().await
    else {
        panic!("no input")
    };
    assert_eq!(got.feedback.text, "first");
    local
        .settle_input(&input_id(1), &InputStatus::Accepted)
        .await
        .unwrap();
    local
        .insert_input(&input_id(1), &workflow, &submit("third"))
        .await
        .unwrap();
    assert!(world.claim().await.is_none(), "also after it was judged");
    assert_eq!(
        local.input_status(&input_id(1)).await.unwrap(),
        InputStatus::Accepted
    );
}

#[tokio::test]
async fn inputs_come_in_order_and_before_effects_even_while_one_runs() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let other = world.started(2).await;
    let running = world.claim_effect().await;
    let local = world.local();
    for number in [3, 1, 2] {
        let act = NewInput::Act(world.cancel(&running.workflow));
        local
            .insert_input(&input_id(number), &running.workflow, &act)
            .await
            .unwrap();
    }
    for number in [3, 1, 2] {
        let Some(Claim::Input { id, workflow, .. }) = world.claim().await else {
            panic!("no input")
        };
        assert_eq!(
            (id.clone(), workflow),
            (input_id(number), running.workflow.clone())
        );
        local.settle_input(&id, &refused()).await.unwrap();
    }
    assert_eq!(running.workflow, workflow.id);
    assert_eq!(world.claim_effect().await.workflow, other.id);
}

#[tokio::test]
async fn an_accepted_input_is_settled_with_its_transition_and_only_once() {
    let world = World::new().await;
    let workflow = world.started(1).await;
    let local = world.local();
    let act = world.cancel(&workflow.id);
    local
        .insert_input(&input_id(1), &workflow.id, &NewInput::Act(act.clone()))
        .await
        .unwrap();
    let input = Input::Act {
        input: input_id(1),
        act,
        roster: roster(),
    };
    let cancelled = decide(&workflow, input, world.clock.now()).unwrap();
    local
        .commit(&world.commit(3, cancelled, Settles::Input(input_id(1))))
        .await
        .unwrap();
    assert_eq!(
        local.input_status(&input_id(1)).await.unwrap(),
        InputStatus::Accepted
    );
    assert!(world.claim().await.is_none());

    let second = world.started(2).await;
    let late = world.commit(3, world.looked_up(&second), Settles::Input(input_id(1)));
    assert!(matches!(local.commit(&late).await, Err(StoreError::ClaimLost)));
    assert_eq!(local.events(&second.id).await.unwrap().len(), 3);
}

#[tokio::test]
async fn a_refusal_keeps_its_reason_and_is_final() {
    let world = World::new().await;
    let local = world.local();
    local
        .insert_input(&input_id(1), &workflow_id(1), &NewInput::Submit(submission("x")))
        .await
        .unwrap();
    assert_eq!(
        local.input_status(&input_id(1)).await.unwrap(),
        InputStatus::Pending
    );
    local.settle_input(&input_id(1), &refused()).await.unwrap();
    local.settle_input(&input_id(1), &refused()).await.unwrap();
    assert_eq!(local.input_status(&input_id(1)).await.unwrap(), refused());
    let submission = local.submission_status(&workflow_id(1)).await;
    assert_eq!(submission.unwrap(), Some(refused()));
    let nobodys = local.submission_status(&workflow_id(2)).await;
    assert_eq!(nobodys.unwrap(), None);
    let error = local
        .settle_input(&input_id(1), &InputStatus::Accepted)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "input-settled");
}

#[tokio::test]
async fn a_held_input_closes_its_workflow_until_it_is_resolved() {
    let world = World::new().await;
    let closed = world.started(1).await;
    let open = world.started(2).await;
    let local = world.local();
    for number in [1, 2] {
        local
            .insert_input(
                &input_id(number),
                &closed.id,
                &NewInput::Act(world.cancel(&closed.id)),
            )
            .await
            .unwrap();
    }
    let held = InputStatus::Held {
        code: "poison".to_owned(),
        message: "it can't be judged".to_owned(),
    };
    local.settle_input(&input_id(1), &held).await.unwrap();

    assert_eq!(
        world.claim_effect().await.workflow,
        open.id,
        "only the other workflow goes on"
    );
    assert!(world.claim().await.is_none());
    assert_eq!(local.input_status(&input_id(1)).await.unwrap(), held);

    local.settle_input(&input_id(1), &refused()).await.unwrap();
    let Some(Claim::Input { id, .. }) = world.claim().await else {
        panic!("no input")
    };
    assert_eq!(id, input_id(2));
    local.settle_input(&id, &refused()).await.unwrap();
    assert_eq!(world.claim_effect().await.workflow, closed.id);
}

#[tokio::test]
async fn inputs_that_can_not_be_read_are_undecidable() {
    let world = World::new().await;
    let workflow = workflow_id(1);
    let broken = [
        "not json",
        r#"{"body":{},"kind":"act","v":2}"#,
        r#"{"body":{},"kind":"act","v":1}"#,
        r#"{"body":{},"kind":"waive","v":1}"#,
    ];
    for (number, payload) in (1..).zip(broken) {
        insert_raw(&world, number, payload.as_bytes()).await;
        let Some(Claim::Undecidable {
            id,
            workflow: of,
            reason,
            ..
        }) = world.claim().await
        else {
            panic!("{payload} was decidable")
        };
        assert_eq!((id, of), (input_id(number), workflow.clone()));
        assert!(reason.starts_with("the stored input can't be read: "), "{reason}");
        world
            .local()
            .settle_input(&input_id(number), &refused())
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn another_spelling_of_an_input_is_undecidable() {
    let world = World::new().await;
    let local = world.local();
    local
        .insert_input(&input_id(1), &workflow_id(1), &NewInput::Submit(submission("x")))
        .await
        .unwrap();
    let spaced =
        "UPDATE inputs SET payload = CAST(replace(CAST(payload AS TEXT), '\"v\":1', '\"v\": 1') AS BLOB)";
    world.sql(spaced).await.unwrap();
    assert!(matches!(world.claim().await, Some(Claim::Undecidable { .. })));
}

#[tokio::test]
async fn the_inbox_of_a_workflow_and_every_input_have_a_limit() {
    let world = World::new().await;
    let (local, workflow) = (world.local(), workflow_id(1));
    for number in 0..u128::from(INBOX_MAX) {
        insert_raw(&world, number, b"{}").await;
    }
    let submit = NewInput::Submit(submission("one more"));
    let full = local
        .insert_input(&input_id(5_000), &workflow, &submit)
        .await
        .unwrap_err();
    assert_eq!(full.code(), "inbox-full");
    local
        .insert_input(&input_id(1), &workflow, &submit)
        .await
        .unwrap();
    local
        .insert_input(&input_id(5_001), &workflow_id(2), &submit)
        .await
        .unwrap();

    let mut huge = submission("huge");
    huge.agent = countersign_core::feedback::AgentSpec::Command {
        command: "x".repeat(3 << 20),
        rights: countersign_core::confinement::Rights::fewest(),
    };
    let refused = local
        .insert_input(&input_id(5_002), &workflow_id(3), &NewInput::Submit(huge))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), "input-too-large");
}

fn refused() -> InputStatus {
    InputStatus::Refused {
        code: "wrong-state".to_owned(),
        message: "not now".to_owned(),
    }
}

async fn insert_raw(world: &World, number: u128, payload: &[u8]) {
    let sql = format!(
        "INSERT INTO inputs (tenant, id, workflow, payload, status, received_at)
         VALUES ('local', '{}', '{}', x'{}', 'pending', 0)",
        input_id(number),
        workflow_id(1),
        hex::encode(payload),
    );
    world.sql(&sql).await.unwrap();
}
