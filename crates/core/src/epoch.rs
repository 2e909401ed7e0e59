//! The epochs of a data folder, as the tenant's own stream records them.
//!
//! An epoch says: this database, at this place, is the one that writes. A folder that was restored, copied or moved is
//! not that place any more, and nothing is written from it before a person begins the next epoch.

use crate::digest::canonical_json;
use crate::id::MemberId;
use serde::{Deserialize, Serialize};

/// Kind of the ledger's entry that holds one.
pub const KIND_EPOCH_BEGUN: &str = "store.epoch-begun";

/// Version that is written and read.
const EPOCH_VERSION: u32 = 1;

/// Why an epoch began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EpochCause {
    /// The data folder was new, or older than epochs.
    First,
    /// A person resumed a data folder that was restored, copied or moved.
    Resumed,
}

/// Entries that were signed once and that this ledger does not have: the backup was older.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenUp {
    /// Entries of the newest checkpoint that was seen.
    pub size: u64,
    /// Its Merkle root, 64 hex digits.
    pub root: String,
    /// How many of them are missing here.
    pub lost: u64,
}

/// The beginning of an epoch. Also the persisted form: canonical JSON of exactly these fields.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Epoch {
    /// Version of the form.
    pub v: u32,
    /// Which one, from 1.
    pub epoch: u64,
    /// The one before it, if there was one.
    pub previous: Option<u64>,
    /// Why it began.
    pub why: EpochCause,
    /// Entries that the ledger had before this one.
    pub entries: u64,
    /// SHA-256 over machine, folder and file, 64 hex digits: it can be compared and says nothing by itself.
    pub place: String,
    /// What was knowingly given up for it.
    pub given_up: Option<GivenUp>,
    /// Who resumed.
    pub by: Option<MemberId>,
}

impl Epoch {
    /// The first one of a data folder of that many entries.
    pub fn first(entries: u64, place: &str) -> Self {
        Self {
            v: EPOCH_VERSION,
            epoch: 1,
            previous: None,
            why: EpochCause::First,
            entries,
            place: place.to_owned(),
            given_up: None,
            by: None,
        }
    }

    /// The one after `previous`, begun by a person.
    pub fn resumed(
        previous: Option<&Epoch>,
        entries: u64,
        place: &str,
        given_up: Option<GivenUp>,
        by: MemberId,
    ) -> Self {
        let previous = previous.map(|p| p.epoch);
        Self {
            v: EPOCH_VERSION,
            epoch: previous.unwrap_or(0) + 1,
            previous,
            why: EpochCause::Resumed,
            entries,
            place: place.to_owned(),
            given_up,
            by: Some(by),
        }
    }

    /// The bytes of the ledger's entry.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical_json(self)
    }

    /// Reads an entry back; `None`: it is of another form or version, or not in canonical form.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let epoch: Self = serde_json::from_slice(bytes).ok()?;
        (epoch.v == EPOCH_VERSION && epoch.to_bytes() == bytes).then_some(epoch)
    }
}
