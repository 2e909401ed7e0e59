//! Port to what people say on a forge. It reads; what the words are worth is judged in [`countersign_core::command`].

use crate::trees::{RepoSource, TreesError};
use countersign_core::forge::{Comment, Labelled, Standing};
use countersign_core::time::Timestamp;

/// Most comments of one repository that are read at a time.
pub const RECENT_COMMENTS_MAX: usize = 1_000;

/// The code of an answer that whoever asks is to be left alone for a while: other repositories may go on.
pub const LIMITED: &str = "github-limited";

/// Most events of one repository among which it is looked for labels at a time.
pub const RECENT_EVENTS_MAX: usize = 1_000;

/// An issue with everything that was said below it, as one text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssueText {
    /// Where it is, for people: `octo/hello#7`.
    pub place: String,
    /// Its number there.
    pub number: u64,
    /// The repository's people vouch for whoever opened it.
    pub trusted: bool,
    /// The text, each part with who wrote it.
    pub text: String,
    /// When anything about it changed last.
    pub changed_at: Timestamp,
}

/// Comments of the last time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recent {
    /// What was said.
    pub comments: Vec<Comment>,
    /// When the last of them was changed, if there are more.
    pub more_since: Option<Timestamp>,
}

/// A forge's issues and comments. Calls block.
pub trait Conversations: Send + Sync {
    /// A comment as it stands now; `None` if it is gone.
    fn comment(&self, repo: &RepoSource, number: u64) -> Result<Option<Comment>, TreesError>;

    /// Comments on issues and pull requests that were written or changed since then, oldest change first: the first
    /// [`RECENT_COMMENTS_MAX`] of them, without any that can't be read.
    fn recent_comments(&self, repo: &RepoSource, since: Timestamp) -> Result<Recent, TreesError>;

    /// A label that was put on an issue, by the number of the event; `None` if that is gone, or something else.
    fn labelled(&self, repo: &RepoSource, event: u64) -> Result<Option<Labelled>, TreesError>;

    /// Events by which that label was put on an issue, and no pull request, since then, oldest first, among the last [`RECENT_EVENTS_MAX`] events. Names of
    /// labels differ in more than upper and lower case.
    fn recent_labels(&self, repo: &RepoSource, label: &str, since: Timestamp)
    -> Result<Vec<u64>, TreesError>;

    /// What the account with that name may do in the repository now; `None` where the forge knows of none.
    fn standing(&self, repo: &RepoSource, login: &str) -> Result<Option<Standing>, TreesError>;

    /// Whether an issue's title and own words are those of a text that [`Conversations::issue`] gave; what was said below it is no
    /// matter.
    fn says_still(&self, repo: &RepoSource, issue: u64, text: &str) -> Result<bool, TreesError>;

    /// An issue as it stands now.
    fn issue(&self, repo: &RepoSource, number: u64) -> Result<IssueText, TreesError>;
}
