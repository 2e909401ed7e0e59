//! Real changes, distorted: on the parsed sections, on the base, or on the text. `judge` says what may come of it.

use super::judge::{Outcome, judge};
use super::model::{Base, Format, Hunk, Line, Op, Section, Side, split};
use super::random::Random;
use super::render::{can_be_blocks, can_be_whole, render};
use countersign_git::Workbench;

/// One change to play with.
#[derive(Clone)]
pub(crate) struct Original {
    pub(crate) sections: Vec<Section>,
    pub(crate) base: Base,
}

const KINDS: [&str; 30] = [
    "nothing",
    "numbers",
    "counts",
    "no numbers",
    "shuffled",
    "twice",
    "less context",
    "less context, old header",
    "made-up context",
    "made-up removal",
    "lost headers",
    "base moved",
    "base changed inside",
    "hostile path",
    "trailing blanks",
    "all trailing blanks",
    "tabs to spaces",
    "prose and fences",
    "crlf",
    "crlf once",
    "no cr",
    "blank context trimmed",
    "cut at a byte",
    "cut at a line",
    "trimmed",
    "lost line",
    "no newline marks",
    "quoted",
    "section twice",
    "two formats",
];

/// Paths that nothing may be written to.
const HOSTILE: [&str; 16] = [
    "../x",
    "a/../../x",
    "/etc/passwd",
    ".git/config",
    ".git/hooks/pre-commit",
    "a/.git/x",
    ".GIT/config",
    "git~1/x",
    ".git./x",
    "a//b",
    "./a",
    "a/./b",
    "a\\b",
    "..",
    ".git\u{200c}/x",
    ".git::$INDEX_ALLOCATION/x",
];

/// A change while it is being distorted.
pub(crate) struct Case {
    pub(crate) sections: Vec<Section>,
    pub(crate) base: Base,
    /// Nothing but a refusal is right.
    pub(crate) must_refuse: bool,
    /// A line of the base, by its file, that is another one now.
    pub(crate) changed: Option<(Vec<u8>, usize)>,
    pub(crate) cut: bool,
    pub(crate) line_ends: bool,
    text: Vec<Text>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Text {
    Prose,
    Crlf,
    CrlfOnce,
    NoCr,
    TrimBlankContext,
    CutByte,
    CutLine,
    Trim,
    LoseLine,
    Quote,
}

/// Distorts a change by a seed and applies it; gives the kinds of distortion and the outcome.
pub(crate) fn try_one(original: &Original, seed: u64, bench: &Workbench) -> (String, Outcome) {
    let mut random = Random::new(seed);
    let mut case = Case {
        sections: original.sections.clone(),
        base: original.base.clone(),
        must_refuse: false,
        changed: None,
        cut: false,
        line_ends: false,
        text: Vec::new(),
    };
    choose_formats(&mut case, &mut random);
    lose_ids(&mut case, &mut random);
    let mut kinds: Vec<&str> = vec![*random.pick(&KINDS)];
    if random.chance(30) {
        kinds.push(*random.pick(&KINDS));
    }
    for kind in &kinds {
        distort(&mut case, kind, &mut random);
    }
    let mut text = render(&case.sections, &case.base, &mut random);
    // What is cut off is cut off last, on the way: nobody closes a fence behind it.
    case.text
        .sort_by_key(|t| matches!(t, Text::CutByte | Text::CutLine));
    for step in case.text.clone() {
        text = rewrite(text, step, &mut random, &mut case);
    }
    let outcome = judge(&case, &text, bench);
    let formats = ["diff", "blocks", "whole"];
    let has = |f: Format| case.sections.iter().any(|s| s.format == f);
    let used = [has(Format::Diff), has(Format::Blocks), has(Format::Whole)];
    let names: Vec<&str> = formats
        .iter()
        .zip(used)
        .filter(|(_, u)| *u)
        .map(|(n, _)| *n)
        .collect();
    let outcome = match outcome {
        Outcome::Wrong(why) => Outcome::Wrong(format!(
            "{why}\nseed {seed}, {kinds:?}\n--- the text:\n{}",
            String::from_utf8_lossy(&text)
        )),
        other
        @ (Outcome::Right | Outcome::Refused(_) | Outcome::Twin | Outcome::Part | Outcome::LineEnds) => other,
    };
    (format!("{} [{}]", kinds.join(" + "), names.join(", ")), outcome)
}

fn choose_formats(case: &mut Case, random: &mut Random) {
    let style = random.below(4);
    for section in &mut case.sections {
        let wanted = match style {
            0 | 1 => Format::Diff,
            2 => Format::Blocks,
            _ => *random.pick(&[Format::Diff, Format::Blocks, Format::Whole]),
        };
        section.format = match wanted {
            Format::Blocks if can_be_blocks(section) => Format::Blocks,
            Format::Whole if can_be_whole(section, &case.base) => Format::Whole,
            Format::Diff | Format::Blocks | Format::Whole => Format::Diff,
        };
    }
}

/// Full blob ids prove every result, so most texts lose them.
fn lose_ids(case: &mut Case, random: &mut Random) {
    let how = random.below(10);
    for header in case.sections.iter_mut().flat_map(|s| &mut s.headers) {
        if header.starts_with(b"index ") && how == 8 {
            let text = String::from_utf8_lossy(header).into_owned();
            *header = format!("index {}..{}", &text[6..14], &text[48..56]).into_bytes();
        }
    }
    if how < 8 {
        for section in &mut case.sections {
            section.headers.retain(|h| !h.starts_with(b"index "));
        }
    }
}

fn any_hunk<'c>(case: &'c mut Case, random: &mut Random) -> Option<(&'c mut Section, usize)> {
    let with: Vec<usize> = (0..case.sections.len())
        .filter(|i| !case.sections[*i].hunks.is_empty())
        .collect();
    let section = &mut case.sections[*with.get(random.below(with.len().max(1)))?];
    let hunk = random.below(section.hunks.len());
    Some((section, hunk))
}

