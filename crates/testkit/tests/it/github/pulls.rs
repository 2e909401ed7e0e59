//! Pull requests at the model of GitHub: opened once with the approved words, closed only while they are ours.

use super::{HELLO, House, OURS, READER, WRITER, permits::Approved, refused, unread};
use countersign_core::forge::PullRequestState;
use countersign_core::id::AccountId;
use countersign_core::patch_set::PullRequestText;
use countersign_testkit::github::{Fault, Pull};

fn words() -> PullRequestText {
    PullRequestText {
        title: "Say two".to_owned(),
        body: "Because.\n\nSigned by nobody.".to_owned(),
        labels: vec!["countersign".to_owned()],
        reviewers: Vec::new(),
        draft: true,
    }
}

/// A house where the approved branch is written.
fn written() -> (House, Approved) {
    let house = House::github();
    let (approved, prepared) = house.approved("countersign/one");
    house.push(&approved, &prepared).unwrap();
    (house, approved)
}

fn pulls(house: &House) -> Vec<Pull> {
    house
        .hub()
        .change(|w| w.repository_mut(HELLO).pulls.values().cloned().collect())
}

#[test]
fn a_pull_request_has_the_approved_words_and_is_read_back() {
    let (house, approved) = written();
    let opened = house
        .forge
        .open_pull_request(approved.open(&words()), &house.source)
        .unwrap();
    assert_eq!(
        (opened.author, opened.state),
        (AccountId(OURS), PullRequestState::Open)
    );
    assert_eq!(opened.head, approved.commit);
    let read = house
        .forge
        .read_pull_requests(&house.source, &approved.branch)
        .unwrap();
    assert_eq!(read, [opened]);
    let [there] = &pulls(&house)[..] else {
        panic!("there is one");
    };
    let said = (
        there.title.as_str(),
        there.body.as_str(),
        there.draft,
        there.base.as_str(),
    );
    assert_eq!(said, ("Say two", "Because.\n\nSigned by nobody.", true, "main"));
    assert_eq!(there.labels, ["countersign"]);
}

#[test]
fn a_lost_answer_is_unknown_and_there_is_one_pull_request() {
    for fault in [
        Fault::AnswerLost,
        Fault::BadGatewayAfter,
        Fault::Gibberish,
        Fault::BadGateway,
    ] {
        let (house, approved) = written();
        house.hub().next("POST", "/pulls", fault);
        let lost = house
            .forge
            .open_pull_request(approved.open(&words()), &house.source);
        assert_eq!(refused(lost), "unknown", "{fault:?}");
        assert_eq!(
            house.hub().times("POST", "/pulls"),
            1,
            "{fault:?}: nothing is repeated by itself"
        );
        let done = [Fault::AnswerLost, Fault::BadGatewayAfter].contains(&fault);
        let read = house
            .forge
            .read_pull_requests(&house.source, &approved.branch)
            .unwrap();
        assert_eq!(read.len(), usize::from(done), "{fault:?}");
    }
}

#[test]
fn one_that_is_there_already_is_told_and_stays_as_it_is() {
    let (house, approved) = written();
    house
        .hub()
        .change(|w| w.pull(HELLO, super::OCTO, "countersign/one", "main"));
    let second = house
        .forge
        .open_pull_request(approved.open(&words()), &house.source);
    assert_eq!(refused(second), "mismatch");
    assert_eq!(pulls(&house).len(), 1);
    assert_eq!(pulls(&house)[0].title, "countersign/one");
}

#[test]
fn what_github_refuses_is_said_with_its_words() {
    let (house, approved) = written();
    house.hub().delete_branch(HELLO, "countersign/one");
    let error = house
        .forge
        .open_pull_request(approved.open(&words()), &house.source)
        .unwrap_err();
    assert_eq!(super::code(&error), "github-refused");
    assert!(error.to_string().contains("head invalid"), "{error}");
    assert_eq!(house.forge.rests_for(&house.source), None);
    house.hub().next("POST", "/pulls", Fault::SecondaryLimit(30));
    let limited = house
        .forge
        .open_pull_request(approved.open(&words()), &house.source);
    assert_eq!(refused(limited), "github-limited");
    let left = house.forge.rests_for(&house.source).unwrap();
    assert!((1..=30).contains(&left.as_secs()), "{left:?}");
}

