//! Members and keys, of a data folder or of a server. In a folder an owner's business is held to owners here; a server does
//! so itself.

use super::{Desk, Place};
use crate::error::CliError;
use crate::session::Session;
use countersign_core::id::TenantId;
use countersign_core::member::Role;
use countersign_ports::access::Access;
use countersign_server::client::{MemberChange, MemberWire, NewMember};
use countersign_server::{
    Invited, KeyWire, MadeKey, NewKey, change_member, invite, make_key, member_named, new_code, parse_role,
};
use std::sync::Arc;

fn access(session: &Session) -> Arc<dyn Access> {
    session.database().access(&TenantId::local())
}

/// Members are an owner's business, at the terminal as well.
pub(crate) async fn owner(session: &Session) -> Result<(), CliError> {
    let (me, _) = session.member().await?;
    let roster = session.store.roster().await?;
    let entitled = roster.entitled(&me, Role::Owner).map(drop);
    entitled.map_err(|e| CliError::refused("role-too-weak", e.to_string()).next("Ask an owner."))
}

impl Desk {
    /// All members.
    ///
    /// # Errors
    /// When they can't be read.
    pub(crate) async fn members(&self) -> Result<Vec<MemberWire>, CliError> {
        match &self.at {
            Place::Folder(session) => {
                let roster = session.store.roster().await?;
                Ok(roster.members.iter().map(MemberWire::of).collect())
            }
            Place::Server(server) => server.remote.members().await,
        }
    }

    /// Adds a member, with the code with which they come in.
    ///
    /// # Errors
    /// When the name or role can't be, or whoever asks is no owner.
    pub(crate) async fn add_member(&self, new: NewMember) -> Result<Invited, CliError> {
        let session = match &self.at {
            Place::Folder(session) => session,
            Place::Server(server) => return server.remote.add_member(&new).await,
        };
        owner(session).await?;
        let now = session.ports.store.now().await?;
        let who = (new.name.as_str(), parse_role(&new.role)?);
        let (member, code) = invite(session.store.as_ref(), access(session).as_ref(), who, now).await?;
        let member = MemberWire::of(&member);
        Ok(Invited { member, code })
    }

    /// Another code for a member.
    ///
    /// # Errors
    /// When there is none, or whoever asks is no owner.
    pub(crate) async fn member_code(&self, name: &str) -> Result<Invited, CliError> {
        let session = match &self.at {
            Place::Folder(session) => session,
            Place::Server(server) => return server.remote.member_code(name).await,
        };
        owner(session).await?;
        let member = member_named(session.store.as_ref(), name).await?;
        if !member.active {
            let text = format!("{} is no member any more", member.name);
            return Err(CliError::refused("not-a-member", text));
        }
        let now = session.ports.store.now().await?;
        let code = new_code(access(session).as_ref(), &member.id, now).await?;
        let member = MemberWire::of(&member);
        Ok(Invited { member, code })
    }

    /// Changes a member's role, or ends the membership.
    ///
    /// # Errors
    /// When there is none, nobody would be an owner any more, or whoever asks is no owner.
    pub(crate) async fn change_member(
        &self,
        name: &str,
        change: MemberChange,
    ) -> Result<MemberWire, CliError> {
        let session = match &self.at {
            Place::Folder(session) => session,
            Place::Server(server) => return server.remote.change_member(name, &change).await,
        };
        owner(session).await?;
        let mut member = member_named(session.store.as_ref(), name).await?;
        if let Some(role) = &change.role {
            member.role = parse_role(role)?;
        }
        member.active = change.active.unwrap_or(member.active);
        change_member(session.store.as_ref(), access(session).as_ref(), &member).await?;
        Ok(MemberWire::of(&member))
    }

    /// All API keys.
    ///
    /// # Errors
    /// When they can't be read.
    pub(crate) async fn keys(&self) -> Result<Vec<KeyWire>, CliError> {
        match &self.at {
            Place::Folder(session) => {
                let keys = access(session).keys().await?;
                Ok(keys.iter().map(KeyWire::of).collect())
            }
            Place::Server(server) => server.remote.keys().await,
        }
    }

    /// Makes a key in the name of whoever asks.
    ///
    /// # Errors
    /// When it can't be such a key.
    pub(crate) async fn make_key(&self, wanted: NewKey) -> Result<MadeKey, CliError> {
        let session = match &self.at {
            Place::Folder(session) => session,
            Place::Server(server) => return server.remote.make_key(&wanted).await,
        };
        let (member, _) = session.member().await?;
        let now = session.ports.store.now().await?;
        let (secret, key) = make_key(access(session).as_ref(), &member, now, &wanted).await?;
        let key = KeyWire::of(&key);
        Ok(MadeKey { secret, key })
    }

    /// Takes a key back.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) async fn revoke_key(&self, id: &str) -> Result<(), CliError> {
        match &self.at {
            Place::Folder(session) => Ok(access(session).revoke_key(id).await?),
            Place::Server(server) => server.remote.revoke_key(id).await,
        }
    }
}
