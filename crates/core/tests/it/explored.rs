//! What holds on every way through `decide`.

use crate::canned::Team;
use crate::explore::{Explored, explore, page, together};
use countersign_core::workflow::State;
use std::collections::BTreeSet;
use std::sync::LazyLock;

static SOLO: LazyLock<Explored> = LazyLock::new(|| explore(Team::Solo));
static THREE: LazyLock<Explored> = LazyLock::new(|| explore(Team::Three));

fn reached(explored: &Explored) -> &BTreeSet<State> {
    assert!(
        explored.situations > 500,
        "the exploration went somewhere: {}",
        explored.situations
    );
    &explored.reached
}

/// INV-10.
#[test]
fn every_state_is_reached_and_every_assertion_holds() {
    let reached: BTreeSet<State> = reached(&SOLO).union(reached(&THREE)).copied().collect();
    let missing: Vec<_> = State::ALL.into_iter().filter(|s| !reached.contains(s)).collect();
    assert_eq!(missing, [], "every state is reached");
}

#[test]
fn the_page_about_the_workflow_is_what_the_code_does() {
    let kept = include_str!("../../../../docs/workflow.md");
    let page = page(&together(&[&SOLO, &THREE]));
    let differs = page.lines().zip(kept.lines()).find(|(a, b)| a.trim_end() != *b);
    assert_eq!(
        differs, None,
        "docs/workflow.md is out of date; `cargo xtask docs` writes it anew"
    );
    assert_eq!(
        page.lines().count(),
        kept.lines().count(),
        "docs/workflow.md is cut off"
    );
}
