//! The typed diff on a screen: line numbers, changed words, and marks where something hides. What is left out
//! is said where it is missing and once more at the end.

use super::story::counted;
use crate::terminal::{Page, Style};
use countersign_core::diff_view::TypedDiff;
use countersign_core::diff_view::form::{
    Change, EntryType, FileView, HiddenKind, HunkView, LineSide, LineView, SideView, Span, Truncated,
};
use countersign_core::id::CommitSha;

/// How many digits of a commit are shown.
const COMMIT_DIGITS: usize = 12;

/// All of a typed diff.
pub(crate) fn page(diff: &TypedDiff, commits: (&CommitSha, &CommitSha)) -> Page {
    let mut page = Page::new();
    let short = |c: &CommitSha| c.as_str().chars().take(COMMIT_DIGITS).collect::<String>();
    let files = usize::try_from(diff.files_changed).unwrap_or(usize::MAX);
    page.line(0)
        .add(
            Style::Bold,
            format!("{} → {}", short(commits.0), short(commits.1)),
        )
        .add(Style::Plain, format!("  {}, ", counted(files, "file")))
        .add(Style::Good, format!("+{}", diff.added))
        .add(Style::Plain, " ")
        .add(Style::Bad, format!("−{}", diff.removed));
    for file in &diff.files {
        page.gap();
        file_head(&mut page, file);
        for hunk in &file.hunks {
            show_hunk(&mut page, hunk);
        }
        if let Some(missing) = &file.truncated {
            left_out(&mut page, "of this file", missing);
        }
    }
    if let Some(missing) = &diff.truncated {
        page.gap();
        left_out(&mut page, "altogether", missing);
        if missing.hides_content() {
            page.line(2)
                .add(Style::Plain, "→ `--path FILE` shows one file whole");
        }
    }
    page
}

fn file_head(page: &mut Page, file: &FileView) {
    let word = match file.change {
        Change::Added => "added",
        Change::Deleted => "deleted",
        Change::Modified => "modified",
        Change::Renamed => "renamed",
    };
    let line = page.line(0).column(Style::Name, word, 10);
    let line = match (&file.old, &file.change) {
        (Some(old), Change::Renamed) => line.add(Style::Bold, format!("{} → ", old.path.text)),
        (_, _) => line,
    };
    let line = line.add(Style::Bold, &file.path.text).add(Style::Plain, "  ");
    let line = line.add(Style::Good, format!("+{}", file.added));
    let line = line.add(Style::Bad, format!(" −{}", file.removed));
    if let Some(percent) = file.similarity {
        line.add(Style::Dim, format!("  {percent} % alike"));
    }
    for note in notes(file) {
        page.line(2).add(Style::Warn, "! ").add(Style::Plain, note);
    }
}

/// What the lines don't show.
fn notes(file: &FileView) -> Vec<String> {
    let mut notes = Vec::new();
    let (old, new) = (file.old.as_ref(), file.new.as_ref());
    match (old, new) {
        (Some(old), Some(new)) if old.mode != new.mode => {
            notes.push(format!("mode {} → {}", named_mode(old), named_mode(new)));
        }
        (None, Some(side)) | (Some(side), None) if side.entry != EntryType::File => {
            notes.push(format!("mode {}", named_mode(side)));
        }
        (_, _) => {}
    }
    let target = new.and_then(|side| side.symlink_target.as_ref());
    notes.extend(target.map(|t| format!("points to {}", t.text)));
    if file.binary && old.map(|s| &s.blob) != new.map(|s| &s.blob) {
        let size = |side: Option<&SideView>| side.map_or(0, |s| s.size);
        notes.push(format!(
            "binary: {} → {} bytes, which nobody can read here",
            size(old),
            size(new)
        ));
    }
    notes
}

fn named_mode(side: &SideView) -> String {
    let name = match side.entry {
        EntryType::File => "file",
        EntryType::Executable => "executable",
        EntryType::Symlink => "symlink",
        EntryType::Submodule => "submodule",
    };
    format!("{} ({name})", side.mode)
}

fn show_hunk(page: &mut Page, hunk: &HunkView) {
    let range = |start: u32, count: u32| match count {
        1 => start.to_string(),
        _ => format!("{start},{count}"),
    };
    let (old, new) = (
        range(hunk.old_start, hunk.old_count),
        range(hunk.new_start, hunk.new_count),
    );
    let line = page.line(0).add(Style::Name, format!("@@ -{old} +{new} @@"));
    if let Some(heading) = &hunk.heading {
        line.add(Style::Dim, format!(" {}", heading.text));
    }
    let last = (hunk.old_start + hunk.old_count).max(hunk.new_start + hunk.new_count);
    let width = last.to_string().len();
    for line in &hunk.lines {
        show_line(page, line, width);
    }
    if hunk.omitted_lines > 0 {
        let text = format!("… {} more lines of this hunk are not shown", hunk.omitted_lines);
        page.line(0).add(Style::Warn, text);
    }
}

