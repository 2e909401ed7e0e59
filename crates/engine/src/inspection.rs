//! What contents and the tree around a change show, gathered from git and handed to the rules. Decides nothing.

use crate::own_rules::{self, OwnRules, RuleFile, rule_files};
use countersign_core::dependency::DependencyChange;
use countersign_core::diff::{FileChange, FileMode, FileSide};
use countersign_core::facts::Origin;
use countersign_core::id::CommitSha;
use countersign_core::owners::OwnedPath;
use countersign_core::path::RepoPath;
use countersign_core::policy::{Finding, find_collisions};
use countersign_inspect::{
    Around, BaseView, Change, ChangedFile, Inspection, Salt, codeowners, ownership, secrets, wanted,
};
use countersign_ports::trees::{Applied, NOT_A_FILE, RepoSource, Trees, TreesError};
use std::collections::BTreeMap;

/// Where a change starts from.
pub struct At<'a> {
    /// In which repository.
    pub source: &'a RepoSource,
    /// The pinned base.
    pub base: &'a CommitSha,
    /// The default branch's commit, for what only that branch may say.
    pub default_commit: &'a CommitSha,
    /// Where the change comes from, where that is known.
    pub origin: Option<&'a Origin>,
    /// Runs the rules that the repository brings itself.
    pub own_rules: &'a dyn OwnRules,
}

/// What was seen.
pub struct Inspected {
    /// What policy weighs.
    pub findings: Vec<Finding>,
    /// Every dependency that moves.
    pub dependencies: Vec<DependencyChange>,
    /// Who owns the changed paths, by the default branch's CODEOWNERS.
    pub owners: Vec<OwnedPath>,
}

/// Looks at an applied change. Blocks. What looks like a secret is told by its hash under `salt`.
///
/// # Errors
/// When a file of the base or of the change can't be read.
pub fn inspect(
    trees: &dyn Trees,
    at: &At<'_>,
    applied: &Applied,
    salt: &Salt,
) -> Result<Inspected, TreesError> {
    let entries = trees.snapshot(at.source, at.base)?;
    let paths: Vec<RepoPath> = entries.into_iter().map(|e| e.path).collect();
    let before = contents_before(trees, at, applied)?;
    let facts: Vec<&FileChange> = applied.diff.files.iter().collect();
    let mut around = BTreeMap::new();
    for path in wanted(&paths, &facts) {
        if let Some(content) = regular_file(trees, at.source, at.base, &path)? {
            around.insert(path, content);
        }
    }
    let files: Vec<ChangedFile<'_>> = applied
        .diff
        .files
        .iter()
        .map(|facts| ChangedFile {
            facts,
            old: facts
                .old()
                .and_then(|side| before.get(&side.path))
                .map(Vec::as_slice),
            new: facts
                .new_side()
                .and_then(|side| applied.contents.get(&side.path))
                .map(Vec::as_slice),
        })
        .collect();
    let base = BaseView {
        paths: &paths,
        files: around,
    };
    let change = Change {
        files: &files,
        base: &base,
    };
    let Inspection {
        findings: in_contents,
        dependencies,
    } = countersign_inspect::inspect(&change);
    let mut findings = find_collisions(&applied.diff, &paths);
    let layers = rules_of(trees, at)?;
    let (own_secrets, unread) = own_rules::secret_rules(&layers);
    findings.extend(unread);
    findings.extend(secrets(&change, &own_secrets, salt));
    findings.extend(in_contents);
    let (owners, unread) = owners_of(trees, at, &facts)?;
    findings.extend(unread);
    let mut seen = Inspection {
        findings,
        dependencies,
    };
    let own = own_rules::found(at.own_rules, &layers, || {
        let around = Around {
            origin: at.origin,
            seen: &seen,
            owners: &owners,
        };
        countersign_inspect::facts(&change, around)
    });
    seen.findings.extend(own);
    Ok(Inspected {
        findings: seen.findings,
        dependencies: seen.dependencies,
        owners,
    })
}

/// The repository's own rules of the default branch and of the base; equal ones are asked once.
fn rules_of(trees: &dyn Trees, at: &At<'_>) -> Result<Vec<Vec<RuleFile>>, TreesError> {
    let mut layers = vec![rule_files(trees, at.source, at.default_commit)?];
    if at.base != at.default_commit {
        layers.push(rule_files(trees, at.source, at.base)?);
        layers.dedup();
    }
    Ok(layers)
}

/// What lies there as a regular file; what is something else says nothing to those who read it.
fn regular_file(
    trees: &dyn Trees,
    source: &RepoSource,
    commit: &CommitSha,
    path: &RepoPath,
) -> Result<Option<Vec<u8>>, TreesError> {
    match trees.file(source, commit, path) {
        Err(error) if error.code() == NOT_A_FILE => Ok(None),
        read => read,
    }
}

/// Who owns the changed paths; the file counts from the default branch only (INV-9).
fn owners_of(
    trees: &dyn Trees,
    at: &At<'_>,
    changed: &[&FileChange],
) -> Result<(Vec<OwnedPath>, Option<Finding>), TreesError> {
    let entries = trees.snapshot(at.source, at.default_commit)?;
    let paths: Vec<RepoPath> = entries.into_iter().map(|e| e.path).collect();
    let mut files = BTreeMap::new();
    if let Some(path) = codeowners(&paths)
        && let Some(content) = regular_file(trees, at.source, at.default_commit, path)?
    {
        files.insert(path.clone(), content);
    }
    let view = BaseView { paths: &paths, files };
    let changed = changed.iter().flat_map(|file| file.paths()).collect();
    let (ownership, unread) = ownership(&view, &changed);
    Ok((ownership.paths, unread))
}

/// What every changed regular file held before.
fn contents_before(
    trees: &dyn Trees,
    at: &At<'_>,
    applied: &Applied,
) -> Result<BTreeMap<RepoPath, Vec<u8>>, TreesError> {
    let has_content = |side: &&FileSide| match side.mode {
        FileMode::Regular | FileMode::Executable => true,
        FileMode::Symlink | FileMode::Submodule => false,
    };
    let sides = applied
        .diff
        .files
        .iter()
        .filter_map(FileChange::old)
        .filter(has_content);
    sides
        .map(|side| Ok((side.path.clone(), trees.blob(at.source, &side.blob)?)))
        .collect()
}
