//! What a person does with a repository on GitHub, from its registration on.

use super::{HELLO, Hosted, OURS};
use crate::served::Served;
use crate::terminal::Typist;
use countersign_testkit::github::Fault;
use serde_json::json;
use std::os::unix::fs::PermissionsExt as _;

#[test]
fn a_repository_is_registered_by_its_number_and_stays_the_same_one_under_another_name() {
    let hosted = Hosted::new();
    hosted
        .run(&["repo", "add", "--github", "octo/hello"])
        .exits(0)
        .says("hello is github-1296269, default branch main  octo/hello");
    hosted.github.change(|w| w.rename(HELLO, "greetings"));
    hosted
        .run(&["repo", "add", "--github", "octo/hello"])
        .exits(2)
        .says("has another name now");
    hosted
        .run(&["repo", "add", "--github", "octo/greetings"])
        .exits(0)
        .says("github-1296269");
    let listed = hosted.run(&["repo", "list", "--json"]).exits(0).json();
    assert_eq!(listed["repositories"].as_array().unwrap().len(), 1, "{listed}");
}

#[test]
fn repositories_are_found_by_words() {
    let hosted = Hosted::new();
    hosted.run(&["repo", "add", "--github", "octo/hello"]).exits(0);
    for (id, name) in [(20, "hello-docs"), (21, "hello-old"), (22, "elsewhere")] {
        hosted.github.repository(id, super::OCTO, name, &super::FILES);
    }
    hosted
        .github
        .repository(23, super::OCTO, "hello-secret", &super::FILES);
    hosted.github.change(|w| {
        w.repository_mut(21).archived = true;
        w.repository_mut(23).private = true;
    });
    let found = hosted.run(&["repo", "search", "octo", "hello"]).exits(0);
    let lines: Vec<&str> = found.out.lines().collect();
    assert_eq!(
        lines,
        [
            "octo/hello-docs  can only be read  default branch main",
            "octo/hello-old   archived          default branch main",
            "octo/hello       may be pushed to  default branch main  registered as hello",
        ]
    );
    hosted
        .run(&["repo", "search", "nothing"])
        .exits(0)
        .says("No repository");
    hosted
        .run(&["repo", "search", " "])
        .exits(2)
        .says("bad-repository-query");
    let served = Served::start(&hosted.world, &[]);
    let token = served.token();
    let path = "/api/v1/github/repositories?words=hello";
    let told = served.get(path, &token).is(200).json();
    assert_eq!(told["repositories"][2]["registered_as"], "hello", "{told}");
    assert_eq!(
        (&told["repositories"][2]["may_push"], &told["more"]),
        (&true.into(), &false.into())
    );
    hosted
        .github
        .next("GET", "/search/repositories", Fault::BadGateway);
    let gone = served.get(path, &token).is(503).json();
    assert_eq!(gone["code"], "github-failed", "{gone}");
    drop(served);
    let without_a_token = crate::served::world();
    let served = Served::start(&without_a_token, &[]);
    let unset = served.get(path, &served.token()).is(404).json();
    assert_eq!(unset["code"], "github-not-set-up", "{unset}");
}

#[test]
fn repositories_are_registered_over_http_by_their_names() {
    let hosted = Hosted::new();
    for (id, name) in [(20, "hello-docs"), (21, "hello-old")] {
        hosted.github.repository(id, super::OCTO, name, &super::FILES);
    }
    hosted.github.change(|w| w.repository_mut(21).archived = true);
    let served = Served::start(&hosted.world, &[]);
    let token = served.token();
    let register = |body| served.json("POST", "/api/v1/repositories", &token, &body);
    let added = register(json!({"github": "octo/hello-docs"})).is(201).json();
    assert_eq!(
        (&added["id"], &added["name"]),
        (&"github-20".into(), &"hello-docs".into())
    );
    assert_eq!(
        register(json!({"github": "octo/hello-docs"})).is(201).json(),
        added,
        "again"
    );
    let refused = |body, code: &str| {
        let problem = register(body).is(422).json();
        assert_eq!(problem["code"], code, "{problem}");
    };
    refused(json!({"github": "octo/hello-old"}), "github-archived");
    refused(json!({"github": "octo/nothing"}), "github-not-found");
    refused(json!({"github": "../user"}), "bad-repository-name");
    refused(json!({"github": "octo/hello", "path": "/srv/hello"}), "one-place");
    refused(json!({}), "one-place");
    let all = served.get("/api/v1/repositories", &token).is(200).json();
    assert_eq!(all.as_array().unwrap().len(), 1, "{all}");
    drop(served);
    let without_a_token = crate::served::world();
    let served = Served::start(&without_a_token, &[]);
    let body = json!({"github": "octo/hello"});
    let unset = served.json("POST", "/api/v1/repositories", &served.token(), &body);
    assert_eq!(unset.is(404).json()["code"], "github-not-set-up");
}

