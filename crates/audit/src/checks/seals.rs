//! Signed checkpoints that the story names: genuine, what the log began with, and large enough.

use super::Scene;
use super::books::Given;
use crate::problem::{Problem, ProblemCode};
use countersign_core::workflow::event::CheckpointRef;

pub(super) fn look(scene: &Scene<'_>, checkpoint: &CheckpointRef, problems: &mut Vec<Problem>) {
    let invalid = |why: String| {
        let size = checkpoint.size;
        scene.problem(
            ProblemCode::SealInvalid,
            format!("the signed checkpoint of size {size} {why}"),
        )
    };
    if checkpoint.covers.0 >= scene.record.seq {
        problems.push(invalid("covers entries that came after it".to_owned()));
    }
    let last = scene.story.index_of(checkpoint.covers.0);
    if checkpoint.covers.0 > 0 && last.is_none_or(|index| index >= checkpoint.size) {
        problems.push(invalid("is smaller than what it is said to cover".to_owned()));
    }
    let Some(note) = super::evidence::find(scene, &checkpoint.note, "a signed checkpoint", problems) else {
        return;
    };
    let vouched = std::str::from_utf8(note)
        .map_err(|_| "is no text".to_owned())
        .and_then(|note| {
            scene
                .report
                .vouch(note)
                .map_err(|e| format!("does not hold: {e}"))
        });
    match vouched {
        Err(why) => problems.push(invalid(why)),
        Ok(found) => {
            let same = found.size() == checkpoint.size && found.root().to_string() == checkpoint.root;
            if !same {
                problems.push(invalid("is not the one that is recorded".to_owned()));
            }
        }
    }
}

/// Why these approvals are not shown to have been in the log before the write.
pub(super) fn missing(scene: &Scene<'_>, counted: &[&Given<'_>]) -> Option<Problem> {
    let newest = counted.iter().map(|given| given.seq).max()?;
    let missing = |why: &str| {
        let message = format!("a write begins, and {why}");
        Some(scene.problem(ProblemCode::SealMissing, message))
    };
    let Some(seal) = &scene.books.approved_under else {
        return missing("no signed checkpoint was made after the approvals");
    };
    if seal.seq <= newest || seal.what.covers.0 < newest {
        return missing("the signed checkpoint does not cover every approval");
    }
    let inside = |given: &&Given<'_>| {
        let index = scene.story.index_of(given.seq);
        index.is_some_and(|index| index < seal.what.size)
    };
    if counted.iter().all(inside) {
        return None;
    }
    missing("an approval lies beyond the signed checkpoint")
}
