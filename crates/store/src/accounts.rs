//! Whose which account at the provider is: facts in the ledger and nothing else, so that no row can be changed to come in as
//! somebody else.

use crate::db::Tx;
use crate::log::{self, KIND_MEMBER_LINKED};
use crate::{entries, error, members};
use countersign_core::digest::canonical_json;
use countersign_core::member::Member;
use countersign_ports::identity::{AccountLink, AccountLinks};
use countersign_ports::store::StoreError;

/// All links.
pub(crate) async fn links(tx: &Tx<'_>) -> Result<AccountLinks, StoreError> {
    let facts = entries::tenant_facts(tx, KIND_MEMBER_LINKED).await?;
    let read = |body: &Vec<u8>| serde_json::from_slice(body);
    let read: Result<Vec<AccountLink>, _> = facts.iter().map(read).collect();
    let read = read.map_err(|_| error::damaged("a link to an account in the ledger can't be read"))?;
    Ok(AccountLinks::of(read))
}

/// Links an account to a member, who is added first where they are new.
pub(crate) async fn link(tx: &Tx<'_>, link: &AccountLink, new: Option<&Member>) -> Result<(), StoreError> {
    let links = links(tx).await?;
    match links.member_of(link.account) {
        Some(member) if *member == link.member => return Ok(()),
        // An owner who names the number may put right what went wrong.
        Some(_) if link.login.is_none() => {}
        Some(member) => {
            return Err(StoreError::Refused {
                code: "account-taken",
                message: format!("the account {} is {member}'s", link.account),
            });
        }
        None => {}
    }
    let named = link.login.as_deref().and_then(|login| links.named(login));
    if named.is_some_and(|account| account != link.account) {
        return Err(StoreError::Refused {
            code: "account-other",
            message: "the name stood for another account when it was first seen".to_owned(),
        });
    }
    if let Some(new) = new {
        members::ensure(tx, new).await?;
    }
    log::append_tenant_fact(tx, KIND_MEMBER_LINKED, &canonical_json(link)).await
}
