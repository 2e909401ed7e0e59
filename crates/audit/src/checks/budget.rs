//! The budget, added up once more: no agent call that runs something outside begins without a reservation, none is reserved
//! beyond what was asked for, allowed by policy and granted, and a call without a known end counts whole.

use super::{Scene, people};
use crate::problem::{Problem, ProblemCode};
use countersign_core::act::{Act, SignedAct};
use countersign_core::artifact::AgentRole;
use countersign_core::budget::{
    AGENT_CALLS_DEFAULT, AGENT_TIME_DEFAULT_MS, BudgetAsked, CALL_MAX_MS, MINUTE_MS,
};
use countersign_core::feedback::AgentSpec;
use countersign_core::id::CallNumber;
use countersign_core::member::Role;
use countersign_core::question::Choice;
use countersign_core::workflow::Event;
use countersign_core::workflow::event::{AgentRun, CallReservation};
use std::collections::BTreeMap;

/// A reserved call.
struct Call {
    role: AgentRole,
    reserves_ms: u64,
    took_ms: Option<u64>,
    answered: bool,
}

/// What was spent so far.
#[derive(Default)]
pub(super) struct Spending {
    calls: BTreeMap<CallNumber, Call>,
    grants: u64,
}

impl Spending {
    /// A call is about to begin.
    pub(super) fn reserve(&mut self, scene: &Scene<'_>, new: &CallReservation, problems: &mut Vec<Problem>) {
        let mut spent_ms = 0_u64;
        for call in self.calls.values() {
            let counts = call.took_ms.unwrap_or(u64::MAX).min(call.reserves_ms);
            spent_ms = spent_ms.saturating_add(counts);
        }
        let (calls, time_ms) = self.limits(scene);
        let number = self.calls.len() as u64 + 1;
        if number > calls || spent_ms.saturating_add(new.reserves_ms) > time_ms {
            let message = format!(
                "agent call {number} reserves {} ms after {spent_ms} ms were spent, and the budget is {calls} calls and \
                 {time_ms} ms",
                new.reserves_ms
            );
            problems.push(scene.problem(ProblemCode::BudgetExceeded, message));
        }
        if u64::from(new.number.0) != number || new.reserves_ms == 0 || new.reserves_ms > CALL_MAX_MS {
            let message =
                "an agent call is reserved under another number or for another time than a call has";
            problems.push(scene.problem(ProblemCode::BudgetExceeded, message));
        }
        let call = Call {
            role: new.role,
            reserves_ms: new.reserves_ms,
            took_ms: None,
            answered: false,
        };
        self.calls.insert(new.number, call);
    }

    /// A call ended: what it did not use is free again, once.
    pub(super) fn end(
        &mut self,
        scene: &Scene<'_>,
        number: CallNumber,
        took_ms: u64,
        problems: &mut Vec<Problem>,
    ) {
        match self.calls.get_mut(&number) {
            Some(call) if call.took_ms.is_none() => call.took_ms = Some(took_ms),
            Some(_) | None => {
                let message = format!("agent call {number} ends, and it was not going on");
                problems.push(scene.problem(ProblemCode::CallUnreserved, message));
            }
        }
    }

    /// An answer counts only if its call was reserved, in that role, and had ended; each call gives one answer.
    pub(super) fn answered(&mut self, scene: &Scene<'_>, run: &AgentRun, problems: &mut Vec<Problem>) {
        let (agent, asked) = signed(scene);
        let outside = match agent {
            Some(AgentSpec::Scripted { .. }) => true,
            Some(AgentSpec::Command { .. }) => run.role != AgentRole::Critic,
            Some(AgentSpec::Codemod | AgentSpec::Diff { .. }) | None => false,
        };
        let call = run.call.and_then(|number| self.calls.get_mut(&number));
        let covered = match call {
            Some(call) => {
                let fits = call.role == run.role && call.took_ms == Some(run.took_ms) && !call.answered;
                call.answered = true;
                fits
            }
            // What began before there were budgets was not reserved.
            None => run.call.is_none() && (asked.is_none() || !outside),
        };
        if !covered {
            let message = format!(
                "the {} answered, and no call of it was reserved and ended",
                run.role.as_str()
            );
            problems.push(scene.problem(ProblemCode::CallUnreserved, message));
        }
    }

    /// More is a maintainer's to grant.
    pub(super) fn granted(&mut self, scene: &Scene<'_>, act: &SignedAct, problems: &mut Vec<Problem>) {
        let Act::Answer {
            choice: Choice::GrantMore,
            ..
        } = act.record.act
        else {
            return;
        };
        let member = &act.record.member;
        let entitled = scene
            .books
            .roster
            .and_then(|r| people::entitled(r, member, Role::Maintainer));
        if entitled.is_none() {
            let message = format!("{member} grants more budget, and is no maintainer");
            problems.push(scene.problem(ProblemCode::ActNotEntitled, message));
            return;
        }
        self.grants += 1;
    }

    /// Calls and milliseconds.
    fn limits(&self, scene: &Scene<'_>) -> (u64, u64) {
        let (_, asked) = signed(scene);
        let asked = asked.unwrap_or_default();
        let mut calls = u64::from(asked.agent_calls.unwrap_or(AGENT_CALLS_DEFAULT));
        let mut time_ms = asked.agent_time_ms.unwrap_or(AGENT_TIME_DEFAULT_MS);
        for repo in scene.books.repositories {
            calls = calls.min(u64::from(repo.policy.budget_calls.value));
            time_ms = time_ms.min(u64::from(repo.policy.budget_minutes.value) * MINUTE_MS);
        }
        let times = self.grants + 1;
        (calls.saturating_mul(times), time_ms.saturating_mul(times))
    }
}

/// Who proposes and what may be spent, as whoever started it signed.
fn signed<'a>(scene: &Scene<'a>) -> (Option<&'a AgentSpec>, Option<BudgetAsked>) {
    match scene.books.started.map(|s| &s.what.event) {
        Some(Event::WorkflowStarted { agent, budget, .. }) => (Some(agent), *budget),
        _other => (None, None),
    }
}
