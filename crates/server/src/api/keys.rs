//! API keys: for programs that look and start, never for decisions. A key is shown once; its SHA-256 is what is kept.

use super::members::can_be_name;
use super::{Json, Path};
use crate::guard::{KEY_PREFIX, Principal};
use crate::house::{House, hash, random};
use crate::problem::Problem;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use countersign_core::id::MemberId;
use countersign_core::time::Timestamp;
use countersign_ports::access::{Access, ApiKey, Scope};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::sync::Arc;
use utoipa::ToSchema;

/// Longest name of a key, in characters.
const NAME_MAX_CHARS: usize = 100;
/// For how many days a key lives, unless somebody says otherwise.
pub const DAYS_DEFAULT: u32 = 90;
/// For how many days at most.
pub const DAYS_MAX: u32 = 366;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// What a new key is to be.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// What people call it.
    pub name: String,
    /// `read`, `submit` or both.
    pub scopes: Vec<String>,
    /// For how many days, 1 to 366; 90 if nothing is said.
    pub days: Option<u32>,
}

/// Makes a key in a member's name. The whole key is given back once, and never again.
///
/// # Errors
/// When it can't be such a key, there is no randomness, or the store fails.
pub async fn make(
    access: &dyn Access,
    member: &MemberId,
    now: Timestamp,
    wanted: &NewKey,
) -> Result<(String, ApiKey), Problem> {
    let name = wanted.name.trim();
    if !can_be_name(name, NAME_MAX_CHARS) {
        let text = format!("a key's name has 1 to {NAME_MAX_CHARS} characters, none of them hidden");
        return Err(Problem::refused("bad-name", text));
    }
    let mut scopes = BTreeSet::new();
    for word in &wanted.scopes {
        let scope = Scope::parse(word).ok_or_else(|| {
            Problem::refused(
                "unknown-scope",
                format!("`{word}` is neither `read` nor `submit`"),
            )
        })?;
        scopes.insert(scope);
    }
    if scopes.is_empty() {
        return Err(Problem::refused(
            "no-scope",
            "a key needs a scope: `read`, `submit` or both",
        ));
    }
    let days = wanted.days.unwrap_or(DAYS_DEFAULT);
    if !(1..=DAYS_MAX).contains(&days) {
        return Err(Problem::refused(
            "bad-days",
            format!("a key lives for 1 to {DAYS_MAX} days"),
        ));
    }
    let id = hex::encode(random::<6>()?);
    let whole = format!("{KEY_PREFIX}{id}_{}", hex::encode(random::<32>()?));
    let key = ApiKey {
        id,
        name: name.to_owned(),
        member: member.clone(),
        scopes,
        created_at: now,
        expires_at: now.plus_ms(u64::from(days) * DAY_MS),
        used_at: None,
        revoked_at: None,
    };
    access.add_key(&hash(&whole), &key).await?;
    Ok((whole, key))
}

/// An API key, without what makes it one.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct KeyWire {
    /// What it is called by in other calls.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// In whose name it works.
    pub member: String,
    /// `read`, `submit` or both.
    pub scopes: Vec<String>,
    /// RFC 3339, UTC.
    pub created_at: String,
    /// RFC 3339, UTC.
    pub expires_at: String,
    /// RFC 3339, UTC; null: never.
    pub used_at: Option<String>,
    /// RFC 3339, UTC; null: it was not taken back.
    pub revoked_at: Option<String>,
}

impl KeyWire {
    /// From a stored one.
    pub fn of(key: &ApiKey) -> Self {
        Self {
            id: key.id.clone(),
            name: key.name.clone(),
            member: key.member.to_string(),
            scopes: key.scopes.iter().map(|s| s.as_str().to_owned()).collect(),
            created_at: key.created_at.to_rfc3339(),
            expires_at: key.expires_at.to_rfc3339(),
            used_at: key.used_at.map(Timestamp::to_rfc3339),
            revoked_at: key.revoked_at.map(Timestamp::to_rfc3339),
        }
    }
}

/// A new key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MadeKey {
    /// The key itself: it is shown this once.
    pub secret: String,
    /// What is kept of it.
    #[serde(flatten)]
    pub key: KeyWire,
}

/// List API keys
#[utoipa::path(get, path = "/api/v1/keys", operation_id = "list_keys", tag = "keys", responses((status = 200, body = Vec<KeyWire>)))]
pub(crate) async fn list(State(house): State<Arc<House>>) -> Result<Json<Vec<KeyWire>>, Problem> {
    Ok(Json(house.access.keys().await?.iter().map(KeyWire::of).collect()))
}

/// Make an API key
#[utoipa::path(
    post, path = "/api/v1/keys", operation_id = "add_key", tag = "keys", request_body = NewKey,
    responses((status = 201, body = MadeKey),
        (status = 422, description = "it can't be such a key", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn add(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Json(wanted): Json<NewKey>,
) -> Result<(StatusCode, Json<MadeKey>), Problem> {
    let now = house.ports.store.now().await?;
    let (secret, key) = make(house.access.as_ref(), &principal.member()?.id, now, &wanted).await?;
    Ok((
        StatusCode::CREATED,
        Json(MadeKey {
            secret,
            key: KeyWire::of(&key),
        }),
    ))
}

/// Take an API key back
#[utoipa::path(
    delete, path = "/api/v1/keys/{id}", tag = "keys", params(("id" = String, Path)),
    responses((status = 204),
        (status = 404, description = "there is none", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn revoke(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    house.access.revoke_key(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}
