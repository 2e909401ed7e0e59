//! A GitHub App instead of a token: what its tokens may, how long they are kept, and what becomes of everything that an owner can
//! do to it.

use super::{APP, HELLO, House, NEEDED, OCTO, code, refused, unread};
use countersign_core::forge::PullRequestState;
use countersign_core::id::{AccountId, CommitSha};
use countersign_core::patch_set::PullRequestText;
use countersign_forge::github::{App, Credentials};
use countersign_ports::trees::Trees as _;
use countersign_testkit::github::{Asked, Fault, Minted, app_key, granted, other_key};
use std::time::Duration;

/// The number that its account has in the model.
const BOT: u64 = APP + 1_000_000;
const CI_DIFF: &str = "--- /dev/null\n+++ b/.github/workflows/ci.yml\n@@ -0,0 +1 @@\n+on: push\n";
const BESIDE_CI_DIFF: &str = "--- /dev/null\n+++ b/.github/CODEOWNERS\n@@ -0,0 +1 @@\n+* @octo\n";
/// What a reader asks for, and where.
const MINTED: &str = "/access_tokens";
/// Where a token ends.
const ENDED: &str = "/installation/token";

fn words() -> PullRequestText {
    PullRequestText {
        title: "Say two".to_owned(),
        body: "Because.".to_owned(),
        labels: vec!["countersign".to_owned()],
        reviewers: Vec::new(),
        draft: false,
    }
}

/// Pushes, opens, reads, closes and deletes: everything that a forge does.
fn everything(house: &House) {
    let (approved, prepared) = house.approved("countersign/one");
    house.push(&approved, &prepared).unwrap();
    let pull = house
        .forge
        .open_pull_request(approved.open(&words()), &house.source)
        .unwrap();
    assert_eq!(
        (pull.author, pull.state),
        (AccountId(BOT), PullRequestState::Open)
    );
    assert_eq!(house.forge.account(&house.source).unwrap(), AccountId(BOT));
    let head = CommitSha::parse(approved.commit.as_str()).unwrap();
    assert_eq!(house.forge.read_checks(&house.source, &head, &[]).unwrap(), []);
    let closing = approved.close(pull.number.0);
    house.forge.close_pull_request(closing, &house.source).unwrap();
    house
        .forge
        .delete_branch(approved.delete(), &house.source)
        .unwrap();
    assert_eq!(house.holds("countersign/one"), None);
}

/// Whether a request changes something; fetching is a POST, too.
fn writes(asked: &Asked) -> bool {
    let about_tokens = asked.path.ends_with(MINTED) || asked.path == ENDED;
    let git = asked.path.ends_with("git-receive-pack") || asked.query.ends_with("git-receive-pack");
    git || (asked.is_rest() && asked.method != "GET" && !about_tokens)
}

#[test]
fn every_write_comes_with_a_token_for_one_repository_and_one_purpose_and_every_look_with_a_readers() {
    let house = House::app();
    house.hub().repository(77, OCTO, "other", &[("a.txt", "one\n")]);
    let installed = house
        .hub()
        .change(|w| *w.apps.installations.keys().next().unwrap());
    house.hub().change(|w| {
        let installation = w.apps.installations.get_mut(&installed).unwrap();
        installation.repositories.insert(77);
    });
    everything(&house);
    let (mut written, mut read) = (Vec::new(), 0);
    for asked in house.hub().asked() {
        assert!(asked.status < 400, "{asked:?}");
        let Some(token) = &asked.token else {
            assert!(
                ["/app", ENDED].contains(&asked.path.as_str())
                    || asked.path.ends_with("/installation")
                    || asked.path.ends_with(MINTED),
                "{asked:?}"
            );
            continue;
        };
        assert_eq!(
            token.repositories.iter().collect::<Vec<_>>(),
            [&HELLO],
            "{asked:?}"
        );
        let mut may_write = token.permissions.clone();
        may_write.retain(|_, level| level == "write");
        match writes(&asked) {
            true => written.push((asked.path.clone(), may_write)),
            false if asked.path.ends_with(".git/info/refs") => {}
            false => {
                assert!(may_write.is_empty(), "{asked:?}");
                read += 1;
            }
        }
    }
    written.dedup();
    let push = (
        "/octo/hello.git/git-receive-pack".to_owned(),
        granted(&[("contents", "write")]),
    );
    let around = (
        "/octo/hello.git/info/refs".to_owned(),
        granted(&[("contents", "write")]),
    );
    let pulls = |path: &str| (path.to_owned(), granted(&[("pull_requests", "write")]));
    assert_eq!(
        written,
        [
            around.clone(),
            push.clone(),
            pulls("/repos/octo/hello/pulls"),
            pulls("/repos/octo/hello/issues/1/labels"),
            pulls("/repos/octo/hello/pulls/1"),
            around,
            push
        ]
    );
    assert!(read >= 5, "{read}");
}

