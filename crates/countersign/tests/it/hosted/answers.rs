//! What is said below issues: one comment that tells how a workflow stands, and answers to commands.

use super::commands::{Listening, MALLORY, START};
use super::hooks::CANARY;
use super::{EVE, FILES, HELLO, ISSUE, OCTO, OURS};
use crate::terminal::Typist;
use countersign_core::time::Timestamp;
use countersign_testkit::github::{Comment, Fault, Permission, Pull, World};

impl Listening {
    /// Our comments below an issue.
    pub(super) fn ours(&self, issue: u64) -> Vec<Comment> {
        let all = self
            .hosted
            .github
            .change(|w| w.issue_mut(HELLO, issue).comments.clone());
        all.into_iter().filter(|c| c.author == OURS).collect()
    }

    fn one_of(&self, issue: u64, beginning: &str) -> Option<Comment> {
        let all = self.ours(issue);
        let mut found = all.into_iter().filter(|c| c.body.starts_with(beginning));
        let first = found.next();
        assert!(found.next().is_none(), "one of each");
        first
    }

    /// Waits until the workflow's one comment says that.
    pub(super) fn status_says(&self, issue: u64, words: &str) -> String {
        self.served.until(|| {
            let status = self.one_of(issue, "<!-- countersign wf_")?.body;
            status.contains(words).then_some(status)
        })
    }

    /// Waits until some command there was answered with that code.
    pub(super) fn replies(&self, issue: u64, code: &str) -> Comment {
        let says = |c: &Comment| {
            c.body.starts_with("<!-- countersign comment ") && c.body.contains(&format!("(`{code}`)"))
        };
        self.served.until(|| self.ours(issue).into_iter().find(says))
    }

    fn marks(&self, issue: u64, comment: u64) -> Vec<(u64, String)> {
        let all = self
            .hosted
            .github
            .change(|w| w.issue_mut(HELLO, issue).comments.clone());
        all.into_iter()
            .find(|c| c.id == comment)
            .map(|c| c.reactions)
            .unwrap()
    }
}

#[test]
fn one_comment_tells_how_the_workflow_stands_until_its_end() {
    let here = Listening::new();
    let (issue, id, digest) = here.started();
    let said = here.status_says(issue, "waits for a decision on the change");
    assert_eq!(
        said,
        format!(
            "<!-- countersign {id} -->\n**Countersign: waits for a decision on the change**\n\n| | |\n|---|---|\n\
             | Revision | 1 |\n| Gates | intake ✓ · plan ✓ · proposal ✓ |\n\n\
             Workflow `{id}`. This comment is kept up to date.\n"
        )
    );
    here.command(issue, OCTO, "/countersign status", "shown");
    here.served.until(|| {
        let shown = here.one_of(issue, "<!-- countersign comment ")?.body;
        let same = |text: &str| text.lines().skip(1).take(6).collect::<Vec<_>>().join("\n");
        assert_eq!(same(&shown), same(&said));
        Some(())
    });
    here.command(issue, EVE, "/countersign status", "may-not-write");
    // Somebody says the same: that stays theirs.
    let copied = here.says(issue, EVE, &said);
    here.views(&id);
    here.command(issue, OCTO, &format!("/countersign approve {digest}"), "decided");
    let pull = here.hosted.pull();
    let said = here.status_says(issue, "waits for CI");
    assert!(
        said.contains(&format!("| Pull request | #{} |", pull.number)),
        "{said}"
    );
    here.hosted.ci("github-actions", &pull.head_sha, "success");
    here.becomes(&id, "Done");
    let said = here.status_says(issue, "is done");
    assert!(
        said.contains("intake ✓ · plan ✓ · proposal ✓ · approval ✓ · write ✓ · CI ✓"),
        "{said}"
    );
    assert!(
        !said.contains("quote") && !said.contains(CANARY),
        "a stranger's word: {said}"
    );
    let all = here
        .hosted
        .github
        .change(|w| w.issue_mut(HELLO, issue).comments.clone());
    let theirs = all.iter().find(|c| c.id == copied).unwrap();
    assert!(theirs.body.contains("waits for a decision"), "{}", theirs.body);
    let shown = here.hosted.run(&["notices"]).exits(0);
    shown
        .says("status")
        .says("command-answered")
        .says("issues on http://127.0.0.1");
}

