//! How a base stands when its branch moves.

use crate::support::{Files, Sandbox, branch, file, numbered};
use countersign_core::id::CommitSha;
use countersign_git::GitTrees;
use countersign_ports::trees::{BaseStanding, RepoSource, Trees};
use std::fs;

struct Scene {
    sandbox: Sandbox,
    trees: GitTrees,
    base: CommitSha,
    canonical: Vec<u8>,
}

fn files(a: &str, b: &str) -> Files {
    [file("a", a), file("b", b)].into_iter().collect()
}

impl Scene {
    fn new() -> Self {
        let sandbox = Sandbox::with(&files(&numbered(1, 30), "b\n"));
        let trees = GitTrees::new(sandbox.mirrors());
        let base = trees
            .pin(&sandbox.source(), &branch("main"))
            .expect("pinned")
            .commit;
        let diff = "--- a/a\n+++ b/a\n@@ -4,3 +4,3 @@\n line 4\n-line 5\n+five\n line 6\n";
        let applied = trees
            .apply(&sandbox.source(), &base, diff.as_bytes())
            .expect("answers")
            .expect("applies");
        Self {
            sandbox,
            trees,
            base,
            canonical: applied.canonical,
        }
    }

    fn standing(&self) -> BaseStanding {
        self.standing_in(&self.sandbox.source())
    }

    fn standing_in(&self, source: &RepoSource) -> BaseStanding {
        self.trees
            .base_standing(source, &branch("main"), &self.base, &self.canonical)
            .expect("an answer")
    }
}

#[test]
fn locks_that_a_killed_git_left_in_a_mirror_stop_nothing() {
    let scene = Scene::new();
    let source = scene.sandbox.source();
    let mirror = scene.sandbox.mirrors().join(format!("{}.git", source.id));
    let next = scene.sandbox.commit("main", &files(&numbered(1, 31), "b\n"));
    let locks = [
        "shallow.lock".to_owned(),
        "refs/countersign/incoming.lock".to_owned(),
        format!("refs/countersign/pins/{next}.lock"),
    ];
    for lock in &locks {
        fs::write(mirror.join(lock), "").expect("a file");
    }
    let pinned = scene.trees.pin(&source, &branch("main")).expect("pinned");
    assert_eq!(pinned.commit, next);
    assert!(locks.iter().all(|lock| !mirror.join(lock).exists()));
}

#[test]
fn an_unmoved_and_a_missing_branch() {
    let scene = Scene::new();
    assert_eq!(scene.standing(), BaseStanding::Unmoved);
    scene.sandbox.git(["branch", "-m", "main", "other"]);
    assert_eq!(scene.standing(), BaseStanding::Gone);
}

#[test]
fn a_branch_that_moved_on_merges_or_conflicts() {
    let scene = Scene::new();
    let tip = scene.sandbox.commit(
        "main",
        &files(&numbered(1, 30).replace("line 25\n", "25\n"), "b\n"),
    );
    assert_eq!(scene.standing(), BaseStanding::MovedClean { tip });
    let tip = scene
        .sandbox
        .commit("main", &files(&numbered(1, 30).replace("line 5\n", "V\n"), "b\n"));
    assert_eq!(scene.standing(), BaseStanding::MovedConflict { tip });
    let tip = scene
        .sandbox
        .commit("main", &[file("b", "b\n")].into_iter().collect());
    assert_eq!(
        scene.standing(),
        BaseStanding::MovedConflict { tip },
        "the changed file was deleted"
    );
}

#[test]
fn only_the_pinned_base_and_the_tip_are_merged_whatever_lies_between() {
    let scene = Scene::new();
    let git = &scene.sandbox;
    let (base, edited) = (scene.base.as_str(), numbered(1, 30).replace("line 25\n", "25\n"));
    // A criss-cross, in which git would have two bases to choose from; ours is only on the second parent's side.
    git.git(["branch", "side", base]);
    git.git(["branch", "other", base]);
    let side = git.commit(
        "side",
        &files(&numbered(1, 30).replace("line 5\n", "not yet\n"), "b\n"),
    );
    let other = git.commit("other", &files(&numbered(1, 30), "B\n"));
    let tree = git.tree(&files(&edited, "B\n"));
    let join = |one: &str, two: &str| git.git(["commit-tree", &tree, "-p", one, "-p", two, "-m", "join"]);
    let crossed = [
        join(side.as_str(), other.as_str()),
        join(other.as_str(), side.as_str()),
    ];
    let root = git.git(["commit-tree", &tree, "-m", "unrelated"]);
    let joined = join(&crossed[0], &crossed[1]);
    let tip = join(&root, &joined);
    git.git(["update-ref", "refs/heads/main", &tip]);
    let tip = CommitSha::parse(&tip).expect("an id");
    assert_eq!(scene.standing(), BaseStanding::MovedClean { tip });
}

