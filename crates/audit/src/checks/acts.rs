//! What humans did: made for this story, signed by the key recorded for them, and theirs to do.

use super::books::Books;
use super::{Scene, people};
use crate::problem::{Problem, ProblemCode};
use crate::replay::{act_of, submission};
use countersign_core::act::{Act, Attendance, SeenDigest, SignedAct};
use countersign_core::member::{Role, Roster};
use countersign_core::policy::Unattended;
use countersign_core::workflow::Event;
use countersign_core::workflow::event::{Approval, Subject};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

pub(super) fn look(scene: &Scene<'_>, problems: &mut Vec<Problem>) {
    let Some(act) = act_of(&scene.record.event) else {
        return;
    };
    if act.record.tenant != scene.story.tenant || act.record.workflow != scene.story.workflow {
        let message = format!("{} did this to another workflow", act.record.member);
        problems.push(scene.problem(ProblemCode::ActMisplaced, message));
    }
    if !is_authentic(scene.books, act) {
        let (verb, member) = (act.record.act.verb(), &act.record.member);
        let message = format!("`{verb}` is not signed by the key recorded for {member}");
        problems.push(scene.problem(ProblemCode::ActNotAuthentic, message));
    }
    let member = &act.record.member;
    let entitled = scene
        .books
        .roster
        .and_then(|r| people::entitled(r, member, Role::Reviewer));
    if entitled.is_none() {
        let message = format!("{member} is no active member who may act here");
        problems.push(scene.problem(ProblemCode::ActNotEntitled, message));
    }
    if let Event::ApprovalGiven { approval } = &scene.record.event {
        approved(scene, approval, problems);
    }
}

/// Who started it shows with the first roster: only then is it known by which key.
pub(super) fn started(scene: &Scene<'_>, roster: &Roster, problems: &mut Vec<Problem>) {
    let Some(started) = scene.books.started.filter(|_| scene.books.roster.is_none()) else {
        return;
    };
    let Some(submission) = submission(&started.what.event) else {
        return;
    };
    let (tenant, workflow) = (&scene.story.tenant, &scene.story.workflow);
    let mut key = roster.keys.get(&submission.started_by).into_iter();
    if !key.any(|key| submission.is_signed_by(tenant, workflow, key)) {
        let message = format!(
            "that {} started this is not signed by the key recorded for them",
            submission.started_by
        );
        problems.push(Problem::at(started.seq, ProblemCode::StartNotAuthentic, message));
    }
}

/// Whether the key that the story records for the member signed this.
pub(super) fn is_authentic(books: &Books<'_>, act: &SignedAct) -> bool {
    books.roster.is_some_and(|roster| roster.vouches_for(act))
}

fn approved(scene: &Scene<'_>, approval: &Approval, problems: &mut Vec<Problem>) {
    let books = scene.books;
    let act = &approval.act;
    let member = &act.record.member;
    let eligible = books.roster.and_then(|r| people::eligible(books, r, member));
    if eligible.is_none() {
        let message =
            format!("{member} may not approve this: no member, too weak a role, or had a hand in it");
        problems.push(scene.problem(ProblemCode::ApprovalNotEligible, message));
    }
    let lives = approval.expires_at.0.saturating_sub(scene.record.at.0);
    let days = books
        .repositories
        .iter()
        .map(|r| r.policy.approval_days.value)
        .min();
    if lives > u64::from(days.unwrap_or(0)) * DAY_MS {
        let message = "the approval lives longer than policy lets it";
        problems.push(scene.problem(ProblemCode::ApprovalTooLong, message));
    }
    if act.record.attendance == Attendance::Unattended
        && let Some(repo) = books
            .repositories
            .iter()
            .find(|r| r.policy.unattended.value == Unattended::Forbid || r.repository.forge.is_remote())
    {
        let name = books.name(&repo.repository);
        let message =
            format!("nobody looked, and the policy of {name}, or its forge, demands that a person decides");
        problems.push(scene.problem(ProblemCode::ApprovalUnattended, message));
    }
    if let Some(problem) = seen(scene, approval) {
        problems.push(problem);
    }
}

/// What was approved is what was asked about, with every warning acknowledged.
fn seen(scene: &Scene<'_>, approval: &Approval) -> Option<Problem> {
    let books = scene.books;
    let other = |what: &str| {
        let message = format!("the approval is of something else than {what}");
        Some(scene.problem(ProblemCode::ApprovalOtherDigest, message))
    };
    let Act::Approve {
        request,
        seen,
        acknowledged,
    } = &approval.act.record.act
    else {
        return other("an approval");
    };
    let Some(asked) = books.requests.iter().find(|r| r.id == *request) else {
        return other("any request in this story");
    };
    if asked.id != approval.request || approval.revision != books.revision || asked.revision != books.revision
    {
        return other("the revision at hand");
    }
    let repository = match (&asked.subject, seen) {
        (Subject::Plan { digest }, SeenDigest::Plan(seen)) if digest == seen => return None,
        (
            Subject::PatchSet {
                repository, digest, ..
            },
            SeenDigest::PatchSet(seen),
        ) if digest == seen => repository,
        (Subject::Plan { .. } | Subject::PatchSet { .. } | Subject::Question { .. }, _) => {
            return other("what was asked about");
        }
    };
    let mut warnings = books
        .violations
        .iter()
        .filter(|v| v.repository == *repository && v.needs_acknowledgement());
    let missing = warnings.find(|v| !acknowledged.contains(&v.id()))?;
    let message = format!("the warning {} was not acknowledged", missing.id());
    Some(scene.problem(ProblemCode::ApprovalUnacknowledged, message))
}
