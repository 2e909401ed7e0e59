//! `simulate FROM COUNT`: runs these seeds and prints what is wrong; `simulate FROM 1 trace` prints the whole story.

use countersign_testkit::faults::Fault;
use countersign_testkit::simulate;
use std::collections::BTreeMap;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words.get(at).and_then(|w| w.parse::<u64>().ok());
    let (Some(from), Some(count)) = (number(0), number(1)) else {
        eprintln!("simulate FROM COUNT [trace]");
        return ExitCode::from(64);
    };
    let traces = words.get(2).is_some_and(|w| w == "trace");
    let (mut ended, mut failed) = (BTreeMap::<&str, usize>::new(), Vec::new());
    let mut faults = BTreeMap::<Fault, usize>::new();
    for seed in from..from.saturating_add(count) {
        match simulate(seed) {
            Err(error) => {
                eprintln!("seed {seed}: {error}");
                return ExitCode::FAILURE;
            }
            Ok(report) => {
                if traces {
                    report.trace.iter().for_each(|line| println!("{line}"));
                }
                report
                    .findings
                    .iter()
                    .for_each(|finding| println!("seed {seed}: {finding}"));
                if !report.findings.is_empty() {
                    failed.push(seed);
                }
                for (fault, count) in report.faults {
                    *faults.entry(fault).or_default() += count;
                }
                for (state, count) in report.ended {
                    *ended.entry(state).or_default() += count;
                }
            }
        }
    }
    println!(
        "{count} seeds from {from}: {} failed {failed:?}; workflows {ended:?}; faults {}",
        failed.len(),
        faults.values().sum::<usize>()
    );
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
