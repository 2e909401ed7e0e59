//! Digests that name their object: SHA-256 over a domain tag and canonical JSON (RFC 8785), or over stored bytes.
//!
//! A digest of one kind is not comparable with one of another kind, in types and by its domain tag. Numbers inside
//! must stay below 2^53 and floats never appear, so that every implementation encodes the same bytes.

use crate::canonical;
use crate::id::ParseIdError;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Canonical JSON (RFC 8785) of a value.
///
/// # Panics
/// When the value can't be JSON at all (a map with keys that are not strings); our types never are.
pub fn canonical_json<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    canonical::to_vec(value).expect("because our persisted types have string keys and no floats")
}

pub(crate) fn parse_hex(kind: &'static str, text: &str) -> Result<[u8; 32], ParseIdError> {
    let mut out = [0; 32];
    let lower = text.bytes().all(|b| !b.is_ascii_uppercase());
    if lower && hex::decode_to_slice(text, &mut out).is_ok() {
        return Ok(out);
    }
    Err(ParseIdError {
        kind,
        text: text.chars().take(80).collect(),
        reason: "it must be 64 lower-case hex digits",
    })
}

macro_rules! digests {
    ($($(#[$doc:meta])* $name:ident = $domain:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; 32]);

        impl $name {
            /// What separates this digest from every other kind.
            pub const DOMAIN: &'static str = $domain;

            /// Digest of the canonical JSON of a value, under this kind's domain tag.
            pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
                Self::of_bytes(&canonical_json(value))
            }

            /// Digest of bytes, under this kind's domain tag.
            pub fn of_bytes(bytes: &[u8]) -> Self {
                let mut hash = Sha256::new();
                hash.update(Self::DOMAIN.as_bytes());
                hash.update([0]);
                hash.update(bytes);
                Self(hash.finalize().into())
            }

            /// Reads 64 lower-case hex digits.
            ///
            /// # Errors
            /// When the text is anything else.
            pub fn parse(text: &str) -> Result<Self, ParseIdError> {
                parse_hex(stringify!($name), text).map(Self)
            }

            /// 64 lower-case hex digits.
            pub fn to_hex(&self) -> String {
                hex::encode(self.0)
            }

            /// The first 8 hex digits: what a person types to decide.
            pub fn first8(&self) -> String {
                hex::encode(&self.0[..4])
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.first8())
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;
            fn try_from(text: String) -> Result<Self, ParseIdError> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(digest: $name) -> String {
                digest.to_hex()
            }
        }
    )*};
}

digests! {
    /// Bytes of a feedback text, exactly as given.
    FeedbackHash = "countersign/feedback/v1";
    /// All that an agent was given: base commits, feedback bytes, sorted paths and blob ids.
    ContextHash = "countersign/context/v1";
    /// One repository's proposed content and everything that will be written for it.
    PatchSetDigest = "countersign/patch-set/v1";
    /// What a human decides on for one patch set.
    ApprovalDigest = "countersign/approval/v1";
    /// A plan with its scope and acceptance criteria.
    PlanDigest = "countersign/plan/v1";
    /// The subject of a question.
    QuestionDigest = "countersign/question/v1";
    /// What a gate looked at, without times.
    EvidenceDigest = "countersign/evidence/v1";
    /// The effective policy of one repository.
    PolicyDigest = "countersign/policy/v1";
    /// Canonical diff bytes.
    DiffHash = "countersign/diff/v1";
    /// An artifact that an agent left.
    ArtifactDigest = "countersign/artifact/v1";
}

/// Plain SHA-256 of bytes: the name of a body in the content-addressed store.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BodyHash([u8; 32]);

impl BodyHash {
    /// SHA-256 of the bytes, without a domain tag, so that `sha256sum` gives the same.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// Reads 64 lower-case hex digits.
    ///
    /// # Errors
    /// When the text is anything else.
    pub fn parse(text: &str) -> Result<Self, ParseIdError> {
        parse_hex("BodyHash", text).map(Self)
    }

    /// 64 lower-case hex digits.
    pub fn to_hex(&self) -> String {
        hex::encode(self.0)
    }
}

impl fmt::Display for BodyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Debug for BodyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BodyHash({})", hex::encode(&self.0[..4]))
    }
}

impl TryFrom<String> for BodyHash {
    type Error = ParseIdError;
    fn try_from(text: String) -> Result<Self, ParseIdError> {
        Self::parse(&text)
    }
}

impl From<BodyHash> for String {
    fn from(hash: BodyHash) -> String {
        hash.to_hex()
    }
}
