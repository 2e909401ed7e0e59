//! What policy found: rule, place, weight, what to do about it, and who let it pass.

use super::Seen;
use super::lines::{Page, Style};
use super::waivers;
use countersign_core::id::RepositoryId;
use countersign_core::policy::{Severity, Violation};
use std::collections::BTreeSet;

/// Most line numbers that are shown; the rest is counted.
const LINES_SHOWN: usize = 12;

/// All violations; says so where there is none.
pub fn page(violations: &[Violation], name: impl Fn(&RepositoryId) -> String) -> Page {
    let mut page = begin(violations);
    for violation in violations {
        broken(&mut page, violation, &name(&violation.repository));
    }
    page
}

/// The violations of a workflow, with the policies that were asked and what was waived; nothing before policy was asked.
pub fn of_workflow(seen: &Seen) -> Page {
    let (workflow, violations) = (&seen.workflow, &seen.workflow.violations);
    if workflow.critique.is_none() && violations.is_empty() {
        return Page::new();
    }
    let mut page = begin(violations);
    for violation in violations {
        let name = workflow.repository_name(&violation.repository);
        if violation.waived_until.is_some() {
            waived(&mut page, violation, &name, seen);
            continue;
        }
        broken(&mut page, violation, &name);
        if let (Some(content), true) = (&violation.content, violation.blocks()) {
            let who = waivers::who_may(violation.severity);
            let bound = waivers::bound_to(content);
            page.line(6)
                .add(Style::Dim, format!("Or {who} waives it, for {bound}."));
        }
    }
    for repo in &workflow.repositories {
        let digest = repo.policy.digest().first8();
        let files: BTreeSet<_> = repo.policy.own_rules.iter().map(|file| &file.value).collect();
        let rules = match files.len() {
            0 => String::new(),
            files => format!(", with {} of own rules", super::counted(files, "file")),
        };
        page.line(2).add(
            Style::Dim,
            format!(
                "policy {digest} of {}{rules}",
                workflow.repository_name(&repo.repository)
            ),
        );
    }
    page
}

fn begin(violations: &[Violation]) -> Page {
    let mut page = Page::new();
    page.heading("Policy");
    if violations.is_empty() {
        page.line(2)
            .add(Style::Good, "✓ ")
            .add(Style::Plain, "nothing broken");
    }
    page
}

fn broken(page: &mut Page, violation: &Violation, name: &str) {
    let (mark, style) = match violation.severity {
        Severity::Warn => ("! ", Style::Warn),
        Severity::Block => ("✗ ", Style::Bad),
    };
    let word = waivers::weight(violation.severity);
    page.line(2)
        .add(style, format!("{mark}{word} "))
        .add(Style::Bold, violation.id())
        .add(Style::Plain, "  ")
        .add(Style::Name, name)
        .add(Style::Plain, lines(&violation.lines));
    page.block(6, Style::Plain, &violation.message);
    page.block(6, Style::Dim, &violation.remedy);
}

/// Let pass is never shown as green.
fn waived(page: &mut Page, violation: &Violation, name: &str, seen: &Seen) {
    page.line(2)
        .add(
            Style::Warn,
            format!("! waived {} ", waivers::weight(violation.severity)),
        )
        .add(Style::Bold, violation.id())
        .add(Style::Plain, "  ")
        .add(Style::Name, name)
        .add(Style::Plain, lines(&violation.lines));
    page.block(6, Style::Plain, &violation.message);
    let Some(waiver) = waivers::of(seen, violation) else {
        return;
    };
    page.line(6)
        .add(
            Style::Plain,
            format!("{} waived it: ", waivers::name(seen, &waiver.by)),
        )
        .add(Style::Plain, super::one_line(&waiver.reason));
    let (until, bound) = (waivers::minute(waiver.until), waivers::bound_to(&waiver.content));
    page.line(6)
        .add(Style::Dim, format!("until {until}, for {bound}"));
}

/// `  line 3` or `  lines 3, 7-9`; nothing where no line is named.
pub fn lines(lines: &[u32]) -> String {
    let mut runs: Vec<(u32, u32)> = Vec::new();
    for line in lines {
        match runs.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(*line) => *last = *line,
            Some(_) | None => runs.push((*line, *line)),
        }
    }
    let one = |(from, to): &(u32, u32)| match from == to {
        true => from.to_string(),
        false => format!("{from}-{to}"),
    };
    let shown: Vec<String> = runs.iter().take(LINES_SHOWN).map(one).collect();
    let more = match runs.len().saturating_sub(LINES_SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    match lines {
        [] => String::new(),
        [_] => format!("  line {}", shown.join(", ")),
        [..] => format!("  lines {}{more}", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_in_a_row_are_joined() {
        assert_eq!(lines(&[]), "");
        assert_eq!(lines(&[3]), "  line 3");
        assert_eq!(lines(&[3, 7, 8, 9, 11]), "  lines 3, 7-9, 11");
        let many: Vec<u32> = (0..20).map(|n| n * 2).collect();
        assert!(lines(&many).ends_with("22 and 8 more"), "{}", lines(&many));
    }
}
