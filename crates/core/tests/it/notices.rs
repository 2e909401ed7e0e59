//! Notices: which follow, which may leave, what becomes of a try, and that no words fit in.

use crate::canned::{self, START, Team};
use countersign_core::digest::ApprovalDigest;
use countersign_core::gate::{GateId, GateOutcome};
use countersign_core::id::{
    CommitSha, PullRequestNumber, RepositoryId, RequestId, Revision, TenantId, WorkflowId,
};
use countersign_core::notice::ending::{AGE_MAX_MS, Follows, TRIES_MAX, Tried, TryEnded, follows};
use countersign_core::notice::following::{digest, digest_due, of_event, warnings, warns_at};
use countersign_core::notice::permit::{NoticeClaim, NoticeFacts, NoticeGate, NoticeRefusal};
use countersign_core::notice::rendering::{Letter, PageOrigin};
use countersign_core::notice::{
    AboutRequest, Asks, DIGEST_NAMES_MAX, Ended, Notice, NoticeStanding, OnHead, OnIssue, Place, PlaceForm,
    PlaceId, Status, Summary, Template, Verdict,
};
use countersign_core::time::Timestamp;
use countersign_core::workflow::{Event, State};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp(START.0 + 60_000);
const HOUR: u64 = 3_600_000;

fn workflow(n: u128) -> WorkflowId {
    WorkflowId::from_parts(START.0, n)
}

fn about(n: u128) -> AboutRequest {
    AboutRequest {
        request: RequestId::derive(&workflow(n), 1),
        workflow: workflow(n),
        asks: Asks::PatchSet,
        revision: Revision(1),
        expires_at: Some(NOW),
    }
}

fn opened() -> Notice {
    Notice::RequestOpened { about: about(1) }
}

fn place(form: PlaceForm) -> Place {
    Place {
        id: PlaceId::of(form, "ada@example.org"),
        form,
        shown: "a…@example.org".to_owned(),
        wants: form.wants(),
    }
}

fn claim(notice: &Notice, place: &Place) -> NoticeClaim {
    NoticeClaim {
        now: NOW,
        id: notice.id(&TenantId::local(), &place.id),
        place: place.id.clone(),
        queued_at: START,
        attempt: 1,
        not_sent_before: true,
        tenant_active: true,
        tries_in_hour: 0,
    }
}

fn letter(notice: Notice) -> Letter {
    let place = Place {
        wants: Template::ALL.into(),
        ..place(PlaceForm::Mail)
    };
    let held = claim(&notice, &place);
    let facts = NoticeFacts::attest(TenantId::local(), notice, held);
    let permit = NoticeGate::open(&facts, &place).unwrap();
    permit.redeem(&place.id, NOW).unwrap()
}

/// Spoils one thing and asks.
fn refusal(form: PlaceForm, notice: Notice, spoil: impl FnOnce(&mut NoticeClaim)) -> Option<NoticeRefusal> {
    let place = place(form);
    let mut held = claim(&notice, &place);
    spoil(&mut held);
    let facts = NoticeFacts::attest(TenantId::local(), notice, held);
    NoticeGate::open(&facts, &place).err()
}

/// INV-1: a notice leaves by a permit of its own, and each fact alone keeps that back.
#[test]
fn each_fact_alone_keeps_a_notice_back() {
    let mail = |spoil: fn(&mut NoticeClaim)| refusal(PlaceForm::Mail, opened(), spoil);
    assert_eq!(mail(|_| {}), None);
    assert_eq!(
        mail(|h| h.tenant_active = false),
        Some(NoticeRefusal::TenantInactive)
    );
    let other = |h: &mut NoticeClaim| h.place = PlaceId::of(PlaceForm::Mail, "eve@example.org");
    assert_eq!(mail(other), Some(NoticeRefusal::OtherPlace));
    let another = |h: &mut NoticeClaim| h.id = Notice::Test { at: NOW }.id(&TenantId::local(), &h.place);
    assert_eq!(mail(another), Some(NoticeRefusal::OtherPlace));
    assert_eq!(
        mail(|h| h.not_sent_before = false),
        Some(NoticeRefusal::SentBefore)
    );
    assert_eq!(mail(|h| h.attempt = 0), Some(NoticeRefusal::TriedOut));
    assert_eq!(mail(|h| h.attempt = TRIES_MAX + 1), Some(NoticeRefusal::TriedOut));
    assert_eq!(
        mail(|h| h.now = h.queued_at.plus_ms(AGE_MAX_MS)),
        Some(NoticeRefusal::TooOld)
    );
    assert_eq!(
        mail(|h| h.tries_in_hour = PlaceForm::Mail.tries_per_hour_max()),
        Some(NoticeRefusal::TooMany)
    );
    let ended = Ended {
        workflow: workflow(1),
        state: State::Done,
    };
    let ended = Notice::WorkflowEnded { ended };
    assert_eq!(
        refusal(PlaceForm::Mail, ended.clone(), |_| {}),
        Some(NoticeRefusal::NotWanted),
        "mail tells of ends once a day"
    );
    assert_eq!(refusal(PlaceForm::Signed, ended, |_| {}), None);
    assert_eq!(
        refusal(PlaceForm::Signed, opened(), |h| h.not_sent_before = false),
        None,
        "who knows repetitions by their id may get one"
    );
}

