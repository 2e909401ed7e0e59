//! What is said of a hit: where it is and by which rule, and nothing of the secret.

use crate::holes::fill;
use crate::{rules, salt, scan};
use countersign_scan::{Place, Salt, Scanner};

fn key() -> String {
    fill(
        "-----BEGIN RSA PRIVATE KEY-----\n«lines:10»\n-----END RSA PRIVATE KEY-----\n",
        "key",
    )
}

#[test]
fn lines_and_columns_count_from_one_and_columns_count_bytes() {
    let token = fill("ghp_«crc62:30»", "token");
    let scan = scan(&format!("first\nä = \"{token}\"\r\nand {token}"));
    let places: Vec<Place> = scan.hits.iter().map(|hit| hit.place).collect();
    let text = |line, column| Place::Text {
        line,
        column,
        last_line: line,
    };
    assert_eq!(places, [text(2, 7), text(3, 5)]);
    assert_eq!(
        scan.hits[0].fingerprint, scan.hits[1].fingerprint,
        "the same secret twice"
    );
}

#[test]
fn nothing_of_a_secret_is_in_a_hit() {
    let secret = fill("«alnum:24»", "stripe");
    let scan = scan(&format!("key sk_live_{secret}"));
    assert_eq!(rules(&scan), ["stripe-live-key"]);
    let printed = format!("{scan:?} {:?} {}", salt(), scan.hits[0].fingerprint);
    for part in secret.as_bytes().windows(6) {
        let part = std::str::from_utf8(part).unwrap();
        assert!(!printed.contains(part), "{printed}");
    }
}

#[test]
fn a_secret_has_another_fingerprint_under_another_salt() {
    let text = fill("npm_«crc62:30»", "npm");
    let scanner = Scanner::built_in();
    let one = scanner.scan(text.as_bytes(), &Salt::new([1; 32]));
    let two = scanner.scan(text.as_bytes(), &Salt::new([2; 32]));
    assert_ne!(one.hits[0].fingerprint, two.hits[0].fingerprint);
    assert_eq!(one.hits[0].place, two.hits[0].place);
}

#[test]
fn a_key_of_several_lines_is_one_hit_over_all_of_them() {
    let scan = scan(&format!("# deploy\n{}", key()));
    assert_eq!(rules(&scan), ["rsa-private-key"]);
    let place = Place::Text {
        line: 2,
        column: 1,
        last_line: 13,
    };
    assert_eq!(scan.hits[0].place, place);
}

#[test]
fn a_key_is_found_whichever_of_its_lines_are_new() {
    let content = format!("a\n{}b\n", key());
    let added = |lines| {
        let scan = Scanner::built_in().scan_added(b"deploy.txt", content.as_bytes(), &[lines], &salt());
        rules(&scan).len()
    };
    assert_eq!(added(2..=2), 1, "only the header is new");
    assert_eq!(added(5..=7), 1, "only lines of the body are new");
    assert_eq!(added(13..=13), 1, "only the end is new");
    assert_eq!(added(1..=1), 0, "a line before the key is new");
    assert_eq!(added(14..=20), 0, "a line behind the key is new");
}

#[test]
fn a_change_answers_for_its_own_lines_only() {
    let old = fill("old = ghp_«crc62:30»", "old");
    let new = fill("new = ghp_«crc62:30»", "new");
    let content = format!("{old}\n{new}\n{old}\n");
    let scan = Scanner::built_in().scan_added(b"a.txt", content.as_bytes(), &[2..=2], &salt());
    assert_eq!(scan.hits.len(), 1);
    assert!(matches!(scan.hits[0].place, Place::Text { line: 2, .. }));
    let none = Scanner::built_in().scan_added(b"a.txt", content.as_bytes(), &[], &salt());
    assert!(none.is_clean());
}

