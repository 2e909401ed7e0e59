//! Objects that git would not make. Each is refused with a clear code; each control shows that plain git takes it.

use crate::raw::{Entry, Raw};
use crate::support::{Files, Sandbox, branch, file};
use countersign_core::id::CommitSha;
use countersign_git::GitTrees;
use countersign_ports::trees::Trees;
use gix::ObjectId;
use gix::objs::Kind;
use std::fs;

#[test]
fn trees_that_git_would_not_write_are_refused() {
    let raw = Raw::new();
    let blob = raw.write(Kind::Blob, b"x\n");
    let link = raw.write(Kind::Blob, b"target");
    let below = raw.tree(&[("100644", b"f", blob)]);
    let one = |mode: &'static str, name: &'static [u8], id: ObjectId| vec![(mode, name, id)];
    let cases: Vec<(&str, Vec<Entry<'_>>)> = vec![
        (
            "a name twice",
            vec![("100644", b"a", blob), ("100644", b"a", link)],
        ),
        (
            "file and folder of one name",
            vec![("100644", b"a", blob), ("40000", b"a", below)],
        ),
        ("unsorted", vec![("100644", b"b", blob), ("100644", b"a", blob)]),
        (".git", one("40000", b".git", below)),
        (".GIT", one("40000", b".GIT", below)),
        (
            ".git with an invisible character",
            one("40000", b".g\xe2\x80\x8cit", below),
        ),
        ("git~1", one("40000", b"git~1", below)),
        ("..", one("40000", b"..", below)),
        (".", one("40000", b".", below)),
        ("a slash in a name", one("100644", b"a/b", blob)),
        ("a padded mode", one("0100644", b"a", blob)),
        (".gitmodules as a link", one("120000", b".gitmodules", link)),
    ];
    for (name, entries) in cases {
        let commit = raw.main_is(raw.tree(&entries));
        assert!(raw.plain_fetch_works(), "control: plain git takes {name}");
        assert_eq!(raw.pin_code(), "source-damaged", "{name}");
        let commit = CommitSha::parse(&commit.to_string()).expect("an id");
        let unpinned = raw.trees().snapshot(&raw.sandbox.source(), &commit);
        assert_eq!(unpinned.expect_err("not there").code(), "not-pinned", "{name}");
    }
}

#[test]
fn commits_that_hide_something_are_refused() {
    let raw = Raw::new();
    let blob = raw.write(Kind::Blob, b"x\n");
    let tree = raw.tree(&[("100644", b"f", blob)]);
    let nul = raw.write(Kind::Commit, Raw::commit_text(tree, "seen\0unseen").as_bytes());
    raw.point_main(nul);
    let shown = raw.sandbox.git(["log", "-1", "--format=%B", "main"]);
    assert_eq!(shown, "seen", "control: git shows the message up to the NUL");
    assert!(raw.plain_fetch_works(), "control");
    assert_eq!(raw.pin_code(), "source-damaged");
    let two_trees = Raw::commit_text(tree, "x").replacen("author", &format!("tree {tree}\nauthor"), 1);
    raw.point_main(raw.write(Kind::Commit, two_trees.as_bytes()));
    assert!(matches!(raw.pin_code(), "source-damaged" | "bad-commit"));
}

#[test]
fn other_content_under_an_id_is_never_shown() {
    let raw = Raw::new();
    let (honest, evil) = (
        raw.write(Kind::Blob, b"honest\n"),
        raw.write(Kind::Blob, b"evil\n"),
    );
    let put = |at: ObjectId, from: ObjectId| {
        let (at, from) = (raw.store.object_path(&at), raw.store.object_path(&from));
        let _absent = fs::remove_file(&at);
        fs::copy(from, at).expect("copied");
    };
    let tree = raw.tree(&[("100644", b"f", honest)]);
    let commit = raw.main_is(tree);
    put(honest, evil);
    assert_eq!(
        raw.sandbox.git(["cat-file", "-p", "main:f"]),
        "evil",
        "control: git shows it"
    );
    assert_eq!(raw.pin_code(), "source-damaged");

    let other = raw.write(
        Kind::Commit,
        Raw::commit_text(raw.tree(&[("100644", b"f", evil)]), "x").as_bytes(),
    );
    put(commit, other);
    let shown = raw.sandbox.git(["cat-file", "commit", "main"]);
    assert!(
        !shown.contains(&tree.to_string()),
        "control: git shows the other commit: {shown}"
    );
    let read = raw.trees().read_branch(&raw.sandbox.source(), &branch("main"));
    assert_eq!(read.expect_err("noticed").code(), "wrong-content");
    assert_eq!(raw.pin_code(), "wrong-content");
}

#[test]
fn an_honest_repository_passes_all_of_this() {
    let files: Files = [file("a", "one\n"), file("d/e/f", "two\n")].into_iter().collect();
    let sandbox = Sandbox::with(&files);
    let trees = GitTrees::new(sandbox.mirrors());
    let base = trees
        .pin(&sandbox.source(), &branch("main"))
        .expect("pinned")
        .commit;
    assert_eq!(trees.snapshot(&sandbox.source(), &base).expect("files").len(), 2);
}
