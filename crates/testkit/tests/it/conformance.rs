//! The repositories in memory and real git are asked the same, and have to answer the same.

use countersign_core::forge::Landed;
use countersign_core::id::{BranchName, CommitSha, PullRequestNumber, RepositoryId};
use countersign_git::GitTrees;
use countersign_ports::store::Clock as _;
use countersign_ports::trees::{BaseStanding, Merged, RepoPlace, RepoSource, Trees};
use countersign_testkit::life::VirtualClock;
use countersign_testkit::repositories::{How, Merging, Repositories};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

const DIFF: &str = "--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-one\n+two\n";

/// The same repository twice: as git has it, and as the model has it.
struct Both {
    _folder: TempDir,
    git: GitTrees,
    model: Repositories,
    real: RepoSource,
    modelled: RepoSource,
    work_tree: std::path::PathBuf,
}

fn run(dir: &Path, words: &[&str]) -> String {
    let out = Command::new("git")
        .args(words)
        .current_dir(dir)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .env("HOME", dir)
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .envs([
            ("GIT_AUTHOR_NAME", "A"),
            ("GIT_AUTHOR_EMAIL", "a@b"),
            ("GIT_AUTHOR_DATE", "@0 +0000"),
        ])
        .envs([
            ("GIT_COMMITTER_NAME", "A"),
            ("GIT_COMMITTER_EMAIL", "a@b"),
            ("GIT_COMMITTER_DATE", "@0 +0000"),
        ])
        .output()
        .unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap().trim().to_owned()
}

impl Both {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let work_tree = folder.path().join("one");
        std::fs::create_dir(&work_tree).unwrap();
        run(&work_tree, &["init", "-q", "-b", "main"]);
        let git = GitTrees::new(folder.path().join("mirrors"));
        let id = RepositoryId::local(1);
        let clock = Arc::new(VirtualClock::new(1_900_000_000_000));
        assert!(clock.now().0 > 0);
        let mut both = Self {
            git,
            model: Repositories::new(clock),
            real: RepoSource::folder(id.clone(), work_tree.join(".git")),
            modelled: RepoSource::folder(id, "/model/one".into()),
            work_tree,
            _folder: folder,
        };
        both.commit(&[("a.txt", "one"), ("b.txt", "other")]);
        both.real.place = RepoPlace::Folder(both.git.probe(&both.work_tree).unwrap().git_dir);
        both
    }

    /// The same files in both; the commits differ only in their messages.
    fn commit(&mut self, changes: &[(&str, &str)]) {
        for (file, line) in changes {
            std::fs::write(self.work_tree.join(file), format!("{line}\n")).unwrap();
        }
        run(&self.work_tree, &["add", "."]);
        run(&self.work_tree, &["commit", "-qm", &format!("{changes:?}")]);
        self.model.commit(self.modelled.git_dir().unwrap(), changes);
    }

    fn each<T>(&self, ask: impl Fn(&dyn Trees, &RepoSource) -> T) -> (T, T) {
        (ask(&self.git, &self.real), ask(&self.model, &self.modelled))
    }

    fn pinned(&self) -> (CommitSha, CommitSha) {
        self.each(|trees, repo| trees.pin(repo, &main_branch()).unwrap().commit)
    }
}

fn main_branch() -> BranchName {
    BranchName::parse("main").unwrap()
}

fn same<T: PartialEq + std::fmt::Debug>((git, model): (T, T), what: &str) {
    assert_eq!(git, model, "{what}");
}

#[test]
fn commits_trees_and_blobs_have_gits_own_ids() {
    let both = Both::new();
    same(both.pinned(), "the commit");
    same(
        both.each(|t, r| t.pin(r, &main_branch()).unwrap().tree),
        "the tree",
    );
    let (base, _) = both.pinned();
    same(both.each(|t, r| t.snapshot(r, &base).unwrap()), "the files");
    same(
        both.each(|t, r| t.file(r, &base, &"a.txt".into()).unwrap()),
        "a file",
    );
    same(
        both.each(|t, r| t.file(r, &base, &"c.txt".into()).unwrap()),
        "no file",
    );
    let blob = both.git.snapshot(&both.real, &base).unwrap()[0].blob.clone();
    same(both.each(|t, r| t.blob(r, &blob).unwrap()), "a blob");
    same(both.each(|t, r| t.heads(r).unwrap()), "the heads");
}

#[test]
fn a_diff_gives_the_same_tree_the_same_facts_and_the_same_canonical_bytes() {
    let both = Both::new();
    let (base, _) = both.pinned();
    let (git, model) = both.each(|t, r| t.apply(r, &base, DIFF.as_bytes()).unwrap().unwrap());
    assert_eq!(
        String::from_utf8_lossy(&git.canonical),
        String::from_utf8_lossy(&model.canonical)
    );
    assert_eq!((git.diff, git.contents), (model.diff, model.contents));
    let canonical = git.canonical;
    same(
        both.each(|t, r| t.second_opinion(r, &base, &canonical).unwrap().outcome),
        "the second opinion",
    );
    let wrong = DIFF.replace("-one", "-something else");
    same(
        both.each(|t, r| t.apply(r, &base, wrong.as_bytes()).unwrap().is_err()),
        "a refusal",
    );
}

#[test]
fn a_base_stands_the_same() {
    let mut both = Both::new();
    let (base, _) = both.pinned();
    let canonical = both
        .model
        .apply(&both.modelled, &base, DIFF.as_bytes())
        .unwrap()
        .unwrap()
        .canonical;
    let kind = |s: BaseStanding| match s {
        BaseStanding::Unmoved => "unmoved",
        BaseStanding::MovedClean { .. } => "clean",
        BaseStanding::MovedConflict { .. } => "conflict",
        BaseStanding::Rewritten { .. } => "rewritten",
        BaseStanding::Gone => "gone",
    };
    let ask =
        |both: &Both| both.each(|t, r| kind(t.base_standing(r, &main_branch(), &base, &canonical).unwrap()));
    same(ask(&both), "unmoved");
    both.commit(&[("b.txt", "moved")]);
    assert_eq!(ask(&both), ("clean", "clean"));
    both.commit(&[("a.txt", "one and a half")]);
    assert_eq!(ask(&both), ("conflict", "conflict"));
}

