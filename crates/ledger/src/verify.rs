//! What a bundle proves: that its entries are one unbroken stream, that they are in the log of its
//! checkpoint, and whether someone whom the caller trusts signed that checkpoint.
//!
//! It takes nothing from the bundle on trust: bytes must be canonical, every hash is computed anew, and keys
//! inside the bundle only show that it is consistent ([`Origin::Unproven`]). It must never say "complete" of
//! a stream whose last leaf doesn't close it, and never say "proven" without a trusted key. It judges no
//! meaning: whether the story in the bodies is lawful, which attachments and which erasures it should have,
//! is for the caller.

mod error;
mod keyring;
mod notices;
mod stream;

pub use error::{Place, VerifyError};

use crate::bundle::{Attachment, Bundle, Earlier};
use crate::checkpoint::{Checkpoint, CheckpointError, inspect, origin_of};
use crate::hash::{LeafHash, RootHash, content_hash};
use crate::key::VerifierKey;
use crate::rotation::Rotation;
use crate::tree::verify_consistency;
use keyring::Keyring;
use std::collections::BTreeMap;

/// What the caller trusts beforehand. Empty is allowed and proves consistency only.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Keys whose signature proves a bundle's origin.
    pub keys: Vec<VerifierKey>,
    /// Note texts of checkpoints seen elsewhere (commit trailers, receipts). A bundle that shows another root
    /// for the same log and size is a split view. Their signatures are not looked at: who gives them vouches
    /// for them. A size that the bundle proves nothing about can't be compared: see [`Report::uncompared`].
    pub checkpoints: Vec<String>,
    /// Keys that are known to have been handed over, and the largest checkpoint that each may have signed. They are
    /// trusted up to there.
    pub retired: Vec<Retired>,
}

/// A key that signs no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retired {
    /// Which.
    pub key: VerifierKey,
    /// Size of the largest checkpoint that it may have signed.
    pub size: u64,
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
    /// Earlier heads of the log from which the checkpoint goes on, as proven: size and root.
    pub history: BTreeMap<u64, RootHash>,
    /// Sizes of trusted checkpoints of this log that the bundle proves nothing about.
    pub uncompared: Vec<u64>,
    /// Entries of the tenant's other streams, each proven to be in the log and with its body.
    pub notices: Vec<VerifiedEntry>,
    /// Changes of keys among them, in order.
    pub rotations: Vec<Rotation>,
    /// The entries in stream order.
    pub entries: Vec<VerifiedEntry>,
    /// How many of them have an erased body. Anyone can erase a body in a copy, so a body that is gone says
    /// nothing about who removed it.
    pub erased: usize,
    /// Attachments; each matches its hash. One left out is not
    /// noticed here: look for the hashes that the bodies name.
    pub attachments: Vec<Attachment>,
    ring: Keyring,
}

impl Report {
    /// Checks an earlier checkpoint of the same log, such as one that a body names: signed by a key that may sign one
    /// of its size, as trustworthy as the bundle's own, and proven to be what this log began with.
    ///
    /// # Errors
    /// Why it is not.
    pub fn vouch(&self, note: &str) -> Result<Checkpoint, VerifyError> {
        let (checkpoint, _) = self.ring.vouch(note)?;
        same_log(&checkpoint, &self.tenant)?;
        match self.root_at(checkpoint.size()) {
            Some(root) if root == checkpoint.root() => Ok(checkpoint),
            Some(root) => Err(split_view(&checkpoint, root)),
            None => Err(VerifyError::NoHistory {
                size: checkpoint.size(),
            }),
        }
    }

    /// Compares with a checkpoint that somebody kept, whoever's it is. `false`: the bundle proves nothing about the log at
    /// its size.
    ///
    /// # Errors
    /// [`VerifyError::OtherLedger`] where no key of this log signed it, [`VerifyError::SplitView`] where one did and the
    /// root is another one, or why it is no checkpoint.
    pub fn compare(&self, note: &str) -> Result<bool, VerifyError> {
        let seen = inspect(note)?;
        let other_ledger = || VerifyError::OtherLedger {
            origin: seen.origin().to_owned(),
            size: seen.size(),
        };
        if seen.origin() != self.checkpoint.origin() {
            return Err(other_ledger());
        }
        let Some(found) = self.root_at(seen.size()) else {
            return Ok(false);
        };
        if found == seen.root() {
            return Ok(true);
        }
        // Every installation calls its log alike; only the keys tell them apart, and only those of this log count.
        let (_, key) = self.ring.vouch(self.checkpoint.note())?;
        match self.ring.chain_of(&key, &self.rotations).vouch(note) {
            Err(VerifyError::Checkpoint(CheckpointError::NoKnownSignature)) => Err(other_ledger()),
            Err(VerifyError::Checkpoint(error)) => Err(error.into()),
            // A key that was handed over before is a key of this log as well.
            Ok(_) | Err(_) => Err(split_view(&seen, found)),
        }
    }