#[test]
fn a_folder_renamed_under_a_new_file_is_a_conflict() {
    let old: Files = [file("old/a", &numbered(1, 30)), file("old/b", &numbered(50, 80))].into();
    let sandbox = Sandbox::with(&old);
    let trees = GitTrees::new(sandbox.mirrors());
    let source = sandbox.source();
    let base = trees.pin(&source, &branch("main")).expect("pinned").commit;
    let diff = "--- /dev/null\n+++ b/old/c\n@@ -0,0 +1 @@\n+new\n";
    let applied = trees.apply(&source, &base, diff.as_bytes()).expect("answers");
    let canonical = applied.expect("applies").canonical;
    let new: Files = [file("new/a", &numbered(1, 30)), file("new/b", &numbered(50, 80))].into();
    let tip = sandbox.commit("main", &new);
    let standing = trees.base_standing(&source, &branch("main"), &base, &canonical);
    assert_eq!(
        standing.expect("an answer"),
        BaseStanding::MovedConflict { tip },
        "where the new file belongs is for a person to say"
    );
}

#[test]
fn rewritten_history_is_told_apart() {
    let scene = Scene::new();
    scene.sandbox.git(["checkout", "--quiet", "--orphan", "fresh"]);
    scene.sandbox.git(["commit", "--quiet", "-m", "unrelated"]);
    scene.sandbox.git(["branch", "-M", "fresh", "main"]);
    let tip = CommitSha::parse(&scene.sandbox.git(["rev-parse", "main"])).expect("an id");
    assert_eq!(scene.standing(), BaseStanding::Rewritten { tip });
}

#[test]
fn grafts_and_replace_refs_fake_no_ancestry() {
    let scene = Scene::new();
    scene.sandbox.git(["checkout", "--quiet", "--orphan", "fresh"]);
    scene.sandbox.git(["commit", "--quiet", "-m", "unrelated"]);
    scene.sandbox.git(["branch", "-M", "fresh", "main"]);
    let tip = CommitSha::parse(&scene.sandbox.git(["rev-parse", "main"])).expect("an id");
    scene
        .sandbox
        .git(["replace", "--graft", tip.as_str(), scene.base.as_str()]);
    let grafts = scene.sandbox.git_dir().join("info/grafts");
    fs::create_dir_all(grafts.parent().expect("a folder")).expect("made");
    fs::write(grafts, format!("{tip} {}\n", scene.base)).expect("written");
    let fooled = scene
        .sandbox
        .git_bytes(["merge-base", "--is-ancestor", scene.base.as_str(), "main"], b"");
    assert!(fooled.is_ok(), "control: git itself believes it");
    assert_eq!(scene.standing(), BaseStanding::Rewritten { tip });
}

#[test]
fn a_shallow_source_that_can_t_know_counts_as_rewritten() {
    let scene = Scene::new();
    let tip = scene.sandbox.commit("main", &files(&numbered(1, 31), "b\n"));
    let url = format!("file://{}", scene.sandbox.repo.display());
    scene.sandbox.git_in(
        scene.sandbox.dir.path(),
        ["clone", "--quiet", "--depth=1", &url, "shallow"],
    );
    let git_dir = fs::canonicalize(scene.sandbox.dir.path().join("shallow/.git")).expect("a folder");
    let source = RepoSource::folder(scene.sandbox.source().id, git_dir);
    assert_eq!(scene.standing_in(&source), BaseStanding::Rewritten { tip });
}

#[test]
fn a_canonical_diff_of_another_base_is_an_error() {
    let scene = Scene::new();
    scene.sandbox.commit("main", &files("other\n", "b\n"));
    let source = scene.sandbox.source();
    let other = scene.trees.pin(&source, &branch("main")).expect("pinned").commit;
    scene.sandbox.commit("main", &files("other\n", "c\n"));
    let error = scene
        .trees
        .base_standing(&source, &branch("main"), &other, &scene.canonical)
        .expect_err("refused");
    assert_eq!(error.code(), "canonical-mismatch");
}

#[test]
fn a_file_that_became_a_folder_merges_where_nobody_else_touched_it() {
    let create = |path: &str| {
        format!(
            "diff --git a/{path} b/{path}\nnew file mode 100644\n--- /dev/null\n+++ b/{path}\n@@ -0,0 +1 @@\n+n\n"
        )
    };
    let mut scene = Scene::new();
    let gone = "diff --git a/b b/b\ndeleted file mode 100644\n--- a/b\n+++ /dev/null\n@@ -1 +0,0 @@\n-b\n";
    let diff = [gone.to_owned(), create("b/c")].concat();
    let applied = scene
        .trees
        .apply(&scene.sandbox.source(), &scene.base, diff.as_bytes());
    scene.canonical = applied.expect("answers").expect("applies").canonical;
    let edited = numbered(1, 30).replace("line 25\n", "25\n");
    let tip = scene.sandbox.commit("main", &files(&edited, "b\n"));
    assert_eq!(scene.standing(), BaseStanding::MovedClean { tip });
    let tip = scene.sandbox.commit("main", &files(&edited, "B\n"));
    assert_eq!(scene.standing(), BaseStanding::MovedConflict { tip });
}
