//! The alphabets of names and the one spelling of a time.
//!
//! Everything that this crate repeats to a person (names, kinds) is plain ASCII without control
//! characters, so a hostile bundle can't draw on a terminal.

/// Longest tenant, stream, origin or key name, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 128;
const MAX_KIND_BYTES: usize = 64;

pub(crate) fn is_tenant(text: &str) -> bool {
    is_made_of(text, MAX_NAME_BYTES, |byte| {
        byte.is_ascii_alphanumeric() || b"._:-".contains(&byte)
    })
}

pub(crate) fn is_stream(text: &str) -> bool {
    is_made_of(text, MAX_NAME_BYTES, |byte| {
        byte.is_ascii_alphanumeric() || b"._:-/@".contains(&byte)
    })
}

/// Dotted lower-case words: `workflow.event`.
pub(crate) fn is_kind(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte);
    text.len() <= MAX_KIND_BYTES
        && text
            .split('.')
            .all(|word| is_made_of(word, MAX_KIND_BYTES, plain))
}

/// Key names: C2SP signed-note forbids spaces and `+`; we also forbid all but printable ASCII.
pub(crate) fn is_key_name(text: &str) -> bool {
    is_made_of(text, MAX_NAME_BYTES, |byte| {
        byte.is_ascii_graphic() && byte != b'+'
    })
}

pub(crate) fn is_origin(text: &str) -> bool {
    is_made_of(text, 2 * MAX_NAME_BYTES, |byte| byte.is_ascii_graphic())
}

/// `YYYY-MM-DDTHH:MM:SS.mmmZ`, a real day, no leap second. Such texts sort as the times they name.
pub(crate) fn is_timestamp(text: &str) -> bool {
    const PATTERN: &[u8] = b"dddd-dd-ddTdd:dd:dd.dddZ";
    let bytes = text.as_bytes();
    let fits = bytes.len() == PATTERN.len()
        && bytes.iter().zip(PATTERN).all(|(byte, mark)| match mark {
            b'd' => byte.is_ascii_digit(),
            literal => byte == literal,
        });
    if !fits {
        return false;
    }
    let number = |from: usize, to: usize| {
        bytes[from..to]
            .iter()
            .fold(0_u32, |sum, digit| sum * 10 + u32::from(digit - b'0'))
    };
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    (1..=days_in(year, month)).contains(&day)
        && number(11, 13) < 24
        && number(14, 16) < 60
        && number(17, 19) < 60
}

/// Days of the month, 0 for a month that is none.
fn days_in(year: u32, month: u32) -> u32 {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => 0,
    }
}

fn is_made_of(text: &str, max: usize, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.len() <= max && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_spelling() {
        for good in [
            "2026-11-20T21:00:00.000Z",
            "2024-02-29T23:59:59.999Z",
            "2000-02-29T00:00:00.001Z",
        ] {
            assert!(is_timestamp(good), "{good}");
        }
        for bad in [
            "2026-11-20T21:00:00Z",
            "2026-11-20T21:00:00.000+00:00",
            "2026-11-20t21:00:00.000Z",
            "2026-02-29T21:00:00.000Z",
            "1900-02-29T21:00:00.000Z",
            "2026-13-01T21:00:00.000Z",
            "2026-00-01T21:00:00.000Z",
            "2026-11-00T21:00:00.000Z",
            "2026-11-20T24:00:00.000Z",
            "2026-11-20T21:60:00.000Z",
            "2026-11-20T21:00:60.000Z",
            "2026-11-20T21:00:00.00éZ",
            "",
        ] {
            assert!(!is_timestamp(bad), "{bad}");
        }
    }

    #[test]
    fn names_hold_no_control_characters_and_kinds_are_dotted_words() {
        assert!(is_tenant("local") && is_stream("wf_01ABC") && is_kind("workflow.event") && is_kind("run"));
        for bad in ["", "a b", "a\u{1b}[2J", "a\n", "ä", "a\u{202e}b"] {
            assert!(!is_tenant(bad) && !is_stream(bad) && !is_kind(bad) && !is_key_name(bad));
        }
        assert!(!is_kind(".a") && !is_kind("a..b") && !is_kind("a.") && !is_kind("A.b"));
        assert!(!is_key_name("a+b"));
        assert!(!is_tenant(&"a".repeat(129)) && is_tenant(&"a".repeat(128)));
    }
}
