//! Which repositories are accepted, and with which words others are refused.

use crate::support::{Sandbox, branch, entry, file};
use countersign_core::id::{CommitSha, RepositoryId};
use countersign_core::path::RepoPath;
use countersign_git::GitTrees;
use countersign_ports::trees::{NOT_A_FILE, RepoSource, Trees, TreesError};
use std::fs;
use std::path::Path;

fn sandbox() -> Sandbox {
    Sandbox::with(
        &[
            file("a", "one\n"),
            file("d/b", "two\n"),
            entry(b"ln", "120000", b"a"),
        ]
        .into_iter()
        .collect(),
    )
}

fn trees(sandbox: &Sandbox) -> GitTrees {
    GitTrees::new(sandbox.mirrors())
}

fn probe_code(sandbox: &Sandbox, path: &Path) -> &'static str {
    let error = trees(sandbox).probe(path).expect_err("it must be refused");
    assert!(matches!(error, TreesError::Unsupported { .. }), "{error:?}");
    assert!(error.to_string().contains('.'), "a sentence: {error}");
    error.code()
}

#[test]
fn a_probe_tells_what_a_folder_is() {
    let sandbox = sandbox();
    let probe = trees(&sandbox).probe(&sandbox.repo).expect("a repository");
    assert_eq!(probe.git_dir, sandbox.git_dir());
    assert_eq!(
        probe.work_tree,
        Some(fs::canonicalize(&sandbox.repo).expect("a folder"))
    );
    assert_eq!(
        (probe.default_branch.as_str(), probe.uncommitted_files),
        ("main", 0)
    );
    assert_eq!(
        trees(&sandbox)
            .probe(&sandbox.repo.join(".git"))
            .expect("its git folder")
            .git_dir,
        sandbox.git_dir()
    );
}

#[test]
fn a_bare_repository_and_a_link_to_one_are_fine() {
    let sandbox = sandbox();
    sandbox.git_in(sandbox.dir.path(), ["clone", "--quiet", "--bare", "repo", "bare"]);
    let link = sandbox.dir.path().join("link");
    std::os::unix::fs::symlink(sandbox.dir.path().join("bare"), &link).expect("a link");
    let probe = trees(&sandbox).probe(&link).expect("a repository");
    assert_eq!(
        probe.git_dir,
        fs::canonicalize(sandbox.dir.path().join("bare")).expect("a folder")
    );
    assert_eq!(probe.work_tree, None);
}

#[test]
fn a_linked_work_tree_leads_to_the_shared_folder() {
    let sandbox = sandbox();
    sandbox.git(["worktree", "add", "--quiet", "-b", "side", "../linked"]);
    let linked = sandbox.dir.path().join("linked");
    fs::write(linked.join("a"), "changed here\n").expect("a write");
    let probe = trees(&sandbox).probe(&linked).expect("a repository");
    assert_eq!(probe.git_dir, sandbox.git_dir());
    assert_eq!(
        (probe.default_branch.as_str(), probe.uncommitted_files),
        ("main", 1)
    );
}

#[test]
fn uncommitted_work_is_counted() {
    let sandbox = sandbox();
    let count = || {
        trees(&sandbox)
            .probe(&sandbox.repo)
            .expect("a repository")
            .uncommitted_files
    };
    fs::write(sandbox.repo.join("untracked"), "u\n").expect("a write");
    assert_eq!(count(), 0, "untracked files are no work on tracked ones");
    fs::write(sandbox.repo.join("a"), "ONE\n").expect("a write");
    assert_eq!(count(), 1, "same size, just changed");
    sandbox.git(["add", "a"]);
    assert_eq!(count(), 1, "staged");
    fs::remove_file(sandbox.repo.join("d/b")).expect("removed");
    assert_eq!(count(), 2);
    fs::remove_file(sandbox.repo.join("ln")).expect("removed");
    std::os::unix::fs::symlink("b", sandbox.repo.join("ln")).expect("a link");
    assert_eq!(count(), 3);
    sandbox.git(["reset", "--quiet", "--hard"]);
    assert_eq!(count(), 0);
}

