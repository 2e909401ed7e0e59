//! Members: who may do what. Every change is a fact in the ledger. A new member comes in with a one-time code, which whoever
//! invites them passes on.

use super::sessions::new_code;
use super::{Json, Path};
use crate::guard::role_word;
use crate::house::{House, random};
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use countersign_core::id::MemberId;
use countersign_core::member::{Member, Role};
use countersign_core::policy::is_hidden_character;
use countersign_core::time::Timestamp;
use countersign_ports::access::Access;
use countersign_ports::store::TenantStore;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// Longest name of a member, in characters.
const NAME_MAX_CHARS: usize = 64;

/// Whether something can be called so: everybody sees all of the name, and in its order.
pub(super) fn can_be_name(name: &str, max_chars: usize) -> bool {
    !name.is_empty() && name.chars().count() <= max_chars && !name.chars().any(is_hidden_character)
}

/// The role of that name.
pub fn parse_role(word: &str) -> Result<Role, Problem> {
    let roles = [Role::Viewer, Role::Reviewer, Role::Maintainer, Role::Owner];
    roles.into_iter().find(|r| role_word(*r) == word).ok_or_else(|| {
        let text = format!("`{word}` is no role; it is one of viewer, reviewer, maintainer, owner");
        Problem::refused("unknown-role", text)
    })
}

/// Adds a member and makes the code with which they come in.
///
/// # Errors
/// When the name can't be one or is taken, or the store fails.
pub async fn invite(
    store: &dyn TenantStore,
    access: &dyn Access,
    (name, role): (&str, Role),
    now: Timestamp,
) -> Result<(Member, String), Problem> {
    let member = new_member(store, name, role).await?;
    store.ensure_member(&member).await?;
    let code = new_code(access, &member.id, now).await?;
    Ok((member, code))
}

/// Somebody who is to be a member, under a name that nobody has.
pub(crate) async fn new_member(store: &dyn TenantStore, name: &str, role: Role) -> Result<Member, Problem> {
    let name = name.trim();
    if !can_be_name(name, NAME_MAX_CHARS) {
        let text = format!("a member's name has 1 to {NAME_MAX_CHARS} characters, none of them hidden");
        return Err(Problem::refused("bad-name", text));
    }
    if store.roster().await?.members.iter().any(|m| m.name == name) {
        return Err(Problem::refused(
            "name-taken",
            format!("there is a member `{name}` already"),
        ));
    }
    let letters = name
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .map(|c| c.to_ascii_lowercase());
    let id = format!(
        "mb_{}-{}",
        letters.take(20).collect::<String>(),
        hex::encode(random::<4>()?)
    );
    let id = MemberId::parse(&id).map_err(|e| Problem::internal("member-id", e.to_string()))?;
    let (person, name) = (id.to_string(), name.to_owned());
    Ok(Member {
        id,
        person,
        name,
        role,
        active: true,
    })
}

/// The member of that id or name.
///
/// # Errors
/// When there is none, or the store fails.
pub async fn named(store: &dyn TenantStore, name: &str) -> Result<Member, Problem> {
    let members = store.roster().await?.members;
    let found = members
        .into_iter()
        .find(|m| m.id.as_str() == name || m.name == name);
    found.ok_or_else(|| Problem::missing("member", name))
}

/// Changes a member. Sessions and codes of the role before end at once; who is no member any more has no keys either.
///
/// # Errors
/// When nobody would be an owner any more, or the store fails.
pub async fn change(store: &dyn TenantStore, access: &dyn Access, member: &Member) -> Result<(), Problem> {
    let before = store.roster().await?;
    store.change_member(member).await?;
    if before.members.iter().any(|m| m == member) {
        return Ok(());
    }
    access.end_sessions(&member.id).await?;
    if member.active {
        return Ok(());
    }
    for key in access
        .keys()
        .await?
        .iter()
        .filter(|k| k.member == member.id && k.revoked_at.is_none())
    {
        access.revoke_key(&key.id).await?;
    }
    Ok(())
}

