//! What only code can decide about a candidate: checksums, encodings, and whether it is plausible at all.

use crate::expression::Match;
use crate::plausible::{
    is_real_password, is_reserved_host, is_stand_in, looks_chosen, looks_random, names_something_else,
};
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
            Check::AddressPassword => {
                is_real_password(before, secret) && !is_reserved_host(text, matched.secret.end)
            }
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
    let step = |crc: u32, _| {
        if crc & 1 == 1 {
            (crc >> 1) ^ 0xEDB8_8320
        } else {
            crc >> 1
        }
    };
    let crc = data
        .iter()
        .fold(!0_u32, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step));
    !crc
}

fn is_jwt(secret: &[u8]) -> bool {
    let url_safe = GeneralPurpose::new(&URL_SAFE, LENIENT);
    let mut parts = secret.split(|b| *b == b'.');
    let mut decoded = || parts.next().and_then(|part| url_safe.decode(part).ok());
    let Some(header) = decoded().filter(|h| h.first() == Some(&b'{') && contains(h, b"\"alg\"")) else {
        return false;
    };
    // The example of jwt.io and of half the world's documentation.
    let example = decoded().is_some_and(|payload| contains(&payload, b"John Doe"));
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

/// Between two quotes of the same kind.
fn is_quoted(text: &[u8], matched: &Match) -> bool {
    let before = matched.secret.start.checked_sub(1).and_then(|at| text.get(at));
    let quote = before.filter(|b| matches!(b, b'"' | b'\'' | b'`'));
    quote.is_some() && quote == text.get(matched.secret.end)
}

pub(crate) fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|w| w == part)
}

#[cfg(test)]
mod tests {
    use super::crc62;

    /// Published in 2021 with GitHub's announcement of the format, and revoked since.
    #[test]
    fn the_checksum_is_the_one_that_github_published() {
        assert_eq!(&crc62(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ"), b"0mLq17");
    }
}
