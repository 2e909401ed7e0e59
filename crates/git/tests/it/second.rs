//! The `git` program's opinion on a canonical diff, beside our own applier's.

use crate::support::{Content, Files, Sandbox, branch, entry, file, numbered, snapshot_of};
use countersign_core::id::{CommitSha, TreeSha};
use countersign_git::GitTrees;
use countersign_ports::trees::{Applied, SecondOpinion, SecondOutcome, Trees};

struct Scene {
    sandbox: Sandbox,
    trees: GitTrees,
    base: CommitSha,
}

impl Scene {
    fn new(before: &Files) -> Self {
        let sandbox = Sandbox::with(before);
        let trees = GitTrees::new(sandbox.mirrors());
        let base = trees
            .pin(&sandbox.source(), &branch("main"))
            .expect("pinned")
            .commit;
        Self { sandbox, trees, base }
    }

    fn proposal(&self, after: &Files) -> Applied {
        let wanted = self.sandbox.commit("wanted", after);
        let diff = self.sandbox.diff(self.base.as_str(), wanted.as_str());
        let answer = self.trees.apply(&self.sandbox.source(), &self.base, &diff);
        answer.expect("git answers").expect("it applies")
    }

    fn opinion(&self, canonical: &[u8]) -> SecondOpinion {
        let answer = self
            .trees
            .second_opinion(&self.sandbox.source(), &self.base, canonical);
        answer.expect("an opinion")
    }

    fn said(&self, canonical: &str) -> String {
        match self.opinion(canonical.as_bytes()).outcome {
            SecondOutcome::Refused { said } => said,
            SecondOutcome::Gives { tree } => panic!("it gives {tree}"),
        }
    }
}

fn files<const N: usize>(entries: [(Vec<u8>, Content); N]) -> Files {
    entries.into_iter().collect()
}

/// Name, before, after: every kind of change that a canonical diff can show.
fn changes() -> Vec<(&'static str, Files, Files)> {
    let keep = || file("keep", "k\n");
    let text = numbered(1, 40);
    let edited = text.replace("line 20\n", "twenty\n");
    let commit = b"0123456789012345678901234567890123456789";
    let evil =
        "* text eol=crlf working-tree-encoding=UTF-16 filter=x diff=x whitespace=-all ident\n*.c -diff\n";
    vec![
        ("edits", files([file("a", &text)]), files([file("a", &edited)])),
        (
            "odd paths",
            files([
                keep(),
                file("a b", "1\n"),
                file("ü", "1\n"),
                entry(b"\xff\"", "100644", b"1\n"),
                file("-x", "1\n"),
            ]),
            files([
                keep(),
                file("a b", "2\n"),
                file("ü", "2\n"),
                entry(b"\xff\"", "100644", b"2\n"),
                file("-x", "2\n"),
                file("plain\"quote", "x\n"),
                file(" lead and trail ", "x\n"),
            ]),
        ),
        (
            "rename with edit",
            files([file("old/a", &text)]),
            files([file("new/b c", &edited)]),
        ),
        (
            "swap",
            files([file("a", &text), file("b", &numbered(100, 140))]),
            files([file("a", &numbered(100, 140)), file("b", &text)]),
        ),
        (
            "modes",
            files([file("a", "x\n"), entry(b"run", "100755", b"#!/bin/sh\n")]),
            files([entry(b"a", "100755", b"x\n"), file("run", "#!/bin/sh\n")]),
        ),
        (
            "empty files",
            files([
                keep(),
                file("gone", ""),
                file("fills", ""),
                file("empties", "x\n"),
            ]),
            files([
                keep(),
                file("come", ""),
                file("fills", "x\n"),
                file("empties", ""),
            ]),
        ),
        (
            "no newline",
            files([file("a", "1\n2"), file("b", "1\n2\n"), file("c", "1\n2")]),
            files([file("a", "1\n3"), file("b", "1\n2"), file("c", "1\n2\n")]),
        ),
        (
            "links come, go and change",
            files([
                keep(),
                entry(b"gone", "120000", b"keep"),
                entry(b"turns", "120000", b"keep"),
            ]),
            files([
                keep(),
                entry(b"come", "120000", b"/etc/passwd"),
                entry(b"turns", "120000", b"gone"),
            ]),
        ),
        (
            "file and link take places",
            files([file("a", "text\n"), entry(b"l", "120000", b"a")]),
            files([entry(b"a", "120000", b"text"), file("l", "a\n")]),
        ),
        (
            "beside a submodule",
            files([keep(), entry(b"s", "160000", commit)]),
            files([file("keep", "K\n"), entry(b"s", "160000", commit)]),
        ),
        (
            "line ends and control bytes",
            files([file("a", "1\r\n2\n3\r\n"), file("b", "x\u{1b}[2J\u{c}y\n")]),
            files([file("a", "1\r\n2\r\n3\n"), file("b", "x\u{1b}[2J\u{c}z\n \t \n")]),
        ),
        (
            "binary moves",
            files([keep(), entry(b"a.bin", "100644", b"\0\x01\xff\n")]),
            files([keep(), entry(b"b.bin", "100755", b"\0\x01\xff\n")]),
        ),
        (
            "content like a diff",
            files([file("a", "-- a/x\n++ b/x\n@@ -1 +1 @@\n")]),
            files([file("a", "-- a/y\n++ b/y\n@@ -1 +1 @@\ndiff --git a/x b/x\n")]),
        ),
        (
            "attributes that would convert",
            files([
                file(".gitattributes", evil),
                file("a.c", "$Id$ \t\n1\n"),
                file("b", "1\r\n2"),
            ]),
            files([
                file(".gitattributes", evil),
                file("a.c", "$Id$ \t\n2 \n\n\n"),
                file("b", "1\n2\r\n"),
            ]),
        ),
        (
            "files, links and folders take places",
            files([
                file("a", &text),
                file("b/c", "x\n"),
                entry(b"l", "120000", b"a"),
                entry(b"m", "120000", b"b"),
            ]),
            files([
                file("a/b", &edited),
                file("b", "x\n"),
                file("l/n", "n\n"),
                entry(b"q", "120000", b"b"),
                file("m/n", "m\n"),
            ]),
        ),
        (
            "everything goes but one",
            files([keep(), file("a/b/c", "x\n"), file("d", "y\n")]),
            files([keep()]),
        ),
    ]
}

