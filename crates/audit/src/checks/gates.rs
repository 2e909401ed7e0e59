//! Gates: each result follows from its checks, and before a write all five are passed, in order, for this revision.

use super::Scene;
use crate::problem::{Problem, ProblemCode};
use countersign_core::digest::EvidenceDigest;
use countersign_core::gate::{CheckId, CheckOutcome, GateId, GateOutcome, GateResult};

/// The gates that come before the first byte.
const BEFORE_A_WRITE: [GateId; 5] = [
    GateId::Intake,
    GateId::Plan,
    GateId::Proposal,
    GateId::Approval,
    GateId::Write,
];

pub(super) fn look(scene: &Scene<'_>, result: &GateResult, problems: &mut Vec<Problem>) {
    let gate = result.gate;
    let evidence = EvidenceDigest::of(&(gate, result.revision, result.outcome, &result.checks));
    if evidence != result.evidence {
        let message = format!("the digest of the evidence of {gate} is not that of its checks");
        problems.push(scene.problem(ProblemCode::GateEvidence, message));
    }
    let says_yes = result.outcome == GateOutcome::Passed;
    if says_yes && let Some(why) = keeps_closed(result) {
        let message = format!("{gate} is called passed, and {why}");
        problems.push(scene.problem(ProblemCode::GateEvidence, message));
    }
    if result.outcome == GateOutcome::NotRequired && gate != GateId::Ci {
        let message = format!("{gate} is called not required, and it always is");
        problems.push(scene.problem(ProblemCode::GateEvidence, message));
    }
    if result.revision != scene.books.revision {
        let message = format!(
            "{gate} is judged for revision {}, which is not at hand",
            result.revision
        );
        problems.push(scene.problem(ProblemCode::GateEvidence, message));
    }
}

/// Why a result can't be a pass: a check that said no, or one that is not there.
fn keeps_closed(result: &GateResult) -> Option<String> {
    let said_no = result.checks.iter().find(|c| c.outcome != CheckOutcome::Passed);
    if let Some(check) = said_no {
        return Some(format!("the check `{}` did not pass", check.id.as_str()));
    }
    let there = |id: &CheckId| result.checks.iter().any(|c| c.id == *id);
    let absent = CheckId::required_by(result.gate).iter().find(|id| !there(id))?;
    Some(format!("the check `{}` is not there", absent.as_str()))
}

/// What is missing before a write.
pub(super) fn missing(scene: &Scene<'_>) -> Vec<Problem> {
    let books = scene.books;
    let mut before = 0;
    let mut found = Vec::new();
    for gate in BEFORE_A_WRITE {
        let missing = |why: &str| {
            scene.problem(
                ProblemCode::GateMissing,
                format!("a write begins, and {gate} {why}"),
            )
        };
        let Some(noted) = books.gates.get(&gate) else {
            found.push(missing("was not judged"));
            continue;
        };
        let own = matches!(gate, GateId::Intake | GateId::Plan) || noted.what.revision == books.revision;
        if noted.what.outcome != GateOutcome::Passed || !own {
            found.push(missing("is not passed for this revision"));
        } else if noted.seq <= before {
            found.push(missing("was passed before the gate that comes before it"));
        }
        before = noted.seq;
    }
    found
}
