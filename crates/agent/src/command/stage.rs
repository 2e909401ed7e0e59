//! The private folder of one call: read-only copies of the repositories, an empty home, a place for temporary
//! files.
//!
//! Only regular files are written. A path that could lead out of the folder, or that git itself would treat
//! as its own (`.git`), is skipped and listed; so are symlinks and submodules. The folder is removed when the
//! stage is dropped, however the call ended.

use crate::answer::{snapshot_failed, unavailable, unsupported};
use crate::offload::Stop;
use countersign_core::diff::FileMode;
use countersign_core::path::RepoPath;
use countersign_ports::agent::{AgentError, AgentRepo};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Most files that are laid out for one call.
const FILES_MAX: usize = 200_000;
/// Most bytes that are laid out for one call.
const BYTES_MAX: u64 = 2 << 30;
/// How often the removal of the folder is tried.
const REMOVE_TRIES: usize = 3;
/// Folders of our own.
const PRIVATE_MODE: u32 = 0o700;
/// The folder that holds the copies.
const REPOS_MODE: u32 = 0o755;
/// The folder of the fence.
const OUTSIDE: &str = ".fence";

/// How the files of a copy are marked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marks {
    /// As read-only: nothing else keeps the program from changing them.
    ReadOnly,
    /// As usual: the fence keeps it, and what the program copies from here is its own to change.
    Ordinary,
}

impl Marks {
    fn of_folders(self) -> u32 {
        match self {
            Marks::ReadOnly => 0o555,
            Marks::Ordinary => 0o755,
        }
    }

    fn of_files(self) -> u32 {
        match self {
            Marks::ReadOnly => 0o444,
            Marks::Ordinary => 0o644,
        }
    }
}

/// A repository's files on disk.
pub(super) struct RepoCopy {
    /// The folder's name in `repos/`.
    pub(super) folder: String,
    /// Entries that were not written, as text, sorted.
    pub(super) skipped: Vec<String>,
}

/// The folder of one call.
pub(super) struct Stage {
    copies: Vec<RepoCopy>,
    folder: TempDir,
}

impl Stage {
    /// Writes everything. Blocks.
    ///
    /// # Errors
    /// `Unavailable` when a file can't be read or written, `Unsupported` when the repositories are too large.
    pub(super) fn lay_out(
        scratch: &Path,
        repositories: &[AgentRepo],
        marks: Marks,
        stop: &Stop,
    ) -> Result<Self, AgentError> {
        let folder = tempfile::Builder::new()
            .prefix("agent-")
            .permissions(Permissions::from_mode(PRIVATE_MODE))
            .tempdir_in(scratch)
            .map_err(|e| cannot_write(scratch, &e))?;
        // From here on a failure removes what was written.
        let mut stage = Self {
            copies: vec![],
            folder,
        };
        for name in ["repos", "home", "tmp", OUTSIDE] {
            make_folder(&stage.root().join(name))?;
        }
        // Seen through a fence it may belong to another user; the folder around it is closed to them.
        let repos = stage.repos();
        let opened = fs::set_permissions(&repos, Permissions::from_mode(REPOS_MODE));
        opened.map_err(|e| cannot_write(&repos, &e))?;
        let mut room = Room::default();
        for repo in repositories {
            let folder = folder_name(repo);
            let path = repos.join(&folder);
            make_folder(&path)?;
            let skipped = lay_out_one(repo, &path, (&mut room, marks), stop)?;
            stage.copies.push(RepoCopy { folder, skipped });
        }
        Ok(stage)
    }

    /// The private folder.
    pub(super) fn root(&self) -> &Path {
        self.folder.path()
    }

    /// The folder with the copies.
    pub(super) fn repos(&self) -> PathBuf {
        self.root().join("repos")
    }

    /// What the fence itself needs: stand-ins of system files, the proxy's socket.
    pub(super) fn outside(&self) -> PathBuf {
        self.root().join(OUTSIDE)
    }

    /// Writes one of those files, for everybody to read.
    pub(super) fn write_outside(&self, name: &str, text: &str) -> Result<PathBuf, AgentError> {
        let path = self.outside().join(name);
        // The same text again, for the next run of the same call.
        let _ = fs::remove_file(&path);
        write_file(&path, text.as_bytes(), Marks::Ordinary.of_files())
            .map_err(|e| cannot_write(&path, &e))?;
        Ok(path)
    }

    /// An empty folder of its own.
    pub(super) fn home(&self) -> PathBuf {
        self.root().join("home")
    }

