//! Triage, architecture and plan, as the agent left them.

use super::Seen;
use super::lines::{Page, Style};
use countersign_core::artifact::{Architecture, PathExpectation, Plan, Step};

/// Most paths named per step; the rest is counted.
const PATHS_SHOWN: usize = 8;

/// Everything that was planned, if anything was.
pub fn page(seen: &Seen) -> Page {
    let mut page = Page::new();
    let workflow = &seen.workflow;
    if let Some(triage) = &workflow.triage {
        page.heading("What is wanted");
        page.block(2, Style::Plain, &triage.summary);
        listed(&mut page, "because", &triage.reasons);
        listed(&mut page, "risk", &triage.risks);
        listed(&mut page, "not known", &triage.unknowns);
        listed(&mut page, "missing", &triage.missing);
    }
    if let Some(plan) = &workflow.plan {
        let digest = workflow.plan_digest.map(|d| d.first8()).unwrap_or_default();
        let line = page.heading("Plan ").add(Style::Warn, digest);
        if plan.derived_from_proposal {
            line.add(Style::Dim, "  read off the finished proposal, not made before it");
        }
        if let Some(architecture) = &workflow.architecture {
            described(&mut page, architecture);
        }
        planned(&mut page, plan, seen);
    }
    page
}

fn described(page: &mut Page, architecture: &Architecture) {
    page.block(2, Style::Plain, &architecture.summary);
    for component in &architecture.components {
        page.line(2)
            .add(Style::Dim, "part       ")
            .add(Style::Plain, component);
    }
}

fn planned(page: &mut Page, plan: &Plan, seen: &Seen) {
    for step in &plan.steps {
        one(page, step, &seen.workflow.repository_name(&step.repository));
    }
    listed(page, "in scope", &plan.scope.includes);
    listed(page, "left out", &plan.scope.non_goals);
    let criteria: Vec<String> = plan
        .acceptance
        .iter()
        .map(|a| format!("{}: {}", a.id, a.text))
        .collect();
    listed(page, "done when", &criteria);
}

fn one(page: &mut Page, step: &Step, repository: &str) {
    page.line(2)
        .column(Style::Bold, &step.id, 4)
        .add(Style::Plain, &step.title)
        .add(Style::Plain, "  ")
        .add(Style::Name, repository);
    for planned in step.paths.iter().take(PATHS_SHOWN) {
        let new = match planned.expectation {
            PathExpectation::Exists => "",
            PathExpectation::New => "  (new)",
        };
        page.line(6)
            .add(Style::Plain, planned.path.to_text())
            .add(Style::Dim, new);
    }
    let more = step.paths.len().saturating_sub(PATHS_SHOWN);
    if more > 0 {
        page.line(6).add(Style::Dim, format!("… and {more} more"));
    }
}

fn listed(page: &mut Page, what: &str, items: &[String]) {
    for item in items {
        let mut lines = item.lines();
        let first = lines.next().unwrap_or_default();
        page.line(2).column(Style::Dim, what, 11).add(Style::Plain, first);
        for line in lines {
            page.line(13).add(Style::Plain, line);
        }
    }
}
