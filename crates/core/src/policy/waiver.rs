//! Waivers: one person lets one broken rule pass, for one path and exactly one content, until a day.

use super::evaluate::Violation;
use super::rule::{RuleId, Severity};
use crate::digest::PlanDigest;
use crate::id::{BlobSha, MemberId, RepositoryId};
use crate::member::Role;
use crate::path::RepoPath;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Longest life of a waiver, in days; a policy can only shorten it.
pub const WAIVER_MAX_DAYS: u32 = 30;

/// What a waiver is bound to; with anything else it is dead.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "kebab-case", deny_unknown_fields)]
pub enum WaivedContent {
    /// A plan that names the path; the content is judged again when it is there.
    Plan {
        /// The plan.
        digest: PlanDigest,
    },
    /// What the path holds after the change.
    Blob {
        /// The content.
        blob: BlobSha,
    },
    /// That the path goes away.
    Removal {
        /// What it held.
        blob: BlobSha,
    },
}

/// One rule let pass at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// Which rule.
    pub rule: RuleId,
    /// Which of the policy's own rules.
    pub custom: Option<String>,
    /// In which repository.
    pub repository: RepositoryId,
    /// At which path.
    pub path: RepoPath,
    /// With exactly which content.
    pub content: WaivedContent,
    /// Why.
    pub reason: String,
    /// Who answers for it.
    pub by: MemberId,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl Waiver {
    /// Whether it is about that violation and alive at that moment.
    pub fn covers(&self, violation: &Violation, at: Timestamp) -> bool {
        self.until > at
            && self.rule == violation.rule
            && self.custom == violation.custom
            && self.repository == violation.repository
            && violation.path.as_ref() == Some(&self.path)
            && violation.content.as_ref() == Some(&self.content)
    }
}

/// Marks what is waived at a moment; the longest-lived waiver of a violation counts.
pub fn waive(violations: &mut [Violation], waivers: &[Waiver], at: Timestamp) {
    for violation in violations {
        let covering = waivers.iter().filter(|w| w.covers(violation, at));
        violation.waived_until = covering.map(|w| w.until).max();
    }
}

/// The weakest role that may waive something of that weight.
pub fn may_waive(severity: Severity) -> Role {
    match severity {
        Severity::Warn => Role::Maintainer,
        Severity::Block => Role::Owner,
    }
}
