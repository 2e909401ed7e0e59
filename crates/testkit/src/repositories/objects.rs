//! Git's own object ids, and diffs that replace lines in files of one line each.

use super::Files;
use countersign_core::diff::{ChangeKind, FileChange, FileMode, FileSide, TreeDiff};
use countersign_core::digest::DiffHash;
use countersign_core::id::{BlobSha, CommitSha, TreeSha};
use countersign_core::path::RepoPath;
use countersign_ports::trees::ApplyRefusal;
use sha1::{Digest as _, Sha1};
use std::collections::BTreeSet;

fn object(kind: &str, content: &[u8]) -> String {
    let mut hasher = Sha1::new();
    hasher.update(format!("{kind} {}\0", content.len()));
    hasher.update(content);
    hex::encode(hasher.finalize())
}

pub(super) fn blob_of(content: &[u8]) -> BlobSha {
    BlobSha::parse(&object("blob", content)).expect("because SHA-1 has 40 hex digits")
}

pub(super) fn commit_of(bytes: &[u8]) -> CommitSha {
    CommitSha::parse(&object("commit", bytes)).expect("because SHA-1 has 40 hex digits")
}

pub(super) fn tree_bytes(files: &Files) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (path, content) in files {
        bytes.extend_from_slice(b"100644 ");
        bytes.extend_from_slice(path.as_bytes());
        bytes.push(0);
        bytes.extend(hex::decode(blob_of(content).as_str()).expect("because a blob's id is hex"));
    }
    bytes
}

pub(super) fn tree_of(files: &Files) -> TreeSha {
    TreeSha::parse(&object("tree", &tree_bytes(files))).expect("because SHA-1 has 40 hex digits")
}

/// One replaced line.
pub(super) struct Replaced {
    pub(super) path: RepoPath,
    pub(super) old: Vec<u8>,
    pub(super) new: Vec<u8>,
}

/// Reads diffs of the form that [`render`] writes; anything else is refused.
pub(super) fn read(diff: &[u8]) -> Result<Vec<Replaced>, ApplyRefusal> {
    let refuse = |line: usize| ApplyRefusal {
        code: "diff-unreadable",
        message: "this line is not of a diff that replaces one line".to_owned(),
        place: format!("line {line}"),
    };
    let text = std::str::from_utf8(diff).map_err(|_| refuse(1))?;
    let (mut found, mut path, mut old) = (Vec::new(), None, None);
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(name) = line.strip_prefix("+++ b/") {
            path = Some(RepoPath::from(name));
        } else if line.starts_with("diff ") || line.starts_with("index ") || line.starts_with("--- a/") {
            old = None;
        } else if line.starts_with("@@ ") {
        } else if let Some(line) = line.strip_prefix('-') {
            old = Some(format!("{line}\n").into_bytes());
        } else if let (Some(new), Some(path), Some(old)) = (line.strip_prefix('+'), path.take(), old.take()) {
            let new = format!("{new}\n").into_bytes();
            found.push(Replaced { path, old, new });
        } else {
            return Err(refuse(number));
        }
    }
    if found.is_empty() {
        Err(refuse(1))
    } else {
        Ok(found)
    }
}

/// The canonical diff, as the product's own renderer writes it.
pub(super) fn render(changes: &[Replaced]) -> Vec<u8> {
    let mut out = String::new();
    for change in changes {
        let path = change.path.to_text();
        let (old, new) = (blob_of(&change.old), blob_of(&change.new));
        let (minus, plus) = (
            String::from_utf8_lossy(&change.old),
            String::from_utf8_lossy(&change.new),
        );
        out.push_str(&format!(
            "diff --git a/{path} b/{path}\nindex {old}..{new} 100644\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-{minus}+{plus}"
        ));
    }
    out.into_bytes()
}

pub(super) fn replaced(
    files: &Files,
    mut changes: Vec<Replaced>,
) -> Result<(Files, Vec<Replaced>), ApplyRefusal> {
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    let mut result = files.clone();
    for change in &changes {
        if result.get(&change.path) != Some(&change.old) {
            return Err(ApplyRefusal {
                code: "context-not-found",
                message: "the line to replace is not there".to_owned(),
                place: change.path.to_text(),
            });
        }
        result.insert(change.path.clone(), change.new.clone());
    }
    Ok((result, changes))
}

/// The lines that differ in files that both have.
pub(super) fn differing(old: &Files, new: &Files) -> Vec<Replaced> {
    let pairs = old
        .iter()
        .filter_map(|(path, old)| Some((path, old, new.get(path)?)));
    let differ = pairs.filter(|(_, old, new)| old != new);
    differ
        .map(|(path, old, new)| Replaced {
            path: path.clone(),
            old: old.clone(),
            new: new.clone(),
        })
        .collect()
}

/// What git's merge of two sides gives, file by file; `None`: it conflicts.
pub(super) fn merged(base: &Files, ours: &Files, theirs: &Files) -> Option<Files> {
    let mut result = Files::new();
    let paths: BTreeSet<&RepoPath> = [base, ours, theirs].into_iter().flat_map(Files::keys).collect();
    for path in paths {
        let (before, left, right) = (base.get(path), ours.get(path), theirs.get(path));
        let stays = match (left == before, right == before) {
            (true, _) => right,
            (false, true) => left,
            (false, false) if left == right => left,
            (false, false) => return None,
        };
        result.extend(stays.map(|content| (path.clone(), content.clone())));
    }
    Some(result)
}

pub(super) fn facts(files: &Files, result: &Files, changes: &[Replaced], canonical: &[u8]) -> TreeDiff {
    let side = |path: &RepoPath, content: &[u8]| FileSide {
        path: path.clone(),
        mode: FileMode::Regular,
        blob: blob_of(content),
        size: content.len() as u64,
    };
    let change = |c: &Replaced| FileChange {
        change: ChangeKind::Modified {
            old: side(&c.path, &c.old),
            new: side(&c.path, &c.new),
        },
        added: 1,
        removed: 1,
        binary: false,
        symlink_target: None,
    };
    TreeDiff {
        base_tree: tree_of(files),
        result_tree: tree_of(result),
        diff_hash: DiffHash::of_bytes(canonical),
        files: changes.iter().map(change).collect(),
    }
}
