//! Sentences about merges at the forge: what is waited for, and what counts as having landed.

use crate::canned::{self, LATER, Team, awaiting_merge, go, merges, merges_with};
use countersign_core::act::{Act, Attendance};
use countersign_core::feedback::AgentSpec;
use countersign_core::forge::{CheckState, Landed, PullRequestState};
use countersign_core::gate::{GateId, GateOutcome};
use countersign_core::id::CommitSha;
use countersign_core::question::{Choice, QuestionKind};
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::{ReadMerge, Subject};
use countersign_core::workflow::merging::{Outlook, differing, outlook};
use countersign_core::workflow::{Effect, EffectResult, Input, Refusal, State, Workflow, decide};

const SOLO: Team = Team::Solo;

fn read(w: &Workflow, result: EffectResult, at: Timestamp) -> Result<Workflow, Refusal> {
    let (id, _) = w.outstanding.clone().expect("something to do");
    decide(w, Input::Effect { id, result }, at).map(|d| d.workflow)
}

fn question(w: &Workflow) -> (QuestionKind, Vec<String>) {
    match &w.open_requests().next().expect("an open request").subject {
        Subject::Question { question, .. } => (question.kind, question.details.clone()),
        Subject::Plan { .. } | Subject::PatchSet { .. } => panic!("not a question"),
    }
}

fn answer(w: &Workflow, choice: Choice) -> Workflow {
    let open = w.open_requests().next().expect("an open request");
    let what = Act::Answer {
        request: open.id.clone(),
        seen: canned::seen(&open.subject),
        choice,
        text: String::new(),
    };
    let act = canned::act(w, SOLO, "alice", what, Attendance::Attended, LATER);
    decide(w, act, LATER).expect("it is a choice here").workflow
}

fn merged(w: &Workflow) -> EffectResult {
    merges(w, PullRequestState::Merged)
}

/// The second repository's merge with something about what landed changed.
fn landed_with(w: &Workflow, change: impl Fn(&mut Landed)) -> EffectResult {
    merges_with(merged(w), |merge| {
        change(merge.landed.as_mut().expect("it landed"))
    })
}

fn other() -> CommitSha {
    CommitSha::parse(&"9".repeat(40)).expect("an id")
}

#[test]
fn done_only_once_everything_landed_exactly_where_policy_wants_that() {
    let w = awaiting_merge(SOLO);
    assert_eq!(w.state, State::AwaitingMerge);
    assert_eq!(w.gates[&GateId::Ci].outcome, GateOutcome::Passed);
    let until = w.merge_awaited.expect("it is waited for").1;
    assert_eq!(
        until,
        LATER.plus_ms(14 * 86_400_000),
        "two weeks where no policy says it"
    );
    let open = read(&w, merges(&w, PullRequestState::Open), LATER);
    assert_eq!(open.unwrap_err(), Refusal::StillRunning);
    let half = merges_with(merged(&w), |merge| {
        merge.landed = None;
        let pull = merge.pull_request.as_mut().expect("it is there");
        (pull.state, pull.merged_as) = (PullRequestState::Open, None);
    });
    assert_eq!(
        read(&w, half, LATER).unwrap_err(),
        Refusal::StillRunning,
        "siblings end together"
    );
    let w = go(w, SOLO, &["read-merges: merged"]);
    assert_eq!(
        (w.state, w.gates[&GateId::Delivery].outcome),
        (State::Done, GateOutcome::Passed)
    );
}

#[test]
fn what_is_not_seen_to_have_landed_is_no_pass_at_the_deadline() {
    let w = awaiting_merge(SOLO);
    let until = w.merge_awaited.expect("it is waited for").1;
    let unseen: [fn(&mut ReadMerge); 2] = [|m| m.landed = None, |m| m.pull_request = None];
    for change in unseen {
        let result = merges_with(merged(&w), change);
        assert_eq!(
            read(&w, result.clone(), LATER).unwrap_err(),
            Refusal::StillRunning
        );
        let asked = read(&w, result, until).expect("a question");
        assert_eq!(question(&asked).0, QuestionKind::NotMerged);
        assert_eq!(asked.gates[&GateId::Delivery].outcome, GateOutcome::Failed);
    }
}

