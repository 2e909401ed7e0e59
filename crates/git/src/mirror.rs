//! Our own bare mirrors, one folder per registered repository: `<root>/local-3.git`, `<root>/github-1296269.git`.
//!
//! A mirror takes single commits at depth 1 and keeps each under a pin ref for good, so that a rewritten
//! upstream can't take a base away under review. Only this module changes mirrors, under one lock each;
//! nothing is ever pruned. It never writes into the source.

use crate::bench::Bench;
use crate::error::{corrupt, from_gix, from_gix_write, from_io, unavailable, unsupported};
use crate::objects::{self, ALLOC_LIMIT, to_gix, tree_of, tree_sha};
use crate::program::{self, Finished};
use crate::remote::{self, Hosts, Locate, Purpose};
use crate::snapshot;
use crate::source::{self, exact_reference};
use countersign_core::id::{BranchName, CommitSha, RepositoryId};
use countersign_ports::trees::{BranchState, Pinned, Remote, RepoPlace, RepoSource, TreesError};
use gix::refs::transaction::{PreviousValue, RefEdit};
use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

mod many;

/// How long a call waits for another one that is changing the same mirror.
pub(crate) const LOCK_WAIT: Duration = Duration::from_secs(150);
/// How often a busy lock is tried again.
const LOCK_POLL: Duration = Duration::from_millis(20);
/// Where a fetch lands before it is pinned.
const INCOMING: &str = "refs/countersign/incoming";
/// Its folder.
const INCOMING_FOLDER: &str = "refs/countersign";
/// Below here every pinned commit has a ref of its own.
const PINS: &str = "refs/countersign/pins";

/// The folder of all mirrors.
#[derive(Debug, Clone)]
pub(crate) struct Mirrors {
    root: PathBuf,
    hosts: Hosts,
}

