//! Names that look like others: letters of two scripts in one word, forms that are not composed (NFC).
//!
//! Sources: UTS #39 (confusables), UAX #15. A word counts only if it has ASCII letters, so that prose in any
//! language is left alone.

use crate::seen::Seen;
use crate::shown::listed;
use crate::{Finding, Rule};
use std::collections::BTreeSet;
use unicode_normalization::{UnicodeNormalization as _, is_nfc};
use unicode_security::MixedScript as _;
use unicode_security::confusable_detection::skeleton;

/// Most words that a finding names.
const MAX_WORDS: usize = 20;

/// At most one finding per rule of a file.
pub(super) fn findings(seen: &Seen<'_>) -> Vec<Finding> {
    let (mut mixed, mut loose) = (Words::default(), Words::default());
    for line in seen.added.iter().filter(|line| !line.bytes.is_ascii()) {
        let text = line.text();
        for word in words(&text).filter(|word| has_ascii_letter(word) && !word.is_ascii()) {
            if is_mixed(word) {
                mixed.add(&spelt_out(word), line.number);
            }
            if !is_nfc(word) {
                loose.add(&spelt_out(word), line.number);
            }
        }
    }
    let mut findings = Vec::new();
    if !mixed.lines.is_empty() {
        let text = format!(
            "Names mix ASCII letters with letters that look like them: {}.",
            listed(&mixed.words())
        );
        findings.push(seen.finding(Rule::MixedScript, mixed.lines.into_iter().collect(), text));
    }
    if !loose.lines.is_empty() {
        let text = format!(
            "Names are not in composed form, so equal-looking ones differ: {}.",
            listed(&loose.words())
        );
        findings.push(seen.finding(Rule::NotNormalised, loose.lines.into_iter().collect(), text));
    }
    findings.extend(path(seen));
    findings
}

fn path(seen: &Seen<'_>) -> Option<Finding> {
    let path = seen.new_path().filter(|new| seen.old_path() != Some(new))?;
    let loose = !is_nfc(path.as_str()?);
    let text = "The path is not in composed form (NFC): some systems take it for another one.";
    loose.then(|| seen.finding(Rule::NotNormalised, Vec::new(), text.to_owned()))
}

#[derive(Default)]
struct Words {
    words: BTreeSet<String>,
    lines: BTreeSet<u32>,
}

impl Words {
    fn add(&mut self, word: &str, line: u32) {
        self.lines.insert(line);
        if self.words.len() < MAX_WORDS {
            self.words.insert(word.to_owned());
        }
    }

    fn words(&self) -> Vec<&String> {
        self.words.iter().collect()
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let part = |c: char| c.is_alphanumeric() || c == '_' || is_mark(c);
    text.split(move |c| !part(c)).filter(|word| !word.is_empty())
}

/// Marks that combine with the letter before them.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}')
}

fn has_ascii_letter(word: &str) -> bool {
    word.bytes().any(|b| b.is_ascii_alphabetic())
}

fn is_mixed(word: &str) -> bool {
    word.chars()
        .filter(|c| !c.is_ascii())
        .any(|c| looks_ascii(c) && (is_styled(c) || !is_latin(c)))
}

/// Full-width and mathematical letters: some compilers read them as ASCII.
fn is_styled(c: char) -> bool {
    matches!(c, '\u{ff10}'..='\u{ff5a}' | '\u{1d400}'..='\u{1d7ff}')
}

fn looks_ascii(c: char) -> bool {
    let mut buffer = [0; 4];
    let word: &str = c.encode_utf8(&mut buffer);
    let plain: String = if is_styled(c) {
        word.nfkc().collect()
    } else {
        skeleton(word).collect()
    };
    !plain.is_empty() && plain.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Whether the letter can stand in a Latin word, as accented ones do.
fn is_latin(c: char) -> bool {
    let with_a: String = ['a', c].iter().collect();
    with_a.as_str().is_single_script()
}

/// The word with everything beyond ASCII spelt out: a reader can't tell otherwise.
fn spelt_out(word: &str) -> String {
    let spell = |c: char| {
        if c.is_ascii() {
            c.to_string()
        } else {
            format!("<U+{:04X}>", u32::from(c))
        }
    };
    word.chars().map(spell).collect()
}
