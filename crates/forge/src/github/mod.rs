//! GitHub as a forge: github.com, or a GitHub Enterprise Server, by its REST API (<https://docs.github.com/rest>); branches go
//! through git ([`Trees`]).
//!
//! A repository is known by its number and looked up by it before each step, so that one that was renamed or given away is
//! found, and one that took its old name is never written to. Every write is sent once, with a permit, and read back by
//! whoever asked for it. We come with a token, or as a GitHub App with tokens made for one repository and one purpose each
//! ([`access`]). What can go wrong and what comes of it is listed in `docs/github.md`. Nothing here decides anything.

mod access;
mod app;
mod checks;
mod client;
mod comments;
mod error;
mod hooks;
mod issue;
mod labels;
mod logs;
mod manifest;
mod protection;
mod pulls;
mod repository;
mod search;
mod thread;

pub use access::{Credentials, InHand, Installation, Known, NEEDED, Permissions, READS, Writer};
pub use app::App;
pub use comments::GitHubComments;
pub use error::CODES;
pub use hooks::GitHubHooks;
pub use issue::{Author, Spoken, Thread};
pub use manifest::{Made, Manifest, State};
pub use repository::Found;
pub use search::{MATCHES_MAX, Matches, issue_of};

use access::Carried;
use client::Api;
use countersign_core::forge::{CheckRun, Listing, PullRequest, RequiredCheck};
use countersign_core::id::{AccountId, BranchName, CommitSha, RepositoryId};
use countersign_core::permit::{
    ClosePullRequest, ContentPermit, DeleteBranch, OpenPullRequest, PushBranch, RetractPermit,
};
use countersign_core::time::Timestamp;
use countersign_ports::forge::Forge;
use countersign_ports::trees::{BranchState, PreparedCommit, PublishError, RepoSource, Trees, TreesError};
use error::CallError;
use serde::Deserialize;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Where github.com's API is.
pub const API_URL: &str = "https://api.github.com";
/// Where github.com is.
pub const SERVER_URL: &str = "https://github.com";

/// How GitHub is called.
#[derive(Debug, Clone)]
pub struct GitHubSettings {
    /// Its API, without a slash at the end: `https://api.github.com`, `https://HOST/api/v3`.
    pub api_url: String,
    /// Where repositories are cloned from: `https://github.com`, `https://HOST`.
    pub server_url: String,
    /// What lets us in.
    pub credentials: Credentials,
}

/// A text that is shown nowhere.
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Keeps it.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// For the one place that sends it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why GitHub can't be spoken to as it is set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// An address would send the token in the clear, or is none.
    #[error("GitHub's addresses have to be https://HOST…; http only to this machine itself")]
    Address,
    /// What names the App is no id.
    #[error("github.app_id is no id of a GitHub App; its page on GitHub shows it as App ID")]
    AppId,
    /// What should be the App's key is none.
    #[error("the App's private key is none: it has to be RSA in PEM, as GitHub hands it out, or in PKCS#8")]
    AppKey,
}

impl SettingsError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            SettingsError::Address => "github-url-malformed",
            SettingsError::AppId => "github-app-id-malformed",
            SettingsError::AppKey => "github-app-key-unusable",
        }
    }
}

/// Encrypted, or on this machine.
fn check_address(text: &str) -> Result<(), SettingsError> {
    let host = |rest: &str| rest.split('/').next().unwrap_or_default().to_owned();
    let fine = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(rest), _) => !host(rest).is_empty(),
        (None, Some(rest)) => {
            let host = host(rest);
            let name = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name);
            ["127.0.0.1", "localhost", "[::1]"].contains(&name)
        }
        (None, None) => false,
    };
    match fine && !text.ends_with('/') && !text.contains(['?', '#', ' ', '@']) {
        true => Ok(()),
        false => Err(SettingsError::Address),
    }
}

/// GitHub's API with what lets us in: what can be looked up there.
pub struct GitHub {
    api: Api,
    account: Mutex<Option<Account>>,
    app: OnceLock<Known>,
}

/// An account, by its number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Account {
    /// The number that stays.
    pub id: u64,
    /// The name, which may change.
    pub login: String,
    /// `User`, `Bot`, `Organization` or `Mannequin`.
    #[serde(rename = "type", default)]
    pub kind: String,
}

