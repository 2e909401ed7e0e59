//! Webhooks over HTTPS: signed as Standard Webhooks (<https://www.standardwebhooks.com>), or in the form of Slack's incoming
//! webhooks (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>).
//!
//! One POST per try: no redirect is followed, no proxy of the environment is used, the answer's body is not read. A signed
//! webhook carries the notice's id, the same for every try, so that the receiver can drop a repetition.

use crate::{SettingsError, now, ready_tls, words, wrong};
use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_core::id::NoticeId;
use countersign_core::notice::permit::NoticePermit;
use countersign_core::notice::rendering::PageOrigin;
use countersign_core::notice::{Place, PlaceForm, PlaceId};
use countersign_ports::notice::{Delivery, Notifier};
use reqwest::header::CONTENT_TYPE;
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use ring::hmac;
use std::error::Error as _;
use std::net::IpAddr;
use std::time::Duration;

/// The other side has to be reached within this time.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// A whole try has to be done within this time.
const TRY_MAX: Duration = Duration::from_secs(20);
/// Fewest and most bytes of a secret, as the standard has them.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// What a secret begins with.
const SECRET_PREFIX: &str = "whsec_";

/// The key with which webhooks are signed; never shown.
pub struct SigningSecret(hmac::Key);

impl SigningSecret {
    /// Reads `whsec_` and base64.
    ///
    /// # Errors
    /// When it is anything else, or too short or long.
    pub fn parse(text: &str) -> Result<Self, SettingsError> {
        let bytes = text
            .strip_prefix(SECRET_PREFIX)
            .and_then(|b| STANDARD.decode(b).ok());
        match bytes {
            Some(bytes) if SECRET_BYTES.contains(&bytes.len()) => {
                Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &bytes)))
            }
            Some(_) | None => Err(SettingsError::WebhookSecret),
        }
    }

    /// The value of `webhook-signature`: `v1,` and base64 of HMAC-SHA256 over `id.timestamp.body`.
    fn sign(&self, id: &str, unix_seconds: u64, body: &[u8]) -> String {
        let mut signed = format!("{id}.{unix_seconds}.").into_bytes();
        signed.extend_from_slice(body);
        format!("v1,{}", STANDARD.encode(hmac::sign(&self.0, &signed)))
    }
}

/// In which form it is told.
pub enum WebhookForm {
    /// As Standard Webhooks, signed with this.
    Signed(SigningSecret),
    /// As Slack reads it: the address itself is the secret.
    Slack,
}

/// How one webhook is called.
pub struct WebhookSettings {
    /// The address; never shown whole.
    pub url: String,
    /// The form.
    pub form: WebhookForm,
    /// Where links lead to.
    pub origin: PageOrigin,
}

/// One webhook.
pub struct Webhook {
    place: Place,
    url: Url,
    form: WebhookForm,
    origin: PageOrigin,
    client: Client,
}