#[test]
fn what_can_not_be_registered_is_said() {
    let hosted = Hosted::new();
    hosted
        .run(&["repo", "add", "--github", "octo/nothing"])
        .exits(2)
        .says("github-not-found");
    hosted
        .run(&["repo", "add", "--github", "https://github.com/octo/hello"])
        .exits(2)
        .says("bad-repository-name");
    hosted
        .run(&["repo", "add", "--github"])
        .exits(64)
        .says("GITHUB_REPO is not set");
    hosted.github.change(|w| w.repository_mut(HELLO).archived = true);
    hosted
        .run(&["repo", "add", "--github", "octo/hello"])
        .exits(2)
        .says("archived");
    hosted.set_token("nobody");
    hosted
        .run(&["repo", "add", "--github", "octo/hello"])
        .exits(2)
        .says("github-token-refused");
}

#[test]
fn an_issue_is_imported_with_its_comments_and_who_said_them() {
    let hosted = Hosted::new();
    let address = hosted.issue();
    hosted
        .run(&["submit", "--issue", &address])
        .exits(2)
        .says("countersign repo add --github octo/hello");
    hosted.run(&["repo", "add", "--github", "octo/hello"]).exits(0);
    let id = hosted.run(&["submit", "--issue", &address]).exits(0);
    let id = id.out.trim().to_owned();
    hosted.run(&["resume", &id, "--json"]).exits(3);
    let shown = hosted.run(&["show", &id, "--json"]).exits(0);
    assert_eq!(shown.json()["title"], "Prices go in grams", "{shown}");
    // The same text is the same feedback; an edit is another.
    hosted.run(&["submit", "--issue", &address]).exits(2).says(&id);
    let diff = hosted.run(&["diff", &id]).exits(0);
    assert!(diff.out.contains("quote_grams(w: u32)"), "{diff}");
}

#[test]
fn an_issue_that_can_not_be_had_starts_nothing() {
    let hosted = Hosted::new();
    let address = hosted.issue();
    hosted.run(&["repo", "add", "--github", "octo/hello"]).exits(0);
    hosted.github.next("GET", "/comments", Fault::BadGateway);
    hosted
        .run(&["submit", "--issue", &address])
        .exits(1)
        .says("github-failed");
    hosted
        .run(&["submit", "--issue", "https://github.example/octo/hello/issues/1"])
        .exits(64)
        .says("is no issue of");
    let listed = hosted.run(&["list", "--json"]).exits(0).json();
    assert_eq!(listed["workflows"], serde_json::json!([]));
}

/// Everything that we ever ask GitHub for.
pub(super) fn everything(hosted: &Hosted) {
    let id = hosted.waiting();
    hosted.goes_red(&id);
    hosted.run(&["doctor"]).exits(0);
    hosted.run(&["submit", "--issues", "grams author:octo"]).exits(0);
    hosted.run(&["repo", "search", "hello"]).exits(0);
    hosted.run(&["cancel", &id, "--reason", "Not this way."]).exits(0);
    hosted.run(&["resume", &id, "--json"]);
}

#[test]
fn an_issue_becomes_a_pull_request_and_is_done_when_its_checks_are_green() {
    let hosted = Hosted::new();
    let id = hosted.waiting();
    assert_eq!(
        hosted.github.branches(HELLO).len(),
        1,
        "nothing is written before approval"
    );
    let typist = hosted.approve(&id);
    let pull = hosted.pull();
    let branches = hosted.github.branches(HELLO);
    let (name, head) = branches.iter().find(|(name, _)| *name != "main").unwrap();
    assert_eq!((&pull.head, &pull.head_sha), (name, head));
    assert_eq!((pull.author, pull.base.as_str(), pull.open), (OURS, "main", true));
    assert_eq!(pull.title, "Prices go in grams");
    let content = hosted
        .github
        .git(HELLO, &["show", &format!("{head}:src/lib.rs")])
        .unwrap();
    assert!(content.contains("quote_grams("), "{content}");
    // A check of that name by anybody else is none.
    hosted.ci("somebody", head, "failure");
    hosted.ci("github-actions", head, "success");
    typist.leaves().exits(0).says("Done");
    let posts: Vec<String> = hosted
        .github
        .asked()
        .iter()
        .filter(|a| a.method != "GET" && !a.path.ends_with("git-upload-pack"))
        .map(|a| format!("{} {}", a.method, a.path))
        .collect();
    assert_eq!(
        posts,
        [
            "POST /octo/hello.git/git-receive-pack",
            "POST /repos/octo/hello/pulls"
        ],
        "two writes, each once"
    );
    hosted
        .run(&["ledger", "export", &id, "-o", "story.json"])
        .exits(0);
    let verdict = hosted.run(&["verify", "story.json", "--json"]).exits(0).json();
    assert_eq!(verdict["unattended"], false);
}

