//! No false alarm: whatever the production rules record is lawful.

use crate::canned::{self, Team};
use crate::explore;
use crate::teller::{Teller, assert_found, assert_lawful, sealed_anew, verdict};
use countersign_audit::ProblemCode as Code;
use countersign_core::act::Act;
use countersign_core::workflow::event::AttemptOutcome;
use countersign_core::workflow::{Event, State};
use proptest::prelude::*;

#[test]
fn a_story_that_was_written_to_its_end_is_lawful() {
    for team in [Team::Solo, Team::Three] {
        let told = Teller::done(team);
        assert_eq!(told.workflow.state, State::Done);
        let verdict = verdict(&told.told);
        assert_lawful(&verdict);
        assert!(verdict.report.complete && !verdict.unattended);
    }
}

#[test]
fn a_story_that_still_goes_on_is_lawful_and_open() {
    let mut told = Teller::new(Team::Three);
    assert_lawful(&verdict(&told.told));
    told.ask_for_approval();
    let verdict = verdict(&told.told);
    assert_lawful(&verdict);
    assert!(!verdict.report.complete);
}

/// Approved by everybody who has to, and sealed; gate 4 is passed.
fn about_to_write() -> Teller {
    let mut teller = Teller::new(Team::Three);
    teller.ask_for_approval();
    while teller.workflow.open_requests().next().is_some() {
        teller.approve("bob");
    }
    teller
        .result("seal-ledger: sealed")
        .result("check-bases: unmoved");
    teller
}

/// Found by the simulation (seed 148): the next try came after the approvals had run out, and the gate kept it out.
#[test]
fn a_try_that_comes_too_late_and_is_refused_is_lawful() {
    let mut teller = about_to_write();
    teller
        .result("write-branch: attempt starts")
        .result("write-branch: failed");
    teller.at = teller.at.plus_ms(canned::EIGHT_DAYS_MS);
    teller
        .result("write-branch: attempt starts")
        .result("write-branch: approvals lapsed");
    assert_eq!(teller.workflow.state, State::NeedsHuman);
    assert_lawful(&verdict(&teller.told));
}

/// Found by the simulation (seed 213): a try began after the approvals had run out, its process died, and when somebody
/// cancelled later there was no branch: nothing was written.
#[test]
fn a_try_that_comes_too_late_and_leaves_no_branch_is_lawful() {
    let mut teller = about_to_write();
    teller
        .result("write-branch: attempt starts")
        .result("write-branch: failed");
    teller.at = teller.at.plus_ms(canned::EIGHT_DAYS_MS);
    teller
        .result("write-branch: attempt starts")
        .result("write-branch: unknown");
    let reason = "enough".to_owned();
    teller.act("alice", Act::Cancel { reason });
    let mut told = teller.told.clone();
    assert_found(&verdict(&told), Code::ApprovalExpired);
    let intent = teller.workflow.intents[0].id.clone();
    let (at, _) = told[told.len() - 1].clone();
    for (deleted, lawful) in [(false, true), (true, false)] {
        told = teller.told.clone();
        told.push((
            at,
            Event::BranchRetracted {
                intent: intent.clone(),
                deleted,
            },
        ));
        let expired = verdict(&told)
            .problems
            .iter()
            .any(|p| p.code == Code::ApprovalExpired);
        assert_eq!(!expired, lawful);
    }
}

#[test]
fn what_was_written_in_time_may_be_found_later() {
    let mut teller = about_to_write();
    teller
        .result("write-branch: attempt starts")
        .result("write-branch: unknown");
    teller.at = teller.at.plus_ms(canned::EIGHT_DAYS_MS);
    teller
        .result("write-branch: attempt starts")
        .result("write-branch: written");
    for (_, event) in &mut teller.told {
        if let Event::AttemptEnded {
            outcome: AttemptOutcome::Written { found, .. },
            ..
        } = event
        {
            *found = true;
        }
    }
    assert_lawful(&verdict(&teller.told));
}

