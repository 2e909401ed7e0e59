//! Sentences about workflows whose data folder was restored, copied or moved.

use crate::canned::{self, Team, act, awaiting_approval, seen, writing};
use countersign_core::act::{Act, Attendance};
use countersign_core::question::{Choice, QuestionKind};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::{AttemptOutcome, BranchHolds, Subject};
use countersign_core::workflow::{Effect, Event, Input, Refusal, State, Workflow, decide};

const TEAM: Team = Team::Solo;
/// After the deadline of every attempt, and before an approval runs out.
const AFTERWARDS: Timestamp = Timestamp(canned::LATER.0 + 3_600_000);

/// What the branches hold, one per repository: `ours`, `gone`, `other` or `unreadable`.
fn restored(w: &Workflow, branches: &[&str]) -> Result<Workflow, Refusal> {
    let mut input = named(w, branches[0]);
    if let (Input::Reconciling { branches: found, .. }, Some(second)) = (&mut input, branches.get(1))
        && let Input::Reconciling {
            branches: of_second, ..
        } = named(w, second)
    {
        found[1] = of_second[1].clone();
    }
    decide(w, input, AFTERWARDS).map(|d| d.workflow)
}

fn named(w: &Workflow, what: &str) -> Input {
    let name = format!("restored: branches {what}");
    let all = canned::reconciling(w, TEAM);
    all.into_iter().find(|(n, _)| *n == name).unwrap().1
}

fn result(w: &Workflow, name: &str) -> Workflow {
    let all = canned::results(w, TEAM, AFTERWARDS);
    let found = all.into_iter().find(|(n, _)| n == name);
    let input = found.unwrap_or_else(|| panic!("{name} in {}", w.state)).1;
    decide(w, input, AFTERWARDS).unwrap().workflow
}

fn human(w: &Workflow, what: Act) -> Workflow {
    let input = act(w, TEAM, "alice", what, Attendance::Attended, AFTERWARDS);
    decide(w, input, AFTERWARDS).unwrap().workflow
}

fn answer(w: &Workflow, choice: Choice) -> Workflow {
    let open = w.open_requests().next().unwrap();
    let (request, seen) = (open.id.clone(), seen(&open.subject));
    let text = String::new();
    human(
        w,
        Act::Answer {
            request,
            seen,
            choice,
            text,
        },
    )
}

fn approve_all(w: &Workflow) -> Workflow {
    let mut w = w.clone();
    loop {
        let next = w.open_requests().next().cloned();
        let Some(open) = next else { break };
        w = human(
            &w,
            Act::Approve {
                request: open.id.clone(),
                seen: seen(&open.subject),
                acknowledged: vec![],
            },
        );
    }
    w
}

fn question(w: &Workflow) -> (QuestionKind, Vec<String>) {
    match &w.open_requests().next().unwrap().subject {
        Subject::Question { question, .. } => (question.kind, question.details.clone()),
        other @ (Subject::Plan { .. } | Subject::PatchSet { .. }) => panic!("{other:?}"),
    }
}

/// The first repository is written, the second one's try has begun.
fn half_written() -> Workflow {
    let step = |w: &Workflow, name: &str| {
        let all = canned::results(w, TEAM, canned::LATER);
        let input = all.into_iter().find(|(n, _)| n == name).unwrap().1;
        decide(w, input, canned::LATER).unwrap().workflow
    };
    let w = step(&writing(TEAM), "write-branch: written");
    step(&w, "write-branch: attempt starts")
}

#[test]
fn live_approvals_are_void_and_everybody_is_asked_again() {
    let mut w = awaiting_approval(TEAM);
    let open = w.open_requests().next().unwrap().clone();
    w = human(
        &w,
        Act::Approve {
            request: open.id.clone(),
            seen: seen(&open.subject),
            acknowledged: vec![],
        },
    );
    assert_eq!(w.approvals.len(), 1);
    let after = restored(&w, &["gone"]).unwrap();
    assert_eq!((after.state, after.approvals.len()), (State::AwaitingApproval, 0));
    assert_eq!(after.open_requests().count(), 2);
    assert!(
        after.open_requests().all(|r| !w.requests.contains(r)),
        "new requests"
    );
}

#[test]
fn a_write_that_was_under_way_is_not_repeated_by_itself() {
    let after = restored(&writing(TEAM), &["gone"]).unwrap();
    assert_eq!(
        (after.state, after.outstanding.clone()),
        (State::AwaitingApproval, None)
    );
    let (_, outcome) = &after.attempts[0];
    assert!(
        matches!(outcome, Some(AttemptOutcome::Failed { .. })),
        "{outcome:?}"
    );
    assert!(after.approvals.is_empty());
}

#[test]
fn a_write_whose_deadline_has_not_passed_stays_unknown() {
    let w = writing(TEAM);
    let input = named(&w, "gone");
    let after = decide(&w, input, canned::LATER).unwrap().workflow;
    let (_, outcome) = &after.attempts[0];
    assert!(
        matches!(outcome, Some(AttemptOutcome::Unknown { .. })),
        "{outcome:?}"
    );
    assert_eq!(question(&after).0, QuestionKind::Restored);
}