#[test]
fn lost_answers_give_one_branch_and_one_pull_request() {
    let hosted = Hosted::new();
    let id = hosted.waiting();
    hosted.github.next("POST", "git-receive-pack", Fault::AnswerLost);
    hosted.github.next("POST", "/pulls", Fault::BadGatewayAfter);
    let typist = hosted.approve(&id);
    let pull = hosted.pull();
    hosted.ci("github-actions", &pull.head_sha, "success");
    typist.leaves().exits(0).says("Done");
    assert_eq!(hosted.github.times("POST", "git-receive-pack"), 1);
    assert_eq!(hosted.github.times("POST", "/pulls"), 1);
    assert_eq!(hosted.github.branches(HELLO).len(), 2);
}

/// Longer than five tries take: a limit is no failure, it is waited for.
#[test]
fn a_limit_of_github_is_waited_for_and_asks_nobody() {
    let hosted = Hosted::new();
    let id = hosted.waiting();
    hosted.github.next("POST", "/pulls", Fault::SecondaryLimit(15));
    let typist = hosted.approve(&id);
    let pull = hosted.pull();
    hosted.ci("github-actions", &pull.head_sha, "success");
    typist.leaves().exits(0).says("left alone").says("Done");
    assert_eq!(
        hosted.github.times("POST", "/pulls"),
        2,
        "nothing is sent before the limit is over"
    );
    assert_eq!(hosted.github.change(|w| w.repository_mut(HELLO).pulls.len()), 1);
}

#[test]
fn what_github_refuses_for_good_is_tried_once_and_asked_about() {
    let hosted = Hosted::new();
    let id = hosted.waiting();
    let shown = hosted.run(&["resume", &id]).exits(3).out;
    let branch = shown.lines().find_map(|l| l.trim().strip_prefix("new branch "));
    hosted.github.protect(HELLO, &[branch.unwrap().trim()]);
    let ran = hosted.approve_once(&id).leaves().exits(3);
    ran.says("remote-push-refused").says("hook declined");
    assert_eq!(hosted.github.times("POST", "git-receive-pack"), 1);
    hosted.github.protect(HELLO, &[]);
    // The next thing that is refused: opening the pull request.
    hosted.github.change(|w| w.repository_mut(HELLO).archived = true);
    let typist = Typist::sits_at(&hosted.world, &["answer", &id, "retry"]);
    typist.leaves().exits(3).says("github-archived");
    hosted.github.change(|w| w.repository_mut(HELLO).archived = false);
    let typist = Typist::sits_at(&hosted.world, &["answer", &id, "retry"]);
    let pull = hosted.pull();
    hosted.ci("github-actions", &pull.head_sha, "success");
    typist.leaves().exits(0).says("Done");
    assert_eq!(hosted.github.times("POST", "git-receive-pack"), 2);
    hosted
        .run(&["ledger", "export", &id, "-o", "story.json"])
        .exits(0);
    hosted.run(&["verify", "story.json"]).exits(0).says("lawful");
}

#[test]
fn red_checks_ask_and_cancelling_takes_everything_out_of_play() {
    let hosted = Hosted::new();
    let id = hosted.waiting();
    hosted.goes_red(&id);
    hosted.run(&["cancel", &id, "--reason", "Not this way."]).exits(0);
    hosted.run(&["resume", &id, "--json"]);
    assert!(!hosted.pull().open, "the pull request is closed");
    assert_eq!(hosted.github.branches(HELLO).len(), 1, "and its branch is gone");
    let shown = hosted.run(&["show", &id, "--json"]).exits(0).json();
    assert_eq!(shown["state"], "Cancelled", "{shown}");
}