#[test]
fn what_is_no_usable_repository_is_refused() {
    let sandbox = sandbox();
    let root = sandbox.dir.path();
    assert_eq!(probe_code(&sandbox, &root.join("nothing")), "path-missing");
    assert_eq!(probe_code(&sandbox, &root.join("home")), "not-a-repository");
    assert_eq!(probe_code(&sandbox, &sandbox.repo.join("d")), "not-a-repository");
    let said = trees(&sandbox)
        .probe(&sandbox.repo.join("d"))
        .expect_err("refused")
        .to_string();
    assert!(
        said.contains(&sandbox.repo.display().to_string()),
        "it names the top folder: {said}"
    );
    sandbox.git_in(root, ["init", "--quiet", "fresh"]);
    assert_eq!(probe_code(&sandbox, &root.join("fresh")), "no-commit-yet");
    sandbox.git_in(root, ["init", "--quiet", "--object-format=sha256", "wide"]);
    assert_eq!(probe_code(&sandbox, &root.join("wide")), "object-format");
    sandbox.git(["switch", "--quiet", "--detach"]);
    assert_eq!(probe_code(&sandbox, &sandbox.repo), "detached-head");
}

#[test]
fn partial_clones_and_foreign_formats_are_refused() {
    let sandbox = sandbox();
    sandbox.git(["config", "uploadpack.allowFilter", "true"]);
    let url = format!("file://{}", sandbox.repo.display());
    sandbox.git_in(
        sandbox.dir.path(),
        [
            "clone",
            "--quiet",
            "--filter=blob:none",
            "--no-checkout",
            &url,
            "partial",
        ],
    );
    assert_eq!(
        probe_code(&sandbox, &sandbox.dir.path().join("partial")),
        "partial-clone"
    );
    for (key, value, want) in [
        ("extensions.refStorage", "reftable", "ref-storage"),
        ("extensions.somethingNew", "true", "unknown-extension"),
        ("extensions.partialClone", "origin", "partial-clone"),
        ("extensions.compatObjectFormat", "sha256", "object-format"),
    ] {
        sandbox.git_in(
            sandbox.dir.path(),
            ["config", "--file", "repo/.git/config", key, value],
        );
        assert_eq!(probe_code(&sandbox, &sandbox.repo), want);
        let heads = trees(&sandbox)
            .heads(&sandbox.source())
            .expect_err("refused later, too");
        assert_eq!(heads.code(), want);
        sandbox.git_in(
            sandbox.dir.path(),
            ["config", "--file", "repo/.git/config", "--unset", key],
        );
    }
    assert_eq!(
        trees(&sandbox)
            .heads(&sandbox.source())
            .expect("fine again")
            .heads
            .len(),
        1
    );
}

#[test]
fn heads_are_branches_only() {
    let sandbox = sandbox();
    let commit = sandbox.git(["rev-parse", "main"]);
    sandbox.git(["branch", "feature/one"]);
    sandbox.git(["tag", "-a", "-m", "t", "v1"]);
    sandbox.git(["update-ref", "refs/remotes/origin/x", &commit]);
    sandbox.git([
        "update-ref",
        "refs/heads/to-a-tree",
        &sandbox.git(["rev-parse", "main"]),
    ]);
    sandbox.git(["pack-refs", "--all"]);
    let heads = trees(&sandbox).heads(&sandbox.source()).expect("heads");
    assert_eq!(heads.default_branch.as_str(), "main");
    let names: Vec<&str> = heads.heads.keys().map(|b| b.as_str()).collect();
    assert_eq!(names, ["feature/one", "main", "to-a-tree"]);
    assert!(heads.heads.values().all(|c| c.as_str() == commit));
}

