//! What stops writing, what somebody has to see to, and requests that are kept open.

use crate::served::Served;
use crate::support::World;
use crate::terminal::Typist;
use serde_json::json;

fn branches(world: &World) -> String {
    world.git("tollgate", &["for-each-ref", "refs/heads/countersign"])
}

#[test]
fn an_approved_write_waits_while_it_is_frozen_and_goes_on_afterwards() {
    let world = World::new();
    let id = world.waiting();
    world
        .run(&["freeze", "--reason", "Release day."])
        .exits(0)
        .says("every repository: Release day.");
    world
        .run(&["freeze", "--reason", "Again."])
        .exits(2)
        .says("frozen-already");
    world
        .run(&["approve", &id, "--yes"])
        .exits(3)
        .says("writing is frozen since");
    assert_eq!(branches(&world), "", "nothing is written");
    world.run(&["list"]).exits(0).says("FROZEN").says("Applying");
    world.run(&["resume", &id]).exits(3).says("Release day.");
    world
        .run(&["run", "--repo", "larder", "--issue", "issue.md", "--json"])
        .exits(2)
        .says("nothing begins: everything is frozen");
    world
        .run(&["unfreeze", "--reason", "Released."])
        .exits(0)
        .says("nothing is frozen");
    world.run(&["resume", &id]).exits(0).says("Done");
    assert!(branches(&world).contains(&id));
    world
        .run(&["unfreeze", "--reason", "Twice."])
        .exits(2)
        .says("not-frozen");
    world.run(&["ledger", "export", &id, "-o", "story.json"]).exits(0);
    world.run(&["verify", "story.json"]).exits(0);
    let kinds = world.run(&["ledger", "show"]).exits(0);
    kinds.says("freeze.begun").says("freeze.ended");
}

#[test]
fn one_repository_is_frozen_and_the_others_go_on() {
    let world = World::new();
    world.run(&["repo", "add", "tollgate"]).exits(0);
    world.run(&["repo", "add", "larder"]).exits(0);
    world
        .run(&["freeze", "--repo", "elsewhere", "--reason", "No."])
        .exits(2)
        .says("unknown-repository");
    world
        .run(&["freeze", "--repo", "tollgate", "--reason", "Being moved."])
        .exits(0)
        .says("tollgate: Being moved.");
    let run = |repo: &str| world.run(&["run", "--repo", repo, "--issue", "issue.md", "--yes", "--json"]);
    run("larder").exits(0);
    run("tollgate").exits(2).says("Being moved.");
    world
        .run(&["unfreeze", "--repo", "tollgate", "--reason", "Moved."])
        .exits(0);
    run("tollgate").exits(0);
}

#[test]
fn a_cancelled_workflow_takes_its_branch_back_while_it_is_frozen() {
    let world = World::new();
    let id = world.waiting();
    world.run(&["freeze", "--reason", "Stop."]).exits(0);
    world.run(&["approve", &id, "--yes"]).exits(3);
    world.run(&["cancel", &id, "--reason", "Never mind."]).exits(0);
    world.run(&["show", &id]).exits(0).says("Cancelled");
    assert_eq!(branches(&world), "");
}

#[test]
fn over_a_server_an_owner_freezes_and_a_reviewer_does_not() {
    let world = World::new();
    world.run(&["repo", "add", "tollgate"]).exits(0);
    let served = Served::start(&world, &[]);
    let owner = served.token();
    let invited = served
        .json(
            "POST",
            "/api/v1/members",
            &owner,
            &json!({"name": "Ruth", "role": "reviewer"}),
        )
        .is(201)
        .json();
    let code = json!({"code": invited["code"]});
    let reviewer = served.json("POST", "/api/v1/sessions", "", &code).is(201).json();
    let reviewer = reviewer["token"].as_str().unwrap();
    let freeze = json!({"repository": "tollgate", "reason": "Being moved."});
    served.json("POST", "/api/v1/freezes", reviewer, &freeze).is(403);
    let frozen = served
        .json("POST", "/api/v1/freezes", &owner, &freeze)
        .is(201)
        .json();
    assert_eq!(frozen[0]["repository"], "tollgate");
    let new = json!({"text": "Say so", "repositories": [{"name": "tollgate"}],
        "diffs": [{"repository": "tollgate", "diff": crate::support::DIFF}]});
    let refused = served
        .json("POST", "/api/v1/workflows", &owner, &new)
        .is(422)
        .json();
    assert_eq!(refused["code"], "frozen");
    let end = format!("/api/v1/freezes/{}/end", frozen[0]["id"].as_str().unwrap());
    served.json("POST", &end, &owner, &json!({"note": ""})).is(422);
    let left = served
        .json("POST", &end, &owner, &json!({"note": "Moved."}))
        .is(200)
        .json();
    assert_eq!(left, json!([]));
    served.json("POST", "/api/v1/workflows", &owner, &new).is(202);
    served
        .json(
            "POST",
            "/api/v1/alarms/7/clear",
            &owner,
            &json!({"note": "None."}),
        )
        .is(404);
}

#[test]
fn a_person_keeps_a_request_open_as_long_as_policy_allows() {
    let world = World::new();
    let id = world.waiting();
    let until = || {
        let shown = world.run(&["show", &id, "--json"]).exits(0).json();
        shown["requests"][0]["expires_at"].as_str().unwrap().to_owned()
    };
    let before = until();
    world.run(&["extend", &id]).exits(3).says("needs-a-person");
    Typist::sits_at(&world, &["extend", &id, "--days", "300"])
        .leaves()
        .exits(2)
        .says("at the latest");
    Typist::sits_at(&world, &["extend", &id, "--days", "1"])
        .leaves()
        .exits(2)
        .says("already");
    assert_eq!(until(), before);
    Typist::sits_at(&world, &["extend", &id]).leaves().exits(3);
    assert!(until() > before, "{} and {before}", until());
    world.run(&["show", &id, "--story"]).exits(0).says("open until");
    world.run(&["approve", &id, "--yes"]).exits(0);
    world.run(&["ledger", "export", &id, "-o", "story.json"]).exits(0);
    world.run(&["verify", "story.json"]).exits(0);
}

#[test]
fn no_alarm_is_said_and_none_can_be_cleared() {
    let world = World::new();
    world.run(&["alarm", "list"]).exits(0).says("No alarm.");
    world
        .run(&["alarm", "clear", "3", "--note", "Looked at it."])
        .exits(2)
        .says("not-found");
}