/// Red, then another change: the first is taken out of play, and the second needs an approval of its own.
#[test]
fn red_checks_and_another_change_end_green() {
    let hosted = Hosted::new();
    let id = hosted.waiting();
    let first = hosted.goes_red(&id);
    let rules = "```codemod\n[[step]]\nsearch = \"quote(\"\nreplace = \"quote_in_grams(\"\n```\n";
    hosted.world.file("rules.md", rules);
    let mut typist = Typist::sits_at(&hosted.world, &["answer", &id, "provide", "--file", "rules.md"]);
    typist.sees("revision 2");
    typist.leaves().exits(3);
    let pulls = || hosted.github.change(|w| w.repository_mut(HELLO).pulls.clone());
    assert!(!pulls()[&first.number].open, "the first pull request is closed");
    assert_eq!(
        hosted.github.branches(HELLO).len(),
        1,
        "its branch is gone, and none is there unapproved"
    );
    let typist = hosted.approve(&id);
    let second = hosted.pull_after(first.number);
    assert!(second.open && second.head_sha != first.head_sha);
    hosted.ci("github-actions", &second.head_sha, "success");
    typist.leaves().exits(0).says("Done");
    let file = format!("{}:src/lib.rs", second.head);
    let file = hosted.github.git(HELLO, &["show", &file]).unwrap();
    assert!(file.contains("quote_in_grams("), "{file}");
    hosted
        .run(&["ledger", "export", &id, "-o", "story.json"])
        .exits(0);
    hosted.run(&["verify", "story.json"]).exits(0).says("lawful");
}

impl Hosted {
    /// An issue that a program proposes a change for, another one where what it is told matches that pattern of the shell: the
    /// workflow, which waits for approval.
    fn proposed_by_one_that_learns(&self, pattern: &str) -> String {
        let coder = format!(
            r#"#!/bin/sh
told=$(cat)
case $told in *'"role":"coder"'*) ;; *) echo '{{"unsupported": true}}'; exit ;; esac
new=quote_g
case $told in {pattern}) new=quote_grams ;; esac
printf '{{"diffs": {{"hello": "--- a/src/lib.rs\\n+++ b/src/lib.rs\\n@@ -1 +1 @@\\n-pub fn quote(w: u32) -> u32 {{ w }}\\n+pub fn %s(w: u32) -> u32 {{ w }}\\n"}}}}' "$new"
"#
        );
        self.world.file("coder", coder);
        let program = self.world.path("coder");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let address = self.issue();
        self.run(&["repo", "add", "--github", "octo/hello"]).exits(0);
        let agent = format!("command:{}", program.display());
        let ran = self.run(&["run", "--issue", &address, "--agent", &agent, "--json"]);
        ran.exits(3).json()["id"].as_str().unwrap().to_owned()
    }
}