#[test]
fn a_readers_token_is_kept_and_one_that_writes_is_not() {
    let house = House::app();
    house.trees.heads(&house.source).unwrap();
    let minted = house.hub().times("POST", MINTED);
    house.trees.heads(&house.source).unwrap();
    assert_eq!(
        house.hub().times("POST", MINTED),
        minted,
        "looks need no other one"
    );
    everything(&house);
    // A push, an opening, a closing, a deletion.
    assert_eq!(house.hub().times("POST", MINTED), minted + 4);
}

#[test]
fn a_token_that_runs_out_half_way_is_asked_for_anew() {
    let house = House::app();
    let (approved, prepared) = house.approved("countersign/one");
    house.hub().change(|w| w.expire_tokens());
    house.push(&approved, &prepared).unwrap();
    house.hub().change(|w| w.expire_tokens());
    house
        .forge
        .open_pull_request(approved.open(&words()), &house.source)
        .unwrap();
    let refused = |a: &Asked| a.status == 401 && a.path != ENDED;
    let all = house.hub().asked();
    assert_eq!(
        all.iter().filter(|a| refused(a)).count(),
        2,
        "each was noticed once"
    );
    assert!(!all.iter().any(|a| refused(a) && writes(a)), "and before a write");
    assert_eq!(house.hub().times("POST", "/pulls"), 1);
}

#[test]
fn a_write_is_not_repeated_where_its_token_is_not_taken() {
    let house = House::app();
    let (approved, prepared) = house.approved("countersign/one");
    house.push(&approved, &prepared).unwrap();
    house.hub().next("POST", "/pulls", Fault::TokenOver);
    let opened = || {
        let permit = approved.open(&words());
        house.forge.open_pull_request(permit, &house.source)
    };
    assert_eq!(refused(opened()), "github-app-token-over");
    assert_eq!(house.hub().times("POST", "/pulls"), 1);
    opened().unwrap();
}

#[test]
fn git_whose_token_is_not_taken_asks_again_and_nobody_for_another_token() {
    let house = House::app();
    let (approved, prepared) = house.approved("countersign/one");
    house.hub().next("GET", "/info/refs", Fault::TokenOver);
    assert_eq!(unread(house.trees.heads(&house.source)), "remote-token-over");
    house
        .forge
        .stage(&approved.push(), &house.source, &prepared)
        .unwrap();
    house.hub().next("GET", "/info/refs", Fault::TokenOver);
    let pushed = house.forge.push_branch(approved.push(), &house.source, &prepared);
    assert_eq!(
        refused(pushed),
        "remote-token-over",
        "it is known not to have happened"
    );
    house.push(&approved, &prepared).unwrap();
}

#[test]
fn a_suspended_installation_says_so_and_goes_on_when_it_may() {
    let house = House::app();
    let (approved, prepared) = house.approved("countersign/one");
    let set = |suspended: bool| {
        house.hub().change(|w| {
            let all = w.apps.installations.values_mut();
            all.for_each(|i| i.suspended = suspended);
        });
    };
    set(true);
    assert_eq!(unread(house.trees.heads(&house.source)), "github-app-suspended");
    let error = house.push(&approved, &prepared).unwrap_err();
    assert_eq!(code(&error), "github-app-suspended");
    assert!(
        error.to_string().contains("An owner of the account there"),
        "{error}"
    );
    set(false);
    house.push(&approved, &prepared).unwrap();
}

#[test]
fn a_removed_installation_says_so_and_another_one_is_found() {
    let house = House::app();
    let (approved, prepared) = house.approved("countersign/one");
    house.hub().change(|w| w.apps.installations.clear());
    assert_eq!(
        refused(house.push(&approved, &prepared)),
        "github-app-not-installed"
    );
    let other = App::new(&APP.to_string(), &app_key()).unwrap();
    let api = House::api_as(house.hub(), Credentials::App(other));
    assert_eq!(unread(api.by_name("octo/hello")), "github-app-not-installed");
    house.hub().change(|w| w.install(APP, &[HELLO]));
    house.push(&approved, &prepared).unwrap();
    api.by_name("octo/hello").unwrap();
}

