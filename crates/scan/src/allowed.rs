//! Which values are no secrets by their look: placeholders, and keys that vendors print in their documentation.
//!
//! Nothing in a text can switch a rule off: there is no comment that allows a secret, since whoever proposes a change
//! could write it.

use sha2::{Digest, Sha256};

/// Words that a made-up value says of itself, in lower case. Long enough not to turn up in random tokens.
const WORDS: [&str; 24] = [
    "example",
    "placeholder",
    "changeme",
    "change-me",
    "change_me",
    "replaceme",
    "replace-me",
    "replace_me",
    "redacted",
    "dummy",
    "yourapi",
    "yourkey",
    "yourtoken",
    "yoursecret",
    "your-",
    "your_",
    "insert_",
    "insert-",
    "notreal",
    "not-real",
    "not_a_real",
    "foobar",
    "testtest",
    "fakefake",
];

/// The same or neighbouring characters in a row: no random token has so many.
const MONOTONE: usize = 6;

/// The same for hex digits, where chance is more generous.
const MONOTONE_HEX: usize = 9;

/// SHA-256 of keys that vendors publish as examples, and where; so that this file itself holds none.
const DOCUMENTED: &[(&str, &str)] = &[
    (
        "0011cc25eb4320717494d2703e8cba85743e71b500283c21c8b88147992f9059",
        "Azure: storage emulator's key, the same everywhere",
    ),
    (
        "0b5dd075ccdd03c42f4edda8e299e6838e2a75d3486a2a8d86940ed1541e9178",
        "Telegram: token of the tutorial",
    ),
    (
        "153a182586451358014e3142089118ce38f6c7dc7c79014d3fa40b57f80b4aab",
        "Stripe: the same without its prefix",
    ),
    (
        "2cafc0970149a84f3b9e62eaf169f36f59907a3b3e31f7b82e68c69cd27f7326",
        "Stripe: key of the API reference",
    ),
    (
        "32c2dc15c5120958c0fa1e6fe63ec906aa3b7e876a31b90ad183015ffe0f5ca3",
        "Databricks: documentation's token",
    ),
    (
        "3543c50b0cb9cea8e55eb1f529b79f043cb250d485fde7b66cabbb5183add7da",
        "GitHub: classic token of the REST reference",
    ),
    (
        "60a09e4357868c1e9b801052726d061c370429f723db84523ed58ac354f6eb8a",
        "Hardhat and Foundry: first account of every local chain",
    ),
    (
        "654b2b06319049d0321a339b1fb29678a7a12aebd06085374e2faacab25ce56e",
        "Telegram: token of the features page",
    ),
    (
        "6d7fa4e64d4b1f3ea31962e258b684de1f244434ebb11089b9d9817e44c43303",
        "GitHub: refresh token of the REST reference",
    ),
    (
        "731fa294d036e54f19df879bfcd4fe72d967dc6327800c5f74a48414a3f258c9",
        "Telegram: token of the Bot API's page",
    ),
    (
        "73f71af093fdf1541b2c376f03436d71d1209d8a181f87d36e53a44b87ac4c4f",
        "Aladdin's password, newer spelling",
    ),
    (
        "78314b11be2e581549ac1c4f616563fad3fdf0c3b71678f6e2299182080e0598",
        "AWS: documentation's secret access key",
    ),
    (
        "797c0ce414586cc8eb6929afe947c720e3e4d351dd070a6fe39f630beaab3054",
        "GitHub: installation token of the REST reference",
    ),
    (
        "82e74299544e00738f9c0acb69b1eb348b3e20ffcfabcb34779bd37590fead6c",
        "GitHub: user token of the REST reference",
    ),
    (
        "aa6547439583c3a275d4542a0df6c1ad6a863971be9f2a2220f027cc02aef615",
        "Azure: Cosmos DB emulator's key, the same everywhere",
    ),
    (
        "ad62d48d8b069026a2a0d0291f857a77e1975edf610aa3502e8bc71bd96f513a",
        "MDN and others: aladdin's password",
    ),
    (
        "bc3ae723f57c6b9e3fd80b699fcc420f6074b0b1718039669d22631d508ac0a7",
        "GitHub: OAuth token of the REST reference",
    ),
    (
        "ca7459e2b26776de081b9a07e40227fd6cff232a1e3233ff6b6aa6d036ca9981",
        "RFC 6749: client of the examples",
    ),
    (
        "cf4d418ed3de92d71f767db5391d5a2dacd40e1ce49e75d1137e2ecf4982d844",
        "RFC 7617 and earlier: Aladdin's password",
    ),
    (
        "f2d6ca16515033e5dce14eba840b979d27b5cbae24bb3e5bf484339667f86397",
        "Stripe: older key of the API reference",
    ),
];

