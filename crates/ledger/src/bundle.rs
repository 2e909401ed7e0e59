//! One stream as one file: its leaves, the bodies that still exist, proofs, attachments, a checkpoint and
//! keys.
//!
//! The file is RFC 8785 canonical JSON and must equal its own re-encoding. This module only reads and writes
//! the form; whether what it says is true is [`mod@crate::verify`]'s business. Keys inside a bundle prove
//! nothing about where it comes from.

mod error;
mod wire;

pub use error::BundleError;

use crate::canonical::{self, Shape};
use crate::commitment::Salt;
use crate::hash::{ContentHash, RootHash, content_hash};
use crate::key::VerifierKey;
use crate::text;
use std::collections::BTreeMap;

/// What the file calls itself.
pub const BUNDLE_FORMAT: &str = "countersign-bundle";
/// Version that this crate writes and reads.
pub const BUNDLE_VERSION: u64 = 1;
/// Largest file, in bytes (256 MiB).
pub const MAX_BUNDLE_BYTES: usize = 256 * 1024 * 1024;
/// Most entries in a bundle.
pub const MAX_ENTRIES: usize = 100_000;
/// Most attachments in a bundle.
pub const MAX_ATTACHMENTS: usize = 10_000;
/// Most entries of other streams in a bundle.
pub const MAX_NOTICES: usize = 1_000;
/// Most earlier checkpoints in a bundle.
pub const MAX_HISTORY: usize = 1_000;
/// Most embedded keys in a bundle.
pub const MAX_KEYS: usize = 16;

/// A bundle in memory. Plain data; [`Bundle::to_bytes`] and [`Bundle::parse`] check its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Tenant of every leaf.
    pub tenant: String,
    /// Stream of every leaf.
    pub stream: String,
    /// The stream's leaves in order, at least one.
    pub entries: Vec<BundleEntry>,
    /// Entries of the tenant's other streams that the story rests on (changes of keys, erasures), ordered by index.
    /// Left out of the file where there are none.
    pub notices: Vec<BundleEntry>,
    /// Earlier heads of the log that the story names, with the proof that this one goes on from each; ordered by
    /// size. Left out of the file where there are none.
    pub history: Vec<Earlier>,
    /// Further content that bodies speak of, ordered by hash, each hash once.
    pub attachments: Vec<Attachment>,
    /// Note text of the checkpoint that the proofs lead to.
    pub checkpoint: String,
    /// Keys for checking the bundle's consistency, ordered by their text, each once.
    pub keys: Vec<VerifierKey>,
}

/// One leaf with its body and its inclusion proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BundleEntry {
    /// Index of the leaf in the log, from 0.
    pub index: u64,
    /// The leaf's bytes, as stored.
    pub leaf: Vec<u8>,
    /// What the leaf's commitment is about.
    pub body: Body,
    /// Audit path to the checkpoint's root ([`crate::tree::prove_inclusion`]).
    pub proof: Vec<[u8; 32]>,
}

/// A leaf's body, or that it was erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// The body and the salt under which the leaf commits to it.
    Present {
        /// Salt of the commitment.
        salt: Salt,
        /// The body.
        bytes: Vec<u8>,
    },
    /// Body and salt are gone; both, because a short body could be guessed with the salt at hand.
    Erased,
}

/// An earlier head of the log, and the proof that the bundle's checkpoint goes on from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// Leaves that it had, from 1.
    pub size: u64,
    /// Their root.
    pub root: RootHash,
    /// Consistency proof to the checkpoint's root ([`crate::tree::prove_consistency`]).
    pub proof: Vec<[u8; 32]>,
}

/// Content under its own hash. What it is says the body that names the hash; a label here would be vouched for by nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// SHA-256 of the body (checked by [`crate::verify()`], not by [`Bundle::parse`]).
    pub hash: ContentHash,
    /// The content.
    pub body: Vec<u8>,
}

/// Collects a bundle piece by piece and puts lists into their canonical order.
#[derive(Clone, Debug)]
pub struct BundleBuilder {
    tenant: String,
    stream: String,
    entries: Vec<BundleEntry>,
    notices: BTreeMap<u64, BundleEntry>,
    history: BTreeMap<u64, Earlier>,
    attachments: BTreeMap<ContentHash, Attachment>,
}

impl BundleBuilder {
    /// Starts a bundle for one stream of one tenant.
    pub fn new(tenant: impl Into<String>, stream: impl Into<String>) -> Self {
        Self {
            tenant: tenant.into(),
            stream: stream.into(),
            entries: Vec::new(),
            notices: BTreeMap::new(),
            history: BTreeMap::new(),
            attachments: BTreeMap::new(),
        }
    }

    /// Adds the stream's next entry; call it in stream order.
    pub fn push(&mut self, entry: BundleEntry) -> &mut Self {
        self.entries.push(entry);
        self
    }

    /// Adds an entry of another stream of the tenant. The same index again replaces it.
    pub fn notice(&mut self, entry: BundleEntry) -> &mut Self {
        self.notices.insert(entry.index, entry);
        self
    }

