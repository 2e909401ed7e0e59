//! Sentences about pull requests and CI: what is ours, what is not, and what counts as green.

use crate::canned::{self, ACCOUNT, LATER, Team, act, go, opening, pull_request, seen};
use countersign_core::act::{Act, Attendance};
use countersign_core::feedback::AgentSpec;
use countersign_core::forge::{
    AcceptedCheck, AcceptedEnd, CheckRun, CheckState, Listing, PullRequestState, RequiredCheck,
};
use countersign_core::gate::{GateId, GateOutcome};
use countersign_core::id::{AccountId, PullRequestNumber};
use countersign_core::policy::{PolicySource, Sourced};
use countersign_core::question::{Choice, QuestionKind};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::{ReadHead, RevisionCause, Subject};
use countersign_core::workflow::pull_requests::{Recognised, opened, recognise};
use countersign_core::workflow::{Effect, EffectResult, Input, Refusal, State, Workflow, decide};

const SOLO: Team = Team::Solo;

/// Waits for CI; what was written follows rules, so that nobody tries again by itself.
fn verifying(team: Team) -> Workflow {
    let mut w = canned::verifying(team);
    w.submission.as_mut().expect("it began").agent = AgentSpec::Codemod;
    w
}

fn question(w: &Workflow) -> (QuestionKind, Vec<String>) {
    match &w.open_requests().next().expect("an open request").subject {
        Subject::Question { question, .. } => (question.kind, question.details.clone()),
        Subject::Plan { .. } | Subject::PatchSet { .. } => panic!("not a question"),
    }
}

fn heads(w: &Workflow, state: CheckState) -> Vec<ReadHead> {
    let EffectResult::ChecksRead { repositories } = canned::checks(w, state) else {
        panic!("not of CI")
    };
    repositories
}

fn read(w: &Workflow, repositories: Vec<ReadHead>, at: Timestamp) -> Result<Workflow, Refusal> {
    let (id, _) = w.outstanding.clone().expect("something to do");
    let result = EffectResult::ChecksRead { repositories };
    decide(w, Input::Effect { id, result }, at).map(|d| d.workflow)
}

fn answer(w: &Workflow, choice: Choice) -> Workflow {
    let open = w.open_requests().next().expect("an open request");
    let words = if choice == Choice::Provide {
        "Round up."
    } else {
        ""
    };
    let what = Act::Answer {
        request: open.id.clone(),
        seen: seen(&open.subject),
        choice,
        text: words.to_owned(),
    };
    take(w, what, Attendance::Attended).expect("it is a choice here")
}

fn take(w: &Workflow, what: Act, attendance: Attendance) -> Result<Workflow, Refusal> {
    decide(w, act(w, SOLO, "alice", what, attendance, LATER), LATER).map(|d| d.workflow)
}

fn cancel(w: &Workflow) -> Workflow {
    let reason = "not now".to_owned();
    take(w, Act::Cancel { reason }, Attendance::Attended).expect("a person may always cancel")
}

fn at_the_deadline(w: &Workflow) -> Timestamp {
    w.checks_awaited.expect("CI is waited for").1
}

#[test]
fn every_branch_is_read_back_before_the_first_pull_request_and_green_checks_end_it() {
    let w = opening(SOLO);
    assert_eq!(w.state, State::PrOpen);
    assert!(w.intents.iter().all(|i| w.is_written(&i.id)));
    let w = verifying(SOLO);
    assert_eq!(w.state, State::VerifyingCi);
    let numbers: Vec<_> = w
        .intents
        .iter()
        .map(|i| opened(&w, &i.id).unwrap().number.0)
        .collect();
    assert_eq!(numbers, [111, 112]);
    let w = go(w, SOLO, &["read-checks: green"]);
    assert_eq!(
        (w.state, w.gates[&GateId::Ci].outcome),
        (State::Done, GateOutcome::Passed)
    );
}

#[test]
fn the_words_of_a_pull_request_are_in_the_approved_manifest_and_only_where_the_forge_has_such() {
    let local = canned::awaiting_approval(SOLO);
    assert!(local.patch_sets.iter().all(|p| p.manifest.pull_request.is_none()));
    let w = opening(SOLO);
    let text = w.patch_sets[0].manifest.pull_request.clone().unwrap();
    assert_eq!(text.title, "Rename quote");
    assert!(
        text.body.contains(w.id.as_str()) && text.body.contains("- Rename\n"),
        "{}",
        text.body
    );
    let own = &w.patch_sets[0].manifest.commit;
    assert!(
        text.body.contains(&format!("exactly commit {own} ")),
        "{}",
        text.body
    );
    let sibling = &w.patch_sets[1].manifest.branch;
    let name = format!("octo/{}", w.patch_sets[1].repository);
    assert!(
        text.body.contains(&format!("- {name}, branch `{sibling}`")),
        "{}",
        text.body
    );
}

