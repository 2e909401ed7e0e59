//! One file's section of the canonical diff: git's format with full ids, so that `git apply` reads it too.
//! Pure.

use super::lines::{Group, edits, groups, split};
use countersign_core::diff::{ChangeKind, FileChange, FileMode, FileSide};
use countersign_core::path::quote;

/// The id of no blob.
const NULL_ID: &str = "0000000000000000000000000000000000000000";

/// Lines added and removed.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Counts {
    pub(super) added: u32,
    pub(super) removed: u32,
}

/// Appends the section of one file.
pub(super) fn section(file: &FileChange, old: &[u8], new: &[u8], out: &mut Vec<u8>) -> Counts {
    match &file.change {
        ChangeKind::Added { new: side } => added(side, file.binary, new, out),
        ChangeKind::Deleted { old: side } => deleted(side, file.binary, old, out),
        ChangeKind::Modified {
            old: before,
            new: after,
        } if type_of(before.mode) != type_of(after.mode) => {
            let gone = deleted(before, file.binary, old, out);
            let come = added(after, file.binary, new, out);
            Counts {
                added: come.added,
                removed: gone.removed,
            }
        }
        ChangeKind::Modified {
            old: before,
            new: after,
        } => changed(before, after, file.binary, (old, new), out),
        ChangeKind::Renamed {
            old: before,
            new: after,
        } => changed(before, after, file.binary, (old, new), out),
    }
}

/// File, symlink or submodule: one can't become the other in one section.
fn type_of(mode: FileMode) -> u8 {
    match mode {
        FileMode::Regular | FileMode::Executable => 0,
        FileMode::Symlink => 1,
        FileMode::Submodule => 2,
    }
}

fn added(side: &FileSide, binary: bool, content: &[u8], out: &mut Vec<u8>) -> Counts {
    let (a, b) = (name("a/", side), name("b/", side));
    line(out, &[b"diff --git ", &a, b" ", &b]);
    line(out, &[b"new file mode ", side.mode.octal().as_bytes()]);
    line(
        out,
        &[
            b"index ",
            NULL_ID.as_bytes(),
            b"..",
            side.blob.as_str().as_bytes(),
        ],
    );
    body(
        &Names {
            old: b"/dev/null",
            new: &b,
        },
        binary,
        &[],
        content,
        out,
    )
}

fn deleted(side: &FileSide, binary: bool, content: &[u8], out: &mut Vec<u8>) -> Counts {
    let (a, b) = (name("a/", side), name("b/", side));
    line(out, &[b"diff --git ", &a, b" ", &b]);
    line(out, &[b"deleted file mode ", side.mode.octal().as_bytes()]);
    line(
        out,
        &[
            b"index ",
            side.blob.as_str().as_bytes(),
            b"..",
            NULL_ID.as_bytes(),
        ],
    );
    body(
        &Names {
            old: &a,
            new: b"/dev/null",
        },
        binary,
        content,
        &[],
        out,
    )
}

fn changed(
    before: &FileSide,
    after: &FileSide,
    binary: bool,
    content: (&[u8], &[u8]),
    out: &mut Vec<u8>,
) -> Counts {
    let (a, b) = (name("a/", before), name("b/", after));
    line(out, &[b"diff --git ", &a, b" ", &b]);
    if before.mode != after.mode {
        line(out, &[b"old mode ", before.mode.octal().as_bytes()]);
        line(out, &[b"new mode ", after.mode.octal().as_bytes()]);
    }
    if before.path != after.path {
        let percent = similarity_percent(content.0, content.1);
        line(out, &[format!("similarity index {percent}%").as_bytes()]);
        line(out, &[b"rename from ", &quoted(before.path.as_bytes())]);
        line(out, &[b"rename to ", &quoted(after.path.as_bytes())]);
    }
    if before.blob == after.blob {
        return Counts::default();
    }
    let mode = if before.mode == after.mode {
        format!(" {}", after.mode.octal())
    } else {
        String::new()
    };
    let ids = [
        b"index ",
        before.blob.as_str().as_bytes(),
        b"..",
        after.blob.as_str().as_bytes(),
        mode.as_bytes(),
    ];
    line(out, &ids);
    body(&Names { old: &a, new: &b }, binary, content.0, content.1, out)
}

