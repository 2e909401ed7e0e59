//! Names for files, hunks and lines that don't contain a line number, so that a comment finds its place again
//! in the next revision. They are no proof of anything: shortened hashes, never to be decided on.
//!
//! A file is named by its path in the base (of a new file: its own), so that a proposal which begins to rename
//! it keeps every anchor. A line is named by its side, its bytes, and the two nearest lines of that side above and
//! below within the hunk; a hunk by its changed lines and by its unchanged ones. Equal ones in a file are
//! numbered: `2of3`.

use super::read::{RawHunk, RawLine};
use crate::patch::Side;
use crate::path::RepoPath;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt;

/// How many lines above and below make a line's surroundings.
const NEIGHBOURS: usize = 2;
/// Separates these hashes from every other kind.
const DOMAIN: &[u8] = b"countersign/anchor/v1\0";

/// A name that survives revisions. As text: `f1-…` a file, `h1-…` a hunk, `l1-…` a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Anchor {
    /// A file.
    File(FileKey),
    /// A hunk.
    Hunk(HunkKey),
    /// A line.
    Line(LineKey),
}

/// Which file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileKey(pub(super) u64);

/// Which hunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HunkKey {
    pub(super) file: FileKey,
    pub(super) changes: u64,
    pub(super) context: u32,
    pub(super) twin: Twin,
}

/// Which line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineKey {
    pub(super) file: FileKey,
    /// Of the old side only; context lines count as new.
    pub(super) is_old: bool,
    pub(super) content: u64,
    pub(super) before: u32,
    pub(super) after: u32,
    pub(super) twin: Twin,
}

/// Which of several equal ones in a file, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Twin {
    pub(super) nth: u32,
    pub(super) of: u32,
}

impl Twin {
    pub(super) const ONLY: Twin = Twin { nth: 1, of: 1 };
}

/// Why a text is not an anchor.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this is not an anchor; take one as the typed diff gives it")]
pub struct AnchorError;

impl Anchor {
    /// Reads the text form.
    ///
    /// # Errors
    /// When it is anything that [`Anchor`] doesn't print.
    pub fn parse(text: &str) -> Result<Self, AnchorError> {
        let parts: Vec<&str> = text.split('-').collect();
        let anchor = parse(&parts).ok_or(AnchorError)?;
        if anchor.to_string() == text {
            Ok(anchor)
        } else {
            Err(AnchorError)
        }
    }
}

fn parse(parts: &[&str]) -> Option<Anchor> {
    let long = |at: usize| u64::from_str_radix(parts.get(at)?, 16).ok();
    let short = |at: usize| u32::from_str_radix(parts.get(at)?, 16).ok();
    let twin = |at: usize| match parts.get(at) {
        None => Some(Twin::ONLY),
        Some(text) => {
            let (nth, of) = text.split_once("of")?;
            Some(Twin {
                nth: nth.parse().ok()?,
                of: of.parse().ok()?,
            })
        }
    };
    let file = FileKey(long(1)?);
    match *parts.first()? {
        "f1" => Some(Anchor::File(file)),
        "h1" => Some(Anchor::Hunk(HunkKey {
            file,
            changes: long(2)?,
            context: short(3)?,
            twin: twin(4)?,
        })),
        "l1" => Some(Anchor::Line(LineKey {
            file,
            is_old: match *parts.get(2)? {
                "old" => true,
                "new" => false,
                _ => return None,
            },
            content: long(3)?,
            before: short(4)?,
            after: short(5)?,
            twin: twin(6)?,
        })),
        _ => None,
    }
}

impl fmt::Display for Anchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Anchor::File(file) => write!(f, "f1-{:016x}", file.0),
            Anchor::Hunk(h) => {
                write!(f, "h1-{:016x}-{:016x}-{:08x}", h.file.0, h.changes, h.context)?;
                h.twin.fmt(f)
            }
            Anchor::Line(l) => {
                let side = if l.is_old { "old" } else { "new" };
                let (file, content) = (l.file.0, l.content);
                write!(
                    f,
                    "l1-{file:016x}-{side}-{content:016x}-{:08x}-{:08x}",
                    l.before, l.after
                )?;
                l.twin.fmt(f)
            }
        }
    }
}

impl fmt::Display for Twin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.of {
            1 => Ok(()),
            of => write!(f, "-{}of{of}", self.nth),
        }
    }
}

