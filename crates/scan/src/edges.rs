//! Where tokens and values may begin and end in a text.

/// Whether a token may begin here: not in the middle of a word, but behind an escape (`\n`, `%3D`).
pub(crate) fn begins_word(text: &[u8], at: usize) -> bool {
    let back = |n: usize| at.checked_sub(n).map(|p| text[p]);
    if !text[at].is_ascii_alphanumeric() || !back(1).is_some_and(|b| b.is_ascii_alphanumeric()) {
        return true;
    }
    let escaped = back(2) == Some(b'\\') && matches!(back(1), Some(b'n' | b'r' | b't'));
    escaped || back(3) == Some(b'%') && back(2).is_some_and(|b| b.is_ascii_hexdigit())
}

/// Whether a token may end here.
pub(crate) fn ends_word(text: &[u8], at: usize) -> bool {
    !text
        .get(at)
        .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// Whether an assigned value may end here: it must be all of what was assigned.
pub(crate) fn ends_value(text: &[u8], at: usize) -> bool {
    let joins = |b: &u8| matches!(b, b'-' | b'+' | b'/' | b'=' | b'(' | b'[' | b'$' | b'{' | b':');
    let dotted = text.get(at) == Some(&b'.') && text.get(at + 1).is_some_and(u8::is_ascii_alphanumeric);
    ends_word(text, at) && !dotted && !text.get(at).is_some_and(joins)
}

pub(crate) fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+' | b'/' | b'=')
}
