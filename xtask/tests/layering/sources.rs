//! What must not be written where. Sources are compared as text, without their comments.

use crate::{assert_none, root};
use std::fs;
use std::path::{Path, PathBuf};

/// What pure code must not name, and what to do instead. `clippy.toml` says the same to editors.
const IMPURE: [(&str, &str); 8] = [
    ("HashMap", "its order would leak into digests: use BTreeMap"),
    ("HashSet", "its order would leak into digests: use BTreeSet"),
    ("std::fs", "take bytes as an argument"),
    ("std::env", "take the value as an argument"),
    ("std::process", "give an effect to the engine"),
    ("std::net", "give an effect to the engine"),
    ("SystemTime", "take a `Timestamp` as an argument"),
    ("Instant::now", "take a `Timestamp` as an argument"),
];

#[test]
fn the_pure_rooms_name_nothing_that_acts() {
    let mut findings = Vec::new();
    for file in ["core", "ledger", "audit", "scan", "inspect"]
        .iter()
        .flat_map(|room| rust_files(&format!("crates/{room}/src")))
    {
        for (number, line) in code(&file) {
            for (word, instead) in IMPURE.iter().filter(|(word, _)| line.contains(word)) {
                findings.push(format!(
                    "{}:{number}: `{word}` in a pure crate; {instead}",
                    shown(&file)
                ));
            }
        }
    }
    assert_none(findings);
}

#[test]
fn only_the_store_attests_facts() {
    only(
        "FreshFacts::attest",
        &["crates/store/", "crates/core/src/permit.rs", "crates/core/tests/"],
        "facts are fresh only out of the store's claim transaction; ask it for them",
    );
}

#[test]
fn only_the_store_attests_facts_about_notices() {
    only(
        "NoticeFacts::attest",
        &["crates/store/", "crates/core/src/notice/permit.rs"],
        "a try is recorded before anything is sent; claim the notice from the outbox",
    );
}

#[test]
fn only_the_git_crate_runs_git() {
    only(
        "Command::new(\"git\")",
        // The model of GitHub plays the other side, which has a git of its own.
        &["crates/git/", "crates/testkit/src/github/", "xtask/"],
        "hooks and filters are switched off in one place, crates/git/src/program.rs; ask through `Trees`",
    );
}

#[test]
fn everything_comes_in_by_one_door() {
    only(
        ".insert_input(",
        &["crates/store/", "crates/engine/src/intake.rs"],
        "words are looked at for secrets before they are kept: call `engine::intake::take_in`",
    );
}

/// Product code outside of `allowed` must not hold the words. Tests and benches may: they play people and intruders.
fn only(words: &str, allowed: &[&str], instead: &str) {
    let mut findings = Vec::new();
    for file in rust_files("crates").into_iter().chain(rust_files("xtask/src")) {
        let path = shown(&file);
        if path.contains("/tests/")
            || path.contains("/benches/")
            || allowed.iter().any(|prefix| path.starts_with(prefix))
        {
            continue;
        }
        let hits = code(&file).into_iter().filter(|(_, line)| line.contains(words));
        findings.extend(hits.map(|(number, _)| format!("{path}:{number}: `{words}`; {instead}")));
    }
    assert_none(findings);
}

#[test]
fn every_file_says_what_it_is_for() {
    let mut files = rust_files("xtask/src");
    for room in fs::read_dir(root().join("crates")).expect("crates/ is there") {
        let room = room.expect("a readable folder").path().join("src");
        files.extend(rust_files(&shown(&room)));
    }
    let silent = files.into_iter().filter(|f| !read(f).starts_with("//!"));
    assert_none(
        silent
            .map(|f| {
                format!(
                    "{}: begin with `//!`: what this is for, and what it must never do",
                    shown(&f)
                )
            })
            .collect(),
    );
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).expect("sources are UTF-8")
}

/// Lines with their numbers, without what stands behind `//`.
fn code(file: &Path) -> Vec<(usize, String)> {
    let text = read(file);
    let bare = |line: &str| line.split("//").next().unwrap_or_default().to_owned();
    (1..).zip(text.lines().map(bare)).collect()
}

/// All `.rs` files below a folder of the workspace, sorted.
pub(crate) fn rust_files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join(folder)];
    while let Some(next) = waiting.pop() {
        let Ok(entries) = fs::read_dir(&next) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    assert!(
        !found.is_empty(),
        "{folder} has no .rs files; the test looks in the wrong place"
    );
    found.sort();
    found
}

/// The path as seen from the workspace's folder.
pub(crate) fn shown(file: &Path) -> String {
    file.strip_prefix(root())
        .unwrap_or(file)
        .to_string_lossy()
        .into_owned()
}