    /// Adds an earlier head of the log. The same size again replaces it.
    pub fn earlier(&mut self, earlier: Earlier) -> &mut Self {
        self.history.insert(earlier.size, earlier);
        self
    }

    /// Adds content under its SHA-256 and gives that hash. The same content again changes nothing.
    pub fn attach(&mut self, body: Vec<u8>) -> ContentHash {
        let hash = content_hash(&body);
        self.attachments
            .entry(hash)
            .or_insert_with(|| Attachment { hash, body });
        hash
    }

    /// Closes the bundle under a checkpoint's note text. Keys may come in any order and repeat.
    pub fn finish(self, checkpoint: impl Into<String>, keys: &[VerifierKey]) -> Bundle {
        let keys: BTreeMap<String, &VerifierKey> = keys.iter().map(|key| (key.to_string(), key)).collect();
        Bundle {
            tenant: self.tenant,
            stream: self.stream,
            entries: self.entries,
            notices: self.notices.into_values().collect(),
            history: self.history.into_values().collect(),
            attachments: self.attachments.into_values().collect(),
            checkpoint: checkpoint.into(),
            keys: keys.into_values().cloned().collect(),
        }
    }
}

impl Bundle {
    /// The canonical bytes of the file.
    ///
    /// # Errors
    /// A [`BundleError`] if a limit, an order or a name's rule is broken.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BundleError> {
        self.check()?;
        let bytes = canonical::encode(&wire::Bundle::from(self));
        check_bytes(bytes.len())?;
        Ok(bytes)
    }

    /// Reads a bundle back from exactly the bytes that [`Bundle::to_bytes`] writes. Checks the form only; see
    /// [`crate::verify()`].
    ///
    /// # Errors
    /// A [`BundleError`] for anything else.
    pub fn parse(bytes: &[u8]) -> Result<Self, BundleError> {
        check_bytes(bytes.len())?;
        let wire: wire::Bundle = canonical::decode(bytes).map_err(|shape| match shape {
            Shape::Json { line, column } => BundleError::Shape { line, column },
            Shape::OtherVersion { found } => BundleError::UnknownVersion { found },
            Shape::NotCanonical => BundleError::NotCanonical,
        })?;
        let bundle = Self::try_from(wire)?;
        bundle.check()?;
        Ok(bundle)
    }

    fn check(&self) -> Result<(), BundleError> {
        let counts = [
            ("entries", self.entries.len(), MAX_ENTRIES),
            ("notices", self.notices.len(), MAX_NOTICES),
            ("earlier heads", self.history.len(), MAX_HISTORY),
            ("attachments", self.attachments.len(), MAX_ATTACHMENTS),
            ("keys", self.keys.len(), MAX_KEYS),
        ];
        if let Some((what, count, max)) = counts.into_iter().find(|(_, count, max)| count > max) {
            return Err(BundleError::TooMany { what, count, max });
        }
        if self.entries.is_empty() {
            return Err(BundleError::NoEntries);
        }
        if !text::is_tenant(&self.tenant) {
            return Err(BundleError::Field { field: "tenant" });
        }
        if !text::is_stream(&self.stream) {
            return Err(BundleError::Field { field: "stream" });
        }
        for (entry, item) in self.entries.iter().enumerate() {
            item.check()
                .map_err(|field| BundleError::EntryField { entry, field })?;
        }
        for (notice, item) in self.notices.iter().enumerate() {
            item.check()
                .map_err(|field| BundleError::NoticeField { notice, field })?;
        }
        if !self.notices.is_sorted_by(|one, next| one.index < next.index) {
            return Err(BundleError::Unordered { what: "notices" });
        }
        if self
            .history
            .iter()
            .any(|earlier| earlier.proof.len() > crate::tree::MAX_PROOF_HASHES)
        {
            return Err(BundleError::Field { field: "history" });
        }
        if !self.history.is_sorted_by(|one, next| one.size < next.size) {
            return Err(BundleError::Unordered {
                what: "earlier heads",
            });
        }
        if !self.attachments.is_sorted_by(|one, next| one.hash < next.hash) {
            return Err(BundleError::Unordered { what: "attachments" });
        }
        let keys: Vec<String> = self.keys.iter().map(VerifierKey::to_string).collect();
        if !keys.is_sorted_by(|one, next| one < next) {
            return Err(BundleError::Unordered { what: "keys" });
        }
        Ok(())
    }
}

impl BundleEntry {
    fn check(&self) -> Result<(), &'static str> {
        if self.index > crate::MAX_INTEGER {
            return Err("index");
        }
        if self.leaf.len() > crate::leaf::MAX_LEAF_BYTES {
            return Err("leaf");
        }
        if self.proof.len() > crate::tree::MAX_PROOF_HASHES {
            return Err("proof");
        }
        Ok(())
    }
}

fn check_bytes(bytes: usize) -> Result<(), BundleError> {
    if bytes > MAX_BUNDLE_BYTES {
        Err(BundleError::TooLarge { bytes })
    } else {
        Ok(())
    }
}
