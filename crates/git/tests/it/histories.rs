//! Figures in the suite: git's own diffs of whole histories give git's own trees, and what is distorted gives the
//! right tree or a refusal. `cargo run --release -p countersign-git --example history` does more of it.

use crate::figures::distort::Original;
use crate::figures::generated;
use crate::figures::run::{Distorted, Identical, distorted, identical, originals};
use crate::figures::source::History;
use countersign_git::Workbench;
use std::path::{Path, PathBuf};

/// How git is asked for the diffs of a history.
const FORMS: [&[&str]; 6] = [
    &["--full-index", "-U3"],
    &["--full-index", "-U0", "-M", "-C"],
    &["--full-index", "-U1", "-M", "-C", "--find-copies-harder"],
    &["--abbrev=8", "-U10", "-M"],
    &["--abbrev=8", "-U0"],
    &["--full-index", "-U2", "-M30%", "--patience"],
];
/// Commits of this project's own repository.
const OWN_COMMITS: usize = 300;
/// How much less is done where nothing is optimised.
const LESS: usize = if cfg!(debug_assertions) { 2 } else { 1 };
/// Commits of the generated repository.
const GENERATED_COMMITS: usize = 160 / LESS;
/// Distorted changes.
const DISTORTED: u64 = 4_000 / LESS as u64;

/// This project's own repository, where the sources lie in one.
fn own() -> Option<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2)?;
    let git = top.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    // A work tree of a repository elsewhere: `gitdir: PATH/worktrees/NAME`.
    let text = std::fs::read_to_string(git).ok()?;
    let folder = PathBuf::from(text.strip_prefix("gitdir: ")?.trim());
    Some(folder.ancestors().nth(2)?.to_owned())
}

fn all_identical(counts: &Identical, form: &[&str]) {
    assert_eq!(counts.wrong, Vec::<String>::new(), "{form:?}");
    assert!(counts.refused.is_empty(), "{form:?}: {:?}", counts.refused);
    assert!(counts.same > 0, "{form:?}");
}

fn none_wrong(counts: &Distorted) {
    let shown = counts
        .wrong
        .iter()
        .take(3)
        .cloned()
        .collect::<Vec<_>>()
        .join("\n=====\n");
    assert!(
        counts.wrong.is_empty(),
        "{} of {} wrong\n{shown}",
        counts.wrong.len(),
        counts.all()
    );
    assert!(
        counts.right > counts.all() / 10,
        "the distortions are no test: {counts:?}"
    );
    assert!(
        counts.refused > counts.all() / 10,
        "the distortions are no test: {counts:?}"
    );
}

#[test]
fn this_project_s_own_commits_come_out_as_git_made_them() {
    let Some(git_dir) = own() else { return };
    let history = History::open(&git_dir);
    let bench = Workbench::open(&git_dir).expect("it opens");
    let changes = history.changes("HEAD", OWN_COMMITS, FORMS[1]);
    if changes.is_empty() {
        return;
    }
    all_identical(&identical(&bench, &changes), FORMS[1]);
}

#[test]
fn every_kind_of_change_comes_out_as_git_made_it_in_every_form() {
    let folder = tempfile::tempdir().expect("a folder");
    let git_dir = generated::repository(folder.path(), 1, GENERATED_COMMITS);
    let history = History::open(&git_dir);
    let bench = Workbench::open(&git_dir).expect("it opens");
    for form in FORMS {
        let counts = identical(&bench, &history.changes("main", GENERATED_COMMITS, form));
        all_identical(&counts, form);
        assert!(counts.binary > 0 && counts.submodule > 0, "{form:?}: {counts:?}");
    }
}

#[test]
fn distorted_changes_give_the_right_tree_or_a_refusal() {
    let folder = tempfile::tempdir().expect("a folder");
    let git_dir = generated::repository(folder.path(), 2, GENERATED_COMMITS);
    let mut history = History::open(&git_dir);
    let bench = Workbench::open(&git_dir).expect("it opens");
    let mut all: Vec<Original> = Vec::new();
    for form in [FORMS[0], FORMS[1], FORMS[2]] {
        let changes = history.changes("main", GENERATED_COMMITS, form);
        all.extend(originals(&mut history, &changes));
    }
    all.retain(|o| o.base.values().map(|s| s.bytes.len()).sum::<usize>() < 50_000);
    none_wrong(&distorted(&bench, &all, 0..DISTORTED));
}
