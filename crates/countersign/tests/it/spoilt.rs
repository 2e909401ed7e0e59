//! Bodies with something wrong in them, to every endpoint that takes one: none is the server's fault, and each refusal says why.

use crate::besieged::{head, is_problem, is_well, throw};
use crate::served::{Answer, Served, text, world};
use serde_json::{Value, json};
use std::time::Duration;

/// Spoilt bodies for every endpoint that takes one.
const SPOILT: usize = 60;

/// Numbers that look random and are the same in every run (SplitMix64, <https://prng.di.unimi.it/splitmix64.c>).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, most: usize) -> usize {
        usize::try_from(self.next() % most.max(1) as u64).unwrap()
    }

    fn one_of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len())]
    }
}

/// A value in the place of another one.
fn odd_value(dice: &mut Dice) -> Value {
    let nested = (0..100).fold(json!("deep"), |inner, _| json!([inner]));
    let odd = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(u32::MAX),
        json!(u64::MAX),
        json!(1e300),
        json!(""),
        json!("\u{0}"),
        json!("\u{202e}\u{feff}\u{1f600}"),
        json!("../../etc/passwd"),
        json!("x".repeat(100_000)),
        json!("primary"),
        json!("wf_01M7XSVZKGPVKB6YWCAH4Z6P0N"),
        json!([]),
        json!({}),
        json!([[], {}, null]),
        nested,
    ];
    dice.one_of(&odd).clone()
}