#[test]
fn a_permit_is_for_one_place_and_for_seconds() {
    let (mail, notice) = (place(PlaceForm::Mail), opened());
    let permit = || {
        let facts = NoticeFacts::attest(TenantId::local(), notice.clone(), claim(&notice, &mail));
        NoticeGate::open(&facts, &mail).unwrap()
    };
    assert!(permit().redeem(&mail.id, NOW).is_ok());
    assert!(permit().redeem(&mail.id, NOW.plus_ms(10_000)).is_err());
    assert!(
        permit()
            .redeem(&PlaceId::of(PlaceForm::Mail, "eve@example.org"), NOW)
            .is_err()
    );
}

#[test]
fn words_that_pass_for_an_id_are_not_told() {
    let phish = WorkflowId::parse("wf_please:approve/at-https://evil.example").unwrap();
    let told = Notice::AlarmRaised {
        workflow: phish.clone(),
        entry: 1,
    };
    assert_eq!(
        refusal(PlaceForm::Mail, told, |_| {}),
        Some(NoticeRefusal::OddName)
    );
    let mut odd = about(1);
    odd.request = RequestId::parse(&format!("{}:rq:1/now", workflow(1))).unwrap();
    let told = Notice::RequestOpened { about: odd };
    assert_eq!(
        refusal(PlaceForm::Mail, told, |_| {}),
        Some(NoticeRefusal::OddName)
    );
    let mut foreign = about(1);
    foreign.request = RequestId::derive(&workflow(2), 1);
    let told = Notice::RequestOpened { about: foreign };
    assert_eq!(
        refusal(PlaceForm::Mail, told, |_| {}),
        Some(NoticeRefusal::OddName)
    );
}

fn status(request: Option<RequestId>) -> Notice {
    Notice::Status {
        on: OnIssue {
            repository: RepositoryId::github(1),
            issue: 7,
            is_pull_request: false,
        },
        status: Status {
            workflow: workflow(1),
            step: 3,
            state: State::AwaitingApproval,
            retracting: false,
            moved: false,
            revision: Revision(1),
            gates: Vec::new(),
            request,
            pull_request: None,
            siblings: Vec::new(),
        },
    }
}

#[test]
fn the_comment_says_that_somebody_else_pushed_and_nothing_of_who() {
    let origin = PageOrigin::parse("https://a.b").unwrap();
    let text = |w: &countersign_core::workflow::Workflow| {
        let mut notice = status(None);
        if let Notice::Status { status, .. } = &mut notice {
            *status = Status::asked_in(w, &RepositoryId::github(1));
        }
        let below = letter(notice).below(&origin).unwrap();
        below.comment.unwrap().text
    };
    let waits = canned::verifying(Team::Solo);
    let pushed = canned::go(waits.clone(), Team::Solo, &["read-checks: pushed"]);
    let words = "somebody else changed the branch or the pull request, and nobody approved what is there now";
    assert!(text(&pushed).contains(words), "{}", text(&pushed));
    assert!(!text(&waits).contains(words));
}

/// A server on this machine has a name that nobody is to know; a comment is read by everybody.
#[test]
fn a_comment_links_to_a_page_that_everybody_may_know() {
    let request = RequestId::derive(&workflow(1), 1);
    let text = |origin: &str| {
        let origin = PageOrigin::parse(origin).unwrap();
        let below = letter(status(Some(request.clone()))).below(&origin).unwrap();
        below.comment.unwrap().text
    };
    let there = text("https://review.example.org");
    let page = format!("| Page | https://review.example.org/requests/{request} |");
    assert!(there.contains(&page), "{there}");
    let here = text("http://cs-0123456789abcdef.localhost:7171");
    assert!(
        !here.contains("cs-0123456789abcdef") && !here.contains("Page"),
        "{here}"
    );
    assert_eq!(
        letter(opened()).below(&PageOrigin::parse("https://a.b").unwrap()),
        None
    );
}

