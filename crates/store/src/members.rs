//! The members of a tenant. A new one is a fact in the ledger, and a row that is not what its fact says is nobody.

use crate::db::Tx;
use crate::log::{self, KIND_MEMBER_ADDED, KIND_MEMBER_CHANGED};
use crate::{entries, error};
use countersign_core::act::MemberKey;
use countersign_core::digest::canonical_json;
use countersign_core::id::MemberId;
use countersign_core::member::{Member, Role, Roster};
use countersign_ports::store::{MemberKeys, StoreError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Version of the body of a `member.added` entry.
const FACT_VERSION: u32 = 1;

#[derive(Serialize)]
struct Added<'a> {
    v: u32,
    member: &'a Member,
}

#[derive(Deserialize)]
struct Recorded {
    member: Member,
}

/// Adds a member if there is none of that id.
pub(crate) async fn ensure(tx: &Tx<'_>, member: &Member) -> Result<(), StoreError> {
    const INSERT: &str = "INSERT INTO members (tenant, id, person, name, role, active)
        VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant, id) DO NOTHING";
    let values = [
        member.id.as_str().into(),
        member.person.as_str().into(),
        member.name.as_str().into(),
        role_word(member.role).into(),
        i64::from(member.active).into(),
    ];
    match tx.run(INSERT, values).await? {
        0 => Ok(()),
        _ => log::append_tenant_fact(tx, KIND_MEMBER_ADDED, &fact(member)).await,
    }
}

/// Changes a member; the row follows the fact.
pub(crate) async fn change(tx: &Tx<'_>, member: &Member) -> Result<(), StoreError> {
    let members = rows(tx).await?;
    refuse_changed(tx, &members).await?;
    let Some(before) = members.iter().find(|m| m.id == member.id) else {
        let (what, id) = ("member", member.id.to_string());
        return Err(StoreError::NotFound { what, id });
    };
    if before == member {
        return Ok(());
    }
    let owns = |m: &Member| m.active && m.role == Role::Owner;
    if !owns(member) && !members.iter().any(|m| m.id != member.id && owns(m)) {
        return Err(StoreError::Refused {
            code: "last-owner",
            message: format!(
                "{} is the last owner; make somebody else an owner first",
                before.name
            ),
        });
    }
    const UPDATE: &str =
        "UPDATE members SET person = $3, name = $4, role = $5, active = $6 WHERE tenant = $1 AND id = $2";
    let values = [
        member.id.as_str().into(),
        member.person.as_str().into(),
        member.name.as_str().into(),
        role_word(member.role).into(),
        i64::from(member.active).into(),
    ];
    tx.run(UPDATE, values).await?;
    log::append_tenant_fact(tx, KIND_MEMBER_CHANGED, &fact(member)).await
}

fn fact(member: &Member) -> Vec<u8> {
    canonical_json(&Added {
        v: FACT_VERSION,
        member,
    })
}

/// All members, by id, with the keys that are held for them outside the database. Who somebody is decides what they
/// may, so each row is held against its fact in the ledger.
pub(crate) async fn roster(tx: &Tx<'_>, keys: &dyn MemberKeys) -> Result<Roster, StoreError> {
    let members = rows(tx).await?;
    refuse_changed(tx, &members).await?;
    let key = |member: &Member| {
        let bytes = keys.verifying_key(tx.tenant(), &member.id)?;
        Some((member.id.clone(), MemberKey::from_bytes(bytes)))
    };
    let keys: BTreeMap<MemberId, MemberKey> = members.iter().filter_map(key).collect();
    Ok(Roster { members, keys })
}

/// The rows as they are, by id.
async fn rows(tx: &Tx<'_>) -> Result<Vec<Member>, StoreError> {
    let rows = tx
        .rows(
            "SELECT id, person, name, role, active FROM members WHERE tenant = $1 ORDER BY id",
            [],
        )
        .await?;
    let members = rows.iter().map(|row| {
        Ok(Member {
            id: row.parsed("id", MemberId::parse)?,
            person: row.text("person")?,
            name: row.text("name")?,
            role: row.parsed("role", parse_role)?,
            active: row.flag("active")?,
        })
    });
    members.collect()
}

/// Each row has to be what the newest fact about that member says.
async fn refuse_changed(tx: &Tx<'_>, members: &[Member]) -> Result<(), StoreError> {
    let facts = entries::tenant_facts_of(tx, &[KIND_MEMBER_ADDED, KIND_MEMBER_CHANGED]).await?;
    let newest = |member: &Member| {
        let of_member = |body: &&Vec<u8>| {
            serde_json::from_slice(body).is_ok_and(|recorded: Recorded| recorded.member.id == member.id)
        };
        facts.iter().rev().find(of_member)
    };
    match members
        .iter()
        .find(|member| newest(member) != Some(&fact(member)))
    {
        None => Ok(()),
        Some(changed) => {
            tracing::error!(member = %changed.id, "ALARM: a member's row is not what was recorded");
            Err(error::damaged(format_args!(
                "the row of member {} was added or changed behind the ledger",
                changed.id
            )))
        }
    }
}

const ROLES: [Role; 4] = [Role::Viewer, Role::Reviewer, Role::Maintainer, Role::Owner];

fn role_word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Reviewer => "reviewer",
        Role::Maintainer => "maintainer",
        Role::Owner => "owner",
    }
}

fn parse_role(text: &str) -> Result<Role, &'static str> {
    ROLES
        .into_iter()
        .find(|role| role_word(*role) == text)
        .ok_or("there is no such role")
}
