//! Files, links and folders that take each other's places in one diff: right where what was there is taken away by
//! the same diff, and refused where any of it stays.

use crate::round_trip::{files, kinds, round_trip};
use crate::support::{Files, Sandbox, branch, entry, file, numbered};
use countersign_git::GitTrees;
use countersign_ports::trees::{ApplyRefusal, Trees};

/// The kinds of changes, there and back, each proven by git's diff and by git's applier.
fn both_ways(one: &Files, other: &Files) -> [Vec<String>; 2] {
    [kinds(&round_trip(one, other)), kinds(&round_trip(other, one))]
}

#[test]
fn a_file_makes_room_for_a_folder_and_a_folder_for_a_file() {
    let one = files([file("a", &numbered(1, 9)), file("z", "z\n")]);
    let other = files([file("a/b", "b\n"), file("a/c/d", "d\n"), file("z", "z\n")]);
    let [there, back] = both_ways(&one, &other);
    assert_eq!(there, ["D a", "A a/b", "A a/c/d"]);
    assert_eq!(back, ["A a", "D a/b", "D a/c/d"]);
}

#[test]
fn names_that_sort_between_a_file_and_its_folder_do_not_disturb() {
    // Git sorts a folder as if its name ended in a slash: `a-x` and `a.x` stand between `a` and `a/`.
    let beside = || [file("a-x", "1\n"), file("a.x", "2\n"), file("a0", "3\n")];
    let one: Files = [file("a", "a\n")].into_iter().chain(beside()).collect();
    let mut other: Files = [file("a/b", "b\n")].into_iter().chain(beside()).collect();
    both_ways(&one, &other);
    other.insert(b"a-x".to_vec(), ("100644", b"one\n".to_vec()));
    other.remove(&b"a.x"[..]);
    both_ways(&one, &other);
}

#[test]
fn a_file_is_renamed_into_a_folder_of_its_own_name_and_back() {
    let text = numbered(1, 20);
    let one = files([file("a", &text)]);
    let edited = text.replace("line 7\n", "seven\n");
    for inner in [&text, &edited] {
        let [there, back] = both_ways(&one, &files([file("a/b/c", inner)]));
        assert_eq!(there, ["R a a/b/c"]);
        assert_eq!(back, ["R a/b/c a"]);
    }
}

#[test]
fn a_file_is_renamed_away_and_a_folder_comes() {
    let text = numbered(1, 20);
    let one = files([file("a", &text), file("z", "z\n")]);
    for to in ["0", "q", "z2/y"] {
        let other = files([file(to, &text), file("a/b", "b\n"), file("z", "z\n")]);
        both_ways(&one, &other);
    }
}

#[test]
fn a_file_and_a_folder_swap_their_places() {
    let text = numbered(1, 20);
    let one = files([file("a", &text), file("b/x", "x\n"), file("b/y", "y\n")]);
    let other = files([file("b", &text), file("a/x", "x\n"), file("a/y", "y\n")]);
    both_ways(&one, &other);
    // Each into the folder that the other leaves its name to.
    let one = files([file("a", &text), file("b", "b\n")]);
    let other = files([file("b/a", &text), file("a/b", "b\n")]);
    both_ways(&one, &other);
}

#[test]
fn a_link_makes_room_for_a_folder_and_a_folder_for_a_link() {
    let one = files([entry(b"a", "120000", b"t"), file("t/x", "x\n")]);
    let other = files([file("a/b", "b\n"), file("t/x", "x\n")]);
    let [there, back] = both_ways(&one, &other);
    assert_eq!(there, ["D a", "A a/b"]);
    assert_eq!(back, ["A a", "D a/b"]);
    let moved = files([file("a/x", "x\n")]);
    let linked = files([entry(b"a", "120000", b"t"), file("t/x", "x\n")]);
    both_ways(&moved, &linked);
}

