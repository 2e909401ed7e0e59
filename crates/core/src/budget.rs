//! What a workflow may spend on agents before a person is asked: calls and time. No agent reports a price, so there is
//! no money here.
//!
//! Only bounds and arithmetic; [`crate::workflow`] reserves before each call, and holds it to what is said here.

use crate::policy::EffectivePolicy;
use serde::{Deserialize, Serialize};

/// Most agent calls that one workflow is given at a time.
pub const AGENT_CALLS_MAX: u32 = 1_000;
/// What a submission that asks for nothing gets, if policy lets it.
pub const AGENT_CALLS_DEFAULT: u32 = 100;
/// Most agent time that one workflow is given at a time, in minutes: a week.
pub const AGENT_MINUTES_MAX: u32 = 7 * 24 * 60;
/// What a submission that asks for nothing gets, if policy lets it, in milliseconds: ten hours.
pub const AGENT_TIME_DEFAULT_MS: u64 = 10 * 60 * MINUTE_MS;
/// The longest that one call may take, in milliseconds, and so its worst case.
pub const CALL_MAX_MS: u64 = 10 * MINUTE_MS;
/// The least time worth beginning a call with, in milliseconds.
pub const CALL_MIN_MS: u64 = 1_000;
/// A minute, in milliseconds.
pub const MINUTE_MS: u64 = 60 * 1_000;

/// What whoever starts a workflow asks for; what is left out is the default. Part of what they sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetAsked {
    /// Calls of agents that run something outside this process, failed ones included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_calls: Option<u32>,
    /// Time of these calls together, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_time_ms: Option<u64>,
}

/// Why a budget can't be asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the budget can't be taken: {0}")]
pub struct BudgetError(pub String);

impl BudgetError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        "bad-budget"
    }
}

impl BudgetAsked {
    /// Holds it to the bounds of the form; policy is asked at gate 0.
    ///
    /// # Errors
    /// [`BudgetError`], which says what is wrong.
    pub fn check(&self) -> Result<(), BudgetError> {
        if self
            .agent_calls
            .is_some_and(|n| !(1..=AGENT_CALLS_MAX).contains(&n))
        {
            return Err(BudgetError(format!(
                "a workflow has 1 to {AGENT_CALLS_MAX} agent calls"
            )));
        }
        let longest = u64::from(AGENT_MINUTES_MAX) * MINUTE_MS;
        if self
            .agent_time_ms
            .is_some_and(|ms| !(CALL_MIN_MS..=longest).contains(&ms))
        {
            return Err(BudgetError(format!(
                "a workflow has {} to {} of agent time",
                in_words(CALL_MIN_MS),
                in_words(longest)
            )));
        }
        Ok(())
    }

    /// Why a policy gives less than is asked for, in half a sentence each.
    pub fn over(&self, policy: &EffectivePolicy) -> Vec<String> {
        let allowed = Budget::allowed_by(policy);
        let calls = self.agent_calls.filter(|n| *n > allowed.agent_calls);
        let calls = calls.map(|n| {
            format!(
                "{n} agent calls are asked for, and policy allows {} (budget.agent-calls, {})",
                allowed.agent_calls, policy.budget_calls.source
            )
        });
        let time = self.agent_time_ms.filter(|ms| *ms > allowed.agent_time_ms);
        let time = time.map(|ms| {
            format!(
                "{} of agent time are asked for, and policy allows {} (budget.agent-minutes, {})",
                in_words(ms),
                in_words(allowed.agent_time_ms),
                policy.budget_minutes.source
            )
        });
        calls.into_iter().chain(time).collect()
    }
}

/// An amount of both units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Budget {
    /// Calls.
    pub agent_calls: u32,
    /// Time, in milliseconds.
    pub agent_time_ms: u64,
}

impl Budget {
    /// The most that a policy gives one workflow at a time.
    pub fn allowed_by(policy: &EffectivePolicy) -> Self {
        Self {
            agent_calls: policy.budget_calls.value,
            agent_time_ms: u64::from(policy.budget_minutes.value) * MINUTE_MS,
        }
    }

