//! Mail through SMTP (RFC 5321), always encrypted: STARTTLS (RFC 3207) or TLS from the first byte (RFC 8314).
//!
//! The conversation is held step by step, because it matters where it breaks off: before the message's text nothing can
//! have arrived; once the text was begun and no answer came, it may have, and that is said as unknown (INV-7).

use crate::{SettingsError, now, ready_tls, words, wrong};
use async_trait::async_trait;
use countersign_core::notice::permit::NoticePermit;
use countersign_core::notice::rendering::{Letter, PageOrigin};
use countersign_core::notice::{Place, PlaceForm, PlaceId};
use countersign_ports::notice::{Delivery, Notifier};
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Message};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use std::time::{Duration, SystemTime};

/// The server's first answer has to come within this time.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Everything before the message's text has to be done within this time.
const ENVELOPE_MAX: Duration = Duration::from_secs(20);
/// The text has to be taken within this time.
const TEXT_MAX: Duration = Duration::from_secs(60);
/// How long a good-bye may take.
const QUIT_MAX: Duration = Duration::from_secs(3);
/// Where mail is handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServer {
    /// Name or address; an IPv6 address in brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Encrypted from STARTTLS on, without which nothing is sent (RFC 3207); else from the first byte (RFC 8314).
    pub starttls: bool,
}

/// Who hands mail in.
pub struct MailLogin {
    /// The user.
    pub user: String,
    /// The password; never shown.
    pub password: String,
}

/// How mail is sent to one person or list.
pub struct MailSettings {
    /// The server.
    pub server: MailServer,
    /// The login, if the server wants one.
    pub login: Option<MailLogin>,
    /// The sender: `cs@example.org` or `Countersign <cs@example.org>`.
    pub from: String,
    /// The recipient.
    pub to: String,
    /// Where links lead to.
    pub origin: PageOrigin,
    /// Root certificates that count besides the system's, PEM.
    pub extra_root: Option<Vec<u8>>,
}

/// One recipient of mail.
pub struct Mail {
    place: Place,
    server: MailServer,
    login: Option<Credentials>,
    from: Mailbox,
    to: Mailbox,
    origin: PageOrigin,
    tls: TlsParameters,
}

impl Mail {
    /// Checks the settings; nothing is connected to.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(settings: MailSettings) -> Result<Self, SettingsError> {
        ready_tls();
        let address = |text: &str, which| {
            text.parse::<Mailbox>()
                .map_err(|_| SettingsError::MailAddress { which })
        };
        let (from, to) = (
            address(&settings.from, "sender")?,
            address(&settings.to, "recipient")?,
        );
        let mut tls = TlsParameters::builder(settings.server.host.clone());
        if let Some(pem) = &settings.extra_root {
            let root = Certificate::from_pem(pem).map_err(|_| SettingsError::MailRoot)?;
            tls = tls.add_root_certificate(root);
        }
        let form = PlaceForm::Mail;
        let place = Place {
            id: PlaceId::of(form, to.email.as_ref()),
            form,
            shown: masked(&to),
            wants: form.wants(),
        };
        Ok(Self {
            place,
            server: settings.server,
            login: settings.login.map(|l| Credentials::new(l.user, l.password)),
            from,
            to,
            origin: settings.origin,
            tls: tls.build().map_err(|e| SettingsError::Tls(e.to_string()))?,
        })
    }

    fn message(&self, letter: &Letter) -> Result<Vec<u8>, lettre::error::Error> {
        let made_at = SystemTime::UNIX_EPOCH + Duration::from_millis(letter.made_at().0);
        // Plain ASCII in short lines needs no encoding, so that the link stays whole.
        let text = letter.text(&self.origin).replace('\n', "\r\n");
        let text = Body::dangerous_pre_encoded(text.into_bytes(), ContentTransferEncoding::SevenBit);
        // RFC 3834: nothing answers by itself.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let message = Message::builder()
            .from(self.from.clone())
            .to(self.to.clone())
            .subject(letter.subject())
            .date(made_at)
            .message_id(Some(format!("<{}@{}>", letter.id(), self.from.email.domain())))
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
            .header(ContentType::TEXT_PLAIN)
            .body(text)?;
        Ok(message.formatted())
    }

    /// Everything before the text. Where it fails, nothing has arrived.
    async fn handed_envelope(&self) -> Result<AsyncSmtpConnection, Delivery> {
        let mut connection = self.connected().await?;
        if let Some(login) = &self.login {
            let known = [Mechanism::Plain, Mechanism::Login];
            if let Err(error) = connection.auth(&known, login).await {
                leave(connection).await;
                return Err(login_refused(&self.server, &error));
            }
        }
        let from = MailFrom::new(Some(self.from.email.clone()), Vec::new());
        let to = Rcpt::new(self.to.email.clone(), Vec::new());
        for command in [from.to_string(), to.to_string(), Data.to_string()] {
            if let Err(error) = connection.command(command).await {
                leave(connection).await;
                return Err(not_taken(&self.server, &error));
            }
        }
        Ok(connection)
    }

    async fn connected(&self) -> Result<AsyncSmtpConnection, Delivery> {
        let MailServer { host, port, starttls } = &self.server;
        let client = ClientId::Domain(self.from.email.domain().to_owned());
        let at_once = (!starttls).then(|| self.tls.clone());
        let address = (host.as_str(), *port);
        let connected =
            AsyncSmtpConnection::connect_tokio1(address, Some(CONNECT_MAX), &client, at_once, None).await;
        let mut connection = connected.map_err(|error| unreachable(&self.server, &error))?;
        if !starttls {
            return Ok(connection);
        }
        if !connection.can_starttls() {
            leave(connection).await;
            let text = format!("{host}:{port} offers no STARTTLS, and nothing is sent unencrypted");
            return Err(Delivery::Refused(wrong("mail-no-starttls", text)));
        }
        let encrypted = connection.starttls(self.tls.clone(), &client).await;
        encrypted.map_err(|error| {
            let text = format!("no encryption with {host}:{port}: {}", why(&error));
            Delivery::Failed(wrong("mail-tls", text))
        })?;
        Ok(connection)
    }

    /// The text, and what the server says to it.
    async fn handed_text(&self, mut connection: AsyncSmtpConnection, message: &[u8]) -> Delivery {
        let (host, port) = (&self.server.host, self.server.port);
        match tokio::time::timeout(TEXT_MAX, connection.message(message)).await {
            Ok(Ok(_taken)) => {
                // It has been taken; how the server says good-bye changes nothing.
                let _said = tokio::time::timeout(QUIT_MAX, connection.quit()).await;
                Delivery::Delivered
            }
            Ok(Err(error)) if error.is_permanent() || error.is_transient() => {
                leave(connection).await;
                not_taken(&self.server, &error)
            }
            Ok(Err(_)) | Err(_) => {
                let text = format!(
                    "{host}:{port} did not answer after the message's text, so the mail may have arrived"
                );
                Delivery::Unknown(wrong("mail-outcome-unknown", text))
            }
        }
    }
}

