//! A change as facts for rules that a repository brings itself.

use crate::seen::{self, Seen};
use crate::{Change, Inspection};
use countersign_core::diff::{ChangeKind, FileSide};
use countersign_core::facts::{FACTS_VERSION, Facts, FileFacts, LineFacts, Origin, SideFacts};
use countersign_core::owners::OwnedPath;
use countersign_core::policy::NoAnswer;

/// Most added lines that rules are given.
const LINES_MAX: usize = 100_000;
/// Most bytes of added lines that rules are given.
const TEXT_MAX_BYTES: usize = 4 << 20;

/// What is known of a change beside its contents.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// Where it comes from, where that is known.
    pub origin: Option<&'a Origin>,
    /// What was seen in it.
    pub seen: &'a Inspection,
    /// Who owns its paths.
    pub owners: &'a [OwnedPath],
}

/// The facts of a change.
///
/// # Errors
/// When there is more than rules are given: with a part of it they would pass what they never saw.
pub fn facts(change: &Change<'_>, around: Around<'_>) -> Result<Facts, NoAnswer> {
    // What could not be looked into is among the findings already.
    let files = seen::all(change, &mut Vec::new());
    let (mut lines, mut bytes) = (0, 0);
    for line in files.iter().flat_map(|file| &file.added) {
        lines += 1;
        bytes += line.bytes.len();
    }
    if lines > LINES_MAX || bytes > TEXT_MAX_BYTES {
        let why = format!(
            "{lines} lines with {bytes} bytes are added, and rules are given {LINES_MAX} lines and \
             {TEXT_MAX_BYTES} bytes at most; split the change"
        );
        return Err(NoAnswer::of_all("own-rules-change-too-large", why));
    }
    let facts = change.files.iter().map(|file| file.facts);
    Ok(Facts {
        version: FACTS_VERSION,
        origin: around.origin.cloned(),
        added: facts.clone().map(|f| u64::from(f.added)).sum(),
        removed: facts.map(|f| u64::from(f.removed)).sum(),
        files: files.iter().map(file).collect(),
        findings: around.seen.findings.clone(),
        dependencies: around.seen.dependencies.clone(),
        owners: around.owners.to_vec(),
    })
}

fn file(seen: &Seen<'_>) -> FileFacts {
    let facts = seen.file.facts;
    FileFacts {
        path: facts.path().to_text(),
        change: match &facts.change {
            ChangeKind::Added { .. } => "added",
            ChangeKind::Deleted { .. } => "deleted",
            ChangeKind::Modified { .. } => "modified",
            ChangeKind::Renamed { .. } => "renamed",
        },
        old: facts.old().map(side),
        new: facts.new_side().map(side),
        added: facts.added,
        removed: facts.removed,
        binary: facts.binary,
        symlink_target: facts.symlink_target.clone(),
        added_lines: seen
            .added
            .iter()
            .map(|line| LineFacts {
                line: line.number,
                text: String::from_utf8_lossy(line.bytes).into_owned(),
            })
            .collect(),
    }
}

fn side(side: &FileSide) -> SideFacts {
    SideFacts {
        path: side.path.to_text(),
        mode: side.mode.octal(),
        size: side.size,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use countersign_core::feedback::FeedbackOrigin;

    const MANIFEST: &str = "[package]\nname = \"shop\"\n[dependencies]\n";

    fn example() -> Facts {
        let change = Scenario::default()
            .edit("Cargo.toml", MANIFEST, format!("{MANIFEST}serde = \"1\"\n"))
            .rename(
                "src/cart.rs",
                "src/basket.rs",
                "fn a() {}\n",
                "fn a() {}\n// TODO: tax\n",
            );
        let origin = Origin {
            feedback: FeedbackOrigin::Issue,
            proposer: "codemod",
            unconfined: false,
        };
        let owners = [OwnedPath {
            path: "src/basket.rs".into(),
            owners: vec!["@shop/till".to_owned()],
            line: 3,
        }];
        change
            .with(|change, seen| {
                let around = Around {
                    origin: Some(&origin),
                    seen,
                    owners: &owners,
                };
                facts(change, around)
            })
            .unwrap()
    }

    #[test]
    fn the_documentation_shows_the_facts_as_they_are() {
        let page = include_str!("../../../docs/policy.md");
        let shown = page
            .split_once("```json\n")
            .and_then(|(_, rest)| rest.split_once("```"))
            .map(|(json, _)| serde_json::from_str::<serde_json::Value>(json).unwrap());
        let real = serde_json::to_value(example()).unwrap();
        assert_eq!(
            shown.as_ref(),
            Some(&real),
            "docs/policy.md should hold\n{}",
            serde_json::to_string_pretty(&real).unwrap()
        );
    }

    #[test]
    fn more_than_rules_are_given_is_no_answer_and_not_a_part_of_it() {
        let many = "x\n".repeat(LINES_MAX + 1);
        let long = format!("{}\n", "x".repeat(TEXT_MAX_BYTES + 1));
        for content in [many, long] {
            let refused = Scenario::default().add("a.txt", content).with(|change, seen| {
                let around = Around {
                    origin: None,
                    seen,
                    owners: &[],
                };
                facts(change, around).unwrap_err()
            });
            assert_eq!(refused.code, "own-rules-change-too-large");
            assert!(refused.finding().message.contains("split the change"));
        }
    }

    #[test]
    fn lines_that_are_not_utf8_are_there_all_the_same() {
        let facts = Scenario::default()
            .add("a.txt", b"caf\xe9 TODO\n")
            .with(|change, seen| {
                let around = Around {
                    origin: None,
                    seen,
                    owners: &[],
                };
                facts(change, around).unwrap()
            });
        assert_eq!(facts.files[0].added_lines[0].text, "caf\u{fffd} TODO");
    }
}