fn distort(case: &mut Case, kind: &str, random: &mut Random) {
    match kind {
        "numbers" => {
            for hunk in case.sections.iter_mut().flat_map(|s| &mut s.hunks) {
                let by = random.below(9) as isize - 4;
                if let Some(n) = &mut hunk.numbers {
                    n[0] = n[0].saturating_add_signed(by);
                    n[2] = if random.chance(50) {
                        n[2].saturating_add_signed(by)
                    } else {
                        random.below(500)
                    };
                }
            }
        }
        "counts" => {
            for hunk in case.sections.iter_mut().flat_map(|s| &mut s.hunks) {
                if let Some(n) = hunk.numbers.as_mut().filter(|_| random.chance(60)) {
                    let which = 1 + 2 * random.below(2);
                    n[which] = n[which].saturating_add_signed(random.below(7) as isize - 3);
                }
            }
        }
        "no numbers" => case
            .sections
            .iter_mut()
            .flat_map(|s| &mut s.hunks)
            .for_each(|h| h.numbers = None),
        "shuffled" => {
            if let Some((section, at)) = any_hunk(case, random) {
                section.hunks.swap(0, at);
            }
        }
        "twice" => {
            if let Some((section, at)) = any_hunk(case, random) {
                let again = section.hunks[at].clone();
                let changes = again.lines.iter().any(|l| l.side != Side::Context);
                section.hunks.insert(at, again);
                let whole = section.format == Format::Whole;
                case.must_refuse |= changes && !whole;
                if whole {
                    undo(case);
                }
            }
        }
        "less context" | "less context, old header" => {
            let honest = kind == "less context";
            for hunk in case.sections.iter_mut().flat_map(|s| &mut s.hunks) {
                drop_context(hunk, honest, random);
            }
        }
        "made-up context" | "made-up removal" => made_up(case, kind == "made-up removal", random),
        "lost headers" => {
            for section in &mut case.sections {
                let word = *random.pick(&["diff --git ", "index ", "similarity "]);
                section.headers.retain(|h| !h.starts_with(word.as_bytes()));
            }
        }
        "base moved" => move_base(case, random, false),
        "base changed inside" => move_base(case, random, true),
        "hostile path" => hostile(case, random),
        "trailing blanks" | "all trailing blanks" | "tabs to spaces" => damage_whitespace(case, kind, random),
        "prose and fences" => case.text.push(Text::Prose),
        "crlf" => case.text.push(Text::Crlf),
        "crlf once" => case.text.push(Text::CrlfOnce),
        "no cr" => case.text.push(Text::NoCr),
        "blank context trimmed" => case.text.push(Text::TrimBlankContext),
        "cut at a byte" => case.text.push(Text::CutByte),
        "cut at a line" => case.text.push(Text::CutLine),
        "trimmed" => case.text.push(Text::Trim),
        "lost line" => case.text.push(Text::LoseLine),
        "quoted" => case.text.push(Text::Quote),
        "no newline marks" => {
            for line in case
                .sections
                .iter_mut()
                .flat_map(|s| &mut s.hunks)
                .flat_map(|h| &mut h.lines)
            {
                if !line.bytes.ends_with(b"\n") {
                    line.bytes.push(b'\n');
                }
            }
        }
        "section twice" => {
            let at = random.below(case.sections.len());
            let again = case.sections[at].clone();
            case.must_refuse |= again.format != Format::Blocks || !again.hunks.is_empty();
            case.sections.push(again);
        }
        "two formats" => two_formats(case, random),
        _ => {}
    }
}

