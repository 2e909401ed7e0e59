//! Waivers in words: what one is bound to, who gave it, and what it would let pass.

use super::Seen;
use countersign_core::id::MemberId;
use countersign_core::member::Role;
use countersign_core::policy::{Severity, Violation, WaivedContent, Waiver, may_waive};
use countersign_core::question::QuestionKind;
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::{Request, Subject};

/// What a waiver is bound to: `blob 1a2b3c4d5e6f`.
pub fn bound_to(content: &WaivedContent) -> String {
    match content {
        WaivedContent::Plan { digest } => format!("this plan, {}", digest.first8()),
        WaivedContent::Blob { blob } => format!("exactly this content, blob {}", blob.short()),
        WaivedContent::Removal { blob } => format!("the removal of exactly blob {}", blob.short()),
    }
}

/// A moment to the minute: `2026-11-28 09:30 UTC`.
pub fn minute(at: Timestamp) -> String {
    let text: String = at.to_rfc3339().chars().take(16).collect();
    format!("{} UTC", text.replace('T', " "))
}

/// Who may waive something of that weight.
pub fn who_may(severity: Severity) -> &'static str {
    match may_waive(severity) {
        Role::Owner => "an owner",
        Role::Maintainer => "a maintainer or an owner",
        Role::Reviewer | Role::Viewer => "a reviewer or above",
    }
}

/// `block` or `warning`.
pub fn weight(severity: Severity) -> &'static str {
    match severity {
        Severity::Warn => "warning",
        Severity::Block => "block",
    }
}

/// The waiver that lets a violation pass, if one does.
pub fn of<'a>(seen: &'a Seen, violation: &Violation) -> Option<&'a Waiver> {
    let until = violation.waived_until?;
    let moment_before = Timestamp(until.0.saturating_sub(1));
    let covers = |w: &&Waiver| w.until == until && w.covers(violation, moment_before);
    seen.workflow.waivers.iter().find(covers)
}

/// A member's name.
pub fn name(seen: &Seen, member: &MemberId) -> String {
    seen.names().member(member)
}

/// What can be waived now, in the order in which it is listed.
pub fn waivable(seen: &Seen) -> Vec<&Violation> {
    let can = |v: &&Violation| v.waived_until.is_none() && v.content.is_some();
    seen.workflow.violations.iter().filter(can).collect()
}

/// The request under which a violation is waived: the question that policy asks, or its patch set's approval.
pub fn asked_at<'a>(seen: &'a Seen, violation: &Violation) -> Option<&'a Request> {
    let fits = |r: &&Request| match &r.subject {
        Subject::Question { question, .. } => question.kind == QuestionKind::PolicyBlocks,
        Subject::PatchSet { repository, .. } => *repository == violation.repository,
        Subject::Plan { .. } => false,
    };
    let any = |r: &&Request| matches!(r.subject, Subject::PatchSet { .. });
    let open = || seen.workflow.open_requests();
    open().find(fits).or_else(|| open().find(any))
}

/// The longest life that the policies of these violations allow, in days; `None`: there are none.
pub fn days_max(seen: &Seen, chosen: &[&Violation]) -> Option<u32> {
    let repositories = seen.workflow.repositories.iter();
    let concerned = repositories.filter(|r| chosen.iter().any(|v| v.repository == r.repository));
    concerned.map(|r| r.policy.waiver_days.value).min()
}
