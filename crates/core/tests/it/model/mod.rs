//! The model check: stateright walks every way through the production `decide` and the production write gate, with
//! two repositories, two approvers, two workers, and a world that loses, doubles, delays, crashes and lets time pass.
//!
//! [`machine`] is the model, [`world`] its state, [`steps`] what happens, [`people`] what is said, [`oracle`] the
//! judge beside it, [`faults`] what it must find. [`merging`] is a second model, of what comes after CI. `found/` holds the shortest way to each seeded fault; the engine's
//! tests walk these ways on the real store, where they end harmlessly.

mod faults;
mod key;
mod machine;
mod merging;
mod oracle;
mod people;
mod steps;
mod world;

use faults::Fault;
use machine::{AGAINST, HEAD, INV_1, INV_2, INV_7, INV_8, INV_10, Machine, QUEUED};
use stateright::{Checker, HasDiscoveries, Model as _};
use std::collections::BTreeMap;
use std::sync::Mutex;
use world::Bounds;

/// Cores of the machine that this has to end on within a minute.
const THREADS: usize = 2;

/// How far one walk goes; two revisions and one act in the inbox, unless somebody says otherwise.
const fn up_to(odd: u8, against: u8, jumps: u8) -> Bounds {
    Bounds {
        odd,
        against,
        jumps,
        restores: false,
        revisions: 2,
        inbox: 1,
    }
}

/// Walks every way within the bounds, says how many there were, and fails on the first that breaks a property.
fn walk(bounds: Bounds) {
    let machine = Machine::new(bounds, Fault::None);
    let checker = machine.checker().threads(THREADS).spawn_bfs().join();
    println!(
        "{bounds:?}: {} different worlds in {} steps, longest way {}, {} decisions",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        checker.model().decisions()
    );
    require_all(&checker);
}

/// Every property holds on every way, and every aim is reached on one.
fn require_all<M: stateright::Model>(checker: &impl Checker<M>)
where
    M::Action: ToString,
    M::State: Clone + std::hash::Hash + std::fmt::Debug + PartialEq,
    M::Action: std::fmt::Debug + Clone + PartialEq,
{
    for property in checker.model().properties() {
        let found = checker.discovery(property.name).map(|path| {
            let steps: Vec<String> = path.into_actions().iter().map(ToString::to_string).collect();
            steps.join("\n")
        });
        match (property.expectation.discovery_is_failure(), found) {
            (true, Some(way)) => panic!("{} does not hold:\n{way}", property.name),
            (false, None) => panic!("no way leads to: {}", property.name),
            (true, None) | (false, Some(_)) => {}
        }
    }
}

#[test]
fn every_way_keeps_the_invariants_with_an_oddity_and_an_objection() {
    walk(up_to(1, 1, 0));
}

/// INV-1, INV-2, INV-7, INV-8, INV-10: with the three walks beside it.
#[test]
fn every_way_keeps_the_invariants_with_an_objection_and_time_that_jumps() {
    walk(up_to(0, 1, 1));
}

#[test]
fn every_way_keeps_the_invariants_with_an_oddity_and_time_that_jumps() {
    walk(up_to(1, 0, 1));
}

#[test]
fn every_way_keeps_the_invariants_with_two_oddities() {
    walk(up_to(2, 0, 0));
}

/// INV-7: also when an older state comes back into the world.
#[test]
fn every_way_keeps_the_invariants_when_a_backup_is_restored() {
    walk(Bounds {
        restores: true,
        ..up_to(0, 0, 0)
    });
}

/// By hand: `cargo test -p countersign-core --test it model::the_larger -- --ignored --nocapture`.
#[test]
#[ignore = "takes an hour and some gigabytes"]
fn the_larger_bounds() {
    walk(up_to(3, 0, 0));
    walk(up_to(2, 1, 0));
    walk(Bounds {
        inbox: 2,
        ..up_to(1, 1, 0)
    });
    walk(up_to(1, 1, 1));
}

