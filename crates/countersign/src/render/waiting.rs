//! What waits for a human, and how to decide on it from any terminal.

use super::seen::{Seen, first8};
use crate::drive::drop_held;
use crate::terminal::{Page, Style};
use countersign_core::id::WorkflowId;
use countersign_core::question::QuestionKind;
use countersign_core::workflow::State;
use countersign_core::workflow::event::Subject;
use countersign_core::workflow::pull_requests::opened;

/// The open question with its choices, if there is one.
pub(crate) fn question(seen: &Seen) -> Page {
    let mut page = Page::new();
    for request in seen.workflow.open_requests() {
        let Subject::Question { question, .. } = &request.subject else {
            continue;
        };
        page.gap();
        page.line(0)
            .add(Style::Warn, "? ")
            .add(Style::Bold, question.kind.text());
        for detail in &question.details {
            let mut lines = detail.lines();
            page.line(2)
                .add(Style::Dim, "– ")
                .add(Style::Plain, lines.next().unwrap_or_default());
            for line in lines {
                page.line(4).add(Style::Plain, line);
            }
        }
        for choice in question.kind.choices() {
            page.line(2)
                .column(Style::Bold, choice.as_str(), 11)
                .add(Style::Dim, choice.meaning());
        }
        if crate::waiving::offered(seen) {
            let (_, digest) = seen.subject(request);
            page.line(2)
                .column(Style::Bold, "waive", 11)
                .add(
                    Style::Dim,
                    "let broken rules pass, for exactly this content; digest ",
                )
                .add(Style::Warn, first8(&digest));
        }
    }
    page
}

/// Inputs that can't be judged, and what to do: nothing else can be decided meanwhile.
pub(crate) fn held(id: &WorkflowId, held: &[String]) -> Page {
    let mut page = Page::new();
    page.heading("It is held: nothing goes on and nothing is decided");
    for why in held {
        page.line(2)
            .add(Style::Bad, "✗ ")
            .add(Style::Plain, format!("an input can't be judged: {why}"));
    }
    page.line(2)
        .add(Style::Plain, "→ ")
        .add(Style::Plain, drop_held(id));
    page
}

/// What somebody at the forge has to merge.
fn merge(seen: &Seen) -> Page {
    let (mut page, workflow) = (Page::new(), &seen.workflow);
    page.heading("It waits for somebody to merge it at the forge");
    for intent in &workflow.intents {
        if let Some(opened) = opened(workflow, &intent.id) {
            let place = seen.place(&intent.repository);
            page.line(2).add(Style::Warn, "? ").add(
                Style::Plain,
                format!(
                    "pull request #{} into {} of {place}",
                    opened.number, opened.base_branch
                ),
            );
        }
    }
    if let Some((_, until)) = workflow.merge_awaited {
        page.line(4).add(Style::Dim, format!("until {until}"));
    }
    page.line(2)
        .column(Style::Dim, "look now", 10)
        .add(Style::Plain, format!("countersign resume {}", workflow.id));
    page
}

/// Commands that decide on what waits.
pub(crate) fn how(seen: &Seen) -> Page {
    let (mut page, id) = (Page::new(), &seen.workflow.id);
    let state = seen.workflow.state;
    if state == State::AwaitingMerge {
        return merge(seen);
    }
    if !state.waits_for_human() {
        return page;
    }
    page.heading("It waits for a human");
    for request in seen.approvals_wanted() {
        let (subject, digest) = seen.subject(request);
        let until = request
            .expires_at
            .map(|t| format!("  until {t}"))
            .unwrap_or_default();
        page.line(2)
            .add(Style::Warn, "? ")
            .add(Style::Plain, format!("{subject}, digest {}", first8(&digest)))
            .add(Style::Dim, until);
        if seen.runs_out_soon(request) {
            page.line(4)
                .add(Style::Warn, "it runs out within a day; ")
                .add(Style::Plain, format!("countersign extend {id}"));
        }
    }
    let mut command = |what: &str, text: String| {
        page.line(2)
            .column(Style::Dim, what, 10)
            .add(Style::Plain, format!("countersign {text}"));
    };
    match state {
        State::AwaitingApproval | State::AwaitingPlanApproval => {
            command("look", format!("show {id}"));
            command("decide", format!("resume {id}"));
            command("or", format!("approve {id}"));
            if state == State::AwaitingApproval {
                command("in part", format!("deselect {id} PATH[#HUNK,…] --reason …"));
            }
        }
        State::NeedsHuman | State::BlockedPolicy => {
            command("look", format!("show {id}"));
            command("decide", format!("resume {id}"));
            command("or", format!("answer {id} CHOICE"));
            if seen.workflow.asks(QuestionKind::LandedDifferent) {
                command("take back", format!("revert {id}"));
            }
            if crate::waiving::offered(seen) {
                command("or", format!("waive {id} RULE@PATH --reason …"));
            }
        }
        State::Deferred => command("go on", format!("wake {id}")),
        State::Queued
        | State::LoadingContext
        | State::Triaging
        | State::Planning
        | State::Coding
        | State::Reviewing
        | State::Applying
        | State::PrOpen
        | State::VerifyingCi
        | State::AwaitingMerge
        | State::Done
        | State::Declined
        | State::Failed
        | State::Cancelled => {}
    }
    page
}
