//! Looking at workflows.

use super::{Json, Path, Query, bad_cursor, workflow_id};
use crate::house::House;
use crate::problem::Problem;
use crate::shown::{Seen, tell};
use crate::wire::{AlarmWire, DiffWire, DiffsWire, StoryWire, WorkflowRowWire, WorkflowWire};
use axum::extract::{RawQuery, State};
use countersign_core::act::SeenDigest;
use countersign_core::diff_view::{Wanted, typed_diff};
use countersign_core::feedback::{Metadata, check_metadata};
use countersign_core::id::{PatchSetId, Revision, WorkflowId};
use countersign_core::patch_set::Draft;
use countersign_core::path::RepoPath;
use countersign_core::time::Timestamp;
use countersign_core::workflow::{Event, State as WorkflowState};
use countersign_inspect::masked;
use countersign_ports::store::WorkflowRow;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Workflows on one page, unless more are asked for.
const PAGE: u32 = 50;
/// Workflows on one page at most.
const PAGE_MAX: u32 = 500;
/// Workflows that a filter looks through.
const LOOKED_AT_MAX: u32 = 10_000;

/// Which workflows.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ListQuery {
    /// Only in this state: `AwaitingApproval`, `Done` …
    state: Option<String>,
    /// Only with this repository, by name or id.
    repository: Option<String>,
    /// Only where something waits for a person.
    #[serde(default)]
    waiting: bool,
    /// `created` (the default) or `updated`; newest first.
    sort: Option<String>,
    /// How many at most: 1 to 500, 50 if nothing is said.
    limit: Option<u32>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
}

/// A page of workflows.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct WorkflowsPage {
    /// In the order that was asked for.
    pub workflows: Vec<WorkflowRowWire>,
    /// The cursor of the next page; null: this is the last one.
    pub next: Option<String>,
}

/// How parameters begin that look workflows up by their metadata.
const BY_METADATA: &str = "metadata.";

/// The pairs of `metadata.KEY=VALUE` in a query, and all else of it.
fn split(query: Option<&str>) -> Result<(Metadata, ListQuery), Problem> {
    let (mut pairs, mut rest) = (Metadata::new(), form_urlencoded::Serializer::new(String::new()));
    for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match name.strip_prefix(BY_METADATA) {
            Some(key) => drop(pairs.insert(key.to_owned(), value.into_owned())),
            None => drop(rest.append_pair(&name, &value)),
        }
    }
    check_metadata(&pairs)
        .map_err(|e| Problem::new(axum::http::StatusCode::BAD_REQUEST, e.code(), e.to_string()))?;
    let uri = format!("/?{}", rest.finish()).parse();
    let uri = uri.map_err(|_| {
        let text = "the parameters can't be read";
        Problem::new(axum::http::StatusCode::BAD_REQUEST, "bad-query", text)
    })?;
    let axum::extract::Query(query) = axum::extract::Query::<ListQuery>::try_from_uri(&uri)?;
    Ok((pairs, query))
}

