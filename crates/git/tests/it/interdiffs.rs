//! What differs between what two revisions would write.

use crate::support::{Files, Sandbox, branch, file, numbered};
use countersign_core::diff_view::{Wanted, typed_diff};
use countersign_core::id::{CommitSha, TreeSha};
use countersign_git::GitTrees;
use countersign_ports::trees::{Interdiff, Proposed, Trees as _};

/// A repository with one pinned base and a second branch to move it to.
struct Scene {
    sandbox: Sandbox,
    trees: GitTrees,
    base: CommitSha,
}

fn files(a: &str, b: &str) -> Files {
    [file("a", a), file("b", b), file("long", &numbered(1, 60))]
        .into_iter()
        .collect()
}

impl Scene {
    fn new() -> Self {
        let sandbox = Sandbox::with(&files("one\n", "other\n"));
        let trees = GitTrees::new(sandbox.mirrors());
        let base = trees
            .pin(&sandbox.source(), &branch("main"))
            .expect("pinned")
            .commit;
        Self { sandbox, trees, base }
    }

    fn moved(&self, to: &Files) -> CommitSha {
        self.sandbox.commit("main", to);
        let pinned = self.trees.pin(&self.sandbox.source(), &branch("main"));
        pinned.expect("pinned").commit
    }

    fn proposed(&self, base: &CommitSha, diff: &str) -> Proposed {
        let applied = self.trees.apply(&self.sandbox.source(), base, diff.as_bytes());
        let applied = applied.expect("an answer").expect("it applies");
        Proposed {
            base: base.clone(),
            canonical: applied.canonical,
            tree: applied.diff.result_tree,
        }
    }

    fn between(&self, from: &Proposed, to: &Proposed) -> Interdiff {
        let found = self.trees.interdiff(&self.sandbox.source(), from, to);
        found.expect("an interdiff")
    }
}

fn line(path: &str, from: &str, to: &str) -> String {
    format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-{from}\n+{to}\n")
}

#[test]
fn only_what_the_second_revision_does_otherwise_is_shown() {
    let scene = Scene::new();
    let first = scene.proposed(
        &scene.base,
        &format!("{}{}", line("a", "one", "two"), line("b", "other", "new")),
    );
    let second = scene.proposed(
        &scene.base,
        &format!("{}{}", line("a", "one", "three"), line("b", "other", "new")),
    );
    let found = scene.between(&first, &second);
    let text = String::from_utf8(found.canonical.clone()).expect("text");
    assert!(text.ends_with("@@ -1 +1 @@\n-two\n+three\n"), "{text}");
    assert_eq!((found.diff.files.len(), found.base_only.len()), (1, 0));
    assert_eq!(
        (&found.diff.base_tree, &found.diff.result_tree),
        (&first.tree, &second.tree)
    );
    let view = typed_diff(&found.diff, &found.canonical, &|_| None, &Wanted::default()).expect("a view");
    assert_eq!(view.files[0].path.text, "a");
    // Applied to what the first one would write it gives what the second one would.
    let written = scene.sandbox.commit("first", &files("two\n", "new\n"));
    let tree = scene.sandbox.git_apply(written.as_str(), &found.canonical);
    assert_eq!(tree.expect("git applies it"), second.tree.to_string());
}

#[test]
fn the_same_twice_and_a_revision_that_changes_nothing_are_answers_too() {
    let scene = Scene::new();
    let some = scene.proposed(&scene.base, &line("a", "one", "two"));
    let same = scene.between(&some, &some);
    assert!(same.canonical.is_empty() && same.diff.files.is_empty());
    let pinned = scene
        .trees
        .pin(&scene.sandbox.source(), &branch("main"))
        .expect("pinned");
    let nothing = Proposed {
        base: scene.base.clone(),
        canonical: Vec::new(),
        tree: pinned.tree,
    };
    assert_eq!(scene.between(&nothing, &some).canonical, some.canonical);
}

#[test]
fn what_came_with_a_moved_base_alone_stands_apart() {
    let scene = Scene::new();
    let first = scene.proposed(&scene.base, &line("a", "one", "two"));
    let mut later = files("one\n", "moved\n");
    later.extend([file("c", "came\n")]);
    let long = numbered(1, 60).replace("line 50\n", "line fifty\n");
    later.extend([file("long", &long)]);
    let moved = scene.moved(&later);
    let both = format!("{}{}", line("a", "one", "three"), line("b", "moved", "mine"));
    let second = scene.proposed(&moved, &both);
    let found = scene.between(&first, &second);
    let shown: Vec<String> = found.diff.files.iter().map(|f| f.path().to_text()).collect();
    let apart: Vec<String> = found.base_only.iter().map(|p| p.to_text()).collect();
    assert_eq!(shown, ["a", "b"], "`b` was changed by the base and by the patch");
    assert_eq!(apart, ["c", "long"]);
}

#[test]
fn a_diff_that_does_not_give_its_tree_and_a_base_that_nobody_pinned_are_no_answer() {
    let scene = Scene::new();
    let good = scene.proposed(&scene.base, &line("a", "one", "two"));
    let source = scene.sandbox.source();
    let other = Proposed {
        tree: TreeSha::parse(&"1".repeat(40)).expect("an id"),
        ..good.clone()
    };
    let code =
        |from: &Proposed, to: &Proposed| scene.trees.interdiff(&source, from, to).expect_err("none").code();
    assert_eq!(code(&good, &other), "tree-mismatch");
    assert_eq!(code(&other, &good), "tree-mismatch");
    let nowhere = Proposed {
        base: CommitSha::parse(&"2".repeat(40)).expect("an id"),
        ..good.clone()
    };
    assert_eq!(code(&nowhere, &good), "not-pinned");
    let foreign = Proposed {
        canonical: line("b", "nothing", "like it").into_bytes(),
        ..good.clone()
    };
    assert_eq!(code(&good, &foreign), "canonical-mismatch");
}