/// An agent that can answer anew is told what failed, and tries again; people approve what it makes.
#[test]
fn a_failed_check_is_fixed_by_the_agent_in_a_revision_of_its_own() {
    let hosted = Hosted::new();
    let id = hosted
        .proposed_by_one_that_learns(r#"*'"name":"test","state":"failure","said":"no unit [redacted: '*"#);
    let typist = hosted.approve_once(&id);
    let first = hosted.pull();
    let leaked = format!("no unit glpat-{}", "x7Yb2Kq9Lm4Np6Rt8VwZ");
    hosted.github.change(|w| {
        w.check(HELLO, "github-actions", "test", &first.head_sha, Some("failure"));
        w.repository_mut(HELLO).checks[0].said = Some(leaked.clone());
    });
    typist
        .leaves()
        .exits(3)
        .says("the agent tries again")
        .says("quote_grams");
    let pulls = hosted.github.change(|w| w.repository_mut(HELLO).pulls.clone());
    assert!(!pulls[&first.number].open && pulls.len() == 1, "{pulls:?}");
    let typist = hosted.approve(&id);
    let second = hosted.pull_after(first.number);
    hosted.ci("github-actions", &second.head_sha, "success");
    typist.leaves().exits(0).says("Done");
    hosted
        .run(&["ledger", "export", &id, "-o", "story.json"])
        .exits(0);
    hosted.run(&["verify", "story.json"]).exits(0).says("lawful");
    let kept = |words: &str| {
        let files = ["countersign.db", "countersign.db-wal"].map(|name| format!("data/{name}"));
        let bytes = files.map(|file| std::fs::read(hosted.world.path(&file)).unwrap_or_default());
        let words = words.as_bytes();
        bytes.iter().any(|b| b.windows(words.len()).any(|w| w == words))
    };
    assert!(kept("no unit [redacted"), "the agent's reason to try again");
    assert!(!kept("x7Yb2Kq9Lm4Np6Rt8VwZ"), "a secret of CI's log");
    hosted
        .run(&["ledger", "erase", &id, "artifacts", "--reason", "Personal."])
        .exits(0);
    assert!(!kept("no unit"), "CI's words go with the artifacts");
    hosted
        .run(&["ledger", "export", &id, "-o", "erased.json"])
        .exits(0);
    hosted.run(&["verify", "erased.json"]).exits(5);
}

/// A job fails and says why in its log alone, and the agent learns from it: the workflow's id.
pub(super) fn learns_from_the_log(hosted: &Hosted) -> String {
    let id = hosted.proposed_by_one_that_learns(r#"*'"said":"cargo test\n##[error]no unit [redacted: '*"#);
    let typist = hosted.approve_once(&id);
    let first = hosted.pull();
    let leaked = format!("glpat-{}", "x7Yb2Kq9Lm4Np6Rt8VwZ");
    let log = format!(
        "2026-11-22T06:00:00.0000001Z \u{1b}[36mcargo test\u{1b}[0m\n2026-11-22T06:00:00.0000001Z ##[error]no unit {leaked}\n"
    );
    hosted.github.change(|w| {
        w.check(HELLO, "github-actions", "test", &first.head_sha, Some("failure"));
        w.log(HELLO, "test", Some(&log));
    });
    typist
        .leaves()
        .exits(3)
        .says("the agent tries again")
        .says("quote_grams");
    id
}

/// GitHub's own CI says what failed nowhere but in the job's log.
#[test]
fn the_agent_that_tries_again_is_told_what_the_failed_job_wrote() {
    for hosted in [Hosted::new(), Hosted::app()] {
        let id = learns_from_the_log(&hosted);
        let mut read = hosted.github.asked();
        read.retain(|a| a.is_of_log());
        assert!(!read.is_empty(), "the log is on another host");
        for asked in read {
            assert_eq!((asked.status, asked.login), (200, None), "which gets no token");
        }
        hosted
            .run(&["ledger", "export", &id, "-o", "story.json"])
            .exits(0);
        hosted
            .run(&["verify", "story.json"])
            .exits(5)
            .says("? open: ")
            .says("✓ lawful");
        let told = std::fs::read_to_string(hosted.world.path("story.json")).unwrap();
        assert!(!told.contains("x7Yb2Kq9Lm4Np6Rt8VwZ"), "a secret of CI's log");
    }
}

#[test]
fn doctor_tells_whose_token_it_is_and_what_it_may_do() {
    let hosted = Hosted::new();
    hosted.run(&["repo", "add", "--github", "octo/hello"]).exits(0);
    hosted
        .run(&["doctor"])
        .exits(0)
        .says("the token is @countersign's")
        .says("octo/hello can be written to");
    hosted
        .github
        .change(|w| w.repository_mut(HELLO).members.remove(&OURS));
    hosted
        .run(&["doctor"])
        .exits(0)
        .says("octo/hello can be read and not pushed to");
    hosted.set_token("nobody");
    hosted
        .run(&["doctor"])
        .exits(2)
        .says("docs/github.md tells how to make a token.");
}

/// No word of policy about CI: what protects the branch is what is waited for, by that very app.
#[test]
fn checks_that_protect_the_branch_are_required_without_a_word_of_policy() {
    let hosted = Hosted::new();
    hosted
        .github
        .commit(HELLO, "main", &[(".countersign.toml", "version = 1\n")]);
    let address = hosted.issue();
    hosted.run(&["repo", "add", "--github", "octo/hello"]).exits(0);
    hosted
        .run(&["run", "--issue", &address, "--json"])
        .exits(4)
        .says("neither policy nor the branch's protection names a check of CI");
    hosted.github.change(|w| {
        let repository = w.repository_mut(HELLO);
        repository.protection = vec![("test".to_owned(), Some(15_368))];
        repository.ruleset = vec![("lint".to_owned(), None), ("test".to_owned(), Some(15_368))];
    });
    let id = hosted
        .run(&["run", "--issue", &address, "--json"])
        .exits(3)
        .json();
    let id = id["id"].as_str().unwrap().to_owned();
    let shown = hosted.run(&["show", &id]).exits(0);
    shown.says("lint by any app").says("test by app 15368");
    let typist = hosted.approve(&id);
    let pull = hosted.pull();
    let ci = |app: &str, name: &str| {
        let head = &pull.head_sha;
        hosted
            .github
            .change(|w| w.check(HELLO, app, name, head, Some("success")));
    };
    ci("somebody-else", "test");
    ci("somebody-else", "lint");
    std::thread::sleep(std::time::Duration::from_secs(3));
    let state = hosted.run(&["show", &id, "--json"]).exits(0).json();
    assert_eq!(
        state["state"], "VerifyingCi",
        "that app's test is missing: {state}"
    );
    ci("github-actions", "test");
    typist.leaves().exits(0).says("Done");
    hosted
        .run(&["ledger", "export", &id, "-o", "story.json"])
        .exits(0);
    hosted.run(&["verify", "story.json"]).exits(0);
}
