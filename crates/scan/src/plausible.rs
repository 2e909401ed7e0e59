//! Whether a value behind a telling name is plausible as a secret: made by a machine, or chosen with care, and none of
//! the words that people put where a secret would stand.

use crate::check::contains;
use crate::entropy::{self, Bits};

/// Words in a name behind which no secret stands: `token_url`, `password_hash_type`, `secretName`.
const OTHER_THINGS: [&str; 36] = [
    "name",
    "url",
    "uri",
    "path",
    "file",
    "dir",
    "type",
    "hash",
    "digest",
    "checksum",
    "sha1",
    "sha2",
    "sha512",
    "public",
    "label",
    "arn",
    "issuer",
    "expir",
    "header",
    "field",
    "param",
    "prefix",
    "suffix",
    "regex",
    "pattern",
    "endpoint",
    "host",
    "policy",
    "version",
    "format",
    "length",
    "class",
    "selector",
    "description",
    "title",
    "message",
];

pub(crate) fn names_something_else(before: &[u8]) -> bool {
    let name: Vec<u8> = before
        .iter()
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
        .map(u8::to_ascii_lowercase)
        .collect();
    let ids = name.ends_with(b"id") || name.ends_with(b"ids");
    ids || is_looked_up(&before[name.len()..])
        || OTHER_THINGS.iter().any(|word| contains(&name, word.as_bytes()))
}

/// Whether the value is what a call looks up: `os.getenv("…")`, `headers.get("…")`.
fn is_looked_up(between: &[u8]) -> bool {
    let lower = between.to_ascii_lowercase();
    let calls = [
        "get", "env", "find", "lookup", "query", "read", "load", "fetch", "param", "input", "header",
    ];
    lower.contains(&b'(') && calls.iter().any(|call| contains(&lower, call.as_bytes()))
}

/// Letters and digits that take turns as no words do, and enough entropy.
pub(crate) fn looks_random(secret: &[u8]) -> bool {
    let hex = secret.iter().all(u8::is_ascii_hexdigit);
    if hex {
        let enough = secret.len() >= 32 && entropy::of(secret) >= Bits::from_f64(3.0);
        return enough && turns(secret) >= 6;
    }
    // Words in capitals add changes of their own.
    let rate = if secret.iter().any(u8::is_ascii_uppercase) {
        4
    } else {
        5
    };
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
pub(crate) fn looks_chosen(secret: &[u8]) -> bool {
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
    "pass",
    "pwd",
    "secret",
    "test",
    "user",
    "admin",
    "root",
    "demo",
    "guest",
    "postgres",
    "mysql",
    "mongo",
    "redis",
    "foo",
    "bar",
    "baz",
    "hunter2",
    "qwerty",
    "letmein",
    "token",
    "key",
    "null",
    "none",
    "true",
    "false",
    "undefined",
    "sample",
    "phrase",
    "password",
    "passwd",
];

/// A short value around such a word, a reference to a variable, or a format's hole.
pub(crate) fn is_stand_in(secret: &[u8]) -> bool {
    let lower = secret.to_ascii_lowercase();
    let refers = matches!(
        lower.first(),
        None | Some(b'$' | b'%' | b'@' | b'!' | b'&' | b'#' | b'[' | b'(')
    );
    let word = |word: &str| contains(&lower, word.as_bytes()) && lower.len() <= word.len() + 8;
    refers || lower.len() < 4 || STAND_INS.iter().any(|w| word(w)) || crate::allowed::is_placeholder(secret)
}

/// `before` is what stands between `://` and the password: `://user:`.
pub(crate) fn is_real_password(before: &[u8], secret: &[u8]) -> bool {
    let user = before.strip_prefix(b"://").unwrap_or(before);
    let user = user.strip_suffix(b":").unwrap_or(user);
    !user.eq_ignore_ascii_case(secret) && !is_stand_in(secret)
}

/// Names that lead nowhere beyond this machine (RFC 2606 and 6761).
const RESERVED: [&[u8]; 8] = [
    b"example.com",
    b"example.net",
    b"example.org",
    b".example",
    b".test",
    b".invalid",
    b"localhost",
    b"127.0.0.1",
];

/// Whether `@` and such a name follow.
pub(crate) fn is_reserved_host(text: &[u8], at: usize) -> bool {
    let Some(rest) = text[at..].strip_prefix(b"@") else {
        return false;
    };
    let host: Vec<u8> = rest
        .iter()
        .take(256)
        .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-'))
        .map(u8::to_ascii_lowercase)
        .collect();
    RESERVED.iter().any(|name| host.ends_with(name))
}

#[cfg(test)]
mod tests {
    use super::{is_stand_in, looks_chosen, looks_random};

    #[test]
    fn random_values_are_told_from_words() {
        for value in [
            "k3Jx9QpL2mZ8vR1t",
            "9f86d081884c7d659a2feaa0c55ad015",
            "a1b2-c3d4zz9k8e7j6w",
        ] {
            assert!(looks_random(value.as_bytes()), "{value}");
        }
        for value in [
            "my-secret-token-name-1",
            "bert-base-uncased-v2",
            "AccessTokenProvider2",
            "abcdefabcdefabcdefabcdef",
        ] {
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
