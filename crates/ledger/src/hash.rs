//! The 32-byte names of things: leaf hashes, tree roots and content hashes, each a type of its own.
//!
//! A hash is printed and parsed as 64 lower-case hex digits and nothing else. This module must never let one
//! kind of hash stand in for another.

use sha2::{Digest, Sha256};
use thiserror::Error;

/// Bytes in every hash of this crate (SHA-256).
pub const HASH_BYTES: usize = 32;

/// Says that a text is not 64 lower-case hex digits.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("expected 64 lower-case hex digits")]
pub struct HexError;

impl HexError {
    /// The stable code of this error.
    pub fn code(&self) -> &'static str {
        "hash-not-hex"
    }
}

macro_rules! bytes32 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub [u8; $crate::hash::HASH_BYTES]);

        impl $name {
            /// Parses 64 lower-case hex digits.
            ///
            /// # Errors
            /// [`HexError`](crate::HexError) for any other text, upper-case digits included.
            pub fn from_hex(text: &str) -> Result<Self, $crate::HexError> {
                $crate::hash::decode_hex(text).map(Self)
            }

            /// The raw bytes.
            pub fn as_bytes(&self) -> &[u8; $crate::hash::HASH_BYTES] {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), hex::encode(self.0))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::HexError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::from_hex(text)
            }
        }
    };
}
pub(crate) use bytes32;

bytes32! {
    /// RFC 6962 hash of one leaf: SHA-256 over `0x00` and the leaf's bytes (section 2.1).
    LeafHash
}

bytes32! {
    /// RFC 6962 Merkle tree head: the hash of all leaves of a log of some size (section 2.1).
    RootHash
}

bytes32! {
    /// Plain SHA-256 of some bytes, no prefix and no salt: the name of an attachment.
    ContentHash
}

impl RootHash {
    /// Root of the empty tree: SHA-256 of the empty string (RFC 6962 section 2.1).
    pub const EMPTY: Self = Self(tlog_tiles::EMPTY_HASH.0);
}

/// Hashes a leaf's bytes as RFC 6962 section 2.1 does: SHA-256 over `0x00` and the bytes.
pub fn leaf_hash(bytes: &[u8]) -> LeafHash {
    LeafHash(tlog_tiles::record_hash(bytes).0)
}

/// SHA-256 of the bytes, nothing added.
pub fn content_hash(bytes: &[u8]) -> ContentHash {
    ContentHash(Sha256::digest(bytes).into())
}

pub(crate) fn decode_hex(text: &str) -> Result<[u8; HASH_BYTES], HexError> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(HexError);
    }
    let mut bytes = [0; HASH_BYTES];
    hex::decode_to_slice(text, &mut bytes).map_err(|_| HexError)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_hash_reads_back_from_its_text_and_from_no_other_spelling() {
        let hash = leaf_hash(b"x");
        assert_eq!(LeafHash::from_hex(&hash.to_string()), Ok(hash));
        assert_eq!(
            LeafHash::from_hex(&hash.to_string().to_uppercase()),
            Err(HexError)
        );
        assert_eq!(LeafHash::from_hex(&hash.to_string()[..62]), Err(HexError));
        assert_eq!(LeafHash::from_hex(""), Err(HexError));
    }
}
