//! What was used, and how the server is set: what operators ask it.

use crate::served::{Served, text, world};
use serde_json::{Value, json};

#[test]
fn usage_is_summed_from_what_is_recorded_and_nothing_is_invented() {
    let world = world();
    world.done();
    let again = [
        "run", "--repo", "tollgate", "--issue", "issue.md", "--again", "--json",
    ];
    let waiting = text(&world.run(&again).exits(3).json(), "id").to_owned();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let usage = |query: &str| {
        served
            .get(&format!("/api/v1/usage{query}"), &token)
            .is(200)
            .json()
    };
    let runs = served.get("/api/v1/agent-runs?limit=500", &token).is(200).json();
    let runs = runs["runs"].as_array().unwrap();
    let took: u64 = runs.iter().map(|r| r["took_ms"].as_u64().unwrap()).sum();
    let by_day = usage("");
    let total = &by_day["total"];
    assert_eq!(
        (&total["agent_calls"], &total["agent_ms"]),
        (&json!(runs.len()), &json!(took)),
        "{by_day}"
    );
    assert_eq!(
        (&total["workflows_begun"], &total["writes"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(
        (&total["tokens"], &total["cost_microusd"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(by_day["rows"][0]["workflows_begun"], 2, "one day: {by_day}");

    let by_workflow = usage("?by=workflow&limit=1");
    let rest = usage(&format!("?by=workflow&cursor={}", text(&by_workflow, "next")));
    let rows = [&by_workflow["rows"][0], &rest["rows"][0]];
    assert_eq!(
        (text(rows[1], "key"), &rest["next"]),
        (waiting.as_str(), &Value::Null)
    );
    assert_eq!((&rows[0]["writes"], &rows[1]["writes"]), (&json!(1), &json!(0)));
    assert_eq!(by_workflow["total"], *total, "the total is over all pages");

    let by_role = usage("?by=role");
    let critic = by_role["rows"]
        .as_array()
        .unwrap()
        .iter()
        .find(|r| r["key"] == "critic")
        .unwrap();
    assert_eq!(critic["writes"], Value::Null, "a role writes nothing");
    assert_eq!(
        critic["agent_calls"],
        json!(runs.iter().filter(|r| r["role"] == "critic").count())
    );

    assert_eq!(usage("?until=2020-01-01T00:00:00Z")["total"]["agent_calls"], 0);
    assert_eq!(usage("?since=2020-01-01T00:00:00Z")["total"], *total);
    for wrong in ["?since=yesterday", "?by=mood"] {
        served.get(&format!("/api/v1/usage{wrong}"), &token).is(422);
    }
}

#[test]
fn an_owner_sees_every_setting_with_its_origin_and_no_secret() {
    let world = world();
    world.file("data/config.toml", "[log]\nformat = \"json\"\n");
    let secret = ("JWT_SECRET", "kanarienvogel".to_owned());
    let served = Served::start_in(&world, &[], &[secret]);
    let token = served.token();
    let answer = served.get("/api/v1/settings", &token).is(200);
    assert!(!answer.body.contains("kanarienvogel"), "{}", answer.body);
    let told = answer.json();
    let setting = |key: &str| {
        let all = told["settings"].as_array().unwrap();
        all.iter().find(|s| s["key"] == key).unwrap().clone()
    };
    let format = setting("log.format");
    assert_eq!(
        (&format["value"], &format["origin"]["line"]),
        (&json!("json"), &json!(2))
    );
    let listen = setting("serve.listen");
    assert_eq!(listen["origin"], json!({"kind": "option", "name": "--listen"}));
    let all = told["settings"].as_array().unwrap();
    let masked = all.iter().find(|s| s["origin"]["name"] == "JWT_SECRET").unwrap();
    assert_eq!(
        (&masked["value"], &masked["set"], &masked["secret"]),
        (&Value::Null, &json!(true), &json!(true))
    );
    let shown = world.run(&["config", "show", "--json"]).exits(0).json();
    let keys = |told: &Value| -> Vec<Value> {
        told["settings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|s| s["key"].clone())
            .collect()
    };
    assert_eq!(keys(&told), keys(&shown));
    let key = json!({"name": "scrape", "scopes": ["read"]});
    let key = served.json("POST", "/api/v1/keys", &token, &key).is(201).json();
    let refused = served
        .get("/api/v1/settings", text(&key, "secret"))
        .is(403)
        .json();
    assert_eq!(refused["code"], "not-for-keys");
}

/// Every page of a list, one row at a time, as texts.
fn pages(served: &Served, token: &str, path: &str, rows: &str) -> Vec<Value> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    for _ in 0..1_000 {
        let page = served
            .get(&format!("{path}?limit=1{cursor}"), token)
            .is(200)
            .json();
        let here = page[rows].as_array().unwrap();
        assert!(here.len() <= 1, "{page}");
        found.extend(here.iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return found,
        }
    }
    panic!("{path} has no last page");
}

#[test]
fn calls_of_agents_and_requests_come_in_pages_and_tries_of_writes_with_their_ends() {
    let world = world();
    let done = world.done();
    let again = [
        "run", "--repo", "tollgate", "--issue", "issue.md", "--again", "--json",
    ];
    let first = text(&world.run(&again).exits(3).json(), "id").to_owned();
    let second = text(&world.run(&again).exits(3).json(), "id").to_owned();
    let served = Served::start(&world, &[]);
    let token = served.token();

    let runs = "/api/v1/agent-runs";
    let all = served.get(&format!("{runs}?limit=500"), &token).is(200).json();
    let all = all["runs"].as_array().unwrap().clone();
    assert_eq!(pages(&served, &token, runs, "runs"), all);
    let times: Vec<&str> = all.iter().map(|run| text(run, "at")).collect();
    assert!(times.is_sorted_by(|a, b| a >= b), "newest first: {times:?}");
    for run in &all {
        for unknown in ["model", "tokens_in", "tokens_out", "cost_microusd"] {
            assert_eq!(run[unknown], Value::Null);
        }
        served.get(text(run, "artifact"), &token).is(200);
    }
    let of = |query: String| served.get(&format!("{runs}?{query}"), &token).is(200).json()["runs"].clone();
    let wanted: Vec<&Value> = all
        .iter()
        .filter(|run| run["workflow"] == json!(first) && run["role"] == "coder")
        .collect();
    assert_eq!(wanted.len(), 1);
    assert_eq!(of(format!("workflow={first}&role=coder")), json!(wanted));
    assert_eq!(of("cursor=0".to_owned()), json!([]));
    let refused = served.get(&format!("{runs}?role=poet"), &token).is(400).json();
    assert_eq!(refused["code"], "unknown-agent-role");

    let requests = pages(&served, &token, "/api/v1/requests", "requests");
    let waiting: Vec<&str> = requests.iter().map(|request| text(request, "workflow")).collect();
    assert_eq!(waiting, [first.as_str(), second.as_str()], "the longest first");
    // A cursor names a place, whether what stood there still waits or not.
    let page = served.get("/api/v1/requests?limit=1", &token).is(200).json();
    let decisions = format!("/api/v1/requests/{}/decisions", text(&requests[0], "id"));
    let reject = json!({"decision": "reject", "digest": requests[0]["digest"], "reason": "No."});
    served.json("POST", &decisions, &token, &reject).is(200);
    let after = format!("/api/v1/requests?cursor={}", text(&page, "next"));
    let rest = served.get(&after, &token).is(200).json();
    assert_eq!(rest["requests"][0]["workflow"], json!(second));
    for list in ["requests", "agent-runs", "notices"] {
        let refused = served
            .get(&format!("/api/v1/{list}?cursor=x"), &token)
            .is(400)
            .json();
        assert_eq!(refused["code"], "bad-cursor", "{list}");
    }

    let tries = |id: &str| {
        let path = format!("/api/v1/workflows/{id}/effect-attempts");
        served.get(&path, &token).is(200).json()
    };
    assert_eq!(tries(&second), json!([]), "nothing was written");
    let tries = tries(&done);
    let written = &tries[0];
    assert_eq!(
        (
            &written["kind"],
            &written["number"],
            &written["outcome"],
            &written["code"]
        ),
        (&json!("write-branch"), &json!(1), &json!("written"), &Value::Null),
        "{tries}"
    );
    assert!(
        text(written, "began_at") <= text(written, "ended_at"),
        "{written}"
    );
    served
        .get("/api/v1/workflows/wf_none/effect-attempts", &token)
        .is(404);
}
