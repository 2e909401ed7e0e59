//! Checkpoints: "this log had this many leaves and this root", signed.
//!
//! The text is C2SP tlog-checkpoint (origin, size in decimal, root in base64, one line each; no extension
//! lines), the envelope C2SP signed-note with Ed25519. Signatures by keys that we don't know are carried and
//! ignored, as the specification asks. This module must never hand out a checkpoint as verified that no given
//! key signed.

use crate::hash::{ContentHash, RootHash, content_hash};
use crate::key::{LedgerKey, VerifierKey};
use crate::{MAX_INTEGER, text};
use signed_note::{Note, NoteError, VerificationError, Verifier, VerifierList};
use std::collections::BTreeMap;
use thiserror::Error;

/// Largest note, in bytes.
pub const MAX_NOTE_BYTES: usize = 64 * 1024;

/// What precedes the tenant in the origin of Countersign's own logs.
pub const ORIGIN_PREFIX: &str = "countersign/";

/// A parsed checkpoint. [`parse_and_verify`] gives verified ones, [`inspect`] unverified ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: RootHash,
    note: String,
}

/// Why a note is not an acceptable checkpoint.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum CheckpointError {
    /// More than [`MAX_NOTE_BYTES`].
    #[error("the checkpoint is larger than {MAX_NOTE_BYTES} bytes")]
    TooLarge,
    /// Not a signed note in its one spelling.
    #[error("the checkpoint is not a signed note")]
    NoteMalformed,
    /// A signed note, but its text is not origin, size and root.
    #[error("the signed text is not a checkpoint: origin, size and root, one line each")]
    TextMalformed,
    /// The origin is not 1–256 printable ASCII characters without spaces.
    #[error("a checkpoint's origin has 1 to 256 printable ASCII characters without spaces")]
    OriginMalformed,
    /// The size is above [`MAX_INTEGER`], or 0 with a root that is not the empty tree's.
    #[error("the checkpoint's size can't be")]
    SizeImpossible,
    /// None of the given keys signed it.
    #[error("no known key signed the checkpoint")]
    NoKnownSignature,
    /// It carries a signature in the name of a given key, and that signature is wrong.
    #[error("the checkpoint's signature by key `{key}` is wrong")]
    SignatureInvalid {
        /// Name of the key.
        key: String,
    },
    /// Two different keys given share name and key id.
    #[error("two different keys are known as `{key}`")]
    KeysAmbiguous {
        /// Name of the keys.
        key: String,
    },
}

impl CheckpointError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge => "checkpoint-too-large",
            Self::NoteMalformed => "checkpoint-note-malformed",
            Self::TextMalformed => "checkpoint-text-malformed",
            Self::OriginMalformed => "checkpoint-origin-malformed",
            Self::SizeImpossible => "checkpoint-size-impossible",
            Self::NoKnownSignature => "checkpoint-no-known-signature",
            Self::SignatureInvalid { .. } => "checkpoint-signature-invalid",
            Self::KeysAmbiguous { .. } => "checkpoint-keys-ambiguous",
        }
    }
}

impl Checkpoint {
    /// Which log: the first line.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How many leaves the log had.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Root of those leaves.
    pub fn root(&self) -> RootHash {
        self.root
    }

    /// The whole note, signatures included, exactly as it was parsed.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// SHA-256 of the note's bytes, signatures included; its hex text goes into commit trailers.
    pub fn digest(&self) -> ContentHash {
        content_hash(self.note.as_bytes())
    }
}

/// Origin line of a tenant's log: `countersign/<tenant>`. [`crate::verify()`] demands it of a bundle's
/// checkpoint.
pub fn origin_of(tenant: &str) -> String {
    format!("{ORIGIN_PREFIX}{tenant}")
}

/// Signs "the log `origin` has `size` leaves and this root" and gives the note's text. Ed25519 is
/// deterministic: the same arguments give the same text.
///
/// # Errors
/// [`CheckpointError::OriginMalformed`], [`CheckpointError::SizeImpossible`].
pub fn sign_checkpoint(
    origin: &str,
    size: u64,
    root: &RootHash,
    key: &LedgerKey,
) -> Result<String, CheckpointError> {
    check(origin, size, root)?;
    let checkpoint = tlog_tiles::Checkpoint::new(origin, size, tlog_tiles::Hash(root.0), "")
        .map_err(|_| CheckpointError::TextMalformed)?;
    let mut note = Note::new(&checkpoint.to_bytes(), &[]).map_err(|_| CheckpointError::NoteMalformed)?;
    note.add_sigs(&[key])
        .map_err(|_| CheckpointError::NoteMalformed)?;
    String::from_utf8(note.to_bytes()).map_err(|_| CheckpointError::NoteMalformed)
}