/// A member.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct MemberWire {
    /// `mb_…`.
    pub id: String,
    /// Whom it stands for: ids with the same person count as one.
    pub person: String,
    /// How they are called.
    pub name: String,
    /// `viewer`, `reviewer`, `maintainer` or `owner`.
    pub role: String,
    /// Whether they still are a member.
    pub active: bool,
}

impl MemberWire {
    /// From a member.
    pub fn of(member: &Member) -> Self {
        let (id, name) = (member.id.to_string(), member.name.clone());
        Self {
            id,
            person: member.person.clone(),
            name,
            role: role_word(member.role).to_owned(),
            active: member.active,
        }
    }
}

/// List members
#[utoipa::path(get, path = "/api/v1/members", operation_id = "list_members", tag = "members", responses((status = 200, body = Vec<MemberWire>)))]
pub(crate) async fn list(State(house): State<Arc<House>>) -> Result<Json<Vec<MemberWire>>, Problem> {
    Ok(Json(
        house
            .store
            .roster()
            .await?
            .members
            .iter()
            .map(MemberWire::of)
            .collect(),
    ))
}

/// Who is to be a member.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// How they are called.
    pub name: String,
    /// `viewer`, `reviewer`, `maintainer` or `owner`.
    pub role: String,
}

/// A member with the code with which they come in.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Invited {
    /// Who.
    #[serde(flatten)]
    pub member: MemberWire,
    /// It works once, for 15 minutes.
    pub code: String,
}

/// Add a member
#[utoipa::path(
    post, path = "/api/v1/members", operation_id = "add_member", tag = "members", request_body = NewMember,
    responses((status = 201, body = Invited),
        (status = 422, description = "the name or role can't be", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn add(
    State(house): State<Arc<House>>,
    Json(new): Json<NewMember>,
) -> Result<(StatusCode, Json<Invited>), Problem> {
    let now = house.ports.store.now().await?;
    let who = (new.name.as_str(), parse_role(&new.role)?);
    let (member, code) = invite(house.store.as_ref(), house.access.as_ref(), who, now).await?;
    Ok((
        StatusCode::CREATED,
        Json(Invited {
            member: MemberWire::of(&member),
            code,
        }),
    ))
}

/// What is to be different.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemberChange {
    /// `viewer`, `reviewer`, `maintainer` or `owner`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `false`: no member any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<bool>,
}

/// Change a member's role, or end the membership
#[utoipa::path(
    patch, path = "/api/v1/members/{id}", tag = "members", params(("id" = String, Path)), request_body = MemberChange,
    responses((status = 200, body = MemberWire),
        (status = 404, description = "there is none", content_type = "application/problem+json", body = Problem),
        (status = 422, description = "nobody would be an owner", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn update(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
    Json(wanted): Json<MemberChange>,
) -> Result<Json<MemberWire>, Problem> {
    let mut member = named(house.store.as_ref(), &id).await?;
    if let Some(role) = &wanted.role {
        member.role = parse_role(role)?;
    }
    member.active = wanted.active.unwrap_or(member.active);
    change(house.store.as_ref(), house.access.as_ref(), &member).await?;
    Ok(Json(MemberWire::of(&member)))
}

/// Make another code for a member
#[utoipa::path(
    post, path = "/api/v1/members/{id}/codes", tag = "members", params(("id" = String, Path)),
    responses((status = 201, body = Invited),
        (status = 404, description = "there is none", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn code(
    State(house): State<Arc<House>>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Invited>), Problem> {
    let member = named(house.store.as_ref(), &id).await?;
    if !member.active {
        return Err(Problem::refused(
            "not-a-member",
            format!("{} is no member any more", member.name),
        ));
    }
    let now = house.ports.store.now().await?;
    let code = new_code(house.access.as_ref(), &member.id, now).await?;
    Ok((
        StatusCode::CREATED,
        Json(Invited {
            member: MemberWire::of(&member),
            code,
        }),
    ))
}
