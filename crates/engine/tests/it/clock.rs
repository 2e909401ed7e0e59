//! The machine's clock jumps by a day, forwards or backwards, between any two steps of a flow.

use crate::auditing::{assert_lawful, judged};
use crate::house::House;
use countersign_core::id::WorkflowId;
use countersign_core::workflow::State;
use countersign_engine::Step;

const DAY_MS: i64 = 86_400_000;
/// More steps than a flow with approvals asked for twice has.
const STEPS_MAX: usize = 120;
/// Every so many steps a jump is tried.
const STRIDE: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_a_day_ahead_doubles_nothing() {
    let mut jumps = 0;
    for at in (0..STEPS_MAX).step_by(STRIDE) {
        let house = House::new().await;
        let id = house.submit().await;
        if !steps(&house, &id, at).await {
            break;
        }
        house.jump(DAY_MS);
        steps(&house, &id, STEPS_MAX).await;
        ends_well(&house, &id, &format!("a day ahead at step {at}")).await;
        jumps += 1;
    }
    assert!(jumps > 5, "{jumps} jumps are no test");
}

/// What ran out and what comes due can't be told by such a clock: nothing is written until it is set right.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_clock_a_day_back_nothing_is_written_until_it_is_set_right() {
    let mut jumps = 0;
    for at in (0..STEPS_MAX).step_by(STRIDE) {
        let house = House::new().await;
        let id = house.submit().await;
        if !steps(&house, &id, at).await {
            break;
        }
        let when = format!("a day back at step {at}");
        let before = house.branches();
        house.jump(-DAY_MS);
        steps(&house, &id, STEPS_MAX).await;
        assert_eq!(house.branches(), before, "{when}");
        house.jump(DAY_MS);
        steps(&house, &id, STEPS_MAX).await;
        ends_well(&house, &id, &when).await;
        jumps += 1;
    }
    assert!(jumps > 5, "{jumps} jumps are no test");
}

async fn ends_well(house: &House, id: &WorkflowId, when: &str) {
    assert_eq!(house.load(id).await.state, State::Done, "{when}");
    house.assert_written_once();
    assert_lawful(&judged(house, id).await);
}

/// Goes on for so many steps and approves what is asked. Whether there was more to do.
async fn steps(house: &House, id: &WorkflowId, count: usize) -> bool {
    for _ in 0..count {
        if house.worker.run_once(None).await.unwrap() == Step::Worked {
            continue;
        }
        if house.load(id).await.state.is_final() {
            return false;
        }
        match house.approvals(id).await.first().cloned() {
            Some(act) => {
                house.post(id, house.sign(id, act)).await;
            }
            // Somebody waits for a second, not for a day.
            None => house.jump(1_000),
        }
    }
    true
}
