//! The scanner: what callers see of the engine. It turns places into lines and secrets into fingerprints.

use crate::find::{Engine, Finds};
use crate::gitleaks::{self, RuleFileError};
use crate::{Hit, Place, Salt, Scan, Skipped, pack};
use std::borrow::Cow;
use std::ops::{Range, RangeInclusive};
use std::sync::LazyLock;

/// Hits that one scan tells; more are counted.
pub const MAX_HITS: usize = 1_000;

static BUILT_IN: LazyLock<Scanner> = LazyLock::new(|| Scanner {
    engine: Engine::new(pack::rules(), Vec::new()),
});

/// Finds secrets by a set of rules. Cheap to share, safe to use from many threads; the same text gives the same hits
/// everywhere.
pub struct Scanner {
    engine: Engine,
}

/// A rule's name and purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleInfo<'a> {
    /// Stable, kebab-case.
    pub id: &'a str,
    /// What it finds, in words for people.
    pub description: &'a str,
}

/// Where secrets stand in a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spans<'a> {
    /// Bytes from the content's start and the rule's id, in order and without overlaps.
    pub secrets: Vec<(Range<usize>, &'a str)>,
    /// From this byte on nothing, or not everything, was looked at.
    pub unscanned_from: Option<usize>,
}

impl Scanner {
    /// Our own rules. Their expressions are compiled when text first needs them.
    pub fn built_in() -> &'static Scanner {
        &BUILT_IN
    }

    /// The rules of a file in gitleaks' format; with `[extend] useDefault = true` on top of our own.
    ///
    /// # Errors
    /// [`RuleFileError`]: what can't be read or isn't supported, with the rule and the place in it.
    pub fn from_gitleaks(text: &str) -> Result<Scanner, RuleFileError> {
        let (rules, allowlists) = gitleaks::read(text)?;
        Ok(Scanner {
            engine: Engine::new(rules, allowlists),
        })
    }

    /// All rules, in their order.
    pub fn rules(&self) -> impl Iterator<Item = RuleInfo<'_>> {
        self.engine.rules.iter().map(|rule| RuleInfo {
            id: &rule.id,
            description: &rule.description,
        })
    }

    /// Scans a text without a name: a message, a prompt, a page.
    pub fn scan(&self, text: &[u8], salt: &Salt) -> Scan {
        told(self.in_text(None, text, salt))
    }

    /// Scans a file: its path (`/` between parts) by what it names and what it holds, and its content.
    pub fn scan_named(&self, path: &[u8], content: &[u8], salt: &Salt) -> Scan {
        let mut scan = self.in_path(path, salt);
        let text = self.in_text(Some(path), content, salt);
        scan.hits.extend(text.hits);
        scan.skipped.extend(text.skipped);
        told(scan)
    }

    /// Scans a file after a change, of which only some lines (from 1, both ends included) are new. All of the content is
    /// read, so that a key is found whichever of its lines are new; told is what touches a new line, and what the path
    /// says.
    pub fn scan_added(
        &self,
        path: &[u8],
        content: &[u8],
        added: &[RangeInclusive<u32>],
        salt: &Salt,
    ) -> Scan {
        let mut scan = self.in_path(path, salt);
        let text = self.in_text(Some(path), content, salt);
        let touches = |place: Place| match place {
            Place::Path { .. } => true,
            Place::Text { line, last_line, .. } => added
                .iter()
                .any(|new| *new.start() <= last_line && line <= *new.end()),
        };
        scan.hits
            .extend(text.hits.into_iter().filter(|hit| touches(hit.place)));
        scan.skipped.extend(text.skipped);
        told(scan)
    }

    /// The text with `[redacted: RULE]` in the place of every secret. What could not be scanned is left out and said.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Finds { found, skipped } = self.engine.find(None, text.as_bytes());
        let end = skipped.iter().filter_map(Skipped::from).min();
        if found.is_empty() && end.is_none() {
            return Cow::Borrowed(text);
        }
        let end = floor(text, end.unwrap_or(text.len()));
        let mut clean = String::new();
        let mut at = 0;
        for hit in found.iter().filter(|hit| hit.secret.start < end) {
            clean.push_str(&text[at..floor(text, hit.secret.start).max(at)]);
            clean.push_str(&format!("[redacted: {}]", self.engine.rules[hit.rule].id));
            at = ceil(text, hit.secret.end);
        }
        if at < end {
            clean.push_str(&text[at..end]);
        }
        if end < text.len() {
            clean.push_str(&format!(
                "[{} bytes left out: not scanned for secrets]",
                text.len() - end.max(at)
            ));
        }
        Cow::Owned(clean)
    }

    /// Where secrets stand in a file's content, for whoever hides them. A path, where there is one, lets the rules
    /// about such files look as well.
    pub fn spans(&self, path: Option<&[u8]>, content: &[u8]) -> Spans<'_> {
        let Finds { found, skipped } = self.engine.find(path, content);
        let named = |found: crate::find::Found| (found.secret, &*self.engine.rules[found.rule].id);
        Spans {
            secrets: found.into_iter().map(named).collect(),
            unscanned_from: skipped.iter().filter_map(Skipped::from).min(),
        }
    }

    fn in_path(&self, path: &[u8], salt: &Salt) -> Scan {
        let named = self
            .engine
            .names(path)
            .into_iter()
            .map(|rule| (rule, 0..path.len()));
        let Finds { found, skipped } = self.engine.find(None, path);
        let held = found.into_iter().map(|f| (f.rule, f.secret));
        let hits = named.chain(held).map(|(rule, bytes)| {
            let column = column(bytes.start);
            self.hit(rule, Place::Path { column }, &path[bytes], salt)
        });
        Scan {
            hits: hits.collect(),
            skipped,
        }
    }

    fn in_text(&self, path: Option<&[u8]>, text: &[u8], salt: &Salt) -> Scan {
        let Finds { found, skipped } = self.engine.find(path, text);
        let mut lines = Lines::new(text);
        let mut hits = Vec::new();
        for found in found {
            let secret = &text[found.secret.clone()];
            let (line, column) = lines.place(found.secret.start);
            let breaks = secret[..secret.len() - 1].iter().filter(|b| **b == b'\n').count();
            let last_line = line.saturating_add(u32::try_from(breaks).unwrap_or(u32::MAX));
            let place = Place::Text {
                line,
                column,
                last_line,
            };
            hits.push(self.hit(found.rule, place, secret, salt));
        }
        Scan { hits, skipped }
    }

    fn hit(&self, rule: usize, place: Place, secret: &[u8], salt: &Salt) -> Hit {
        let rule = &self.engine.rules[rule];
        Hit {
            place,
            rule: rule.id.to_string(),
            description: rule.description.to_string(),
            fingerprint: salt.fingerprint(secret),
        }
    }
}

