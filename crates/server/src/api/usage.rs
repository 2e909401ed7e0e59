//! What was used: calls of agents and their time, writes, and workflows begun, summed over the ledger. Nothing is estimated:
//! what no agent reports (tokens, cost) is null, never 0.

use super::{Json, Query, bad_cursor};
use crate::house::House;
use crate::metrics::ROLES;
use crate::problem::Problem;
use axum::extract::State;
use countersign_core::id::WorkflowId;
use countersign_core::record::EventRecord;
use countersign_core::time::Timestamp;
use countersign_core::workflow::Event;
use countersign_core::workflow::event::AttemptOutcome;
use countersign_ledger::Leaf;
use countersign_ports::store::{EntryRow, TenantStore};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Rows on one page, unless more are asked for.
const PAGE: u32 = 100;
/// Rows on one page at most.
const PAGE_MAX: u32 = 500;
/// Entries of the ledger that one answer is summed from at most.
const ENTRIES_MAX: u64 = 100_000;
/// Entries that are read at a time.
const READ_AT_ONCE: u32 = 1_000;
/// From when on it is summed where nothing is said: 30 days before the end.
const SPAN_MS: u64 = 30 * 24 * 60 * 60 * 1000;

/// Of which time, and by what.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct UsageQuery {
    /// From this moment on, RFC 3339; 30 days before `until` if nothing is said.
    since: Option<String>,
    /// Up to before this moment, RFC 3339; now if nothing is said.
    until: Option<String>,
    /// `day` (the default; UTC), `workflow` or `role`.
    by: Option<String>,
    /// How many rows at most: 1 to 500, 100 if nothing is said.
    limit: Option<u32>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
}

/// What was used.
#[derive(Debug, Default, Clone, Serialize, ToSchema)]
pub(crate) struct UsedWire {
    /// Calls of agents that came to an answer.
    agent_calls: u64,
    /// How long these took together, in milliseconds.
    agent_ms: u64,
    /// Tokens; null: none of these agents reports any.
    tokens: Option<u64>,
    /// Cost in millionths of a US dollar; null: none of these agents reports any.
    cost_microusd: Option<u64>,
    /// Branches that were written and read back; null where rows are roles, which write nothing.
    writes: Option<u64>,
    /// Workflows that began; null where rows are roles.
    workflows_begun: Option<u64>,
}

/// One row.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageRowWire {
    /// `2026-11-21`, `wf_…` or `coder`.
    key: String,
    #[serde(flatten)]
    used: UsedWire,
}

/// A page of rows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UsageWire {
    /// RFC 3339, UTC.
    since: String,
    /// RFC 3339, UTC.
    until: String,
    /// `day`, `workflow` or `role`.
    by: &'static str,
    /// Sorted by key.
    rows: Vec<UsageRowWire>,
    /// Over all rows of all pages.
    total: UsedWire,
    /// Entries of workflows whose words were erased: what they recorded is not in the sums.
    erased_entries: u64,
    /// The cursor of the next page; null: this is the last one.
    next: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Day,
    Workflow,
    Role,
}

impl By {
    fn as_str(self) -> &'static str {
        match self {
            By::Day => "day",
            By::Workflow => "workflow",
            By::Role => "role",
        }
    }

    /// Whether a row can have this key, be there one or not.
    fn is_key(self, text: &str) -> bool {
        match self {
            By::Day => Timestamp::from_rfc3339(&format!("{text}T00:00:00.000Z")).is_some(),
            By::Workflow => WorkflowId::parse(text).is_ok(),
            By::Role => ROLES.iter().any(|role| role.as_str() == text),
        }
    }
}

