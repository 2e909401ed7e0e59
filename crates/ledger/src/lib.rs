//! A verifiable history: canonical leaves in an RFC 6962 Merkle log, signed C2SP checkpoints, and one-file
//! bundles that anyone can check offline.
//!
//! Read in this order: [`leaf`] (what one log item is), [`tree`] (how items become one root), [`checkpoint`]
//! and [`key`] (who vouches for a root), [`rotation`] (how one key follows another), [`bundle`] (one stream as
//! one file), [`mod@verify`] (what a bundle proves), [`dsse`] (statements that other people's programs read).
//!
//! This crate must never read a clock, a file, the environment or a random source, and never know what a
//! workflow is: times, salts and signing keys are arguments, kinds and bodies are the caller's bytes.
//!
//! ```
//! use countersign_ledger::*;
//!
//! // One thing happened: commit to its body, write the leaf, append it, sign the log.
//! let (salt, body) = (Salt([7; 32]), b"{\"approved\":true}".to_vec());
//! let leaf = Leaf {
//!     tenant: "acme".into(),
//!     stream: "wf_01".into(),
//!     seq: 1,
//!     prev: None,
//!     kind: "workflow.event".into(),
//!     at: "2026-11-20T21:00:00.000Z".into(),
//!     commitment: commit(&salt, &body),
//!     ended: Some(1),
//! }
//! .to_bytes()?;
//! let hashes = tree::append(0, &leaf, &KnownHashes::new())?;
//! let key = LedgerKey::from_seed("countersign/acme", &[1; 32])?;
//! let note = sign_checkpoint(&origin_of("acme"), 1, &tree::root(1, &hashes)?, &key)?;
//!
//! // Export it as one file, and let a stranger who trusts the key verify that file.
//! let mut builder = BundleBuilder::new("acme", "wf_01");
//! let proof = tree::prove_inclusion(1, 0, &hashes)?;
//! builder.push(BundleEntry { index: 0, leaf, body: Body::Present { salt, bytes: body }, proof });
//! let file = builder.finish(note, &[key.verifier()]).to_bytes()?;
//! let report = verify(&file, &Trust { keys: vec![key.verifier()], ..Trust::default() })?;
//! assert!(report.complete && report.origin == Origin::Proven { key: "countersign/acme".into() });
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What it can't do: whoever holds the signing key can rewrite history that no one outside has seen, and can
//! write the same sequence number of a stream twice into one log. Against that stand checkpoints kept
//! elsewhere ([`verify::Trust::checkpoints`], commit trailers), not this crate alone.

pub mod bundle;
mod canonical;
pub mod checkpoint;
pub mod commitment;
pub mod continuity;
pub mod dsse;
pub mod hash;
pub mod key;
pub mod leaf;
pub mod rotation;
mod text;
pub mod tree;
pub mod verify;

pub use bundle::{Attachment, Body, Bundle, BundleBuilder, BundleEntry, BundleError, Earlier};
pub use checkpoint::{Checkpoint, CheckpointError, inspect, origin_of, parse_and_verify, sign_checkpoint};
pub use commitment::{Commitment, Salt, commit};
pub use continuity::{Continuity, continuity};
pub use dsse::{StatementKey, StatementVerifier};
pub use hash::{ContentHash, HexError, LeafHash, RootHash, content_hash, leaf_hash};
pub use key::{KeyError, LedgerKey, VerifierKey};
pub use leaf::{Leaf, LeafError};
pub use rotation::{Rotation, RotationError};
pub use tree::{HashReader, KnownHashes, TreeError};
pub use verify::{Origin, Place, Report, Retired, Trust, VerifiedEntry, VerifyError, verify};

/// Largest integer that a leaf, checkpoint or bundle may hold: 2^53 − 1, the largest that every JSON reader
/// agrees on (RFC 8785 section 3.2.2.3, RFC 7493 section 2.2).
pub const MAX_INTEGER: u64 = (1 << 53) - 1;
