//! A label that starts: who may start a workflow by it, once, and what nobody may.

use super::commands::{Listening, MALLORY};
use super::hooks::{CANARY, Delivery};
use super::{EVE, HELLO, Hosted, ISSUE, OCTO, OURS, token};
use countersign_testkit::github::{Comment, Fault, Permission};
use serde_json::json;

const LABEL: &str = "Countersign: go";

impl Listening {
    /// Where that label starts.
    fn to_labels() -> Self {
        let hosted = Hosted::new();
        let us = token("writer");
        hosted.set(&format!("token = \"{us}\"\nstart_label = \"{LABEL}\"\n"));
        Self::at(hosted)
    }

    /// Somebody puts the label on an issue: the event's number.
    fn puts(&self, issue: u64, who: u64) -> u64 {
        self.hosted
            .github
            .change(|w| w.put_label(HELLO, issue, who, LABEL))
    }

    fn takes_off(&self, issue: u64, who: u64) {
        self.hosted
            .github
            .change(|w| w.take_label(HELLO, issue, who, LABEL));
    }

    /// GitHub tells that somebody put some label on an issue.
    fn tells_of_a_label(&self, name: &str, issue: u64) -> String {
        Delivery::labelled(name, issue).outcome(&self.served)
    }

    /// Waits until a label came to that.
    fn label_comes_to(&self, outcome: &str, times: u64) {
        let counted = || self.counted("labels", outcome);
        self.served.until(|| (counted() >= times).then_some(()));
        assert_eq!(counted(), times, "{outcome}");
    }

    /// Waits until it is said why that label started nothing.
    fn says_why(&self, issue: u64, event: u64, code: &str) -> Comment {
        let says = |c: &Comment| c.body.starts_with(&format!("<!-- countersign label {event} -->"));
        let said = self.served.until(|| self.ours(issue).into_iter().find(says));
        assert!(said.body.contains(&format!("(`{code}`)")), "{}", said.body);
        said
    }
}

#[test]
fn a_label_that_a_maintainer_puts_on_an_issue_starts_a_workflow_once() {
    let here = started_by_label();
    // What ended can be started anew, by putting the label there again.
    let issue = 1;
    here.command(issue, OCTO, "/countersign cancel Not like this.", "decided");
    here.status_says(issue, "was cancelled");
    here.takes_off(issue, OCTO);
    here.puts(issue, OCTO);
    here.tells_of_a_label("d-4", issue);
    here.label_comes_to("started", 2);
    assert_eq!(here.workflows().len(), 2);
}

/// Everything that is asked of GitHub for it.
pub(super) fn started_by_label() -> Listening {
    let here = Listening::to_labels();
    let issue = here.issue();
    here.says(issue, EVE, "me too");
    here.hosted
        .github
        .change(|w| w.put_label(HELLO, issue, OCTO, "bug"));
    here.puts(issue, OCTO);
    assert_eq!(here.tells_of_a_label("d-1", issue), "kept");
    assert_eq!(
        here.tells_of_a_label("d-2", issue),
        "kept",
        "another delivery of the same"
    );
    assert_eq!(here.tells_of_a_label("d-1", issue), "repeated");
    here.label_comes_to("started", 1);
    let all = here.workflows();
    assert_eq!(all.len(), 1, "{all:?}");
    let id = all[0]["id"].as_str().unwrap().to_owned();
    here.served.request_of(&here.token, &id);
    let path = format!("/api/v1/workflows/{id}");
    let shown = here.served.get(&path, &here.token).is(200).json();
    assert_eq!(shown["state"], "AwaitingApproval", "{shown}");
    assert_eq!(
        shown["metadata"],
        json!({"countersign.issue": format!("octo/hello#{issue}"),
            "countersign.started-from": format!("github-{HELLO}#{issue}")})
    );
    let text = shown.to_string();
    assert!(text.contains("> me too"), "{text}");
    assert!(!text.contains(CANARY), "a payload's words got in");
    here.status_says(issue, "waits for a decision on the change");
    // While it is open nobody starts another one from there.
    here.takes_off(issue, OCTO);
    let again = here.puts(issue, OCTO);
    here.tells_of_a_label("d-3", issue);
    here.label_comes_to("already-started", 1);
    here.says_why(issue, again, "already-started");
    here.label_comes_to("started", 1);
    assert_eq!(here.workflows().len(), 1);
    here
}

/// Hazards 2, 36 and 53, each alone.
#[test]
fn whoever_may_not_starts_nothing_by_a_label() {
    let here = Listening::to_labels();
    let github = &here.hosted.github;
    let denied = |outcome: &str, who: u64, is_told: bool, change: &dyn Fn(u64)| {
        let issue = here.issue();
        let before = here.counted("labels", outcome);
        let event = here.puts(issue, who);
        change(issue);
        here.tells_of_a_label(&format!("d-{issue}"), issue);
        here.label_comes_to(outcome, before + 1);
        match is_told {
            true => drop(here.says_why(issue, event, outcome)),
            false => assert_eq!(here.ours(issue).len(), 0, "{outcome}"),
        }
    };
    let nothing = |_: u64| {};
    denied("may-not-write", EVE, false, &nothing);
    denied("account-not-linked", MALLORY, true, &nothing);
    github.change(|w| {
        w.account(77, "helper[bot]");
        w.repository_mut(HELLO).members.insert(77, Permission::Admin);
    });
    denied("not-a-person", 77, false, &nothing);
    denied("own-account", OURS, true, &nothing);
    denied("written-by-app", OCTO, false, &|issue| {
        github.change(|w| w.issue_mut(HELLO, issue).events[0].by_app = true);
    });
    denied("issue-changed", OCTO, true, &|issue| {
        github.change(|w| w.edit_issue(HELLO, issue, "Do something else."));
    });
    denied("issue-changed", OCTO, true, &|issue| {
        here.says(issue, EVE, "and one more thing");
    });
    denied("issue-changed", OCTO, true, &|issue| here.takes_off(issue, OCTO));
    // GitHub does not say what octo may: that is a no.
    denied("may-not-write", OCTO, false, &|_| {
        github.next("GET", "/collaborators/octo/permission", Fault::NotFound);
    });
    assert_eq!(here.workflows().len(), 0);
    assert_eq!(github.branches(HELLO).len(), 1, "nothing is written");
}

