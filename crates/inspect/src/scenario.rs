//! A change told in a few words, for this crate's tests.

use crate::{BaseView, Change, ChangedFile, Finding, Inspection, inspect, wanted};
use countersign_core::diff::{ChangeKind, FileChange, FileMode, FileSide};
use countersign_core::id::BlobSha;
use countersign_core::path::RepoPath;
use std::collections::BTreeMap;

/// The repository before, and what the change does to it.
#[derive(Default)]
pub(crate) struct Scenario {
    base: BTreeMap<RepoPath, Vec<u8>>,
    files: Vec<(Option<RepoPath>, Option<RepoPath>, Vec<u8>)>,
}

impl Scenario {
    /// A file of the base that stays as it is.
    pub(crate) fn base(mut self, path: &str, content: impl AsRef<[u8]>) -> Self {
        self.base.insert(path.into(), content.as_ref().to_vec());
        self
    }

    /// A file that is edited.
    pub(crate) fn edit(self, path: &str, old: impl AsRef<[u8]>, new: impl AsRef<[u8]>) -> Self {
        self.rename(path, path, old, new)
    }

    pub(crate) fn rename(self, from: &str, to: &str, old: impl AsRef<[u8]>, new: impl AsRef<[u8]>) -> Self {
        let mut this = self.base(from, old);
        this.files
            .push((Some(from.into()), Some(to.into()), new.as_ref().to_vec()));
        this
    }

    /// A new file.
    pub(crate) fn add(mut self, path: &str, new: impl AsRef<[u8]>) -> Self {
        self.files.push((None, Some(path.into()), new.as_ref().to_vec()));
        self
    }

    /// A file that goes.
    pub(crate) fn delete(self, path: &str, old: impl AsRef<[u8]>) -> Self {
        let mut this = self.base(path, old);
        this.files.push((Some(path.into()), None, Vec::new()));
        this
    }

    /// Looks at the change with exactly the base files that are asked for.
    pub(crate) fn inspect(&self) -> Inspection {
        self.with(|_, seen| seen.clone())
    }

    /// The change and what was seen in it.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&Change<'_>, &Inspection) -> T) -> T {
        let facts: Vec<FileChange> = self.files.iter().map(|file| self.facts(file)).collect();
        let paths: Vec<RepoPath> = self.base.keys().cloned().collect();
        let asked = wanted(&paths, &facts.iter().collect::<Vec<_>>());
        let base = BaseView {
            paths: &paths,
            files: asked
                .into_iter()
                .map(|path| (path.clone(), self.base[&path].clone()))
                .collect(),
        };
        let files: Vec<ChangedFile<'_>> = self
            .files
            .iter()
            .zip(&facts)
            .map(|((old, new, content), facts)| ChangedFile {
                facts,
                old: old.as_ref().map(|path| self.base[path].as_slice()),
                new: new.as_ref().map(|_| content.as_slice()),
            })
            .collect();
        let change = Change {
            files: &files,
            base: &base,
        };
        look(&change, &inspect(&change))
    }

    /// The findings.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        self.inspect().findings
    }

    /// The findings as `rule@path`.
    pub(crate) fn rules(&self) -> Vec<String> {
        let findings = self.findings();
        let rules = findings.iter().map(|f| match &f.path {
            Some(path) => format!("{}@{path}", f.rule),
            None => f.rule.to_string(),
        });
        rules.collect()
    }

    /// The findings as `rule@path:lines message`.
    pub(crate) fn sentences(&self) -> Vec<String> {
        let findings = self.findings();
        findings
            .iter()
            .map(|f| {
                let path = f.path.as_ref().map_or(String::new(), RepoPath::to_text);
                let lines: Vec<String> = f.lines.iter().map(u32::to_string).collect();
                format!("{}@{path}:{} {}", f.rule, lines.join(","), f.message)
            })
            .collect()
    }

    fn facts(&self, (old, new, content): &(Option<RepoPath>, Option<RepoPath>, Vec<u8>)) -> FileChange {
        let side = |path: &RepoPath, content: &[u8]| FileSide {
            path: path.clone(),
            mode: FileMode::Regular,
            blob: blob(content),
            size: content.len() as u64,
        };
        let before = old.as_ref().map(|path| side(path, &self.base[path]));
        let after = new.as_ref().map(|path| side(path, content));
        let binary = [before.as_ref().map(|b| &self.base[&b.path]), Some(content)];
        let binary = binary
            .into_iter()
            .flatten()
            .any(|c| c.iter().take(8_000).any(|b| *b == 0));
        let change = match (before, after) {
            (Some(old), Some(new)) if old.path == new.path => ChangeKind::Modified { old, new },
            (Some(old), Some(new)) => ChangeKind::Renamed { old, new },
            (Some(old), None) => ChangeKind::Deleted { old },
            (None, Some(new)) => ChangeKind::Added { new },
            (None, None) => unreachable!("a changed file has a side"),
        };
        let before = old
            .as_ref()
            .map(|path| self.base[path].as_slice())
            .unwrap_or_default();
        FileChange {
            change,
            added: more_lines(content, before),
            removed: more_lines(before, content),
            binary,
            symlink_target: None,
        }
    }
}

/// How many lines of one content another one lacks.
fn more_lines(these: &[u8], those: &[u8]) -> u32 {
    let mut left: Vec<&[u8]> = those.split_inclusive(|b| *b == b'\n').collect();
    let lacks = |line: &&[u8]| match left.iter().position(|l| l == line) {
        Some(at) => {
            left.swap_remove(at);
            false
        }
        None => true,
    };
    let count = these.split_inclusive(|b| *b == b'\n').filter(lacks).count();
    u32::try_from(count).unwrap()
}

/// A stand-in for a blob's name: equal contents get equal names.
fn blob(content: &[u8]) -> BlobSha {
    let sum = content.iter().fold(7u64, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u64::from(*byte))
    });
    BlobSha::parse(&format!("{sum:040x}")).unwrap()
}
