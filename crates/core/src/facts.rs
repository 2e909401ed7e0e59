//! What a change does, as facts for rules that a repository brings itself. The form is versioned: names, units and
//! meaning of version 1 stay. `docs/policy.md` has an example, which a test holds against the code.
//!
//! Facts are never stored and never shown: added lines are in them as they are.

use crate::dependency::DependencyChange;
use crate::feedback::FeedbackOrigin;
use crate::owners::OwnedPath;
use crate::policy::Finding;
use crate::workflow::Submission;
use serde::Serialize;

/// The version of this form.
pub const FACTS_VERSION: u32 = 1;

/// The whole change of one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facts {
    /// [`FACTS_VERSION`].
    pub version: u32,
    /// Where the change comes from; `null` where nobody knows (`policy check`, `policy test`).
    pub origin: Option<Origin>,
    /// Lines added over all files.
    pub added: u64,
    /// Lines removed over all files.
    pub removed: u64,
    /// Changed files, sorted by path.
    pub files: Vec<FileFacts>,
    /// What our own inspection saw, before policy weighs it.
    pub findings: Vec<Finding>,
    /// Every dependency that moves.
    pub dependencies: Vec<DependencyChange>,
    /// Who owns the changed paths, by the default branch's CODEOWNERS.
    pub owners: Vec<OwnedPath>,
}

/// Where a change comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Origin {
    /// What the words that started it are.
    pub feedback: FeedbackOrigin,
    /// Who proposes: `codemod`, `scripted`, `command` or `diff`.
    pub proposer: &'static str,
    /// The proposer ran programs without confinement.
    pub unconfined: bool,
}

impl Origin {
    /// From what started a workflow.
    pub fn of(submission: &Submission) -> Self {
        Self {
            feedback: submission.feedback.origin,
            proposer: submission.agent.kind(),
            unconfined: submission.agent.unconfined(),
        }
    }
}

/// One changed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileFacts {
    /// The path that people speak of: the new one, or the old one of a deleted file. Not plain UTF-8: quoted as git
    /// does.
    pub path: String,
    /// `added`, `deleted`, `modified` or `renamed`.
    pub change: &'static str,
    /// Before; `null` for an added file.
    pub old: Option<SideFacts>,
    /// After; `null` for a deleted file.
    pub new: Option<SideFacts>,
    /// Lines added; 0 for binary content.
    pub added: u32,
    /// Lines removed; 0 for binary content.
    pub removed: u32,
    /// The content is binary, so that there are no lines.
    pub binary: bool,
    /// Where a new symbolic link points.
    pub symlink_target: Option<String>,
    /// Every added line; never cut short: with too many of them nothing is asked, and the change is blocked.
    pub added_lines: Vec<LineFacts>,
}

/// One side of a changed file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SideFacts {
    /// Where it lies.
    pub path: String,
    /// Git's mode: `100644`, `100755`, `120000` or `160000`.
    pub mode: &'static str,
    /// Content length in bytes.
    pub size: u64,
}

/// One added line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LineFacts {
    /// Its number in the new file, from 1.
    pub line: u32,
    /// The line without its line feed; bytes that are not UTF-8 are U+FFFD.
    pub text: String,
}
