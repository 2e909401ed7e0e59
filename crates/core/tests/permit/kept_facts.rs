//! Facts can't be copied to be used again later.
use countersign_core::permit::FreshFacts;

fn keep(facts: &FreshFacts) -> FreshFacts {
    facts.clone()
}

fn main() {}
