//! The budget of a workflow: failed, hanging and killed agent calls count, a spent budget asks, and only a person grants more.

use crate::served::{Served, text, world};
use crate::support::{DIFF, World};
use crate::terminal::Typist;
use serde_json::{Value, json};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A program that leaves a line for every call and fails.
fn failing(world: &World) -> String {
    format!("command:echo call >> {}; exit 3", world.path("calls").display())
}

/// How often the program ran.
fn calls(world: &World) -> usize {
    std::fs::read_to_string(world.path("calls")).map_or(0, |text| text.lines().count())
}

fn budget(world: &World, id: &str) -> Value {
    world.run(&["show", id, "--json"]).exits(0).json()["budget"].clone()
}

/// Submits with that agent; what runs nothing but the test's own program needs no fence.
fn submitted(world: &World, agent: &str, more: &[&str]) -> String {
    let flags = [
        "submit",
        "--repo",
        "tollgate",
        "--issue",
        "issue.md",
        "--unconfined",
        "--agent",
        agent,
    ];
    let ran = world.run(&[&flags, more].concat()).exits(0);
    ran.out.trim_end().to_owned()
}

#[test]
fn failed_calls_count_and_a_spent_budget_asks_until_a_person_grants_more() {
    let world = World::new();
    let id = submitted(&world, &failing(&world), &["--budget-calls", "2"]);
    world
        .run(&["resume", &id])
        .exits(3)
        .says("does not fit into the budget");
    assert_eq!(calls(&world), 2, "the engine would have tried five times");
    let spent = budget(&world, &id);
    assert_eq!(
        spent["agent_calls"],
        json!({"limit": 2, "reserved": 0, "used": 2})
    );
    world
        .run(&["show", &id])
        .exits(0)
        .says("agent calls: 2 of 2 are spent")
        .says("grant-more");
    world.run(&["retry", &id]).exits(2);
    assert_eq!(calls(&world), 2, "a retry is no way around it");
    Typist::sits_at(&world, &["answer", &id, "grant-more"])
        .leaves()
        .exits(3);
    world
        .run(&["resume", &id])
        .exits(3)
        .says("does not fit into the budget");
    assert_eq!(calls(&world), 4, "as many again, and no more");
    let spent = budget(&world, &id);
    assert_eq!(
        (&spent["agent_calls"]["limit"], &spent["grants"]),
        (&json!(4), &json!(1))
    );
    Typist::sits_at(&world, &["answer", &id, "cancel"]).leaves();
    world.run(&["ledger", "export", &id, "-o", "story.json"]).exits(0);
    world.run(&["verify", "story.json"]).exits(0);
}

#[test]
fn a_hanging_call_is_ended_where_the_budget_of_time_is() {
    let world = World::new();
    let agent = format!(
        "command:echo call >> {}; sleep 600",
        world.path("calls").display()
    );
    let id = submitted(&world, &agent, &["--budget-time", "2s"]);
    world
        .run(&["resume", &id])
        .exits(3)
        .says("does not fit into the budget");
    assert_eq!(calls(&world), 1);
    let spent = budget(&world, &id);
    assert_eq!(
        spent["agent_time_ms"],
        json!({"limit": 2000, "reserved": 0, "used": 2000})
    );
}

#[test]
fn a_call_whose_process_was_killed_counts_whole() {
    let world = World::new();
    let agent = format!(
        "command:echo call >> {}; sleep 600",
        world.path("calls").display()
    );
    let id = submitted(&world, &agent, &["--budget-calls", "1", "--budget-time", "5m"]);
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    world.surroundings(&mut command);
    let mut running = command
        .args(["resume", &id])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while calls(&world) == 0 {
        assert_eq!(running.try_wait().unwrap(), None, "it ended before the call");
        std::thread::sleep(Duration::from_millis(20));
    }
    let open = json!({"limit": 1, "reserved": 1, "used": 0});
    assert_eq!(
        budget(&world, &id)["agent_calls"],
        open,
        "recorded before the answer"
    );
    running.kill().unwrap();
    running.wait().unwrap();
    world
        .run(&["resume", &id])
        .exits(3)
        .says("does not fit into the budget");
    assert_eq!(calls(&world), 1, "no second call on one call's budget");
    let spent = budget(&world, &id);
    assert_eq!(spent["agent_calls"], open, "nobody knows how it ended");
    assert_eq!(
        spent["agent_time_ms"],
        json!({"limit": 300_000, "reserved": 300_000, "used": 0})
    );
}

#[test]
fn what_runs_nothing_outside_needs_no_budget() {
    let world = World::new();
    let flags = [
        "run",
        "--repo",
        "tollgate",
        "--issue",
        "issue.md",
        "--yes",
        "--budget-calls",
        "1",
        "--json",
    ];
    let done = world.run(&flags).exits(0).json();
    assert_eq!(
        done["budget"]["agent_calls"],
        json!({"limit": 1, "reserved": 0, "used": 0})
    );
}

