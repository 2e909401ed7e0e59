//! One workflow as a person reads it before deciding: who asked, plan, diffs, gates, policy, what will be written.

use super::seen::{Seen, first8};
use super::{around, diff, end, gates, plan, policy, waiting, write};
use crate::terminal::{Page, Style};
use countersign_core::act::Attendance;
use countersign_core::workflow::State;
use countersign_server::shown::ISSUE_CHANGED;

/// Most lines of an issue that are shown; the rest is counted.
const ISSUE_LINES_SHOWN: usize = 60;

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
    if workflow.critique.is_some() || !workflow.violations.is_empty() {
        page.append(policy::of_workflow(seen));
    }
    if workflow.state == State::AwaitingApproval {
        page.append(write::page(seen));
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
    for note in &seen.workflow.guidance {
        page.heading(&format!("Asked for after revision {}", note.revision));
        put_words(&mut page, &note.text);
    }
    let left_out = &seen.workflow.left_out;
    if !left_out.is_empty() {
        page.heading("Left out of the revision before");
        for part in left_out {
            let part = super::seen::left_out_words(std::slice::from_ref(part), &seen.names());
            page.line(2).add(Style::Bad, "− ").add(Style::Plain, part);
        }
    }
    page
}

fn put_words(page: &mut Page, text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    for line in lines.iter().take(ISSUE_LINES_SHOWN) {
        page.line(2).add(Style::Plain, line);
    }
    let more = lines.len().saturating_sub(ISSUE_LINES_SHOWN);
    if more > 0 {
        page.line(2).add(
            Style::Warn,
            format!("… and {more} more lines (`show --json` has all of it)"),
        );
    }
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
    if let Some(submission) = &workflow.submission {
        let names = seen.names();
        let unseen = match submission.attendance {
            Attendance::Attended => "",
            Attendance::Unattended => ", unattended: nobody looks",
        };
        page.line(2).column(Style::Dim, "asked by", 11).add(
            Style::Plain,
            format!("{}{unseen}", names.member(&submission.started_by)),
        );
        let proposer = page
            .line(2)
            .column(Style::Dim, "proposer", 11)
            .add(Style::Plain, submission.agent.label());
        if submission.agent.unconfined() {
            proposer.add(Style::Warn, "  ! runs without confinement, with your rights");
        }
        for right in submission.agent.reach_words() {
            page.line(2).column(Style::Dim, "", 11).add(Style::Plain, right);
        }
        for repo in &submission.repositories {
            let role = match repo.role {
                countersign_core::feedback::RepoRole::Primary => "primary",
                countersign_core::feedback::RepoRole::Secondary => "secondary",
            };
            let pinned = workflow.repositories.iter().find(|p| p.repository == repo.id);
            let base = pinned
                .map(|p| format!("  {} at {}", p.base_branch, p.base.short()))
                .unwrap_or_default();
            page.line(2)
                .column(Style::Dim, role, 11)
                .add(Style::Name, &repo.name)
                .add(Style::Plain, base)
                .add(Style::Dim, format!("  {}", seen.place(&repo.id)));
        }
    }
    if let Some(tier) = workflow.tier {
        page.line(2)
            .column(Style::Dim, "risk", 11)
            .add(Style::Plain, tier.to_string())
            .add(Style::Dim, format!("  {}", workflow.tier_reasons.join(" ")));
    }
    if seen.roster.is_solo() {
        page.line(2).column(Style::Dim, "deciding", 11).add(
            Style::Plain,
            "solo mode: the one member approves alone, whatever the risk",
        );
    }
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
