//! Figures about strict application over the history of any repository; the repository is only read.
//!
//! `cargo run --release -p countersign-git --example history -- REPO [--commits 1000] [--distortions 4000] [--seed 1]`
//! With `generated` for REPO it makes one with every kind of change, out of the seed.
//!
//! 1. The diffs of the newest first-parent non-merge commits, applied to their parents: how many give git's own tree.
//! 2. Distortions of them: how many give the right tree, a refusal, or (never) a wrong one.
//! 3. Patches per second, and the same for `git apply --cached` on a temporary index, over the same commits: alone, and
//!    with the `read-tree` and `write-tree` without which it gives no tree. Beside them what hashing alone takes.

#[path = "../tests/it/figures/mod.rs"]
mod figures;

use countersign_core::id::CommitSha;
use countersign_git::Workbench;
use figures::generated;
use figures::run::{distorted, identical, originals};
use figures::source::{Change, History, feed, git};
use rustix::time::{ClockId, clock_gettime};
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
    report_speed(&git_dir, &changes)?;
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

/// How long something took: on the clock, and on the processors, which others on the machine disturb less.
#[derive(Default)]
struct Spent {
    clock: Duration,
    processors: Duration,
}

impl Spent {
    fn on<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (start, before) = (Instant::now(), processors());
        let done = work();
        self.clock += start.elapsed();
        self.processors += processors().saturating_sub(before);
        done
    }

    fn report(&self, what: &str, patches: u32, ours: &[&Spent]) {
        let rate = |took: Duration| f64::from(patches) / took.as_secs_f64();
        let times: Vec<String> = ours
            .iter()
            .map(|other| {
                let [clock, processors] = [
                    rate(other.clock) / rate(self.clock),
                    rate(other.processors) / rate(self.processors),
                ];
                format!("  {clock:.0} times slower ({processors:.0})")
            })
            .collect();
        println!(
            "  {what:<30} {:>7.1} ({:.1}){}",
            rate(self.clock),
            rate(self.processors),
            times.concat()
        );
    }
}

/// Processor time of this process, to the nanosecond, and of the children that it waited for (proc_pid_stat(5), fields 16
/// and 17, which count in 10 ms, so only sums mean something; nothing where there is no `/proc`).
///
/// `/proc/self/schedstat` won't do: it leaves out what this process did since the last tick of the clock, which would
/// then be counted for the git that it waits for next.
fn processors() -> Duration {
    let own = clock_gettime(ClockId::ProcessCPUTime);
    let nanoseconds = own.tv_sec * 1_000_000_000 + own.tv_nsec;
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let behind_name = stat.rsplit(')').next().unwrap_or_default();
    let children = behind_name.split_whitespace().skip(13).take(2);
    let ticks: u64 = children.filter_map(|n| n.parse::<u64>().ok()).sum();
    Duration::from_nanos(nanoseconds.unsigned_abs()) + Duration::from_millis(10 * ticks)
}

/// What no way to a tree can do without: the id of a new content, by the same hash that looks for collisions.
fn hash(content: &[u8]) -> Result<(), Box<dyn Error>> {
    let id = gix::objs::compute_hash(gix::hash::Kind::Sha1, gix::objs::Kind::Blob, content)?;
    std::hint::black_box(id);
    Ok(())
}

/// Both sides get the tree before and the diff, and must give the tree after. Ours sees each base once per row, so no row
/// profits from what another has read.
fn report_speed(git_dir: &Path, changes: &[Change]) -> Result<(), Box<dyn Error>> {
    let step = changes.len().div_ceil(MEASURED).max(1);
    let scratch = tempfile::tempdir()?;
    let folder = scratch.path();
    std::fs::create_dir_all(folder.join("objects"))?;
    let [for_trees, for_proofs] = [Workbench::open(git_dir)?, Workbench::open(git_dir)?];
    let [mut trees, mut proofs, mut hashes, mut alone, mut whole] = std::array::from_fn(|_| Spent::default());
    let mut measured = 0_u32;
    for change in changes.iter().step_by(step) {
        let base = for_proofs.tree_of(&CommitSha::parse(&change.parent)?)?;
        for_trees.forget();
        for_proofs.forget();
        let tree = trees.on(|| for_trees.tree_after(&base, &change.patch))?;
        let (Ok(tree), Ok(applied)) = (tree, proofs.on(|| for_proofs.apply(&base, &change.patch))?) else {
            continue;
        };
        hashes.on(|| applied.contents.values().try_for_each(|new| hash(new)))?;
        let index = |args: &[&str], input: &[u8]| {
            let mut command = git(git_dir);
            command.env("GIT_INDEX_FILE", folder.join("index"));
            command.env("GIT_OBJECT_DIRECTORY", folder.join("objects"));
            command.env("GIT_ALTERNATE_OBJECT_DIRECTORIES", git_dir.join("objects"));
            command.args(args);
            feed(command, input)
        };
        let by_git = whole.on(|| {
            index(&["read-tree", base.as_str()], b"")?;
            alone.on(|| index(&["apply", "--cached", "--whitespace=nowarn", "-"], &change.patch))?;
            index(&["write-tree"], b"")
        })?;
        let by_git = String::from_utf8_lossy(&by_git).trim().to_owned();
        if by_git != applied.diff.result_tree.as_str() || by_git != tree.as_str() {
            return Err(format!("git and we differ on {}", change.commit).into());
        }
        measured += 1;
    }
    println!("speed             over {measured} commits, patches per second (per second of processor time)");
    trees.report("read, applied: a tree", measured, &[]);
    proofs.report("and proven by its diff", measured, &[]);
    hashes.report("the new files' ids, alone", measured, &[]);
    alone.report(
        "git apply --cached: an index",
        measured,
        &[&trees, &proofs, &hashes],
    );
    whole.report("git from tree to tree", measured, &[&trees, &proofs]);
    Ok(())
}
