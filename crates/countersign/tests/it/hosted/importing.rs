//! `submit --issues QUERY`: several issues of a repository at once.

use super::{EVE, HELLO, Hosted, ISSUE, OCTO};
use crate::served::Served;
use crate::support::ran;
use crate::terminal::Typist;
use countersign_testkit::github::Fault;
use serde_json::{Value, json};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Another repository of the same owner.
const OTHER: u64 = 1_296_270;
const SEARCH: [&str; 4] = ["submit", "--repo", "hello", "--issues"];

impl Hosted {
    /// Registered, with issues of these titles, by Eve and by Octo in turn.
    fn with_issues(titles: &[&str]) -> Self {
        let hosted = Self::new();
        hosted.run(&["repo", "add", "--github", "octo/hello"]).exits(0);
        for (n, title) in titles.iter().enumerate() {
            let author = [EVE, OCTO][n % 2];
            hosted.github.change(|w| w.issue(HELLO, author, title, ISSUE));
        }
        hosted
    }

    fn workflows(&self) -> usize {
        let listed = self.run(&["list", "--json"]).exits(0).json();
        listed["workflows"].as_array().unwrap().len()
    }
}

fn with<'a>(query: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&SEARCH[..], &[query], more].concat()
}

/// Number and outcome of each.
fn outcomes(told: &Value) -> Vec<(u64, &str)> {
    let issues = told["issues"].as_array().unwrap().iter();
    issues
        .map(|i| (i["number"].as_u64().unwrap(), i["outcome"].as_str().unwrap()))
        .collect()
}

#[test]
fn issues_are_listed_first_and_submitted_when_somebody_says_so() {
    let hosted = Hosted::with_issues(&["Grams, please", "Say gr\u{202e}ams", "Something else"]);
    hosted
        .run(&with("price", &[]))
        .exits(0)
        .says("0 open issues of octo/hello match");
    let listed = hosted.run(&with("grams", &[])).exits(3);
    let listed = listed
        .says("#1     Grams, please  by @eve (none, untrusted)")
        .says("#2     Say gr⟦U+202E⟧ams  by @octo (owner, trusted)")
        .says("--accept 3");
    assert_eq!((listed.out.as_str(), hosted.workflows()), ("", 0), "{listed}");
    hosted
        .run(&with("grams", &["--accept", "2"]))
        .exits(2)
        .says("other-issues");
    let done = hosted.run(&with("grams", &["--accept", "3"])).exits(0);
    assert_eq!((done.out.lines().count(), hosted.workflows()), (3, 3), "{done}");
    let again = hosted.run(&with("grams", &["--json"])).exits(0).json();
    let all = [(1, "under-way"), (2, "under-way"), (3, "under-way")];
    assert_eq!(outcomes(&again), all, "{again}");
    // One that ended is no more under way.
    let id = done.out.lines().next().unwrap();
    hosted.run(&["cancel", id, "--reason", "Not now."]).exits(0);
    let again = hosted.run(&with("author:eve", &["--json"])).exits(3).json();
    assert_eq!(outcomes(&again), [(1, "ready"), (3, "under-way")], "{again}");
}

#[test]
fn a_person_is_asked_and_what_is_submitted_is_what_was_listed() {
    let hosted = Hosted::with_issues(&["Prices go in grams"]);
    let mut typist = Typist::sits_at(&hosted.world, &["submit", "--issues", ""]);
    typist.sees("Submit 1 issue? [y/N]").types("\n");
    typist.leaves().exits(0).says("0 submitted");
    let mut typist = Typist::sits_at(&hosted.world, &["submit", "--issues", ""]);
    typist.sees("Submit 1 issue? [y/N]");
    hosted
        .github
        .change(|w| w.edit_issue(HELLO, 1, "Something else."));
    typist.types("y\n");
    typist.leaves().exits(0).says("1 submitted");
    let listed = hosted.run(&["list", "--json"]).exits(0).json();
    let id = listed["workflows"][0]["id"].as_str().unwrap();
    hosted.run(&["resume", id]).exits(3).says("Say so.");
}

#[test]
fn one_that_can_not_be_had_holds_no_other_up() {
    let hosted = Hosted::with_issues(&["One", "Two", "Three"]);
    hosted.github.next("GET", "/issues/2/comments", Fault::BadGateway);
    let ran = hosted
        .run(&with("", &["--accept", "2", "--json"]))
        .exits(2)
        .json();
    let all = [(1, "submitted"), (2, "failed"), (3, "submitted")];
    assert_eq!(outcomes(&ran), all, "{ran}");
    assert_eq!(ran["issues"][1]["code"], "github-failed", "{ran}");
    let ran = hosted
        .run(&with("", &["--accept", "1", "--json"]))
        .exits(0)
        .json();
    let all = [(1, "under-way"), (2, "submitted"), (3, "under-way")];
    assert_eq!(outcomes(&ran), all, "{ran}");
}

