//! Hides what looks like a secret in a canonical diff that is about to be shown (INV-11): added, removed and unchanged
//! lines alike. What is approved and written stays as it is; only what people and programs see is masked, and counted.

use countersign_core::path::{RepoPath, unquote};
use countersign_core::policy::{Finding, RuleId};
use countersign_scan::Scanner;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A canonical diff that may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked<'a> {
    /// The diff; every line stands where it stood.
    pub bytes: Cow<'a, [u8]>,
    /// Lines of which something is not shown.
    pub lines: u32,
}

/// What is hidden of a line, by its index in the diff.
type Hidden<'a> = BTreeMap<usize, Vec<(Range<usize>, Cow<'a, str>)>>;

/// A canonical diff without what looks like a secret. `findings` are those of the diff's own inspection, which saw whole
/// files where a diff shows a part.
pub fn masked<'a>(canonical: &'a [u8], findings: &[Finding]) -> Masked<'a> {
    masked_between(canonical, (&[], findings))
}

/// As [`masked`], for a diff between two results of which each had its own inspection: what was found in the old one, and
/// in the new one.
pub fn masked_between<'a>(canonical: &'a [u8], (old, new): (&[Finding], &[Finding])) -> Masked<'a> {
    let lines: Vec<&[u8]> = canonical.split_inclusive(|b| *b == b'\n').collect();
    let mut hidden = Hidden::new();
    for hunk in hunks(&lines) {
        for side in [b'-', b'+'] {
            by_scanning(&lines, &hunk, side, &mut hidden);
        }
        by_findings(&lines, &hunk, (b'-', old), &mut hidden);
        by_findings(&lines, &hunk, (b'+', new), &mut hidden);
    }
    if hidden.is_empty() {
        return Masked {
            bytes: Cow::Borrowed(canonical),
            lines: 0,
        };
    }
    let shown = |(index, line): (usize, &&[u8])| match hidden.get_mut(&index) {
        Some(parts) => without(line, parts),
        None => line.to_vec(),
    };
    Masked {
        bytes: Cow::Owned(lines.iter().enumerate().flat_map(shown).collect()),
        lines: u32::try_from(hidden.len()).unwrap_or(u32::MAX),
    }
}

/// One hunk: its lines by index, and where it stands.
struct Hunk {
    /// Without its head.
    body: Range<usize>,
    /// The number of the first line of the old side.
    old_start: u32,
    /// The number of the first line of the new side.
    new_start: u32,
    old_path: Option<RepoPath>,
    new_path: Option<RepoPath>,
}

fn hunks(lines: &[&[u8]]) -> Vec<Hunk> {
    let (mut found, mut old_path, mut new_path) = (Vec::<Hunk>::new(), None, None);
    let mut in_hunk = false;
    for (index, line) in lines.iter().enumerate() {
        // Every line of a hunk begins with its sign, so no content looks like a header.
        if line.starts_with(b"diff --git ") {
            (in_hunk, old_path, new_path) = (false, None, None);
        } else if line.starts_with(b"@@ ") {
            in_hunk = true;
            found.push(Hunk {
                body: index + 1..index + 1,
                old_start: start(line, '-'),
                new_start: start(line, '+'),
                old_path: old_path.clone(),
                new_path: new_path.clone(),
            });
        } else if let (true, Some(hunk)) = (in_hunk, found.last_mut()) {
            hunk.body.end = index + 1;
        } else if let Some(name) = line.strip_prefix(b"--- ") {
            old_path = path(name, b"a/");
        } else if let Some(name) = line.strip_prefix(b"+++ ") {
            new_path = path(name, b"b/");
        }
    }
    found
}

/// The path behind `--- ` or `+++ `; none for `/dev/null`.
fn path(name: &[u8], prefix: &[u8]) -> Option<RepoPath> {
    let name = name.strip_suffix(b"\n").unwrap_or(name);
    let name = name.strip_suffix(b"\t").unwrap_or(name);
    let plain = if name.starts_with(b"\"") {
        unquote(name).ok()?
    } else {
        name.to_vec()
    };
    plain.strip_prefix(prefix).map(RepoPath::from_bytes)
}

/// The 9 of `@@ -3,4 +9,2 @@` for `+`, and the 3 for `-`.
fn start(head: &[u8], side: char) -> u32 {
    let text = String::from_utf8_lossy(head);
    let range = text.split(' ').find_map(|word| word.strip_prefix(side));
    let number = range.and_then(|range| range.split(',').next());
    number.and_then(|n| n.parse().ok()).unwrap_or(1)
}