#[test]
fn a_repository_that_the_installation_was_not_given_is_not_seen() {
    let house = House::app();
    house.hub().repository(77, OCTO, "other", &[("a.txt", "one\n")]);
    let app = App::new(&APP.to_string(), &app_key()).unwrap();
    let api = House::api_as(house.hub(), Credentials::App(app));
    assert_eq!(unread(api.by_name("octo/other")), "github-app-not-installed");
    // It was given, and taken away after its installation was learnt.
    house.hub().change(|w| {
        let all = w.apps.installations.values_mut();
        all.for_each(|i| i.repositories.clear());
        w.expire_tokens();
    });
    assert_eq!(
        unread(house.trees.heads(&house.source)),
        "github-app-not-installed"
    );
}

#[test]
fn a_renamed_repository_is_found_by_its_number_and_whoever_takes_its_name_gets_nothing() {
    let house = House::app();
    house.hub().change(|w| w.rename(HELLO, "greetings"));
    let app = App::new(&APP.to_string(), &app_key()).unwrap();
    let api = House::api_as(house.hub(), Credentials::App(app));
    assert_eq!(unread(api.by_name("octo/hello")), "github-renamed");
    house.hub().repository(77, OCTO, "hello", &[("a.txt", "one\n")]);
    let (approved, prepared) = house.approved("countersign/one");
    house.push(&approved, &prepared).unwrap();
    assert!(house.hub().branches(HELLO).contains_key("countersign/one"));
    assert_eq!(house.hub().branches(77).len(), 1, "only its own");
}

#[test]
fn a_token_that_can_not_be_had_leaves_a_write_undone() {
    let house = House::app();
    let (approved, prepared) = house.approved("countersign/one");
    for fault in [Fault::BadGateway, Fault::BadGatewayAfter, Fault::AnswerLost] {
        house
            .forge
            .stage(&approved.push(), &house.source, &prepared)
            .unwrap();
        house.hub().next("POST", MINTED, fault);
        let pushed = house.forge.push_branch(approved.push(), &house.source, &prepared);
        // Asking for a token writes nothing: the push is known not to have happened.
        assert_eq!(refused(pushed), "github-failed", "{fault:?}");
    }
    assert_eq!(house.holds("countersign/one"), None);
    house.push(&approved, &prepared).unwrap();
}

#[test]
fn what_was_not_granted_is_named() {
    let house = House::app();
    let (approved, prepared) = house.approved("countersign/one");
    house.hub().change(|w| {
        for installation in w.apps.installations.values_mut() {
            installation
                .permissions
                .insert("contents".to_owned(), "read".to_owned());
        }
    });
    let error = house.push(&approved, &prepared).unwrap_err();
    assert_eq!(code(&error), "github-app-lacks-permission");
    assert!(error.to_string().contains("contents: write"), "{error}");
    assert_eq!(house.holds("countersign/one"), None);
}

/// What a token may write that GitHub would still take.
fn alive(house: &House) -> usize {
    let writes = |m: &Minted| m.permissions.values().any(|level| level == "write");
    house
        .hub()
        .change(|w| w.apps.minted.values().filter(|m| writes(m)).count())
}