#[test]
fn a_budget_that_can_not_be_is_refused_at_the_terminal() {
    let world = World::new();
    let submit = |more: &[&str]| {
        let words = ["submit", "--repo", "tollgate", "--issue", "issue.md"];
        world.run(&[&words, more].concat())
    };
    submit(&["--budget-time", "soon"]).exits(64).says("bad-budget");
    submit(&["--budget-time", "8d"]).exits(2).says("bad-budget");
    submit(&["--budget-calls", "0"]).exits(2).says("bad-budget");
    submit(&["--budget-calls", "1001"])
        .exits(2)
        .says("1 to 1000 agent calls");
}

fn scripted(budget: &Value) -> Value {
    json!({"text": "Say so", "repositories": [{"name": "tollgate"}], "budget": budget,
        "agent": {"kind": "scripted", "script": {"coder": [{"diffs": {"tollgate": DIFF}}]}}})
}

#[test]
fn over_http_a_spent_budget_is_a_request_whose_answer_goes_on() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let asked = scripted(&json!({"agent_calls": 3, "agent_time_ms": 3_600_000}));
    let begun = served
        .json("POST", "/api/v1/workflows", &token, &asked)
        .is(202)
        .json();
    let id = text(&begun, "id");
    let request = served.request_of(&token, id);
    assert_eq!(request["choices"], json!(["grant-more", "cancel"]), "{request}");
    let shown = || {
        served
            .get(&format!("/api/v1/workflows/{id}"), &token)
            .is(200)
            .json()
    };
    let spent = shown();
    assert_eq!(spent["state"], "NeedsHuman");
    assert_eq!(
        spent["budget"]["agent_calls"],
        json!({"limit": 3, "reserved": 0, "used": 3})
    );
    let answer =
        json!({"decision": "answer", "digest": request["digest"], "choice": "grant-more", "text": ""});
    let path = format!("/api/v1/requests/{}/decisions", text(&request, "id"));
    served.json("POST", &path, &token, &answer).is(200);
    served.until(|| (served.state(&token, id) == "AwaitingApproval").then_some(()));
    let after = shown();
    assert_eq!(
        after["budget"]["agent_calls"],
        json!({"limit": 6, "reserved": 0, "used": 5})
    );
    assert_eq!(after["budget"]["grants"], 1);
    let story = world.run(&["show", id, "--story"]).exits(0);
    story.says("agent call 1 of the budget begins: triage, for at most 10m");
    world.run(&["approve", id, "--yes"]).exits(0);
    world.run(&["ledger", "export", id, "-o", "story.json"]).exits(0);
    world.run(&["verify", "story.json"]).exits(0);
}

#[test]
fn nobody_asks_for_more_than_policy_gives() {
    let world = world();
    world.file(
        "tollgate/.countersign.toml",
        "version = 1\n[budget]\nagent-calls = 4\nagent-minutes = 30\n",
    );
    world.git("tollgate", &["add", "."]);
    world.git("tollgate", &["commit", "--quiet", "-m", "policy"]);
    let served = Served::start(&world, &[]);
    let token = served.token();
    for bad in [
        json!({"agent_calls": 0}),
        json!({"agent_time_ms": 604_800_001_u64}),
    ] {
        let refused = served
            .json("POST", "/api/v1/workflows", &token, &scripted(&bad))
            .is(422);
        assert_eq!(refused.json()["code"], "bad-budget", "{bad}");
    }
    let begin = |budget: &Value| {
        let begun = served
            .json("POST", "/api/v1/workflows", &token, &scripted(budget))
            .is(202)
            .json();
        let id = text(&begun, "id").to_owned();
        served.until(|| {
            let shown = served
                .get(&format!("/api/v1/workflows/{id}"), &token)
                .is(200)
                .json();
            ["Declined", "NeedsHuman"]
                .contains(&text(&shown, "state"))
                .then_some(shown)
        })
    };
    let refused = begin(&json!({"agent_calls": 5}));
    assert_eq!(refused["state"], "Declined");
    let why = text(&refused, "reason");
    assert!(
        why.contains("5 agent calls are asked for, and policy allows 4 (budget.agent-calls"),
        "{why}"
    );
    // Who asks for nothing gets what policy gives.
    let given = begin(&json!({}));
    assert_eq!(given["budget"]["agent_calls"]["limit"], 4);
    assert_eq!(given["budget"]["agent_time_ms"]["limit"], 1_800_000);
    let policy = world
        .run(&["policy", "show", "--repo", "tollgate", "--json"])
        .exits(0)
        .json();
    let values = policy["values"].as_array().unwrap();
    let value = |key: &str| values.iter().find(|v| v["key"] == key).unwrap()["value"].clone();
    assert_eq!(
        (value("budget.agent-calls"), value("budget.agent-minutes")),
        (json!(4), json!(30))
    );
}