#[test]
fn a_token_that_only_reads_opens_nothing() {
    let house = House::github_with(READER);
    house
        .hub()
        .commit(HELLO, "countersign/one", &[("a.txt", "two\n")]);
    let (approved, _) = house.approved("countersign/one");
    let refusal = house
        .forge
        .open_pull_request(approved.open(&words()), &house.source);
    assert_eq!(refused(refusal), "github-forbidden");
    assert!(pulls(&house).is_empty());
}

#[test]
fn a_permit_that_ran_out_or_is_for_another_repository_opens_nothing() {
    let (house, approved) = written();
    let late = house
        .forge
        .open_pull_request(approved.stale_open(&words()), &house.source);
    assert_eq!(refused(late), "permit-expired");
    let mut other = approved.clone();
    other.repository = countersign_core::id::RepositoryId::github(99);
    let elsewhere = house.forge.open_pull_request(other.open(&words()), &house.source);
    assert_eq!(refused(elsewhere), "other-repository");
    assert_eq!(house.hub().times("POST", "/pulls"), 0);
}

#[test]
fn labels_that_fail_take_no_pull_request_back() {
    let (house, approved) = written();
    house.hub().next("POST", "/labels", Fault::BadGateway);
    house
        .forge
        .open_pull_request(approved.open(&words()), &house.source)
        .unwrap();
    assert!(pulls(&house)[0].labels.is_empty());
    assert_eq!(house.hub().times("POST", "/labels"), 1);
}

#[test]
fn a_list_from_before_the_opening_shows_nothing() {
    let (house, approved) = written();
    house
        .forge
        .open_pull_request(
            approved.open(&PullRequestText {
                labels: Vec::new(),
                ..words()
            }),
            &house.source,
        )
        .unwrap();
    let read = || {
        house
            .forge
            .read_pull_requests(&house.source, &approved.branch)
            .unwrap()
    };
    house.hub().next("GET", "/pulls", Fault::Stale);
    assert_eq!(read().len(), 0, "which proves nothing: the machine looks again");
    assert_eq!(read().len(), 1);
}

#[test]
fn only_our_open_pull_request_is_closed() {
    let (house, approved) = written();
    let opened = house
        .forge
        .open_pull_request(approved.open(&words()), &house.source)
        .unwrap();
    let close = || {
        house
            .forge
            .close_pull_request(approved.close(opened.number.0), &house.source)
    };
    let theirs = house.stranger("countersign/one", "countersign/one");
    assert_eq!(refused(close()), "mismatch");
    assert!(pulls(&house)[0].open && pulls(&house)[0].head_sha == theirs);
    house
        .hub()
        .set_branch(HELLO, "countersign/one", approved.commit.as_str());
    house.hub().next("PATCH", "/pulls/", Fault::AnswerLost);
    assert_eq!(refused(close()), "unknown");
    assert!(!pulls(&house)[0].open, "its answer was lost, and it was done");
    close().unwrap();
    assert_eq!(
        house.hub().asked().iter().filter(|a| a.method == "PATCH").count(),
        1
    );
}

#[test]
fn a_folder_has_no_pull_requests() {
    let house = House::local();
    let (approved, prepared) = house.approved("countersign/one");
    house.push(&approved, &prepared).unwrap();
    let opened = house
        .forge
        .open_pull_request(approved.open(&words()), &house.source);
    assert_eq!(refused(opened), "no-pull-requests");
    let read = house.forge.read_pull_requests(&house.source, &approved.branch);
    assert_eq!(unread(read), "no-pull-requests");
}

#[test]
fn the_words_carry_no_token() {
    let (house, approved) = written();
    house
        .forge
        .open_pull_request(approved.open(&words()), &house.source)
        .unwrap();
    for asked in house.hub().asked() {
        let all = format!("{asked:?}");
        assert!(!all.contains(WRITER), "{all}");
    }
}
