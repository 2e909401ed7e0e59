//! The workshop: what developers and CI run, in Rust and with the standard library only.
//!
//! Each command is a file of its own: [`demo`], [`checks`] (`test`, `lint`), [`simulate`], [`docs`], [`bench`]. None of it
//! is a part of the product, and nothing may depend on it.

mod bench;
mod checks;
mod command;
mod demo;
mod docs;
mod scratch;
mod simulate;
mod tools;

use std::process::ExitCode;

/// What a command ends with: nothing, or a line for people.
type Outcome = Result<(), String>;

/// Exit code for words that are not understood, as `countersign` has it.
const USAGE: u8 = 64;

const HELP: &str = "\
What developers and CI run. Usage: cargo xtask COMMAND

  demo                 two throwaway repositories, one issue for both, and the decision is yours
  demo --auto          the same without you: runs to the end, exports the evidence and verifies it
  demo [--auto] --keep leaves the folder and says where
  test                 all that CI runs: format, lints, tests, docs, the demonstration
  lint                 format and lints only
  simulate --seeds N   that many storms over the whole engine, from seed 1 or from --from S
  simulate --seed S    one of them, with its whole story
  docs                 writes anew what docs/ has out of the code
  docs openapi         only docs/openapi.json
  docs --check         says whether they are up to date
  bench workflows      workflows through all durable states beside single commits; --count N, --workers N
  bench ingest         a server that 32 clients submit to, beside single commits; --count N, --clients N
  bench ledger         a log of a million entries beside a chain of hashes; --entries N
  bench secrets        the scanner for secrets beside every expression by itself
  help                 this text

Examples:
  cargo xtask demo
  cargo xtask demo --auto --keep
  cargo xtask docs && git diff docs
";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Some(Ok(())) => ExitCode::SUCCESS,
        Some(Err(message)) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
        None => {
            eprint!("xtask: `{}` is not understood\n\n{HELP}", words.join(" "));
            ExitCode::from(USAGE)
        }
    }
}

/// Runs a command; `None` when the words are none.
fn run(words: &[&str]) -> Option<Outcome> {
    let (command, flags) = words.split_first().unwrap_or((&"help", &[]));
    let known = |allowed: &[&str]| flags.iter().all(|flag| allowed.contains(flag));
    match *command {
        "demo" if known(&["--auto", "--keep"]) => {
            let (auto, keep) = (flags.contains(&"--auto"), flags.contains(&"--keep"));
            let scope = command::Scope::Binary;
            Some(demo::run(demo::Options { auto, keep, scope }))
        }
        "test" if known(&[]) => Some(checks::test()),
        "lint" if known(&[]) => Some(checks::lint()),
        "docs" if flags == ["openapi"] => Some(docs::write_openapi()),
        "docs" if known(&["--check"]) => Some(match flags.is_empty() {
            true => docs::write(),
            false => docs::check(),
        }),
        "simulate" => simulate::Seeds::read(flags).map(simulate::simulate),
        "bench" => bench::bench(flags),
        "help" | "--help" | "-h" if known(&[]) => {
            print!("{HELP}");
            Some(Ok(()))
        }
        _ => None,
    }
}
