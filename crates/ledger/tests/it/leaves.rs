//! A leaf has one byte form.

use crate::support::items;
use countersign_ledger::{Leaf, LeafError, LeafHash, MAX_INTEGER, leaf_hash};
use proptest::prelude::*;

fn second() -> Leaf {
    items(2)[1].leaf.clone()
}

fn text() -> String {
    String::from_utf8(second().to_bytes().unwrap()).unwrap()
}

/// The commitment in it was computed by another program (Python's hashlib).
#[test]
fn the_form_is_fixed() {
    let leaf = items(1)[0].leaf.clone();
    assert_eq!(
        String::from_utf8(leaf.to_bytes().unwrap()).unwrap(),
        concat!(
            r#"{"at":"2026-11-20T21:00:01.000Z","#,
            r#""commitment":"1535d96666111b807d1c00a5072a1d308c572e43d044c5fd41c3f933c7e3f534","#,
            r#""ended":1,"kind":"workflow.event","prev":null,"seq":1,"stream":"wf_01","tenant":"acme","v":1}"#
        )
    );
}

#[test]
fn a_leaf_reads_back_and_names_its_hash() {
    let leaf = second();
    let bytes = leaf.to_bytes().unwrap();
    assert_eq!(Leaf::parse(&bytes), Ok(leaf.clone()));
    assert_eq!(leaf.hash(), Ok(leaf_hash(&bytes)));
}

#[test]
fn other_spellings_of_the_same_leaf_are_refused() {
    let good = text();
    let cases = [
        (good.replacen('{', "{ ", 1), "leaf-not-canonical"),
        (format!("{good}\n"), "leaf-not-canonical"),
        (good.replacen("wf_01", "wf_0\\u0031", 1), "leaf-not-canonical"),
        (good.replacen("\"seq\":2", "\"seq\":2.0", 1), "leaf-not-json"),
        (good.replacen("\"seq\":2", "\"seq\":2e0", 1), "leaf-not-json"),
        (
            good.replacen("\"seq\":2", "\"seq\":2,\"seq\":2", 1),
            "leaf-not-json",
        ),
        (good.replacen("\"v\":1", "\"v\":1,\"w\":1", 1), "leaf-not-json"),
        (
            good.replacen("\"ended\":2,", "\"ended\":null,", 1),
            "leaf-not-canonical",
        ),
        (good.replacen("\"tenant\":\"acme\",", "", 1), "leaf-not-json"),
        (good.replacen("\"v\":1", "\"v\":2", 1), "leaf-unknown-version"),
        (
            good.replacen("\"v\":1", "\"new\":{},\"v\":2", 1),
            "leaf-unknown-version",
        ),
        (good.to_uppercase(), "leaf-not-json"),
        (String::new(), "leaf-not-json"),
        ("[".repeat(4000), "leaf-not-json"),
        (" ".repeat(5000), "leaf-too-large"),
    ];
    for (bad, code) in cases {
        assert_eq!(
            Leaf::parse(bad.as_bytes()).map_err(|error| error.code()),
            Err(code),
            "{bad}"
        );
    }
    let reordered = format!(
        "{{\"v\":1,{}",
        good.trim_start_matches('{').replacen(",\"v\":1}", "}", 1)
    );
    assert_eq!(Leaf::parse(reordered.as_bytes()), Err(LeafError::NotCanonical));
}

#[test]
fn fields_that_break_their_rule_are_neither_written_nor_read() {
    type Bend = fn(&mut Leaf);
    let bend: [(&str, Bend); 8] = [
        ("tenant", |leaf| leaf.tenant.clear()),
        ("tenant", |leaf| leaf.tenant = "a\u{1b}[2J".to_owned()),
        ("stream", |leaf| leaf.stream = "x".repeat(129)),
        ("seq", |leaf| leaf.seq = 0),
        ("seq", |leaf| leaf.seq = MAX_INTEGER + 1),
        ("kind", |leaf| leaf.kind = "Workflow".to_owned()),
        ("at", |leaf| leaf.at = "2026-11-20T21:00:00Z".to_owned()),
        ("ended", |leaf| leaf.ended = Some(0)),
    ];
    for (field, bend) in bend {
        let mut leaf = second();
        bend(&mut leaf);
        assert_eq!(leaf.to_bytes(), Err(LeafError::Field { field }));
    }
    for (from, to) in [
        ("acme", "ac me"),
        ("workflow.event", "workflow..event"),
        ("21:00:02", "25:00:02"),
    ] {
        let bad = text().replacen(from, to, 1);
        assert_eq!(
            Leaf::parse(bad.as_bytes()).unwrap_err().code(),
            "leaf-field-malformed",
            "{bad}"
        );
    }
    let upper = second().commitment.to_string();
    let bad = text().replacen(&upper, &upper.to_uppercase(), 1);
    assert_eq!(
        Leaf::parse(bad.as_bytes()),
        Err(LeafError::Field { field: "commitment" })
    );
}

#[test]
fn only_the_first_leaf_has_no_previous_one() {
    let mut first = items(1)[0].leaf.clone();
    first.prev = Some(LeafHash([0; 32]));
    assert_eq!(first.to_bytes(), Err(LeafError::PrevPresence { seq: 1 }));
    let mut second = second();
    second.prev = None;
    assert_eq!(second.to_bytes(), Err(LeafError::PrevPresence { seq: 2 }));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_integer_that_is_allowed_survives(seq in 2..=MAX_INTEGER, ended in prop::option::of(1..=MAX_INTEGER)) {
        let leaf = Leaf { seq, ended, ..second() };
        prop_assert_eq!(Leaf::parse(&leaf.to_bytes().unwrap()), Ok(leaf));
    }

    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Leaf::parse(&bytes).is_err());
    }

    #[test]
    fn whatever_parses_is_its_own_encoding(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = second().to_bytes().unwrap();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(leaf) = Leaf::parse(&bytes) {
            prop_assert_eq!(leaf.to_bytes(), Ok(bytes));
        }
    }
}
