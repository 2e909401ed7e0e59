//! The facts by themselves, without the state machine: what has to be true of acts, gates, manifests, seals and
//! writes, said once more in this crate's own words.
//!
//! [`books`] keeps what the checks need to know of the story so far. Nothing here calls `decide`, the write gate or the
//! counting of approvals in core; only plain data, digests and signatures are shared.

mod acts;
mod books;
mod budget;
mod epochs;
mod evidence;
mod gates;
mod manifests;
mod people;
mod seals;
mod verified;
mod waivers;
mod writes;
mod written;

pub(crate) use written::{Outcome, Written, Yes, outcome};

use crate::problem::{Problem, ProblemCode};
use crate::story::Story;
use books::Books;
use budget::Spending;
use countersign_core::record::EventRecord;
use countersign_core::workflow::Event;
use countersign_ledger::Report;
use writes::Tries;

/// One entry in the light of what came before it.
pub(crate) struct Scene<'a> {
    pub(crate) story: &'a Story,
    pub(crate) report: &'a Report,
    pub(crate) books: &'a Books<'a>,
    pub(crate) record: &'a EventRecord,
}

impl Scene<'_> {
    fn problem(&self, code: ProblemCode, message: impl Into<String>) -> Problem {
        Problem::at(self.record.seq, code, message)
    }
}

/// Looks at every entry whose body is there.
pub(crate) fn judge(story: &Story, report: &Report, problems: &mut Vec<Problem>, unjudged: &mut Vec<String>) {
    let mut books = Books::new();
    let mut tries = Tries::default();
    let mut spending = Spending::default();
    for record in story.records.iter().flatten() {
        let scene = Scene {
            story,
            report,
            books: &books,
            record,
        };
        look(&scene, &mut tries, problems, unjudged);
        spend(&scene, &mut spending, problems);
        books.take(record);
    }
    problems.extend(tries.untold());
    evidence::unnamed(story, report, problems);
}

/// What the entry says of the budget.
fn spend(scene: &Scene<'_>, spending: &mut Spending, problems: &mut Vec<Problem>) {
    if let Event::AgentCallReserved { reservation } = &scene.record.event {
        spending.reserve(scene, reservation, problems);
    }
    if let Event::AgentCallEnded { number, took_ms } = &scene.record.event {
        spending.end(scene, *number, *took_ms, problems);
    }
    if let Event::AgentCalled { run } = &scene.record.event {
        spending.answered(scene, run, problems);
    }
    if let Event::AnswerGiven { act } = &scene.record.event {
        spending.granted(scene, act, problems);
    }
}

fn look(scene: &Scene<'_>, tries: &mut Tries, problems: &mut Vec<Problem>, unjudged: &mut Vec<String>) {
    acts::look(scene, problems);
    match &scene.record.event {
        Event::WorkflowStarted { feedback, .. } => evidence::feedback(scene, feedback, problems),
        Event::RosterRecorded { roster } => acts::started(scene, roster, problems),
        Event::GateEvaluated { result } => {
            gates::look(scene, result, problems);
            verified::gate(scene, result, problems);
            verified::delivery(scene, result, problems);
        }
        Event::ContextLoaded { repositories, .. } => evidence::policies(scene, repositories, problems),
        Event::AgentCalled { run } => evidence::output(scene, run, problems),
        Event::DraftsRecorded { drafts } => evidence::drafts(scene, drafts, problems),
        Event::LedgerSealed { checkpoint, .. } => seals::look(scene, checkpoint, problems),
        Event::PatchSetsFixed { patch_sets } => manifests::look(scene, patch_sets, problems),
        Event::WaiverGiven { act, waiver } => waivers::look(scene, act, waiver, problems),
        Event::IntentsRecorded { intents } => writes::intended(scene, intents, problems),
        Event::AttemptStarted { attempt } => tries.begin(scene, attempt, problems, unjudged),
        Event::AttemptEnded {
            intent,
            number,
            outcome,
        } => tries.end(scene, intent, *number, outcome, problems),
        Event::BranchRetracted { intent, deleted } => tries.retracted(intent, *deleted, problems),
        Event::PullRequestClosed { intent, closed } => {
            tries.retracted(&intent.pull_request(), *closed, problems);
        }
        Event::Reconciled { epoch, .. } => epochs::look(scene, *epoch, problems),
        Event::StateEntered { .. }
        | Event::EffectRequested { .. }
        | Event::RefsLookedUp { .. }
        | Event::TriageRecorded { .. }
        | Event::PlanRecorded { .. }
        | Event::AnswerRefused { .. }
        | Event::CritiqueRecorded { .. }
        | Event::PolicyEvaluated { .. }
        | Event::TierComputed { .. }
        | Event::PlanAccepted { .. }
        | Event::RequestOpened { .. }
        | Event::RequestClosed { .. }
        | Event::ApprovalGiven { .. }
        | Event::RejectionGiven { .. }
        | Event::ChangesRequested { .. }
        | Event::AnswerGiven { .. }
        | Event::PatchesDeselected { .. }
        | Event::ApprovalsWithdrawn { .. }
        | Event::ApprovalsVoided { .. }
        | Event::ActTaken { .. }
        | Event::RevisionStarted { .. }
        | Event::BasesChecked { .. }
        | Event::PullRequestsSkipped { .. }
        | Event::ChecksAwaited { .. }
        | Event::MergeAwaited { .. }
        | Event::MergesRead { .. }
        | Event::FixRoundBegun {}
        | Event::ChecksRead { .. }
        | Event::WorkflowEnded { .. }
        | Event::AgentCallReserved { .. }
        | Event::AgentCallEnded { .. } => {}
    }
}
