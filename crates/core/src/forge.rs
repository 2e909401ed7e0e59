//! What a forge says of pull requests and of CI, in our own words.
//!
//! Adapters translate once at the edge; nothing here asks anybody. A pull request is ours only if its branch, head, base
//! and author are ours, and evidence of CI counts only on exactly the commit that was written (hazards 17, 43).

use crate::id::{AccountId, BranchName, CommitSha, PullRequestNumber, RepositoryId, TreeSha};
use crate::path::RepoPath;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Most pull requests that are read for one branch; a branch of ours has one.
pub const PULL_REQUESTS_MAX: usize = 30;
/// Most check runs that are read for one commit.
pub const CHECK_RUNS_MAX: usize = 1_000;
/// Most files that are named in which what landed differs from what was approved.
pub const DIFFERING_MAX: usize = 20;
/// Most that is kept of what a check says, in bytes.
pub const CHECK_WORDS_MAX_BYTES: usize = 8 << 10;

/// By what somebody commands on a forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeedKind {
    /// They wrote a comment.
    Comment {
        /// It does not say any more what it said first.
        edited: bool,
    },
    /// They put a label on an issue.
    Label {
        /// It was put there by the account that we use ourselves.
        ours: bool,
    },
}

/// What somebody did on a forge that may be a command, as the forge shows it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deed {
    /// What it is.
    pub kind: DeedKind,
    /// Its number on the forge: a comment's, or that of the event by which a label got there. Each kind has numbers of its own.
    pub number: u64,
    /// The number of the issue or pull request that it is on.
    pub issue: u64,
    /// That is a pull request.
    pub on_pull_request: bool,
    /// Who did it.
    pub by: AccountId,
    /// Their name, which may change.
    pub login: String,
    /// That is a person's account, and no app's.
    pub is_person: bool,
    /// It came through an app, whoever's account that used.
    pub by_app: bool,
    /// When.
    pub at: Timestamp,
}

/// A comment as its forge shows it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Who wrote it, where and when.
    pub deed: Deed,
    /// Its words.
    pub body: String,
}

/// A label that was put on an issue, as its forge tells of it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// Who put it there, where and when.
    pub deed: Deed,
    /// The label's name.
    pub label: String,
}

/// How a forge lists a repository: how it is called there, and who sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listing {
    /// Its whole name there, such as `octo/hello`.
    pub name: String,
    /// Not everybody sees it.
    pub private: bool,
}

impl Listing {
    /// Whether what is said there may name the other: a private repository is not named where everybody reads.
    pub fn may_name(&self, other: &Listing) -> bool {
        self.private || !other.private
    }
}

/// What the forge says now of an account in a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The account that has the name which was asked for.
    pub account: AccountId,
    /// It may push there.
    pub may_write: bool,
}

/// A pull request as its forge shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullRequest {
    /// Its number in its repository.
    pub number: PullRequestNumber,
    /// The branch that it would merge, of the same repository.
    pub branch: BranchName,
    /// What that branch holds, as the pull request shows it.
    pub head: CommitSha,
    /// The branch that it would be merged into.
    pub base_branch: BranchName,
    /// Who opened it.
    pub author: AccountId,
    /// How it stands.
    pub state: PullRequestState,
    /// The commit as which its forge says that it was merged; only of one that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merged_as: Option<CommitSha>,
}

/// How a pull request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PullRequestState {
    /// It can be merged; a draft is open, too.
    Open,
    /// It was closed and not merged.
    Closed,
    /// It was merged.
    Merged,
}

impl PullRequestState {
    /// The word that is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            PullRequestState::Open => "open",
            PullRequestState::Closed => "closed",
            PullRequestState::Merged => "merged",
        }
    }
}

/// What a merge brought into its branch, by the commits themselves and not by what a forge says of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "landed", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Landed {
    /// The branch has it.
    As {
        /// The first commit on the branch's own line (its first parents) that has the change.
        commit: CommitSha,
        /// Its tree.
        tree: TreeSha,
        /// What the branch held before: its first parent.
        before: CommitSha,
        /// Its other parents: what else became history by it.
        brings: Vec<CommitSha>,
        /// The tree that merging the approved commit into `before` gives, as git computes it here; absent: it conflicts.
        expected: Option<TreeSha>,
        /// Files in which the two trees differ, in their order: the first [`DIFFERING_MAX`] of them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        differing: Vec<RepoPath>,
    },
    /// The branch has it not, or not any more.
    Nowhere {
        /// Why, in a sentence.
        detail: String,
    },
}

