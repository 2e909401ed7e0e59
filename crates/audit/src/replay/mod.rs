//! Every recorded step, given to the production rules once more.
//!
//! A step is what one decision recorded: some events with one time. The input that led to it is put together again
//! from those events ([`inputs`]), `decide` judges it on the state before, and what it gives must be what is recorded,
//! event for event. Only two things are not recorded and are therefore compared in part ([`masked`]): the texts of
//! policy files, and what gate 0 saw in them.
//!
//! After the first step that is not lawful nothing more is judged here: every later state would rest on it.

mod inputs;
mod masked;

use crate::problem::{Problem, ProblemCode};
use crate::story::Story;
use countersign_core::record::EventRecord;
use countersign_core::time::Timestamp;
use countersign_core::workflow::{Decision, Event, Refusal, Workflow, decide, start};
use inputs::Candidate;
pub(crate) use inputs::{act_of, submission};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Judges every step in order, as far as bodies are there.
pub(crate) fn judge(story: &Story, problems: &mut Vec<Problem>, unjudged: &mut Vec<String>) {
    let readable: Vec<&EventRecord> = story.records.iter().map_while(Option::as_ref).collect();
    if readable.len() < story.records.len() {
        unjudged.push(format!(
            "the steps from entry {} on, because that body was erased",
            readable.len() + 1
        ));
    }
    let whole = readable.len() == story.records.len();
    let mut workflow = Workflow::empty(story.tenant.clone(), story.workflow.clone());
    let mut rest = readable.as_slice();
    while !rest.is_empty() {
        match step(&workflow, rest) {
            Ok(taken) => {
                let (now, later) = rest.split_at(taken);
                now.iter().for_each(|record| workflow.apply(&record.event));
                rest = later;
            }
            // The step was cut by an erased body.
            Err(_) if !whole && one_time(rest).len() == rest.len() => return,
            Err(problem) => return problems.push(problem),
        }
    }
    if whole && story.ended != workflow.state.is_final() {
        let message = if story.ended {
            format!("the stream ends while the workflow is {}", workflow.state)
        } else {
            format!("the workflow ended as {}, and its stream did not", workflow.state)
        };
        let seq = readable.len() as u64;
        problems.push(Problem::at(seq, ProblemCode::EndMismatch, message));
    }
}

/// The events up to the next moment: no step is longer.
fn one_time<'a>(rest: &'a [&'a EventRecord]) -> &'a [&'a EventRecord] {
    let Some(first) = rest.first() else { return rest };
    let end = rest.iter().position(|r| r.at != first.at).unwrap_or(rest.len());
    rest.split_at(end).0
}

/// How many of these events are one lawful step from that state.
fn step(workflow: &Workflow, rest: &[&EventRecord]) -> Result<usize, Problem> {
    let now = one_time(rest);
    let at = now.first().map_or(Timestamp(0), |r| r.at);
    let mut best: Option<(usize, String)> = None;
    for candidate in inputs::candidates(workflow, now) {
        let compared = match masked::expected(workflow, &candidate, now) {
            Some(compared) => compared,
            None => run(workflow, &candidate, at).and_then(|decision| compare(&decision.events, now)),
        };
        match compared {
            Ok(taken) => return Ok(taken),
            Err(wrong) if best.as_ref().is_none_or(|(matched, _)| wrong.0 > *matched) => best = Some(wrong),
            Err(_) => {}
        }
    }
    let lead = now.first().map_or("nothing", |r| r.event.kind());
    let (matched, message) = best.unwrap_or_else(|| {
        let message = format!(
            "nothing that can happen while the workflow is {} is recorded as `{lead}`",
            workflow.state
        );
        (0, message)
    });
    let seq = now.get(matched).or(now.last()).map_or(0, |r| r.seq);
    Err(Problem::at(seq, ProblemCode::TransitionIllegal, message))
}

/// How far two lists of events agree, and where they part.
type Wrong = (usize, String);

/// Asks the production rules. A panic of theirs is a no.
fn run(workflow: &Workflow, candidate: &Candidate, at: Timestamp) -> Result<Decision, Wrong> {
    let asked = || match candidate {
        Candidate::Start(submission) if workflow.version.0 == 0 => {
            start(workflow, (**submission).clone(), at)
        }
        Candidate::Start(_) => Err(Refusal::Stale),
        Candidate::Input(input) => decide(workflow, (**input).clone(), at),
    };
    match catch_unwind(AssertUnwindSafe(asked)) {
        Ok(Ok(decision)) => Ok(decision),
        Ok(Err(refusal)) => Err((0, format!("the rules do not allow it: {refusal}"))),
        Err(_) => Err((0, "the rules can't judge it at all".to_owned())),
    }
}

/// Whether what is recorded begins with exactly these events.
fn compare(expected: &[Event], recorded: &[&EventRecord]) -> Result<usize, Wrong> {
    for (at, event) in expected.iter().enumerate() {
        match recorded.get(at) {
            Some(found) if found.event == *event => {}
            Some(found) if found.event.kind() == event.kind() => {
                let text = format!("the rules give another `{}` here than is recorded", event.kind());
                return Err((at, text));
            }
            Some(found) => {
                let text = format!(
                    "the rules give `{}` here, and `{}` is recorded",
                    event.kind(),
                    found.event.kind()
                );
                return Err((at, text));
            }
            None => {
                let text = format!(
                    "the rules go on with `{}` here, which is not recorded",
                    event.kind()
                );
                return Err((at, text));
            }
        }
    }
    Ok(expected.len())
}
