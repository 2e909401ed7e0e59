//! The budget of a workflow, enforced: before an agent is called that runs something outside, the worst that the call can
//! cost is reserved, in a transaction of its own. What was reserved and has no known end (it failed in a way that nobody
//! saw, its process was killed, its claim was lost) counts whole. Where the next call does not fit, a person is asked.
//!
//! There is no second way to a call: retries of the engine reserve again, and an answer that rests on a call without a
//! reservation is refused.

use super::event::{AgentRun, CallReservation, Event, ResumePoint};
use super::turn::Turn;
use super::{Effect, Refusal, Workflow};
use crate::act::{Act, SignedAct};
use crate::artifact::AgentRole;
use crate::budget::{Budget, CALL_MAX_MS, CALL_MIN_MS, in_words};
use crate::gate::{Check, CheckId};
use crate::id::{CallNumber, EffectId, Fence};
use crate::policy::EffectivePolicy;
use crate::question::{Choice, QuestionKind};

/// One reserved agent call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What was set aside before it began.
    pub reservation: CallReservation,
    /// How long it took, in milliseconds; absent: it runs, or nobody knows how it ended.
    pub took_ms: Option<u64>,
}

impl Call {
    /// What it counts for. Above the reservation is only what it took to stop it, which is no time of the agent.
    fn counts_ms(&self) -> u64 {
        let reserved = self.reservation.reserves_ms;
        self.took_ms.map_or(reserved, |took| took.min(reserved))
    }
}

/// How a budget stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Account {
    /// What may be spent, with everything that was granted.
    pub limit: Budget,
    /// What calls without a known end have set aside.
    pub reserved: Budget,
    /// What calls took whose end is known.
    pub used: Budget,
}

impl Account {
    /// What is left for further calls.
    pub fn left(&self) -> Budget {
        self.limit.minus(self.reserved).minus(self.used)
    }

    /// The same for people: a sentence about calls, and one about time.
    pub fn words(&self) -> [String; 2] {
        let Self {
            limit,
            reserved,
            used,
        } = self;
        let spent = reserved.plus(*used);
        [
            format!(
                "agent calls: {} of {} are spent, {} of them without a known end",
                spent.agent_calls, limit.agent_calls, reserved.agent_calls
            ),
            format!(
                "agent time: {} of {} is spent, {} of it by calls without a known end, which count whole",
                in_words(spent.agent_time_ms),
                in_words(limit.agent_time_ms),
                in_words(reserved.agent_time_ms)
            ),
        ]
    }
}

impl Workflow {
    /// How the budget stands. The limit is what was asked for (or the default), cut to the tightest policy of the pinned
    /// repositories, once and again for every grant.
    pub fn account(&self) -> Account {
        let asked = self
            .submission
            .as_ref()
            .and_then(|s| s.budget)
            .unwrap_or_default();
        let policies = self.repositories.iter().map(|r| Budget::allowed_by(&r.policy));
        let limit = policies.fold(Budget::of(asked), Budget::min);
        let sum = |ended: bool| {
            let calls = self.calls.iter().filter(|c| c.took_ms.is_some() == ended);
            let each = calls.map(|call| Budget {
                agent_calls: 1,
                agent_time_ms: call.counts_ms(),
            });
            each.fold(Budget::default(), Budget::plus)
        };
        Account {
            limit: limit.times(self.budget_grants.saturating_add(1)),
            reserved: sum(false),
            used: sum(true),
        }
    }

    /// Whether any call of its agent counts.
    pub fn counts_calls(&self) -> bool {
        self.counts_call(AgentRole::Coder)
    }

    /// Whether a call of that role counts.
    pub fn counts_call(&self, role: AgentRole) -> bool {
        let agent = self.submission.as_ref().map(|s| &s.agent);
        agent.is_some_and(|agent| agent.calls_outside(role))
    }

    pub(super) fn take_grant(&mut self, act: &SignedAct) {
        if let Act::Answer {
            choice: Choice::GrantMore,
            ..
        } = act.record.act
        {
            self.budget_grants = self.budget_grants.saturating_add(1);
        }
    }
}

