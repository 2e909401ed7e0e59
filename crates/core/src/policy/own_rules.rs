//! Rules that a repository brings itself: which files hold them, and what is said when they come to no answer.
//!
//! Nothing here runs one. They are read from pinned commits only, never from a proposal (INV-9), and whatever keeps
//! them from an answer is a finding that blocks (INV-8).

use super::finding::Finding;
use super::rule::{RuleId, Severity};
use crate::digest::BodyHash;
use crate::path::RepoPath;
use serde::{Deserialize, Serialize};

/// Where a repository keeps its own rules; folders below count as well.
pub const OWN_RULES_FOLDER: &str = ".countersign/rules";
/// What the name of such a file ends in.
pub const OWN_RULES_SUFFIX: &str = ".rego";
/// What the name of a file ends in that says what secrets look like, in gitleaks' format.
pub const SECRET_RULES_SUFFIX: &str = ".gitleaks.toml";
/// Most files of rules in one commit.
pub const OWN_RULE_FILES_MAX: usize = 50;
/// Largest file of rules, in bytes.
pub const OWN_RULE_MAX_BYTES: usize = 64 << 10;

/// One file of rules, as the effective policy names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnRuleFile {
    /// Where it lies.
    pub path: RepoPath,
    /// SHA-256 of its content; none where it is no regular file, which can't be run.
    pub digest: Option<BodyHash>,
}

/// One file of rules, to be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleText {
    /// Where it lies.
    pub path: RepoPath,
    /// The rules.
    pub text: String,
}

/// Why a repository's own rules came to no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoAnswer {
    /// Stable kebab-case code.
    pub code: String,
    /// The file, where one is to blame.
    pub path: Option<RepoPath>,
    /// The line in it, from 1.
    pub line: Option<u32>,
    /// What is wrong and what would be right, without a full stop at its end.
    pub why: String,
}

impl NoAnswer {
    /// Where no single file is to blame.
    pub fn of_all(code: &str, why: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            path: None,
            line: None,
            why: why.into(),
        }
    }

    /// Where a file is to blame.
    pub fn at(code: &str, path: &RepoPath, line: Option<u32>, why: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            path: Some(path.clone()),
            line,
            why: why.into(),
        }
    }

    /// What keeps the change from passing.
    pub fn finding(&self) -> Finding {
        let place = match (&self.path, self.line) {
            (None, _) => String::new(),
            (Some(path), None) => format!("`{path}`: "),
            (Some(path), Some(line)) => format!("`{path}`, line {line}: "),
        };
        Finding {
            rule: RuleId::Custom,
            custom: None,
            path: self.path.clone(),
            blob: None,
            lines: self.line.into_iter().collect(),
            message: format!(
                "The repository's own rules came to no answer, so nothing passes: {place}{} ({}). It is put right \
                 on the branch that the rules come from.",
                self.why, self.code
            ),
            severity: Some(Severity::Block),
        }
    }
}

/// Whether that path is a file of rules that are run.
pub fn is_own_rule_file(path: &RepoPath) -> bool {
    is_rules(path, OWN_RULES_SUFFIX)
}

/// Whether that path is a file that says what secrets look like.
pub fn is_secret_rule_file(path: &RepoPath) -> bool {
    is_rules(path, SECRET_RULES_SUFFIX)
}

fn is_rules(path: &RepoPath, suffix: &str) -> bool {
    let below = path.as_bytes().strip_prefix(OWN_RULES_FOLDER.as_bytes());
    below.is_some_and(|rest| rest.starts_with(b"/") && rest.ends_with(suffix.as_bytes()))
}
