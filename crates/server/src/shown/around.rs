//! What a change pulls in from elsewhere, and who owns the paths that it touches.

use super::Seen;
use super::counted;
use super::lines::{Page, Style};
use countersign_core::dependency::{DependencyChange, DependencyMove};
use countersign_core::owners::OwnedPath;

/// Most dependencies that are listed per repository; the rest is counted.
const DEPENDENCIES_SHOWN: usize = 40;
/// Most owned paths that are listed per repository; the rest is counted.
const OWNED_SHOWN: usize = 20;

/// Every dependency that the newest drafts move, file by file.
pub fn dependencies(seen: &Seen) -> Page {
    let mut page = Page::new();
    for draft in seen.drafts().iter().filter(|d| !d.dependencies.is_empty()) {
        let name = seen.workflow.repository_name(&draft.repository);
        page.heading("Dependencies");
        let mut file = None;
        for change in draft.dependencies.iter().take(DEPENDENCIES_SHOWN) {
            if file != Some(&change.path) {
                file = Some(&change.path);
                page.line(2)
                    .add(Style::Plain, change.path.to_text())
                    .add(Style::Plain, "  ")
                    .add(Style::Name, &name)
                    .add(Style::Dim, format!("  {}", change.ecosystem));
            }
            moved(&mut page, change);
        }
        more(
            &mut page,
            draft.dependencies.len(),
            DEPENDENCIES_SHOWN,
            "dependencies",
        );
    }
    page
}

fn moved(page: &mut Page, change: &DependencyChange) {
    let (word, style) = match change.what {
        DependencyMove::Added => ("added", Style::Good),
        DependencyMove::Removed => ("removed", Style::Bad),
        DependencyMove::Up => ("up", Style::Plain),
        DependencyMove::Down => ("down", Style::Warn),
        DependencyMove::Altered => ("altered", Style::Plain),
        DependencyMove::Source => ("moved", Style::Warn),
        DependencyMove::Integrity => ("content", Style::Warn),
    };
    let sides = [&change.before, &change.after].map(|side| side.as_ref());
    let version = |at: usize| sides[at].map(|s| s.version.as_deref().unwrap_or("any version"));
    let versions = match (version(0), version(1)) {
        (Some(before), Some(after)) if before != after => format!("{before} → {after}"),
        (Some(only), _) | (None, Some(only)) => only.to_owned(),
        (None, None) => String::new(),
    };
    let source = |at: usize| sides[at].map(|s| s.source.as_deref().unwrap_or("the default registry"));
    let from = match (source(0), source(1)) {
        (Some(before), Some(after)) if before != after => format!("  from {before} to {after}"),
        (_, Some(after)) if sides[1].is_some_and(|s| s.source.is_some()) => format!("  from {after}"),
        (_, _) => String::new(),
    };
    page.line(6)
        .column(style, word, 9)
        .add(Style::Bold, &change.name)
        .add(Style::Plain, format!(" {versions}"))
        .add(Style::Warn, from);
}

/// Owned paths of the newest drafts, and whether an owner has to approve.
pub fn owners(seen: &Seen) -> Page {
    let mut page = Page::new();
    for draft in seen.drafts().iter().filter(|d| !d.owners.is_empty()) {
        let name = seen.workflow.repository_name(&draft.repository);
        page.heading("Owners");
        let asked = match seen.roster.is_solo() {
            true => "shown only: in solo mode nobody else can be asked",
            false => "one owner of each path has to approve",
        };
        page.line(2)
            .add(Style::Name, &name)
            .add(Style::Dim, format!("  CODEOWNERS of the default branch; {asked}"));
        let shown: &[OwnedPath] = &draft.owners;
        let wide = shown
            .iter()
            .take(OWNED_SHOWN)
            .map(|o| o.path.to_text().chars().count());
        let wide = wide.max().unwrap_or(0);
        for owned in shown.iter().take(OWNED_SHOWN) {
            page.line(6)
                .column(Style::Plain, owned.path.to_text(), wide + 2)
                .add(Style::Bold, owned.owners.join(" or "))
                .add(Style::Dim, format!("  line {}", owned.line));
        }
        more(&mut page, shown.len(), OWNED_SHOWN, "owned paths");
    }
    page
}

fn more(page: &mut Page, all: usize, shown: usize, what: &str) {
    let left = all.saturating_sub(shown);
    if left > 0 {
        let text = format!(
            "… and {} of {what} (`show --json` has them)",
            counted(left, "more line")
        );
        page.line(6).add(Style::Warn, text);
    }
}
