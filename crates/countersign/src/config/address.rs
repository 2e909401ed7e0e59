//! Addresses of servers, pages and people, in the forms that settings allow.
//!
//! Every refusal here is a reason that goes on after "the setting …: " and never repeats the value, which may be a secret.

use super::secret::Secret;
use serde::Deserialize;
use std::net::IpAddr;

/// `NAME[:PORT]` of `https://NAME[:PORT]`, in lower case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct PublicOrigin(pub(crate) String);

impl TryFrom<String> for PublicOrigin {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let host = text
            .strip_prefix("https://")
            .ok_or("it doesn't begin with https://")?;
        if !plain_host(host) {
            return Err("it holds more than a name and a port");
        }
        Ok(Self(host.to_ascii_lowercase()))
    }
}

/// An exact origin, as browsers send it (RFC 6454, section 6.2).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct CorsOrigin(pub(crate) String);

impl TryFrom<String> for CorsOrigin {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.contains('*') {
            return Err("a wildcard would let pages of strangers in; name each origin");
        }
        let (scheme, host) = web(&text)?;
        if !plain_host(host) {
            return Err("it holds more than a scheme, a name and a port");
        }
        let (name, _) = split_port(host)?;
        if scheme == "http" && !is_this_machine(name) {
            return Err("http:// is not encrypted, and allowed to this machine only");
        }
        Ok(Self(format!("{scheme}://{}", host.to_ascii_lowercase())))
    }
}

/// The origin of an address.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct FrontendUrl(pub(crate) CorsOrigin);

impl TryFrom<String> for FrontendUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (scheme, rest) = web(&text)?;
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        CorsOrigin::try_from(format!("{scheme}://{host}")).map(Self)
    }
}

/// An address that is encrypted, or does not leave this machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct WebAddress(pub(crate) String);

impl TryFrom<String> for WebAddress {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        safe_address(&text)?;
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }
}

/// The same, where the address itself lets in whoever knows it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct SecretAddress(pub(crate) Secret);

impl TryFrom<String> for SecretAddress {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        safe_address(&text)?;
        Secret::try_from(text).map(Self)
    }
}

/// A URI (RFC 3986) of a service, such as `postgres://me:secret@host/name`: a secret, because it may hold one.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
#[expect(dead_code, reason = "accepted and checked; nothing uses it")]
pub(crate) struct ServiceAddress(Secret);

impl TryFrom<String> for ServiceAddress {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let of_scheme = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
        let odd = |c: char| c.is_whitespace() || c.is_control();
        match text.split_once(':') {
            Some((scheme, rest))
                if scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                    && scheme.bytes().all(of_scheme)
                    && !rest.is_empty()
                    && !rest.contains(odd) =>
            {
                Secret::try_from(text).map(Self)
            }
            Some(_) | None => {
                Err("it is no address: one begins with what is spoken there, such as postgres://")
            }
        }
    }
}

/// `OWNER/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct RepoName(pub(crate) String);

impl TryFrom<String> for RepoName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let plain = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        };
        match text.split_once('/') {
            Some((owner, name)) if plain(owner) && plain(name) => Ok(Self(text)),
            Some(_) | None => Err("it is no name of a repository"),
        }
    }
}

/// How mail is encrypted on its way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MailTls {
    /// From the first byte on (RFC 8314).
    Implicit,
    /// After STARTTLS, without which nothing is sent (RFC 3207).
    StartTls,
}

/// `smtp://HOST[:PORT]` or `smtps://HOST[:PORT]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct MailServer {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: MailTls,
}

impl TryFrom<String> for MailServer {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (tls, usual, rest) = match text.split_once("://") {
            Some(("smtp", rest)) => (MailTls::StartTls, 587, rest),
            Some(("smtps", rest)) => (MailTls::Implicit, 465, rest),
            Some(_) | None => return Err("it begins with neither smtp:// nor smtps://"),
        };
        if rest.contains('@') {
            return Err("user and password have settings of their own: mail.user and mail.password");
        }
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if !plain_host(rest) {
            return Err("it holds more than a name and a port");
        }
        let (host, port) = split_port(rest)?;
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port: port.unwrap_or(usual),
            tls,
        })
    }
}

/// Somebody's address, in its plain form (RFC 5321 `Mailbox`, without quotes).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct MailAddress(pub(crate) String);

impl TryFrom<String> for MailAddress {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let odd = |c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"".contains(c);
        match text.split_once('@') {
            Some((local, domain))
                if !local.is_empty()
                    && !domain.is_empty()
                    && !domain.contains('@')
                    && !text.contains(odd) =>
            {
                Ok(Self(text))
            }
            Some(_) | None => Err("it is no mail address"),
        }
    }
}

