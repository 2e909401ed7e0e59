//! What a bundle proves: that its entries are one unbroken stream, that they are in the log of its
//! checkpoint, and whether someone whom the caller trusts signed that checkpoint.
//!
//! It takes nothing from the bundle on trust: bytes must be canonical, every hash is computed anew, and keys
//! inside the bundle only show that it is consistent ([`Origin::Unproven`]). It must never say "complete" of
//! a stream whose last leaf doesn't close it, and never say "proven" without a trusted key. It judges no
//! meaning: whether the story in the bodies is lawful, which attachments and which erasures it should have,
//! is for the caller.

mod error;
mod stream;

pub use error::{Place, VerifyError};

use crate::bundle::{Attachment, Bundle};
use crate::checkpoint::{Checkpoint, CheckpointError, inspect, origin_of, verify_signed};
use crate::hash::{LeafHash, content_hash};
use crate::key::VerifierKey;

/// What the caller trusts beforehand. Empty is allowed and proves consistency only.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Keys whose signature proves a bundle's origin.
    pub keys: Vec<VerifierKey>,
    /// Note texts of checkpoints seen elsewhere (commit trailers, receipts). A bundle that shows another root
    /// for the same log and size is a split view. Their signatures are not looked at: who gives them vouches
    /// for them. Checkpoints of other sizes are not compared; that would take consistency proofs.
    pub checkpoints: Vec<String>,
}

/// What holds of a verified bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Tenant of every entry.
    pub tenant: String,
    /// Stream of every entry.
    pub stream: String,
    /// The stream has ended and every one of its entries is here. `false`: the stream is still open, or its
    /// tail was left out.
    pub complete: bool,
    /// Whether someone trusted signed the checkpoint.
    pub origin: Origin,
    /// The checkpoint in which every entry is included.
    pub checkpoint: Checkpoint,
    /// The entries in stream order.
    pub entries: Vec<VerifiedEntry>,
    /// How many of them have an erased body. Anyone can erase a body in a copy, so a body that is gone says
    /// nothing about who removed it.
    pub erased: usize,
    /// Attachments; each matches its hash. One left out is not
    /// noticed here: look for the hashes that the bodies name.
    pub attachments: Vec<Attachment>,
}

/// Whether a trusted key signed the bundle's checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Signed by a key that the caller trusts.
    Proven {
        /// Name of that key.
        key: String,
    },
    /// Signed only by a key that the bundle brought along: consistent, but anyone could have made it.
    Unproven,
}

/// One verified entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedEntry {
    /// Position in the stream, from 1.
    pub seq: u64,
    /// Index in the log, from 0.
    pub index: u64,
    /// The caller's kind.
    pub kind: String,
    /// RFC 3339, UTC, milliseconds.
    pub at: String,
    /// RFC 6962 hash of the leaf.
    pub leaf_hash: LeafHash,
    /// The body, which matches the leaf's commitment; `None` if erased.
    pub body: Option<Vec<u8>>,
}

/// Verifies a bundle file against what the caller trusts.
///
/// # Errors
/// The first [`VerifyError`] found. `Ok` still has to be read: see [`Report::complete`] and
/// [`Report::origin`].
pub fn verify(bundle: &[u8], trust: &Trust) -> Result<Report, VerifyError> {
    let bundle = Bundle::parse(bundle)?;
    let (checkpoint, origin) = verify_checkpoint(&bundle, &trust.keys)?;
    refuse_split_view(&checkpoint, &trust.checkpoints)?;
    verify_attachments(&bundle.attachments)?;
    let Bundle {
        tenant,
        stream,
        entries,
        attachments,
        checkpoint: _,
        keys: _,
    } = bundle;
    let verified = stream::verify_stream(&tenant, &stream, entries, &checkpoint)?;
    Ok(Report {
        erased: verified
            .entries
            .iter()
            .filter(|entry| entry.body.is_none())
            .count(),
        complete: verified.complete,
        entries: verified.entries,
        tenant,
        stream,
        origin,
        checkpoint,
        attachments,
    })
}

/// Trusted keys first; embedded ones only if no trusted key has a signature there at all.
fn verify_checkpoint(bundle: &Bundle, trusted: &[VerifierKey]) -> Result<(Checkpoint, Origin), VerifyError> {
    let (checkpoint, origin) = match verify_signed(&bundle.checkpoint, trusted) {
        Ok((checkpoint, key)) => (checkpoint, Origin::Proven { key }),
        Err(CheckpointError::NoKnownSignature) => {
            let (checkpoint, _) = verify_signed(&bundle.checkpoint, &bundle.keys)?;
            (checkpoint, Origin::Unproven)
        }
        Err(error) => return Err(error.into()),
    };
    let expected = origin_of(&bundle.tenant);
    if checkpoint.origin() != expected {
        return Err(VerifyError::OriginMismatch {
            expected,
            found: checkpoint.origin().to_owned(),
        });
    }
    Ok((checkpoint, origin))
}

fn refuse_split_view(checkpoint: &Checkpoint, trusted: &[String]) -> Result<(), VerifyError> {
    for (position, note) in trusted.iter().enumerate() {
        let seen = inspect(note).map_err(|source| VerifyError::TrustedCheckpoint { position, source })?;
        let same_tree = seen.origin() == checkpoint.origin() && seen.size() == checkpoint.size();
        if same_tree && seen.root() != checkpoint.root() {
            return Err(VerifyError::SplitView {
                origin: checkpoint.origin().to_owned(),
                size: checkpoint.size(),
                trusted: seen.root(),
                found: checkpoint.root(),
            });
        }
    }
    Ok(())
}

fn verify_attachments(attachments: &[Attachment]) -> Result<(), VerifyError> {
    let wrong = |item: &Attachment| content_hash(&item.body) != item.hash;
    match attachments.iter().position(wrong) {
        Some(attachment) => Err(VerifyError::AttachmentMismatch {
            attachment,
            hash: attachments[attachment].hash,
        }),
        None => Ok(()),
    }
}
