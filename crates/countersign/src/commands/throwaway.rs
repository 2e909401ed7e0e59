//! A copy of one commit in a folder that is thrown away: for trying diffs without a data folder and without touching
//! the repository.

use crate::error::{CliError, file_error};
use countersign_core::id::{BranchName, CommitSha, RepositoryId};
use countersign_git::GitTrees;
use countersign_ports::trees::{Pinned, RepoSource, Trees as _};
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// One repository with one commit copied.
pub(super) struct Throwaway {
    /// Git over the copy.
    pub(super) git: Arc<GitTrees>,
    /// The repository.
    pub(super) source: RepoSource,
    /// Its default branch.
    pub(super) default_branch: BranchName,
    _folder: TempDir,
}

fn folder() -> Result<TempDir, CliError> {
    tempfile::Builder::new()
        .prefix("countersign-")
        .tempdir()
        .map_err(|e| file_error("can't make a temporary folder in", &std::env::temp_dir(), &e))
}

impl Throwaway {
    /// Looks at a repository.
    ///
    /// # Errors
    /// When it is none that can be used, or there is no room for a copy.
    pub(super) async fn of(path: &Path) -> Result<Self, CliError> {
        let folder = folder()?;
        let git = Arc::new(GitTrees::new(folder.path()));
        let (probing, path) = (git.clone(), path.to_path_buf());
        let probe = blocking(move || probing.probe(&path)).await??;
        let source = RepoSource::folder(RepositoryId::local(1), probe.git_dir);
        Ok(Self {
            git,
            source,
            default_branch: probe.default_branch,
            _folder: folder,
        })
    }

    /// Throws away what was copied; the repository stays the same one.
    ///
    /// # Errors
    /// When there is no room for another copy.
    pub(super) fn begin_anew(&mut self) -> Result<(), CliError> {
        let fresh = folder()?;
        self.git = Arc::new(GitTrees::new(fresh.path()));
        self._folder = fresh;
        Ok(())
    }

    /// Copies the commits that a branch, a tag or 40 digits each name.
    ///
    /// # Errors
    /// When one of them names none.
    pub(super) async fn pin_named(&self, names: [&str; 2]) -> Result<[CommitSha; 2], CliError> {
        let mut commits = Vec::new();
        for name in names {
            let (git, source) = (self.git.clone(), self.source.clone());
            let commit = match (CommitSha::parse(name), BranchName::parse(name)) {
                (Ok(commit), _) => commit,
                (Err(_), Ok(branch)) => blocking(move || git.commit_named(&source, &branch)).await??,
                (Err(_), Err(_)) => {
                    let text = format!("`{name}` is no branch, no tag and not 40 hex digits of a commit");
                    return Err(CliError::refused("bad-commit", text)
                        .next("`git rev-parse REV` prints the 40 digits."));
                }
            };
            commits.push(commit);
        }
        let (git, source, wanted) = (self.git.clone(), self.source.clone(), commits.clone());
        for answer in blocking(move || git.pin_commits(&source, &wanted)).await?? {
            answer?;
        }
        Ok(commits.try_into().expect("because each name gave one"))
    }

    /// Copies the commit that a branch name or 40 digits name.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn pin(&self, base: &str) -> Result<Pinned, CliError> {
        let (git, source) = (self.git.clone(), self.source.clone());
        if let Ok(commit) = CommitSha::parse(base) {
            return Ok(blocking(move || git.pin_commit(&source, &commit)).await??);
        }
        let Ok(branch) = BranchName::parse(base) else {
            let text = format!("`{base}` is neither a branch nor 40 hex digits of a commit");
            return Err(CliError::refused("bad-base", text).next("`git rev-parse REV` prints the 40 digits."));
        };
        let pinned = blocking(move || git.pin(&source, &branch)).await?;
        pinned.map_err(|e| {
            let hex = base.bytes().all(|b| b.is_ascii_hexdigit());
            let error = CliError::from(e);
            if hex {
                error.next("For a commit give all 40 digits: git rev-parse REV")
            } else {
                error
            }
        })
    }
}

/// Runs blocking work off the async threads.
///
/// # Errors
/// When it ended in an internal error.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CliError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| {
        CliError::internal(
            "internal-error",
            "a step ended in an internal error; the log has the details",
        )
    })
}