/// Scheme and rest of an address of the web.
fn web(text: &str) -> Result<(&str, &str), &'static str> {
    match text.split_once("://") {
        Some((scheme @ ("https" | "http"), rest)) => Ok((scheme, rest)),
        Some(_) | None => Err("it begins with neither https:// nor http://"),
    }
}

/// Refuses what would send secrets in the clear.
fn safe_address(text: &str) -> Result<(), &'static str> {
    let (scheme, rest) = web(text)?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains('@') {
        return Err("no user or password may be in it");
    }
    if !plain_host(host) || text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        return Err("it is no address");
    }
    let (name, _) = split_port(host)?;
    if scheme == "http" && !is_this_machine(name) {
        return Err("http:// is not encrypted, and allowed to this machine only");
    }
    Ok(())
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A name or number of a machine, perhaps with a port; nothing else.
fn plain_host(host: &str) -> bool {
    !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
        && split_port(host).is_ok()
}

fn split_port(host: &str) -> Result<(&str, Option<u16>), &'static str> {
    let (name, port) = match host.rsplit_once(':') {
        // The colon may be one of an IPv6 number's own, which stand in brackets.
        Some((name, port)) if !port.contains(']') => (name, Some(port)),
        Some(_) | None => (host, None),
    };
    let bracketed = name.starts_with('[') && name.ends_with(']');
    if name.is_empty() || (name.contains([':', '[', ']']) && !bracketed) {
        return Err("it names no machine");
    }
    match port.map(str::parse).transpose() {
        Ok(port) => Ok((name, port)),
        Err(_) => Err("its port is no number up to 65535"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_says_how_it_is_reached() {
        let read = |text: &str| MailServer::try_from(text.to_owned()).map(|s| (s.host, s.port, s.tls));
        assert_eq!(
            read("smtp://Mail.example.org"),
            Ok(("mail.example.org".to_owned(), 587, MailTls::StartTls))
        );
        assert_eq!(
            read("smtps://[::1]:2465/"),
            Ok(("[::1]".to_owned(), 2465, MailTls::Implicit))
        );
        for wrong in [
            "mail.example.org",
            "http://mail.example.org",
            "smtp://me:pw@mail.example.org",
            "smtp://",
            "smtp://a:99999",
            "smtp://::1",
            "smtps://a/b",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn origins_are_exact_and_a_front_ends_address_gives_its_own() {
        let cors = |text: &str| CorsOrigin::try_from(text.to_owned()).map(|o| o.0);
        assert_eq!(
            cors("https://App.example.org"),
            Ok("https://app.example.org".to_owned())
        );
        assert_eq!(
            cors("http://localhost:5173"),
            Ok("http://localhost:5173".to_owned())
        );
        for wrong in [
            "*",
            "https://*.example.org",
            "https://a/",
            "a",
            "ftp://a",
            "https://a:b",
            "http://192.168.0.7:5173",
            "http://app.example.org",
        ] {
            assert!(cors(wrong).is_err(), "{wrong}");
        }
        let front = |text: &str| FrontendUrl::try_from(text.to_owned()).map(|f| f.0.0);
        assert_eq!(
            front("https://app.example.org/inbox?x#y"),
            Ok("https://app.example.org".to_owned())
        );
        assert!(front("app.example.org").is_err() && front("http://app.example.org/").is_err());
    }

    #[test]
    fn secrets_leave_only_encrypted_or_not_at_all() {
        let read = |text: &str| WebAddress::try_from(text.to_owned()).map(|a| a.0);
        assert_eq!(read("https://github.com/"), Ok("https://github.com".to_owned()));
        assert!(read("http://127.0.0.1:9000/hook").is_ok() && read("http://[::1]:9/").is_ok());
        for wrong in [
            "http://example.org",
            "https://a:b@example.org",
            "https://",
            "https://a b",
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_address_of_a_service_says_what_is_spoken_there() {
        let read = |text: &str| ServiceAddress::try_from(text.to_owned()).is_ok();
        assert!(
            read("postgres://me:pw@db.example.org/cs") && read("redis://localhost") && read("sqlite:cs.db")
        );
        assert!(!read("bogus") && !read("://db") && !read("postgres:") && !read("postgres://a b"));
    }

    #[test]
    fn addresses_and_names_are_plain() {
        let mail = |text: &str| MailAddress::try_from(text.to_owned()).is_ok();
        assert!(mail("ada@example.org") && mail("root@localhost"));
        assert!(
            !mail("ada") && !mail("a@b@c") && !mail("Ada <a@b>") && !mail("a@b\nBcc: c@d") && !mail("@b")
        );
        let repo = |text: &str| RepoName::try_from(text.to_owned()).is_ok();
        assert!(repo("octo-org/hello.world") && !repo("hello") && !repo("a/b/c") && !repo("/b"));
    }
}
