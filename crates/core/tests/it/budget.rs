//! The budget: whatever fails, dies, comes late or is done again, no more is reserved than was granted.

use crate::canned::{self, START, Team};
use crate::explore::inputs;
use countersign_core::act::{Act, Attendance};
use countersign_core::artifact::AgentRole;
use countersign_core::budget::{Budget, CALL_MAX_MS};
use countersign_core::feedback::AgentSpec;
use countersign_core::id::{CallNumber, Fence, TenantId};
use countersign_core::question::{Choice, QuestionKind};
use countersign_core::record::EventRecord;
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::Subject;
use countersign_core::workflow::{EffectResult, Event, Input, Refusal, State, Workflow, decide, start};
use proptest::prelude::*;
use std::collections::BTreeMap;

const TEAM: Team = Team::Three;

/// The only input of that name that is possible now.
fn named(w: &Workflow, name: &str) -> Input {
    let found = canned::results(w, TEAM, START)
        .into_iter()
        .find(|(n, _)| n == name);
    found
        .unwrap_or_else(|| panic!("`{name}` is not possible in {}", w.state))
        .1
}

fn take(w: &Workflow, input: Input) -> Workflow {
    decide(w, input, START).unwrap().workflow
}

fn walked(mut w: Workflow, names: &[&str]) -> Workflow {
    for name in names {
        w = take(&w, named(&w, name));
    }
    w
}

const TO_TRIAGE: [&str; 2] = ["look-up-refs: found", "load-context: loaded"];

fn question(w: &Workflow) -> Option<QuestionKind> {
    let open = w.open_requests().next()?;
    match &open.subject {
        Subject::Question { question, .. } => Some(question.kind),
        Subject::Plan { .. } | Subject::PatchSet { .. } => None,
    }
}

fn answer(w: &Workflow, who: &str, choice: Choice) -> Result<Workflow, Refusal> {
    let open = w.open_requests().next().unwrap();
    let act = Act::Answer {
        request: open.id.clone(),
        seen: canned::seen(&open.subject),
        choice,
        text: String::new(),
    };
    let input = canned::act(w, TEAM, who, act, Attendance::Attended, START);
    decide(w, input, START).map(|decision| decision.workflow)
}

/// The judge's own books, kept from events alone.
#[derive(Default)]
struct Books {
    base: Budget,
    granted: u64,
    calls: BTreeMap<u32, (u64, Option<u64>)>,
    answered: Vec<u32>,
}

impl Books {
    fn take(&mut self, event: &Event) {
        if let Event::AgentCallReserved { reservation } = event {
            let number = reservation.number.0;
            assert!(
                self.calls
                    .insert(number, (reservation.reserves_ms, None))
                    .is_none()
            );
            assert!((1..=CALL_MAX_MS).contains(&reservation.reserves_ms));
        }
        if let Event::AgentCallEnded { number, took_ms } = event {
            let call = self.calls.get_mut(&number.0).expect("only what was begun ends");
            assert_eq!(call.1.replace(*took_ms), None, "a call ends once");
        }
        if let Event::AgentCalled { run } = event {
            let number = run.call.expect("no answer without a reservation").0;
            assert!(self.calls[&number].1.is_some(), "no answer before the call ended");
            assert!(!self.answered.contains(&number), "one answer of each call");
            self.answered.push(number);
        }
        if let Event::AnswerGiven { act } = event
            && let Act::Answer {
                choice: Choice::GrantMore,
                ..
            } = act.record.act
        {
            assert_eq!(
                act.record.member,
                canned::member_id("alice"),
                "the only maintainer"
            );
            self.granted += 1;
        }
    }

    fn spent(&self) -> (u64, u64) {
        let ms = self
            .calls
            .values()
            .map(|(reserved, took)| took.map_or(*reserved, |took| took.min(*reserved)));
        (self.calls.len() as u64, ms.sum())
    }

    fn limit(&self) -> (u64, u64) {
        let times = self.granted + 1;
        (
            u64::from(self.base.agent_calls) * times,
            self.base.agent_time_ms * times,
        )
    }
}

