//! The one write, against real repositories: what it does, what it leaves alone, and how it fails.

use super::*;
use crate::GitTrees;
use crate::support::{Sandbox, branch, file};
use countersign_core::digest::{ApprovalDigest, PatchSetDigest};
use countersign_core::id::{CommitSha, RepositoryId};
use countersign_ports::trees::Trees;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const NAME: &str = "countersign/wf_1-r1-abc";

struct Scene {
    sandbox: Sandbox,
    trees: GitTrees,
    repo: RepoSource,
    prepared: PreparedCommit,
    bytes: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let sandbox = Sandbox::with(
            &[file("a", "one\ntwo\n"), file("d/keep", "k\n")]
                .into_iter()
                .collect(),
        );
        let trees = GitTrees::new(sandbox.mirrors());
        let repo = sandbox.source();
        let base = trees.pin(&repo, &branch("main")).expect("pinned").commit;
        let diff = b"--- a/a\n+++ b/a\n@@ -1,2 +1,2 @@\n one\n-two\n+2\n--- /dev/null\n+++ b/d/n/new\n@@ -0,0 +1 @@\n+n\n";
        let applied = trees
            .apply(&repo, &base, diff)
            .expect("answers")
            .expect("applies");
        let tree = applied.diff.result_tree;
        let who = "Countersign <bot@example.com> 1700000000 +0000";
        let bytes =
            format!("tree {tree}\nparent {base}\nauthor {who}\ncommitter {who}\n\nSay 2\n\nWorkflow: wf_1\n");
        let bytes = bytes.into_bytes();
        let prepared = trees
            .prepare(&repo, &base, &applied.canonical, &tree, &bytes)
            .expect("prepared");
        Self {
            sandbox,
            trees,
            repo,
            prepared,
            bytes,
        }
    }

    fn op(&self) -> PushBranch {
        PushBranch {
            repository: self.repo.id.clone(),
            branch: branch(NAME),
            commit: self.prepared.commit.clone(),
            tree: self.prepared.tree.clone(),
            patch_set: PatchSetDigest::of_bytes(b"p"),
            approval: ApprovalDigest::of_bytes(b"a"),
        }
    }

    fn push(&self) -> Result<(), PublishError> {
        create_branch(&self.op(), &self.repo, &self.prepared, || Ok(()))
    }

    fn deletion(&self) -> DeleteBranch {
        let op = self.op();
        DeleteBranch {
            repository: op.repository,
            branch: op.branch,
            commit: op.commit,
        }
    }

    fn found(&self) -> Option<CommitSha> {
        self.trees
            .read_branch(&self.repo, &branch(NAME))
            .expect("readable")
            .map(|s| s.commit)
    }
}

fn failed_code(outcome: Result<(), PublishError>) -> &'static str {
    match outcome.expect_err("it must fail") {
        PublishError::Failed(error) => error.code(),
        other @ (PublishError::ExpectedOldMismatch { .. } | PublishError::Unknown { .. }) => {
            panic!("{other:?}")
        }
    }
}

fn mismatch_words(outcome: Result<(), PublishError>) -> String {
    match outcome.expect_err("it must fail") {
        PublishError::ExpectedOldMismatch { found, .. } => found,
        other @ (PublishError::Failed(_) | PublishError::Unknown { .. }) => panic!("{other:?}"),
    }
}

#[test]
fn the_branch_holds_the_approved_commit_and_git_agrees() {
    let scene = Scene::new();
    let by_git = scene
        .sandbox
        .git_bytes(["hash-object", "-t", "commit", "--stdin"], &scene.bytes)
        .expect("hashed");
    assert_eq!(scene.prepared.commit.as_str().as_bytes(), by_git.trim_ascii());
    scene.push().expect("written");
    let state = scene
        .trees
        .read_branch(&scene.repo, &branch(NAME))
        .expect("readable")
        .expect("there");
    assert_eq!(
        (state.commit, state.tree),
        (scene.prepared.commit.clone(), scene.prepared.tree.clone())
    );
    assert_eq!(
        scene.sandbox.git(["rev-parse", NAME]),
        scene.prepared.commit.as_str()
    );
    assert_eq!(scene.sandbox.git(["show", &format!("{NAME}:d/n/new")]), "n");
    assert_eq!(scene.sandbox.git(["show", &format!("{NAME}:d/keep")]), "k");
    scene.sandbox.git(["fsck", "--strict", "--no-dangling"]);
}