/// Gate 0: no more is asked for than policy gives. No check where nothing was signed about a budget.
pub(super) fn check(workflow: &Workflow, name: &str, policy: &EffectivePolicy) -> Option<Check> {
    let asked = workflow.submission.as_ref().and_then(|s| s.budget)?;
    let over = asked.over(policy);
    let detail = if over.is_empty() {
        let given = Budget::of(asked).min(Budget::allowed_by(policy));
        format!(
            "{name}: policy gives {} agent calls and {} of agent time",
            given.agent_calls,
            in_words(given.agent_time_ms)
        )
    } else {
        format!("{name}: {}; ask for less", over.join("; "))
    };
    Some(Check::new(CheckId::BudgetAllowed, over.is_empty(), detail))
}

/// Which roles an effect asks, and where it goes on after a question.
fn asks(effect: &Effect) -> Option<(&'static [AgentRole], ResumePoint)> {
    match effect {
        Effect::Triage => Some((&[AgentRole::Triage], ResumePoint::Triaging)),
        Effect::Plan => Some((&[AgentRole::Architect, AgentRole::Planner], ResumePoint::Planning)),
        Effect::Draft => Some((&[AgentRole::Coder], ResumePoint::Coding)),
        Effect::Critique => Some((&[AgentRole::Critic], ResumePoint::Reviewing)),
        Effect::LookUpRefs
        | Effect::LoadContext
        | Effect::Narrow
        | Effect::SealLedger { .. }
        | Effect::CheckBases
        | Effect::WriteBranch { .. }
        | Effect::OpenPullRequest { .. }
        | Effect::ReadChecks
        | Effect::ReadMerges
        | Effect::RetractBranch { .. }
        | Effect::ClosePullRequest { .. } => None,
    }
}

/// Sets the worst case of the next call aside, or asks a person.
pub(super) fn call_starting(
    turn: &mut Turn,
    (id, effect): (EffectId, &Effect),
    role: AgentRole,
    fence: Fence,
) -> Result<(), Refusal> {
    let (roles, resume) = asks(effect).ok_or(Refusal::Stale)?;
    if !roles.contains(&role) || !turn.workflow.counts_call(role) {
        return Err(Refusal::Stale);
    }
    let account = turn.workflow.account();
    let left = account.left();
    if left.agent_calls == 0 || left.agent_time_ms < CALL_MIN_MS {
        let next = format!("the next call would be for the role {}", role.as_str());
        let details = [vec![next], account.words().to_vec()].concat();
        turn.ask(QuestionKind::BudgetSpent, details, resume);
        return Ok(());
    }
    let number = u32::try_from(turn.workflow.calls.len()).unwrap_or(u32::MAX);
    turn.emit(Event::AgentCallReserved {
        reservation: CallReservation {
            number: CallNumber(number.saturating_add(1)),
            effect: id,
            role,
            fence,
            reserves_ms: left.agent_time_ms.min(CALL_MAX_MS),
        },
    });
    Ok(())
}

/// Frees what a call of this effect did not use.
pub(super) fn call_ended(
    turn: &mut Turn,
    id: &EffectId,
    number: CallNumber,
    took_ms: u64,
) -> Result<(), Refusal> {
    let open =
        |c: &&Call| c.reservation.number == number && c.reservation.effect == *id && c.took_ms.is_none();
    if !turn.workflow.calls.iter().any(|c| open(&c)) {
        return Err(Refusal::Stale);
    }
    turn.emit(Event::AgentCallEnded { number, took_ms });
    Ok(())
}

/// A result counts only if each of its calls was reserved for this effect and role, and its end recorded. What was
/// submitted before there were budgets may rest on calls that were not reserved.
pub(super) fn check_runs(workflow: &Workflow, id: &EffectId, runs: &[AgentRun]) -> Result<(), Refusal> {
    let submission = workflow.submission.as_ref();
    let always = submission.is_some_and(|s| s.budget.is_some());
    let covered = |run: &AgentRun| match run.call {
        Some(number) => workflow.calls.iter().any(|call| {
            call.reservation.number == number
                && call.reservation.effect == *id
                && call.reservation.role == run.role
                && call.took_ms == Some(run.took_ms)
        }),
        None => !always || !workflow.counts_call(run.role),
    };
    if runs.iter().all(covered) {
        Ok(())
    } else {
        Err(Refusal::Stale)
    }
}
