//! The tests of one file, with what they assert: found by signs and indentation.

use super::language::{Language, is_test_path};
use countersign_core::path::RepoPath;
use std::collections::BTreeMap;

/// Most tests that are told apart in one file.
const MAX_UNITS: usize = 20_000;
/// Most lines of a body that are kept to compare it.
const MAX_BODY_LINES: usize = 200;
/// Most lines between a mark and the function that it marks, and of attributes above a test.
const MAX_MARK_DISTANCE: usize = 100;

/// One test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) name: String,
    /// First line that belongs to it, attributes included, from 1.
    pub(super) head: u32,
    /// Last line, from 1.
    pub(super) end: u32,
    /// Lines that keep it from running or expect it to fail.
    pub(super) skips: Vec<u32>,
    /// Lines that assert.
    pub(super) assertions: u32,
    /// Lines that do something, without comments and closing brackets.
    pub(super) body: Vec<String>,
}

impl Unit {
    /// How much of this test's body the other one has, in hundredths.
    pub(super) fn overlap(&self, other: &Unit) -> usize {
        if self.body.is_empty() {
            return 0;
        }
        let mut left: BTreeMap<&str, usize> = BTreeMap::new();
        for line in &other.body {
            *left.entry(line).or_default() += 1;
        }
        let shared = self.body.iter().filter(|line| match left.get_mut(line.as_str()) {
            Some(count) if *count > 0 => {
                *count -= 1;
                true
            }
            Some(_) | None => false,
        });
        shared.count() * 100 / self.body.len()
    }
}

/// The tests of a file; none where neither its path nor its marks call it one.
pub(super) fn units(language: Language, path: &RepoPath, text: &str) -> Vec<Unit> {
    if !language.marks_tests() && !is_test_path(path) {
        return Vec::new();
    }
    let lines: Vec<&str> = text.lines().collect();
    let starts = starts(language, &lines);
    let mut units = Vec::new();
    for (index, start) in starts.iter().enumerate() {
        let next = starts
            .get(index + 1)
            .map_or(lines.len(), |next| next.head.max(start.at + 1));
        let end = body_end(language, &lines[..next], start.at).max(start.at + 1);
        units.push(unit(language, &lines, start, end));
    }
    units
}

struct Start {
    /// Index of the first attribute or comment above.
    head: usize,
    /// Index of the line that names it.
    at: usize,
    name: String,
}

fn starts(language: Language, lines: &[&str]) -> Vec<Start> {
    let signs = language.signs();
    let mut starts: Vec<Start> = Vec::new();
    let mut marked: Option<usize> = None;
    for (at, line) in lines.iter().enumerate() {
        if starts.len() >= MAX_UNITS {
            break;
        }
        let name = |found: regex::Captures<'_>| {
            found
                .iter()
                .skip(1)
                .flatten()
                .next()
                .map(|group| group.as_str().to_owned())
        };
        if signs.mark.as_ref().is_some_and(|mark| mark.is_match(line)) {
            marked = Some(at);
        }
        let function = match (marked, &signs.function) {
            (Some(mark), Some(function)) if at - mark <= MAX_MARK_DISTANCE => {
                function.captures(line).and_then(name)
            }
            (_, _) => None,
        };
        let found = function.or_else(|| signs.start.captures(line).and_then(name));
        if let Some(name) = found {
            marked = None;
            let above = starts.last().map_or(0, |last| last.at + 1);
            let head = head_of(language, lines, above, at);
            starts.push(Start { head, at, name });
        }
    }
    starts
}

