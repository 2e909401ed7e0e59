//! The run ledger: calls of agents and tries of what acts outside, as the events have them. Nothing is estimated: what no agent
//! reports is null.

use super::{Json, Path, Query, bad_cursor, workflow_id};
use crate::house::House;
use crate::metrics::ROLES;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use countersign_core::artifact::AgentRole;
use countersign_core::id::WriteIntentId;
use countersign_core::record::EventRecord;
use countersign_core::workflow::Event;
use countersign_core::workflow::event::{AgentRun, AttemptOutcome};
use countersign_ports::store::EntryRow;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Calls on one page, unless more are asked for.
const PAGE: u32 = 50;
/// Calls on one page at most.
const PAGE_MAX: u32 = 500;
/// Entries of the ledger that one page is looked for in at most; a page may have fewer calls then, and a `next` all the same.
const ENTRIES_MAX: u64 = 20_000;
/// Entries that are read at a time.
const READ_AT_ONCE: u32 = 500;
/// How the entries of workflows begin their kind.
const EVENT_KIND: &str = "workflow.event";

/// One call of an agent.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AgentRunWire {
    workflow: String,
    /// RFC 3339, UTC.
    at: String,
    role: String,
    revision: u32,
    /// Which call of this role, from 1.
    round: u32,
    answered_by: String,
    /// Hash of all that was given to it.
    context: String,
    /// Hash of its raw output.
    output: String,
    /// Digest of what its output was read as.
    answer: String,
    /// Where that is shown; null where it is neither an artifact nor a diff.
    artifact: Option<String>,
    took_ms: u64,
    /// The model, as the agent reports it; null: it reports none.
    model: Option<String>,
    /// Null: the agent reports none.
    tokens_in: Option<u64>,
    /// Null: the agent reports none.
    tokens_out: Option<u64>,
    /// In millionths of a US dollar; null: the agent reports none.
    cost_microusd: Option<u64>,
}

impl AgentRunWire {
    fn of(record: &EventRecord, run: &AgentRun) -> Self {
        let at = format!("/api/v1/workflows/{}", record.workflow);
        let artifact = match run.role {
            AgentRole::Triage | AgentRole::Architect | AgentRole::Planner | AgentRole::Critic => {
                Some(format!("{at}/artifacts"))
            }
            AgentRole::Coder | AgentRole::Fixer => Some(format!("{at}/diffs?revision={}", run.revision)),
            AgentRole::Extractor => None,
        };
        Self {
            workflow: record.workflow.to_string(),
            at: record.at.to_rfc3339(),
            role: run.role.as_str().to_owned(),
            revision: run.revision.0,
            round: run.round,
            answered_by: run.answered_by.clone(),
            context: run.context.to_hex(),
            output: run.output.to_hex(),
            answer: run.answer.to_hex(),
            artifact,
            took_ms: run.took_ms,
            model: None,
            tokens_in: None,
            tokens_out: None,
            cost_microusd: None,
        }
    }
}

/// List a workflow's calls of agents
#[utoipa::path(get, path = "/api/v1/workflows/{id}/agent-runs", tag = "workflows", params(("id" = String, Path)), responses((status = 200, body = Vec<AgentRunWire>)))]
pub(crate) async fn agent_runs(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
) -> Result<Json<Vec<AgentRunWire>>, Problem> {
    let seen = house.look(&workflow_id(&id)?).await?;
    let run = |record: &EventRecord| {
        let Event::AgentCalled { run } = &record.event else {
            return None;
        };
        Some(AgentRunWire::of(record, run))
    };
    Ok(Json(seen.records.iter().filter_map(run).collect()))
}

/// Which calls of agents.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunsQuery {
    /// Only of this workflow.
    workflow: Option<String>,
    /// Only of this role: `triage`, `architect`, `planner`, `coder`, `critic`, `fixer` or `extractor`.
    role: Option<String>,
    /// How many at most: 1 to 500, 50 if nothing is said.
    limit: Option<u32>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
}