#[test]
fn only_objects_and_one_ref_appear() {
    let scene = Scene::new();
    fs::write(scene.sandbox.repo.join("a"), "unsaved work\n").expect("a write");
    let before = scene.sandbox.everything();
    scene.push().expect("written");
    let after = scene.sandbox.everything();
    for (path, content) in &before {
        assert_eq!(after.get(path), Some(content), "{} changed", path.display());
    }
    let git = scene.sandbox.repo.join(".git");
    let full = format!("refs/heads/{NAME}");
    let ours = |p: &Path| {
        p.starts_with(git.join("objects")) || p == git.join(&full) || p == git.join("logs").join(&full)
    };
    let strangers: Vec<_> = after
        .keys()
        .filter(|p| !before.contains_key(*p) && !ours(p))
        .collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    let log = fs::read_to_string(git.join("logs").join(&full)).expect("a reflog");
    assert!(
        log.contains("Countersign <bot@example.com> 1700000000 +0000\tcountersign: approved change"),
        "{log}"
    );
}

#[test]
fn no_hook_of_the_target_runs() {
    let scene = Scene::new();
    let marker = scene.sandbox.dir.path().join("marker");
    for hook in [
        "reference-transaction",
        "pre-receive",
        "update",
        "post-receive",
        "post-update",
        "post-commit",
        "proc-receive",
    ] {
        let path = scene.sandbox.repo.join(".git/hooks").join(hook);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(&path, format!("#!/bin/sh\ntouch '{}'\n", marker.display())).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
    }
    scene.sandbox.git([
        "config",
        "core.fsmonitor",
        &format!("touch '{}'", marker.display()),
    ]);
    scene.push().expect("written");
    delete_branch(&scene.deletion(), &scene.repo, || Ok(())).expect("deleted");
    assert!(!marker.exists());
    scene.sandbox.git(["branch", "control"]);
    assert!(marker.exists(), "control: the trap works");
}

#[test]
fn nothing_is_written_through_a_link() {
    let scene = Scene::new();
    let git = scene.sandbox.repo.join(".git");
    let outside = scene.sandbox.dir.path().join("outside");
    fs::create_dir(&outside).expect("made");
    let (folder, _) = NAME.split_once('/').expect("a name with a folder");
    let blob = crate::objects::hash(Kind::Blob, b"one\n2\n")
        .expect("an id")
        .to_string();
    for place in [
        git.join("refs/heads").join(folder),
        git.join("objects").join(&blob[..2]),
    ] {
        std::os::unix::fs::symlink(&outside, &place).expect("a link");
        assert_eq!(failed_code(scene.push()), "not-plain", "{}", place.display());
        let written = fs::read_dir(&outside).expect("a folder").count();
        assert_eq!(written, 0, "{}", place.display());
        if place.starts_with(git.join("refs")) {
            scene.sandbox.git(["branch", &format!("{folder}/control")]);
            fs::remove_file(outside.join("control")).expect("control: plain git writes there");
        }
        fs::remove_file(&place).expect("removed");
    }
    scene.push().expect("without links it works");
}

#[test]
fn writing_twice_or_over_a_stranger_is_a_mismatch() {
    let scene = Scene::new();
    scene.push().expect("written");
    assert!(mismatch_words(scene.push()).contains(scene.prepared.commit.as_str()));
    delete_branch(&scene.deletion(), &scene.repo, || Ok(())).expect("deleted");
    scene.sandbox.git(["branch", NAME]);
    let main = scene.sandbox.git(["rev-parse", "main"]);
    for pack in [false, true] {
        if pack {
            scene.sandbox.git(["pack-refs", "--all"]);
        }
        assert!(mismatch_words(scene.push()).contains(&main));
        assert_eq!(scene.sandbox.git(["rev-parse", NAME]), main);
    }
}

#[test]
fn a_branch_in_the_way_is_a_mismatch() {
    for (other, packed) in [
        ("countersign", false),
        ("countersign", true),
        ("countersign/wf_1-r1-abc/x", false),
        ("countersign/wf_1-r1-abc/x", true),
    ] {
        let scene = Scene::new();
        scene.sandbox.git(["branch", other]);
        if packed {
            scene.sandbox.git(["pack-refs", "--all"]);
        }
        assert!(mismatch_words(scene.push()).contains(other), "{other}");
        assert_eq!(scene.found(), None);
    }
}

#[test]
fn a_branch_that_a_head_names_is_not_ours() {
    let scene = Scene::new();
    scene
        .sandbox
        .git(["symbolic-ref", "HEAD", &format!("refs/heads/{NAME}")]);
    assert!(mismatch_words(scene.push()).contains("checked out"));
    assert_eq!(scene.found(), None);
}

