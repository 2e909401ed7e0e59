//! The body of one hunk: where it ends, when the counts in its header may be right, wrong or missing.
//!
//! Counts that fit exactly are believed. Otherwise the body goes on for as long as lines look like it, and
//! whatever could be read in two ways is refused. It must never drop a line that may be content.

use super::{Hunk, HunkLine, ReadError, Side, refuse};

/// What a `@@` line says: the old start (from 1) and both counts, if they can be read.
struct Stated {
    old_start: usize,
    old_count: usize,
    new_count: usize,
}

/// Reads the hunk whose `@@` line is `lines[at]`; also gives the index of the first line behind it.
pub(super) fn read_hunk(lines: &[&[u8]], at: usize) -> Result<(Hunk, usize), ReadError> {
    let stated = parse_numbers(lines[at]);
    let exact = match &stated {
        Some(stated) => read_by_counts(lines, at + 1, stated)?,
        None => None,
    };
    let (body, next) = match exact {
        Some(found) => found,
        None => read_by_looks(lines, at + 1)?,
    };
    if body.is_empty() {
        return refuse(
            "empty-hunk",
            at + 1,
            "This hunk has no lines. Give its context and changes.",
        );
    }
    check_newline_marks(&body, at + 1)?;
    if let Some(stated) = &stated {
        refuse_cut(stated, &body, &lines[next..], at + 1)?;
    }
    let old_index = stated.as_ref().and_then(|stated| stated_index(stated, &body));
    Ok((
        Hunk {
            old_index,
            numbered: stated.is_some(),
            lines: body,
            open_end: stated.is_none() && lines[next..].iter().all(|l| is_blank(l) || is_dashes(l)),
            line: at + 1,
        },
        next,
    ))
}

/// The stated place, in a header whose counts are true: a header with other counts was made for other lines.
/// `-N,0` means "after line N".
fn stated_index(stated: &Stated, body: &[HunkLine]) -> Option<usize> {
    if counts(body) != (stated.old_count, stated.new_count) {
        return None;
    }
    match stated.old_count {
        0 => Some(stated.old_start),
        _ => stated.old_start.checked_sub(1),
    }
}

/// How many lines the old and the new side have.
fn counts(body: &[HunkLine]) -> (usize, usize) {
    let old = body.iter().filter(|l| l.side != Side::Added).count();
    let new = body.iter().filter(|l| l.side != Side::Removed).count();
    (old, new)
}

/// The input ends in a hunk that promises more lines than came. Counts are often wrong, so the hunk is taken
/// where it looks whole: as much context behind the changes as before them, and as many old lines missing as
/// new ones. Anything else may be the first half of a change.
fn refuse_cut(stated: &Stated, body: &[HunkLine], behind: &[&[u8]], line: usize) -> Result<(), ReadError> {
    let (old, new) = counts(body);
    let more = old <= stated.old_count
        && new <= stated.new_count
        && (old, new) != (stated.old_count, stated.new_count);
    if !more || !behind.iter().all(|l| is_blank(l) || is_dashes(l)) {
        return Ok(());
    }
    let context =
        |side: &mut dyn Iterator<Item = &HunkLine>| side.take_while(|l| l.side == Side::Context).count();
    let (lead, trail) = (context(&mut body.iter()), context(&mut body.iter().rev()));
    let looks_whole = trail > 0 && trail >= lead && stated.old_count - old == stated.new_count - new;
    if looks_whole {
        return Ok(());
    }
    refuse(
        "hunk-cut",
        line,
        "The diff ends inside this hunk: its `@@` line promises more lines than follow. Give the rest, or correct \
         the counts.",
    )
}

fn parse_numbers(line: &[u8]) -> Option<Stated> {
    let text = std::str::from_utf8(line.get(2..)?.split(|b| *b == b'@').next()?).ok()?;
    let mut words = text.split_whitespace();
    let (old_start, old_count) = parse_range(words.next()?.strip_prefix('-')?)?;
    let (_, new_count) = parse_range(words.next()?.strip_prefix('+')?)?;
    Some(Stated {
        old_start,
        old_count,
        new_count,
    })
}

fn parse_range(text: &str) -> Option<(usize, usize)> {
    let (start, count) = text.split_once(',').unwrap_or((text, "1"));
    Some((start.parse().ok()?, count.parse().ok()?))
}

type Body = (Vec<HunkLine>, usize);

/// Takes exactly the stated number of lines; `None` when they don't end where a hunk can end.
fn read_by_counts(lines: &[&[u8]], start: usize, stated: &Stated) -> Result<Option<Body>, ReadError> {
    let (mut old, mut new) = (stated.old_count, stated.new_count);
    let mut body = Vec::new();
    let mut at = start;
    while old > 0 || new > 0 || lines.get(at).is_some_and(|l| is_newline_mark(l)) {
        let Some(line) = lines.get(at) else {
            return Ok(None);
        };
        if is_newline_mark(line) {
            if !drop_newline(&mut body) {
                return Ok(None);
            }
        } else {
            let Some(line) = body_line(line) else {
                return Ok(None);
            };
            let (takes_old, takes_new) = (line.side != Side::Added, line.side != Side::Removed);
            if (takes_old && old == 0) || (takes_new && new == 0) {
                return Ok(None);
            }
            old -= usize::from(takes_old);
            new -= usize::from(takes_new);
            body.push(line);
        }
        at += 1;
    }
    match lines.get(at) {
        Some(line) if looks_like_body(lines, at) && !line.is_empty() => return Ok(None),
        Some(_) | None => {}
    }
    refuse_content_behind(lines, at)?;
    Ok(Some((body, at)))
}

