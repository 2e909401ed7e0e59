//! Shared makers for the policy's tests; each file tests one part.
#![allow(clippy::unwrap_used, reason = "tests")]

mod content;
mod globs;
mod layers;
mod own_rules;
mod parsing;
mod paths;
mod tiers;

use super::{EffectivePolicy, Finding, PolicyFile, Violation, effective, parse};
use crate::diff::{ChangeKind, FileChange, FileMode, FileSide, TreeDiff};
use crate::digest::DiffHash;
use crate::digest::PlanDigest;
use crate::id::{BlobSha, RepositoryId, TreeSha};
use crate::path::RepoPath;

fn file(text: &str) -> PolicyFile {
    parse(&format!("version = 1\n{text}")).unwrap()
}

/// The floor, tightened by one file on the default branch.
fn policy(text: &str) -> EffectivePolicy {
    effective(None, Some(&file(text)), None)
}

fn evaluate(policy: &EffectivePolicy, repository: &RepositoryId, diff: &TreeDiff) -> Vec<Violation> {
    super::evaluate(policy, repository, diff, &[])
}

fn evaluate_paths(policy: &EffectivePolicy, repository: &RepositoryId, paths: &[RepoPath]) -> Vec<Violation> {
    super::evaluate_paths(policy, repository, paths, PlanDigest::of(&"a plan"))
}

/// Findings as violations are named.
fn of_findings(findings: &[Finding]) -> Vec<String> {
    ids(&super::evaluate(
        &policy(""),
        &repository(),
        &diff(vec![]),
        findings,
    ))
}

fn repository() -> RepositoryId {
    RepositoryId::local(1)
}

fn side(path: impl Into<RepoPath>, mode: FileMode) -> FileSide {
    let blob = BlobSha::parse(&"1".repeat(40)).unwrap();
    FileSide {
        path: path.into(),
        mode,
        blob,
        size: 10,
    }
}

fn change(change: ChangeKind) -> FileChange {
    FileChange {
        change,
        added: 1,
        removed: 0,
        binary: false,
        symlink_target: None,
    }
}

fn added(path: impl Into<RepoPath>, mode: FileMode) -> FileChange {
    change(ChangeKind::Added {
        new: side(path, mode),
    })
}

fn deleted(path: impl Into<RepoPath>, mode: FileMode) -> FileChange {
    change(ChangeKind::Deleted {
        old: side(path, mode),
    })
}

fn modified(path: &str, before: FileMode, after: FileMode) -> FileChange {
    change(ChangeKind::Modified {
        old: side(path, before),
        new: side(path, after),
    })
}

fn edited(path: &str) -> FileChange {
    modified(path, FileMode::Regular, FileMode::Regular)
}

fn renamed(old: &str, new: &str) -> FileChange {
    change(ChangeKind::Renamed {
        old: side(old, FileMode::Regular),
        new: side(new, FileMode::Regular),
    })
}

fn diff(files: Vec<FileChange>) -> TreeDiff {
    let tree = TreeSha::parse(&"2".repeat(40)).unwrap();
    TreeDiff {
        base_tree: tree.clone(),
        result_tree: tree,
        diff_hash: DiffHash::of_bytes(b""),
        files,
    }
}

fn ids(violations: &[Violation]) -> Vec<String> {
    violations.iter().map(Violation::id).collect()
}
