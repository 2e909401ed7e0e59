//! What settings are once they are read: types that can't be wrong.

use super::address::{
    CorsOrigin, FrontendUrl, MailAddress, MailServer, PublicOrigin, RepoName, SecretAddress, ServiceAddress,
    WebAddress,
};
use super::error::ConfigError;
use super::secret::Secret;
use super::table::{BEHIND_PROXY, ORIGIN};
use crate::cli::{LogFormat, Roles};
use countersign_core::member::Role;
use countersign_core::policy::is_hidden_character;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Everything that can be set, but for the log and the places where data and keys lie.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Config {
    /// `[serve]`.
    pub(crate) serve: Serve,
    /// `[github]`.
    #[serde(default)]
    pub(crate) github: Github,
    /// `[commits]`.
    #[serde(default)]
    commits: Commits,
    /// `[mail]`.
    #[serde(default)]
    pub(crate) mail: Mail,
    /// `[[webhooks]]`.
    #[serde(default)]
    pub(crate) webhooks: Vec<Webhook>,
    #[expect(dead_code, reason = "accepted and checked; nothing uses it")]
    database: Option<Address>,
    #[expect(dead_code, reason = "accepted and checked; nothing uses it")]
    redis: Option<Address>,
    #[expect(dead_code, reason = "accepted and checked; nothing uses it")]
    anthropic: Option<ModelKey>,
    #[expect(dead_code, reason = "accepted and checked; nothing uses it")]
    openai: Option<ModelKey>,
}

impl Config {
    /// Refuses settings that make no sense without another one.
    ///
    /// # Errors
    /// `Incomplete`, for the first of them.
    pub(super) fn check(self) -> Result<Self, ConfigError> {
        let mail = &self.mail;
        let sends = mail.server.is_some();
        let unsigned = |hook: &Webhook| hook.form == WebhookForm::Json && hook.secret.is_none();
        let wants = [
            (
                self.serve.behind_proxy,
                self.serve.origin.is_some(),
                BEHIND_PROXY,
                ORIGIN,
            ),
            (
                mail.user.is_some(),
                mail.password.is_some(),
                "mail.user",
                "mail.password",
            ),
            (
                mail.password.is_some(),
                mail.user.is_some(),
                "mail.password",
                "mail.user",
            ),
            (
                self.github.client_id.is_some(),
                self.github.client_secret.is_some(),
                "github.client_id",
                "github.client_secret",
            ),
            (
                self.github.client_secret.is_some(),
                self.github.client_id.is_some(),
                "github.client_secret",
                "github.client_id",
            ),
            (
                self.github.start_label.is_some(),
                self.github.webhook_secret.is_some(),
                "github.start_label",
                "github.webhook_secret",
            ),
            (sends, mail.from.is_some(), "mail.server", "mail.from"),
            (sends, !mail.to.is_empty(), "mail.server", "mail.to"),
            (
                self.webhooks.iter().any(unsigned),
                false,
                "webhooks.url",
                "webhooks.secret",
            ),
        ];
        self.github.check_app()?;
        self.commits.check()?;
        match wants.into_iter().find(|(set, other, _, _)| *set && !*other) {
            None => Ok(self),
            Some((_, _, key, missing)) => Err(ConfigError::Incomplete { key, missing }),
        }
    }
}

/// `[log]`, which every command needs.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Log {
    /// Its form.
    pub(crate) format: LogFormat,
    /// What is logged; `None`: what `-v` says.
    pub(crate) filter: Option<String>,
}

/// `[traces]`, which every command needs.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Traces {
    /// Where they are sent; `None`: nowhere.
    pub(crate) endpoint: Option<WebAddress>,
}

/// `[client]`, which commands need that work over a server.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Client {
    /// The server's address.
    pub(crate) server: Option<String>,
    /// A token of the caller's own.
    pub(crate) token: Option<Secret>,
}

/// `[serve]`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Serve {
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// What the process does.
    pub(crate) role: Roles,
    /// The address under which a proxy makes it public.
    pub(crate) origin: Option<PublicOrigin>,
    /// A proxy that speaks TLS stands before it.
    pub(crate) behind_proxy: bool,
    /// Who may call the API from a browser.
    #[serde(default)]
    pub(crate) cors_origins: Vec<CorsOrigin>,
    /// Where a front end lives.
    pub(crate) frontend_url: Option<FrontendUrl>,
    #[expect(dead_code, reason = "accepted and checked; nothing uses it")]
    jwt_secret: Option<Secret>,
}

impl Serve {
    /// Every origin whose pages may call the API, each once.
    pub(crate) fn callers(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let front_end = self.frontend_url.iter().map(|f| &f.0);
        for origin in self.cors_origins.iter().chain(front_end) {
            if !found.contains(&origin.0) {
                found.push(origin.0.clone());
            }
        }
        found
    }
}