fn summary(state: State, in_play: bool) -> Notice {
    let Notice::Status { status, .. } = status(None) else {
        unreachable!("it is one");
    };
    Notice::GateSummary {
        on: OnHead {
            repository: RepositoryId::github(1),
            head: CommitSha::parse(&"a".repeat(40)).unwrap(),
            pull_request: PullRequestNumber(8),
        },
        summary: Box::new(Summary {
            status: Status {
                state,
                gates: vec![
                    (GateId::Approval, GateOutcome::Passed),
                    (GateId::Ci, GateOutcome::NotRequired),
                ],
                ..status
            },
            in_play,
            approved: ApprovalDigest::of("what was approved"),
            people: 2,
            checks: vec![(GateId::Approval, 5), (GateId::Ci, 0)],
        }),
    }
}

#[test]
fn a_check_run_has_the_gates_and_numbers_and_nobodys_name() {
    let origin = PageOrigin::parse("https://review.example.org").unwrap();
    let check = letter(summary(State::AwaitingMerge, true))
        .check(&origin)
        .unwrap();
    let page = format!("https://review.example.org/workflows/{}", workflow(1));
    assert_eq!(
        check.text,
        format!(
            "| | |\n|---|---|\n| Revision | 1 |\n| Gates | approval ✓ 5 · CI not required |\n| Approved | by 2 people, `{}` |\n\
             | Page | {page} |\n\nWorkflow `{}`. Beside each gate: how many of its checks passed.\n",
            ApprovalDigest::of("what was approved"),
            workflow(1)
        )
    );
    assert_eq!(
        (check.title.as_str(), check.page),
        ("waits for somebody to merge", Some(page))
    );
    let here = PageOrigin::parse("http://cs-0123456789abcdef.localhost:7171").unwrap();
    let check = letter(summary(State::Done, false)).check(&here).unwrap();
    assert_eq!(
        (check.title.as_str(), check.page),
        ("was taken out of play", None)
    );
    assert!(!check.text.contains("localhost"), "{}", check.text);
    assert_eq!(letter(status(None)).check(&origin), None);
    assert_eq!(
        refusal(PlaceForm::Mail, summary(State::Done, true), |_| {}),
        Some(NoticeRefusal::NotWanted)
    );
}

/// A neutral check lets a merge through where it is required; nothing of ours is ever one.
#[test]
fn a_check_run_is_green_only_when_nothing_but_a_merge_is_missing() {
    let verdict = |state, in_play| {
        let origin = PageOrigin::parse("https://review.example.org").unwrap();
        letter(summary(state, in_play)).check(&origin).unwrap().verdict
    };
    for state in State::ALL {
        let green = [State::AwaitingMerge, State::Done].contains(&state);
        assert_eq!(verdict(state, true) == Verdict::Success, green, "{state}");
        assert_eq!(verdict(state, false), Verdict::Cancelled, "{state}");
    }
    assert_eq!(verdict(State::VerifyingCi, true), Verdict::Pending);
    assert_eq!(verdict(State::NeedsHuman, true), Verdict::Failure);
    assert_eq!(verdict(State::Cancelled, true), Verdict::Cancelled);
}

#[test]
fn a_comment_names_requests_of_its_own_workflow_only() {
    let foreign = status(Some(RequestId::derive(&workflow(2), 1)));
    let told = |notice| refusal(PlaceForm::Comments, notice, |_| {});
    assert_eq!(told(foreign), Some(NoticeRefusal::OddName));
    assert_eq!(told(status(None)), None);
    assert_eq!(told(opened()), Some(NoticeRefusal::NotWanted));
    let again = refusal(PlaceForm::Comments, status(None), |h| h.not_sent_before = false);
    assert_eq!(again, None, "it is looked for before it is written");
}

#[test]
fn the_same_thing_has_one_id_per_place_and_other_things_have_others() {
    let (mail, hook) = (place(PlaceForm::Mail).id, place(PlaceForm::Signed).id);
    let id = |notice: &Notice, place| notice.id(&TenantId::local(), place);
    let mut later = about(1);
    later.expires_at = None;
    assert_eq!(
        id(&opened(), &mail),
        id(&Notice::RequestOpened { about: later }, &mail)
    );
    let soon = Notice::RequestExpiresSoon { about: about(1) };
    let mut ids = vec![
        id(&opened(), &mail),
        id(&opened(), &hook),
        id(&soon, &mail),
        id(&Notice::RequestOpened { about: about(2) }, &mail),
        opened().id(&TenantId::parse("other").unwrap(), &mail),
    ];
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 5);
    assert_eq!(PlaceId::parse(mail.as_str()), Ok(mail.clone()));
    assert_eq!((mail.form(), hook.form()), (PlaceForm::Mail, PlaceForm::Signed));
    assert!(PlaceId::parse("mail-ada@example.org").is_err());
}

