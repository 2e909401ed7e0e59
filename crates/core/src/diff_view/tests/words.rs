//! Partners and word ranges.

use super::super::form::{LineSide, LineView, Span};
use super::super::words::tokens;
use super::{Scene, all_lines, line, numbered};
use proptest::prelude::*;

/// The parts of a line that its ranges name.
fn changed(line: &LineView) -> Vec<String> {
    let units: Vec<u16> = line.text.encode_utf16().collect();
    let words = line.words.as_ref().unwrap();
    let part = |s: &Span| String::from_utf16(&units[s.start as usize..s.end as usize]).unwrap();
    words.iter().map(part).collect()
}

#[test]
fn a_changed_line_shows_which_words_differ() {
    let diff = Scene::of(
        "let total = price * count;\n",
        "let total = tax(price) * count;\n",
    )
    .view();
    let (old, new) = (
        line(&diff, "let total = price * count;"),
        line(&diff, "let total = tax(price) * count;"),
    );
    assert_eq!((old.pair, new.pair), (Some(1), Some(0)));
    assert_eq!(changed(old), Vec::<String>::new());
    assert_eq!(changed(new), ["tax(", ")"]);
}

#[test]
fn words_that_only_spaces_divide_are_one_range() {
    let diff = Scene::of("say hello world now please\n", "say good bye now please\n").view();
    assert_eq!(changed(line(&diff, "say good bye now please")), ["good bye"]);
}

#[test]
fn offsets_behind_an_emoji_count_two_units() {
    let diff = Scene::of("😀 one two three\n", "😀 one 2 three\n").view();
    let new = line(&diff, "😀 one 2 three");
    assert_eq!(new.words, Some(vec![Span { start: 7, end: 8 }]));
}

#[test]
fn lines_with_little_in_common_are_no_pair() {
    let diff = Scene::of("fn alpha(x: u8) {}\n", "import everything\n").view();
    assert!(
        all_lines(&diff.files[0])
            .iter()
            .all(|l| l.pair.is_none() && l.words.is_none())
    );
}

#[test]
fn a_line_put_between_two_changed_ones_stays_without_partner() {
    let diff = Scene::of(
        "let width = 1;\nlet height = 2;\n",
        "let width = 10;\ncompletely new call();\nlet height = 20;\n",
    )
    .view();
    assert_eq!(changed(line(&diff, "let height = 20;")), ["20"]);
    assert_eq!(line(&diff, "completely new call();").pair, None);
    assert_eq!(diff.truncated, None);
}

#[test]
fn what_is_too_much_to_compare_is_counted() {
    let old = numbered(3).concat();
    let new = old.replace("statement", &"word ".repeat(1000));
    let missing = Scene::of(&old, &new).view().truncated.unwrap();
    assert_eq!(
        (missing.words, missing.hides_content()),
        (3, false),
        "three lines are too long"
    );
    let (old, new) = (
        numbered(1500).concat(),
        numbered(1500).concat().replace("number", "no"),
    );
    let missing = Scene::of(&old, &new).view().truncated.unwrap();
    assert_eq!(missing.words, 3000, "a run longer than the limit of one file");
    let (old, new) = (
        numbered(500).concat(),
        numbered(501).concat().replace("number", "no"),
    );
    let missing = Scene::of(&old, &new).view().truncated.unwrap();
    assert_eq!(
        missing.words, 1001,
        "too many pairs for the best pairing, and no line-by-line one"
    );
    let (old, new) = (
        numbered(500).concat(),
        numbered(500).concat().replace("number", "no"),
    );
    let diff = Scene::of(&old, &new).view();
    assert_eq!(diff.truncated, None);
    assert!(all_lines(&diff.files[0]).iter().all(|l| l.words.is_some()));
}

#[test]
fn tokens_keep_accents_with_their_letters() {
    assert_eq!(tokens("a\u{301}b  (x)"), ["a\u{301}b", "  ", "(", "x", ")"]);
    assert_eq!(tokens("=>"), ["=", ">"]);
    assert_eq!(tokens(""), Vec::<&str>::new());
    assert_eq!(tokens("\u{301}x").concat(), "\u{301}x");
}

/// A line's text without its ranges and without whitespace.
fn rest(line: &LineView) -> String {
    let inside = |at: u32| line.words.iter().flatten().any(|s| s.start <= at && at < s.end);
    let units = (0..).zip(line.text.encode_utf16());
    let kept: Vec<u16> = units
        .filter(|(at, _)| !inside(*at))
        .map(|(_, unit)| unit)
        .collect();
    String::from_utf16(&kept).unwrap().split_whitespace().collect()
}

proptest! {
    #[test]
    fn partners_are_mutual_and_differ_only_in_their_ranges(
        old in proptest::collection::vec("[ab😀 .(]{0,12}", 0..12),
        new in proptest::collection::vec("[ab😀 .(]{0,12}", 0..12),
    ) {
        prop_assume!(old != new);
        let text = |lines: &[String]| lines.iter().map(|l| format!("{l}\n")).collect::<String>();
        let diff = Scene::of(text(&old), text(&new)).view();
        for hunk in &diff.files[0].hunks {
            for (at, line) in hunk.lines.iter().enumerate() {
                let Some(pair) = line.pair else { continue };
                let other = &hunk.lines[pair as usize];
                prop_assert_eq!(other.pair, Some(at as u32));
                prop_assert!(line.side != LineSide::Context && line.side != other.side);
                prop_assert_eq!(rest(line), rest(other));
            }
            let pairs: Vec<u32> = hunk.lines.iter().filter(|l| l.side == LineSide::Removed).filter_map(|l| l.pair).collect();
            prop_assert!(pairs.is_sorted(), "partners don't cross");
        }
    }

    #[test]
    fn tokens_lose_nothing(text in "\\PC{0,40}") {
        prop_assert_eq!(tokens(&text).concat(), text);
    }
}
