//! Figures about strict application over the history of any repository; the repository is only read.
//!
//! `cargo run --release -p countersign-git --example history -- REPO [--commits 1000] [--distortions 4000] [--seed 1]`
//! With `generated` for REPO it makes one with every kind of change, out of the seed.
//!
//! 1. The diffs of the newest first-parent non-merge commits, applied to their parents: how many give git's own tree.
//! 2. Distortions of them: how many give the right tree, a refusal, or (never) a wrong one.
//! 3. Patches per second, and the same for `git apply --cached` on a temporary index, over the same commits.

#[path = "../tests/it/figures/mod.rs"]
mod figures;

use countersign_core::id::CommitSha;
use countersign_git::Workbench;
use figures::generated;
use figures::run::{distorted, identical, originals};
use figures::source::{Change, History, feed, git};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// How git is asked for the diffs.
const FORM: [&str; 4] = ["--full-index", "-M", "-C", "-U3"];
/// Commits on which `git apply` is measured; it is slow.
const MEASURED: usize = 200;

struct Options {
    repository: PathBuf,
    commits: usize,
    distortions: u64,
    seed: u64,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let options = options()?;
    let scratch = tempfile::tempdir()?;
    let git_dir = match options.repository.join(".git") {
        _ if options.repository == Path::new("generated") => {
            generated::repository(scratch.path(), options.seed, options.commits)
        }
        inner if inner.is_dir() => inner,
        _ => options.repository.clone(),
    };
    let bench = Workbench::open(&git_dir)?;
    let mut history = History::open(&git_dir);
    let changes = history.changes("HEAD", options.commits, &FORM);
    println!("repository        {}", options.repository.display());
    let mut clean = report_identical(&bench, &changes);
    let all = originals(&mut history, &changes);
    if options.distortions > 0 && !all.is_empty() {
        let counts = distorted(&bench, &all, options.seed..options.seed + options.distortions);
        println!("distorted         {} of {} changes", counts.all(), all.len());
        println!("  right tree      {}", counts.right);
        println!("  refused         {} {:?}", counts.refused, counts.codes);
        println!("  twin            {} {:?}", counts.twin, counts.twins_by_kind);
        println!("  part of a cut   {}", counts.part);
        println!("  line ends told  {}", counts.line_ends);
        println!("  WRONG           {}", counts.wrong.len());
        for why in &counts.wrong {
            println!("{why}\n=====");
        }
        clean &= counts.wrong.is_empty();
    }
    report_speed(&git_dir, &bench, &changes)?;
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let mut options = Options {
        repository: words.next().ok_or("say which repository")?.into(),
        commits: 1_000,
        distortions: 4_000,
        seed: 1,
    };
    while let Some(word) = words.next() {
        let value = words.next().ok_or("a number is missing")?;
        match word.as_str() {
            "--commits" => options.commits = value.parse()?,
            "--distortions" => options.distortions = value.parse()?,
            "--seed" => options.seed = value.parse()?,
            other => return Err(format!("`{other}` is not understood").into()),
        }
    }
    Ok(options)
}

fn report_identical(bench: &Workbench, changes: &[Change]) -> bool {
    let counts = identical(bench, changes);
    let refused: usize = counts.refused.values().sum();
    let judged = counts.same + refused + counts.wrong.len();
    println!(
        "commits           {} (with a diff: {})",
        changes.len(),
        judged + counts.binary + counts.submodule
    );
    println!("  identical tree  {} of {judged}", counts.same);
    println!("  refused         {refused} {:?}", counts.refused);
    println!(
        "  apart           {} binary, {} submodule",
        counts.binary, counts.submodule
    );
    println!("  WRONG           {} {:?}", counts.wrong.len(), counts.wrong);
    counts.wrong.is_empty()
}

/// Both sides get the tree before and the diff, and must give the tree after.
fn report_speed(git_dir: &Path, bench: &Workbench, changes: &[Change]) -> Result<(), Box<dyn Error>> {
    let step = changes.len().div_ceil(MEASURED).max(1);
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path();
    let [mut tree_only, mut ours, mut apply, mut whole] = [Duration::ZERO; 4];
    let mut measured = 0_u32;
    for change in changes.iter().step_by(step) {
        let base = bench.tree_of(&CommitSha::parse(&change.parent)?)?;
        let fresh = bench.fresh();
        let start = Instant::now();
        let outcome = fresh.apply(&base, &change.patch)?;
        let took = start.elapsed();
        let fresh = bench.fresh();
        let start = Instant::now();
        let _the_same_tree = fresh.tree_after(&base, &change.patch)?;
        let took_for_tree = start.elapsed();
        let Ok(applied) = outcome else { continue };
        let start = Instant::now();
        let index = |args: &[&str], input: &[u8]| {
            let mut command = git(git_dir);
            command.env("GIT_INDEX_FILE", folder.join("index"));
            command.env("GIT_OBJECT_DIRECTORY", folder.join("objects"));
            command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", git_dir.join("objects"));
            command.args(args);
            feed(command, input)
        };
        std::fs::create_dir_all(folder.join("objects"))?;
        index(&["read-tree", base.as_str()], b"")?;
        let start_apply = Instant::now();
        index(&["apply", "--cached", "--whitespace=nowarn", "-"], &change.patch)?;
        apply += start_apply.elapsed();
        let tree = index(&["write-tree"], b"")?;
        whole += start.elapsed();
        if String::from_utf8_lossy(&tree).trim() != applied.diff.result_tree.as_str() {
            return Err(format!("git and we differ on {}", change.commit).into());
        }
        ours += took;
        tree_only += took_for_tree;
        measured += 1;
    }
    let rate = |took: Duration| f64::from(measured) / took.as_secs_f64();
    println!("speed             over {measured} commits, patches per second");
    println!("  read, applied   {:.0}", rate(tree_only));
    println!(
        "  and proven      {:.0} (canonical diff, applied again)",
        rate(ours)
    );
    let times = |theirs| {
        format!(
            "{:.0} and {:.0} times slower",
            rate(tree_only) / theirs,
            rate(ours) / theirs
        )
    };
    println!("  git apply       {:.1} ({})", rate(apply), times(rate(apply)));
    println!("  with its index  {:.1} ({})", rate(whole), times(rate(whole)));
    Ok(())
}
