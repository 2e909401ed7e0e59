//! How a base's branch stands now, and whether the approved result would merge onto a moved tip.
//!
//! Nothing is merged for real: gix merges in memory, the `git` program on a throwaway folder, and only what both
//! merge to the same tree counts as merging. Ancestry is read from the source's commit
//! objects themselves, never from its commit-graph, replace refs or grafts. What can't be known counts as
//! rewritten, which leads to a new base and a new approval.

use crate::apply;
use crate::bench::Bench;
use crate::error::{corrupt, from_gix, from_gix_write};
use crate::mirror::Mirrors;
use crate::objects::{self, to_gix};
use crate::remote::Purpose;
use crate::second;
use crate::source;
use countersign_core::id::{BranchName, CommitSha};
use countersign_ports::trees::{BaseStanding, RepoPlace, RepoSource, SecondOutcome, TreesError};
use gix::ObjectId;
use gix::merge::blob::builtin_driver::text::Labels;
use gix::merge::tree::TreatAsUnresolved;
use gix::objs::{Kind, Write as _};
use std::collections::{BTreeSet, VecDeque};

/// Most commits that are looked at to find the base below a moved tip; beyond, it counts as not contained.
pub(crate) const ANCESTRY_MAX: usize = 200_000;

/// See [`countersign_ports::trees::Trees::base_standing`].
#[tracing::instrument(level = "debug", skip_all, fields(repository = %repo.id, %branch))]
pub(crate) fn base_standing(
    mirrors: &Mirrors,
    repo: &RepoSource,
    branch: &BranchName,
    base: &CommitSha,
    canonical: &[u8],
) -> Result<BaseStanding, TreesError> {
    let seen = match &repo.place {
        RepoPlace::Folder(_) => {
            source::branch_state(&source::open_registered(repo)?, branch)?.map(|state| state.commit)
        }
        RepoPlace::Remote(at) => mirrors.hosts().reach(&repo.id, at, Purpose::Read)?.tip(branch)?,
    };
    match seen {
        None => return Ok(BaseStanding::Gone),
        Some(commit) if commit == *base => return Ok(BaseStanding::Unmoved),
        Some(_) => {}
    }
    // The branch may move between reading and fetching: what was fetched is what is judged.
    let tip = mirrors.pin(repo, branch)?.commit;
    if tip == *base {
        return Ok(BaseStanding::Unmoved);
    }
    let is_contained = match &repo.place {
        RepoPlace::Folder(_) => contains(
            &source::open_registered(repo)?,
            to_gix(tip.as_str())?,
            to_gix(base.as_str())?,
        ),
        RepoPlace::Remote(at) => mirrors.contains_there(repo, at, &tip, base)?,
    };
    if !is_contained {
        return Ok(BaseStanding::Rewritten { tip });
    }
    let (mirror, base_tree) = mirrors.pinned(&repo.id, base)?;
    let tip_tree = objects::tree_of(&mirror, to_gix(tip.as_str())?)?;
    let bench = mirrors.bench(&repo.id)?;
    bench.version()?.require_merges()?;
    let three = Three {
        base: base_tree,
        tip: tip_tree,
        result: apply::replay(&mirror, base_tree, canonical)?,
    };
    require_same_result(&bench, &three, canonical)?;
    if agreed(by_gix(&mirror, &three)?, by_git(&bench, &three)?).is_some() {
        Ok(BaseStanding::MovedClean { tip })
    } else {
        Ok(BaseStanding::MovedConflict { tip })
    }
}

/// Whether `base` is `tip` or one of its ancestors. A missing commit, a shallow end, a commit whose bytes don't
/// have its id, or too long a history: no.
fn contains(repo: &gix::Repository, tip: ObjectId, base: ObjectId) -> bool {
    let (mut seen, mut next) = (BTreeSet::from([tip]), VecDeque::from([tip]));
    if objects::read(repo, base, Kind::Commit).is_err() {
        return false;
    }
    while let Some(id) = next.pop_front() {
        if id == base {
            return true;
        }
        let commit = objects::read(repo, id, Kind::Commit).and_then(|bytes| objects::decode_commit(&bytes));
        let Ok((_, parents)) = commit else {
            return false;
        };
        for parent in parents {
            if seen.len() < ANCESTRY_MAX && seen.insert(parent) {
                next.push_back(parent);
            }
        }
    }
    false
}

