//! Sentences about broken rules that are let pass, and about patches that are left out.

use crate::canned::{self, START, TO_APPROVAL, Team, act, awaiting_approval, blocked, seen, walk};
use countersign_core::act::{Act, Attendance};
use countersign_core::id::Revision;
use countersign_core::narrow::LeftOut;
use countersign_core::policy::RiskTier;
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::RequestStatus;
use countersign_core::workflow::{Effect, Refusal, State, Workflow, decide};

const SOON: Timestamp = Timestamp(START.0 + 60_000);
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

fn take(w: &Workflow, team: Team, who: &str, what: Act) -> Result<Workflow, Refusal> {
    decide(w, act(w, team, who, what, Attendance::Attended, SOON), SOON).map(|d| d.workflow)
}

fn result(w: &Workflow, team: Team, name: &str) -> Workflow {
    let found = canned::results(w, team, SOON)
        .into_iter()
        .find(|(n, _)| n == name);
    let input = found.unwrap_or_else(|| panic!("{name} in {}", w.state)).1;
    decide(w, input, SOON).unwrap().workflow
}

/// Waives the first violation that is not waived.
fn waive_for(w: &Workflow, ms: u64) -> Act {
    let open = w.open_requests().next().unwrap();
    let violation = w.violations.iter().find(|v| v.waived_until.is_none()).unwrap();
    Act::Waive {
        request: open.id.clone(),
        seen: seen(&open.subject),
        repository: violation.repository.clone(),
        violation: violation.id(),
        reason: "a made-up key of the documentation".to_owned(),
        until: SOON.plus_ms(ms),
    }
}

fn waived(team: Team, ms: u64) -> Workflow {
    let mut w = blocked(team);
    for _ in 0..2 {
        w = take(&w, team, "alice", waive_for(&w, ms)).unwrap();
    }
    w
}

#[test]
fn what_blocks_goes_on_when_every_block_is_waived() {
    let first = take(
        &blocked(Team::Solo),
        Team::Solo,
        "alice",
        waive_for(&blocked(Team::Solo), DAY_MS),
    )
    .unwrap();
    assert_eq!(
        first.state,
        State::BlockedPolicy,
        "the other repository still blocks"
    );
    let ends: Vec<_> = first.requests.iter().map(|r| r.status).collect();
    assert_eq!(ends, [RequestStatus::Waived, RequestStatus::Open]);
    let second = take(&first, Team::Solo, "alice", waive_for(&first, DAY_MS)).unwrap();
    assert!(matches!(second.outstanding, Some((_, Effect::SealLedger { .. }))));
    assert_eq!(second.tier, Some(RiskTier::High), "a waiver is a high risk");
    assert!(second.violations.iter().all(|v| v.waived_until.is_some()));
}

#[test]
fn an_approval_never_outlives_the_waiver_that_it_relies_on() {
    let w = result(&waived(Team::Solo, DAY_MS), Team::Solo, "seal-ledger: sealed");
    assert_eq!(w.state, State::AwaitingApproval);
    let expiry = w.open_requests().next().unwrap().expires_at;
    assert_eq!(expiry, Some(SOON.plus_ms(DAY_MS)));
    let late = SOON.plus_ms(DAY_MS + 1);
    let expired = decide(&w, countersign_core::workflow::Input::TimePassed, late)
        .unwrap()
        .workflow;
    let ask_again = Act::Answer {
        request: expired.open_requests().next().unwrap().id.clone(),
        seen: seen(&expired.open_requests().next().unwrap().subject),
        choice: countersign_core::question::Choice::AskAgain,
        text: String::new(),
    };
    let input = act(
        &expired,
        Team::Solo,
        "alice",
        ask_again,
        Attendance::Attended,
        late,
    );
    let again = decide(&expired, input, late).unwrap().workflow;
    assert_eq!(
        again.state,
        State::BlockedPolicy,
        "the waivers are dead, so it blocks again"
    );
}

