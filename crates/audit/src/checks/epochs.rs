//! A data folder that was taken up again: its ledger says so before any story does.

use super::Scene;
use crate::problem::{Problem, ProblemCode};

/// The epoch that a story goes on under began in the log before it.
pub(super) fn look(scene: &Scene<'_>, epoch: u64, problems: &mut Vec<Problem>) {
    let here = scene.story.index_of(scene.record.seq);
    let began = scene
        .story
        .epochs
        .iter()
        .find(|(_, found)| found.epoch == epoch)
        .map(|(index, _)| *index);
    if began.is_none() || began >= here {
        let message = format!("it goes on under epoch {epoch}, which did not begin in the ledger before it");
        problems.push(scene.problem(ProblemCode::EpochMissing, message));
    }
}
