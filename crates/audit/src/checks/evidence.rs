//! Content that the story names by hash: it is there, and it is what is said of it.

use super::Scene;
use crate::problem::{Problem, ProblemCode};
use crate::story::Story;
use countersign_core::digest::{BodyHash, DiffHash, FeedbackHash};
use countersign_core::feedback::Feedback;
use countersign_core::patch_set::Draft;
use countersign_core::workflow::Event;
use countersign_core::workflow::event::{AgentRun, PinnedRepo};
use countersign_ledger::Report;
use std::collections::BTreeSet;

/// An attachment; `None` where it was erased, or is missing, which is a problem. (That its bytes have this hash was
/// checked with the file.)
pub(super) fn find<'a>(
    scene: &Scene<'a>,
    hash: &BodyHash,
    what: &str,
    problems: &mut Vec<Problem>,
) -> Option<&'a [u8]> {
    let name = hash.to_hex();
    let attachments = &scene.report.attachments;
    if let Ok(at) = attachments.binary_search_by(|a| a.hash.to_string().cmp(&name)) {
        return attachments.get(at).map(|a| a.body.as_slice());
    }
    if !scene.story.was_erased(hash) {
        let message = format!("{what} with the hash {name} is not in the bundle");
        problems.push(scene.problem(ProblemCode::EvidenceMissing, message));
    }
    None
}

pub(super) fn feedback(scene: &Scene<'_>, feedback: &Feedback, problems: &mut Vec<Problem>) {
    if FeedbackHash::of_bytes(feedback.text.as_bytes()) != feedback.hash {
        let message = "the feedback's hash is not that of its text";
        problems.push(scene.problem(ProblemCode::EvidenceOther, message));
    }
}

pub(super) fn output(scene: &Scene<'_>, run: &AgentRun, problems: &mut Vec<Problem>) {
    find(scene, &run.output, "an agent's output", problems);
}

pub(super) fn drafts(scene: &Scene<'_>, drafts: &[Draft], problems: &mut Vec<Problem>) {
    for draft in drafts {
        let Some(diff) = find(scene, &draft.canonical, "a canonical diff", problems) else {
            continue;
        };
        if DiffHash::of_bytes(diff) != draft.diff.diff_hash {
            let message = "the canonical diff is not the one whose hash the draft names";
            problems.push(scene.problem(ProblemCode::EvidenceOther, message));
        }
    }
}

/// No file can loosen the floor.
pub(super) fn policies(scene: &Scene<'_>, repositories: &[PinnedRepo], problems: &mut Vec<Problem>) {
    for repo in repositories
        .iter()
        .filter(|r| !r.policy.is_no_looser_than_floor())
    {
        let name = scene.books.name(&repo.repository);
        let message = format!("the policy of {name} is looser than the built-in floor");
        problems.push(scene.problem(ProblemCode::PolicyTooLoose, message));
    }
}

/// Nothing lies in the bundle that the story does not speak of: it would look vouched for. Where bodies are gone, what
/// they named can't be told from that.
pub(super) fn unnamed(story: &Story, report: &Report, problems: &mut Vec<Problem>) {
    if story.has_gaps() {
        return;
    }
    let events = story.records.iter().flatten().map(|record| &record.event);
    let named: BTreeSet<String> = events.flat_map(named).map(|hash| hash.to_hex()).collect();
    for attachment in &report.attachments {
        let hash = attachment.hash.to_string();
        if !named.contains(&hash) {
            problems.push(Problem {
                code: ProblemCode::EvidenceUnnamed,
                seq: None,
                message: format!("the story does not name the content with the hash {hash}"),
            });
        }
    }
}

fn named(event: &Event) -> Vec<BodyHash> {
    if let Event::DraftsRecorded { drafts } = event {
        return drafts.iter().map(|d| d.canonical).collect();
    }
    if let Event::AgentCalled { run } = event {
        return vec![run.output];
    }
    if let Event::LedgerSealed { checkpoint, .. } = event {
        return vec![checkpoint.note];
    }
    Vec::new()
}
