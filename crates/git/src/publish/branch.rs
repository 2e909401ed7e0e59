//! One ref, created only where none is and deleted only where it holds exactly our commit.

use super::write::sync;
use crate::admission::read_small;
use crate::error::{from_gix_write, from_io, unavailable};
use crate::source::exact_reference;
use countersign_core::id::BranchName;
use countersign_ports::moment::{self, Moment};
use countersign_ports::trees::{PublishError, TreesError};
use gix::ObjectId;
use gix::lock::acquire::Fail;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit, RefLog};
use gix::refs::{FullName, Target};
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

/// How long a lock that another program holds on the ref is waited for.
pub(crate) const REF_LOCK_WAIT: Duration = Duration::from_secs(2);
/// A lock on one of our own branches that is this old was left by a process of ours that was killed: it is held
/// between one look at the clock and one rename, and nobody else writes a branch that has a workflow's name.
const DEAD_LOCK_AFTER: Duration = Duration::from_secs(8);
/// What the reflog says, where the repository keeps one.
const LOG_MESSAGE: &str = "countersign: approved change";

/// Creates the branch at a commit whose bytes name the committer for the reflog.
pub(super) fn create(
    repo: &gix::Repository,
    branch: &BranchName,
    commit: ObjectId,
    commit_bytes: &[u8],
    redeem: impl FnOnce() -> Result<(), TreesError>,
) -> Result<(), PublishError> {
    let log = LogChange {
        mode: RefLog::AndReference,
        force_create_reflog: false,
        message: LOG_MESSAGE.into(),
    };
    let change = Change::Update {
        log,
        expected: PreviousValue::MustNotExist,
        new: Target::Object(commit),
    };
    let parsed = gix::objs::CommitRef::from_bytes(commit_bytes, gix::hash::Kind::Sha1).ok();
    let committer = parsed.as_ref().and_then(|c| c.committer().ok());
    update(repo, branch, change, committer, redeem)?;
    sync(&repo.common_dir().join(branch.full_ref())).map_err(|e| PublishError::Unknown {
        branch: branch.to_string(),
        source: from_io("Keeping the new branch", &e),
    })
}

/// Deletes the branch if it holds exactly this commit.
pub(super) fn delete(
    repo: &gix::Repository,
    branch: &BranchName,
    commit: ObjectId,
    redeem: impl FnOnce() -> Result<(), TreesError>,
) -> Result<(), PublishError> {
    require_not_checked_out(repo, branch)?;
    match exact_reference(repo, &branch.full_ref()).map_err(PublishError::Failed)? {
        Some(found) if found.target().try_id() == Some(&commit) => {}
        Some(found) => return Err(mismatch(branch, &format!("it holds {}", in_words(&found)))),
        None => return Err(mismatch(branch, "it does not exist")),
    }
    let expected = PreviousValue::MustExistAndMatch(Target::Object(commit));
    update(
        repo,
        branch,
        Change::Delete {
            expected,
            log: RefLog::AndReference,
        },
        None,
        redeem,
    )
}

fn update(
    repo: &gix::Repository,
    branch: &BranchName,
    change: Change,
    committer: Option<gix::actor::SignatureRef<'_>>,
    redeem: impl FnOnce() -> Result<(), TreesError>,
) -> Result<(), PublishError> {
    let doing = format!("Writing branch `{branch}`");
    let name = FullName::try_from(branch.full_ref()).map_err(|e| {
        PublishError::Failed(unavailable(
            "bad-branch-name",
            format!("{doing}: {e}. Choose another name."),
        ))
    })?;
    let edit = RefEdit {
        change,
        name,
        deref: false,
    };
    remove_dead_lock(repo, branch);
    let wait = Fail::AfterDurationWithBackoff(REF_LOCK_WAIT);
    let prepared = repo
        .refs
        .transaction()
        .prepare([edit], wait, wait)
        .map_err(|e| refused(repo, branch, &e))?;
    // The lock is held: this is the moment that the permit is for. Dropping `prepared` gives the lock back.
    redeem().map_err(PublishError::Failed)?;
    // From here on a failure may leave the ref changed.
    moment::pass(Moment::BeforeRef);
    let committed = prepared.commit(committer);
    moment::pass(Moment::AfterRef);
    match committed {
        Ok(_) => Ok(()),
        Err(e) => Err(PublishError::Unknown {
            branch: branch.to_string(),
            source: from_gix_write(&doing, &e),
        }),
    }
}

