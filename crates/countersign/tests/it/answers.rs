//! What the server answers to everybody alike: pages of lists, help for every code, and a line of the log for each request.

use crate::served::{Served, text, world};
use crate::support::World;
use regex::Regex;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A workflow that waits for a person; its id.
fn waits(served: &Served, token: &str, n: usize) -> String {
    let new = json!({"text": format!("Say so {n}"), "repositories": [{"name": "tollgate"}],
        "diffs": [{"repository": "tollgate", "diff": crate::support::DIFF}]});
    let begun = served
        .json("POST", "/api/v1/workflows", token, &new)
        .is(202)
        .json();
    let id = text(&begun, "id").to_owned();
    served.request_of(token, &id);
    id
}

fn ids(page: &Value) -> Vec<String> {
    let rows = page["workflows"].as_array().unwrap();
    rows.iter().map(|row| text(row, "id").to_owned()).collect()
}

#[test]
fn a_cursor_names_a_place_that_stays_when_its_row_goes_and_nothing_else_is_one() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let mut begun: Vec<String> = (0..4).map(|n| waits(&served, &token, n)).collect();
    begun.reverse();
    let list = |query: &str| served.get(&format!("/api/v1/workflows?{query}"), &token);
    for (n, order) in [(5, ""), (6, "&sort=updated")] {
        let first = list(&format!("waiting=true&limit=2{order}")).is(200).json();
        let (shown, next) = (ids(&first), text(&first, "next"));
        let others: BTreeSet<&String> = begun.iter().filter(|id| !shown.contains(id)).collect();
        let gone = shown.last().unwrap();
        let cancel = json!({"act": "cancel", "reason": "Not any more."});
        let acts = format!("/api/v1/workflows/{gone}/acts");
        served.json("POST", &acts, &token, &cancel).is(200);

        let rest = list(&format!("waiting=true&limit=2&cursor={next}{order}"))
            .is(200)
            .json();
        assert_eq!(ids(&rest).iter().collect::<BTreeSet<_>>(), others, "{order}");
        assert_eq!(rest["next"], Value::Null);
        // Another one instead, for the other order.
        let gone = gone.clone();
        begun.retain(|id| *id != gone);
        begun.insert(0, waits(&served, &token, n));
    }
    let created = list("limit=2").is(200).json();
    let created = text(&created, "next");
    for wrong in [
        "/api/v1/workflows?cursor=bogus".to_owned(),
        format!("/api/v1/workflows?cursor={}", begun[0]),
        format!("/api/v1/workflows?sort=updated&cursor={created}"),
        "/api/v1/workflows?cursor=".to_owned(),
        "/api/v1/usage?cursor=zzz".to_owned(),
        "/api/v1/usage?by=role&cursor=2026-11-21".to_owned(),
        "/api/v1/usage?by=workflow&cursor=coder".to_owned(),
    ] {
        let refused = served.get(&wrong, &token).is(400).json();
        assert_eq!(text(&refused, "code"), "bad-cursor", "{wrong}");
    }
    served.get("/api/v1/usage?by=role&cursor=coder", &token).is(200);
    served.get("/api/v1/usage?cursor=2020-01-01", &token).is(200);
    let refused = served.get("/api/v1/agent-runs?role=bogus", &token).is(400).json();
    assert_eq!(text(&refused, "code"), "unknown-agent-role");
}

/// Where codes come from that a problem of the server can have, below `crates`.
const SOURCES: [&str; 22] = [
    "server/src",
    "store/src",
    "git/src",
    "ports/src/hook.rs",
    "ports/src/store.rs",
    "ports/src/trees.rs",
    "engine/src/lib.rs",
    "engine/src/intake.rs",
    "engine/src/policies.rs",
    "engine/src/own_rules.rs",
    "core/src/feedback.rs",
    "core/src/budget.rs",
    "core/src/record.rs",
    "core/src/confinement.rs",
    "core/src/workflow/refusal.rs",
    "core/src/policy/file.rs",
    "ledger/src/leaf.rs",
    "ledger/src/tree/error.rs",
    "forge/src/github/error.rs",
    "forge/src/github/issue.rs",
    "forge/src/github/repository.rs",
    "forge/src/github/search.rs",
];

