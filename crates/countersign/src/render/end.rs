//! How it came out.

use super::seen::Seen;
use crate::terminal::{Page, Style};
use countersign_core::gate::{GateId, GateOutcome};
use countersign_core::workflow::State;
use countersign_core::workflow::merging::landed_as;
use countersign_core::workflow::pull_requests::opened;

/// The end of a workflow; nothing while it goes on.
pub(crate) fn page(seen: &Seen) -> Page {
    let (mut page, workflow) = (Page::new(), &seen.workflow);
    if !workflow.state.is_final() {
        return page;
    }
    page.gap();
    let (mark, style) = if workflow.state == State::Done {
        ("✓ ", Style::Good)
    } else {
        ("✗ ", Style::Bad)
    };
    page.line(0)
        .add(style, mark)
        .add(Style::Bold, workflow.state.as_str())
        .add(Style::Plain, format!(": {}", workflow.reason));
    let written = seen.written();
    for intent in &written {
        let place = seen.place(&intent.repository);
        page.line(2)
            .add(Style::Name, workflow.repository_name(&intent.repository))
            .add(Style::Plain, format!("  {}", intent.branch))
            .add(
                Style::Dim,
                format!("  commit {}, read back", intent.commit.short()),
            );
        if let Some(opened) = opened(workflow, &intent.id) {
            let merged = match landed_as(workflow, &intent.repository) {
                Some(commit) => format!(", merged as {}", commit.short()),
                None => String::new(),
            };
            page.line(4).add(
                Style::Plain,
                format!(
                    "pull request #{} into {} of {place}{merged}",
                    opened.number, opened.base_branch
                ),
            );
            continue;
        }
        page.line(4)
            .add(Style::Dim, "git -C ")
            .add(Style::Dim, place)
            .add(Style::Dim, format!(" show {}", intent.branch));
    }
    if written.is_empty() && workflow.left.is_empty() {
        page.line(2).add(Style::Dim, "nothing of it is in any repository");
    }
    if workflow
        .gates
        .get(&GateId::Ci)
        .is_some_and(|g| g.outcome == GateOutcome::NotRequired)
    {
        page.line(2)
            .add(Style::Dim, format!("– {}: not required by policy", GateId::Ci));
    }
    page.line(2).add(
        Style::Dim,
        format!("proof: countersign ledger export {} -o story.json", workflow.id),
    );
    page
}
