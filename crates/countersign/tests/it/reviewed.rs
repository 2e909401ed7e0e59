//! Reviewing over real HTTP: what changed since a revision, files that were viewed, comments that become one review.

use crate::served::{Answer, Served, text, world};
use crate::support::{DIFF, ISSUE, World, ran};
use serde_json::{Value, json};

/// A page's reader: signed in with a cookie, as a browser is.
pub(crate) struct Browser<'s> {
    served: &'s Served,
    cookie: String,
}

impl<'s> Browser<'s> {
    pub(crate) fn of(served: &'s Served) -> Self {
        Self::with(served, &served.code)
    }

    /// Signed in with that code.
    pub(crate) fn with(served: &'s Served, code: &str) -> Self {
        let headers = [("Host", served.host.as_str()), ("Sec-Fetch-Site", "same-origin")];
        let signed_in = served
            .send("POST", "/sign-in", &headers, &format!("code={code}"))
            .is(303);
        let cookie = signed_in.header("set-cookie").unwrap().split(';').next().unwrap();
        Self {
            served,
            cookie: cookie.to_owned(),
        }
    }

    pub(crate) fn send(&self, method: &str, path: &str, form: &str) -> Answer {
        let headers = [
            ("Host", self.served.host.as_str()),
            ("Cookie", &self.cookie),
            ("Sec-Fetch-Site", "same-origin"),
        ];
        self.served.send(method, path, &headers, form)
    }

    #[track_caller]
    pub(crate) fn page(&self, path: &str) -> String {
        self.send("GET", path, "").is(200).body
    }

    /// The API, as the page's own cookie may call it.
    pub(crate) fn api(&self, method: &str, path: &str, body: &Value) -> Answer {
        let headers = [
            ("Host", self.served.host.as_str()),
            ("Cookie", &self.cookie),
            ("Sec-Fetch-Site", "same-origin"),
            ("Content-Type", "application/json"),
        ];
        self.served.send(method, path, &headers, &body.to_string())
    }
}

/// What a browser sends of a form: every byte spelled out.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let spelled = |text: &str| text.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
    let pair = |(name, value): &(&str, &str)| format!("{}={}", spelled(name), spelled(value));
    fields.iter().map(pair).collect::<Vec<_>>().join("&")
}

fn submit(served: &Served, token: &str, new: &Value) -> Value {
    let id = served
        .json("POST", "/api/v1/workflows", token, new)
        .is(202)
        .json()["id"]
        .clone();
    served.request_of(token, id.as_str().unwrap())
}

/// Asks for changes and gives the request of the next revision.
fn ask_for(served: &Served, token: &str, request: &Value, comment: &str) -> Value {
    let decisions = format!("/api/v1/requests/{}/decisions", text(request, "id"));
    let changes = json!({"decision": "request-changes", "digest": request["digest"], "comment": comment});
    served.json("POST", &decisions, token, &changes).is(200);
    let next = served.until(|| {
        let waits = served.request_of(token, text(request, "workflow"));
        (waits["id"] != request["id"]).then_some(waits)
    });
    assert_eq!(next["about"], "patch-set", "{next}");
    next
}

fn rules(replace: &str) -> String {
    format!("Rather so.\n\n```codemod\n[[step]]\nsearch = \"quote(\"\nreplace = \"{replace}(\"\n```\n")
}

/// A workflow in its second revision: first `quote_grams`, then `quote_kilos`.
fn twice(served: &Served, token: &str) -> (String, Value) {
    let new = json!({"text": ISSUE, "repositories": [{"name": "tollgate"}]});
    let first = submit(served, token, &new);
    let second = ask_for(served, token, &first, &rules("quote_kilos"));
    (text(&first, "workflow").to_owned(), second)
}