/// A page of calls of agents.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RunsPage {
    /// Newest first.
    runs: Vec<AgentRunWire>,
    /// The cursor of the next page; null: this is the last one. A page that is not the last one may have fewer calls than were
    /// asked for.
    next: Option<String>,
}

/// List calls of agents across workflows, newest first
#[utoipa::path(
    get, path = "/api/v1/agent-runs", tag = "workflows", params(RunsQuery),
    responses((status = 200, body = RunsPage),
        (status = 400, description = "a parameter can't be read", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn all_agent_runs(
    State(house): State<Arc<House>>,
    Query(query): Query<RunsQuery>,
) -> Result<Json<RunsPage>, Problem> {
    let role = match &query.role {
        None => None,
        Some(word) => Some(ROLES.into_iter().find(|r| r.as_str() == word).ok_or_else(|| {
            let text = format!("`{word}` is no role of an agent");
            let all: Vec<&str> = ROLES.iter().map(|r| r.as_str()).collect();
            Problem::new(StatusCode::BAD_REQUEST, "unknown-agent-role", text)
                .next(format!("Roles are: {}", all.join(", ")))
        })?),
    };
    let workflow = query.workflow.as_deref().map(workflow_id).transpose()?;
    let (size, _) = house.store.ledger_size().await?;
    let before = match &query.cursor {
        None => size,
        Some(text) => place(text)?.min(size),
    };
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX) as usize;
    let wanted = |record: &EventRecord, run: &AgentRun| {
        role.is_none_or(|role| role == run.role) && workflow.as_ref().is_none_or(|id| *id == record.workflow)
    };
    let (mut runs, mut at) = (Vec::new(), before);
    let until = before.saturating_sub(ENTRIES_MAX);
    // The newest entries first, in pieces; an entry's index is its place for good.
    while at > until {
        let from = at.saturating_sub(READ_AT_ONCE.into()).max(until);
        let left = u32::try_from(at - from).unwrap_or(READ_AT_ONCE);
        for row in house.store.entries(None, from, left).await?.iter().rev() {
            if runs.len() == limit {
                let next = Some((row.index + 1).to_string());
                return Ok(Json(RunsPage { runs, next }));
            }
            if let Some(record) = event(row)?
                && let Event::AgentCalled { run } = &record.event
                && wanted(&record, run)
            {
                runs.push(AgentRunWire::of(&record, run));
            }
        }
        at = from;
    }
    let next = (at > 0).then(|| at.to_string());
    Ok(Json(RunsPage { runs, next }))
}

/// A cursor that is a number: a place in an order, whether something is there or not.
pub(super) fn place(cursor: &str) -> Result<u64, Problem> {
    cursor.parse().map_err(|_| bad_cursor(cursor))
}

/// A workflow's event in an entry of the ledger; nothing where the entry is another one, or was erased.
fn event(row: &EntryRow) -> Result<Option<EventRecord>, Problem> {
    let unreadable = |code| Problem::internal(code, "an entry of the ledger can't be read");
    let leaf = countersign_ledger::Leaf::parse(&row.leaf).map_err(|e| unreadable(e.code()))?;
    let Some(body) = row.body.as_ref().filter(|_| leaf.kind == EVENT_KIND) else {
        return Ok(None);
    };
    EventRecord::from_bytes(body)
        .map(Some)
        .map_err(|e| unreadable(e.code()))
}

/// One try of something that acts outside, or costs something there.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EffectAttemptWire {
    /// `write-branch`, `open-pull-request` or `call-agent`.
    kind: &'static str,
    /// What is tried: a write intent's id, or that of the effect for which an agent is called. It stays the same over all tries,
    /// and makes sure that what is tried happens once.
    of: String,
    /// Of a write: which try of it, from 1. Of a call: which call of the workflow, from 1.
    number: u32,
    /// The role that was called; null where no agent was.
    role: Option<String>,
    /// RFC 3339, UTC.
    began_at: String,
    /// After this, nothing of it is written. RFC 3339, UTC; null for a call.
    deadline: Option<String>,
    /// RFC 3339, UTC; null: it has not ended, or nobody knows of it.
    ended_at: Option<String>,
    /// `written`, `opened`, `foreign`, `refused`, `failed`, `unknown` for a write; `answered`, `no-answer` for a call; null: it
    /// has not ended.
    outcome: Option<&'static str>,
    /// Stable kebab-case code, where it was refused or failed.
    code: Option<String>,
}

