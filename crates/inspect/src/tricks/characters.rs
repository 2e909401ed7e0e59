//! Characters that hide or reorder text, in the lines that a change brings in.
//!
//! Sources: UAX #9 (bidirectional text), UTS #51 (emoji sequences), "Trojan Source" (CVE-2021-42574). Joiners inside
//! emoji and inside scripts that need them are ordinary; so are byte order marks at a file's start and page breaks.

use crate::seen::{Line, Seen};
use crate::shown::count;
use crate::{Finding, Rule};
use std::collections::BTreeSet;

/// What a character does where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Trick {
    Bidi,
    Tag,
    Control,
    LineBreak,
    Data,
    Invisible,
}

impl Trick {
    fn rule(self) -> Rule {
        match self {
            Trick::Bidi | Trick::Tag | Trick::Control | Trick::LineBreak | Trick::Data => Rule::HiddenText,
            Trick::Invisible => Rule::InvisibleCharacter,
        }
    }

    fn effect(self) -> &'static str {
        match self {
            Trick::Bidi => "show text in another order than it is read",
            Trick::Tag => "carry text that nobody sees",
            Trick::Control => "can repaint a terminal or hide what precedes them",
            Trick::LineBreak => "end a line for some programs and not for others",
            Trick::Data => "can carry data that nobody sees",
            Trick::Invisible => "take no room",
        }
    }
}

/// One finding per trick of a file.
pub(super) fn findings(seen: &Seen<'_>) -> Vec<Finding> {
    let mut found: Vec<(Trick, char, u32)> = Vec::new();
    for line in &seen.added {
        if line.bytes.iter().all(|b| matches!(b, b'\t' | 0x20..=0x7e)) {
            continue;
        }
        found.extend(
            tricks(*line)
                .into_iter()
                .map(|(trick, c)| (trick, c, line.number)),
        );
    }
    let kinds: BTreeSet<Trick> = found.iter().map(|(trick, ..)| *trick).collect();
    kinds
        .into_iter()
        .map(|kind| {
            let hits: Vec<_> = found.iter().filter(|(trick, ..)| *trick == kind).collect();
            let lines: BTreeSet<u32> = hits.iter().map(|(_, _, line)| *line).collect();
            let names: BTreeSet<String> = hits
                .iter()
                .map(|(_, c, _)| format!("U+{:04X}", u32::from(*c)))
                .collect();
            let names: Vec<String> = names.into_iter().take(5).collect();
            let text = format!(
                "{} of added text: characters ({}) that {}.",
                count(lines.len(), "line"),
                names.join(", "),
                kind.effect()
            );
            seen.finding(kind.rule(), lines.into_iter().collect(), text)
        })
        .collect()
}

fn tricks(line: Line<'_>) -> Vec<(Trick, char)> {
    let text = line.text();
    let text = text.strip_suffix('\r').unwrap_or(&text);
    let text = if line.number == 1 {
        text.strip_prefix('\u{feff}').unwrap_or(text)
    } else {
        text
    };
    if text == "\u{c}" {
        return Vec::new();
    }
    let chars: Vec<char> = text.chars().collect();
    let mut found = Vec::new();
    for (at, c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map(|i| chars[i]);
        let after = chars.get(at + 1).copied();
        if let Some(trick) = trick(*c, before, after, &chars[..at]) {
            found.push((trick, *c));
        }
    }
    found
}

fn trick(c: char, before: Option<char>, after: Option<char>, line: &[char]) -> Option<Trick> {
    match c {
        '\t' => None,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some(Trick::Bidi),
        '\u{2028}' | '\u{2029}' => Some(Trick::LineBreak),
        c if c.is_control() => Some(Trick::Control),
        '\u{fff9}'..='\u{fffb}' => Some(Trick::Control),
        '\u{e0000}'..='\u{e007f}' => (!in_flag(line)).then_some(Trick::Tag),
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => selector(c, before, after),
        '\u{200c}' | '\u{200d}' => {
            let joins_emoji = before.is_some_and(is_emoji_part) && after.is_some_and(is_emoji);
            let joins_letters = before.is_some_and(is_joining_script);
            (!joins_emoji && !joins_letters).then_some(Trick::Invisible)
        }
        '\u{180b}'..='\u{180f}' => {
            let mongolian = before.is_some_and(|b| ('\u{1800}'..='\u{18af}').contains(&b));
            (!mongolian).then_some(Trick::Invisible)
        }
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{200b}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206a}'..='\u{206f}'
        | '\u{3164}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' => Some(Trick::Invisible),
        _ => None,
    }
}

/// A selector picks the form of the character before it; several in a row, or one after nothing, are data.
fn selector(c: char, before: Option<char>, after: Option<char>) -> Option<Trick> {
    let Some(before) = before else {
        return Some(Trick::Data);
    };
    let again = |c: char| matches!(c, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}');
    if again(before) || after.is_some_and(again) {
        return Some(Trick::Data);
    }
    let ideograph =
        matches!(before, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}');
    let symbol = is_emoji(before) || matches!(before, '#' | '*' | '0'..='9' | '\u{2200}'..='\u{22ff}');
    let fits = match c {
        '\u{e0100}'..='\u{e01ef}' => ideograph,
        _ => symbol || ideograph,
    };
    (!fits).then_some(Trick::Data)
}

/// Most tag letters of a flag: a country, then a part of it (ISO 3166-2).
const MAX_FLAG_TAGS: usize = 6;

/// Whether the characters so far end in a black flag and tags: the flag of a part of a country.
fn in_flag(line: &[char]) -> bool {
    let tag = |c: &&char| ('\u{e0020}'..='\u{e007e}').contains(*c);
    let tags = line.iter().rev().take(MAX_FLAG_TAGS + 1).take_while(tag).count();
    let flag = line
        .len()
        .checked_sub(tags + 1)
        .is_some_and(|at| line[at] == '\u{1f3f4}');
    tags <= MAX_FLAG_TAGS && flag
}

fn is_emoji(c: char) -> bool {
    matches!(c,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{2122}' | '\u{2139}'
        | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | '\u{24c2}' | '\u{25a0}'..='\u{27bf}'
        | '\u{2900}'..='\u{297f}' | '\u{2b00}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}')
}

fn is_emoji_part(c: char) -> bool {
    is_emoji(c) || c == '\u{fe0f}'
}

/// Scripts whose spelling needs joiners: Arabic and its relatives, those of India and its neighbours, Mongolian.
fn is_joining_script(c: char) -> bool {
    matches!(c, '\u{600}'..='\u{8ff}' | '\u{900}'..='\u{dff}' | '\u{f00}'..='\u{109f}' | '\u{1780}'..='\u{18af}'
        | '\u{fb50}'..='\u{fdff}' | '\u{fe70}'..='\u{fefc}')
}