#[test]
fn a_waiver_dies_with_the_content_that_it_was_given_for() {
    let w = result(&waived(Team::Solo, DAY_MS), Team::Solo, "seal-ledger: sealed");
    let open = w.open_requests().next().unwrap();
    let change = Act::RequestChanges {
        request: open.id.clone(),
        seen: seen(&open.subject),
        comment: "shorter".to_owned(),
        comments: Vec::new(),
    };
    let mut w = take(&w, Team::Solo, "alice", change).unwrap();
    for name in ["draft: a secret", "critique: no finding"] {
        w = result(&w, Team::Solo, name);
    }
    assert_eq!(w.revision, Revision(2));
    assert_eq!(w.state, State::BlockedPolicy);
    assert!(w.violations.iter().all(|v| v.waived_until.is_none()));
}

#[test]
fn only_who_is_entitled_waives_and_only_for_a_while() {
    let w = blocked(Team::Three);
    let code = |who: &str, ms: u64| {
        take(&w, Team::Three, who, waive_for(&w, ms))
            .map(|w| w.state)
            .map_err(|e| e.code())
    };
    assert_eq!(code("bob", DAY_MS), Err("not-eligible"));
    assert_eq!(code("alice", 31 * DAY_MS), Err("not-waivable"));
    assert_eq!(code("alice", 0), Err("not-waivable"));
    assert_eq!(code("alice", 30 * DAY_MS), Ok(State::BlockedPolicy));
    let unseen = act(
        &w,
        Team::Three,
        "alice",
        waive_for(&w, DAY_MS),
        Attendance::Unattended,
        SOON,
    );
    assert_eq!(
        decide(&w, unseen, SOON).unwrap_err().code(),
        "unattended-forbidden"
    );
}

#[test]
fn whoever_waived_does_not_approve_where_others_can() {
    let mut w = waived(Team::Three, DAY_MS);
    if w.state == State::AwaitingPlanApproval {
        let open = w.open_requests().next().unwrap();
        let approve = Act::Approve {
            request: open.id.clone(),
            seen: seen(&open.subject),
            acknowledged: vec![],
        };
        w = take(&w, Team::Three, "bob", approve).unwrap();
        w = result(&w, Team::Three, "critique: no finding");
    }
    let w = result(&w, Team::Three, "seal-ledger: sealed");
    let open = w.open_requests().next().unwrap();
    let approve = Act::Approve {
        request: open.id.clone(),
        seen: seen(&open.subject),
        acknowledged: vec![],
    };
    assert_eq!(
        take(&w, Team::Three, "alice", approve).unwrap_err().code(),
        "not-eligible"
    );
}

#[test]
fn a_waived_plan_is_coded_and_its_content_is_judged_again() {
    let mut names = TO_APPROVAL[..3].to_vec();
    names.push("plan: planned, blocked path");
    let mut w = walk(Team::Solo, &names);
    assert_eq!(w.state, State::BlockedPolicy);
    while w.state == State::BlockedPolicy {
        w = take(&w, Team::Solo, "alice", waive_for(&w, DAY_MS)).unwrap();
    }
    assert_eq!(w.state, State::Coding);
    let plan_waivers = w.waivers.len();
    assert!(plan_waivers > 0);
    let mut drafts = canned::draft(&w, canned::repositories()[0].clone(), "AGENTS.md", 1);
    drafts.rationales.clear();
    let violations = countersign_core::policy::evaluate(
        &w.repositories[0].policy,
        &w.repositories[0].repository,
        &drafts.diff,
        &[],
    );
    let still = violations
        .iter()
        .filter(|v| w.waivers.iter().any(|x| x.covers(v, SOON)));
    assert_eq!(still.count(), 0, "a waiver of a plan says nothing about content");
}

#[test]
fn appliers_that_differ_keep_gate_2_closed() {
    let mut names = TO_APPROVAL[..4].to_vec();
    names.extend(["draft: appliers differ", "critique: no finding"]);
    let w = walk(Team::Solo, &names);
    assert_eq!(w.state, State::Coding, "the agent gets another round");
    assert!(
        w.refusals.values().flatten().any(|r| r.contains("instead of")),
        "{:?}",
        w.refusals
    );
}