/// List the tries of writes and calls of a workflow, oldest first
///
/// Reading effects (refs, context, checks) act on nothing, and their tries are not recorded one by one.
#[utoipa::path(
    get, path = "/api/v1/workflows/{id}/effect-attempts", tag = "workflows", params(("id" = String, Path)),
    responses((status = 200, body = Vec<EffectAttemptWire>),
        (status = 404, description = "there is no such workflow", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn effect_attempts(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
) -> Result<Json<Vec<EffectAttemptWire>>, Problem> {
    let seen = house.look(&workflow_id(&id)?).await?;
    Ok(Json(attempts(&seen.records)))
}

fn attempts(records: &[EventRecord]) -> Vec<EffectAttemptWire> {
    let mut found: Vec<EffectAttemptWire> = Vec::new();
    let mut pull_requests: BTreeSet<WriteIntentId> = BTreeSet::new();
    let mut answered = BTreeSet::new();
    for record in records {
        let at = record.at.to_rfc3339();
        if let Event::IntentsRecorded { intents } = &record.event {
            pull_requests.extend(intents.iter().map(|i| i.id.pull_request()));
        } else if let Event::AttemptStarted { attempt } = &record.event {
            found.push(EffectAttemptWire {
                kind: match pull_requests.contains(&attempt.intent) {
                    true => "open-pull-request",
                    false => "write-branch",
                },
                of: attempt.intent.to_string(),
                number: attempt.number.0,
                role: None,
                began_at: at,
                deadline: Some(attempt.deadline.to_rfc3339()),
                ended_at: None,
                outcome: None,
                code: None,
            });
        } else if let Event::AttemptEnded {
            intent,
            number,
            outcome,
        } = &record.event
        {
            let of = |a: &&mut EffectAttemptWire| {
                a.role.is_none() && a.of == intent.as_str() && a.number == number.0
            };
            if let Some(attempt) = found.iter_mut().find(of) {
                let (word, code) = ended(outcome);
                attempt.ended_at = Some(at);
                attempt.outcome = Some(word);
                attempt.code = code.map(str::to_owned);
            }
        } else if let Event::AgentCallReserved { reservation } = &record.event {
            found.push(EffectAttemptWire {
                kind: "call-agent",
                of: reservation.effect.to_string(),
                number: reservation.number.0,
                role: Some(reservation.role.as_str().to_owned()),
                began_at: at,
                deadline: None,
                ended_at: None,
                outcome: None,
                code: None,
            });
        } else if let Event::AgentCalled { run } = &record.event {
            answered.extend(run.call.map(|number| number.0));
        } else if let Event::AgentCallEnded { number, .. } = &record.event {
            let of = |a: &&mut EffectAttemptWire| a.role.is_some() && a.number == number.0;
            if let Some(call) = found.iter_mut().find(of) {
                call.ended_at = Some(at);
            }
        }
    }
    for call in found
        .iter_mut()
        .filter(|a| a.role.is_some() && a.ended_at.is_some())
    {
        call.outcome = Some(match answered.contains(&call.number) {
            true => "answered",
            false => "no-answer",
        });
    }
    found
}

fn ended(outcome: &AttemptOutcome) -> (&'static str, Option<&str>) {
    match outcome {
        AttemptOutcome::Written { .. } => ("written", None),
        AttemptOutcome::Opened { .. } => ("opened", None),
        AttemptOutcome::Foreign { .. } => ("foreign", None),
        AttemptOutcome::Refused { code, .. } => ("refused", Some(code)),
        AttemptOutcome::Failed { code, .. } => ("failed", Some(code)),
        AttemptOutcome::Unknown { .. } => ("unknown", None),
    }
}