#[test]
fn the_interdiff_shows_what_the_second_revision_does_otherwise() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let (id, _) = twice(&served, &token);
    let path = format!("/api/v1/workflows/{id}/interdiff");
    let found = served.get(&format!("{path}?from=1&to=2"), &token).is(200).json();
    assert_eq!((&found["from"], &found["to"]), (&json!(1), &json!(2)));
    let one = &found["repositories"][0];
    assert_eq!(
        (&one["repository"], &one["base_moved"]),
        (&json!("tollgate"), &json!(false))
    );
    let diff = text(one, "diff");
    assert!(
        diff.contains("-pub fn quote_grams(w: u32)") && diff.contains("+pub fn quote_kilos(w: u32)"),
        "{diff}"
    );
    let lines = one["typed"]["files"][0]["hunks"][0]["lines"].as_array().unwrap();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(
        served.get(&format!("{path}?from=1"), &token).is(200).json(),
        found,
        "the newest is the default"
    );
    let back = served.get(&format!("{path}?from=2&to=1"), &token).is(200).json();
    assert!(text(&back["repositories"][0], "diff").contains("+pub fn quote_grams(w: u32)"));
    let same = served.get(&format!("{path}?from=2&to=2"), &token).is(200).json();
    assert_eq!(same["repositories"][0]["diff"], "");

    let missing = served.get(&format!("{path}?from=1&to=7"), &token).is(404).json();
    assert_eq!(missing["code"], "unknown-revision");
    assert!(text(&missing, "detail").contains("in revision 1, 2"), "{missing}");
    served.get(&path, &token).is(400);
    served
        .get("/api/v1/workflows/wf_none/interdiff?from=1", &token)
        .is(404);
}

#[test]
fn what_came_with_a_moved_base_stands_apart_from_what_the_patch_does() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let new = json!({"text": ISSUE, "repositories": [{"name": "tollgate"}]});
    let first = submit(&served, &token, &new);
    let before = world.git("tollgate", &["rev-parse", "HEAD"]);
    world.file("tollgate/src/lib.rs", "pub fn quote(w: u64) -> u64 { w }\n");
    world.file("tollgate/NOTES.md", "Weights are long.\n");
    world.git("tollgate", &["add", "."]);
    world.git("tollgate", &["commit", "--quiet", "-m", "long weights"]);
    let decisions = format!("/api/v1/requests/{}/decisions", text(&first, "id"));
    let approve = json!({"decision": "approve", "digest": first["digest"]});
    served.json("POST", &decisions, &token, &approve).is(200);
    let id = text(&first, "workflow");
    let second = served.until(|| {
        let all = served
            .get(&format!("/api/v1/requests?workflow={id}"), &token)
            .is(200)
            .json();
        all["requests"]
            .as_array()
            .unwrap()
            .iter()
            .find(|r| r["id"] != first["id"])
            .cloned()
    });
    let found = served
        .get(&format!("/api/v1/workflows/{id}/interdiff?from=1&to=2"), &token)
        .is(200)
        .json();
    let one = &found["repositories"][0];
    let after = world.git("tollgate", &["rev-parse", "HEAD"]);
    assert_eq!(
        (&one["base_moved"], &one["from_base"], &one["to_base"]),
        (&json!(true), &json!(before), &json!(after))
    );
    assert_eq!(
        (&one["base_only"], &one["base_only_files"]),
        (&json!(["NOTES.md"]), &json!(1))
    );
    let diff = text(one, "diff");
    assert!(
        diff.contains("+pub fn quote_grams(w: u64)") && !diff.contains("NOTES"),
        "{diff}"
    );
    world
        .run(&["diff", id, "--since", "1"])
        .exits(0)
        .says("the base moved from")
        .says("only the base changed them: 1 file");
    assert_eq!(second["about"], "patch-set");

    // Whoever decides on what was seen before hears what changed since, at the old request as at the new one.
    let newer = format!("/api/v1/requests/{}/decisions", text(&second, "id"));
    for path in [&decisions, &newer] {
        let refused = served.json("POST", path, &token, &approve).is(409).json();
        assert_eq!(refused["waits"]["digest"], second["digest"]);
        let delta = &refused["delta"];
        assert_eq!(
            (&delta["from"], &delta["to"]),
            (&json!(1), &json!(2)),
            "{refused}"
        );
        let files = json!([{"repository": "tollgate", "path": "src/lib.rs"}]);
        assert_eq!((&delta["files"], &delta["files_total"]), (&files, &json!(1)));
        let shown = served.get(text(delta, "interdiff"), &token).is(200).json();
        assert_eq!(shown, found);
    }
    let unheard_of = json!({"decision": "approve", "digest": "0".repeat(64)});
    let refused = served.json("POST", &newer, &token, &unheard_of).is(409).json();
    assert_eq!(
        (&refused["code"], &refused["delta"]),
        (&json!("digest-mismatch"), &Value::Null)
    );
}

