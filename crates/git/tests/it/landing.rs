//! What landed: by merge, squash, rebase and fast-forward, on bases that moved and that did not, honest and not.

use crate::support::{Files, Sandbox, branch, file, numbered};
use countersign_core::forge::Landed;
use countersign_core::id::CommitSha;
use countersign_git::GitTrees;
use countersign_ports::trees::{Merged, Taken, Trees};

struct Scene {
    sandbox: Sandbox,
    trees: GitTrees,
    base: CommitSha,
    canonical: Vec<u8>,
    approved: CommitSha,
}

fn files(a: &str, b: &str) -> Files {
    [file("a", a), file("b", b)].into_iter().collect()
}

fn with_five() -> String {
    numbered(1, 30).replace("line 5\n", "five\n")
}

/// A base that moved on, far enough from the change to merge with it.
fn with_25() -> String {
    numbered(1, 30).replace("line 25\n", "25\n")
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum How {
    Merge,
    Squash,
    Rebase,
    FastForward,
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
        let applied = trees.apply(&sandbox.source(), &base, diff.as_bytes());
        let canonical = applied.expect("answers").expect("applies").canonical;
        let tree = sandbox.tree(&files(&with_five(), "b\n"));
        let approved = sandbox.git(["commit-tree", &tree, "-p", base.as_str(), "-m", "approved"]);
        sandbox.git(["update-ref", "refs/heads/ours", &approved]);
        let approved = CommitSha::parse(&approved).expect("an id");
        Self {
            sandbox,
            trees,
            base,
            canonical,
            approved,
        }
    }

    /// Puts a commit with these files on `main`, as that kind of merge makes it.
    fn merge(&self, how: How, result: &Files) -> CommitSha {
        let git = &self.sandbox;
        let (tip, tree) = (git.git(["rev-parse", "main"]), git.tree(result));
        let made = match how {
            How::Merge => git.git([
                "commit-tree",
                &tree,
                "-p",
                &tip,
                "-p",
                self.approved.as_str(),
                "-m",
                "m",
            ]),
            How::Squash | How::Rebase => git.git(["commit-tree", &tree, "-p", &tip, "-m", "s"]),
            How::FastForward => self.approved.to_string(),
        };
        git.git(["update-ref", "refs/heads/main", &made]);
        CommitSha::parse(&made).expect("an id")
    }

    fn landed(&self, merged_as: &CommitSha) -> Landed {
        let merged = Merged {
            branch: &branch("main"),
            merged_as,
            approved: &self.approved,
            base: &self.base,
            canonical: &self.canonical,
        };
        self.trees
            .landed(&self.sandbox.source(), &merged)
            .expect("an answer")
    }

    /// Commit, whether the tree is as computed, and what else was brought along.
    fn seen(&self, merged_as: &CommitSha) -> (CommitSha, bool, Vec<CommitSha>) {
        match self.landed(merged_as) {
            Landed::As {
                commit,
                tree,
                brings,
                expected,
                ..
            } => (commit, expected == Some(tree), brings),
            Landed::Nowhere { detail } => panic!("{detail}"),
        }
    }

    fn moved(&self) {
        self.sandbox.commit("main", &files(&with_25(), "B\n"));
    }
}

/// INV-12: only what was tampered with differs (hazard 44).
#[test]
fn only_what_nobody_approved_differs_whatever_the_kind_of_merge() {
    let both = with_five().replace("line 25\n", "25\n");
    for how in [How::Merge, How::Squash, How::Rebase, How::FastForward] {
        for moved in [false, true] {
            if moved && how == How::FastForward {
                continue;
            }
            for tampered in [false, true] {
                if tampered && how == How::FastForward {
                    continue;
                }
                let scene = Scene::new();
                let mut honest = match moved {
                    true => files(&both, "B\n"),
                    false => files(&with_five(), "b\n"),
                };
                if moved {
                    scene.moved();
                }
                if tampered {
                    honest.extend([file("backdoor", "x\n")]);
                }
                let merge = scene.merge(how, &honest);
                let (commit, same, brings) = scene.seen(&merge);
                assert_eq!((commit, same), (merge, !tampered), "{how:?} moved {moved}");
                let ours = vec![scene.approved.clone()];
                assert_eq!(brings, if how == How::Merge { ours } else { vec![] });
            }
        }
    }
}