/// List workflows, newest first
///
/// With `metadata.KEY=VALUE`, as often as wanted, only those that began with these pairs.
#[utoipa::path(
    get, path = "/api/v1/workflows", operation_id = "list_workflows", tag = "workflows", params(ListQuery),
    responses((status = 200, body = WorkflowsPage),
        (status = 400, description = "a parameter can't be read", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn list(
    State(house): State<Arc<House>>,
    RawQuery(query): RawQuery,
) -> Result<Json<WorkflowsPage>, Problem> {
    let (metadata, query) = split(query.as_deref())?;
    let bad = |code, text: String| Problem::new(axum::http::StatusCode::BAD_REQUEST, code, text);
    if let Some(state) = &query.state
        && !WorkflowState::ALL.iter().any(|s| s.as_str() == state)
    {
        return Err(bad(
            "unknown-state",
            format!("`{state}` is no state of a workflow"),
        ));
    }
    let sort = match query.sort.as_deref() {
        None | Some("created") => Sort::Created,
        Some("updated") => Sort::Updated,
        Some(other) => {
            return Err(bad(
                "unknown-sort",
                format!("`{other}` is neither `created` nor `updated`"),
            ));
        }
    };
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX) as usize;
    let mut rows = house.store.workflows(LOOKED_AT_MAX).await?;
    if !metadata.is_empty() {
        let found = house.store.workflows_with(&metadata, LOOKED_AT_MAX).await?;
        rows.retain(|row| found.contains(&row.id));
    }
    rows.retain(|row| {
        query.state.as_deref().is_none_or(|s| row.state.as_str() == s)
            && (!query.waiting || row.open_requests > 0)
            && query.repository.as_deref().is_none_or(|name| {
                row.repositories
                    .iter()
                    .any(|r| r.name == name || r.id.to_string() == name)
            })
    });
    if let Some(cursor) = &query.cursor {
        let after = sort.read(cursor).ok_or_else(|| bad_cursor(cursor))?;
        rows.retain(|row| sort.place(row) < after);
    }
    rows.sort_by_key(|row| Reverse(sort.place(row)));
    let last = rows.get(limit - 1).filter(|_| rows.len() > limit);
    let next = last.map(|row| sort.cursor(row));
    let workflows = rows.iter().take(limit).map(WorkflowRowWire::of).collect();
    Ok(Json(WorkflowsPage { workflows, next }))
}

/// An order of workflows.
#[derive(Debug, Clone, Copy)]
enum Sort {
    Created,
    Updated,
}

impl Sort {
    fn as_str(self) -> &'static str {
        match self {
            Sort::Created => "created",
            Sort::Updated => "updated",
        }
    }

    /// Where a workflow stands, newest last.
    fn place(self, row: &WorkflowRow) -> (Timestamp, WorkflowId) {
        let at = match self {
            Sort::Created => row.created_at,
            Sort::Updated => row.updated_at,
        };
        (at, row.id.clone())
    }

    /// The workflow's place as a cursor, which stays one when the workflow is not in the list any more.
    fn cursor(self, row: &WorkflowRow) -> String {
        let (at, id) = self.place(row);
        format!("{}.{}.{id}", self.as_str(), at.0)
    }

    /// The place that a cursor of this order names.
    fn read(self, cursor: &str) -> Option<(Timestamp, WorkflowId)> {
        let rest = cursor.strip_prefix(self.as_str())?.strip_prefix('.')?;
        let (at, id) = rest.split_once('.')?;
        Some((Timestamp(at.parse().ok()?), WorkflowId::parse(id).ok()?))
    }
}

/// Show one workflow: plan, patch sets, gates, violations, what waits
#[utoipa::path(
    get, path = "/api/v1/workflows/{id}", tag = "workflows", params(("id" = String, Path)),
    responses((status = 200, body = WorkflowWire),
        (status = 404, description = "there is none", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn show(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
) -> Result<Json<WorkflowWire>, Problem> {
    let seen = house.look(&workflow_id(&id)?).await?;
    let mut wire = WorkflowWire::of(&seen);
    let alarms = house.store.alarms().await?;
    wire.alarms = alarms
        .iter()
        .filter(|row| row.alarm.workflow == seen.workflow.id)
        .map(AlarmWire::of)
        .collect();
    Ok(Json(wire))
}

/// One event of a workflow, as it is recorded.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EventWire {
    /// Its number in the workflow, from 1.
    pub seq: u64,
    /// RFC 3339, UTC.
    pub at: String,
    /// `workflow-started`, `gate-evaluated` …
    pub kind: String,
    /// The event itself.
    #[schema(value_type = Object)]
    pub event: serde_json::Value,
}

/// Which events of a workflow.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    /// Only those after the one with this number.
    #[serde(default)]
    after: u64,
}

/// List a workflow's events
#[utoipa::path(get, path = "/api/v1/workflows/{id}/events", operation_id = "workflow_events", tag = "workflows", params(("id" = String, Path), EventsQuery), responses((status = 200, body = Vec<EventWire>)))]
pub(crate) async fn events(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    Query(query): Query<EventsQuery>,
) -> Result<Json<Vec<EventWire>>, Problem> {
    let id = workflow_id(&id)?;
    let records = house.store.events(&id).await?;
    if records.is_empty() {
        return Err(house.no_workflow(&id).await?);
    }
    let wire = |r: &countersign_core::record::EventRecord| {
        let event = serde_json::to_value(&r.event);
        Ok(EventWire {
            seq: r.seq,
            at: r.at.to_rfc3339(),
            kind: r.event.kind().to_owned(),
            event: event.map_err(|e| Problem::internal("no-json", e.to_string()))?,
        })
    };
    records
        .iter()
        .filter(|r| r.seq > query.after)
        .map(wire)
        .collect::<Result<_, Problem>>()
        .map(Json)
}

