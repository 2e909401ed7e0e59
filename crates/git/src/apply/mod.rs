//! The strict applier: a read proposal onto a base tree, in memory.
//!
//! All sides are read from the base, then all changes are made at once, so renames may form chains and swaps.
//! There is no fuzz and no fallback: what doesn't fit exactly is refused with code and place; differing whitespace
//! and line ends are the one exception, narrow and told (`repair`, `content`). It never writes to disk, and what it
//! gives has been proven to come out of its own canonical diff again.

mod base;
mod budget;
mod content;
mod edit;
mod paths;
mod plan;
mod repair;
mod search;

use crate::diff;
use crate::error::corrupt;
use crate::known::{Known, Memory};
use crate::objects::{to_gix, tree_sha};
use countersign_core::diff::{FileMode, TreeDiff};
use countersign_core::id::TreeSha;
use countersign_core::patch::{self, FilePatch, ReadError};
use countersign_core::path::RepoPath;
use countersign_ports::trees::{Applied, ApplyRefusal, ApplyWarning, TreesError};
use gix::ObjectId;
use std::collections::BTreeMap;

/// Why a proposal stops: refused, or git can't answer.
pub(crate) enum Stop {
    /// The proposal's fault.
    Refused(ApplyRefusal),
    /// Not the proposal's fault.
    Failed(TreesError),
}

/// Whose text is applied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leniency {
    /// Somebody's: whitespace may be repaired, visibly.
    Proposal,
    /// Our own canonical diff: it fits exactly or is wrong.
    Canonical,
}

impl From<TreesError> for Stop {
    fn from(error: TreesError) -> Self {
        Stop::Failed(error)
    }
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        let place = format!("line {} of the diff", error.line);
        Stop::Refused(ApplyRefusal {
            code: error.code,
            message: error.message,
            place,
        })
    }
}

pub(crate) fn refused<T>(code: &'static str, place: &str, message: impl Into<String>) -> Result<T, Stop> {
    Err(Stop::Refused(ApplyRefusal {
        code,
        message: message.into(),
        place: place.to_owned(),
    }))
}

/// Splits the two kinds of stop as the port wants them.
pub(crate) fn settle<T>(result: Result<T, Stop>) -> Result<Result<T, ApplyRefusal>, TreesError> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Stop::Refused(refusal)) => Ok(Err(refusal)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Reads a diff and applies it to a tree; the new objects are in the repository's memory afterwards.
#[tracing::instrument(level = "debug", skip_all, fields(bytes = diff.len()))]
pub(crate) fn apply(known: &Known<'_>, base: ObjectId, diff: &[u8]) -> Result<Applied, Stop> {
    let patches = patch::read(diff)?;
    let (result, warnings) = apply_patches(known, base, &patches, Leniency::Proposal)?;
    if result == base {
        return refused(
            "no-change",
            "the whole diff",
            "The result equals the base. Give a diff that changes something.",
        );
    }
    let rendered = diff::between(known, base, result)?;
    refuse_binary(&rendered.facts)?;
    check_again(known, base, result, &rendered.canonical)?;
    let contents = contents(known, &rendered.facts)?;
    Ok(Applied {
        diff: rendered.facts,
        canonical: rendered.canonical,
        contents,
        warnings,
    })
}

/// Reads a proposal and applies it to a tree, and nothing more.
pub(crate) fn tree_after(known: &Known<'_>, base: ObjectId, proposal: &[u8]) -> Result<TreeSha, Stop> {
    let patches = patch::read(proposal)?;
    let (result, _) = apply_patches(known, base, &patches, Leniency::Proposal)?;
    Ok(tree_sha(&result)?)
}

/// What every regular file that the change leaves behind holds afterwards.
fn contents(known: &Known<'_>, facts: &TreeDiff) -> Result<BTreeMap<RepoPath, Vec<u8>>, TreesError> {
    let sides = facts.files.iter().filter_map(|f| f.new_side());
    let files = sides.filter(|s| matches!(s.mode, FileMode::Regular | FileMode::Executable));
    files
        .map(|s| Ok((s.path.clone(), known.blob(to_gix(s.blob.as_str())?)?.to_vec())))
        .collect()
}

/// The tree that a canonical diff gives on a base. Its refusal means that the two don't belong together.
pub(crate) fn replay(
    repo: &gix::Repository,
    base: ObjectId,
    canonical: &[u8],
) -> Result<ObjectId, TreesError> {
    let memory = Memory::default();
    let known = Known::new(repo, &memory);
    let run = || -> Result<ObjectId, Stop> {
        let patches = patch::read(canonical)?;
        Ok(apply_patches(&known, base, &patches, Leniency::Canonical)?.0)
    };
    match run() {
        Ok(tree) => Ok(tree),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Refused(refusal)) => Err(corrupt(
            "canonical-mismatch",
            format!("The canonical diff does not apply to its base: {refusal}. Start a new revision."),
        )),
    }
}

fn apply_patches(
    known: &Known<'_>,
    base: ObjectId,
    patches: &[FilePatch],
    leniency: Leniency,
) -> Result<(ObjectId, Vec<ApplyWarning>), Stop> {
    let mut plan = plan::Plan::new(known, base, leniency);
    for patch in patches {
        plan.add(patch)?;
    }
    plan.finish(patches)
}

/// A change of binary content can't be shown, so it can't be approved.
fn refuse_binary(facts: &TreeDiff) -> Result<(), Stop> {
    let hidden = facts.files.iter().find(|f| {
        let content_changed = f.old().map(|s| &s.blob) != f.new_side().map(|s| &s.blob);
        f.binary && content_changed
    });
    match hidden {
        None => Ok(()),
        Some(file) => refused(
            "binary-change",
            &file.path().to_text(),
            "The change makes, changes or removes binary content, which nobody could review. Leave it out.",
        ),
    }
}

/// What is approved is the canonical diff: it must give the very same tree.
fn check_again(known: &Known<'_>, base: ObjectId, result: ObjectId, canonical: &[u8]) -> Result<(), Stop> {
    if canonical.len() > patch::INPUT_MAX_BYTES {
        return refused(
            "result-too-large",
            "the whole diff",
            format!(
                "The change as a canonical diff has more than {} bytes. Split it.",
                patch::INPUT_MAX_BYTES
            ),
        );
    }
    let again = match patch::read(canonical) {
        Ok(patches) => patches,
        Err(e) if matches!(e.code, "line-too-long" | "too-many-hunks" | "too-many-files") => {
            return refused(
                "result-too-large",
                "the whole diff",
                format!("As a canonical diff: {}", e.message),
            );
        }
        Err(e) => return Err(Stop::Failed(not_reproducible(base, result, &e.to_string()))),
    };
    match apply_patches(known, base, &again, Leniency::Canonical) {
        Ok((tree, _)) if tree == result => Ok(()),
        Ok((tree, _)) => Err(Stop::Failed(not_reproducible(
            base,
            result,
            &format!("it gives {tree}"),
        ))),
        Err(Stop::Refused(r)) => Err(Stop::Failed(not_reproducible(base, result, &r.to_string()))),
        Err(Stop::Failed(error)) => Err(Stop::Failed(error)),
    }
}

fn not_reproducible(base: ObjectId, result: ObjectId, why: &str) -> TreesError {
    let ids = (tree_sha(&base), tree_sha(&result));
    tracing::error!(?ids, why, "a canonical diff does not reproduce its result");
    corrupt(
        "canonical-mismatch",
        format!(
            "The canonical diff does not reproduce the result ({why}). Nothing was kept; report this diff."
        ),
    )
}