#[test]
fn a_value_that_is_completed_by_a_new_line_is_found() {
    // The header was there before; the change fills in what is below.
    let before = "-----BEGIN EC PRIVATE KEY-----\n\n-----END EC PRIVATE KEY-----\n";
    assert!(scan(before).is_clean());
    let after = fill(
        "-----BEGIN EC PRIVATE KEY-----\n«lines:2»\n-----END EC PRIVATE KEY-----\n",
        "ec",
    );
    let scan = Scanner::built_in().scan_added(b"k", after.as_bytes(), &[2..=3], &salt());
    assert_eq!(rules(&scan), ["ec-private-key"]);
}

#[test]
fn a_path_is_judged_by_what_it_names_and_by_what_it_holds() {
    let scanner = Scanner::built_in();
    let named = scanner.scan_named(b"deploy/id_rsa", b"", &salt());
    assert_eq!(rules(&named), ["private-key-file"]);
    assert_eq!(named.hits[0].place, Place::Path { column: 1 });
    let path = fill("logs/ghp_«crc62:30».txt", "path");
    let holding = scanner.scan_named(path.as_bytes(), b"", &salt());
    assert_eq!(rules(&holding), ["github-classic-token"]);
    assert_eq!(holding.hits[0].place, Place::Path { column: 6 });
    assert!(
        scanner
            .scan_named(b"src/id_rsa.rs", b"fn main() {}", &salt())
            .is_clean()
    );
}

#[test]
fn rules_for_certain_files_stay_with_them() {
    let line = b"DB_PASSWORD=kR7vb2Qx9\n";
    let scanner = Scanner::built_in();
    assert_eq!(
        rules(&scanner.scan_named(b"app/.env", line, &salt())),
        ["env-file-secret"]
    );
    assert!(scanner.scan_named(b"app/notes.txt", line, &salt()).is_clean());
    assert!(scanner.scan(line, &salt()).is_clean());
}

#[test]
fn redacted_text_says_which_rule_and_keeps_the_rest() {
    let scanner = Scanner::built_in();
    let text = fill("ü clone https://ghp_«crc62:30»@github.com/o/r and go", "redact");
    assert_eq!(
        scanner.redact(&text),
        "ü clone https://[redacted: github-classic-token]@github.com/o/r and go"
    );
    assert_eq!(scanner.redact("nothing here"), "nothing here");
    let redacted = scanner.redact(&format!("key:\n{}end", key())).into_owned();
    assert_eq!(redacted, "key:\n[redacted: rsa-private-key]\nend");
}

#[test]
fn a_key_that_is_cut_off_is_redacted_to_its_last_line() {
    let text = fill(
        "-----BEGIN PRIVATE KEY-----\n«lines:5»\n\nAnd then some words.",
        "cut",
    );
    assert_eq!(
        Scanner::built_in().redact(&text),
        "[redacted: pkcs8-private-key]\n\nAnd then some words."
    );
}

#[test]
fn a_token_longer_than_any_window_is_taken_whole() {
    let token = fill("«header».«payload».«url:9000»", "long");
    let text = format!("jwt {token} end");
    assert_eq!(
        Scanner::built_in().redact(&text),
        "jwt [redacted: json-web-token] end"
    );
}

#[test]
fn tokens_are_found_in_escaped_and_encoded_text() {
    let token = fill("ghp_«crc62:30»", "escaped");
    for text in [
        format!(r#"{{"body": "line\n{token}\nmore"}}"#),
        format!("redirect?token%3D{token}%26x"),
        token.clone(),
        format!("({token})"),
        format!("a{}{token}{}b", '\0', '\u{7f}'),
    ] {
        assert_eq!(rules(&scan(&text)), ["github-classic-token"], "{text}");
    }
    assert!(
        scan(&format!("word{token}")).is_clean(),
        "in the middle of a word it is something else"
    );
}

#[test]
fn where_two_rules_claim_a_secret_the_one_that_knows_the_token_has_it() {
    let text = fill("GITHUB_TOKEN = \"ghp_«crc62:30»\"", "both");
    assert_eq!(rules(&scan(&text)), ["github-classic-token"]);
    let text = fill("Authorization: Bearer ghp_«crc62:30»", "bearer");
    assert_eq!(rules(&scan(&text)), ["github-classic-token"]);
}