/// After blank lines, lines with `+` or `-` may be content that too small counts would cut off.
fn refuse_content_behind(lines: &[&[u8]], at: usize) -> Result<(), ReadError> {
    let first = lines.get(at).copied();
    if first.is_none_or(|l| !is_blank(l)) {
        return Ok(());
    }
    let mut i = at;
    while looks_like_body(lines, i) {
        if lines[i].starts_with(b"+") || lines[i].starts_with(b"-") {
            return refuse(
                "content-after-hunk",
                i + 1,
                "The counts say that the hunk has ended, and more changed lines follow. Correct the counts, or put \
                 the diff between ``` fences and text outside of them.",
            );
        }
        i += 1;
    }
    Ok(())
}

/// Takes lines for as long as they can only be the hunk's.
fn read_by_looks(lines: &[&[u8]], start: usize) -> Result<Body, ReadError> {
    let mut body = Vec::new();
    let mut at = start;
    while let Some(line) = lines.get(at) {
        if is_newline_mark(line) {
            if !drop_newline(&mut body) {
                return refuse(
                    "newline-mark",
                    at + 1,
                    "`\\ No newline` must follow a line of a hunk.",
                );
            }
            at += 1;
            continue;
        }
        if is_header_pair(lines, at) && !lines.get(at + 2).is_some_and(|l| l.starts_with(b"@@")) {
            return refuse(
                "ambiguous-header",
                at + 1,
                "This can be a file header or changed lines. Give the hunk correct counts in its `@@` line.",
            );
        }
        if is_blank(line) {
            let run = lines[at..].iter().take_while(|l| is_blank(l)).count();
            if !looks_like_body(lines, at + run) {
                break;
            }
            body.extend(lines[at..at + run].iter().filter_map(|l| body_line(l)));
            at += run;
            continue;
        }
        match body_line(line) {
            Some(line) if looks_like_body(lines, at) => body.push(line),
            Some(_) | None => break,
        }
        at += 1;
    }
    Ok((body, at))
}

fn body_line(line: &[u8]) -> Option<HunkLine> {
    let (side, content) = body_parts(line)?;
    let mut bytes = Vec::with_capacity(content.len() + 1);
    bytes.extend_from_slice(content);
    bytes.push(b'\n');
    Some(HunkLine { side, bytes })
}

/// A line's side and its content, if it can be one of a hunk.
fn body_parts(line: &[u8]) -> Option<(Side, &[u8])> {
    match line.first() {
        Some(b' ') => Some((Side::Context, &line[1..])),
        Some(b'-') => Some((Side::Removed, &line[1..])),
        Some(b'+') => Some((Side::Added, &line[1..])),
        None | Some(b'\r') if is_blank(line) => Some((Side::Context, line)),
        None | Some(_) => None,
    }
}

/// A context line that lost its leading space: nothing, or only the CR of a CRLF file.
fn is_blank(line: &[u8]) -> bool {
    line.is_empty() || line == b"\r"
}

fn is_newline_mark(line: &[u8]) -> bool {
    line.starts_with(b"\\ ")
}

/// `--- x` directly followed by `+++ y`.
pub(super) fn is_header_pair(lines: &[&[u8]], at: usize) -> bool {
    let begins = |i: usize, with: &[u8]| lines.get(i).is_some_and(|l| l.starts_with(with));
    begins(at, b"--- ") && begins(at + 1, b"+++ ")
}

/// `-- ` and then something that no hunk holds, as mail programs and `git format-patch` end a message.
fn is_signature(lines: &[&[u8]], at: usize) -> bool {
    is_dashes(lines[at])
        && lines
            .get(at + 1)
            .is_none_or(|l| body_parts(l).is_none() || is_blank(l))
}

fn is_dashes(line: &[u8]) -> bool {
    line == b"-- " || line == b"--" || line == b"-- \r"
}

fn looks_like_body(lines: &[&[u8]], at: usize) -> bool {
    let Some(line) = lines.get(at) else { return false };
    body_parts(line).is_some() && !is_header_pair(lines, at) && !is_signature(lines, at)
}

fn drop_newline(body: &mut [HunkLine]) -> bool {
    match body.last_mut() {
        Some(line) if line.bytes.last() == Some(&b'\n') => {
            line.bytes.pop();
            true
        }
        Some(_) | None => false,
    }
}

/// Only the last line of a side can lack its line feed.
fn check_newline_marks(body: &[HunkLine], line: usize) -> Result<(), ReadError> {
    for not_this in [Side::Added, Side::Removed] {
        let mut side = body.iter().rev().filter(|l| l.side != not_this);
        let _last = side.next();
        if side.any(|l| l.bytes.last() != Some(&b'\n')) {
            return refuse(
                "newline-mark",
                line,
                "`\\ No newline at end of file` can only follow the last line of a file's side in this hunk.",
            );
        }
    }
    Ok(())
}
