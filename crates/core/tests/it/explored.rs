//! What holds on every way through `decide`.

use crate::canned::Team;
use crate::explore::explore;
use countersign_core::workflow::State;
use std::collections::BTreeSet;

fn reached(team: Team) -> BTreeSet<State> {
    let explored = explore(team);
    assert!(
        explored.situations > 500,
        "the exploration went somewhere: {}",
        explored.situations
    );
    explored.reached
}

#[test]
fn every_state_is_reached_and_every_assertion_holds() {
    let reached: BTreeSet<State> = reached(Team::Solo)
        .union(&reached(Team::Three))
        .copied()
        .collect();
    let missing: Vec<_> = State::ALL.into_iter().filter(|s| !reached.contains(s)).collect();
    assert_eq!(
        missing,
        [State::PrOpen],
        "a local forge has no pull requests; everything else is reached"
    );
}
