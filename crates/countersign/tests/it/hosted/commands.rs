//! Commands in comments: who may start a workflow from an issue, and what nobody may.

use super::hooks::{CANARY, Delivery};
use super::{EVE, HELLO, Hosted, ISSUE, OCTO};
use crate::served::Served;
use countersign_testkit::github::{Fault, Permission};
use serde_json::{Value, json};

pub(super) const START: &str = "/countersign start";
/// A person with write access who is no member here.
pub(super) const MALLORY: u64 = 9;

/// A server that hears what is said on GitHub, where octo is its owner.
pub(super) struct Listening {
    pub(super) hosted: Hosted,
    pub(super) served: Served,
    pub(super) token: String,
}

impl Listening {
    pub(super) fn new() -> Self {
        Self::at(Hosted::new())
    }

    pub(super) fn at(hosted: Hosted) -> Self {
        hosted.run(&["repo", "add", "--github", "octo/hello"]).exits(0);
        hosted.github.change(|w| {
            w.account(MALLORY, "mallory");
            w.repository_mut(HELLO).members.insert(MALLORY, Permission::Write);
        });
        let served = hosted.told(&[]);
        let token = served.token();
        let me = served.get("/api/v1/session", &token).is(200).json();
        let me = me["member"].as_str().unwrap();
        hosted.run(&["member", "link", me, &OCTO.to_string()]).exits(0);
        Self {
            hosted,
            served,
            token,
        }
    }

    /// Something happens on GitHub while the server is down.
    pub(super) fn misses<T>(&mut self, what: impl FnOnce(&Hosted) -> T) -> T {
        self.served.ends("-KILL");
        let happened = what(&self.hosted);
        self.served = self.hosted.told(&[]);
        happened
    }

    pub(super) fn issue(&self) -> u64 {
        self.hosted
            .github
            .change(|w| w.issue(HELLO, OCTO, "Prices go in grams", ISSUE))
    }

    pub(super) fn says(&self, issue: u64, who: u64, words: &str) -> u64 {
        self.hosted.github.change(|w| w.comment(HELLO, issue, who, words))
    }

    /// GitHub tells of a comment.
    pub(super) fn tells(&self, name: &str, comment: u64) -> String {
        Delivery::comment(name, comment).outcome(&self.served)
    }

    /// How often comments came to that.
    pub(super) fn times(&self, outcome: &str) -> u64 {
        self.counted("comments", outcome)
    }