/// Takes away the lock that a killed process of ours left on this branch. It is safe to fail: then the lock is
/// reported as one that somebody holds.
fn remove_dead_lock(repo: &gix::Repository, branch: &BranchName) {
    let lock = lock_of(repo, branch);
    let age = fs::symlink_metadata(&lock)
        .ok()
        .filter(fs::Metadata::is_file)
        .and_then(|found| found.modified().ok()?.elapsed().ok());
    if age.is_some_and(|age| age >= DEAD_LOCK_AFTER) && fs::remove_file(&lock).is_ok() {
        tracing::warn!(%branch, "a lock that a killed process had left on our branch was taken away");
    }
}

fn lock_of(repo: &gix::Repository, branch: &BranchName) -> PathBuf {
    repo.common_dir().join(format!("{}.lock", branch.full_ref()))
}

/// Why the ref could not be prepared; nothing has changed.
fn refused(repo: &gix::Repository, branch: &BranchName, error: &gix::Error) -> PublishError {
    use gix::refs::file::transaction::prepare::{MustNotExist, ReferenceOutOfDate};
    let moved = error.downcast_any_ref::<MustNotExist>().is_some()
        || error.downcast_any_ref::<ReferenceOutOfDate>().is_some();
    if moved {
        return mismatch(branch, "somebody else changed it at the same moment");
    }
    let lock = lock_of(repo, branch);
    if lock.exists() {
        return PublishError::Failed(unavailable(
            "ref-locked",
            format!(
                "Branch `{branch}` is locked ({}). Retry when the other program has finished; if none runs, delete that \
                 file.",
                lock.display()
            ),
        ));
    }
    PublishError::Failed(from_gix_write(&format!("Preparing branch `{branch}`"), error))
}

/// Neither the branch, nor one above or below it in name, may exist; and no HEAD may name it.
pub(super) fn require_free(repo: &gix::Repository, branch: &BranchName) -> Result<(), PublishError> {
    let full = branch.full_ref();
    if let Some(found) = exact_reference(repo, &full).map_err(PublishError::Failed)? {
        return Err(mismatch(
            branch,
            &format!("it already exists and holds {}", in_words(&found)),
        ));
    }
    let heads = "refs/heads/".len();
    for (at, _) in full.match_indices('/').filter(|(at, _)| *at >= heads) {
        if exact_reference(repo, &full[..at])
            .map_err(PublishError::Failed)?
            .is_some()
        {
            return Err(mismatch(
                branch,
                &format!("the branch `{}` is in its way", &full[heads..at]),
            ));
        }
    }
    let below = below(repo, &format!("{full}/")).map_err(PublishError::Failed)?;
    if let Some(name) = below {
        return Err(mismatch(branch, &format!("the branch `{name}` is in its way")));
    }
    require_not_checked_out(repo, branch)
}

/// Some branch whose name begins with this one's name and a slash.
fn below(repo: &gix::Repository, prefix: &str) -> Result<Option<String>, TreesError> {
    let doing = "Reading the branches";
    let platform = repo.references().map_err(|e| from_gix_write(doing, &e))?;
    for reference in platform.local_branches().map_err(|e| from_gix_write(doing, &e))? {
        let reference = reference.map_err(|e| from_gix_write(doing, &e))?;
        let name = reference.name().as_bstr().to_string();
        if name.starts_with(prefix) {
            return Ok(Some(name["refs/heads/".len()..].to_owned()));
        }
    }
    Ok(None)
}

/// A branch that some work tree has checked out (even without a commit) isn't ours to make or delete.
fn require_not_checked_out(repo: &gix::Repository, branch: &BranchName) -> Result<(), PublishError> {
    let common = repo.common_dir();
    let linked = fs::read_dir(common.join("worktrees"))
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path());
    let folders: Vec<PathBuf> = std::iter::once(common.to_path_buf()).chain(linked).collect();
    for folder in folders {
        let head = read_small(&folder.join("HEAD"))
            .map_err(PublishError::Failed)?
            .unwrap_or_default();
        let named = head.strip_prefix(b"ref:").map(|rest| rest.trim_ascii());
        if named == Some(branch.full_ref().as_bytes()) {
            return Err(mismatch(
                branch,
                &format!("it is checked out ({})", folder.join("HEAD").display()),
            ));
        }
    }
    Ok(())
}

fn in_words(found: &gix::Reference<'_>) -> String {
    match found.target() {
        gix::refs::TargetRef::Object(id) => format!("commit {id}"),
        gix::refs::TargetRef::Symbolic(name) => format!("a link to {}", name.as_bstr()),
    }
}

fn mismatch(branch: &BranchName, found: &str) -> PublishError {
    PublishError::ExpectedOldMismatch {
        branch: branch.to_string(),
        found: found.to_owned(),
    }
}