/// `[github]`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Github {
    pub(crate) token: Option<Secret>,
    pub(crate) app_id: Option<AppId>,
    pub(crate) app_private_key_file: Option<PathBuf>,
    pub(crate) repo: Option<RepoName>,
    pub(crate) client_id: Option<String>,
    pub(crate) client_secret: Option<Secret>,
    pub(crate) webhook_secret: Option<Secret>,
    pub(crate) start_label: Option<LabelName>,
    #[serde(default)]
    pub(crate) allowed_users: Vec<AllowedUser>,
    pub(crate) base_url: Option<WebAddress>,
    pub(crate) api_url: Option<WebAddress>,
}

impl Github {
    /// Whether something says who we are there.
    pub(crate) fn is_known(&self) -> bool {
        self.token.is_some() || self.app_id.is_some()
    }

    /// Refuses half of an App.
    ///
    /// # Errors
    /// `Incomplete`.
    pub(super) fn check_app(&self) -> Result<(), ConfigError> {
        let (id, file) = ("github.app_id", "github.app_private_key_file");
        let incomplete = |key, missing| Err(ConfigError::Incomplete { key, missing });
        match (&self.app_id, &self.app_private_key_file) {
            (Some(_), None) => incomplete(id, file),
            (None, Some(_)) => incomplete(file, id),
            (Some(_), Some(_)) | (None, None) => Ok(()),
        }
    }
}

/// The id of a GitHub App, or that of its client.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub(crate) struct AppId(pub(crate) String);

/// A number needs no quotes in the file.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Number(u64),
    Text(String),
}

impl TryFrom<Written> for AppId {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let text = match written {
            Written::Number(number) => number.to_string(),
            Written::Text(text) => text,
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-' || b == b'_';
        match !text.is_empty() && text.len() <= 64 && text.bytes().all(plain) {
            true => Ok(Self(text)),
            false => Err("it is no id of a GitHub App"),
        }
    }
}

/// Longest name of a label on GitHub, in characters.
const LABEL_MAX_CHARS: usize = 50;

/// The name of a label.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct LabelName(pub(crate) String);

impl TryFrom<String> for LabelName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let length = text.chars().count();
        if length == 0 || length > LABEL_MAX_CHARS || text.trim() != text {
            return Err("a label's name has 1 to 50 characters, and no spaces around them");
        }
        match text.chars().any(is_hidden_character) {
            true => Err("a label's name has no characters that can't be seen"),
            false => Ok(Self(text)),
        }
    }
}

/// Who may come in with GitHub: `LOGIN` or `LOGIN:ROLE`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct AllowedUser {
    /// The account's name, in lower case.
    pub(crate) login: String,
    /// What they are when they come for the first time.
    pub(crate) role: Role,
}

impl TryFrom<String> for AllowedUser {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (login, role) = text.split_once(':').unwrap_or((&text, "reviewer"));
        let role = match role {
            "viewer" => Role::Viewer,
            "reviewer" => Role::Reviewer,
            "maintainer" => Role::Maintainer,
            "owner" => Role::Owner,
            _other => return Err("after the colon comes viewer, reviewer, maintainer or owner"),
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        if login.is_empty() || !login.bytes().all(plain) {
            return Err("it is no name of a GitHub user");
        }
        let login = login.to_ascii_lowercase();
        Ok(Self { login, role })
    }
}

/// `[commits]`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Commits {
    /// The OpenSSH private key that signs them; `None`: they are not signed.
    pub(crate) signing_key_file: Option<PathBuf>,
    /// The address of author and committer in them.
    pub(crate) email: Option<MailAddress>,
}

impl Commits {
    /// Refuses an address that nothing would use.
    ///
    /// # Errors
    /// `Incomplete`.
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match (&self.email, &self.signing_key_file) {
            (Some(_), None) => Err(ConfigError::Incomplete {
                key: "commits.email",
                missing: "commits.signing_key_file",
            }),
            (Some(_) | None, Some(_)) | (None, None) => Ok(()),
        }
    }
}

/// `[mail]`.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Mail {
    pub(crate) server: Option<MailServer>,
    pub(crate) user: Option<String>,
    pub(crate) password: Option<Secret>,
    pub(crate) from: Option<MailAddress>,
    #[serde(default)]
    pub(crate) to: Vec<MailAddress>,
    pub(crate) root: Option<PathBuf>,
}

/// One of `[[webhooks]]`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Webhook {
    /// Whoever knows a Slack address may post there.
    pub(crate) url: SecretAddress,
    pub(crate) secret: Option<Secret>,
    #[serde(default)]
    pub(crate) form: WebhookForm,
}

/// In which form a webhook posts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WebhookForm {
    /// Signed JSON.
    #[default]
    Json,
    /// What Slack's incoming webhooks take.
    Slack,
}

#[derive(Debug, Clone, Deserialize)]
#[expect(dead_code, reason = "as the sections of `Config` that hold it")]
struct Address {
    url: Option<ServiceAddress>,
}

#[derive(Debug, Clone, Deserialize)]
#[expect(dead_code, reason = "as the sections of `Config` that hold it")]
struct ModelKey {
    api_key: Option<Secret>,
}