/// What the scanner finds in one side of a hunk.
fn by_scanning<'a>(lines: &[&[u8]], hunk: &Hunk, side: u8, hidden: &mut Hidden<'a>) {
    let (mut text, mut starts) = (Vec::new(), Vec::new());
    for index in hunk.body.clone() {
        if let Some((sign, content)) = lines[index].split_first()
            && (*sign == side || *sign == b' ')
        {
            starts.push((text.len(), index));
            text.extend_from_slice(content);
        }
    }
    let path = match side {
        b'-' => &hunk.old_path,
        _ => &hunk.new_path,
    };
    let spans = Scanner::built_in().spans(path.as_ref().map(RepoPath::as_bytes), &text);
    let rest = spans.unscanned_from.map(|from| (from..text.len(), "not scanned"));
    for (span, rule) in spans.secrets.into_iter().chain(rest) {
        let span = whole_words(&text, span);
        let ends = starts.iter().skip(1).map(|(start, _)| *start).chain([text.len()]);
        for ((start, index), end) in starts.iter().zip(ends) {
            let (from, to) = (span.start.max(*start), span.end.min(end));
            if from < to {
                // One more for the sign.
                let part = from - start + 1..to - start + 1;
                hidden
                    .entry(*index)
                    .or_default()
                    .push((part, Cow::Owned(rule.to_owned())));
            }
        }
    }
}

/// A span with what hangs together with it: a rule may know only a part of a secret.
fn whole_words(text: &[u8], span: Range<usize>) -> Range<usize> {
    let hangs = |b: &u8| b.is_ascii_alphanumeric() || b"+/_-.=~%".contains(b) || !b.is_ascii();
    let before = text[..span.start]
        .iter()
        .rev()
        .take_while(|b| hangs(b) && **b != b'=')
        .count();
    let after = text[span.end..].iter().take_while(|b| hangs(b)).count();
    span.start - before..span.end + after
}

/// Whole lines of one side that the inspection of whole files found, where the hunk alone did not tell.
fn by_findings<'a>(
    lines: &[&[u8]],
    hunk: &Hunk,
    (side, findings): (u8, &[Finding]),
    hidden: &mut Hidden<'a>,
) {
    let (path, first) = match side {
        b'-' => (&hunk.old_path, hunk.old_start),
        _ => (&hunk.new_path, hunk.new_start),
    };
    let here = findings
        .iter()
        .filter(|f| f.rule == RuleId::Secret && f.path == *path && f.path.is_some());
    let told: BTreeSet<u32> = here.flat_map(|f| f.lines.iter().copied()).collect();
    if told.is_empty() {
        return;
    }
    let mut number = first;
    for index in hunk.body.clone() {
        let line = lines[index];
        if !line.first().is_some_and(|sign| *sign == side || *sign == b' ') {
            continue;
        }
        if told.contains(&number) && !hidden.contains_key(&index) {
            let content = line.strip_suffix(b"\n").unwrap_or(line);
            hidden.insert(index, vec![(1..content.len(), Cow::Borrowed("secret"))]);
        }
        number = number.saturating_add(1);
    }
}

