//! Every identifier of the product, as newtypes from one registry, so that one kind can't be passed for another.
//!
//! Roots (`wf_…`, `in_…`) carry a ULID whose random part is an argument; children are derived from their parent,
//! kind and sequence, so that a replay names them identically. This module never draws randomness itself.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Why a text is not an identifier of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a {kind}: {reason}")]
pub struct ParseIdError {
    /// What was expected, for example `WorkflowId`.
    pub kind: &'static str,
    /// The offending text, shortened to 80 characters.
    pub text: String,
    /// What is wrong with it.
    pub reason: &'static str,
}

fn refuse(kind: &'static str, text: &str, reason: &'static str) -> ParseIdError {
    ParseIdError {
        kind,
        text: text.chars().take(80).collect(),
        reason,
    }
}

/// Longest accepted identifier, in bytes.
pub const ID_MAX_BYTES: usize = 160;

fn is_id_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':' | b'/' | b'#')
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The text that every identifier of this kind begins with.
            pub const PREFIX: &'static str = $prefix;

            /// Reads an identifier.
            ///
            /// # Errors
            /// When the prefix is missing, the text is too long, or holds a character outside `[A-Za-z0-9_.:/#-]`.
            pub fn parse(text: &str) -> Result<Self, ParseIdError> {
                if !text.starts_with(Self::PREFIX) {
                    return Err(refuse(stringify!($name), text, concat!("it must begin with `", $prefix, "`")));
                }
                if text.len() == Self::PREFIX.len() || text.len() > ID_MAX_BYTES {
                    return Err(refuse(stringify!($name), text, "it is empty or too long"));
                }
                if !text.bytes().all(is_id_byte) {
                    return Err(refuse(stringify!($name), text, "it holds a character that ids never have"));
                }
                Ok(Self(text.to_owned()))
            }

            /// The identifier as text, prefix included.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;
            fn try_from(text: String) -> Result<Self, ParseIdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    )*};
}

ids! {
    /// A customer boundary; the laptop's only one is `local`.
    TenantId = "";
    /// One unit of requested work: `wf_` + ULID.
    WorkflowId = "wf_";
    /// One fact that came in: `in_` + ULID.
    InputId = "in_";
    /// A person as the tenant knows them: `mb_…`.
    MemberId = "mb_";
    /// One effect to be done, derived from its workflow: `<wf>:fx:<sequence>`.
    EffectId = "wf_";
    /// One open question to a human, derived: `<wf>:rq:<n>`.
    RequestId = "wf_";
    /// One diff set for one repository and revision, derived: `<wf>:ps:<revision>:<repository>`.
    PatchSetId = "wf_";
    /// One approved write to do, derived: `<wf>:wi:<n>`.
    WriteIntentId = "wf_";
    /// One notice to one place, derived from what it says and where to: `nt_` + 32 hex digits.
    NoticeId = "nt_";
}

impl NoticeId {
    /// The id with the first 16 bytes of that hash.
    pub fn from_hash(hash: &[u8; 32]) -> Self {
        Self(format!("nt_{}", hex::encode(&hash[..16])))
    }
}

impl TenantId {
    /// The one tenant of a laptop.
    pub fn local() -> Self {
        Self("local".to_owned())
    }
}

impl WorkflowId {
    /// Makes an id from milliseconds since 1970 and 80 random bits (the low bits of `random`).
    pub fn from_parts(at_ms: u64, random: u128) -> Self {
        Self(format!("wf_{}", ulid::Ulid::from_parts(at_ms, random)))
    }

    /// The bits of its ULID: 48 of time, 80 random ones (<https://github.com/ulid/spec>).
    pub fn bits(&self) -> u128 {
        let ulid = self
            .0
            .strip_prefix("wf_")
            .and_then(|u| ulid::Ulid::from_string(u).ok());
        ulid.expect("because an id is checked when it is made").0
    }
}

impl InputId {
    /// Makes an id from milliseconds since 1970 and 80 random bits (the low bits of `random`).
    pub fn from_parts(at_ms: u64, random: u128) -> Self {
        Self(format!("in_{}", ulid::Ulid::from_parts(at_ms, random)))
    }
}

impl EffectId {
    /// The `sequence`-th effect of a workflow, counted over its whole life.
    pub fn derive(workflow: &WorkflowId, sequence: u64) -> Self {
        Self(format!("{workflow}:fx:{sequence}"))
    }
}

impl RequestId {
    /// The `number`-th request of a workflow, counted over its whole life.
    pub fn derive(workflow: &WorkflowId, number: u32) -> Self {
        Self(format!("{workflow}:rq:{number}"))
    }
}

impl PatchSetId {
    /// The patch set of one repository in one revision.
    pub fn derive(workflow: &WorkflowId, revision: Revision, repository: &RepositoryId) -> Self {
        Self(format!("{workflow}:ps:{revision}:{repository}"))
    }
}

impl WriteIntentId {
    /// The `number`-th write intent of a workflow, counted over its whole life.
    pub fn derive(workflow: &WorkflowId, number: u32) -> Self {
        Self(format!("{workflow}:wi:{number}"))
    }

    /// The second operation of a branch's intent: the pull request of that branch.
    #[must_use]
    pub fn pull_request(&self) -> Self {
        Self(format!("{self}:pr"))
    }
}

/// A git host that we can write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ForgeKind {
    /// A repository in a folder of this machine: has branches, no pull requests and no CI.
    Local,
    /// github.com or a GitHub Enterprise Server: has pull requests and check runs.
    #[serde(rename = "github")]
    GitHub,
}