#[test]
fn a_request_and_an_end_are_told_and_nothing_else_of_a_workflow() {
    let w = canned::writing(Team::Solo);
    let request = w.requests[0].clone();
    let told = of_event(
        &w.id,
        &Event::RequestOpened {
            request: request.clone(),
            resume: None,
        },
    );
    assert_eq!(told.unwrap().template(), Template::RequestOpened);
    let reason = "words of a person".to_owned();
    let state = State::Cancelled;
    let told = of_event(
        &w.id,
        &Event::WorkflowEnded {
            state,
            reason: reason.clone(),
        },
    )
    .unwrap();
    assert!(!format!("{told:?}").contains(&reason));
    assert_eq!(of_event(&w.id, &Event::StateEntered { state, reason }), None);
}

#[test]
fn a_request_is_warned_about_a_day_before_its_end_or_in_the_last_quarter_of_a_short_life() {
    let mut w = canned::writing(Team::Solo);
    let mut request = w.requests[0].clone();
    request.status = countersign_core::workflow::event::RequestStatus::Open;
    request.opened_at = START;
    request.expires_at = Some(START.plus_ms(7 * 24 * HOUR));
    assert_eq!(warns_at(&request), Some(START.plus_ms(6 * 24 * HOUR)));
    w.requests = vec![request.clone()];
    let at = |hours: u64| warnings(&w, START.plus_ms(hours * HOUR));
    assert_eq!(at(6 * 24 - 1), (vec![], Some(START.plus_ms(6 * 24 * HOUR))));
    assert_eq!(at(6 * 24).0.len(), 1);
    assert_eq!(at(7 * 24), (vec![], None), "it has run out");
    request.expires_at = Some(START.plus_ms(4 * HOUR));
    assert_eq!(warns_at(&request), Some(START.plus_ms(3 * HOUR)));
    request.expires_at = None;
    assert_eq!(warns_at(&request), None);
}

#[test]
fn a_digest_is_made_once_a_day_and_only_where_something_ended() {
    // START is 21:00 or another time of a day; the next digest is due at 07:01.
    let day = 24 * HOUR;
    let seven = Timestamp(START.0 / day * day + day + 7 * HOUR);
    let last = Timestamp(seven.0 - HOUR);
    assert_eq!(
        digest_due(last, seven),
        None,
        "what is being recorded gets a minute"
    );
    assert_eq!(digest_due(last, seven.plus_ms(60_000)), Some(seven));
    assert_eq!(digest_due(seven, seven.plus_ms(23 * HOUR)), None);
    assert_eq!(
        digest_due(last, seven.plus_ms(3 * day)),
        Some(seven.plus_ms(2 * day)),
        "one for all missed days"
    );
    assert_eq!(digest(last, seven, vec![], 7), None);
    let ended = |n: u128| Ended {
        workflow: workflow(n),
        state: State::Done,
    };
    let many = (0..60).map(ended).collect();
    let Some(Notice::Digest { ended, more, .. }) = digest(last, seven, many, 7) else {
        panic!("there is something to say");
    };
    assert_eq!((ended.len(), more), (DIGEST_NAMES_MAX, 10));
}

#[test]
fn a_mail_reads_like_this() {
    let origin = PageOrigin::parse("https://review.example.org").unwrap();
    let mut told = about(1);
    told.expires_at = Some(Timestamp(1_795_813_200_000));
    let letter = letter(Notice::RequestOpened { about: told });
    let id = workflow(1);
    assert_eq!(
        letter.subject(),
        "[Countersign] A patch set of 0001 waits for a decision"
    );
    assert_eq!(
        letter.text(&origin),
        format!(
            "A patch set waits for a decision.\nWorkflow   {id}\nRevision   1\nRuns out   2026-11-27 21:00 UTC\n\n\
             Look at it and decide:\nhttps://review.example.org/requests/{id}:rq:1\n\n\
             Opening the page decides nothing.\n\n-- \nCountersign, notice {}\n",
            letter.id()
        )
    );
    for odd in [
        "",
        "https://",
        "ftp://a",
        "https://a/b",
        "https://a b",
        "https://u@a",
        "https://a\n",
    ] {
        assert!(PageOrigin::parse(odd).is_err(), "{odd}");
    }
}

