//! How many tracked files have uncommitted work: index against HEAD, and files against the index.
//!
//! Only for a friendly sentence, never for a decision. No content filter, fsmonitor or attribute is
//! consulted, so a file that a filter changes on checkout may be counted although `git status` would not.

use crate::error::from_gix;
use crate::objects::{OBJECT_MAX_BYTES, entry_kind, tree_of};
use crate::snapshot::walk;
use countersign_ports::trees::TreesError;
use gix::bstr::{BString, ByteSlice};
use gix::index::entry::{Flags, Mode};
use gix::objs::Kind;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Counts staged and modified tracked files.
pub(crate) fn count(repo: &gix::Repository, root: &Path) -> Result<u32, TreesError> {
    let Some(index) = repo.try_index().map_err(|e| from_gix("Reading the index", &e))? else {
        return Ok(0);
    };
    if index.is_sparse() {
        return Ok(0);
    }
    let mut touched: BTreeSet<BString> = staged(repo, &index)?;
    let written = index.timestamp();
    let follows_mode = repo.config_snapshot().boolean("core.fileMode").unwrap_or(true);
    for entry in index.entries() {
        let skipped = entry.flags.intersects(Flags::SKIP_WORKTREE | Flags::ASSUME_VALID);
        if skipped || entry.mode == Mode::COMMIT {
            continue;
        }
        let path = entry.path(&index);
        let racy = i64::from(entry.stat.mtime.secs) >= written.unix_seconds();
        if is_modified(entry, &root.join(path.to_path_lossy()), racy, follows_mode) {
            touched.insert(path.to_owned());
        }
    }
    Ok(u32::try_from(touched.len()).unwrap_or(u32::MAX))
}

/// Paths whose entry differs between index and HEAD.
fn staged(repo: &gix::Repository, index: &gix::index::State) -> Result<BTreeSet<BString>, TreesError> {
    let head = repo.head().map_err(|e| from_gix("Reading HEAD", &e))?;
    let mut theirs = BTreeSet::new();
    if let Some(commit) = head.id() {
        let tree = tree_of(repo, commit.detach())?;
        walk(repo, tree, |path, mode, id| {
            theirs.insert((BString::from(path), entry_kind(mode), id));
            Ok(())
        })?;
    }
    let mut ours = BTreeSet::new();
    for entry in index.entries() {
        if let Some(mode) = entry.mode.to_tree_entry_mode() {
            ours.insert((entry.path(index).to_owned(), mode.kind(), entry.id));
        }
    }
    Ok(ours
        .symmetric_difference(&theirs)
        .map(|(path, _, _)| path.clone())
        .collect())
}

fn is_modified(entry: &gix::index::Entry, file: &Path, racy: bool, follows_mode: bool) -> bool {
    let Ok(found) = fs::symlink_metadata(file) else {
        return true;
    };
    let is_link = found.file_type().is_symlink();
    if is_link != (entry.mode == Mode::SYMLINK) || !(is_link || found.is_file()) {
        return true;
    }
    let executable = found.mode() & 0o100 != 0;
    if !is_link && follows_mode && executable != (entry.mode == Mode::FILE_EXECUTABLE) {
        return true;
    }
    // Git smudges the size of racy entries to 0: then only the content tells.
    let known_size = entry.stat.size != 0;
    if known_size && u64::from(entry.stat.size) != found.len() & u64::from(u32::MAX) {
        return true;
    }
    let same_time = i64::from(entry.stat.mtime.secs) == found.mtime()
        && (entry.stat.mtime.nsecs == 0 || i64::from(entry.stat.mtime.nsecs) == found.mtime_nsec());
    if same_time && !racy && known_size {
        return false;
    }
    content_differs(entry, file, is_link, found.len())
}

fn content_differs(entry: &gix::index::Entry, file: &Path, is_link: bool, size: u64) -> bool {
    if size > OBJECT_MAX_BYTES {
        return true;
    }
    let content = if is_link {
        fs::read_link(file).map(|target| target.as_os_str().as_bytes().to_vec())
    } else {
        // No more than it said: it may grow, or never end.
        let mut bytes = Vec::new();
        let read = File::open(file).and_then(|f| f.take(size).read_to_end(&mut bytes));
        read.map(|_| bytes)
    };
    let hash = content
        .ok()
        .and_then(|c| gix::objs::compute_hash(gix::hash::Kind::Sha1, Kind::Blob, &c).ok());
    hash != Some(entry.id)
}
