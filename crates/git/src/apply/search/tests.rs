//! Looking for places ends: what is made to waste time is refused by a count.

use super::*;

/// Comparisons that each test has.
const FEW: usize = 10_000;

/// What comes of one hunk that states no line and expects some lines of the file to be the others.
fn outcome(lines: &[&[u8]], expected: &[&[u8]], repairs: bool) -> &'static str {
    let line = |bytes: &&[u8]| HunkLine {
        side: Side::Removed,
        bytes: bytes.to_vec(),
    };
    let hunk = Hunk {
        old_index: None,
        numbered: false,
        lines: expected.iter().map(line).collect(),
        open_end: false,
        line: 1,
    };
    let rules = Rules {
        file: "x",
        order: Order::Kept,
        proven: false,
        repairs,
    };
    match place_all(lines, &[hunk], &rules, &mut Budget::of(FEW)) {
        Ok(_) => "placed",
        Err(Stop::Refused(refusal)) => refusal.code,
        Err(Stop::Failed(error)) => error.code(),
    }
}

#[test]
fn a_diff_made_to_waste_time_is_refused() {
    let many = vec![&b"a\n"[..]; 400];
    let half = [&many[..200], &[b"b\n"]].concat();
    assert_eq!(outcome(&many, &half, false), "too-costly");
    assert_eq!(
        outcome(&many, &half[195..], false),
        "context-not-found",
        "a few lines are found out soon"
    );
}

#[test]
fn long_lines_cost_what_reading_them_costs() {
    let long = |last: &[u8]| [&vec![b' '; 100_000][..], last].concat();
    let (a, b) = (long(b"a\n"), long(b"b\n"));
    let many = vec![&a[..]; 30];
    assert_eq!(outcome(&many, &[&b], false), "too-costly");
    assert_eq!(
        outcome(&many, &[b"b\n"], false),
        "context-not-found",
        "other lengths differ without a look"
    );
    assert_eq!(outcome(&many[..10], &[&b], false), "context-not-found");
    assert_eq!(
        outcome(&many[..10], &[&b], true),
        "too-costly",
        "whitespace is looked for in every line"
    );
}
