//! Ed25519 keys under a name: the signing half from a seed, the verifying half as a C2SP "vkey" text.
//!
//! A vkey is `name+hash+base64`: the hash is the first four bytes of SHA-256 over name, newline and typed key
//! (C2SP signed-note, "Verifier keys"). One key has one text. This module must never make a key, and never
//! print a seed.

use crate::text;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use std::fmt;
use thiserror::Error;

/// Type byte of Ed25519 in C2SP signed-note keys.
const ALG_ED25519: u8 = 1;

/// Signing key of a log.
#[derive(Clone)]
pub struct LedgerKey {
    name: String,
    signing: SigningKey,
}

/// Public key that checks a log's checkpoints. Prints as and parses from the vkey text.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: VerifyingKey,
}

/// Why a text or a name is not a key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum KeyError {
    /// A key name is 1–128 printable ASCII characters without space and `+`.
    #[error("a key name has 1 to 128 printable ASCII characters, none of them a space or `+`")]
    Name,
    /// Not `name+hash+base64` in its one spelling.
    #[error("the verifier key is not of the form name+hash+base64")]
    Malformed,
    /// Not an Ed25519 key.
    #[error("the verifier key is of a kind that this program does not know")]
    UnknownAlgorithm,
    /// The hash in the text is not that of this name and key.
    #[error("the verifier key's hash does not belong to its name and key")]
    HashMismatch,
    /// A key under which one signature fits any message.
    #[error("the verifier key is a weak key")]
    Weak,
}

impl KeyError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name => "key-name-malformed",
            Self::Malformed => "key-malformed",
            Self::UnknownAlgorithm => "key-unknown-algorithm",
            Self::HashMismatch => "key-hash-mismatch",
            Self::Weak => "key-weak",
        }
    }
}

impl LedgerKey {
    /// A signing key from its 32-byte secret seed (RFC 8032 section 5.1.5) and its public name.
    ///
    /// # Errors
    /// [`KeyError::Name`].
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        if !text::is_key_name(name) {
            return Err(KeyError::Name);
        }
        Ok(Self {
            name: name.to_owned(),
            signing: SigningKey::from_bytes(seed),
        })
    }

    /// The name under which this key signs.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public half, to hand out.
    pub fn verifier(&self) -> VerifierKey {
        VerifierKey {
            name: self.name.clone(),
            key: self.signing.verifying_key(),
        }
    }

    /// For statements ([`crate::dsse`]), which sign what no checkpoint can be.
    pub(crate) fn signing(&self) -> &SigningKey {
        &self.signing
    }
}

impl VerifierKey {
    /// Parses a vkey text `name+hash+base64`.
    ///
    /// # Errors
    /// A [`KeyError`] for anything but the one spelling of a sound Ed25519 key.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(hash), Some(typed)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Malformed);
        };
        if !text::is_key_name(name) {
            return Err(KeyError::Name);
        }
        let typed = STANDARD.decode(typed).map_err(|_| KeyError::Malformed)?;
        let (algorithm, raw) = typed.split_first().ok_or(KeyError::Malformed)?;
        if *algorithm != ALG_ED25519 {
            return Err(KeyError::UnknownAlgorithm);
        }
        let raw: &[u8; 32] = raw.try_into().map_err(|_| KeyError::Malformed)?;
        let key = VerifyingKey::from_bytes(raw).map_err(|_| KeyError::Malformed)?;
        if key.is_weak() {
            return Err(KeyError::Weak);
        }
        let parsed = Self {
            name: name.to_owned(),
            key,
        };
        if hash != format!("{:08x}", parsed.id()) {
            return Err(KeyError::HashMismatch);
        }
        if parsed.to_string() != text {
            return Err(KeyError::Malformed);
        }
        Ok(parsed)
    }

    /// The name of the key.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key id of C2SP signed-note: a short hash of name and key, for finding a key, not for trusting one.
    pub fn id(&self) -> u32 {
        signed_note::key_id(&self.name, &self.typed())
    }

    fn typed(&self) -> Vec<u8> {
        [&[ALG_ED25519], self.key.as_bytes().as_slice()].concat()
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}+{:08x}+{}",
            self.name,
            self.id(),
            STANDARD.encode(self.typed())
        )
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl fmt::Debug for LedgerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LedgerKey({}, secret)", self.name)
    }
}

impl std::str::FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::parse(text)
    }
}

impl signed_note::Signer for LedgerKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.verifier().id()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, ed25519_dalek::SignatureError> {
        self.signing.try_sign(message).map(|signature| signature.to_vec())
    }
}

impl signed_note::Verifier for VerifierKey {
    fn name(&self) -> &str {
        &self.name
    }

    fn key_id(&self) -> u32 {
        self.id()
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        let signature = ed25519_dalek::Signature::from_slice(signature);
        signature.is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }
}