#[test]
fn a_sibling_that_not_everybody_sees_is_counted_and_not_named() {
    let spoils: [fn(&mut Option<Listing>); 2] = [
        |listing| listing.as_mut().expect("it has one").private = true,
        |listing| *listing = None,
    ];
    for spoil in spoils {
        let mut w = canned::walk_from(canned::started_remote(), SOLO, &canned::TO_APPROVAL[..6]);
        spoil(&mut w.lookups[1].listing);
        let w = go(w, SOLO, &canned::TO_APPROVAL[6..]);
        let manifest = &w.patch_sets[0].manifest;
        let body = &manifest.pull_request.as_ref().unwrap().body;
        let name = w.patch_sets[1].repository.to_string();
        assert!(body.contains("- 1 change in another repository\n"), "{body}");
        assert!(!body.contains(&name) && !manifest.commit_bytes.contains(&name));
        assert!(!manifest.commit_bytes.contains("Countersign-Sibling"));
    }
}

#[test]
fn what_has_not_ended_is_waited_for_until_the_deadline_and_is_no_pass_then() {
    let w = verifying(SOLO);
    let pending = heads(&w, CheckState::Pending);
    let early = read(&w, pending.clone(), LATER).unwrap_err();
    assert_eq!(early, Refusal::StillRunning);
    assert_eq!(
        at_the_deadline(&w),
        LATER.plus_ms(60 * 60_000),
        "an hour where no policy says it"
    );
    let w = read(&w, pending, at_the_deadline(&w)).unwrap();
    assert_eq!(question(&w).0, QuestionKind::CiNotGreen);
    assert!(
        question(&w).1[0].ends_with("has not ended"),
        "{:?}",
        question(&w).1
    );
}

/// INV-8.
#[test]
fn nothing_but_success_is_a_success() {
    for state in [
        CheckState::Failure,
        CheckState::Neutral,
        CheckState::Cancelled,
        CheckState::Skipped,
        CheckState::TimedOut,
        CheckState::ActionRequired,
        CheckState::Stale,
        CheckState::StartupFailure,
        CheckState::Unknown,
    ] {
        let w = verifying(SOLO);
        let w = read(&w, heads(&w, state), LATER).unwrap();
        assert_eq!(question(&w).0, QuestionKind::CiNotGreen, "{state:?}");
        assert_eq!(w.gates[&GateId::Ci].outcome, GateOutcome::Failed);
        assert!(question(&w).1[0].contains(state.as_str()), "{:?}", question(&w).1);
    }
}

#[test]
fn policy_lets_a_check_end_skipped_or_neutral_and_never_otherwise() {
    let accepting = |states: &[AcceptedEnd]| {
        let mut w = verifying(SOLO);
        for repo in &mut w.repositories {
            let check = repo.policy.required_checks[0].value.clone();
            repo.policy.accepted_checks.push(Sourced {
                value: AcceptedCheck {
                    check,
                    ends: states.to_vec(),
                },
                source: PolicySource::DefaultBranch,
            });
        }
        w
    };
    let both = [AcceptedEnd::Skipped, AcceptedEnd::Neutral];
    for state in [CheckState::Skipped, CheckState::Neutral] {
        let w = accepting(&both);
        let w = read(&w, heads(&w, state), LATER).unwrap();
        assert_eq!(w.gates[&GateId::Ci].outcome, GateOutcome::Passed, "{state:?}");
    }
    for state in [CheckState::Neutral, CheckState::Cancelled, CheckState::Stale] {
        let w = accepting(&both[..1]);
        let w = read(&w, heads(&w, state), LATER).unwrap();
        assert_eq!(question(&w).0, QuestionKind::CiNotGreen, "{state:?}");
    }
    let w = accepting(&both);
    let mut absent = heads(&w, CheckState::Success);
    absent[0].checks.clear();
    assert_eq!(read(&w, absent, LATER).unwrap_err(), Refusal::StillRunning);
}

