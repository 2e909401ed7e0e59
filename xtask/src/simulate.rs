//! `simulate`: any number of seeds through the whole engine in a storm, on every core; a failure says how to replay it.

use crate::Outcome;
use crate::command::{capture, cargo, root, run};
use std::process::Command;
use std::thread;

/// What is to be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seeds {
    /// So many, from the first.
    Many { from: u64, count: u64 },
    /// One, with its whole story.
    One(u64),
}

impl Seeds {
    /// Reads `--seeds N [--from S]` or `--seed S`.
    pub(crate) fn read(words: &[&str]) -> Option<Self> {
        match words {
            ["--seed", seed] => Some(Seeds::One(seed.parse().ok()?)),
            ["--seeds", count] => Some(Seeds::Many {
                from: 1,
                count: count.parse().ok()?,
            }),
            ["--seeds", count, "--from", from] | ["--from", from, "--seeds", count] => Some(Seeds::Many {
                from: from.parse().ok()?,
                count: count.parse().ok()?,
            }),
            _ => None,
        }
    }
}

/// Runs them.
pub(crate) fn simulate(seeds: Seeds) -> Outcome {
    let build = [
        "build",
        "--quiet",
        "--package",
        "countersign-testkit",
        "--example",
        "simulate",
    ];
    run(&mut cargo(&build))?;
    match seeds {
        Seeds::One(seed) => {
            println!("seed {seed} at {}", commit());
            run(program().args([&seed.to_string(), "1", "trace"]))
        }
        Seeds::Many { from, count } => many(from, count),
    }
}

fn program() -> Command {
    let folder = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let mut command = Command::new(folder.join("debug/examples/simulate"));
    // Worker deaths are told by the run itself; a panic in the product is a finding with its own words.
    command.env("RUST_BACKTRACE", "0").current_dir(root());
    command
}

/// Every core takes its share.
fn many(from: u64, count: u64) -> Outcome {
    let cores = thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let share = count.div_ceil(cores).max(1);
    let shares: Vec<(u64, u64)> = (0..cores)
        .map(|core| (from + core * share, share.min(count.saturating_sub(core * share))))
        .filter(|(_, count)| *count > 0)
        .collect();
    let failed: Vec<String> = thread::scope(|scope| {
        let running: Vec<_> = shares
            .iter()
            .map(|(from, count)| {
                scope.spawn(move || run(program().args([from.to_string(), count.to_string()])))
            })
            .collect();
        let ended = running.into_iter().map(|r| {
            r.join()
                .unwrap_or_else(|_| Err("a run of seeds panicked".to_owned()))
        });
        ended.filter_map(Result::err).collect()
    });
    if failed.is_empty() {
        return Ok(());
    }
    Err(format!(
        "some seeds failed at {}; replay one with: cargo xtask simulate --seed N",
        commit()
    ))
}

/// Which sources a seed belongs to: another state of them tells another story.
fn commit() -> String {
    let words = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"];
    let said = capture(Command::new("git").args(words).current_dir(root()));
    said.map_or_else(|_| "an unknown commit".to_owned(), |said| said.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_say_which_seeds() {
        assert_eq!(Seeds::read(&["--seed", "7"]), Some(Seeds::One(7)));
        assert_eq!(
            Seeds::read(&["--seeds", "9"]),
            Some(Seeds::Many { from: 1, count: 9 })
        );
        assert_eq!(
            Seeds::read(&["--seeds", "9", "--from", "5"]),
            Some(Seeds::Many { from: 5, count: 9 })
        );
        assert_eq!(Seeds::read(&["--seeds", "x"]), None);
        assert_eq!(Seeds::read(&[]), None);
    }
}
