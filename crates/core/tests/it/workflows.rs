//! Sentences about workflows: what humans and results do to them.

use crate::canned::{self, START, TO_APPROVAL, Team, act, awaiting_approval, seen, walk};
use countersign_core::act::{Act, Attendance};
use countersign_core::feedback::{UNTRUSTED, WORDS_OF};
use countersign_core::gate::{GateId, GateOutcome};
use countersign_core::line_comment::{CommentSide, LINE_COMMENTS_MAX, LineComment};
use countersign_core::path::RepoPath;
use countersign_core::policy::RiskTier;
use countersign_core::question::{Choice, QuestionKind};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::{RequestStatus, Subject};
use countersign_core::workflow::{Effect, Input, Refusal, State, Workflow, decide, extendable_until};

const SOON: Timestamp = Timestamp(START.0 + 60_000);

fn approve(w: &Workflow, index: usize) -> Act {
    let request = w.open_requests().nth(index).expect("an open request");
    Act::Approve {
        request: request.id.clone(),
        seen: seen(&request.subject),
        acknowledged: vec![],
    }
}

fn retry(w: &Workflow) -> Act {
    let open = w.open_requests().next().expect("an open request");
    Act::Retry {
        request: open.id.clone(),
        seen: seen(&open.subject),
    }
}

fn take(w: &Workflow, team: Team, who: &str, what: Act) -> Result<Workflow, Refusal> {
    decide(w, act(w, team, who, what, Attendance::Attended, SOON), SOON).map(|d| d.workflow)
}

fn result(w: &Workflow, team: Team, name: &str) -> Workflow {
    let found = canned::results(w, team, SOON)
        .into_iter()
        .find(|(n, _)| n == name);
    decide(
        w,
        found.unwrap_or_else(|| panic!("{name} in {}", w.state)).1,
        SOON,
    )
    .unwrap()
    .workflow
}

fn approved_by(team: Team, people: &[&str]) -> Workflow {
    let mut w = awaiting_approval(team);
    while w.open_requests().next().is_some() {
        for who in people {
            let next = w.open_requests().next().cloned();
            if let Some(open) = next {
                let what = Act::Approve {
                    request: open.id.clone(),
                    seen: seen(&open.subject),
                    acknowledged: vec![],
                };
                w = take(&w, team, who, what).unwrap();
            }
        }
    }
    w
}

fn question(w: &Workflow) -> QuestionKind {
    match &w.open_requests().next().expect("an open request").subject {
        Subject::Question { question, .. } => question.kind,
        Subject::Plan { .. } | Subject::PatchSet { .. } => panic!("not a question"),
    }
}

#[test]
fn one_approval_per_repository_is_enough_alone_and_nothing_is_written_before() {
    let w = awaiting_approval(Team::Solo);
    assert!(w.intents.is_empty());
    let w = take(&w, Team::Solo, "alice", approve(&w, 0)).unwrap();
    assert_eq!(w.state, State::AwaitingApproval);
    assert!(w.outstanding.is_none(), "the second repository still waits");
    let w = take(&w, Team::Solo, "alice", approve(&w, 0)).unwrap();
    assert!(
        matches!(w.outstanding, Some((_, Effect::SealLedger { .. }))),
        "approvals are sealed before anything is written"
    );
    let w = result(&w, Team::Solo, "seal-ledger: sealed");
    assert_eq!(w.gates[&GateId::Approval].outcome, GateOutcome::Passed);
    assert!(w.intents.is_empty(), "gate 4 comes first");
    let w = result(&w, Team::Solo, "check-bases: unmoved");
    assert_eq!(w.intents.len(), 2);
}

#[test]
fn who_starts_it_can_not_approve_it_in_a_team() {
    let w = awaiting_approval(Team::Three);
    let refused = take(&w, Team::Three, "alice", approve(&w, 0)).unwrap_err();
    assert_eq!(refused.code(), "not-eligible");
    assert!(take(&w, Team::Three, "bob", approve(&w, 0)).is_ok());
}

