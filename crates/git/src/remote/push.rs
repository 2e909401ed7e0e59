//! The one push: exactly one prepared commit to a branch that must not exist, or the deletion of a branch that must hold
//! exactly our commit. The host's own compare-and-swap (`--force-with-lease`) is the fence (git-push(1)).
//!
//! The permit is used up right before the program starts, and the program has less time than the attempt. Whatever is not
//! a clear no is an unknown outcome.

use super::{Reached, failure};
use crate::bench::Bench;
use crate::error::{from_gix_write, unavailable, unsupported};
use crate::objects;
use crate::program::{Finished, PUSH_DEADLINE};
use crate::publish::Verified;
use countersign_core::id::{BranchName, CommitSha};
use countersign_ports::moment::{self, Moment};
use countersign_ports::trees::{PublishError, TreesError};
use gix::objs::{Kind, Write as _};

/// Words with which a host refuses a ref by a rule: a hook, a protected branch, a missing permission. Any other refusal (a lock
/// that is held, an error of the host's own) may pass.
const FOR_GOOD: [&str; 3] = ["declined", "refusing to", "prohibited"];

/// Pushes the commit, whose objects are in the bench or below it, as a new branch.
pub(crate) fn create_branch(
    reached: &Reached<'_>,
    bench: &Bench,
    branch: &BranchName,
    objects: &[Verified<'_>],
    commit: &CommitSha,
    redeem: impl FnOnce() -> Result<(), TreesError>,
) -> Result<(), PublishError> {
    bring(bench, objects).map_err(PublishError::Failed)?;
    let full = branch.full_ref();
    push(
        reached,
        bench,
        branch,
        &format!("--force-with-lease={full}:"),
        &format!("{commit}:{full}"),
        redeem,
    )
}

/// Refuses where the branch, looked at as a reader, does not hold exactly this commit.
pub(crate) fn require_tip(
    reached: &Reached<'_>,
    branch: &BranchName,
    commit: &CommitSha,
) -> Result<(), PublishError> {
    match reached.tip(branch).map_err(PublishError::Failed)? {
        Some(found) if found == *commit => Ok(()),
        Some(found) => Err(mismatch(branch, &format!("it holds commit {found}"))),
        None => Err(mismatch(branch, "it does not exist")),
    }
}

/// Deletes the branch, if it holds exactly this commit.
pub(crate) fn delete_branch(
    reached: &Reached<'_>,
    bench: &Bench,
    branch: &BranchName,
    commit: &CommitSha,
    redeem: impl FnOnce() -> Result<(), TreesError>,
) -> Result<(), PublishError> {
    let full = branch.full_ref();
    push(
        reached,
        bench,
        branch,
        &format!("--force-with-lease={full}:{commit}"),
        &format!(":{full}"),
        redeem,
    )
}

/// Puts the new objects where the program finds them. Their parent's history is not here: it ends at the parent.
fn bring(bench: &Bench, wanted: &[Verified<'_>]) -> Result<(), TreesError> {
    let doing = "Preparing the push";
    let store = gix::odb::loose::Store::at(bench.folder().join("objects"), gix::hash::Kind::Sha1);
    let mut ends = String::new();
    for object in wanted {
        store
            .write_buf(object.kind, object.bytes)
            .map_err(|e| from_gix_write(doing, &e))?;
        if object.kind == Kind::Commit {
            let (_, parents) = objects::decode_commit(object.bytes)?;
            ends.extend(parents.iter().map(|parent| format!("{parent}\n")));
        }
    }
    bench.write("shallow", &ends)
}

fn push(
    reached: &Reached<'_>,
    bench: &Bench,
    branch: &BranchName,
    lease: &str,
    refspec: &str,
    redeem: impl FnOnce() -> Result<(), TreesError>,
) -> Result<(), PublishError> {
    let arguments = [
        "push",
        "--porcelain",
        "--no-verify",
        "--no-follow-tags",
        "--no-signed",
        "--recurse-submodules=no",
        lease,
        "--",
        reached.url.as_str(),
        refspec,
    ];
    redeem().map_err(PublishError::Failed)?;
    moment::pass(Moment::BeforeRef);
    let done = reached.git("push", bench.folder(), arguments, PUSH_DEADLINE);
    moment::pass(Moment::AfterRef);
    match done {
        Ok(done) => conclude(reached, branch, &done),
        Err(source) => Err(PublishError::Unknown {
            branch: branch.to_string(),
            source,
        }),
    }
}

/// Reads the one line that git gives for the one ref (git-push(1), "OUTPUT").
fn conclude(reached: &Reached<'_>, branch: &BranchName, done: &Finished) -> Result<(), PublishError> {
    let text = String::from_utf8_lossy(&done.stdout).into_owned();
    let full = branch.full_ref();
    let mut lines = text.lines().filter_map(|line| line.split_once('\t'));
    let line = lines.find(|(_, rest)| rest.split('\t').next().is_some_and(|r| r.ends_with(&full)));
    let reason = line.map(|(_, rest)| rest.rsplit('\t').next().unwrap_or_default());
    let said = crate::error::cause(&reason.unwrap_or_default());
    match line.map(|(flag, _)| flag) {
        Some("*" | "-") if done.status.success() => Ok(()),
        Some("=") => Err(mismatch(branch, "it already exists and holds our commit")),
        Some("!") if said.contains("stale info") || said.contains("already exists") => {
            Err(mismatch(branch, "it is not there as expected"))
        }
        Some("!") if said.starts_with("[remote rejected]") || said.starts_with("[rejected]") => {
            let message = format!(
                "{} refuses the branch `{branch}`: {said}. Look at its rules for branches, then retry.",
                reached.remote.full_name
            );
            let refused = match FOR_GOOD.iter().any(|words| said.contains(words)) {
                true => unsupported("remote-push-refused", message),
                false => unavailable("remote-push-refused", message),
            };
            Err(PublishError::Failed(refused))
        }
        Some(_) | None if failure::was_refused(done) => {
            Err(PublishError::Failed(failure::of(reached, "Pushing to", done)))
        }
        Some(_) | None => Err(PublishError::Unknown {
            branch: branch.to_string(),
            source: failure::of(reached, "Pushing to", done),
        }),
    }
}

pub(crate) fn mismatch(branch: &BranchName, found: &str) -> PublishError {
    PublishError::ExpectedOldMismatch {
        branch: branch.to_string(),
        found: found.to_owned(),
    }
}
