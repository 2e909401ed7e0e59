//! What only code can decide about a candidate: checksums, encodings, whether a value looks random.

use crate::entropy::{self, Bits};
use crate::expression::Match;
use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

/// Letters of GitHub's and npm's checksums, by value.
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Digits of that checksum: the CRC-32 of what stands between prefix and checksum.
const CHECKSUM: usize = 6;

/// Letters of a token with that checksum, without its prefix.
const CHECKSUMMED: usize = 36;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// A named check of the rule pack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Check {
    /// Nothing beyond the expression.
    #[default]
    None,
    /// The last six letters are the CRC-32 of the thirty before, in base 62 (GitHub, npm).
    Crc62,
    /// The first part decodes to a JSON object with an algorithm, and it isn't the well-known example.
    Jwt,
    /// Decodes to `user:password` or `:token` in readable letters.
    Basic,
    /// Looks like what a machine made, behind a name that promises a secret.
    Random,
    /// Looks like a password that somebody chose with care, behind a name that promises one.
    Password,
    /// The same, in quotes: code says `password = something` of many things.
    QuotedPassword,
    /// A password in an address: none of the usual stand-ins.
    AddressPassword,
    /// A value of an env file: anything but a stand-in.
    EnvFile,
}

impl Check {
    /// Whether a candidate holds. `matched` begins at the keyword's end for assigned values.
    pub(crate) fn holds(self, text: &[u8], matched: &Match) -> bool {
        let secret = &text[matched.secret.clone()];
        let before = &text[matched.whole.start..matched.secret.start];
        match self {
            Check::None => true,
            Check::Crc62 => has_crc62(secret),
            Check::Jwt => is_jwt(secret),
            Check::Basic => is_basic(secret),
            Check::Random => !names_something_else(before) && looks_random(secret),
            Check::Password => !names_something_else(before) && looks_chosen(secret),
            Check::QuotedPassword => is_quoted(text, matched) && Check::Password.holds(text, matched),
            Check::AddressPassword => is_real_password(before, secret),
            Check::EnvFile => !names_something_else(before) && !is_stand_in(secret),
        }
    }
}

/// Whether the last 36 letters are 30 and their checksum.
fn has_crc62(secret: &[u8]) -> bool {
    let Some(start) = secret.len().checked_sub(CHECKSUMMED) else {
        return false;
    };
    let (random, checksum) = secret[start..].split_at(CHECKSUMMED - CHECKSUM);
    crc62(random) == checksum
}

fn crc62(random: &[u8]) -> [u8; CHECKSUM] {
    let mut rest = crc32(random);
    let mut digits = [b'0'; CHECKSUM];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

/// CRC-32 (ISO 3309, as in zlib), bit by bit: it runs over thirty bytes.
fn crc32(data: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
    let crc = data.iter().fold(!0_u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step));
    !crc
}

fn is_jwt(secret: &[u8]) -> bool {
    let url_safe = GeneralPurpose::new(&URL_SAFE, LENIENT);
    let mut parts = secret.split(|b| *b == b'.');
    let mut decoded = || parts.next().and_then(|part| url_safe.decode(part).ok());
    let Some(header) = decoded().filter(|h| h.first() == Some(&b'{') && holds(h, b"\"alg\"")) else {
        return false;
    };
    // The example of jwt.io and of half the world's documentation.
    let example = decoded().is_some_and(|payload| holds(&payload, b"John Doe"));
    !example && !header.is_empty()
}

fn is_basic(secret: &[u8]) -> bool {
    let standard = GeneralPurpose::new(&STANDARD, LENIENT);
    let Ok(pair) = standard.decode(secret) else {
        return false;
    };
    let Some(colon) = pair.iter().position(|b| *b == b':') else {
        return false;
    };
    let (user, password) = (&pair[..colon], &pair[colon + 1..]);
    let readable = pair.iter().all(|b| b.is_ascii_graphic());
    readable && password.len() >= 6 && user != password && !is_stand_in(password)
}

/// Words in a name behind which no secret stands: `token_url`, `password_hash_type`, `secretName`.
const OTHER_THINGS: [&str; 36] = [
    "name", "url", "uri", "path", "file", "dir", "type", "hash", "digest", "checksum", "sha1", "sha2", "sha512", "public", "label", "arn",
    "issuer", "expir", "header", "field", "param", "prefix", "suffix", "regex", "pattern", "endpoint", "host",
    "policy", "version", "format", "length", "class", "selector", "description", "title", "message",
];

fn names_something_else(before: &[u8]) -> bool {
    let name: Vec<u8> = before
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        .map(u8::to_ascii_lowercase)
        .collect();
    let ids = name.ends_with(b"id") || name.ends_with(b"ids");
    ids || OTHER_THINGS.iter().any(|word| holds(&name, word.as_bytes()))
}

/// Between two quotes of the same kind.
fn is_quoted(text: &[u8], matched: &Match) -> bool {
    let before = matched.secret.start.checked_sub(1).and_then(|at| text.get(at));
    let quote = before.filter(|b| matches!(b, b'"' | b'\'' | b'`'));
    quote.is_some() && quote == text.get(matched.secret.end)
}