    /// A place for temporary files.
    pub(super) fn tmp(&self) -> PathBuf {
        self.root().join("tmp")
    }

    /// One per repository, in the call's order.
    pub(super) fn copies(&self) -> &[RepoCopy] {
        &self.copies
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A process that was just killed may still finish a write, so a failure is worth another try.
        let mut outcome = Ok(());
        for _ in 0..REMOVE_TRIES {
            outcome = make_removable(self.root()).and_then(|()| fs::remove_dir_all(self.root()));
            if outcome.is_ok() {
                return;
            }
        }
        if let Err(error) = outcome {
            tracing::warn!(folder = %self.root().display(), %error, "a private folder stays behind");
        }
    }
}

/// What may still be written.
#[derive(Default)]
struct Room {
    files: usize,
    bytes: u64,
}

impl Room {
    fn take(&mut self, bytes: usize) -> Result<(), AgentError> {
        self.files += 1;
        self.bytes += bytes as u64;
        if self.files > FILES_MAX || self.bytes > BYTES_MAX {
            let message = format!(
                "the repositories have more than {FILES_MAX} files or {BYTES_MAX} bytes; no more is laid out"
            );
            return Err(unsupported("command-snapshot-too-large", message));
        }
        Ok(())
    }
}

fn lay_out_one(
    repo: &AgentRepo,
    root: &Path,
    (room, marks): (&mut Room, Marks),
    stop: &Stop,
) -> Result<Vec<String>, AgentError> {
    let mut skipped = Vec::new();
    let mut folders: BTreeSet<&[u8]> = BTreeSet::new();
    for entry in repo.snapshot.entries() {
        stop.check()?;
        let is_file = matches!(entry.mode, FileMode::Regular | FileMode::Executable);
        if !is_file || !is_harmless(&entry.path) {
            skipped.push(entry.path.to_text());
            continue;
        }
        let Some(content) = repo
            .snapshot
            .read(&entry.path)
            .map_err(|e| snapshot_failed(repo, &e))?
        else {
            skipped.push(entry.path.to_text());
            continue;
        };
        room.take(content.len())?;
        for parent in entry.path.parents() {
            if folders.insert(parent) {
                make_folder(&root.join(OsStr::from_bytes(parent)))?;
            }
        }
        let path = root.join(OsStr::from_bytes(entry.path.as_bytes()));
        write_file(&path, &content, marks.of_files()).map_err(|e| cannot_write(&path, &e))?;
    }
    for folder in folders
        .iter()
        .map(|folder| root.join(OsStr::from_bytes(folder)))
        .chain([root.to_owned()])
    {
        let closed = fs::set_permissions(&folder, Permissions::from_mode(marks.of_folders()));
        closed.map_err(|e| cannot_write(&folder, &e))?;
    }
    Ok(skipped)
}

/// No part may lead elsewhere or be git's own.
fn is_harmless(path: &RepoPath) -> bool {
    let bad = |part: &[u8]| {
        part.is_empty()
            || part == b"."
            || part == b".."
            || part.contains(&0)
            || part.eq_ignore_ascii_case(b".git")
    };
    !path.parts().any(bad)
}

/// The short name where it is a plain file name, else the id. Names like ids are left to the ids.
fn folder_name(repo: &AgentRepo) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.');
    let name = repo.name.as_str();
    let usable =
        !name.is_empty() && name.bytes().all(plain) && !name.starts_with('.') && !name.starts_with("local-");
    if usable && name.len() <= 100 {
        name.to_owned()
    } else {
        repo.id.to_string()
    }
}

fn make_folder(path: &Path) -> Result<(), AgentError> {
    DirBuilder::new()
        .mode(PRIVATE_MODE)
        .create(path)
        .map_err(|e| cannot_write(path, &e))
}

fn write_file(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)?;
    file.write_all(content)?;
    file.set_permissions(Permissions::from_mode(mode))
}

fn cannot_write(path: &Path, error: &io::Error) -> AgentError {
    let message = format!(
        "the agent's private copy could not be written at {}: {error}; make room or allow it, then retry",
        path.display()
    );
    unavailable("command-scratch", message)
}

/// Makes every folder writable again, without following symlinks that the program may have made.
fn make_removable(path: &Path) -> io::Result<()> {
    let mut open = vec![path.to_owned()];
    while let Some(folder) = open.pop() {
        fs::set_permissions(&folder, Permissions::from_mode(PRIVATE_MODE))?;
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                open.push(entry.path());
            }
        }
    }
    Ok(())
}