/// What no webhook told of is found by looking, once, whoever tells of it later.
#[test]
fn a_label_that_no_webhook_told_of_is_found() {
    let mut here = Listening::to_labels();
    let issue = here.misses(|hosted| {
        hosted.github.change(|w| {
            let issue = w.issue(HELLO, OCTO, "Prices go in grams", ISSUE);
            w.put_label(HELLO, issue, OCTO, "bug");
            w.put_label(HELLO, issue, OCTO, &LABEL.to_lowercase());
            issue
        })
    });
    here.label_comes_to("started", 1);
    here.tells_of_a_label("late", issue);
    let other = here.issue();
    here.puts(other, EVE);
    here.tells_of_a_label("later", other);
    here.label_comes_to("may-not-write", 1);
    here.label_comes_to("started", 1);
    assert_eq!(here.workflows().len(), 1);
}

#[test]
fn a_label_waits_while_github_can_not_be_asked() {
    let here = Listening::to_labels();
    let issue = here.issue();
    here.puts(issue, OCTO);
    for door in ["/issues/events", "/issues/events/"] {
        here.hosted.github.next("GET", door, Fault::BadGateway);
    }
    here.tells_of_a_label("d-1", issue);
    here.label_comes_to("started", 1);
    assert_eq!(here.workflows().len(), 1);
}

#[test]
fn no_label_starts_anything_unless_an_operator_says_so() {
    let mut here = Listening::new();
    let issue = here.issue();
    here.puts(issue, OCTO);
    assert_eq!(here.tells_of_a_label("d-1", issue), "kept");
    // What comes after it was looked at.
    here.command(issue, OCTO, "/countersign cancel Not this.", "nothing-waits");
    here.misses(|_hosted| ());
    here.command(issue, OCTO, "/countersign cancel Not this.", "nothing-waits");
    assert_eq!(here.hosted.github.times("GET", "/issues/events"), 0);
    assert_eq!(here.workflows().len(), 0);
}

/// An issue that was moved, or a forge that is away, keeps no command waiting.
#[test]
fn an_edit_that_can_not_be_looked_at_holds_nothing_up() {
    let here = Listening::new();
    let (issue, id, _) = here.started();
    let door = format!("/issues/{issue}");
    for name in ["d-1", "d-2", "d-3", "d-4"] {
        here.hosted.github.next("GET", &door, Fault::BadGateway);
        assert_eq!(Delivery::edited(name, issue).outcome(&here.served), "kept");
    }
    here.command(issue, OCTO, "/countersign cancel Not like this.", "decided");
    here.becomes(&id, "Cancelled");
}

/// Hazard 53: what was pinned stays, and whoever decides sees that the issue says something else.
#[test]
fn an_edit_of_the_issue_after_the_start_is_shown_where_somebody_decides() {
    let mut here = Listening::new();
    let (issue, id, digest) = here.started();
    let path = format!("/api/v1/workflows/{id}");
    let shown = |here: &Listening| here.served.get(&path, &here.token).is(200).json();
    let pinned = shown(&here)["text"].clone();
    assert!(shown(&here)["issue_changed_at"].is_null());
    let edits = |here: &Listening, name: &str, words: &str| {
        here.hosted.github.change(|w| w.edit_issue(HELLO, issue, words));
        assert_eq!(Delivery::edited(name, issue).outcome(&here.served), "kept");
    };
    // What is said below it is no edit.
    here.command(issue, EVE, "/countersign status", "may-not-write");
    here.viewed("PUT", &id);
    edits(&here, "d-1", "Say it in ounces.");
    here.served
        .until(|| shown(&here)["issue_changed_at"].is_string().then_some(()));
    assert_eq!(shown(&here)["text"], pinned);
    let told = here.hosted.run(&["show", &id]).exits(0);
    told.says("The issue was edited after the start.");
    let request = here.served.request_of(&here.token, &id);
    assert_eq!(request["digest"], json!(digest), "what waits is the same");
    let approve = format!("/countersign approve {digest}");
    here.command(issue, OCTO, &approve, "viewed-before-edit");
    assert_eq!(here.served.request_of(&here.token, &id)["digest"], json!(digest));
    edits(&here, "d-2", ISSUE);
    here.served
        .until(|| shown(&here)["issue_changed_at"].is_null().then_some(()));
    // The webhook is lost.
    here.misses(|hosted| {
        hosted
            .github
            .change(|w| w.edit_issue(HELLO, issue, "Say it in ounces."))
    });
    here.served
        .until(|| shown(&here)["issue_changed_at"].is_string().then_some(()));
    // Whoever looks at it then may say so in a comment.
    here.viewed("DELETE", &id);
    here.command(issue, OCTO, &approve, "not-viewed");
    here.viewed("PUT", &id);
    here.command(issue, OCTO, &approve, "decided");
}
