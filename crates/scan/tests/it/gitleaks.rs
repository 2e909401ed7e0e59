//! Rule files in gitleaks' format: what they find, what they let pass, and what is said of wrong ones.

use crate::holes::fill;
use crate::{rules, salt};
use countersign_scan::{RuleFileError, Scanner};

fn scanner(text: &str) -> Scanner {
    Scanner::from_gitleaks(text).unwrap_or_else(|error| panic!("{error}"))
}

fn found(file: &str, text: &str) -> Vec<String> {
    let scan = scanner(file).scan(text.as_bytes(), &salt());
    rules(&scan).into_iter().map(str::to_owned).collect()
}

fn found_in(file: &str, path: &str, text: &str) -> Vec<String> {
    let scan = scanner(file).scan_named(path.as_bytes(), text.as_bytes(), &salt());
    rules(&scan).into_iter().map(str::to_owned).collect()
}

const ACME: &str = r#"
title = "acme"

[[rules]]
id = "acme-token"
description = "Token of Acme"
regex = '''\b(acme_[a-z0-9]{8})\b'''
keywords = ["ACME_"]
tags = ["internal"]
"#;

#[test]
fn a_rule_of_a_file_finds_what_it_says() {
    assert_eq!(found(ACME, "x = acme_1a2b3c4d"), ["acme-token"]);
    assert_eq!(found(ACME, "x = acme_1a2b"), Vec::<String>::new());
    let rules: Vec<_> = scanner(ACME)
        .rules()
        .map(|r| (r.id.to_owned(), r.description.to_owned()))
        .collect();
    assert_eq!(rules, [("acme-token".to_owned(), "Token of Acme".to_owned())]);
}

#[test]
fn a_rule_without_keywords_runs_over_everything_and_one_with_keywords_only_where_they_are() {
    let bare = "[[rules]]\nid = \"n\"\nregex = '''[0-9]{6}'''\n";
    assert_eq!(found(bare, "123456 and 654321"), ["n", "n"]);
    let keyed = bare.to_owned() + "keywords = [\"pin\"]\n";
    assert_eq!(found(&keyed, "123456"), Vec::<String>::new());
    assert_eq!(
        found(&keyed, "123456 is the PIN"),
        ["n"],
        "the keyword may stand anywhere"
    );
}

#[test]
fn matches_are_found_wherever_they_lie_in_a_long_text() {
    let bare = "[[rules]]\nid = \"n\"\nregex = '''<[0-9]{6}>'''\n";
    // Around the borders of the pieces that long texts are read in.
    for at in [65_530, 65_536, 73_720, 73_727, 73_728, 131_070, 200_000] {
        let mut text = " ".repeat(at) + "<123456>";
        text.push_str(&" ".repeat(100_000));
        assert_eq!(found(bare, &text), ["n"], "at {at}");
    }
}

#[test]
fn secret_group_and_entropy_are_of_the_group() {
    let file = r#"
[[rules]]
id = "pair"
regex = '''user=(\w+) pass=(\w+)'''
secretGroup = 2
entropy = 2.5
"#;
    assert_eq!(found(file, "user=k3J9xQpL pass=aaaaaaaa"), Vec::<String>::new());
    let scanner = scanner(file);
    assert_eq!(
        scanner.redact("user=anna pass=k3J9xQpL!"),
        "user=anna pass=[redacted: pair]!"
    );
}

#[test]
fn without_secret_group_the_first_group_is_the_secret() {
    let file = "[[rules]]\nid = \"g\"\nregex = '''k=(?:\"(\\w+)\"|(\\w+));'''\n";
    assert_eq!(
        scanner(file).redact("k=abc; k=\"def\";"),
        "k=[redacted: g]; k=\"[redacted: g]\";"
    );
}

#[test]
fn rules_for_paths_look_at_paths() {
    let file = r#"
[[rules]]
id = "ovpn"
path = '''(?i)\.ovpn$'''

[[rules]]
id = "pin"
regex = '''[0-9]{6}'''
path = '''^conf/'''
"#;
    assert_eq!(found_in(file, "net/home.OVPN", ""), ["ovpn"]);
    assert_eq!(found_in(file, "conf/a.ini", "123456"), ["pin"]);
    assert_eq!(found_in(file, "src/a.ini", "123456"), Vec::<String>::new());
}

