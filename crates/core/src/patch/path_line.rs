//! Lines that name a file above a block or fence. Must never take a sentence, a heading or a label for a path:
//! what could be either is [`PathLine::Unclear`], and the caller refuses.

use crate::path::{RepoPath, unquote};

/// Names without an ending that are files wherever they stand alone.
const KNOWN_NAMES: [&[u8]; 16] = [
    b"Makefile",
    b"makefile",
    b"GNUmakefile",
    b"Dockerfile",
    b"Containerfile",
    b"Gemfile",
    b"Rakefile",
    b"Procfile",
    b"Jenkinsfile",
    b"Vagrantfile",
    b"Justfile",
    b"justfile",
    b"CODEOWNERS",
    b"LICENSE",
    b"README",
    b"CHANGELOG",
];
/// Words that may stand before a path, with a colon.
const LABELS: [&[u8]; 5] = [b"file", b"path", b"filename", b"filepath", b"file path"];
/// Longest ending of a file name, in bytes.
const ENDING_MAX_BYTES: usize = 16;

/// How often marks are taken off a line: nobody dresses a path up more than that.
const UNDRESS_MAX: usize = 8;

/// What a line above a block or fence says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PathLine {
    /// Nothing but a path.
    Path(RepoPath),
    /// A path, or a heading or label that only looks like one.
    Unclear,
    /// Words.
    Prose,
}

/// How a line was dressed up.
#[derive(Default)]
struct Dress {
    heading: bool,
    list: bool,
    colon: bool,
    ticked: bool,
    labelled: bool,
}

/// Judges a whole line.
pub(super) fn path_line(line: &[u8]) -> PathLine {
    let (name, dress) = undress(line.trim_ascii());
    if name.first() == Some(&b'"') && name.len() > 2 {
        return match unquote(name) {
            Ok(bytes) => PathLine::Path(RepoPath::from_bytes(bytes)),
            Err(_) => PathLine::Prose,
        };
    }
    if let Some(name) = before_remark(name) {
        return match judge(
            name,
            &Dress {
                ticked: true,
                ..dress
            },
        ) {
            PathLine::Path(_) | PathLine::Unclear => PathLine::Unclear,
            PathLine::Prose => PathLine::Prose,
        };
    }
    judge(name, &dress)
}

/// The one path in an info string (`python src/a.py`, `rust:src/a.rs`, `title="src/a.rs"`), if there is any.
pub(super) fn path_in_info(info: &[u8]) -> bool {
    let words = info.split(|b| b" \t:=,{}".contains(b)).filter(|w| !w.is_empty());
    words.enumerate().any(|(i, word)| {
        let word = word.trim_ascii_start();
        let word = word.strip_prefix(b"\"").unwrap_or(word);
        let word = word.strip_suffix(b"\"").unwrap_or(word);
        let is_path = matches!(judge(word, &Dress::default()), PathLine::Path(_));
        is_path && (i > 0 || word.contains(&b'/'))
    })
}

/// Takes headings, list marks, labels, bold, backticks and a colon off.
fn undress(line: &[u8]) -> (&[u8], Dress) {
    let mut dress = Dress::default();
    let mut rest = line;
    let hashes = rest.iter().take_while(|b| **b == b'#').count();
    if (1..=6).contains(&hashes) && rest.get(hashes) == Some(&b' ') {
        dress.heading = true;
        rest = rest[hashes..].trim_ascii();
    }
    if let Some(item) = list_item(rest) {
        dress.list = true;
        rest = item.trim_ascii();
    }
    for _ in 0..UNDRESS_MAX {
        let before = rest;
        if let Some(inner) = between(rest, b"**").or_else(|| between(rest, b"__")) {
            rest = inner.trim_ascii();
        }
        if let Some(inner) = rest.strip_suffix(b":") {
            dress.colon = true;
            rest = inner.trim_ascii();
        }
        if let Some(inner) = label(rest) {
            dress.labelled = true;
            rest = inner.trim_ascii();
        }
        if let Some(inner) = between(rest, b"`") {
            dress.ticked = true;
            rest = inner;
        }
        if rest.len() == before.len() {
            break;
        }
    }
    (rest, dress)
}

