//! The walk along one stream: every entry continues the one before it and is in the checkpoint's log.
//!
//! It looks at one entry with what is known of the entry before it, and keeps no other state.

use super::{Place, VerifiedEntry, VerifyError};
use crate::bundle::{Body, BundleEntry};
use crate::checkpoint::Checkpoint;
use crate::commitment::commit;
use crate::hash::leaf_hash;
use crate::leaf::Leaf;
use crate::tree::verify_inclusion;

/// A verified stream.
pub(super) struct Stream {
    pub(super) entries: Vec<VerifiedEntry>,
    pub(super) complete: bool,
}

/// Verifies all entries in order. `complete` says that the last leaf ends the stream.
pub(super) fn verify_stream(
    tenant: &str,
    stream: &str,
    entries: Vec<BundleEntry>,
    checkpoint: &Checkpoint,
) -> Result<Stream, VerifyError> {
    let count = entries.len();
    let mut verified: Vec<VerifiedEntry> = Vec::with_capacity(count);
    let mut complete = false;
    for (at, entry) in entries.into_iter().enumerate() {
        let leaf = Leaf::parse(&entry.leaf).map_err(|source| VerifyError::Leaf { entry: at, source })?;
        let place = Place {
            entry: at,
            seq: leaf.seq,
        };
        if leaf.tenant != tenant {
            return Err(VerifyError::TenantMismatch { place });
        }
        if leaf.stream != stream {
            return Err(VerifyError::StreamMismatch { place });
        }
        follows(place, &leaf, entry.index, verified.last())?;
        complete = ends(place, &leaf, count)?;
        verified.push(verify_entry(place, leaf, entry, checkpoint)?);
    }
    Ok(Stream {
        entries: verified,
        complete,
    })
}

/// The leaf continues the entry before it: sequence, previous hash, log order, time.
fn follows(place: Place, leaf: &Leaf, index: u64, before: Option<&VerifiedEntry>) -> Result<(), VerifyError> {
    let expected = before.map_or(1, |before| before.seq + 1);
    if leaf.seq != expected {
        return Err(VerifyError::SeqMismatch { place, expected });
    }
    if leaf.prev != before.map(|before| before.leaf_hash) {
        return Err(VerifyError::PrevMismatch { place });
    }
    let Some(before) = before else { return Ok(()) };
    if index <= before.index {
        return Err(VerifyError::IndexOrder {
            place,
            index,
            previous: before.index,
        });
    }
    // Texts of this one form sort as the times that they name.
    if leaf.at < before.at {
        return Err(VerifyError::TimeBackwards { place });
    }
    Ok(())
}

/// Whether this leaf ends the stream; only the last entry may, and it must name the bundle's count.
fn ends(place: Place, leaf: &Leaf, count: usize) -> Result<bool, VerifyError> {
    let Some(ended) = leaf.ended else { return Ok(false) };
    if place.entry + 1 != count {
        return Err(VerifyError::EndedEarly { place });
    }
    let count = count as u64;
    if ended != count {
        return Err(VerifyError::EndedCount { place, ended, count });
    }
    Ok(true)
}

/// The entry by itself: its body matches, and the log holds it.
pub(super) fn verify_entry(
    place: Place,
    leaf: Leaf,
    entry: BundleEntry,
    checkpoint: &Checkpoint,
) -> Result<VerifiedEntry, VerifyError> {
    let body = match entry.body {
        Body::Present { salt, bytes } if commit(&salt, &bytes) == leaf.commitment => Some(bytes),
        Body::Present { .. } => return Err(VerifyError::CommitmentMismatch { place }),
        Body::Erased => None,
    };
    let (index, size) = (entry.index, checkpoint.size());
    if index >= size {
        return Err(VerifyError::BeyondCheckpoint { place, index, size });
    }
    let leaf_hash = leaf_hash(&entry.leaf);
    verify_inclusion(size, &checkpoint.root(), index, &leaf_hash, &entry.proof)
        .map_err(|_| VerifyError::NotIncluded { place })?;
    Ok(VerifiedEntry {
        seq: leaf.seq,
        index,
        kind: leaf.kind,
        at: leaf.at,
        leaf_hash,
        body,
    })
}