impl Webhook {
    /// Checks the settings; nothing is connected to.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(settings: WebhookSettings) -> Result<Self, SettingsError> {
        ready_tls();
        let url = Url::parse(&settings.url).map_err(|_| SettingsError::WebhookUrl)?;
        let encrypted = url.scheme() == "https" || (url.scheme() == "http" && is_this_machine(&url));
        let host = url.host_str().unwrap_or_default().to_owned();
        if !encrypted || host.is_empty() || !url.username().is_empty() || url.password().is_some() {
            return Err(SettingsError::WebhookUrl);
        }
        let form = match settings.form {
            WebhookForm::Signed(_) => PlaceForm::Signed,
            WebhookForm::Slack => PlaceForm::Slack,
        };
        let client = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_MAX)
            .timeout(TRY_MAX)
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            place: Place {
                id: PlaceId::of(form, url.as_str()),
                form,
                shown: format!("{}://{host}/…", url.scheme()),
                wants: form.wants(),
            },
            url,
            form: settings.form,
            origin: settings.origin,
            client: client.map_err(|e| SettingsError::Tls(e.without_url().to_string()))?,
        })
    }

    async fn post(&self, id: &NoticeId, body: Vec<u8>) -> Delivery {
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json");
        if let WebhookForm::Signed(secret) = &self.form {
            let at = now().unix_seconds();
            request = request
                .header("webhook-id", id.as_str())
                .header("webhook-timestamp", at.to_string())
                .header("webhook-signature", secret.sign(id.as_str(), at, &body));
        }
        match request.body(body).send().await {
            Ok(answer) => self.answered(answer.status()),
            Err(error) => self.unanswered(&error),
        }
    }

    fn answered(&self, status: StatusCode) -> Delivery {
        let shown = &self.place.shown;
        let number = status.as_u16();
        if status.is_success() {
            return Delivery::Delivered;
        }
        if status.is_redirection() {
            let text =
                format!("{shown} answered {number}; redirects are not followed, so name the address itself");
            return Delivery::Refused(wrong("webhook-redirected", text));
        }
        let later = [
            StatusCode::REQUEST_TIMEOUT,
            StatusCode::TOO_EARLY,
            StatusCode::TOO_MANY_REQUESTS,
        ];
        if status.is_server_error() || later.contains(&status) {
            return Delivery::Failed(wrong("webhook-failed", format!("{shown} answered {number}")));
        }
        Delivery::Refused(wrong("webhook-refused", format!("{shown} answered {number}")))
    }

    /// Before the connection stands nothing can have arrived. The error's own words may hold the address.
    fn unanswered(&self, error: &reqwest::Error) -> Delivery {
        let shown = &self.place.shown;
        if error.is_builder() {
            return Delivery::Refused(wrong("webhook-malformed", format!("{shown} can't be called")));
        }
        if error.is_connect() {
            let text = format!("{shown} can't be reached: {}", cause(error));
            return Delivery::Failed(wrong("webhook-unreachable", text));
        }
        let text = format!("{shown} did not answer, so it may have arrived");
        Delivery::Unknown(wrong("webhook-outcome-unknown", text))
    }
}

#[async_trait]
impl Notifier for Webhook {
    fn place(&self) -> &Place {
        &self.place
    }

    async fn deliver(&self, permit: NoticePermit) -> Delivery {
        let letter = match permit.redeem(&self.place.id, now()) {
            Ok(letter) => letter,
            Err(error) => return Delivery::Failed(wrong("notice-permit-unusable", error.to_string())),
        };
        let body = match &self.form {
            WebhookForm::Signed(_) => letter.json(&self.origin),
            WebhookForm::Slack => letter.slack(&self.origin),
        };
        self.post(letter.id(), body).await
    }
}

/// What lies at the bottom: an error of the system or of TLS. The error itself would tell the address.
fn cause(error: &reqwest::Error) -> String {
    let mut below = error.source();
    while let Some(deeper) = below.and_then(|e| e.source()) {
        below = Some(deeper);
    }
    below.map_or_else(|| "no reason is known".to_owned(), |e| words(&e.to_string()))
}

/// A loopback address, or the name for it.
fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// The example of the specification (<https://github.com/standard-webhooks/standard-webhooks>, spec, "Signature scheme").
    #[test]
    fn the_specifications_example_has_its_signature() {
        let secret = SigningSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = secret.sign(
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn addresses_are_encrypted_or_of_this_machine_and_never_shown_whole() {
        let origin = PageOrigin::parse("https://review.example.org").unwrap();
        let made = |url: &str| {
            let (url, form, origin) = (url.to_owned(), WebhookForm::Slack, origin.clone());
            Webhook::new(WebhookSettings { url, form, origin })
        };
        let slack = made("https://hooks.slack.com/services/T000/B000/XXXXXXXX").unwrap();
        assert_eq!(slack.place.shown, "https://hooks.slack.com/…");
        assert!(made("http://127.0.0.1:9/x").is_ok() && made("http://[::1]:9/x").is_ok());
        for odd in [
            "http://example.org/x",
            "https://u:p@example.org/",
            "ftp://example.org",
            "http://127.0.0.1.evil.org/",
            "x",
        ] {
            assert!(made(odd).is_err_and(|e| e == SettingsError::WebhookUrl), "{odd}");
        }
    }

    #[test]
    fn a_secret_that_is_too_short_is_refused() {
        for odd in [
            "",
            "whsec_",
            "whsec_c2hvcnQ=",
            "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "whsec_%%%",
        ] {
            assert!(SigningSecret::parse(odd).is_err(), "{odd}");
        }
    }
}