#[test]
fn what_the_permit_does_not_name_is_refused() {
    let scene = Scene::new();
    let main = CommitSha::parse(&scene.sandbox.git(["rev-parse", "main"])).expect("an id");
    let ops = [
        (
            PushBranch {
                repository: RepositoryId::local(9),
                ..scene.op()
            },
            "other-repository",
        ),
        (
            PushBranch {
                commit: main,
                ..scene.op()
            },
            "permit-mismatch",
        ),
        (
            PushBranch {
                tree: crate::objects::tree_sha(&gix::ObjectId::empty_tree(gix::hash::Kind::Sha1))
                    .expect("id"),
                ..scene.op()
            },
            "permit-mismatch",
        ),
    ];
    for (op, want) in ops {
        assert_eq!(
            failed_code(create_branch(&op, &scene.repo, &scene.prepared, || Ok(()))),
            want
        );
    }
    let mut forged = scene.prepared.clone();
    forged
        .objects
        .last_mut()
        .expect("a commit")
        .1
        .extend_from_slice(b"!");
    assert_eq!(
        failed_code(create_branch(&scene.op(), &scene.repo, &forged, || Ok(()))),
        "permit-mismatch"
    );
    let mut lacking = scene.prepared.clone();
    lacking.objects.remove(0);
    assert_eq!(
        failed_code(create_branch(&scene.op(), &scene.repo, &lacking, || Ok(()))),
        "base-missing"
    );
    let mut empty = scene.prepared.clone();
    empty.objects.clear();
    assert_eq!(
        failed_code(create_branch(&scene.op(), &scene.repo, &empty, || Ok(()))),
        "permit-mismatch"
    );
    assert_eq!(scene.found(), None);
}

#[test]
fn a_source_that_lost_the_base_is_refused() {
    let scene = Scene::new();
    scene.sandbox.git(["commit", "--quiet", "--amend", "-m", "other"]);
    scene.sandbox.git(["reflog", "expire", "--expire=now", "--all"]);
    scene.sandbox.git(["gc", "--quiet", "--prune=now"]);
    assert_eq!(failed_code(scene.push()), "base-missing");
}

#[test]
fn a_locked_ref_and_a_vanished_repository_fail() {
    let scene = Scene::new();
    let lock = scene
        .sandbox
        .repo
        .join(".git/refs/heads")
        .join(format!("{NAME}.lock"));
    fs::create_dir_all(lock.parent().expect("a folder")).expect("made");
    fs::write(&lock, "").expect("locked");
    assert_eq!(failed_code(scene.push()), "ref-locked");
    fs::remove_file(&lock).expect("unlocked");
    fs::rename(&scene.sandbox.repo, scene.sandbox.dir.path().join("away")).expect("moved");
    assert_eq!(failed_code(scene.push()), "source-gone");
    fs::rename(scene.sandbox.dir.path().join("away"), &scene.sandbox.repo).expect("moved back");
    scene.push().expect("a retry writes it");
}

#[test]
fn an_object_folder_that_can_t_be_written_fails() {
    let scene = Scene::new();
    let objects = scene.sandbox.repo.join(".git/objects");
    // As root, permissions stop nobody: a file where a folder belongs does.
    let first = crate::objects::hash(Kind::Blob, b"one\n2\n")
        .expect("an id")
        .to_hex()
        .to_string();
    let blocked = objects.join(&first[..2]);
    fs::write(&blocked, "in the way").expect("written");
    assert_eq!(failed_code(scene.push()), "not-plain");
    fs::remove_file(&blocked).expect("removed");
    if !rustix::process::geteuid().is_root() {
        fs::set_permissions(&objects, fs::Permissions::from_mode(0o555)).expect("read-only");
        assert_eq!(failed_code(scene.push()), "permission-denied");
        fs::set_permissions(&objects, fs::Permissions::from_mode(0o755)).expect("writable");
    }
    assert_eq!(scene.found(), None);
    scene.push().expect("a retry writes it");
}

#[test]
fn a_foreign_content_under_an_id_is_noticed() {
    let scene = Scene::new();
    let id = crate::objects::hash(Kind::Blob, b"one\n2\n")
        .expect("an id")
        .to_hex()
        .to_string();
    let other = scene.sandbox.git(["rev-parse", "main:a"]);
    let at = |id: &str| {
        scene
            .sandbox
            .repo
            .join(".git/objects")
            .join(&id[..2])
            .join(&id[2..])
    };
    fs::create_dir_all(at(&id).parent().expect("a folder")).expect("made");
    fs::copy(at(&other), at(&id)).expect("copied");
    assert!(matches!(
        scene.push(),
        Err(PublishError::Failed(TreesError::Corrupt { .. }))
    ));
    assert_eq!(scene.found(), None);
}