/// The shortest way to what a fault breaks, one step per line.
fn shortest_way<M>(
    machine: M,
    fault: impl std::fmt::Debug,
    bounds: impl std::fmt::Debug,
    property: &'static str,
) -> String
where
    M: stateright::Model + Send + Sync + 'static,
    M::State: std::hash::Hash + Clone + std::fmt::Debug + PartialEq + Send + Sync,
    M::Action: std::fmt::Display + std::fmt::Debug + Clone + PartialEq + Send + Sync,
{
    let finish = HasDiscoveries::AnyOf([property].into());
    let checker = machine.checker().finish_when(finish).spawn_bfs().join();
    let Some(path) = checker.discovery(property) else {
        panic!("{fault:?} is not found within {bounds:?}: `{property}` holds everywhere")
    };
    let steps = path.into_actions().into_iter().map(|step| format!("{step}\n"));
    format!("# {fault:?} breaks: {property}\n{}", steps.collect::<String>())
}

/// Where each property broke first. The checker keeps the last way that it meets; the first is the shortest.
struct Broken<W>(Mutex<BTreeMap<&'static str, W>>);

impl<W> Default for Broken<W> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<W: Clone + PartialEq> Broken<W> {
    /// Whether a property holds, or broke somewhere else before.
    fn holds(&self, property: &'static str, s: &W, holds: bool) -> bool {
        holds
            || *self
                .0
                .lock()
                .unwrap()
                .entry(property)
                .or_insert_with(|| s.clone())
                != *s
    }
}

fn shortest(fault: Fault, bounds: Bounds, property: &'static str) -> String {
    shortest_way(Machine::new(bounds, fault), fault, bounds, property)
}

/// A test for each seeded fault: its shortest way is the one that is kept.
macro_rules! found {
    ($shortest:ident by $fault_of:ident: $($test:ident: $fault:ident $(within $bounds:expr)?, breaks $property:ident;)*) => {$(
        #[test]
        fn $test() {
            let way = $shortest($fault_of::$fault, $($bounds,)? $property);
            let kept = include_str!(concat!("found/", stringify!($test), ".txt"));
            assert_eq!(way, kept, "the shortest way is another one now: keep it in found/{}.txt", stringify!($test));
        }
    )*

        /// Every fault that is seeded has its test.
        #[test]
        fn every_seeded_fault_is_looked_for() {
            let looked_for = [$($fault_of::$fault),*];
            let missing: Vec<_> = $fault_of::SEEDED.into_iter().filter(|f| !looked_for.contains(f)).collect();
            assert!(missing.is_empty(), "nobody looks for {missing:?}");
        }
    };
}
use found;

found! {
    shortest by Fault:
    approvals_counted_across_revisions_are_found:
        ApprovalsCountAcrossRevisions within up_to(0, 1, 0), breaks INV_1;
    a_superseded_digest_that_is_written_is_found:
        SupersededDigestIsWritten within up_to(0, 2, 0), breaks HEAD;
    a_requester_who_approves_their_own_is_found:
        RequesterApprovesOwn within up_to(1, 0, 0), breaks INV_1;
    a_write_without_an_idempotency_key_is_found:
        NoIdempotencyKey within up_to(1, 0, 0), breaks INV_7;
    an_objection_overtaken_by_the_effect_is_found:
        ObjectionIsOvertaken within up_to(0, 1, 0), breaks AGAINST;
    an_approval_used_up_without_effect_is_found:
        ApprovalUsedUpWithoutEffect within up_to(0, 0, 0), breaks QUEUED;
    an_expiry_between_two_repositories_is_found:
        ExpiryBetweenRepositories within up_to(0, 0, 1), breaks INV_1;
    a_permit_that_never_ends_is_found:
        PermitWithoutEnd within up_to(0, 1, 1), breaks INV_7;
    a_look_that_nobody_made_is_found:
        MissingLookIsAPass within up_to(1, 0, 0), breaks INV_8;
    words_of_an_agent_that_approve_are_found:
        WordsOfAnAgentApprove within up_to(0, 1, 0), breaks INV_2;
    a_question_asked_twice_is_found:
        AsksTwice within up_to(0, 1, 0), breaks INV_10;
}