/// Attributes and comments right above a line belong to it: in Python whatever stands there without a gap.
fn head_of(language: Language, lines: &[&str], from: usize, at: usize) -> usize {
    let attached = |line: &&&str| {
        let text = line.trim_start();
        let attribute = text.starts_with(['#', '@', '[']) || text.starts_with("//");
        attribute || (language.ends_by_indentation() && !text.is_empty() && indent(line) >= indent(lines[at]))
    };
    let above = lines[from..at]
        .iter()
        .rev()
        .take(MAX_MARK_DISTANCE)
        .take_while(attached)
        .count();
    let closing_bracket_only = |line: &&str| line.trim().chars().all(|c| ")]},".contains(c));
    // A bracket that closes at the top belongs to something above, not to an attribute.
    let stray = lines[at - above..at]
        .iter()
        .take_while(|line| closing_bracket_only(line))
        .count();
    at - above + stray
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Last line, from 1, of what a line opens; attributes open what follows them.
pub(super) fn block_end(language: Language, text: &str, line: u32) -> u32 {
    let lines: Vec<&str> = text.lines().collect();
    let at = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
    let Some(first) = lines.get(at) else { return line };
    let opens = |other: &&str| {
        let text = other.trim_start();
        ["class ", "def ", "async def "]
            .iter()
            .any(|word| text.starts_with(word))
            && indent(other) == indent(first)
    };
    let decorates = language.ends_by_indentation() && first.trim_start().starts_with('@');
    let below = lines[at..]
        .iter()
        .take(MAX_MARK_DISTANCE)
        .position(opens)
        .filter(|_| decorates);
    number(body_end(language, &lines, at + below.unwrap_or(0)))
}

/// Index after the last line of the body that starts at a line.
fn body_end(language: Language, lines: &[&str], at: usize) -> usize {
    let own = indent(lines[at]);
    let mut quoted = false;
    for (index, line) in lines.iter().enumerate().skip(at + 1) {
        let text = line.trim();
        if language.ends_by_indentation() {
            let was_quoted = quoted;
            if (text.matches("\"\"\"").count() + text.matches("'''").count()) % 2 == 1 {
                quoted = !quoted;
            }
            let closes_signature = text.starts_with(')');
            if !text.is_empty() && !was_quoted && indent(line) <= own && !closes_signature {
                return index;
            }
        } else if indent(line) <= own && closes(text) {
            return index + 1;
        }
    }
    lines.len()
}

fn closes(text: &str) -> bool {
    let opens_again = text.ends_with('{') || text.ends_with('(');
    (text.starts_with(['}', ')', ']']) || text == "end" || text.starts_with("end ")) && !opens_again
}

fn unit(language: Language, lines: &[&str], start: &Start, end: usize) -> Unit {
    let signs = language.signs();
    let inside = || lines[start.at..end].iter().map(|line| line.trim());
    let active = |line: &&str| !is_comment(language, line);
    // A body on the line of the name counts as well: `it('adds', () => expect(add(1, 2)).toBe(3))`.
    let assertions = inside()
        .filter(active)
        .filter(|line| signs.assertion.is_match(line))
        .count();
    let body = inside()
        .skip(1)
        .filter(active)
        .filter(|line| does_something(line))
        .take(MAX_BODY_LINES);
    let whole = (start.head..end).map(|at| (number(at + 1), lines[at]));
    let skips = whole.filter(|(_, line)| signs.skip.is_match(line) && !is_comment(language, line));
    Unit {
        name: start.name.clone(),
        skips: skips.map(|(number, _)| number).collect(),
        head: number(start.head + 1),
        end: number(end),
        assertions: number(assertions),
        body: body.map(str::to_owned).collect(),
    }
}

fn number(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

pub(super) fn is_comment(language: Language, line: &str) -> bool {
    let line = line.trim_start();
    match language {
        Language::Python | Language::Ruby => line.starts_with('#'),
        Language::Php => line.starts_with("//") || line.starts_with('*') || line.starts_with("/*"),
        Language::Rust | Language::JavaScript | Language::Go | Language::Jvm | Language::CSharp => {
            line.starts_with("//") || line.starts_with("/*") || line.starts_with("* ")
        }
    }
}

fn does_something(line: &str) -> bool {
    let idle = [
        "pass", "...", "return", "return;", "end", "{", "=> {", "todo!()", "todo!();",
    ];
    !line.is_empty() && !idle.contains(&line) && line.chars().any(char::is_alphanumeric)
}
