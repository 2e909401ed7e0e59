//! The persisted form of an event, versioned: what a ledger leaf commits to and what is replayed.
//!
//! Bytes are canonical JSON and are stored as they were made; they are read back strictly, and an unknown version
//! or field is an error rather than a guess.

use crate::digest::canonical_json;
use crate::id::{TenantId, WorkflowId};
use crate::time::Timestamp;
use crate::workflow::Event;
use serde::{Deserialize, Serialize};

/// The version of the forms that this code writes.
pub const RECORD_VERSION: u32 = 1;

/// How long it may take from a decision until it is in the ledger, in milliseconds: others may be recorded in between, and the
/// entry's time is never before theirs. What took longer is decided again.
pub const RECORDED_WITHIN_MS: u64 = 5_000;

/// One event with its place in the stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventRecord {
    /// Version of the form.
    pub v: u32,
    /// Whose.
    pub tenant: TenantId,
    /// Which workflow.
    pub workflow: WorkflowId,
    /// Place in the stream, from 1.
    pub seq: u64,
    /// When it was decided, by the database's time; the entry's own time is the same or up to [`RECORDED_WITHIN_MS`] later.
    pub at: Timestamp,
    /// The fact.
    pub event: Event,
}

/// Why bytes are not a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Another version.
    #[error("this is a record of version {found}; this program reads version {RECORD_VERSION}")]
    UnknownVersion {
        /// What was found.
        found: u64,
    },
    /// Not of the form.
    #[error("a stored record can't be read")]
    Malformed(#[source] serde_json::Error),
    /// It reads, but is not what this program would write for it.
    #[error("a stored record is not in canonical form")]
    NotCanonical,
}

impl RecordError {
    /// The stable code.
    pub fn code(&self) -> &'static str {
        match self {
            RecordError::UnknownVersion { .. } => "record-unknown-version",
            RecordError::Malformed(_) => "record-malformed",
            RecordError::NotCanonical => "record-not-canonical",
        }
    }
}

impl EventRecord {
    /// Canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical_json(self)
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// When they are of another version, malformed, or not canonical.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, RecordError> {
        #[derive(Deserialize)]
        struct Probe {
            v: u64,
        }
        let probe: Probe = serde_json::from_slice(bytes).map_err(RecordError::Malformed)?;
        if probe.v != u64::from(RECORD_VERSION) {
            return Err(RecordError::UnknownVersion { found: probe.v });
        }
        let record: Self = serde_json::from_slice(bytes).map_err(RecordError::Malformed)?;
        if record.to_bytes() != bytes {
            return Err(RecordError::NotCanonical);
        }
        Ok(record)
    }
}
