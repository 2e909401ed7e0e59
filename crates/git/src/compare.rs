//! Comparing for viewers: two pinned commits, or what two revisions would write. Reads the mirror only and writes nothing.

use crate::apply;
use crate::diff::{self, Rendered};
use crate::error::{corrupt, unsupported};
use crate::known::{Known, Memory};
use crate::mirror::Mirrors;
use crate::objects::{commit_sha, decode_commit, read, to_gix};
use countersign_core::diff::{ChangeKind, TreeDiff};
use countersign_core::id::CommitSha;
use countersign_ports::trees::{
    INTERDIFF_MAX_BYTES, INTERDIFF_MAX_FILES, Interdiff, Proposed, RepoSource, TreesError,
};
use gix::ObjectId;
use gix::objs::Kind;

/// Longest canonical diff that is made of two commits, in bytes.
pub(crate) const COMPARED_MAX_BYTES: usize = 256 * 1024 * 1024;

/// The facts and the canonical diff of everything that differs between two pinned commits.
pub(crate) fn between(
    mirrors: &Mirrors,
    repo: &RepoSource,
    base: &CommitSha,
    result: &CommitSha,
) -> Result<(TreeDiff, Vec<u8>), TreesError> {
    let (mirror, base) = mirrors.pinned(&repo.id, base)?;
    let (_, result) = mirrors.pinned(&repo.id, result)?;
    match diff::between_within(
        &Known::new(&mirror, &Memory::default()),
        base,
        result,
        COMPARED_MAX_BYTES,
    )? {
        Some(Rendered { facts, canonical }) => Ok((facts, canonical)),
        None => Err(unsupported(
            "diff-too-large",
            format!(
                "What differs between the two commits has more than {COMPARED_MAX_BYTES} bytes. Compare commits that \
                 are closer to each other."
            ),
        )),
    }
}

/// See [`countersign_ports::trees::Trees::interdiff`].
#[tracing::instrument(level = "debug", skip_all, fields(repository = %repo.id))]
pub(crate) fn interdiff(
    mirrors: &Mirrors,
    repo: &RepoSource,
    from: &Proposed,
    to: &Proposed,
) -> Result<Interdiff, TreesError> {
    let (mirror, old_base) = mirrors.pinned(&repo.id, &from.base)?;
    let (_, new_base) = mirrors.pinned(&repo.id, &to.base)?;
    // Both results lie in the memory of the same opened mirror afterwards.
    let old = result(&mirror, old_base, from)?;
    let new = result(&mirror, new_base, to)?;
    let memory = Memory::default();
    let known = Known::new(&mirror, &memory);
    let by_base = match old_base == new_base {
        true => Vec::new(),
        false => diff::changed(&known, old_base, new_base)?,
    };
    let (of_base, of_patch): (Vec<ChangeKind>, Vec<ChangeKind>) =
        diff::changed(&known, old, new)?.into_iter().partition(|change| {
            by_base
                .binary_search_by_key(&diff::path_of(change), diff::path_of)
                .is_ok_and(|at| by_base[at] == *change)
        });
    let too_large = || {
        unsupported(
            "diff-too-large",
            format!(
                "What differs between the two revisions has more than {INTERDIFF_MAX_FILES} files or \
                 {INTERDIFF_MAX_BYTES} bytes. Look at the diff of each of them."
            ),
        )
    };
    if of_patch.len() > INTERDIFF_MAX_FILES {
        return Err(too_large());
    }
    let Rendered { facts, canonical } =
        diff::rendered(&known, (old, new), of_patch, INTERDIFF_MAX_BYTES)?.ok_or_else(too_large)?;
    Ok(Interdiff {
        diff: facts,
        canonical,
        base_only: of_base.iter().map(|c| diff::path_of(c).clone()).collect(),
    })
}

/// The tree that a proposal gives, made in the memory of the opened mirror.
fn result(mirror: &gix::Repository, base: ObjectId, proposed: &Proposed) -> Result<ObjectId, TreesError> {
    let tree = match proposed.canonical.is_empty() {
        true => base,
        false => apply::replay(mirror, base, &proposed.canonical)?,
    };
    if tree == to_gix(proposed.tree.as_str())? {
        return Ok(tree);
    }
    let wanted = &proposed.tree;
    let text = format!("The canonical diff gives the tree {tree}, not the recorded {wanted}.");
    Err(corrupt("tree-mismatch", text))
}

/// The first parent of a pinned commit, which need not be in the mirror.
pub(crate) fn first_parent(
    mirrors: &Mirrors,
    repo: &RepoSource,
    commit: &CommitSha,
) -> Result<Option<CommitSha>, TreesError> {
    let (mirror, _) = mirrors.pinned(&repo.id, commit)?;
    let bytes = read(&mirror, to_gix(commit.as_str())?, Kind::Commit)?;
    let (_, parents) = decode_commit(&bytes)?;
    parents.first().map(commit_sha).transpose()
}
