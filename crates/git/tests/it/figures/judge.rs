//! What came of a distorted change: right, refused, explained or wrong.
//!
//! What the distorted text *means* is computed by `model::meaning` from where each line came from; that tree, or a
//! refusal, is right. Some texts must be refused. Where another tree comes out, it is explained or wrong:
//! - *twin*: every hunk lies where its old lines occur byte for byte, only not at its true place;
//! - *part*: the text was cut off, and the tree is that of a smaller whole (first sections, first groups of changed
//!   lines) that the rest of the text states;
//! - *line ends*: a CR that the transport took or added can't be known to have been there; the tree is right but for
//!   CRs before line feeds, and a warning says so.

use super::distort::{Case, Original};
use super::model::{Base, Changes, Format, Hunk, Line, Op, Section, Side, State, meaning, split};
use countersign_core::diff::{ChangeKind, FileMode};
use countersign_core::path::RepoPath;
use countersign_git::{Files, Workbench};
use countersign_ports::trees::Applied;
use std::collections::BTreeMap;

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

pub(crate) fn judge(case: &Case, text: &[u8], bench: &Workbench) -> Outcome {
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
    if case.cut && !case.must_refuse && is_part(case, &found) {
        return Outcome::Part;
    }
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
    let told = bare(&found, &case.base) == bare(&wanted, &case.base) && tells_line_ends(&applied);
    if case.line_ends
        && !case.must_refuse
        && (told || found == meaning(&case.base, &without_cr(&case.sections)))
    {
        return Outcome::LineEnds;
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
        "another tree{must}:\n{}{}",
        String::from_utf8_lossy(&applied.canonical),
        first_difference(&found, &wanted)
    ))
}

fn file_mode(mode: u32) -> FileMode {
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

/// Where what came out leaves what was meant.
fn first_difference(found: &Changes, wanted: &Changes) -> String {
    let mut paths = found.keys().chain(wanted.keys());
    let Some(path) = paths.find(|p| found.get(*p) != wanted.get(*p)) else {
        return String::new();
    };
    let text = |of: &Changes| match of.get(path) {
        None => "unchanged".to_owned(),
        Some(None) => "no file".to_owned(),
        Some(Some(state)) => format!("{:o} {:?}", state.mode, String::from_utf8_lossy(&state.bytes)),
    };
    let (is, should) = (text(found), text(wanted));
    let at = is.chars().zip(should.chars()).take_while(|(a, b)| a == b).count();
    let part = |t: &str| t.chars().skip(at).take(80).collect::<String>();
    format!(
        "--- differs in {} at {at}: is {:?}, should be {:?}\n",
        String::from_utf8_lossy(path),
        part(&is),
        part(&should)
    )
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

/// Without any CR before a line feed; what changes nothing else changes nothing.
fn bare(changes: &Changes, base: &Base) -> Changes {
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
    let mut stripped: Changes = changes
        .iter()
        .map(|(p, s)| (p.clone(), s.as_ref().map(state)))
        .collect();
    stripped.retain(|path, new| base.get(path).map(state) != *new);
    stripped
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
        let first = &case.sections[..whole];
        let same = |wanted: Changes| match case.line_ends {
            true => bare(found, &case.base) == bare(&wanted, &case.base),
            false => *found == wanted,
        };
        let is = |more: &[Section]| same(meaning(&case.base, &[first, more].concat()));
        let next = case.sections.get(whole).filter(|s| s.format != Format::Whole);
        is(&[])
            || same(meaning(&case.base, &without_mark(first)))
            || next.is_some_and(|next| {
                let groups = (0..groups_of(&next.hunks)).map(|keep| first_groups(&next.hunks, keep));
                let lines = first_lines(case, next);
                groups.chain(lines).any(|hunks| {
                    is(&[Section {
                        hunks,
                        ..next.clone()
                    }])
                })
            })
    })
}

/// The mark behind the very last line is gone.
fn without_mark(sections: &[Section]) -> Vec<Section> {
    let mut sections = sections.to_vec();
    let last = sections
        .last_mut()
        .and_then(|s| s.hunks.last_mut())
        .and_then(|h| h.lines.last_mut());
    if let Some(line) = last.filter(|l| l.side == Side::Added && !l.bytes.ends_with(b"\n")) {
        line.bytes.push(b'\n');
    }
    sections
}

/// The beginnings of a hunk without counts, in which nothing tells a cut between two lines: no context that would
/// have to go on, or the file's end already seen.
fn first_lines(case: &Case, section: &Section) -> Vec<Vec<Hunk>> {
    let old_lines = case
        .base
        .get(&section.old_path)
        .map_or(0, |s| split(&s.bytes).len());
    let mut found = Vec::new();
    for (i, hunk) in section
        .hunks
        .iter()
        .enumerate()
        .filter(|(_, h)| h.numbers.is_none())
    {
        let loose = hunk.lines[0].side != Side::Context || section.op == Op::Create;
        for keep in 1..hunk.lines.len() {
            let mut hunks = section.hunks[..=i].to_vec();
            hunks[i].lines.truncate(keep);
            let at_end = hunks[i]
                .lines
                .iter()
                .any(|l| l.origin.is_some_and(|o| o + 1 == old_lines));
            if loose || at_end {
                found.push(hunks);
            }
        }
    }
    found
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
        let mode = |of: &Changes| of.get(*path).and_then(|s| s.as_ref().map(|s| s.mode));
        let same_mode = mode(found).is_none()
            || mode(found)
                == section
                    .new_mode
                    .or(case.base.get(&section.old_path).map(|s| s.mode))
                    .or(Some(0o100_644));
        same_mode && section.format != Format::Whole && fits_somewhere(&split(base), &section.hunks, result)
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
        if let Some(tail) = tail.filter(|_| lines.get(at..at + old.len()) == Some(&old[..]))
            && fits_somewhere(&lines[at + old.len()..], rest, tail)
        {
            return true;
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
