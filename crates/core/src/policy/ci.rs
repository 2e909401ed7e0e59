//! What policy demands after a write: which checks of CI, by whom, whether a merge is waited for, and for how long.

use super::effective::{CiRequirement, EffectivePolicy, PolicySource, Sourced};
use crate::forge::{ANY_APP, CheckRun, CheckState, RequiredCheck};

/// For how long required checks are waited for where no policy says it, in minutes.
pub const CI_DEADLINE_MINUTES: u32 = 60;
/// The longest time that a policy can have them waited for, in minutes: a week.
pub(super) const CI_DEADLINE_MINUTES_MAX: u64 = 10_080;
/// For how long a merge is waited for where no policy says it, in days.
pub const MERGE_DEADLINE_DAYS: u32 = 14;
/// The longest time that a policy can have one waited for, in days.
pub(super) const MERGE_DEADLINE_DAYS_MAX: u64 = 90;
/// Most checks that one policy file names.
pub const REQUIRED_CHECKS_MAX: usize = 50;
/// Longest name of a check, and of an app, in bytes.
const CHECK_NAME_MAX_BYTES: usize = 200;

/// What CI has to show before a pull request counts as verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CiDemand<'a> {
    /// Each of these, on exactly the written commit.
    Checks(&'a [Sourced<RequiredCheck>]),
    /// The organisation or the default branch says in so many words that none is.
    NotRequired,
    /// Nobody named a check, and nobody said that none is required: on a forge that has CI this is never a pass.
    Unsaid,
}

impl EffectivePolicy {
    /// What CI has to show.
    pub fn ci_demand(&self) -> CiDemand<'_> {
        // A check of any app is no proof by itself: anybody's app may post one. It only adds to what is said otherwise.
        if self.required_checks.iter().any(|c| c.value.app != ANY_APP) {
            return CiDemand::Checks(&self.required_checks);
        }
        match (self.ci.value, self.ci.source) {
            (CiRequirement::NotRequired, PolicySource::Organisation | PolicySource::DefaultBranch)
                if !self.required_checks.is_empty() =>
            {
                CiDemand::Checks(&self.required_checks)
            }
            (CiRequirement::NotRequired, PolicySource::Organisation | PolicySource::DefaultBranch) => {
                CiDemand::NotRequired
            }
            // Whoever chooses the base would choose one that asks for nothing (hazard 42).
            (
                CiRequirement::NotRequired,
                PolicySource::Floor | PolicySource::Base | PolicySource::Protection,
            )
            | (CiRequirement::Required, _) => CiDemand::Unsaid,
        }
    }

    /// Whether a run of a required check ended as policy lets it end: with success, or as every layer that names it accepts. A
    /// protection of the branch that asks for the same run is met by it, too, as it is on the forge.
    pub fn lets_pass(&self, run: &CheckRun) -> bool {
        run.state == CheckState::Success || self.accepted_checks.iter().any(|a| a.value.accepts(run))
    }

    /// Whether pull requests are opened as drafts.
    pub fn opens_drafts(&self) -> bool {
        self.draft.is_some_and(|draft| draft.value)
    }

    /// For how long required checks are waited for, in milliseconds.
    pub fn ci_deadline_ms(&self) -> u64 {
        let minutes = self.ci_deadline_minutes.map_or(CI_DEADLINE_MINUTES, |m| m.value);
        u64::from(minutes) * 60_000
    }

    /// Whether work is done only when somebody has merged it at the forge, and exactly it.
    pub fn awaits_merge(&self) -> bool {
        self.await_merge.is_some_and(|wait| wait.value)
    }

    /// For how long a merge is waited for, in days, where one is.
    pub fn merge_deadline_days(&self) -> Option<u32> {
        let days = self.merge_deadline_days.map_or(MERGE_DEADLINE_DAYS, |d| d.value);
        self.awaits_merge().then_some(days)
    }
}

/// Why a name can't be that of an app: those of branch protection are none that a file may say.
pub(super) fn app_problem(name: &str) -> Option<&'static str> {
    let by_protection = name == ANY_APP || name.starts_with('#');
    by_protection
        .then_some("is no app's short name")
        .or_else(|| name_problem(name))
}

/// Why a name of an app or of a check can't be one.
pub(super) fn name_problem(name: &str) -> Option<&'static str> {
    if name.trim().is_empty() || name.trim() != name {
        return Some("is empty, or begins or ends with a space");
    }
    if name.len() > CHECK_NAME_MAX_BYTES {
        return Some("is too long");
    }
    name.chars()
        .any(char::is_control)
        .then_some("holds a control character")
}
