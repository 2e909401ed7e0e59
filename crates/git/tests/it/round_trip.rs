//! Diffs of the real `git diff` come out as the tree they were made from, and so does the canonical diff,
//! through our applier and through `git apply --cached`.

use crate::support::{Content, Files, Sandbox, branch, entry, file, numbered};
use countersign_core::diff::{ChangeKind, FileChange};
use countersign_git::GitTrees;
use countersign_ports::trees::{Applied, Trees};

/// Applies git's diff between two states and checks every promise about the outcome.
pub(crate) fn round_trip(before: &Files, after: &Files) -> Applied {
    let sandbox = Sandbox::with(before);
    let base = sandbox.git(["rev-parse", "main"]);
    let wanted = sandbox.commit("wanted", after);
    let diff = sandbox.diff(&base, wanted.as_str());
    let wanted_tree = sandbox.git(["rev-parse", "wanted^{tree}"]);
    let trees = GitTrees::new(sandbox.mirrors());
    let pinned = trees.pin(&sandbox.source(), &branch("main")).expect("pinned");
    let shown = String::from_utf8_lossy(&diff).into_owned();
    let applied = trees
        .apply(&sandbox.source(), &pinned.commit, &diff)
        .expect("git answers")
        .unwrap_or_else(|refusal| panic!("{refusal:?}\n{shown}"));
    assert_eq!(applied.diff.result_tree.as_str(), wanted_tree, "{shown}");
    let canonical = String::from_utf8_lossy(&applied.canonical).into_owned();
    let by_git = sandbox
        .git_apply(&base, &applied.canonical)
        .unwrap_or_else(|e| panic!("{e}\n{canonical}"));
    assert_eq!(by_git, wanted_tree, "{canonical}");
    let again = trees
        .apply(&sandbox.source(), &pinned.commit, &applied.canonical)
        .expect("git answers");
    assert_eq!(
        again.expect("it applies"),
        applied,
        "canonical form is a fixed point"
    );
    applied
}

pub(crate) fn files<const N: usize>(entries: [(Vec<u8>, Content); N]) -> Files {
    entries.into_iter().collect()
}

pub(crate) fn kinds(applied: &Applied) -> Vec<String> {
    let kind = |f: &FileChange| match &f.change {
        ChangeKind::Added { new } => format!("A {}", new.path),
        ChangeKind::Deleted { old } => format!("D {}", old.path),
        ChangeKind::Modified { new, .. } => format!("M {}", new.path),
        ChangeKind::Renamed { old, new } => format!("R {} {}", old.path, new.path),
    };
    applied.diff.files.iter().map(kind).collect()
}

#[test]
fn edits_at_start_middle_and_end() {
    let before = files([file("a", &numbered(1, 60)), file("keep", "k\n")]);
    let text = numbered(1, 60)
        .replace("line 1\n", "first\n")
        .replace("line 30\n", "")
        .replace("line 60\n", "end\nmore\n");
    let applied = round_trip(&before, &files([file("a", &text), file("keep", "k\n")]));
    assert_eq!((applied.diff.added(), applied.diff.removed()), (3, 3));
    assert_eq!(applied.contents.len(), 1);
    assert!(applied.warnings.is_empty());
}

#[test]
fn new_deleted_and_empty_files_and_folders() {
    let before = files([
        file("d/e/gone", "x\ny\n"),
        file("empty-gone", ""),
        file("stay", "s\n"),
    ]);
    let after = files([
        file("n/m/new", "hello\n"),
        file("empty-new", ""),
        file("stay", "s\n"),
    ]);
    let applied = round_trip(&before, &after);
    assert_eq!(
        kinds(&applied),
        ["D d/e/gone", "D empty-gone", "A empty-new", "A n/m/new"]
    );
}

#[test]
fn missing_final_newlines() {
    for (old, new) in [
        ("a\nb", "a\nb\n"),
        ("a\nb\n", "a\nb"),
        ("a\nb", "a\nc"),
        ("a", ""),
        ("", "a"),
        ("a\nb", "c\nb"),
    ] {
        round_trip(
            &files([file("x", old), file("k", "")]),
            &files([file("x", new), file("k", "")]),
        );
    }
}

