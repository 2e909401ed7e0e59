//! A repository that wants its code to run. Nothing of it does; each trap is shown to work when git is used
//! naively.

use crate::support::{Sandbox, branch, file};
use countersign_git::GitTrees;
use countersign_ports::trees::Trees;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Every hook that git knows.
const HOOKS: [&str; 16] = [
    "post-checkout",
    "reference-transaction",
    "pre-receive",
    "update",
    "post-update",
    "post-receive",
    "pre-commit",
    "post-commit",
    "pre-push",
    "post-index-change",
    "fsmonitor-watchman",
    "push-to-checkout",
    "pre-auto-gc",
    "post-rewrite",
    "proc-receive",
    "post-merge",
];

struct Trap {
    sandbox: Sandbox,
    markers: PathBuf,
}

impl Trap {
    fn set() -> Self {
        let sandbox = Sandbox::with(
            &[
                file("a", "one\ntwo\n"),
                file(".gitattributes", "* filter=evil diff=evil merge=evil\n"),
                file(
                    ".gitmodules",
                    "[submodule \"s\"]\n\tpath = s\n\turl = ext::touch% MARK\n",
                ),
            ]
            .into_iter()
            .collect(),
        );
        let markers = sandbox.dir.path().join("markers");
        fs::create_dir(&markers).expect("a folder");
        let trap = Self { sandbox, markers };
        for hook in HOOKS {
            trap.script(&trap.sandbox.repo.join(".git/hooks").join(hook), hook);
        }
        let evil = trap.sandbox.dir.path().join("evil");
        trap.script(&evil, "command");
        let command = evil.display().to_string();
        for key in [
            "core.fsmonitor",
            "uploadpack.packObjectsHook",
            "filter.evil.clean",
            "filter.evil.smudge",
            "filter.evil.process",
            "diff.evil.command",
            "diff.evil.textconv",
            "diff.external",
            "merge.evil.driver",
            "core.sshCommand",
            "core.alternateRefsCommand",
            "core.pager",
            "credential.helper",
            "gpg.program",
        ] {
            trap.sandbox.git(["config", key, &command]);
        }
        for alias in ["fetch", "init", "upload-pack"] {
            trap.sandbox
                .git(["config", &format!("alias.{alias}"), &format!("!{command}")]);
        }
        trap.clear();
        trap
    }

    fn script(&self, path: &Path, name: &str) {
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(
            path,
            format!("#!/bin/sh\ntouch '{}/{name}'\ncat\n", self.markers.display()),
        )
        .expect("written");
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("executable");
    }

    fn clear(&self) {
        for marker in fs::read_dir(&self.markers).expect("a folder").flatten() {
            fs::remove_file(marker.path()).expect("removed");
        }
    }