    /// What is asked for, or the default where nothing is.
    pub fn of(asked: BudgetAsked) -> Self {
        Self {
            agent_calls: asked.agent_calls.unwrap_or(AGENT_CALLS_DEFAULT),
            agent_time_ms: asked.agent_time_ms.unwrap_or(AGENT_TIME_DEFAULT_MS),
        }
    }

    /// The smaller one of each unit.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self {
            agent_calls: self.agent_calls.min(other.agent_calls),
            agent_time_ms: self.agent_time_ms.min(other.agent_time_ms),
        }
    }

    /// The same so many times.
    #[must_use]
    pub fn times(self, n: u32) -> Self {
        Self {
            agent_calls: self.agent_calls.saturating_mul(n),
            agent_time_ms: self.agent_time_ms.saturating_mul(u64::from(n)),
        }
    }

    /// Both added.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            agent_calls: self.agent_calls.saturating_add(other.agent_calls),
            agent_time_ms: self.agent_time_ms.saturating_add(other.agent_time_ms),
        }
    }

    /// What is left of it after that much; never below nothing.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        Self {
            agent_calls: self.agent_calls.saturating_sub(other.agent_calls),
            agent_time_ms: self.agent_time_ms.saturating_sub(other.agent_time_ms),
        }
    }
}

/// `1h30m`, `90s`, `250ms`: the same words that are read.
pub fn in_words(ms: u64) -> String {
    if ms == 0 {
        return "0s".to_owned();
    }
    let mut words = String::new();
    let mut rest = ms;
    for (unit, name) in UNITS_MS {
        if rest >= unit {
            words.push_str(&format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    words
}

/// Reads `10m`, `1h30m`, `90s`, `250ms`; units from large to small, each once.
pub fn read_time_ms(text: &str) -> Option<u64> {
    let (mut rest, mut total, mut units) = (text, 0u64, UNITS_MS.as_slice());
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let at = units.iter().position(|(_, name)| *name == unit)?;
        let (_, later) = units.split_at(at);
        let ((ms, _), later) = later.split_first()?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*ms)?)?;
        (rest, units) = (tail, later);
    }
    (!text.is_empty()).then_some(total)
}

const UNITS_MS: [(u64, &str); 5] = [
    (24 * 60 * MINUTE_MS, "d"),
    (60 * MINUTE_MS, "h"),
    (MINUTE_MS, "m"),
    (1_000, "s"),
    (1, "ms"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_budget_is_held_to_its_bounds() {
        let asked = |agent_calls, agent_time_ms| BudgetAsked {
            agent_calls,
            agent_time_ms,
        };
        let week = u64::from(AGENT_MINUTES_MAX) * MINUTE_MS;
        for good in [
            asked(None, None),
            asked(Some(1), Some(CALL_MIN_MS)),
            asked(Some(AGENT_CALLS_MAX), Some(week)),
        ] {
            assert_eq!(good.check(), Ok(()), "{good:?}");
        }
        for bad in [
            asked(Some(0), None),
            asked(Some(AGENT_CALLS_MAX + 1), None),
            asked(None, Some(CALL_MIN_MS - 1)),
            asked(None, Some(week + 1)),
        ] {
            assert_eq!(bad.check().expect_err("out of bounds").code(), "bad-budget");
        }
    }

    #[test]
    fn a_time_is_read_as_it_is_written() {
        for (text, ms) in [
            ("10m", 600_000),
            ("1h30m", 5_400_000),
            ("90s", 90_000),
            ("2d", 172_800_000),
            ("250ms", 250),
        ] {
            assert_eq!(read_time_ms(text), Some(ms), "{text}");
        }
        for text in [
            "",
            "10",
            "m",
            "10 m",
            "-1m",
            "1m1h",
            "1m1m",
            "1.5h",
            "99999999999999999999d",
            "5µ",
        ] {
            assert_eq!(read_time_ms(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_time_that_is_written_is_read_again(ms in 0..10_000_000_000u64) {
            prop_assert_eq!(read_time_ms(&in_words(ms)), Some(ms));
        }

        #[test]
        fn no_text_breaks_the_reader(text in "\\PC{0,12}|[0-9dhms]{0,24}") {
            let _ = read_time_ms(&text);
        }
    }
}
