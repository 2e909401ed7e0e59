//! What looks like a secret in the lines that a change brings in, and in its file names.
//!
//! The value never leaves the scanner: a finding names rule, line, column and the first digits of a salted hash.

use crate::Change;
use crate::seen::{self, Seen};
use countersign_core::diff::FileMode;
use countersign_core::policy::{FINDING_LINES_MAX, Finding, RuleId};
use countersign_scan::{Hit, Place, Salt, Scan, Scanner};
use std::ops::RangeInclusive;

/// Most hits that the message of one file spells out.
const HITS_TOLD: usize = 5;
/// Digits of a salted hash that are told: enough to see that two hits are the same, too few to try guesses against.
const FINGERPRINT_DIGITS: usize = 12;

/// What else looks like a secret, as a repository says itself.
pub struct SecretRules(Scanner);

impl SecretRules {
    /// Reads a file in gitleaks' format.
    ///
    /// # Errors
    /// What is wrong in it, and where, in a sentence without its full stop.
    pub fn read(text: &str) -> Result<Self, String> {
        Scanner::from_gitleaks(text).map(Self).map_err(|e| e.to_string())
    }
}

/// Secrets in a change by our own rules and by these, one finding for each file; and what could not be scanned.
pub fn secrets(change: &Change<'_>, own: &[SecretRules], salt: &Salt) -> Vec<Finding> {
    // What could not be looked into is told by the inspection of contents.
    let files = seen::all(change, &mut Vec::new());
    let own = own.iter().map(|rules| &rules.0);
    let scanners: Vec<&Scanner> = std::iter::once(Scanner::built_in()).chain(own).collect();
    files
        .iter()
        .flat_map(|file| in_file(file, &scanners, salt))
        .collect()
}

fn in_file(file: &Seen<'_>, scanners: &[&Scanner], salt: &Salt) -> Vec<Finding> {
    let Some(path) = file.new_path() else {
        return Vec::new();
    };
    let side = file.file.facts.new_side();
    let link = side.is_some_and(|s| s.mode == FileMode::Symlink);
    let target = file.file.facts.symlink_target.as_deref().filter(|_| link);
    let content = target.map(str::as_bytes).or(file.new).unwrap_or_default();
    let added = if link || file.file.facts.binary {
        vec![1..=u32::MAX]
    } else {
        ranges(file)
    };
    let mut all = Scan::default();
    for scanner in scanners {
        let scan = scanner.scan_added(path.as_bytes(), content, &added, salt);
        all.hits.extend(scan.hits);
        let new = scan.skipped.into_iter().filter(|s| !all.skipped.contains(s));
        all.skipped.extend(new.collect::<Vec<_>>());
    }
    // One text that several rules know is one secret.
    all.hits.sort_by_key(|hit| hit.place);
    all.hits
        .dedup_by(|a, b| a.place == b.place && a.fingerprint == b.fingerprint);
    told(file, &all)
}

/// The added lines as ranges; an unnamed path of an unchanged content is not new.
fn ranges(file: &Seen<'_>) -> Vec<RangeInclusive<u32>> {
    let mut ranges: Vec<RangeInclusive<u32>> = Vec::new();
    for line in &file.added {
        match ranges.last_mut() {
            Some(last) if *last.end() + 1 == line.number => *last = *last.start()..=line.number,
            Some(_) | None => ranges.push(line.number..=line.number),
        }
    }
    ranges
}

fn told(file: &Seen<'_>, scan: &Scan) -> Vec<Finding> {
    let mut findings = Vec::new();
    let renamed_or_new = file.old_path() != file.new_path();
    let hits: Vec<&Hit> = scan
        .hits
        .iter()
        .filter(|hit| renamed_or_new || matches!(hit.place, Place::Text { .. }))
        .collect();
    if !hits.is_empty() {
        findings.push(finding(file, RuleId::Secret, lines(&hits), sentence(&hits)));
    }
    for skipped in &scan.skipped {
        let message = format!("Not all of it was scanned for secrets: {skipped}.");
        findings.push(finding(file, RuleId::NotInspected, Vec::new(), message));
    }
    findings
}

