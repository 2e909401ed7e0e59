//! What is posted on what was written: a check run of our App's own and a label, once, whatever GitHub answers.

use super::apps::assert_narrow;
use super::commands::Listening;
use super::hooks::CANARY;
use super::{APP, HELLO, Hosted, NEEDED, OCTO};
use countersign_testkit::github::{Check, Fault, Pull, granted};

impl Listening {
    /// A workflow whose change was approved, the digest of that, and its pull request.
    fn written(&self) -> (String, String, Pull) {
        let (issue, id, digest) = self.started();
        self.views(&id);
        self.command(issue, OCTO, &format!("/countersign approve {digest}"), "decided");
        (id, digest, self.hosted.pull())
    }

    /// Check runs on a commit, without those of CI.
    fn posted(&self, head: &str) -> Vec<Check> {
        let all = self
            .hosted
            .github
            .change(|w| w.repository_mut(HELLO).checks.clone());
        let ours = |c: &Check| c.head == head && c.name == "countersign";
        all.into_iter().filter(ours).collect()
    }

    /// Waits until the only one there has that title.
    fn check_says(&self, head: &str, title: &str) -> Check {
        self.served.until(|| {
            let posted = self.posted(head);
            assert!(posted.len() < 2, "one check run: {posted:?}");
            let says = |c: &Check| c.title.as_deref() == Some(title);
            posted.into_iter().find(says)
        })
    }

    /// Labels on a pull request, as soon as ours is among them.
    fn labels(&self, pull: &Pull) -> Vec<String> {
        self.served.until(|| {
            let there = self
                .hosted
                .github
                .change(|w| w.repository_mut(HELLO).pulls[&pull.number].clone());
            there
                .labels
                .iter()
                .any(|l| l.eq_ignore_ascii_case("countersign"))
                .then_some(there.labels)
        })
    }

    /// Notices with that template, each with its standing and code.
    fn noticed(&self, template: &str) -> Vec<(String, String)> {
        let all = self.hosted.run(&["notices", "--json"]).exits(0).json();
        let all = all.as_array().unwrap().iter();
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        let of = all.filter(|n| n["template"] == template);
        of.map(|n| (text(&n["standing"]), text(&n["code"]))).collect()
    }
}

/// Everything that is asked of GitHub to post a check run and a label.
pub(super) fn posted_on_what_was_written() -> Listening {
    let here = Listening::at(Hosted::app());
    let (_, _, pull) = here.written();
    here.check_says(&pull.head_sha, "waits for CI");
    here.labels(&pull);
    here
}