#[test]
fn allowlists_let_pass_what_they_name() {
    let with = |list: &str| format!("{ACME}\n[[rules.allowlists]]\n{list}\n");
    let text = "x = acme_1a2b3c4d # test";
    for list in [
        "regexes = ['''^acme_1a''']",
        "regexTarget = \"match\"\nregexes = ['''4d$''']",
        "regexTarget = \"line\"\nregexes = ['''# test$''']",
        "stopwords = [\"2B3C\"]",
        "condition = \"AND\"\nregexes = ['''acme''']\nstopwords = [\"1a\"]",
        "condition = \"||\"\nregexes = ['''nothing''']\nstopwords = [\"1a\"]",
    ] {
        assert_eq!(found(&with(list), text), Vec::<String>::new(), "{list}");
    }
    for list in [
        "regexes = ['''^cme''']",
        "regexTarget = \"match\"\nregexes = ['''test''']",
        "condition = \"AND\"\nregexes = ['''acme''']\nstopwords = [\"zz\"]",
        "commits = [\"abc\"]",
        "condition = \"AND\"\ncommits = [\"abc\"]\nstopwords = [\"1a\"]",
        "paths = ['''.*''']",
    ] {
        assert_eq!(found(&with(list), text), ["acme-token"], "{list}");
    }
}

#[test]
fn allowlists_of_paths_let_files_pass() {
    let file = format!("{ACME}\n[[allowlists]]\npaths = ['''^vendor/''']\n");
    assert_eq!(found_in(&file, "vendor/a", "acme_1a2b3c4d"), Vec::<String>::new());
    assert_eq!(found_in(&file, "src/a", "acme_1a2b3c4d"), ["acme-token"]);
    let both = format!(
        "{ACME}\n[[rules.allowlists]]\ncondition = \"AND\"\npaths = ['''^vendor/''']\nstopwords = [\"zz\"]\n"
    );
    assert_eq!(
        found_in(&both, "vendor/a", "acme_1a2b3c4d"),
        ["acme-token"],
        "only half of it holds"
    );
    assert_eq!(found_in(&both, "vendor/a", "acme_zz2b3c4d"), Vec::<String>::new());
}

#[test]
fn old_spellings_and_targeted_lists_are_read() {
    let old = format!("{ACME}\n[rules.allowlist]\nstopwords = [\"1a\"]\n[allowlist]\nregexes = ['''9z''']\n");
    assert_eq!(
        found(&old, "acme_1a2b3c4d acme_9z2b3c4d acme_5f5g6h7j"),
        ["acme-token"]
    );
    let targeted = format!("{ACME}\n[[allowlists]]\ntargetRules = [\"acme-token\"]\nstopwords = [\"1a\"]\n");
    assert_eq!(found(&targeted, "acme_1a2b3c4d"), Vec::<String>::new());
}

#[test]
fn use_default_extends_our_own_rules() {
    let github = fill("ghp_«crc62:30»", "extend");
    let text = format!("{github} acme_1a2b3c4d");
    assert_eq!(found(ACME, &text), ["acme-token"]);
    let extended = format!("{ACME}\n[extend]\nuseDefault = true\n");
    assert_eq!(found(&extended, &text), ["github-classic-token", "acme-token"]);
    let without =
        format!("{ACME}\n[extend]\nuseDefault = true\ndisabledRules = [\"github-classic-token\"]\n");
    assert_eq!(found(&without, &text), ["acme-token"]);
}

#[test]
fn a_rule_with_the_id_of_ours_adds_to_it() {
    let github = fill("ghp_«crc62:30»", "merge");
    let file = format!(
        "[extend]\nuseDefault = true\n[[rules]]\nid = \"github-classic-token\"\n[[rules.allowlists]]\nregexes = ['''{github}''']\n"
    );
    assert_eq!(found(&file, &github), Vec::<String>::new());
    let other = fill("ghp_«crc62:30»", "other");
    assert_eq!(found(&file, &other), ["github-classic-token"]);
}

#[test]
fn an_allow_comment_of_gitleaks_does_nothing() {
    assert_eq!(found(ACME, "acme_1a2b3c4d // gitleaks:allow"), ["acme-token"]);
}