fn finding(file: &Seen<'_>, rule: RuleId, lines: Vec<u32>, message: String) -> Finding {
    Finding {
        blob: file.blob(),
        lines,
        ..Finding::at(rule, file.path(), message)
    }
}

fn lines(hits: &[&Hit]) -> Vec<u32> {
    let mut lines: Vec<u32> = hits
        .iter()
        .filter_map(|hit| match hit.place {
            Place::Path { .. } => None,
            Place::Text { line, last_line, .. } => Some(line..=last_line),
        })
        .flatten()
        .collect();
    lines.sort_unstable();
    lines.dedup();
    lines.truncate(FINDING_LINES_MAX);
    lines
}

fn sentence(hits: &[&Hit]) -> String {
    let one = |hit: &&Hit| {
        let place = match hit.place {
            Place::Path { .. } => "the file's name".to_owned(),
            Place::Text { line, column, .. } => format!("line {line}, column {column}"),
        };
        let hash: String = hit
            .fingerprint
            .to_string()
            .chars()
            .take(FINGERPRINT_DIGITS)
            .collect();
        format!("{place}: {} ({}, {hash})", hit.description, hit.rule)
    };
    let mut told: Vec<String> = hits.iter().take(HITS_TOLD).map(one).collect();
    if hits.len() > HITS_TOLD {
        told.push(format!("and {} more", hits.len() - HITS_TOLD));
    }
    format!("This looks like a secret. {}.", told.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BaseView, ChangedFile};
    use countersign_core::diff::{ChangeKind, FileChange, FileSide};
    use countersign_core::id::BlobSha;
    use countersign_core::path::RepoPath;
    use std::collections::BTreeMap;

    /// Put together here, so that this file holds no such thing.
    fn token() -> String {
        format!("glpat-{}", "x7Yb2Kq9Lm4Np6Rt8VwZ")
    }

    fn side(path: &str) -> FileSide {
        FileSide {
            path: RepoPath::from_bytes(path),
            mode: FileMode::Regular,
            blob: BlobSha::parse(&"1".repeat(40)).expect("40 digits"),
            size: 1,
        }
    }

    fn found(path: &str, old: &str, new: &str) -> Vec<Finding> {
        let facts = FileChange {
            change: ChangeKind::Modified {
                old: side(path),
                new: side(path),
            },
            added: 1,
            removed: 1,
            binary: false,
            symlink_target: None,
        };
        let file = ChangedFile {
            facts: &facts,
            old: Some(old.as_bytes()),
            new: Some(new.as_bytes()),
        };
        let base = BaseView {
            paths: &[],
            files: BTreeMap::new(),
        };
        let change = Change {
            files: &[file],
            base: &base,
        };
        secrets(&change, &[], &Salt::new([7; 32]))
    }

    #[test]
    fn an_added_secret_is_found_and_its_value_is_nowhere_in_the_finding() {
        let found = found("src/a.py", "a = 1\n", &format!("a = 1\nkey = \"{}\"\n", token()));
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(
            (found[0].rule, found[0].lines.as_slice()),
            (RuleId::Secret, &[2][..])
        );
        assert!(
            found[0].message.contains("line 2, column 8"),
            "{}",
            found[0].message
        );
        assert!(!format!("{found:?}").contains("x7Yb2Kq9"));
    }

    #[test]
    fn what_was_there_before_is_not_held_against_the_change() {
        let before = format!("key = \"{}\"\n", token());
        assert_eq!(found("src/a.py", &before, &format!("{before}b = 2\n")), []);
    }

    #[test]
    fn ordinary_changes_hold_nothing() {
        assert_eq!(found("src/a.py", "a = 1\n", "a = 2\nb = \"hello\"\n"), []);
    }
}