#[test]
fn who_may_command_is_answered_once_and_nobody_else() {
    let here = Listening::new();
    let issue = here.issue();
    let by_eve = here.says(issue, EVE, START);
    here.tells("d-1", by_eve);
    here.comes_to("may-not-write", 1);
    let by_mallory = here.says(issue, MALLORY, START);
    here.tells("d-2", by_mallory);
    here.tells("d-3", by_mallory);
    here.comes_to("account-not-linked", 1);
    let reply = here.replies(issue, "account-not-linked");
    assert_eq!(
        reply.body,
        format!(
            "<!-- countersign comment {by_mallory} -->\n**Countersign did not follow that.** No member has this account. \
             An owner links it: `countersign member link NAME NUMBER`. (`account-not-linked`)\n"
        )
    );
    let by_octo = here.says(issue, OCTO, START);
    here.tells("d-4", by_octo);
    here.comes_to("started", 1);
    here.status_says(issue, "waits for a decision on the change");
    here.served
        .until(|| (here.marks(issue, by_octo) == [(OURS, "+1".to_owned())]).then_some(()));
    assert_eq!(here.marks(issue, by_mallory), [(OURS, "confused".to_owned())]);
    assert_eq!(here.marks(issue, by_eve), [], "a passer-by makes nobody speak");
    assert_eq!(
        here.ours(issue).len(),
        2,
        "the status and one answer: {:?}",
        here.ours(issue)
    );
}

/// A write whose answer is lost is looked for before it is repeated; what GitHub does not take holds nothing up.
#[test]
fn what_is_said_is_said_once_whatever_github_answers() {
    let here = Listening::new();
    let github = &here.hosted.github;
    for (name, fault) in [
        ("after", Fault::BadGatewayAfter),
        ("lost", Fault::AnswerLost),
        ("before", Fault::BadGateway),
        ("no", Fault::NotFound),
    ] {
        let issue = here.issue();
        let comment = here.says(issue, OCTO, "/countersign cancel Not this way.");
        github.next("POST", &format!("/issues/{issue}/comments"), fault);
        here.tells(name, comment);
        if fault == Fault::NotFound {
            let refused = || {
                let shown = here.hosted.run(&["notices"]).exits(0);
                shown.out.contains("refused").then_some(())
            };
            here.served.until(refused);
            assert_eq!(here.ours(issue).len(), 0);
            assert_eq!(
                here.marks(issue, comment).len(),
                1,
                "the mark is there all the same"
            );
        } else {
            here.replies(issue, "nothing-waits");
            here.served
                .until(|| (!here.marks(issue, comment).is_empty()).then_some(()));
            assert_eq!(here.ours(issue).len(), 1, "{name}");
        }
    }
}

/// A comment that is found late speaks of what was there when it was written.
#[test]
fn what_was_said_before_a_workflow_began_says_nothing_about_it() {
    let mut here = Listening::new();
    let (issue, id, digest) = here.started();
    here.views(&id);
    here.misses(|hosted| {
        let since = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        let hour_ago = Timestamp((since.as_secs() - 3_600) * 1_000)
            .to_rfc3339()
            .replace(".000", "");
        for words in [
            "/countersign cancel wrong rules".to_owned(),
            format!("/countersign approve {digest}"),
        ] {
            hosted.github.change(|w| {
                w.comment(HELLO, issue, OCTO, &words);
                let said = w.issue_mut(HELLO, issue).comments.last_mut().unwrap();
                said.times = (hour_ago.clone(), hour_ago.clone());
            });
        }
    });
    here.comes_to("nothing-waits", 2);
    assert_eq!(here.served.state(&here.token, &id), "AwaitingApproval");
}

/// What no webhook told of is found by looking, once, whoever tells of it later.
#[test]
fn a_command_that_no_webhook_told_of_is_found() {
    let mut here = Listening::new();
    let (issue, comment) = here.misses(|hosted| {
        hosted.github.change(|w| {
            let issue = w.issue(HELLO, OCTO, "Prices go in grams", super::ISSUE);
            w.comment(HELLO, issue, EVE, START);
            w.comment(HELLO, issue, OCTO, "Let me think.");
            (issue, w.comment(HELLO, issue, OCTO, START))
        })
    });
    here.comes_to("started", 1);
    here.comes_to("may-not-write", 1);
    here.status_says(issue, "waits for a decision on the change");
    here.tells("late", comment);
    std::thread::sleep(std::time::Duration::from_secs(1));
    here.comes_to("started", 1);
    here.comes_to("no-command", 0);
    assert_eq!(here.workflows().len(), 1);
}