/// A check of CI that policy asks for. The name alone is worth nothing: anybody with write access can post one under any
/// name, and only the app tells whose it is (hazard 46).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequiredCheck {
    /// The app's short name on the forge, such as `github-actions`. Where a branch's protection asks for it also `#15368`, an
    /// app by its number, or [`ANY_APP`].
    pub app: String,
    /// The check's name, such as `test`.
    pub name: String,
}

/// As what policy lets a check end besides success. Nothing else ever is one: what is absent, stale or cancelled proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AcceptedEnd {
    /// It did not run.
    Skipped,
    /// It says neither yes nor no.
    Neutral,
}

/// A check that policy lets end otherwise than with success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptedCheck {
    /// Which.
    pub check: RequiredCheck,
    /// As what; never empty.
    pub ends: Vec<AcceptedEnd>,
}

impl AcceptedCheck {
    /// Whether that run ended so.
    pub fn accepts(&self, run: &CheckRun) -> bool {
        let end = match run.state {
            CheckState::Skipped => AcceptedEnd::Skipped,
            CheckState::Neutral => AcceptedEnd::Neutral,
            CheckState::Pending
            | CheckState::Success
            | CheckState::Failure
            | CheckState::Cancelled
            | CheckState::TimedOut
            | CheckState::ActionRequired
            | CheckState::Stale
            | CheckState::StartupFailure
            | CheckState::Unknown => return false,
        };
        self.check.is_met_by(run) && self.ends.contains(&end)
    }
}

/// Where a branch's protection does not say by which app a check has to be: each run of that name counts, and none may fail.
pub const ANY_APP: &str = "*";

impl RequiredCheck {
    /// One that a branch's protection asks for, by that app if it says so.
    pub fn of_protection(name: String, app: Option<u64>) -> Self {
        let app = app.map_or_else(|| ANY_APP.to_owned(), |number| format!("#{number}"));
        Self { app, name }
    }

    /// Whether that run is one of it.
    pub fn is_met_by(&self, run: &CheckRun) -> bool {
        let by_it = match self.app.strip_prefix('#') {
            _any if self.app == ANY_APP => true,
            Some(number) => run.app_number.is_some_and(|of_run| of_run.to_string() == number),
            None => run.app == self.app,
        };
        by_it && run.name == self.name
    }
}

impl fmt::Display for RequiredCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { app, name } = self;
        match app.strip_prefix('#') {
            _any if app == ANY_APP => write!(f, "{name} by any app"),
            Some(number) => write!(f, "{name} by app {number}"),
            None => write!(f, "{name} by {app}"),
        }
    }
}

/// One run of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckRun {
    /// The app that posted it, by its short name on the forge.
    pub app: String,
    /// That app's number there; absent: not told, or recorded before it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_number: Option<u64>,
    /// Its name.
    pub name: String,
    /// The commit that it ran on.
    pub head: CommitSha,
    /// How it stands.
    pub state: CheckState,
    /// What one that did not succeed says of it, at most [`CHECK_WORDS_MAX_BYTES`]: words of a stranger, without what looks
    /// like a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
}

/// A required check that failed on what was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailedCheck {
    /// In which repository.
    pub repository: RepositoryId,
    /// The run.
    pub run: CheckRun,
}

/// How a check run stands: GitHub's `status` and `conclusion` in one
/// (<https://docs.github.com/rest/checks/runs>). Only [`CheckState::Success`] is a success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CheckState {
    /// It has no conclusion yet, whatever it waits for.
    Pending,
    /// It succeeded.
    Success,
    /// It failed.
    Failure,
    /// It says neither yes nor no.
    Neutral,
    /// It was stopped.
    Cancelled,
    /// It did not run.
    Skipped,
    /// It took too long.
    TimedOut,
    /// It waits for a human on the forge.
    ActionRequired,
    /// The forge gave up waiting for it.
    Stale,
    /// It could not begin.
    StartupFailure,
    /// A word of the forge that we don't know.
    Unknown,
}

impl CheckState {
    /// The word that is shown.
    pub fn as_str(self) -> &'static str {
        match self {
            CheckState::Pending => "pending",
            CheckState::Success => "success",
            CheckState::Failure => "failure",
            CheckState::Neutral => "neutral",
            CheckState::Cancelled => "cancelled",
            CheckState::Skipped => "skipped",
            CheckState::TimedOut => "timed out",
            CheckState::ActionRequired => "action required",
            CheckState::Stale => "stale",
            CheckState::StartupFailure => "startup failure",
            CheckState::Unknown => "unknown",
        }
    }
}
