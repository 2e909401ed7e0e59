//! What an external program may do on this machine: what it may read beside its snapshot, which hosts it may
//! reach, and what the run log says about how it was held. Words and their checks only; holding it is the
//! adapter's work.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Most paths that one agent may read beside its snapshot.
pub const READS_MAX: usize = 32;
/// Most hosts that one agent may reach.
pub const HOSTS_MAX: usize = 16;
/// The port of a host that was named without one: HTTPS.
pub const DEFAULT_PORT: u16 = 443;
/// Longest host name and longest part of one, in bytes (RFC 1035, section 2.3.4).
const HOST_MAX_BYTES: usize = 253;
const LABEL_MAX_BYTES: usize = 63;

/// What was asked for when the agent was chosen; shown to whoever decides.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Rights {
    /// Its snapshot, the system's programs, and what is named here; nothing else.
    Confined {
        /// Absolute paths of files and folders that it may read, everything below included.
        reads: Vec<String>,
        /// Hosts that it may reach; none: no network at all.
        reaches: Vec<NetworkHost>,
    },
    /// Nothing holds it: the rights of whoever started Countersign.
    Unconfined,
}

impl Rights {
    /// The fewest: nothing beside the snapshot and the system's programs.
    pub fn fewest() -> Self {
        Rights::Confined {
            reads: Vec::new(),
            reaches: Vec::new(),
        }
    }
}

/// How a call was confined, as the run log keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confinement {
    /// Code of our own in this process; it runs no programs.
    InProcess,
    /// Namespaces of its own, made by bubblewrap.
    Bubblewrap,
    /// The kernel's Landlock and a filter of system calls, in the machine's own namespaces.
    Landlock,
    /// Nothing held it.
    Unconfined,
}

impl Confinement {
    /// As the end of a sentence about a program: `confined by bubblewrap`.
    pub fn words(self) -> &'static str {
        match self {
            Confinement::InProcess => "inside this process",
            Confinement::Bubblewrap => "confined by bubblewrap",
            Confinement::Landlock => "confined by Landlock",
            Confinement::Unconfined => "unconfined",
        }
    }
}

/// A host and a port that an agent may reach: a name of at least two parts, never an address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NetworkHost {
    host: String,
    port: u16,
}

/// Why a text names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no host that an agent may be let through to: {why}")]
pub struct ParseHostError {
    text: String,
    why: &'static str,
}

impl ParseHostError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        "agent-network-host"
    }
}

impl NetworkHost {
    /// Reads `HOST` or `HOST:PORT`. Upper case is folded; there are no wildcards.
    ///
    /// # Errors
    /// When the host is an address, has a single part, or is no host name (RFC 1123, section 2.1), or the port
    /// is none.
    pub fn parse(text: &str) -> Result<Self, ParseHostError> {
        let refuse = |why| ParseHostError {
            text: text.to_owned(),
            why,
        };
        let (host, port) = match text.rsplit_once(':') {
            None => (text, DEFAULT_PORT),
            Some((host, port)) => (
                host,
                port.parse()
                    .ok()
                    .filter(|port| *port != 0)
                    .ok_or_else(|| refuse("the port has to be a number from 1 to 65535"))?,
            ),
        };
        let host = host.to_ascii_lowercase();
        if host.is_empty() || host.len() > HOST_MAX_BYTES {
            return Err(refuse("a host name has 1 to 253 characters"));
        }
        if !host.split('.').all(is_label) {
            return Err(refuse(
                "a host name has letters, digits, `-` and dots; no address, no wildcard, no URL",
            ));
        }
        let Some((_, last)) = host.rsplit_once('.') else {
            return Err(refuse(
                "it has a single part, and such names are those of this machine and its network",
            ));
        };
        if last.bytes().all(|b| b.is_ascii_digit()) {
            return Err(refuse("it is an address; name the host"));
        }
        Ok(Self { host, port })
    }

    /// The name, in lower case.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= LABEL_MAX_BYTES
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

impl fmt::Display for NetworkHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl TryFrom<String> for NetworkHost {
    type Error = ParseHostError;
    fn try_from(text: String) -> Result<Self, ParseHostError> {
        Self::parse(&text)
    }
}

impl From<NetworkHost> for String {
    fn from(host: NetworkHost) -> String {
        host.to_string()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_host_is_a_name_and_a_port() {
        let written = |text| NetworkHost::parse(text).unwrap().to_string();
        assert_eq!(written("API.example.com"), "api.example.com:443");
        assert_eq!(written("api.example.com:8443"), "api.example.com:8443");
        assert_eq!(written("1.example"), "1.example:443");
    }

    #[test]
    fn what_could_mean_this_machine_or_more_than_one_host_is_none() {
        for text in [
            "",
            ":443",
            "localhost",
            "metadata",
            "127.0.0.1",
            "169.254.169.254:80",
            "2130706433",
            "0x7f.1",
            "[::1]:443",
            "::1",
            "*.example.com",
            "https://example.com",
            "example.com/path",
            "example.com:0",
            "example.com:65536",
            "example.com:https",
            "example..com",
            "example.com.",
            "-a.example",
            "a b.example",
            "user@example.com",
            "exämple.com",
        ] {
            assert!(NetworkHost::parse(text).is_err(), "{text}");
        }
        assert!(NetworkHost::parse(&format!("{}.com", "a".repeat(64))).is_err());
        assert!(NetworkHost::parse(&format!("{}com", "a.".repeat(126))).is_err());
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_and_read_the_same(text in "[a-zA-Z0-9.:-]{0,30}") {
            if let Ok(host) = NetworkHost::parse(&text) {
                prop_assert_eq!(NetworkHost::parse(&host.to_string()), Ok(host));
            }
        }
    }
}