impl Mirrors {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self {
            root,
            hosts: Hosts::default(),
        }
    }

    pub(crate) fn set_hosts(&mut self, locate: Locate) {
        self.hosts = Hosts::new(locate);
    }

    /// The hosts that may be asked.
    pub(crate) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    fn folder(&self, id: &RepositoryId) -> PathBuf {
        self.root.join(format!("{id}.git"))
    }

    /// Opens a mirror; what is written into its object database stays in memory.
    pub(crate) fn open(&self, id: &RepositoryId) -> Result<gix::Repository, TreesError> {
        let folder = self.folder(id);
        if !folder.is_dir() {
            return Err(unavailable(
                "not-pinned",
                format!("Nothing of repository {id} has been fetched yet. Pin a branch of it first."),
            ));
        }
        let options = gix::open::Options::isolated()
            .with(gix::sec::Trust::Full)
            .open_path_as_is(true)
            .config_overrides([ALLOC_LIMIT]);
        let mut repo = gix::open_opts(&folder, options)
            .map_err(|e| from_gix(&format!("Opening the mirror of {id}"), &e))?
            .with_object_memory();
        repo.objects.ignore_replacements = true;
        objects::remember_some(&mut repo);
        Ok(repo)
    }

    /// A throwaway git folder that reads the mirror's objects.
    pub(crate) fn bench(&self, id: &RepositoryId) -> Result<Bench, TreesError> {
        Bench::new(&self.root, &self.folder(id).join("objects"))
    }

    /// The same over the objects of another folder.
    pub(crate) fn bench_over(&self, objects: &Path) -> Result<Bench, TreesError> {
        Bench::new(&self.root, objects)
    }

    /// One without any objects: git would take a commit that is there for one with its whole history.
    pub(crate) fn empty_bench(&self) -> Result<Bench, TreesError> {
        Bench::empty(&self.root)
    }

    /// The commit's object id and tree, if it has been pinned.
    pub(crate) fn pinned(
        &self,
        id: &RepositoryId,
        commit: &CommitSha,
    ) -> Result<(gix::Repository, gix::ObjectId), TreesError> {
        let repo = self.open(id)?;
        let pin = exact_reference(&repo, &pin_ref(commit))?;
        if pin.is_none() {
            return Err(unavailable(
                "not-pinned",
                format!("The commit {commit} of repository {id} is not in the mirror. Pin its branch first."),
            ));
        }
        let tree = tree_of(&repo, to_gix(commit.as_str())?)?;
        Ok((repo, tree))
    }

    /// Fetches the tip of a branch and pins it; gives the commit that was really fetched.
    ///
    /// The tip is read by us and fetched by id: `git fetch` would take `refs/heads/refs/heads/x` for
    /// `refs/heads/x`.
    #[tracing::instrument(level = "debug", skip_all, fields(repository = %repo.id, %branch))]
    pub(crate) fn pin(&self, repo: &RepoSource, branch: &BranchName) -> Result<Pinned, TreesError> {
        if let RepoPlace::Remote(at) = &repo.place {
            let tip = self.hosts.reach(&repo.id, at, Purpose::Read)?.tip(branch)?;
            return self.pin_commit(repo, &tip.ok_or_else(|| remote::gone(at, branch))?);
        }
        let opened = source::open_registered(repo)?;
        match source::branch_state(&opened, branch)? {
            Some(state) => self.pin_commit(repo, &state.commit),
            None => Err(unsupported(
                "branch-missing",
                format!("{} has no branch `{branch}`. Name one that exists.", repo.place),
            )),
        }
    }

    /// Fetches one commit of the source and pins it.
    pub(crate) fn pin_commit(&self, repo: &RepoSource, commit: &CommitSha) -> Result<Pinned, TreesError> {
        let _lock = self.lock(&repo.id)?;
        let folder = self.create(&repo.id)?;
        if let RepoPlace::Remote(at) = &repo.place {
            let reached = self.hosts.reach(&repo.id, at, Purpose::Read)?;
            reached.fetch(&folder, commit, INCOMING)?;
            return keep(&self.open(&repo.id)?, commit);
        }
        let refspec = format!("+{commit}:{INCOMING}");
        // Git serves the source's objects out of a folder of ours, so that nothing else of the source counts.
        let served = Bench::new(
            &self.root,
            &source::object_folder(&source::open_registered(repo)?),
        )?;
        served.write("shallow", &format!("{commit}\n"))?;
        let done = program::run("fetch", &folder, fetch_arguments(served.folder(), &refspec))?;
        if !done.status.success() {
            return Err(fetch_failure(repo, &done));
        }
        keep(&self.open(&repo.id)?, commit)
    }

    /// What a branch on another host holds, its tree out of the fetched commit itself.
    pub(crate) fn branch_there(
        &self,
        repo: &RepoSource,
        at: &Remote,
        branch: &BranchName,
    ) -> Result<Option<BranchState>, TreesError> {
        let Some(tip) = self.hosts.reach(&repo.id, at, Purpose::Read)?.tip(branch)? else {
            return Ok(None);
        };
        let Pinned { commit, tree } = match self.pinned(&repo.id, &tip) {
            Ok((_, tree)) => Pinned {
                commit: tip,
                tree: tree_sha(&tree)?,
            },
            Err(_not_here_yet) => self.pin_commit(repo, &tip)?,
        };
        Ok(Some(BranchState { commit, tree }))
    }

    /// Whether a branch that moved still contains the base, by the history on the host.
    pub(crate) fn contains_there(
        &self,
        repo: &RepoSource,
        at: &Remote,
        tip: &CommitSha,
        base: &CommitSha,
    ) -> Result<bool, TreesError> {
        let bench = self.empty_bench()?;
        let reached = self.hosts.reach(&repo.id, at, Purpose::Read)?;
        reached.contains(&bench, tip, base)
    }

    /// A mirror that objects are written into, made where there is none; and its lock, to be held until they are pinned.
    pub(crate) fn writable(&self, id: &RepositoryId) -> Result<(File, gix::Repository), TreesError> {
        let lock = self.lock(id)?;
        self.create(id)?;
        let mut mirror = self.open(id)?;
        let _nothing_yet = mirror.objects.take_object_memory();
        Ok((lock, mirror))
    }

    fn create(&self, id: &RepositoryId) -> Result<PathBuf, TreesError> {
        let folder = self.folder(id);
        if folder.is_dir() {
            return Ok(folder);
        }
        let doing = "Making a mirror";
        let fresh = tempfile::Builder::new()
            .prefix(".new-mirror-")
            .tempdir_in(&self.root)
            .map_err(|e| from_io(doing, &e))?;
        let arguments = [
            "init",
            "--quiet",
            "--bare",
            "--template=",
            "--object-format=sha1",
            "--initial-branch=none",
        ];
        let done = program::run("init", fresh.path(), arguments.into_iter().chain(["."]))?;
        if !done.status.success() {
            return Err(unavailable(
                "mirror-failed",
                format!("{doing} failed: {}. Check the data folder.", done.said()),
            ));
        }
        fs::rename(fresh.path(), &folder).map_err(|e| from_io(doing, &e))?;
        Ok(folder)
    }

    /// One change at a time per mirror, over all processes; the lock goes when the file is closed.
    fn lock(&self, id: &RepositoryId) -> Result<File, TreesError> {
        let doing = "Locking a mirror";
        fs::create_dir_all(&self.root).map_err(|e| from_io(doing, &e))?;
        let path = self.root.join(format!("{id}.lock"));
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|e| from_io(doing, &e))?;
        let until = Instant::now() + LOCK_WAIT;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    remove_dead_locks(&self.folder(id));
                    return Ok(file);
                }
                Err(TryLockError::Error(e)) => return Err(from_io(doing, &e)),
                Err(TryLockError::WouldBlock) if Instant::now() >= until => {
                    return Err(unavailable(
                        "mirror-busy",
                        format!("Another process is using the mirror of {id}. Retry when it has finished."),
                    ));
                }
                Err(TryLockError::WouldBlock) => thread::sleep(LOCK_POLL),
            }
        }
    }
}

