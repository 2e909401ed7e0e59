//! Every invariant that is built has named tests: the table in ARCHITECTURE.md against what the tests say of themselves.
//!
//! A test that holds an invariant says so in the line above it: `/// INV-7.` or `/// INV-1, INV-2: why`.

use crate::sources::{rust_files, shown};
use crate::{assert_none, root};
use std::collections::BTreeSet;
use std::fs;

/// Invariants of the product's design.
const COUNT: u32 = 12;

/// A test, as `crate/tests/…/file.rs::name`, and the invariant that it holds.
type Pairs = BTreeSet<(u32, String)>;

#[test]
fn every_invariant_has_tests_and_every_test_that_holds_one_is_in_the_table() {
    let (rows, marks) = (table(&architecture()), marks());
    let mut findings = Vec::new();
    for number in 1..=COUNT {
        if !rows.iter().any(|(n, _)| *n == number) {
            findings.push(format!(
                "INV-{number} has no test in ARCHITECTURE.md; name one as `crate/tests/it/file.rs::test`"
            ));
        }
    }
    for (number, test) in rows.difference(&marks) {
        findings.push(format!(
            "ARCHITECTURE.md names {test} for INV-{number}, but there is no such test with `/// INV-{number}` above it"
        ));
    }
    for (number, test) in marks.difference(&rows) {
        findings.push(format!(
            "{test} says that it holds INV-{number}; name it in that row of ARCHITECTURE.md"
        ));
    }
    assert_none(findings);
}

#[test]
fn every_page_that_the_table_names_is_there() {
    let architecture = architecture();
    let rows = architecture.lines().filter(|line| line.starts_with("| INV-"));
    let pages = rows
        .flat_map(|row| row.split('`').skip(1).step_by(2))
        .filter(|name| name.ends_with(".md"));
    let missing = pages.filter(|page| !root().join(page).exists());
    assert_none(
        missing
            .map(|page| format!("ARCHITECTURE.md names {page}, which is not there"))
            .collect(),
    );
}

fn architecture() -> String {
    fs::read_to_string(root().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md is in the workspace's folder")
}

/// What stands in backticks with a `::` behind a file, row by row.
fn table(text: &str) -> Pairs {
    let mut pairs = Pairs::new();
    for row in text.lines().filter(|line| line.starts_with("| INV-")) {
        let number = row
            .split('|')
            .nth(1)
            .and_then(|cell| cell.trim().strip_prefix("INV-")?.parse().ok());
        let number: u32 =
            number.unwrap_or_else(|| panic!("this row of ARCHITECTURE.md has no number: {row}"));
        let names = row
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| name.contains(".rs::"));
        pairs.extend(names.map(|name| (number, name.to_owned())));
    }
    pairs
}

/// What all tests say of themselves.
fn marks() -> Pairs {
    let mut pairs = Pairs::new();
    for file in rust_files("crates") {
        let path = shown(&file);
        let path = path.strip_prefix("crates/").unwrap_or(&path);
        if path.contains("/tests/") {
            let text = fs::read_to_string(&file).expect("sources are UTF-8");
            pairs.extend(
                marked(&text)
                    .into_iter()
                    .map(|(number, name)| (number, format!("{path}::{name}"))),
            );
        }
    }
    pairs
}

/// Numbers of the marks, each with the test below it.
fn marked(text: &str) -> Vec<(u32, String)> {
    let (mut found, mut waiting, mut is_test) = (Vec::new(), Vec::new(), false);
    for line in text.lines().map(str::trim) {
        if let Some(marks) = line.strip_prefix("/// INV-") {
            let list = marks.split([':', '.']).next().unwrap_or_default();
            waiting = list
                .split(", INV-")
                .filter_map(|n| n.trim().parse::<u32>().ok())
                .collect();
            is_test = false;
        }
        is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        if let Some(name) = line.trim_start_matches("async ").strip_prefix("fn ") {
            let name = name.split('(').next().unwrap_or_default();
            let held = waiting.drain(..).filter(|_| is_test);
            found.extend(held.map(|number| (number, name.to_owned())));
        }
        if !line.starts_with("///") && !line.starts_with("#[") {
            waiting.clear();
        }
    }
    found
}

#[test]
fn marks_and_rows_are_read_as_people_read_them() {
    let text = "/// INV-1, INV-10: because.\n#[tokio::test]\nasync fn both() {}\n/// INV-7.\n#[test]\nfn one() {}\n\
                /// INV-8: a helper.\nfn none() {}\n";
    let expected = [(1, "both"), (10, "both"), (7, "one")].map(|(n, name)| (n, name.to_owned()));
    assert_eq!(marked(text), expected);
    let row = "| INV-7 | once | `a/tests/it/x.rs::t` and `spec/p.md`; `core::proposal` |\n| a | b |\n";
    assert_eq!(table(row), Pairs::from([(7, "a/tests/it/x.rs::t".to_owned())]));
}
