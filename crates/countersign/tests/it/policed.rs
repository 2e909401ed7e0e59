//! Policy over HTTP: what counts, and what it would say of a change that nobody asked for yet.

use crate::served::{Served, text, world};
use crate::support::{BLOCKED_DIFF, CI_DIFF, DIFF, World};
use serde_json::{Value, json};

const PREVIEW: &str = "/api/v1/policy/preview";

fn gate(preview: &Value, number: u64) -> &Value {
    let gates = preview["gates"].as_array().unwrap();
    gates.iter().find(|g| g["number"] == number).unwrap()
}

fn check<'a>(gate: &'a Value, id: &str) -> &'a str {
    let checks = gate["checks"].as_array().unwrap();
    text(checks.iter().find(|c| c["id"] == id).unwrap(), "outcome")
}

fn broken(preview: &Value) -> Vec<&str> {
    let all = preview["violations"].as_array().unwrap();
    all.iter().map(|v| text(v, "id")).collect()
}

fn policy(world: &World, text: &str) {
    world.file("tollgate/.countersign.toml", format!("version = 1\n{text}"));
    world.git("tollgate", &["add", "."]);
    world.git("tollgate", &["commit", "--quiet", "-m", "policy"]);
}

#[test]
fn the_policy_of_a_repository_is_the_same_over_http_as_at_the_terminal() {
    let world = world();
    world.git("tollgate", &["branch", "release"]);
    policy(&world, "[rules]\nci-file = \"block\"\n");
    world.file("data/policy.toml", "version = 1\n[approval]\ndays = 3\n");
    let served = Served::start(&world, &[]);
    let token = served.token();
    for (query, base) in [("", "main"), ("?base=release", "release")] {
        let path = format!("/api/v1/repositories/tollgate/policy{query}");
        let told = served.get(&path, &token).is(200).json();
        let shown = world
            .run(&["policy", "show", "--repo", "tollgate", "--base", base, "--json"])
            .exits(0)
            .json();
        for part in ["digest", "base", "values", "own_rules", "runs_own_rules"] {
            assert_eq!(told[part], shown[part], "{part} for {base}");
        }
        let sources: Vec<&str> = told["layers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|l| text(l, "source"))
            .collect();
        assert_eq!(sources, ["floor", "organisation", "default-branch", "base"]);
    }
    let none = served
        .get("/api/v1/repositories/attic/policy", &token)
        .is(404)
        .json();
    assert_eq!(none["code"], "not-found");
    served
        .get("/api/v1/repositories/tollgate/policy?base=attic", &token)
        .is(422);
    policy(&world, "[rules]\nci-fil = \"block\"\n");
    let unreadable = served
        .get("/api/v1/repositories/tollgate/policy", &token)
        .is(422)
        .json();
    assert_eq!(unreadable["code"], "policy-invalid");
    assert!(text(&unreadable, "detail").contains("ci-fil"), "{unreadable}");
}

#[test]
fn a_pasted_diff_is_judged_as_policy_check_does_and_leaves_no_trace() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let ledger = || served.get("/api/v1/ledger", &token).is(200).json()["size"].clone();
    let (repository, entries) = (world.state_of("tollgate"), ledger());
    for (file, diff) in [("fix", DIFF), ("ci", CI_DIFF), ("blocked", BLOCKED_DIFF)] {
        let new = json!({"repository": "tollgate", "diff": diff});
        let told = served.json("POST", PREVIEW, &token, &new).is(200).json();
        let ran = world.run(&[
            "policy",
            "check",
            "--repo",
            "tollgate",
            "--diff",
            &format!("{file}.diff"),
            "--json",
        ]);
        let checked = ran.json();
        assert_eq!(told["violations"], checked["violations"], "{file}");
        assert_eq!(told["blocked"], checked["blocked"], "{file}");
        assert_eq!(told["risk"], checked["risk"], "{file}");
        assert_eq!(told["repositories"][0]["policy"], checked["policy"], "{file}");
        let proposal = gate(&told, 2);
        let outcome = if told["blocked"] == json!(true) {
            "failed"
        } else {
            "undecided"
        };
        assert_eq!(text(proposal, "outcome"), outcome, "{proposal}");
        assert_eq!(check(proposal, "appliers-agree"), "passed");
        assert_eq!(
            check(proposal, "critic-not-rejecting"),
            "missing",
            "nobody asked a critic"
        );
    }
    let crooked = json!({"repository": "tollgate", "diff": DIFF.replace("quote(w", "quoted(w")});
    let refused = served.json("POST", PREVIEW, &token, &crooked).is(422).json();
    assert!(text(&refused, "detail").contains("src/lib.rs"), "{refused}");
    for nothing in [
        json!({}),
        json!({"repository": "tollgate"}),
        json!({"workflow": "x", "diff": DIFF}),
    ] {
        let refused = served.json("POST", PREVIEW, &token, &nothing).is(422).json();
        assert_eq!(refused["code"], "preview-of-what");
    }
    assert_eq!(ledger(), entries, "nothing was recorded");
    assert_eq!(world.state_of("tollgate"), repository, "nothing was written");
    assert_eq!(
        served.get("/api/v1/workflows", &token).is(200).json()["workflows"],
        json!([])
    );
}

#[test]
fn a_workflow_is_held_against_another_policy_before_that_is_committed() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let workflow = served.waiting(&token)["workflow"].clone();
    let against = |policy: Option<&str>| {
        let new = json!({"workflow": workflow, "policy": policy});
        served.json("POST", PREVIEW, &token, &new).is(200).json()
    };
    let now = against(None);
    assert_eq!(text(gate(&now, 2), "outcome"), "passed", "{now}");
    assert_eq!(
        text(gate(&now, 0), "outcome"),
        "undecided",
        "policy is not all of gate 0"
    );
    let frozen = against(Some("version = 1\n[paths]\nfrozen = [\"src\"]\n"));
    assert_eq!(broken(&frozen), ["frozen-path@src/lib.rs"]);
    assert_eq!(text(gate(&frozen, 2), "outcome"), "failed");
    assert_ne!(
        frozen["repositories"][0]["policy"],
        now["repositories"][0]["policy"]
    );
    let with_ci = against(Some(
        "version = 1\n[ci]\nrequired = true\n[approval]\nplan = \"always\"\n",
    ));
    assert_eq!(check(gate(&with_ci, 0), "policy-can-be-met"), "failed");
    assert_eq!(with_ci["asks_for_plan"], true);
    let wrong = json!({"workflow": workflow, "policy": "version = 1\n[pathes]\n"});
    let refused = served.json("POST", PREVIEW, &token, &wrong).is(422).json();
    assert_eq!(refused["code"], "policy-invalid");
    assert_eq!(
        served.state(&token, workflow.as_str().unwrap()),
        "AwaitingApproval",
        "it goes on as it was"
    );
    // What counts now is today's policy, not the one that the workflow was pinned under.
    policy(&world, "[paths]\nfrozen = [\"src\"]\n");
    assert_eq!(broken(&against(None)), ["frozen-path@src/lib.rs"]);
}
