//! The demonstration without a person: decided unattended, exported, verified, and compared with what git says.

use super::Stage;
use super::history::REPOSITORIES;
use super::repository::BRANCH;
use crate::Outcome;
use crate::command::{self, capture, git};
use std::collections::BTreeSet;
use std::process::Command;

/// The folder for in-toto's verifier.
const PROOF: &str = "proof";
/// Where the tests install that verifier, below the target folder.
const VERIFIER: &str = "tmp/others/in-toto/environment/bin/in-toto-verify";

/// A branch that Countersign wrote.
pub(super) struct Written {
    /// Its name.
    pub(super) name: String,
    /// How much it changes, in git's words.
    pub(super) size: String,
    /// Its diff, in git's words.
    diff: String,
}

pub(super) fn run(stage: &Stage) -> Outcome {
    chapter("One issue, two repositories, and nobody at the terminal");
    command::run(&mut stage.run_issue(&["--yes"]))?;
    let id = workflow(stage)?;

    chapter("The evidence, as one file that needs no server");
    let export = ["ledger", "export", &id, "-o", "bundle", "--in-toto", PROOF];
    command::run(&mut stage.countersign(&export))?;

    chapter("What the evidence says");
    let story = capture(&mut stage.countersign(&["verify", "bundle"]))?;
    println!("{}", story.trim_end());
    if !story.contains("unattended") {
        return Err("the story does not say `unattended`, although nobody looked".to_owned());
    }

    chapter("What in-toto's own verifier says");
    in_toto(stage)?;

    chapter("What git says");
    let shown = capture(&mut stage.countersign(&["diff", &id]))?;
    for history in &REPOSITORIES {
        let found = written(stage, history.name)?;
        was_shown(&found, &shown)?;
        println!(
            "{}.git has {}:\n  {}, each line as it was shown",
            history.name, found.name, found.size
        );
    }
    Ok(())
}

/// A program that is not ours judges the folder; only the tests install it.
fn in_toto(stage: &Stage) -> Outcome {
    let verifier = stage.target().join(VERIFIER);
    if !verifier.is_file() {
        println!(
            "It is not installed yet, so nothing is shown here: `cargo test -p countersign --test it in_toto` gets it."
        );
        return Ok(());
    }
    let words = ["--layout", "root.layout", "--verification-keys", "ledger.pem"];
    let folder = stage.folder.join(PROOF);
    command::run(Command::new(verifier).current_dir(folder).args(words))?;
    println!("✓ `in-toto-verify {}` accepts the folder", words.join(" "));
    Ok(())
}

fn chapter(title: &str) {
    println!("\n── {title} ──\n");
}

/// The id of the one workflow, out of `list --json`.
fn workflow(stage: &Stage) -> Result<String, String> {
    let listed = capture(&mut stage.countersign(&["list", "--json"]))?;
    let id = listed.split('"').find(|word| word.starts_with("wf_"));
    id.map(str::to_owned)
        .ok_or_else(|| format!("`countersign list --json` names no workflow:\n{listed}"))
}

/// The one branch of ours in a repository: exactly one commit on top of the base.
pub(super) fn written(stage: &Stage, name: &str) -> Result<Written, String> {
    let repository = stage.repository(name);
    let ask = |words: &[&str]| capture(&mut git(&repository, words));
    let found = ask(&[
        "for-each-ref",
        "--format=%(refname:short)",
        "refs/heads/countersign",
    ])?;
    let branches: Vec<&str> = found.lines().collect();
    let [branch] = branches[..] else {
        let count = branches.len();
        return Err(format!(
            "{name}.git should have one branch of Countersign's, and has {count}:\n{found}"
        ));
    };
    let on_top = ask(&["rev-list", "--count", &format!("{BRANCH}..{branch}")])?;
    if on_top.trim() != "1" {
        return Err(format!(
            "{branch} should be one commit on top of {BRANCH}, not {}",
            on_top.trim()
        ));
    }
    let range = format!("{BRANCH}..{branch}");
    Ok(Written {
        name: branch.to_owned(),
        size: ask(&["diff", "--shortstat", &range])?.trim().to_owned(),
        diff: ask(&["diff", "--no-color", "--no-ext-diff", "--no-renames", &range])?,
    })
}

/// Every line that the branch adds or removes was in the diff that people were shown.
fn was_shown(branch: &Written, shown: &str) -> Outcome {
    let lines: BTreeSet<&str> = shown.lines().map(|line| line.trim_start_matches(' ')).collect();
    let is_change = |line: &&str| {
        let header = line.starts_with("+++ ") || line.starts_with("--- ");
        line.starts_with(['+', '-']) && !header
    };
    match branch
        .diff
        .lines()
        .filter(is_change)
        .find(|line| !lines.contains(line))
    {
        Some(line) => Err(format!("{} holds a line that was not shown: {line}", branch.name)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(diff: &str) -> Written {
        Written {
            name: "b".to_owned(),
            size: String::new(),
            diff: diff.to_owned(),
        }
    }

    #[test]
    fn a_line_that_nobody_saw_is_found() {
        let shown = "  --- a/x\n  +++ b/x\n  -old\n  +new\n";
        assert!(was_shown(&branch("--- a/x\n+++ b/x\n-old\n+new\n"), shown).is_ok());
        assert!(was_shown(&branch("-old\n+newer\n"), shown).is_err());
    }
}
