//! What a scan says: hits by rule, place and fingerprint, and what was left out. Nothing here holds a secret.

use crate::Fingerprint;
use std::fmt;

/// One secret that was found.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Where it stands.
    pub place: Place,
    /// The rule's id, such as `github-classic-token`.
    pub rule: String,
    /// What the rule finds, in words for people.
    pub description: String,
    /// The secret's keyed hash; that of the path where a path alone is the hit.
    pub fingerprint: Fingerprint,
}

/// Where a hit stands. Lines and columns count from 1; columns count bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the file's path: it names a kind of file that holds secrets, or holds one itself.
    Path {
        /// The first byte's column in the path.
        column: u32,
    },
    /// In the text.
    Text {
        /// The line of the first byte.
        line: u32,
        /// The column of the first byte.
        column: u32,
        /// The line of the last byte: later than `line` for keys of several lines.
        last_line: u32,
    },
}

/// The outcome of a scan. It is clean only if nothing was found **and** nothing was left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "a scan that isn't looked at protects nobody"]
pub struct Scan {
    /// What was found, by place.
    pub hits: Vec<Hit>,
    /// What was not looked at, or not told. Missing evidence is never a pass.
    pub skipped: Vec<Skipped>,
}

impl Scan {
    /// Whether everything was scanned and nothing found.
    pub fn is_clean(&self) -> bool {
        self.hits.is_empty() && self.skipped.is_empty()
    }

    /// Whether something was left out.
    pub fn truncated(&self) -> bool {
        !self.skipped.is_empty()
    }
}

/// A part that was left out, and why. Positions are bytes from the text's start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// The text is longer than [`MAX_TEXT_BYTES`](crate::MAX_TEXT_BYTES).
    TooLong {
        /// Not scanned from here on.
        from: usize,
        /// The text's length.
        total: usize,
    },
    /// The text was made (or happens) to keep the rules busy: the work allowed for its length was used up.
    TooMuchWork {
        /// Not scanned from here on.
        from: usize,
    },
    /// One rule of a rule file matched too often; what it would have found behind is not known.
    TooManyMatches {
        /// The rule's id.
        rule: String,
        /// Not scanned by that rule from here on.
        from: usize,
    },
    /// More was found than is told; the first [`MAX_HITS`](crate::MAX_HITS) are.
    TooManyHits {
        /// How many were found.
        found: usize,
    },
}

impl Skipped {
    /// The stable code of this reason.
    pub fn code(&self) -> &'static str {
        match self {
            Skipped::TooLong { .. } => "scan-too-long",
            Skipped::TooMuchWork { .. } => "scan-too-much-work",
            Skipped::TooManyMatches { .. } => "scan-too-many-matches",
            Skipped::TooManyHits { .. } => "scan-too-many-hits",
        }
    }

    /// From which byte on the text is not fully scanned, if that is the reason.
    pub(crate) fn from(&self) -> Option<usize> {
        match self {
            Skipped::TooLong { from, .. }
            | Skipped::TooMuchWork { from }
            | Skipped::TooManyMatches { from, .. } => Some(*from),
            Skipped::TooManyHits { .. } => None,
        }
    }
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Skipped::TooLong { from, total } => {
                write!(
                    f,
                    "only the first {from} of {total} bytes were scanned for secrets; split the text"
                )
            }
            Skipped::TooMuchWork { from } => {
                write!(
                    f,
                    "from byte {from} on nothing was scanned for secrets: the text keeps the rules too busy"
                )
            }
            Skipped::TooManyMatches { rule, from } => {
                write!(
                    f,
                    "rule {rule} matched too often and was stopped at byte {from}; make it narrower"
                )
            }
            Skipped::TooManyHits { found } => {
                write!(
                    f,
                    "{found} secrets were found and not all are listed; take those out and scan again"
                )
            }
        }
    }
}