/// Sum what was used: calls of agents, their time, writes, workflows
#[utoipa::path(
    get, path = "/api/v1/usage", operation_id = "show_usage", tag = "system", params(UsageQuery),
    responses((status = 200, body = UsageWire),
        (status = 400, description = "a parameter can't be read", content_type = "application/problem+json", body = Problem),
        (status = 422, description = "the time can't be read, or spans too many entries", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn show(
    State(house): State<Arc<House>>,
    Query(query): Query<UsageQuery>,
) -> Result<Json<UsageWire>, Problem> {
    let by = match query.by.as_deref() {
        None | Some("day") => By::Day,
        Some("workflow") => By::Workflow,
        Some("role") => By::Role,
        Some(other) => {
            let text = format!("`{other}` is none of `day`, `workflow` and `role`");
            return Err(Problem::refused("unknown-grouping", text));
        }
    };
    let until = match &query.until {
        Some(text) => time("until", text)?,
        None => house.ports.store.now().await?.plus_ms(1),
    };
    let since = match &query.since {
        Some(text) => time("since", text)?,
        None => Timestamp(until.0.saturating_sub(SPAN_MS)),
    };
    let sums = sums(house.store.as_ref(), (since, until), by).await?;
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX) as usize;
    let after = query.cursor.as_deref().unwrap_or_default();
    if query.cursor.is_some() && !by.is_key(after) {
        return Err(bad_cursor(after));
    }
    let mut rows = sums.rows.into_iter().filter(|(key, _)| key.as_str() > after);
    let page: Vec<UsageRowWire> = rows
        .by_ref()
        .take(limit)
        .map(|(key, used)| UsageRowWire { key, used })
        .collect();
    let next = rows.next().and_then(|_| page.last().map(|row| row.key.clone()));
    Ok(Json(UsageWire {
        since: since.to_rfc3339(),
        until: until.to_rfc3339(),
        by: by.as_str(),
        total: sums.total,
        erased_entries: sums.erased,
        rows: page,
        next,
    }))
}

fn time(name: &str, text: &str) -> Result<Timestamp, Problem> {
    Timestamp::from_rfc3339(text).ok_or_else(|| {
        let text = format!("`{name}` is no time in UTC such as 2026-11-21T00:00:00.000Z: `{text}`");
        Problem::refused("bad-time", text)
    })
}

/// Rows by key, and all of them together.
struct Sums {
    by: By,
    rows: BTreeMap<String, UsedWire>,
    total: UsedWire,
    erased: u64,
}

async fn sums(
    store: &dyn TenantStore,
    (since, until): (Timestamp, Timestamp),
    by: By,
) -> Result<Sums, Problem> {
    let mut sums = Sums {
        by,
        rows: BTreeMap::new(),
        total: UsedWire::of(by),
        erased: 0,
    };
    let (size, _) = store.ledger_size().await?;
    // Entries are in the order of their times, so both ends are found by halving.
    let from = first_at(store, size, since).await?;
    let to = first_at(store, size, until).await?.max(from);
    if to - from > ENTRIES_MAX {
        let text = format!(
            "{} entries of the ledger are of that time; at most {ENTRIES_MAX} are summed",
            to - from
        );
        return Err(Problem::refused("range-too-wide", text).next("Ask for a shorter time."));
    }
    let mut at = from;
    while at < to {
        let left = u32::try_from(to - at).unwrap_or(READ_AT_ONCE).min(READ_AT_ONCE);
        let rows = store.entries(None, at, left).await?;
        let Some(last) = rows.last() else { break };
        at = last.index + 1;
        for row in &rows {
            sums.add(row)?;
        }
    }
    Ok(sums)
}

/// The index of the first entry that is not before a moment.
async fn first_at(store: &dyn TenantStore, size: u64, moment: Timestamp) -> Result<u64, Problem> {
    let (mut low, mut high) = (0, size);
    while low < high {
        let middle = low + (high - low) / 2;
        let row = store.entries(None, middle, 1).await?.pop();
        let row =
            row.ok_or_else(|| Problem::internal("entry-missing", "an entry of the ledger is missing"))?;
        let leaf = leaf(&row)?;
        if Timestamp::from_rfc3339(&leaf.at).is_some_and(|at| at < moment) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

fn leaf(row: &EntryRow) -> Result<Leaf, Problem> {
    Leaf::parse(&row.leaf).map_err(|e| Problem::internal(e.code(), "an entry of the ledger can't be read"))
}

/// How the entries of workflows begin their kind.
const EVENT_KIND: &str = "workflow.event";

impl Sums {
    fn add(&mut self, row: &EntryRow) -> Result<(), Problem> {
        let leaf = leaf(row)?;
        if leaf.kind != EVENT_KIND {
            return Ok(());
        }
        let Some(body) = &row.body else {
            self.erased += 1;
            return Ok(());
        };
        let record = EventRecord::from_bytes(body)
            .map_err(|e| Problem::internal(e.code(), "an entry of the ledger can't be read"))?;
        let key = |role: &str| match self.by {
            By::Day => leaf.at.chars().take(10).collect(),
            By::Workflow => record.workflow.to_string(),
            By::Role => role.to_owned(),
        };
        if let Event::AgentCalled { run } = &record.event {
            let took = run.took_ms;
            self.count(key(run.role.as_str()), |used| {
                used.agent_calls += 1;
                used.agent_ms += took;
            });
        } else if self.by == By::Role {
            // Roles write nothing and begin nothing.
        } else if let Event::WorkflowStarted { .. } = &record.event {
            self.count(key(""), |used| {
                used.workflows_begun = used.workflows_begun.map(|n| n + 1);
            });
        } else if let Event::AttemptEnded {
            outcome: AttemptOutcome::Written { .. },
            ..
        } = &record.event
        {
            self.count(key(""), |used| used.writes = used.writes.map(|n| n + 1));
        }
        Ok(())
    }

    fn count(&mut self, key: String, add: impl Fn(&mut UsedWire)) {
        add(&mut self.total);
        let by = self.by;
        add(self.rows.entry(key).or_insert_with(|| UsedWire::of(by)));
    }
}

impl UsedWire {
    /// Nothing yet; what can't be said in rows of that kind is null.
    fn of(by: By) -> Self {
        let counted = match by {
            By::Day | By::Workflow => Some(0),
            By::Role => None,
        };
        Self {
            writes: counted,
            workflows_begun: counted,
            ..Self::default()
        }
    }
}