/// Everybody approved, the intents are there, and one attempt ended like this.
fn attempted(outcome: &str) -> Workflow {
    result(&canned::writing(Team::Solo), Team::Solo, outcome)
}

fn withdraw() -> Act {
    Act::Withdraw {
        reason: "not now".to_owned(),
    }
}

#[test]
fn an_attempt_that_wrote_nothing_does_not_stand_in_the_way_of_a_withdrawal() {
    // The gate refuses an attempt because the withdrawal waits in the inbox; then it has to be heard.
    let w = attempted("write-branch: failed");
    let w = take(&w, Team::Solo, "alice", withdraw()).unwrap();
    assert_eq!(w.state, State::AwaitingApproval);
    assert!(w.intents.is_empty() && w.outstanding.is_none());
    assert_eq!(w.open_requests().count(), 2, "everything is asked for again");
}

#[test]
fn what_may_be_written_can_only_be_cancelled() {
    for outcome in ["write-branch: unknown", "write-branch: written"] {
        let refused = take(&attempted(outcome), Team::Solo, "alice", withdraw()).unwrap_err();
        assert_eq!(refused.code(), "nothing-to-withdraw", "{outcome}");
    }
    let open = canned::writing(Team::Solo);
    assert!(take(&open, Team::Solo, "alice", withdraw()).is_err());
}

#[test]
fn a_yes_that_a_retry_would_use_can_be_taken_back_while_the_question_is_open() {
    let w = result(
        &attempted("write-branch: failed"),
        Team::Solo,
        "write-branch: gave up",
    );
    assert_eq!(question(&w), QuestionKind::WriteIncomplete);
    let w = take(&w, Team::Solo, "alice", withdraw()).unwrap();
    assert_eq!(w.state, State::AwaitingApproval);
    assert!(w.approvals.is_empty() && w.intents.is_empty());
}

#[test]
fn the_same_person_does_not_count_twice() {
    let mut w = awaiting_approval(Team::Three);
    w.tier = Some(countersign_core::policy::RiskTier::High);
    let once = take(&w, Team::Three, "bob", approve(&w, 0)).unwrap();
    assert_eq!(once.open_requests().count(), 2, "high risk needs two people");
    assert_eq!(
        take(&once, Team::Three, "bob", approve(&once, 0))
            .unwrap_err()
            .code(),
        "already-approved"
    );
    let twice = take(&once, Team::Three, "carol", approve(&once, 0)).unwrap();
    assert_eq!(twice.open_requests().count(), 1);
}

#[test]
fn a_digest_that_is_not_what_waits_is_refused() {
    let w = awaiting_approval(Team::Solo);
    let requests: Vec<_> = w.open_requests().collect();
    let crossed = Act::Approve {
        request: requests[0].id.clone(),
        seen: seen(&requests[1].subject),
        acknowledged: vec![],
    };
    assert_eq!(
        take(&w, Team::Solo, "alice", crossed).unwrap_err().code(),
        "digest-mismatch"
    );
}

#[test]
fn a_stale_approval_opens_nothing() {
    let w = awaiting_approval(Team::Solo);
    let old = approve(&w, 0);
    let open = w.open_requests().next().unwrap();
    let changes = Act::RequestChanges {
        request: open.id.clone(),
        seen: seen(&open.subject),
        comment: "other name".to_owned(),
        comments: Vec::new(),
    };
    let w = take(&w, Team::Solo, "alice", changes).unwrap();
    assert_eq!((w.state, w.revision.0), (State::Coding, 2));
    assert!(w.approvals.is_empty() && w.open_requests().next().is_none());
    assert!(
        !w.gates.contains_key(&GateId::Proposal),
        "a new revision voids gate 2 (hazard 7)"
    );
    assert_eq!(
        take(&w, Team::Solo, "alice", old).unwrap_err().code(),
        "request-not-open"
    );
}

