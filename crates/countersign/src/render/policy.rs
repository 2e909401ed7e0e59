//! What policy found: rule, place, weight, and what to do about it.

use crate::terminal::{Page, Style};
use countersign_core::id::RepositoryId;
use countersign_core::policy::{Severity, Violation};

/// All violations; says so where there is none.
pub(crate) fn page(violations: &[Violation], name: impl Fn(&RepositoryId) -> String) -> Page {
    let mut page = Page::new();
    page.heading("Policy");
    if violations.is_empty() {
        page.line(2)
            .add(Style::Good, "✓ ")
            .add(Style::Plain, "nothing broken");
    }
    for violation in violations {
        let (mark, style, word) = match violation.severity {
            Severity::Warn => ("! ", Style::Warn, "warning"),
            Severity::Block => ("✗ ", Style::Bad, "block"),
        };
        page.line(2)
            .add(style, format!("{mark}{word} "))
            .add(Style::Bold, violation.id())
            .add(Style::Plain, "  ")
            .add(Style::Name, name(&violation.repository));
        page.block(6, Style::Plain, &violation.message);
        page.block(6, Style::Dim, &violation.remedy);
    }
    page
}
