//! Which words of a line became which of its partner. Only for the eye: no judgement rests on it.

use super::form::Span;
use similar::{Algorithm, DiffOp, capture_diff_slices};
use unicode_normalization::char::is_combining_mark;

/// A text cut into words, runs of whitespace, and single other characters.
pub(super) fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut start = 0;
    let mut last: Option<Class> = None;
    for (at, c) in text.char_indices() {
        let class = if joins(c) {
            last.unwrap_or(Class::Other)
        } else {
            class(c)
        };
        let goes_on = joins(c) || (last == Some(class) && class != Class::Other);
        if at > 0 && !goes_on {
            tokens.push(&text[start..at]);
            start = at;
        }
        last = Some(class);
    }
    if start < text.len() {
        tokens.push(&text[start..]);
    }
    tokens
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Space,
    Other,
}

fn class(c: char) -> Class {
    if c.is_alphanumeric() || c == '_' {
        Class::Word
    } else if c.is_whitespace() {
        Class::Space
    } else {
        Class::Other
    }
}

/// Accents, joiners and variation selectors belong to the character before.
fn joins(c: char) -> bool {
    matches!(c, '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{1f3fb}'..='\u{1f3ff}') || is_combining_mark(c)
}

/// Whether a token is whitespace.
pub(super) fn is_space(token: &str) -> bool {
    token.chars().all(char::is_whitespace)
}

/// What differs, on both sides, in UTF-16 code units.
pub(super) fn spans(old: &[&str], new: &[&str]) -> (Vec<Span>, Vec<Span>) {
    let mut gone = Vec::new();
    let mut come = Vec::new();
    for op in capture_diff_slices(Algorithm::Myers, old, new) {
        match op {
            DiffOp::Equal { .. } => {}
            DiffOp::Delete {
                old_index, old_len, ..
            } => gone.push(old_index..old_index + old_len),
            DiffOp::Insert {
                new_index, new_len, ..
            } => come.push(new_index..new_index + new_len),
            DiffOp::Replace {
                old_index,
                old_len,
                new_index,
                new_len,
            } => {
                gone.push(old_index..old_index + old_len);
                come.push(new_index..new_index + new_len);
            }
        }
    }
    (joined(old, gone), joined(new, come))
}

/// Ranges of tokens as spans; two that only whitespace divides become one, which is easier to read.
fn joined(tokens: &[&str], ranges: Vec<std::ops::Range<usize>>) -> Vec<Span> {
    let mut merged: Vec<std::ops::Range<usize>> = Vec::new();
    for range in ranges.into_iter().filter(|r| !r.is_empty()) {
        match merged.last_mut() {
            Some(last) if tokens[last.end..range.start].iter().all(|t| is_space(t)) => last.end = range.end,
            Some(_) | None => merged.push(range),
        }
    }
    let mut offsets = vec![0];
    let mut reached = 0;
    for token in tokens {
        reached += units(token);
        offsets.push(reached);
    }
    let span = |r: std::ops::Range<usize>| Span {
        start: offsets[r.start],
        end: offsets[r.end],
    };
    merged.into_iter().map(span).collect()
}

/// A text's length in UTF-16 code units.
pub(super) fn units(text: &str) -> u32 {
    text.chars().map(|c| c.len_utf16() as u32).sum()
}