/// A distortion that the format can't show: leaves a plain case behind.
fn undo(case: &mut Case) {
    for section in &mut case.sections {
        section.hunks.dedup();
    }
}

fn drop_context(hunk: &mut Hunk, honest: bool, random: &mut Random) {
    let real = |l: &&Line| l.side == Side::Context && l.origin.is_some();
    let lead = hunk.lines.iter().take_while(real).count();
    let trail = hunk.lines.iter().rev().take_while(real).count();
    if lead == hunk.lines.len() {
        return;
    }
    let (front, back) = (random.below(lead + 1), random.below(trail + 1));
    hunk.lines.truncate(hunk.lines.len() - back);
    hunk.lines.drain(..front);
    hunk.anchor += front;
    let old = hunk.lines.iter().filter(|l| l.side != Side::Added).count();
    if let Some(n) = hunk.numbers.as_mut().filter(|_| honest) {
        *n = [
            n[0] + front - usize::from(old == 0 && n[1] > 0),
            n[1] - front - back,
            n[2] + front,
            n[3] - front - back,
        ];
    }
}

fn made_up(case: &mut Case, removal: bool, random: &mut Random) {
    let Some((section, at)) = any_hunk(case, random) else {
        return;
    };
    if section.format == Format::Whole {
        return;
    }
    let hunk = &mut section.hunks[at];
    let line = Line {
        side: if removal { Side::Removed } else { Side::Context },
        bytes: b"made up, nowhere in any file \x01\n".to_vec(),
        origin: None,
    };
    let place = random.below(hunk.lines.len());
    hunk.lines.insert(place, line);
    if let Some(n) = &mut hunk.numbers {
        n[1] += 1;
        n[3] += usize::from(!removal);
    }
    case.must_refuse = true;
}

/// Lines come, go or change in the base. Outside of all hunks the change still means the same; inside it doesn't.
fn move_base(case: &mut Case, random: &mut Random, inside: bool) {
    let Some((section, at)) = any_hunk(case, random) else {
        return;
    };
    if matches!(section.op, Op::Create) || section.format == Format::Whole {
        return;
    }
    let path = section.old_path.clone();
    let old_lines: Vec<usize> = section.hunks[at].lines.iter().filter_map(|l| l.origin).collect();
    let Some(state) = case.base.get_mut(&path) else {
        return;
    };
    let mut lines: Vec<Vec<u8>> = split(&state.bytes).into_iter().map(<[u8]>::to_vec).collect();
    let users: Vec<&mut Section> = case
        .sections
        .iter_mut()
        .filter(|s| s.old_path == path && s.op != Op::Create)
        .collect();
    if users.iter().any(|s| s.op == Op::Delete) {
        return;
    }
    if inside {
        let Some(line) = old_lines.get(random.below(old_lines.len().max(1))) else {
            return;
        };
        lines[*line] = b"changed meanwhile\n".to_vec();
        let line = *line;
        state.bytes = lines.concat();
        case.changed = Some((path, line));
        return;
    }
    let taken: Vec<(usize, usize)> = users
        .iter()
        .flat_map(|s| &s.hunks)
        .map(|h| {
            (
                h.anchor,
                h.anchor + h.lines.iter().filter(|l| l.side != Side::Added).count(),
            )
        })
        .collect();
    let free: Vec<usize> = (0..=lines.len())
        .filter(|i| taken.iter().all(|(a, b)| i <= a || i >= b))
        .collect();
    let spot = *random.pick(&free);
    if spot == lines.len() && lines.last().is_some_and(|l| !l.ends_with(b"\n")) {
        return;
    }
    let count = 1 + random.below(6);
    let new: Vec<Vec<u8>> = (0..count)
        .map(|i| match random.chance(50) && !lines.is_empty() {
            true => [lines[random.below(lines.len())].trim_ascii_end(), b"\n"].concat(),
            false => format!("came meanwhile {i}\n").into_bytes(),
        })
        .collect();
    lines.splice(spot..spot, new);
    state.bytes = lines.concat();
    for section in users {
        for hunk in &mut section.hunks {
            // At a border it can only come before the hunk, or what it inserts would have two places.
            let shift = |i: usize| if i >= spot { i + count } else { i };
            let is_empty = hunk.lines.iter().all(|l| l.origin.is_none());
            hunk.anchor = if is_empty && hunk.anchor == spot {
                spot
            } else {
                shift(hunk.anchor)
            };
            for line in &mut hunk.lines {
                line.origin = line.origin.map(shift);
            }
        }
        section.headers.retain(|h| !h.starts_with(b"index "));
    }
}

