//! A repository's own rules, written in Rego, over the facts of one change.
//!
//! Every file is a package with a set `violations`; what is in the set becomes findings. Facts come in as JSON and
//! nothing else does: no files, no network, no environment, no clock, no randomness. What can't be evaluated, within
//! the time or into the expected form, is an error and never an empty answer.
//!
//! Nothing here bounds memory, or the time that reading takes: one built-in function can ask for more than there is,
//! which ends a process, and deep nesting keeps the parser busy without end. Whoever runs rules of others does it in a
//! process of its own, with [`answer`], and ends that.

mod clock;
mod found;
mod refused;
mod request;

pub use request::{Answer, Request, answer};

use countersign_core::path::RepoPath;
use countersign_core::policy::{Finding, NoAnswer, OWN_RULE_MAX_BYTES, RuleText};
use refused::{in_words, too_long};
use regorus::utils::limits::{ExecutionTimerConfig, PolicyLengthConfig};
use regorus::{Engine, Value};
use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroUsize};
use std::time::Duration;

/// How long all rules of one commit may take together.
pub const TIME_LIMIT: Duration = Duration::from_secs(2);
/// After how many steps of the evaluation the time is looked at.
const STEPS_BETWEEN_LOOKS: u32 = 64;
/// Longest line of a file, in columns.
const COLUMNS_MAX: u32 = 1024;
/// Most lines of a file.
const LINES_MAX: usize = 5_000;
/// Room for the evaluation's nesting, in bytes; it is reserved and not used.
const STACK_BYTES: usize = 64 << 20;
/// The first part of packages that only hold helpers for others.
const HELPERS: &str = "data.lib";

/// What the rules find in a change, whose facts are JSON. Blocks, for [`TIME_LIMIT`] and a little more.
///
/// # Errors
/// When a file is not Rego, an evaluation fails or takes too long, or what it gives has another form.
pub fn judge(rules: &[RuleText], facts: &str) -> Result<Vec<Finding>, NoAnswer> {
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new()
            .name("own-rules".to_owned())
            .stack_size(STACK_BYTES)
            .spawn_scoped(scope, || evaluate(rules, facts));
        let failed = |why: &str| NoAnswer::of_all("own-rules-failed", why);
        let worker = worker.map_err(|e| failed(&format!("they could not be started: {e}")))?;
        worker
            .join()
            .unwrap_or_else(|_| Err(failed("the evaluation ended in an internal error")))
    })
}

fn evaluate(rules: &[RuleText], facts: &str) -> Result<Vec<Finding>, NoAnswer> {
    let began = clock::start();
    let mut engine = Engine::new();
    engine.set_strict_builtin_errors(true);
    engine.set_policy_length_config(PolicyLengthConfig {
        max_col: NonZeroU32::new(COLUMNS_MAX).expect("because the limit is not zero"),
        max_file_bytes: NonZeroUsize::new(OWN_RULE_MAX_BYTES).expect("because the limit is not zero"),
        max_lines: NonZeroUsize::new(LINES_MAX).expect("because the limit is not zero"),
    });
    // What a `print` says goes nowhere: it may be a line of the change.
    engine.set_gather_prints(true);
    let mut packages: BTreeMap<String, RepoPath> = BTreeMap::new();
    for file in rules {
        let added = engine.add_policy(file.path.to_text(), file.text.clone());
        let package = added.map_err(|e| in_words("own-rules-not-rego", &e, &file.path))?;
        packages.entry(package).or_insert_with(|| file.path.clone());
    }
    let input = engine.set_input_json(facts);
    input.map_err(|_| NoAnswer::of_all("own-rules-failed", "the facts of the change can't be read"))?;
    let mut found = Vec::new();
    for (package, path) in packages {
        if package == HELPERS || package.starts_with(&format!("{HELPERS}.")) {
            continue;
        }
        let left = TIME_LIMIT.checked_sub(clock::since(began));
        let left = left.ok_or_else(|| too_long(&path))?;
        let value = ask(&mut engine, &package, &path, left)?;
        found.extend(found::findings(&package, &path, &value)?);
    }
    Ok(found)
}

fn ask(engine: &mut Engine, package: &str, path: &RepoPath, left: Duration) -> Result<Value, NoAnswer> {
    engine.set_execution_timer_config(ExecutionTimerConfig {
        limit: left,
        check_interval: NonZeroU32::new(STEPS_BETWEEN_LOOKS).expect("because the number is not zero"),
    });
    engine
        .eval_rule(format!("{package}.violations"))
        .map_err(|e| in_words("own-rules-failed", &e, path))
}
