//! The lines of two contents that differ, grouped into hunks with context. Pure.

use gix::diff::blob::{Algorithm, InternedInput, diff_with_slider_heuristics};
use std::ops::Range;

/// Unchanged lines shown around a change.
pub(super) const CONTEXT_LINES: u32 = 3;
/// How long lines usually are, in bytes: only for how much room is made at first.
const USUAL_LINE_BYTES: usize = 32;

/// Lines of a content, each with its line feed.
pub(crate) fn split(content: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::with_capacity(content.len() / USUAL_LINE_BYTES);
    let mut from = 0;
    for at in memchr::memchr_iter(b'\n', content) {
        lines.push(&content[from..=at]);
        from = at + 1;
    }
    if from < content.len() {
        lines.push(&content[from..]);
    }
    lines
}

/// One differing region: line numbers from 0, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) before: Range<u32>,
    pub(super) after: Range<u32>,
}

/// Edits that are close enough to share context, with that context added.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) before: Range<u32>,
    pub(super) after: Range<u32>,
    pub(super) edits: Vec<Edit>,
}

/// The differing regions, in order.
pub(super) fn edits(before: &[&[u8]], after: &[&[u8]]) -> Vec<Edit> {
    let mut input = InternedInput::default();
    input.update_before(before.iter().copied());
    input.update_after(after.iter().copied());
    let diff = diff_with_slider_heuristics(Algorithm::Histogram, &input);
    diff.hunks()
        .map(|h| Edit {
            before: h.before,
            after: h.after,
        })
        .collect()
}

/// Joins edits whose context touches.
pub(super) fn groups(edits: Vec<Edit>, before_len: u32, after_len: u32) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for edit in edits {
        match groups.last_mut() {
            Some(group) if edit.before.start <= group.before.end.saturating_add(CONTEXT_LINES) => {
                extend(group, edit, before_len, after_len);
            }
            Some(_) | None => {
                let lead = edit.before.start.min(CONTEXT_LINES);
                let mut group = Group {
                    before: edit.before.start - lead..edit.before.end,
                    after: edit.after.start - lead..edit.after.end,
                    edits: Vec::new(),
                };
                extend(&mut group, edit, before_len, after_len);
                groups.push(group);
            }
        }
    }
    groups
}

fn extend(group: &mut Group, edit: Edit, before_len: u32, after_len: u32) {
    group.before.end = edit.before.end.saturating_add(CONTEXT_LINES).min(before_len);
    group.after.end = edit.after.end.saturating_add(CONTEXT_LINES).min(after_len);
    group.edits.push(edit);
}