#[test]
fn comments_on_lines_reach_the_agent_below_the_words_and_an_act_without_them_is_as_before() {
    let w = awaiting_approval(Team::Solo);
    let open = w.open_requests().next().unwrap();
    let asking = |comments: Vec<LineComment>| Act::RequestChanges {
        request: open.id.clone(),
        seen: seen(&open.subject),
        comment: "other name".to_owned(),
        comments,
    };
    let draft = &w.drafts[0];
    let on = |path: &RepoPath| LineComment {
        repository: draft.repository.clone(),
        path: path.clone(),
        side: CommentSide::New,
        first: 1,
        last: 2,
        text: "Why?".to_owned(),
    };
    let changed = draft.diff.files[0].path();
    let asked = take(&w, Team::Solo, "alice", asking(vec![on(changed)])).unwrap();
    let words = &asked.guidance.last().unwrap().text;
    assert!(
        words.starts_with("other name\n\nOn ") && words.ends_with(", lines 1 to 2:\n> Why?"),
        "{words}"
    );
    let elsewhere = take(&w, Team::Solo, "alice", asking(vec![on(&"not/changed".into())]));
    assert!(
        elsewhere
            .unwrap_err()
            .to_string()
            .contains("does not change this file")
    );
    let many = vec![on(changed); LINE_COMMENTS_MAX + 1];
    assert!(take(&w, Team::Solo, "alice", asking(many)).is_err());
    // What was signed before there were comments reads, and is signed, as it was.
    let without = serde_json::to_value(asking(Vec::new())).unwrap();
    assert_eq!(without.get("comments"), None);
    assert_eq!(
        serde_json::from_value::<Act>(without).unwrap(),
        asking(Vec::new())
    );
}

#[test]
fn every_round_that_policy_allows_can_be_spent() {
    let mut w = awaiting_approval(Team::Solo);
    w.change_rounds = 2;
    let open = w.open_requests().next().unwrap();
    let changes = Act::RequestChanges {
        request: open.id.clone(),
        seen: seen(&open.subject),
        comment: "x".to_owned(),
        comments: Vec::new(),
    };
    let w = take(&w, Team::Solo, "alice", changes).unwrap();
    assert_eq!(question(&w), QuestionKind::RoundsSpent);
}

#[test]
fn the_same_result_after_changes_were_asked_for_asks_a_human() {
    let w = awaiting_approval(Team::Solo);
    let mut w = take(&w, Team::Solo, "alice", {
        let open = w.open_requests().next().unwrap();
        Act::RequestChanges {
            request: open.id.clone(),
            seen: seen(&open.subject),
            comment: "x".to_owned(),
            comments: Vec::new(),
        }
    })
    .unwrap();
    w.earlier_drafts = canned::repositories()
        .map(|id| canned::draft(&w, id, "src/a.rs", 1))
        .to_vec();
    assert_eq!(
        question(&result(&w, Team::Solo, "draft: drafted")),
        QuestionKind::ResultUnchanged
    );
}

#[test]
fn a_rejection_ends_it_for_good() {
    let w = awaiting_approval(Team::Solo);
    let open = w.open_requests().next().unwrap();
    let reject = Act::Reject {
        request: open.id.clone(),
        seen: seen(&open.subject),
        reason: "no".to_owned(),
    };
    let w = take(&w, Team::Solo, "alice", reject).unwrap();
    assert_eq!(w.state, State::Failed);
    assert_eq!(
        take(&w, Team::Solo, "alice", Act::Wake).unwrap_err().code(),
        "workflow-ended"
    );
}

