//! Untrusted words inside our sentences: short, and with nothing in them that can't be seen.

use countersign_core::policy::is_hidden_character;

/// Longest untrusted text inside a sentence, in characters.
const MAX_CHARS: usize = 120;
/// Most items that a sentence lists.
const MAX_LISTED: usize = 8;

/// The text in one line, clipped, hidden characters spelt out.
pub(crate) fn shown(text: &str) -> String {
    let mut out = String::new();
    for (count, c) in text.chars().enumerate() {
        if count == MAX_CHARS {
            out.push('…');
            break;
        }
        if c == '\n' || c == '\t' {
            out.push(' ');
        } else if is_hidden_character(c) {
            out.push_str(&format!("<U+{:04X}>", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out.trim().to_owned()
}

/// The first few items, and how many more there are.
pub(crate) fn listed<T: AsRef<str>>(items: &[T]) -> String {
    let mut out: Vec<String> = items
        .iter()
        .take(MAX_LISTED)
        .map(|item| shown(item.as_ref()))
        .collect();
    if items.len() > MAX_LISTED {
        out.push(format!("and {} more", items.len() - MAX_LISTED));
    }
    out.join(", ")
}

/// `1 line`, `2 lines`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
