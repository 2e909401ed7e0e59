//! Statements for other people's programs: DSSE envelopes with an in-toto payload, signed with Ed25519, and public keys
//! in the spellings that in-toto's own verifier reads.
//!
//! Envelope and pre-authentication encoding are DSSE 1.0 (secure-systems-lab/dsse, protocol.md and envelope.md). What is
//! signed begins with `DSSEv1 `, what this project signs elsewhere with `countersign/`, so no signature of one kind ever
//! fits the other. This module must never make a key, and never sign anything but the encoding.

use crate::hash::content_hash;
use crate::key::LedgerKey;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signer as _, SigningKey, VerifyingKey};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Payload type of in-toto metadata (in-toto attestation framework, "Envelope").
pub const IN_TOTO_PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// What separates a member's statement key from everything else that is made of the same seed.
const MEMBER_DOMAIN: &[u8] = b"countersign/statement-key/v1\0";

/// Header of an Ed25519 public key as SubjectPublicKeyInfo (RFC 8410 section 4): algorithm 1.3.101.112, 32 bytes follow.
const SPKI_ED25519: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Signs statements.
#[derive(Clone)]
pub struct StatementKey(SigningKey);

/// Public half of a [`StatementKey`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct StatementVerifier(VerifyingKey);

impl StatementKey {
    /// The key with which the server makes statements about what a member did, from the 32-byte seed that is held for
    /// the member. It is another key than the one that signs the member's acts and can't be turned back into it, so that
    /// a signature by the latter keeps meaning "this login did that just then".
    pub fn of_member(seed: &[u8; 32]) -> Self {
        let mut hash = Sha256::new();
        hash.update(MEMBER_DOMAIN);
        hash.update(seed);
        Self(SigningKey::from_bytes(&hash.finalize().into()))
    }

    /// The ledger's own key: whoever trusts it for checkpoints knows the owner of a layout, too.
    pub fn of_ledger(key: &LedgerKey) -> Self {
        Self(key.signing().clone())
    }

    /// The public half.
    pub fn verifier(&self) -> StatementVerifier {
        StatementVerifier(self.0.verifying_key())
    }
}

impl fmt::Debug for StatementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatementKey({}, secret)", self.verifier().id())
    }
}

impl StatementVerifier {
    /// in-toto's id of the key: SHA-256 over the canonical JSON of type, scheme and public bytes, 64 hex digits.
    pub fn id(&self) -> String {
        content_hash(&canonical(&self.parts())).to_string()
    }

    /// The key as a layout lists it.
    pub fn to_json(&self) -> Value {
        let mut parts = self.parts();
        parts["keyid"] = json!(self.id());
        parts
    }

    /// The key as a PEM file (SubjectPublicKeyInfo), as `in-toto-verify --verification-keys` takes it.
    pub fn to_pem(&self) -> String {
        let der = [SPKI_ED25519.as_slice(), self.0.as_bytes()].concat();
        format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(der)
        )
    }

    fn parts(&self) -> Value {
        let public = hex::encode(self.0.as_bytes());
        json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": public } })
    }
}

impl fmt::Debug for StatementVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatementVerifier({})", self.id())
    }
}

/// DSSE's pre-authentication encoding: the bytes that are signed.
pub fn pre_authentication_encoding(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len());
    [head.as_bytes(), payload].concat()
}

/// A statement as a DSSE envelope with one signature, in canonical JSON. The same arguments give the same bytes.
pub fn envelope(statement: &Value, key: &StatementKey) -> Vec<u8> {
    let payload = canonical(statement);
    let signed = pre_authentication_encoding(IN_TOTO_PAYLOAD_TYPE, &payload);
    canonical(&json!({
        "payload": STANDARD.encode(&payload),
        "payloadType": IN_TOTO_PAYLOAD_TYPE,
        "signatures": [{
            "keyid": key.verifier().id(),
            "sig": STANDARD.encode(key.0.sign(&signed).to_bytes()),
        }],
    }))
}

fn canonical(value: &Value) -> Vec<u8> {
    serde_jcs::to_vec(value).expect("because a JSON value has string keys, and statements hold no floats")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_one_of_the_specification() {
        // The example of DSSE's protocol.md.
        let encoded = pre_authentication_encoding("http://example.com/HelloWorld", b"hello world");
        assert_eq!(encoded, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn a_members_statement_key_is_fixed_and_not_the_key_of_their_acts() {
        let key = StatementKey::of_member(&[7; 32]).verifier();
        assert_eq!(key.id(), StatementKey::of_member(&[7; 32]).verifier().id());
        let acts = SigningKey::from_bytes(&[7; 32]).verifying_key();
        assert_ne!(key.0, acts);
        let other = StatementKey::of_member(&[8; 32]).verifier();
        assert_ne!(key.id(), other.id());
    }

    #[test]
    fn the_owner_of_a_layout_is_the_key_of_the_checkpoints() {
        let ledger = LedgerKey::from_seed("countersign/test", &[3; 32]).expect("a good name");
        let owner = StatementKey::of_ledger(&ledger).verifier();
        let vkey = ledger.verifier().to_string();
        let (_, typed) = vkey.rsplit_once('+').expect("a vkey has three parts");
        let typed = STANDARD.decode(typed).expect("base64");
        assert_eq!(typed[1..], owner.0.as_bytes()[..]);
    }
}
