//! What Prometheus is told, over real HTTP: it is true, only for those who may know it, names nobody and nothing of what people
//! work on, and has every name that the dashboard and the alert rules in `deploy/` ask for.

use crate::others::{left_out, prometheus};
use crate::served::{Answer, Served, text, world};
use crate::support::World;
use regex::Regex;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

const DASHBOARD: &str = "deploy/grafana/countersign.json";
const ALERTS: &str = "deploy/prometheus/alerts.yaml";

/// A series with its labels as they are written, and its value.
struct Told(BTreeMap<String, f64>);

impl Told {
    fn by(served: &Served, token: &str) -> Self {
        Self::read(&served.get("/metrics", token).is(200))
    }

    /// Takes OpenMetrics text apart: metadata, samples, and an end.
    fn read(answer: &Answer) -> Self {
        let kind = answer.header("content-type").unwrap();
        assert_eq!(kind, "application/openmetrics-text; version=1.0.0; charset=utf-8");
        let body = answer.body.strip_suffix("# EOF\n").expect("it ends as it has to");
        let sample = Regex::new(r#"^([a-z_]+(?:\{(?:[a-z]+="[^"\\\n]*",?)+\})?) (-?[0-9.e+-]+)$"#).unwrap();
        let mut found = BTreeMap::new();
        for line in body.lines().filter(|line| !line.starts_with("# ")) {
            let parts = sample.captures(line).unwrap_or_else(|| panic!("{line}"));
            let before = found.insert(parts[1].to_owned(), parts[2].parse().unwrap());
            assert!(before.is_none(), "told twice: {line}");
        }
        Self(found)
    }

    #[track_caller]
    fn value(&self, series: &str) -> f64 {
        let found = self.0.get(series);
        *found.unwrap_or_else(|| panic!("no {series} in {:#?}", self.0))
    }

    fn names(&self) -> BTreeSet<&str> {
        self.0
            .keys()
            .map(|series| series.split('{').next().unwrap())
            .collect()
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// One workflow from a diff to its branch.
fn done(served: &Served, token: &str) -> String {
    let request = served.waiting(token);
    approve(served, token, &request)
}

/// Says yes to what waits, until it is written.
fn approve(served: &Served, token: &str, request: &Value) -> String {
    let decisions = format!("/api/v1/requests/{}/decisions", text(request, "id"));
    let approved = json!({"decision": "approve", "digest": request["digest"]});
    served.json("POST", &decisions, token, &approved).is(200);
    let workflow = text(request, "workflow").to_owned();
    served.until(|| {
        let now = served.get(&format!("/api/v1/workflows/{workflow}"), token).json();
        (now["state"] == "Done").then_some(())
    });
    workflow
}

fn key(world: &World, scope: &str) -> String {
    let made = world
        .run(&["key", "add", scope, "--scope", scope, "--json"])
        .exits(0)
        .json();
    text(&made, "secret").to_owned()
}

#[test]
fn what_happened_is_counted_and_what_waits_has_an_age() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let before = Told::by(&served, &token);
    assert_eq!(before.value("countersign_transitions_total{state=\"Done\"}"), 0.0);
    assert_eq!(before.value("countersign_requests_open"), 0.0);
    assert_eq!(before.value("countersign_request_wait_seconds"), 0.0);

    let request = served.waiting(&token);
    let waits = Told::by(&served, &token);
    assert_eq!(waits.value("countersign_requests_open"), 1.0);
    assert_eq!(
        waits.value("countersign_workflows{state=\"AwaitingApproval\"}"),
        1.0
    );
    let later = served.until(|| {
        let age = Told::by(&served, &token).value("countersign_request_wait_seconds");
        (age > waits.value("countersign_request_wait_seconds")).then_some(age)
    });
    assert!(later < 3_600.0, "in seconds: {later}");

    approve(&served, &token, &request);
    // What is recorded is told a moment after it can be read.
    let after = served.until(|| {
        let told = Told::by(&served, &token);
        (told.value("countersign_transitions_total{state=\"Done\"}") == 1.0).then_some(told)
    });
    for (series, value) in [
        ("countersign_workflows{state=\"Done\"}", 1.0),
        ("countersign_requests_open", 0.0),
        ("countersign_request_wait_seconds", 0.0),
        ("countersign_requests_closed_total{status=\"approved\"}", 1.0),
        ("countersign_write_attempts_total{outcome=\"written\"}", 1.0),
        (
            "countersign_effect_tries_total{kind=\"write-branch\",outcome=\"done\"}",
            1.0,
        ),
        (
            "countersign_effect_tries_total{kind=\"write-branch\",outcome=\"given-up\"}",
            0.0,
        ),
        (
            "countersign_effect_try_duration_seconds_count{kind=\"draft\"}",
            1.0,
        ),
        (
            "countersign_agent_call_duration_seconds_count{role=\"coder\"}",
            1.0,
        ),
        ("countersign_effects_outstanding{kind=\"write-branch\"}", 0.0),
        ("countersign_unclaimed_work_age_seconds", 0.0),
        (
            "countersign_http_requests_total{method=\"POST\",route=\"/api/v1/requests/{id}/decisions\",status=\"200\"}",
            1.0,
        ),
    ] {
        assert_eq!(after.value(series), value, "{series}");
    }
    assert!(after.value("countersign_ledger_entries") > 10.0);
}

#[test]
fn what_stops_writing_and_what_goes_wrong_is_told() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    world
        .run(&["freeze", "--repo", "larder", "--reason", "Release day."])
        .exits(0);
    served.get("/nowhere/else", &token).is(404);
    served.send("BREW", "/api/v1/workflows", &[], "");
    let told = Told::by(&served, &token);
    assert_eq!(told.value("countersign_freezes"), 1.0);
    assert_eq!(told.value("countersign_alarms_open"), 0.0);
    let lost = "countersign_http_requests_total{method=\"GET\",route=\"other\",status=\"404\"}";
    assert_eq!(told.value(lost), 1.0, "a path that somebody made up is no label");
    assert!(
        told.0
            .keys()
            .any(|series| series.contains("method=\"other\",route=\"/api/v1/workflows\"")),
        "nor is a method"
    );

    let new = json!({"text": "Say so", "repositories": [{"name": "tollgate"}],
        "diffs": [{"repository": "tollgate", "diff": crate::support::DIFF.replace("quote", "quota")}]});
    served.json("POST", "/api/v1/workflows", &token, &new).is(202);
    served.until(|| {
        let told = Told::by(&served, &token);
        let refused = told.value("countersign_agent_answers_refused_total{role=\"coder\"}");
        let asked = told.value("countersign_transitions_total{state=\"NeedsHuman\"}");
        (refused > 0.0 && asked > 0.0).then_some(())
    });
}

#[test]
fn a_key_that_may_look_scrapes_and_nobody_else_does() {
    let world = world();
    let served = Served::start(&world, &[]);
    let (looks, starts) = (key(&world, "read"), key(&world, "submit"));
    let refused = served.send("GET", "/metrics", &[], "").is(401);
    assert_eq!(refused.json()["code"], "sign-in-needed", "a program gets no page");
    assert_eq!(
        served.get("/metrics", &starts).is(403).json()["code"],
        "scope-missing"
    );
    served.get("/metrics", "csk_0000_0000").is(401);
    Told::by(&served, &looks);
}

#[test]
fn no_id_no_name_and_no_path_is_told() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let workflow = done(&served, &token);
    served.get(&format!("/workflows/{workflow}?q=tollgate"), &token);
    let body = served.get("/metrics", &token).is(200).body;
    for word in [
        workflow.as_str(),
        "wf_",
        "rq:",
        "local-",
        "tollgate",
        "lib.rs",
        "Say so",
        "mb_",
    ] {
        assert!(!body.contains(word), "{word}:\n{body}");
    }
    assert!(body.len() < 64 << 10, "{} bytes", body.len());
}

