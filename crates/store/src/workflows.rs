//! The list of workflows: a projection of their streams, and the compare-and-swap value of each.

use crate::db::Tx;
use crate::error;
use crate::forms;
use crate::row::{Row, int, time};
use countersign_core::digest::FeedbackHash;
use countersign_core::id::{RepositoryId, Revision, Version, WorkflowId};
use countersign_core::time::Timestamp;
use countersign_core::workflow::{State, Workflow};
use countersign_ports::store::{StoreError, WorkflowRow};
use sea_orm::Value;
use std::collections::BTreeSet;

/// Most workflows that one question gives.
const PAGE_MAX: u32 = 10_000;

const COLUMNS: &str =
    "SELECT id, title, state, reason, revision, version, repositories, open_requests, created_at,
    updated_at FROM workflows WHERE tenant = $1";

/// Puts the row of a workflow at its new version.
///
/// # Errors
/// `Clash` when the stream is not at `expected` any more; nothing is written then.
pub(crate) async fn project(
    tx: &Tx<'_>,
    expected: Version,
    workflow: &Workflow,
    at: Timestamp,
) -> Result<(), StoreError> {
    match current(tx, &workflow.id).await? {
        None if expected == Version(0) => insert(tx, workflow, at).await,
        Some((version, state)) if version == expected => {
            if state.is_final() {
                return Err(StoreError::Refused {
                    code: "workflow-ended",
                    message: format!("the workflow has ended as {state}; nothing can be added to it"),
                });
            }
            update(tx, workflow, at).await
        }
        None | Some(_) => Err(StoreError::Clash),
    }
}

/// How many events a workflow has.
pub(crate) async fn version(tx: &Tx<'_>, id: &WorkflowId) -> Result<Version, StoreError> {
    let found = current(tx, id).await?;
    found.map(|(version, _)| version).ok_or_else(|| not_found(id))
}

/// A workflow's version, if there is such a workflow.
pub(crate) async fn recorded_version(tx: &Tx<'_>, id: &WorkflowId) -> Result<Option<Version>, StoreError> {
    Ok(current(tx, id).await?.map(|(version, _)| version))
}

/// Workflows, newest first.
pub(crate) async fn list(tx: &Tx<'_>, limit: u32) -> Result<Vec<WorkflowRow>, StoreError> {
    let sql = format!("{COLUMNS} ORDER BY created_at DESC, id DESC LIMIT $2");
    let rows = tx.rows(&sql, [int(limit.min(PAGE_MAX).into())]).await?;
    rows.iter().map(read).collect()
}

/// Every workflow that has not ended, oldest first.
pub(crate) async fn unfinished(tx: &Tx<'_>) -> Result<Vec<WorkflowRow>, StoreError> {
    let sql = format!("{COLUMNS} ORDER BY created_at, id");
    let rows = tx.rows(&sql, []).await?;
    let all: Result<Vec<WorkflowRow>, StoreError> = rows.iter().map(read).collect();
    Ok(all?.into_iter().filter(|row| !row.state.is_final()).collect())
}

/// One workflow.
pub(crate) async fn one(tx: &Tx<'_>, id: &WorkflowId) -> Result<WorkflowRow, StoreError> {
    let row = tx
        .row(&format!("{COLUMNS} AND id = $2"), [id.as_str().into()])
        .await?;
    row.as_ref().map_or_else(|| Err(not_found(id)), read)
}

/// The oldest open workflow with that text and those repositories.
pub(crate) async fn open_duplicate(
    tx: &Tx<'_>,
    feedback: &FeedbackHash,
    repositories: &[RepositoryId],
    except: Option<&WorkflowId>,
) -> Result<Option<WorkflowId>, StoreError> {
    const SAME: &str = "SELECT id, state FROM workflows WHERE tenant = $1 AND feedback_hash = $2
        AND repositories_key = $3 AND id IS NOT $4 ORDER BY created_at, id";
    let except = except.map(WorkflowId::as_str);
    for row in tx
        .rows(
            SAME,
            [
                feedback.to_hex().into(),
                repositories_key(repositories).into(),
                except.into(),
            ],
        )
        .await?
    {
        if !row.parsed("state", parse_state)?.is_final() {
            return row.parsed("id", WorkflowId::parse).map(Some);
        }
    }
    Ok(None)
}

