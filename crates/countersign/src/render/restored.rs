//! What `restore --resume` found, as a short list.

use super::story::counted;
use crate::commands::Resumed;
use crate::terminal::{Page, Style};
use countersign_core::workflow::Workflow;
use countersign_core::workflow::event::{RequestStatus, Subject};
use countersign_engine::reconciling::Reconciled;

/// The list.
pub(crate) fn page(done: &Resumed) -> Page {
    let mut page = Page::new();
    let epoch = done.epoch.as_ref().map_or(0, |e| e.epoch);
    if done.at_work {
        page.line(0).add(Style::Good, "– ").add(
            Style::Plain,
            format!("nothing to do: this data folder is at work, epoch {epoch}"),
        );
        return page;
    }
    for found in &done.workflows {
        let title = found
            .after
            .submission
            .as_ref()
            .map_or("", |s| s.feedback.title.as_str());
        page.line(0)
            .add(Style::Bold, found.after.id.to_string())
            .add(Style::Plain, format!("  {title}"));
        for sentence in sentences(found) {
            page.line(2).add(Style::Plain, sentence);
        }
    }
    for sentence in &done.unfetched {
        page.line(0).add(Style::Warn, "! ").add(Style::Plain, sentence);
    }
    if let Some(given_up) = done.epoch.as_ref().and_then(|e| e.given_up.as_ref()) {
        let text = format!(
            "{} entries that were signed are given up; the ledger says so, and whoever has the checkpoint of {} sees it",
            given_up.lost, given_up.size
        );
        page.line(0).add(Style::Warn, "! ").add(Style::Plain, text);
    }
    page.line(0).add(Style::Good, "✓ ").add(
        Style::Plain,
        format!(
            "epoch {epoch} began: {} reconciled, nothing was written, and the data folder is at work",
            counted(done.workflows.len(), "workflow")
        ),
    );
    page
}

/// What became of one workflow.
pub(crate) fn sentences(found: &Reconciled) -> Vec<String> {
    let (before, after) = (&found.before, &found.after);
    let mut said = Vec::new();
    let voided = before.approvals.len();
    if voided > 0 {
        let are = if voided == 1 { "is" } else { "are" };
        said.push(format!("{} {are} void", counted(voided, "approval")));
    }
    if before.state != after.state {
        said.push(format!("{} → {}: {}", before.state, after.state, after.reason));
    } else if asks_again(before, after) {
        said.push(format!("{}: people are asked again", after.state));
    } else {
        said.push(format!("{}: goes on where it was", after.state));
    }
    said.extend(asked_now(before, after));
    said
}

/// Whether somebody is asked about a plan or a patch set anew.
fn asks_again(before: &Workflow, after: &Workflow) -> bool {
    let mut new = after.requests.iter().skip(before.requests.len());
    new.any(|request| match request.subject {
        Subject::Plan { .. } | Subject::PatchSet { .. } => true,
        Subject::Question { .. } => false,
    })
}

/// The details of the question that was opened just now.
fn asked_now(before: &Workflow, after: &Workflow) -> Vec<String> {
    let new = after.requests.iter().skip(before.requests.len());
    let questions = new.filter(|r| r.status == RequestStatus::Open).filter_map(|r| {
        if let Subject::Question { question, .. } = &r.subject {
            Some(question.details.clone())
        } else {
            None
        }
    });
    questions.flatten().collect()
}
