//! All objects of an approved commit, in memory, from base, canonical diff and the manifest's commit bytes.

use crate::apply;
use crate::error::corrupt;
use crate::mirror::Mirrors;
use crate::objects::{commit_sha, decode_commit, hash, to_gix};
use countersign_core::id::{CommitSha, TreeSha};
use countersign_ports::trees::{ObjectKind, PreparedCommit, RepoSource, TreesError};
use gix::ObjectId;
use gix::objs::tree::EntryKind;
use gix::objs::{Kind, TreeRefIter};
use std::collections::BTreeSet;

/// What is to be prepared.
pub(crate) struct Wanted<'w> {
    pub(crate) base: &'w CommitSha,
    pub(crate) canonical: &'w [u8],
    pub(crate) tree: &'w TreeSha,
    pub(crate) commit_bytes: &'w [u8],
}

/// See [`countersign_ports::trees::Trees::prepare`].
#[tracing::instrument(level = "debug", skip_all, fields(repository = %repo.id, base = %wanted.base))]
pub(crate) fn prepare(
    mirrors: &Mirrors,
    repo: &RepoSource,
    wanted: &Wanted<'_>,
) -> Result<PreparedCommit, TreesError> {
    let (mut mirror, base_tree) = mirrors.pinned(&repo.id, wanted.base)?;
    let result = apply::replay(&mirror, base_tree, wanted.canonical)?;
    let tree = to_gix(wanted.tree.as_str())?;
    if result != tree {
        return Err(corrupt(
            "tree-mismatch",
            format!(
                "The canonical diff gives the tree {result}, not the approved {tree}. Start a new revision."
            ),
        ));
    }
    check_commit(wanted.commit_bytes, tree, to_gix(wanted.base.as_str())?)?;
    let made = mirror.objects.take_object_memory().unwrap_or_default();
    let mut objects = Vec::new();
    collect(&made, result, &mut BTreeSet::new(), &mut objects)?;
    objects.push((ObjectKind::Commit, wanted.commit_bytes.to_vec()));
    let commit = hash(Kind::Commit, wanted.commit_bytes)?;
    Ok(PreparedCommit {
        commit: commit_sha(&commit)?,
        tree: wanted.tree.clone(),
        objects,
    })
}

fn check_commit(bytes: &[u8], tree: ObjectId, base: ObjectId) -> Result<(), TreesError> {
    let (named_tree, parents) = decode_commit(bytes)?;
    if named_tree != tree || parents != [base] {
        return Err(corrupt(
            "commit-mismatch",
            "The commit's bytes name another tree or parent than the approved ones. Start a new revision.",
        ));
    }
    Ok(())
}

/// New objects below a tree, children first.
fn collect(
    made: &gix::odb::memory::Storage,
    id: ObjectId,
    seen: &mut BTreeSet<ObjectId>,
    out: &mut Vec<(ObjectKind, Vec<u8>)>,
) -> Result<(), TreesError> {
    let Some((kind, bytes)) = made.get(&id) else {
        return Ok(());
    };
    if !seen.insert(id) {
        return Ok(());
    }
    let kind = match kind {
        Kind::Blob => ObjectKind::Blob,
        Kind::Tree => {
            for entry in TreeRefIter::from_bytes(bytes, gix::hash::Kind::Sha1) {
                let entry =
                    entry.map_err(|e| corrupt("bad-tree", format!("A new tree can't be read: {e}.")))?;
                if entry.mode.kind() != EntryKind::Commit {
                    collect(made, entry.oid.to_owned(), seen, out)?;
                }
            }
            ObjectKind::Tree
        }
        Kind::Commit | Kind::Tag => {
            return Err(corrupt(
                "bad-tree",
                "A new tree names a commit or tag as content.",
            ));
        }
    };
    out.push((kind, bytes.clone()));
    Ok(())
}
