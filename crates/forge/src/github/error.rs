//! What a call to GitHub can come to, and what that means: for a look, for a write. The table of `docs/github.md` has the same
//! codes; a test compares them.

use countersign_core::id::BranchName;
use countersign_ports::trees::{PublishError, TreesError};

/// Every code with whether a person has to do something before it can go well.
pub const CODES: [(&str, bool); 11] = [
    ("github-unreachable", false),
    ("github-limited", false),
    ("github-failed", false),
    ("github-odd-answer", false),
    ("github-token-refused", true),
    ("github-forbidden", true),
    ("github-not-found", true),
    ("github-refused", true),
    ("github-too-many", true),
    ("github-moved", false),
    ("github-tls", true),
];

/// Why a call gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    /// Nothing was sent.
    #[error("GitHub can't be reached")]
    NotSent,
    /// Nothing was sent: TLS can't be set up.
    #[error("TLS can't be set up: {why}")]
    Tls { why: String },
    /// It asks to be left alone; nothing was done.
    #[error("GitHub asks to be left alone for {seconds} s")]
    Limited { seconds: u64 },
    /// It says no; nothing was done.
    #[error("GitHub says no ({status}): {said}")]
    Refused { status: u16, said: String },
    /// It points elsewhere; nothing was done.
    #[error("GitHub points to another address, which is not followed")]
    Moved,
    /// Nobody knows what was done.
    #[error("what GitHub did is not known: {why}")]
    Lost { why: String },
    /// It answers, and the answer can't be read.
    #[error("GitHub's answer can't be used: {why}")]
    Odd { why: String },
    /// A list is longer than is read.
    #[error("there are more than {most}, which is more than is read")]
    TooMany { most: usize },
}

impl CallError {
    /// The same after a write: an answer that can't be read tells nothing about what was done.
    pub(super) fn after_a_write(self) -> Self {
        match self {
            CallError::Odd { why } => CallError::Lost { why },
            other @ (CallError::NotSent
            | CallError::Tls { .. }
            | CallError::Limited { .. }
            | CallError::Refused { .. }
            | CallError::Moved
            | CallError::Lost { .. }
            | CallError::TooMany { .. }) => other,
        }
    }

    /// The stable code.
    pub(super) fn code(&self) -> &'static str {
        match self {
            CallError::NotSent => "github-unreachable",
            CallError::Tls { .. } => "github-tls",
            CallError::Limited { .. } => "github-limited",
            CallError::Refused { status: 401, .. } => "github-token-refused",
            CallError::Refused { status: 403, .. } => "github-forbidden",
            CallError::Refused {
                status: 404 | 410, ..
            } => "github-not-found",
            CallError::Refused { .. } => "github-refused",
            CallError::Moved => "github-moved",
            CallError::Lost { .. } => "github-failed",
            CallError::Odd { .. } => "github-odd-answer",
            CallError::TooMany { .. } => "github-too-many",
        }
    }

    /// A sentence with what to do next. `doing` goes on with what was wanted: `Reading issue #7 of octo/hello`.
    fn sentence(&self, doing: &str) -> String {
        let next = match self {
            CallError::NotSent => {
                "It is tried again; look at the network and at github.api_url if it stays so."
            }
            CallError::Tls { .. } => "Look at the certificates of this machine.",
            CallError::Limited { .. } => "It is tried again after that.",
            CallError::Refused { status: 401, .. } => {
                "The token is wrong or has run out: make a new one and set GITHUB_TOKEN."
            }
            CallError::Refused { status: 403, .. } => {
                "The token lacks the permission, or the repository is archived (docs/github.md)."
            }
            CallError::Refused {
                status: 404 | 410, ..
            } => "It is not there, or the token may not see it: GitHub says the same for both.",
            CallError::Refused { .. } => "Correct that, then retry.",
            CallError::Moved | CallError::Lost { .. } | CallError::Odd { .. } => "It is tried again.",
            CallError::TooMany { .. } => "Take away what is not needed there, then retry.",
        };
        let what = self.to_string();
        let dot = if what.ends_with('.') { "" } else { "." };
        format!("{doing}: {what}{dot} {next}")
    }

    /// For a look.
    pub(super) fn reading(self, doing: &str) -> TreesError {
        let (code, message) = (self.code(), self.sentence(doing));
        let needs_a_person = CODES.iter().any(|(c, person)| *c == code && *person);
        match needs_a_person {
            true => TreesError::Unsupported { code, message },
            false => TreesError::Unavailable { code, message },
        }
    }

    /// For a write: what is not clearly undone is unknown.
    pub(super) fn writing(self, doing: &str, branch: &BranchName) -> PublishError {
        let unknown = match &self {
            CallError::Lost { .. } | CallError::Odd { .. } => true,
            CallError::NotSent
            | CallError::Tls { .. }
            | CallError::Limited { .. }
            | CallError::Refused { .. }
            | CallError::Moved
            | CallError::TooMany { .. } => false,
        };
        let source = self.reading(doing);
        match unknown {
            true => PublishError::Unknown {
                branch: branch.to_string(),
                source,
            },
            false => PublishError::Failed(source),
        }
    }
}