#[test]
fn what_looks_like_a_secret_is_shown_on_neither_side_of_an_interdiff() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    // Put together here, so that this file holds no such thing.
    let secret = format!("glpat-{}", "x7Yb2Kq9Lm4Np6Rt8VwZ");
    let with = |tail: &str| DIFF.replace("w * 2", &format!("w * 2 /* {tail} */"));
    let new = json!({"text": "Say so", "repositories": [{"name": "tollgate"}],
        "diffs": [{"repository": "tollgate", "diff": with(&secret)}]});
    let blocked = submit(&served, &token, &new);
    let id = text(&blocked, "workflow");
    let answer = json!({"decision": "answer", "digest": blocked["digest"], "choice": "provide",
        "text": format!("```diff\n{}```\n", with("plain"))});
    let path = format!("/api/v1/requests/{}/decisions", text(&blocked, "id"));
    served.json("POST", &path, &token, &answer).is(200);
    let found = served.until(|| {
        let found = served.get(&format!("/api/v1/workflows/{id}/interdiff?from=1&to=2"), &token);
        (found.status == 200).then_some(found)
    });
    assert!(!found.body.contains("x7Yb2Kq9"), "{}", found.body);
    let one = &found.json()["repositories"][0];
    assert_eq!((&one["masked_lines"], &one["typed"]), (&json!(1), &Value::Null));
    assert!(
        text(one, "diff").contains("[not shown: gitlab-personal-token]"),
        "{one}"
    );
}

#[test]
fn the_command_says_the_same_on_the_folder_and_over_a_server() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let (id, _) = twice(&served, &token);
    let here = world.run(&["diff", &id, "--since", "1"]).exits(0);
    let here = here.says("Revision 1 → 2").says("+pub fn quote_kilos(w: u32)");
    assert!(
        !here.out.contains("pub fn quote(w"),
        "the base is not shown: {here}"
    );
    let server = format!("http://{}", served.address);
    let over = |world: &World, words: &[&str]| {
        let words = [words, &["--server", &server]].concat();
        ran(&world
            .command(&words)
            .env("COUNTERSIGN_TOKEN", &token)
            .output()
            .unwrap())
    };
    let there = over(&world, &["diff", &id, "--since", "1"]).exits(0);
    assert_eq!(here.out, there.out);
    let json = |ran: crate::support::Ran| ran.exits(0).json();
    let words = ["diff", &id, "--since", "1", "--repo", "tollgate", "--json"];
    assert_eq!(json(world.run(&words)), json(over(&world, &words)));
    for ran in [
        world.run(&["diff", &id, "--since", "9"]),
        over(&world, &["diff", &id, "--since", "9"]),
    ] {
        ran.exits(2).says("in revision 1, 2").says("unknown-revision");
    }
    world
        .run(&["diff", &id, "--since", "1", "--repo", "none"])
        .exits(2)
        .says("no-diff");
}

#[test]
fn the_page_shows_what_changed_since_the_revision_that_one_decided_on() {
    let world = world();
    let served = Served::start(&world, &[]);
    let browser = Browser::of(&served);
    let new = json!({"text": ISSUE, "repositories": [{"name": "tollgate"}]});
    let submitted = browser.api("POST", "/api/v1/workflows", &new).is(202).json();
    let id = text(&submitted, "id").to_owned();
    let waits = |except: &Value| {
        served.until(|| {
            let all = browser.api("GET", &format!("/api/v1/requests?workflow={id}"), &Value::Null);
            all.is(200).json()["requests"]
                .as_array()
                .unwrap()
                .iter()
                .find(|r| r["id"] != *except)
                .cloned()
        })
    };
    let first = waits(&Value::Null);
    let page = browser.page(&format!("/requests/{}", text(&first, "id")));
    assert!(
        !page.contains("What changed since"),
        "there is nothing before the first one"
    );
    let form = form(&[
        ("digest", text(&first, "digest")),
        ("decision", "request-changes"),
        ("words", &rules("quote_kilos")),
    ]);
    browser
        .send("POST", &format!("/requests/{}", text(&first, "id")), &form)
        .is(303);
    let second = waits(&first["id"]);
    let path = format!("/requests/{}", text(&second, "id"));
    let page = browser.page(&path);
    assert!(
        page.contains("What changed since revision 1")
            && page.contains("That is the one that you looked at last."),
        "{page}"
    );
    assert!(page.contains("-pub fn quote_grams(w: u32)"), "{page}");
    let named = browser.page(&format!("{path}?since=1"));
    assert!(
        !named.contains("That is the one that you looked at last.")
            && named.contains("-pub fn quote_grams(w: u32)")
    );
    let none = browser.page(&format!("{path}?since=5"));
    assert!(none.contains("unknown-revision"), "{none}");
    browser.send("GET", &format!("{path}?since=x"), "").is(400);
}