#[test]
fn a_request_is_kept_open_later_than_before_and_never_longer_than_a_new_one() {
    let w = awaiting_approval(Team::Solo);
    let open = w.open_requests().next().unwrap().clone();
    let now = open.expires_at.unwrap();
    let extend = |until| Act::Extend {
        request: open.id.clone(),
        seen: seen(&open.subject),
        until,
    };
    let latest = extendable_until(&w, &open, SOON).unwrap();
    for until in [now, Timestamp(now.0 - 1), latest.plus_ms(1)] {
        let refused = take(&w, Team::Solo, "alice", extend(until)).unwrap_err();
        assert_eq!(refused.code(), "not-extendable");
    }
    let kept = take(&w, Team::Solo, "alice", extend(latest)).unwrap();
    let same = kept.open_requests().next().unwrap();
    assert_eq!(same.expires_at, Some(latest));
    assert_eq!((&same.subject, kept.state), (&open.subject, w.state));
    let unattended = act(
        &w,
        Team::Solo,
        "alice",
        extend(latest),
        Attendance::Unattended,
        SOON,
    );
    assert_eq!(
        decide(&w, unattended, SOON).unwrap_err().code(),
        "unattended-forbidden"
    );
}

#[test]
fn an_unattended_run_approves_but_judges_and_answers_nothing() {
    let w = awaiting_approval(Team::Solo);
    let unattended = |what| {
        decide(
            &w,
            act(&w, Team::Solo, "alice", what, Attendance::Unattended, SOON),
            SOON,
        )
    };
    assert!(unattended(approve(&w, 0)).is_ok());
    let open = w.open_requests().next().unwrap();
    let (request, seen) = (open.id.clone(), seen(&open.subject));
    let reject = Act::Reject {
        request,
        seen,
        reason: "no".to_owned(),
    };
    assert_eq!(unattended(reject).unwrap_err().code(), "unattended-forbidden");
    let asked = walk(
        Team::Solo,
        &[TO_APPROVAL[0], TO_APPROVAL[1], "triage: a question"],
    );
    let open = asked.open_requests().next().unwrap();
    let answer = Act::Answer {
        request: open.id.clone(),
        seen: canned::seen(&open.subject),
        choice: Choice::Provide,
        text: "src/a.rs".to_owned(),
    };
    let input = act(
        &asked,
        Team::Solo,
        "alice",
        answer.clone(),
        Attendance::Unattended,
        SOON,
    );
    assert_eq!(
        decide(&asked, input, SOON).unwrap_err().code(),
        "unattended-forbidden"
    );
    assert_eq!(
        take(&asked, Team::Solo, "alice", answer).unwrap().state,
        State::Triaging
    );
}

#[test]
fn an_approval_that_ran_out_is_not_a_denial_and_is_asked_again() {
    let w = awaiting_approval(Team::Solo);
    let late = SOON.plus_ms(canned::EIGHT_DAYS_MS);
    let w = decide(&w, Input::TimePassed, late).unwrap().workflow;
    assert_eq!(
        (w.state, question(&w)),
        (State::NeedsHuman, QuestionKind::ApprovalExpired)
    );
    let expired = w
        .requests
        .iter()
        .filter(|r| r.status == RequestStatus::Expired)
        .count();
    assert_eq!(expired, 2, "distinct from rejected (hazard 12)");
}

#[test]
fn a_withdrawn_approval_stops_the_write_until_the_first_attempt() {
    let w = approved_by(Team::Solo, &["alice"]);
    let w = result(&w, Team::Solo, "seal-ledger: sealed");
    let w = result(&w, Team::Solo, "check-bases: unmoved");
    let withdraw = || Act::Withdraw {
        reason: "wait".to_owned(),
    };
    let back = take(&w, Team::Solo, "alice", withdraw()).unwrap();
    assert_eq!(
        (back.state, back.open_requests().count()),
        (State::AwaitingApproval, 2)
    );
    assert!(back.intents.is_empty() && back.outstanding.is_none());
    let begun = result(&w, Team::Solo, "write-branch: attempt starts");
    assert_eq!(
        take(&begun, Team::Solo, "alice", withdraw()).unwrap_err().code(),
        "nothing-to-withdraw"
    );
}