    pub(super) fn counted(&self, what: &str, outcome: &str) -> u64 {
        let metrics = self.served.get("/metrics", &self.token).is(200).body;
        let name = format!("countersign_{what}_followed_total{{outcome=\"{outcome}\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
        line.unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
    }

    /// Waits until a comment came to that.
    pub(super) fn comes_to(&self, outcome: &str, times: u64) {
        self.served.until(|| (self.times(outcome) >= times).then_some(()));
        assert_eq!(self.times(outcome), times, "{outcome}");
    }

    pub(super) fn workflows(&self) -> Vec<Value> {
        let all = self.served.get("/api/v1/workflows", &self.token).is(200).json();
        all["workflows"].as_array().unwrap().clone()
    }
}

#[test]
fn a_maintainers_comment_starts_a_workflow_from_the_issue_once() {
    started_by_comment();
}

/// Everything that is asked of GitHub for it.
pub(super) fn started_by_comment() -> Listening {
    let here = Listening::new();
    let issue = here.issue();
    here.says(issue, EVE, "me too");
    let comment = here.says(issue, OCTO, START);
    assert_eq!(here.tells("d-1", comment), "kept");
    assert_eq!(here.tells("d-2", comment), "kept", "another delivery of the same");
    assert_eq!(here.tells("d-1", comment), "repeated");
    here.comes_to("started", 1);
    let all = here.workflows();
    assert_eq!(all.len(), 1, "{all:?}");
    let id = all[0]["id"].as_str().unwrap().to_owned();
    let request = here.served.request_of(&here.token, &id);
    assert_eq!(request["workflow"], json!(id));
    let shown = here
        .served
        .get(&format!("/api/v1/workflows/{id}"), &here.token)
        .is(200)
        .json();
    assert_eq!(shown["state"], "AwaitingApproval", "{shown}");
    assert_eq!(
        shown["metadata"],
        json!({"countersign.issue": format!("octo/hello#{issue}"),
            "countersign.started-from": format!("github-{HELLO}#{issue}")})
    );
    let text = shown.to_string();
    assert!(
        text.contains("@eve (none, untrusted)") && text.contains("> me too"),
        "{text}"
    );
    assert!(!text.contains(CANARY), "a payload's words got in");
    // While it is open nobody starts another one from there.
    let again = here.says(issue, OCTO, START);
    here.tells("d-3", again);
    here.comes_to("already-started", 1);
    assert_eq!(here.workflows().len(), 1);
    assert_eq!(
        here.hosted.github.branches(HELLO).len(),
        1,
        "nothing is written before approval"
    );
    here.status_says(issue, "waits for a decision on the change");
    here.replies(issue, "already-started");
    here
}

/// Hazards 2, 48 and 53, each alone.
#[test]
fn whoever_may_not_starts_nothing() {
    let here = Listening::new();
    let github = &here.hosted.github;
    let denied = |name: &str, outcome: &str, who: u64, words: &str, change: &dyn Fn(u64, u64)| {
        let issue = here.issue();
        let comment = here.says(issue, who, words);
        change(issue, comment);
        let before = here.times(outcome);
        here.tells(name, comment);
        here.comes_to(outcome, before + 1);
    };
    let nothing = |_: u64, _: u64| {};
    denied("d-1", "may-not-write", EVE, START, &nothing);
    denied("d-2", "account-not-linked", MALLORY, START, &nothing);
    github.change(|w| {
        w.account(77, "helper[bot]");
        w.repository_mut(HELLO).members.insert(77, Permission::Admin);
    });
    denied("d-3", "not-a-person", 77, START, &nothing);
    denied("d-4", "written-by-app", OCTO, START, &|issue, _| {
        github.change(|w| w.issue_mut(HELLO, issue).comments[0].by_app = true);
    });
    denied("d-5", "comment-edited", OCTO, "hello", &|_, comment| {
        github.change(|w| w.edit_comment(HELLO, comment, START));
    });
    denied("d-6", "issue-changed", OCTO, START, &|issue, _| {
        github.change(|w| w.edit_issue(HELLO, issue, "Do something else."));
    });
    denied("d-7", "issue-changed", OCTO, START, &|issue, _| {
        here.says(issue, EVE, "and one more thing");
    });
    denied("d-8", "no-command", OCTO, "> /countersign start", &nothing);
    denied("d-9", "unknown-command", OCTO, "/countersign merge", &nothing);
    denied(
        "d-9a",
        "nothing-waits",
        OCTO,
        "/countersign cancel Never mind.",
        &nothing,
    );
    denied("d-10", "comment-gone", OCTO, START, &|issue, _| {
        github.change(|w| w.issue_mut(HELLO, issue).comments.clear());
    });
    // GitHub does not say what octo may: that is a no.
    denied("d-11", "may-not-write", OCTO, START, &|_, _| {
        github.next("GET", "/collaborators/octo/permission", Fault::NotFound);
    });
    assert_eq!(here.workflows().len(), 0);
}

#[test]
fn a_comment_waits_while_github_can_not_be_asked() {
    let here = Listening::new();
    let issue = here.issue();
    let comment = here.says(issue, OCTO, START);
    here.hosted
        .github
        .next("GET", "/issues/comments/", Fault::BadGateway);
    here.tells("d-1", comment);
    here.comes_to("started", 1);
    assert_eq!(here.workflows().len(), 1);
}

impl Listening {
    /// A workflow that a comment started: its issue, its id and the digest that waits.
    pub(super) fn started(&self) -> (u64, String, String) {
        let issue = self.issue();
        let comment = self.says(issue, OCTO, START);
        self.tells(&format!("start-{issue}"), comment);
        let id = self.served.until(|| {
            let all = self.workflows();
            let mut open = all.iter().filter(|w| w["state"] != "Failed");
            open.next().map(|w| w["id"].as_str().unwrap().to_owned())
        });
        let request = self.served.request_of(&self.token, &id);
        (issue, id, request["digest"].as_str().unwrap().to_owned())
    }

    /// Somebody says that, GitHub tells of it, and it comes to this.
    pub(super) fn command(&self, below: u64, who: u64, words: &str, outcome: &str) {
        let before = self.times(outcome);
        let comment = self.says(below, who, words);
        self.tells(&format!("comment-{comment}"), comment);
        self.comes_to(outcome, before + 1);
    }

    /// On the page the owner marks every file as viewed.
    pub(super) fn views(&self, id: &str) {
        self.viewed("PUT", id);
    }

    /// Puts a mark on every file there, or takes it off.
    pub(super) fn viewed(&self, method: &str, id: &str) {
        let path = format!("/api/v1/workflows/{id}/viewed");
        let all = self.served.get(&path, &self.token).is(200).json();
        for file in all["files"].as_array().unwrap() {
            let mark =
                json!({"repository": file["repository"], "path": file["path"], "change": file["change"]});
            self.served.json(method, &path, &self.token, &mark).is(200);
        }
    }