fn hostile(case: &mut Case, random: &mut Random) {
    let at = random.below(case.sections.len());
    let section = &mut case.sections[at];
    let path = random.pick(&HOSTILE).as_bytes();
    if path == b".." || path.iter().any(|b| b"\\:".contains(b)) {
        // As a line above a fence it would be words, not a path.
        section.format = Format::Diff;
    }
    let old = section.new_path.clone();
    let quoted = |bytes: &[u8]| countersign_core::path::quote(bytes).into_bytes();
    section.headers = match section.op {
        Op::Rename | Op::Copy => section
            .headers
            .iter()
            .filter(|h| !h.starts_with(b"+++ ") && !h.starts_with(b"--- ") && !h.starts_with(b"diff --git "))
            .map(|h| {
                match h
                    .strip_prefix(b"rename to ")
                    .map(|_| &b"rename to "[..])
                    .or(h.strip_prefix(b"copy to ").map(|_| &b"copy to "[..]))
                {
                    Some(word) => [word, &quoted(path)].concat(),
                    None => h.clone(),
                }
            })
            .collect(),
        Op::Modify | Op::Create | Op::Delete => {
            let renamed = |prefix: &[u8]| quoted(&[prefix, path].concat());
            let mut headers = vec![[b"diff --git ", &renamed(b"a/")[..], b" ", &renamed(b"b/")].concat()];
            headers.extend(section.headers.iter().skip(1).map(|h| match () {
                () if h.starts_with(b"--- a/") || h.starts_with(b"--- \"a/") => {
                    [b"--- ", &renamed(b"a/")[..]].concat()
                }
                () if h.starts_with(b"+++ b/") || h.starts_with(b"+++ \"b/") => {
                    [b"+++ ", &renamed(b"b/")[..]].concat()
                }
                () => h.clone(),
            }));
            headers
        }
    };
    section.new_path = path.to_vec();
    if matches!(section.op, Op::Modify | Op::Delete) {
        section.old_path = path.to_vec();
        let state = case.base.get(&old).cloned();
        // The content is there for the taking, but under a name that may not be used.
        if let (Some(state), Format::Blocks | Format::Diff) = (state, section.format) {
            case.base.entry(b"decoy".to_vec()).or_insert(state);
        }
    }
    case.must_refuse = true;
}

fn damage_whitespace(case: &mut Case, kind: &str, random: &mut Random) {
    let all = kind == "all trailing blanks";
    for hunk in case
        .sections
        .iter_mut()
        .filter(|s| s.format != Format::Whole)
        .flat_map(|s| &mut s.hunks)
    {
        for line in &mut hunk.lines {
            let end = line
                .bytes
                .iter()
                .rev()
                .take_while(|b| matches!(b, b'\r' | b'\n'))
                .count();
            let (text, end) = line.bytes.split_at(line.bytes.len() - end);
            let new = match kind {
                "tabs to spaces" => String::from_utf8_lossy(text).replace('\t', "    ").into_bytes(),
                _ if all => text.trim_ascii_end().to_vec(),
                _ if random.chance(20) && line.side != Side::Added => [text, &b"  "[..]].concat(),
                _ => text.to_vec(),
            };
            if kind == "tabs to spaces" && std::str::from_utf8(text).is_err() {
                continue;
            }
            line.bytes = [&new[..], end].concat();
        }
    }
    for section in case.sections.iter_mut().filter(|s| s.op == Op::Delete) {
        section.headers.retain(|h| !h.starts_with(b"index "));
    }
}

