//! Decisions that reach the engine: authentic or not, early or late.

use crate::house::{House, Weather};
use countersign_core::act::{Act, Attendance, SignedAct};
use countersign_core::question::QuestionKind;
use countersign_core::workflow::State;
use countersign_core::workflow::event::Subject;
use countersign_ledger::{Origin, Trust, verify};
use countersign_ports::store::{InputStatus, NewInput};
use ed25519_dalek::SigningKey;

fn refused(status: InputStatus) -> String {
    match status {
        InputStatus::Refused { code, .. } => code,
        InputStatus::Pending | InputStatus::Accepted | InputStatus::Held { .. } => {
            panic!("not refused: {status:?}")
        }
    }
}

/// INV-12.
#[tokio::test(flavor = "multi_thread")]
async fn approved_in_both_repositories_becomes_two_branches_and_a_story_that_verifies() {
    let house = House::new().await;
    let id = house.start().await;
    house.assert_nothing_written();
    let approvals = house.approvals(&id).await;
    assert_eq!(approvals.len(), 2);
    house.act(&id, approvals[0].clone()).await;
    house.assert_nothing_written();
    house.act(&id, approvals[1].clone()).await;
    assert_eq!(house.load(&id).await.state, State::Done);
    house.assert_written_once();
    let bundle =
        countersign_engine::bundle::export(house.store.as_ref(), &id, house.ports.signer.as_ref(), &[]);
    let bytes = bundle.await.unwrap().to_bytes().unwrap();
    let keys = house.ports.signer.verifiers(house.store.tenant());
    let report = verify(
        &bytes,
        &Trust {
            keys,
            ..Trust::default()
        },
    )
    .unwrap();
    assert!(report.complete && matches!(report.origin, Origin::Proven { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_signed_by_anybody_else_is_refused() {
    let house = House::new().await;
    let id = house.start().await;
    let approve = house.approvals(&id).await.remove(0);
    let record = house.sign(&id, approve).record;
    let forged = SignedAct::sign(record, &SigningKey::from_bytes(&[1; 32]));
    let input = house.post(&id, forged).await;
    house.run().await;
    assert_eq!(
        refused(house.store.input_status(&input).await.unwrap()),
        "act-not-authentic"
    );
    assert!(house.load(&id).await.approvals.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_act_can_not_be_changed_after_it_was_signed() {
    let house = House::new().await;
    let id = house.start().await;
    let approve = house.approvals(&id).await.remove(0);
    let mut changed = house.sign(&id, approve);
    changed.record.attendance = Attendance::Unattended;
    let input = house.post(&id, changed).await;
    house.run().await;
    assert_eq!(
        refused(house.store.input_status(&input).await.unwrap()),
        "act-not-authentic"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_input_twice_is_one_decision() {
    let house = House::new().await;
    let id = house.start().await;
    let approve = house.sign(&id, house.approvals(&id).await.remove(0));
    let input = house.post(&id, approve.clone()).await;
    house
        .store
        .insert_input(&input, &id, &NewInput::Act(approve))
        .await
        .unwrap();
    house.run().await;
    assert_eq!(house.load(&id).await.approvals.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejection_that_waits_in_the_inbox_is_judged_before_anything_is_written() {
    let house = House::new().await;
    let id = house.start().await;
    let approvals = house.approvals(&id).await;
    *house.forge.weather.lock().unwrap() = Weather::Down;
    let reject = |act: &Act| match act {
        Act::Approve { request, seen, .. } => Act::Reject {
            request: request.clone(),
            seen: seen.clone(),
            reason: "no".to_owned(),
        },
        Act::Reject { .. }
        | Act::RequestChanges { .. }
        | Act::Answer { .. }
        | Act::Withdraw { .. }
        | Act::Cancel { .. }
        | Act::Retry { .. }
        | Act::Deselect { .. }
        | Act::Waive { .. }
        | Act::Extend { .. }
        | Act::Wake => panic!("not an approval"),
    };
    house.post(&id, house.sign(&id, approvals[0].clone())).await;
    house.post(&id, house.sign(&id, reject(&approvals[1]))).await;
    house.post(&id, house.sign(&id, approvals[1].clone())).await;
    house.run().await;
    assert_eq!(house.load(&id).await.state, State::Failed);
    house.assert_nothing_written();
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_decides_for_a_week_and_a_human_is_asked_again() {
    let house = House::new().await;
    let id = house.start().await;
    let old = house.approvals(&id).await.remove(0);
    house.pass(8 * 24 * 60 * 60 * 1000);
    house.run().await;
    let workflow = house.load(&id).await;
    let Subject::Question { question, digest } = workflow.open_requests().next().unwrap().subject.clone()
    else {
        panic!("it asks")
    };
    assert_eq!(question.kind, QuestionKind::ApprovalExpired);
    assert_eq!(refused(house.act(&id, old).await), "request-not-open");
    let request = workflow.open_requests().next().unwrap().id.clone();
    let seen = countersign_core::act::SeenDigest::Question(digest);
    let choice = countersign_core::question::Choice::AskAgain;
    house
        .act(
            &id,
            Act::Answer {
                request,
                seen,
                choice,
                text: String::new(),
            },
        )
        .await;
    house.approve_all(&id).await;
    assert_eq!(house.load(&id).await.state, State::Done);
    house.assert_written_once();
}
