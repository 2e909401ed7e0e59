//! The disk is full, or read-only, from some write on, anywhere in a whole flow over two repositories. What runs then says so
//! and ends; once there is room again, going on comes to the same end.

use crate::killed::{RUN, ends_well, go_on, several_at_once};
use crate::support::World;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// `ENOSPC` and `EROFS`, as Linux numbers them (asm-generic/errno-base.h).
const ERRORS: [(&str, i32); 2] = [("full", 28), ("read-only", 30)];
/// Writes at which it is tried, spread over all of them; every single one where this variable is set.
const TRIED: usize = 14;
const ALL: &str = "COUNTERSIGN_TEST_EVERY_WRITE";

#[test]
fn a_disk_that_is_full_or_read_only_from_any_write_on_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let preloaded = preloaded(folder.path());
    let world = World::new();
    let disk = Disk::new(&world, &preloaded, 0, 0);
    let ran = disk.run(&world);
    assert!(ran.status.success(), "{ran:?}");
    ends_well(&world, "undisturbed");
    let writes = disk.writes();
    assert!(writes > 500, "they are not counted: {writes}");

    let step = if std::env::var_os(ALL).is_some() {
        1
    } else {
        writes / TRIED
    };
    let cases: Vec<(usize, &str, i32)> = (1..=writes)
        .step_by(step)
        .flat_map(|at| ERRORS.map(|(name, error)| (at, name, error)))
        .collect();
    several_at_once(&cases, |(at, name, error)| {
        tried(
            &preloaded,
            *at,
            *error,
            &format!("{name} from write {at} of {writes} on"),
        );
    });
}

fn tried(preloaded: &Path, at: usize, error: i32, when: &str) {
    let world = World::new();
    let ran = Disk::new(&world, preloaded, at, error).run(&world);
    let said = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.signal(), None, "{when}: {said}");
    assert!(!said.contains("panicked"), "{when}: {said}");
    if !ran.status.success() {
        assert!(
            said.contains('✗') && said.contains('['),
            "{when}: it ended without a word\n{said}"
        );
    }
    go_on(&world).exits_with(when);
    ends_well(&world, when);
}

/// A disk of a world's own.
struct Disk<'p> {
    preloaded: &'p Path,
    count: PathBuf,
    fails_at: usize,
    error: i32,
}

impl<'p> Disk<'p> {
    fn new(world: &World, preloaded: &'p Path, fails_at: usize, error: i32) -> Self {
        let count = world.path("writes");
        std::fs::write(&count, [0; 8]).unwrap();
        Self {
            preloaded,
            count,
            fails_at,
            error,
        }
    }

    fn run(&self, world: &World) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        world.surroundings(&mut command);
        command
            .args(RUN)
            .env("LD_PRELOAD", self.preloaded)
            .env("DISK_COUNT", &self.count)
            .env("DISK_FAILS_AT", self.fails_at.to_string())
            .env("DISK_ERRNO", self.error.to_string())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn writes(&self) -> usize {
        let bytes = std::fs::read(&self.count).unwrap();
        usize::from_ne_bytes(bytes.try_into().unwrap())
    }
}

fn preloaded(folder: &Path) -> PathBuf {
    let library = folder.join("disk.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/disk.c");
    let built = Command::new("cc")
        .args(["-shared", "-fPIC", "-O1", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    library
}
