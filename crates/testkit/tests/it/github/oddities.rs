//! What GitHub does besides what it is asked: each has its outcome, as `docs/github.md` lists it.

use super::{HELLO, House, OURS, READER, branch, refused, unread};
use countersign_core::forge::{CheckState, PullRequestState};
use countersign_core::id::AccountId;
use countersign_ports::directory::Directory as _;
use countersign_ports::trees::Trees as _;
use countersign_testkit::github::{Fault, Permission};

#[test]
fn the_page_on_github_lists_every_code() {
    let page = include_str!("../../../../../docs/github.md");
    for (code, asks) in countersign_forge::github::CODES {
        let row = page
            .lines()
            .find(|l| l.starts_with('|') && l.contains(&format!("`{code}`")));
        let row = row.unwrap_or_else(|| panic!("docs/github.md does not list `{code}`"));
        let says = row.rsplit('|').nth(1).unwrap().contains("asks");
        assert_eq!(says, asks, "{row}");
    }
}

#[test]
fn a_lost_answer_to_a_push_is_unknown_and_the_branch_is_there_once() {
    for fault in [Fault::AnswerLost, Fault::BadGatewayAfter] {
        let house = House::github();
        let (approved, prepared) = house.approved("countersign/one");
        house.hub().next("POST", "git-receive-pack", fault);
        assert_eq!(refused(house.push(&approved, &prepared)), "unknown", "{fault:?}");
        assert_eq!(house.holds("countersign/one"), Some(approved.commit), "{fault:?}");
        assert_eq!(house.hub().times("POST", "git-receive-pack"), 1, "{fault:?}");
    }
}

#[test]
fn a_push_that_never_arrived_is_unknown_too_and_nothing_is_there() {
    let house = House::github();
    let (approved, prepared) = house.approved("countersign/one");
    house.hub().next("POST", "git-receive-pack", Fault::BadGateway);
    assert_eq!(refused(house.push(&approved, &prepared)), "unknown");
    assert_eq!(house.holds("countersign/one"), None);
    assert_eq!(
        house.hub().times("POST", "git-receive-pack"),
        1,
        "nothing is repeated by itself"
    );
}

#[test]
fn a_token_that_only_reads_is_refused_on_every_write() {
    let house = House::github_with(READER);
    let (approved, prepared) = house.approved("countersign/one");
    assert_eq!(refused(house.push(&approved, &prepared)), "remote-forbidden");
    assert_eq!(house.holds("countersign/one"), None, "it may look");
}

#[test]
fn a_wrong_token_is_said_to_be_wrong() {
    let house = House::github();
    let api = House::api(house.hub(), "nobodys-token");
    assert_eq!(unread(api.by_name("octo/hello")), "github-token-refused");
    assert_eq!(unread(api.owner_of_token()), "github-token-refused");
}

#[test]
fn a_private_repository_that_we_may_not_see_is_not_there() {
    let house = House::github();
    house.hub().change(|w| {
        let repository = w.repository_mut(HELLO);
        repository.private = true;
        repository.members.remove(&OURS);
    });
    assert_eq!(unread(house.trees.heads(&house.source)), "github-not-found");
}

#[test]
fn an_archived_repository_is_written_to_by_nobody() {
    let house = House::github();
    let (approved, prepared) = house.approved("countersign/one");
    house.hub().change(|w| w.repository_mut(HELLO).archived = true);
    assert_eq!(refused(house.push(&approved, &prepared)), "github-archived");
    let late = house.forge.push_branch(approved.push(), &house.source, &prepared);
    assert_eq!(refused(late), "remote-forbidden");
}

#[test]
fn a_protected_branch_says_so() {
    let house = House::github();
    let (approved, prepared) = house.approved("countersign/one");
    house.hub().protect(HELLO, &["countersign/one"]);
    let error = house.push(&approved, &prepared).unwrap_err();
    assert_eq!(super::code(&error), "remote-push-refused");
    assert!(error.to_string().contains("hook declined"), "{error}");
    assert_eq!(house.holds("countersign/one"), None);
}

#[test]
fn a_renamed_repository_is_found_by_its_number() {
    let house = House::github();
    house.hub().change(|w| w.rename(HELLO, "greetings"));
    let (approved, prepared) = house.approved("countersign/one");
    house.push(&approved, &prepared).unwrap();
    assert_eq!(house.holds("countersign/one"), Some(approved.commit));
    let api = House::api(house.hub(), super::WRITER);
    assert_eq!(unread(api.by_name("octo/hello")), "github-renamed");
}

