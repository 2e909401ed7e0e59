//! What was printed against what the page says.

/// Whether the lines are what the page says; `...` stands for any lines, `[..]` for any part of a line.
pub(crate) fn matches(expected: &[String], actual: &[String]) -> bool {
    match expected.split_first() {
        None => actual.is_empty(),
        Some((any, rest)) if any == "..." => (0..=actual.len()).any(|skip| matches(rest, &actual[skip..])),
        Some((line, rest)) => {
            let first = actual.split_first();
            first.is_some_and(|(found, others)| line_matches(line, found) && matches(rest, others))
        }
    }
}

/// Whether one line is what the page says.
pub(crate) fn line_matches(expected: &str, actual: &str) -> bool {
    match expected.split_once("[..]") {
        None => expected == actual,
        Some((before, after)) => {
            let Some(rest) = actual.strip_prefix(before) else {
                return false;
            };
            let starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            starts.into_iter().any(|at| line_matches(after, &rest[at..]))
        }
    }
}

/// Both sides, with marks where they part.
pub(crate) fn difference(expected: &[String], actual: &[String]) -> String {
    let mut out = String::new();
    let mut rest = actual;
    for line in expected {
        let found = rest
            .iter()
            .position(|a| line_matches(line, a))
            .filter(|_| line != "...");
        match found {
            Some(at) => {
                rest[..at]
                    .iter()
                    .for_each(|a| out.push_str(&format!("  + {a}\n")));
                out.push_str(&format!("    {}\n", rest[at]));
                rest = &rest[at + 1..];
            }
            None if line == "..." => out.push_str("    ...\n"),
            None => out.push_str(&format!("  - {line}\n")),
        }
    }
    rest.iter().for_each(|a| out.push_str(&format!("  + {a}\n")));
    out
}

/// New expected lines: what still fits stays as it is written, the rest is what was printed, made general.
pub(crate) fn renewed(expected: &[String], actual: &[String], sandbox: &str) -> Vec<String> {
    let mut left = expected;
    let renew = |line: &String| match left.iter().position(|e| e != "..." && line_matches(e, line)) {
        Some(at) => {
            let kept = left[at].clone();
            left = &left[at + 1..];
            kept
        }
        None => general(&line.replace(sandbox, "[..]")),
    };
    actual.iter().map(renew).collect()
}

/// Ids, hashes and times become `[..]`.
fn general(line: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in line.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() {
            word.push(c);
            continue;
        }
        out.push_str(if varies(&word) { "[..]" } else { &word });
        word.clear();
        out.push(c);
    }
    out.pop();
    out
}

fn varies(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    let hex = word
        .chars()
        .all(|c| c.is_ascii_digit() || ('a'..='f').contains(&c));
    let ulid = word.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase());
    (hex && word.len() >= 7) || (ulid && word.len() >= 20 && digits > 0)
}

#[test]
fn wildcards_stand_for_what_varies() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    assert!(matches(&lines("a\n...\nz"), &lines("a\nb\nc\nz")));
    assert!(matches(&lines("a\n..."), &lines("a")));
    assert!(!matches(&lines("a\n...\nz"), &lines("a\nb")));
    assert!(line_matches("wf_[..] is [..].", "wf_01 is Done."));
    assert!(!line_matches("wf_[..] is Done", "wf_01 is Done."));
    assert_eq!(
        general("wf_01KAEXAMPLE0123456789ABCDE at 1a2b3c4d, 12 files"),
        "wf_[..] at [..], 12 files"
    );
    assert_eq!(
        renewed(&lines("x [..]\ny"), &lines("x 1\nnew\ny"), "/none"),
        lines("x [..]\nnew\ny")
    );
}
