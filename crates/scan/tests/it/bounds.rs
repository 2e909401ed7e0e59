//! Strange and hostile input: never a panic, always the same answer, and what isn't scanned is said.

use crate::holes::{Dice, fill};
use crate::{salt, scan};
use countersign_scan::{MAX_HITS, MAX_TEXT_BYTES, Place, Scan, Scanner, Skipped};
use proptest::prelude::*;

/// Pieces of what rules look for, to be thrown together.
const PIECES: [&str; 40] = [
    "ghp_",
    "AKIA",
    "eyJ",
    ".",
    "-----BEGIN RSA PRIVATE KEY-----",
    "-----END RSA PRIVATE KEY-----",
    "://",
    ":",
    "@",
    "password",
    " = ",
    "\"",
    "'",
    "\n",
    "\r\n",
    "\\n",
    "%3D",
    "token",
    "secret_",
    "sk_live_",
    "xoxb-",
    "-us",
    "Basic ",
    "Bearer ",
    "\"kty\"",
    "\"d\":\"",
    "Q~",
    "sig=",
    "kind: Secret\ndata:\n",
    "jdbc:",
    "aws_secret_access_key",
    "0123456789abcdef",
    "QmFzZTY0VGV4dA",
    "ABCDEFGH234567",
    "é",
    "«",
    "\0",
    "curl -u ",
    "PuTTY-User-Key-File-2:",
    "${X}",
];

fn soup() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        1 => "[A-Za-z0-9+/_-]{1,70}",
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

