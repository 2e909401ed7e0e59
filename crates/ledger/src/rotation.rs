//! From one signing key to the next: a statement that both keys sign and that is an entry of the log itself.
//!
//! Whoever trusts the old key can follow it to the new one without asking anybody, and knows from which size on a
//! checkpoint by the old key is none. This module must never take a statement for true that only one of the two
//! keys signed. Against somebody who has stolen the old key it helps only those who have heard of the rotation.

use crate::canonical;
use crate::key::{LedgerKey, VerifierKey};
use crate::{MAX_INTEGER, text};
use serde::{Deserialize, Serialize};
use signed_note::{Signer as _, Verifier as _};
use thiserror::Error;

/// Kind of the log's entry that holds a statement.
pub const KIND_KEY_ROTATED: &str = "ledger.key-rotated";

/// Version that this crate writes and reads.
const ROTATION_VERSION: u64 = 1;

const DOMAIN: &[u8] = b"countersign/ledger-key-rotation/v1\0";

/// One change of keys. [`Rotation::parse`] gives only ones that both keys signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// Which log: the origin line of its checkpoints.
    pub origin: String,
    /// Leaves in the log before the statement's own: the largest checkpoint that the old key may sign, and the
    /// statement's index.
    pub size: u64,
    /// The key until then.
    pub from: VerifierKey,
    /// The key from then on.
    pub to: VerifierKey,
}

/// Why bytes are not a statement that counts.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum RotationError {
    /// Not the canonical JSON of a statement, or a field breaks its rule.
    #[error("this is not a statement about a change of keys")]
    Malformed,
    /// The old and the new key are one.
    #[error("a change of keys needs two different keys")]
    SameKey,
    /// One of the two signatures is wrong.
    #[error("the change of keys is not signed by both keys")]
    SignatureInvalid,
}

impl RotationError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Malformed => "rotation-malformed",
            Self::SameKey => "rotation-same-key",
            Self::SignatureInvalid => "rotation-signature-invalid",
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: u64,
    origin: String,
    size: u64,
    from: String,
    to: String,
    /// Ed25519 by the old and by the new key, 128 hex digits each.
    signatures: [String; 2],
}

impl Rotation {
    /// States that a log of `size` leaves goes on under another key, and signs that with both. Ed25519 is
    /// deterministic: the same arguments give the same bytes.
    ///
    /// # Errors
    /// [`RotationError::SameKey`], or [`RotationError::Malformed`] for an origin or size that no log has.
    pub fn sign(origin: &str, size: u64, old: &LedgerKey, new: &LedgerKey) -> Result<Vec<u8>, RotationError> {
        let rotation = Self {
            origin: origin.to_owned(),
            size,
            from: old.verifier(),
            to: new.verifier(),
        };
        rotation.check()?;
        let message = rotation.message();
        let sign = |key: &LedgerKey| key.sign(&message).map(hex::encode);
        let signatures = [sign(old), sign(new)].map(|s| s.map_err(|_| RotationError::SignatureInvalid));
        let [by_old, by_new] = signatures;
        Ok(canonical::encode(&rotation.wire([by_old?, by_new?])))
    }

    /// Reads a statement back and checks both signatures.
    ///
    /// # Errors
    /// A [`RotationError`] for anything but the bytes that [`Rotation::sign`] gives.
    pub fn parse(bytes: &[u8]) -> Result<Self, RotationError> {
        let wire: Wire = canonical::decode(bytes).map_err(|_| RotationError::Malformed)?;
        let key = |text: &str| VerifierKey::parse(text).map_err(|_| RotationError::Malformed);
        let rotation = Self {
            from: key(&wire.from)?,
            to: key(&wire.to)?,
            origin: wire.origin,
            size: wire.size,
        };
        if wire.v != ROTATION_VERSION {
            return Err(RotationError::Malformed);
        }
        rotation.check()?;
        let message = rotation.message();
        let holds = |key: &VerifierKey, text: &str| {
            let lower = text.bytes().all(|b| !b.is_ascii_uppercase());
            let signature = hex::decode(text).ok().filter(|_| lower);
            signature.is_some_and(|signature| key.verify(&message, &signature))
        };
        let [by_old, by_new] = &wire.signatures;
        if holds(&rotation.from, by_old) && holds(&rotation.to, by_new) {
            Ok(rotation)
        } else {
            Err(RotationError::SignatureInvalid)
        }
    }

    fn check(&self) -> Result<(), RotationError> {
        if self.from == self.to {
            return Err(RotationError::SameKey);
        }
        if !text::is_origin(&self.origin) || self.size > MAX_INTEGER {
            return Err(RotationError::Malformed);
        }
        Ok(())
    }

    fn message(&self) -> Vec<u8> {
        let unsigned = self.wire([String::new(), String::new()]);
        [DOMAIN, &canonical::encode(&unsigned)].concat()
    }

    fn wire(&self, signatures: [String; 2]) -> Wire {
        Wire {
            v: ROTATION_VERSION,
            origin: self.origin.clone(),
            size: self.size,
            from: self.from.to_string(),
            to: self.to.to_string(),
            signatures,
        }
    }
}
