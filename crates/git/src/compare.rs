//! Comparing two pinned commits, for viewers. Reads the mirror only and writes nothing.

use crate::diff::{self, Rendered};
use crate::error::unsupported;
use crate::known::{Known, Memory};
use crate::mirror::Mirrors;
use crate::objects::{commit_sha, decode_commit, read, to_gix};
use countersign_core::diff::TreeDiff;
use countersign_core::id::CommitSha;
use countersign_ports::trees::{RepoSource, TreesError};
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
