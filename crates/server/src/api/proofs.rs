//! Proofs out of the ledger's tree: an entry is under the signed head, and a head goes on from an earlier one. Whoever keeps
//! a head checks with them that nothing was taken away or put in between; no proof is to be believed without its check.

use super::ledger::{CheckpointWire, EntryWire, keys};
use super::{Json, Path, Query};
use crate::house::House;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_ledger::Body;
use countersign_ports::store::{CheckpointRow, EntryRow};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// An entry and the way from it to the root of the signed head (RFC 9162 section 2.1.3, RFC 6962 section 2.1.1).
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct InclusionWire {
    entry: EntryWire,
    /// The entry's leaf, base64: what is hashed.
    leaf: String,
    /// Leaves of the tree that the proof is for: those of the checkpoint.
    tree_size: u64,
    /// The audit path, nearest sibling first: SHA-256 hashes, base64.
    path: Vec<String>,
    /// The signed head.
    checkpoint: CheckpointWire,
}

/// Prove that an entry is under the newest signed checkpoint
#[utoipa::path(
    get, path = "/api/v1/ledger/proofs/{sequence}", operation_id = "prove_inclusion", tag = "ledger",
    params(("sequence" = u64, Path, description = "the entry's index, from 0: the id of a live event")),
    responses((status = 200, body = InclusionWire),
        (status = 404, description = "there is no such entry", content_type = "application/problem+json", body = Problem),
        (status = 409, description = "no checkpoint covers it yet", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn inclusion(
    State(house): State<Arc<House>>,
    Path(sequence): Path<u64>,
) -> Result<Json<InclusionWire>, Problem> {
    let head = house.store.checkpoints(1).await?.pop();
    let covers = head.as_ref().map_or(0, |h| h.size);
    let Some(head) = head.filter(|h| sequence < h.size) else {
        let (size, _) = house.store.ledger_size().await?;
        if sequence >= size {
            return Err(Problem::missing("ledger entry", &sequence.to_string()));
        }
        let text = format!("the newest checkpoint covers {covers} entries, and not this one yet");
        return Err(Problem::new(StatusCode::CONFLICT, "not-sealed-yet", text).next(
            "Checkpoints are signed when people are asked, before a write and at every end; ask again then.",
        ));
    };
    let proven = house.store.proven(sequence, head.size).await?;
    let row = EntryRow {
        index: proven.index,
        leaf: proven.leaf,
        body: match proven.body {
            Body::Present { bytes, .. } => Some(bytes),
            Body::Erased => None,
        },
    };
    Ok(Json(InclusionWire {
        entry: EntryWire::of(&row)?,
        leaf: STANDARD.encode(&row.leaf),
        tree_size: head.size,
        path: base64(&proven.proof),
        checkpoint: signed(&house, head),
    }))
}

/// Between which sizes.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ConsistencyQuery {
    /// Leaves of the earlier head: one that you keep.
    from: u64,
    /// Leaves of the later head; those of the newest checkpoint if nothing is said.
    to: Option<u64>,
}

/// Two heads and the proof that one begins with the other (RFC 9162 section 2.1.4, RFC 6962 section 2.1.2).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct HeadsWire {
    /// Leaves of the earlier head.
    pub from_size: u64,
    /// Root of the first `from_size` leaves, base64. Compare it with the head that you keep.
    pub from_root: String,
    /// Leaves of the later head.
    pub to_size: u64,
    /// Root of the first `to_size` leaves, base64.
    pub to_root: String,
    /// SHA-256 hashes, base64; empty where the sizes are equal, or `from_size` is 0.
    pub proof: Vec<String>,
    /// The newest signed head, where it is of `to_size`.
    pub checkpoint: Option<CheckpointWire>,
}

/// Prove that the ledger only grew between two sizes
#[utoipa::path(
    get, path = "/api/v1/ledger/consistency", operation_id = "prove_consistency", tag = "ledger", params(ConsistencyQuery),
    responses((status = 200, body = HeadsWire),
        (status = 422, description = "the ledger has no such sizes", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn consistency(
    State(house): State<Arc<House>>,
    Query(ConsistencyQuery { from, to }): Query<ConsistencyQuery>,
) -> Result<Json<HeadsWire>, Problem> {
    let head = house.store.checkpoints(1).await?.pop();
    let to = to.unwrap_or_else(|| head.as_ref().map_or(0, |h| h.size));
    if from > to {
        let text = format!("a head of {to} entries can't go on from one of {from}");
        return Err(Problem::refused("sizes-reversed", text).next("Give the smaller size as `from`."));
    }
    let (to_root, from_root) = (house.store.root(to).await?, house.store.root(from).await?);
    let earlier = house.store.earlier(&[from], to).await?.pop();
    let signed_head = head.filter(|h| h.size == to);
    Ok(Json(HeadsWire {
        from_size: from,
        from_root: STANDARD.encode(from_root.as_bytes()),
        to_size: to,
        to_root: STANDARD.encode(to_root.as_bytes()),
        proof: earlier.map(|e| base64(&e.proof)).unwrap_or_default(),
        checkpoint: signed_head.map(|h| signed(&house, h)),
    }))
}

fn signed(house: &House, head: CheckpointRow) -> CheckpointWire {
    CheckpointWire::of(head, keys(house))
}

fn base64(hashes: &[[u8; 32]]) -> Vec<String> {
    hashes.iter().map(|hash| STANDARD.encode(hash)).collect()
}
