//! Port to a provider at which people show who they are: OAuth 2.0 by authorization code (RFC 6749, section 4.1) with PKCE
//! (RFC 7636, S256).
//!
//! A provider says who somebody is there, and nothing else: whom that lets in is not decided here, and what the provider
//! gives for further calls stays in the adapter.

use async_trait::async_trait;
use countersign_core::id::MemberId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Largest number of an account: above it JSON's numbers are not exact everywhere (RFC 8259, section 6).
pub const ACCOUNT_ID_MAX: u64 = (1 << 53) - 1;

/// What one sign-in begins with. All of it is secret until it is over.
pub struct Ask {
    /// Where the browser is sent.
    pub address: String,
    /// What the provider hands back, so that it is known which sign-in ended.
    pub state: String,
    /// What proves to the provider that whoever ends the sign-in has begun it (`code_verifier`).
    pub verifier: String,
}

/// Somebody's account at the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number, which stays for good.
    pub id: u64,
    /// Its name there, in lower case; it can be changed, and taken by somebody else afterwards.
    pub login: String,
}

/// Why nobody is known now.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The code is none, was used, has run out, or was not meant for this sign-in.
    #[error("the provider does not take the code of this sign-in")]
    CodeRefused,
    /// It does not know us, or not under this address.
    #[error("the provider refuses this server: {0}")]
    ServerRefused(String),
    /// It can't be reached, or is out of order.
    #[error("the provider can't be reached: {0}")]
    Unreachable(String),
    /// It answers what nobody expects.
    #[error("the provider's answer can't be understood: {0}")]
    Odd(String),
}

/// The provider.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Begins a sign-in; nothing is sent.
    fn ask(&self) -> Ask;

    /// Ends one: trades the code for the account that it stands for.
    async fn account(&self, code: &str, verifier: &str) -> Result<Account, IdentityError>;
}

/// That an account is a member's: a fact in the ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountLink {
    /// Version of this form.
    pub v: u32,
    /// Whose it is.
    pub member: MemberId,
    /// The account's number.
    pub account: u64,
    /// The name under which it was on the list, in lower case; `None`: an owner named the number.
    pub login: Option<String>,
}

impl AccountLink {
    /// The version that is written.
    pub const VERSION: u32 = 1;
}

/// All links: what the facts say, one after the other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AccountLinks {
    members: BTreeMap<u64, MemberId>,
    logins: BTreeMap<String, u64>,
}

impl AccountLinks {
    /// Of all facts, oldest first.
    pub fn of(facts: impl IntoIterator<Item = AccountLink>) -> Self {
        let mut links = Self::default();
        for fact in facts {
            links.members.retain(|_, member| *member != fact.member);
            links.members.insert(fact.account, fact.member);
            if let Some(login) = fact.login {
                links.logins.entry(login).or_insert(fact.account);
            }
        }
        links
    }

    /// Whose the account is.
    pub fn member_of(&self, account: u64) -> Option<&MemberId> {
        self.members.get(&account)
    }

    /// The member's account.
    pub fn account_of(&self, member: &MemberId) -> Option<u64> {
        self.members.iter().find(|(_, m)| *m == member).map(|(id, _)| *id)
    }

    /// The account that a name on the list stood for when it was first seen, and stands for since.
    pub fn named(&self, login: &str) -> Option<u64> {
        self.logins.get(login).copied()
    }
}
