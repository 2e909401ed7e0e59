//! Files, hunks, lines, numbers, and what can't be seen.

use super::super::form::{Change, EntryType, HiddenKind, HiddenMark, LineSide};
use super::super::marks::{Ends, path_view, text_view};
use super::super::{ViewError, Wanted, typed_diff};
use super::{Scene, all_lines, line, side};
use crate::diff::FileMode;
use crate::path::RepoPath;
use proptest::prelude::*;

#[test]
fn lines_carry_the_numbers_of_their_sides() {
    let diff = Scene::of("a\nb\nc\nd\n", "a\nc\nx\ny\nd").view();
    let seen: Vec<(LineSide, Option<u32>, Option<u32>, bool)> = all_lines(&diff.files[0])
        .iter()
        .map(|l| (l.side, l.old, l.new, l.newline))
        .collect();
    use LineSide::{Added, Context, Removed};
    assert_eq!(
        seen,
        [
            (Context, Some(1), Some(1), true),
            (Removed, Some(2), None, true),
            (Context, Some(3), Some(2), true),
            (Removed, Some(4), None, true),
            (Added, None, Some(3), true),
            (Added, None, Some(4), true),
            (Added, None, Some(5), false),
        ]
    );
    assert_eq!((diff.added, diff.removed, diff.truncated), (3, 2, None));
}

#[test]
fn a_new_file_begins_after_line_nought() {
    let diff = Scene::default().file(None, Some("new.rs"), "", "one\n").view();
    let file = &diff.files[0];
    assert_eq!((file.change, file.old.is_none()), (Change::Added, true));
    let hunk = &file.hunks[0];
    let numbers = (hunk.old_start, hunk.old_count, hunk.new_start, hunk.new_count);
    assert_eq!(numbers, (0, 0, 1, 1));
    assert_eq!(hunk.lines[0].new, Some(1));
}

#[test]
fn a_rename_tells_both_paths_and_how_much_stayed() {
    let diff = Scene::default()
        .file(Some("old.rs"), Some("new.rs"), "a\nb\n", "a\nc\n")
        .view();
    let file = &diff.files[0];
    assert_eq!((file.change, file.similarity), (Change::Renamed, Some(87)));
    assert_eq!(file.path.text, "new.rs");
    assert_eq!(file.old.as_ref().unwrap().path.text, "old.rs");
}

#[test]
fn a_file_that_becomes_a_symlink_is_one_file_with_two_hunks() {
    let mut scene = Scene::default();
    let (old, new) = (
        side("x", FileMode::Executable, b"run\n"),
        side("x", FileMode::Symlink, b"/etc/passwd"),
    );
    scene = scene.sides(Some(old), Some(new), b"run\n", b"");
    scene.canonical.extend_from_slice(b"diff --git a/x b/x\n");
    super::hunks(b"", b"/etc/passwd", &mut scene.canonical);
    scene.files[0].added = 1;
    let diff = scene.view();
    let file = &diff.files[0];
    assert_eq!(file.hunks.len(), 2);
    let (old, new) = (file.old.as_ref().unwrap(), file.new.as_ref().unwrap());
    assert_eq!((old.mode, old.entry), ("100755", EntryType::Executable));
    assert_eq!((new.mode, new.entry), ("120000", EntryType::Symlink));
    assert_eq!(new.symlink_target.as_ref().unwrap().text, "/etc/passwd");
    assert_eq!(old.symlink_target, None);
}

#[test]
fn a_hunk_is_headed_by_the_last_line_above_that_begins_with_a_letter() {
    let old = format!(
        "fn first() {{\n}}\n\nfn second() {{  \n{}}}\n",
        "    step();\n".repeat(8)
    );
    let new = old.replacen("    step();\n}", "    last();\n}", 1);
    let diff = Scene::of(&old, &new).view();
    let heading = diff.files[0].hunks[0].heading.as_ref().unwrap();
    assert_eq!(heading.text, "fn second() {");
    let without = Scene::of("a\nb\n", "a\nc\n").view();
    assert_eq!(without.files[0].hunks[0].heading, None);
}