#[test]
fn crlf_and_mixed_line_ends_and_control_bytes() {
    let before = files([
        file("dos", "a\r\nb\r\nc\r\n"),
        file("mixed", "a\r\nb\nc\r\n"),
        file("lone", "a\rb\nc\n"),
    ]);
    let after = files([
        file("dos", "a\r\nB\r\nc\r\n"),
        file("mixed", "a\r\nB\nc\r\n"),
        file("lone", "a\rb\nC\x1b[2J\n"),
    ]);
    round_trip(&before, &after);
}

#[test]
fn modes_and_links() {
    let long = numbered(1, 20);
    let before = files([
        file("x", "x\n"),
        entry(b"run", "100755", long.as_bytes()),
        entry(b"ln", "120000", b"x"),
    ]);
    let after = files([
        entry(b"x", "100755", b"x\n"),
        entry(b"run", "100644", long.replace("line 7", "LINE 7").as_bytes()),
        entry(b"ln", "120000", b"run"),
        entry(b"ln2", "120000", b"../x"),
    ]);
    let applied = round_trip(&before, &after);
    assert_eq!(applied.diff.files[0].symlink_target.as_deref(), Some("run"));
    assert_eq!(kinds(&applied), ["M ln", "A ln2", "M run", "M x"]);
    assert!(
        !applied.contents.keys().any(|p| p.to_text().starts_with("ln")),
        "links have no content to read"
    );
}

#[test]
fn a_file_turns_into_a_link_and_back() {
    let before = files([file("a", "text\n"), entry(b"b", "120000", b"a"), file("k", "")]);
    let after = files([entry(b"a", "120000", b"k"), file("b", "text\n"), file("k", "")]);
    assert_eq!(kinds(&round_trip(&before, &after)), ["M a", "M b"]);
}

#[test]
fn renames_with_and_without_edits_and_modes() {
    let text = numbered(1, 40);
    let before = files([
        file("a", &text),
        file("b", &text.replace("line", "row")),
        file("c/d", "alone\n"),
    ]);
    let after = files([
        file("z/a", &text),
        entry(
            b"y b",
            "100755",
            text.replace("line", "row")
                .replace("row 9\n", "nine\n")
                .as_bytes(),
        ),
        file("c/e", "alone\n"),
    ]);
    let applied = round_trip(&before, &after);
    assert_eq!(kinds(&applied), ["R c/d c/e", "R b y b", "R a z/a"]);
    let text = String::from_utf8_lossy(&applied.canonical).into_owned();
    assert!(
        text.contains("similarity index 100%\nrename from a\nrename to z/a\n"),
        "{text}"
    );
}

#[test]
fn copies_become_new_files() {
    let text = numbered(1, 30);
    let before = files([file("a", &text)]);
    let after = files([
        file("a", &text.replace("line 1\n", "one\n")),
        file("b", &text),
        file("c", &text.replace("line 2\n", "")),
    ]);
    assert_eq!(kinds(&round_trip(&before, &after)), ["M a", "A b", "A c"]);
}

#[test]
fn a_file_takes_the_place_of_a_renamed_one() {
    let (one, two) = (numbered(1, 30), numbered(100, 130));
    let before = files([file("a", &one), file("b", &two), file("k", "")]);
    let after = files([file("b", &one), file("c", &two), file("k", "")]);
    let sandbox = Sandbox::with(&before);
    let trees = GitTrees::new(sandbox.mirrors());
    let base = trees
        .pin(&sandbox.source(), &branch("main"))
        .expect("pinned")
        .commit;
    let chain =
        "diff --git a/a b/b\nrename from a\nrename to b\ndiff --git a/b b/c\nrename from b\nrename to c\n";
    let applied = trees
        .apply(&sandbox.source(), &base, chain.as_bytes())
        .expect("git answers")
        .expect("applies");
    assert_eq!(applied.diff.result_tree.as_str(), sandbox.tree(&after));
    let swap = "rename from a\nrename to b\n--- a/a\n+++ b/b\n@@ -1,3 +1,3 @@\n-line 1\n+LINE 1\n line 2\n line 3\n\
                diff --git a/b b/a\nrename from b\nrename to a\n";
    let applied = trees
        .apply(&sandbox.source(), &base, swap.as_bytes())
        .expect("git answers")
        .expect("applies");
    let swapped = files([
        file("a", &two),
        file("b", &one.replace("line 1\n", "LINE 1\n")),
        file("k", ""),
    ]);
    assert_eq!(applied.diff.result_tree.as_str(), sandbox.tree(&swapped));
}