#[test]
fn whoever_takes_the_old_name_gets_nothing() {
    let house = House::github();
    house.hub().change(|w| w.rename(HELLO, "greetings"));
    house
        .hub()
        .repository(99, super::OCTO, "hello", &[("a.txt", "one\n")]);
    house
        .hub()
        .change(|w| w.repository_mut(99).members.insert(OURS, Permission::Write));
    let (approved, prepared) = house.approved("countersign/one");
    house.push(&approved, &prepared).unwrap();
    assert_eq!(house.hub().branches(99).len(), 1, "only its own");
    assert!(house.hub().branches(HELLO).contains_key("countersign/one"));
}

#[test]
fn an_empty_repository_has_no_default_branch_yet() {
    let house = House::github();
    house.hub().repository(98, super::OCTO, "empty", &[]);
    let api = House::api(house.hub(), super::WRITER);
    let found = api.registrable("octo/empty").unwrap();
    let source = countersign_ports::trees::RepoSource {
        id: found.id.clone(),
        place: countersign_ports::trees::RepoPlace::Remote(found.remote()),
    };
    assert_eq!(unread(house.trees.heads(&source)), "no-commit-yet");
}

#[test]
fn github_is_not_asked_again_while_it_wants_to_be_left_alone() {
    for fault in [Fault::SecondaryLimit(30), Fault::LimitReached] {
        let house = House::github();
        let api = House::api(house.hub(), super::WRITER);
        house.hub().next("GET", "/repos/octo/hello", fault);
        assert_eq!(unread(api.by_name("octo/hello")), "github-limited");
        let asked = house.hub().asked().len();
        assert_eq!(unread(api.by_name("octo/hello")), "github-limited");
        assert_eq!(house.hub().asked().len(), asked, "{fault:?}");
    }
}

#[test]
fn searches_that_are_used_up_hold_nothing_else_up() {
    let house = House::github();
    let api = House::api(house.hub(), super::WRITER);
    house.hub().next("GET", "/search/issues", Fault::LimitReached);
    let id = &house.source.id;
    assert_eq!(unread(api.search_issues(id, "")), "github-limited");
    api.by_id(id).unwrap();
    assert_eq!(unread(api.search_issues(id, "")), "github-limited");
    assert_eq!(house.hub().times("GET", "/search/issues"), 1);
}

#[test]
fn answers_that_can_not_be_read_are_failures_and_no_facts() {
    for (fault, expected) in [
        (Fault::Endless, "github-failed"),
        (Fault::Gibberish, "github-odd-answer"),
        (Fault::BadGateway, "github-failed"),
        (Fault::AnswerLost, "github-failed"),
        (Fault::NotFound, "github-not-found"),
    ] {
        let house = House::github();
        let api = House::api(house.hub(), super::WRITER);
        house.hub().next("GET", "/repos/octo/hello", fault);
        assert_eq!(unread(api.by_name("octo/hello")), expected);
    }
}

#[test]
fn what_did_not_change_is_not_sent_again() {
    let house = House::github();
    let api = House::api(house.hub(), super::WRITER);
    let first = api.by_id(&house.source.id).unwrap();
    assert_eq!(api.by_id(&house.source.id).unwrap(), first);
    let asked = house.hub().asked();
    assert_eq!(asked.last().unwrap().status, 304);
    house.hub().change(|w| w.repository_mut(HELLO).archived = true);
    assert!(api.by_id(&house.source.id).unwrap().archived);
}

#[test]
fn checks_are_read_page_by_page_by_app_name_and_commit() {
    let house = House::github();
    let head = house.holds("main").unwrap();
    house.hub().change(|w| {
        for n in 0..230 {
            w.check(
                HELLO,
                "github-actions",
                &format!("test {n}"),
                head.as_str(),
                Some("success"),
            );
        }
        w.check(HELLO, "somebody", "test 1", head.as_str(), Some("failure"));
        w.check(HELLO, "github-actions", "slow", head.as_str(), None);
        w.check(
            HELLO,
            "github-actions",
            "test 1",
            &"0".repeat(40),
            Some("success"),
        );
    });
    let checks = house.forge.read_checks(&house.source, &head, &[]).unwrap();
    assert_eq!(checks.len(), 232);
    assert!(checks.iter().all(|c| c.head == head));
    let of = |app: &str, name: &str| {
        let found = checks.iter().find(|c| c.app == app && c.name == name);
        found.map(|c| c.state)
    };
    assert_eq!(of("github-actions", "test 1"), Some(CheckState::Success));
    assert_eq!(of("somebody", "test 1"), Some(CheckState::Failure));
    assert_eq!(of("github-actions", "slow"), Some(CheckState::Pending));
}

