//! What was erased of a workflow's story, as the tenant's own stream records it.
//!
//! A body can go, its leaf stays. Anybody can leave a body out of a copy; only what such a record names was erased by
//! the ledger's keeper, and it says by whom and why.

use crate::digest::{BodyHash, canonical_json};
use crate::id::{MemberId, WorkflowId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Kind of the ledger's entry that holds one.
pub const KIND_ERASED: &str = "ledger.erased";

/// Version that is written and read.
const ERASURE_VERSION: u32 = 1;

/// One erasure. Also the persisted form: canonical JSON of exactly these fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Erasure {
    /// Version of the form.
    pub v: u32,
    /// Of which workflow.
    pub workflow: WorkflowId,
    /// Entries whose bodies are gone, by sequence number.
    pub entries: BTreeSet<u64>,
    /// Evidence that is gone, by its hash.
    pub evidence: BTreeSet<BodyHash>,
    /// Who erased it.
    pub by: MemberId,
    /// Why.
    pub reason: String,
}

impl Erasure {
    /// A new one.
    pub fn new(
        workflow: WorkflowId,
        entries: BTreeSet<u64>,
        evidence: BTreeSet<BodyHash>,
        by: MemberId,
        reason: String,
    ) -> Self {
        Self {
            v: ERASURE_VERSION,
            workflow,
            entries,
            evidence,
            by,
            reason,
        }
    }

    /// The bytes of the ledger's entry.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical_json(self)
    }

    /// Reads an entry back; `None`: it is of another form or version, or not in canonical form.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let erasure: Self = serde_json::from_slice(bytes).ok()?;
        (erasure.v == ERASURE_VERSION && erasure.to_bytes() == bytes).then_some(erasure)
    }
}