#[test]
fn facts_and_bytes_of_different_diffs_are_refused() {
    let (one, other) = (Scene::of("a\n", "b\n"), Scene::of("a\n", "c\n"));
    let none = |_: &_| None;
    let refused = typed_diff(&one.facts(), &other.canonical, &none, &Wanted::default());
    assert_eq!(refused, Err(ViewError::ForeignBytes));
    let mut lies = one.facts();
    lies.files[0].added = 2;
    let refused = typed_diff(&lies, &one.canonical, &none, &Wanted::default());
    assert_eq!(refused.unwrap_err().code(), "diff-not-canonical");
    let mut fewer = one.facts();
    fewer.files.clear();
    assert!(typed_diff(&fewer, &one.canonical, &none, &Wanted::default()).is_err());
}

#[test]
fn bytes_that_are_no_canonical_diff_are_refused_and_never_a_panic() {
    for (canonical, line) in [
        ("prose\n", 1),
        ("diff --git a/a b/a\n@@ -1 +1 @@\n-a\n", 3),
        ("diff --git a/a b/a\n@@ -1 +1 @@\n-a\n-b\n+c\n", 3),
        ("diff --git a/a b/a\n@@ -1 +1 @@\n-a\n+b\nmore\n", 5),
        ("diff --git a/a b/a\n@@ -1,2\n", 2),
        ("diff --git a/a b/a\n@@ -4294967295,1 +1 @@\n-a\n+b\n", 2),
    ] {
        let mut scene = Scene::of("a\n", "b\n");
        scene.canonical = canonical.into();
        let refused = typed_diff(&scene.facts(), &scene.canonical, &|_| None, &Wanted::default());
        let Err(ViewError::NotCanonical { line: found, .. }) = refused else {
            panic!("{canonical}: {refused:?}");
        };
        assert_eq!(found, line, "{canonical}");
    }
}

fn marks(bytes: &[u8], ends: Ends) -> Vec<(u32, u32, HiddenKind, Option<String>)> {
    let tuple = |m: HiddenMark| (m.start, m.end, m.kind, m.code);
    text_view(bytes, usize::MAX, ends)
        .hidden
        .into_iter()
        .map(tuple)
        .collect()
}

#[test]
fn each_kind_of_hidden_character_is_marked() {
    use HiddenKind::*;
    for (text, kind, code) in [
        ("\u{202e}", Bidi, "U+202E"),
        ("\u{2066}", Bidi, "U+2066"),
        ("\u{200f}", Bidi, "U+200F"),
        ("\u{200b}", ZeroWidth, "U+200B"),
        ("\u{feff}", ZeroWidth, "U+FEFF"),
        ("\u{1b}", Control, "U+001B"),
        ("\0", Control, "U+0000"),
        ("\u{9b}", Control, "U+009B"),
        ("\u{7f}", Control, "U+007F"),
        ("\r", Control, "U+000D"),
        ("\u{e0041}", Tag, "U+E0041"),
        ("\u{fe0f}", VariationSelector, "U+FE0F"),
        ("\u{e0100}", VariationSelector, "U+E0100"),
        ("\u{2028}", LineSeparator, "U+2028"),
        ("\u{ad}", Invisible, "U+00AD"),
        ("\u{3164}", Invisible, "U+3164"),
        ("\u{2800}", Invisible, "U+2800"),
        ("\u{a0}", UnusualSpace, "U+00A0"),
        ("\u{3000}", UnusualSpace, "U+3000"),
    ] {
        let units = text.encode_utf16().count() as u32;
        let found = marks(format!("a{text}z").as_bytes(), Ends::WithNewline);
        assert_eq!(found, [(1, 1 + units, kind, Some(code.to_owned()))], "{code}");
    }
    assert_eq!(marks("plain äöü 日本 😀\tok".as_bytes(), Ends::WithNewline), []);
}