/// Takes away the locks that git left in a mirror: by a killed process, or on a disk that let nothing be removed. Whoever
/// holds the mirror's own lock knows that nobody is behind them.
fn remove_dead_locks(mirror: &Path) {
    for folder in ["", INCOMING_FOLDER, PINS] {
        let Ok(entries) = fs::read_dir(mirror.join(folder)) else {
            continue;
        };
        let locks = entries.flatten().map(|entry| entry.path());
        for lock in locks.filter(|path| path.extension().is_some_and(|e| e == "lock")) {
            if fs::remove_file(&lock).is_ok() {
                tracing::warn!(lock = %lock.display(), "a lock that git had left in a mirror was taken away");
            }
        }
    }
}

/// Pins a commit that is in the mirror.
pub(crate) fn keep(mirror: &gix::Repository, commit: &CommitSha) -> Result<Pinned, TreesError> {
    let doing = "Pinning a commit";
    let id = to_gix(commit.as_str())?;
    let tree = tree_of(mirror, id)?;
    // Whatever is pinned can be walked by us and by git.
    snapshot::require_walkable(mirror, tree)?;
    let name = pin_ref(commit)
        .try_into()
        .map_err(|_| corrupt("bad-id", "The commit has no usable id."))?;
    let edit = RefEdit::update(name, id, PreviousValue::Any, "");
    mirror
        .edit_references_as([edit], None)
        .map_err(|e| from_gix_write(doing, &e))?;
    Ok(Pinned {
        commit: commit.clone(),
        tree: tree_sha(&tree)?,
    })
}

fn pin_ref(commit: &CommitSha) -> String {
    format!("{PINS}/{commit}")
}

/// One commit, no tags, no submodules. The serving side doesn't inherit our environment, so it is told again
/// to see no replaced objects; `--strict`: exactly this git folder and none inside it.
fn fetch_arguments(served: &Path, refspec: &str) -> Vec<OsString> {
    let fixed = [
        "fetch",
        "--quiet",
        "--depth=1",
        "--update-shallow",
        "--no-tags",
        "--no-recurse-submodules",
        "--no-write-fetch-head",
        "--no-auto-maintenance",
        "--upload-pack=git --no-replace-objects upload-pack --strict",
        "--",
    ];
    let mut arguments: Vec<OsString> = fixed.iter().map(OsString::from).collect();
    arguments.push(served.into());
    arguments.push(refspec.into());
    arguments
}

fn fetch_failure(source: &RepoSource, done: &Finished) -> TreesError {
    let said = done.said();
    let place = &source.place;
    let has = |words: &[&str]| words.iter().any(|w| done.stderr.contains(w));
    if !source.git_dir().is_ok_and(Path::is_dir) {
        return unavailable(
            "source-gone",
            format!("The repository {place} is not there any more. Put it back, then retry."),
        );
    }
    if has(&["not our ref", "couldn't find remote ref"]) {
        return unsupported(
            "commit-missing",
            format!("{place} doesn't have that commit. Name one that it has."),
        );
    }
    if has(&["dubious ownership"]) {
        return unsupported(
            "foreign-owner",
            format!(
                "{place} belongs to another user. Run countersign as that user, or change the folder's owner."
            ),
        );
    }
    if has(&["maximum allowed tree depth"]) {
        return snapshot::too_large();
    }
    if has(&["No space left", "Disk quota"]) {
        return unavailable(
            "disk-full",
            format!("Fetching from {place}: the disk is full. Free some space, then retry."),
        );
    }
    if has(&["Permission denied", "Read-only file system"]) {
        return unavailable(
            "permission-denied",
            format!("Fetching from {place}: {said}. Check the rights, then retry."),
        );
    }
    if has(&[
        "fsck",
        "bad object",
        "missing",
        "corrupt",
        "inflate",
        "did not receive",
        "unable to read",
    ]) {
        return corrupt(
            "source-damaged",
            format!("{place} is damaged: {said}. Run `git fsck` there and repair it."),
        );
    }
    unavailable(
        "fetch-failed",
        format!("Fetching from {place} failed: {said}. Retry later."),
    )
}