#[test]
fn a_token_that_writes_ends_with_the_write() {
    let house = House::app();
    everything(&house);
    let made = |a: &&Asked| {
        let wanted = a.body.as_ref().map(|b| b["permissions"].to_string());
        a.path.ends_with(MINTED) && wanted.is_some_and(|w| w.contains("write"))
    };
    let made = house.hub().asked().iter().filter(made).count();
    assert!(made > 3, "{made}");
    // They end beside what goes on: soon.
    for _ in 0..500 {
        if house.hub().times("DELETE", ENDED) == made {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!((house.hub().times("DELETE", ENDED), alive(&house)), (made, 0));
    // What was still kept is a reader's, and stays.
    let asked = house.hub().times("POST", MINTED);
    house.holds("main").unwrap();
    assert_eq!(house.hub().times("POST", MINTED), asked);
}

#[test]
fn a_token_that_can_not_be_ended_holds_nothing_up() {
    let house = House::app();
    for fault in [Fault::AnswerLost, Fault::BadGateway, Fault::SecondaryLimit(60)] {
        house.hub().next("DELETE", ENDED, fault);
    }
    everything(&house);
}

#[test]
fn a_token_that_may_more_than_was_asked_for_is_never_used() {
    let house = House::app();
    let (approved, prepared) = house.approved("countersign/one");
    house
        .hub()
        .change(|w| w.apps.besides = granted(&[("administration", "write")]));
    let error = house.push(&approved, &prepared).unwrap_err();
    assert_eq!(code(&error), "github-app-token-too-wide");
    assert!(error.to_string().contains("administration: write"), "{error}");
    let wide = |a: &Asked| {
        let token = a.token.as_ref();
        token.is_some_and(|t| t.permissions.contains_key("administration"))
    };
    assert!(!house.hub().asked().iter().any(wide));
    assert_eq!(house.holds("countersign/one"), None);
}

#[test]
fn one_installations_limit_holds_no_other_one_up() {
    let house = House::app();
    house.hub().repository(77, OCTO, "other", &[("a.txt", "one\n")]);
    house.hub().change(|w| w.install(APP, &[77]));
    let app = App::new(&APP.to_string(), &app_key()).unwrap();
    let api = House::api_as(house.hub(), Credentials::App(app));
    let other = api.by_name("octo/other").unwrap().id;
    let hello = &house.source.id;
    for fault in [Fault::SecondaryLimit(30), Fault::LimitReached] {
        let app = App::new(&APP.to_string(), &app_key()).unwrap();
        let api = House::api_as(house.hub(), Credentials::App(app));
        // Its token is there, so that the next request comes with it.
        api.by_id(hello).unwrap();
        house.hub().next("GET", &format!("/repositories/{HELLO}"), fault);
        assert_eq!(unread(api.by_id(hello)), "github-limited", "{fault:?}");
        api.by_id(&other).unwrap();
        let asked = house.hub().asked().len();
        assert_eq!(unread(api.by_id(hello)), "github-limited", "{fault:?}");
        assert_eq!(house.hub().asked().len(), asked, "{fault:?}");
    }
}

/// Nobody vouches for themselves: not by a name that somebody asks for, and not where our own check run is asked for.
#[test]
fn what_the_app_posts_itself_is_no_check_and_is_waited_for_by_nobody() {
    let house = House::app();
    let head = house.holds("main").unwrap();
    house.hub().change(|w| {
        for (app, name, conclusion) in [
            ("countersigner", "countersign", None),
            ("countersigner", "test", Some("success")),
            ("github-actions", "countersign", Some("success")),
        ] {
            w.check(HELLO, app, name, head.as_str(), conclusion);
        }
        let named = |name: &str, app| (name.to_owned(), app);
        let repository = w.repository_mut(HELLO);
        repository.protection = vec![named("countersign", Some(APP)), named("test", Some(APP))];
        repository.ruleset = vec![
            named("countersign", None),
            named("countersign", Some(15_368)),
            named("test", None),
        ];
    });
    let read = house.forge.read_checks(&house.source, &head, &[]).unwrap();
    let read: Vec<_> = read.iter().map(|c| (c.app.as_str(), c.name.as_str())).collect();
    assert_eq!(read, [("github-actions", "countersign")]);
    let main = countersign_core::id::BranchName::parse("main").unwrap();
    let required = house.forge.required_checks(&house.source, &main).unwrap();
    let required: Vec<String> = required.iter().map(ToString::to_string).collect();
    assert_eq!(required, ["countersign by app 15368", "test by any app"]);
}

#[test]
fn the_wrong_key_the_wrong_app_and_the_wrong_time_are_told_apart() {
    let house = House::app();
    let with = |id: &str, key: &str| {
        let app = App::new(id, key).unwrap();
        let api = House::api_as(house.hub(), Credentials::App(app));
        unread(api.by_name("octo/hello"))
    };
    assert_eq!(with("55", &other_key()), "github-app-refused");
    assert_eq!(with("56", &app_key()), "github-app-refused");
    house.hub().change(|w| w.apps.ahead = 7_200);
    assert_eq!(with("55", &app_key()), "github-clock-differs");
}

#[test]
fn only_a_commit_that_changes_what_ci_does_asks_for_the_right_to() {
    let house = House::app();
    let (approved, prepared) = house.approved_change("countersign/beside", BESIDE_CI_DIFF);
    house.push(&approved, &prepared).unwrap();
    let (approved, prepared) = house.approved_change("countersign/ci", CI_DIFF);
    let error = house.push(&approved, &prepared).unwrap_err();
    assert_eq!(code(&error), "github-app-lacks-permission");
    assert!(error.to_string().contains("workflows: write"), "{error}");
    house.hub().change(|w| {
        for installation in w.apps.installations.values_mut() {
            let all = NEEDED.iter().copied().chain([("workflows", "write")]);
            installation.permissions = granted(&all.collect::<Vec<_>>());
        }
    });
    house.push(&approved, &prepared).unwrap();
    assert!(house.holds("countersign/ci").is_some());
}