impl Serialize for Anchor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The anchors of one hunk: its own and those of its lines.
pub(super) struct HunkAnchors {
    pub(super) hunk: HunkKey,
    pub(super) lines: Vec<LineKey>,
}

/// The name of a file that the base has, by its path there.
pub(super) fn of_base_file(path: &RepoPath) -> FileKey {
    FileKey(hash("file", [path.as_bytes()]))
}

/// The name of a new file; never that of a base file, which may make room for it in the same change.
pub(super) fn of_new_file(path: &RepoPath) -> FileKey {
    FileKey(hash("new file", [path.as_bytes()]))
}

/// The names of all hunks and lines of a file, whatever of them is shown.
pub(super) fn of_hunks(file: FileKey, hunks: &[&RawHunk<'_>]) -> Vec<HunkAnchors> {
    let mut anchors: Vec<HunkAnchors> = hunks.iter().map(|hunk| of_hunk(file, hunk)).collect();
    number_twins(anchors.iter_mut().map(|a| &mut a.hunk), |h| &mut h.twin);
    number_twins(anchors.iter_mut().flat_map(|a| a.lines.iter_mut()), |l| {
        &mut l.twin
    });
    anchors
}

fn of_hunk(file: FileKey, hunk: &RawHunk<'_>) -> HunkAnchors {
    let part = |changed: bool| {
        let lines = hunk.lines.iter().filter(|l| (l.side != Side::Context) == changed);
        lines.map(|l| content(l).to_be_bytes()).collect::<Vec<_>>()
    };
    let sides = hunk.lines.iter().filter(|l| l.side != Side::Context);
    let sides: Vec<u8> = sides.map(|l| u8::from(l.side == Side::Added)).collect();
    let changes = part(true).concat();
    HunkAnchors {
        hunk: HunkKey {
            file,
            changes: hash("changes", [&sides, &changes]),
            context: short(hash("context", [&part(false).concat()])),
            twin: Twin::ONLY,
        },
        lines: of_lines(file, &hunk.lines),
    }
}

fn of_lines(file: FileKey, lines: &[RawLine<'_>]) -> Vec<LineKey> {
    let contents: Vec<u64> = lines.iter().map(content).collect();
    let on_side = |is_old: bool| -> Vec<usize> {
        let absent = if is_old { Side::Added } else { Side::Removed };
        (0..lines.len()).filter(|at| lines[*at].side != absent).collect()
    };
    let sides = [on_side(false), on_side(true)];
    let mut reached = [0, 0];
    let mut keys = Vec::with_capacity(lines.len());
    for (at, line) in lines.iter().enumerate() {
        let is_old = line.side == Side::Removed;
        let side = &sides[usize::from(is_old)];
        let reached = &mut reached[usize::from(is_old)];
        while side.get(*reached).is_some_and(|i| *i < at) {
            *reached += 1;
        }
        let near = |range: &[usize]| -> u32 {
            let bytes: Vec<u8> = range.iter().flat_map(|i| contents[*i].to_be_bytes()).collect();
            short(hash("neighbours", [&bytes]))
        };
        let behind = (*reached + 1).min(side.len());
        keys.push(LineKey {
            file,
            is_old,
            content: contents[at],
            before: near(&side[reached.saturating_sub(NEIGHBOURS)..*reached]),
            after: near(&side[behind..(behind + NEIGHBOURS).min(side.len())]),
            twin: Twin::ONLY,
        });
    }
    keys
}

/// Numbers those that are equal.
fn number_twins<'k, K: Copy + Ord + 'k>(
    keys: impl Iterator<Item = &'k mut K>,
    twin: impl Fn(&mut K) -> &mut Twin,
) {
    let mut groups: BTreeMap<K, Vec<&'k mut K>> = BTreeMap::new();
    for key in keys {
        groups.entry(*key).or_default().push(key);
    }
    for group in groups.into_values() {
        let of = u32::try_from(group.len()).unwrap_or(u32::MAX);
        for (nth, key) in (1..).zip(group) {
            *twin(key) = Twin { nth, of };
        }
    }
}

fn content(line: &RawLine<'_>) -> u64 {
    let end: &[u8] = if line.newline { b"\n" } else { b"" };
    hash("content", [line.bytes, end])
}

fn hash<const N: usize>(what: &str, parts: [&[u8]; N]) -> u64 {
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    hash.update(what.as_bytes());
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    digest[..8]
        .iter()
        .fold(0, |value, byte| value << 8 | u64::from(*byte))
}

fn short(hash: u64) -> u32 {
    (hash >> 32) as u32
}
