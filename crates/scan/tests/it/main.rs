//! The scanner as its callers see it. `examples` holds the rule pack to its own examples, `places` what is said of a
//! hit, `allowed` what is no secret, `gitleaks` rule files, `ordinary` this repository's own text, `bounds` strange
//! and hostile input.
#![expect(clippy::unwrap_used, reason = "a test that can't set its scene has failed")]

mod allowed;
mod bounds;
mod examples;
mod gitleaks;
mod holes;
mod ordinary;
mod places;

use countersign_scan::{Salt, Scan, Scanner};

/// A salt for tests.
fn salt() -> Salt {
    Salt::new([7; 32])
}

fn scan(text: &str) -> Scan {
    Scanner::built_in().scan(text.as_bytes(), &salt())
}

/// The ids of the rules that hit, in order of place.
fn rules(scan: &Scan) -> Vec<&str> {
    assert_eq!(scan.skipped, [], "nothing may be left out here");
    scan.hits.iter().map(|hit| hit.rule.as_str()).collect()
}