/// How much of the larger content is made of lines that stayed, in percent; only for people.
fn similarity_percent(old: &[u8], new: &[u8]) -> usize {
    let lines = split(old);
    let gone: usize = edits(&lines, &split(new))
        .iter()
        .flat_map(|e| {
            lines
                .get(e.before.start as usize..e.before.end as usize)
                .unwrap_or_default()
        })
        .map(|l| l.len())
        .sum();
    let kept = old.len().saturating_sub(gone);
    match old.len().max(new.len()) {
        0 => 100,
        size => kept.saturating_mul(100) / size,
    }
}

struct Names<'n> {
    old: &'n [u8],
    new: &'n [u8],
}

fn body(names: &Names<'_>, binary: bool, old: &[u8], new: &[u8], out: &mut Vec<u8>) -> Counts {
    if binary {
        line(
            out,
            &[b"Binary files ", names.old, b" and ", names.new, b" differ"],
        );
        return Counts::default();
    }
    let (before, after) = (split(old), split(new));
    let (before_len, after_len) = (length(&before), length(&after));
    let groups = groups(edits(&before, &after), before_len, after_len);
    let mut counts = Counts::default();
    if !groups.is_empty() {
        line(out, &[b"--- ", names.old, tab_after(names.old)]);
        line(out, &[b"+++ ", names.new, tab_after(names.new)]);
    }
    for group in groups {
        hunk(&group, &before, &after, out, &mut counts);
    }
    counts
}

fn hunk(group: &Group, before: &[&[u8]], after: &[&[u8]], out: &mut Vec<u8>, counts: &mut Counts) {
    let (old, new) = (range(&group.before), range(&group.after));
    line(out, &[format!("@@ -{old} +{new} @@").as_bytes()]);
    let mut at = group.before.start;
    for edit in &group.edits {
        lines(b' ', before, at..edit.before.start, out);
        lines(b'-', before, edit.before.clone(), out);
        lines(b'+', after, edit.after.clone(), out);
        counts.removed = counts.removed.saturating_add(edit.before.end - edit.before.start);
        counts.added = counts.added.saturating_add(edit.after.end - edit.after.start);
        at = edit.before.end;
    }
    lines(b' ', before, at..group.before.end, out);
}

/// Git's spelling: from 1, the line before an empty range, and no count of 1.
fn range(range: &std::ops::Range<u32>) -> String {
    match range.end - range.start {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        count => format!("{},{count}", range.start + 1),
    }
}

fn lines(mark: u8, of: &[&[u8]], range: std::ops::Range<u32>, out: &mut Vec<u8>) {
    for content in of
        .get(range.start as usize..range.end as usize)
        .unwrap_or_default()
    {
        out.push(mark);
        out.extend_from_slice(content);
        if content.last() != Some(&b'\n') {
            out.extend_from_slice(b"\n\\ No newline at end of file\n");
        }
    }
}

fn length(lines: &[&[u8]]) -> u32 {
    u32::try_from(lines.len()).unwrap_or(u32::MAX)
}

fn line(out: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        out.extend_from_slice(part);
    }
    out.push(b'\n');
}

fn name(prefix: &str, side: &FileSide) -> Vec<u8> {
    quoted(&[prefix.as_bytes(), side.path.as_bytes()].concat())
}

/// Git's quoting (core.quotePath): only where a byte asks for it.
fn quoted(bytes: &[u8]) -> Vec<u8> {
    let plain = bytes
        .iter()
        .all(|b| matches!(b, 0x20..=0x7e) && !matches!(b, b'"' | b'\\'));
    if plain {
        bytes.to_vec()
    } else {
        quote(bytes).into_bytes()
    }
}

/// Git puts a tab behind an unquoted name with a space, so that readers see where it ends.
fn tab_after(name: &[u8]) -> &'static [u8] {
    if name.contains(&b' ') && name.first() != Some(&b'"') {
        b"\t"
    } else {
        b""
    }
}
