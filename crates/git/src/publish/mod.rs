//! The one place that writes into a registered repository: new objects, then one branch.
//!
//! It takes permits by value, checks every byte against them, and never touches HEAD, index, work tree or any
//! other ref. No hook runs, because no `git` program does: objects and ref are written by gix.

mod branch;
mod workflows;
mod write;

use crate::error::{corrupt, unavailable, unsupported};
use crate::mirror::Mirrors;
use crate::objects::{decode_commit, hash, to_gix};
use crate::remote::{self, Purpose};
use crate::source;
use countersign_core::permit::{
    ContentPermit, DeleteBranch, PERMIT_MAX_MS, PermitExpired, PushBranch, Redeemed, RetractPermit,
};
use countersign_core::time::Timestamp;
use countersign_ports::trees::{
    ObjectKind, PreparedCommit, PublishError, Remote, RepoPlace, RepoSource, TreesError,
};
use gix::ObjectId;
use gix::objs::Kind;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// See [`countersign_ports::trees::Trees::stage`].
pub(crate) fn stage(
    mirrors: &Mirrors,
    first: &ContentPermit<PushBranch>,
    repo: &RepoSource,
    prepared: &PreparedCommit,
) -> Result<(), PublishError> {
    match &repo.place {
        RepoPlace::Folder(_) => add_objects(first.op(), repo, prepared).map(drop),
        RepoPlace::Remote(at) => require_free_there(mirrors, first.op(), repo, at, prepared),
    }
}

/// See [`countersign_ports::trees::Trees::publish`].
pub(crate) fn publish(
    mirrors: &Mirrors,
    permit: ContentPermit<PushBranch>,
    repo: &RepoSource,
    prepared: &PreparedCommit,
) -> Result<(), PublishError> {
    let (op, began) = (permit.op().clone(), Instant::now());
    match &repo.place {
        RepoPlace::Folder(_) => create_branch(&op, repo, prepared, || redeemed(permit.redeem(now()), began)),
        RepoPlace::Remote(at) => push_branch(mirrors, permit, repo, at, prepared, began),
    }
}

/// See [`countersign_ports::trees::Trees::retract`].
pub(crate) fn retract(
    mirrors: &Mirrors,
    permit: RetractPermit<DeleteBranch>,
    repo: &RepoSource,
) -> Result<(), PublishError> {
    let (op, began) = (permit.op().clone(), Instant::now());
    let redeem = |permit: RetractPermit<DeleteBranch>| redeemed(permit.redeem(now()), began);
    match &repo.place {
        RepoPlace::Folder(_) => delete_branch(&op, repo, || redeem(permit)),
        RepoPlace::Remote(at) => delete_branch_there(mirrors, permit, repo, at, redeem),
    }
}

/// A permit that was used up in time.
fn redeemed<Op>(redeemed: Result<Redeemed<Op>, PermitExpired>, began: Instant) -> Result<(), TreesError> {
    in_time(began)?;
    redeemed.map(drop).map_err(|e| expired(&e.to_string()))
}

/// A host takes objects only together with a ref: before the push nothing is brought there, but what stands in its way is
/// seen, and everything is checked.
fn require_free_there(
    mirrors: &Mirrors,
    op: &PushBranch,
    repo: &RepoSource,
    at: &Remote,
    prepared: &PreparedCommit,
) -> Result<(), PublishError> {
    let failed = PublishError::Failed;
    verify(op, repo, prepared).map_err(failed)?;
    let reached = mirrors
        .hosts()
        .reach(&repo.id, at, Purpose::Read)
        .map_err(failed)?;
    match reached.tip(&op.branch).map_err(failed)? {
        None => Ok(()),
        Some(found) => Err(remote::mismatch(
            &op.branch,
            &format!("it already exists and holds commit {found}"),
        )),
    }
}

/// The permit is shown for the way there, and used up right before the program that pushes is started.
#[tracing::instrument(level = "debug", skip_all, fields(repository = %repo.id, branch = %permit.op().branch))]
fn push_branch(
    mirrors: &Mirrors,
    permit: ContentPermit<PushBranch>,
    repo: &RepoSource,
    at: &Remote,
    prepared: &PreparedCommit,
    began: Instant,
) -> Result<(), PublishError> {
    let failed = PublishError::Failed;
    let op = permit.op().clone();
    let objects = verify(&op, repo, prepared).map_err(failed)?;
    let purpose = Purpose::Push {
        permit: &permit,
        workflows: workflows::changed(&mirrors.open(&repo.id).map_err(failed)?, &objects).map_err(failed)?,
    };
    let reached = mirrors.hosts().reach(&repo.id, at, purpose).map_err(failed)?;
    let bench = mirrors.bench(&repo.id).map_err(failed)?;
    remote::create_branch(&reached, &bench, &op.branch, &objects, &op.commit, || {
        redeemed(permit.redeem(now()), began)
    })
}