#[test]
fn a_check_that_is_absent_or_of_another_app_or_of_another_commit_is_missing() {
    type Spoil = fn(&mut ReadHead);
    let spoils: [(&str, Spoil); 3] = [
        ("is missing on", |h| h.checks.clear()),
        ("by evil-app does not count", |h| {
            h.checks[0].app = "evil-app".to_owned()
        }),
        ("is missing on", |h| {
            h.checks[0].head = "9".repeat(40).try_into().unwrap()
        }),
    ];
    for (why, spoil) in spoils {
        let w = verifying(SOLO);
        let mut spoilt = heads(&w, CheckState::Success);
        spoil(&mut spoilt[0]);
        assert_eq!(
            read(&w, spoilt.clone(), LATER).unwrap_err(),
            Refusal::StillRunning
        );
        let w = read(&w, spoilt, at_the_deadline(&w)).unwrap();
        let (kind, details) = question(&w);
        assert_eq!(kind, QuestionKind::CiNotGreen);
        assert!(details.iter().any(|d| d.contains(why)), "{details:?}");
    }
}

#[test]
fn one_run_of_a_name_that_failed_outweighs_another_one_that_succeeded() {
    let w = verifying(SOLO);
    let mut both = heads(&w, CheckState::Success);
    let mut second = both[0].checks[0].clone();
    second.state = CheckState::Failure;
    both[0].checks.push(second);
    assert_eq!(
        question(&read(&w, both, LATER).unwrap()).0,
        QuestionKind::CiNotGreen
    );
}

#[test]
fn a_human_who_pushed_closed_or_retargeted_stops_the_verification() {
    let w = verifying(SOLO);
    let pushed = go(w.clone(), SOLO, &["read-checks: pushed"]);
    assert_eq!(question(&pushed).0, QuestionKind::HeadMoved);
    assert!(
        question(&pushed).1[0].contains("somebody pushed"),
        "{:?}",
        question(&pushed).1
    );
    let mut closed = heads(&w, CheckState::Success);
    closed[1].pull_request.as_mut().unwrap().state = PullRequestState::Closed;
    let closed = read(&w, closed, LATER).unwrap();
    assert_eq!(question(&closed).1, ["repo2: pull request #112 is closed"]);
    let mut elsewhere = heads(&w, CheckState::Success);
    elsewhere[0].pull_request.as_mut().unwrap().base_branch = "dev".to_owned().try_into().unwrap();
    let elsewhere = read(&w, elsewhere, LATER).unwrap();
    assert_eq!(
        question(&elsewhere).1,
        ["repo1: pull request #111 is to be merged into dev"]
    );
}

#[test]
fn a_branch_or_pull_request_that_is_not_seen_is_no_pass_and_no_accusation() {
    let w = verifying(SOLO);
    for spoil in [(|h| h.branch = None) as fn(&mut ReadHead), |h| {
        h.pull_request = None
    }] {
        let mut unseen = heads(&w, CheckState::Success);
        spoil(&mut unseen[1]);
        assert_eq!(
            read(&w, unseen.clone(), LATER).unwrap_err(),
            Refusal::StillRunning
        );
        let late = read(&w, unseen, at_the_deadline(&w)).unwrap();
        assert_eq!(question(&late).0, QuestionKind::CiNotGreen);
    }
}

#[test]
fn looking_again_after_red_waits_anew_and_may_find_green() {
    let red = go(verifying(SOLO), SOLO, &["read-checks: red"]);
    let again = answer(&red, Choice::Retry);
    assert_eq!(again.state, State::VerifyingCi);
    let done = go(again, SOLO, &["read-checks: green"]);
    assert_eq!(done.state, State::Done);
}

const ALL_GONE: [&str; 4] = [
    "close-pull-request: closed",
    "retract-branch: deleted",
    "close-pull-request: closed",
    "retract-branch: deleted",
];

#[test]
fn another_change_after_red_begins_when_nothing_of_the_first_is_left_in_play() {
    let red = go(verifying(SOLO), SOLO, &["read-checks: red"]);
    let fixing = answer(&red, Choice::Provide);
    assert!(
        fixing.fixing.is_some() && fixing.revision.0 == 1,
        "{:?}",
        fixing.revision
    );
    let looked = go(fixing, SOLO, &["read-checks: red"]);
    let next = go(looked, SOLO, &ALL_GONE);
    assert_eq!((next.state, next.revision.0), (State::Planning, 2));
    assert!(next.fixing.is_none() && next.approvals.is_empty() && next.intents.is_empty());
    assert!(next.gates.keys().all(|g| *g < GateId::Plan), "{:?}", next.gates);
    let words = next.guidance.last().map(|note| note.text.as_str());
    assert_eq!(words, Some("Round up."));
}

