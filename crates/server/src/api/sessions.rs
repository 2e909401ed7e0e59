//! Coming in and going out. A one-time code becomes a session; no token is ever in an address.

use super::{Json, Path};
use crate::guard::{LATELY_MS, Principal, SESSION_PREFIX, role_word};
use crate::house::{House, hash, random};
use crate::problem::Problem;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use countersign_core::id::MemberId;
use countersign_core::time::Timestamp;
use countersign_ports::access::{Access, Session};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// How long a code can be used: 15 minutes, in milliseconds.
pub const CODE_MS: u64 = 15 * 60 * 1000;
/// How long a session lives at the most: 14 days, in milliseconds.
pub(crate) const SESSION_MS: u64 = 14 * 24 * 60 * 60 * 1000;
/// Letters of a code: none that looks like another. 32 of them, so 12 letters have 60 bits.
const LETTERS: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Letters of a code.
const CODE_LETTERS: usize = 12;

/// Makes a one-time code for a member, such as `K7PD-2MQX-9RTA`.
///
/// # Errors
/// When there is no randomness, or the store fails.
pub async fn new_code(access: &dyn Access, member: &MemberId, now: Timestamp) -> Result<String, Problem> {
    let bytes: [u8; CODE_LETTERS] = random()?;
    let letters: Vec<char> = bytes
        .iter()
        .map(|b| char::from(LETTERS[usize::from(b % 32)]))
        .collect();
    let code: Vec<String> = letters.chunks(4).map(|c| c.iter().collect()).collect();
    access
        .put_code(&hash(&plain(&code.concat())), member, now.plus_ms(CODE_MS))
        .await?;
    Ok(code.join("-"))
}

/// A code as it is stored: what people add when they type it does not count.
fn plain(code: &str) -> String {
    let letters = code.chars().filter(char::is_ascii_alphanumeric);
    format!(
        "code:{}",
        letters.map(|c| c.to_ascii_uppercase()).collect::<String>()
    )
}

/// Trades a code for a session's token.
pub(crate) async fn by_code(
    house: &House,
    code: &str,
    through: &str,
    before: &Principal,
) -> Result<String, Problem> {
    let Some(member) = house.access.take_code(&hash(&plain(code))).await? else {
        let text = "this code is none, was used already, or has run out";
        return Err(Problem::new(StatusCode::FORBIDDEN, "code-refused", text)
            .next("Get another one on the server's machine: countersign code"));
    };
    begin(house, member, through, before).await
}

/// Begins a session of somebody who has just shown who they are, in place of the one in which they did; its token.
pub(crate) async fn begin(
    house: &House,
    member: MemberId,
    through: &str,
    before: &Principal,
) -> Result<String, Problem> {
    house.store.roster().await?.find(&member).map_err(|e| {
        Problem::new(StatusCode::FORBIDDEN, "not-a-member", e.to_string()).next("Ask an owner.")
    })?;
    let token = new_token()?;
    let now = house.ports.store.now().await?;
    let session = Session {
        id: format!("cs_{}", hex::encode(random::<8>()?)),
        member,
        through: through.to_owned(),
        began_at: now,
        authenticated_at: now,
        seen_at: now,
        expires_at: now.plus_ms(SESSION_MS),
    };
    house.access.begin_session(&hash(&token), &session).await?;
    // Whoever shows again who they are goes on under another token, and the one before opens nothing any more.
    if let Principal::Person { session, .. } = before {
        house.access.end_session(&session.id).await?;
    }
    Ok(token)
}

/// A session's token: 256 random bits.
pub(crate) fn new_token() -> Result<String, Problem> {
    Ok(format!("{SESSION_PREFIX}{}", hex::encode(random::<32>()?)))
}

/// A one-time code.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Code {
    /// As `countersign code` prints it; blanks and hyphens don't count.
    pub code: String,
}

/// A session's token: it is shown once, and belongs into an `Authorization: Bearer` header.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// `css_…`.
    pub token: String,
    /// RFC 3339, UTC.
    pub expires_at: String,
}

