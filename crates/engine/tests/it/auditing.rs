//! A bundle of a real workflow: its story is lawful, and nothing in the file can be another one.

use crate::house::{House, Weather};
use countersign_audit::{Verdict, audit};
use countersign_core::act::{Act, SignedAct};
use countersign_core::id::{InputId, WorkflowId};
use countersign_core::workflow::{State, Submission};
use countersign_engine::erasing::{self, Part};
use countersign_ledger::{Bundle, Origin, Trust};
use countersign_ports::store::{InputStatus, NewInput};
use ed25519_dalek::SigningKey;
use std::collections::BTreeSet;

fn trust(house: &House) -> Trust {
    Trust {
        keys: house.ports.signer.verifiers(house.store.tenant()),
        ..Trust::default()
    }
}

async fn export(house: &House, id: &WorkflowId) -> Bundle {
    let signer = house.ports.signer.as_ref();
    countersign_engine::bundle::export(house.store.as_ref(), id, signer, &[])
        .await
        .unwrap()
}

pub(crate) async fn judged(house: &House, id: &WorkflowId) -> Verdict {
    let bytes = export(house, id).await.to_bytes().unwrap();
    audit(&bytes, &trust(house)).unwrap()
}

#[track_caller]
pub(crate) fn assert_lawful(verdict: &Verdict) {
    assert!(
        verdict.is_lawful(),
        "{:#?} {:?}",
        verdict.problems,
        verdict.unjudged
    );
}

