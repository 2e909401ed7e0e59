//! Leaving patches or hunks out: a human's decision that narrows plan and drafts and begins a revision.

use super::event::{Event, RequestStatus, ResumePoint, RevisionCause, Subject};
use super::human::{check_text, find_open, refuse_half_written, wrong_state};
use super::input::Refused;
use super::turn::Turn;
use super::{Effect, Refusal, State, Workflow};
use crate::act::{SeenDigest, SignedAct};
use crate::artifact::Plan;
use crate::digest::PlanDigest;
use crate::id::{RepositoryId, RequestId, Revision};
use crate::narrow::{LEFT_OUT_MAX, LeftOut, narrow_plan};
use crate::patch_set::Draft;
use crate::path::RepoPath;
use crate::question::QuestionKind;
use std::collections::BTreeSet;

pub(super) fn deselect(
    turn: &mut Turn,
    act: SignedAct,
    (id, seen): (&RequestId, &SeenDigest),
    left_out: &[LeftOut],
    reason: &str,
) -> Result<(), Refusal> {
    check_text("the reason", reason)?;
    let request = find_open(&turn.workflow, id, seen)?;
    if !matches!(request.subject, Subject::PatchSet { .. }) {
        return Err(wrong_state(
            &turn.workflow,
            "deselect",
            "; patches can be left out when their approval is asked for",
        ));
    }
    refuse_half_written(&turn.workflow, "deselect")?;
    check(&turn.workflow, left_out)?;
    let plan = narrowed_plan(&turn.workflow, left_out);
    if plan.steps.is_empty() {
        return Err(Refusal::NotDeselectable(
            "nothing would be left; `countersign reject` says no to all of it".to_owned(),
        ));
    }
    let revision = Revision(turn.workflow.revision.0 + 1);
    let digest = PlanDigest::of(&(&turn.workflow.id, revision, &turn.workflow.architecture, &plan));
    turn.emit(Event::PatchesDeselected {
        act,
        plan,
        digest,
        left_out: left_out.to_vec(),
    });
    turn.close(id, RequestStatus::ChangesRequested);
    turn.close_all(RequestStatus::Superseded);
    turn.emit(Event::RevisionStarted {
        revision,
        cause: RevisionCause::Deselected,
    });
    turn.enter(
        State::Coding,
        format!("revision {revision} is made from what was left"),
    );
    turn.request(Effect::Narrow);
    Ok(())
}

/// Every part is one of a patch that is there, and none is named twice.
fn check(workflow: &Workflow, left_out: &[LeftOut]) -> Result<(), Refusal> {
    let refuse = |text: String| Err(Refusal::NotDeselectable(text));
    if left_out.is_empty() || left_out.len() > LEFT_OUT_MAX {
        return refuse(format!("name between 1 and {LEFT_OUT_MAX} patches to leave out"));
    }
    let mut seen = BTreeSet::new();
    for part in left_out {
        if file(workflow, part).is_none() {
            let name = workflow.repository_name(&part.repository);
            return refuse(format!(
                "{name} has no patch for `{}` in this revision",
                part.path
            ));
        }
        if !seen.insert((&part.repository, &part.path)) {
            return refuse(format!("`{}` is named twice", part.path));
        }
        if part.hunks.contains(&0) {
            return refuse(format!("the hunks of `{}` are counted from 1", part.path));
        }
    }
    Ok(())
}

fn file<'w>(workflow: &'w Workflow, part: &LeftOut) -> Option<&'w crate::diff::FileChange> {
    let draft = workflow.drafts.iter().find(|d| d.repository == part.repository)?;
    draft.diff.files.iter().find(|f| *f.path() == part.path)
}

/// The plan without the paths, on both sides, of patches that go as a whole.
fn narrowed_plan(workflow: &Workflow, left_out: &[LeftOut]) -> Plan {
    let mut plan = workflow
        .plan
        .clone()
        .expect("because patch sets come from a plan");
    let repositories: BTreeSet<&RepositoryId> = left_out.iter().map(|l| &l.repository).collect();
    for repository in repositories {
        let whole = left_out
            .iter()
            .filter(|l| l.repository == *repository && l.is_whole());
        let files = whole.filter_map(|part| file(workflow, part));
        let paths: BTreeSet<RepoPath> = files.flat_map(|f| f.paths()).cloned().collect();
        plan = narrow_plan(&plan, repository, &paths);
    }
    plan
}

pub(super) fn narrowed(turn: &mut Turn, answer: Result<Vec<Draft>, Refused>) {
    match answer {
        Ok(drafts) if !drafts.is_empty() => {
            turn.emit(Event::DraftsRecorded { drafts });
            turn.enter(
                State::Reviewing,
                "what was left applies exactly to its pinned base",
            );
            turn.request(Effect::Critique);
        }
        Ok(_) => {
            let details = vec!["nothing is left of the proposal".to_owned()];
            turn.ask(QuestionKind::ProposalRefused, details, ResumePoint::Coding);
        }
        Err(refused) => turn.ask(
            QuestionKind::ProposalRefused,
            refused.reasons,
            ResumePoint::Coding,
        ),
    }
}