#[test]
fn what_is_prepared_is_the_same_commit_and_a_branch_that_is_not_there_is_not_found() {
    let both = Both::new();
    let (base, _) = both.pinned();
    let applied = both
        .model
        .apply(&both.modelled, &base, DIFF.as_bytes())
        .unwrap()
        .unwrap();
    let tree = applied.diff.result_tree.clone();
    let bytes =
        format!("tree {tree}\nparent {base}\nauthor A <a@b> 0 +0000\ncommitter A <a@b> 0 +0000\n\nwords\n");
    let prepare = |t: &dyn Trees, r: &RepoSource| {
        let prepared = t
            .prepare(r, &base, &applied.canonical, &tree, bytes.as_bytes())
            .unwrap();
        (prepared.commit, prepared.tree)
    };
    same(both.each(prepare), "what is prepared");
    let other = both.pinned().0;
    assert_ne!(other.as_str(), tree.as_str());
    let wrong = countersign_core::id::TreeSha::parse(other.as_str()).unwrap();
    let refuse = |t: &dyn Trees, r: &RepoSource| {
        t.prepare(r, &base, &applied.canonical, &wrong, bytes.as_bytes())
            .is_err()
    };
    assert_eq!(both.each(refuse), (true, true));
    let branch = BranchName::parse("countersign/x").unwrap();
    same(both.each(|t, r| t.read_branch(r, &branch).unwrap()), "no branch");
}

/// A pull request of the approved commit in both, merged that way: the commits are the same, and so is what landed.
fn merged(how: How, beside: Option<(&str, &str)>, moved: Option<(&str, &str)>) -> Landed {
    let mut both = Both::new();
    let (base, _) = both.pinned();
    let apply = both.model.apply(&both.modelled, &base, DIFF.as_bytes());
    let applied = apply.unwrap().unwrap();
    let tree = &applied.diff.result_tree;
    let text =
        format!("tree {tree}\nparent {base}\nauthor A <a@b> 0 +0000\ncommitter A <a@b> 0 +0000\n\nwords\n");
    let prepare = |t: &dyn Trees, r: &RepoSource| {
        let prepared = t.prepare(r, &base, &applied.canonical, tree, text.as_bytes());
        prepared.unwrap().commit
    };
    let approved = prepare(&both.model, &both.modelled);
    let at = both.work_tree.clone();
    run(&at, &["checkout", "-qb", "ours"]);
    std::fs::write(at.join("a.txt"), "two\n").unwrap();
    run(&at, &["commit", "-qam", "words"]);
    assert_eq!(run(&at, &["rev-parse", "ours"]), approved.as_str());
    run(&at, &["checkout", "-q", "main"]);
    if let Some(moved) = moved {
        both.commit(&[moved]);
    }
    let tip = both.pinned().0;
    let dir = both.modelled.git_dir().unwrap().to_owned();
    let ours = BranchName::parse("ours").unwrap();
    both.model.somebody_opens(&dir, &ours, &approved);
    let number = PullRequestNumber(1);
    let merging = Merging {
        how,
        beside,
        deletes: false,
    };
    let made = both.model.somebody_merges(&dir, number, merging).unwrap();
    // What git itself merges, with what got into it.
    let tree = run(
        &at,
        &["merge-tree", "--write-tree", tip.as_str(), approved.as_str()],
    );
    run(&at, &["read-tree", "-u", "--reset", &tree]);
    if let Some((file, line)) = beside {
        std::fs::write(at.join(file), format!("{line}\n")).unwrap();
    }
    run(&at, &["add", "."]);
    let tree = run(&at, &["write-tree"]);
    let (mut parents, mut words) = (vec!["-p", tip.as_str()], format!("pull request {number}"));
    match how {
        How::Merge => parents.extend(["-p", approved.as_str()]),
        How::Rebase if beside.is_none() => words = format!("{approved} anew"),
        How::Squash | How::Rebase => {}
    }
    let made_by_git = run(
        &at,
        &[&["commit-tree", &tree, "-m", &words], parents.as_slice()].concat(),
    );
    assert_eq!(made_by_git, made.as_str(), "{how:?} {beside:?} {moved:?}");
    run(&at, &["update-ref", "refs/heads/main", &made_by_git]);
    both.git.pin(&both.real, &main_branch()).unwrap();
    let landed = |t: &dyn Trees, r: &RepoSource| {
        let asked = Merged {
            branch: &main_branch(),
            merged_as: &made,
            approved: &approved,
            base: &base,
            canonical: &applied.canonical,
        };
        t.landed(r, &asked).unwrap()
    };
    let (git, model) = both.each(landed);
    assert_eq!(git, model, "{how:?} {beside:?} {moved:?}");
    model
}

#[test]
fn what_landed_is_the_same_by_merge_squash_and_rebase_honest_or_not() {
    for how in [How::Merge, How::Squash, How::Rebase] {
        for beside in [None, Some(("a.txt", "three")), Some(("b.txt", "another"))] {
            for moved in [None, Some(("b.txt", "moved"))] {
                let Landed::As { tree, expected, .. } = merged(how, beside, moved) else {
                    panic!("it landed")
                };
                assert_eq!(expected == Some(tree), beside.is_none(), "{how:?} {moved:?}");
            }
        }
    }
}
