//! Waivers: what the signed act says and no more, by somebody who may, no longer than policy lets it.

use super::{Scene, people};
use crate::problem::{Problem, ProblemCode};
use countersign_core::act::{Act, SignedAct};
use countersign_core::policy::{Violation, Waiver, may_waive};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

pub(super) fn look(scene: &Scene<'_>, act: &SignedAct, waiver: &Waiver, problems: &mut Vec<Problem>) {
    let other = |why: &str| scene.problem(ProblemCode::WaiverOther, format!("the waiver {why}"));
    let Act::Waive {
        repository,
        violation,
        reason,
        until,
        ..
    } = &act.record.act
    else {
        return problems.push(other("comes from no act that waives"));
    };
    let said = *repository == waiver.repository
        && *until == waiver.until
        && reason.trim() == waiver.reason
        && act.record.member == waiver.by
        && waiver.from == scene.record.at;
    if !said {
        problems.push(other("is not what its signed act says"));
    }
    let books = scene.books;
    let days = books
        .pinned(&waiver.repository)
        .map_or(0, |r| r.policy.waiver_days.value);
    if waiver.until.0.saturating_sub(waiver.from.0) > u64::from(days) * DAY_MS {
        problems.push(other("lives longer than policy lets it"));
    }
    let Some(broken) = books
        .violations
        .iter()
        .find(|v| v.repository == *repository && v.id() == *violation)
    else {
        return problems.push(other("is of a rule that is not broken here"));
    };
    let unbound =
        broken.content.as_ref() != Some(&waiver.content) || broken.path.as_ref() != Some(&waiver.path);
    if unbound || broken.rule != waiver.rule || broken.custom != waiver.custom {
        problems.push(other("is not bound to the content that breaks the rule"));
    }
    let needed = may_waive(broken.severity);
    if books
        .roster
        .and_then(|r| people::entitled(r, &waiver.by, needed))
        .is_none()
    {
        problems.push(other("is by somebody who may not give it"));
    }
}

/// What is let pass before a write without a waiver that is alive.
pub(super) fn dead(scene: &Scene<'_>) -> Vec<Problem> {
    let books = scene.books;
    let covers = |violation: &Violation, until| {
        books.waivers.iter().map(|noted| noted.what).any(|w| {
            w.until == until
                && w.rule == violation.rule
                && w.custom == violation.custom
                && w.repository == violation.repository
                && violation.path.as_ref() == Some(&w.path)
                && violation.content.as_ref() == Some(&w.content)
        })
    };
    let mut found = Vec::new();
    for violation in books.violations {
        let dead = |why: &str| {
            let message = format!("a write begins, and {} {why}", violation.id());
            scene.problem(ProblemCode::WaiverDead, message)
        };
        match violation.waived_until {
            None if violation.blocks() => found.push(dead("blocks it")),
            Some(until) if until <= scene.record.at => found.push(dead("was waived until before then")),
            Some(until) if !covers(violation, until) => {
                found.push(dead("is called waived, and nobody waived it"))
            }
            None | Some(_) => {}
        }
    }
    found
}
