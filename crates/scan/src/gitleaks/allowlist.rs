//! What a rule file lets pass.

use super::{RuleFileError, expression, file, wrong};
use crate::expression::{Expression, Match};

/// A minified file is one line; of a line, so many bytes on each side of a match are looked at.
const LINE_BYTES: usize = 8 << 10;

/// One allowlist, ready to be asked.
pub(crate) struct Allowlist {
    /// All of its conditions must hold, not one.
    all: bool,
    /// It names commits. A scan knows none, so that condition never holds.
    commits: bool,
    paths: Vec<Expression>,
    target: Target,
    regexes: Vec<Expression>,
    /// In lower case.
    stop_words: Vec<Box<[u8]>>,
}

/// What the expressions of an allowlist are held against.
enum Target {
    Secret,
    Match,
    Line,
}

/// A match that an allowlist is asked about.
pub(crate) struct Candidate<'a> {
    pub(crate) path: Option<&'a [u8]>,
    pub(crate) text: &'a [u8],
    pub(crate) found: &'a Match,
}

impl Allowlist {
    pub(super) fn read(list: &file::List, place: &str) -> Result<Self, RuleFileError> {
        let all = match list
            .condition
            .as_deref()
            .unwrap_or("or")
            .to_ascii_lowercase()
            .as_str()
        {
            "or" | "||" | "" => false,
            "and" | "&&" => true,
            _ => return Err(wrong(format!("{place}, condition"), "it is neither OR nor AND")),
        };
        let target = match list.regex_target.as_deref().unwrap_or("secret") {
            "secret" | "" => Target::Secret,
            "match" => Target::Match,
            "line" => Target::Line,
            _ => {
                return Err(wrong(
                    format!("{place}, regexTarget"),
                    "it is none of secret, match and line",
                ));
            }
        };
        let read = |all: &[String], what: &str| -> Result<Vec<Expression>, RuleFileError> {
            all.iter()
                .map(|regex| expression(regex, || format!("{place}, {what}")))
                .collect()
        };
        let lower = |word: &String| word.to_ascii_lowercase().into_bytes().into_boxed_slice();
        let list = Self {
            all,
            commits: !list.commits.is_empty(),
            paths: read(&list.paths, "paths")?,
            target,
            regexes: read(&list.regexes, "regexes")?,
            stop_words: list.stopwords.iter().map(lower).collect(),
        };
        if !list.commits && list.paths.is_empty() && list.regexes.is_empty() && list.stop_words.is_empty() {
            return Err(wrong(
                place.to_owned(),
                "it allows nothing: give commits, paths, regexes or stopwords",
            ));
        }
        if list.stop_words.iter().any(|word| word.is_empty()) {
            return Err(wrong(
                format!("{place}, stopwords"),
                "an empty word would allow everything",
            ));
        }
        Ok(list)
    }

    /// Whether it lets a whole file pass.
    pub(crate) fn allows_path(&self, path: &[u8]) -> bool {
        let others = self.commits || !self.regexes.is_empty() || !self.stop_words.is_empty();
        self.covers(path) && !(self.all && others)
    }

    /// Whether it lets one match pass.
    pub(crate) fn allows(&self, candidate: &Candidate<'_>) -> bool {
        let secret = &candidate.text[candidate.found.secret.clone()];
        let path = || candidate.path.is_some_and(|path| self.covers(path));
        let regex = || self.regexes.iter().any(|r| r.is_match(self.target(candidate)));
        let word = || has_word(secret, &self.stop_words);
        if self.all {
            !self.commits
                && (self.paths.is_empty() || path())
                && (self.regexes.is_empty() || regex())
                && (self.stop_words.is_empty() || word())
        } else {
            path() || regex() || word()
        }
    }

    fn covers(&self, path: &[u8]) -> bool {
        self.paths.iter().any(|expression| expression.is_match(path))
    }

    fn target<'t>(&self, candidate: &Candidate<'t>) -> &'t [u8] {
        let (text, found) = (candidate.text, candidate.found);
        match self.target {
            Target::Secret => &text[found.secret.clone()],
            Target::Match => &text[found.whole.clone()],
            Target::Line => {
                let from = found.whole.start.saturating_sub(LINE_BYTES);
                let before = &text[from..found.whole.start];
                let start = before
                    .iter()
                    .rposition(|b| *b == b'\n')
                    .map_or(from, |p| from + p + 1);
                let to = text.len().min(found.whole.end.saturating_add(LINE_BYTES));
                let behind = &text[found.whole.end..to];
                let end = behind
                    .iter()
                    .position(|b| *b == b'\n')
                    .map_or(to, |p| found.whole.end + p);
                &text[start..end]
            }
        }
    }
}

fn has_word(secret: &[u8], words: &[Box<[u8]>]) -> bool {
    if words.is_empty() {
        return false;
    }
    let lower = secret.to_ascii_lowercase();
    words
        .iter()
        .any(|word| lower.windows(word.len()).any(|w| w == &**word))
}