#[test]
fn a_queue_that_takes_back_what_others_did_differs() {
    let scene = Scene::new();
    scene.moved();
    // The tree of the approved commit alone: what moved the base is gone with it.
    let merge = scene.merge(How::Squash, &files(&with_five(), "b\n"));
    assert!(!scene.seen(&merge).1);
}

#[test]
fn how_a_conflict_was_settled_is_nothing_that_was_approved() {
    let scene = Scene::new();
    let other = numbered(1, 30).replace("line 5\n", "V\n");
    scene.sandbox.commit("main", &files(&other, "b\n"));
    let merge = scene.merge(How::Merge, &files(&with_five(), "b\n"));
    match scene.landed(&merge) {
        Landed::As { expected, .. } => assert_eq!(expected, None),
        Landed::Nowhere { detail } => panic!("{detail}"),
    }
}

#[test]
fn the_merge_is_found_below_what_was_pushed_together_with_it() {
    let scene = Scene::new();
    scene.moved();
    let both = with_five().replace("line 25\n", "25\n");
    let merge = scene.merge(How::Merge, &files(&both, "B\n"));
    let later = scene.sandbox.commit("main", &files(&both, "later\n"));
    let (commit, same, _) = scene.seen(&later);
    assert_eq!((commit, same), (merge, true));
}

#[test]
fn a_merge_that_brings_others_along_says_so() {
    let scene = Scene::new();
    let git = &scene.sandbox;
    let foreign = git.commit("ours", &files(&with_five(), "b\n"));
    let tree = git.tree(&files(&with_five(), "b\n"));
    let tip = git.git(["rev-parse", "main"]);
    let merge = git.git([
        "commit-tree",
        &tree,
        "-p",
        &tip,
        "-p",
        foreign.as_str(),
        "-m",
        "m",
    ]);
    git.git(["update-ref", "refs/heads/main", &merge]);
    let (_, same, brings) = scene.seen(&CommitSha::parse(&merge).expect("an id"));
    assert_eq!((same, brings), (true, vec![foreign]));
}

#[test]
fn what_the_branch_does_not_hold_landed_nowhere() {
    let scene = Scene::new();
    let merge = scene.merge(How::Squash, &files(&with_five(), "b\n"));
    scene
        .sandbox
        .git(["update-ref", "refs/heads/main", scene.base.as_str()]);
    let Landed::Nowhere { detail } = scene.landed(&merge) else {
        panic!("it is not there")
    };
    assert_eq!(detail, format!("branch main does not hold {}", merge.short()));
    scene.sandbox.git(["branch", "-m", "main", "other"]);
    let Landed::Nowhere { detail } = scene.landed(&merge) else {
        panic!("it is not there")
    };
    assert_eq!(detail, "there is no branch main any more");
}

#[test]
fn what_landed_can_be_taken_back_and_leaves_what_came_later() {
    let scene = Scene::new();
    let (main, source) = (branch("main"), scene.sandbox.source());
    let mut result = files(&with_five(), "b\n");
    result.extend([file("backdoor", "x\n")]);
    let merge = scene.merge(How::Squash, &result);
    result.extend([file("later", "l\n")]);
    scene.sandbox.commit("main", &result);
    let take = || {
        let back = scene.trees.taking_back(&source, &main, &merge, &scene.base);
        back.expect("an answer")
    };
    let Taken::By { canonical } = take() else {
        panic!("it can be taken back")
    };
    let mut wanted = files(&numbered(1, 30), "b\n");
    wanted.extend([file("later", "l\n")]);
    let given = scene.sandbox.git_apply("main", &canonical).expect("it applies");
    assert_eq!(given, scene.sandbox.tree(&wanted));
    scene.sandbox.commit("main", &wanted);
    assert_eq!(take(), Taken::NotThere);
    let other = numbered(1, 30).replace("line 5\n", "V\n");
    scene.sandbox.commit("main", &files(&other, "b\n"));
    assert_eq!(take(), Taken::Conflicts);
}