/// The agent tries again as often as policy allows rounds, and each round needs approvals of its own.
#[test]
fn after_red_an_agent_tries_again_within_bounds_and_is_told_what_failed() {
    let w = canned::verifying(SOLO);
    let mut red = heads(&w, CheckState::Failure);
    red[1].checks[0].state = CheckState::Success;
    red[0].checks[0].said = Some("2 of 7 failed".to_owned());
    let fixing = read(&w, red.clone(), LATER).unwrap();
    assert_eq!(fixing.fixing, Some(RevisionCause::CiRed));
    assert!(fixing.open_requests().next().is_none(), "nobody is asked");
    let next = go(fixing, SOLO, &ALL_GONE);
    assert_eq!(
        (next.state, next.revision.0, next.change_rounds),
        (State::Coding, 2, 1)
    );
    assert!(next.approvals.is_empty() && next.intents.is_empty());
    let [failed] = next.failed_checks.as_slice() else {
        panic!("{:?}", next.failed_checks)
    };
    assert_eq!(failed.run.said.as_deref(), Some("2 of 7 failed"));
    let mut last = w.clone();
    last.change_rounds = 2;
    let asked = read(&last, red, LATER).unwrap();
    assert_eq!(question(&asked).0, QuestionKind::CiNotGreen, "rounds are spent");
}

/// What was cancelled, skipped or is missing says nothing of the code; what a person pushed is not to be written over.
#[test]
fn nobody_tries_again_unless_a_check_failed_on_our_own_commit() {
    let w = canned::verifying(SOLO);
    for state in [
        CheckState::Cancelled,
        CheckState::Skipped,
        CheckState::ActionRequired,
    ] {
        let asked = read(&w, heads(&w, state), LATER).unwrap();
        assert_eq!(question(&asked).0, QuestionKind::CiNotGreen, "{state:?}");
    }
    let late = read(&w, heads(&w, CheckState::Pending), at_the_deadline(&w)).unwrap();
    assert_eq!(question(&late).0, QuestionKind::CiNotGreen);
    let mut pushed = heads(&w, CheckState::Failure);
    pushed[0].branch = Some("9".repeat(40).try_into().unwrap());
    let asked = read(&w, pushed, LATER).unwrap();
    assert_eq!(question(&asked).0, QuestionKind::HeadMoved);
    assert!(asked.fixing.is_none());
}

/// Somebody mended or merged it meanwhile: no second pull request beside theirs before a person has looked.
#[test]
fn what_somebody_touched_before_another_change_is_asked_about_and_stays() {
    let red = go(verifying(SOLO), SOLO, &["read-checks: red"]);
    let fixing = answer(&red, Choice::Provide);
    let pushed = go(fixing.clone(), SOLO, &["read-checks: pushed"]);
    assert_eq!(question(&pushed).0, QuestionKind::HeadMoved);
    assert!(pushed.retracted.is_empty(), "nothing is touched");
    // They took it back: it is looked at again.
    let again = go(answer(&pushed, Choice::Retry), SOLO, &["read-checks: red"]);
    let merged = go(again, SOLO, &["close-pull-request: not there"]);
    assert_eq!(question(&merged).0, QuestionKind::HeadMoved);
    let next = go(answer(&merged, Choice::Retry), SOLO, &ALL_GONE[1..]);
    assert_eq!(next.revision.0, 2, "a person said so");
    let cancelled = go(answer(&merged, Choice::Cancel), SOLO, &ALL_GONE[1..]);
    assert_eq!(cancelled.state, State::Cancelled);
}

#[test]
fn what_is_taken_out_of_play_for_another_change_can_be_cancelled() {
    let red = go(verifying(SOLO), SOLO, &["read-checks: red"]);
    let fixing = answer(&red, Choice::Provide);
    let fixing = go(fixing, SOLO, &["read-checks: red", "close-pull-request: closed"]);
    let cancelled = go(cancel(&fixing), SOLO, &ALL_GONE[1..]);
    assert_eq!(cancelled.state, State::Cancelled);
}

#[test]
fn cancelling_closes_every_pull_request_before_its_branch_goes() {
    let w = cancel(&verifying(SOLO));
    assert!(matches!(
        w.outstanding,
        Some((_, Effect::ClosePullRequest { .. }))
    ));
    let w = go(w, SOLO, &ALL_GONE);
    assert_eq!(w.state, State::Cancelled);
    assert!(w.reason.contains("pull request"), "{}", w.reason);
}

