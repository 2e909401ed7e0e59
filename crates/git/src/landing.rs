//! What a merge at a forge brought into its branch, and how to take it back.
//!
//! What landed is looked for in the commits of the branch itself, and compared by whoever asks with the merge that the `git`
//! program computes here from what the branch held before and the approved result. Nothing is merged for real.

use crate::bench::Bench;
use crate::diff::{self, Rendered};
use crate::error::unsupported;
use crate::known::{Known, Memory};
use crate::merge::{self, Three};
use crate::mirror::Mirrors;
use crate::objects::{to_gix, tree_of, tree_sha};
use crate::remote::Purpose;
use crate::{apply, source};
use countersign_core::forge::{DIFFERING_MAX, Landed};
use countersign_core::id::{BranchName, CommitSha, TreeSha};
use countersign_core::path::RepoPath;
use countersign_ports::trees::{INTERDIFF_MAX_BYTES, Merged, RepoPlace, RepoSource, Taken, TreesError};

/// Most commits of the branch's own line that are looked through for the one that has the change first.
const LINE_MAX: usize = 200;

/// See [`countersign_ports::trees::Trees::landed`].
#[tracing::instrument(level = "debug", skip_all, fields(repository = %repo.id, branch = %merged.branch))]
pub(crate) fn landed(
    mirrors: &Mirrors,
    repo: &RepoSource,
    merged: &Merged<'_>,
) -> Result<Landed, TreesError> {
    let nowhere = |detail: String| Ok(Landed::Nowhere { detail });
    let Some(history) = history(mirrors, repo, merged.branch)? else {
        return nowhere(format!("there is no branch {} any more", merged.branch));
    };
    if !is_ancestor(&history, merged.merged_as.as_str(), TIP)? {
        return nowhere(format!(
            "branch {} does not hold {}",
            merged.branch,
            merged.merged_as.short()
        ));
    }
    let Some(first) = first_with(&history, merged)? else {
        return nowhere(format!(
            "what came before {} is not to be seen",
            merged.merged_as.short()
        ));
    };
    let before = first.before;
    let commit = mirrors.pin_commit(repo, &first.commit)?;
    mirrors.pin_commit(repo, &before)?;
    let (mirror, base) = mirrors.pinned(&repo.id, merged.base)?;
    let three = Three {
        base,
        tip: tree_of(&mirror, to_gix(before.as_str())?)?,
        result: apply::replay(&mirror, base, merged.canonical)?,
    };
    let bench = mirrors.bench(&repo.id)?;
    bench.version()?.require_merges()?;
    merge::require_same_result(&bench, &three, merged.canonical)?;
    // Forges merge with git: what git makes of it is what honest merges give, also where gix is more careful.
    let expected = merge::by_git(&bench, &three)?;
    let expected = expected.map(|tree| tree_sha(&tree)).transpose()?;
    let differing = match &expected {
        Some(expected) if *expected != commit.tree => differing(&bench, expected, &commit.tree),
        Some(_) | None => Vec::new(),
    };
    Ok(Landed::As {
        commit: commit.commit,
        tree: commit.tree,
        before,
        brings: first.brings,
        expected,
        differing,
    })
}

/// The first files in which two trees differ: for people, so that what can't be had keeps nothing up.
fn differing(bench: &Bench, expected: &TreeSha, landed: &TreeSha) -> Vec<RepoPath> {
    let (one, other) = (expected.as_str(), landed.as_str());
    let arguments = ["diff-tree", "-r", "-z", "--name-only", "--no-renames", one, other];
    let done = match bench.git("diff-tree", arguments, &[]) {
        Ok(done) if done.status.success() => done,
        Ok(done) => {
            tracing::warn!(said = %done.said(), "where two trees differ is not known");
            return Vec::new();
        }
        Err(error) => {
            tracing::warn!(%error, "where two trees differ is not known");
            return Vec::new();
        }
    };
    let names = done.stdout.split(|byte| *byte == 0);
    let names = names.filter(|name| !name.is_empty());
    names.take(DIFFERING_MAX).map(RepoPath::from_bytes).collect()
}