/// Whether a value is a placeholder by its look.
pub(crate) fn is_placeholder(value: &[u8]) -> bool {
    let marks = [b"...".as_slice(), "…".as_bytes(), "«".as_bytes(), b"**"];
    let marked = |mark: &&[u8]| value.windows(mark.len()).any(|w| w == *mark);
    if value.iter().any(|b| matches!(b, b'<' | b'>' | b'{' | b'}')) || marks.iter().any(marked) {
        return true;
    }
    let lower = value.to_ascii_lowercase();
    let says = |word: &str| lower.windows(word.len()).any(|w| w == word.as_bytes());
    WORDS.iter().any(|word| says(word)) || is_monotone(&lower)
}

/// Runs such as `xxxxxx`, `123456` or `fedcba`, and two of them in turn, such as `a1b2c3d4e5`.
fn is_monotone(lower: &[u8]) -> bool {
    let hex = lower.iter().all(u8::is_ascii_hexdigit);
    let limit = if hex { MONOTONE_HEX } else { MONOTONE };
    let runs = |stride: usize, step: i16, limit: usize| {
        let follows = |at: usize| {
            let (a, b) = (lower[at - stride], lower[at]);
            i16::from(b) - i16::from(a) == step && a.is_ascii_alphanumeric()
        };
        let mut run = stride;
        (stride..lower.len()).any(|at| {
            run = if follows(at) { run + 1 } else { stride };
            run >= limit
        })
    };
    [0, 1, -1].iter().any(|step| runs(1, *step, limit)) || runs(2, 1, limit + 2)
}

/// Whether a vendor's documentation prints this very value.
pub(crate) fn is_documented(value: &[u8]) -> bool {
    let hash = hex::encode(Sha256::digest(value));
    DOCUMENTED
        .binary_search_by(|(known, _)| (*known).cmp(&hash))
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::{DOCUMENTED, is_documented, is_placeholder};

    #[test]
    fn placeholders_are_seen_and_random_values_are_not() {
        for value in [
            "AKIAIOSFODNN7EXAMPLE",
            "your-api-key-here",
            "xxxxxxxxxxxxxxxx",
            "ghp_abcdefghijklmnop",
            "${TOKEN}",
            "<token>",
            "{{ token }}",
            "sk-1234567890",
            "abc...xyz",
            "changeme",
            "********",
            "A1B2C3D4E5F6G7H8",
            "«token»",
        ] {
            assert!(is_placeholder(value.as_bytes()), "{value}");
        }
        for value in [
            "q8Zt1vK0sPw3LmXb",
            "0b5c7e12345678fa9d",
            "AAAAAzzz",
            "hello",
            "a1b2c3",
            "",
        ] {
            assert!(!is_placeholder(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn the_documented_keys_are_known_by_their_hash() {
        assert!(DOCUMENTED.is_sorted(), "binary search needs them in order");
        let parts = [
            ["AKIAIOSFODNN7", "EXAMPLE"],
            ["wJalrXUtnFEMI/K7MDENG/", "bPxRfiCYEXAMPLEKEY"],
        ];
        assert!(is_documented(parts[1].concat().as_bytes()));
        assert!(!is_documented(b"something else"));
    }
}
