//! Finding an anchor's place in another revision's typed diff. It never guesses: what could be two places is
//! outdated.

use super::anchor::{Anchor, HunkKey, LineKey, Twin};
use super::form::TypedDiff;

/// From how many letters and digits on a line is told apart from others by its text alone.
const TELLING_CHARS: usize = 4;

/// A place in a typed diff, as indices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Index in `files`.
    pub file: usize,
    /// Index in the file's `hunks`; `None` for a file's anchor.
    pub hunk: Option<usize>,
    /// Index in the hunk's `lines`; `None` for a file's or a hunk's anchor.
    pub line: Option<usize>,
}

/// What became of an anchor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Located {
    /// The same text on the same side of the same file, between the same neighbours; the numbers may differ.
    Exact(Place),
    /// The same text, with other neighbours or in another file, and only here.
    Moved(Place),
    /// It is gone, or more than one place could be meant.
    Outdated,
    /// It is not among what is listed, and something is left out: ask again with the whole diff.
    LeftOut,
}

/// Finds where an anchor of one revision is in the typed diff of another.
pub fn locate(anchor: &Anchor, diff: &TypedDiff) -> Located {
    let all = places(diff);
    if let Some((place, _)) = all.iter().find(|(_, found)| found == anchor) {
        return Located::Exact(*place);
    }
    if diff.truncated.is_some_and(|t| t.hides_content()) {
        return Located::LeftOut;
    }
    match anchor {
        Anchor::File(_) => Located::Outdated,
        Anchor::Hunk(key) => moved_hunk(key, &all),
        Anchor::Line(key) => moved_line(key, &all, diff),
    }
}

type Found = (Place, Anchor);

fn places(diff: &TypedDiff) -> Vec<Found> {
    let mut all = Vec::new();
    for (at, file) in diff.files.iter().enumerate() {
        let place = Place {
            file: at,
            hunk: None,
            line: None,
        };
        all.push((place, file.anchor));
        for (at, hunk) in file.hunks.iter().enumerate() {
            let place = Place {
                hunk: Some(at),
                ..place
            };
            all.push((place, hunk.anchor));
            let lines = hunk.lines.iter().enumerate();
            all.extend(lines.map(|(at, line)| {
                let place = Place {
                    line: Some(at),
                    ..place
                };
                (place, line.anchor)
            }));
        }
    }
    all
}

/// The one place, if there is exactly one.
fn only(places: &[Place]) -> Located {
    match places {
        [place] => Located::Moved(*place),
        [] | [_, ..] => Located::Outdated,
    }
}

fn moved_hunk(key: &HunkKey, all: &[Found]) -> Located {
    if key.twin != Twin::ONLY {
        return Located::Outdated;
    }
    let hunks = |fits: &dyn Fn(&HunkKey) -> bool| -> Vec<Place> {
        let fits = |anchor: &Anchor| matches!(anchor, Anchor::Hunk(h) if h.changes == key.changes && fits(h));
        all.iter()
            .filter(|(_, a)| fits(a))
            .map(|(place, _)| *place)
            .collect()
    };
    let here = hunks(&|h| h.file == key.file);
    if here.is_empty() {
        only(&hunks(&|h| h.context == key.context))
    } else {
        only(&here)
    }
}

/// Looks for the line between one of its neighbours, then by its text alone, then in other files.
fn moved_line(key: &LineKey, all: &[Found], diff: &TypedDiff) -> Located {
    if key.twin != Twin::ONLY {
        return Located::Outdated;
    }
    let same: Vec<(Place, LineKey)> = all
        .iter()
        .filter_map(|(place, anchor)| match anchor {
            Anchor::Line(line) => Some((*place, *line)),
            Anchor::File(_) | Anchor::Hunk(_) => None,
        })
        .filter(|(_, line)| line.is_old == key.is_old && line.content == key.content)
        .collect();
    let lines = |fits: &dyn Fn(&LineKey) -> bool| -> Vec<Place> {
        let fitting = same.iter().filter(|(_, line)| fits(line));
        fitting.map(|(place, _)| *place).collect()
    };
    let (before, after) = (
        |l: &LineKey| l.before == key.before,
        |l: &LineKey| l.after == key.after,
    );
    let here = |l: &LineKey| l.file == key.file;
    for step in [
        lines(&|l| here(l) && before(l) && after(l)),
        lines(&|l| here(l) && (before(l) || after(l))),
        lines(&|l| here(l)),
    ] {
        match step.as_slice() {
            [] => {}
            [place] if before_or_after(&same, place, key) || is_telling(diff, place) => {
                return Located::Moved(*place);
            }
            [_, ..] => return Located::Outdated,
        }
    }
    only(&lines(&|l| before(l) && after(l)))
}

fn before_or_after(same: &[(Place, LineKey)], place: &Place, key: &LineKey) -> bool {
    let found = same.iter().find(|(p, _)| p == place);
    found.is_some_and(|(_, line)| line.before == key.before || line.after == key.after)
}

/// Whether a line says enough to be known by its text: `}` doesn't.
fn is_telling(diff: &TypedDiff, place: &Place) -> bool {
    let hunk = diff
        .files
        .get(place.file)
        .zip(place.hunk)
        .and_then(|(f, h)| f.hunks.get(h));
    let line = hunk.zip(place.line).and_then(|(h, l)| h.lines.get(l));
    line.is_some_and(|l| l.text.chars().filter(|c| c.is_alphanumeric()).count() >= TELLING_CHARS)
}