#[tracing::instrument(level = "debug", skip_all, fields(repository = %repo.id, branch = %permit.op().branch))]
fn delete_branch_there(
    mirrors: &Mirrors,
    permit: RetractPermit<DeleteBranch>,
    repo: &RepoSource,
    at: &Remote,
    redeem: impl FnOnce(RetractPermit<DeleteBranch>) -> Result<(), TreesError>,
) -> Result<(), PublishError> {
    let failed = PublishError::Failed;
    let op = permit.op().clone();
    if op.repository != repo.id {
        return Err(failed(other_repository()));
    }
    let hosts = mirrors.hosts();
    let reader = hosts.reach(&repo.id, at, Purpose::Read).map_err(failed)?;
    remote::require_tip(&reader, &op.branch, &op.commit)?;
    let reached = hosts
        .reach(&repo.id, at, Purpose::Delete(&permit))
        .map_err(failed)?;
    // A restored data folder may have no mirror of it yet.
    mirrors.writable(&repo.id).map_err(failed)?;
    let bench = mirrors.bench(&repo.id).map_err(failed)?;
    remote::delete_branch(&reached, &bench, &op.branch, &op.commit, || redeem(permit))
}

/// A wall clock that was set back makes no permit younger.
fn in_time(began: Instant) -> Result<(), TreesError> {
    if began.elapsed() < Duration::from_millis(PERMIT_MAX_MS) {
        return Ok(());
    }
    Err(expired("The permit was held for too long"))
}

fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::MAX);
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}

fn expired(said: &str) -> TreesError {
    unavailable("permit-expired", format!("{said}. Ask the gate again."))
}

/// Everything of the commit in the object database, no ref touched.
#[tracing::instrument(level = "debug", skip_all, fields(repository = %repo.id, branch = %op.branch))]
fn add_objects(
    op: &PushBranch,
    repo: &RepoSource,
    prepared: &PreparedCommit,
) -> Result<gix::Repository, PublishError> {
    let failed = PublishError::Failed;
    let objects = verify(op, repo, prepared).map_err(failed)?;
    let opened = source::open_registered(repo).map_err(failed)?;
    branch::require_free(&opened, &op.branch)?;
    write::write_missing(&opened, &objects).map_err(failed)?;
    Ok(opened)
}

/// `redeem` is asked with the ref's lock held; its no leaves the ref as it was.
#[tracing::instrument(level = "debug", skip_all, fields(repository = %repo.id, branch = %op.branch))]
fn create_branch(
    op: &PushBranch,
    repo: &RepoSource,
    prepared: &PreparedCommit,
    redeem: impl FnOnce() -> Result<(), TreesError>,
) -> Result<(), PublishError> {
    let opened = add_objects(op, repo, prepared)?;
    let commit = to_gix(op.commit.as_str()).map_err(PublishError::Failed)?;
    let bytes = prepared.objects.last().map_or(&[][..], |(_, bytes)| bytes);
    branch::create(&opened, &op.branch, commit, bytes, redeem)
}

#[tracing::instrument(level = "debug", skip_all, fields(repository = %repo.id, branch = %op.branch))]
fn delete_branch(
    op: &DeleteBranch,
    repo: &RepoSource,
    redeem: impl FnOnce() -> Result<(), TreesError>,
) -> Result<(), PublishError> {
    let failed = PublishError::Failed;
    if op.repository != repo.id {
        return Err(failed(other_repository()));
    }
    let opened = source::open_registered(repo).map_err(failed)?;
    let commit = to_gix(op.commit.as_str()).map_err(failed)?;
    branch::delete(&opened, &op.branch, commit, redeem)
}

/// A new object whose id was computed from its bytes just now.
pub(crate) struct Verified<'p> {
    pub(crate) id: ObjectId,
    pub(crate) kind: Kind,
    pub(crate) bytes: &'p [u8],
}

/// Only what the permit names: repository, commit and tree, all ids computed again from the bytes.
fn verify<'p>(
    op: &PushBranch,
    repo: &RepoSource,
    prepared: &'p PreparedCommit,
) -> Result<Vec<Verified<'p>>, TreesError> {
    if op.repository != repo.id {
        return Err(other_repository());
    }
    let differs = |what: &str| {
        corrupt(
            "permit-mismatch",
            format!("The permit is for another {what} than the prepared one. Nothing was written."),
        )
    };
    if op.commit != prepared.commit {
        return Err(differs("commit"));
    }
    if op.tree != prepared.tree {
        return Err(differs("tree"));
    }
    let mut verified = Vec::with_capacity(prepared.objects.len());
    for (kind, bytes) in &prepared.objects {
        let kind = match kind {
            ObjectKind::Blob => Kind::Blob,
            ObjectKind::Tree => Kind::Tree,
            ObjectKind::Commit => Kind::Commit,
        };
        verified.push(Verified {
            id: hash(kind, bytes)?,
            kind,
            bytes,
        });
    }
    let commits = verified.iter().filter(|v| v.kind == Kind::Commit).count();
    match verified.last() {
        Some(last) if commits == 1 && last.kind == Kind::Commit => {
            if last.id != to_gix(op.commit.as_str())? {
                return Err(differs("commit"));
            }
            if decode_commit(last.bytes)?.0 != to_gix(op.tree.as_str())? {
                return Err(differs("tree"));
            }
        }
        Some(_) | None => return Err(differs("commit")),
    }
    Ok(verified)
}

fn other_repository() -> TreesError {
    unsupported(
        "other-repository",
        "The permit is for another repository. Nothing was written; ask the gate again.",
    )
}

#[cfg(test)]
mod tests;
