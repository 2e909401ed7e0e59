//! Real changes, distorted; and what may come of each.
//!
//! A distortion works on the parsed sections, on the base, or on the text. What the distorted text *means* is
//! computed by `model::meaning` from where each line came from; that tree, or a refusal, is right. Some texts must
//! be refused. Where another tree comes out, it is explained or wrong:
//! - *twin*: every hunk lies where its old lines occur byte for byte, only not at its true place;
//! - *part*: the text was cut off, and the tree is that of a smaller whole (first sections, first groups of changed
//!   lines) that the rest of the text states;
//! - *line ends*: a CR that the transport took or added can't be known to have been there; the tree is right but for
//!   CRs before line feeds, and a warning says so.

use super::model::{Base, Changes, Format, Hunk, Line, Op, Section, Side, State, meaning, split};
use super::random::Random;
use super::render::{can_be_blocks, can_be_whole, render};
use countersign_core::diff::{ChangeKind, FileMode};
use countersign_core::path::RepoPath;
use countersign_git::{Files, Workbench};
use countersign_ports::trees::Applied;
use std::collections::BTreeMap;

/// One change to play with.
#[derive(Clone)]
pub(crate) struct Original {
    pub(crate) sections: Vec<Section>,
    pub(crate) base: Base,
}

/// What came of a distorted change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Right,
    Refused(&'static str),
    Twin,
    Part,
    LineEnds,
    Wrong(String),
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

struct Case {
    sections: Vec<Section>,
    base: Base,
    /// Nothing but a refusal is right.
    must_refuse: bool,
    /// A line of the base, by its file, that is another one now.
    changed: Option<(Vec<u8>, usize)>,
    cut: bool,
    line_ends: bool,
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
        other => other,
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
        Text::Trim => text.trim_ascii_end().to_vec(),
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

fn judge(case: &Case, text: &[u8], bench: &Workbench) -> Outcome {
    let bench = bench.fresh();
    let files: Files = case
        .base
        .iter()
        .map(|(path, state)| {
            (
                RepoPath::from_bytes(path.clone()),
                (file_mode(state.mode), state.bytes.clone()),
            )
        })
        .collect();
    let Ok(tree) = bench.tree(&files) else {
        return Outcome::Refused("(no such base)");
    };
    let applied = match bench.apply(&tree, text) {
        Err(error) => return Outcome::Wrong(format!("an error instead of a refusal: {error}")),
        Ok(Err(refusal)) => return Outcome::Refused(refusal.code),
        Ok(Ok(applied)) => applied,
    };
    let found = changes_of(&applied, &case.base);
    if expects_changed_line(case) {
        // Its true place is gone; it may still have found a twin.
        return match explained_by_twins(case, &found) {
            true => Outcome::Twin,
            false => Outcome::Wrong("a changed line was not seen".to_owned()),
        };
    }
    let wanted = meaning(&case.base, &case.sections);
    let as_blocks = meaning(&case.base, &with_shared_lines(&case.sections));
    if !case.must_refuse && (found == wanted || found == as_blocks) {
        return Outcome::Right;
    }
    let told = bare(&found) == bare(&wanted) && tells_line_ends(&applied);
    if case.line_ends
        && !case.must_refuse
        && (told || found == meaning(&case.base, &without_cr(&case.sections)))
    {
        return Outcome::LineEnds;
    }
    if case.cut && is_part(case, &found) {
        return Outcome::Part;
    }
    if explained_by_twins(case, &found) {
        return Outcome::Twin;
    }
    let must = if case.must_refuse {
        " (it must be refused)"
    } else {
        ""
    };
    Outcome::Wrong(format!(
        "another tree{must}:\n{}",
        String::from_utf8_lossy(&applied.canonical)
    ))
}

pub(crate) fn file_mode(mode: u32) -> FileMode {
    match mode {
        0o100_755 => FileMode::Executable,
        0o120_000 => FileMode::Symlink,
        0o160_000 => FileMode::Submodule,
        _ => FileMode::Regular,
    }
}

/// What the applied change did, read off its tree.
fn changes_of(applied: &Applied, base: &Base) -> Changes {
    let mut changes = Changes::new();
    let octal = |mode: FileMode| u32::from_str_radix(mode.octal(), 8).expect("octal");
    for file in &applied.diff.files {
        match &file.change {
            ChangeKind::Deleted { old } | ChangeKind::Renamed { old, .. } => {
                changes.entry(old.path.as_bytes().to_vec()).or_insert(None);
            }
            ChangeKind::Added { .. } | ChangeKind::Modified { .. } => {}
        }
        let Some(new) = file.new_side() else { continue };
        let bytes = match new.mode {
            FileMode::Symlink => file.symlink_target.clone().unwrap_or_default().into_bytes(),
            FileMode::Regular | FileMode::Executable | FileMode::Submodule => {
                applied.contents[&new.path].clone()
            }
        };
        let state = State {
            mode: octal(new.mode),
            bytes,
        };
        changes.insert(new.path.as_bytes().to_vec(), Some(state));
    }
    changes.retain(|path, state| base.get(path) != state.as_ref());
    changes
}

/// Whether some hunk still expects the line that is another one now.
fn expects_changed_line(case: &Case) -> bool {
    let Some((path, line)) = &case.changed else {
        return false;
    };
    let users = case
        .sections
        .iter()
        .filter(|s| s.old_path == *path && s.op != Op::Create);
    users
        .flat_map(|s| &s.hunks)
        .flat_map(|h| &h.lines)
        .any(|l| l.origin == Some(*line))
}

/// Without any CR before a line feed.
fn bare(changes: &Changes) -> Changes {
    let strip = |bytes: &[u8]| {
        let lines = bytes.split(|b| *b == b'\n').map(|l| {
            let end = l.iter().rposition(|b| *b != b'\r').map_or(0, |i| i + 1);
            &l[..end]
        });
        lines.collect::<Vec<_>>().join(&b'\n')
    };
    let state = |s: &State| State {
        mode: s.mode,
        bytes: strip(&s.bytes),
    };
    changes
        .iter()
        .map(|(p, s)| (p.clone(), s.as_ref().map(state)))
        .collect()
}

/// Blocks state both sides whole: what these begin and end with is unchanged, also where a distortion made it so.
fn with_shared_lines(sections: &[Section]) -> Vec<Section> {
    let mut sections = sections.to_vec();
    for section in sections.iter_mut().filter(|s| s.format == Format::Blocks) {
        section.hunks.iter_mut().for_each(share_lines);
    }
    sections
}

fn share_lines(hunk: &mut Hunk) {
    let side = |not: Side| {
        hunk.lines
            .iter()
            .filter(move |l| l.side != not)
            .cloned()
            .collect::<Vec<Line>>()
    };
    let (old, new) = (side(Side::Added), side(Side::Removed));
    let same = |pair: &(&Line, &Line)| pair.0.bytes == pair.1.bytes;
    let lead = old.iter().zip(&new).take_while(same).count();
    let trail = old[lead..]
        .iter()
        .rev()
        .zip(new[lead..].iter().rev())
        .take_while(same)
        .count();
    let dressed = |lines: &[Line], side: Side| {
        let origin = |l: &Line| if side == Side::Added { None } else { l.origin };
        lines
            .iter()
            .map(|l| Line {
                side,
                bytes: l.bytes.clone(),
                origin: origin(l),
            })
            .collect::<Vec<Line>>()
    };
    hunk.lines = [
        dressed(&old[..lead], Side::Context),
        dressed(&old[lead..old.len() - trail], Side::Removed),
        dressed(&new[lead..new.len() - trail], Side::Added),
        dressed(&old[old.len() - trail..], Side::Context),
    ]
    .concat();
}

/// What the text says where its added lines have lost their CR.
fn without_cr(sections: &[Section]) -> Vec<Section> {
    let mut sections = sections.to_vec();
    for line in sections
        .iter_mut()
        .flat_map(|s| &mut s.hunks)
        .flat_map(|h| &mut h.lines)
    {
        if let Some(text) = line
            .bytes
            .strip_suffix(b"\r\n")
            .filter(|_| line.side == Side::Added)
        {
            line.bytes = [text, b"\n"].concat();
        }
    }
    sections
}

fn tells_line_ends(applied: &Applied) -> bool {
    let codes = ["crlf-transport", "line-ends-restored", "line-ends-changed"];
    applied.warnings.iter().any(|w| codes.contains(&w.code))
}

/// Whether a tree is that of the first sections and, of one more, the first groups of changed lines.
fn is_part(case: &Case, found: &Changes) -> bool {
    (0..=case.sections.len()).any(|whole| {
        let mut sections = case.sections[..whole].to_vec();
        if *found == meaning(&case.base, &sections) {
            return true;
        }
        let Some(next) = case.sections.get(whole).filter(|s| s.format != Format::Whole) else {
            return false;
        };
        // Without counts, and without context to wait for, nothing tells a cut between two lines.
        let bare =
            |h: &&Hunk| h.numbers.is_none() && (h.lines[0].side != Side::Context || next.op == Op::Create);
        let cut_lines = next
            .hunks
            .iter()
            .enumerate()
            .filter(|(_, h)| bare(h))
            .any(|(i, hunk)| {
                (1..hunk.lines.len()).any(|keep| {
                    let mut part = next.clone();
                    part.hunks.truncate(i + 1);
                    part.hunks[i].lines.truncate(keep);
                    let part = [&case.sections[..whole], &[part]].concat();
                    *found == meaning(&case.base, &part)
                })
            });
        if cut_lines {
            return true;
        }
        let groups = groups_of(&next.hunks);
        (0..groups).any(|keep| {
            let mut part = next.clone();
            part.hunks = first_groups(&next.hunks, keep);
            sections.truncate(whole);
            sections.push(part);
            *found == meaning(&case.base, &sections)
        })
    })
}

/// How many runs of changed lines there are.
fn groups_of(hunks: &[Hunk]) -> usize {
    let starts = |h: &Hunk| {
        (0..h.lines.len())
            .filter(|i| {
                h.lines[*i].side != Side::Context && (*i == 0 || h.lines[*i - 1].side == Side::Context)
            })
            .count()
    };
    hunks.iter().map(starts).sum()
}

fn first_groups(hunks: &[Hunk], keep: usize) -> Vec<Hunk> {
    let mut seen = 0;
    let mut kept = Vec::new();
    for hunk in hunks {
        let mut part = Hunk {
            lines: Vec::new(),
            ..hunk.clone()
        };
        for (i, line) in hunk.lines.iter().enumerate() {
            let starts = line.side != Side::Context && (i == 0 || hunk.lines[i - 1].side == Side::Context);
            seen += usize::from(starts);
            if seen > keep {
                break;
            }
            part.lines.push(line.clone());
        }
        kept.push(part);
        if seen > keep {
            break;
        }
    }
    kept
}

/// Whether every file came out as if each of its hunks lay where its old lines occur exactly.
fn explained_by_twins(case: &Case, found: &Changes) -> bool {
    let mut targets: BTreeMap<&[u8], usize> = BTreeMap::new();
    for section in &case.sections {
        *targets.entry(&section.new_path).or_default() += 1;
    }
    if case.must_refuse || targets.values().any(|n| *n > 1) {
        return false;
    }
    let wanted = meaning(&case.base, &case.sections);
    let differing = |path: &Vec<u8>| found.get(path) != wanted.get(path);
    let paths: Vec<&Vec<u8>> = found
        .keys()
        .chain(wanted.keys())
        .filter(|p| differing(p))
        .collect();
    paths.iter().all(|path| {
        let Some(section) = case
            .sections
            .iter()
            .find(|s| s.new_path == **path && s.op != Op::Delete)
        else {
            return false;
        };
        let base = case
            .base
            .get(&section.old_path)
            .filter(|_| section.op != Op::Create);
        let base = base.map_or(&[][..], |s| &s.bytes);
        let result = match found.get(*path) {
            Some(Some(state)) => &state.bytes,
            Some(None) => return false,
            None => base,
        };
        section.format != Format::Whole && fits_somewhere(&split(base), &section.hunks, result)
    })
}

fn fits_somewhere(lines: &[&[u8]], hunks: &[Hunk], result: &[u8]) -> bool {
    let Some((hunk, rest)) = hunks.split_first() else {
        return lines.concat() == result;
    };
    let old: Vec<&[u8]> = hunk
        .lines
        .iter()
        .filter(|l| l.side != Side::Added)
        .map(|l| &l.bytes[..])
        .collect();
    let new: Vec<u8> = hunk
        .lines
        .iter()
        .filter(|l| l.side != Side::Removed)
        .flat_map(|l| l.bytes.clone())
        .collect();
    let mut before = 0;
    for at in 0..=lines.len().saturating_sub(old.len()) {
        if result.get(..before) != Some(&lines[..at].concat()[..]) {
            return false;
        }
        let tail = result.get(before..).and_then(|r| r.strip_prefix(&new[..]));
        if let Some(tail) = tail.filter(|_| lines.get(at..at + old.len()) == Some(&old[..])) {
            if fits_somewhere(&lines[at + old.len()..], rest, tail) {
                return true;
            }
        }
        before += lines.get(at).map_or(0, |l| l.len());
    }
    false
}

/// Whether the model itself gets the undistorted change right; otherwise it may not judge.
pub(crate) fn understands(original: &Original, truth: &Changes) -> bool {
    let mut truth = truth.clone();
    truth.retain(|path, state| original.base.get(path) != state.as_ref());
    meaning(&original.base, &original.sections) == truth
}
