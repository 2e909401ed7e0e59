//! What a call to GitHub can come to, and what that means: for a look, for a write. The table of `docs/github.md` has the same
//! codes; a test compares them.

use countersign_core::id::BranchName;
use countersign_ports::conversation::LIMITED;
use countersign_ports::trees::{PublishError, TreesError};

/// Every code with whether a person has to do something before it can go well.
pub const CODES: [(&str, bool); 18] = [
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
    ("github-app-refused", true),
    ("github-app-not-installed", true),
    ("github-app-suspended", true),
    ("github-app-lacks-permission", true),
    ("github-app-token-over", false),
    ("github-app-token-too-wide", true),
    ("github-clock-differs", true),
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
    /// It does not know the App, or not by this key; nothing was done.
    #[error("GitHub does not take this App's key: {said}")]
    AppRefused { said: String },
    /// Its clock and ours differ; nothing was done.
    #[error("GitHub's clock and this machine's differ: {said}")]
    ClockDiffers { said: String },
    /// The App is not installed there; nothing was done.
    #[error("the App is not installed there, or was not given this repository")]
    NotInstalled,
    /// Somebody keeps the installation from doing anything; nothing was done.
    #[error("the App's installation there is suspended")]
    Suspended,
    /// The installation was granted less than that; nothing was done.
    #[error("the App was not granted all of this there: {wanted}")]
    NotGranted { wanted: String },
    /// A token was made that may more than was asked for, and is not used; nothing was done.
    #[error("GitHub gives a token that may more than was asked for: {beyond}")]
    TooWide { beyond: String },
    /// A token of the App is not taken any more; nothing was done.
    #[error("GitHub does not take the App's token any more")]
    TokenOver,
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
            | CallError::AppRefused { .. }
            | CallError::ClockDiffers { .. }
            | CallError::NotInstalled
            | CallError::Suspended
            | CallError::NotGranted { .. }
            | CallError::TooWide { .. }
            | CallError::TokenOver
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
            CallError::Limited { .. } => LIMITED,
            CallError::Refused { status: 401, .. } => "github-token-refused",
            CallError::Refused { status: 403, .. } => "github-forbidden",
            CallError::Refused {
                status: 404 | 410, ..
            } => "github-not-found",
            CallError::Refused { .. } => "github-refused",
            CallError::AppRefused { .. } => "github-app-refused",
            CallError::ClockDiffers { .. } => "github-clock-differs",
            CallError::NotInstalled => "github-app-not-installed",
            CallError::Suspended => "github-app-suspended",
            CallError::NotGranted { .. } => "github-app-lacks-permission",
            CallError::TooWide { .. } => "github-app-token-too-wide",
            CallError::TokenOver => "github-app-token-over",
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
            CallError::AppRefused { .. } => {
                "Look at github.app_id and github.app_private_key_file; on the App's page a new key can be made."
            }
            CallError::ClockDiffers { .. } => "Set this machine's clock, then retry.",
            CallError::NotInstalled => {
                "Install it for this repository (the App's page on GitHub → Install App), then retry."
            }
            CallError::Suspended => {
                "An owner of the account there can let it go on (Settings → GitHub Apps → Configure), then retry."
            }
            CallError::NotGranted { .. } => {
                "Add it to the App's permissions, and accept it where the App is installed (docs/github.md), then retry."
            }
            CallError::TooWide { .. } => {
                "It was not used. Look at who answers under github.api_url, and tell GitHub, then retry."
            }
            CallError::Moved | CallError::Lost { .. } | CallError::Odd { .. } | CallError::TokenOver => {
                "It is tried again."
            }
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
            | CallError::AppRefused { .. }
            | CallError::ClockDiffers { .. }
            | CallError::NotInstalled
            | CallError::Suspended
            | CallError::NotGranted { .. }
            | CallError::TooWide { .. }
            | CallError::TokenOver
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
