//! Moments at which the process may die: before and after every commit, every effect, and every change of a ref.
//!
//! Each is passed at the one place through which all of its kind go, so that a new commit or effect can't be
//! forgotten. A debug build counts them and dies when it is told to (`countersign/tests/it/killed.rs` does so at each
//! of them); in a release build nothing of this is there.

use std::fmt;

/// A moment at which all that was promised so far is on disk, and what comes next has not begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// A transaction is about to be committed.
    BeforeCommit,
    /// A transaction was committed, and nobody has heard of it.
    AfterCommit,
    /// A claimed effect is about to be performed.
    BeforeEffect,
    /// An effect was performed, and its result is not recorded.
    AfterEffect,
    /// A permit was used up with the ref's lock held; the ref is as it was.
    BeforeRef,
    /// The ref is changed, and nobody has heard of it.
    AfterRef,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Moment::BeforeCommit => "before-commit",
            Moment::AfterCommit => "after-commit",
            Moment::BeforeEffect => "before-effect",
            Moment::AfterEffect => "after-effect",
            Moment::BeforeRef => "before-ref",
            Moment::AfterRef => "after-ref",
        })
    }
}

/// A file to which a debug build adds a line per moment.
pub const MOMENTS_FILE: &str = "COUNTERSIGN_TEST_MOMENTS";
/// At which moment, counted from 1, a debug build kills itself.
pub const DIE_AT: &str = "COUNTERSIGN_TEST_DIE_AT";
/// At which moment, counted from 1, a debug build meets an internal error.
pub const BREAK_AT: &str = "COUNTERSIGN_TEST_BREAK_AT";

/// The process passes this moment.
#[cfg(not(debug_assertions))]
pub fn pass(_: Moment) {}

/// The process passes this moment, or dies at it, as if somebody had sent SIGKILL, or panics.
#[cfg(debug_assertions)]
pub fn pass(moment: Moment) {
    use std::io::Write as _;
    use std::sync::atomic::{AtomicU64, Ordering};
    static PASSED: AtomicU64 = AtomicU64::new(0);
    let passed = PASSED.fetch_add(1, Ordering::SeqCst) + 1;
    if let Some(file) = std::env::var_os(MOMENTS_FILE)
        && let Ok(mut file) = std::fs::OpenOptions::new().append(true).create(true).open(file)
    {
        let _ = writeln!(file, "{moment}");
    }
    let is_at = |name| std::env::var(name).is_ok_and(|at| at == passed.to_string());
    assert!(!is_at(BREAK_AT), "an internal error {moment}, as told");
    if is_at(DIE_AT) {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
        loop {
            std::thread::park();
        }
    }
}