/// The same file once more, in another format.
fn two_formats(case: &mut Case, random: &mut Random) {
    let fit: Vec<usize> = (0..case.sections.len())
        .filter(|i| can_be_whole(&case.sections[*i], &case.base))
        .collect();
    let Some(at) = fit.get(random.below(fit.len().max(1))) else {
        return;
    };
    let mut again = case.sections[*at].clone();
    again.format = match again.format {
        Format::Diff | Format::Blocks => Format::Whole,
        Format::Whole => Format::Diff,
    };
    case.sections.push(again);
    case.must_refuse = true;
}

fn rewrite(text: Vec<u8>, step: Text, random: &mut Random, case: &mut Case) -> Vec<u8> {
    let lines: Vec<&[u8]> = split(&text);
    let all_diffs = case.sections.iter().all(|s| s.format == Format::Diff);
    match step {
        Text::CutByte | Text::CutLine if case.must_refuse => text.clone(),
        Text::Prose => {
            let fence = if lines
                .iter()
                .any(|l| l.starts_with(b"```") || l.starts_with(b"~~~"))
            {
                ""
            } else {
                "```diff\n"
            };
            let close = if fence.is_empty() { "" } else { "```\n" };
            let end = if text.ends_with(b"\n") { "" } else { "\n" };
            let head = format!("Here is the change:\n\n- it is small\n+ and good\n\n{fence}");
            [
                head.as_bytes(),
                &text,
                end.as_bytes(),
                close.as_bytes(),
                b"\nNotes:\n- index of things\n+ more\n",
            ]
            .concat()
        }
        Text::Crlf => {
            case.line_ends = true;
            text.split(|b| *b == b'\n').collect::<Vec<_>>().join(&b"\r\n"[..])
        }
        Text::CrlfOnce => {
            case.line_ends = true;
            let once = lines.iter().map(|l| match l.strip_suffix(b"\n") {
                Some(t) if !t.ends_with(b"\r") => [t, b"\r\n"].concat(),
                _ => l.to_vec(),
            });
            once.flatten().collect()
        }
        Text::NoCr => {
            case.line_ends = true;
            lines
                .iter()
                .map(|l| {
                    l.strip_suffix(b"\r\n")
                        .map_or(l.to_vec(), |t| [t, b"\n"].concat())
                })
                .collect::<Vec<_>>()
                .concat()
        }
        Text::TrimBlankContext if !all_diffs => text.clone(),
        Text::TrimBlankContext => lines
            .iter()
            .map(|l| {
                if l.trim_ascii().is_empty() && l.starts_with(b" ") {
                    &b"\n"[..]
                } else {
                    l
                }
            })
            .collect::<Vec<_>>()
            .concat(),
        Text::CutByte => {
            case.cut = true;
            text[..random.below(text.len().max(1))].to_vec()
        }
        Text::CutLine => {
            case.cut = true;
            lines[..random.below(lines.len().max(1))].concat()
        }
        Text::Trim => {
            let used = text
                .iter()
                .rposition(|b| !b" \t\n".contains(b))
                .map_or(0, |i| i + 1);
            text[..used].to_vec()
        }
        Text::LoseLine => lose_line(&lines, random, case),
        Text::Quote => {
            case.must_refuse = true;
            lines
                .iter()
                .map(|l| [b"> ", *l].concat())
                .collect::<Vec<_>>()
                .concat()
        }
    }
}

/// One line of context or removal is lost on the way; what is left may mean only what it meant before.
fn lose_line(lines: &[&[u8]], random: &mut Random, case: &mut Case) -> Vec<u8> {
    if case.sections.iter().any(|s| s.format != Format::Diff) {
        return lines.concat();
    }
    // Without numbers nothing tells that the line behind a lone line of context was another one.
    let mut numbered = false;
    let mut counted = |l: &[u8]| {
        if l.starts_with(b"@@") {
            numbered = !l.starts_with(b"@@ .");
        }
        numbered && l.starts_with(b" ") && !l.starts_with(b" made up")
    };
    let context: Vec<usize> = (0..lines.len()).filter(|i| counted(lines[*i])).collect();
    let Some(lost) = context.get(random.below(context.len().max(1))) else {
        return lines.concat();
    };
    lines
        .iter()
        .enumerate()
        .filter(|(i, _)| i != lost)
        .flat_map(|(_, l)| l.to_vec())
        .collect()
}