/// Letters and digits that take turns as no words do, and enough entropy.
fn looks_random(secret: &[u8]) -> bool {
    let hex = secret.iter().all(u8::is_ascii_hexdigit);
    if hex {
        let enough = secret.len() >= 32 && entropy::of(secret) >= Bits::from_f64(3.0);
        return enough && turns(secret) >= 6;
    }
    // Words in capitals add changes of their own.
    let rate = if secret.iter().any(u8::is_ascii_uppercase) { 4 } else { 5 };
    let restless = changes(secret) * rate >= secret.len() && turns(secret) >= 2;
    restless && entropy::of(secret) >= Bits::from_f64(3.4) && !is_uuid(secret)
}

/// How often letters and digits change as they do between words and numbers, `camelCase` included. Names have one
/// change in five or more characters, random letters and digits one in two or three.
fn changes(secret: &[u8]) -> usize {
    let change = |a: u8, b: u8| is_turn(a, b) || a.is_ascii_lowercase() && b.is_ascii_uppercase();
    secret.windows(2).filter(|pair| change(pair[0], pair[1])).count()
}

/// How often a digit stands next to a letter.
fn turns(secret: &[u8]) -> usize {
    secret.windows(2).filter(|pair| is_turn(pair[0], pair[1])).count()
}

fn is_turn(a: u8, b: u8) -> bool {
    (a.is_ascii_digit() && b.is_ascii_alphabetic()) || (a.is_ascii_alphabetic() && b.is_ascii_digit())
}

fn is_uuid(secret: &[u8]) -> bool {
    secret.len() == 36 && [8, 13, 18, 23].iter().all(|at| secret[*at] == b'-')
}

/// At least three kinds of characters, a digit among them, and no stand-in.
fn looks_chosen(secret: &[u8]) -> bool {
    let kinds = [
        secret.iter().any(u8::is_ascii_lowercase),
        secret.iter().any(u8::is_ascii_uppercase),
        secret.iter().any(u8::is_ascii_digit),
        secret.iter().any(u8::is_ascii_punctuation),
    ];
    let kinds = kinds.iter().filter(|kind| **kind).count();
    let digit = secret.iter().any(u8::is_ascii_digit);
    kinds >= 3 && digit && entropy::of(secret) >= Bits::from_f64(2.75) && !is_stand_in(secret)
}

/// Words that stand where a password would.
const STAND_INS: [&str; 30] = [
    "pass", "pwd", "secret", "test", "user", "admin", "root", "demo", "guest", "postgres", "mysql", "mongo", "redis",
    "foo", "bar", "baz", "hunter2", "qwerty", "letmein", "token", "key", "null", "none", "true", "false", "undefined",
    "sample", "phrase", "password", "passwd",
];

/// A short value around such a word, a reference to a variable, or a format's hole.
fn is_stand_in(secret: &[u8]) -> bool {
    let lower = secret.to_ascii_lowercase();
    let refers = matches!(lower.first(), None | Some(b'$' | b'%' | b'@' | b'!' | b'&' | b'#' | b'[' | b'('));
    let word = |word: &&str| holds(&lower, word.as_bytes()) && lower.len() <= word.len() + 8;
    refers || lower.len() < 4 || STAND_INS.iter().any(|w| word(&w)) || crate::allowed::is_placeholder(secret)
}

/// `before` is what stands between `://` and the password: `://user:`.
fn is_real_password(before: &[u8], secret: &[u8]) -> bool {
    let user = before.strip_prefix(b"://").unwrap_or(before);
    let user = user.strip_suffix(b":").unwrap_or(user);
    !user.eq_ignore_ascii_case(secret) && !is_stand_in(secret)
}

fn holds(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|w| w == part)
}

#[cfg(test)]
mod tests {
    use super::{crc62, is_stand_in, looks_chosen, looks_random};

    /// Published in 2021 with GitHub's announcement of the format, and revoked since.
    #[test]
    fn the_checksum_is_the_one_that_github_published() {
        assert_eq!(&crc62(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"), b"0mLq17");
    }

    #[test]
    fn random_values_are_told_from_words() {
        for value in ["k3Jx9QpL2mZ8vR1t", "9f86d081884c7d659a2feaa0c55ad015", "a1b2-c3d4zz9k8e7j6w"] {
            assert!(looks_random(value.as_bytes()), "{value}");
        }
        for value in ["my-secret-token-name-1", "bert-base-uncased-v2", "AccessTokenProvider2", "abcdefabcdefabcdefabcdef"] {
            assert!(!looks_random(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn careful_passwords_are_told_from_stand_ins() {
        assert!(looks_chosen(b"Tr0ub4dor&3"));
        for value in ["password", "Password1!", "$PASSWORD", "secret123", "changeme!1A"] {
            assert!(!looks_chosen(value.as_bytes()), "{value}");
        }
        assert!(is_stand_in(b"%s") && is_stand_in(b"test1234") && !is_stand_in(b"x7Kp-99aQ"));
    }
}