fn any_notice() -> impl Strategy<Value = Notice> {
    let asks = prop_oneof![Just(Asks::Plan), Just(Asks::PatchSet), Just(Asks::Question)];
    let about = (
        any::<u128>(),
        0..u32::MAX,
        asks,
        any::<u32>(),
        proptest::option::of(any::<u64>()),
    )
        .prop_map(|(n, number, asks, revision, expires_at)| AboutRequest {
            request: RequestId::derive(&workflow(n), number),
            workflow: workflow(n),
            asks,
            revision: Revision(revision),
            expires_at: expires_at.map(Timestamp),
        });
    let state = proptest::sample::select(State::ALL.to_vec());
    let ended = (any::<u128>(), state).prop_map(|(n, state)| Ended {
        workflow: workflow(n),
        state,
    });
    let all = proptest::collection::vec(ended.clone(), 1..DIGEST_NAMES_MAX);
    prop_oneof![
        any::<u64>().prop_map(|at| Notice::Test { at: Timestamp(at) }),
        about.clone().prop_map(|about| Notice::RequestOpened { about }),
        about.prop_map(|about| Notice::RequestExpiresSoon { about }),
        (any::<u128>(), any::<u64>()).prop_map(|(n, entry)| Notice::AlarmRaised {
            workflow: workflow(n),
            entry
        }),
        ended.prop_map(|ended| Notice::WorkflowEnded { ended }),
        (any::<u64>(), any::<u64>(), all, any::<u32>(), any::<u32>()).prop_map(
            |(since, until, ended, more, waiting)| {
                let (since, until) = (Timestamp(since), Timestamp(until));
                Notice::Digest {
                    since,
                    until,
                    ended,
                    more,
                    waiting,
                }
            }
        ),
    ]
}

fn any_form() -> impl Strategy<Value = PlaceForm> {
    proptest::sample::select(PlaceForm::ALL.to_vec())
}

proptest! {
    /// Whatever the slots hold, a subject is one line, everything is plain ASCII, and it is the same every time.
    #[test]
    fn every_notice_is_plain_text_with_our_link(notice in any_notice()) {
        let origin = PageOrigin::parse("https://review.example.org").unwrap();
        let bytes = serde_json::to_vec(&notice).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<Notice>(&bytes).unwrap(), &notice);
        let letter = letter(notice);
        let plain = |text: &str, also: &str| text.chars().all(|c| (' '..='~').contains(&c) || also.contains(c));
        prop_assert!(plain(&letter.subject(), ""));
        let text = letter.text(&origin);
        prop_assert!(plain(&text, "\n") && text.lines().all(|l| l.len() <= 120));
        prop_assert_eq!(text.matches("://").count(), 1);
        for body in [letter.json(&origin), letter.slack(&origin)] {
            let body = String::from_utf8(body).unwrap();
            prop_assert!(plain(&body, "") && body.contains("https://review.example.org/"));
        }
        prop_assert_eq!(letter.json(&origin), letter.json(&origin));
    }

    /// Tries end, in number and in time; and what may have arrived is repeated only to whom knows repetitions (INV-7).
    #[test]
    fn tries_come_to_an_end_and_nothing_unknown_is_repeated_blindly(
        form in any_form(),
        outcomes in proptest::collection::vec(0_u8..4, 10),
        waits in proptest::collection::vec(0..HOUR, 10),
    ) {
        let (mut now, mut tries) = (NOW, 0);
        for (outcome, wait) in outcomes.into_iter().zip(waits) {
            let ended = [TryEnded::Delivered, TryEnded::Failed, TryEnded::Refused, TryEnded::Unknown][usize::from(outcome)];
            tries += 1;
            let tried = Tried { template: Template::RequestOpened, form, attempt: tries, queued_at: NOW };
            match follows(tried, now, ended) {
                Follows::Ends(standing) => {
                    prop_assert_eq!(standing == NoticeStanding::Delivered, ended == TryEnded::Delivered);
                    prop_assert_eq!(standing == NoticeStanding::Unknown, ended == TryEnded::Unknown);
                    return Ok(());
                }
                Follows::Again(at) => {
                    prop_assert!(ended == TryEnded::Failed || (ended == TryEnded::Unknown && form.knows_repetitions()));
                    prop_assert!(at > now && at.0 < NOW.0 + AGE_MAX_MS);
                    now = at.plus_ms(wait);
                }
            }
        }
        prop_assert!(false, "it never ends");
    }
}
