//! Every way in which a bundle can fail, each with a stable code, its place and a plain sentence.

use crate::bundle::BundleError;
use crate::checkpoint::CheckpointError;
use crate::hash::{ContentHash, RootHash};
use crate::leaf::LeafError;
use crate::rotation::RotationError;
use std::fmt;
use thiserror::Error;

/// Where in a bundle something is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Place of the entry in the bundle, from 0.
    pub entry: usize,
    /// Sequence number that the entry's leaf names.
    pub seq: u64,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} (seq {})", self.entry, self.seq)
    }
}

/// Why a bundle does not verify.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum VerifyError {
    /// The file is not a bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The bundle's checkpoint is malformed, or its signature is wrong or by nobody known.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is of another log.
    #[error("the checkpoint is of the log `{found}`, not of `{expected}`")]
    OriginMismatch {
        /// Origin of the tenant's log.
        expected: String,
        /// Origin that the checkpoint names.
        found: String,
    },
    /// A checkpoint that the caller trusts is none.
    #[error("trusted checkpoint {position} is malformed")]
    TrustedCheckpoint {
        /// Its place in the list given, from 0.
        position: usize,
        /// What is wrong with it.
        source: CheckpointError,
    },
    /// The same log was shown to others with another content.
    #[error("split view: `{origin}` with {size} leaves has root {found} here, {trusted} elsewhere")]
    SplitView {
        /// Origin of the log.
        origin: String,
        /// Size of both trees, in leaves.
        size: u64,
        /// Root in the trusted checkpoint.
        trusted: RootHash,
        /// Root in the bundle's checkpoint.
        found: RootHash,
    },
    /// A checkpoint that was to be compared is not of the bundle's log.
    #[error(
        "that checkpoint (`{origin}`, {size} leaves) is of another ledger: no key of this file's ledger signed it"
    )]
    OtherLedger {
        /// Origin that it names.
        origin: String,
        /// Its size, in leaves.
        size: u64,
    },
    /// The checkpoint's key had been handed over before the log had this size.
    #[error(
        "the key `{key}` was handed over before the log had {size} leaves; it may not sign this any more"
    )]
    KeyRetired {
        /// Name of the key.
        key: String,
        /// Size of the checkpoint, in leaves.
        size: u64,
    },
    /// An earlier head is not what the log began with.
    #[error("the log is not proven to go on from the earlier head of {size} leaves")]
    HistoryInconsistent {
        /// Size of the earlier head, in leaves.
        size: u64,
    },
    /// The bundle proves nothing about a head of that size.
    #[error("the bundle proves nothing about the log at {size} leaves")]
    NoHistory {
        /// That size.
        size: u64,
    },
    /// An entry of another stream has a malformed leaf.
    #[error("notice {notice}: the leaf is malformed")]
    NoticeLeaf {
        /// Place of the notice in the bundle, from 0.
        notice: usize,
        /// What is wrong with it.
        source: LeafError,
    },
    /// An entry of another stream is not proven to be in this tenant's log with this body, or stands elsewhere than it
    /// says.
    #[error("notice {notice}: it is not proven to be in the log with this body")]
    Notice {
        /// Place of the notice in the bundle, from 0.
        notice: usize,
    },
    /// A change of keys doesn't count.
    #[error("notice {notice}: the change of keys does not count")]
    Rotation {
        /// Place of the notice in the bundle, from 0.
        notice: usize,
        /// Why.
        source: RotationError,
    },
    /// An entry's leaf is malformed.
    #[error("entry {entry}: the leaf is malformed")]
    Leaf {
        /// Place of the entry in the bundle, from 0.
        entry: usize,
        /// What is wrong with it.
        source: LeafError,
    },
    /// A leaf is of another tenant.
    #[error("{place}: the leaf is of another tenant than the bundle")]
    TenantMismatch {
        /// Where.
        place: Place,
    },
    /// A leaf is of another stream.
    #[error("{place}: the leaf is of another stream than the bundle")]
    StreamMismatch {
        /// Where.
        place: Place,
    },
    /// A sequence number is missing, repeated or out of order.
    #[error("{place}: expected seq {expected}; an entry is missing, repeated or out of order")]
    SeqMismatch {
        /// Where.
        place: Place,
        /// Sequence number that belongs here.
        expected: u64,
    },
    /// A leaf doesn't name the entry before it.
    #[error("{place}: the leaf does not name the entry before it")]
    PrevMismatch {
        /// Where.
        place: Place,
    },
    /// Log indexes don't increase along the stream.
    #[error("{place}: log index {index} does not come after {previous}")]
    IndexOrder {
        /// Where.
        place: Place,
        /// Index of this entry.
        index: u64,
        /// Index of the entry before it.
        previous: u64,
    },
    /// The stream's time runs backwards.
    #[error("{place}: the entry is earlier in time than the one before it")]
    TimeBackwards {
        /// Where.
        place: Place,
    },
    /// The body is not what the leaf committed to.
    #[error("{place}: the body is not the one that the leaf commits to")]
    CommitmentMismatch {
        /// Where.
        place: Place,
    },
    /// The entry lies beyond the checkpoint.
    #[error("{place}: log index {index} lies beyond the checkpoint's {size} leaves")]
    BeyondCheckpoint {
        /// Where.
        place: Place,
        /// Index of the entry.
        index: u64,
        /// Size of the checkpoint, in leaves.
        size: u64,
    },
    /// The proof doesn't lead from the leaf to the checkpoint's root.
    #[error("{place}: the leaf is not proven to be in the log")]
    NotIncluded {
        /// Where.
        place: Place,
    },
    /// Entries follow the stream's end.
    #[error("{place}: the stream ends here, yet further entries follow")]
    EndedEarly {
        /// Where.
        place: Place,
    },
    /// The stream's end names another count.
    #[error("{place}: the stream ends with {ended} entries, the bundle has {count}")]
    EndedCount {
        /// Where.
        place: Place,
        /// Count that the last leaf names.
        ended: u64,
        /// Entries in the bundle.
        count: u64,
    },
    /// An attachment is not the content that its hash names.
    #[error("attachment {attachment}: the content does not have the hash {hash}")]
    AttachmentMismatch {
        /// Place of the attachment in the bundle, from 0.
        attachment: usize,
        /// Hash that names it.
        hash: ContentHash,
    },
}

