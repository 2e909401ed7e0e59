//! A second, naive understanding of git's own diffs, to judge the applier by.
//!
//! Every line of a parsed hunk knows which line of the base it stands for, so what a diff *means* can be computed
//! without looking for anything: [`meaning`] never searches, and shares no code with the applier.

use std::collections::BTreeMap;

/// Octal mode and content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State {
    pub(crate) mode: u32,
    pub(crate) bytes: Vec<u8>,
}

/// Path → what is there.
pub(crate) type Base = BTreeMap<Vec<u8>, State>;
/// Path → what is there afterwards, for what changed.
pub(crate) type Changes = BTreeMap<Vec<u8>, Option<State>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Op {
    Modify,
    Create,
    Delete,
    Rename,
    Copy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Context,
    Removed,
    Added,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) side: Side,
    /// With its line feed, if it has one.
    pub(crate) bytes: Vec<u8>,
    /// Which line of the base it is; none for added and made-up lines.
    pub(crate) origin: Option<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hunk {
    /// Old start, old count, new start, new count, as written; `None`: `@@ ... @@`.
    pub(crate) numbers: Option<[usize; 4]>,
    pub(crate) lines: Vec<Line>,
    /// Before which line of the base it really begins.
    pub(crate) anchor: usize,
}

/// How a section is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Diff,
    Blocks,
    Whole,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) op: Op,
    pub(crate) old_path: Vec<u8>,
    pub(crate) new_path: Vec<u8>,
    pub(crate) new_mode: Option<u32>,
    /// All lines above the hunks.
    pub(crate) headers: Vec<Vec<u8>>,
    pub(crate) hunks: Vec<Hunk>,
    pub(crate) opaque: bool,
    pub(crate) format: Format,
}

/// Reads what `git diff-tree -p` printed; it is known to be well-formed.
pub(crate) fn parse(patch: &[u8]) -> Vec<Section> {
    let lines: Vec<&[u8]> = patch
        .strip_suffix(b"\n")
        .unwrap_or(patch)
        .split(|b| *b == b'\n')
        .collect();
    let mut sections = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        assert!(
            lines[at].starts_with(b"diff --git "),
            "{}",
            String::from_utf8_lossy(lines[at])
        );
        at = parse_section(&lines, at, &mut sections);
    }
    sections
}

fn parse_section(lines: &[&[u8]], start: usize, sections: &mut Vec<Section>) -> usize {
    let mut at = start + 1;
    let mut opaque = false;
    while at < lines.len() && !lines[at].starts_with(b"diff --git ") && !lines[at].starts_with(b"@@ ") {
        opaque |= lines[at].starts_with(b"Binary files ") || lines[at].starts_with(b"GIT binary patch");
        at += 1;
    }
    let headers: Vec<Vec<u8>> = lines[start..at].iter().map(|l| l.to_vec()).collect();
    let value = |key: &[u8]| headers.iter().find_map(|h| h.strip_prefix(key));
    let mode =
        |key: &[u8]| value(key).map(|m| u32::from_str_radix(std::str::from_utf8(m).unwrap(), 8).unwrap());
    let op = if value(b"new file mode ").is_some() {
        Op::Create
    } else if value(b"deleted file mode ").is_some() {
        Op::Delete
    } else if value(b"rename from ").is_some() {
        Op::Rename
    } else if value(b"copy from ").is_some() {
        Op::Copy
    } else {
        Op::Modify
    };
    let (old_path, new_path) = match op {
        Op::Rename => (
            name(value(b"rename from ").unwrap()),
            name(value(b"rename to ").unwrap()),
        ),
        Op::Copy => (
            name(value(b"copy from ").unwrap()),
            name(value(b"copy to ").unwrap()),
        ),
        Op::Modify | Op::Create | Op::Delete => {
            let both = &lines[start][b"diff --git ".len()..];
            let one = name(&both[..both.len() / 2])[2..].to_vec();
            (one.clone(), one)
        }
    };
    let submodule = headers.iter().any(|h| h.ends_with(b"160000"));
    let mut section = Section {
        op,
        old_path,
        new_path,
        new_mode: mode(b"new mode ").or(mode(b"new file mode ")),
        headers,
        hunks: Vec::new(),
        opaque: opaque || submodule,
        format: Format::Diff,
    };
    while at < lines.len() && lines[at].starts_with(b"@@ ") {
        at = parse_hunk(lines, at, &mut section.hunks);
    }
    while at < lines.len() && !lines[at].starts_with(b"diff --git ") {
        assert!(section.opaque, "{}", String::from_utf8_lossy(lines[at]));
        at += 1;
    }
    sections.push(section);
    at
}

