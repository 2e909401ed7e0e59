//! The whole way with a GitHub App instead of a token, and what its owners can do to it on the way.

use super::commands::{Listening, START};
use super::{APP, BOT, EVE, FILES, HELLO, Hosted, NEEDED, OCTO};
use crate::terminal::Typist;
use countersign_testkit::github::{Asked, Fault, granted, other_key};

/// Whether a request changes something: fetching and asking for tokens do not.
fn writes(asked: &Asked) -> bool {
    let git = asked.path.ends_with("git-receive-pack");
    git || (asked.is_rest() && asked.method != "GET" && !asked.path.ends_with("/access_tokens"))
}

/// Every write came with a token for one repository that can write one thing, and every look with one that can't write.
pub(super) fn assert_narrow(hosted: &Hosted) {
    let mut written = 0;
    // Tokens end beside what goes on, some after they ran out.
    let asked = hosted.github.asked().into_iter();
    for asked in asked.filter(|a| a.path != "/installation/token") {
        let Some(token) = &asked.token else {
            let own = asked.path.starts_with("/app") || asked.path.ends_with("/installation");
            // The first word of git has none; GitHub asks for it.
            let first = asked.status == 401 && !asked.is_rest();
            assert!(own || first, "{asked:?}");
            continue;
        };
        let one: Vec<_> = token.repositories.iter().collect();
        assert_eq!(one, [&HELLO], "{asked:?}");
        let writing = token.permissions.values().filter(|l| *l == "write").count();
        let around_a_push = asked.query == "service=git-receive-pack";
        assert_eq!(writing, usize::from(writes(&asked) || around_a_push), "{asked:?}");
        written += usize::from(writes(&asked));
    }
    assert!(written > 0, "something was written");
}

#[test]
fn an_issue_becomes_a_pull_request_of_the_apps_account_and_is_done_when_its_checks_are_green() {
    let hosted = Hosted::app();
    let id = hosted.waiting();
    // Over the approval all tokens run out.
    hosted.github.change(|w| w.expire_tokens());
    let typist = hosted.approve(&id);
    let pull = hosted.pull();
    assert_eq!((pull.author, pull.open), (BOT, true));
    hosted.github.change(|w| w.expire_tokens());
    hosted.ci("github-actions", &pull.head_sha, "success");
    typist.leaves().exits(0).says("Done");
    assert_narrow(&hosted);
    assert_eq!(hosted.github.times("POST", "git-receive-pack"), 1);
    assert_eq!(hosted.github.times("POST", "/pulls"), 1);
    hosted
        .run(&["ledger", "export", &id, "-o", "story.json"])
        .exits(0);
    hosted.run(&["verify", "story.json"]).exits(0).says("lawful");
}

#[test]
fn a_red_check_ends_in_nothing_left_there() {
    let hosted = Hosted::app();
    let id = hosted.waiting();
    hosted.goes_red(&id);
    hosted.run(&["cancel", &id, "--reason", "Not this way."]).exits(0);
    hosted.run(&["resume", &id, "--json"]);
    assert!(!hosted.pull().open, "the pull request is closed");
    assert_eq!(hosted.github.branches(HELLO).len(), 1, "and its branch is gone");
    assert_narrow(&hosted);
}

#[test]
fn commands_in_comments_are_followed_and_answered_by_the_app() {
    let here = Listening::at(Hosted::app());
    let issue = here.issue();
    let comment = here.says(issue, OCTO, START);
    assert_eq!(here.tells("d-1", comment), "kept");
    here.comes_to("started", 1);
    let said = || {
        here.hosted.github.change(|w| {
            let comments = &w.repository_mut(HELLO).issues[&issue].comments;
            comments.iter().filter(|c| c.author == BOT).count()
        })
    };
    here.served.until(|| (said() == 1).then_some(()));
    assert_narrow(&here.hosted);
}