/// Takes one of the possible inputs, the way on more often than a stop.
fn wander(teller: &mut Teller, choice: u64) -> bool {
    let on = [
        "found",
        "loaded",
        "GO",
        "planned",
        "drafted",
        "no finding",
        "sealed",
        "unmoved",
        "written",
        "attempt starts",
        "narrowed",
        "a call begins",
        "a call ends",
        "grant-more",
    ];
    let possible = explore::inputs(&teller.workflow, teller.team, teller.at);
    let mut ways: Vec<_> = possible
        .iter()
        .filter(|(name, ..)| {
            on.iter().any(|end| name.ends_with(end))
                || name.contains("approve")
                || name.contains("waive")
                || name.contains("deselect")
                || name.ends_with("blocked path")
        })
        .collect();
    if choice.is_multiple_of(4) || ways.is_empty() {
        ways = possible.iter().collect();
    }
    let first = usize::try_from(choice / 4).unwrap() % ways.len().max(1);
    // Most inputs mean nothing in a state: the next that does is taken.
    let turned = ways.iter().cycle().skip(first).take(ways.len());
    turned
        .into_iter()
        .any(|(_, input, at)| teller.take(input.clone(), *at))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, max_shrink_iters: 200, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_rules_let_happen_is_lawful(
        solo in any::<bool>(),
        budget in proptest::option::of(1..9_u32),
        choices in proptest::collection::vec(any::<u64>(), 10..40),
    ) {
        let team = if solo { Team::Solo } else { Team::Three };
        let budgeted = |calls| canned::budgeted(calls, Some(u64::from(calls) * 300_000));
        let mut teller = Teller::with(team, budget.map_or_else(canned::submission, budgeted));
        for choice in choices {
            if teller.workflow.state.is_final() || !wander(&mut teller, choice) {
                break;
            }
        }
        let verdict = verdict(&teller.told);
        prop_assert!(verdict.is_lawful(), "{:#?} {:?}", verdict.problems, verdict.unjudged);
    }
}

#[test]
fn an_unattended_approval_is_said_to_be_one() {
    use countersign_core::act::Attendance;
    let mut told = Teller::new(Team::Solo);
    told.ask_for_approval();
    let at = told.at.plus_ms(1_000);
    let input = canned::act(
        &told.workflow,
        Team::Solo,
        "alice",
        told.approval(),
        Attendance::Unattended,
        at,
    );
    assert!(told.take(input, at));
    let verdict = verdict(&told.told);
    assert_lawful(&verdict);
    assert!(verdict.unattended);
}

/// The walks above are only worth something if they come around: a fixed set of them sees every kind of event.
#[test]
fn the_walks_see_every_kind_of_event() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..560_u64 {
        let team = if seed % 2 == 0 { Team::Solo } else { Team::Three };
        let submission = match seed {
            0..500 => canned::submission(),
            _later => canned::budgeted(3, None),
        };
        let mut teller = Teller::with(team, submission);
        let mut state = seed;
        for _ in 0..40 {
            // Numerical Recipes' linear congruential generator; any spread will do.
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            if teller.workflow.state.is_final() || !wander(&mut teller, state >> 33) {
                break;
            }
        }
        let verdict = verdict(&teller.told);
        assert_lawful(&verdict);
        seen.extend(verdict.records.iter().map(|r| r.event.kind()));
    }
    let all = [
        "workflow-started",
        "state-entered",
        "roster-recorded",
        "effect-requested",
        "refs-looked-up",
        "gate-evaluated",
        "context-loaded",
        "agent-called",
        "triage-recorded",
        "plan-recorded",
        "answer-refused",
        "drafts-recorded",
        "critique-recorded",
        "policy-evaluated",
        "tier-computed",
        "plan-accepted",
        "ledger-sealed",
        "patch-sets-fixed",
        "request-opened",
        "request-closed",
        "approval-given",
        "rejection-given",
        "changes-requested",
        "answer-given",
        "patches-deselected",
        "waiver-given",
        "approvals-withdrawn",
        "approvals-voided",
        "act-taken",
        "revision-started",
        "bases-checked",
        "intents-recorded",
        "attempt-started",
        "attempt-ended",
        "pull-requests-skipped",
        "branch-retracted",
        "reconciled",
        "workflow-ended",
        "agent-call-reserved",
        "agent-call-ended",
    ];
    let missing: Vec<_> = all.iter().filter(|kind| !seen.contains(*kind)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// A process dies in a write, somebody cancels, and the next try only looks: it was stopped, and nothing is wrong.
#[test]
fn after_a_cancellation_a_lost_try_is_looked_for() {
    let mut told = Teller::new(Team::Solo);
    told.ask_for_approval().approve("alice").approve("alice");
    told.result("seal-ledger: sealed")
        .result("check-bases: unmoved")
        .result("write-branch: attempt starts");
    let reason = "no longer wanted".to_owned();
    told.act("alice", Act::Cancel { reason });
    told.result("write-branch: attempt starts");
    assert_lawful(&verdict(&told.told));
    told.result("write-branch: written");
    assert_lawful(&verdict(&told.told));
    // The same, said to be a new write.
    let wrote = told.told.iter_mut().find_map(|(_, event)| match event {
        Event::AttemptEnded {
            outcome: AttemptOutcome::Written { found, .. },
            ..
        } => Some(found),
        _ => None,
    });
    *wrote.unwrap() = false;
    assert_found(&verdict(&sealed_anew(&told.told)), Code::WriteStopped);
}