/// A second repository, which strangers don't see.
const PANTRY: u64 = 1_296_270;

#[test]
fn a_pull_request_says_how_its_workflow_stands_and_what_belongs_to_it() {
    let here = Listening::new();
    let hosted = &here.hosted;
    hosted.github.repository(PANTRY, OCTO, "pantry", &FILES);
    hosted.github.change(|w| {
        let pantry = w.repository_mut(PANTRY);
        pantry.private = true;
        pantry.members.insert(OURS, Permission::Write);
    });
    hosted.run(&["repo", "add", "--github", "octo/pantry"]).exits(0);
    hosted.world.file("issue.md", ISSUE);
    let words = [
        "submit",
        "--repo",
        "hello",
        "--repo",
        "pantry:secondary",
        "--issue",
        "issue.md",
    ];
    let id = hosted.run(&words).exits(0).out.trim().to_owned();
    here.served
        .until(|| (hosted.run(&["show", &id]).code == 0).then_some(()));
    here.becomes(&id, "AwaitingApproval");
    let shown = hosted.run(&["show", &id, "--json"]).exits(0).json();
    let mut typist = Typist::sits_at(&hosted.world, &["approve", &id]);
    for request in shown["requests"].as_array().unwrap() {
        let digits = request["digits"].as_str().unwrap();
        typist.sees("first 8 digits").types(&format!("{digits}\n"));
    }
    let pull_in = |repository: u64| {
        here.served.until(|| {
            let first = |w: &mut World| w.repository_mut(repository).pulls.values().next().cloned();
            hosted.github.change(first)
        })
    };
    let (hello, pantry) = (pull_in(HELLO), pull_in(PANTRY));
    let said_in = |repository: u64, number: u64, words: &str| {
        here.served.until(|| {
            let pull = hosted
                .github
                .change(|w| w.repository_mut(repository).pulls[&number].clone());
            let ours: Vec<Comment> = pull.comments.into_iter().filter(|c| c.author == OURS).collect();
            assert!(ours.len() < 2, "one comment: {ours:?}");
            let said = ours.first().map(|c| c.body.clone())?;
            said.contains(words).then_some(said)
        })
    };
    let said = said_in(
        HELLO,
        hello.number,
        "Together with: one in a private repository\n",
    );
    assert!(
        said.contains("waits for CI") && !said.contains("pantry"),
        "{said}"
    );
    // What stays for good says no more.
    let words_in = |repository: u64, pull: &Pull| {
        let commit = hosted.github.git(repository, &["cat-file", "-p", &pull.head_sha]);
        (commit.unwrap(), pull.body.clone())
    };
    let (commit, body) = words_in(HELLO, &hello);
    assert!(
        !commit.contains("pantry") && !body.contains("pantry"),
        "{commit}\n{body}"
    );
    assert!(body.contains("- 1 change in another repository\n"), "{body}");
    assert!(
        body.contains(&format!("approved exactly commit {} ", hello.head_sha)),
        "{body}"
    );
    let (commit, body) = words_in(PANTRY, &pantry);
    assert!(
        commit.contains("Countersign-Sibling: octo/hello countersign/wf_"),
        "{commit}"
    );
    assert!(body.contains("- octo/hello, branch `countersign/wf_"), "{body}");
    let together = format!("Together with: octo/hello#{}\n", hello.number);
    said_in(PANTRY, pantry.number, &together);
    for (repository, pull) in [(HELLO, &hello), (PANTRY, &pantry)] {
        let head = pull.head_sha.clone();
        hosted
            .github
            .change(|w| w.check(repository, "github-actions", "test", &head, Some("success")));
    }
    here.becomes(&id, "Done");
    said_in(HELLO, hello.number, "is done");
    said_in(PANTRY, pantry.number, "is done");
    typist.leaves().exits(0);
}