fn parse_hunk(lines: &[&[u8]], start: usize, hunks: &mut Vec<Hunk>) -> usize {
    let head = String::from_utf8_lossy(lines[start]).into_owned();
    let mut words = head.split(' ').skip(1);
    let mut range = || {
        let word = words.next().unwrap();
        let (from, count) = word[1..].split_once(',').unwrap_or((&word[1..], "1"));
        (from.parse::<usize>().unwrap(), count.parse::<usize>().unwrap())
    };
    let ((old, old_count), (new, new_count)) = (range(), range());
    let anchor = if old_count == 0 { old } else { old - 1 };
    let (mut old_left, mut new_left, mut origin) = (old_count, new_count, anchor);
    let mut body = Vec::new();
    let mut at = start + 1;
    while old_left > 0 || new_left > 0 || lines.get(at).is_some_and(|l| l.starts_with(b"\\ ")) {
        let line = lines[at];
        at += 1;
        if line.starts_with(b"\\ ") {
            let last: &mut Line = body.last_mut().unwrap();
            last.bytes.pop();
            continue;
        }
        let side = match line[0] {
            b' ' => Side::Context,
            b'-' => Side::Removed,
            b'+' => Side::Added,
            other => panic!("{other}"),
        };
        let is_old = side != Side::Added;
        body.push(Line {
            side,
            bytes: [&line[1..], b"\n"].concat(),
            origin: is_old.then_some(origin),
        });
        origin += usize::from(is_old);
        old_left -= usize::from(is_old);
        new_left -= usize::from(side != Side::Removed);
    }
    hunks.push(Hunk {
        numbers: Some([old, old_count, new, new_count]),
        lines: body,
        anchor,
    });
    at
}

/// A name as git writes it.
fn name(text: &[u8]) -> Vec<u8> {
    let Some(inner) = text.strip_prefix(b"\"").and_then(|t| t.strip_suffix(b"\"")) else {
        return text.to_vec();
    };
    let mut out = Vec::new();
    let mut at = 0;
    while at < inner.len() {
        if inner[at] != b'\\' {
            out.push(inner[at]);
            at += 1;
            continue;
        }
        at += 2;
        out.push(match inner[at - 1] {
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'a' => 7,
            b'b' => 8,
            b'v' => 11,
            b'f' => 12,
            digit @ b'0'..=b'3' => {
                at += 2;
                (digit - b'0') * 64 + (inner[at - 2] - b'0') * 8 + (inner[at - 1] - b'0')
            }
            other => other,
        });
    }
    out
}

/// What the sections make of a base, by the origin of each line alone.
pub(crate) fn meaning(base: &Base, sections: &[Section]) -> Changes {
    let mut changes = Changes::new();
    for section in sections
        .iter()
        .filter(|s| matches!(s.op, Op::Delete | Op::Rename))
    {
        changes.insert(section.old_path.clone(), None);
    }
    for section in sections.iter().filter(|s| s.op != Op::Delete) {
        let old = base.get(&section.old_path).filter(|_| section.op != Op::Create);
        let state = State {
            mode: section.new_mode.or(old.map(|o| o.mode)).unwrap_or(0o100_644),
            bytes: content(old.map_or(&[][..], |o| &o.bytes), &section.hunks),
        };
        changes.insert(section.new_path.clone(), Some(state));
    }
    changes.retain(|path, state| base.get(path) != state.as_ref());
    changes
}

/// One file's content. Hunks that were made senseless (twice, for another base) give some content, never the right one.
pub(crate) fn content(base: &[u8], hunks: &[Hunk]) -> Vec<u8> {
    let lines: Vec<&[u8]> = split(base);
    let mut sorted: Vec<&Hunk> = hunks.iter().collect();
    sorted.sort_by_key(|h| h.anchor);
    let mut out = Vec::new();
    let mut at = 0;
    let upto = |out: &mut Vec<u8>, at: usize, end: usize| {
        out.extend(lines.get(at..end).unwrap_or_default().concat())
    };
    for hunk in sorted {
        upto(&mut out, at, hunk.anchor);
        at = hunk.anchor.max(at);
        for line in &hunk.lines {
            match (line.side, line.origin) {
                (Side::Added, _) => out.extend_from_slice(&line.bytes),
                (Side::Context, Some(origin)) => {
                    upto(&mut out, at, origin + 1);
                    at = at.max(origin + 1);
                }
                (Side::Removed, Some(origin)) => {
                    upto(&mut out, at, origin);
                    at = at.max(origin + 1);
                }
                (Side::Context | Side::Removed, None) => {}
            }
        }
    }
    upto(&mut out, at, lines.len());
    out
}

pub(crate) fn split(content: &[u8]) -> Vec<&[u8]> {
    content.split_inclusive(|b| *b == b'\n').collect()
}

/// Writes sections as unified diffs.
pub(crate) fn render_diff(section: &Section, out: &mut Vec<u8>) {
    for header in &section.headers {
        out.extend_from_slice(header);
        out.push(b'\n');
    }
    for hunk in &section.hunks {
        match hunk.numbers {
            Some([a, b, c, d]) => out.extend_from_slice(format!("@@ -{a},{b} +{c},{d} @@\n").as_bytes()),
            None => out.extend_from_slice(b"@@ ... @@\n"),
        }
        for line in &hunk.lines {
            out.push(match line.side {
                Side::Context => b' ',
                Side::Removed => b'-',
                Side::Added => b'+',
            });
            out.extend_from_slice(&line.bytes);
            if !line.bytes.ends_with(b"\n") {
                out.extend_from_slice(b"\n\\ No newline at end of file\n");
            }
        }
    }
}