/// A line with marks in the place of its hidden parts; its end stays.
fn without(line: &[u8], parts: &mut [(Range<usize>, Cow<'_, str>)]) -> Vec<u8> {
    parts.sort_by_key(|(part, _)| part.start);
    let content = line.strip_suffix(b"\n").unwrap_or(line).len();
    let (mut out, mut at) = (Vec::new(), 0);
    for (part, rule) in parts.iter() {
        let (start, end) = (part.start.min(content), part.end.min(content));
        if start > at || at == 0 {
            out.extend_from_slice(&line[at..start]);
            out.extend_from_slice(format!("[not shown: {rule}]").as_bytes());
        }
        at = at.max(end);
    }
    out.extend_from_slice(&line[at..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Put together here, so that this file holds no such thing.
    fn token() -> String {
        format!("glpat-{}", "x7Yb2Kq9Lm4Np6Rt8VwZ")
    }

    fn shown(diff: &str, findings: &[Finding]) -> (String, u32) {
        let masked = masked(diff.as_bytes(), findings);
        (
            String::from_utf8(masked.bytes.into_owned()).unwrap(),
            masked.lines,
        )
    }

    fn diff(body: &str) -> String {
        format!("diff --git a/k.py b/k.py\n--- a/k.py\n+++ b/k.py\n@@ -1,3 +1,3 @@\n{body}")
    }

    #[test]
    fn only_the_value_is_hidden_and_the_line_stays() {
        let token = token();
        let (text, lines) = shown(
            &diff(&format!(" a = 1\n-b = 2\n+key = \"{token}\"  # for later\n")),
            &[],
        );
        assert_eq!(lines, 1);
        assert!(
            text.ends_with(" a = 1\n-b = 2\n+key = \"[not shown: gitlab-personal-token]\"  # for later\n"),
            "{text}"
        );
    }

    #[test]
    fn removed_and_unchanged_lines_are_no_exception() {
        let token = token();
        let (text, lines) = shown(
            &diff(&format!(" old = '{token}'\n-gone = '{token}'\n+gone = ''\n")),
            &[],
        );
        assert_eq!(lines, 2);
        assert!(!text.contains("x7Yb2Kq9"), "{text}");
        assert_eq!(text.lines().count(), 7);
    }

    #[test]
    fn a_key_of_several_lines_is_hidden_line_by_line() {
        let body = [
            "MIIEpAIBAAKCAQEA7bq",
            "x0p9JzG1u4mQnVb3kLr5sT8wYcDfHj2NqRtUvXyZaBcDe",
        ]
        .join("\n+");
        let begin = format!("-----BEGIN {} KEY-----", "RSA PRIVATE");
        let end = format!("-----END {} KEY-----", "RSA PRIVATE");
        let (text, lines) = shown(&diff(&format!("+{begin}\n+{body}\n+{end}\n+after = 1\n")), &[]);
        assert!(lines >= 3, "{text}");
        assert!(!text.contains("MIIEpAIB") && !text.contains("x0p9JzG1"), "{text}");
        assert!(text.ends_with("+after = 1\n"));
    }

    #[test]
    fn what_only_the_whole_file_told_is_hidden_as_well() {
        let finding = Finding {
            lines: vec![2],
            ..Finding::at(RuleId::Secret, &"k.py".into(), "This looks like a secret.")
        };
        let (text, lines) = shown(&diff(" a\n-b\n+c4f1 nothing to see\n d\n"), &[finding]);
        assert_eq!(lines, 1);
        assert!(text.ends_with(" a\n-b\n+[not shown: secret]\n d\n"), "{text}");
        let elsewhere = Finding {
            lines: vec![2],
            ..Finding::at(RuleId::Secret, &"other.py".into(), "This looks like a secret.")
        };
        assert_eq!(shown(&diff(" a\n-b\n+c\n"), &[elsewhere]).1, 0);
    }

    #[test]
    fn what_was_found_in_the_old_result_is_hidden_in_removed_lines() {
        let finding = Finding {
            lines: vec![2],
            ..Finding::at(RuleId::Secret, &"k.py".into(), "This looks like a secret.")
        };
        let text = diff(" a\n-c4f1 nothing to see\n+b\n d\n");
        let masked = masked_between(text.as_bytes(), (&[finding], &[]));
        assert_eq!(masked.lines, 1);
        assert!(masked.bytes.ends_with(b" a\n-[not shown: secret]\n+b\n d\n"));
    }

    #[test]
    fn an_ordinary_diff_is_shown_as_it_is() {
        let plain = diff(" a = 1\n-b = 2\n+b = 3\n\\ No newline at end of file\n");
        assert_eq!(shown(&plain, &[]), (plain.clone(), 0));
    }

    proptest! {
        #[test]
        fn lines_stay_where_they_are(body in proptest::collection::vec("[-+ ](a|key = |'|\u{e9}|TOKEN|=){0,6}", 0..12), at in 0usize..12) {
            let mut body = body;
            if let Some(line) = body.get_mut(at) {
                line.push_str(&format!(" '{}'", token()));
            }
            let diff = diff(&body.iter().map(|l| format!("{l}\n")).collect::<String>());
            let (text, _) = shown(&diff, &[]);
            prop_assert_eq!(text.lines().count(), diff.lines().count());
            prop_assert!(!text.contains("x7Yb2Kq9"), "{}", text);
            for (new, old) in text.lines().zip(diff.lines()) {
                prop_assert_eq!(new.as_bytes().first(), old.as_bytes().first());
            }
        }
    }
}