impl GitHub {
    /// Checks the settings; nothing is connected to.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(settings: GitHubSettings) -> Result<Self, SettingsError> {
        Ok(Self {
            api: Api::new(settings)?,
            account: Mutex::default(),
            app: OnceLock::new(),
        })
    }

    /// Under which account what we write appears: whose token it is
    /// (<https://docs.github.com/rest/users/users#get-the-authenticated-user>), or the App's own account, which is asked for with
    /// what reads that repository.
    ///
    /// # Errors
    /// When GitHub does not say.
    pub fn account(&self, of: &RepositoryId) -> Result<Account, TreesError> {
        self.ours(|| self.api.reader(of))
    }

    /// Whose token it is.
    ///
    /// # Errors
    /// When GitHub does not say; with an App it is nobody's.
    pub fn owner_of_token(&self) -> Result<Account, TreesError> {
        let token = match &self.api.settings().credentials {
            Credentials::Token(token) => Carried::Account(token.clone()),
            Credentials::None | Credentials::App(_) => Carried::Nothing,
        };
        let asked = self.api.get_as(&token, "/user");
        asked.map_err(|e| e.reading("Asking GitHub whose token it is"))
    }

    /// Which App we are; `None`, where we come with something else. Asked for once.
    ///
    /// # Errors
    /// When GitHub does not say.
    pub fn app(&self) -> Result<Option<Known>, TreesError> {
        let known = self.known();
        known.map_err(|e| e.reading("Asking GitHub which App this is"))
    }

    fn known(&self) -> Result<Option<Known>, CallError> {
        match (&self.api.settings().credentials, self.app.get()) {
            (Credentials::None | Credentials::Token(_), _) => Ok(None),
            (Credentials::App(_), Some(known)) => Ok(Some(known.clone())),
            (Credentials::App(app), None) => {
                let known = self.api.known(app)?;
                Ok(Some(self.app.get_or_init(|| known).clone()))
            }
        }
    }

    /// Where the App is installed for that repository, and what it may do there; `None`, where we come with something else.
    ///
    /// # Errors
    /// When GitHub does not say, the App is not installed there, or suspended.
    pub fn installation(&self, of: &RepositoryId) -> Result<Option<Installation>, TreesError> {
        match &self.api.settings().credentials {
            Credentials::None | Credentials::Token(_) => Ok(None),
            Credentials::App(app) => {
                let found = self.api.installation(app, &access::door_of(of));
                found
                    .map(Some)
                    .map_err(|e| e.reading(&format!("Looking for the App's installation on {of}")))
            }
        }
    }

    /// The right to send what this permit allows, from the permit itself.
    ///
    /// # Errors
    /// When GitHub gives no token for it.
    pub fn writer(&self, in_hand: InHand<'_>) -> Result<Writer, TreesError> {
        let of = in_hand.repository();
        let made = self.api.writer(&in_hand);
        made.map_err(|e| e.reading(&format!("Asking GitHub for a token to write to {of}")))
    }

    /// The token with which git reads that repository, if there is one.
    ///
    /// # Errors
    /// When GitHub gives none.
    pub fn readers_token(&self, of: &RepositoryId) -> Result<Option<Secret>, TreesError> {
        let carried = self.api.reader(of);
        let carried = carried.map_err(|e| e.reading(&format!("Asking GitHub for a token to read {of}")))?;
        Ok(carried.secret().cloned())
    }

    /// Whether tokens are made anew where they are not taken any more.
    pub fn tokens_pass(&self) -> bool {
        self.api.settings().credentials.are_narrow()
    }

    fn ours(&self, reader: impl FnOnce() -> Result<Carried, CallError>) -> Result<Account, TreesError> {
        let mut known = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(account) = known.as_ref() {
            return Ok(account.clone());
        }
        let doing = "Asking GitHub for the App's account";
        let account = match self.known().map_err(|e| e.reading(doing))? {
            None => self.owner_of_token()?,
            Some(app) => {
                let path = format!("/users/{}%5Bbot%5D", app.slug);
                let ask = || self.api.get_as::<Account>(&reader()?, &path);
                ask().map_err(|e| e.reading(doing))?
            }
        };
        Ok(known.insert(account).clone())
    }
}

/// GitHub as a forge.
pub struct GitHubForge {
    github: Arc<GitHub>,
    trees: Arc<dyn Trees>,
}

impl GitHubForge {
    /// Asks there, and pushes through this handle.
    pub fn new(github: Arc<GitHub>, trees: Arc<dyn Trees>) -> Self {
        Self { github, trees }
    }

    /// The repository where it is now, if it may be written to.
    fn writable(&self, id: &RepositoryId) -> Result<Found, PublishError> {
        let found = self.github.by_id(id).map_err(PublishError::Failed)?;
        match found.archived {
            false => Ok(found),
            true => Err(PublishError::Failed(TreesError::Unsupported {
                code: "github-archived",
                message: format!(
                    "{} is archived: nothing can be written there. Unarchive it on GitHub, then retry.",
                    found.full_name
                ),
            })),
        }
    }
}

