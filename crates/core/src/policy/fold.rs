//! Comparing paths as the most forgiving file system would: without case, Unicode form, invisible characters.
//!
//! Bytes that are not UTF-8 are kept as they are, so that two different ones never become equal (hazard 56).

use unicode_normalization::UnicodeNormalization as _;

/// Whether a character can't be seen or changes the order of its neighbours.
///
/// Control characters, separators, and what Unicode calls default-ignorable: zero-width and bidirectional ones,
/// tags, variation selectors, fillers.
pub fn is_hidden_character(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{34f}'
                | '\u{61c}'
                | '\u{115f}'..='\u{1160}'
                | '\u{17b4}'..='\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

/// The form in which paths are compared: folded, hidden characters gone, no dots or spaces at the end of a
/// part (Windows drops them).
pub(super) fn match_key(path: &[u8]) -> Vec<u8> {
    let mut folded = Vec::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        let visible: String = chunk.valid().nfd().filter(|c| !is_hidden_character(*c)).collect();
        folded.extend_from_slice(fold(&visible).as_bytes());
        folded.extend_from_slice(chunk.invalid());
    }
    let parts: Vec<&[u8]> = folded.split(|b| *b == b'/').map(trim_part).collect();
    parts.join(&b'/')
}

/// The file that a part of a path names for the most forgiving file system: also without the NTFS stream in
/// `file:stream`.
pub fn file_key(part: &[u8]) -> Vec<u8> {
    let key = match_key(part);
    let file = key.split(|b| *b == b':').next().unwrap_or_default();
    trim_part(file).to_vec()
}

/// Case folded (upper, then lower: `ß` is `ss`, the Kelvin sign is `k`) and NFC.
pub(super) fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfd()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .nfc()
        .collect()
}

/// Every character beyond ASCII, and every byte that is not UTF-8, as one DEL byte, as `?` takes one byte.
pub(super) fn squeeze(bytes: &[u8]) -> Vec<u8> {
    const STAND_IN: u8 = 0x7f;
    let mut out = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.extend(
            chunk
                .valid()
                .chars()
                .map(|c| if c.is_ascii() { c as u8 } else { STAND_IN }),
        );
        out.extend(chunk.invalid().iter().map(|_| STAND_IN));
    }
    out
}

/// Without the dots and spaces that Windows drops from the end of a name.
pub(super) fn trim_part(part: &[u8]) -> &[u8] {
    let end = part
        .iter()
        .rposition(|b| !matches!(b, b'.' | b' '))
        .map_or(0, |at| at + 1);
    &part[..end]
}
