//! A worker that is slow: its claim runs out before it has done anything, another one does the work, and then the slow one
//! does it again and answers late.

use crate::auditing::{assert_lawful, judged};
use crate::house::House;
use countersign_core::id::WorkflowId;
use countersign_core::workflow::{Effect, Event, State};
use countersign_engine::{Observer, Ports, Step, Worker};
use countersign_ports::store::LEASE_MS;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

/// Stops the worker that begins the given effect until another one is done with it.
struct Slow {
    house: Arc<House>,
    at: usize,
    begun: AtomicUsize,
    overtaken: Arc<Mutex<BTreeSet<&'static str>>>,
}

impl Observer for Slow {
    fn recorded(&self, _: &WorkflowId, _: &[Event]) {}

    fn performing(&self, workflow: &WorkflowId, effect: &Effect, _: u32) {
        if self.begun.fetch_add(1, Ordering::SeqCst) != self.at {
            return;
        }
        self.house.jump(i64::try_from(LEASE_MS).unwrap() + 1);
        let other = self.house.worker.run_once(Some(workflow));
        let step = block_in_place(|| Handle::current().block_on(other)).unwrap();
        assert_eq!(step, Step::Worked, "{}", effect.kind());
        self.overtaken.lock().unwrap().insert(effect.kind());
    }

    fn retrying(&self, _: &WorkflowId, _: &Effect, _: &str) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn every_effect_is_done_twice_and_answered_late_and_counts_once() {
    let overtaken = Arc::default();
    for at in 0.. {
        let house = Arc::new(House::new().await);
        let slow = Arc::new(Slow {
            house: house.clone(),
            at,
            begun: AtomicUsize::new(0),
            overtaken: Arc::clone(&overtaken),
        });
        let ports = Ports {
            observer: slow.clone(),
            ..house.ports.clone()
        };
        let worker = Worker::start(ports, "slow".to_owned()).await.unwrap();
        let id = house.submit().await;
        rest(&worker, &house, &id).await;
        for act in house.approvals(&id).await {
            house.post(&id, house.sign(&id, act)).await;
            rest(&worker, &house, &id).await;
        }
        assert_eq!(house.load(&id).await.state, State::Done, "effect {at}");
        house.assert_written_once();
        assert_lawful(&judged(&house, &id).await);
        if slow.begun.load(Ordering::SeqCst) <= at {
            break;
        }
    }
    let overtaken = overtaken.lock().unwrap().clone();
    let all = [
        "look-up-refs",
        "load-context",
        "triage",
        "plan",
        "draft",
        "critique",
        "seal-ledger",
        "check-bases",
        "write-branch",
    ];
    assert_eq!(overtaken, BTreeSet::from(all));
}

async fn rest(worker: &Worker, house: &House, id: &WorkflowId) {
    for _ in 0..100 {
        if worker.run_once(Some(id)).await.unwrap() == Step::Idle {
            match house.ports.store.next_run_at(Some(id)).await.unwrap() {
                Some(_) => house.jump(1_000),
                None => return,
            }
        }
    }
    panic!("it never comes to rest");
}
