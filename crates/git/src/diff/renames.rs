//! Which entries differ between two trees, and which deleted and added files are one that moved.

use crate::error::from_gix;
use crate::known::Known;
use crate::objects::{OBJECT_MAX_BYTES, read_tree};
use countersign_ports::trees::TreesError;
use gix::ObjectId;
use gix::diff::Rewrites;
use gix::diff::blob::pipeline::{Mode, WorktreeRoots};
use gix::diff::blob::{Algorithm, Pipeline, Platform};
use gix::error::ResultExt as _;
use gix::glob::pattern::Case;
use gix::object::tree::diff::ChangeDetached;
use gix::objs::TreeRefIter;
use gix::worktree::Stack;
use gix::worktree::stack::State;
use gix::worktree::stack::state::Attributes;
use std::ops::ControlFlow;

/// From which similarity on a deleted and an added file are shown as a rename.
const RENAME_SIMILARITY: f32 = 0.5;
/// Up to how many deleted × added files (its square) similar contents are looked for; equal ones always are.
const RENAME_LIMIT: usize = 1_000;
/// Up to how many bytes are compared for that, over all pairs of a deleted and an added file: each pair costs a diff.
const COMPARED_MAX_BYTES: u64 = 256 * 1024 * 1024;

/// The entries that differ, with renames.
pub(super) fn changes(
    known: &Known<'_>,
    base: ObjectId,
    result: ObjectId,
) -> Result<Vec<ChangeDetached>, TreesError> {
    let exact = compare(known.repo, base, result, None)?;
    match bytes_to_compare(known, &exact)? {
        0 => Ok(exact),
        bytes if bytes > COMPARED_MAX_BYTES => Ok(exact),
        _ => compare(known.repo, base, result, Some(RENAME_SIMILARITY)),
    }
}

/// How much there is to read if every deleted file is compared with every added one.
fn bytes_to_compare(known: &Known<'_>, changes: &[ChangeDetached]) -> Result<u64, TreesError> {
    let [mut deleted, mut added] = [(0_u64, 0_u64); 2];
    let count = |(files, bytes): &mut (u64, u64), id| -> Result<(), TreesError> {
        *files += 1;
        *bytes += known.size(id)?;
        Ok(())
    };
    for change in changes {
        match change {
            ChangeDetached::Deletion { entry_mode, id, .. } if entry_mode.is_blob() => {
                count(&mut deleted, *id)?
            }
            ChangeDetached::Addition { entry_mode, id, .. } if entry_mode.is_blob() => {
                count(&mut added, *id)?
            }
            ChangeDetached::Deletion { .. }
            | ChangeDetached::Addition { .. }
            | ChangeDetached::Modification { .. }
            | ChangeDetached::Rewrite { .. } => {}
        }
    }
    let once_each = deleted.1.saturating_mul(added.0);
    Ok(once_each.saturating_add(added.1.saturating_mul(deleted.0)))
}

fn compare(
    repo: &gix::Repository,
    base: ObjectId,
    result: ObjectId,
    percentage: Option<f32>,
) -> Result<Vec<ChangeDetached>, TreesError> {
    let doing = "Comparing two trees";
    let trees = [read_tree(repo, base)?, read_tree(repo, result)?];
    let [before, after] = trees
        .each_ref()
        .map(|t| TreeRefIter::from_bytes(t, gix::hash::Kind::Sha1));
    let options = gix::diff::tree_with_rewrites::Options {
        location: Some(gix::diff::tree::recorder::Location::Path),
        rewrites: Some(Rewrites {
            copies: None,
            percentage,
            limit: RENAME_LIMIT,
            track_empty: false,
        }),
    };
    let mut changes = Vec::new();
    let keep = |change: gix::diff::tree_with_rewrites::ChangeRef<'_>| {
        changes.push(change.into_owned());
        Ok(ControlFlow::Continue(()))
    };
    let walk = &mut gix::diff::tree::State::default();
    gix::diff::tree_with_rewrites(
        before,
        after,
        &mut similarity(),
        walk,
        &repo.objects,
        keep,
        options,
    )
    .or_error()
    .map_err(|e| from_gix(doing, &e))?;
    Ok(changes)
}

/// How alike contents are. Gix would ask the mirror's settings and attributes; here is none to be asked.
fn similarity() -> Platform {
    let no_attributes = Stack::new(
        "",
        State::AttributesStack(Attributes::default()),
        Case::Sensitive,
        Vec::new(),
        Vec::new(),
    );
    let no_filters = gix::filter::plumbing::Pipeline::new(
        gix::command::Context::default(),
        gix::hash::Kind::Sha1,
        gix::filter::plumbing::pipeline::Options::default(),
    );
    let options = gix::diff::blob::pipeline::Options {
        large_file_threshold_bytes: OBJECT_MAX_BYTES,
        ..Default::default()
    };
    let contents = Pipeline::new(WorktreeRoots::default(), no_filters, Vec::new(), options);
    let how = gix::diff::blob::platform::Options {
        algorithm: Some(Algorithm::Myers),
        skip_internal_diff_if_external_is_configured: false,
    };
    Platform::new(how, contents, Mode::ToGit, no_attributes)
}
