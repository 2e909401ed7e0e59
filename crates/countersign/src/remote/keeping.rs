//! Members, keys and the ledger of a server. Nothing is decided here: who may, the server says.

use super::{ANSWER_MAX, Remote, body};
use crate::error::CliError;
use countersign_server::client::{
    CheckpointWire, EntryWire, HeadsWire, LedgerWire, MemberChange, MemberWire, NewMember,
};
use countersign_server::{Invited, KeyWire, MadeKey, NewKey};
use reqwest::Method;

impl Remote {
    /// The members.
    ///
    /// # Errors
    /// As for every call: the server can't be reached, or refuses.
    pub(crate) async fn members(&self) -> Result<Vec<MemberWire>, CliError> {
        self.get("members").await
    }

    /// Adds a member.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn add_member(&self, new: &NewMember) -> Result<Invited, CliError> {
        self.read(self.request(Method::POST, "members")?.json(new)).await
    }

    /// Another code for a member, by id or name.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn member_code(&self, name: &str) -> Result<Invited, CliError> {
        let id = self.member_id(name).await?;
        self.read(self.request(Method::POST, &format!("members/{id}/codes"))?)
            .await
    }

    /// Changes a member, by id or name.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn change_member(
        &self,
        name: &str,
        change: &MemberChange,
    ) -> Result<MemberWire, CliError> {
        let id = self.member_id(name).await?;
        self.read(
            self.request(Method::PATCH, &format!("members/{id}"))?
                .json(change),
        )
        .await
    }

    /// A name is looked up here, so that it needs no escaping in a path.
    async fn member_id(&self, name: &str) -> Result<String, CliError> {
        let all = self.members().await?.into_iter();
        let found = all.into_iter().find(|m| m.id == name || m.name == name);
        let missing = || CliError::refused("not-found", format!("there is no member `{name}` here"));
        Ok(found.ok_or_else(missing)?.id)
    }

    /// The API keys.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn keys(&self) -> Result<Vec<KeyWire>, CliError> {
        self.get("keys").await
    }

    /// Makes a key in the name of whoever is signed in.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn make_key(&self, wanted: &NewKey) -> Result<MadeKey, CliError> {
        self.read(self.request(Method::POST, "keys")?.json(wanted)).await
    }

    /// Takes a key back.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn revoke_key(&self, id: &str) -> Result<(), CliError> {
        let all = self.keys().await?;
        let missing = || CliError::refused("not-found", format!("there is no API key `{id}` here"));
        let key = all.iter().find(|k| k.id == id).ok_or_else(missing)?;
        self.send(self.request(Method::DELETE, &format!("keys/{}", key.id))?)
            .await
            .map(drop)
    }

    /// Where the ledger stands.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn ledger(&self) -> Result<LedgerWire, CliError> {
        self.get("ledger").await
    }

    /// Entries of one stream or of all, from an index on.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn ledger_entries(
        &self,
        stream: Option<&str>,
        from: u64,
        limit: u32,
    ) -> Result<Vec<EntryWire>, CliError> {
        let of = stream.map_or_else(String::new, |id| format!("&workflow={id}"));
        self.get(&format!("ledger/entries?from={from}&limit={limit}{of}"))
            .await
    }

    /// The newest signed head.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn checkpoint(&self) -> Result<CheckpointWire, CliError> {
        self.get("ledger/checkpoint").await
    }

    /// The proof that the log of one size goes on from that of another; to be checked by whoever asks.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn consistency(&self, from: u64, to: u64) -> Result<HeadsWire, CliError> {
        self.get(&format!("ledger/consistency?from={from}&to={to}")).await
    }

    /// A workflow's bundle.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn bundle(&self, id: &str) -> Result<Vec<u8>, CliError> {
        let request = self.request(Method::GET, &format!("workflows/{id}/export"))?;
        body(self.send(request.timeout(ANSWER_MAX)).await?).await
    }
}
