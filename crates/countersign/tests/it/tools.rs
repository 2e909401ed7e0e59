//! `patch apply`, `policy check`, `init`, `repo`: small tools that need no workflow.

use crate::support::{ISSUE, World};

#[test]
fn a_patch_is_tried_without_a_trace() {
    let world = World::new();
    let before = world.state_of("tollgate");
    let sha = world.git("tollgate", &["rev-parse", "HEAD"]);
    let flags = [
        "patch", "apply", "--repo", "tollgate", "--base", &sha, "--diff", "fix.diff", "--json",
    ];
    let applied = world.run(&flags).exits(0).json();
    assert_eq!(applied["warnings"], serde_json::json!([]));
    let checked: Vec<&str> = flags.into_iter().chain(["--cross-check"]).collect();
    let checked = world.run(&checked).exits(0).json();
    let second = checked["second_applier"].as_str().unwrap();
    assert!(second.starts_with("git 2."), "{second}");
    assert_eq!(checked["tree"], applied["tree"]);
    world.file(
        "bad.diff",
        crate::support::DIFF.replace("u32) -> u32 { w }", "u64) -> u32 { w }"),
    );
    let flags = [
        "patch", "apply", "--repo", "tollgate", "--base", "main", "--diff", "bad.diff", "--json",
    ];
    let refused = world.run(&flags).exits(2).json();
    for part in ["code", "message", "place"] {
        assert!(refused["refused"][part].is_string(), "{refused}");
    }
    assert_eq!(world.state_of("tollgate"), before);
    assert!(!world.path("data").exists(), "no data folder is made");
    world
        .run(&[
            "patch",
            "apply",
            "--repo",
            "tollgate",
            "--base",
            &"0".repeat(40),
            "--diff",
            "fix.diff",
        ])
        .exits(2);
    world.git("tollgate", &["apply", "../fix.diff"]);
    world.git("tollgate", &["add", "-A"]);
    assert_eq!(
        world.git("tollgate", &["write-tree"]),
        applied["tree"].as_str().unwrap()
    );
}

#[test]
fn policy_check_blocks_with_exit_two_and_warns_with_zero() {
    let world = World::new();
    world
        .run(&["policy", "check", "--repo", "tollgate", "--diff", "fix.diff"])
        .exits(0)
        .says("nothing broken");
    world
        .run(&["policy", "check", "--repo", "tollgate", "--diff", "ci.diff"])
        .exits(0)
        .says("warning ci-file@");
    let flags = [
        "policy",
        "check",
        "--repo",
        "tollgate",
        "--base",
        "main",
        "--diff",
        "blocked.diff",
        "--json",
    ];
    let checked = world.run(&flags).exits(2).json();
    assert_eq!(checked["blocked"], true);
    assert_eq!(checked["violations"][0]["id"], "agent-instruction-file@AGENTS.md");
    assert!(!world.path("data").exists(), "no data folder is made");
}

#[test]
fn init_writes_once_and_says_when_it_counts() {
    let world = World::new();
    world
        .run(&["init", "--repo", "tollgate"])
        .exits(0)
        .says("once it is committed on the default branch, main");
    let text = std::fs::read_to_string(world.path("tollgate/.countersign.toml")).unwrap();
    assert!(text.contains("version = 1"));
    world.file("tollgate/.countersign.toml", "mine");
    let again = world
        .run(&["init", "--repo", "tollgate", "--json"])
        .exits(0)
        .json();
    assert_eq!(again["written"], false);
    assert_eq!(
        std::fs::read_to_string(world.path("tollgate/.countersign.toml")).unwrap(),
        "mine"
    );
    world.run(&["init", "--repo", "issue.md"]).exits(2);
}

#[test]
fn repositories_are_registered_once() {
    let world = World::new();
    let one = world.run(&["repo", "add", "tollgate", "--json"]).exits(0).json();
    let same = world
        .run(&["repo", "add", "tollgate/.git", "--json"])
        .exits(0)
        .json();
    assert_eq!(one, same);
    world
        .run(&["repo", "add", "larder"])
        .exits(0)
        .says("larder is local-2");
    let list = world.run(&["repo", "list", "--json"]).exits(0).json();
    assert_eq!(list["repositories"].as_array().unwrap().len(), 2);
    world.run(&["repo", "list"]).exits(0).says("tollgate");
}

#[test]
fn a_policy_on_the_default_branch_forbids_unattended_approval() {
    let world = World::new();
    world.file(
        "tollgate/.countersign.toml",
        "version = 1\n[approval]\nunattended = \"forbid\"\n",
    );
    world.git("tollgate", &["add", "."]);
    world.git("tollgate", &["commit", "--quiet", "-m", "policy"]);
    world.file("issue.md", ISSUE);
    world
        .run(&["run", "--repo", "tollgate", "--issue", "issue.md", "--yes"])
        .exits(2)
        .says("unattended-forbidden");
}