#[test]
fn a_pinned_commit_can_be_read_whole() {
    let sandbox = sandbox();
    let trees = trees(&sandbox);
    let pinned = trees.pin(&sandbox.source(), &branch("main")).expect("pinned");
    assert_eq!(pinned.commit.as_str(), sandbox.git(["rev-parse", "main"]));
    assert_eq!(pinned.tree.as_str(), sandbox.git(["rev-parse", "main^{tree}"]));
    let snapshot = trees.snapshot(&sandbox.source(), &pinned.commit).expect("files");
    let listing: Vec<String> = snapshot
        .iter()
        .map(|e| format!("{} {} {}", e.mode.octal(), e.blob, e.path))
        .collect();
    let want = sandbox.git([
        "ls-tree",
        "-r",
        "--format=%(objectmode) %(objectname) %(path)",
        "main",
    ]);
    assert_eq!(listing.join("\n"), want);
    let file = |path: &str| {
        let read = trees.file(&sandbox.source(), &pinned.commit, &RepoPath::from(path));
        read.map_err(|error| error.code())
    };
    assert_eq!(file("d/b"), Ok(Some(b"two\n".to_vec())));
    assert_eq!((file("nope"), file("a/b")), (Ok(None), Ok(None)));
    assert_eq!((file("d"), file("ln")), (Err(NOT_A_FILE), Err(NOT_A_FILE)));
    assert_eq!(
        trees.blob(&sandbox.source(), &snapshot[0].blob).expect("a blob"),
        b"one\n"
    );
}

#[test]
fn pins_survive_a_rewritten_source() {
    let sandbox = sandbox();
    let trees = trees(&sandbox);
    let first = trees.pin(&sandbox.source(), &branch("main")).expect("pinned");
    sandbox.git(["commit", "--quiet", "--amend", "-m", "other"]);
    sandbox.git(["reflog", "expire", "--expire=now", "--all"]);
    sandbox.git(["gc", "--quiet", "--prune=now"]);
    let second = trees.pin(&sandbox.source(), &branch("main")).expect("pinned");
    assert_ne!(first.commit, second.commit);
    assert_eq!(
        trees
            .snapshot(&sandbox.source(), &first.commit)
            .expect("still there")
            .len(),
        3
    );
    let mirror = sandbox.mirrors().join("local-1.git");
    let commits = sandbox.git_in(&mirror, ["rev-list", "--all", "--count"]);
    assert_eq!(commits, "2", "depth 1 each");
}

#[test]
fn a_commit_below_a_tip_can_be_pinned_for_a_dry_run() {
    let sandbox = sandbox();
    let old = sandbox.commit("main", &[file("a", "old\n")].into_iter().collect());
    sandbox.commit("main", &[file("a", "new\n")].into_iter().collect());
    let trees = trees(&sandbox);
    let pinned = trees.pin_commit(&sandbox.source(), &old).expect("pinned");
    assert_eq!(
        (
            &pinned.commit,
            trees.snapshot(&sandbox.source(), &old).expect("files").len()
        ),
        (&old, 1)
    );
    let nowhere = CommitSha::parse(&"1".repeat(40)).expect("an id");
    assert_eq!(
        trees
            .pin_commit(&sandbox.source(), &nowhere)
            .expect_err("missing")
            .code(),
        "commit-missing"
    );
}

#[test]
fn what_is_missing_has_its_code() {
    let sandbox = sandbox();
    let trees = trees(&sandbox);
    let code = |e: TreesError| e.code();
    let nowhere = CommitSha::parse(&"1".repeat(40)).expect("an id");
    assert_eq!(
        code(
            trees
                .snapshot(&sandbox.source(), &nowhere)
                .expect_err("no mirror")
        ),
        "not-pinned"
    );
    assert_eq!(
        code(
            trees
                .pin(&sandbox.source(), &branch("nope"))
                .expect_err("no branch")
        ),
        "branch-missing"
    );
    trees.pin(&sandbox.source(), &branch("main")).expect("pinned");
    assert_eq!(
        code(
            trees
                .snapshot(&sandbox.source(), &nowhere)
                .expect_err("no commit")
        ),
        "not-pinned"
    );
    fs::rename(&sandbox.repo, sandbox.dir.path().join("away")).expect("moved away");
    let gone = RepoSource::folder(RepositoryId::local(1), sandbox.repo.join(".git"));
    for error in [
        trees.heads(&gone).map(|_| ()).expect_err("gone"),
        trees.pin(&gone, &branch("main")).map(|_| ()).expect_err("gone"),
        trees
            .read_branch(&gone, &branch("main"))
            .map(|_| ())
            .expect_err("gone"),
    ] {
        assert!(matches!(error, TreesError::Unavailable { .. }), "{error:?}");
        assert_eq!(code(error), "source-gone");
    }
}

