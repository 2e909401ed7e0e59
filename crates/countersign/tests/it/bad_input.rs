//! Whatever is typed or fed: a code, a sentence, a next step, and nothing begun.

use crate::support::World;

#[track_caller]
fn refused(world: &World, arguments: &[&str], exit: i32, code: &str) {
    let mut with_json = arguments.to_vec();
    with_json.push("--json");
    let ran = world.run(&with_json).exits(exit);
    let error = &ran.json()["error"];
    assert_eq!(error["code"], code, "{ran}");
    assert!(error["message"].as_str().is_some_and(|m| m.len() > 10), "{ran}");
    assert!(ran.err.contains(code), "people are told as well: {ran}");
    assert_eq!(
        world.run(&["list", "--json"]).json()["workflows"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
}

#[test]
fn texts_that_are_no_issue_are_refused() {
    let world = World::new();
    world.file("empty.md", " \n");
    world.file("huge.md", "a".repeat(256 * 1024 + 1));
    world.file("latin.md", b"caf\xe9");
    world.file("nul.md", b"a\0b");
    for (file, code) in [
        ("empty.md", "feedback-empty"),
        ("huge.md", "feedback-too-large"),
        ("latin.md", "feedback-not-utf8"),
        ("nul.md", "feedback-nul"),
        ("missing.md", "file-missing"),
        ("tollgate", "is-a-folder"),
    ] {
        refused(&world, &["run", "--repo", "tollgate", "--issue", file], 2, code);
    }
}

#[test]
fn repositories_that_are_none_are_refused() {
    let world = World::new();
    std::fs::create_dir(world.path("empty")).unwrap();
    world.git(".", &["init", "--quiet", "fresh"]);
    world.git(".", &["init", "--quiet", "--object-format=sha256", "modern"]);
    world.git("tollgate", &["tag", "v1"]);
    let sha = world.git("tollgate", &["rev-parse", "HEAD"]);
    for (repo, code) in [
        ("nowhere", "path-missing"),
        ("empty", "not-a-repository"),
        ("tollgate/src", "not-a-repository"),
        ("fresh", "no-commit-yet"),
        ("modern", "object-format"),
        ("tollgate@nope", "branch-missing"),
        ("tollgate@v1", "branch-missing"),
        (&format!("tollgate@{sha}"), "branch-missing"),
        (&format!("tollgate@{}", &sha[..10]), "branch-missing"),
    ] {
        refused(&world, &["run", "--repo", repo, "--issue", "issue.md"], 2, code);
    }
}

#[test]
fn command_lines_that_mean_nothing_are_usage_errors() {
    let world = World::new();
    let run = ["run", "--issue", "issue.md", "--repo", "tollgate"];
    refused(&world, &["frobnicate"], 64, "usage");
    refused(&world, &["run", "--issue", "issue.md"], 64, "one-primary");
    refused(&world, &["run", "--repo", "tollgate"], 64, "usage");
    refused(
        &world,
        &[&run[..], &["--repo", "larder"]].concat(),
        64,
        "one-primary",
    );
    refused(
        &world,
        &[&run[..], &["--repo", "tollgate:secondary"]].concat(),
        64,
        "repository-twice",
    );
    refused(
        &world,
        &[&run[..], &["--agent", "oracle"]].concat(),
        64,
        "unknown-agent",
    );
    refused(
        &world,
        &[&run[..], &["--unconfined"]].concat(),
        64,
        "rights-without-command",
    );
    refused(
        &world,
        &[&run[..], &["--diff", "larder=fix.diff"]].concat(),
        64,
        "unknown-repository",
    );
    world.run(&[]).exits(64).says("Usage: countersign");
    world.run(&["run", "--nope"]).exits(64);
}

#[test]
fn ids_that_fit_nothing_are_refused() {
    let world = World::new();
    refused(&world, &["show", "abc"], 2, "bad-id");
    refused(&world, &["show", "../../etc"], 2, "bad-id");
    refused(&world, &["show", "ABCDEF"], 2, "not-found");
    refused(
        &world,
        &["resume", "wf_01ARZ3NDEKTSV4RRFFQ69G5FAV"],
        2,
        "not-found",
    );
    refused(
        &world,
        &["retry", "wf_01ARZ3NDEKTSV4RRFFQ69G5FAV"],
        2,
        "not-found",
    );
}

#[test]
fn diffs_that_are_none_are_refused() {
    let world = World::new();
    world.file("empty.diff", "");
    refused(
        &world,
        &["run", "--repo", "tollgate", "--diff", "empty.diff"],
        2,
        "diff-empty",
    );
    refused(
        &world,
        &["run", "--repo", "tollgate", "--diff", "missing.diff"],
        2,
        "file-missing",
    );
    let ran = world
        .run(&[
            "policy", "check", "--repo", "tollgate", "--diff", "issue.md", "--json",
        ])
        .exits(2);
    assert!(ran.json()["refused"]["code"].is_string(), "{ran}");
}

#[test]
fn an_issue_without_rules_becomes_a_question_and_not_a_failure() {
    let world = World::new();
    world.file("prose.md", "Please make it better.\n");
    let shown = world
        .run(&["run", "--repo", "tollgate", "--issue", "prose.md", "--json"])
        .exits(3)
        .json();
    assert_eq!(shown["state"], "NeedsHuman");
    assert_eq!(shown["requests"][0]["choices"][0], "provide");
}

#[test]
fn a_waiver_without_a_reason_is_refused_before_anybody_types_digits() {
    let world = World::new();
    let ran = world.run(&["waive", "wf_0000", "ci-file@.ci/run", "--reason", " "]);
    ran.exits(2).says("bad-text").says("say it in a sentence");
}

#[test]
fn a_mistake_in_the_organisations_policy_is_said_before_anything_starts() {
    let world = World::new();
    world.run(&["repo", "add", "tollgate"]).exits(0);
    world.file("data/policy.toml", "versoin = 1\n");
    let run = ["run", "--repo", "tollgate", "--issue", "issue.md", "--yes"];
    world
        .run(&run)
        .exits(2)
        .says("policy-unreadable")
        .says("write `version = 1`");
    let listed = world.run(&["list", "--json"]).exits(0).json();
    assert_eq!(
        listed["workflows"].as_array().map(Vec::len),
        Some(0),
        "nothing began"
    );
}

#[test]
fn a_lost_ledger_key_is_not_replaced_by_a_new_one() {
    let world = World::new();
    world.run(&["repo", "add", "tollgate"]).exits(0);
    std::fs::remove_file(world.path("data/keys/ledger.seed")).unwrap();
    world
        .run(&["ledger", "checkpoint"])
        .exits(1)
        .says("ledger-key-missing");
    assert!(!world.path("data/keys/ledger.seed").exists());
}
