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

/// Both sides, with marks where they part; what `...` stands for is left out.
pub(crate) fn difference(expected: &[String], actual: &[String]) -> String {
    let mut out = String::new();
    let mut rest = actual;
    let mut any = false;
    for line in expected {
        if line == "..." {
            any = true;
            out.push_str("    ...\n");
            continue;
        }
        match rest.iter().position(|a| line_matches(line, a)) {
            Some(at) => {
                out.push_str(&added(&rest[..at], any));
                out.push_str(&format!("    {}\n", rest[at]));
                rest = &rest[at + 1..];
                any = false;
            }
            None => out.push_str(&format!("  - {line}\n")),
        }
    }
    out.push_str(&added(rest, any));
    out
}

fn added(lines: &[String], expected: bool) -> String {
    let lines = if expected { &[] } else { lines };
    lines.iter().map(|line| format!("  + {line}\n")).collect()
}

/// New expected lines: what still fits stays as it is written, the rest is what was printed, made general. `varies` are the places
/// of this run.
pub(crate) fn renewed(expected: &[String], actual: &[String], varies: &[String]) -> Vec<String> {
    let mut left = expected;
    let hide = |line: &String| {
        varies
            .iter()
            .fold(line.clone(), |line, place| line.replace(place, "[..]"))
    };
    let renew = |line: &String| match left.iter().position(|e| e != "..." && line_matches(e, line)) {
        Some(at) => {
            let kept = left[at].clone();
            left = &left[at + 1..];
            kept
        }
        None => general(&hide(line)),
    };
    actual.iter().map(renew).collect()
}

/// Ids, hashes and times become `[..]`.
fn general(line: &str) -> String {
    let words: Vec<String> = line
        .split(' ')
        .map(|w| {
            if is_time(w) {
                "[..]".to_owned()
            } else {
                hide_ids(w)
            }
        })
        .collect();
    words.join(" ")
}

/// `2026-11-21`, `00:36:10`, or both.
fn is_time(word: &str) -> bool {
    let part_of_time = |c: char| c.is_ascii_digit() || "-:.TZ".contains(c);
    word.starts_with(|c: char| c.is_ascii_digit())
        && word.chars().all(part_of_time)
        && word.matches(['-', ':']).count() >= 2
}

fn hide_ids(text: &str) -> String {
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
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
        renewed(
            &lines("x [..]\ny"),
            &lines("x 1\nin /tmp/7/a\ny"),
            &lines("/tmp/7")
        ),
        lines("x [..]\nin [..]/a\ny")
    );
}
