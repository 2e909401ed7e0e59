//! An App made out of a manifest (<https://docs.github.com/apps/sharing-github-apps/registering-a-github-app-from-a-manifest>):
//! what it asks for, the word by which its way back is known, and the one exchange of its code.
//!
//! GitHub makes the App when a person says yes on its page; nothing here does. What comes back holds a private key, which is
//! shown nowhere.

use super::access::NEEDED;
use super::error::CallError;
use super::{App, Carried, GitHub, Secret};
use countersign_ports::trees::TreesError;
use ring::hmac;
use serde::Deserialize;
use serde_json::{Value, json};

/// What GitHub tells by itself, of what [`super::hooks`] reads, as far as [`NEEDED`] allows it.
const EVENTS: [&str; 6] = [
    "check_run",
    "check_suite",
    "issue_comment",
    "issues",
    "pull_request",
    "push",
];
/// Where nothing is ever sent: GitHub wants an address even where it is switched off (RFC 2606).
const NOWHERE: &str = "https://example.org/";
/// Longest code of a made App, in bytes. GitHub's have 40.
const CODE_MAX_BYTES: usize = 200;

/// What the App is to be.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Its name; nobody else's App may have it.
    pub name: String,
    /// Where people find out about it.
    pub url: String,
    /// Where GitHub sends whoever said yes.
    pub redirect_url: String,
    /// Where GitHub tells what changed; `None`: nowhere.
    pub webhooks: Option<String>,
    /// Whether approved changes may touch what CI does.
    pub workflows: bool,
}

impl Manifest {
    /// As GitHub reads it.
    pub fn to_json(&self) -> Value {
        let mut permissions: serde_json::Map<String, Value> = NEEDED
            .iter()
            .map(|(name, level)| ((*name).to_owned(), json!(level)))
            .collect();
        if self.workflows {
            permissions.insert("workflows".to_owned(), json!("write"));
        }
        let (hook, events): (&str, &[&str]) = match &self.webhooks {
            Some(address) => (address, &EVENTS),
            None => (NOWHERE, &[]),
        };
        json!({
            "name": self.name,
            "url": self.url,
            "hook_attributes": {"url": hook, "active": self.webhooks.is_some()},
            "redirect_url": self.redirect_url,
            "public": false,
            "default_permissions": permissions,
            "default_events": events,
        })
    }
}

/// A word that only whoever got our page can know, and by which its answer is told from anybody else's.
pub struct State {
    word: String,
    key: hmac::Key,
}

impl State {
    /// Out of randomness.
    pub fn new(random: &[u8; 32]) -> Self {
        Self {
            word: hex::encode(random),
            key: hmac::Key::new(hmac::HMAC_SHA256, random),
        }
    }

    /// The word.
    pub fn word(&self) -> &str {
        &self.word
    }

    /// Whether it came back; in constant time, by what both are signed to.
    pub fn is(&self, given: &str) -> bool {
        let ours = hmac::sign(&self.key, self.word.as_bytes());
        hmac::verify(&self.key, given.as_bytes(), ours.as_ref()).is_ok()
    }
}

/// An App that GitHub made.
#[derive(Debug)]
pub struct Made {
    /// Its number.
    pub id: u64,
    /// Its name in addresses.
    pub slug: String,
    /// Its page.
    pub page: String,
    /// Its private key, in PEM.
    pub key: Secret,
    /// With what GitHub signs what it tells.
    pub webhook_secret: Option<Secret>,
}

#[derive(Deserialize)]
struct Wire {
    id: u64,
    slug: String,
    html_url: String,
    pem: String,
    webhook_secret: Option<String>,
}

