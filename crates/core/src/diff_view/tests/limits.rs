//! What doesn't fit is counted, at every level.

use super::super::form::{Truncated, TypedDiff};
use super::super::{Limits, Wanted};
use super::{Scene, all_lines, numbered};
use crate::path::RepoPath;
use proptest::prelude::*;

fn scene() -> Scene {
    let old = numbered(60);
    let new: Vec<String> = old
        .iter()
        .enumerate()
        .map(|(i, l)| {
            if i % 20 == 10 {
                l.replace("number", "no")
            } else {
                l.clone()
            }
        })
        .collect();
    Scene::default()
        .file(Some("a.rs"), Some("a.rs"), old.concat(), new.concat())
        .file(None, Some("b.rs"), "", numbered(5).concat())
        .file(Some("c.rs"), None, numbered(4).concat(), "")
}

fn limited(change: impl FnOnce(&mut Limits)) -> TypedDiff {
    let mut wanted = Wanted::default();
    change(&mut wanted.limits);
    scene().view_of(&wanted)
}

#[test]
fn everything_fits_by_default() {
    let diff = scene().view();
    assert_eq!((diff.files.len(), diff.truncated), (3, None));
    assert_eq!(all_lines(&diff.files[0]).len(), 24);
}

#[test]
fn a_hunk_that_is_cut_says_so() {
    let diff = limited(|l| l.file_lines = 10);
    let file = &diff.files[0];
    assert_eq!(file.hunks.len(), 2);
    assert_eq!((file.hunks[1].lines.len(), file.hunks[1].omitted_lines), (2, 6));
    let missing = file.truncated.unwrap();
    assert_eq!((missing.hunks, missing.lines), (1, 14));
    assert_eq!(diff.files[1].truncated, None, "the next file has room of its own");
    assert_eq!(diff.truncated.unwrap(), missing);
    assert_eq!((file.added, file.removed), (3, 3), "counts are of the whole file");
}

#[test]
fn files_that_are_not_listed_are_counted() {
    let missing = limited(|l| l.files = 1).truncated.unwrap();
    assert_eq!((missing.files, missing.hunks, missing.lines), (2, 2, 9));
    assert!(missing.hides_content());
}

#[test]
fn a_long_line_says_what_it_lacks() {
    let diff = limited(|l| l.line_bytes = 12);
    let first = &diff.files[1].hunks[0].lines[0];
    assert_eq!((first.text.as_str(), first.omitted_bytes), ("statement nu", 7));
    assert!(diff.truncated.unwrap().bytes > 0);
}

#[test]
fn one_file_can_be_asked_for() {
    let wanted = Wanted {
        only: Some(RepoPath::from("b.rs")),
        ..Wanted::default()
    };
    let diff = scene().view_of(&wanted);
    assert_eq!(diff.files.len(), 1);
    assert_eq!(
        (diff.files[0].path.text.as_str(), diff.files[0].truncated),
        ("b.rs", None)
    );
    assert_eq!((diff.truncated.unwrap().files, diff.files_changed), (2, 3));
}

proptest! {
    #[test]
    fn what_is_listed_and_what_is_left_out_is_everything(
        files in 0_usize..4, lines in 0_usize..40, file_lines in 0_usize..30, bytes in 0_usize..9000, line_bytes in 4_usize..40,
    ) {
        let whole = scene().view();
        let count = |d: &TypedDiff| d.files.iter().map(|f| all_lines(f).len() as u64).sum::<u64>();
        let hunks = |d: &TypedDiff| d.files.iter().map(|f| f.hunks.len() as u64).sum::<u64>();
        let text = |d: &TypedDiff| d.files.iter().flat_map(all_lines).map(|l| l.text.len() as u64 + l.omitted_bytes).collect::<Vec<_>>();
        let diff = limited(|l| {
            l.files = files;
            l.lines = lines;
            l.file_lines = file_lines;
            l.bytes = bytes;
            l.line_bytes = line_bytes;
        });
        let missing = diff.truncated.unwrap_or_default();
        prop_assert_eq!(diff.files.len() as u64 + missing.files, 3);
        prop_assert_eq!(count(&diff) + missing.lines, count(&whole));
        prop_assert_eq!(hunks(&diff) + missing.hunks, hunks(&whole));
        prop_assert_eq!(diff.files.iter().flat_map(all_lines).map(|l| l.omitted_bytes).sum::<u64>(), missing.bytes);
        if missing.lines == 0 {
            prop_assert_eq!(text(&diff), text(&whole));
        }
        let mut of_files = Truncated::default();
        diff.files.iter().filter_map(|f| f.truncated).for_each(|t| of_files.add(&t));
        prop_assert!(of_files.lines <= missing.lines && of_files.files == 0);
        let anchors = |d: &TypedDiff| d.files.iter().flat_map(all_lines).map(|l| l.anchor).collect::<Vec<_>>();
        let all = anchors(&whole);
        prop_assert!(anchors(&diff).iter().all(|a| all.contains(a)), "limits change no anchor");
    }
}