/// Trade a one-time code for a session
#[utoipa::path(
    post, path = "/api/v1/sessions", tag = "sessions", security(()), request_body = Code,
    responses((status = 201, body = Token),
        (status = 403, description = "the code is none", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn sign_in(
    State(house): State<Arc<House>>,
    Extension(before): Extension<Principal>,
    Json(code): Json<Code>,
) -> Result<(StatusCode, Json<Token>), Problem> {
    let token = by_code(&house, &code.code, "terminal", &before).await?;
    let expires_at = house.ports.store.now().await?.plus_ms(SESSION_MS).to_rfc3339();
    Ok((StatusCode::CREATED, Json(Token { token, expires_at })))
}

/// Who calls.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Whoami {
    /// `person` or `key`.
    pub kind: String,
    /// Whose data it is.
    pub tenant: String,
    /// `mb_…`.
    pub member: String,
    /// How they are called.
    pub name: String,
    /// `viewer`, `reviewer`, `maintainer` or `owner`.
    pub role: String,
    /// What a key may do; null for people.
    pub scopes: Option<Vec<String>>,
    /// Until when decisions need no new code; null for keys, which decide nothing.
    pub decides_until: Option<String>,
}

/// Who is signed in
#[utoipa::path(get, path = "/api/v1/session", tag = "sessions", responses((status = 200, body = Whoami)))]
pub(crate) async fn whoami(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<Whoami>, Problem> {
    let member = principal.member()?;
    let (kind, scopes, decides_until) = match &principal {
        Principal::Key { key, .. } => (
            "key",
            Some(key.scopes.iter().map(|s| s.as_str().to_owned()).collect()),
            None,
        ),
        Principal::Person { session, .. } => (
            "person",
            None,
            Some(session.authenticated_at.plus_ms(LATELY_MS).to_rfc3339()),
        ),
        Principal::Nobody => ("nobody", None, None),
    };
    Ok(Json(Whoami {
        kind: kind.to_owned(),
        tenant: house.tenant().to_string(),
        member: member.id.to_string(),
        name: member.name.clone(),
        role: role_word(member.role).to_owned(),
        scopes,
        decides_until,
    }))
}

/// End this session
#[utoipa::path(delete, path = "/api/v1/session", tag = "sessions", responses((status = 204)))]
pub(crate) async fn sign_out(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
) -> Result<StatusCode, Problem> {
    if let Principal::Person { session, .. } = &principal {
        house.access.end_session(&session.id).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// A session of whoever asks.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SessionWire {
    /// `cs_…`.
    pub id: String,
    /// Where it is used: `browser`, `browser, by GitHub` or `terminal`.
    pub through: String,
    /// Since when; RFC 3339, UTC.
    pub began_at: String,
    /// When it was last used, to the minute.
    pub seen_at: String,
    /// When it ends at the latest; after 7 days without use it ends earlier.
    pub expires_at: String,
    /// It is the one of this call.
    pub this: bool,
}

fn own(principal: &Principal) -> Result<&Session, Problem> {
    match principal {
        Principal::Person { session, .. } => Ok(session),
        Principal::Nobody | Principal::Key { .. } => Err(Problem::missing("session", "of this caller")),
    }
}

/// List your own sessions
#[utoipa::path(
    get, path = "/api/v1/sessions", operation_id = "list_sessions", tag = "sessions",
    responses((status = 200, body = Vec<SessionWire>))
)]
pub(crate) async fn list(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
) -> Result<Json<Vec<SessionWire>>, Problem> {
    let this = own(&principal)?;
    let sessions = house.access.sessions(&this.member).await?;
    let wire = |session: Session| SessionWire {
        this: session.id == this.id,
        id: session.id,
        through: session.through,
        began_at: session.began_at.to_rfc3339(),
        seen_at: session.seen_at.to_rfc3339(),
        expires_at: session.expires_at.to_rfc3339(),
    };
    Ok(Json(sessions.into_iter().map(wire).collect()))
}

/// End one of your sessions
#[utoipa::path(
    delete, path = "/api/v1/sessions/{id}", operation_id = "end_session", tag = "sessions",
    params(("id" = String, Path)),
    responses((status = 204),
        (status = 404, description = "there is none", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn end_one(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let sessions = house.access.sessions(&own(&principal)?.member).await?;
    if !sessions.iter().any(|session| session.id == id) {
        return Err(Problem::missing("session of yours", &id));
    }
    house.access.end_session(&id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// End all of your other sessions
#[utoipa::path(
    delete, path = "/api/v1/sessions", operation_id = "end_other_sessions", tag = "sessions",
    responses((status = 204))
)]
pub(crate) async fn end_others(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
) -> Result<StatusCode, Problem> {
    let this = own(&principal)?;
    for session in house.access.sessions(&this.member).await? {
        if session.id != this.id {
            house.access.end_session(&session.id).await?;
        }
    }
    Ok(StatusCode::NO_CONTENT)
}
