//! `demo`: two real repositories, one issue that touches both, and the whole way to approved branches.
//!
//! Read `history` for what the repositories hold; the rest is `countersign` itself.

mod auto;
mod history;
mod repository;

use crate::command::{Scope, build, shown};
use crate::scratch::Scratch;
use crate::{Outcome, tools};
use history::{ISSUE, REPOSITORIES};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// How the demonstration goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// Nobody is asked.
    pub(crate) auto: bool,
    /// The folder stays.
    pub(crate) keep: bool,
    /// What is built along with the program.
    pub(crate) scope: Scope,
}

/// The whole demonstration.
pub(crate) fn run(options: Options) -> Outcome {
    tools::need(&[tools::GIT, tools::CC])?;
    println!("Building countersign …");
    let began = Instant::now();
    let [binary] = build(options.scope, ["countersign"])?;
    println!("Built in {:.1} s.", began.elapsed().as_secs_f32());
    let began = Instant::now();
    let mut scratch = Scratch::new("countersign-demo")?;
    if options.keep {
        scratch.keep();
    }
    let stage = Stage::set(&binary, scratch.path())?;
    let outcome = match options.auto {
        true => auto::run(&stage),
        false => interactive(&stage),
    };
    if options.auto && outcome.is_ok() {
        println!(
            "\nThe demonstration took {:.1} s after the build.",
            began.elapsed().as_secs_f32()
        );
    }
    if options.keep {
        println!("Everything is kept in {}", scratch.path().display());
    }
    outcome
}

/// Where it plays.
struct Stage {
    binary: PathBuf,
    folder: PathBuf,
}

impl Stage {
    fn set(binary: &Path, folder: &Path) -> Result<Self, String> {
        let stage = Self {
            binary: binary.to_owned(),
            folder: folder.to_owned(),
        };
        for history in &REPOSITORIES {
            repository::create(&stage.repository(history.name), history)?;
        }
        fs::write(stage.issue(), ISSUE).map_err(|e| format!("the issue can't be written: {e}"))?;
        Ok(stage)
    }

    fn repository(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.git"))
    }

    /// Cargo's target folder: the binary lies in its profile's.
    fn target(&self) -> PathBuf {
        let above = self.binary.parent().and_then(Path::parent);
        above.unwrap_or(Path::new(".")).to_owned()
    }

    fn issue(&self) -> PathBuf {
        self.folder.join("issue.md")
    }

    /// `countersign` on the throwaway data folder.
    fn countersign(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command
            .current_dir(&self.folder)
            .arg("--data")
            .arg(self.folder.join("data"))
            .args(words);
        command
    }

    /// The one command of the demonstration.
    fn run_issue(&self, more: &[&str]) -> Command {
        let [library, service] = REPOSITORIES.each_ref().map(|h| format!("{}.git", h.name));
        let service = format!("{service}:secondary");
        let words = [
            "run", "--repo", &library, "--repo", &service, "--issue", "issue.md",
        ];
        self.countersign(&[words.as_slice(), more].concat())
    }
}

fn interactive(stage: &Stage) -> Outcome {
    let names = REPOSITORIES.each_ref().map(|h| h.name).join(" and ");
    println!(
        "\n{names} are fresh bare repositories; the issue is xtask/demo/issue.md. You are asked at the end.\n"
    );
    let mut command = stage.run_issue(&[]);
    let status = command
        .status()
        .map_err(|e| format!("countersign can't be started: {e}"))?;
    match status.code() {
        Some(0) => show_branches(stage),
        // A person may leave, reject or cancel: the demonstration has done its part.
        Some(3 | 4) => {
            println!("\nYou left it there, and nothing was written. `cargo xtask demo` begins anew.");
            Ok(())
        }
        _ => Err(format!("`{}` ended with {status}", shown(&command))),
    }
}

/// Shows that git itself knows the new branches.
fn show_branches(stage: &Stage) -> Outcome {
    println!();
    for history in &REPOSITORIES {
        let found = auto::written(stage, history.name)?;
        println!("{}.git has {}: {}", history.name, found.name, found.size);
    }
    Ok(())
}
