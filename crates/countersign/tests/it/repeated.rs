//! Calls under an idempotency key: made once, whatever door they go to.

use crate::served::{Answer, Served, text, world};
use crate::support::{World, collect};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Calls that make nothing, are no caller's, or are known by something else.
const NOT_KEYED: [&str; 3] = ["deliver_github_webhook", "preview_policy", "sign_in"];

fn keyed(served: &Served, path: &str, token: &str, key: &str, body: &Value) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Idempotency-Key", key),
    ];
    served.send("POST", path, &headers, &body.to_string())
}

/// What the second of two same calls hears.
#[derive(Debug, PartialEq, Eq)]
enum Second {
    /// What the first one heard.
    TheSame,
    /// That it was made already.
    MadeAlready,
    /// It is refused as the first one was, and nothing is remembered.
    Refused,
}

/// A call for every door, by its name in the description, in an order in which they work.
fn calls(world: &World, served: &Served, token: &str) -> Vec<(&'static str, String, Value, Second)> {
    let request = served.waiting(token);
    let (id, workflow) = (text(&request, "id"), text(&request, "workflow"));
    let me = served.get("/api/v1/session", token).is(200).json();
    let repositories = served.get("/api/v1/repositories", token).is(200).json();
    let is_larder = |r: &&Value| r["name"] == "larder";
    let larder = repositories.as_array().unwrap().iter().find(is_larder).unwrap();
    let new = json!({"text": crate::support::ISSUE, "repositories": [{"name": "larder"}]});
    let comment =
        json!({"repository": "tollgate", "path": "src/lib.rs", "line": 1, "text": "Why?", "revision": 1});
    let approve = json!({"decision": "approve", "digest": request["digest"]});
    let freeze = json!({"repository": "larder", "reason": "Being moved."});
    let call = |name, path: String, body| (name, format!("/api/v1/{path}"), body);
    let made = [
        call("submit", "workflows".to_owned(), new),
        call("comment", format!("requests/{id}/comments"), comment),
        call("decide", format!("requests/{id}/decisions"), approve),
        call(
            "register",
            "repositories".to_owned(),
            json!({"path": world.path("tollgate")}),
        ),
        call("freeze", "freezes".to_owned(), freeze),
        call(
            "unfreeze",
            format!("freezes/{}/end", text(larder, "id")),
            json!({"note": "Moved."}),
        ),
    ];
    let shown_once = [
        call(
            "add_key",
            "keys".to_owned(),
            json!({"name": "ci", "scopes": ["read"]}),
        ),
        call(
            "add_member",
            "members".to_owned(),
            json!({"name": "Bob", "role": "owner"}),
        ),
        call(
            "code",
            format!("members/{}/codes", text(&me, "member")),
            json!({}),
        ),
    ];
    let refused = [
        call(
            "act",
            format!("workflows/{workflow}/acts"),
            json!({"act": "wake"}),
        ),
        call(
            "clear_alarm",
            "alarms/3/clear".to_owned(),
            json!({"note": "None."}),
        ),
        call("revert", format!("workflows/{workflow}/revert"), json!({})),
    ];
    let all = made.map(|c| (c, Second::TheSame)).into_iter();
    all.chain(shown_once.map(|c| (c, Second::MadeAlready)))
        .chain(refused.map(|c| (c, Second::Refused)))
        .map(|((name, path, body), second)| (name, path, body, second))
        .collect()
}

