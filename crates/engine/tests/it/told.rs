//! Whoever observes is told how each try of an effect ended, so that what fails can be counted.

use crate::house::{House, Weather};
use countersign_core::id::WorkflowId;
use countersign_core::workflow::{Effect, Event, State};
use countersign_engine::{Observer, Ports, Step, TryEnd, Worker};
use countersign_ports::store::TRIES_MAX;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Writes down how tries ended.
#[derive(Default)]
struct Ends(Mutex<Vec<(&'static str, TryEnd)>>);

impl Observer for Ends {
    fn recorded(&self, _: &WorkflowId, _: &[Event]) {}
    fn performing(&self, _: &WorkflowId, _: &Effect, _: u32) {}
    fn retrying(&self, _: &WorkflowId, _: &Effect, _: &str) {}

    fn performed(&self, effect: &Effect, end: TryEnd, _: Duration) {
        self.0.lock().unwrap().push((effect.kind(), end));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_try_is_done_or_failed_and_the_last_one_that_fails_is_given_up() {
    let house = House::new().await;
    let ends = Arc::new(Ends::default());
    let ports = Ports {
        observer: ends.clone(),
        ..house.ports.clone()
    };
    let worker = Worker::start(ports, "told".to_owned()).await.unwrap();
    let id = house.submit().await;
    rest(&worker, &house).await;
    let before = std::mem::take(&mut *ends.0.lock().unwrap());
    assert!(before.iter().all(|(_, end)| *end == TryEnd::Done), "{before:?}");
    assert!(before.iter().any(|(kind, _)| *kind == "critique"), "{before:?}");

    *house.forge.weather.lock().unwrap() = Weather::Down;
    for act in house.approvals(&id).await {
        house.post(&id, house.sign(&id, act)).await;
    }
    rest(&worker, &house).await;
    assert_eq!(house.load(&id).await.state, State::NeedsHuman);
    let mut ends = ends.0.lock().unwrap().clone();
    ends.retain(|(kind, _)| *kind == "write-branch");
    let mut expected = vec![("write-branch", TryEnd::Failed); TRIES_MAX as usize];
    expected[TRIES_MAX as usize - 1].1 = TryEnd::GivenUp;
    assert_eq!(ends, expected);
}

/// Works until nothing is left to do now; backoffs are skipped.
async fn rest(worker: &Worker, house: &House) {
    for _ in 0..500 {
        if worker.run_once(None).await.unwrap() == Step::Worked {
            continue;
        }
        match house.ports.store.next_run_at(None).await.unwrap() {
            Some(_) => house.pass(1_000),
            None => return,
        }
    }
    panic!("it never comes to rest");
}