fn not_found(id: &WorkflowId) -> StoreError {
    StoreError::NotFound {
        what: "workflow",
        id: id.to_string(),
    }
}

async fn current(tx: &Tx<'_>, id: &WorkflowId) -> Result<Option<(Version, State)>, StoreError> {
    let row = tx
        .row(
            "SELECT version, state FROM workflows WHERE tenant = $1 AND id = $2",
            [id.as_str().into()],
        )
        .await?;
    row.map(|row| Ok((Version(row.number("version")?), row.parsed("state", parse_state)?)))
        .transpose()
}

async fn insert(tx: &Tx<'_>, workflow: &Workflow, at: Timestamp) -> Result<(), StoreError> {
    const INSERT: &str =
        "INSERT INTO workflows (tenant, id, title, feedback_hash, repositories, repositories_key,
            created_at, version, state, reason, revision, open_requests, next_expiry_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $7)";
    let submission = workflow.submission.as_ref().ok_or_else(|| StoreError::Refused {
        code: "no-submission",
        message: "the first events of a workflow have to say what started it".to_owned(),
    })?;
    let ids: Vec<RepositoryId> = submission.repositories.iter().map(|r| r.id.clone()).collect();
    let [version, state, reason, revision, open, expiry] = moving(workflow);
    let values = [
        workflow.id.as_str().into(),
        submission.feedback.title.as_str().into(),
        submission.feedback.hash.to_hex().into(),
        forms::write_repositories(&submission.repositories).into(),
        repositories_key(&ids).into(),
        time(at),
        version,
        state,
        reason,
        revision,
        open,
        expiry,
    ];
    tx.run(INSERT, values).await.map(|_| ())
}

async fn update(tx: &Tx<'_>, workflow: &Workflow, at: Timestamp) -> Result<(), StoreError> {
    const UPDATE: &str = "UPDATE workflows SET version = $3, state = $4, reason = $5, revision = $6,
            open_requests = $7, next_expiry_at = $8, updated_at = $9
        WHERE tenant = $1 AND id = $2";
    let [version, state, reason, revision, open, expiry] = moving(workflow);
    let values = [
        workflow.id.as_str().into(),
        version,
        state,
        reason,
        revision,
        open,
        expiry,
        time(at),
    ];
    tx.run(UPDATE, values).await.map(|_| ())
}

/// The columns that change: version, state, reason, revision, open requests, next expiry.
fn moving(workflow: &Workflow) -> [Value; 6] {
    let open = u64::try_from(workflow.open_requests().count()).unwrap_or(u64::MAX);
    let expiries = workflow.open_requests().filter_map(|r| r.expires_at);
    let next = expiries.min().filter(|_| !workflow.state.is_final());
    [
        int(workflow.version.0),
        workflow.state.as_str().into(),
        workflow.reason.as_str().into(),
        int(workflow.revision.0.into()),
        int(open),
        next.map_or(Value::BigInt(None), time),
    ]
}

fn read(row: &Row) -> Result<WorkflowRow, StoreError> {
    let repositories = forms::read_repositories(&row.bytes("repositories")?);
    Ok(WorkflowRow {
        id: row.parsed("id", WorkflowId::parse)?,
        title: row.text("title")?,
        state: row.parsed("state", parse_state)?,
        reason: row.text("reason")?,
        revision: Revision(row.small("revision")?),
        version: Version(row.number("version")?),
        repositories: repositories
            .map_err(|e| error::damaged(format_args!("a workflow's repositories: {e}")))?,
        open_requests: row.small("open_requests")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

pub(crate) fn parse_state(text: &str) -> Result<State, &'static str> {
    State::ALL
        .into_iter()
        .find(|s| s.as_str() == text)
        .ok_or("there is no such state")
}

/// The same set of repositories has the same key, in whatever order they are given.
fn repositories_key(repositories: &[RepositoryId]) -> String {
    let ids: BTreeSet<String> = repositories.iter().map(ToString::to_string).collect();
    ids.into_iter().collect::<Vec<_>>().join(",")
}