/// The trees of a merge.
pub(crate) struct Three {
    pub(crate) base: ObjectId,
    pub(crate) tip: ObjectId,
    pub(crate) result: ObjectId,
}

/// Two programs that both merge, and to the same tree. Everything else is a conflict.
pub(crate) fn agreed(one: Option<ObjectId>, other: Option<ObjectId>) -> Option<ObjectId> {
    one.filter(|one| other == Some(*one))
}

/// The merged tree as gix computes it, in memory; `None`: a conflict.
pub(crate) fn by_gix(repo: &gix::Repository, three: &Three) -> Result<Option<ObjectId>, TreesError> {
    let doing = "Merging in memory";
    let options = repo.tree_merge_options().map_err(|e| from_gix(doing, &e))?;
    let labels = Labels {
        ancestor: None,
        current: None,
        other: None,
    };
    let mut outcome = repo
        .merge_trees(three.base, three.tip, three.result, labels, options)
        .map_err(|e| from_gix(doing, &e))?;
    if outcome.has_unresolved_conflicts(TreatAsUnresolved::git()) {
        return Ok(None);
    }
    let tree = outcome.tree.write().map_err(|e| from_gix(doing, &e))?;
    Ok(Some(tree.detach()))
}

/// The merged tree as the `git` program computes it; `None`: a conflict.
///
/// Git 2.39 merges commits only and mirrors have no history, so two commits are made up on a common parent.
/// [`require_same_result`] has put the result's objects on the bench before.
pub(crate) fn by_git(bench: &Bench, three: &Three) -> Result<Option<ObjectId>, TreesError> {
    let base = made_up_commit(bench, three.base, None)?;
    let tip = made_up_commit(bench, three.tip, Some(base))?;
    let result = made_up_commit(bench, three.result, Some(base))?;
    let (tip, result) = (tip.to_string(), result.to_string());
    let arguments = ["merge-tree", "--write-tree", "--no-messages", &tip, &result];
    let done = bench.git("merge-tree", arguments, &[])?;
    match done.status.code() {
        Some(0) => {
            let tree = second::tree_of_stdout("merge-tree", &done)?;
            to_gix(tree.as_str()).map(Some)
        }
        Some(1) => Ok(None),
        Some(_) | None => Err(second::no_answer("merge-tree", &done)),
    }
}

fn made_up_commit(bench: &Bench, tree: ObjectId, parent: Option<ObjectId>) -> Result<ObjectId, TreesError> {
    let parent = parent.map(|p| format!("parent {p}\n")).unwrap_or_default();
    let who = "countersign <countersign@invalid> 0 +0000";
    let bytes = format!("tree {tree}\n{parent}author {who}\ncommitter {who}\n\nmerge\n");
    let store = gix::odb::loose::Store::at(bench.folder().join("objects"), gix::hash::Kind::Sha1);
    store
        .write_buf(Kind::Commit, bytes.as_bytes())
        .map_err(|e| from_gix_write("Writing a throwaway commit", &e))
}

/// Git merges the tree that it made of the canonical diff itself; that one must be ours.
pub(crate) fn require_same_result(bench: &Bench, three: &Three, canonical: &[u8]) -> Result<(), TreesError> {
    let said = match second::apply(bench, three.base, canonical)? {
        SecondOutcome::Gives { tree } if to_gix(tree.as_str())? == three.result => return Ok(()),
        SecondOutcome::Gives { tree } => format!("it gives the tree {tree}, not {}", three.result),
        SecondOutcome::Refused { said } => said,
    };
    Err(corrupt(
        "appliers-disagree",
        format!("git does not read the canonical diff as we do: {said}. Start a new revision."),
    ))
}

#[cfg(test)]
mod tests;
