//! What contents and the tree around a change show, gathered from git and handed to the rules. Decides nothing.

use countersign_core::id::CommitSha;
use countersign_core::path::RepoPath;
use countersign_core::policy::{Finding, find_collisions};
use countersign_ports::trees::{Applied, RepoSource, Trees, TreesError};

/// Where a change starts from.
pub struct At<'a> {
    /// In which repository.
    pub source: &'a RepoSource,
    /// The pinned base.
    pub base: &'a CommitSha,
    /// The default branch's commit, for what only that branch may say.
    pub default_commit: &'a CommitSha,
}

/// Looks at an applied change. Blocks.
///
/// # Errors
/// When a file of the base or of the change can't be read.
pub fn inspect(trees: &dyn Trees, at: &At<'_>, applied: &Applied) -> Result<Vec<Finding>, TreesError> {
    let entries = trees.snapshot(at.source, at.base)?;
    let base_paths: Vec<RepoPath> = entries.into_iter().map(|e| e.path).collect();
    Ok(find_collisions(&applied.diff, &base_paths))
}
