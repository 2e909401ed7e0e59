//! Anchors over revisions.

use super::super::form::TypedDiff;
use super::super::{Anchor, Limits, Located, Wanted, locate};
use super::{Scene, all_lines, line, numbered};
use proptest::prelude::*;

/// Where the line that says this was anchored in one revision is found in the next.
fn found(first: &TypedDiff, text: &str, second: &TypedDiff) -> Located {
    locate(&line(first, text).anchor, second)
}

fn text_at(diff: &TypedDiff, located: Located) -> Option<String> {
    let (Located::Exact(place) | Located::Moved(place)) = located else {
        return None;
    };
    let hunk = &diff.files[place.file].hunks[place.hunk?];
    Some(hunk.lines[place.line?].text.clone())
}

/// A file of numbered lines of which one is changed.
fn revision(lines: &[String], at: usize, to: &str) -> Scene {
    let mut new = lines.to_vec();
    new[at] = format!("{to}\n");
    Scene::of(lines.concat(), new.concat())
}

#[test]
fn an_unchanged_hunk_keeps_its_anchors_where_the_base_grew_above_it() {
    let base = numbered(30);
    let grown = [vec!["inserted above\n".to_owned(); 7], base.clone()].concat();
    let (first, second) = (
        revision(&base, 20, "mine").view(),
        revision(&grown, 27, "mine").view(),
    );
    let (one, two) = (&first.files[0].hunks[0], &second.files[0].hunks[0]);
    assert_ne!(one.old_start, two.old_start);
    assert_eq!(one.anchor, two.anchor);
    let anchors = |d: &TypedDiff| {
        all_lines(&d.files[0])
            .iter()
            .map(|l| l.anchor)
            .collect::<Vec<_>>()
    };
    assert_eq!(anchors(&first), anchors(&second));
    assert!(matches!(found(&first, "mine", &second), Located::Exact(_)));
}

#[test]
fn a_line_whose_neighbour_changes_has_moved() {
    let base = numbered(9);
    let first = revision(&base, 4, "the line I comment on").view();
    let mut new = base.clone();
    new[4] = "the line I comment on\n".to_owned();
    new[5] = "another neighbour\n".to_owned();
    let second = Scene::of(base.concat(), new.concat()).view();
    let located = found(&first, "the line I comment on", &second);
    assert!(matches!(located, Located::Moved(_)), "{located:?}");
    assert_eq!(text_at(&second, located).unwrap(), "the line I comment on");
}

#[test]
fn a_line_that_changes_is_outdated() {
    let base = numbered(9);
    let (first, second) = (
        revision(&base, 4, "so").view(),
        revision(&base, 4, "not so").view(),
    );
    assert_eq!(found(&first, "so", &second), Located::Outdated);
    let hunk = &first.files[0].hunks[0];
    assert_eq!(locate(&hunk.anchor, &second), Located::Outdated);
    let unchanged = found(&first, "statement number 2;", &second);
    assert!(matches!(unchanged, Located::Exact(_)), "{unchanged:?}");
}

#[test]
fn a_file_that_begins_to_be_renamed_keeps_every_anchor() {
    let base = numbered(9);
    let new = base.concat().replace("number 5", "no 5");
    let in_place = Scene::of(base.concat(), &new).view();
    let renamed = Scene::default()
        .file(Some("a.rs"), Some("b.rs"), base.concat(), &new)
        .view();
    assert!(matches!(
        found(&in_place, "statement no 5;", &renamed),
        Located::Exact(_)
    ));
    assert!(matches!(
        locate(&in_place.files[0].anchor, &renamed),
        Located::Exact(_)
    ));
}

#[test]
fn a_new_file_under_another_name_has_moved() {
    let content = numbered(9).concat();
    let one = Scene::default().file(None, Some("a.rs"), "", &content).view();
    let two = Scene::default().file(None, Some("b.rs"), "", &content).view();
    assert!(matches!(
        found(&one, "statement number 5;", &two),
        Located::Moved(_)
    ));
    assert!(matches!(
        locate(&one.files[0].hunks[0].anchor, &two),
        Located::Moved(_)
    ));
    assert_eq!(locate(&one.files[0].anchor, &two), Located::Outdated);
}