#[test]
fn the_second_write_fails_and_cancel_takes_the_first_out_of_play() {
    let w = approved_by(Team::Solo, &["alice"]);
    let mut w = result(&w, Team::Solo, "seal-ledger: sealed");
    for name in [
        "check-bases: unmoved",
        "write-branch: attempt starts",
        "write-branch: written",
    ] {
        w = result(&w, Team::Solo, name);
    }
    let w = result(&w, Team::Solo, "write-branch: gave up");
    assert_eq!(question(&w), QuestionKind::WriteIncomplete);
    let cancelled = take(
        &w,
        Team::Solo,
        "alice",
        Act::Cancel {
            reason: "stop".to_owned(),
        },
    )
    .unwrap();
    assert!(matches!(
        cancelled.outstanding,
        Some((_, Effect::RetractBranch { .. }))
    ));
    assert_eq!(
        result(&cancelled, Team::Solo, "retract-branch: deleted").state,
        State::Cancelled
    );
    let mut w = take(&w, Team::Solo, "alice", retry(&w)).unwrap();
    for name in [
        "check-bases: unmoved",
        "write-branch: attempt starts",
        "write-branch: written",
    ] {
        w = result(&w, Team::Solo, name);
    }
    assert_eq!(w.state, State::Done);
    assert_eq!(w.gates[&GateId::Ci].outcome, GateOutcome::NotRequired);
    assert_eq!(
        w.attempts.iter().filter(|(_, o)| o.is_some()).count(),
        2,
        "the first repository was not written twice"
    );
}

#[test]
fn cancelling_waits_for_a_write_in_flight() {
    let w = approved_by(Team::Solo, &["alice"]);
    let mut w = result(&w, Team::Solo, "seal-ledger: sealed");
    for name in ["check-bases: unmoved", "write-branch: attempt starts"] {
        w = result(&w, Team::Solo, name);
    }
    let w = take(
        &w,
        Team::Solo,
        "alice",
        Act::Cancel {
            reason: "stop".to_owned(),
        },
    )
    .unwrap();
    assert_eq!(
        w.state,
        State::Applying,
        "concludes only after the attempt has its outcome (hazard 38)"
    );
    let w = result(&w, Team::Solo, "write-branch: written");
    assert!(matches!(w.outstanding, Some((_, Effect::RetractBranch { .. }))));
}

#[test]
fn a_moved_base_makes_everything_anew() {
    let w = approved_by(Team::Solo, &["alice"]);
    let w = result(&w, Team::Solo, "seal-ledger: sealed");
    let w = result(&w, Team::Solo, "check-bases: moved, conflict");
    assert_eq!((w.state, w.revision.0), (State::LoadingContext, 2));
    assert!(w.approvals.is_empty());
    assert_eq!(
        w.gates.keys().copied().collect::<Vec<_>>(),
        [GateId::Intake],
        "voids from gate 1 up"
    );
}

#[test]
fn the_result_of_an_effect_that_nobody_waits_for_changes_nothing() {
    let before = walk(Team::Solo, &TO_APPROVAL[..2]);
    let (_, late) = canned::results(&before, Team::Solo, SOON).remove(0);
    let after = walk(Team::Solo, &TO_APPROVAL[..3]);
    assert_eq!(decide(&after, late, SOON).unwrap_err(), Refusal::Stale);
}

#[test]
fn the_risk_tier_only_rises_and_a_rise_returns_to_the_plan() {
    let names = [
        TO_APPROVAL[0],
        TO_APPROVAL[1],
        TO_APPROVAL[2],
        TO_APPROVAL[3],
        "draft: high risk",
        TO_APPROVAL[5],
    ];
    assert_eq!(walk(Team::Three, &names).state, State::AwaitingPlanApproval);
    let solo = walk(Team::Solo, &names);
    assert!(
        matches!(solo.outstanding, Some((_, Effect::SealLedger { .. }))),
        "alone, the content itself is asked about"
    );
}