impl ForgeKind {
    /// The word used in ids and texts.
    pub fn as_str(self) -> &'static str {
        match self {
            ForgeKind::Local => "local",
            ForgeKind::GitHub => "github",
        }
    }

    /// Whether it is reached over a network and written to by others, too: nothing runs unattended there, and no agent
    /// without confinement.
    pub fn is_remote(self) -> bool {
        match self {
            ForgeKind::Local => false,
            ForgeKind::GitHub => true,
        }
    }

    /// Whether an approved branch becomes a pull request there, and CI proves it.
    pub fn has_pull_requests(self) -> bool {
        match self {
            ForgeKind::Local => false,
            ForgeKind::GitHub => true,
        }
    }
}

/// A repository as its forge numbers it: `local-3`, `github-1296269`. A local one gets its number when it is registered;
/// GitHub's is `id` of <https://docs.github.com/rest/repos/repos#get-a-repository>.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepositoryId {
    /// Which forge holds it.
    pub forge: ForgeKind,
    /// The forge's own number, which survives renames.
    pub number: u64,
}

impl RepositoryId {
    /// The local repository with that registration number.
    pub fn local(number: u64) -> Self {
        Self {
            forge: ForgeKind::Local,
            number,
        }
    }

    /// The repository of GitHub with that number, which survives renames and transfers.
    pub fn github(number: u64) -> Self {
        Self {
            forge: ForgeKind::GitHub,
            number,
        }
    }
}

impl fmt::Display for RepositoryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.forge.as_str(), self.number)
    }
}

impl TryFrom<String> for RepositoryId {
    type Error = ParseIdError;
    fn try_from(text: String) -> Result<Self, ParseIdError> {
        let of = |make: fn(u64) -> Self, digits: &str| digits.parse().ok().map(make);
        let id = match text.split_once('-') {
            Some(("local", digits)) => of(Self::local, digits),
            Some(("github", digits)) => of(Self::github, digits),
            Some(_) | None => None,
        };
        // One spelling each: no sign, no leading zero.
        id.filter(|id| id.to_string() == text).ok_or_else(|| {
            refuse(
                "RepositoryId",
                &text,
                "it must be `local-` or `github-` and a number",
            )
        })
    }
}

impl From<RepositoryId> for String {
    fn from(id: RepositoryId) -> String {
        id.to_string()
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

counters! {
    /// Which version of the proposal, over all repositories of a workflow; the first is 1.
    Revision(u32);
    /// How many events a workflow has; the compare-and-swap value of its stream.
    Version(u64);
    /// Grows with every claim of an effect; a write with an older one is refused.
    Fence(u64);
    /// Which try of a write intent; the first is 1.
    AttemptNumber(u32);
    /// Which reserved agent call of a workflow; the first is 1.
    CallNumber(u32);
    /// Which life of the data folder; a restored or copied folder starts a new one.
    StoreEpoch(u64);
    /// A pull request's number in its repository, as people know it: `#7`.
    PullRequestNumber(u64);
    /// A forge's own number of an account, which survives renames.
    AccountId(u64);
}

macro_rules! git_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Reads 40 lower-case hex digits.
            ///
            /// # Errors
            /// When the text is anything else.
            pub fn parse(text: &str) -> Result<Self, ParseIdError> {
                if text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(refuse(stringify!($name), text, "it must be 40 lower-case hex digits"))
                }
            }

            /// The 40 hex digits.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The first 12 hex digits, for people.
            pub fn short(&self) -> &str {
                &self.0[..12]
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;
            fn try_from(text: String) -> Result<Self, ParseIdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    )*};
}

git_ids! {
    /// A git commit (SHA-1 object format).
    CommitSha;
    /// A git tree (SHA-1 object format).
    TreeSha;
    /// A git blob (SHA-1 object format).
    BlobSha;
}

/// A branch without `refs/heads/`, valid by git's rules (git-check-ref-format(1)) and free of control characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BranchName(String);

/// Longest accepted branch name, in bytes.
pub const BRANCH_MAX_BYTES: usize = 200;

impl BranchName {
    /// Checks a branch name.
    ///
    /// # Errors
    /// When git would refuse the name, it is longer than [`BRANCH_MAX_BYTES`], or it begins with `-`.
    pub fn parse(text: &str) -> Result<Self, ParseIdError> {
        let bad = |reason| Err(refuse("BranchName", text, reason));
        if text.is_empty() || text.len() > BRANCH_MAX_BYTES {
            return bad("it is empty or too long");
        }
        if text
            .chars()
            .any(|c| c.is_control() || c == '\u{7f}' || " ~^:?*[\\".contains(c))
        {
            return bad("it holds a character that git refuses in branch names");
        }
        if text.contains("..") || text.contains("@{") || text == "@" || text == "HEAD" {
            return bad("it holds `..` or `@{`, or is a reserved word");
        }
        let part_is_bad =
            |p: &str| p.is_empty() || p.starts_with(['.', '-']) || p.ends_with(".lock") || p.ends_with('.');
        if text.split('/').any(part_is_bad) {
            return bad("a part of it is empty, begins with `.` or `-`, or ends with `.` or `.lock`");
        }
        Ok(Self(text.to_owned()))
    }

    /// The name without `refs/heads/`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The full ref name.
    pub fn full_ref(&self) -> String {
        format!("refs/heads/{}", self.0)
    }
}

impl fmt::Display for BranchName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for BranchName {
    type Error = ParseIdError;
    fn try_from(text: String) -> Result<Self, ParseIdError> {
        Self::parse(&text)
    }
}

impl From<BranchName> for String {
    fn from(name: BranchName) -> String {
        name.0
    }
}
