//! Who asked for what, under which conditions it is decided, and what the agent claims about it: the same for terminal and page.

use super::lines::{Page, Style};
use super::{Seen, left_out_words};
use countersign_core::act::Attendance;
use countersign_core::artifact::Rationale;
use countersign_core::feedback::RepoRole;
use countersign_core::outbound::redacted;
use countersign_core::patch_set::Draft;

/// Most lines of an issue that are shown; the rest is counted.
const ISSUE_LINES_SHOWN: usize = 60;
/// Most claims that are listed per patch set; the rest is counted.
const RATIONALES_SHOWN: usize = 12;

/// Who asked, who proposes and with which rights, where, at what risk.
pub fn conditions(seen: &Seen) -> Page {
    let (mut page, workflow) = (Page::new(), &seen.workflow);
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
                RepoRole::Primary => "primary",
                RepoRole::Secondary => "secondary",
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

/// What people asked for after a revision, and what they left out of it.
pub fn asked_later(seen: &Seen) -> Page {
    let mut page = Page::new();
    for note in &seen.workflow.guidance {
        page.heading(&format!("Asked for after revision {}", note.revision));
        put_words(&mut page, &note.text);
    }
    let left_out = &seen.workflow.left_out;
    if !left_out.is_empty() {
        page.heading("Left out of the revision before");
        for part in left_out {
            let part = left_out_words(std::slice::from_ref(part), &seen.names());
            page.line(2).add(Style::Bad, "− ").add(Style::Plain, part);
        }
    }
    page
}

/// Words of several lines, as far as a page goes.
pub fn put_words(page: &mut Page, text: &str) {
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

/// What the agent says about its patches, and what had to be repaired to read them. Claims, not evidence.
pub fn claims(draft: &Draft) -> Page {
    let mut page = Page::new();
    rationales(&mut page, &draft.rationales);
    for warning in &draft.warnings {
        page.line(2)
            .add(Style::Warn, "! ")
            .add(Style::Plain, redacted(warning));
    }
    page
}

fn rationales(page: &mut Page, rationales: &[Rationale]) {
    for rationale in rationales.iter().take(RATIONALES_SHOWN) {
        page.line(2)
            .add(Style::Dim, format!("{} claims for ", rationale.step))
            .add(Style::Plain, rationale.path.to_text())
            .add(Style::Dim, format!(": {}", redacted(&rationale.text)));
    }
    let more = rationales.len().saturating_sub(RATIONALES_SHOWN);
    if more > 0 {
        page.line(2).add(
            Style::Dim,
            format!("… and {more} more claims (`show --json` has them)"),
        );
    }
}

/// Says that something is not shown.
pub fn masking(page: &mut Page, masked: u32) {
    if masked > 0 {
        let text = format!("{} here without what looks like a secret", said_lines(masked));
        page.line(2).add(Style::Warn, "! ").add(Style::Plain, text);
    }
}

/// `1 line is shown`, `2 lines are shown`.
fn said_lines(lines: u32) -> String {
    match lines {
        1 => "1 line is shown".to_owned(),
        lines => format!("{lines} lines are shown"),
    }
}