fn holds_together(scan: &Scan, text: &[u8]) {
    let lines = text.iter().filter(|b| **b == b'\n').count() as u32 + 1;
    assert!(scan.hits.is_sorted_by_key(|hit| hit.place));
    for hit in &scan.hits {
        let Place::Text {
            line,
            column,
            last_line,
        } = hit.place
        else {
            panic!("a text without a name has no path");
        };
        assert!(line >= 1 && column >= 1 && line <= last_line && last_line <= lines);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_scanned_without_a_panic_and_twice_alike(text in prop::collection::vec(any::<u8>(), 0..2_000)) {
        let one = Scanner::built_in().scan(&text, &salt());
        holds_together(&one, &text);
        prop_assert_eq!(one, Scanner::built_in().scan(&text, &salt()));
        let _ = Scanner::built_in().scan_named(&text, &text, &salt());
    }

    #[test]
    fn pieces_of_secrets_in_any_order_are_scanned_without_a_panic(text in soup()) {
        let scan = scan(&text);
        holds_together(&scan, text.as_bytes());
        let redacted = Scanner::built_in().redact(&text);
        prop_assert_eq!(scan.is_clean(), redacted == text.as_str());
        let _ = Scanner::built_in().scan_added(b".env", text.as_bytes(), &[2..=3], &salt());
    }

    #[test]
    fn a_secret_is_found_in_any_surroundings(before in soup(), after in soup(), seed in any::<u64>()) {
        let token = fill("ghp_«crc62:30»", &seed.to_string());
        let redacted = Scanner::built_in().redact(&format!("{before} {token} {after}")).into_owned();
        prop_assert!(!redacted.contains(&token));
    }

    #[test]
    fn any_rule_file_is_read_or_refused(text in "[\\x00-\\x7f]{0,300}", regex in "[ -~]{0,60}") {
        let _ = Scanner::from_gitleaks(&text);
        let file = format!("[[rules]]\nid = \"a\"\nregex = {regex:?}\n");
        if let Ok(scanner) = Scanner::from_gitleaks(&file) {
            let _ = scanner.scan(text.as_bytes(), &salt());
            let _ = scanner.redact(&text);
        }
    }
}

#[test]
fn a_text_beyond_the_bound_is_said_to_be_cut() {
    let mut text = "a ".repeat(MAX_TEXT_BYTES / 2);
    assert!(scan(&text).is_clean());
    text.push_str(&fill("ghp_«crc62:30»", "late"));
    let scan = scan(&text);
    assert!(scan.hits.is_empty() && scan.truncated() && !scan.is_clean());
    let cut = Skipped::TooLong {
        from: MAX_TEXT_BYTES,
        total: text.len(),
    };
    assert_eq!(scan.skipped, [cut]);
    let redacted = Scanner::built_in().redact(&text);
    assert!(redacted.ends_with("a [40 bytes left out: not scanned for secrets]"));
}

#[test]
fn more_hits_than_are_told_are_counted() {
    let mut text = String::new();
    for number in 0..MAX_HITS + 5 {
        text.push_str(&fill("ghp_«crc62:30»\n", &number.to_string()));
    }
    let scan = scan(&text);
    assert_eq!(scan.hits.len(), MAX_HITS);
    assert_eq!(scan.skipped, [Skipped::TooManyHits { found: MAX_HITS + 5 }]);
    assert!(
        !Scanner::built_in().redact(&text).contains("ghp_"),
        "redacting has no such bound"
    );
}

#[test]
fn a_text_that_keeps_the_rules_busy_is_stopped_and_said_to_be() {
    // Every fourth byte begins a web token that goes on for as far as anyone looks.
    let text = "eyJ-".repeat(100_000) + &fill(" ghp_«crc62:30»", "behind");
    let scan = scan(&text);
    assert!(
        matches!(scan.skipped[..], [Skipped::TooMuchWork { .. }]),
        "{:?}",
        scan.skipped
    );
    let redacted = Scanner::built_in().redact(&text);
    assert!(!redacted.contains("ghp_"), "what was not scanned is not shown");
    assert!(redacted.ends_with("bytes left out: not scanned for secrets]"));
}

#[test]
fn one_line_of_megabytes_is_an_ordinary_text() {
    let mut dice = String::new();
    let mut line = String::new();
    for number in 0..20_000 {
        dice.clear();
        dice.push_str(&number.to_string());
        line.push_str("function(e,t){return e.password=t.token?n(e):\"");
        line.push_str(&fill("«b64:30»", &dice));
        line.push_str("\"},");
    }
    line.push_str(&fill("x=\"ghp_«crc62:30»\";", "minified"));
    let scan = scan(&line);
    assert_eq!(scan.skipped, []);
    assert_eq!(scan.hits.len(), 1);
    assert!(matches!(scan.hits[0].place, Place::Text { line: 1, column, .. } if column as usize > 1_000_000));
}

#[test]
fn a_rule_of_a_file_that_matches_everything_is_stopped_and_said_to_be() {
    let scanner = Scanner::from_gitleaks("[[rules]]\nid = \"all\"\nregex = '''[a-z]'''\n").unwrap();
    let text = "a ".repeat(20_000);
    let scan = scanner.scan(text.as_bytes(), &salt());
    assert!(
        scan.skipped
            .iter()
            .any(|s| matches!(s, Skipped::TooManyMatches { rule, .. } if rule == "all"))
    );
    assert!(
        scanner
            .redact(&text)
            .ends_with("bytes left out: not scanned for secrets]")
    );
}

#[test]
fn a_rule_of_a_file_that_matches_nothing_at_all_places_ends() {
    let scanner = Scanner::from_gitleaks("[[rules]]\nid = \"empty\"\nregex = '''x*'''\n").unwrap();
    assert!(scanner.scan(b"aaa", &salt()).is_clean());
    assert_eq!(scanner.redact("axxa"), "a[redacted: empty]a");
}

#[test]
fn the_dice_of_the_examples_fall_alike_everywhere() {
    assert_eq!(fill("«alnum:8»", "a"), fill("«alnum:8»", "a"));
    assert_ne!(fill("«alnum:8»", "a"), fill("«alnum:8»", "b"));
    let _ = Dice::new("");
}
