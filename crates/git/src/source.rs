//! Registered repositories of this machine, as their owners made them: opened for reading, never trusted.
//!
//! Only the repository's own `config` file is read, replace refs and grafts are never honoured, nothing in it
//! is ever executed. What this version can't handle is refused here, once, with a code and a next step.

use crate::admission::{self, read_small};
use crate::error::{corrupt, from_gix, from_io, unavailable, unsupported};
use crate::objects::{self, commit_sha, tree_of, tree_sha};
use crate::uncommitted;
use countersign_core::id::{BranchName, CommitSha};
use countersign_ports::trees::{BranchState, Heads, Probe, RepoSource, TreesError};
use gix::bstr::{BStr, ByteSlice};
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Most branches that are read.
pub(crate) const HEADS_MAX: usize = 100_000;

/// Looks at a folder that a user named.
pub(crate) fn probe(path: &Path) -> Result<Probe, TreesError> {
    let folder = fs::canonicalize(path).map_err(|e| {
        if e.kind() == io::ErrorKind::NotFound {
            unsupported(
                "path-missing",
                format!("{} does not exist. Check the path.", path.display()),
            )
        } else {
            from_io(&format!("Looking at {}", path.display()), &e)
        }
    })?;
    let opened = open(&folder)?;
    let git_dir = canonical(opened.common_dir())?;
    let main = open(&git_dir)?;
    let default_branch = default_branch(&main)?;
    if exact_reference(&main, &default_branch.full_ref())?.is_none() {
        return Err(unsupported(
            "no-commit-yet",
            format!(
                "The branch `{default_branch}` of {} has no commit yet. Make a first commit.",
                path.display()
            ),
        ));
    }
    let work_tree = opened.workdir().map(canonical).transpose()?;
    let uncommitted_files = match &work_tree {
        Some(root) => uncommitted::count(&opened, root)?,
        None => 0,
    };
    Ok(Probe {
        git_dir,
        work_tree,
        default_branch,
        uncommitted_files,
    })
}

/// Opens a registered repository for reading, after checking again that we can handle it.
pub(crate) fn open_registered(repo: &RepoSource) -> Result<gix::Repository, TreesError> {
    let git_dir = repo.git_dir()?;
    if !git_dir.is_dir() {
        return Err(unavailable(
            "source-gone",
            format!(
                "The repository {} is not there any more. Put it back, then retry.",
                git_dir.display()
            ),
        ));
    }
    open(git_dir)
}

/// Where its objects lie.
pub(crate) fn object_folder(opened: &gix::Repository) -> PathBuf {
    opened.common_dir().join("objects")
}

/// Reads the branches.
pub(crate) fn heads(repo: &RepoSource) -> Result<Heads, TreesError> {
    let opened = open_registered(repo)?;
    let doing = "Reading the branches";
    let default_branch = default_branch(&opened)?;
    let mut heads = BTreeMap::new();
    let platform = opened.references().map_err(|e| from_gix(doing, &e))?;
    for reference in platform.local_branches().map_err(|e| from_gix(doing, &e))? {
        let mut reference = reference.map_err(|e| from_gix(doing, &e))?;
        let Some(name) = branch_of(reference.name().as_bstr()) else {
            continue;
        };
        // A branch that names something else than a commit can't be a base: it isn't one of the branches.
        let Ok(id) = reference.follow_to_object().map(gix::Id::detach) else {
            continue;
        };
        if tree_of(&opened, id).is_err() {
            continue;
        }
        heads.insert(name, commit_sha(&id)?);
        if heads.len() > HEADS_MAX {
            return Err(corrupt(
                "too-many-branches",
                format!("The repository has more than {HEADS_MAX} branches. Delete some."),
            ));
        }
    }
    Ok(Heads {
        default_branch,
        heads,
    })
}

/// Reads one branch: commit and tree. `None`: there is no such branch.
pub(crate) fn branch_state(
    opened: &gix::Repository,
    branch: &BranchName,
) -> Result<Option<BranchState>, TreesError> {
    let doing = format!("Reading branch `{branch}`");
    let Some(mut reference) = exact_reference(opened, &branch.full_ref())? else {
        return Ok(None);
    };
    let id = reference
        .follow_to_object()
        .map_err(|e| from_gix(&doing, &e))?
        .detach();
    let tree = tree_of(opened, id)?;
    Ok(Some(BranchState {
        commit: commit_sha(&id)?,
        tree: tree_sha(&tree)?,
    }))
}

