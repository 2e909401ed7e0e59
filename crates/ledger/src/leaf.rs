//! One item of the log: who (tenant, stream), where in its stream (seq, prev), what kind, when, and a
//! commitment to its body. The body itself is never in a leaf.
//!
//! A leaf is RFC 8785 canonical JSON. [`Leaf::parse`] accepts exactly the bytes that [`Leaf::to_bytes`]
//! writes: no unknown or repeated field, no other spelling, no other version. This module must never accept
//! two byte strings for one leaf.

use crate::canonical::{self, Shape};
use crate::commitment::Commitment;
use crate::hash::{LeafHash, leaf_hash};
use crate::{MAX_INTEGER, text};
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Version that this crate writes and reads.
pub const LEAF_VERSION: u64 = 1;

/// Largest leaf, in bytes.
pub const MAX_LEAF_BYTES: usize = 4096;

/// One log item. Plain data; its rules are checked by [`Leaf::to_bytes`] and [`Leaf::parse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// Customer boundary: 1–128 of `A-Z a-z 0-9 . _ : -`.
    pub tenant: String,
    /// Which story this belongs to, such as `wf_01…`: 1–128 of `A-Z a-z 0-9 . _ : - / @`.
    pub stream: String,
    /// Position in the stream, from 1, without gaps.
    pub seq: u64,
    /// Leaf hash of the stream's previous leaf; `None` exactly for `seq` 1.
    pub prev: Option<LeafHash>,
    /// Short dotted word of the caller, such as `workflow.event`: 1–64 of `a-z 0-9 _ - .`.
    pub kind: String,
    /// When it happened: RFC 3339, UTC, milliseconds, always `YYYY-MM-DDTHH:MM:SS.mmmZ`.
    pub at: String,
    /// Salted commitment to the body.
    pub commitment: Commitment,
    /// On the last leaf of a stream: how many leaves the stream has, this one included (so it equals `seq`).
    pub ended: Option<u64>,
}

/// Why bytes or fields are not a leaf.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LeafError {
    /// More than [`MAX_LEAF_BYTES`].
    #[error("the leaf is larger than {MAX_LEAF_BYTES} bytes")]
    TooLarge,
    /// Not JSON, or not a leaf's fields (missing, unknown or repeated ones).
    #[error("the leaf is not the expected JSON (line {line}, column {column})")]
    Shape {
        /// Line of the first offence, from 1.
        line: usize,
        /// Column of the first offence, from 1.
        column: usize,
    },
    /// Some later or earlier version.
    #[error("the leaf has version {found}, this program reads version {LEAF_VERSION}")]
    UnknownVersion {
        /// Version that the leaf names.
        found: u64,
    },
    /// It says a leaf's things in other bytes than RFC 8785 does.
    #[error("the leaf is not in canonical form")]
    NotCanonical,
    /// A field breaks its own rule.
    #[error("the leaf's field `{field}` is malformed")]
    Field {
        /// Name of the field.
        field: &'static str,
    },
    /// `prev` is missing after seq 1, or present at seq 1.
    #[error("the leaf with seq {seq} breaks the rule that every leaf but the first names the one before it")]
    PrevPresence {
        /// Sequence number of the leaf.
        seq: u64,
    },
}

impl LeafError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "leaf-too-large",
            Self::Shape { .. } => "leaf-not-json",
            Self::UnknownVersion { .. } => "leaf-unknown-version",
            Self::NotCanonical => "leaf-not-canonical",
            Self::Field { .. } => "leaf-field-malformed",
            Self::PrevPresence { .. } => "leaf-prev-presence",
        }
    }
}

impl Leaf {
    /// The canonical bytes to hash and store (RFC 8785).
    ///
    /// # Errors
    /// [`LeafError::Field`] or [`LeafError::PrevPresence`] if a field breaks its rule.
    pub fn to_bytes(&self) -> Result<Vec<u8>, LeafError> {
        self.check()?;
        Ok(canonical::encode(&Wire::from(self)))
    }

    /// Reads a leaf back from exactly the bytes that [`Leaf::to_bytes`] writes.
    ///
    /// # Errors
    /// A [`LeafError`] for anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self, LeafError> {
        if bytes.len() > MAX_LEAF_BYTES {
            return Err(LeafError::TooLarge);
        }
        let wire: Wire = canonical::decode(bytes).map_err(|shape| match shape {
            Shape::OtherVersion { found } => LeafError::UnknownVersion { found },
            Shape::NotCanonical => LeafError::NotCanonical,
            Shape::Json { line, column } => LeafError::Shape { line, column },
        })?;
        if wire.v != LEAF_VERSION {
            return Err(LeafError::UnknownVersion { found: wire.v });
        }
        let leaf = Self::try_from(wire)?;
        leaf.check()?;
        Ok(leaf)
    }

    /// Hash under which the next leaf of the stream names this one in `prev`.
    ///
    /// # Errors
    /// As [`Leaf::to_bytes`].
    pub fn hash(&self) -> Result<LeafHash, LeafError> {
        Ok(leaf_hash(&self.to_bytes()?))
    }

    fn check(&self) -> Result<(), LeafError> {
        let rules = [
            ("tenant", text::is_tenant(&self.tenant)),
            ("stream", text::is_stream(&self.stream)),
            ("seq", (1..=MAX_INTEGER).contains(&self.seq)),
            ("kind", text::is_kind(&self.kind)),
            ("at", text::is_timestamp(&self.at)),
            (
                "ended",
                self.ended.is_none_or(|count| (1..=MAX_INTEGER).contains(&count)),
            ),
        ];
        if let Some((field, _)) = rules.into_iter().find(|(_, holds)| !holds) {
            return Err(LeafError::Field { field });
        }
        if (self.seq == 1) == self.prev.is_some() {
            return Err(LeafError::PrevPresence { seq: self.seq });
        }
        Ok(())
    }
}

/// The record form; kept apart from [`Leaf`] so that the stored bytes change only on purpose.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: u64,
    tenant: String,
    stream: String,
    seq: u64,
    prev: Option<String>,
    kind: String,
    at: String,
    commitment: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<u64>,
}

impl From<&Leaf> for Wire {
    fn from(leaf: &Leaf) -> Self {
        Self {
            v: LEAF_VERSION,
            tenant: leaf.tenant.clone(),
            stream: leaf.stream.clone(),
            seq: leaf.seq,
            prev: leaf.prev.map(|hash| hash.to_string()),
            kind: leaf.kind.clone(),
            at: leaf.at.clone(),
            commitment: leaf.commitment.to_string(),
            ended: leaf.ended,
        }
    }
}

impl TryFrom<Wire> for Leaf {
    type Error = LeafError;

    fn try_from(wire: Wire) -> Result<Self, LeafError> {
        let prev = wire.prev.as_deref().map(LeafHash::from_hex).transpose();
        Ok(Self {
            tenant: wire.tenant,
            stream: wire.stream,
            seq: wire.seq,
            prev: prev.map_err(|_| LeafError::Field { field: "prev" })?,
            kind: wire.kind,
            at: wire.at,
            commitment: Commitment::from_hex(&wire.commitment)
                .map_err(|_| LeafError::Field { field: "commitment" })?,
            ended: wire.ended,
        })
    }
}
