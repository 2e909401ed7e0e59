//! What the model check finds under seeded faults, played on real SQLite and real git: the product refuses it.

use crate::director::{Became, Director};
use countersign_core::workflow::{State, Workflow};

/// How a way ended.
struct Played {
    /// What became of the last step, on which the fault showed.
    last: Became,
    /// Every refusal on the way.
    refusals: Vec<String>,
    /// Branches of ours, per repository, right after the last step and when everything came to rest.
    branches: (Vec<usize>, Vec<usize>),
    /// The workflow at rest.
    w: Workflow,
}

async fn play(way: &str) -> Played {
    let mut director = Director::new().await;
    assert_eq!(director.load().await.state, State::AwaitingApproval);
    let (mut last, mut refusals) = (Became::Done, Vec::new());
    for step in way.lines().filter(|line| !line.starts_with('#')) {
        last = director.take(step).await;
        println!("{step}: {last:?}");
        if let Became::Refused(code) = &last {
            refusals.push(code.clone());
        }
    }
    let then = director.branches();
    director.let_go().await;
    let w = director.load().await;
    let subjects: std::collections::BTreeSet<String> =
        w.open_requests().map(|r| format!("{:?}", r.subject)).collect();
    assert_eq!(
        subjects.len(),
        w.open_requests().count(),
        "one open request per subject"
    );
    Played {
        last,
        refusals,
        branches: (then, director.branches()),
        w,
    }
}

macro_rules! way {
    ($name:literal) => {
        include_str!(concat!("../../../core/tests/it/model/found/", $name, ".txt"))
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_of_another_revision_do_not_count() {
    let played = play(way!("approvals_counted_across_revisions_are_found")).await;
    assert_eq!(played.last, Became::NotOffered);
    assert_eq!(
        (played.w.state, played.w.revision.0),
        (State::AwaitingApproval, 2)
    );
    assert_eq!(played.branches.1, [0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_superseded_digest_is_not_written() {
    let played = play(way!("a_superseded_digest_that_is_written_is_found")).await;
    assert_eq!(
        played.last,
        Became::NotOffered,
        "its claim is lost before its first byte"
    );
    assert_eq!(played.branches.0, [0, 0]);
    assert_eq!(played.w.revision.0, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_started_it_does_not_approve_it() {
    let played = play(way!("a_requester_who_approves_their_own_is_found")).await;
    assert_eq!(played.refusals, ["not-eligible"]);
    assert_eq!(played.branches.1, [0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_whose_worker_died_is_found_and_not_repeated() {
    let played = play(way!("a_write_without_an_idempotency_key_is_found")).await;
    assert_eq!(played.last, Became::NotOffered, "it is read back first");
    assert_eq!(played.branches.0, [1, 0]);
    assert_eq!((played.w.state, played.branches.1), (State::Done, vec![1, 1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_withdrawal_in_the_inbox_closes_the_gate_and_is_heard() {
    let played = play(way!("an_objection_overtaken_by_the_effect_is_found")).await;
    assert_eq!(played.branches.0, [0, 0]);
    assert_eq!(
        (played.w.state, played.branches.1),
        (State::AwaitingApproval, vec![0, 0])
    );
    let bobs = played
        .w
        .approvals
        .iter()
        .filter(|a| a.act.record.member.as_str() == "mb_bob");
    assert_eq!(bobs.count(), 0, "what the gate waited for was taken back");
}

#[tokio::test(flavor = "multi_thread")]
async fn approvals_that_are_used_up_lead_to_branches() {
    let played = play(way!("an_approval_used_up_without_effect_is_found")).await;
    assert_eq!((played.w.state, played.branches.1), (State::Done, vec![1, 1]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_out_between_two_repositories_stops_the_second() {
    let played = play(way!("an_expiry_between_two_repositories_is_found")).await;
    assert_eq!(played.branches, (vec![1, 0], vec![1, 0]));
    assert_eq!(played.w.state, State::NeedsHuman);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_permit_that_its_worker_slept_over_writes_nothing() {
    let played = play(way!("a_permit_that_never_ends_is_found")).await;
    assert_eq!(played.branches, (vec![0, 0], vec![0, 0]));
    assert_eq!(played.w.state, State::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn gate_3_is_passed_on_a_checkpoint_that_covers_every_approval() {
    let played = play(way!("a_look_that_nobody_made_is_found")).await;
    let covers = played.w.checkpoint.as_ref().map(|c| c.covers).unwrap();
    assert!(played.w.approvals.iter().all(|a| a.recorded_at <= covers));
    assert_eq!(played.w.state, State::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_critic_says_approves_nothing() {
    let played = play(way!("words_of_an_agent_that_approve_are_found")).await;
    assert!(!played.w.plan_approved && played.w.approvals.is_empty());
    assert_eq!(played.branches.1, [0, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_withdrawn_is_asked_once_more_and_only_once() {
    let played = play(way!("a_question_asked_twice_is_found")).await;
    assert_eq!(played.w.open_requests().count(), 2);
}
