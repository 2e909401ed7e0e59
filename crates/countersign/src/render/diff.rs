//! A canonical diff in colours. Its bytes are shown as they are, but for what a terminal would act on and, in a draft, what
//! looks like a secret.

use super::hunks;
use crate::terminal::{Page, Style};
use countersign_core::patch_set::Draft;
use countersign_inspect::masked;
use countersign_server::client::InterdiffsWire;
use countersign_server::shown::asking::{claims, masking};

/// One draft: headline, the agent's claims, repairs, and the whole diff.
pub(crate) fn draft(page: &mut Page, headline: (&str, Option<&str>), draft: &Draft, canonical: &[u8]) {
    let (name, digest) = headline;
    let files = super::story::counted(draft.diff.files.len(), "file");
    page.gap();
    let line = page.line(0).add(Style::Bold, "Patch set ");
    let line = match digest {
        Some(digest) => line.add(Style::Warn, digest).add(Style::Plain, " "),
        None => line,
    };
    line.add(Style::Name, name)
        .add(Style::Plain, format!("  {files}, "))
        .add(Style::Good, format!("+{}", draft.diff.added()))
        .add(Style::Plain, " ")
        .add(Style::Bad, format!("−{}", draft.diff.removed()));
    page.append(claims(draft));
    let shown = masked(canonical, &draft.findings);
    masking(page, shown.lines);
    page.gap();
    numbered(page, &shown.bytes);
}

/// What changed between two revisions.
pub(crate) fn since(found: &InterdiffsWire) -> Page {
    let mut page = Page::new();
    for one in &found.repositories {
        page.gap();
        page.line(0)
            .add(Style::Bold, format!("Revision {} → {} ", found.from, found.to))
            .add(Style::Name, &one.repository)
            .add(Style::Good, format!("  +{}", one.added))
            .add(Style::Plain, " ")
            .add(Style::Bad, format!("−{}", one.removed));
        if one.base_moved {
            let text = format!("the base moved from {} to {}", one.from_base, one.to_base);
            page.line(2).add(Style::Warn, "! ").add(Style::Plain, text);
        }
        if one.base_only_files > 0 {
            let files = usize::try_from(one.base_only_files).unwrap_or(usize::MAX);
            let files = super::story::counted(files, "file");
            page.line(2).add(
                Style::Dim,
                format!("not shown, because only the base changed them: {files}"),
            );
        }
        masking(&mut page, one.masked_lines);
        if one.diff.is_empty() {
            page.line(2).add(Style::Dim, "It would write the same.");
        } else {
            page.gap();
            lines(&mut page, one.diff.as_bytes());
        }
    }
    page
}

/// A diff of whoever asks for it, line by line.
pub(crate) fn lines(page: &mut Page, canonical: &[u8]) {
    let mut in_hunk = false;
    for line in canonical.split_inclusive(|b| *b == b'\n') {
        in_hunk = put(page, line, in_hunk, None);
    }
}

/// The diff, with the numbers of hunks that can be left out one by one.
fn numbered(page: &mut Page, canonical: &[u8]) {
    let mut sections = hunks::sections(canonical).into_iter();
    let (mut many, mut number, mut in_hunk) = (false, 0, false);
    for line in canonical.split_inclusive(|b| *b == b'\n') {
        if line.starts_with(b"diff --git ") {
            many = sections.next().is_some_and(|s| !s.whole && s.hunks > 1);
            number = 0;
        }
        let is_head = line.starts_with(b"@@ ");
        number += u32::from(is_head);
        in_hunk = put(page, line, in_hunk, (is_head && many).then_some(number));
    }
}

/// One line; gives whether the next one is inside of a hunk.
fn put(page: &mut Page, line: &[u8], in_hunk: bool, number: Option<u32>) -> bool {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let in_hunk = (in_hunk || line.starts_with(b"@@")) && !line.starts_with(b"diff --git ");
    let style = match line.first() {
        Some(b'@') => Style::Name,
        Some(b'+') if in_hunk => Style::Good,
        Some(b'-') if in_hunk => Style::Bad,
        Some(b' ') if in_hunk => Style::Plain,
        Some(b'\\') => Style::Dim,
        Some(_) | None if in_hunk => Style::Plain,
        Some(_) | None => Style::Bold,
    };
    let put = page.line(0).bytes(style, line);
    if let Some(number) = number {
        put.add(Style::Dim, format!("  hunk {number}"));
    }
    in_hunk
}