async fn done() -> (House, WorkflowId) {
    let house = House::new().await;
    let id = house.start().await;
    house.approve_all(&id).await;
    assert_eq!(house.load(&id).await.state, State::Done);
    (house, id)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_really_happened_is_lawful_at_every_rest() {
    let house = House::new().await;
    let id = house.start().await;
    assert_lawful(&judged(&house, &id).await);
    *house.forge.weather.lock().unwrap() = Weather::AnswerLost;
    house.approve_all(&id).await;
    let verdict = judged(&house, &id).await;
    assert_lawful(&verdict);
    assert!(verdict.report.complete && verdict.report.history.len() >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn storms_cancellations_and_other_bases_are_lawful_too() {
    for weather in [
        Weather::Down,
        Weather::DownFor(2),
        Weather::Panics,
        Weather::Moves,
    ] {
        let house = House::new().await;
        let id = house.start().await;
        *house.forge.weather.lock().unwrap() = weather;
        house.approve_all(&id).await;
        assert_lawful(&judged(&house, &id).await);
        *house.forge.weather.lock().unwrap() = Weather::Fine;
        if house.load(&id).await.state == State::NeedsHuman {
            house.retry(&id).await;
        }
        house
            .act(
                &id,
                Act::Cancel {
                    reason: "enough".to_owned(),
                },
            )
            .await;
        assert_lawful(&judged(&house, &id).await);
    }
}

/// Whether a changed file passes as the same whole, proven, lawful story.
fn passes(bytes: &[u8], trust: &Trust) -> bool {
    audit(bytes, trust)
        .is_ok_and(|v| v.is_lawful() && v.report.complete && matches!(v.report.origin, Origin::Proven { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_the_file_can_be_another_one() {
    const BYTES: usize = 1_500;
    let (house, id) = done().await;
    let (bundle, trust) = (export(&house, &id).await, trust(&house));
    let bytes = bundle.to_bytes().unwrap();
    assert!(passes(&bytes, &trust));
    // A stride that is prime to the forms' periods, so that every field is met.
    let stride = (bytes.len() / BYTES) | 1;
    for at in (0..bytes.len()).step_by(stride) {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 7);
        assert!(!passes(&flipped, &trust), "byte {at} can change");
        let mut shorter = bytes.clone();
        shorter.remove(at);
        assert!(!passes(&shorter, &trust), "byte {at} can go");
    }
    for keep in (0..bytes.len()).step_by(stride * 3) {
        assert!(!passes(&bytes[..keep], &trust), "only {keep} bytes");
    }
    let changed = |change: &dyn Fn(&mut Bundle)| {
        let mut other = bundle.clone();
        change(&mut other);
        other.to_bytes().is_ok_and(|bytes| passes(&bytes, &trust))
    };
    for at in 0..bundle.entries.len() {
        assert!(!changed(&|b| drop(b.entries.remove(at))), "entry {at} can go");
        assert!(
            !changed(&|b| b.entries.insert(at, b.entries[at].clone())),
            "entry {at} can come twice"
        );
        assert!(!changed(&|b| b.entries.truncate(at)), "the tail from {at} can go");
        if at > 0 {
            assert!(
                !changed(&|b| b.entries.swap(at - 1, at)),
                "entry {at} can come earlier"
            );
        }
    }
    for at in 0..bundle.attachments.len() {
        assert!(
            !changed(&|b| drop(b.attachments.remove(at))),
            "attachment {at} can go"
        );
    }
    for at in 0..bundle.history.len() {
        assert!(
            !changed(&|b| drop(b.history.remove(at))),
            "earlier head {at} can go"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_somebody_inserts_is_refused_and_raises_an_alarm() {
    let house = House::new().await;
    let id = house.start().await;
    let approve = house.approvals(&id).await.remove(0);
    let record = house.sign(&id, approve).record;
    // Exactly the row that somebody with an SQL prompt can write; the key is what they don't have.
    house
        .post(&id, SignedAct::sign(record, &SigningKey::from_bytes(&[1; 32])))
        .await;
    house.run().await;
    assert!(house.load(&id).await.approvals.is_empty());
    let alarms = house.store.alarms().await.unwrap();
    assert_eq!(alarms.len(), 1);
    let alarm = &alarms[0].alarm;
    assert_eq!((alarm.code.as_str(), &alarm.workflow), ("act-not-authentic", &id));
    assert!(
        alarm.message.contains("`approve` in the name of mb_me"),
        "{}",
        alarm.message
    );
    house.approve_all(&id).await;
    assert_lawful(&judged(&house, &id).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_erased_verifies_as_erased() {
    let (house, id) = done().await;
    let parts = BTreeSet::from([Part::Feedback, Part::Artifacts, Part::Diffs]);
    let by = crate::house::me();
    let plan = erasing::plan(house.store.as_ref(), &id, &parts, (&by, "asked for"))
        .await
        .unwrap();
    let done = house.store.erase(&plan).await.unwrap();
    assert_eq!(done.entries, plan.entries);
    let verdict = judged(&house, &id).await;
    assert!(verdict.problems.is_empty(), "{:#?}", verdict.problems);
    assert!(!verdict.unjudged.is_empty());
    assert_eq!(
        (verdict.report.erased, verdict.erasures.len()),
        (done.entries.len(), 1)
    );
    assert!(verdict.report.complete);
    let again = house.store.erase(&plan).await.unwrap_err();
    assert_eq!(again.code(), "nothing-to-erase");
    assert_eq!(house.store.events(&id).await.unwrap_err().code(), "body-erased");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_needed_is_not_erased() {
    let house = House::new().await;
    let id = house.start().await;
    let parts = BTreeSet::from([Part::Diffs]);
    let plan = erasing::plan(house.store.as_ref(), &id, &parts, (&crate::house::me(), "x"))
        .await
        .unwrap();
    assert_eq!(
        house.store.erase(&plan).await.unwrap_err().code(),
        "workflow-open"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_workflow_that_somebody_starts_in_anothers_name_is_refused_and_raises_an_alarm() {
    let house = House::new().await;
    let id = house.start().await;
    let signed = house.load(&id).await.submission.unwrap();
    let unsigned = Submission {
        signature: None,
        again: true,
        ..signed.clone()
    };
    // Neither without a signature, nor with one that was made for another workflow.
    for (number, submission) in [(77, unsigned), (78, signed)] {
        let (other, input) = (WorkflowId::from_parts(1, number), InputId::from_parts(1, number));
        let submit = NewInput::Submit(submission);
        house.store.insert_input(&input, &other, &submit).await.unwrap();
        house.run().await;
        assert!(house.store.events(&other).await.unwrap().is_empty());
        let status = house.store.input_status(&input).await.unwrap();
        assert!(matches!(status, InputStatus::Refused { code, .. } if code == "start-not-authentic"));
    }
    assert_eq!(house.store.alarms().await.unwrap().len(), 2);
}
