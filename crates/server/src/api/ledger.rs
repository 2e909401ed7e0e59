//! The ledger: entries, the signed head, and a workflow's bundle for offline verification.

use super::{Json, Path, Query, workflow_id};
use crate::house::House;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use countersign_engine::bundle;
use countersign_ledger::{Leaf, leaf_hash};
use countersign_ports::store::{CheckpointRow, EntryRow};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Entries on one page at most.
const PAGE_MAX: u32 = 1_000;

/// Where the ledger stands.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LedgerWire {
    /// Leaves in it.
    pub size: u64,
    /// Leaves under the newest signed checkpoint.
    pub sealed: u64,
    /// Keys that verify its checkpoints, the one in force first.
    pub keys: Vec<String>,
}

/// Say where the ledger stands
#[utoipa::path(get, path = "/api/v1/ledger", tag = "ledger", responses((status = 200, body = LedgerWire)))]
pub(crate) async fn state(State(house): State<Arc<House>>) -> Result<Json<LedgerWire>, Problem> {
    let (size, sealed) = house.store.ledger_size().await?;
    Ok(Json(LedgerWire {
        size,
        sealed,
        keys: keys(&house),
    }))
}

pub(super) fn keys(house: &House) -> Vec<String> {
    house
        .ports
        .signer
        .verifiers(house.tenant())
        .iter()
        .map(ToString::to_string)
        .collect()
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntriesQuery {
    /// Only this workflow's.
    workflow: Option<String>,
    /// From this index on.
    #[serde(default)]
    from: u64,
    /// How many at most: 1 to 1,000, 200 if nothing is said.
    limit: Option<u32>,
}

/// One entry of the ledger.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EntryWire {
    /// Its index, from 0.
    pub index: u64,
    /// Its stream: a workflow's id, or the tenant's own.
    pub stream: String,
    /// Its place in the stream, from 1.
    pub seq: u64,
    /// What it records.
    pub kind: String,
    /// RFC 3339, UTC.
    pub at: String,
    /// RFC 6962 hash of the leaf.
    pub leaf_hash: String,
    /// The stream ends with it.
    pub ended: bool,
    /// Its body is gone.
    pub erased: bool,
}

/// List entries of the ledger
#[utoipa::path(get, path = "/api/v1/ledger/entries", tag = "ledger", params(EntriesQuery), responses((status = 200, body = Vec<EntryWire>)))]
pub(crate) async fn entries(
    State(house): State<Arc<House>>,
    Query(query): Query<EntriesQuery>,
) -> Result<Json<Vec<EntryWire>>, Problem> {
    let limit = query.limit.unwrap_or(200).clamp(1, PAGE_MAX);
    let rows = house
        .store
        .entries(query.workflow.as_deref(), query.from, limit)
        .await?;
    rows.iter()
        .map(EntryWire::of)
        .collect::<Result<_, Problem>>()
        .map(Json)
}

impl EntryWire {
    pub(super) fn of(row: &EntryRow) -> Result<Self, Problem> {
        let leaf = Leaf::parse(&row.leaf)
            .map_err(|e| Problem::internal(e.code(), "an entry of the ledger can't be read"))?;
        Ok(Self {
            index: row.index,
            stream: leaf.stream,
            seq: leaf.seq,
            kind: leaf.kind,
            at: leaf.at,
            leaf_hash: leaf_hash(&row.leaf).to_string(),
            ended: leaf.ended.is_some(),
            erased: row.body.is_none(),
        })
    }
}

/// A signed head of the ledger.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CheckpointWire {
    /// Leaves that it covers.
    pub size: u64,
    /// RFC 3339, UTC.
    pub at: String,
    /// The C2SP note.
    pub note: String,
    /// Keys that verify it.
    pub keys: Vec<String>,
}

/// Show the newest signed checkpoint
#[utoipa::path(
    get, path = "/api/v1/ledger/checkpoint", tag = "ledger",
    responses((status = 200, body = CheckpointWire),
        (status = 404, description = "nothing was signed yet", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn checkpoint(State(house): State<Arc<House>>) -> Result<Json<CheckpointWire>, Problem> {
    let newest = house.store.checkpoints(1).await?.pop();
    let row = newest.ok_or_else(|| Problem::missing("checkpoint", "newest"))?;
    Ok(Json(CheckpointWire::of(row, keys(&house))))
}

impl CheckpointWire {
    pub(super) fn of(row: CheckpointRow, keys: Vec<String>) -> Self {
        Self {
            size: row.size,
            at: row.at.to_rfc3339(),
            note: row.note,
            keys,
        }
    }
}

/// Export a workflow's bundle: what `countersign verify` checks offline
#[utoipa::path(
    get, path = "/api/v1/workflows/{id}/export", tag = "ledger", params(("id" = String, Path)),
    responses((status = 200, description = "the bundle", content_type = "application/json"),
        (status = 404, description = "there is none", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn export(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let id = workflow_id(&id)?;
    let bundle = bundle::export(house.store.as_ref(), &id, house.ports.signer.as_ref(), &[]).await?;
    let bytes = bundle
        .to_bytes()
        .map_err(|e| Problem::internal(e.code(), e.to_string()))?;
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(name) = HeaderValue::from_str(&format!("attachment; filename=\"{id}.bundle.json\"")) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}
