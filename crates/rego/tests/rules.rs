//! Rules as people write them, over facts as the engine gives them.
#![expect(clippy::unwrap_used, reason = "tests")]

use countersign_core::policy::{NoAnswer, RuleId, RuleText, Severity};
use countersign_rego::{Answer, Request, answer, judge};

const FACTS: &str = r#"{"version":1,"origin":null,"added":3,"removed":0,"files":[
  {"path":"src/a.rs","change":"modified","added":2,"removed":0,"added_lines":[{"line":3,"text":"// TODO later"},{"line":4,"text":"let x = 1;"}]},
  {"path":"docs/b.md","change":"added","added":1,"removed":0,"added_lines":[{"line":1,"text":"TODO"}]}],
  "findings":[],"dependencies":[],"owners":[]}"#;

const NO_TODO: &str = r#"
package team.todo

violations contains {"rule": "no-todo", "severity": "block", "path": file.path, "line": line.line, "message": "Finish it first."} if {
    some file in input.files
    endswith(file.path, ".rs")
    some line in file.added_lines
    contains(line.text, "TODO")
}
"#;

fn rules(texts: &[&str]) -> Vec<RuleText> {
    let file = |(n, text): (usize, &&str)| RuleText {
        path: format!(".countersign/rules/{n}.rego").as_str().into(),
        text: (*text).to_owned(),
    };
    texts.iter().enumerate().map(file).collect()
}

fn refused(text: &str) -> NoAnswer {
    judge(&rules(&[text]), FACTS).expect_err(text)
}

/// A package with one violation of these fields.
fn saying(fields: &str) -> String {
    format!("package a\nviolations contains {{{fields}}} if true\n")
}

#[test]
fn a_rule_finds_what_it_says_and_nothing_else() {
    let found = judge(&rules(&[NO_TODO]), FACTS).unwrap();
    let [one] = &found[..] else { panic!("{found:?}") };
    assert_eq!(
        (one.rule, one.custom.as_deref()),
        (RuleId::Custom, Some("no-todo"))
    );
    assert_eq!(one.path, Some("src/a.rs".into()));
    assert_eq!(one.lines, [3]);
    assert_eq!(one.severity, Some(Severity::Block));
    assert_eq!(one.message, "Finish it first.");
    let quiet = FACTS.replace("// TODO later", "// done");
    assert_eq!(judge(&rules(&[NO_TODO]), &quiet).unwrap(), []);
}

#[test]
fn files_may_share_a_package_and_helpers_need_no_violations() {
    let shared = "package team.todo\nviolations contains {\"rule\": \"big\", \"severity\": \"warn\", \"message\": \"Much.\"} if input.added > 2\n";
    let helpers = "package lib.paths\nis_doc(path) if glob.match(\"docs/**\", [\"/\"], path)\n";
    let user = "package docs\nimport data.lib.paths\nviolations contains {\"rule\": \"docs\", \"severity\": \"warn\", \"message\": \"Ask the writers.\"} if {\n some f in input.files\n paths.is_doc(f.path)\n}\n";
    let found = judge(&rules(&[NO_TODO, shared, helpers, user]), FACTS).unwrap();
    let mut names: Vec<&str> = found.iter().filter_map(|f| f.custom.as_deref()).collect();
    names.sort_unstable();
    assert_eq!(names, ["big", "docs", "no-todo"]);
}

#[test]
fn what_is_not_rego_is_refused_with_file_line_and_reason() {
    let no = refused("package a\nviolations contains if {");
    assert_eq!(no.code, "own-rules-not-rego");
    assert_eq!(no.path, Some(".countersign/rules/0.rego".into()));
    assert_eq!((no.line, no.why.as_str()), (Some(2), "unexpected keyword `if`"));
    let said = no.finding();
    assert_eq!(said.severity, Some(Severity::Block));
    for words in [
        "`.countersign/rules/0.rego`, line 2: unexpected keyword `if`",
        "own-rules-not-rego",
    ] {
        assert!(said.message.contains(words), "{}", said.message);
    }
    assert_eq!(
        refused("violations contains 1 if true").code,
        "own-rules-not-rego"
    );
    let old = refused("package a\nviolations[x] { x := 1 }");
    assert!(old.why.contains("`if` keyword is required"), "{}", old.why);
}

#[test]
fn what_can_not_be_evaluated_is_refused_and_never_a_pass() {
    for (text, words) in [
        ("package a\nviolation contains 1 if true", "no `violations`"),
        ("package a[\"b c\"]\nviolations contains 1 if true", "plain name"),
        ("package a\nviolations contains x if true", "unsafe"),
        (
            "package a\nviolations contains {\"x\": y} if y := to_number(\"x\")",
            "could not parse",
        ),
        (
            "package a\nx if y\ny if x\nviolations contains 1 if x",
            "recursion",
        ),
    ] {
        let no = refused(text);
        assert_eq!(no.code, "own-rules-failed", "{no:?}");
        assert!(no.why.contains(words), "{words}: {no:?}");
        assert!(no.path.is_some(), "{no:?}");
    }
    let facts = judge(&rules(&[NO_TODO]), "{").unwrap_err();
    assert_eq!(facts.code, "own-rules-failed");
}

