//! How a base's branch stands now, and whether the approved result would merge onto a moved tip.
//!
//! Everything happens in memory; nothing is merged for real. Ancestry is read from the source's commit
//! objects themselves, never from its commit-graph, replace refs or grafts. What can't be known counts as
//! rewritten, which leads to a new base and a new approval.

use crate::apply;
use crate::error::from_gix;
use crate::mirror::Mirrors;
use crate::objects::{self, to_gix};
use crate::source;
use countersign_core::id::{BranchName, CommitSha};
use countersign_ports::trees::{BaseStanding, RepoSource, TreesError};
use gix::ObjectId;
use gix::merge::blob::builtin_driver::text::Labels;
use gix::merge::tree::TreatAsUnresolved;
use gix::objs::Kind;
use gix::revision::walk::Sorting;
use gix::traverse::commit::simple::CommitTimeOrder;

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
    let opened = source::open_registered(repo)?;
    match source::branch_state(&opened, branch)? {
        None => return Ok(BaseStanding::Gone),
        Some(state) if state.commit == *base => return Ok(BaseStanding::Unmoved),
        Some(_) => {}
    }
    // The branch may move between reading and fetching: what was fetched is what is judged.
    let tip = mirrors.pin(repo, branch)?.commit;
    if tip == *base {
        return Ok(BaseStanding::Unmoved);
    }
    if !contains(
        &source::open_registered(repo)?,
        to_gix(tip.as_str())?,
        to_gix(base.as_str())?,
    ) {
        return Ok(BaseStanding::Rewritten { tip });
    }
    let (mirror, base_tree) = mirrors.pinned(&repo.id, base)?;
    let tip_tree = objects::tree_of(&mirror, to_gix(tip.as_str())?)?;
    let result_tree = apply::replay(&mirror, base_tree, canonical)?;
    if merges_cleanly(&mirror, base_tree, tip_tree, result_tree)? {
        Ok(BaseStanding::MovedClean { tip })
    } else {
        Ok(BaseStanding::MovedConflict { tip })
    }
}

/// Whether `base` is `tip` or one of its ancestors. A missing commit, a shallow end or too long a history:
/// no.
fn contains(repo: &gix::Repository, tip: ObjectId, base: ObjectId) -> bool {
    if objects::read(repo, base, Kind::Commit).is_err() {
        return false;
    }
    let newest_first = Sorting::ByCommitTime(CommitTimeOrder::NewestFirst);
    let walk = repo
        .rev_walk([tip])
        .sorting(newest_first)
        .use_commit_graph(false)
        .all();
    walk.is_ok_and(|commits| {
        commits
            .take(ANCESTRY_MAX)
            .map_while(Result::ok)
            .any(|c| c.id == base)
    })
}

fn merges_cleanly(
    repo: &gix::Repository,
    base: ObjectId,
    tip: ObjectId,
    result: ObjectId,
) -> Result<bool, TreesError> {
    let doing = "Merging in memory";
    let options = repo.tree_merge_options().map_err(|e| from_gix(doing, &e))?;
    let labels = Labels {
        ancestor: None,
        current: None,
        other: None,
    };
    let outcome = repo
        .merge_trees(base, tip, result, labels, options)
        .map_err(|e| from_gix(doing, &e))?;
    Ok(!outcome.has_unresolved_conflicts(TreatAsUnresolved::git()))
}