fn show_line(page: &mut Page, line: &LineView, width: usize) {
    let number = |n: Option<u32>| n.map(|n| n.to_string()).unwrap_or_default();
    let gutter = format!("{:>width$} {:>width$} ", number(line.old), number(line.new));
    let (mark, style) = match line.side {
        LineSide::Context => (" ", Style::Plain),
        LineSide::Removed => ("-", Style::Bad),
        LineSide::Added => ("+", Style::Good),
    };
    let mut shown = page.line(0).add(Style::Dim, gutter).add(style, mark);
    for (style, bytes) in pieces(line, style) {
        shown = shown.bytes(style, &bytes);
    }
    if line.omitted_bytes > 0 {
        shown.add(
            Style::Warn,
            format!(" … {} more bytes are not shown", line.omitted_bytes),
        );
    }
    if !line.newline {
        let text = format!("{:1$}\\ No newline at end of file", "", 2 * width + 2);
        page.line(0).add(Style::Dim, text);
    }
}

/// A line's bytes, cut where the look changes.
fn pieces(line: &LineView, plain: Style) -> Vec<(Style, Vec<u8>)> {
    let raw = match &line.hex {
        Some(digits) => hex::decode(digits).unwrap_or_default(),
        None => line.text.clone().into_bytes(),
    };
    let mut out: Vec<(Style, Vec<u8>)> = Vec::new();
    let mut at = 0;
    let mut push = |bytes: &[u8], units: u32| {
        let (style, bytes) = look(line, plain, at, bytes);
        match out.last_mut() {
            Some((last, so_far)) if *last == style => so_far.extend_from_slice(&bytes),
            Some(_) | None => out.push((style, bytes)),
        }
        at += units;
    };
    for chunk in raw.utf8_chunks() {
        for c in chunk.valid().chars() {
            push(
                c.encode_utf8(&mut [0; 4]).as_bytes(),
                if u32::from(c) > 0xffff { 2 } else { 1 },
            );
        }
        for byte in chunk.invalid() {
            push(&[*byte], 1);
        }
    }
    out
}

/// How one character looks. Spaces that end an added line, and what only looks like a space, get a body.
fn look(line: &LineView, plain: Style, at: u32, bytes: &[u8]) -> (Style, Vec<u8>) {
    let mark = line.hidden.iter().find(|m| (m.start..m.end).contains(&at));
    match mark.map(|m| (m.kind, m.code.as_deref())) {
        Some((HiddenKind::TrailingWhitespace, _)) if line.side == LineSide::Added => {
            let body = if bytes == b"\t" { "→" } else { "·" };
            return (Style::Warn, body.into());
        }
        Some((HiddenKind::UnusualSpace, Some(code))) => return (Style::Warn, format!("⟦{code}⟧").into()),
        Some((HiddenKind::Crlf, _)) => return (Style::Dim, bytes.to_vec()),
        Some((HiddenKind::TrailingWhitespace | HiddenKind::UnusualSpace, _)) | None => {}
        Some((
            HiddenKind::Bidi
            | HiddenKind::ZeroWidth
            | HiddenKind::Control
            | HiddenKind::Tag
            | HiddenKind::VariationSelector
            | HiddenKind::LineSeparator
            | HiddenKind::Invisible
            | HiddenKind::NotUtf8,
            _,
        )) => return (Style::Warn, bytes.to_vec()),
    }
    let is_word = |span: &Span| (span.start..span.end).contains(&at);
    let style = match line.side {
        LineSide::Removed if line.words.iter().flatten().any(is_word) => Style::BadWord,
        LineSide::Added if line.words.iter().flatten().any(is_word) => Style::GoodWord,
        LineSide::Removed | LineSide::Added | LineSide::Context => plain,
    };
    (style, bytes.to_vec())
}

fn left_out(page: &mut Page, place: &str, missing: &Truncated) {
    let parts = [
        (missing.files, "file"),
        (missing.hunks, "hunk"),
        (missing.lines, "line"),
        (missing.bytes, "byte"),
    ];
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| counted(usize::try_from(count).unwrap_or(usize::MAX), what))
        .collect();
    if !parts.is_empty() {
        let text = format!("… not shown {place}: {}", parts.join(", "));
        page.line(0).add(Style::Warn, text);
    }
    if missing.words > 0 {
        let text = format!(
            "… {} changed lines {place} were not compared word by word",
            missing.words
        );
        page.line(0).add(Style::Dim, text);
    }
}
