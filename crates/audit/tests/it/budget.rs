//! The budget in a story: every call reserved before it began, and never more than was signed, allowed and granted.

use crate::canned;
use crate::teller::{Teller, Told, assert_found, assert_lawful, sealed_anew, sign, verdict};
use countersign_audit::{ProblemCode as Code, Verdict};
use countersign_core::act::Act;
use countersign_core::question::Choice;
use countersign_core::workflow::Event;

/// The honest story, told with a lie in it.
fn lie(bend: impl FnOnce(&mut Vec<Told>)) -> Verdict {
    let mut told = Teller::budgeted().told;
    bend(&mut told);
    verdict(&sealed_anew(&told))
}

fn reserves(event: &Event) -> bool {
    matches!(event, Event::AgentCallReserved { .. })
}

#[test]
fn a_story_with_a_spent_and_granted_budget_is_lawful() {
    let told = Teller::budgeted().told;
    let reserved = told.iter().filter(|(_, e)| reserves(e)).count();
    assert_eq!(reserved, 6, "four, a question, and two");
    assert_lawful(&verdict(&told));
}

#[test]
fn a_call_that_ran_without_a_reservation_is_found() {
    let found = lie(|told| {
        let last = told.iter().rposition(|(_, e)| reserves(e)).unwrap();
        told.drain(last..last + 2);
    });
    assert_found(&found, Code::CallUnreserved);
    assert_found(&found, Code::TransitionIllegal);
    let unnamed = lie(|told| {
        for (_, event) in told {
            if let Event::AgentCalled { run } = event {
                run.call = None;
            }
        }
    });
    assert_found(&unnamed, Code::CallUnreserved);
    assert_found(&unnamed, Code::TransitionIllegal);
}

#[test]
fn a_lost_call_can_not_be_hushed_up() {
    let found = lie(|told| {
        let first = told.iter().position(|(_, e)| reserves(e)).unwrap();
        told.remove(first);
    });
    assert_found(&found, Code::BudgetExceeded);
    assert_found(&found, Code::TransitionIllegal);
}

#[test]
fn calls_beyond_the_budget_are_found() {
    // Nobody was asked: question and grant are gone, and the call begins all the same.
    let found = lie(|told| {
        let asked = told
            .iter()
            .position(|(_, e)| matches!(e, Event::RequestOpened { .. }))
            .unwrap();
        let next = told.iter().skip(asked).position(|(_, e)| reserves(e)).unwrap();
        told.drain(asked - 1..asked + next);
    });
    assert_found(&found, Code::BudgetExceeded);
    assert_found(&found, Code::TransitionIllegal);
    let longer = lie(|told| {
        for (_, event) in told {
            if let Event::AgentCallReserved { reservation } = event {
                reservation.reserves_ms *= 2;
            }
        }
    });
    assert_found(&longer, Code::BudgetExceeded);
}

#[test]
fn a_grant_by_somebody_who_may_not_is_found() {
    let found = lie(|told| {
        for (_, event) in told {
            if let Event::AnswerGiven { act } = event
                && let Act::Answer {
                    choice: Choice::GrantMore,
                    ..
                } = act.record.act
            {
                act.record.member = canned::member_id("bob");
                *act = sign(act.clone());
            }
        }
    });
    assert_found(&found, Code::ActNotEntitled);
    assert_found(&found, Code::BudgetExceeded);
    assert_found(&found, Code::TransitionIllegal);
}

#[test]
fn a_budget_that_whoever_asked_did_not_sign_is_found() {
    let found = lie(|told| {
        for (_, event) in told {
            if let Event::WorkflowStarted { budget, .. } = event {
                *budget = None;
            }
        }
    });
    assert_found(&found, Code::StartNotAuthentic);
}
