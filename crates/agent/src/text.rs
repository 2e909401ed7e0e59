//! Small words for people: counts, short quotations, and untrusted text made safe to print in an error
//! message.

/// Most characters of a rule or a title that are quoted in a sentence.
const QUOTE_MAX_CHARS: usize = 60;
/// Most paths that are named in one sentence, and how much of each.
const NAMED_MAX: usize = 5;
const NAMED_MAX_CHARS: usize = 200;
/// Longest sentence that is built from somebody else's words; artifacts take 8 KiB.
const SENTENCE_MAX_CHARS: usize = 1_500;

/// `1 file`, `2 files`.
pub(crate) fn count(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// The first line, shortened.
pub(crate) fn short(text: &str) -> String {
    let line = text.trim().lines().next().unwrap_or_default();
    let cut: String = line.chars().take(QUOTE_MAX_CHARS).collect();
    if cut.len() < text.trim().len() {
        format!("{cut}…")
    } else {
        cut
    }
}

/// The first few of a list, and how many more there are.
pub(crate) fn some_of(items: &[String]) -> String {
    let named: Vec<String> = items
        .iter()
        .take(NAMED_MAX)
        .map(|item| cut(item, NAMED_MAX_CHARS))
        .collect();
    let named = named.join(", ");
    match items.len().saturating_sub(NAMED_MAX) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// A sentence with somebody else's words in it, shortened to what an artifact takes.
pub(crate) fn clip(text: &str) -> String {
    cut(text, SENTENCE_MAX_CHARS)
}

fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// Text from outside with control, bidi and zero-width characters as visible marks; tabs and line ends stay.
pub(crate) fn visible(bytes: &[u8]) -> String {
    let mut out = String::new();
    for c in String::from_utf8_lossy(bytes).chars() {
        if c == '\n' || c == '\t' || !is_hidden(c) {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
    }
    out
}

fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' | '\u{200b}'..='\u{200f}'
        )
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{e0000}'..='\u{e007f}')
}