/// Puts something odd somewhere into a body.
fn twist(value: &mut Value, dice: &mut Dice) {
    match value {
        Value::Object(fields) if !fields.is_empty() && dice.below(4) > 0 => {
            let names: Vec<String> = fields.keys().cloned().collect();
            let name = dice.one_of(&names).clone();
            match dice.below(6) {
                0 => drop(fields.remove(&name)),
                1 => drop(fields.insert("unheard_of".to_owned(), odd_value(dice))),
                _ => twist(fields.get_mut(&name).unwrap(), dice),
            }
        }
        Value::Array(items) if !items.is_empty() && dice.below(4) > 0 => {
            let at = dice.below(items.len());
            match dice.below(4) {
                0 => items.extend(vec![items[at].clone(); 300]),
                _ => twist(&mut items[at], dice),
            }
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => {
            *value = odd_value(dice);
        }
    }
}

/// The bytes of a body with something wrong in it: in its meaning, or in its spelling.
fn spoilt(body: &Value, dice: &mut Dice) -> Vec<u8> {
    let mut body = body.clone();
    for _ in 0..=dice.below(3) {
        twist(&mut body, dice);
    }
    let mut bytes = body.to_string().into_bytes();
    if dice.below(3) == 0 {
        let at = dice.below(bytes.len());
        match dice.below(5) {
            0 => bytes.truncate(at),
            1 => bytes[at] = dice.below(256).to_le_bytes()[0],
            2 => drop(bytes.splice(at..at, *b"\xff\xfe")),
            3 => drop(bytes.splice(at..at, *b"\\ud800")),
            _ => bytes.extend(b"{}"),
        }
    }
    bytes
}

/// Sends it until the limit of calls lets it in.
fn patiently(served: &Served, bytes: &[u8]) -> Answer {
    loop {
        let answer = throw(served, bytes);
        if answer.status != 429 {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A body that each endpoint takes, by its name in the description, and where it is sent.
fn bodies(served: &Served, token: &str) -> Vec<(&'static str, String, &'static str, Value)> {
    let request = served.waiting(token);
    let (id, workflow) = (text(&request, "id"), text(&request, "workflow"));
    let digest = &request["digest"];
    let me = served.get("/api/v1/session", token).is(200).json();
    let decisions = format!("/api/v1/requests/{id}/decisions");
    let decide = |decision: Value| ("decide", decisions.clone(), "POST", decision);
    let part = json!({"repository": "tollgate", "path": "src/lib.rs", "hunks": [1]});
    vec![
        (
            "sign_in",
            "/api/v1/sessions".to_owned(),
            "POST",
            json!({"code": "AAAA-BBBB-CCCC"}),
        ),
        (
            "add_key",
            "/api/v1/keys".to_owned(),
            "POST",
            json!({"name": "k", "scopes": ["read"], "days": 3}),
        ),
        (
            "add_member",
            "/api/v1/members".to_owned(),
            "POST",
            json!({"name": "Bob", "role": "viewer"}),
        ),
        (
            "update",
            format!("/api/v1/members/{}", text(&me, "member")),
            "PATCH",
            json!({"role": "owner", "active": true}),
        ),
        (
            "register",
            "/api/v1/repositories".to_owned(),
            "POST",
            json!({"path": "/nowhere"}),
        ),
        (
            "preview_policy",
            "/api/v1/policy/preview".to_owned(),
            "POST",
            json!({"repository": "tollgate", "base": "main", "diff": crate::support::DIFF, "policy": "version = 1\n"}),
        ),
        (
            "submit",
            "/api/v1/workflows".to_owned(),
            "POST",
            json!({"text": "Say so", "repositories": [{"name": "tollgate", "role": "primary", "base": "main"}],
                "diffs": [{"repository": "tollgate", "diff": crate::support::DIFF}], "again": false}),
        ),
        (
            "submit",
            "/api/v1/workflows".to_owned(),
            "POST",
            json!({"text": "Say so", "repositories": [{"name": "tollgate"}], "agent": {"kind": "scripted", "script": {}},
                "metadata": {"ticket": "PAY-17"}}),
        ),
        (
            "revert",
            format!("/api/v1/workflows/{workflow}/revert"),
            "POST",
            json!({}),
        ),
        (
            "act",
            format!("/api/v1/workflows/{workflow}/acts"),
            "POST",
            json!({"act": "wake"}),
        ),
        (
            "mark_viewed",
            format!("/api/v1/workflows/{workflow}/viewed"),
            "PUT",
            json!({"repository": "tollgate", "path": "src/lib.rs", "change": "0"}),
        ),
        (
            "unmark_viewed",
            format!("/api/v1/workflows/{workflow}/viewed"),
            "DELETE",
            json!({"repository": "tollgate", "path": "src/lib.rs", "change": "0"}),
        ),
        (
            "comment",
            format!("/api/v1/requests/{id}/comments"),
            "POST",
            json!({"repository": "tollgate", "path": "src/lib.rs", "side": "new", "line": 1, "last_line": 1,
                "text": "Why?", "revision": 1}),
        ),
        (
            "reword_comment",
            "/api/v1/comments/cm_none".to_owned(),
            "PATCH",
            json!({"text": "Why?"}),
        ),
        (
            "clear_alarm",
            "/api/v1/alarms/3/clear".to_owned(),
            "POST",
            json!({"note": "Looked at it."}),
        ),
        (
            "freeze",
            "/api/v1/freezes".to_owned(),
            "POST",
            json!({"repository": "nowhere", "reason": "Being moved."}),
        ),
        (
            "unfreeze",
            "/api/v1/freezes/everything/end".to_owned(),
            "POST",
            json!({"note": "Moved."}),
        ),
        (
            "deliver_github_webhook",
            "/api/v1/webhooks/github".to_owned(),
            "POST",
            json!({"action": "created", "repository": {"id": 5}, "comment": {"id": 9}}),
        ),
        decide(json!({"decision": "extend", "digest": digest, "until": "2026-12-31T00:00:00Z"})),
        decide(json!({"decision": "approve", "digest": "0", "acknowledged": ["rule@path"]})),
        decide(json!({"decision": "deselect", "digest": digest, "parts": [part], "reason": ""})),
        decide(
            json!({"decision": "waive", "digest": digest, "repository": "tollgate", "violation": "r@p", "reason": "x", "days": u32::MAX}),
        ),
        decide(json!({"decision": "answer", "digest": digest, "choice": "abandon", "text": "x"})),
    ]
}

#[test]
fn no_body_that_is_spoilt_is_the_servers_fault_and_each_refusal_says_why() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let bodies = bodies(&served, &token);
    let described = served.get("/api/openapi.json", "").is(200).json();
    for (path, endpoints) in described["paths"].as_object().unwrap() {
        for endpoint in endpoints
            .as_object()
            .unwrap()
            .values()
            .filter(|e| !e["requestBody"].is_null())
        {
            let is_here = bodies.iter().any(|(name, ..)| endpoint["operationId"] == *name);
            assert!(is_here, "{path} takes a body; spoil one here");
        }
    }
    let (mut dice, mut refused) = (Dice(7), 0);
    for _ in 0..SPOILT {
        for (name, path, method, body) in &bodies {
            let spoilt = spoilt(body, &mut dice);
            let more = format!(
                "Authorization: Bearer {token}\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n",
                spoilt.len()
            );
            let bytes = [head(&served, &format!("{method} {path}"), &more), spoilt].concat();
            let about = || {
                format!(
                    "{name}: {}",
                    String::from_utf8_lossy(&bytes[..bytes.len().min(1_000)])
                )
            };
            let answer = patiently(&served, &bytes);
            if (200..300).contains(&answer.status) {
                continue;
            }
            is_problem(&answer, &about());
            refused += 1;
        }
    }
    assert!(
        refused > SPOILT,
        "only {refused} were refused: that spoils too little"
    );
    let asks = format!("Authorization: Bearer {token}\r\nConnection: close\r\n");
    let answer = patiently(&served, &head(&served, "GET /api/v1/workflows", &asks));
    assert_eq!(answer.status, 200, "{}", answer.body);
    is_well(&served);
}