#[test]
fn what_is_there_with_our_content_is_recorded_as_written() {
    let after = restored(&writing(TEAM), &["ours", "gone"]).unwrap();
    assert!(after.is_written(&after.intents[0].id));
    assert_eq!(question(&after).0, QuestionKind::Restored);
    let again = approve_all(&answer(&after, Choice::AskAgain));
    let mut w = result(&again, "seal-ledger: sealed");
    for name in [
        "check-bases: unmoved",
        "write-branch: attempt starts",
        "write-branch: written",
    ] {
        w = result(&w, name);
    }
    assert_eq!(w.state, State::Done);
    assert_eq!(w.attempts.len(), 2, "the first repository is not written twice");
}

#[test]
fn when_all_of_it_is_there_it_is_done() {
    let after = restored(&half_written(), &["ours"]).unwrap();
    assert_eq!(after.state, State::Done);
}

/// Hazard 39 in one workflow: a person deleted what was written.
#[test]
fn a_written_branch_that_somebody_deleted_is_written_again_only_after_a_new_yes() {
    let before = half_written();
    let first = before.intents[0].id.clone();
    let after = restored(&before, &["gone"]).unwrap();
    let (kind, details) = question(&after);
    assert_eq!(kind, QuestionKind::Restored);
    assert!(
        details
            .iter()
            .any(|d| d.contains("was written and is not there any more")),
        "{details:?}"
    );
    assert!(!after.is_written(&first) && after.outstanding.is_none());
    let asked = answer(&after, Choice::AskAgain);
    assert_eq!(
        (asked.state, asked.outstanding.clone()),
        (State::AwaitingApproval, None)
    );
    let w = result(&approve_all(&asked), "seal-ledger: sealed");
    let mut w = result(&w, "check-bases: unmoved");
    assert!(
        w.intents.iter().all(|i| i.id != first),
        "another write with another id"
    );
    for name in [
        "write-branch: attempt starts",
        "write-branch: written",
        "write-branch: attempt starts",
        "write-branch: written",
    ] {
        w = result(&w, name);
    }
    assert_eq!(w.state, State::Done);
}

#[test]
fn a_branch_that_this_ledger_does_not_know_is_told_and_not_adopted_by_itself() {
    let after = restored(&awaiting_approval(TEAM), &["ours"]).unwrap();
    let (kind, details) = question(&after);
    assert_eq!(kind, QuestionKind::Restored);
    assert_eq!(details.len(), 2);
    assert!(details[0].contains("this ledger does not know"), "{details:?}");
}

#[test]
fn a_repository_that_can_not_be_asked_is_no_pass() {
    let after = restored(&awaiting_approval(TEAM), &["gone", "unreadable"]).unwrap();
    let (kind, details) = question(&after);
    assert_eq!(kind, QuestionKind::Restored);
    assert!(details[0].contains("can't be read"), "{details:?}");
    // Nor is one that nobody looked at.
    let w = awaiting_approval(TEAM);
    let Input::Reconciling { epoch, roster, .. } = named(&w, "gone") else {
        unreachable!()
    };
    let branches = Vec::new();
    let blind = Input::Reconciling {
        epoch,
        branches,
        roster,
    };
    let after = decide(&w, blind, AFTERWARDS).unwrap().workflow;
    assert_eq!(question(&after).0, QuestionKind::Restored);
}

#[test]
fn what_was_being_cancelled_is_not_deleted_before_a_person_says_so_again() {
    let reason = "stop".to_owned();
    let w = human(&half_written(), Act::Cancel { reason });
    let after = restored(&w, &["ours"]).unwrap();
    assert_eq!(
        (question(&after).0, after.outstanding.clone()),
        (QuestionKind::Restored, None)
    );
    let on = answer(&after, Choice::Cancel);
    assert!(matches!(on.outstanding, Some((_, Effect::RetractBranch { .. }))));
    let over = restored(&w, &["gone"]).unwrap();
    assert_eq!(over.state, State::Cancelled);
}

#[test]
fn agents_go_on_with_the_step_that_they_were_at() {
    let w = canned::started();
    let before = w.outstanding.clone().unwrap();
    let after = restored(&w, &["gone"]).unwrap();
    let now = after.outstanding.unwrap();
    assert_eq!(before.1, now.1);
    assert_ne!(before.0, now.0, "under a new id: the old one's result is void");
}

#[test]
fn an_epoch_reconciles_a_workflow_once() {
    let w = awaiting_approval(TEAM);
    let input = named(&w, "gone");
    let after = decide(&w, input.clone(), AFTERWARDS).unwrap();
    assert!(matches!(after.events[0], Event::Reconciled { epoch: 1, .. }));
    assert_eq!(
        decide(&after.workflow, input, AFTERWARDS).unwrap_err().code(),
        "stale-result"
    );
}

#[test]
fn a_strangers_commit_in_our_branch_is_never_ours() {
    let after = restored(&writing(TEAM), &["other", "gone"]).unwrap();
    assert!(
        after
            .found
            .iter()
            .any(|f| matches!(f.holds, BranchHolds::Commit { .. }))
    );
    assert!(!after.is_written(&after.intents[0].id));
    assert!(question(&after).1[0].contains("which is not ours"));
}