/// The commit that a branch or a tag of this name stands for.
pub(crate) fn commit_named(repo: &RepoSource, name: &BranchName) -> Result<CommitSha, TreesError> {
    let opened = open_registered(repo)?;
    let mut found = Vec::new();
    for full in [name.full_ref(), format!("refs/tags/{name}")] {
        if let Some(mut reference) = exact_reference(&opened, &full)? {
            let commit = reference.peel_to_commit().map_err(|_| {
                unsupported(
                    "not-a-commit",
                    format!("`{full}` doesn't stand for a commit. Name one that does."),
                )
            })?;
            found.push(commit_sha(&commit.id)?);
        }
    }
    found.dedup();
    match found.as_slice() {
        [commit] => Ok(commit.clone()),
        [] => Err(unsupported(
            "name-missing",
            format!(
                "{} has no branch or tag `{name}`. Name one that exists.",
                repo.place
            ),
        )),
        [_, ..] => Err(unsupported(
            "name-ambiguous",
            format!(
                "`{name}` is a branch and a tag, and they differ. Give the 40 digits: git rev-parse NAME"
            ),
        )),
    }
}

/// The ref with exactly this name. (gix also tries `refs/heads/refs/heads/x` and the like.) Its file must be
/// a plain one in plain folders, so that neither reading nor writing it leads out of the repository.
pub(crate) fn exact_reference<'r>(
    repo: &'r gix::Repository,
    full: &str,
) -> Result<Option<gix::Reference<'r>>, TreesError> {
    admission::require_plain_ref(repo.common_dir(), full)?;
    let found = repo
        .try_find_reference(full)
        .map_err(|e| from_gix(&format!("Reading {full}"), &e))?;
    Ok(found.filter(|r| r.name().as_bstr() == full))
}

fn branch_of(full: &BStr) -> Option<BranchName> {
    let short = full.strip_prefix(b"refs/heads/")?;
    BranchName::parse(std::str::from_utf8(short).ok()?).ok()
}

/// What HEAD names, even if it has no commit yet.
fn default_branch(repo: &gix::Repository) -> Result<BranchName, TreesError> {
    let head = repo.head_name().map_err(|e| from_gix("Reading HEAD", &e))?;
    head.and_then(|name| branch_of(name.as_bstr())).ok_or_else(|| {
        unsupported(
            "detached-head",
            "HEAD names no branch, so there is no default branch. Run `git switch BRANCH` there first.",
        )
    })
}

/// Opens a git folder or a work tree's root. Nothing outside of it is read.
fn open(folder: &Path) -> Result<gix::Repository, TreesError> {
    let (git_dir, common_dir) = locate(folder)?;
    admission::check(&git_dir, &common_dir)?;
    let options = gix::open::Options::isolated()
        .with(gix::sec::Trust::Full)
        .open_path_as_is(true)
        .config_overrides([objects::ALLOC_LIMIT]);
    let mut repo = gix::open_opts(&git_dir, options)
        .map_err(|e| from_gix(&format!("Opening the repository {}", folder.display()), &e))?;
    repo.objects.ignore_replacements = true;
    Ok(repo)
}

/// The git folder and the folder that it shares with other work trees.
fn locate(folder: &Path) -> Result<(PathBuf, PathBuf), TreesError> {
    let dot_git = folder.join(".git");
    let git_dir = if is_git_dir(folder) {
        folder.to_path_buf()
    } else if is_git_dir(&dot_git) {
        dot_git
    } else if dot_git.is_file() {
        follow_git_file(&dot_git)?
    } else {
        return Err(not_a_repository(folder));
    };
    let common = match read_small(&git_dir.join("commondir"))? {
        Some(text) => git_dir.join(text.trim_ascii().to_path_lossy()),
        None => git_dir.clone(),
    };
    Ok((canonical(&git_dir)?, canonical(&common)?))
}

fn is_git_dir(folder: &Path) -> bool {
    let has_objects = folder.join("objects").is_dir() && folder.join("refs").exists();
    fs::symlink_metadata(folder.join("HEAD")).is_ok() && (has_objects || folder.join("commondir").is_file())
}

/// A `.git` file names the real git folder (linked work trees, submodules).
fn follow_git_file(file: &Path) -> Result<PathBuf, TreesError> {
    let text = read_small(file)?.unwrap_or_default();
    let named = text
        .strip_prefix(b"gitdir: ")
        .map(|rest| rest.trim_ascii().to_path_lossy().into_owned());
    let folder = file.parent().unwrap_or(Path::new("/"));
    match named.map(|n| folder.join(n)).filter(|p| is_git_dir(p)) {
        Some(git_dir) => Ok(git_dir),
        None => Err(not_a_repository(folder)),
    }
}

fn not_a_repository(folder: &Path) -> TreesError {
    let above = folder.ancestors().skip(1).find(|p| p.join(".git").exists());
    let next = match above {
        Some(root) => format!("Name its top folder instead: {}", root.display()),
        None => "Name the folder that holds `.git`, or a bare repository.".to_owned(),
    };
    unsupported(
        "not-a-repository",
        format!("{} is not a git repository. {next}", folder.display()),
    )
}

fn canonical(path: &Path) -> Result<PathBuf, TreesError> {
    fs::canonicalize(path).map_err(|e| from_io(&format!("Looking at {}", path.display()), &e))
}