/// Two files changed; the second revision changes only the first of them again.
fn two_files(first: &str) -> String {
    let readme = "--- a/README.md\n+++ b/README.md\n@@ -1 +1 @@\n-# t\n+# toll\n";
    format!("{}{readme}", DIFF.replace("w * 2", first))
}

/// A workflow of two files and its second revision.
fn two_files_twice(served: &Served, token: &str) -> (Value, impl Fn() -> Value) {
    let new = json!({"text": "Say so", "repositories": [{"name": "tollgate"}],
        "diffs": [{"repository": "tollgate", "diff": two_files("w * 2")}]});
    let first = submit(served, token, &new);
    let (token, request) = (token.to_owned(), first.clone());
    let second = move || {
        let diff = two_files("w * 3");
        ask_for(served, &token, &request, &format!("```diff\n{diff}```\n"))
    };
    (first, second)
}

fn file<'v>(viewed: &'v Value, path: &str) -> &'v Value {
    let all = viewed["files"].as_array().unwrap();
    all.iter().find(|f| f["path"] == path).unwrap()
}

fn mark_of(viewed: &Value, path: &str) -> Value {
    json!({"repository": "tollgate", "path": path, "change": file(viewed, path)["change"]})
}

#[test]
fn a_file_that_stays_the_same_stays_viewed_and_one_that_changes_does_not() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let (first, second) = two_files_twice(&served, &token);
    let path = format!("/api/v1/workflows/{}/viewed", text(&first, "workflow"));
    let before = served.get(&path, &token).is(200).json();
    assert_eq!(
        (&before["viewed"], before["files"].as_array().unwrap().len()),
        (&json!(0), 2)
    );
    let blob = world.git("tollgate", &["rev-parse", "HEAD:README.md"]);
    assert_eq!(file(&before, "README.md")["old_blob"], json!(blob));
    for name in ["README.md", "src/lib.rs", "README.md"] {
        served.json("PUT", &path, &token, &mark_of(&before, name)).is(200);
    }
    let after = served.get(&path, &token).is(200).json();
    assert_eq!(after["viewed"], 2);
    second();
    let again = served.get(&path, &token).is(200).json();
    assert_eq!((&again["viewed"], &again["revision"]), (&json!(1), &json!(2)));
    assert_eq!(
        file(&again, "README.md")["viewed_at"],
        file(&after, "README.md")["viewed_at"]
    );
    assert_eq!(file(&again, "src/lib.rs")["viewed_at"], Value::Null);

    let stale = served
        .json("PUT", &path, &token, &mark_of(&before, "src/lib.rs"))
        .is(409)
        .json();
    assert_eq!(stale["code"], "stale-view");
    served
        .json("DELETE", &path, &token, &mark_of(&before, "src/lib.rs"))
        .is(409);
    let none = json!({"repository": "tollgate", "path": "none", "change": "0"});
    served.json("PUT", &path, &token, &none).is(404);
    let gone = served
        .json("DELETE", &path, &token, &mark_of(&again, "README.md"))
        .is(200)
        .json();
    assert_eq!(gone["viewed"], 0);
    served
        .json("DELETE", &path, &token, &mark_of(&again, "README.md"))
        .is(200);
}

