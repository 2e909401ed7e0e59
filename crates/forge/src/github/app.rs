//! A GitHub App as who it is: its id and its private key, and the short-lived word that is signed with it
//! (<https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/generating-a-json-web-token-jwt-for-a-github-app>).
//!
//! The key never leaves this room. With what is signed nothing can be read or written: it only asks who the App is, where it
//! is installed, and for tokens ([`super::access`]).

use super::{Secret, SettingsError};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::json;
use std::fmt;
use std::sync::Arc;

/// A word is dated back by this many seconds, for clocks that differ.
const DATED_BACK: u64 = 60;
/// It counts for this many seconds from now; GitHub takes no more than 600.
const COUNTS_FOR: u64 = 540;
/// Longest id of an App; GitHub's have up to 20 characters.
const ID_MAX_BYTES: usize = 64;
/// The two ways to write an RSA key down: GitHub gives the first, other programs the second.
const ARMOURS: [&str; 2] = ["RSA PRIVATE KEY", "PRIVATE KEY"];

/// Which App we are, and how we show it.
#[derive(Clone)]
pub struct App {
    id: String,
    key: Arc<RsaKeyPair>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl App {
    /// By its id, or its client's, and its private key in PEM: PKCS#1 as GitHub hands it out, or PKCS#8.
    ///
    /// # Errors
    /// [`SettingsError::AppId`], [`SettingsError::AppKey`].
    pub fn new(id: &str, pem: &str) -> Result<Self, SettingsError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-' || b == b'_';
        if id.is_empty() || id.len() > ID_MAX_BYTES || !id.bytes().all(plain) {
            return Err(SettingsError::AppId);
        }
        Ok(Self {
            id: id.to_owned(),
            key: Arc::new(key(pem).ok_or(SettingsError::AppKey)?),
        })
    }

    /// Says who we are, for some minutes from `now` on, in seconds since 1970; `None` where the key can't sign.
    pub(super) fn word(&self, now: u64) -> Option<Secret> {
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(json!({"alg": "RS256", "typ": "JWT"}));
        let said = part(json!({
            "iat": now.saturating_sub(DATED_BACK),
            "exp": now.saturating_add(COUNTS_FOR),
            "iss": self.id,
        }));
        let signed = format!("{head}.{said}");
        let mut signature = vec![0; self.key.public().modulus_len()];
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .ok()?;
        Some(Secret::new(format!(
            "{signed}.{}",
            URL_SAFE_NO_PAD.encode(signature)
        )))
    }
}

/// The key between the two lines of its armour (RFC 7468).
fn key(pem: &str) -> Option<RsaKeyPair> {
    ARMOURS.iter().find_map(|armour| {
        let (_, rest) = pem.split_once(&format!("-----BEGIN {armour}-----"))?;
        let (inside, _) = rest.split_once(&format!("-----END {armour}-----"))?;
        let digits: String = inside.split_whitespace().collect();
        let der = STANDARD.decode(digits).ok()?;
        match *armour {
            "PRIVATE KEY" => RsaKeyPair::from_pkcs8(&der).ok(),
            _pkcs1 => RsaKeyPair::from_der(&der).ok(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ring::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    use serde_json::Value;

    /// The key of the model's App, without armour.
    const KEY: &str = include_str!("../../../testkit/src/github/app-key.txt");

    fn armoured(armour: &str, digits: &str) -> String {
        format!("-----BEGIN {armour}-----\n{digits}\n-----END {armour}-----\n")
    }

    fn app() -> App {
        App::new("12345", &armoured(ARMOURS[0], KEY.trim())).expect("it is a key")
    }

    /// PKCS#8 puts a head before PKCS#1 (RFC 5958); lengths below are those of a key of 2048 bits.
    fn as_pkcs8() -> String {
        let inner = STANDARD
            .decode(KEY.split_whitespace().collect::<String>())
            .expect("it is base64");
        let tagged = |tag: u8, content: &[u8]| {
            let length = u16::try_from(content.len()).expect("it is short").to_be_bytes();
            [&[tag, 0x82, length[0], length[1]], content].concat()
        };
        let algorithm = hex::decode("020100300d06092a864886f70d0101010500").expect("it is hex");
        let whole = tagged(0x30, &[algorithm, tagged(0x04, &inner)].concat());
        STANDARD.encode(whole)
    }

    fn parts(word: &Secret) -> (Value, Value, String, Vec<u8>) {
        let (signed, signature) = word.reveal().rsplit_once('.').expect("it has parts");
        let (head, said) = signed.split_once('.').expect("it has parts");
        let read = |text: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(text).expect("it is base64");
            serde_json::from_slice(&bytes).expect("it is JSON")
        };
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("it is base64");
        (read(head), read(said), signed.to_owned(), signature)
    }

    #[test]
    fn the_word_is_signed_with_the_key_and_counts_for_less_than_ten_minutes() {
        let app = app();
        let word = app.word(1_800_000_000).expect("the key signs");
        let (head, said, signed, signature) = parts(&word);
        assert_eq!(head, json!({"alg": "RS256", "typ": "JWT"}));
        assert_eq!(
            said,
            json!({"iat": 1_799_999_940_u64, "exp": 1_800_000_540_u64, "iss": "12345"})
        );
        let public = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, app.key.public().as_ref());
        public
            .verify(signed.as_bytes(), &signature)
            .expect("it is our signature");
        let other = signed.replace('.', "..");
        assert!(public.verify(other.as_bytes(), &signature).is_err());
    }

    #[test]
    fn a_key_is_read_in_both_ways_of_writing_it_down() {
        let ours = app();
        for (armour, digits) in [(ARMOURS[0], KEY.trim().to_owned()), (ARMOURS[1], as_pkcs8())] {
            let text = format!(
                "made today\r\n{}",
                armoured(armour, &digits).replace('\n', "\r\n")
            );
            let read = App::new("Iv23liA0.b-c_d", &text).expect(armour);
            assert_eq!(read.key.public().as_ref(), ours.key.public().as_ref(), "{armour}");
        }
    }

    #[test]
    fn what_is_no_key_or_no_id_is_refused_without_repeating_it() {
        let half = &KEY.trim()[..400];
        for pem in [
            "",
            KEY,
            &armoured(ARMOURS[0], half),
            &armoured("EC PRIVATE KEY", KEY),
            &armoured(ARMOURS[1], KEY),
        ] {
            let error = App::new("1", pem).expect_err("it is no key");
            assert_eq!(error.code(), "github-app-key-unusable");
            assert!(!error.to_string().contains(half), "{error}");
        }
        for id in ["", "12 345", "1/2", "ü"] {
            let made = App::new(id, &armoured(ARMOURS[0], KEY));
            assert_eq!(made.expect_err("it is no id"), SettingsError::AppId, "{id}");
        }
    }

    #[test]
    fn neither_key_nor_word_is_shown() {
        let app = app();
        let word = app.word(1).expect("the key signs");
        let shown = format!("{app:?} {word:?}");
        assert_eq!(shown, "App { id: \"12345\", .. } Secret(…)");
    }
}