impl Forge for GitHubForge {
    fn rests_for(&self, repo: &RepoSource) -> Option<Duration> {
        self.github.api.rests_for(&repo.id)
    }

    fn stage(
        &self,
        first: &ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        self.writable(&repo.id)?;
        self.trees.stage(first, repo, prepared)
    }

    fn push_branch(
        &self,
        permit: ContentPermit<PushBranch>,
        repo: &RepoSource,
        prepared: &PreparedCommit,
    ) -> Result<(), PublishError> {
        self.trees.publish(permit, repo, prepared)
    }

    fn delete_branch(
        &self,
        permit: RetractPermit<DeleteBranch>,
        repo: &RepoSource,
    ) -> Result<(), PublishError> {
        self.trees.retract(permit, repo)
    }

    fn read_branch(&self, repo: &RepoSource, branch: &BranchName) -> Result<Option<BranchState>, TreesError> {
        self.trees.read_branch(repo, branch)
    }

    fn account(&self, repo: &RepoSource) -> Result<AccountId, TreesError> {
        Ok(AccountId(self.github.account(&repo.id)?.id))
    }

    fn read_pull_requests(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
    ) -> Result<Vec<PullRequest>, TreesError> {
        self.github.pull_requests(&self.github.by_id(&repo.id)?, branch)
    }

    fn open_pull_request(
        &self,
        permit: ContentPermit<OpenPullRequest>,
        repo: &RepoSource,
    ) -> Result<PullRequest, PublishError> {
        let op = permit.op().clone();
        same_repository(&op.repository, repo)?;
        let found = self.writable(&repo.id)?;
        let writer = self.github.writer(InHand::Open(&permit));
        let writer = writer.map_err(PublishError::Failed)?;
        permit.redeem(now()).map_err(|e| expired(&e))?;
        self.github.open(&writer, &found, &op)
    }

    fn close_pull_request(
        &self,
        permit: RetractPermit<ClosePullRequest>,
        repo: &RepoSource,
    ) -> Result<(), PublishError> {
        let op = permit.op().clone();
        same_repository(&op.repository, repo)?;
        let found = self.github.by_id(&repo.id).map_err(PublishError::Failed)?;
        if !self.github.must_close(&found, &op)? {
            return Ok(());
        }
        let writer = self.github.writer(InHand::Close(&permit));
        let writer = writer.map_err(PublishError::Failed)?;
        permit.redeem(now()).map_err(|e| expired(&e))?;
        self.github.close(&writer, &found, &op)
    }

    fn listing(&self, repo: &RepoSource) -> Result<Option<Listing>, TreesError> {
        Ok(Some(self.github.by_id(&repo.id)?.listing()))
    }

    fn required_checks(
        &self,
        repo: &RepoSource,
        branch: &BranchName,
    ) -> Result<Vec<RequiredCheck>, TreesError> {
        self.github.protecting(&self.github.by_id(&repo.id)?, branch)
    }

    fn read_checks(
        &self,
        repo: &RepoSource,
        head: &CommitSha,
        required: &[RequiredCheck],
    ) -> Result<Vec<CheckRun>, TreesError> {
        self.github.checks(&self.github.by_id(&repo.id)?, head, required)
    }
}

fn same_repository(permitted: &RepositoryId, repo: &RepoSource) -> Result<(), PublishError> {
    match *permitted == repo.id {
        true => Ok(()),
        false => Err(PublishError::Failed(TreesError::Unsupported {
            code: "other-repository",
            message: "The permit is for another repository. Nothing was written; ask the gate again."
                .to_owned(),
        })),
    }
}

fn expired(error: &countersign_core::permit::PermitExpired) -> PublishError {
    PublishError::Failed(TreesError::Unavailable {
        code: "permit-expired",
        message: format!("{error}. Ask the gate again."),
    })
}

/// The machine's clock, for a permit's end.
fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::MAX);
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_only_where_it_is_encrypted_or_stays_here() {
        for fine in [
            "https://api.github.com",
            "https://ghe.example.org/api/v3",
            "http://127.0.0.1:80/api/v3",
        ] {
            assert_eq!(check_address(fine), Ok(()), "{fine}");
        }
        for wrong in [
            "http://github.example.org",
            "https://me@github.com",
            "http://127.0.0.1:x@example.org",
            "https://",
            "https://github.com/",
            "github.com",
            "http://127.0.0.1.example.org",
        ] {
            assert!(check_address(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert!(!format!("{:?}", Secret::new("canary")).contains("canary"));
    }
}
