//! Notices: what left, to where, and how it ended.

use super::{Json, Query};
use crate::house::House;
use crate::problem::Problem;
use crate::wire::NoticeWire;
use axum::extract::State;
use countersign_ports::notice::NOTICES_PAGE_MAX;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

/// Notices that a list has where nobody asks for more.
const LIMIT_DEFAULT: u32 = 100;

/// How many notices.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoticesQuery {
    /// Most notices; 100 if nothing is said, 1,000 at most.
    #[param(maximum = 1000)]
    limit: Option<u32>,
}

/// List what left as notices, newest first; addresses are masked
#[utoipa::path(get, path = "/api/v1/notices", tag = "notices", params(NoticesQuery), responses((status = 200, body = Vec<NoticeWire>)))]
pub(crate) async fn list(
    State(house): State<Arc<House>>,
    Query(query): Query<NoticesQuery>,
) -> Result<Json<Vec<NoticeWire>>, Problem> {
    let limit = query.limit.unwrap_or(LIMIT_DEFAULT).min(NOTICES_PAGE_MAX);
    let rows = house.outbox.list(limit).await?;
    Ok(Json(rows.iter().map(NoticeWire::of).collect()))
}
