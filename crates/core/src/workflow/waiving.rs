//! Letting one broken rule pass: who may, for what, until when, and what goes on afterwards.

use super::event::{Event, RequestStatus, Subject};
use super::human::{check_text, find_open, refuse_half_written, wrong_state};
use super::planning::{DAY_MS, judge_plan};
use super::proposing::judge_proposal;
use super::turn::Turn;
use super::{Refusal, Workflow};
use crate::act::{SeenDigest, SignedAct};
use crate::id::{RepositoryId, RequestId};
use crate::member::Roster;
use crate::policy::{Violation, WaivedContent, Waiver, may_waive};
use crate::question::QuestionKind;
use crate::time::Timestamp;

/// What a person asks to let pass.
pub(super) struct Asked {
    pub(super) repository: RepositoryId,
    pub(super) violation: String,
    pub(super) reason: String,
    pub(super) until: Timestamp,
}

pub(super) fn waive(
    turn: &mut Turn,
    act: SignedAct,
    (id, seen): (&RequestId, &SeenDigest),
    asked: Asked,
    roster: &Roster,
) -> Result<(), Refusal> {
    check_text("the reason", &asked.reason)?;
    let request = find_open(&turn.workflow, id, seen)?;
    let fits = match &request.subject {
        Subject::PatchSet { .. } => true,
        Subject::Question { question, .. } => question.kind == QuestionKind::PolicyBlocks,
        Subject::Plan { .. } => false,
    };
    if !fits {
        return Err(wrong_state(
            &turn.workflow,
            "waive",
            "; no broken rule waits here",
        ));
    }
    refuse_half_written(&turn.workflow, "waive")?;
    let violation = find(&turn.workflow, &asked)?.clone();
    roster.entitled(&act.record.member, may_waive(violation.severity))?;
    check_time(&turn.workflow, &asked, turn.at)?;
    let waiver = waiver(&violation, &asked, &act, turn.at)?;
    let of_plan = matches!(waiver.content, WaivedContent::Plan { .. });
    turn.emit(Event::WaiverGiven { act, waiver });
    turn.close(id, RequestStatus::Waived);
    turn.close_all(RequestStatus::Superseded);
    if of_plan {
        judge_plan(turn, roster);
    } else {
        judge_proposal(turn, roster, "a broken rule was waived");
    }
    Ok(())
}

fn find<'w>(workflow: &'w Workflow, asked: &Asked) -> Result<&'w Violation, Refusal> {
    let mut here = workflow
        .violations
        .iter()
        .filter(|v| v.repository == asked.repository);
    let found = here.find(|v| v.id() == asked.violation).ok_or_else(|| {
        Refusal::NotWaivable(format!(
            "`{}` is not among the violations here; `countersign show` lists them",
            asked.violation
        ))
    })?;
    if found.waived_until.is_some() {
        return Err(Refusal::NotWaivable(format!(
            "`{}` is waived already",
            asked.violation
        )));
    }
    Ok(found)
}

fn check_time(workflow: &Workflow, asked: &Asked, at: Timestamp) -> Result<(), Refusal> {
    let repo = workflow
        .repositories
        .iter()
        .find(|r| r.repository == asked.repository);
    let days = repo.map_or(1, |r| r.policy.waiver_days.value);
    let latest = at.plus_ms(u64::from(days) * DAY_MS);
    if asked.until <= at || asked.until > latest {
        return Err(Refusal::NotWaivable(format!(
            "a waiver here ends in the future and after {days} days at most"
        )));
    }
    Ok(())
}

fn waiver(violation: &Violation, asked: &Asked, act: &SignedAct, at: Timestamp) -> Result<Waiver, Refusal> {
    let (Some(path), Some(content)) = (violation.path.clone(), violation.content.clone()) else {
        return Err(Refusal::NotWaivable(format!(
            "`{}` can't be waived: {}",
            asked.violation, violation.remedy
        )));
    };
    Ok(Waiver {
        rule: violation.rule,
        custom: violation.custom.clone(),
        repository: violation.repository.clone(),
        path,
        content,
        reason: asked.reason.trim().to_owned(),
        by: act.record.member.clone(),
        from: at,
        until: asked.until,
    })
}