#[test]
fn a_pull_request_whose_opening_is_not_known_is_taken_out_of_play_as_well() {
    let w = go(
        opening(SOLO),
        SOLO,
        &["open-pull-request: attempt starts", "open-pull-request: unknown"],
    );
    let w = cancel(&w);
    // It concludes first: the try may still be going on.
    let w = if matches!(w.outstanding, Some((_, Effect::OpenPullRequest { .. }))) {
        go(
            w,
            SOLO,
            &["open-pull-request: attempt starts", "open-pull-request: opened"],
        )
    } else {
        w
    };
    assert!(
        matches!(w.outstanding, Some((_, Effect::ClosePullRequest { .. }))),
        "{:?}",
        w.outstanding
    );
}

#[test]
fn a_lost_answer_is_read_back_and_counts_as_one_pull_request() {
    let w = go(
        opening(SOLO),
        SOLO,
        &[
            "open-pull-request: attempt starts",
            "open-pull-request: unknown",
            "open-pull-request: attempt starts",
            "open-pull-request: opened",
        ],
    );
    let first = &w.intents[0];
    assert_eq!(opened(&w, &first.id).unwrap().number, PullRequestNumber(111));
    assert!(
        opened(&w, &w.intents[1].id).is_none(),
        "the next one is another repository's"
    );
}

#[test]
fn a_pull_request_of_somebody_else_is_never_adopted() {
    for what in ["opened by another", "opened and closed", "foreign"] {
        let last = format!("open-pull-request: {what}");
        let w = go(opening(SOLO), SOLO, &["open-pull-request: attempt starts", &last]);
        assert_eq!(question(&w).0, QuestionKind::ForeignPullRequest, "{what}");
        assert!(opened(&w, &w.intents[0].id).is_none());
        assert_eq!(
            answer(&w, Choice::Retry).state,
            State::Applying,
            "the bases come first"
        );
    }
}

#[test]
fn only_branch_head_base_author_and_openness_together_make_it_ours() {
    let w = opening(SOLO);
    let intent = w.intents[0].clone();
    let ours = pull_request(&w, &intent);
    let look = |found: &[_]| recognise(&w, &intent, ACCOUNT, found);
    assert_eq!(look(&[]), Recognised::Nothing);
    assert_eq!(look(std::slice::from_ref(&ours)), Recognised::Ours(ours.clone()));
    assert!(matches!(
        look(&[ours.clone(), ours.clone()]),
        Recognised::Foreign(_)
    ));
    let spoils: [fn(&mut countersign_core::forge::PullRequest); 6] = [
        |p| p.branch = "other".to_owned().try_into().unwrap(),
        |p| p.head = "9".repeat(40).try_into().unwrap(),
        |p| p.base_branch = "dev".to_owned().try_into().unwrap(),
        |p| p.author = AccountId(1),
        |p| p.state = PullRequestState::Closed,
        |p| p.state = PullRequestState::Merged,
    ];
    for spoil in spoils {
        let mut theirs = ours.clone();
        spoil(&mut theirs);
        assert!(
            matches!(look(&[theirs.clone()]), Recognised::Foreign(_)),
            "{theirs:?}"
        );
    }
}

#[test]
fn the_second_repository_that_fails_leaves_the_first_one_known_and_cancel_takes_both_out() {
    let w = go(
        opening(SOLO),
        SOLO,
        &[
            "open-pull-request: attempt starts",
            "open-pull-request: opened",
            "open-pull-request: attempt starts",
            "open-pull-request: gave up",
        ],
    );
    let (kind, details) = question(&w);
    assert_eq!(kind, QuestionKind::WriteIncomplete);
    assert!(
        details.iter().any(|d| d.contains("pull request #111 is open")),
        "{details:?}"
    );
    let w = go(
        answer(&w, Choice::Cancel),
        SOLO,
        &[
            "close-pull-request: closed",
            "retract-branch: deleted",
            "close-pull-request: closed",
            "retract-branch: deleted",
        ],
    );
    assert_eq!(w.state, State::Cancelled);
}

#[test]
fn a_write_that_lost_its_approvals_between_branch_and_pull_request_asks_for_them_again() {
    let w = go(
        opening(SOLO),
        SOLO,
        &[
            "open-pull-request: attempt starts",
            "open-pull-request: approvals lapsed",
        ],
    );
    assert_eq!(question(&w).0, QuestionKind::ApprovalsLapsed);
    let w = answer(&w, Choice::AskAgain);
    assert_eq!(w.state, State::AwaitingApproval);
    assert!(
        w.intents.iter().all(|i| w.is_written(&i.id)),
        "the branches stay known"
    );
}

