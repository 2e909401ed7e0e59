//! A caller's own words about a workflow: kept with it, shown, looked up by.

use crate::served::{Served, text, world};
use crate::support::{DIFF, ran};
use serde_json::{Value, json};

fn new(words: &str, metadata: &Value) -> Value {
    json!({"text": words, "repositories": [{"name": "tollgate"}], "metadata": metadata,
        "diffs": [{"repository": "tollgate", "diff": DIFF}]})
}

#[test]
fn a_workflow_is_found_by_the_words_that_its_caller_gave_it() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let begin = |words: &str, metadata: &Value| {
        let begun = served
            .json("POST", "/api/v1/workflows", &token, &new(words, metadata))
            .is(202);
        text(&begun.json(), "id").to_owned()
    };
    let paid = begin("Say so", &json!({"ticket": "PAY-17", "team": "till & co"}));
    let other = begin("Say it", &json!({"ticket": "PAY-18", "team": "till & co"}));
    begin("Say nothing", &json!({}));
    let found = |query: &str| -> Vec<String> {
        let page = served
            .get(&format!("/api/v1/workflows?{query}"), &token)
            .is(200)
            .json();
        let rows = page["workflows"].as_array().unwrap();
        rows.iter().map(|r| text(r, "id").to_owned()).collect()
    };
    assert_eq!(found("metadata.ticket=PAY-17"), std::slice::from_ref(&paid));
    assert_eq!(
        found("metadata.team=till%20%26%20co"),
        [other.clone(), paid.clone()]
    );
    assert_eq!(
        found("metadata.team=till+%26+co&metadata.ticket=PAY-18&limit=1"),
        [other]
    );
    assert!(found("metadata.ticket=PAY").is_empty(), "whole values only");
    assert!(found("metadata.ticket=PAY-17&state=Done").is_empty());
    assert_eq!(found("").len(), 3);
    served.get("/api/v1/workflows?metadata.Ticket=x", &token).is(400);
    served.get("/api/v1/workflows?meta.ticket=x", &token).is(400);

    let shown = served
        .get(&format!("/api/v1/workflows/{paid}"), &token)
        .is(200)
        .json();
    assert_eq!(
        shown["metadata"],
        json!({"ticket": "PAY-17", "team": "till & co"})
    );
    world.run(&["show", &paid]).exits(0).says("ticket").says("PAY-17");
    let one = [
        "list",
        "--metadata",
        "team=till & co",
        "--metadata",
        "ticket=PAY-17",
        "--json",
    ];
    for here in [true, false] {
        let mut command = world.command(&one);
        if !here {
            let server = format!("http://{}", served.host);
            command
                .args(["--server", &server])
                .env("COUNTERSIGN_TOKEN", &token);
        }
        let rows = ran(&command.output().unwrap()).exits(0).json();
        let rows = rows["workflows"].as_array().unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0]["id"], paid);
    }
    let none = world.run(&["list", "--metadata", "ticket=PAY"]).exits(0);
    none.says("No workflow began with these words.");
    let request = served.request_of(&token, &paid);
    let bearer = format!("Bearer {token}");
    let by_page = [("Host", served.host.as_str()), ("Authorization", bearer.as_str())];
    for page in [
        format!("/workflows/{paid}"),
        format!("/requests/{}", text(&request, "id")),
    ] {
        let page = served.send("GET", &page, &by_page, "").is(200).body;
        assert!(page.contains("till &amp; co"), "{page}");
    }
    world.run(&["approve", &paid, "--yes"]).exits(0);
    world
        .run(&["ledger", "export", &paid, "-o", "story.json"])
        .exits(0);
    world.run(&["verify", "story.json"]).exits(0);
}

#[test]
fn metadata_out_of_bounds_or_with_a_secret_starts_nothing() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let many: serde_json::Map<String, Value> = (0..17).map(|n| (format!("k{n}"), json!("v"))).collect();
    // Put together here, so that this file holds no such thing.
    let token_of_a_forge = format!("glpat-{}", "x7Yb2Kq9Lm4Np6Rt8VwZ");
    for (metadata, code) in [
        (json!({"Ticket": "x"}), "bad-metadata"),
        (json!({"ticket": "x".repeat(501)}), "bad-metadata"),
        (json!({"ticket": "a\nb"}), "bad-metadata"),
        (Value::Object(many), "bad-metadata"),
        (json!({"ticket": token_of_a_forge}), "words-hold-secret"),
    ] {
        let refused = served
            .json("POST", "/api/v1/workflows", &token, &new("Say so", &metadata))
            .is(422);
        assert_eq!(refused.json()["code"], code, "{metadata}");
    }
    let all = served.get("/api/v1/workflows", &token).is(200).json();
    assert_eq!(all["workflows"], json!([]));
}

#[test]
fn the_terminal_takes_metadata_as_well() {
    let world = world();
    let submit = |more: &[&str]| {
        let words = ["submit", "--repo", "tollgate", "--issue", "issue.md", "--json"];
        world.run(&[&words, more].concat())
    };
    submit(&["--metadata", "ticket"]).exits(64).says("bad-metadata");
    submit(&["--metadata", "a=1", "--metadata", "a=2"])
        .exits(64)
        .says("twice");
    submit(&["--metadata", "A=1"]).exits(2).says("bad-metadata");
    let submitted = submit(&["--metadata", "ticket=PAY-17", "--metadata", "link=a=b"])
        .exits(0)
        .json();
    let shown = world
        .run(&["show", text(&submitted, "id"), "--json"])
        .exits(0)
        .json();
    assert_eq!(shown["metadata"], json!({"link": "a=b", "ticket": "PAY-17"}));
}