#[test]
fn marks_are_of_one_person_and_no_key_makes_them() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let (first, _) = two_files_twice(&served, &token);
    let path = format!("/api/v1/workflows/{}/viewed", text(&first, "workflow"));
    let mark = mark_of(&served.get(&path, &token).is(200).json(), "README.md");
    served.json("PUT", &path, &token, &mark).is(200);
    let ada = world
        .run(&["member", "add", "Ada", "--role", "viewer", "--json"])
        .exits(0)
        .json();
    let code = json!({"code": text(&ada, "code")});
    let adas = served.json("POST", "/api/v1/sessions", "", &code).is(201).json();
    let adas = text(&adas, "token");
    assert_eq!(served.get(&path, adas).is(200).json()["viewed"], 0);
    assert_eq!(served.json("PUT", &path, adas, &mark).is(200).json()["viewed"], 1);
    served.json("DELETE", &path, adas, &mark).is(200);
    assert_eq!(served.get(&path, &token).is(200).json()["viewed"], 1);
    let key = world
        .run(&[
            "key", "add", "ci", "--scope", "read", "--scope", "submit", "--json",
        ])
        .exits(0)
        .json();
    let refused = served.json("PUT", &path, text(&key, "secret"), &mark).is(403);
    assert_eq!(refused.json()["code"], "not-for-keys");
}

#[test]
fn the_page_counts_what_was_viewed_and_names_the_rest_where_one_decides() {
    let world = world();
    let served = Served::start(&world, &[]);
    let browser = Browser::of(&served);
    let new = json!({"text": "Say so", "repositories": [{"name": "tollgate"}],
        "diffs": [{"repository": "tollgate", "diff": two_files("w * 2")}]});
    let id = browser.api("POST", "/api/v1/workflows", &new).is(202).json()["id"].clone();
    let path = format!("/requests/{}:rq:1", id.as_str().unwrap());
    let page = served.until(|| {
        let page = browser.send("GET", &path, "");
        (page.status == 200).then_some(page.body)
    });
    assert!(page.contains("Files: viewed 0 of 2"), "{page}");
    let unviewed = |page: &str| {
        let at = page.find("You have not marked as viewed: ");
        at.map(|at| page[at..].split("</p>").next().unwrap().to_owned())
    };
    assert!(unviewed(&page).unwrap().contains("README.md"));
    let viewed = browser
        .api(
            "GET",
            &format!("/api/v1/workflows/{}/viewed", id.as_str().unwrap()),
            &Value::Null,
        )
        .is(200)
        .json();
    let press = |name: &str, viewed_now: &str, change: &str| {
        let fields = form(&[("change", change), ("path", name), ("viewed", viewed_now)]);
        browser.send("POST", &format!("{path}/viewed"), &fields)
    };
    let change = |name: &str| text(file(&viewed, name), "change").to_owned();
    let back = press("README.md", "yes", &change("README.md")).is(303);
    assert_eq!(back.header("location"), Some(format!("{path}#files").as_str()));
    let page = browser.page(&path);
    assert!(page.contains("Files: viewed 1 of 2"), "{page}");
    let left = unviewed(&page).unwrap();
    assert!(
        left.contains("src/lib.rs") && !left.contains("README.md"),
        "{left}"
    );
    press("src/lib.rs", "yes", &change("src/lib.rs")).is(303);
    assert_eq!(unviewed(&browser.page(&path)), None);
    press("src/lib.rs", "no", &change("src/lib.rs")).is(303);
    assert!(browser.page(&path).contains("Files: viewed 1 of 2"));
    assert!(
        press("src/lib.rs", "yes", &"0".repeat(64))
            .is(409)
            .body
            .contains("stale-view")
    );
    let elsewhere = [
        ("Host", served.host.as_str()),
        ("Cookie", browser.cookie.as_str()),
        ("Sec-Fetch-Site", "cross-site"),
    ];
    served
        .send("POST", &format!("{path}/viewed"), &elsewhere, "change=0")
        .is(403);
}

fn comment(line: u32, words: &str) -> Value {
    json!({"repository": "tollgate", "path": "src/lib.rs", "line": line, "text": words, "revision": 1})
}