#[test]
fn a_shallow_source_can_be_pinned() {
    let sandbox = sandbox();
    sandbox.commit("main", &[file("a", "next\n")].into_iter().collect());
    let url = format!("file://{}", sandbox.repo.display());
    sandbox.git_in(
        sandbox.dir.path(),
        ["clone", "--quiet", "--depth=1", &url, "shallow"],
    );
    let git_dir = fs::canonicalize(sandbox.dir.path().join("shallow/.git")).expect("a folder");
    let source = RepoSource::folder(RepositoryId::local(2), git_dir);
    let pinned = trees(&sandbox).pin(&source, &branch("main")).expect("pinned");
    assert_eq!(pinned.commit.as_str(), sandbox.git(["rev-parse", "main"]));
}

#[test]
fn a_damaged_source_is_told_so() {
    let sandbox = sandbox();
    let blob = sandbox.git(["rev-parse", "main:a"]);
    fs::remove_file(
        sandbox
            .repo
            .join(".git/objects")
            .join(&blob[..2])
            .join(&blob[2..]),
    )
    .expect("removed");
    let error = trees(&sandbox)
        .pin(&sandbox.source(), &branch("main"))
        .expect_err("damaged");
    assert_eq!(error.code(), "source-damaged", "{error}");
}

#[test]
fn replaced_objects_are_never_seen() {
    let sandbox = sandbox();
    let other = sandbox
        .git_bytes(["hash-object", "-w", "--stdin"], b"replaced\n")
        .expect("a blob");
    let other = String::from_utf8_lossy(&other).trim().to_owned();
    for setting in ["true", "false"] {
        sandbox.git(["config", "core.useReplaceRefs", setting]);
        sandbox.git(["replace", "-f", "main:a", &other]);
        let trees = GitTrees::new(sandbox.dir.path().join(format!("mirrors-{setting}")));
        let pinned = trees.pin(&sandbox.source(), &branch("main")).expect("pinned");
        let content = trees
            .file(&sandbox.source(), &pinned.commit, &RepoPath::from("a"))
            .expect("readable");
        assert_eq!(
            content.as_deref(),
            Some(&b"one\n"[..]),
            "core.useReplaceRefs={setting}"
        );
        let commit_swap = sandbox.commit("other", &[file("a", "evil\n")].into_iter().collect());
        sandbox.git(["replace", "-f", "main", commit_swap.as_str()]);
        let state = trees
            .read_branch(&sandbox.source(), &branch("main"))
            .expect("readable")
            .expect("there");
        assert_eq!((state.commit, state.tree), (pinned.commit, pinned.tree));
        sandbox.git(["replace", "-d", "main"]);
    }
}

#[test]
fn two_pins_at_once_take_turns() {
    let sandbox = sandbox();
    let trees = trees(&sandbox);
    let source = sandbox.source();
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| trees.pin(&source, &branch("main"))))
            .collect();
        for run in runs {
            run.join().expect("no panic").expect("pinned");
        }
    });
}

#[test]
fn a_name_is_read_exactly() {
    let sandbox = sandbox();
    let commit = sandbox.git(["rev-parse", "main"]);
    sandbox.git(["update-ref", "refs/heads/refs/heads/ghost", &commit]);
    let trees = trees(&sandbox);
    assert_eq!(
        trees
            .read_branch(&sandbox.source(), &branch("ghost"))
            .expect("readable"),
        None
    );
    assert_eq!(
        trees
            .pin(&sandbox.source(), &branch("ghost"))
            .expect_err("no such branch")
            .code(),
        "branch-missing"
    );
}
