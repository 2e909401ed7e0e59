//! Lines that stand for code which an answer left out (`// ... rest unchanged ...`). Taken as content they would
//! delete what they stand for, so the applier refuses them where they are new.

/// What a line says about left-out code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elision {
    /// Dots in a comment, or words such as "rest unchanged".
    Said,
    /// Nothing but dots, which some languages have as code.
    Dots,
}

/// Longest line that is looked at, in bytes: such remarks are short.
const REMARK_MAX_BYTES: usize = 200;
/// Longest remark that only ends in dots, or has none, in words.
const REMARK_MAX_WORDS: usize = 10;
/// What opens or closes a comment.
const COMMENT_MARKS: [&str; 18] = [
    "<!--", "-->", "{/*", "*/}", "\"\"\"", "'''", "/*", "*/", "//", "--", "(*", "*)", "{#", "#}", "#", ";",
    "%", "*",
];
/// What is left out.
const WHAT: [&str; 6] = ["rest", "existing", "remaining", "other", "others", "previous"];
/// What is said of it.
const SAID: [&str; 9] = [
    "unchanged",
    "same",
    "omitted",
    "remains",
    "remain",
    "stays",
    "truncated",
    "snip",
    "untouched",
];
/// Of these one must stand beside dots in front.
const BESIDE_DOTS: [&str; 7] = ["code", "keep", "before", "above", "below", "more", "etc"];

/// Whether a line (with or without its line end) stands for left-out code.
pub fn elision(line: &[u8]) -> Option<Elision> {
    let text = std::str::from_utf8(line.trim_ascii()).ok()?;
    if text.is_empty() || text.len() > REMARK_MAX_BYTES {
        return None;
    }
    if text.chars().all(|c| c == '…') || (text.len() >= 3 && text.bytes().all(|b| b == b'.')) {
        return Some(Elision::Dots);
    }
    let (remark, marked) = uncommented(text);
    let (inner, in_front, behind) = without_dots(remark);
    let spaced = inner.starts_with(' ') || inner.ends_with(' ') || inner.is_empty();
    // `...rest` is code where no comment mark stands before it.
    if !marked && !(spaced && (in_front || behind)) {
        return None;
    }
    let lower = inner.to_lowercase();
    let words: Vec<&str> = lower
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .collect();
    let has = |list: &[&str]| words.iter().any(|w| list.contains(w));
    let dots_say = in_front && (words.is_empty() || has(&WHAT) || has(&SAID) || has(&BESIDE_DOTS));
    let short = words.len() <= REMARK_MAX_WORDS;
    let words_say = short && ((behind && (has(&WHAT) || has(&SAID))) || (has(&WHAT) && has(&SAID)));
    (dots_say || words_say).then_some(Elision::Said)
}

/// Takes comment marks and brackets off; also whether there were any.
fn uncommented(text: &str) -> (&str, bool) {
    let mut rest = text;
    loop {
        let before = rest.len();
        for mark in COMMENT_MARKS {
            let inner = rest.strip_prefix(mark).unwrap_or(rest);
            rest = inner.strip_suffix(mark).unwrap_or(inner).trim();
        }
        let inside = rest
            .strip_prefix(['[', '('])
            .and_then(|r| r.strip_suffix([']', ')']));
        rest = inside.unwrap_or(rest).trim();
        if rest.len() == before {
            return (rest, rest.len() < text.len());
        }
    }
}

/// Takes dots off both ends; also whether there were any in front and behind.
fn without_dots(text: &str) -> (&str, bool, bool) {
    let strip_front = |t: &'static str| text.strip_prefix(t);
    let front = strip_front("...").or_else(|| strip_front("…"));
    let rest = front.unwrap_or(text);
    let back = rest.strip_suffix("...").or_else(|| rest.strip_suffix("…"));
    (back.unwrap_or(rest), front.is_some(), back.is_some())
}
