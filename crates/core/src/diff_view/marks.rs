//! Bytes as text that a viewer can show, with marks for what it would not show. Loses no byte silently.

use super::form::{HiddenKind, HiddenMark, PathView, TextView};
use crate::path::RepoPath;
use crate::policy::is_hidden_character;

/// What stands for a byte that is no UTF-8.
const STAND_IN: char = '\u{fffd}';

/// What follows a text: decides about a CR and about whitespace at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ends {
    /// A line that a line feed ends.
    WithNewline,
    /// A line that none ends, or no line at all.
    Without,
}

/// At most `most` bytes of a line as text.
pub(super) fn text_view(bytes: &[u8], most: usize, ends: Ends) -> TextView {
    let shown = &bytes[..cut(bytes, most)];
    let mut text = String::with_capacity(shown.len());
    let mut hidden = Marks::default();
    let mut valid = true;
    for chunk in shown.utf8_chunks() {
        for c in chunk.valid().chars() {
            text.push(c);
            hidden.character(c);
        }
        valid &= chunk.invalid().is_empty();
        text.extend(chunk.invalid().iter().map(|_| STAND_IN));
        hidden.bytes(chunk.invalid().len());
    }
    if shown.len() == bytes.len() {
        hidden.end(&text, ends);
    }
    TextView {
        text,
        hex: (!valid).then(|| hex::encode(shown)),
        omitted_bytes: (bytes.len() - shown.len()) as u64,
        hidden: hidden.marks,
    }
}

/// A path as text.
pub(super) fn path_view(path: &RepoPath) -> PathView {
    let text = path.to_text();
    let quoted = text.as_bytes() != path.as_bytes();
    let mut hidden = Marks::default();
    text.chars().for_each(|c| hidden.character(c));
    PathView {
        text,
        hex: quoted.then(|| hex::encode(path.as_bytes())),
        hidden: hidden.marks,
    }
}

/// Where to cut so that no character is cut in two.
fn cut(bytes: &[u8], most: usize) -> usize {
    if bytes.len() <= most {
        return bytes.len();
    }
    let continues = |at: usize| bytes[at] & 0b1100_0000 == 0b1000_0000;
    (most.saturating_sub(3)..=most)
        .rev()
        .find(|at| !continues(*at))
        .unwrap_or(most)
}

#[derive(Default)]
struct Marks {
    at: u32,
    marks: Vec<HiddenMark>,
}

impl Marks {
    fn character(&mut self, c: char) {
        let units = c.len_utf16() as u32;
        if let Some(kind) = kind(c) {
            self.mark(units, kind, Some(format!("U+{:04X}", u32::from(c))));
        }
        self.at += units;
    }

    fn bytes(&mut self, count: usize) {
        let units = u32::try_from(count).unwrap_or(u32::MAX);
        if units > 0 {
            self.mark(units, HiddenKind::NotUtf8, None);
            self.at += units;
        }
    }

    /// Adds a mark here, or makes the last one longer.
    fn mark(&mut self, units: u32, kind: HiddenKind, code: Option<String>) {
        let at = self.at;
        match self.marks.last_mut() {
            Some(last) if last.end == at && last.kind == kind && last.code == code => last.end += units,
            Some(_) | None => self.marks.push(HiddenMark {
                start: at,
                end: at + units,
                kind,
                code,
            }),
        }
    }

    /// A CR before the line feed is a line end, and spaces before either are trailing.
    fn end(&mut self, text: &str, ends: Ends) {
        let mut body = text;
        let mut end = self.at;
        if let (Ends::WithNewline, Some(rest)) = (ends, text.strip_suffix('\r')) {
            body = rest;
            end -= 1;
            self.split_off_last_cr(end);
        }
        let kept = body.trim_end_matches([' ', '\t']);
        let trailing = u32::try_from(body.len() - kept.len()).unwrap_or(u32::MAX);
        if trailing > 0 {
            let mark = HiddenMark {
                start: end - trailing,
                end,
                kind: HiddenKind::TrailingWhitespace,
                code: None,
            };
            let before_crlf = self.marks.iter().position(|m| m.start >= end);
            self.marks.insert(before_crlf.unwrap_or(self.marks.len()), mark);
        }
    }

    fn split_off_last_cr(&mut self, at: u32) {
        if let Some(last) = self.marks.last_mut() {
            last.end = at;
            if last.start == at {
                self.marks.pop();
            }
        }
        self.marks.push(HiddenMark {
            start: at,
            end: at + 1,
            kind: HiddenKind::Crlf,
            code: Some("U+000D".to_owned()),
        });
    }
}

/// What a character hides; `None` for one that is seen.
fn kind(c: char) -> Option<HiddenKind> {
    Some(match c {
        '\t' => return None,
        ' '..='~' => return None,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            HiddenKind::Bidi
        }
        '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}' | '\u{feff}' => HiddenKind::ZeroWidth,
        '\u{e0000}'..='\u{e007f}' => HiddenKind::Tag,
        '\u{180b}'..='\u{180d}' | '\u{180f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
            HiddenKind::VariationSelector
        }
        '\u{2028}' | '\u{2029}' => HiddenKind::LineSeparator,
        _ if c.is_control() => HiddenKind::Control,
        // Braille's blank is drawn as nothing and counts as a letter for Unicode.
        _ if is_hidden_character(c) || c == '\u{2800}' => HiddenKind::Invisible,
        _ if c.is_whitespace() => HiddenKind::UnusualSpace,
        _ => return None,
    })
}