fn between<'l>(text: &'l [u8], mark: &[u8]) -> Option<&'l [u8]> {
    let inner = text.strip_prefix(mark)?.strip_suffix(mark)?;
    (!inner.is_empty() && !inner.windows(mark.len()).any(|w| w == mark)).then_some(inner)
}

fn list_item(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"- ").or_else(|| text.strip_prefix(b"* ")) {
        return Some(rest);
    }
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let rest = text.get(digits..).filter(|_| digits > 0)?;
    rest.strip_prefix(b". ").or_else(|| rest.strip_prefix(b") "))
}

/// What follows `File:` and the like.
fn label(text: &[u8]) -> Option<&[u8]> {
    let at = text.iter().position(|b| *b == b':')?;
    let word = text[..at].trim_ascii();
    let word = word.strip_prefix(b"**").unwrap_or(word);
    let rest = &text[at + 1..];
    let is_label = LABELS.iter().any(|l| l.eq_ignore_ascii_case(word));
    (is_label && !rest.trim_ascii().is_empty())
        .then(|| rest.trim_ascii_start().strip_prefix(b"**").unwrap_or(rest))
}

/// `src/a.rs (new)`: the name before a remark in brackets.
fn before_remark(text: &[u8]) -> Option<&[u8]> {
    let at = text.windows(2).position(|w| w == b" (")?;
    let name = text[..at].trim_ascii();
    let name = between(name, b"**").unwrap_or(name);
    let name = between(name, b"`").unwrap_or(name);
    text.ends_with(b")").then_some(name)
}

fn judge(name: &[u8], dress: &Dress) -> PathLine {
    if !could_be_path(name, dress.ticked) {
        return PathLine::Prose;
    }
    let last = name.rsplit(|b| *b == b'/').next().unwrap_or(name);
    let in_folder = name.contains(&b'/');
    let known = KNOWN_NAMES.contains(&last);
    let ends = has_ending(last, in_folder);
    if !known && !ends && !in_folder {
        // `CHANGES` may be a file without an ending, or a word; so may anything in backticks.
        let capitals = name.len() > 1 && name.iter().all(|b| b.is_ascii_uppercase() || b"-_.".contains(b));
        let single = name
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.+".contains(b));
        return match single && (dress.ticked || dress.labelled || capitals) {
            true => PathLine::Unclear,
            false => PathLine::Prose,
        };
    }
    // `### Node.js` and `Input/Output:` head samples; `src/app.js` and `` `app.js` `` don't.
    let dressed_up = dress.heading || (dress.colon && !dress.labelled);
    let explicit = dress.ticked || dress.labelled;
    let sure = explicit || (in_folder && (ends || known)) || (!in_folder && !dressed_up);
    if sure && !dress.list {
        PathLine::Path(RepoPath::from_bytes(name))
    } else {
        PathLine::Unclear
    }
}

/// No words, calls, addresses, options or placeholders.
fn could_be_path(name: &[u8], ticked: bool) -> bool {
    let plain = |b: &u8| !b.is_ascii_control() && !b"`*<>|?\":".contains(b);
    let bare = |b: &u8| !b" ,;=&!".contains(b);
    !name.is_empty()
        && name.iter().all(plain)
        && (ticked || name.iter().all(bare))
        && !name.ends_with(b"/")
        && !name.ends_with(b".")
        && !name.ends_with(b")")
        && (ticked || !name.starts_with(b"-"))
        && !name.starts_with(b"$")
        && !name.starts_with(b"~")
        && name.trim_ascii() == name
}

/// `.rs`, `.gitignore`; below a folder also `.1`.
fn has_ending(last: &[u8], in_folder: bool) -> bool {
    let Some(dot) = last.iter().rposition(|b| *b == b'.') else {
        return false;
    };
    let ending = &last[dot + 1..];
    let word = ending
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || *b == b'_' || *b == b'-');
    let letter = ending.iter().any(u8::is_ascii_alphabetic);
    (1..=ENDING_MAX_BYTES).contains(&ending.len()) && word && (letter || in_folder)
}