    fn sprung(&self) -> Vec<String> {
        let names = fs::read_dir(&self.markers).expect("a folder").flatten();
        let mut names: Vec<String> = names
            .map(|e| e.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

#[test]
fn the_traps_do_work_when_git_is_used_naively() {
    let trap = Trap::set();
    let _status = trap.sandbox.git_bytes(["status"], b"");
    assert!(
        trap.sprung().contains(&"command".to_owned()),
        "fsmonitor or filter: {:?}",
        trap.sprung()
    );
    trap.clear();
    let _branch = trap.sandbox.git_bytes(["branch", "naive"], b"");
    assert!(
        trap.sprung().contains(&"reference-transaction".to_owned()),
        "{:?}",
        trap.sprung()
    );
    trap.clear();
    let clone = trap.sandbox.dir.path().join("clone");
    let url = trap.sandbox.repo.display().to_string();
    let _clone = trap
        .sandbox
        .git_bytes(["clone", "--quiet", &url, &clone.display().to_string()], b"");
    trap.clear();
    let mut push = trap.sandbox.command(&clone);
    let _pushed = push
        .args([
            "-c",
            "core.hooksPath=/dev/null",
            "push",
            "--quiet",
            "origin",
            "HEAD:refs/heads/p",
        ])
        .output();
    let sprung = trap.sprung();
    assert!(
        sprung.contains(&"update".to_owned()) && sprung.contains(&"pre-receive".to_owned()),
        "{sprung:?}"
    );
}

#[test]
fn nothing_of_a_repository_runs_while_it_is_read() {
    let trap = Trap::set();
    let trees = GitTrees::new(trap.sandbox.mirrors());
    let source = trap.sandbox.source();
    fs::write(trap.sandbox.repo.join("a"), "ONE\ntwo\n").expect("a write");
    trees.probe(&trap.sandbox.repo).expect("probed");
    trees.heads(&source).expect("heads");
    let base = trees.pin(&source, &branch("main")).expect("pinned").commit;
    trees.snapshot(&source, &base).expect("files");
    let diff = "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n";
    let applied = trees
        .apply(&source, &base, diff.as_bytes())
        .expect("answers")
        .expect("applies");
    trees
        .base_standing(&source, &branch("main"), &base, &applied.canonical)
        .expect("standing");
    trees.read_branch(&source, &branch("main")).expect("read");
    assert_eq!(trap.sprung(), Vec::<String>::new());
}

#[test]
fn a_moved_and_merged_branch_runs_nothing_either() {
    let trap = Trap::set();
    let trees = GitTrees::new(trap.sandbox.mirrors());
    let source = trap.sandbox.source();
    let base = trees.pin(&source, &branch("main")).expect("pinned").commit;
    let diff = "--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n";
    let applied = trees
        .apply(&source, &base, diff.as_bytes())
        .expect("answers")
        .expect("applies");
    let attributes = file(".gitattributes", "* filter=evil diff=evil merge=evil\n");
    trap.sandbox.commit(
        "main",
        &[file("a", "zero\none\ntwo\n"), attributes].into_iter().collect(),
    );
    trap.clear();
    trees
        .base_standing(&source, &branch("main"), &base, &applied.canonical)
        .expect("standing");
    assert_eq!(trap.sprung(), Vec::<String>::new());
}

#[test]
fn a_repository_hidden_inside_the_git_folder_is_not_taken_for_it() {
    let sandbox = Sandbox::with(&[file("a", "real\n")].into_iter().collect());
    sandbox.git_in(&sandbox.git_dir(), ["init", "--quiet", "--bare", ".git"]);
    let inner = sandbox.git_dir().join(".git");
    let tree = sandbox.tree(&[file("a", "fake\n")].into_iter().collect());
    let fake = sandbox.git(["commit-tree", &tree, "-m", "fake"]);
    sandbox.git([
        "push",
        "--quiet",
        &inner.display().to_string(),
        &format!("{fake}:refs/heads/main"),
    ]);
    let pinned = GitTrees::new(sandbox.mirrors())
        .pin(&sandbox.source(), &branch("main"))
        .expect("pinned");
    assert_eq!(pinned.commit.as_str(), sandbox.git(["rev-parse", "main"]));
}

#[test]
fn reading_changes_nothing_in_the_source() {
    let sandbox = Sandbox::with(&[file("a", "one\n")].into_iter().collect());
    let before = sandbox.everything();
    let trees = GitTrees::new(sandbox.mirrors());
    trees.probe(&sandbox.repo).expect("probed");
    trees.pin(&sandbox.source(), &branch("main")).expect("pinned");
    trees.heads(&sandbox.source()).expect("heads");
    assert_eq!(before, sandbox.everything());
}

#[test]
fn every_test_that_the_page_on_git_safety_names_exists() {
    let crate_folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(crate_folder.join("../../docs/git-safety.md")).expect("the page");
    let mut named = 0;
    for words in page
        .lines()
        .filter(|l| l.starts_with("| "))
        .filter_map(|l| l.rsplit('|').nth(1))
    {
        for (room, name) in words.split('`').filter_map(|w| w.split_once("::")) {
            let places = [
                format!("tests/it/{room}.rs"),
                format!("src/{room}.rs"),
                format!("src/{room}/tests.rs"),
            ];
            let texts = places
                .iter()
                .filter_map(|p| fs::read_to_string(crate_folder.join(p)).ok());
            let found = texts
                .into_iter()
                .any(|text| text.contains(&format!("fn {name}()")));
            assert!(found, "{room}::{name}");
            named += 1;
        }
    }
    assert!(named > 40, "control: the page names tests ({named})");
}