#[async_trait]
impl Notifier for Mail {
    fn place(&self) -> &Place {
        &self.place
    }

    async fn deliver(&self, permit: NoticePermit) -> Delivery {
        let letter = match permit.redeem(&self.place.id, now()) {
            Ok(letter) => letter,
            Err(error) => return Delivery::Failed(wrong("notice-permit-unusable", error.to_string())),
        };
        let message = match self.message(&letter) {
            Ok(message) => message,
            Err(error) => return Delivery::Refused(wrong("mail-malformed", words(&error.to_string()))),
        };
        match tokio::time::timeout(ENVELOPE_MAX, self.handed_envelope()).await {
            Ok(Ok(connection)) => self.handed_text(connection, &message).await,
            Ok(Err(delivery)) => delivery,
            Err(_) => {
                let text = format!("{}:{} is too slow", self.server.host, self.server.port);
                Delivery::Failed(wrong("mail-unreachable", text))
            }
        }
    }
}

/// Says good-bye to a server that is not needed any more; whether it listens changes nothing.
async fn leave(mut connection: AsyncSmtpConnection) {
    let _left = tokio::time::timeout(QUIT_MAX, connection.abort()).await;
}

fn unreachable(server: &MailServer, error: &Error) -> Delivery {
    let (host, port) = (&server.host, server.port);
    let text = format!("{host}:{port} can't be reached: {}", why(error));
    Delivery::Failed(wrong("mail-unreachable", text))
}

/// What the library for TLS says of certificates, and what that means.
const CERTIFICATES: [(&str, &str); 4] = [
    (
        "CaUsedAsEndEntity",
        "its certificate is a certificate authority's own (CA:TRUE), which no server may show; give it one with CA:FALSE",
    ),
    (
        "UnknownIssuer",
        "nobody who is trusted here has signed its certificate; COUNTERSIGN_MAIL_ROOT names one more to trust",
    ),
    ("expired", "its certificate has run out"),
    ("not valid for name", "its certificate is for another name"),
];

/// Why there is no connection, in plain words where they are known; the libraries each put the same words before theirs.
fn why(error: &Error) -> String {
    let said = error.to_string();
    match CERTIFICATES.iter().find(|(named, _)| said.contains(named)) {
        Some((_, plain)) => (*plain).to_owned(),
        None => words(said.trim_start_matches("Connection error: ")),
    }
}

/// What a server says to a login may repeat parts of it, so only its number is kept.
fn login_refused(server: &MailServer, error: &Error) -> Delivery {
    let (host, port) = (&server.host, server.port);
    match error.status() {
        Some(status) if error.is_permanent() => {
            let text = format!(
                "{host}:{port} refused user and password ({status}); check SMTP_USER and SMTP_PASSWORD"
            );
            Delivery::Refused(wrong("mail-login-refused", text))
        }
        Some(status) => {
            let text = format!("{host}:{port} takes no login at the moment ({status})");
            Delivery::Failed(wrong("mail-not-now", text))
        }
        None if error.is_client() => {
            let text =
                format!("{host}:{port} offers no login by password; leave SMTP_USER out if it needs none");
            Delivery::Refused(wrong("mail-no-login", text))
        }
        None => Delivery::Failed(wrong(
            "mail-unreachable",
            format!("{host}:{port} broke off during the login"),
        )),
    }
}

/// A number from the server says that it has not taken the message; without one it broke off before the text.
fn not_taken(server: &MailServer, error: &Error) -> Delivery {
    let said = words(&error.to_string());
    if error.is_permanent() {
        let text = format!("{}:{} refused the mail: {said}", server.host, server.port);
        Delivery::Refused(wrong("mail-refused", text))
    } else {
        let text = format!("{}:{} did not take the mail: {said}", server.host, server.port);
        Delivery::Failed(wrong("mail-not-now", text))
    }
}

/// `a…@example.org`.
fn masked(mailbox: &Mailbox) -> String {
    let first: String = mailbox.email.user().chars().take(1).collect();
    format!("{first}…@{}", mailbox.email.domain())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn an_address_is_shown_by_its_first_letter_and_its_host() {
        let ada: Mailbox = "Ada <ada.lovelace@example.org>".parse().unwrap();
        assert_eq!(masked(&ada), "a…@example.org");
    }
}