/// Tell a workflow's story in sentences
#[utoipa::path(get, path = "/api/v1/workflows/{id}/story", tag = "workflows", params(("id" = String, Path)), responses((status = 200, body = Vec<StoryWire>)))]
pub(crate) async fn story(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
) -> Result<Json<Vec<StoryWire>>, Problem> {
    let seen = house.look(&workflow_id(&id)?).await?;
    Ok(Json(
        tell(&seen.records, &seen.names())
            .iter()
            .map(StoryWire::of)
            .collect(),
    ))
}

/// Which revision.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct RevisionQuery {
    /// The newest if nothing is said.
    revision: Option<u32>,
}

/// Show the canonical diffs of a revision as text
#[utoipa::path(
    get, path = "/api/v1/workflows/{id}/diffs", tag = "patches", params(("id" = String, Path), RevisionQuery),
    responses((status = 200, body = DiffsWire),
        (status = 404, description = "there is no such workflow, or no diff in that revision", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn diffs(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    Query(query): Query<RevisionQuery>,
) -> Result<Json<DiffsWire>, Problem> {
    let seen = house.look(&workflow_id(&id)?).await?;
    let Some(revision) = query.revision.map(Revision) else {
        let newest = seen.drafts().iter().map(|draft| diff_wire(&seen, draft));
        return Ok(Json(DiffsWire {
            diffs: newest.collect(),
        }));
    };
    let earlier = seen.drafts_by_revision();
    let drafts = earlier.get(&revision);
    let drafts = drafts.ok_or_else(|| Problem::missing("diff in revision", &revision.to_string()))?;
    let mut diffs = Vec::new();
    for draft in drafts {
        let canonical = house.store.body(&draft.canonical).await?;
        let name = seen.workflow.repository_name(&draft.repository);
        let current = patch_set_of(&seen, draft).filter(|p| p.revision == revision);
        let digest = current.and_then(|p| seen.digest(p));
        diffs.push(DiffWire::of(&name, revision, digest.as_ref(), draft, &canonical));
    }
    Ok(Json(DiffsWire { diffs }))
}

fn diff_wire(seen: &Seen, draft: &Draft) -> DiffWire {
    let digest: Option<SeenDigest> = patch_set_of(seen, draft).and_then(|p| seen.digest(p));
    let name = seen.workflow.repository_name(&draft.repository);
    DiffWire::of(
        &name,
        seen.workflow.revision,
        digest.as_ref(),
        draft,
        seen.diff(draft),
    )
}

fn patch_set_of<'a>(seen: &'a Seen, draft: &Draft) -> Option<&'a countersign_core::patch_set::PatchSet> {
    seen.workflow
        .patch_sets
        .iter()
        .find(|p| p.repository == draft.repository)
}

/// One patch set with one line per file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PatchRow {
    /// What `GET /api/v1/patches/{id}` takes.
    id: String,
    repository: String,
    revision: u32,
    files: Vec<String>,
    added: u64,
    removed: u64,
}

/// List the patches of the newest revision
#[utoipa::path(get, path = "/api/v1/workflows/{id}/patches", tag = "patches", params(("id" = String, Path)), responses((status = 200, body = Vec<PatchRow>)))]
pub(crate) async fn patches(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
) -> Result<Json<Vec<PatchRow>>, Problem> {
    let seen = house.look(&workflow_id(&id)?).await?;
    let revision = seen.workflow.revision;
    let row = |draft: &Draft| PatchRow {
        id: PatchSetId::derive(&seen.workflow.id, revision, &draft.repository).to_string(),
        repository: seen.workflow.repository_name(&draft.repository),
        revision: revision.0,
        files: draft.diff.files.iter().map(|f| f.path().to_text()).collect(),
        added: draft.diff.added(),
        removed: draft.diff.removed(),
    };
    Ok(Json(seen.drafts().iter().map(row).collect()))
}

