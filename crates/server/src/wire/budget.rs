//! What may be spent on agents, and what is spent.

use countersign_core::workflow::budget::Account;
use serde::Serialize;
use utoipa::ToSchema;

/// How a workflow's budget stands. Only agents that run something outside this program count.
#[derive(Debug, Serialize, ToSchema)]
pub struct BudgetWire {
    /// Calls, failed ones included.
    pub agent_calls: SpentWire,
    /// Time of these calls together, in milliseconds.
    pub agent_time_ms: SpentWire,
    /// How often a person granted the same budget again.
    pub grants: u32,
}

/// One unit of a budget.
#[derive(Debug, Serialize, ToSchema)]
pub struct SpentWire {
    /// What may be spent before a person is asked.
    pub limit: u64,
    /// What is set aside for calls that go on, or whose end nobody knows.
    pub reserved: u64,
    /// What calls took that have ended.
    pub used: u64,
}

impl BudgetWire {
    /// From a workflow's account.
    pub fn of(account: &Account, grants: u32) -> Self {
        let Account {
            limit,
            reserved,
            used,
        } = account;
        Self {
            agent_calls: SpentWire {
                limit: limit.agent_calls.into(),
                reserved: reserved.agent_calls.into(),
                used: used.agent_calls.into(),
            },
            agent_time_ms: SpentWire {
                limit: limit.agent_time_ms,
                reserved: reserved.agent_time_ms,
                used: used.agent_time_ms,
            },
            grants,
        }
    }
}