/// Parses a checkpoint and checks that at least one of `keys` signed it, and that none of them signed it
/// wrongly.
///
/// # Errors
/// [`CheckpointError::NoKnownSignature`], [`CheckpointError::SignatureInvalid`], or why it isn't a
/// checkpoint.
pub fn parse_and_verify(note: &str, keys: &[VerifierKey]) -> Result<Checkpoint, CheckpointError> {
    verify_signed(note, keys).map(|(checkpoint, _)| checkpoint)
}

/// Parses a checkpoint without looking at its signatures: for showing, never for trusting.
///
/// # Errors
/// Why it isn't a checkpoint.
pub fn inspect(note: &str) -> Result<Checkpoint, CheckpointError> {
    parse(note).map(|(checkpoint, _)| checkpoint)
}

/// [`parse_and_verify`] that also names the key of the first good signature.
pub(crate) fn verify_signed(
    note: &str,
    keys: &[VerifierKey],
) -> Result<(Checkpoint, String), CheckpointError> {
    let (checkpoint, envelope) = parse(note)?;
    // The same key given twice is one key; the library would call it ambiguous.
    let distinct: BTreeMap<String, &VerifierKey> = keys.iter().map(|key| (key.to_string(), key)).collect();
    let known = distinct
        .into_values()
        .map(|key| Box::new(key.clone()) as Box<dyn Verifier>);
    let (good, _unknown) = envelope
        .verify(&VerifierList::new(known.collect()))
        .map_err(explain)?;
    let first = good.first().ok_or(CheckpointError::NoKnownSignature)?;
    Ok((checkpoint, first.name().to_owned()))
}

fn parse(note: &str) -> Result<(Checkpoint, Note), CheckpointError> {
    if note.len() > MAX_NOTE_BYTES {
        return Err(CheckpointError::TooLarge);
    }
    let envelope = Note::from_bytes(note.as_bytes()).map_err(|_| CheckpointError::NoteMalformed)?;
    if envelope.to_bytes() != note.as_bytes() {
        return Err(CheckpointError::NoteMalformed);
    }
    let body =
        tlog_tiles::Checkpoint::from_bytes(envelope.text()).map_err(|_| CheckpointError::TextMalformed)?;
    if !body.extension().is_empty() || body.to_bytes() != envelope.text() {
        return Err(CheckpointError::TextMalformed);
    }
    let root = RootHash(body.hash().0);
    check(body.origin(), body.size(), &root)?;
    let checkpoint = Checkpoint {
        origin: body.origin().to_owned(),
        size: body.size(),
        root,
        note: note.to_owned(),
    };
    Ok((checkpoint, envelope))
}

fn check(origin: &str, size: u64, root: &RootHash) -> Result<(), CheckpointError> {
    if !text::is_origin(origin) {
        return Err(CheckpointError::OriginMalformed);
    }
    if size > MAX_INTEGER || (size == 0 && *root != RootHash::EMPTY) {
        return Err(CheckpointError::SizeImpossible);
    }
    Ok(())
}

/// The library's reasons in our words. Every one of its reasons is named, so that a new one stops the build.
fn explain(error: NoteError) -> CheckpointError {
    match error {
        NoteError::InvalidSignature { name, id: _ } => CheckpointError::SignatureInvalid { key: name },
        NoteError::UnverifiedNote => CheckpointError::NoKnownSignature,
        NoteError::VerificationError(VerificationError::UnknownKey { .. }) => {
            CheckpointError::NoKnownSignature
        }
        NoteError::VerificationError(VerificationError::AmbiguousKey { name, id: _ }) => {
            CheckpointError::KeysAmbiguous { key: name }
        }
        NoteError::MalformedNote
        | NoteError::InvalidSigner
        | NoteError::MismatchedVerifier
        | NoteError::SignatureError(_) => CheckpointError::NoteMalformed,
    }
}