#[test]
fn another_tree_than_the_computed_one_is_told_whatever_the_forge_says() {
    let w = awaiting_merge(SOLO);
    let conflict: fn(&mut Landed) = |l| {
        if let Landed::As { expected, .. } = l {
            *expected = None;
        }
    };
    let another: fn(&mut Landed) = |l| {
        if let Landed::As {
            expected,
            tree,
            before,
            ..
        } = l
        {
            *expected = Some(before.as_str().to_owned().try_into().expect("an id"));
            *before = tree.as_str().to_owned().try_into().expect("an id");
        }
    };
    for change in [conflict, another] {
        let EffectResult::MergesRead { repositories } = landed_with(&w, change) else {
            panic!("not of merges")
        };
        let found: Vec<_> = differing(&w, &repositories)
            .iter()
            .map(|(i, _)| i.repository.number)
            .collect();
        assert_eq!(found, [14], "only that one is frozen");
        let asked = read(&w, EffectResult::MergesRead { repositories }, LATER).expect("a question");
        assert_eq!(question(&asked).0, QuestionKind::LandedDifferent);
        let again = answer(&asked, Choice::Retry);
        assert_eq!(
            (again.state, again.outstanding.map(|(_, e)| e)),
            (State::AwaitingMerge, Some(Effect::ReadMerges))
        );
        let stopping = answer(&asked, Choice::Cancel);
        let stopped = go(
            stopping,
            SOLO,
            &["close-pull-request: not there", "retract-branch: deleted"],
        );
        let stopped = go(
            stopped,
            SOLO,
            &["close-pull-request: not there", "retract-branch: deleted"],
        );
        assert_eq!(stopped.state, State::Cancelled);
        assert!(
            stopped.reason.contains("what was merged stays merged"),
            "{}",
            stopped.reason
        );
    }
}

#[test]
fn what_somebody_changed_is_asked_about_and_freezes_nothing() {
    let w = awaiting_merge(SOLO);
    let changes: [fn(&mut ReadMerge); 4] = [
        |m| {
            m.landed = Some(Landed::Nowhere {
                detail: "branch main does not hold it".to_owned(),
            })
        },
        |m| {
            if let Some(Landed::As { brings, .. }) = &mut m.landed {
                brings.push(other());
            }
        },
        |m| {
            m.pull_request.as_mut().expect("there").base_branch = "dev".to_owned().try_into().expect("a name")
        },
        |m| {
            let pull = m.pull_request.as_mut().expect("there");
            (pull.head, pull.state) = (other(), PullRequestState::Open);
        },
    ];
    for change in changes {
        let EffectResult::MergesRead { repositories } = merges_with(merged(&w), change) else {
            panic!("not of merges")
        };
        assert_eq!(outlook(&w, &repositories), Outlook::Moved);
        assert!(differing(&w, &repositories).is_empty());
        let asked = read(&w, EffectResult::MergesRead { repositories }, LATER).expect("a question");
        assert_eq!(question(&asked).0, QuestionKind::HeadMoved);
    }
}

/// INV-12: the tree may be the right one, and the history hold what nobody approved.
#[test]
fn what_was_merged_of_another_head_is_never_called_exact() {
    let w = awaiting_merge(SOLO);
    let result = merges_with(merged(&w), |m| {
        m.pull_request.as_mut().expect("there").head = other();
        if let Some(Landed::As { brings, .. }) = &mut m.landed {
            brings.clear();
        }
    });
    let asked = read(&w, result, LATER).expect("judged");
    assert_eq!(question(&asked).0, QuestionKind::HeadMoved);
    let tampered = merges_with(landed_with(&w, tampered), |m| {
        m.pull_request.as_mut().expect("there").head = other();
    });
    let asked = read(&w, tampered, LATER).expect("judged");
    assert_eq!(
        question(&asked).0,
        QuestionKind::LandedDifferent,
        "what is worst counts"
    );
}

fn tampered(landed: &mut Landed) {
    if let Landed::As { expected, .. } = landed {
        *expected = None;
    }
}

/// Somebody, or GitHub by itself, merges the moment CI is green.
#[test]
fn a_merge_before_ci_was_looked_at_is_judged_after_ci() {
    let w = canned::verifying_to_merge(SOLO);
    let checks = |state| {
        let EffectResult::ChecksRead { mut repositories } = canned::checks(&w, state) else {
            panic!("not of CI")
        };
        for head in &mut repositories {
            head.branch = None;
            let pull = head.pull_request.as_mut().expect("there");
            pull.state = PullRequestState::Merged;
        }
        EffectResult::ChecksRead { repositories }
    };
    let green = read(&w, checks(CheckState::Success), LATER).expect("judged");
    assert_eq!(green.state, State::AwaitingMerge);
    assert_eq!(
        read(&w, checks(CheckState::Pending), LATER).unwrap_err(),
        Refusal::StillRunning
    );
    let mut w = w.clone();
    w.submission.as_mut().expect("it began").agent = AgentSpec::Codemod;
    let red = read(&w, checks(CheckState::Failure), LATER).expect("judged");
    assert_eq!(question(&red).0, QuestionKind::CiNotGreen);
}

#[test]
fn a_pull_request_that_is_closed_is_asked_about_and_can_be_waited_for_again() {
    let w = go(awaiting_merge(SOLO), SOLO, &["read-merges: closed"]);
    assert_eq!(question(&w).0, QuestionKind::NotMerged);
    let told = &question(&w).1[0];
    assert_eq!(
        told,
        "landed-as-approved: repo1: pull request #113 was closed and not merged"
    );
    let again = answer(&w, Choice::Retry);
    assert_eq!(again.state, State::AwaitingMerge);
    assert_eq!(go(again, SOLO, &["read-merges: merged"]).state, State::Done);
}