/// How a patch set is to be shown.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatchQuery {
    /// Only the file with this path, and all of it.
    path: Option<String>,
}

/// A patch set: canonical diff as text and, where nothing in it had to be hidden, typed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct PatchWire {
    id: String,
    workflow: String,
    #[serde(flatten)]
    text: DiffWire,
    /// Files, hunks, lines, words, hidden characters and anchors; null where lines were masked.
    #[schema(value_type = Option<Object>)]
    typed: Option<serde_json::Value>,
    rationales: Vec<RationaleWire>,
}

/// Why a file was changed, as the agent claims.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct RationaleWire {
    path: String,
    /// The agent's words; untrusted.
    text: String,
}

/// Show one patch set
#[utoipa::path(
    get, path = "/api/v1/patches/{id}", tag = "patches", params(("id" = String, Path), PatchQuery),
    responses((status = 200, body = PatchWire),
        (status = 404, description = "there is none in the newest revision", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn patch(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    Query(query): Query<PatchQuery>,
) -> Result<Json<PatchWire>, Problem> {
    let missing = || Problem::missing("patch set", &id);
    let (workflow, _) = id.split_once(':').ok_or_else(missing)?;
    let seen = house.look(&workflow_id(workflow)?).await?;
    let of = |d: &&Draft| {
        PatchSetId::derive(&seen.workflow.id, seen.workflow.revision, &d.repository).as_str() == id
    };
    let draft = seen.drafts().iter().find(of).ok_or_else(missing)?;
    let canonical = seen.diff(draft);
    let typed = match masked(canonical, &draft.findings).lines {
        0 => {
            let wanted = Wanted {
                only: query.path.map(RepoPath::from_bytes),
                ..Wanted::default()
            };
            let typed = typed_diff(&draft.diff, canonical, &|_| None, &wanted)
                .map_err(|e| Problem::internal(e.code(), "the diff can't be shown line by line"))?;
            Some(serde_json::to_value(&typed).map_err(|e| Problem::internal("no-json", e.to_string()))?)
        }
        _masked => None,
    };
    let rationale = |r: &countersign_core::artifact::Rationale| RationaleWire {
        path: r.path.to_text(),
        text: countersign_core::outbound::redacted(&r.text).into_owned(),
    };
    Ok(Json(PatchWire {
        workflow: seen.workflow.id.to_string(),
        text: diff_wire(&seen, draft),
        typed,
        rationales: draft.rationales.iter().map(rationale).collect(),
        id,
    }))
}

/// An artifact: what an agent answered and was found valid.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ArtifactWire {
    /// `triage`, `plan`, `critique`.
    kind: &'static str,
    /// Which one of its kind, from 1.
    version: u32,
    /// RFC 3339, UTC.
    at: String,
    #[schema(value_type = Object)]
    content: serde_json::Value,
}

/// List a workflow's artifacts, every version
#[utoipa::path(get, path = "/api/v1/workflows/{id}/artifacts", tag = "workflows", params(("id" = String, Path)), responses((status = 200, body = Vec<ArtifactWire>)))]
pub(crate) async fn artifacts(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
) -> Result<Json<Vec<ArtifactWire>>, Problem> {
    let seen = house.look(&workflow_id(&id)?).await?;
    let mut found: Vec<ArtifactWire> = Vec::new();
    for record in &seen.records {
        let (kind, content) = if let Event::TriageRecorded { decision } = &record.event {
            ("triage", serde_json::to_value(decision))
        } else if let Event::PlanRecorded {
            architecture,
            plan,
            digest,
        } = &record.event
        {
            let whole = serde_json::json!({"architecture": architecture, "plan": plan, "digest": digest});
            ("plan", Ok(whole))
        } else if let Event::CritiqueRecorded { critique } = &record.event {
            ("critique", serde_json::to_value(critique))
        } else {
            continue;
        };
        let version = found.iter().filter(|a| a.kind == kind).count() + 1;
        found.push(ArtifactWire {
            kind,
            version: u32::try_from(version).unwrap_or(u32::MAX),
            at: record.at.to_rfc3339(),
            content: content.map_err(|e| Problem::internal("no-json", e.to_string()))?,
        });
    }
    Ok(Json(found))
}
