//! What stands for a secret in a hit: a keyed hash. The value itself must never leave this crate.

use sha2::{Digest, Sha256};
use std::fmt;

/// Bytes of a salt.
pub(crate) const SALT_BYTES: usize = 32;

/// Set before every secret, so that these hashes can't be mistaken for hashes of anything else.
const DOMAIN: &[u8] = b"countersign secret v1\0";

/// SHA-256's block (RFC 2104: B).
const BLOCK_BYTES: usize = 64;

/// The key under which secrets are hashed. Whoever holds it can try guesses against a fingerprint: keep it like a key.
#[derive(Clone)]
pub struct Salt([u8; SALT_BYTES]);

impl Salt {
    /// A salt of the caller's making: random bytes, one per installation or narrower.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn fingerprint(&self, secret: &[u8]) -> Fingerprint {
        Fingerprint(hmac(&self.0, &[DOMAIN, secret]))
    }
}

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

/// HMAC-SHA-256 of a secret under a [`Salt`]; printed as 64 lower-case hex digits. Equal secrets under one salt have
/// equal fingerprints, whatever rule found them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// HMAC-SHA-256 (RFC 2104) for keys up to one block.
fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0_u8; BLOCK_BYTES];
    block[..key.len()].copy_from_slice(key);
    let mut inner = Sha256::new_with_prefix(block.map(|byte| byte ^ 0x36));
    for part in parts {
        inner.update(part);
    }
    let outer = Sha256::new_with_prefix(block.map(|byte| byte ^ 0x5c));
    outer.chain_update(inner.finalize()).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::{Salt, hmac};

    /// RFC 4231, test cases 1 and 2.
    #[test]
    fn hmac_gives_the_published_vectors() {
        assert_eq!(
            hex::encode(hmac(&[0x0b; 20], &[b"Hi There"])),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
        );
        assert_eq!(
            hex::encode(hmac(b"Jefe", &[b"what do ya want ", b"for nothing?"])),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    #[test]
    fn fingerprints_tell_secrets_and_salts_apart_and_salts_are_not_printed() {
        let (one, two) = (Salt::new([1; 32]), Salt::new([2; 32]));
        assert_eq!(one.fingerprint(b"a"), one.fingerprint(b"a"));
        assert_ne!(one.fingerprint(b"a"), one.fingerprint(b"b"));
        assert_ne!(one.fingerprint(b"a"), two.fingerprint(b"a"));
        assert_eq!(one.fingerprint(b"a").to_string().len(), 64);
        assert_eq!(format!("{one:?}"), "Salt(…)");
    }
}
