//! Many commits pinned at once, names of commits, and two commits compared.

use crate::support::{Sandbox, branch, file, numbered};
use countersign_core::diff_view::{Wanted, typed_diff};
use countersign_core::id::{BlobSha, CommitSha, RepositoryId};
use countersign_git::GitTrees;
use countersign_ports::trees::{RepoSource, Trees as _};
use std::fs;

fn history() -> (Sandbox, Vec<CommitSha>) {
    let sandbox = Sandbox::with(&[file("a", "0\n")].into_iter().collect());
    let next = |i: u32| sandbox.commit("main", &[file("a", &format!("{i}\n"))].into_iter().collect());
    let commits = (1..=5).map(next).collect();
    (sandbox, commits)
}

#[test]
fn many_commits_are_pinned_by_one_fetch_and_each_has_its_own_answer() {
    let (sandbox, commits) = history();
    let blob = sandbox.git(["rev-parse", "main:a"]);
    let wrong = ["1".repeat(40), blob].map(|id| CommitSha::parse(&id).expect("an id"));
    let asked = [&commits[..], &wrong, &commits[..1]].concat();
    let before = sandbox.everything();
    let trees = GitTrees::new(sandbox.mirrors());
    let answers = trees.pin_commits(&sandbox.source(), &asked).expect("answers");
    let codes: Vec<&str> = answers
        .iter()
        .map(|a| a.as_ref().map_or_else(|e| e.code(), |_| "pinned"))
        .collect();
    assert_eq!(codes[..5], ["pinned"; 5]);
    assert_eq!(codes[5..], ["commit-missing", "not-a-commit", "pinned"]);
    assert_eq!(sandbox.everything(), before, "the source is only read");
    let mirror = sandbox.mirrors().join("local-1.git");
    let packs = fs::read_dir(mirror.join("objects/pack"))
        .expect("a folder")
        .flatten();
    let packs = packs
        .filter(|e| e.path().extension().is_some_and(|x| x == "pack"))
        .count();
    let loose = sandbox.git_in(&mirror, ["rev-list", "--all", "--count"]);
    assert!(packs <= 1, "one fetch makes one pack");
    assert_eq!(loose, "5", "depth 1 each, all kept by pins");
    for (commit, number) in commits.iter().zip(1..) {
        let content = trees
            .file(&sandbox.source(), commit, &"a".into())
            .expect("a file");
        assert_eq!(content, Some(format!("{number}\n").into_bytes()));
    }
}

#[test]
fn pinning_nothing_or_only_what_is_missing_fetches_nothing() {
    let (sandbox, _) = history();
    let trees = GitTrees::new(sandbox.mirrors());
    assert!(
        trees
            .pin_commits(&sandbox.source(), &[])
            .expect("answers")
            .is_empty()
    );
    let nowhere = CommitSha::parse(&"1".repeat(40)).expect("an id");
    assert!(trees.pin_commits(&sandbox.source(), &[nowhere]).expect("answers")[0].is_err());
    assert!(!sandbox.mirrors().join("local-1.git").exists());
}

#[test]
fn a_damaged_commit_spoils_no_other() {
    let (sandbox, commits) = history();
    let blob = sandbox.git(["rev-parse", &format!("{}:a", commits[2])]);
    let object = sandbox
        .git_dir()
        .join("objects")
        .join(&blob[..2])
        .join(&blob[2..]);
    fs::remove_file(object).expect("a loose object");
    let trees = GitTrees::new(sandbox.mirrors());
    let answers = trees.pin_commits(&sandbox.source(), &commits).expect("answers");
    let good: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(good, [true, true, false, true, true]);
}

#[test]
fn replaced_commits_are_pinned_as_they_are() {
    let (sandbox, commits) = history();
    sandbox.git(["replace", commits[1].as_str(), commits[3].as_str()]);
    let trees = GitTrees::new(sandbox.mirrors());
    let source = sandbox.source();
    for answer in trees.pin_commits(&source, &commits).expect("answers") {
        answer.expect("pinned");
    }
    let content = trees.file(&source, &commits[1], &"a".into()).expect("a file");
    assert_eq!(content, Some(b"2\n".to_vec()));
}

#[test]
fn branches_and_tags_have_names_and_an_unclear_one_is_refused() {
    let (sandbox, commits) = history();
    sandbox.git(["tag", "-a", "v1", "-m", "one", commits[0].as_str()]);
    sandbox.git(["tag", "main", commits[4].as_str()]);
    sandbox.git(["tag", "tree", &format!("{}^{{tree}}", commits[0])]);
    let trees = GitTrees::new(sandbox.mirrors());
    let source = sandbox.source();
    let named = |name: &str| trees.commit_named(&source, &branch(name));
    assert_eq!(named("v1").expect("a tag"), commits[0]);
    assert_eq!(named("main").expect("both are the same"), commits[4]);
    sandbox.git(["tag", "--force", "main", commits[3].as_str()]);
    let code = |name: &str| named(name).expect_err("refused").code();
    assert_eq!(code("main"), "name-ambiguous");
    assert_eq!(code("nope"), "name-missing");
    assert_eq!(code("tree"), "not-a-commit");
}