    pub(super) fn becomes(&self, id: &str, state: &str) {
        self.served
            .until(|| (self.served.state(&self.token, id) == state).then_some(()));
    }
}

/// Hazard 48: the whole digest, by a member who has looked at every file.
#[test]
fn an_approval_by_comment_needs_the_whole_digest_and_every_file_viewed() {
    let here = Listening::new();
    let (issue, id, digest) = here.started();
    let approve = format!("/countersign approve {digest}");
    here.command(issue, OCTO, &approve, "not-viewed");
    here.views(&id);
    let short = format!("/countersign approve {}", &digest[..12]);
    here.command(issue, OCTO, &short, "digest-missing");
    here.command(issue, OCTO, "/countersign approve", "digest-missing");
    here.command(issue, OCTO, "/countersign cancel", "reason-missing");
    here.command(issue, OCTO, "/countersign status please", "words-beside");
    let retry = format!("/countersign retry {digest}");
    here.command(issue, OCTO, &retry, "nothing-to-retry");
    let wrong = format!("/countersign approve {}", "0".repeat(64));
    here.command(issue, OCTO, &wrong, "nothing-waits");
    here.command(issue, OCTO, &format!("> {approve}"), "no-command");
    here.command(issue, OCTO, &format!("{approve} but not yet"), "words-beside");
    here.command(issue, MALLORY, &approve, "account-not-linked");
    here.command(issue, EVE, &approve, "may-not-write");
    let other = here.issue();
    here.command(other, OCTO, &approve, "nothing-waits");
    assert_eq!(here.hosted.github.branches(HELLO).len(), 1, "nothing is written");
    here.command(issue, OCTO, &approve, "decided");
    let pull = here.hosted.pull();
    here.hosted.ci("github-actions", &pull.head_sha, "success");
    here.becomes(&id, "Done");
    here.hosted
        .run(&["ledger", "export", &id, "-o", "story.json"])
        .exits(0);
    let verdict = here
        .hosted
        .run(&["verify", "story.json", "--json"])
        .exits(0)
        .json();
    assert_eq!(verdict["unattended"], false, "{verdict}");
    let story = std::fs::read_to_string(here.hosted.world.path("story.json")).unwrap();
    assert!(!story.contains(CANARY), "a payload's words got in");
}

#[test]
fn commands_below_an_imported_issue_are_about_the_workflow_that_was_imported() {
    let here = Listening::new();
    for over_http in [false, true] {
        let issue = here.issue();
        let address = format!("{}/octo/hello/issues/{issue}", here.hosted.github.url());
        let id = match over_http {
            true => {
                let new = json!({"issue": address, "again": true});
                let started = here.served.json("POST", "/api/v1/workflows", &here.token, &new);
                started.is(202).json()["id"].as_str().unwrap().to_owned()
            }
            false => {
                let started = here.hosted.run(&["submit", "--issue", &address]).exits(0);
                started.out.trim().to_owned()
            }
        };
        // The number stays, whatever the repository is called.
        here.hosted.github.change(|w| w.rename(HELLO, "greetings"));
        let request = here.served.request_of(&here.token, &id);
        let digest = request["digest"].as_str().unwrap();
        here.command(issue, OCTO, "/countersign status", "shown");
        here.command(issue, OCTO, START, "already-started");
        let reject = format!("/countersign reject {digest} Not this way.");
        here.command(issue, OCTO, &reject, "decided");
        here.becomes(&id, "Failed");
        let comments = here
            .hosted
            .github
            .change(|w| w.issue_mut(HELLO, issue).comments.clone());
        let status = format!("<!-- countersign {id}");
        assert!(
            comments.iter().all(|c| !c.body.starts_with(&status)),
            "nobody asked for one"
        );
        here.hosted.github.change(|w| w.rename(HELLO, "hello"));
    }
}

#[test]
fn a_rejection_and_a_cancellation_by_comment_end_the_workflow_and_what_it_wrote() {
    let here = Listening::new();
    let (issue, id, digest) = here.started();
    let reject = format!("/countersign reject {digest} Not this way.");
    here.command(issue, OCTO, &reject, "decided");
    here.becomes(&id, "Failed");
    here.command(issue, OCTO, "/countersign cancel Not at all.", "nothing-waits");
    let (issue, id, digest) = here.started();
    here.views(&id);
    let approve = format!("/countersign approve {digest}");
    here.command(issue, OCTO, &approve, "decided");
    let pull = here.hosted.pull();
    here.becomes(&id, "VerifyingCi");
    here.command(pull.number, EVE, "/countersign cancel Mine.", "may-not-write");
    here.command(pull.number, OCTO, "/countersign cancel Not this way.", "decided");
    here.becomes(&id, "Cancelled");
    assert!(!here.hosted.pull().open, "the pull request is closed");
    let branches = here.hosted.github.branches(HELLO);
    assert_eq!(branches.len(), 1, "and its branch is gone");
}