#[test]
fn gos_dialect_is_understood() {
    let file = "[[rules]]\nid = \"go\"\nregex = '''\\$\\{env[[]([A-Z]{3}{)\\z'''\n";
    assert_eq!(found(file, "${env[ABC{"), ["go"]);
}

#[test]
fn what_is_wrong_is_said_with_rule_and_place() {
    let cases = [
        (
            "[[rules]]\nid = \"a\"\nregex = '''('''",
            "rule a, regex: the expression can't be read: unclosed group",
        ),
        ("[[rules]]\nid = \"a\"", "rule a: it has neither regex nor path"),
        ("[[rules]]\nid = \"\"\nregex = '''a'''", "a rule: it has no id"),
        (
            "[[rules]]\nid = \"a\"\nregex = '''(a)'''\nsecretGroup = 2",
            "rule a, secretGroup: the expression has 1 groups, not 2",
        ),
        (
            "[[rules]]\nid = \"a\"\nregex = '''a'''\nkeywords = [\"\"]",
            "rule a, keywords: a keyword has 1 to 128 bytes",
        ),
        (
            "[[rules]]\nid = \"a\"\nregex = '''a'''\n[[rules.allowlists]]\nstopwords = [\"x\"]\n[[rules.allowlists]]\nregexes = ['''[''']",
            "rule a, allowlist 2, regexes: the expression can't be read: unclosed character class",
        ),
        (
            "[[rules]]\nid = \"a\"\nregex = '''a'''\n[[rules.allowlists]]\ncondition = \"XOR\"\nstopwords = [\"x\"]",
            "rule a, allowlist 1, condition: it is neither OR nor AND",
        ),
        (
            "[[rules]]\nid = \"a\"\nregex = '''a'''\n[[rules.allowlists]]\ndescription = \"x\"",
            "rule a, allowlist 1: it allows nothing: give commits, paths, regexes or stopwords",
        ),
        (
            "[[rules]]\nid = \"a\"\nregex = '''a'''\n[[allowlists]]\ntargetRules = [\"b\"]\nstopwords = [\"x\"]",
            "[[allowlists]] 1, targetRules: there is no rule b",
        ),
        (
            "[extend]\nuseDefault = true\ndisabledRules = [\"nothing-such\"]",
            "[extend] disabledRules: there is no built-in rule nothing-such",
        ),
    ];
    for (file, said) in cases {
        let error = Scanner::from_gitleaks(file)
            .err()
            .unwrap_or_else(|| panic!("{file} loads"));
        assert_eq!(
            error.to_string(),
            format!("{said}; correct the rule file and load it again")
        );
        assert_eq!(error.code(), "rule-file-wrong");
    }
}

#[test]
fn what_we_cannot_do_is_refused_and_not_left_out() {
    for (file, place) in [
        ("[extend]\npath = \"other.toml\"", "[extend] path or url"),
        (
            "[[rules]]\nid = \"a\"\nregex = '''a'''\n[[rules.required]]\nid = \"b\"",
            "rule a, required",
        ),
        (
            "[[rules]]\nid = \"a\"\nregex = '''a'''\nskipReport = true",
            "rule a, skipReport",
        ),
    ] {
        let error = Scanner::from_gitleaks(file).err().unwrap();
        assert_eq!(error.code(), "rule-file-unsupported");
        assert!(error.to_string().starts_with(place), "{error}");
    }
    for file in ["[[rules]]\nid = \"a\"\nregx = '''a'''", "not toml"] {
        let error = Scanner::from_gitleaks(file).err().unwrap();
        assert_eq!(error.code(), "rule-file-unreadable", "{error}");
    }
    let huge = "[[rules]]\nid = \"a\"\nregex = '''(?:[a-z]{900}){900}'''";
    let error = Scanner::from_gitleaks(huge).err().unwrap();
    assert!(error.to_string().contains("rule a, regex"), "{error}");
}

#[test]
fn a_file_has_bounds() {
    let rules = "[[rules]]\nid = \"a\"\nregex = '''a'''\n".repeat(5_001);
    let error = Scanner::from_gitleaks(&rules).err().unwrap();
    assert!(matches!(
        error,
        RuleFileError::TooLarge {
            limit: 5_000,
            what: "rules"
        }
    ));
    assert_eq!(error.code(), "rule-file-too-large");
}