/// Everything that may come in now: what the exploration knows, and calls that begin in any role and end at any time.
fn all_inputs(w: &Workflow, at: Timestamp, took_ms: u64) -> Vec<(Input, Timestamp)> {
    let mut all: Vec<_> = inputs(w, TEAM, at)
        .into_iter()
        .map(|(_, i, at)| (i, at))
        .collect();
    let Some((id, _)) = &w.outstanding else { return all };
    for role in [
        AgentRole::Triage,
        AgentRole::Architect,
        AgentRole::Planner,
        AgentRole::Coder,
        AgentRole::Critic,
    ] {
        let (id, fence) = (id.clone(), Fence(7));
        all.push((Input::AgentCallStarting { id, role, fence }, at));
    }
    for call in &w.calls {
        let (id, number) = (call.reservation.effect.clone(), call.reservation.number);
        all.push((Input::AgentCallEnded { id, number, took_ms }, at));
    }
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn never_more_is_reserved_than_was_granted(
        calls in 1..6u32,
        time_ms in 1_000..2_000_000u64,
        steps in prop::collection::vec((any::<prop::sample::Index>(), 0..700_000u64), 1..120),
    ) {
        let mut w = walked(canned::started_with(calls, Some(time_ms)), &TO_TRIAGE);
        let mut at = START;
        let mut books = Books { base: Budget { agent_calls: calls, agent_time_ms: time_ms }, ..Books::default() };
        for (which, took_ms) in steps {
            let all = all_inputs(&w, at, took_ms);
            if all.is_empty() || w.state.is_final() {
                break;
            }
            let (input, then) = which.get(&all).clone();
            let Ok(decision) = decide(&w, input, then) else { continue };
            decision.events.iter().for_each(|event| books.take(event));
            (w, at) = (decision.workflow, then);
            let ((calls, ms), (calls_max, ms_max)) = (books.spent(), books.limit());
            prop_assert!(calls <= calls_max && ms <= ms_max, "{calls} calls and {ms} ms of {calls_max} and {ms_max}");
            let account = w.account();
            let spent = account.reserved.plus(account.used);
            prop_assert_eq!((u64::from(spent.agent_calls), spent.agent_time_ms), (calls, ms));
        }
    }
}

#[test]
fn a_call_without_a_known_end_counts_whole_and_the_next_one_that_does_not_fit_asks_a_person() {
    let w = walked(canned::started_with(2, None), &TO_TRIAGE);
    let begun = walked(w, &["triage: a call begins"]);
    assert_eq!(
        begun.account().reserved,
        Budget {
            agent_calls: 1,
            agent_time_ms: CALL_MAX_MS
        }
    );
    // Its process died: the engine tries again, and nobody knows how the first one ended.
    let again = walked(begun, &["triage: a call begins", "triage: a call ends"]);
    let account = again.account();
    assert_eq!((account.reserved.agent_calls, account.used.agent_calls), (1, 1));
    assert_eq!(account.used.agent_time_ms, 1);
    let planning = walked(again, &["triage: GO"]);
    assert_eq!(planning.state, State::Planning);
    let spent = walked(planning, &["plan: a call begins"]);
    assert_eq!(
        (spent.state, question(&spent)),
        (State::NeedsHuman, Some(QuestionKind::BudgetSpent))
    );
    assert!(spent.outstanding.is_none(), "nothing goes on meanwhile");
    let on = answer(&spent, "alice", Choice::GrantMore).unwrap();
    assert_eq!((on.state, on.account().left().agent_calls), (State::Planning, 2));
    let planned = walked(
        on,
        &[
            "plan: a call begins",
            "plan: a call ends",
            "plan: a call begins",
            "plan: a call ends",
            "plan: planned",
        ],
    );
    let again = walked(planned, &["draft: a call begins"]);
    assert_eq!(
        question(&again),
        Some(QuestionKind::BudgetSpent),
        "what was granted is spent, too"
    );
    let stopped = answer(&again, "bob", Choice::Cancel).unwrap();
    assert_eq!(stopped.state, State::Cancelled);
}

#[test]
fn only_who_is_trusted_with_more_grants_more() {
    let w = walked(
        canned::started_with(1, None),
        &[
            &TO_TRIAGE[..],
            &["triage: a call begins", "triage: a call begins"],
        ]
        .concat(),
    );
    let refused = answer(&w, "bob", Choice::GrantMore).unwrap_err();
    assert_eq!(refused.code(), "not-eligible", "{refused}");
    let refused = answer(&w, "alice", Choice::Retry).unwrap_err();
    assert_eq!(refused.code(), "not-a-choice", "there is no other way around it");
    let open = w.open_requests().next().unwrap();
    let act = Act::Answer {
        request: open.id.clone(),
        seen: canned::seen(&open.subject),
        choice: Choice::GrantMore,
        text: String::new(),
    };
    let unseen = canned::act(&w, TEAM, "alice", act, Attendance::Unattended, START);
    assert_eq!(
        decide(&w, unseen, START).unwrap_err().code(),
        "unattended-forbidden"
    );
}

#[test]
fn time_is_reserved_as_far_as_it_is_there() {
    let w = walked(canned::started_with(9, Some(700_000)), &TO_TRIAGE);
    let w = walked(w, &["triage: a call begins", "triage: a call begins"]);
    let reserved: Vec<u64> = w.calls.iter().map(|c| c.reservation.reserves_ms).collect();
    assert_eq!(reserved, [CALL_MAX_MS, 100_000]);
    let asked = walked(w, &["triage: a call begins"]);
    assert_eq!(question(&asked), Some(QuestionKind::BudgetSpent));
}