#[test]
fn the_dashboard_and_the_alert_rules_ask_only_for_names_that_are_told() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    done(&served, &token);
    let told = Told::by(&served, &token);
    let names = told.names();
    let name = Regex::new(r"\bcountersign_[a-z_]+").unwrap();
    for (file, at_least) in [(DASHBOARD, 16), (ALERTS, 10)] {
        let content = std::fs::read_to_string(repository().join(file)).unwrap();
        let asked: BTreeSet<&str> = name.find_iter(&content).map(|found| found.as_str()).collect();
        assert!(asked.len() >= at_least, "{file} asks for {asked:?}");
        for asked in asked {
            assert!(
                names.contains(asked),
                "{file}: nobody tells {asked}; told is {names:#?}"
            );
        }
    }
    let page = std::fs::read_to_string(repository().join("docs/operations.md")).unwrap();
    let row = Regex::new(r"(?m)^\| `(countersign_[a-z_]+)` \|").unwrap();
    let explained: BTreeSet<&str> = row
        .captures_iter(&page)
        .map(|c| c.get(1).unwrap().as_str())
        .collect();
    let whole = |name: &&'_ str| {
        let parts = ["_bucket", "_count", "_sum"];
        parts
            .iter()
            .find_map(|end| name.strip_suffix(end))
            .unwrap_or(name)
            .to_owned()
    };
    let told: BTreeSet<String> = names.iter().map(whole).collect();
    let explained: BTreeSet<String> = explained.into_iter().map(str::to_owned).collect();
    assert_eq!(
        told, explained,
        "docs/operations.md explains what is told, and nothing else"
    );
}

#[test]
fn prometheus_reads_it_and_every_expression_in_deploy_finds_its_series() {
    if left_out() {
        return;
    }
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    done(&served, &token);
    world.file("exposition.txt", served.get("/metrics", &token).is(200).body);
    let check = |dashboard: &Path| {
        Command::new(prometheus())
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/others/prometheus.py"))
            .arg(world.path("exposition.txt"))
            .arg(dashboard)
            .arg(repository().join(ALERTS))
            .output()
            .unwrap()
    };
    let checked = check(&repository().join(DASHBOARD));
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(
        checked.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&checked.stderr)
    );

    let board = std::fs::read_to_string(repository().join(DASHBOARD)).unwrap();
    for (right, wrong, why) in [
        (
            "countersign_requests_open{",
            "countersign_requests_opened{",
            "nobody tells",
        ),
        ("sum by (role)", "sum by (roll)", "to group by"),
        ("state!~", "stage!~", "has no label stage"),
        (
            "max(countersign_freezes",
            "max((countersign_freezes",
            "panel Frozen, held",
        ),
    ] {
        world.file("other.json", board.replace(right, wrong));
        let checked = check(&world.path("other.json"));
        let said = String::from_utf8_lossy(&checked.stdout);
        assert!(!checked.status.success() && said.contains(why), "{wrong}: {said}");
    }
}
