//! A second opinion on a canonical diff: what the `git` program makes of it, by code that isn't ours.
//!
//! It sees the base's objects and the canonical bytes and nothing else of us: no plan, no result. It writes
//! into a throwaway folder only.

use crate::bench::Bench;
use crate::error::corrupt;
use crate::mirror::Mirrors;
use crate::objects::{to_gix, tree_sha};
use crate::program::Finished;
use countersign_core::id::{CommitSha, TreeSha};
use countersign_ports::trees::{RepoSource, SecondOpinion, SecondOutcome, TreesError};
use gix::ObjectId;

/// See [`countersign_ports::trees::Trees::second_opinion`].
#[tracing::instrument(level = "debug", skip_all, fields(repository = %repo.id, %base))]
pub(crate) fn second_opinion(
    mirrors: &Mirrors,
    repo: &RepoSource,
    base: &CommitSha,
    canonical: &[u8],
) -> Result<SecondOpinion, TreesError> {
    let (_, tree) = mirrors.pinned(&repo.id, base)?;
    let bench = mirrors.bench(&repo.id)?;
    Ok(SecondOpinion {
        applier: bench.version()?.name(),
        outcome: apply(&bench, tree, canonical)?,
    })
}

/// Applies the diff to a tree on the bench's own index and writes the result as a tree of the bench.
///
/// Nothing makes `git apply` guess here: no `-C`, `--3way`, `--unidiff-zero`, `--recount` or whitespace repair.
pub(crate) fn apply(bench: &Bench, base: ObjectId, canonical: &[u8]) -> Result<SecondOutcome, TreesError> {
    let read = bench.git("read-tree", ["read-tree", &base.to_string()], &[])?;
    require_answer("read-tree", &read)?;
    let strict = ["apply", "--cached", "--whitespace=nowarn", "-p1", "-"];
    let applied = bench.git("apply", strict, canonical)?;
    if !applied.status.success() {
        return refusal("apply", &applied);
    }
    let written = bench.git("write-tree", ["write-tree"], &[])?;
    require_answer("write-tree", &written)?;
    Ok(SecondOutcome::Gives {
        tree: tree_of_stdout("write-tree", &written)?,
    })
}

/// The id that git prints as its first line.
pub(crate) fn tree_of_stdout(kind: &str, done: &Finished) -> Result<TreeSha, TreesError> {
    let line = done.stdout.split(|b| *b == b'\n').next().unwrap_or_default();
    let tree = std::str::from_utf8(line).ok().and_then(|hex| to_gix(hex).ok());
    match tree {
        Some(tree) => tree_sha(&tree),
        None => Err(no_answer(kind, done)),
    }
}

/// A `git` that was ended from outside said nothing about the diff.
fn refusal(kind: &str, done: &Finished) -> Result<SecondOutcome, TreesError> {
    if done.status.code().is_none() {
        return Err(no_answer(kind, done));
    }
    Ok(SecondOutcome::Refused { said: done.said() })
}

pub(crate) fn require_answer(kind: &str, done: &Finished) -> Result<(), TreesError> {
    if done.status.success() {
        return Ok(());
    }
    Err(no_answer(kind, done))
}

pub(crate) fn no_answer(kind: &str, done: &Finished) -> TreesError {
    corrupt(
        "no-second-opinion",
        format!(
            "git {kind} gave no answer ({}: {}). Check the git program and the data folder, then retry.",
            done.status,
            done.said()
        ),
    )
}