/// INV-3.
#[test]
fn the_same_events_input_and_time_give_the_same_decision() {
    let w = awaiting_approval(Team::Solo);
    let again = awaiting_approval(Team::Solo);
    let digests = |w: &Workflow| w.patch_sets.iter().map(|p| p.digest.to_hex()).collect::<Vec<_>>();
    assert_eq!(digests(&w), digests(&again));
}

#[test]
fn a_plan_that_policy_blocks_is_made_anew_and_never_coded_against() {
    let names = [
        TO_APPROVAL[0],
        TO_APPROVAL[1],
        TO_APPROVAL[2],
        "plan: planned, blocked path",
    ];
    let w = walk(Team::Solo, &names);
    assert_eq!(w.state, State::BlockedPolicy);
    let open = w.open_requests().next().unwrap();
    let (request, seen) = (open.id.clone(), seen(&open.subject));
    let (choice, text) = (Choice::Provide, "leave that file out".to_owned());
    let w = take(
        &w,
        Team::Solo,
        "alice",
        Act::Answer {
            request,
            seen,
            choice,
            text,
        },
    )
    .unwrap();
    assert_eq!(
        w.state,
        State::Planning,
        "gate 1 has to be passed by the plan that is coded"
    );
}

#[test]
fn a_retraction_that_fails_can_be_retried_while_cancelling() {
    let mut w = approved_by(Team::Solo, &["alice"]);
    for name in [
        "seal-ledger: sealed",
        "check-bases: unmoved",
        "write-branch: attempt starts",
        "write-branch: written",
    ] {
        w = result(&w, Team::Solo, name);
    }
    let w = take(
        &w,
        Team::Solo,
        "alice",
        Act::Cancel {
            reason: "stop".to_owned(),
        },
    )
    .unwrap();
    let w = result(&w, Team::Solo, "retract-branch: gave up");
    assert_eq!(question(&w), QuestionKind::StepFailed);
    let again = take(&w, Team::Solo, "alice", retry(&w)).unwrap();
    assert!(matches!(
        again.outstanding,
        Some((_, Effect::RetractBranch { .. }))
    ));
    assert_eq!(
        result(&again, Team::Solo, "retract-branch: deleted").state,
        State::Cancelled
    );
}

#[test]
fn approvals_that_ran_out_do_not_stand_in_the_way_of_new_ones() {
    let w = approved_by(Team::Solo, &["alice"]);
    let late = SOON.plus_ms(canned::EIGHT_DAYS_MS);
    let at = |name: &str, w: &Workflow| {
        let found = canned::results(w, Team::Solo, late)
            .into_iter()
            .find(|(n, _)| n == name);
        decide(w, found.unwrap().1, late).unwrap().workflow
    };
    let w = at("seal-ledger: sealed", &w);
    assert_eq!(question(&w), QuestionKind::ApprovalExpired);
    let human = |w: &Workflow, what: Act| {
        decide(
            w,
            act(w, Team::Solo, "alice", what, Attendance::Attended, late),
            late,
        )
        .unwrap()
        .workflow
    };
    let open = w.open_requests().next().unwrap();
    let (request, seen) = (open.id.clone(), seen(&open.subject));
    let mut w = human(
        &w,
        Act::Answer {
            request,
            seen,
            choice: Choice::AskAgain,
            text: String::new(),
        },
    );
    assert!(w.approvals.is_empty());
    w = human(&w, approve(&w, 0));
    w = human(&w, approve(&w, 0));
    assert_eq!(at("seal-ledger: sealed", &w).state, State::Applying);
}

