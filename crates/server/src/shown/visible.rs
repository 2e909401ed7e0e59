//! Untrusted text made harmless for a terminal: what can't be seen becomes a mark that can (hazard 47).

use countersign_core::policy::is_hidden_character;

/// One line of text: every character that is hidden, moves the cursor or reorders its neighbours becomes a mark.
///
/// Line ends are marked as well; text of several lines is split before. Tabs stay.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push(&mut out, c);
    }
    out
}

/// As [`visible`], for bytes; what is not UTF-8 is shown byte by byte.
pub fn visible_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push(&mut out, c);
        }
        for byte in chunk.invalid() {
            out.push_str(&format!("⟦x{byte:02X}⟧"));
        }
    }
    out
}

fn push(out: &mut String, c: char) {
    match c {
        '\t' => out.push('\t'),
        '\u{0}'..='\u{1f}' => out.push(picture(c)),
        '\u{7f}' => out.push('␡'),
        _ if is_hidden_character(c) || c == '\u{2800}' => {
            out.push_str(&format!("⟦U+{:04X}⟧", u32::from(c)));
        }
        _ => out.push(c),
    }
}

/// Unicode's picture of a control character: ESC is ␛, CR is ␍.
fn picture(c: char) -> char {
    char::from_u32(0x2400 + u32::from(c)).unwrap_or('␀')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repaints_or_reorders_is_shown_as_a_mark() {
        assert_eq!(visible("a\u{1b}[2Kb\r"), "a␛[2Kb␍");
        assert_eq!(
            visible("x\u{202e}y\u{200b}z\u{e0041}"),
            "x⟦U+202E⟧y⟦U+200B⟧z⟦U+E0041⟧"
        );
        assert_eq!(visible("\u{9b}31m one\ttwo\n"), "⟦U+009B⟧31m one\ttwo␊");
        assert_eq!(visible_bytes(b"caf\xe9\0"), "caf⟦xE9⟧␀");
    }

    #[test]
    fn nothing_hidden_survives() {
        let all: String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        assert!(
            visible(&all)
                .chars()
                .all(|c| c == '\t' || !is_hidden_character(c))
        );
    }
}
