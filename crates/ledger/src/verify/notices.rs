//! Entries of the tenant's other streams that came along: each is in the log and has its body; changes of keys among
//! them are read.
//!
//! Nothing is said here about what else a stream holds: who needs all of it exports that stream.

use super::{Place, VerifiedEntry, VerifyError, stream};
use crate::bundle::BundleEntry;
use crate::checkpoint::Checkpoint;
use crate::leaf::Leaf;
use crate::rotation::{KIND_KEY_ROTATED, Rotation};

/// Verifies each by itself against the checkpoint's log.
pub(super) fn verify_notices(
    tenant: &str,
    notices: Vec<BundleEntry>,
    checkpoint: &Checkpoint,
) -> Result<Vec<VerifiedEntry>, VerifyError> {
    let verify_one = |(at, notice): (usize, BundleEntry)| {
        let leaf =
            Leaf::parse(&notice.leaf).map_err(|source| VerifyError::NoticeLeaf { notice: at, source })?;
        let refuse = VerifyError::Notice { notice: at };
        if leaf.tenant != tenant {
            return Err(refuse);
        }
        let place = Place {
            entry: at,
            seq: leaf.seq,
        };
        let verified = stream::verify_entry(place, leaf, notice, checkpoint).map_err(|_| refuse.clone())?;
        match verified.body {
            Some(_) => Ok(verified),
            None => Err(refuse),
        }
    };
    notices.into_iter().enumerate().map(verify_one).collect()
}

/// The changes of keys, in the log's order: each stands where it says.
pub(super) fn rotations(notices: &[VerifiedEntry], origin: &str) -> Result<Vec<Rotation>, VerifyError> {
    let mut found = Vec::new();
    for (at, notice) in notices.iter().enumerate() {
        if notice.kind != KIND_KEY_ROTATED {
            continue;
        }
        let body = notice.body.as_deref().unwrap_or_default();
        let rotation =
            Rotation::parse(body).map_err(|source| VerifyError::Rotation { notice: at, source })?;
        if rotation.size != notice.index || rotation.origin != origin {
            return Err(VerifyError::Notice { notice: at });
        }
        found.push(rotation);
    }
    Ok(found)
}
