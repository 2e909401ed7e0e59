//! What a repository lets a proposal do: a built-in floor, an organisation's baseline, `.countersign.toml`.
//!
//! Layers only tighten: a looser word than the one standing above it has no effect. The files come from
//! pinned commits that the proposer doesn't choose, never from the proposal (INV-9); here text is only read.
//! Start with [`floor`] and [`effective`], then [`evaluate`]; a rule that is not in [`RuleId`] isn't checked.

mod ci;
mod collisions;
mod content_rules;
mod effective;
mod evaluate;
mod file;
mod finding;
mod fold;
mod globs;
mod lists;
mod own_rules;
mod path_rules;
mod rule;
#[cfg(test)]
mod tests;
mod tier;
mod waiver;

pub use ci::{CI_DEADLINE_MINUTES, CiDemand, MERGE_DEADLINE_DAYS, REQUIRED_CHECKS_MAX};
pub use effective::{
    Approvers, BaseMovement, CiRequirement, EffectivePolicy, PlanApproval, PolicySource, Sourced, Unattended,
    effective, floor,
};
pub use evaluate::{Violation, evaluate, evaluate_paths, find_collisions};
pub use file::{PolicyError, PolicyFile, parse};
pub use finding::{FINDING_LINES_MAX, Finding};
pub use fold::{file_key, is_hidden_character};
pub use own_rules::{
    NoAnswer, OWN_RULE_FILES_MAX, OWN_RULE_MAX_BYTES, OWN_RULES_FOLDER, OWN_RULES_SUFFIX, OwnRuleFile,
    RuleText, SECRET_RULES_SUFFIX, is_own_rule_file, is_secret_rule_file,
};
pub use path_rules::ci_files;
pub use rule::{RuleId, Severity};
pub use tier::{RiskTier, TierReport, planned_risk_tier, risk_tier};
pub use waiver::{WAIVER_MAX_DAYS, WaivedContent, Waiver, may_waive, waive};

/// Where a repository keeps its policy.
pub const POLICY_PATH: &str = ".countersign.toml";
/// Longest accepted policy file, in bytes.
pub const POLICY_MAX_BYTES: usize = 64 << 10;
/// Most globs in one policy file, frozen paths and bases together.
pub const GLOBS_MAX: usize = 500;
/// Longest accepted glob, in characters.
pub const GLOB_MAX_CHARS: usize = 500;

/// The commented policy file that `countersign init` writes: every key, commented out, with its default.
///
/// As it stands it parses to a policy equal to the floor; a line counts once its `#` is gone.
pub fn template() -> &'static str {
    include_str!("template.toml")
}