#[test]
fn a_new_file_and_the_one_that_made_room_for_it_are_two() {
    let content = numbered(9).concat();
    let diff = Scene::default()
        .file(None, Some("a.rs"), "", &content)
        .file(Some("a.rs"), Some("b.rs"), &content, content.replace('5', "five"))
        .view();
    assert_ne!(diff.files[0].anchor, diff.files[1].anchor);
}

#[test]
fn equal_lines_are_numbered_and_never_confused() {
    let twins = ["same\n"; 9].concat();
    let two = Scene::default().file(None, Some("a"), "", &twins).view();
    let mut seen: Vec<Anchor> = all_lines(&two.files[0]).iter().map(|l| l.anchor).collect();
    let third = seen[3];
    assert!(third.to_string().ends_with("-2of5"), "{third}");
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 9, "each has a name of its own");
    assert!(matches!(locate(&third, &two), Located::Exact(_)));
    let fewer = Scene::default()
        .file(None, Some("a"), "", ["same\n"; 8].concat())
        .view();
    assert_eq!(
        locate(&third, &fewer),
        Located::Outdated,
        "which one is gone can't be known"
    );
}

#[test]
fn a_closing_brace_is_not_known_by_its_text() {
    let base = numbered(30);
    let with_brace = |at: usize| {
        let mut new = base.clone();
        new.insert(at, "}\n".to_owned());
        Scene::of(base.concat(), new.concat()).view()
    };
    assert_eq!(found(&with_brace(5), "}", &with_brace(20)), Located::Outdated);
}

#[test]
fn what_may_be_among_the_lines_left_out_is_not_called_outdated() {
    let base = numbered(9);
    let first = revision(&base, 4, "mine").view();
    let wanted = Wanted {
        limits: Limits {
            lines: 2,
            ..Limits::default()
        },
        only: None,
    };
    let second = revision(&base, 4, "mine").view_of(&wanted);
    assert_eq!(found(&first, "mine", &second), Located::LeftOut);
}

#[test]
fn only_what_was_printed_is_read() {
    let diff = Scene::default()
        .file(None, Some("a"), "", "same\nsame\n}\n".repeat(4))
        .view();
    let file = &diff.files[0];
    let lines = all_lines(file).into_iter().map(|l| l.anchor);
    for anchor in lines.chain([file.anchor, file.hunks[0].anchor]) {
        assert_eq!(Anchor::parse(&anchor.to_string()), Ok(anchor));
    }
    let text = file.anchor.to_string();
    for bad in [
        "",
        "f1",
        "f1-xyz",
        "f2-00",
        "l1-00-new",
        &text.to_uppercase(),
        &format!("{text}-1of1"),
        &format!("{text} "),
    ] {
        assert!(Anchor::parse(bad).is_err(), "{bad}");
    }
}

proptest! {
    #[test]
    fn lines_put_far_away_change_no_anchor(above in 0_usize..12, below in 0_usize..12, at in 8_usize..22) {
        let base = numbered(30);
        let padded = |n: usize, what: &str| (0..n).map(|i| format!("{what} {i}\n")).collect::<Vec<_>>();
        let other = [padded(above, "above"), base.clone(), padded(below, "below")].concat();
        let first = revision(&base, at, "mine").view();
        let second = revision(&other, at + above, "mine").view();
        for line in all_lines(&first.files[0]) {
            let located = locate(&line.anchor, &second);
            prop_assert!(matches!(located, Located::Exact(_)));
            prop_assert_eq!(text_at(&second, located).unwrap(), line.text.clone());
        }
    }

    #[test]
    fn a_located_line_always_says_the_same(
        old in proptest::collection::vec("[ab]{0,2}", 0..14),
        one in proptest::collection::vec("[ab]{0,2}", 0..14),
        two in proptest::collection::vec("[ab]{0,2}", 0..14),
    ) {
        prop_assume!(old != one && old != two);
        let text = |lines: &[String]| lines.iter().map(|l| format!("{l}\n")).collect::<String>();
        let first = Scene::of(text(&old), text(&one)).view();
        let second = Scene::of(text(&old), text(&two)).view();
        let mut names = std::collections::BTreeSet::new();
        for line in all_lines(&first.files[0]) {
            prop_assert!(names.insert(line.anchor), "no two lines have one name");
            prop_assert!(matches!(locate(&line.anchor, &first), Located::Exact(_)));
            if let Some(said) = text_at(&second, locate(&line.anchor, &second)) {
                prop_assert_eq!(said, line.text.clone());
            }
        }
    }
}