#[test]
fn two_commits_are_compared_as_git_does() {
    let sandbox = Sandbox::with(
        &[file("kept", "k\n"), file("old/name", &numbered(1, 40))]
            .into_iter()
            .collect(),
    );
    let base = CommitSha::parse(&sandbox.git(["rev-parse", "main"])).expect("an id");
    let moved = numbered(1, 40).replace("line 7\n", "line seven\n");
    let files = [file("kept", "k\n"), file("new name", &moved), file("x", "no end")];
    let result = sandbox.commit("main", &files.into_iter().collect());
    let trees = GitTrees::new(sandbox.mirrors());
    let source = sandbox.source();
    let refused = trees.between(&source, &base, &result).expect_err("not pinned");
    assert_eq!(refused.code(), "not-pinned");
    trees
        .pin_commits(&source, &[base.clone(), result.clone()])
        .expect("pinned");
    let (facts, canonical) = trees.between(&source, &base, &result).expect("a diff");
    let tree = sandbox
        .git_apply(base.as_str(), &canonical)
        .expect("git applies it");
    assert_eq!(tree, facts.result_tree.to_string());
    let none = |_: &BlobSha| None;
    let view = typed_diff(&facts, &canonical, &none, &Wanted::default()).expect("a view");
    assert_eq!((view.files.len(), view.truncated), (2, None));
    assert_eq!(view.files[0].path.text, "new name");
    assert!(view.files[0].similarity.is_some_and(|s| s > 90));
    let (nothing, empty) = trees.between(&source, &base, &base).expect("a diff");
    let view = typed_diff(&nothing, &empty, &none, &Wanted::default()).expect("a view");
    assert!(empty.is_empty() && view.files.is_empty());
}

#[test]
fn a_folder_that_becomes_a_file_is_shown_as_both() {
    let sandbox = Sandbox::with(&[file("thing/inside", "in\n")].into_iter().collect());
    let base = CommitSha::parse(&sandbox.git(["rev-parse", "main"])).expect("an id");
    let result = sandbox.commit("main", &[file("thing", "a file\n")].into_iter().collect());
    let trees = GitTrees::new(sandbox.mirrors());
    let source = sandbox.source();
    trees
        .pin_commits(&source, &[base.clone(), result.clone()])
        .expect("pinned");
    let (facts, canonical) = trees.between(&source, &base, &result).expect("a diff");
    let view = typed_diff(&facts, &canonical, &|_| None, &Wanted::default()).expect("a view");
    let paths: Vec<&str> = view.files.iter().map(|f| f.path.text.as_str()).collect();
    assert_eq!(paths, ["thing", "thing/inside"]);
}

#[test]
fn the_first_parent_is_read_without_having_it() {
    let (sandbox, commits) = history();
    let trees = GitTrees::new(sandbox.mirrors());
    let source = sandbox.source();
    assert_eq!(
        trees
            .first_parent(&source, &commits[1])
            .expect_err("not pinned")
            .code(),
        "not-pinned"
    );
    trees.pin_commit(&source, &commits[1]).expect("pinned");
    let parent = trees.first_parent(&source, &commits[1]).expect("readable");
    assert_eq!(parent.as_ref(), Some(&commits[0]));
    let root = CommitSha::parse(&sandbox.git(["rev-list", "--max-parents=0", "main"])).expect("an id");
    trees.pin_commit(&source, &root).expect("pinned");
    assert_eq!(trees.first_parent(&source, &root).expect("readable"), None);
}

#[test]
fn a_planted_commit_holds_exactly_the_named_files_and_takes_diffs() {
    let folder = tempfile::tempdir().expect("a folder");
    let trees = GitTrees::new(folder.path());
    let source = RepoSource::folder(RepositoryId::local(9), folder.path().join("nowhere"));
    let files = [
        ("a.txt".into(), b"one\n".to_vec()),
        ("b/c.txt".into(), b"two\n".to_vec()),
    ]
    .into();
    let commit = trees.plant(&source.id, &files).expect("planted");
    assert_eq!(trees.plant(&source.id, &files).expect("planted again"), commit);
    let there = trees.snapshot(&source, &commit).expect("a snapshot");
    let paths: Vec<String> = there.iter().map(|e| e.path.to_text()).collect();
    assert_eq!(paths, ["a.txt", "b/c.txt"]);
    let diff = b"diff --git a/a.txt b/a.txt\n--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+1\n";
    let applied = trees
        .apply(&source, &commit, diff)
        .expect("git answers")
        .expect("it applies");
    assert_eq!(applied.diff.files.len(), 1);
    let none = trees.plant(&source.id, &[].into()).expect("an empty tree");
    assert_eq!(trees.snapshot(&source, &none).expect("a snapshot"), []);
    for bad in ["", "/a", "a//b", "a/"] {
        let files = [(bad.into(), Vec::new())].into();
        let error = trees.plant(&source.id, &files).expect_err(bad);
        assert_eq!(error.code(), "bad-path", "{bad}");
    }
}