#[test]
fn a_policy_that_names_no_check_is_refused_at_the_first_gate() {
    let w = canned::started_remote();
    let (id, _) = w.outstanding.clone().unwrap();
    let found = canned::results(&w, SOLO, LATER)
        .into_iter()
        .find(|(n, _)| n == "look-up-refs: found");
    let Some((_, Input::Effect { mut result, .. })) = found else {
        panic!("no such result")
    };
    if let EffectResult::RefsLookedUp { policies, .. } = &mut result {
        policies[1].1 = None;
    }
    let refused = decide(
        &w,
        Input::Effect {
            id: id.clone(),
            result: result.clone(),
        },
        LATER,
    )
    .unwrap()
    .workflow;
    assert_eq!(refused.state, State::Declined);
    assert!(
        refused.reason.contains("names a check of CI"),
        "{}",
        refused.reason
    );
    let mut protected = result.clone();
    if let EffectResult::RefsLookedUp { protections, .. } = &mut protected {
        let asked = RequiredCheck::of_protection("test".to_owned(), Some(15_368));
        protections.push((canned::remote_repositories()[1].clone(), vec![asked]));
    }
    let protected = Input::Effect {
        id: id.clone(),
        result: protected,
    };
    let asked = decide(&w, protected, LATER).unwrap().workflow;
    assert_eq!(
        asked.state,
        State::LoadingContext,
        "the branch's protection names one"
    );
    if let EffectResult::RefsLookedUp { policies, .. } = &mut result {
        policies[1].1 = Some(b"version = 1\n[ci]\nrequired = false\n".to_vec());
    }
    let said = decide(&w, Input::Effect { id, result }, LATER).unwrap().workflow;
    assert_eq!(said.state, State::LoadingContext, "a line that says so is enough");
}

/// Hazard 46: what a branch's protection asks for is met by that app's run, and by no other.
#[test]
fn a_check_of_protection_is_met_by_its_app_by_number_or_by_any_where_it_names_none() {
    let run = |app: &str, app_number, name: &str| CheckRun {
        app: app.to_owned(),
        app_number,
        name: name.to_owned(),
        head: "9".repeat(40).try_into().unwrap(),
        state: CheckState::Success,
        said: None,
    };
    let of = |app| RequiredCheck::of_protection("test".to_owned(), app);
    let (numbered, any) = (of(Some(15_368)), of(None));
    let actions = run("github-actions", Some(15_368), "test");
    let other = run("github-actions", Some(9), "test");
    assert!(numbered.is_met_by(&actions) && any.is_met_by(&actions));
    assert!(!numbered.is_met_by(&other) && any.is_met_by(&other));
    assert!(
        !numbered.is_met_by(&run("github-actions", None, "test")),
        "not told is no"
    );
    assert!(!any.is_met_by(&run("github-actions", Some(15_368), "lint")));
    assert_eq!(
        [numbered.to_string(), any.to_string()],
        ["test by app 15368", "test by any app"]
    );
    for app in ["*", "#15368"] {
        let text = format!("version = 1\n[ci]\nchecks = [{{ app = \"{app}\", name = \"test\" }}]\n");
        let refused = countersign_core::policy::parse(&text).unwrap_err();
        assert!(refused.message.contains("no app's short name"), "{refused}");
    }
}

#[test]
fn nothing_is_approved_unattended_on_a_remote_forge() {
    let w = canned::walk_from(canned::started_remote(), SOLO, &canned::TO_APPROVAL);
    let open = w.open_requests().next().unwrap();
    let what = Act::Approve {
        request: open.id.clone(),
        seen: seen(&open.subject),
        acknowledged: vec![],
    };
    let refused = take(&w, what.clone(), Attendance::Unattended).unwrap_err();
    assert_eq!(refused.code(), "unattended-forbidden");
    assert!(take(&w, what, Attendance::Attended).is_ok());
}

#[test]
fn an_agent_without_confinement_never_works_on_a_remote_forge() {
    let github = countersign_core::id::ForgeKind::GitHub;
    let unconfined = AgentSpec::Command {
        command: "fixer".to_owned(),
        rights: countersign_core::confinement::Rights::Unconfined,
    };
    assert!(!unconfined.allowed_on(github));
    assert!(AgentSpec::Codemod.allowed_on(github));
}
