//! `bench`: what is measured, each beside the obvious alternative in one run. Never a part of the tests.

use crate::Outcome;
use crate::command::{cargo, run};

/// A bench: its name here, its package, its name there, and the flags that take a number.
type Bench = (&'static str, &'static str, &'static str, &'static [&'static str]);

const BENCHES: [Bench; 4] = [
    (
        "workflows",
        "countersign-engine",
        "workflows",
        &["--count", "--workers"],
    ),
    ("ledger", "countersign-ledger", "log", &["--entries"]),
    ("ingest", "countersign", "ingest", &["--count", "--clients"]),
    ("secrets", "countersign-scan", "throughput", &[]),
];

/// Reads `NAME [--flag N]...` and runs it; `None` when the words are none.
pub(crate) fn bench(words: &[&str]) -> Option<Outcome> {
    let (name, flags) = words.split_first()?;
    let (_, package, bench, known) = BENCHES.iter().find(|(own, ..)| own == name)?;
    let number = |flag: &[&str]| matches!(flag, [name, n] if known.contains(name) && n.parse::<u64>().is_ok_and(|n| n > 0));
    if !flags.chunks(2).all(number) {
        return None;
    }
    let mut command = cargo(&["bench", "--quiet", "--package", package, "--bench", bench, "--"]);
    Some(run(command.args(flags)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_bench_and_no_number_is_not_understood() {
        for words in [
            &[][..],
            &["speed"],
            &["workflows", "--count"],
            &["workflows", "--count", "0"],
            &["workflows", "--entries", "1"],
            &["secrets", "--count", "1"],
        ] {
            assert!(bench(words).is_none(), "{words:?}");
        }
    }
}
