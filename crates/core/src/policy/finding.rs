//! What was seen in a change, before anybody weighs it.

use super::rule::{RuleId, Severity};
use crate::id::BlobSha;
use crate::path::RepoPath;
use serde::{Deserialize, Serialize};

/// Most lines that one finding names; the rest is where these are.
pub const FINDING_LINES_MAX: usize = 100;

/// What was seen in the content or around the paths of a change. Policy decides how much it weighs.
///
/// It names places and kinds, never the content: what was found may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Which rule.
    pub rule: RuleId,
    /// Which of the rules that a policy brings itself; only with [`RuleId::Custom`].
    pub custom: Option<String>,
    /// At which path; none where it is about the whole change.
    pub path: Option<RepoPath>,
    /// The content in which it was seen, where it was seen in content.
    pub blob: Option<BlobSha>,
    /// Lines of the new side, from 1, at most [`FINDING_LINES_MAX`].
    pub lines: Vec<u32>,
    /// What is wrong, in a sentence.
    pub message: String,
    /// How much the finder wants it to weigh; policy can only raise it.
    pub severity: Option<Severity>,
}

impl Finding {
    /// A finding about a path, without lines.
    pub fn at(rule: RuleId, path: &RepoPath, message: impl Into<String>) -> Self {
        Self {
            rule,
            custom: None,
            path: Some(path.clone()),
            blob: None,
            lines: Vec::new(),
            message: message.into(),
            severity: None,
        }
    }
}