impl GitHub {
    /// Exchanges the code of a made App for its key, once: GitHub takes no code twice, and none after an hour
    /// (<https://docs.github.com/rest/apps/apps#create-a-github-app-from-a-manifest>).
    ///
    /// # Errors
    /// `bad-app-code`, `app-code-used`, `app-made-unknown`, or when GitHub gives no App that can be used.
    pub fn exchange(&self, code: &str) -> Result<Made, TreesError> {
        let doing = "Exchanging the code of the new App";
        let refuse = |code, message: &str| TreesError::Unsupported {
            code,
            message: message.to_owned(),
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
        if code.is_empty() || code.len() > CODE_MAX_BYTES || !code.bytes().all(plain) {
            let text =
                "That is no code of a new App. It is in the address that GitHub leads to, after code=.";
            return Err(refuse("bad-app-code", text));
        }
        let path = format!("/app-manifests/{code}/conversions");
        let wire: Wire = match self.api.post_nothing(&Carried::Nothing, &path) {
            Ok(wire) => wire,
            Err(CallError::Refused { status: 404, .. }) => {
                let text = "GitHub does not take the code any more: it counts once, and for an hour. If the App is on \
                            GitHub, generate a private key on its page, or delete it and begin anew.";
                return Err(refuse("app-code-used", text));
            }
            Err(
                CallError::NotSent | CallError::Limited { .. } | CallError::Tls { .. } | CallError::Moved,
            ) => {
                let text = "GitHub can't be asked now, and the code of the new App is not used up: it is in the address that \
                            GitHub led to, and counts for an hour. Go on with: countersign github setup --code -";
                return Err(refuse("github-unreachable", text));
            }
            Err(error @ (CallError::Lost { .. } | CallError::Odd { .. })) => return Err(unknown(&error)),
            Err(error) => return Err(error.reading(doing)),
        };
        let odd = |why: &str| unknown(&CallError::Odd { why: why.to_owned() });
        App::new(&wire.id.to_string(), &wire.pem).map_err(|_| odd("it gives a key that can't be used"))?;
        // The code is used up: whatever else is odd, the key is kept. A page elsewhere is no place to send anybody to.
        let server = &self.api.settings().server_url;
        let there = format!("{server}/");
        let begins = wire.html_url.get(..there.len());
        let page = match begins.is_some_and(|b| b.eq_ignore_ascii_case(&there)) {
            true => wire.html_url,
            false => format!("{server}/apps/{}", wire.slug),
        };
        Ok(Made {
            id: wire.id,
            slug: wire.slug,
            page,
            key: Secret::new(wire.pem),
            webhook_secret: wire.webhook_secret.filter(|s| !s.is_empty()).map(Secret::new),
        })
    }
}

/// The code may be used up, and nobody got the key.
fn unknown(error: &CallError) -> TreesError {
    TreesError::Unsupported {
        code: "app-made-unknown",
        message: format!(
            "It is not known what became of the new App: {error}. If it is on GitHub, generate a private key on its page and \
             set it (docs/github.md), or delete it and begin anew."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_word_comes_back() {
        let state = State::new(&[7; 32]);
        let word = state.word().to_owned();
        assert!(word.len() == 64 && state.is(&word));
        for wrong in [
            "",
            &word[1..],
            &format!("{word}0"),
            &word.to_uppercase().replace("07", "08"),
        ] {
            assert!(!state.is(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_manifest_asks_for_what_is_needed_and_no_more() {
        let mut manifest = Manifest {
            name: "countersign".to_owned(),
            url: "https://countersign.example.org".to_owned(),
            redirect_url: "http://127.0.0.1:1/done".to_owned(),
            webhooks: None,
            workflows: false,
        };
        let json = manifest.to_json();
        assert_eq!(json["public"], false);
        assert_eq!(json["hook_attributes"]["active"], false);
        assert_eq!(json["default_events"], json!([]));
        let asked = |json: &Value| json["default_permissions"].as_object().map(serde_json::Map::len);
        assert_eq!(asked(&json), Some(NEEDED.len()));
        manifest.workflows = true;
        manifest.webhooks = Some("https://countersign.example.org/hook".to_owned());
        let json = manifest.to_json();
        assert_eq!(json["hook_attributes"]["active"], true);
        assert_eq!(json["default_events"], json!(EVENTS));
        assert_eq!(asked(&json), Some(NEEDED.len() + 1));
    }
}