#[test]
fn an_answer_of_a_call_that_nobody_reserved_is_refused() {
    let w = walked(canned::started_with(9, None), &TO_TRIAGE);
    let ready = walked(w.clone(), &["triage: a call begins", "triage: a call ends"]);
    let Input::Effect { id, result } = named(&ready, "triage: GO") else {
        panic!("a result")
    };
    let with = |call: Option<u32>, took_ms: u64| {
        let EffectResult::Triaged { mut run, answer } = result.clone() else {
            panic!("triage's")
        };
        run.call = call.map(CallNumber);
        run.took_ms = took_ms;
        let (id, result) = (id.clone(), EffectResult::Triaged { run, answer });
        Input::Effect { id, result }
    };
    let refused = |w: &Workflow, input: Input| decide(w, input, START).map(|_| ()).unwrap_err();
    assert_eq!(refused(&w, with(Some(1), 1)), Refusal::Stale, "not begun");
    let going_on = walked(w, &["triage: a call begins"]);
    assert_eq!(refused(&going_on, with(Some(1), 1)), Refusal::Stale, "not ended");
    assert_eq!(refused(&ready, with(None, 1)), Refusal::Stale, "without a call");
    assert_eq!(
        refused(&ready, with(Some(2), 1)),
        Refusal::Stale,
        "of another call"
    );
    assert_eq!(
        refused(&ready, with(Some(1), 2)),
        Refusal::Stale,
        "of another length"
    );
    assert!(decide(&ready, with(Some(1), 1), START).is_ok());
}

#[test]
fn what_runs_nothing_outside_reserves_nothing() {
    let mut submission = canned::budgeted(1, None);
    submission.agent = AgentSpec::Codemod;
    let empty = Workflow::empty(TenantId::local(), canned::workflow_id());
    let w = walked(start(&empty, submission, START).unwrap().workflow, &TO_TRIAGE);
    let (id, _) = w.outstanding.clone().unwrap();
    let begins = Input::AgentCallStarting {
        id,
        role: AgentRole::Triage,
        fence: Fence(1),
    };
    assert_eq!(decide(&w, begins, START).map(|_| ()).unwrap_err(), Refusal::Stale);
}

#[test]
fn more_than_policy_gives_is_refused_at_gate_0() {
    let looked_up = |calls: u32, time_ms: u64, baseline: &str| {
        let w = canned::started_with(calls, Some(time_ms));
        let Input::Effect { id, mut result } = named(&w, "look-up-refs: found") else {
            panic!("a result")
        };
        if let EffectResult::RefsLookedUp { organisation, .. } = &mut result {
            *organisation = Some(format!("version = 1\n[budget]\n{baseline}").into_bytes());
        }
        take(&w, Input::Effect { id, result })
    };
    let w = looked_up(51, 60_000, "agent-calls = 50");
    assert_eq!(w.state, State::Declined);
    assert!(
        w.reason
            .contains("51 agent calls are asked for, and policy allows 50"),
        "{}",
        w.reason
    );
    let w = looked_up(1, 3_660_000, "agent-minutes = 60");
    assert_eq!(w.state, State::Declined);
    assert!(
        w.reason.contains("1h1m of agent time are asked for"),
        "{}",
        w.reason
    );
    let w = looked_up(50, 3_600_000, "agent-calls = 50\nagent-minutes = 60");
    assert_eq!(w.state, State::LoadingContext, "{}", w.reason);
    let empty = Workflow::empty(TenantId::local(), canned::workflow_id());
    let none = start(&empty, canned::budgeted(0, None), START).unwrap_err();
    assert_eq!(none.code(), "bad-submission");
}

#[test]
fn a_start_without_a_budget_is_recorded_as_it_always_was() {
    let bytes = |event: &Event| {
        let record = EventRecord {
            v: 1,
            tenant: TenantId::local(),
            workflow: canned::workflow_id(),
            seq: 1,
            at: START,
            event: event.clone(),
        };
        String::from_utf8(record.to_bytes()).unwrap()
    };
    let empty = Workflow::empty(TenantId::local(), canned::workflow_id());
    let old = start(&empty, canned::submission(), START).unwrap();
    assert!(!bytes(&old.events[0]).contains("budget"));
    let new = bytes(&start(&empty, canned::budgeted(3, None), START).unwrap().events[0]);
    assert!(new.contains(r#""budget":{"agent_calls":3}"#), "{new}");
    assert_eq!(
        EventRecord::from_bytes(new.as_bytes()).unwrap().to_bytes(),
        new.as_bytes()
    );
    // What had begun before goes on, and what comes from now on is reserved.
    let w = walked(old.workflow, &[&TO_TRIAGE[..], &["triage: GO"]].concat());
    assert_eq!((w.state, w.calls.len()), (State::Planning, 0));
    let (id, _) = w.outstanding.clone().unwrap();
    let (role, fence) = (AgentRole::Architect, Fence(1));
    let reserved = take(&w, Input::AgentCallStarting { id, role, fence });
    assert_eq!(reserved.calls.len(), 1);
}