/// Cuts the hits to what one scan tells.
fn told(mut scan: Scan) -> Scan {
    if scan.hits.len() > MAX_HITS {
        let found = scan.hits.len();
        scan.hits.truncate(MAX_HITS);
        scan.skipped.push(Skipped::TooManyHits { found });
    }
    scan
}

/// Lines of a text, counted as far as places are asked for, in their order.
struct Lines<'t> {
    text: &'t [u8],
    line: u32,
    start: usize,
    counted: usize,
}

impl<'t> Lines<'t> {
    fn new(text: &'t [u8]) -> Self {
        Self {
            text,
            line: 1,
            start: 0,
            counted: 0,
        }
    }

    /// Line and column (bytes) of a position that is not before the last one asked for.
    fn place(&mut self, at: usize) -> (u32, u32) {
        for (position, byte) in (self.counted..at).zip(&self.text[self.counted..at]) {
            if *byte == b'\n' {
                self.line = self.line.saturating_add(1);
                self.start = position + 1;
            }
        }
        self.counted = at;
        (self.line, column(at - self.start))
    }
}

fn column(bytes: usize) -> u32 {
    u32::try_from(bytes + 1).unwrap_or(u32::MAX)
}

/// The last character boundary up to here.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|p| text.is_char_boundary(*p)).unwrap_or(0)
}

/// The first character boundary from here on.
fn ceil(text: &str, at: usize) -> usize {
    (at..=text.len())
        .find(|p| text.is_char_boundary(*p))
        .unwrap_or(text.len())
}