    /// Root of the log's first `size` leaves, where the bundle proves it.
    pub fn root_at(&self, size: u64) -> Option<RootHash> {
        if size == self.checkpoint.size() {
            return Some(self.checkpoint.root());
        }
        self.history.get(&size).copied()
    }
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
    let head = inspect(&bundle.checkpoint)?;
    let notices = notices::verify_notices(&bundle.tenant, bundle.notices, &head)?;
    let rotations = notices::rotations(&notices, &origin_of(&bundle.tenant))?;
    let embedded = Keyring::new(&bundle.keys, &[], &rotations);
    let trusted = Keyring::new(&trust.keys, &trust.retired, &rotations);
    let (checkpoint, origin, ring) = verify_checkpoint(&bundle.checkpoint, trusted, embedded)?;
    same_log(&checkpoint, &bundle.tenant)?;
    let history = verify_history(&bundle.history, &checkpoint)?;
    verify_attachments(&bundle.attachments)?;
    let verified = stream::verify_stream(&bundle.tenant, &bundle.stream, bundle.entries, &checkpoint)?;
    let mut report = Report {
        erased: verified
            .entries
            .iter()
            .filter(|entry| entry.body.is_none())
            .count(),
        complete: verified.complete,
        entries: verified.entries,
        tenant: bundle.tenant,
        stream: bundle.stream,
        origin,
        checkpoint,
        history,
        uncompared: Vec::new(),
        notices,
        rotations,
        attachments: bundle.attachments,
        ring,
    };
    report.uncompared = refuse_split_view(&report, &trust.checkpoints)?;
    Ok(report)
}

/// Trusted keys first; embedded ones only if no trusted key has a signature there at all.
fn verify_checkpoint(
    note: &str,
    trusted: Keyring,
    embedded: Keyring,
) -> Result<(Checkpoint, Origin, Keyring), VerifyError> {
    match trusted.vouch(note) {
        Ok((checkpoint, key)) => Ok((checkpoint, Origin::Proven { key }, trusted)),
        Err(VerifyError::Checkpoint(CheckpointError::NoKnownSignature)) => {
            let (checkpoint, _) = embedded.vouch(note)?;
            Ok((checkpoint, Origin::Unproven, embedded))
        }
        Err(error) => Err(error),
    }
}

fn same_log(checkpoint: &Checkpoint, tenant: &str) -> Result<(), VerifyError> {
    let expected = origin_of(tenant);
    if checkpoint.origin() == expected {
        return Ok(());
    }
    Err(VerifyError::OriginMismatch {
        expected,
        found: checkpoint.origin().to_owned(),
    })
}

/// Every earlier head is what the checkpoint's log began with.
fn verify_history(
    history: &[Earlier],
    checkpoint: &Checkpoint,
) -> Result<BTreeMap<u64, RootHash>, VerifyError> {
    for earlier in history {
        let size = earlier.size;
        let inside = size > 0 && size < checkpoint.size();
        let holds = inside
            && verify_consistency(
                size,
                &earlier.root,
                checkpoint.size(),
                &checkpoint.root(),
                &earlier.proof,
            )
            .is_ok();
        if !holds {
            return Err(VerifyError::HistoryInconsistent { size });
        }
    }
    Ok(history.iter().map(|e| (e.size, e.root)).collect())
}

/// Compares with what was seen elsewhere, and gives the sizes that can't be compared.
fn refuse_split_view(report: &Report, trusted: &[String]) -> Result<Vec<u64>, VerifyError> {
    let mut uncompared = Vec::new();
    for (position, note) in trusted.iter().enumerate() {
        let seen = inspect(note).map_err(|source| VerifyError::TrustedCheckpoint { position, source })?;
        if seen.origin() != report.checkpoint.origin() {
            continue;
        }
        match report.root_at(seen.size()) {
            Some(found) if found != seen.root() => {
                return Err(split_view(&seen, found));
            }
            Some(_) => {}
            None => uncompared.push(seen.size()),
        }
    }
    Ok(uncompared)
}

fn split_view(seen: &Checkpoint, found: RootHash) -> VerifyError {
    VerifyError::SplitView {
        origin: seen.origin().to_owned(),
        size: seen.size(),
        trusted: seen.root(),
        found,
    }
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