/// See [`countersign_ports::trees::Trees::taking_back`].
pub(crate) fn taking_back(
    mirrors: &Mirrors,
    repo: &RepoSource,
    branch: &BranchName,
    landed: &CommitSha,
    before: &CommitSha,
) -> Result<Taken, TreesError> {
    let tip = mirrors.pin(repo, branch)?;
    mirrors.pin_commit(repo, landed)?;
    mirrors.pin_commit(repo, before)?;
    let (mirror, tip_tree) = mirrors.pinned(&repo.id, &tip.commit)?;
    let tree = |commit: &CommitSha| tree_of(&mirror, to_gix(commit.as_str())?);
    let three = Three {
        base: tree(landed)?,
        tip: tip_tree,
        result: tree(before)?,
    };
    let bench = mirrors.bench(&repo.id)?;
    bench.version()?.require_merges()?;
    let agreed = merge::agreed(merge::by_gix(&mirror, &three)?, merge::by_git(&bench, &three)?);
    let Some(without) = agreed else {
        return Ok(Taken::Conflicts);
    };
    if without == tip_tree {
        return Ok(Taken::NotThere);
    }
    let memory = Memory::default();
    let known = Known::new(&mirror, &memory);
    match diff::between_within(&known, tip_tree, without, INTERDIFF_MAX_BYTES)? {
        Some(Rendered { canonical, .. }) => Ok(Taken::By { canonical }),
        None => Err(unsupported(
            "diff-too-large",
            format!(
                "What would take it back has more than {INTERDIFF_MAX_BYTES} bytes. Take it back by hand."
            ),
        )),
    }
}

/// The commits of a branch, without their files, in a throwaway folder: `refs/countersign/tip` is its tip.
fn history(mirrors: &Mirrors, repo: &RepoSource, branch: &BranchName) -> Result<Option<Bench>, TreesError> {
    match &repo.place {
        RepoPlace::Remote(at) => {
            let reached = mirrors.hosts().reach(&repo.id, at, Purpose::Read)?;
            let Some(tip) = reached.tip(branch)? else {
                return Ok(None);
            };
            let bench = mirrors.empty_bench()?;
            reached.fetch_history(&bench, &tip)?;
            Ok(Some(bench))
        }
        RepoPlace::Folder(_) => {
            let opened = source::open_registered(repo)?;
            let Some(state) = source::branch_state(&opened, branch)? else {
                return Ok(None);
            };
            let bench = mirrors.bench_over(&source::object_folder(&opened))?;
            bench.git("update-ref", ["update-ref", TIP, state.commit.as_str()], &[])?;
            Ok(Some(bench))
        }
    }
}

/// Where [`history`] keeps the tip.
pub(crate) const TIP: &str = "refs/countersign/tip";

fn is_ancestor(history: &Bench, older: &str, newer: &str) -> Result<bool, TreesError> {
    let asked = history.git("merge-base", ["merge-base", "--is-ancestor", older, newer], &[])?;
    Ok(asked.status.success())
}

/// The first commit on the branch's own line that has the change.
struct First {
    commit: CommitSha,
    before: CommitSha,
    brings: Vec<CommitSha>,
}

/// Where the approved commit is in the history, that is the oldest first-parent commit which contains it: the merge, or the
/// commit itself. Where it is not (squashed, rebased), the forge's word for the commit stands, and its content is judged.
fn first_with(history: &Bench, merged: &Merged<'_>) -> Result<Option<First>, TreesError> {
    let most = format!("--max-count={LINE_MAX}");
    let arguments = [
        "rev-list",
        "--first-parent",
        "--parents",
        most.as_str(),
        merged.merged_as.as_str(),
        "--",
    ];
    let listed = history.git("rev-list", arguments, &[])?;
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let keeps_commit = is_ancestor(history, merged.approved.as_str(), merged.merged_as.as_str())?;
    for line in text.lines() {
        let ids: Vec<CommitSha> = line
            .split(' ')
            .filter_map(|id| CommitSha::parse(id).ok())
            .collect();
        let [commit, before, brings @ ..] = ids.as_slice() else {
            return Ok(None);
        };
        if keeps_commit && is_ancestor(history, merged.approved.as_str(), before.as_str())? {
            continue;
        }
        return Ok(Some(First {
            commit: commit.clone(),
            before: before.clone(),
            brings: brings.to_vec(),
        }));
    }
    Ok(None)
}