#[test]
fn an_owned_path_waits_for_its_owner_where_there_is_a_team() {
    let mut names = TO_APPROVAL[..4].to_vec();
    names.extend(["draft: owned", "critique: no finding", "seal-ledger: sealed"]);
    let mut w = walk(Team::Three, &names);
    let approve = |w: &Workflow, index: usize| {
        let open = w.open_requests().nth(index).unwrap();
        Act::Approve {
            request: open.id.clone(),
            seen: seen(&open.subject),
            acknowledged: vec![],
        }
    };
    for index in 0..2 {
        w = take(&w, Team::Three, "carol", approve(&w, index)).unwrap();
    }
    assert_eq!(
        w.open_requests().count(),
        2,
        "enough people, and no owner among them"
    );
    for _ in 0..2 {
        w = take(&w, Team::Three, "bob", approve(&w, 0)).unwrap();
    }
    assert_eq!(w.open_requests().count(), 0);
    let solo = walk(Team::Solo, &names);
    let w = take(&solo, Team::Solo, "alice", approve(&solo, 0)).unwrap();
    assert_eq!(
        w.open_requests().count(),
        1,
        "alone, owners are shown and not required"
    );
}

fn leave_out(w: &Workflow, parts: Vec<LeftOut>) -> Act {
    let open = w.open_requests().next().unwrap();
    Act::Deselect {
        request: open.id.clone(),
        seen: seen(&open.subject),
        left_out: parts,
        reason: "not now".to_owned(),
    }
}

fn part(index: usize, path: &str) -> LeftOut {
    LeftOut {
        repository: canned::repositories()[index].clone(),
        path: path.into(),
        hunks: vec![],
    }
}

#[test]
fn what_is_left_out_makes_a_revision_of_the_rest_and_asks_again() {
    let w = awaiting_approval(Team::Solo);
    let before = w.plan.clone().unwrap().steps.len();
    let mut w = take(&w, Team::Solo, "alice", leave_out(&w, vec![part(1, "src/a.rs")])).unwrap();
    assert_eq!(w.revision, Revision(2));
    assert!(matches!(w.outstanding, Some((_, Effect::Narrow))));
    assert_eq!(w.change_rounds, 0, "it costs no round of changes");
    assert!(
        w.plan.as_ref().unwrap().steps.len() < before,
        "the plan is narrowed"
    );
    for name in ["narrow: narrowed", "critique: no finding", "seal-ledger: sealed"] {
        w = result(&w, Team::Solo, name);
    }
    assert_eq!(w.state, State::AwaitingApproval);
    let repositories: Vec<_> = w.patch_sets.iter().map(|p| p.repository.clone()).collect();
    assert_eq!(repositories, [canned::repositories()[0].clone()]);
}

#[test]
fn only_parts_that_are_there_can_be_left_out_and_never_all() {
    let w = awaiting_approval(Team::Solo);
    let code = |parts: Vec<LeftOut>| {
        take(&w, Team::Solo, "alice", leave_out(&w, parts))
            .unwrap_err()
            .code()
    };
    assert_eq!(code(vec![]), "not-deselectable");
    assert_eq!(code(vec![part(0, "src/none.rs")]), "not-deselectable");
    assert_eq!(
        code(vec![part(0, "src/a.rs"), part(0, "src/a.rs")]),
        "not-deselectable"
    );
    assert_eq!(
        code(vec![part(0, "src/a.rs"), part(1, "src/a.rs")]),
        "not-deselectable"
    );
    let unseen = act(
        &w,
        Team::Solo,
        "alice",
        leave_out(&w, vec![part(1, "src/a.rs")]),
        Attendance::Unattended,
        SOON,
    );
    assert_eq!(
        decide(&w, unseen, SOON).unwrap_err().code(),
        "unattended-forbidden"
    );
}