#[test]
fn a_link_moves_away_from_a_folder_in_a_form_that_git_reads() {
    // Git's own diff calls this a rename, and git's own applier refuses that: the files seem to lie behind the link.
    let one = files([entry(b"a", "120000", b"t"), file("k", "k\n")]);
    let other = files([entry(b"q", "120000", b"t"), file("a/b", "b\n"), file("k", "k\n")]);
    let sandbox = Sandbox::with(&one);
    let base = sandbox.git(["rev-parse", "main"]);
    let wanted = sandbox.commit("wanted", &other);
    let diff = sandbox.diff(&base, wanted.as_str());
    let said = sandbox
        .git_apply(&base, &diff)
        .expect_err("control: git refuses its own diff");
    assert!(said.contains("beyond a symbolic link"), "{said}");
    let [there, _] = both_ways(&one, &other);
    assert_eq!(there, ["D a", "A a/b", "A q"]);
    let inside = files([entry(b"a/b", "120000", b"t"), file("k", "k\n")]);
    assert_eq!(both_ways(&one, &inside)[0], ["D a", "A a/b"]);
}

#[test]
fn a_link_that_moves_elsewhere_is_still_a_rename() {
    let one = files([entry(b"a", "120000", b"t"), file("k", "k\n")]);
    let other = files([entry(b"q", "120000", b"t"), file("a0", "b\n"), file("k", "k\n")]);
    let [there, _] = both_ways(&one, &other);
    assert_eq!(there, ["A a0", "R a q"]);
}

fn base() -> Files {
    [
        file("a", "a\n"),
        file("d/x", "x\n"),
        file("d/e/y", "y\n"),
        entry(b"l", "120000", b"d"),
        entry(b"m/s", "160000", b"1111111111111111111111111111111111111111"),
        file("m/t", "t\n"),
    ]
    .into_iter()
    .collect()
}

fn create(path: &str) -> String {
    format!(
        "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+n\n"
    )
}

fn delete(path: &str, line: &str) -> String {
    format!(
        "diff --git a/{path} b/{path}\ndeleted file mode 100644\n--- a/{path}\n+++ /dev/null\n@@ -1 +0,0 @@\n-{line}\n"
    )
}

fn rename(from: &str, to: &str) -> String {
    format!("diff --git a/{from} b/{to}\nrename from {from}\nrename to {to}\n")
}

fn copy(from: &str, to: &str) -> String {
    format!("diff --git a/{from} b/{to}\ncopy from {from}\ncopy to {to}\n")
}

/// What comes of a diff on `base`: a tree id or a refusal.
fn outcomes(diffs: &[String]) -> Vec<Result<String, ApplyRefusal>> {
    let sandbox = Sandbox::empty();
    sandbox.commit("main", &base());
    let trees = GitTrees::new(sandbox.mirrors());
    let pinned = trees.pin(&sandbox.source(), &branch("main"));
    let commit = pinned.expect("pinned").commit;
    let apply = |diff: &String| {
        let outcome = trees.apply(&sandbox.source(), &commit, diff.as_bytes());
        let applied = outcome.expect("git answers")?;
        let opinion = trees.second_opinion(&sandbox.source(), &commit, &applied.canonical);
        let opinion = opinion.expect("an opinion");
        assert!(opinion.agrees_on(&applied.diff.result_tree), "{diff}{opinion:?}");
        Ok(applied.diff.result_tree.as_str().to_owned())
    };
    diffs.iter().map(apply).collect()
}

