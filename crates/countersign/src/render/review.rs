//! One workflow as a person reads it before deciding: who asked, plan, diffs, gates, policy, what will be written.

use super::seen::{Seen, first8};
use super::{around, diff, end, gates, plan, policy, waiting, write};
use crate::terminal::{Page, Style};
use countersign_core::workflow::State;
use countersign_server::shown::ISSUE_CHANGED;
use countersign_server::shown::asking::{asked_later, conditions, put_words};

/// Everything.
pub(crate) fn page(seen: &Seen) -> Page {
    let mut page = head(seen);
    let workflow = &seen.workflow;
    page.append(words(seen));
    page.append(plan::page(seen));
    if workflow.state != State::AwaitingPlanApproval {
        page.append(diffs(seen, None));
        page.append(around::dependencies(seen));
        page.append(around::owners(seen));
    }
    page.append(gates::page(seen));
    page.append(gates::critique(seen));
    page.append(policy::of_workflow(seen));
    if workflow.state == State::AwaitingApproval {
        page.append(write::page(seen));
        page.append(write::unseen(seen));
    }
    page.append(waiting::question(seen));
    page.append(end::page(seen));
    page
}

/// The issue and what people asked for later, as it was written.
fn words(seen: &Seen) -> Page {
    let mut page = Page::new();
    let Some(submission) = &seen.workflow.submission else {
        return page;
    };
    if !submission.metadata.is_empty() {
        page.heading("Metadata");
        let width = submission.metadata.keys().map(|key| key.len()).max().unwrap_or(0);
        for (key, value) in &submission.metadata {
            page.line(2)
                .add(Style::Dim, format!("{key:width$}  "))
                .add(Style::Plain, value);
        }
    }
    if seen.workflow.counts_calls() {
        page.heading("Budget");
        for line in seen.workflow.account().words() {
            page.line(2).add(Style::Plain, line);
        }
    }
    page.heading("The issue");
    put_words(&mut page, &submission.feedback.text);
    page.append(asked_later(seen));
    page
}

/// Who asked for what, and under which conditions it is decided.
pub(crate) fn head(seen: &Seen) -> Page {
    let (mut page, workflow) = (Page::new(), &seen.workflow);
    page.gap();
    let title = workflow
        .submission
        .as_ref()
        .map_or("", |s| s.feedback.title.as_str());
    page.line(0)
        .add(Style::Bold, title)
        .add(Style::Dim, format!("  {}", workflow.id));
    page.line(2)
        .column(Style::Dim, "state", 11)
        .add(
            Style::Plain,
            format!("{}, revision {}", workflow.state, workflow.revision),
        )
        .add(Style::Dim, format!("  {}", workflow.reason));
    if let Some(at) = seen.issue_changed {
        let said = format!("! {ISSUE_CHANGED}");
        page.line(2)
            .add(Style::Warn, said)
            .add(Style::Dim, format!("  noticed {at}"));
    }
    page.append(conditions(seen));
    page
}

/// The newest diffs, of one repository or of all.
pub(crate) fn diffs(seen: &Seen, only: Option<&str>) -> Page {
    let mut page = Page::new();
    for draft in seen.drafts() {
        let name = seen.workflow.repository_name(&draft.repository);
        if only.is_none_or(|wanted| wanted == name) {
            let patch_set = seen.workflow.patch_set(&draft.repository);
            let digest = patch_set.and_then(|p| seen.digest(p)).map(|d| first8(&d));
            diff::draft(&mut page, (&name, digest.as_deref()), draft, seen.diff(draft));
        }
    }
    page
}