#[test]
fn only_open_issues_of_the_repository_are_found_however_the_query_is_put() {
    let hosted = Hosted::with_issues(&["Mine"]);
    hosted.github.repository(OTHER, OCTO, "other", &super::FILES);
    hosted
        .github
        .change(|w| w.issue(OTHER, EVE, "Of elsewhere", ISSUE));
    hosted.github.commit(HELLO, "topic", &[("a", "b\n")]);
    hosted.github.change(|w| w.pull(HELLO, EVE, "topic", "main"));
    let found = hosted
        .run(&with("mine OR author:eve", &["--json"]))
        .exits(3)
        .json();
    assert_eq!(outcomes(&found), [(1, "ready")], "{found}");
    for (query, exit, code) in [
        ("repo:octo/other", 2, "bad-issue-query"),
        ("colour:blue", 2, "github-refused"),
    ] {
        hosted.run(&with(query, &[])).exits(exit).says(code);
    }
    hosted
        .run(&["submit", "--repo", "tollgate", "--issues", ""])
        .exits(2)
        .says("On GitHub are: hello.");
    hosted
        .github
        .next("GET", "/search/issues", Fault::SecondaryLimit(20));
    hosted.run(&with("", &[])).exits(1).says("github-limited");
}

#[test]
fn many_are_taken_thirty_at_a_time() {
    let titles: Vec<String> = (0..32).map(|n| format!("Number {n}")).collect();
    let hosted = Hosted::with_issues(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    let found = hosted.run(&with("number", &["--json"])).exits(3).json();
    assert_eq!((outcomes(&found).len(), &found["more"]), (30, &Value::Bool(true)));
}

/// Whoever calls has the token and asks GitHub; the server gets texts.
#[test]
fn over_a_server_what_is_open_is_known_by_its_text() {
    let hosted = Hosted::with_issues(&["One", "Two"]);
    let served = Served::start(&hosted.world, &[]);
    let server = format!("http://{}", served.address);
    let typed = |arguments: &[&str], text: &str| {
        let mut command = hosted.world.command(arguments);
        command.args(["--server", &server]);
        for pipe in [Command::stdin, Command::stdout, Command::stderr] {
            pipe(&mut command, Stdio::piped());
        }
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        ran(&child.wait_with_output().unwrap())
    };
    typed(&["sign-in"], &served.code).exits(0);
    let all = with("", &["--accept", "2", "--json"]);
    let done = typed(&all, "").exits(0).json();
    assert_eq!(outcomes(&done), [(1, "submitted"), (2, "submitted")], "{done}");
    let again = typed(&all, "").exits(0).json();
    assert_eq!(outcomes(&again), [(1, "under-way"), (2, "under-way")], "{again}");
}

#[test]
fn an_issue_is_submitted_over_http_by_its_address() {
    let hosted = Hosted::new();
    hosted.run(&["repo", "add", "--github", "octo/hello"]).exits(0);
    hosted.github.repository(OTHER, OCTO, "elsewhere", &super::FILES);
    hosted
        .github
        .change(|w| w.issue(OTHER, EVE, "Of elsewhere", ISSUE));
    let address = hosted.issue();
    let served = Served::start(&hosted.world, &[]);
    let token = served.token();
    let submit = |body| served.json("POST", "/api/v1/workflows", &token, &body);
    let refused = |status, body, code: &str| {
        let problem = submit(body).is(status).json();
        assert_eq!(problem["code"], code, "{problem}");
    };
    let elsewhere = format!("{}/octo/elsewhere/issues/1", hosted.github.url());
    refused(422, json!({"issue": elsewhere}), "unknown-repository");
    let nothing = format!("{}/octo/hello/issues/99", hosted.github.url());
    refused(422, json!({"issue": nothing}), "github-not-found");
    for wrong in ["7", "https://github.com.evil.example/octo/hello/issues/7", ""] {
        refused(422, json!({ "issue": wrong }), "bad-issue-address");
    }
    let both = json!({"issue": address, "text": "Something else"});
    refused(422, both, "text-and-issue");
    hosted.github.next("GET", "/issues/1", Fault::BadGateway);
    refused(503, json!({"issue": address}), "github-failed");

    let id = submit(json!({"issue": address})).is(202).json()["id"].clone();
    let path = format!("/api/v1/workflows/{}", id.as_str().unwrap());
    let told = served.get(&path, &token).is(200).json();
    assert_eq!(told["metadata"]["countersign.issue"], "octo/hello#1", "{told}");
    let from = format!("github-{HELLO}#1");
    assert_eq!(
        told["metadata"]["countersign.imported-from"],
        from.as_str(),
        "{told}"
    );
    assert_eq!(told["repositories"][0]["name"], "hello", "{told}");
    let text = told["text"].as_str().unwrap();
    assert!(text.contains("@eve (none, untrusted)"), "{text}");
    refused(409, json!({"issue": address}), "duplicate");

    // What it is called now is asked only of what is registered, and of nothing else.
    hosted.github.change(|w| {
        w.rename(HELLO, "greetings");
        w.issue(HELLO, EVE, "Of greetings", ISSUE);
    });
    let renamed = format!("{}/octo/greetings/issues/2", hosted.github.url());
    let id = submit(json!({"issue": renamed})).is(202).json()["id"].clone();
    let path = format!("/api/v1/workflows/{}", id.as_str().unwrap());
    let told = served.get(&path, &token).is(200).json();
    assert_eq!(told["repositories"][0]["name"], "hello", "{told}");
    hosted.github.next("GET", "/repositories/", Fault::BadGateway);
    refused(503, json!({"issue": elsewhere}), "github-failed");
    refused(422, json!({"issue": elsewhere}), "unknown-repository");
    assert_eq!(hosted.github.times("GET", "/repos/octo/elsewhere"), 0);
    let other = format!("/repositories/{OTHER}");
    assert_eq!(hosted.github.times("GET", &other), 0);
}