#[test]
fn draft_comments_become_one_review_with_the_words_and_are_gone_then() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let new = json!({"text": ISSUE, "repositories": [{"name": "tollgate"}]});
    let first = submit(&served, &token, &new);
    let id = text(&first, "workflow");
    let path = format!("/api/v1/requests/{}/comments", text(&first, "id"));
    let old = json!({"repository": "tollgate", "path": "src/lib.rs", "side": "old", "line": 1, "last_line": 1,
        "text": "It was fine.", "revision": 1});
    let made = served
        .json("POST", &path, &token, &comment(1, "Gramms?"))
        .is(201)
        .json();
    served.json("POST", &path, &token, &old).is(201);
    let spare = served
        .json("POST", &path, &token, &comment(1, "Never mind"))
        .is(201)
        .json();
    let one = |comment: &Value| format!("/api/v1/comments/{}", text(comment, "id"));
    served
        .json("PATCH", &one(&made), &token, &json!({"text": "Grams?"}))
        .is(200);
    served.json("DELETE", &one(&spare), &token, &Value::Null).is(204);
    served.json("DELETE", &one(&spare), &token, &Value::Null).is(404);
    let drafts = served.get(&path, &token).is(200).json();
    let texts: Vec<&str> = drafts
        .as_array()
        .unwrap()
        .iter()
        .map(|d| text(d, "text"))
        .collect();
    assert_eq!(texts, ["Grams?", "It was fine."]);
    let before = served
        .get(&format!("/api/v1/workflows/{id}/events"), &token)
        .is(200);
    assert!(!before.body.contains("Grams?"), "a draft is in no event");

    let second = ask_for(&served, &token, &first, &rules("quote_kilos"));
    assert_eq!(served.get(&path, &token).is(200).json(), json!([]));
    let events = served
        .get(&format!("/api/v1/workflows/{id}/events"), &token)
        .is(200)
        .json();
    let asked: Vec<&Value> = events
        .as_array()
        .unwrap()
        .iter()
        .filter(|e| e["kind"] == "changes-requested")
        .collect();
    assert_eq!(asked.len(), 1, "one act");
    let recorded = &asked[0]["event"]["act"]["record"]["act"]["comments"];
    assert_eq!(recorded.as_array().unwrap().len(), 2);
    assert_eq!(
        (&recorded[1]["side"], &recorded[1]["first"], &recorded[1]["text"]),
        (&json!("old"), &json!(1), &json!("It was fine."))
    );
    world
        .run(&["show", id, "--story"])
        .exits(0)
        .says("on tollgate src/lib.rs, line 1: \"Grams?\"")
        .says("on tollgate src/lib.rs, old line 1: \"It was fine.\"");

    let decisions = format!("/api/v1/requests/{}/decisions", text(&second, "id"));
    let approve = json!({"decision": "approve", "digest": second["digest"]});
    served.json("POST", &decisions, &token, &approve).is(200);
    served.until(|| (served.state(&token, id) == "Done").then_some(()));
    let bundle = served
        .get(&format!("/api/v1/workflows/{id}/export"), &token)
        .is(200)
        .body;
    world.file("story.json", bundle);
    world.run(&["verify", "story.json"]).exits(0);
}

#[test]
fn a_comment_stands_on_lines_that_the_diff_shows_and_holds_no_secret() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let first = served.waiting(&token);
    let path = format!("/api/v1/requests/{}/comments", text(&first, "id"));
    // Put together here, so that this file holds no such thing.
    let secret = format!("glpat-{}", "x7Yb2Kq9Lm4Np6Rt8VwZ");
    let changed = |name: &str, value: Value| {
        let mut new = comment(1, "Why?");
        new[name] = value;
        new
    };
    for (new, status, code) in [
        (comment(7, "Where?"), 422, "no-such-line"),
        (changed("last_line", json!(2)), 422, "no-such-line"),
        (changed("path", json!("README.md")), 422, "no-such-line"),
        (comment(0, "Where?"), 422, "bad-comment"),
        (comment(1, " "), 422, "bad-comment"),
        (comment(1, &"x".repeat(9 << 10)), 422, "bad-comment"),
        (comment(1, &secret), 422, "words-hold-secret"),
        (changed("side", json!("left")), 422, "unknown-side"),
        (changed("repository", json!("larder")), 422, "unknown-repository"),
        (changed("revision", json!(2)), 409, "stale-revision"),
        (changed("more", json!(1)), 422, "bad-body"),
    ] {
        let refused = served.json("POST", &path, &token, &new).is(status).json();
        assert_eq!(refused["code"], code, "{new}");
    }
    let kept = served
        .json("POST", &path, &token, &comment(1, "Why?"))
        .is(201)
        .json();
    let one = format!("/api/v1/comments/{}", text(&kept, "id"));
    let refused = served
        .json("PATCH", &one, &token, &json!({"text": secret}))
        .is(422)
        .json();
    assert_eq!(refused["code"], "words-hold-secret");
    assert_eq!(served.get(&path, &token).is(200).json()[0]["text"], "Why?");
}