#[test]
fn unusual_paths() {
    let paths: [&[u8]; 8] = [
        "ä/ö".as_bytes(),
        b"latin-\xe9",
        b"with space",
        b"quote\"d",
        b"-dash",
        b"a b/c d",
        b"tail ",
        "日本".as_bytes(),
    ];
    let before: Files = paths.iter().map(|p| entry(p, "100644", b"one\ntwo\n")).collect();
    let mut after: Files = paths.iter().map(|p| entry(p, "100644", b"one\n2\n")).collect();
    after.insert("neu–é".as_bytes().to_vec(), ("100644", b"n\n".to_vec()));
    round_trip(&before, &after);
}

#[test]
fn content_that_looks_like_a_diff() {
    let before = files([file(
        "p",
        "-- a/x\n++ b/x\n@@ -1 +1 @@\ndiff --git a/x b/x\n\\ No newline\n```\n-- \n\n",
    )]);
    let after = files([
        file("p", "++ b/x\n-- a/y\n@@ -1 +1 @@\n\n\n-- \n```\n"),
        file("q.patch", "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"),
    ]);
    round_trip(&before, &after);
    round_trip(&after, &before);
}

#[test]
fn binary_files_may_move_but_not_change() {
    let before = files([entry(b"bin", "100644", b"a\0b\n"), file("k", "")]);
    let applied = round_trip(
        &before,
        &files([entry(b"moved", "100644", b"a\0b\n"), file("k", "")]),
    );
    assert!(applied.diff.files[0].binary);
    assert_eq!(kinds(&applied), ["R bin moved"]);
}

#[test]
fn facts_hold_sizes_and_a_hash_of_the_canonical_diff() {
    let applied = round_trip(&files([file("a", "1\n2\n")]), &files([file("a", "1\n22\n3\n")]));
    let change = &applied.diff.files[0];
    let sizes = (
        change.old().expect("before").size,
        change.new_side().expect("after").size,
    );
    assert_eq!(
        (sizes, change.added, change.removed, change.binary),
        ((4, 7), 2, 1, false)
    );
    assert_eq!(
        applied.diff.diff_hash,
        countersign_core::digest::DiffHash::of_bytes(&applied.canonical)
    );
}

#[test]
fn the_canonical_diff_reads_like_git_s() {
    let before = files([file("a", &numbered(1, 9)), file("b", "b\n")]);
    let after = files([
        file("a", &numbered(1, 9).replace("line 5\n", "five\n")),
        entry(b"b", "100755", b"b\n"),
    ]);
    let applied = round_trip(&before, &after);
    let want = "diff --git a/a b/a\n\
        index 98de2cf6a8d18e0b95d0a1ec0a4e0c3e7d5f4c00..";
    let text = String::from_utf8_lossy(&applied.canonical).into_owned();
    assert_eq!(text.lines().next(), want.lines().next());
    let tail = "--- a/a\n+++ b/a\n@@ -2,7 +2,7 @@\n line 2\n line 3\n line 4\n-line 5\n+five\n line 6\n line 7\n line 8\n\
        diff --git a/b b/b\nold mode 100644\nnew mode 100755\n";
    assert!(text.ends_with(tail), "{text}");
}

#[test]
fn what_is_too_much_to_compare_is_shown_as_deleted_and_new() {
    let large = "a line of a large file\n".repeat(120_000);
    let before = files([file("large", &large), file("same", &numbered(1, 30))]);
    let after = |others: u32| -> Files {
        let small = (0..others).map(|i| file(&format!("n/{i:03}"), &format!("{i}\n")));
        let moved = [
            file("large2", &(large.clone() + "and one more\n")),
            file("same2", &numbered(1, 30)),
        ];
        small.chain(moved).collect()
    };
    let found = |others| -> Vec<String> {
        let kinds = kinds(&round_trip(&before, &after(others)));
        kinds.into_iter().filter(|k| !k.contains(" n/")).collect()
    };
    assert_eq!(found(10), ["R large large2", "R same same2"]);
    assert_eq!(found(100), ["D large", "A large2", "R same same2"]);
}
