//! The gates with their evidence and what is still to come, and the critic's findings.

use super::Seen;
use super::lines::{Page, Style};
use countersign_core::artifact::{Critique, FindingLevel};
use countersign_core::gate::{CheckOutcome, GateId, GateOutcome, GateResult};
use countersign_core::workflow::{State, merging};

/// All gates in order.
pub fn page(seen: &Seen) -> Page {
    let mut page = Page::new();
    page.heading("Gates");
    for (_, lines) in each(seen) {
        page.append(lines);
    }
    page
}

/// Every gate in order: how it came out or what it waits for, then its checks.
pub fn each(seen: &Seen) -> Vec<(GateId, Page)> {
    let mut all = Vec::new();
    for gate in GateId::ALL {
        let mut page = Page::new();
        match seen.workflow.gates.get(&gate) {
            Some(result) => judged(&mut page, result),
            // Only where policy wants it is there anything to judge after CI.
            None if gate == GateId::Delivery && !merging::is_awaited(&seen.workflow) => continue,
            None => open(&mut page, gate, seen),
        }
        all.push((gate, page));
    }
    all
}

/// The critic's remarks, if it was asked.
pub fn critique(seen: &Seen) -> Page {
    let mut page = Page::new();
    if let Some(critique) = &seen.workflow.critique {
        page.heading("Critic");
        critic(&mut page, critique, seen);
    }
    page
}

fn judged(page: &mut Page, result: &GateResult) {
    let gate = result.gate;
    match result.outcome {
        GateOutcome::Passed => page
            .line(2)
            .add(Style::Good, "✓ ")
            .add(Style::Plain, gate.to_string()),
        GateOutcome::Failed => page
            .line(2)
            .add(Style::Bad, "✗ ")
            .add(Style::Plain, gate.to_string()),
        GateOutcome::NotRequired => {
            page.line(2)
                .add(Style::Dim, "– ")
                .add(Style::Plain, format!("{gate}: not required by policy"));
            return;
        }
    };
    for check in &result.checks {
        let (mark, style) = match check.outcome {
            CheckOutcome::Passed => ("✓ ", Style::Good),
            CheckOutcome::Failed => ("✗ ", Style::Bad),
            CheckOutcome::Missing => ("? ", Style::Warn),
        };
        page.line(6)
            .add(style, mark)
            .column(Style::Plain, check.id.as_str(), 22)
            .add(Style::Dim, &check.detail);
    }
}

/// A gate that nobody has judged yet: never green, and it says what it waits for.
fn open(page: &mut Page, gate: GateId, seen: &Seen) {
    page.line(2)
        .add(Style::Dim, "– ")
        .add(Style::Plain, format!("{gate}: "))
        .add(Style::Dim, waits_for(gate, seen));
}

/// What an unjudged gate waits for.
fn waits_for(gate: GateId, seen: &Seen) -> &'static str {
    let state = seen.workflow.state;
    // As it was submitted: before its bases are pinned it has no other repositories.
    let mut repositories = seen.workflow.submission.iter().flat_map(|s| &s.repositories);
    let has_ci = repositories.any(|r| r.id.forge.has_pull_requests());
    match gate {
        _ if state.is_final() => "not reached",
        GateId::Approval if state == State::AwaitingApproval => "waits for your decision",
        GateId::Write => "judged right before and after writing",
        GateId::Ci if has_ci => "judged after writing, on exactly the commits that were written",
        GateId::Ci => "judged after writing; a local repository has no CI",
        GateId::Delivery => "judged once it is merged",
        GateId::Intake | GateId::Plan | GateId::Proposal | GateId::Approval => "not judged yet",
    }
}

/// No finding is said as that; a critic never passes anything.
fn critic(page: &mut Page, critique: &Critique, seen: &Seen) {
    if critique.findings.is_empty() {
        page.line(2).add(Style::Dim, "– ").add(Style::Plain, "no finding");
    }
    for finding in &critique.findings {
        let (mark, style) = match finding.level {
            FindingLevel::Note => ("! ", Style::Warn),
            FindingLevel::Reject => ("✗ ", Style::Bad),
        };
        let repository = finding
            .repository
            .as_ref()
            .map(|r| seen.workflow.repository_name(r));
        let path = finding.path.as_ref().map(|p| p.to_text());
        let place: Vec<String> = repository.into_iter().chain(path).collect();
        page.line(2)
            .add(style, mark)
            .add(Style::Plain, format!("{} ", finding.code))
            .add(Style::Name, place.join(" "));
        page.block(6, Style::Plain, &finding.text);
    }
}