#[test]
fn nobody_else_sees_a_draft_and_no_key_writes_one() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let first = served.waiting(&token);
    let path = format!("/api/v1/requests/{}/comments", text(&first, "id"));
    let kept = served
        .json("POST", &path, &token, &comment(1, "Why?"))
        .is(201)
        .json();
    let one = format!("/api/v1/comments/{}", text(&kept, "id"));
    let ada = world
        .run(&["member", "add", "Ada", "--role", "reviewer", "--json"])
        .exits(0)
        .json();
    let code = json!({"code": text(&ada, "code")});
    let adas = served.json("POST", "/api/v1/sessions", "", &code).is(201).json();
    let adas = text(&adas, "token");
    assert_eq!(served.get(&path, adas).is(200).json(), json!([]));
    served.json("PATCH", &one, adas, &json!({"text": "Mine"})).is(404);
    served.json("DELETE", &one, adas, &Value::Null).is(404);
    let key = world
        .run(&[
            "key", "add", "ci", "--scope", "read", "--scope", "submit", "--json",
        ])
        .exits(0)
        .json();
    served.get(&path, text(&key, "secret")).is(403);
    // What Ada sends is hers alone.
    let changes = json!({"decision": "request-changes", "digest": first["digest"], "comment": "Not so."});
    let decisions = format!("/api/v1/requests/{}/decisions", text(&first, "id"));
    served.json("POST", &decisions, adas, &changes).is(200);
    let id = text(&first, "workflow");
    let events = served
        .get(&format!("/api/v1/workflows/{id}/events"), &token)
        .is(200)
        .body;
    assert!(events.contains("Not so.") && !events.contains("Why?"), "{events}");
    let left = served.get(&path, &token).is(200).json();
    assert_eq!(left[0]["text"], "Why?");
}

#[test]
fn the_page_keeps_drafts_and_sends_them_with_the_decision() {
    let world = world();
    let served = Served::start(&world, &[]);
    let browser = Browser::of(&served);
    let new = json!({"text": ISSUE, "repositories": [{"name": "tollgate"}]});
    let id = browser.api("POST", "/api/v1/workflows", &new).is(202).json()["id"].clone();
    let id = id.as_str().unwrap();
    let path = format!("/requests/{id}:rq:1");
    let page = served.until(|| {
        let page = browser.send("GET", &path, "");
        (page.status == 200).then_some(page.body)
    });
    assert!(
        page.contains("Comment on lines") && !page.contains("Your draft comments"),
        "{page}"
    );
    let write = |line: &str, words: &str| {
        let fields = [
            ("repository", "tollgate"),
            ("path", "src/lib.rs"),
            ("revision", "1"),
            ("line", line),
            ("last_line", ""),
            ("side", "new"),
            ("text", words),
        ];
        browser.send("POST", &format!("{path}/comments"), &form(&fields))
    };
    write("1", "Grams <b>?").is(303);
    write("1", "Never mind").is(303);
    assert!(write("9", "Where?").is(422).body.contains("no-such-line"));
    let page = browser.page(&path);
    assert!(
        page.contains("Your draft comments") && page.contains("Grams &lt;b&gt;?"),
        "{page}"
    );
    let drafts = browser.api(
        "GET",
        &format!("/api/v1/requests/{id}:rq:1/comments"),
        &Value::Null,
    );
    let spare = drafts.is(200).json()[1]["id"].clone();
    let fields = form(&[("id", spare.as_str().unwrap())]);
    browser
        .send("POST", &format!("{path}/comments/drop"), &fields)
        .is(303);
    assert!(!browser.page(&path).contains("Never mind"));
    let requests = browser.api("GET", &format!("/api/v1/requests?workflow={id}"), &Value::Null);
    let digest = requests.is(200).json()["requests"][0]["digest"].clone();
    let fields = form(&[
        ("digest", digest.as_str().unwrap()),
        ("decision", "request-changes"),
        ("words", &rules("quote_kilos")),
    ]);
    browser.send("POST", &path, &fields).is(303);
    let story = browser.page(&format!("/workflows/{id}"));
    assert!(story.contains("on tollgate src/lib.rs, line 1"), "{story}");
}