/// What stands where codes stand and is none: headers and their values, commands of git, warnings and other words.
const NO_CODES: [&str; 37] = [
    "approval-not-authentic",
    "changes-requested",
    "content-type",
    "crlf-transport",
    "cross-origin-opener-policy",
    "cross-origin-resource-policy",
    "diff-tree",
    "final-newline-kept",
    "given-up",
    "last-event-id",
    "line-ends-changed",
    "line-ends-restored",
    "ls-remote",
    "merge-base",
    "merge-tree",
    "no-answer",
    "no-cache",
    "no-store",
    "not-registered",
    "not-required",
    "nothing-to-do",
    "open-pull-request",
    "patch-set",
    "preference-applied",
    "read-tree",
    "rev-list",
    "same-origin",
    "sec-fetch-site",
    "update-ref",
    "whitespace-repaired",
    "write-branch",
    "write-tree",
    "x-forwarded-for",
    "x-github-delivery",
    "x-github-event",
    "x-hub-signature-256",
    "x-request-id",
];

fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let inside = std::fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    inside
        .filter(|path| path.is_dir() || path.extension().is_some_and(|e| e == "rs"))
        .filter(|path| !path.ends_with("tests") && !path.ends_with("tests.rs"))
        .flat_map(|path| sources(&path))
        .collect()
}

/// Every code in the sources: the first word of a call, a field `code`, what a function `code` gives.
fn codes() -> BTreeSet<String> {
    let kebab = r#""([a-z][a-z0-9]*(?:-[a-z0-9]+)+)""#;
    let places =
        format!(r"(?:\(\s*(?:[a-z:]*StatusCode::\w+,\s*)?|\bcode:? =? ?|=> [({{]?\s*|str \{{\s*){kebab}");
    let of_problems = r#"Problem::(?:new\(\s*[a-z:]*StatusCode::\w+,|refused\(|internal\()\s*"([a-z0-9-]+)""#;
    let patterns = [Regex::new(&places).unwrap(), Regex::new(of_problems).unwrap()];
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = BTreeSet::new();
    for file in SOURCES.iter().flat_map(|path| sources(&crates.join(path))) {
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        for pattern in &patterns {
            found.extend(pattern.captures_iter(text).map(|found| found[1].to_owned()));
        }
    }
    for word in NO_CODES {
        assert!(
            found.remove(word),
            "`{word}` stands nowhere any more; take it off this list"
        );
    }
    found
}

#[test]
fn every_code_that_a_problem_can_have_has_a_page_and_no_other_word_has_one() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let page = |path: &str| served.send("GET", path, &[("Host", served.host.as_str())], "");
    let codes = codes();
    assert!(codes.len() > 200 && codes.contains("bad-query") && codes.contains("duplicate"));
    let missing: Vec<&String> = codes
        .iter()
        .filter(|code| page(&format!("/help/errors/{code}")).status != 200)
        .collect();
    assert!(
        missing.is_empty(),
        "a line each in page/codes.txt, or words in page/help.rs: {missing:?}"
    );
    let general = include_str!("../../../server/src/page/codes.txt").lines();
    let stale: Vec<&str> = general.filter(|code| !codes.contains(*code)).collect();
    assert!(
        stale.is_empty(),
        "in page/codes.txt, and nothing gives them: {stale:?}"
    );
    page("/help/errors/no-such-code-at-all").is(404);
    let refused = served.get("/api/v1/workflows?nonsense=1", &token).is(400).json();
    let page = page(text(&refused, "type")).is(200);
    assert!(page.body.contains("bad-query"), "{}", page.body);
}

/// A server whose log is kept.
fn logged(world: &World, more: &[&str]) -> (Served, PathBuf) {
    let mut program = Command::new("sh");
    program.args([
        "-c",
        "exec \"$0\" \"$@\" 2>serve.log",
        env!("CARGO_BIN_EXE_countersign"),
    ]);
    let log = world.path("serve.log");
    (Served::by(program, "127.0.0.1:0", world, more), log)
}