#[test]
fn more_checks_than_are_read_are_an_error() {
    let house = House::github();
    let head = house.holds("main").unwrap();
    house.hub().change(|w| {
        for n in 0..1_001 {
            w.check(HELLO, "a", &n.to_string(), head.as_str(), Some("success"));
        }
    });
    assert_eq!(
        unread(house.forge.read_checks(&house.source, &head, &[])),
        "github-too-many"
    );
}

#[test]
fn pull_requests_of_our_branch_are_read_with_who_opened_them() {
    let house = House::github();
    let head = house
        .hub()
        .commit(HELLO, "countersign/one", &[("a.txt", "two\n")]);
    house
        .hub()
        .commit(HELLO, "countersign/one-more", &[("a.txt", "three\n")]);
    let (first, second) = house.hub().change(|w| {
        w.pull(HELLO, super::OCTO, "countersign/one-more", "main");
        let first = w.pull(HELLO, super::OCTO, "countersign/one", "main");
        let pulls = &mut w.repository_mut(HELLO).pulls;
        pulls.get_mut(&first).unwrap().open = false;
        (first, w.pull(HELLO, OURS, "countersign/one", "main"))
    });
    let read = house
        .forge
        .read_pull_requests(&house.source, &branch("countersign/one"))
        .unwrap();
    let facts: Vec<_> = read
        .iter()
        .map(|p| {
            (
                p.number.0,
                p.author.0,
                p.state,
                p.head.as_str(),
                p.base_branch.as_str(),
            )
        })
        .collect();
    assert_eq!(
        facts,
        [
            (
                first,
                super::OCTO,
                PullRequestState::Closed,
                head.as_str(),
                "main"
            ),
            (second, OURS, PullRequestState::Open, head.as_str(), "main"),
        ]
    );
    assert_eq!(house.forge.account(&house.source).unwrap(), AccountId(OURS));
}

#[test]
fn an_issue_comes_with_everything_that_was_said_and_by_whom() {
    let house = House::github();
    let number = house.hub().change(|w| {
        w.account(5, "stranger");
        w.account(6, "helper[bot]");
        let number = w.issue(HELLO, super::OCTO, "Say two", "Please.");
        for n in 0..120 {
            w.comment(HELLO, number, 5, &format!("me too {n}"));
        }
        w.comment(HELLO, number, 6, "beep");
        w.comment(HELLO, number, OURS, "yes");
        number
    });
    let api = House::api(house.hub(), super::WRITER);
    let found = api.by_id(&house.source.id).unwrap();
    let thread = api.issue(&found, number).unwrap();
    assert_eq!((thread.title.as_str(), thread.comments.len()), ("Say two", 122));
    let trusted: Vec<bool> = [
        &thread.opened,
        &thread.comments[0],
        &thread.comments[120],
        &thread.comments[121],
    ]
    .iter()
    .map(|s| s.author.is_trusted())
    .collect();
    assert_eq!(trusted, [true, false, false, true]);
    let pull = house.hub().change(|w| w.pull(HELLO, OURS, "main", "main"));
    assert_eq!(unread(api.issue(&found, pull)), "github-not-an-issue");
    assert_eq!(unread(api.issue(&found, 999)), "github-not-found");
}

#[test]
fn the_token_is_in_no_argument_no_mirror_and_no_error() {
    let house = House::github();
    let (approved, prepared) = house.approved("countersign/one");
    house.push(&approved, &prepared).unwrap();
    let mirror = house.folder.path().join("mirrors");
    let mut folders = vec![mirror];
    let secret = "x-access-token";
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let content = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            for canary in [super::WRITER, secret, "Authorization"] {
                assert!(!content.contains(canary), "{canary} in {}", path.display());
            }
        }
    }
    house.hub().next("POST", "git-receive-pack", Fault::BadGateway);
    let (approved, prepared) = house.approved("countersign/two");
    let error = house.push(&approved, &prepared).unwrap_err();
    assert!(!format!("{error:?}").contains(super::WRITER), "{error:?}");
}