#[test]
fn every_door_that_makes_something_makes_it_once_under_one_key() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let calls = calls(&world, &served, &token);
    let described = served.get("/api/openapi.json", "").is(200).json();
    let posts = described["paths"].as_object().unwrap().values();
    let (mut described_keyed, mut others) = (BTreeSet::new(), BTreeSet::new());
    for post in posts.map(|path| &path["post"]).filter(|post| !post.is_null()) {
        let takes = |p: &Value| p["name"] == "Idempotency-Key" && p["in"] == "header";
        let parameters = post["parameters"].as_array();
        match parameters.is_some_and(|all| all.iter().any(takes)) {
            true => described_keyed.insert(text(post, "operationId")),
            false => others.insert(text(post, "operationId")),
        };
    }
    assert_eq!(others, BTreeSet::from(NOT_KEYED), "these take no key");
    let called: BTreeSet<&str> = calls.iter().map(|(name, ..)| *name).collect();
    assert_eq!(called, described_keyed, "call each of them here");

    let mut secrets = Vec::new();
    for (name, path, body, second) in &calls {
        if *name == "unfreeze" {
            // What is frozen is known by then.
            assert_eq!(
                served.get("/api/v1/freezes", &token).is(200).json()[0]["repository"],
                "larder"
            );
        }
        let key = format!("key of {name}");
        let first = keyed(&served, path, &token, &key, body);
        let again = keyed(&served, path, &token, &key, body);
        match second {
            Second::TheSame => {
                assert!((200..300).contains(&first.status), "{name}: {}", first.body);
                assert_eq!(
                    (again.status, &again.body, again.header("content-type")),
                    (first.status, &first.body, first.header("content-type")),
                    "{name}"
                );
            }
            Second::MadeAlready => {
                let made = first.is(201).json();
                let secret = made.get("secret").or_else(|| made.get("code"));
                secrets.push(secret.unwrap().as_str().unwrap().to_owned());
                assert_eq!(again.is(409).json()["code"], "made-already", "{name}");
            }
            Second::Refused => {
                assert!((400..500).contains(&first.status), "{name}: {}", first.body);
                assert_eq!(again.status, first.status, "{name}: {}", again.body);
                assert_eq!(again.json()["code"], first.json()["code"], "{name}");
                continue;
            }
        }
        let other = keyed(&served, path, &token, &key, &json!({"name": "another call"}));
        // What can't be read at all is refused before its key is looked at where the handler knows the call by its ids.
        match *name {
            "submit" => assert_eq!(other.is(422).json()["code"], "bad-body"),
            _ => assert_eq!(other.is(409).json()["code"], "idempotency-key-reused", "{name}"),
        }
    }
    let count = |path: &str| served.get(path, &token).is(200).json().as_array().unwrap().len();
    assert_eq!((count("/api/v1/keys"), count("/api/v1/members")), (1, 2));
    let mut files = Vec::new();
    collect(world.root.path(), &mut files);
    for secret in &secrets {
        let holds = |bytes: &[u8]| bytes.windows(secret.len()).any(|w| w == secret.as_bytes());
        let found = files.iter().find(|(_, bytes)| holds(bytes));
        assert!(
            found.is_none(),
            "a secret is kept in {:?}",
            found.map(|(path, _)| path)
        );
    }
}

#[test]
fn of_many_same_calls_at_once_one_is_made() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let new = json!({"name": "ci", "scopes": ["read"]});
    let make = || keyed(&served, "/api/v1/keys", &token, "k", &new);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let (made, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 201);
    assert_eq!(made.len(), 1);
    for refused in refused {
        let code = refused.is(409).json()["code"].clone();
        assert!(
            code == "made-already" || code == "first-call-unanswered",
            "{code}"
        );
    }
    let keys = served.get("/api/v1/keys", &token).is(200).json();
    assert_eq!(keys.as_array().unwrap().len(), 1);
}

#[test]
fn an_answer_outlives_the_server_and_a_key_is_its_callers_own_and_says_nothing_of_refusals() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let request = served.waiting(&token);
    let path = format!("/api/v1/requests/{}/comments", text(&request, "id"));
    let comment = |line: u32| json!({"repository": "tollgate", "path": "src/lib.rs", "line": line, "text": "Why?", "revision": 1});
    keyed(&served, &path, &token, "c", &comment(99)).is(422);
    keyed(&served, &path, &token, "", &comment(1)).is(422);
    let first = keyed(&served, &path, &token, "c", &comment(1)).is(201);
    let invited = json!({"name": "Bob", "role": "owner"});
    let invited = served
        .json("POST", "/api/v1/members", &token, &invited)
        .is(201)
        .json();
    let code = json!({"code": invited["code"]});
    let bob = served.json("POST", "/api/v1/sessions", "", &code).is(201).json();
    let bobs = keyed(&served, &path, text(&bob, "token"), "c", &comment(1)).is(201);
    assert_ne!(bobs.json()["id"], first.json()["id"]);

    drop(served);
    let served = Served::start(&world, &[]);
    // The same words, spelt another way.
    let spelt = serde_json::to_string_pretty(&comment(1)).unwrap();
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Idempotency-Key", "c"),
    ];
    let again = served.send("POST", &path, &headers, &spelt).is(201);
    assert_eq!(again.body, first.body);
    let mine = served.get(&path, &token).is(200).json();
    assert_eq!(mine.as_array().unwrap().len(), 1, "{mine}");
}
