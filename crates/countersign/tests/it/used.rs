//! What was used: what operators ask a server.

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
    let runs = runs.as_array().unwrap();
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
