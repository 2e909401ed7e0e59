//! The process is killed, or meets an internal error, before and after every commit, every effect and every change of a ref of a whole flow over
//! two repositories, and started again. The end is always the same.

use crate::support::{Ran, World};
use std::os::unix::process::ExitStatusExt as _;
use std::sync::atomic::{AtomicUsize, Ordering};

pub(crate) const MOMENTS_FILE: &str = "COUNTERSIGN_TEST_MOMENTS";
pub(crate) const DIE_AT: &str = "COUNTERSIGN_TEST_DIE_AT";
const BREAK_AT: &str = "COUNTERSIGN_TEST_BREAK_AT";
/// How many worlds are at it at a time.
const AT_ONCE: usize = 3;

pub(crate) const RUN: [&str; 8] = [
    "run",
    "--repo",
    "tollgate",
    "--repo",
    "larder:secondary",
    "--issue",
    "issue.md",
    "--yes",
];

#[test]
fn killed_at_every_commit_every_effect_and_every_ref_it_comes_to_the_same_end() {
    let moments = moments();
    for kind in [
        "before-commit",
        "after-commit",
        "before-effect",
        "after-effect",
        "before-ref",
        "after-ref",
    ] {
        assert!(moments.iter().any(|m| m == kind), "{kind} is never passed");
    }
    let all: Vec<_> = (1..).zip(&moments).collect();
    several_at_once(&all, |(n, moment)| killed_at(*n, moment));
}

/// Each effect fails once before anything of it is done, and once after all of it is done: then its answer is lost. The same
/// with the change of a ref.
#[test]
fn an_internal_error_around_any_effect_and_any_ref_is_one_try_more() {
    let moments = moments();
    let around: Vec<_> = (1..)
        .zip(&moments)
        .filter(|(_, moment)| !moment.ends_with("-commit"))
        .collect();
    let met = AtomicUsize::new(0);
    several_at_once(&around, |(n, moment)| {
        let when = format!("an internal error at moment {n}, {moment}");
        let world = World::new();
        let mut command = world.command(&RUN);
        let ran = command.env(BREAK_AT, n.to_string()).output().unwrap();
        let ran = crate::support::ran(&ran);
        met.fetch_add(
            usize::from(ran.to_string().contains("internal error")),
            Ordering::SeqCst,
        );
        ran.exits_with(&when);
        ends_well(&world, &when);
    });
    // A run may take a turn less or more than the one that was counted, and then has it elsewhere.
    let met = met.into_inner();
    assert!(met * 2 > around.len(), "{met} of {} met an error", around.len());
}

pub(crate) fn several_at_once<T: Sync>(cases: &[T], tried: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    tried(case);
                }
            });
        }
    });
}

/// The names of all moments of an undisturbed run.
fn moments() -> Vec<String> {
    let world = World::new();
    let mut command = world.command(&RUN);
    let ran = command.env(MOMENTS_FILE, world.path("moments")).output().unwrap();
    crate::support::ran(&ran).exits(0);
    ends_well(&world, "undisturbed");
    let moments = std::fs::read_to_string(world.path("moments")).unwrap();
    moments.lines().map(str::to_owned).collect()
}

fn killed_at(n: usize, moment: &str) {
    let when = format!("killed at moment {n}, {moment}");
    let world = World::new();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_countersign"));
    world.surroundings(&mut command);
    let died = command
        .args(RUN)
        .env(DIE_AT, n.to_string())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    // A run may take a turn less or more than the one that was counted: leases, and whether an input came first.
    if died.status.signal() != Some(9) {
        assert!(died.status.success(), "{when}: {died:?}");
    }
    assert_eq!(alive(&world), Vec::<String>::new(), "{when}: a child lives on");
    go_on(&world).exits_with(&when);
    ends_well(&world, &when);
}

/// What a user would do: look, and resume; or run it again where nothing is there yet.
pub(crate) fn go_on(world: &World) -> Ran {
    let listed = world.run(&["list", "--json"]).exits(0).json();
    match listed["workflows"].as_array().and_then(|all| all.first()) {
        Some(workflow) => world.run(&["resume", workflow["id"].as_str().unwrap(), "--yes"]),
        None => world.run(&RUN),
    }
}

impl Ran {
    #[track_caller]
    pub(crate) fn exits_with(self, when: &str) {
        assert_eq!(self.code, 0, "{when}: {self}");
    }
}

/// One workflow that is done, one branch per repository with the approved change, and a story that verifies.
pub(crate) fn ends_well(world: &World, when: &str) {
    let listed = world.run(&["list", "--json"]).exits(0).json();
    let done: Vec<_> = listed["workflows"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|w| w["state"] == "Done")
        .collect();
    assert_eq!(done.len(), 1, "{when}: {listed}");
    for (name, file, line) in [
        (
            "tollgate",
            "src/lib.rs",
            "pub fn quote_grams(w: u32) -> u32 { w }",
        ),
        ("larder", "price.py", "def price(w):\n    return quote_grams(w)"),
    ] {
        let list = [
            "for-each-ref",
            "--format=%(refname:short)",
            "refs/heads/countersign",
        ];
        let branches = world.git(name, &list);
        assert_eq!(branches.lines().count(), 1, "{when}: {name} has {branches}");
        assert_eq!(
            world.git(name, &["show", &format!("{branches}:{file}")]),
            line,
            "{when}"
        );
        assert_eq!(
            world.git(name, &["rev-list", "--count", &branches]),
            "2",
            "{when}"
        );
    }
    let id = done[0]["id"].as_str().unwrap();
    world
        .run(&["ledger", "export", id, "-o", "story.json"])
        .exits_with(when);
    world.run(&["verify", "story.json"]).exits_with(when);
    std::fs::remove_file(world.path("story.json")).unwrap();
}

/// Command lines of processes that work on this world.
fn alive(world: &World) -> Vec<String> {
    let place = world.root.path().to_string_lossy().into_owned();
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let folder = std::fs::read_link(entry.path().join("cwd")).unwrap_or_default();
        if line.contains(&place) || folder.starts_with(world.root.path()) {
            found.push(line);
        }
    }
    found
}