impl VerifyError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Bundle(error) => error.code(),
            Self::Checkpoint(error) => error.code(),
            Self::OriginMismatch { .. } => "verify-origin-mismatch",
            Self::TrustedCheckpoint { .. } => "verify-trusted-checkpoint-malformed",
            Self::SplitView { .. } => "verify-split-view",
            Self::OtherLedger { .. } => "verify-other-ledger",
            Self::KeyRetired { .. } => "verify-key-retired",
            Self::HistoryInconsistent { .. } => "verify-history-inconsistent",
            Self::NoHistory { .. } => "verify-no-history",
            Self::NoticeLeaf { source, .. } | Self::Leaf { source, .. } => source.code(),
            Self::Notice { .. } => "verify-notice",
            Self::Rotation { source, .. } => source.code(),
            Self::TenantMismatch { .. } => "verify-tenant-mismatch",
            Self::StreamMismatch { .. } => "verify-stream-mismatch",
            Self::SeqMismatch { .. } => "verify-seq-mismatch",
            Self::PrevMismatch { .. } => "verify-prev-mismatch",
            Self::IndexOrder { .. } => "verify-index-order",
            Self::TimeBackwards { .. } => "verify-time-backwards",
            Self::CommitmentMismatch { .. } => "verify-commitment-mismatch",
            Self::BeyondCheckpoint { .. } => "verify-beyond-checkpoint",
            Self::NotIncluded { .. } => "verify-not-included",
            Self::EndedEarly { .. } => "verify-ended-early",
            Self::EndedCount { .. } => "verify-ended-count",
            Self::AttachmentMismatch { .. } => "verify-attachment-mismatch",
        }
    }

    /// The entry at fault, where it is one entry's leaf that could be read.
    pub fn place(&self) -> Option<Place> {
        match self {
            Self::TenantMismatch { place }
            | Self::StreamMismatch { place }
            | Self::SeqMismatch { place, .. }
            | Self::PrevMismatch { place }
            | Self::IndexOrder { place, .. }
            | Self::TimeBackwards { place }
            | Self::CommitmentMismatch { place }
            | Self::BeyondCheckpoint { place, .. }
            | Self::NotIncluded { place }
            | Self::EndedEarly { place }
            | Self::EndedCount { place, .. } => Some(*place),
            Self::Bundle(_)
            | Self::Checkpoint(_)
            | Self::OriginMismatch { .. }
            | Self::TrustedCheckpoint { .. }
            | Self::SplitView { .. }
            | Self::OtherLedger { .. }
            | Self::KeyRetired { .. }
            | Self::HistoryInconsistent { .. }
            | Self::NoHistory { .. }
            | Self::NoticeLeaf { .. }
            | Self::Notice { .. }
            | Self::Rotation { .. }
            | Self::Leaf { .. }
            | Self::AttachmentMismatch { .. } => None,
        }
    }
}
