//! Writes unified diffs as git does: `diff --git` headers, three lines of context, quoted paths, and the mark
//! for a missing last line end. Lines end at `\n` only, as in git, so a lone `\r` is content.

use countersign_core::path::{RepoPath, quote};
use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};
use std::fmt::Write;

/// Unchanged lines shown around a change.
const CONTEXT_LINES: usize = 3;

/// The diff of one changed file; empty when nothing changed.
pub(crate) fn file_diff(path: &RepoPath, before: &str, after: &str) -> String {
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    let hunks = group_diff_ops(capture_diff_slices(Algorithm::Myers, &old, &new), CONTEXT_LINES);
    let mut out = String::new();
    for ops in hunks.iter().filter(|ops| !ops.is_empty()) {
        if out.is_empty() {
            push_header(&mut out, path);
        }
        push_hunk(&mut out, ops, &old, &new);
    }
    out
}

fn push_header(out: &mut String, path: &RepoPath) {
    let old = side("a/", path);
    let new = side("b/", path);
    // Git ends a name that holds a space with a tab here, so that the name's end is plain.
    let end = if path.as_bytes().contains(&b' ') { "\t" } else { "" };
    out.push_str(&format!(
        "diff --git {old} {new}\n--- {old}{end}\n+++ {new}{end}\n"
    ));
}

/// `a/path`, in C-quotes where git would quote it.
fn side(prefix: &str, path: &RepoPath) -> String {
    let mut bytes = prefix.as_bytes().to_vec();
    bytes.extend_from_slice(path.as_bytes());
    let plain = bytes
        .iter()
        .all(|b| matches!(b, b' '..=b'~') && !matches!(b, b'"' | b'\\'));
    match String::from_utf8(bytes) {
        Ok(text) if plain => text,
        Ok(text) => quote(text.as_bytes()),
        Err(error) => quote(error.as_bytes()),
    }
}

fn push_hunk(out: &mut String, ops: &[DiffOp], old: &[&str], new: &[&str]) {
    let (Some(first), Some(last)) = (ops.first(), ops.last()) else {
        return;
    };
    let old_range = range(first.old_range().start, last.old_range().end);
    let new_range = range(first.new_range().start, last.new_range().end);
    // Writing into a string can't fail.
    let _ = writeln!(out, "@@ -{old_range} +{new_range} @@");
    for op in ops {
        match op {
            DiffOp::Equal { old_index, len, .. } => push_lines(out, ' ', &old[*old_index..old_index + len]),
            DiffOp::Delete { .. } | DiffOp::Insert { .. } | DiffOp::Replace { .. } => {
                push_lines(out, '-', &old[op.old_range()]);
                push_lines(out, '+', &new[op.new_range()]);
            }
        }
    }
}

/// `start,count` as git writes it: counted from 1, `,1` left out, and an empty range named by the line before
/// it.
fn range(start: usize, end: usize) -> String {
    match end - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        count => format!("{},{count}", start + 1),
    }
}

fn push_lines(out: &mut String, mark: char, lines: &[&str]) {
    for line in lines {
        out.push(mark);
        out.push_str(line);
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}