#[test]
fn what_an_owner_does_to_the_app_on_the_way_is_asked_about_and_nothing_is_written() {
    type Deed = fn(&Hosted);
    let deeds: [(Deed, &str); 3] = [
        (
            |hosted| {
                hosted.github.change(|w| {
                    w.apps.installations.values_mut().for_each(|i| i.suspended = true);
                });
            },
            "github-app-suspended",
        ),
        (
            |hosted| hosted.github.change(|w| w.apps.installations.clear()),
            "github-app-not-installed",
        ),
        (
            |hosted| {
                hosted.github.change(|w| {
                    for installation in w.apps.installations.values_mut() {
                        installation
                            .permissions
                            .insert("contents".to_owned(), "read".to_owned());
                    }
                });
            },
            "github-app-lacks-permission",
        ),
    ];
    for (deed, code) in deeds {
        let hosted = Hosted::app();
        let id = hosted.waiting();
        deed(&hosted);
        hosted.approve_once(&id).leaves().exits(3).says(code);
        assert_eq!(
            hosted.github.branches(HELLO).len(),
            1,
            "{code}: nothing is written"
        );
        // It is set right there, and goes on here.
        hosted.github.change(|w| {
            w.apps.installations.clear();
            w.install(APP, &[HELLO]);
        });
        let typist = Typist::sits_at(&hosted.world, &["answer", &id, "retry"]);
        let pull = hosted.pull();
        assert_eq!(pull.author, BOT, "{code}");
        hosted.ci("github-actions", &pull.head_sha, "success");
        typist.leaves().exits(0).says("Done");
    }
}

#[test]
fn a_repository_is_found_however_its_name_is_typed() {
    let hosted = Hosted::app();
    hosted.run(&["repo", "add", "--github", "OCTO/Hello"]).exits(0);
    let list = hosted.run(&["repo", "list"]).exits(0);
    assert!(
        list.out.starts_with(&format!("github-{HELLO}  hello  ")),
        "{list}"
    );
    hosted.run(&["repo", "add", "--github", "OCTO/Other"]).exits(2);
}

/// GitHub has no search for Apps, so that it is looked through what the App was given, wherever it is installed.
#[test]
fn repositories_that_the_app_was_given_are_found_by_words() {
    let hosted = Hosted::app();
    hosted.run(&["repo", "add", "--github", "octo/hello"]).exits(0);
    let more: Vec<u64> = (100..230).collect();
    for number in &more {
        hosted
            .github
            .repository(*number, OCTO, &format!("part-{number}"), &FILES);
    }
    hosted.github.repository(30, EVE, "Hello-docs", &FILES);
    hosted.github.repository(31, EVE, "hello-kept", &FILES);
    hosted.github.repository(32, EVE, "hello-not-given", &FILES);
    let suspended = hosted.github.change(|w| {
        w.repository_mut(30).private = true;
        w.install(APP, &more);
        w.install(APP, &[30]);
        let suspended = w.install(APP, &[31]);
        w.apps.installations.get_mut(&suspended).unwrap().suspended = true;
        suspended
    });
    let found = hosted.run(&["repo", "search", "hello"]).exits(0);
    let lines: Vec<&str> = found.out.lines().collect();
    assert_eq!(
        lines,
        [
            "eve/Hello-docs  may be pushed to  default branch main",
            "octo/hello      may be pushed to  default branch main  registered as hello",
        ]
    );
    hosted
        .run(&["repo", "search", "octo", "part-229"])
        .exits(0)
        .says("octo/part-229");
    let many = hosted.run(&["repo", "search", "part", "--json"]).exits(0).json();
    assert_eq!(
        (many["repositories"].as_array().unwrap().len(), &many["more"]),
        (30, &true.into())
    );
    let asked = hosted.github.asked().into_iter();
    for asked in asked.filter(|a| a.path == "/installation/repositories") {
        assert_eq!(asked.token.unwrap().permissions, granted(&[("metadata", "read")]));
    }
    let at = format!("/app/installations/{suspended}/access_tokens");
    assert_eq!(hosted.github.times("POST", &at), 0);
    hosted
        .github
        .next("GET", "/installation/repositories", Fault::BadGateway);
    hosted
        .run(&["repo", "search", "hello"])
        .exits(1)
        .says("github-failed");
}