#[test]
fn retracting_takes_only_our_commit_away() {
    let scene = Scene::new();
    assert!(
        mismatch_words(delete_branch(&scene.deletion(), &scene.repo, || Ok(()))).contains("does not exist")
    );
    scene.push().expect("written");
    let tip = scene
        .sandbox
        .git(["commit-tree", "main^{tree}", "-p", NAME, "-m", "on top"]);
    scene
        .sandbox
        .git(["update-ref", &format!("refs/heads/{NAME}"), &tip]);
    assert!(mismatch_words(delete_branch(&scene.deletion(), &scene.repo, || Ok(()))).contains(&tip));
    scene.sandbox.git([
        "update-ref",
        &format!("refs/heads/{NAME}"),
        scene.prepared.commit.as_str(),
    ]);
    scene.sandbox.git(["pack-refs", "--all"]);
    let other = DeleteBranch {
        repository: RepositoryId::local(9),
        ..scene.deletion()
    };
    assert_eq!(
        failed_code(delete_branch(&other, &scene.repo, || Ok(()))),
        "other-repository"
    );
    delete_branch(&scene.deletion(), &scene.repo, || Ok(())).expect("deleted");
    assert_eq!(scene.found(), None);
    assert_eq!(
        scene.sandbox.git(["for-each-ref", "--format=%(refname)"]),
        "refs/heads/main"
    );
}

#[test]
fn a_bare_target_works_too() {
    let scene = Scene::new();
    scene.sandbox.git_in(
        scene.sandbox.dir.path(),
        ["clone", "--quiet", "--bare", "repo", "bare"],
    );
    let git_dir = fs::canonicalize(scene.sandbox.dir.path().join("bare")).expect("a folder");
    let repo = RepoSource::folder(scene.repo.id.clone(), git_dir);
    create_branch(&scene.op(), &repo, &scene.prepared, || Ok(())).expect("written");
    let state = scene
        .trees
        .read_branch(&repo, &branch(NAME))
        .expect("readable")
        .expect("there");
    assert_eq!(state.commit, scene.prepared.commit);
}

#[test]
fn preparing_refuses_what_was_not_approved() {
    let scene = Scene::new();
    let base = CommitSha::parse(&scene.sandbox.git(["rev-parse", "main"])).expect("an id");
    let canonical = scene
        .trees
        .apply(&scene.repo, &base, b"--- a/a\n+++ b/a\n@@ -1 +1 @@\n-one\n+1\n");
    let other = canonical.expect("answers").expect("applies");
    let prepare = |tree: &countersign_core::id::TreeSha, canonical: &[u8], bytes: &[u8]| {
        scene
            .trees
            .prepare(&scene.repo, &base, canonical, tree, bytes)
            .expect_err("refused")
            .code()
    };
    let tree = &other.diff.result_tree;
    assert_eq!(
        prepare(&scene.prepared.tree, &other.canonical, &scene.bytes),
        "tree-mismatch"
    );
    assert_eq!(prepare(tree, &other.canonical, &scene.bytes), "commit-mismatch");
    assert_eq!(
        prepare(tree, b"--- a/a\n+++ b/a\n@@ -1 +1 @@\n-x\n+1\n", &scene.bytes),
        "canonical-mismatch"
    );
    assert_eq!(prepare(tree, &other.canonical, b"no commit"), "bad-commit");
    let own = format!("tree {tree}\nparent {base}\n");
    let swapped = String::from_utf8_lossy(&scene.bytes)
        .replace(&format!("tree {}\nparent {base}\n", scene.prepared.tree), &own);
    let good = scene
        .trees
        .prepare(&scene.repo, &base, &other.canonical, tree, swapped.as_bytes())
        .expect("prepared");
    let kinds: Vec<ObjectKind> = good.objects.iter().map(|o| o.0).collect();
    assert_eq!(
        kinds,
        [ObjectKind::Blob, ObjectKind::Tree, ObjectKind::Commit],
        "children first, nothing old"
    );
}

#[test]
fn a_permit_that_ran_out_at_the_lock_leaves_everything_as_it_was() {
    let scene = Scene::new();
    let refused = create_branch(&scene.op(), &scene.repo, &scene.prepared, || {
        Err(expired("too old"))
    });
    assert_eq!(failed_code(refused), "permit-expired");
    assert_eq!(scene.found(), None, "no ref was made");
    scene.push().expect("the lock was given back");
    let kept = delete_branch(&scene.deletion(), &scene.repo, || Err(expired("too old")));
    assert_eq!(failed_code(kept), "permit-expired");
    assert!(scene.found().is_some());
}

#[test]
fn staged_objects_are_named_by_no_ref() {
    let scene = Scene::new();
    add_objects(&scene.op(), &scene.repo, &scene.prepared).expect("staged");
    assert_eq!(scene.found(), None);
    scene.push().expect("written");
}
