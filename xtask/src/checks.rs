//! `test` and `lint`: all that CI runs, in order, with timings; the first failure ends it.

use crate::command::{Scope, cargo, run};
use crate::{Outcome, demo, docs, tools};
use std::time::Instant;

struct Step {
    name: &'static str,
    /// What helps when it fails.
    hint: &'static str,
    run: fn() -> Outcome,
}

const TOOLS: Step = Step {
    name: "tools",
    hint: "install what is missing",
    run: || {
        let mut needed = vec![
            tools::GIT,
            tools::CC,
            tools::SCRIPT,
            tools::SETSID,
            tools::BWRAP,
            tools::PERL,
        ];
        // The same word by which the tests are told to leave them out.
        let left_out = std::env::var_os("COUNTERSIGN_TESTS_WITHOUT_OTHERS");
        if left_out.is_none_or(|value| value != "1") {
            needed.extend([tools::PYTHON, tools::GO, tools::GO_MOD, tools::NODE, tools::NPM]);
        }
        tools::need(&needed)
    },
};
const FORMAT: Step = Step {
    name: "format",
    hint: "`cargo fmt --all` formats it",
    run: || run(&mut cargo(&["fmt", "--all", "--check"])),
};
const LINTS: Step = Step {
    name: "lints",
    hint: "`cargo xtask lint` runs this step alone",
    run: || {
        run(&mut cargo(&[
            "clippy",
            "--workspace",
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ]))
    },
};
const DOCS: Step = Step {
    name: "docs",
    hint: "`cargo xtask docs` writes them anew",
    run: docs::check,
};
const TESTS: Step = Step {
    name: "tests",
    hint: "`cargo test --workspace` runs this step alone",
    run: || run(&mut cargo(&["test", "--workspace"])),
};
const DEMO: Step = Step {
    name: "demo",
    hint: "`cargo xtask demo --auto --keep` leaves its folder to look at",
    run: || {
        demo::run(demo::Options {
            auto: true,
            keep: false,
            scope: Scope::Workspace,
        })
    },
};

/// Everything.
pub(crate) fn test() -> Outcome {
    // Docs and demonstration use what the tests have built.
    all(&[TOOLS, FORMAT, LINTS, TESTS, DOCS, DEMO])
}

/// What needs no run of the product.
pub(crate) fn lint() -> Outcome {
    all(&[FORMAT, LINTS])
}

fn all(steps: &[Step]) -> Outcome {
    let mut passed: Vec<String> = Vec::new();
    for step in steps {
        println!("\n== {} ==", step.name);
        let began = Instant::now();
        let outcome = (step.run)();
        let seconds = began.elapsed().as_secs_f32();
        if let Err(message) = outcome {
            let count = passed.len();
            summary(&passed);
            println!("  {:<8} {seconds:>7.1} s  failed", step.name);
            println!("{count} passed, 1 failed");
            return Err(format!("step `{}` failed: {message}; {}", step.name, step.hint));
        }
        passed.push(format!("  {:<8} {seconds:>7.1} s  passed", step.name));
    }
    summary(&passed);
    println!("{} passed, 0 failed", passed.len());
    Ok(())
}

fn summary(lines: &[String]) {
    println!("\nSteps:");
    for line in lines {
        println!("{line}");
    }
}
