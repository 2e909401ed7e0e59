//! Pinning many commits by one fetch, for dry runs over a history. Takes the same way into the mirror as a
//! single pin: nothing is checked less because it comes in a crowd.

use super::{Mirrors, fetch_arguments, fetch_failure, pin_ref};
use crate::error::{corrupt, from_gix_write, unsupported};
use crate::objects::{header, to_gix, tree_of, tree_sha};
use crate::{program, source};
use countersign_core::id::CommitSha;
use countersign_ports::trees::{Pinned, RepoSource, TreesError};
use gix::objs::Kind;
use gix::refs::transaction::{PreviousValue, RefEdit};
use std::collections::BTreeSet;

/// Most commits that one fetch asks for; about 40 kB of its command line.
pub(crate) const FETCH_MAX_COMMITS: usize = 1_000;

impl Mirrors {
    /// Fetches and pins these commits; one answer per commit, in order.
    #[tracing::instrument(level = "debug", skip_all, fields(repository = %repo.id, commits = commits.len()))]
    pub(crate) fn pin_commits(
        &self,
        repo: &RepoSource,
        commits: &[CommitSha],
    ) -> Result<Vec<Result<Pinned, TreesError>>, TreesError> {
        let opened = source::open_registered(repo)?;
        let mut missing: Vec<Option<TreesError>> = Vec::with_capacity(commits.len());
        let mut wanted = BTreeSet::new();
        for commit in commits {
            let refusal = is_commit(&opened, repo, commit).err();
            if refusal.is_none() {
                wanted.insert(commit.clone());
            }
            missing.push(refusal);
        }
        let wanted: Vec<CommitSha> = wanted.into_iter().collect();
        for chunk in wanted.chunks(FETCH_MAX_COMMITS) {
            match self.fetch_and_pin(repo, chunk) {
                Ok(()) => {}
                Err(error @ TreesError::Unavailable { .. }) => return Err(error),
                // One damaged commit fails the fetch of all: the others must not suffer for it.
                Err(TreesError::Corrupt { .. } | TreesError::Unsupported { .. }) => {
                    return Ok(commits.iter().map(|c| self.pin_commit(repo, c)).collect());
                }
            }
        }
        let mirror = self.open(&repo.id).ok();
        let pinned = commits
            .iter()
            .zip(missing)
            .map(|(commit, missing)| match (missing, &mirror) {
                (Some(error), _) => Err(error),
                (None, Some(mirror)) => pinned(mirror, commit),
                (None, None) => self.pin_commit(repo, commit),
            });
        Ok(pinned.collect())
    }

    fn fetch_and_pin(&self, repo: &RepoSource, commits: &[CommitSha]) -> Result<(), TreesError> {
        let Some(first) = commits.first() else {
            return Ok(());
        };
        let _lock = self.lock(&repo.id)?;
        let folder = self.create(&repo.id)?;
        let mut arguments = fetch_arguments(repo.git_dir()?, first.as_str());
        arguments.extend(commits.iter().skip(1).map(|c| c.as_str().into()));
        let done = program::run("fetch", &folder, arguments)?;
        if !done.status.success() {
            return Err(fetch_failure(repo, &done));
        }
        let mirror = self.open(&repo.id)?;
        let mut edits = Vec::with_capacity(commits.len());
        for commit in commits {
            let id = to_gix(commit.as_str())?;
            tree_of(&mirror, id)?;
            let name = pin_ref(commit)
                .try_into()
                .map_err(|_| corrupt("bad-id", "The commit has no usable id."))?;
            edits.push(RefEdit::update(name, id, PreviousValue::Any, ""));
        }
        mirror
            .edit_references_as(edits, None)
            .map_err(|e| from_gix_write("Pinning fetched commits", &e))?;
        Ok(())
    }
}

/// Looks first, because git fails the whole fetch for one id that it can't give.
fn is_commit(opened: &gix::Repository, repo: &RepoSource, commit: &CommitSha) -> Result<(), TreesError> {
    match header(opened, to_gix(commit.as_str())?)? {
        Some((Kind::Commit, _)) => Ok(()),
        Some((Kind::Blob | Kind::Tree | Kind::Tag, _)) => Err(unsupported(
            "not-a-commit",
            format!(
                "{commit} is an object of {}, and no commit. Name a commit.",
                repo.place
            ),
        )),
        None => Err(unsupported(
            "commit-missing",
            format!("{} doesn't have that commit. Name one that it has.", repo.place),
        )),
    }
}

fn pinned(mirror: &gix::Repository, commit: &CommitSha) -> Result<Pinned, TreesError> {
    let tree = tree_of(mirror, to_gix(commit.as_str())?)?;
    Ok(Pinned {
        commit: commit.clone(),
        tree: tree_sha(&tree)?,
    })
}