#[test]
fn half_written_work_can_be_completed_or_cancelled_but_not_rejected() {
    let mut w = approved_by(Team::Solo, &["alice"]);
    for name in [
        "seal-ledger: sealed",
        "check-bases: unmoved",
        "write-branch: attempt starts",
        "write-branch: written",
    ] {
        w = result(&w, Team::Solo, name);
    }
    for name in ["write-branch: attempt starts", "write-branch: approvals lapsed"] {
        w = result(&w, Team::Solo, name);
    }
    let open = w.open_requests().next().unwrap();
    let (request, digest) = (open.id.clone(), seen(&open.subject));
    let answer = Act::Answer {
        request,
        seen: digest,
        choice: Choice::AskAgain,
        text: String::new(),
    };
    let w = take(&w, Team::Solo, "alice", answer).unwrap();
    let open = w.open_requests().next().unwrap();
    let reject = Act::Reject {
        request: open.id.clone(),
        seen: seen(&open.subject),
        reason: "no".to_owned(),
    };
    assert_eq!(
        take(&w, Team::Solo, "alice", reject).unwrap_err().code(),
        "wrong-state"
    );
    let cancelled = take(
        &w,
        Team::Solo,
        "alice",
        Act::Cancel {
            reason: "stop".to_owned(),
        },
    )
    .unwrap();
    assert!(matches!(
        cancelled.outstanding,
        Some((_, Effect::RetractBranch { .. }))
    ));
}

#[test]
fn a_request_that_nobody_may_answer_is_not_opened() {
    let mut w = walk(Team::Three, &TO_APPROVAL[..6]);
    w.shapers = Team::Three
        .members()
        .iter()
        .map(|m| canned::member_id(m))
        .collect();
    let w = result(&w, Team::Three, "seal-ledger: sealed");
    assert_eq!(question(&w), QuestionKind::ApproversMissing);
}

#[test]
fn a_policy_that_changed_before_anything_was_written_starts_anew() {
    let mut w = approved_by(Team::Solo, &["alice"]);
    for name in [
        "seal-ledger: sealed",
        "check-bases: unmoved",
        "write-branch: attempt starts",
    ] {
        w = result(&w, Team::Solo, name);
    }
    let anew = result(&w, Team::Solo, "write-branch: policy changed since");
    assert_eq!(
        (anew.state, anew.revision.0, anew.approvals.len()),
        (State::LoadingContext, 2, 0)
    );
    let again = result(&w, Team::Solo, "write-branch: base moved since");
    assert!(matches!(again.outstanding, Some((_, Effect::CheckBases))));
}

#[test]
fn at_its_bound_a_workflow_can_only_be_cancelled() {
    let mut w = awaiting_approval(Team::Solo);
    w.version = countersign_core::id::Version(countersign_core::workflow::EVENTS_MAX);
    assert_eq!(
        take(&w, Team::Solo, "alice", approve(&w, 0)).unwrap_err().code(),
        "too-long"
    );
    assert_eq!(
        take(
            &w,
            Team::Solo,
            "alice",
            Act::Cancel {
                reason: "x".to_owned()
            }
        )
        .unwrap()
        .state,
        State::Cancelled
    );
}

#[test]
fn what_follows_a_strangers_words_is_of_high_risk_and_says_so() {
    let strangers = || {
        let mut w = canned::started();
        let submission = w.submission.as_mut().unwrap();
        let of = (WORDS_OF.to_owned(), UNTRUSTED.to_owned());
        submission.metadata.extend([of]);
        w
    };
    let shown = canned::walk_from(strangers(), Team::Solo, &canned::TO_APPROVAL);
    assert_eq!(shown.tier, Some(RiskTier::High));
    assert!(
        shown.tier_reasons.iter().any(|r| r.contains("don't vouch for")),
        "{:?}",
        shown.tier_reasons
    );
    // Where there are others, they see the plan first.
    let planned = canned::walk_from(strangers(), Team::Three, &canned::TO_APPROVAL[..4]);
    assert_eq!(planned.state, State::AwaitingPlanApproval);
    assert_ne!(awaiting_approval(Team::Solo).tier, Some(RiskTier::High));
}