#[test]
fn an_app_that_is_suspended_while_ci_runs_asks_and_goes_on_afterwards() {
    let hosted = Hosted::app();
    let id = hosted.waiting();
    let mut typist = hosted.approve_once(&id);
    let pull = hosted.pull();
    // Read back, and CI is waited for.
    typist.sees("waits for the required checks");
    let suspend = |suspended: bool| {
        hosted.github.change(|w| {
            let all = w.apps.installations.values_mut();
            all.for_each(|i| i.suspended = suspended);
        });
    };
    suspend(true);
    typist.leaves().exits(3).says("github-app-suspended");
    suspend(false);
    let typist = Typist::sits_at(&hosted.world, &["answer", &id, "retry"]);
    hosted.ci("github-actions", &pull.head_sha, "success");
    typist.leaves().exits(0).says("Done");
    assert_eq!(hosted.github.times("POST", "/pulls"), 1);
    assert_narrow(&hosted);
}

#[test]
fn doctor_tells_which_app_it_is_and_where_it_is_installed() {
    let hosted = Hosted::app();
    hosted.run(&["repo", "add", "--github", "octo/hello"]).exits(0);
    let installed = hosted
        .github
        .change(|w| *w.apps.installations.keys().next().unwrap());
    hosted
        .run(&["doctor"])
        .exits(0)
        .says("this is the App countersigner (@countersigner[bot])")
        .says(&format!(
            "octo/hello can be written to (the App's installation {installed})"
        ));
    let set = |permissions: &[(&str, &str)], suspended: bool| {
        hosted.github.change(|w| {
            let installation = w.apps.installations.get_mut(&installed).unwrap();
            installation.permissions = granted(permissions);
            installation.suspended = suspended;
        });
    };
    let mut less = NEEDED;
    less[2] = ("issues", "read");
    set(&less, false);
    hosted.run(&["doctor"]).exits(0).says("lacks issues: write");
    set(&NEEDED[1..], false);
    hosted
        .run(&["doctor"])
        .exits(0)
        .says("lacks what reading needs: checks: read");
    set(&NEEDED, true);
    hosted.run(&["doctor"]).exits(0).says("is suspended");
    hosted.github.change(|w| w.apps.installations.clear());
    hosted.run(&["doctor"]).exits(0).says("Install the App for it");
    hosted.private("app.pem", &other_key());
    hosted.run(&["doctor"]).exits(2).says("github-app-refused");
}

#[test]
fn a_key_that_others_can_read_or_that_is_none_is_refused_before_anything_is_asked() {
    use std::os::unix::fs::PermissionsExt as _;
    let hosted = Hosted::app();
    let asked = hosted.github.asked().len();
    let add = || hosted.run(&["repo", "add", "--github", "octo/hello"]).exits(2);
    let key = hosted.world.path("app.pem");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640)).unwrap();
    add().says("github-app-key-open").says("chmod 600");
    hosted.private("app.pem", "nothing of the kind");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    add().says("github-app-key-unusable");
    std::fs::remove_file(&key).unwrap();
    add().says("can't read the App's private key");
    hosted.set(&format!("app_id = {APP}\n"));
    add().says("github.app_private_key_file is not");
    assert_eq!(hosted.github.asked().len(), asked);
}

#[test]
fn an_app_goes_before_a_token_and_that_is_said() {
    let hosted = Hosted::app();
    hosted.set(&format!(
        "token = \"{}\"\napp_id = \"{APP}\"\napp_private_key_file = \"../app.pem\"\n",
        super::token("writer")
    ));
    hosted
        .run(&["doctor"])
        .exits(0)
        .says("this is the App")
        .says("github.token is set and not used");
}