#[test]
fn each_request_is_one_line_of_the_log_without_what_it_held() {
    let world = world();
    let (served, log) = logged(&world, &["-v", "--log-format", "json"]);
    let token = served.token();
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("X-Request-Id", "kept-as-it-is-7"),
    ];
    served
        .send("GET", "/api/v1/workflows?metadata.ticket=KANARIE", &headers, "")
        .is(200);
    let stranger = [("X-Request-Id", "a-stranger-8")];
    served.send("GET", "/KANARIE?KANARIE", &stranger, "").is(404);
    let lines = std::fs::read_to_string(log).unwrap();
    let line = |id: &str| {
        let all = lines
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut about = all.filter(|line| line["fields"]["request"] == id);
        let line = about
            .next()
            .unwrap_or_else(|| panic!("nothing of {id} in {lines}"));
        assert!(about.next().is_none(), "{id} has several lines");
        line
    };
    let known = line("kept-as-it-is-7");
    let fields = &known["fields"];
    assert_eq!(
        (
            &known["level"],
            &fields["message"],
            &fields["method"],
            &fields["status"]
        ),
        (&json!("INFO"), &json!("answered"), &json!("GET"), &json!(200))
    );
    assert_eq!(fields["route"], "/api/v1/workflows");
    assert!(
        fields["ms"].is_u64() && text(fields, "by").starts_with("person:mb_"),
        "{known}"
    );
    let fields = &line("a-stranger-8")["fields"];
    assert_eq!(
        (&fields["route"], &fields["status"], &fields["by"]),
        (&json!("other"), &json!(404), &json!("nobody"))
    );
    assert!(!lines.contains("KANARIE") && !lines.contains(&token), "{lines}");
}

#[test]
fn an_answer_that_is_the_servers_fault_is_in_every_log() {
    let world = world();
    let (served, log) = logged(&world, &["--log-format", "json"]);
    let token = served.token();
    let request = served.waiting(&token);
    for key in std::fs::read_dir(world.path("data/keys/members")).unwrap() {
        std::fs::write(key.unwrap().path(), "no key").unwrap();
    }
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("X-Request-Id", "goes-wrong-9"),
    ];
    let approve = json!({"decision": "approve", "digest": request["digest"]}).to_string();
    let path = format!("/api/v1/requests/{}/decisions", text(&request, "id"));
    served.send("POST", &path, &headers, &approve).is(500);
    let lines = std::fs::read_to_string(log).unwrap();
    let answered: Vec<&str> = lines
        .lines()
        .filter(|line| line.contains("\"answered\""))
        .collect();
    assert!(answered.len() == 1, "{lines}");
    let line: Value = serde_json::from_str(answered[0]).unwrap();
    let fields = &line["fields"];
    assert_eq!(
        (
            &line["level"],
            &fields["request"],
            &fields["status"],
            &fields["route"]
        ),
        (
            &json!("WARN"),
            &json!("goes-wrong-9"),
            &json!(500),
            &json!("/api/v1/requests/{id}/decisions")
        )
    );
}

#[test]
fn names_are_seen_whole_and_refusals_are_written_for_who_reads_them() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    for (path, body) in [
        (
            "/api/v1/members",
            json!({"name": "Eve\u{202e}adA", "role": "viewer"}),
        ),
        (
            "/api/v1/members",
            json!({"name": "E\u{200b}ve", "role": "viewer"}),
        ),
        ("/api/v1/keys", json!({"name": "c\u{2066}i", "scopes": ["read"]})),
    ] {
        let refused = served.json("POST", path, &token, &body).is(422).json();
        assert_eq!(text(&refused, "code"), "bad-name", "{body}");
    }
    let bob = json!({"name": "Bób 鮑勃", "role": "viewer"});
    let bob = served
        .json("POST", "/api/v1/members", &token, &bob)
        .is(201)
        .json();
    let code = json!({"code": text(&bob, "code")});
    let bob = served.json("POST", "/api/v1/sessions", "", &code).is(201).json();
    let refused = served.get("/api/v1/settings", text(&bob, "token")).is(403).json();
    assert_eq!(text(&refused, "detail"), "this needs an owner");

    let page = served
        .send("GET", "/nowhere", &[("Accept", "text/html")], "")
        .is(404);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(
        page.body.contains("there is nothing at this address"),
        "{}",
        page.body
    );
    let problem = served.get("/api/v1/nowhere", &token).is(404);
    assert_eq!(problem.header("content-type"), Some("application/problem+json"));
    assert_eq!(
        text(&problem.json(), "detail"),
        "there is nothing at this address"
    );
}
