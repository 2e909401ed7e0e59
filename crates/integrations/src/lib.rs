//! Places outside that notices go to: mail through SMTP ([`smtp`]), webhooks ([`webhook`]); and who somebody is at GitHub
//! ([`github`]).
//!
//! An adapter of notices sends what a [`NoticePermit`](countersign_core::notice::permit::NoticePermit) allows, once, and says how that
//! went. It never repeats anything by itself, decides nothing, and keeps addresses and secrets to itself: what goes
//! into errors and lists is masked.

pub mod github;
pub mod smtp;
pub mod webhook;

use countersign_core::time::Timestamp;
use countersign_ports::notice::Wrong;
use std::time::SystemTime;

pub use github::{GitHub, GitHubSettings};
pub use smtp::{Mail, MailLogin, MailServer, MailSettings};
pub use webhook::{SigningSecret, Webhook, WebhookForm, WebhookSettings};

/// Why a place can't be spoken to as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A mail address is none.
    #[error("the {which} is no mail address")]
    MailAddress {
        /// `sender` or `recipient`.
        which: &'static str,
    },
    /// The extra root certificate can't be read.
    #[error("the extra root certificate is no PEM file with certificates")]
    MailRoot,
    /// The system's TLS can't be set up.
    #[error("TLS can't be set up: {0}")]
    Tls(String),
    /// GitHub's address can't be used.
    #[error("GitHub's addresses have to be https://HOST; http only to this machine itself")]
    GitHubUrl,
    /// The webhook's address can't be used.
    #[error(
        "the webhook's address has to be https://HOST/… without a user in it; http only to this machine itself"
    )]
    WebhookUrl,
    /// The webhook's secret can't be used.
    #[error(
        "the webhook's secret has to be `whsec_` and base64 of 24 to 64 bytes; make one: echo whsec_$(openssl rand -base64 32)"
    )]
    WebhookSecret,
}

impl SettingsError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            SettingsError::MailAddress { .. } => "mail-address-malformed",
            SettingsError::MailRoot => "mail-root-malformed",
            SettingsError::Tls(_) => "tls-unavailable",
            SettingsError::GitHubUrl => "github-url-malformed",
            SettingsError::WebhookUrl => "webhook-url-malformed",
            SettingsError::WebhookSecret => "webhook-secret-malformed",
        }
    }
}

/// Most characters of a stranger's words that are kept.
const WORDS_MAX_CHARS: usize = 160;

/// TLS is ring's everywhere in this process. Again changes nothing.
fn ready_tls() {
    // Where one is installed already, that one stays.
    let _first = rustls::crypto::ring::default_provider().install_default();
}

/// The machine's clock.
fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let ms = since.map_or(0, |since| since.as_millis());
    Timestamp(u64::try_from(ms).unwrap_or(u64::MAX))
}

fn wrong(code: &str, message: impl Into<String>) -> Wrong {
    Wrong {
        code: code.to_owned(),
        message: message.into(),
    }
}

/// Words of a stranger, short and on one line.
fn words(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().map(plain).take(WORDS_MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::{WORDS_MAX_CHARS, words};

    #[test]
    fn words_of_strangers_are_short_and_on_one_line() {
        let long = words(&format!("550 no\r\nsuch \u{1b}[2J{}", "x".repeat(500)));
        assert!(long.chars().count() == WORDS_MAX_CHARS && !long.contains(['\r', '\n', '\u{1b}']));
    }
}