#[test]
fn offsets_count_utf16_units_and_runs_are_one_mark() {
    let found = marks("😀\u{200b}\u{200b}\u{200c}".as_bytes(), Ends::WithNewline);
    let code = |c: &str| Some(c.to_owned());
    assert_eq!(
        found,
        [
            (2, 4, HiddenKind::ZeroWidth, code("U+200B")),
            (4, 5, HiddenKind::ZeroWidth, code("U+200C"))
        ]
    );
}

#[test]
fn whitespace_and_cr_at_the_end_are_told_apart() {
    let cr = || Some("U+000D".to_owned());
    use HiddenKind::{Control, Crlf, TrailingWhitespace};
    assert_eq!(
        marks(b"x \t", Ends::WithNewline),
        [(1, 3, TrailingWhitespace, None)]
    );
    assert_eq!(marks(b"x\r", Ends::WithNewline), [(1, 2, Crlf, cr())]);
    assert_eq!(marks(b"x\r", Ends::Without), [(1, 2, Control, cr())]);
    assert_eq!(
        marks(b"x  \r", Ends::WithNewline),
        [(1, 3, TrailingWhitespace, None), (3, 4, Crlf, cr())]
    );
    assert_eq!(
        marks(b"x\r\r", Ends::WithNewline),
        [(1, 2, Control, cr()), (2, 3, Crlf, cr())]
    );
}

#[test]
fn bytes_that_are_no_utf8_are_marked_and_kept() {
    let diff = Scene::of(b"caf\xe9 \xff\xfe!\n", b"caf\xc3\xa9\n").view();
    let old = line(&diff, "caf\u{fffd} \u{fffd}\u{fffd}!");
    assert_eq!(old.hex.as_deref(), Some("636166e920fffe21"));
    let spans: Vec<(u32, u32)> = old.hidden.iter().map(|m| (m.start, m.end)).collect();
    assert_eq!(spans, [(3, 4), (5, 7)]);
    assert_eq!(line(&diff, "café").hex, None);
    let real = text_view("\u{fffd}".as_bytes(), 10, Ends::Without);
    assert_eq!((real.hex, real.hidden), (None, vec![]));
}

#[test]
fn paths_are_quoted_only_where_they_must_be() {
    let plain = path_view(&RepoPath::from("src/grüße.rs"));
    assert_eq!((plain.text.as_str(), plain.hex), ("src/grüße.rs", None));
    let bytes = path_view(&RepoPath::from_bytes(b"caf\xe9\n".as_slice()));
    assert_eq!(bytes.text, "\"caf\\351\\n\"");
    assert_eq!(bytes.hex.as_deref(), Some("636166e90a"));
    let bidi = path_view(&RepoPath::from("a\u{202e}b"));
    assert_eq!((bidi.hidden[0].start, bidi.hidden[0].kind), (1, HiddenKind::Bidi));
}

proptest! {
    #[test]
    fn no_byte_of_a_line_is_lost(bytes in proptest::collection::vec(any::<u8>(), 0..60), most in 4_usize..40) {
        let view = text_view(&bytes, most, Ends::WithNewline);
        let shown = match &view.hex {
            Some(hex) => hex::decode(hex).unwrap(),
            None => view.text.clone().into_bytes(),
        };
        prop_assert!(bytes.starts_with(&shown));
        prop_assert_eq!(view.omitted_bytes as usize, bytes.len() - shown.len());
        prop_assert!(shown.len() <= most && (view.omitted_bytes == 0 || shown.len() + 4 > most));
        let length = view.text.encode_utf16().count() as u32;
        let mut reached = 0;
        for mark in view.hidden {
            prop_assert!(mark.start >= reached && mark.start < mark.end && mark.end <= length);
            reached = mark.end;
        }
    }
}
