//! Three hundred seeds of everything that can go wrong, and the same seed twice.

use countersign_core::question::QuestionKind;
use countersign_core::workflow::Event;
use countersign_core::workflow::event::Subject;
use countersign_testkit::faults::Fault;
use countersign_testkit::{Report, simulate};
use std::collections::BTreeMap;
use std::process::Command;

/// Seeds of the suite; `cargo xtask simulate` runs any number.
const SEEDS: u64 = 300;

/// Every core takes its share.
fn all() -> Vec<Report> {
    let threads = std::thread::available_parallelism().map_or(2, |n| n.get() as u64);
    let share = |of: u64| (1..=SEEDS).filter(move |seed| seed % threads == of);
    std::thread::scope(|scope| {
        let run = |of| scope.spawn(move || share(of).map(|seed| simulate(seed).unwrap()).collect());
        let running: Vec<_> = (0..threads).map(run).collect();
        running
            .into_iter()
            .flat_map(|t| -> Vec<Report> { t.join().unwrap() })
            .collect()
    })
}

/// What says which sources these are.
const WHICH: [&str; 5] = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"];

fn commit() -> String {
    let said = Command::new("git").args(WHICH).output();
    let said = said.ok().filter(|out| out.status.success());
    said.map_or_else(
        || "an unknown commit".to_owned(),
        |out| String::from_utf8_lossy(&out.stdout).trim().to_owned(),
    )
}

/// How often a person was asked for more budget.
fn asked_for_budget(report: &Report) -> usize {
    let streams = report
        .evidence
        .tenants
        .iter()
        .flat_map(|kept| kept.streams.values());
    let asks = |event: &Event| {
        if let Event::RequestOpened { request, .. } = event
            && let Subject::Question { question, .. } = &request.subject
        {
            question.kind == QuestionKind::BudgetSpent
        } else {
            false
        }
    };
    streams.flatten().filter(|record| asks(&record.event)).count()
}

/// INV-1, INV-4, INV-6, INV-7, INV-10, INV-12: judged after every storm and at the end of every workflow.
#[test]
fn three_hundred_storms_leave_everything_in_order() {
    let reports = all();
    let mut ended = BTreeMap::<&str, usize>::new();
    let mut faults = BTreeMap::<Fault, usize>::new();
    for report in &reports {
        for (state, count) in &report.ended {
            *ended.entry(state).or_default() += count;
        }
        for (fault, count) in &report.faults {
            *faults.entry(*fault).or_default() += count;
        }
    }
    let asked: usize = reports.iter().map(asked_for_budget).sum();
    println!("{asked} times a budget was spent");
    println!("{} seeds: {ended:?}, {faults:?}", reports.len());
    let failed: Vec<_> = reports.iter().filter(|r| !r.findings.is_empty()).collect();
    for report in &failed {
        println!("seed {}: {:#?}", report.seed, report.findings);
    }
    let seeds: Vec<u64> = failed.iter().map(|r| r.seed).collect();
    assert!(
        seeds.is_empty(),
        "these seeds failed at {}: {seeds:?}; replay one with: cargo xtask simulate --seed {}",
        commit(),
        seeds[0]
    );
    // A storm in which something can't happen proves nothing about it.
    let missing: Vec<Fault> = Fault::ALL
        .into_iter()
        .filter(|fault| !faults.contains_key(fault))
        .collect();
    assert!(missing.is_empty(), "never happened: {missing:?}");
    assert!(asked > 0, "no storm spends a budget");
    for state in ["Done", "Cancelled", "Failed"] {
        assert!(
            ended.contains_key(state),
            "no workflow ended as {state}: {ended:?}"
        );
    }
}

#[test]
fn the_same_seed_tells_the_same_story() {
    for seed in [5, 11, 17] {
        let (once, again) = (simulate(seed).unwrap(), simulate(seed).unwrap());
        assert!(once.trace.len() > 30, "something happened: {}", once.trace.len());
        assert_eq!(once.trace, again.trace, "seed {seed}");
        assert_eq!(once.findings, again.findings);
    }
}

#[test]
fn other_seeds_tell_other_stories() {
    assert_ne!(simulate(3).unwrap().trace, simulate(4).unwrap().trace);
}
