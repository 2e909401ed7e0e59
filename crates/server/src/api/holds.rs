//! Freezes and alarms: what stops writing, and what somebody has to see to.

use super::{Json, Path};
use crate::guard::Principal;
use crate::house::House;
use crate::problem::Problem;
use crate::wire::AlarmWire;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use countersign_core::id::{MemberId, RepositoryId};
use countersign_core::outbound::refused_words;
use countersign_core::time::Timestamp;
use countersign_ports::store::{Cleared, Freeze, NOTE_MAX_BYTES, TenantStore};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// The name of the freeze that holds for every repository.
const EVERYTHING: &str = "everything";

/// Something that is frozen.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct FreezeWire {
    /// `everything`, or the id of a repository; it ends by this name.
    pub id: String,
    /// The repository's name; null: every repository.
    pub repository: Option<String>,
    /// RFC 3339, UTC.
    pub since: String,
    /// Who, by member's id; null: the server itself, because of something that it found.
    pub by: Option<String>,
    /// Why.
    pub reason: String,
}

/// What is to be frozen, or not any more.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewFreeze {
    /// A repository's name or id; every repository if nothing is said.
    pub repository: Option<String>,
    /// Why, in a sentence.
    pub reason: String,
}

/// Why a freeze ends, or what was found about an alarm.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Note {
    /// A sentence.
    pub note: String,
}

/// What is frozen, oldest first.
///
/// # Errors
/// When the store fails.
pub async fn frozen(store: &dyn TenantStore) -> Result<Vec<FreezeWire>, Problem> {
    let rows = store.repositories().await?;
    let wire = |(at, freeze): (Timestamp, Freeze)| {
        let name = |id: &RepositoryId| {
            let row = rows.iter().find(|row| row.id == *id);
            row.map_or_else(|| id.to_string(), |row| row.name.clone())
        };
        FreezeWire {
            id: freeze
                .repository
                .as_ref()
                .map_or_else(|| EVERYTHING.to_owned(), ToString::to_string),
            repository: freeze.repository.as_ref().map(name),
            since: at.to_rfc3339(),
            by: freeze.by.as_ref().map(ToString::to_string),
            reason: freeze.reason,
        }
    };
    Ok(store.freezes().await?.into_iter().map(wire).collect())
}

/// Freezes, or with `end` unfreezes.
///
/// # Errors
/// When there is no such repository, it is so already, or the words can't be kept.
pub async fn set_frozen(
    store: &dyn TenantStore,
    by: &MemberId,
    new: NewFreeze,
    end: bool,
) -> Result<(), Problem> {
    let repository = match &new.repository {
        None => None,
        Some(name) => {
            let rows = store.repositories().await?;
            let row = rows
                .into_iter()
                .find(|r| r.name == *name || r.id.to_string() == *name);
            let missing = || Problem::refused("unknown-repository", format!("`{name}` is not registered"));
            Some(row.ok_or_else(missing)?.id)
        }
    };
    let freeze = Freeze {
        v: 1,
        repository,
        by: Some(by.clone()),
        because: None,
        reason: words("the reason", new.reason)?,
    };
    match end {
        false => store.freeze(&freeze).await?,
        true => store.unfreeze(&freeze).await?,
    }
    Ok(())
}

/// Records that somebody has seen to an alarm.
///
/// # Errors
/// When there is none of that number, it was cleared already, or the words can't be kept.
pub async fn clear_alarm(
    store: &dyn TenantStore,
    by: &MemberId,
    alarm: u64,
    note: String,
) -> Result<(), Problem> {
    let cleared = Cleared {
        v: 1,
        alarm,
        by: by.clone(),
        note: words("the note", note)?,
    };
    Ok(store.clear_alarm(&cleared).await?)
}

/// Words that go into the ledger for good.
fn words(what: &str, text: String) -> Result<String, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::refused(
            "words-empty",
            format!("{what} is empty; say it in a sentence"),
        ));
    }
    if text.len() > NOTE_MAX_BYTES {
        let text = format!("{what} has more than {NOTE_MAX_BYTES} bytes");
        return Err(Problem::refused("words-too-long", text));
    }
    match refused_words(what, &text) {
        Some(why) => Err(Problem::refused("words-hold-secret", why)),
        None => Ok(text),
    }
}

/// List what is frozen
#[utoipa::path(get, path = "/api/v1/freezes", operation_id = "freezes", tag = "freezes", responses((status = 200, body = Vec<FreezeWire>)))]
pub(crate) async fn list(State(house): State<Arc<House>>) -> Result<Json<Vec<FreezeWire>>, Problem> {
    Ok(Json(frozen(house.store.as_ref()).await?))
}

/// Freeze: approved writes wait, and nothing new begins
#[utoipa::path(
    post, path = "/api/v1/freezes", tag = "freezes", request_body = NewFreeze,
    responses((status = 201, description = "what is frozen now", body = Vec<FreezeWire>),
        (status = 422, description = "it can't be frozen", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn freeze(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Json(new): Json<NewFreeze>,
) -> Result<(StatusCode, Json<Vec<FreezeWire>>), Problem> {
    set_frozen(house.store.as_ref(), &principal.member()?.id, new, false).await?;
    Ok((StatusCode::CREATED, Json(frozen(house.store.as_ref()).await?)))
}

/// Unfreeze
#[utoipa::path(
    post, path = "/api/v1/freezes/{id}/end", tag = "freezes", params(("id" = String, Path)), request_body = Note,
    responses((status = 200, description = "what is still frozen", body = Vec<FreezeWire>),
        (status = 422, description = "it is not frozen", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn unfreeze(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Json(why): Json<Note>,
) -> Result<Json<Vec<FreezeWire>>, Problem> {
    let end = NewFreeze {
        repository: (id != EVERYTHING).then_some(id),
        reason: why.note,
    };
    set_frozen(house.store.as_ref(), &principal.member()?.id, end, true).await?;
    Ok(Json(frozen(house.store.as_ref()).await?))
}

/// List alarms, oldest first
#[utoipa::path(get, path = "/api/v1/alarms", tag = "alarms", responses((status = 200, body = Vec<AlarmWire>)))]
pub(crate) async fn alarms(State(house): State<Arc<House>>) -> Result<Json<Vec<AlarmWire>>, Problem> {
    Ok(Json(
        house.store.alarms().await?.iter().map(AlarmWire::of).collect(),
    ))
}

/// Clear an alarm: somebody has seen to it
#[utoipa::path(
    post, path = "/api/v1/alarms/{id}/clear", operation_id = "clear_alarm", tag = "alarms", params(("id" = u64, Path)), request_body = Note,
    responses((status = 200, description = "all alarms", body = Vec<AlarmWire>),
        (status = 404, description = "there is none", content_type = "application/problem+json", body = Problem),
        (status = 422, description = "it was cleared already", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn clear(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<u64>,
    Json(found): Json<Note>,
) -> Result<Json<Vec<AlarmWire>>, Problem> {
    clear_alarm(house.store.as_ref(), &principal.member()?.id, id, found.note).await?;
    alarms(State(house)).await
}
