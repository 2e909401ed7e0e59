//! Reading policy files: what is refused, where, and with which words.

use super::super::{POLICY_MAX_BYTES, PolicyError, RuleId, effective, floor, parse, template};

fn refused(text: &str) -> PolicyError {
    parse(text).expect_err(text)
}

#[test]
fn errors_name_code_place_and_allowed_words() {
    let table: [(&str, &str, &str, &[&str]); 24] = [
        ("version = ", "policy-syntax", "line 1", &[]),
        (
            "version = 1\nversion = 1",
            "policy-syntax",
            "line 2",
            &["duplicate"],
        ),
        ("", "policy-version", "version", &["version = 1"]),
        (
            "version = 2\nnew = 1",
            "policy-version",
            "version",
            &["reads version 1"],
        ),
        ("version = '1'", "policy-version", "version", &["version = 1"]),
        (
            "version = 1\nfrozen = []",
            "policy-invalid",
            "line 2, column 1",
            &["`frozen`", "`paths`", "`rules`"],
        ),
        (
            "version = 1\n[paths]\nfrozn = []",
            "policy-invalid",
            "line 3, column 1",
            &["`frozn`", "`frozen`"],
        ),
        (
            "version = 1\n[rules]\nci-fil = 'warn'",
            "policy-invalid",
            "line 3",
            &["`ci-fil`", "`ci-file`"],
        ),
        (
            "version = 1\n[rules]\nci-file = 'off'",
            "policy-invalid",
            "line 3, column 11",
            &["`warn`", "`block`"],
        ),
        (
            "version = 1\n[rules]\nsecrets = 'block'",
            "policy-invalid",
            "line 3",
            &["`secrets`", "`binary`"],
        ),
        (
            "version = 1\n[approval]\nplan = 'never'",
            "policy-invalid",
            "line 3",
            &["`high-risk`", "`always`"],
        ),
        (
            "version = 1\napproval.unattended = true",
            "policy-invalid",
            "line 2",
            &["string"],
        ),
        (
            "version = 1\nbase.movement = 'x'",
            "policy-invalid",
            "line 2",
            &["`merges-cleanly`", "`unmoved`"],
        ),
        (
            "version = 1\nci.required = 'yes'",
            "policy-invalid",
            "line 2",
            &["boolean"],
        ),
        (
            "version = 1\nlimits.max-files = 0",
            "policy-invalid",
            "line 2, column 20",
            &["from 1 to 1000000"],
        ),
        (
            "version = 1\nlimits.max-files = -1",
            "policy-invalid",
            "line 2",
            &["from 1 to 1000000"],
        ),
        (
            "version = 1\nlimits.max-lines = 1.5",
            "policy-invalid",
            "line 2",
            &["a whole number"],
        ),
        (
            "version = 1\napproval.high = 21",
            "policy-invalid",
            "line 2",
            &["from 1 to 20"],
        ),
        (
            "version = 1\nreview.rounds = 6",
            "policy-invalid",
            "line 2",
            &["from 1 to 5"],
        ),
        (
            "version = 1\nbases.allowed = []",
            "policy-invalid",
            "bases.allowed",
            &["at least one branch"],
        ),
        (
            "version = 1\n[paths]\nfrozen = ['a',\n 'b[']",
            "policy-glob",
            "line 4, column 2",
            &["`b[`"],
        ),
        (
            "version = 1\npaths.frozen = ['/etc']",
            "policy-glob",
            "line 2",
            &["`/etc`", "repository's root"],
        ),
        (
            "version = 1\npaths.frozen = ['a\u{200b}']",
            "policy-glob",
            "line 2",
            &["U+200B"],
        ),
        (
            "version = 1\nbases.allowed = ['refs/heads/x']",
            "policy-glob",
            "line 2",
            &["`refs/`"],
        ),
    ];
    for (text, code, place, words) in table {
        let error = refused(text);
        assert_eq!(error.code, code, "{text}: {error}");
        assert!(error.place.starts_with(place), "{text}: {error}");
        for word in words {
            assert!(error.message.contains(word), "{text}: {error} lacks {word}");
        }
        assert!(error.to_string().contains(&error.place));
    }
}

#[test]
fn limits_on_the_file() {
    let padded = |bytes: usize| format!("version = 1\n#{}", "x".repeat(bytes - 13));
    assert!(parse(&padded(POLICY_MAX_BYTES)).is_ok());
    assert_eq!(refused(&padded(POLICY_MAX_BYTES + 1)).code, "policy-too-large");

    let globs = |n: usize, more: &str| {
        format!(
            "version = 1\npaths.frozen = [{}]\n{more}",
            "'**/?[a]*x',".repeat(n)
        )
    };
    assert!(parse(&globs(500, "")).is_ok());
    assert_eq!(refused(&globs(501, "")).code, "policy-glob");
    assert_eq!(
        refused(&globs(500, "bases.allowed = ['main']")).code,
        "policy-glob"
    );

    let long = |n: usize| format!("version = 1\npaths.frozen = ['{}']", "\u{e9}".repeat(n));
    assert!(parse(&long(500)).is_ok());
    assert!(refused(&long(501)).message.contains("more than 500 characters"));
}

#[test]
fn the_longest_globs_still_compile_together() {
    let globs = [
        format!("**/{}", "\u{e9}?[a-z]*{a,b}".repeat(38)),
        "[!x]".repeat(125),
        "{a,b}/".repeat(83),
    ];
    let lists = globs.map(|glob| format!("'{glob}',").repeat(40));
    for list in lists {
        let policy = super::policy(&format!("paths.frozen = [{list}]"));
        let copies = vec![policy.frozen[0].value.as_str(); 50];
        let frozen = super::super::globs::FrozenGlobs::compile(&copies);
        assert_eq!(frozen.first_match(&"harmless".into()), None);
    }
}

#[test]
fn the_template_says_nothing_beyond_the_floor() {
    let written = parse(template()).unwrap();
    assert_eq!(effective(None, Some(&written), None), floor());
}

/// Every line of the template that shows a default, with its `#` removed.
fn uncommented() -> String {
    let keep = |line: &str| match line.strip_prefix("# ") {
        Some(rest) if rest.split(' ').nth(1) == Some("=") => rest.to_owned(),
        Some(_) | None => line.to_owned(),
    };
    template().lines().map(|line| keep(line) + "\n").collect()
}

#[test]
fn the_template_shows_every_key_with_its_default() {
    let written = parse(&uncommented()).unwrap();
    let policy = effective(None, Some(&written), None);
    let floor = floor();
    for rule in RuleId::all() {
        assert!(written.rules.contains_key(rule), "{rule} is not shown");
        assert_eq!(policy.severity(*rule), floor.severity(*rule));
    }
    assert_eq!((written.max_files, written.max_lines), (Some(300), Some(10_000)));
    assert_eq!(
        (written.max_file_bytes, written.approval_days),
        (Some(1 << 20), Some(7))
    );
    let approvers = [
        written.approvers_low,
        written.approvers_medium,
        written.approvers_high,
    ];
    assert_eq!(approvers, [Some(1), Some(1), Some(2)]);
    assert_eq!(written.plan_approval, Some(floor.plan_approval.value));
    assert_eq!(written.unattended, Some(floor.unattended.value));
    assert_eq!(written.base_movement, Some(floor.base_movement.value));
    assert_eq!(written.ci, Some(floor.ci.value));
    assert_eq!(written.review_rounds, Some(floor.review_rounds.value));
    assert_eq!(written.allowed_bases, Some(vec!["**".to_owned()]));
    assert!(written.frozen.is_empty());
}
