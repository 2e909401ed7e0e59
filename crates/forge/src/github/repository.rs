//! Which repository a name or a number stands for now (<https://docs.github.com/rest/repos/repos#get-a-repository>).

use super::GitHub;
use super::access::door_of;
use super::error::CallError;
use countersign_core::forge::Listing;
use countersign_core::id::{BranchName, RepositoryId};
use countersign_ports::trees::TreesError;
use serde::Deserialize;

/// Longest `OWNER/NAME`, in bytes. GitHub's have 39 and 100.
const FULL_NAME_MAX_BYTES: usize = 200;

/// A repository as GitHub shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// By its number.
    pub id: RepositoryId,
    /// `OWNER/NAME`, as it is called now.
    pub full_name: String,
    /// Where it is cloned from, below the server's address.
    pub clone_url: String,
    /// What HEAD names there.
    pub default_branch: BranchName,
    /// Read-only for good.
    pub archived: bool,
    /// Not everybody sees it.
    pub private: bool,
    /// What our account may do: look, push. GitHub does not say what the token may.
    pub may: (bool, bool),
}

impl Found {
    /// `OWNER`.
    pub(super) fn owner(&self) -> &str {
        self.full_name.split('/').next().unwrap_or_default()
    }

    /// How it is called, and whether everybody sees it.
    pub(super) fn listing(&self) -> Listing {
        Listing {
            name: self.full_name.clone(),
            private: self.private,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Wire {
    id: u64,
    full_name: String,
    clone_url: String,
    default_branch: String,
    #[serde(default)]
    archived: bool,
    private: Option<bool>,
    #[serde(default)]
    permissions: Permissions,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Permissions {
    pull: bool,
    push: bool,
}

impl GitHub {
    /// The repository of that name; one that has another name now is found, too.
    ///
    /// # Errors
    /// `bad-repository-name`, or when GitHub does not show it.
    pub fn by_name(&self, full_name: &str) -> Result<Found, TreesError> {
        let doing = format!("Looking {full_name} up");
        if !is_full_name(full_name) {
            return Err(TreesError::Unsupported {
                code: "bad-repository-name",
                message: "A repository on GitHub is named OWNER/NAME, such as octo-org/hello.".to_owned(),
            });
        }
        let look = || {
            let reader = self.api.reader_of_name(full_name)?;
            self.api.get_as::<Wire>(&reader, &format!("/repos/{full_name}"))
        };
        match look() {
            Ok(wire) => self.found(wire).map_err(|e| e.reading(&doing)),
            Err(CallError::Moved) => Err(TreesError::Unsupported {
                code: "github-renamed",
                message: format!(
                    "{full_name} has another name now. Look it up on GitHub's pages, and give the new name."
                ),
            }),
            Err(error) => Err(error.reading(&doing)),
        }
    }

    /// The repository with that number, wherever it is now.
    ///
    /// # Errors
    /// When GitHub does not show it.
    pub fn by_id(&self, id: &RepositoryId) -> Result<Found, TreesError> {
        let doing = format!("Looking {id} up");
        let wire: Wire = self.api.get(id, &door_of(id)).map_err(|e| e.reading(&doing))?;
        let found = self.found(wire).map_err(|e| e.reading(&doing))?;
        match found.id == *id {
            true => Ok(found),
            false => Err(CallError::Odd {
                why: format!("it shows {} instead", found.id),
            }
            .reading(&doing)),
        }
    }

    /// Only what stays below the server that was named may be cloned from and pushed to.
    pub(super) fn found(&self, wire: Wire) -> Result<Found, CallError> {
        let odd = |why: &str| CallError::Odd { why: why.to_owned() };
        if !is_full_name(&wire.full_name) {
            return Err(odd("it names a repository by no name that one can have"));
        }
        let expected = format!("{}/{}.git", self.api.settings().server_url, wire.full_name);
        if !wire.clone_url.eq_ignore_ascii_case(&expected) {
            return Err(odd(
                "it names another server to clone from than the one that is set",
            ));
        }
        let default_branch = BranchName::parse(&wire.default_branch)
            .map_err(|_| odd("it names a default branch that can't be one"))?;
        Ok(Found {
            id: RepositoryId::github(wire.id),
            full_name: wire.full_name,
            clone_url: wire.clone_url,
            default_branch,
            archived: wire.archived,
            // What GitHub does not say is no leave to name it.
            private: wire.private.unwrap_or(true),
            may: (wire.permissions.pull, wire.permissions.push),
        })
    }
}

/// Two plain parts, so that they can stand in a path.
fn is_full_name(text: &str) -> bool {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    match text.split_once('/') {
        Some((owner, name)) => {
            text.len() <= FULL_NAME_MAX_BYTES && plain(owner) && (plain(name) || is_dotted(name))
        }
        None => false,
    }
}

/// `.github` is a usual name.
fn is_dotted(name: &str) -> bool {
    let rest = name.strip_prefix('.').unwrap_or_default();
    !rest.is_empty()
        && !rest.starts_with('.')
        && rest
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::is_full_name;

    #[test]
    fn a_full_name_stays_in_its_place_of_a_path() {
        for fine in ["octo-org/hello.world", "o/.github", "a_b/c-d"] {
            assert!(is_full_name(fine), "{fine}");
        }
        for wrong in [
            "hello", "a/b/c", "/b", "a/", "a/..", "../a", "a/b?x", "a/b#c", "a b/c", "a/.", "a/%2e",
        ] {
            assert!(!is_full_name(wrong), "{wrong}");
        }
    }
}
