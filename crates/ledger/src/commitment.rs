//! Salted commitments: a leaf can vouch for a body without holding it, and the body can be erased.
//!
//! The salt is 32 random bytes of the caller, fresh for every body; without it a short body could be guessed
//! from its commitment. Who erases a body must erase its salt too. This module must never make a salt.

use crate::hash::bytes32;
use sha2::{Digest, Sha256};

/// Domain tag that opens every commitment's input.
pub const COMMITMENT_DOMAIN: &[u8] = b"countersign/commitment/v1\0";

bytes32! {
    /// 32 random bytes, fresh for every body; kept beside the body and erased with it.
    Salt
}

bytes32! {
    /// SHA-256 over [`COMMITMENT_DOMAIN`], the salt's 32 bytes and the body.
    Commitment
}

/// Commits to `body` under `salt`. The salt has a fixed length, so no two (salt, body) pairs share an input.
pub fn commit(salt: &Salt, body: &[u8]) -> Commitment {
    let mut hasher = Sha256::new();
    hasher.update(COMMITMENT_DOMAIN);
    hasher.update(salt.as_bytes());
    hasher.update(body);
    Commitment(hasher.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commitment_depends_on_salt_and_body() {
        let (one, two) = (Salt([1; 32]), Salt([2; 32]));
        assert_eq!(commit(&one, b"body"), commit(&one, b"body"));
        assert_ne!(commit(&one, b"body"), commit(&two, b"body"));
        assert_ne!(commit(&one, b"body"), commit(&one, b"bodz"));
    }
}