#[test]
fn both_appliers_come_to_the_same_tree() {
    for (name, before, after) in changes() {
        let scene = Scene::new(&before);
        let applied = scene.proposal(&after);
        let opinion = scene.opinion(&applied.canonical);
        let tree = &applied.diff.result_tree;
        assert!(opinion.agrees_on(tree), "{name}: {opinion:?} against {tree}");
        assert!(opinion.applier.starts_with("git 2."), "{}", opinion.applier);
        let base_tree = &applied.diff.base_tree;
        assert!(
            !opinion.agrees_on(base_tree),
            "{name}: it agrees on this one only"
        );
    }
}

#[test]
fn what_does_not_fit_is_refused_in_git_s_words() {
    let scene = Scene::new(&files([file("a", "1\n2\n3\n"), entry(b"l", "120000", b"a")]));
    let hunk =
        |old: &str, new: &str| format!("diff --git a/{old} b/{new}\n--- a/{old}\n+++ b/{new}\n@@ -1 +1 @@\n");
    let other = scene.said(&(hunk("a", "a") + "-other\n+x\n"));
    assert!(other.contains("patch does not apply"), "{other}");
    let missing = scene.said(&(hunk("b", "b") + "-1\n+x\n"));
    assert!(missing.contains("does not exist in index"), "{missing}");
    let nothing = scene.said("not a diff\n");
    assert!(nothing.contains("No valid patches"), "{nothing}");
    let cut = scene.said("diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -1,3 +1,3 @@\n 1\n");
    assert!(cut.contains("corrupt patch"), "{cut}");
    for outside in ["../x", ".git/config", "l/x"] {
        let new = format!(
            "diff --git a/{outside} b/{outside}\nnew file mode 100644\n--- /dev/null\n+++ b/{outside}\n@@ -0,0 +1 @@\n+x\n"
        );
        scene.said(&new);
    }
}

#[test]
fn git_s_words_can_t_repaint_a_terminal() {
    let scene = Scene::new(&files([file("a", "1\n")]));
    let path = "x\u{202e}\u{1b}[2J";
    let said = scene.said(&format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-1\n+2\n"));
    assert!(!said.contains(['\u{1b}', '\u{202e}', '\n']), "{said:?}");
    assert!(said.chars().count() < 1_000, "{said}");
}

#[test]
fn a_wrong_place_is_another_tree_and_so_no_agreement() {
    // Git takes one of several equal places; a line number that lies is enough to send it to another.
    let scene = Scene::new(&files([file("a", "x\ny\nx\ny\nx\ny\n")]));
    let applied = scene.proposal(&files([file("a", "x\nY\nx\ny\nx\ny\n")]));
    let honest = String::from_utf8(applied.canonical.clone()).expect("text");
    assert!(
        scene
            .opinion(honest.as_bytes())
            .agrees_on(&applied.diff.result_tree)
    );
    let lying = "diff --git a/a b/a\n--- a/a\n+++ b/a\n@@ -3,2 +3,2 @@\n x\n-y\n+Y\n";
    let elsewhere = scene.opinion(lying.as_bytes());
    assert!(
        matches!(elsewhere.outcome, SecondOutcome::Gives { .. }),
        "{elsewhere:?}"
    );
    assert!(!elsewhere.agrees_on(&applied.diff.result_tree));
}

#[test]
fn an_opinion_leaves_nothing_behind() {
    let scene = Scene::new(&files([file("a", "1\n2\n3\n")]));
    let applied = scene.proposal(&files([file("a", "1\n2\nthree\n"), file("b", "new\n")]));
    let (source, mirrors) = (scene.sandbox.everything(), snapshot_of(&scene.sandbox.mirrors()));
    assert!(
        scene
            .opinion(&applied.canonical)
            .agrees_on(&applied.diff.result_tree)
    );
    scene.said("not a diff\n");
    assert_eq!(scene.sandbox.everything(), source, "the source");
    assert_eq!(
        snapshot_of(&scene.sandbox.mirrors()),
        mirrors,
        "the mirrors and their neighbours"
    );
}

#[test]
fn a_base_that_is_not_pinned_gets_no_opinion() {
    let scene = Scene::new(&files([file("a", "1\n")]));
    let other = scene.sandbox.commit("main", &files([file("a", "2\n")]));
    let error = scene.trees.second_opinion(&scene.sandbox.source(), &other, b"");
    assert_eq!(error.expect_err("no base").code(), "not-pinned");
    let tree = TreeSha::parse("4b825dc642cb6eb9a060e54bf8d69288fbee4904").expect("an id");
    assert!(!scene.opinion(b"").agrees_on(&tree));
}
