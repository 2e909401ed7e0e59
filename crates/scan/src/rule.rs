//! One rule, ready to run: which keywords wake it, how a match is found from there, what must hold for its secret.

use crate::check::Check;
use crate::entropy::Bits;
use crate::expression::{Expression, Group};
use crate::gitleaks::Allowlist;

/// A rule of our pack or of a rule file.
pub(crate) struct Rule {
    pub(crate) id: Box<str>,
    pub(crate) description: Box<str>,
    /// Without any, the rule runs over every text (rule files only).
    pub(crate) keywords: Vec<Box<str>>,
    pub(crate) shape: Shape,
    /// Only in files of these names; nothing is found in text without a name then.
    pub(crate) files: Files,
    /// The secret's entropy must be at least this (rule files: above).
    pub(crate) entropy: Bits,
    pub(crate) check: Check,
    pub(crate) pretence: Pretence,
    /// A rule that knows only the surroundings: gives way to one that knows the token.
    pub(crate) generic: bool,
    pub(crate) allowlists: Vec<Allowlist>,
}

/// What isn't taken for a secret though it has the form of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pretence {
    /// Placeholders by their look (`EXAMPLE`, `xxxxxx`), and keys that vendors print in their documentation.
    Any,
    /// Only the latter: the token's structure brings long runs of its own.
    Documented,
    /// Nothing: the rule is somebody else's and has its own allowlists, or is about keys and files.
    None,
}

/// How a match is found once a keyword was seen.
pub(crate) enum Shape {
    /// The file's name is all that counts.
    Name,
    /// A token that begins with the keyword, in exactly these letters.
    Token(Expression),
    /// A value behind a name that the keyword is part of; the expression begins behind the keyword.
    Assigned(Expression),
    /// An expression around the keyword, from that many bytes before it on.
    Around(Expression, usize),
    /// A key of several lines that begins with the keyword, in exactly these letters.
    Block,
    /// An expression over the whole text, as rule files in gitleaks' format mean it.
    Anywhere(Expression, Group),
}

/// The names of the files that a rule is for.
pub(crate) enum Files {
    /// All, and text without a name.
    Any,
    /// Last parts of paths in lower case; `*.p12` stands for an ending.
    Named(Vec<Box<str>>),
    /// Paths that the expression matches.
    Matching(Expression),
}

impl Files {
    /// Whether the rule is for this path (`None`: text without a name).
    pub(crate) fn cover(&self, path: Option<&[u8]>) -> bool {
        match (self, path) {
            (Files::Any, _) => true,
            (Files::Named(_) | Files::Matching(_), None) => false,
            (Files::Named(names), Some(path)) => {
                let last = path
                    .rsplit(|b| *b == b'/' || *b == b'\\')
                    .next()
                    .unwrap_or_default();
                let last = last.to_ascii_lowercase();
                names.iter().any(|name| match name.strip_prefix('*') {
                    Some(ending) => last.ends_with(ending.as_bytes()),
                    None => last == name.as_bytes(),
                })
            }
            (Files::Matching(expression), Some(path)) => expression.is_match(path),
        }
    }
}
