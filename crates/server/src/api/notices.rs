//! Notices: what left, to where, and how it ended.

use super::runs::place;
use super::{Json, Query};
use crate::house::House;
use crate::problem::Problem;
use crate::wire::NoticeWire;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Notices that a list has where nobody asks for more.
const PAGE: u32 = 100;
/// Notices on one page at most.
const PAGE_MAX: u32 = 500;

/// Which notices.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoticesQuery {
    /// How many at most: 1 to 500, 100 if nothing is said.
    limit: Option<u32>,
    /// Where to go on: `next` of the page before.
    cursor: Option<String>,
}

/// A page of notices.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NoticesPage {
    /// Newest first.
    notices: Vec<NoticeWire>,
    /// The cursor of the next page; null: this is the last one.
    next: Option<String>,
}

/// List what left as notices, newest first; addresses are masked
#[utoipa::path(
    get, path = "/api/v1/notices", tag = "notices", params(NoticesQuery),
    responses((status = 200, body = NoticesPage),
        (status = 400, description = "a parameter can't be read", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn list(
    State(house): State<Arc<House>>,
    Query(query): Query<NoticesQuery>,
) -> Result<Json<NoticesPage>, Problem> {
    let before = query.cursor.as_deref().map_or(Ok(u64::MAX), place)?;
    // One more than is shown says whether there is a next page.
    let limit = query.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let rows = house.outbox.list_before(before, limit + 1).await?;
    let shown = &rows[..rows.len().min(limit as usize)];
    let last = shown.last().filter(|_| rows.len() > shown.len());
    Ok(Json(NoticesPage {
        notices: shown.iter().map(NoticeWire::of).collect(),
        next: last.map(|row| row.number.to_string()),
    }))
}