#[test]
fn what_stays_in_the_way_is_still_refused() {
    let x_goes = delete("d/x", "x");
    let cases = [
        ([create("a/b")].concat(), "path-below-file", "`a` is a file"),
        ([copy("a", "a/b")].concat(), "path-below-file", "`a` is a file"),
        ([create("l/b")].concat(), "path-below-file", "`l` is a file"),
        (
            [rename("l", "q"), create("m/s/b")].concat(),
            "path-below-file",
            "`m/s` is a file",
        ),
        // Deleted, but another one comes in its place.
        (
            [rename("a", "q"), copy("d/x", "a"), create("a/b")].concat(),
            "path-below-file",
            "`a` is a file",
        ),
        ([create("d")].concat(), "path-is-folder", "stays in it"),
        (
            [create("d"), x_goes.clone()].concat(),
            "path-is-folder",
            "`d/e/y` stays in it",
        ),
        (
            [create("d"), delete("d/e/y", "y")].concat(),
            "path-is-folder",
            "`d/x` stays in it",
        ),
        (
            [rename("d/x", "d")].concat(),
            "path-is-folder",
            "`d/e/y` stays in it",
        ),
        (
            [copy("d/x", "d"), delete("d/e/y", "y")].concat(),
            "path-is-folder",
            "`d/x` stays in it",
        ),
        (
            [create("d/e"), rename("d/x", "q")].concat(),
            "path-is-folder",
            "`d/e/y` stays in it",
        ),
        // A submodule can't be taken away.
        (
            [create("m"), delete("m/t", "t")].concat(),
            "path-is-folder",
            "`m/s` stays in it",
        ),
        // All that was there goes, and something new comes below.
        (
            [create("d"), x_goes.clone(), delete("d/e/y", "y"), create("d/z")].concat(),
            "path-below-file",
            "`d` is a file",
        ),
        (
            [create("d"), rename("d/x", "d/z"), delete("d/e/y", "y")].concat(),
            "path-below-file",
            "`d` is a file",
        ),
        // What is changed there stays.
        (
            [
                create("d"),
                x_goes,
                "--- a/d/e/y\n+++ b/d/e/y\n@@ -1 +1 @@\n-y\n+Y\n".into(),
            ]
            .concat(),
            "path-is-folder",
            "`d/e/y` stays in it",
        ),
    ];
    let diffs = cases.each_ref().map(|c| c.0.clone());
    for (outcome, (diff, code, words)) in outcomes(&diffs).into_iter().zip(cases) {
        let refusal = outcome.expect_err(&diff);
        assert_eq!(refusal.code, code, "{diff}{refusal}");
        assert!(refusal.message.contains(words), "{diff}{refusal}");
    }
}

#[test]
fn the_order_of_the_sections_does_not_matter() {
    let sections = [
        delete("a", "a"),
        create("a/b"),
        delete("d/x", "x"),
        rename("d/e/y", "a/y"),
        create("d"),
    ];
    let mut diffs = Vec::new();
    for turn in 0..sections.len() {
        let mut turned = sections.clone();
        turned.rotate_left(turn);
        diffs.push(turned.concat());
        turned.reverse();
        diffs.push(turned.concat());
    }
    let mut after = base();
    for gone in ["a", "d/x", "d/e/y"] {
        after.remove(gone.as_bytes());
    }
    after.extend([file("a/b", "n\n"), file("a/y", "y\n"), file("d", "n\n")]);
    let wanted = Sandbox::empty().tree(&after);
    for outcome in outcomes(&diffs) {
        assert_eq!(outcome, Ok(wanted.clone()));
    }
}

#[test]
fn whole_files_and_blocks_may_take_the_freed_place_too() {
    let whole = |path: &str| format!("{path}\n```\nn\n```\n");
    let diffs = [
        [delete("a", "a"), "\n".into(), whole("a/b.txt")].concat(),
        [
            delete("d/x", "x"),
            delete("d/e/y", "y"),
            "\n\"d\"\n".into(),
            "<<<<<<< SEARCH\n=======\nn\n>>>>>>> REPLACE\n".into(),
        ]
        .concat(),
        whole("a/b.txt"),
    ];
    let found = outcomes(&diffs);
    assert!(found[0].is_ok() && found[1].is_ok(), "{found:?}");
    let refusal = found[2].as_ref().expect_err("`a` stays");
    assert_eq!(refusal.code, "path-below-file");
}

#[test]
fn a_folder_with_more_than_the_diff_takes_away_is_not_walked_through() {
    let mut files: Files = (0..300).map(|i| file(&format!("d/{i:03}/x"), "x\n")).collect();
    files.insert(b"k".to_vec(), ("100644", b"k\n".to_vec()));
    let sandbox = Sandbox::with(&files);
    let trees = GitTrees::new(sandbox.mirrors());
    let pinned = trees.pin(&sandbox.source(), &branch("main"));
    let commit = pinned.expect("pinned").commit;
    let all: String = (0..300).map(|i| delete(&format!("d/{i:03}/x"), "x")).collect();
    let apply = |diff: String| {
        let outcome = trees.apply(&sandbox.source(), &commit, diff.as_bytes());
        outcome.expect("git answers")
    };
    let refusal = apply(create("d") + &delete("d/000/x", "x")).expect_err("the others stay");
    assert_eq!(refusal.code, "path-is-folder");
    apply(create("d") + &all).expect("nothing stays");
}