#[test]
fn one_check_run_tells_what_came_of_the_gates_until_the_end() {
    let here = Listening::at(Hosted::app());
    // GitHub itself asks for it before a merge: we don't wait for ourselves.
    here.hosted.github.change(|w| {
        w.repository_mut(HELLO).protection = vec![("countersign".to_owned(), Some(APP))];
    });
    let (id, digest, pull) = here.written();
    let said = here.check_says(&pull.head_sha, "waits for CI");
    assert_eq!((said.status.as_str(), &said.conclusion), ("in_progress", &None));
    assert_eq!(said.external_id.as_ref(), Some(&id));
    let text = said.said.unwrap();
    for words in [
        "| Revision | 1 |\n| Gates | intake ✓ ",
        " · approval ✓ ",
        &format!(
            "| Approved | by 1 person, `{digest}` |\n| Pull request | #{} |\n",
            pull.number
        ),
        &format!("\nWorkflow `{id}`. "),
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(
        said.details_url, None,
        "a name of this machine is nobody's to know"
    );
    // What our App says counts for nothing, under whatever name.
    here.hosted.ci("countersigner", &pull.head_sha, "failure");
    here.hosted.ci("github-actions", &pull.head_sha, "success");
    here.becomes(&id, "Done");
    let said = here.check_says(&pull.head_sha, "is done");
    assert_eq!(
        (said.status.as_str(), said.conclusion.as_deref()),
        ("completed", Some("success"))
    );
    let text = said.said.unwrap();
    assert!(text.contains(" · CI ✓ 2 |"), "{text}");
    for word in ["quote", CANARY, "octo", "eve", "Prices"] {
        assert!(!text.contains(word), "{word}: {text}");
    }
    assert_eq!(here.hosted.github.times("POST", "/check-runs"), 1);
    assert_narrow(&here.hosted);
    let noticed = here.noticed("gate-summary");
    assert!(
        noticed.iter().any(|(standing, _)| standing == "delivered"),
        "{noticed:?}"
    );
}

#[test]
fn a_check_run_whose_answer_is_lost_is_looked_for_and_not_posted_again() {
    let here = Listening::at(Hosted::app());
    let github = &here.hosted.github;
    github.next("POST", "/check-runs", Fault::AnswerLost);
    github.next("PATCH", "/check-runs", Fault::BadGatewayAfter);
    let (id, _, pull) = here.written();
    here.check_says(&pull.head_sha, "waits for CI");
    here.hosted.ci("github-actions", &pull.head_sha, "success");
    here.becomes(&id, "Done");
    let said = here.check_says(&pull.head_sha, "is done");
    assert_eq!(said.conclusion.as_deref(), Some("success"));
    assert_eq!(github.times("POST", "/check-runs"), 1);
}

#[test]
fn what_is_taken_out_of_play_is_cancelled_there() {
    let here = Listening::at(Hosted::app());
    let (id, _, pull) = here.written();
    here.check_says(&pull.head_sha, "waits for CI");
    here.hosted
        .run(&["cancel", &id, "--reason", "Not this way."])
        .exits(0);
    here.becomes(&id, "Cancelled");
    let said = here.check_says(&pull.head_sha, "was taken out of play");
    assert_eq!(said.conclusion.as_deref(), Some("cancelled"));
}

#[test]
fn with_a_token_no_check_run_is_made_or_tried() {
    let here = Listening::new();
    let (id, _, pull) = here.written();
    here.hosted.ci("github-actions", &pull.head_sha, "success");
    here.becomes(&id, "Done");
    here.served.until(|| {
        let pulls = here
            .hosted
            .github
            .change(|w| w.repository_mut(HELLO).pulls.clone());
        let said = &pulls[&pull.number].comments;
        said.iter().any(|c| c.body.contains("is done")).then_some(())
    });
    assert_eq!(here.noticed("gate-summary"), []);
    assert_eq!(here.hosted.github.times("POST", "/check-runs"), 0);
    assert!(here.posted(&pull.head_sha).is_empty());
}

/// An installation from before the App wanted to write checks.
#[test]
fn an_app_that_may_only_read_checks_is_told_so_and_the_work_goes_on() {
    let hosted = Hosted::app();
    let mut less = NEEDED;
    less[0] = ("checks", "read");
    hosted.github.change(|w| {
        for installation in w.apps.installations.values_mut() {
            installation.permissions = granted(&less);
        }
    });
    let here = Listening::at(hosted);
    let (id, _, pull) = here.written();
    here.hosted.ci("github-actions", &pull.head_sha, "success");
    here.becomes(&id, "Done");
    let refused = ("refused".to_owned(), "github-app-lacks-permission".to_owned());
    let noticed = here.served.until(|| {
        let noticed = here.noticed("gate-summary");
        let ended = |(standing, _): &(String, String)| standing != "waiting" && standing != "sending";
        (noticed.contains(&refused) && noticed.iter().all(ended)).then_some(noticed)
    });
    assert!(
        noticed.iter().all(|n| *n == refused || n.1 == "notice-outdated"),
        "{noticed:?}"
    );
    here.hosted.run(&["notices"]).exits(0).says("checks: write");
    here.hosted.run(&["doctor"]).says("lacks checks: write");
    assert_eq!(here.hosted.github.times("POST", "/check-runs"), 0);
    assert!(here.posted(&pull.head_sha).is_empty());
}

#[test]
fn a_pull_request_of_ours_gets_our_label_and_keeps_the_others() {
    let here = Listening::at(Hosted::app());
    let github = &here.hosted.github;
    github.next("POST", "/labels", Fault::BadGateway);
    github.next("POST", "/labels", Fault::AnswerLost);
    let (id, _, pull) = here.written();
    github.change(|w| {
        let repository = w.repository_mut(HELLO);
        repository.labels.insert("urgent".to_owned(), "ff0000".to_owned());
        let pull = repository.pulls.get_mut(&pull.number).unwrap();
        pull.labels.push("urgent".to_owned());
    });
    let mut labels = here.labels(&pull);
    labels.sort();
    assert_eq!(labels, ["countersign", "urgent"]);
    let color = github.change(|w| w.repository_mut(HELLO).labels["countersign"].clone());
    assert_eq!(color, "5319e7", "made by us, and not by the way");
    assert_narrow(&here.hosted);
    // Whoever takes it off has the last word.
    github.change(|w| {
        w.repository_mut(HELLO)
            .pulls
            .get_mut(&pull.number)
            .unwrap()
            .labels
            .clear()
    });
    here.hosted.ci("github-actions", &pull.head_sha, "success");
    here.becomes(&id, "Done");
    here.check_says(&pull.head_sha, "is done");
    let labels = github.change(|w| w.repository_mut(HELLO).pulls[&pull.number].labels.clone());
    assert!(labels.is_empty(), "{labels:?}");
    assert_eq!(here.noticed("labelled").len(), 1);
}

/// Somebody made it in the same moment, and spelled it otherwise.
#[test]
fn a_label_that_is_there_already_is_used_with_a_token_too() {
    let here = Listening::new();
    let github = &here.hosted.github;
    github.change(|w| {
        let labels = &mut w.repository_mut(HELLO).labels;
        labels.insert("Countersign".to_owned(), "000000".to_owned());
    });
    github.next("GET", "/labels/countersign", Fault::NotFound);
    let (_, _, pull) = here.written();
    assert_eq!(here.labels(&pull), ["Countersign"]);
    let labels = github.change(|w| w.repository_mut(HELLO).labels.clone());
    assert_eq!(labels.len(), 1, "{labels:?}");
    let refused = github.asked().iter().filter(|a| a.status == 422).count();
    assert_eq!(refused, 1, "it is there, GitHub says");
}

#[test]
fn where_no_label_may_be_written_the_work_goes_on() {
    let here = Listening::new();
    here.hosted
        .github
        .next("GET", "/labels/countersign", Fault::NotFound);
    here.hosted.github.next("POST", "/labels", Fault::NotFound);
    let (id, _, pull) = here.written();
    here.hosted.ci("github-actions", &pull.head_sha, "success");
    here.becomes(&id, "Done");
    let refused = ("refused".to_owned(), "github-not-found".to_owned());
    here.served
        .until(|| (here.noticed("labelled") == [refused.clone()]).then_some(()));
}