#[test]
fn an_answer_of_another_form_is_refused() {
    let plain = r#""rule": "a", "severity": "warn", "message": "x""#;
    judge(&rules(&[&saying(plain)]), FACTS).unwrap();
    let bad = [
        r#""rule": "a", "severity": "warn""#,
        r#""rule": "a", "message": "x""#,
        r#""rule": "a", "severity": "warn", "message": """#,
        r#""rule": "A b", "severity": "warn", "message": "x""#,
        r#""rule": "a", "severty": "block", "severity": "warn", "message": "x""#,
        r#""rule": "a", "severity": "error", "message": "x""#,
        r#""rule": "a", "severity": "warn", "message": "x", "line": 1"#,
        r#""rule": "a", "severity": "warn", "message": "x", "path": "b", "line": 0"#,
        r#""rule": "a", "severity": "warn", "message": "x", "path": "b", "line": 1.5"#,
        r#""rule": "a", "severity": "warn", "message": "x", "path": """#,
        r#""rule": "a", "severity": "warn", "message": "x", "path": "\"b""#,
    ];
    for fields in bad {
        let no = refused(&saying(fields));
        assert_eq!(no.code, "own-rules-bad-answer", "{fields}: {no:?}");
    }
    for text in [
        "package a\nviolations := 3",
        "package a\nviolations := {} if false",
        "package a\nviolations contains \"x\" if true",
    ] {
        assert_eq!(refused(text).code, "own-rules-bad-answer", "{text}");
    }
    let many = "package a\nviolations contains {\"rule\": \"a\", \"severity\": \"warn\", \"message\": sprintf(\"%d\", [n])} if some n in numbers.range(1, 300)";
    assert!(refused(many).why.contains("holds 300"));
}

#[test]
fn rules_that_take_too_long_are_ended() {
    let slow = "package a\nviolations contains {\"rule\": \"a\", \"severity\": \"warn\", \"message\": \"x\"} if {\n some a in numbers.range(1, 5000)\n some b in numbers.range(1, 5000)\n some c in numbers.range(1, 5000)\n a + b + c == 0\n}";
    let no = refused(slow);
    assert_eq!(no.code, "own-rules-too-slow");
    assert!(no.path.is_some());
}

#[test]
fn all_packages_together_have_one_limit_of_time() {
    let slow = |name: &str| {
        format!(
            "package {name}\nviolations contains 1 if {{\n some a in numbers.range(1, 5000)\n some b in numbers.range(1, 5000)\n some c in numbers.range(1, 5000)\n a + b + c == 0\n}}"
        )
    };
    let began = std::time::Instant::now();
    let texts: Vec<String> = ["a", "b", "c", "d", "e", "f", "g", "h"].map(slow).to_vec();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    assert_eq!(
        judge(&rules(&texts), FACTS).unwrap_err().code,
        "own-rules-too-slow"
    );
    // Eight limits would be 16 s.
    assert!(
        began.elapsed() < countersign_rego::TIME_LIMIT * 6,
        "{:?}",
        began.elapsed()
    );
}

#[test]
fn rules_reach_nothing_outside_and_nothing_that_changes_by_itself() {
    for call in [
        "http.send({\"method\": \"get\", \"url\": \"http://localhost\"})",
        "opa.runtime()",
        "time.now_ns()",
        "rand.intn(\"x\", 3)",
        "uuid.rfc4122(\"x\")",
        "net.lookup_ip_addr(\"localhost\")",
        "json.match_schema({}, {})",
    ] {
        let no = refused(&format!("package a\nviolations contains 1 if {call}"));
        assert_eq!(no.code, "own-rules-failed", "{call}: {no:?}");
        assert!(no.why.contains("could not find function"), "{call}: {no:?}");
    }
}

#[test]
fn a_line_that_nobody_would_write_is_refused() {
    let long = format!("package a\nviolations contains \"{}\" if true", "x".repeat(3000));
    assert_eq!(refused(&long).code, "own-rules-not-rego");
}

#[test]
fn a_message_that_repeats_a_secret_of_the_change_does_not_hold_it() {
    // Put together here, so that this file holds no such thing.
    let token = format!("glpat-{}", "x7Yb2Kq9Lm4Np6Rt8VwZ");
    let facts = FACTS.replace("let x = 1;", &format!("let x = '{token}';"));
    let telling = "package a\nviolations contains {\"rule\": \"a\", \"severity\": \"warn\", \"message\": sprintf(\"It says %s.\", [l.text])} if {\n some l in input.files[0].added_lines\n}";
    let found = judge(&rules(&[telling]), &facts).unwrap();
    assert!(
        found.iter().any(|f| f.message.contains("[redacted: ")),
        "{found:?}"
    );
    assert!(!format!("{found:?}").contains("x7Yb2Kq9"));
    let failing = "package a\nviolations contains {\"rule\": l.text, \"severity\": \"warn\", \"message\": \"x\"} if some l in input.files[0].added_lines";
    assert!(!format!("{:?}", judge(&rules(&[failing]), &facts)).contains("x7Yb2Kq9"));
}

#[test]
fn another_process_answers_as_this_one_does() {
    let request = Request {
        rules: rules(&[NO_TODO]),
        facts: FACTS.to_owned(),
    };
    let bytes = serde_json::to_vec(&request).unwrap();
    let there = serde_json::to_vec(&answer(&bytes)).unwrap();
    let back: Answer = serde_json::from_slice(&there).unwrap();
    assert_eq!(back, Answer::Found(judge(&request.rules, FACTS).unwrap()));
    assert!(matches!(answer(b"{}"), Answer::Refused(no) if no.code == "own-rules-failed"));
}
