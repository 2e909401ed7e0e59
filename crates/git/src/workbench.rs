//! Proposals tried on trees of any repository, without mirror, pin or registration: for figures, fuzzing and tests.
//!
//! It is the same strict application that [`Trees::apply`](countersign_ports::trees::Trees::apply) does behind its
//! pin. Nothing reaches a disk: new objects live in this value's memory and go with it.

use crate::apply;
use crate::error::{from_gix, from_io};
use crate::known::{Known, Memory};
use crate::objects::{self, entry_kind, to_gix, tree_of, tree_sha};
use countersign_core::diff::FileMode;
use countersign_core::id::{CommitSha, TreeSha};
use countersign_core::path::RepoPath;
use countersign_ports::trees::{Applied, ApplyRefusal, TreesError};
use gix::bstr::ByteSlice;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// Files by path, for trees made from nothing.
pub type Files = BTreeMap<RepoPath, (FileMode, Vec<u8>)>;

/// The objects of one repository, to read from.
pub struct Workbench {
    repo: gix::Repository,
    memory: Memory,
    /// An empty repository that borrows the objects: as in a mirror, no ref, index or setting of the source is seen.
    folder: Arc<TempDir>,
}

impl Workbench {
    /// Reads the objects of a git folder (`…/.git`, or a bare repository).
    ///
    /// # Errors
    /// When it is none, or damaged.
    pub fn open(git_dir: &Path) -> Result<Self, TreesError> {
        let doing = "Making a workbench";
        let io = |e| from_io(doing, &e);
        let folder = tempfile::tempdir().map_err(io)?;
        let inside = |name: &str| folder.path().join(name);
        fs::create_dir_all(inside("objects/info")).map_err(io)?;
        fs::create_dir(inside("refs")).map_err(io)?;
        fs::write(inside("HEAD"), "ref: refs/heads/none\n").map_err(io)?;
        let objects = fs::canonicalize(git_dir.join("objects")).map_err(io)?;
        fs::write(
            inside("objects/info/alternates"),
            format!("{}\n", objects.display()),
        )
        .map_err(io)?;
        let options = gix::open::Options::isolated()
            .with(gix::sec::Trust::Full)
            .open_path_as_is(true);
        let mut repo = gix::open_opts(folder.path(), options)
            .map_err(|e| from_gix(doing, &e))?
            .with_object_memory();
        repo.objects.ignore_replacements = true;
        objects::remember_some(&mut repo);
        let folder = Arc::new(folder);
        Ok(Self {
            repo,
            memory: Memory::default(),
            folder,
        })
    }

    /// The same repository with a memory of its own, which is empty.
    pub fn fresh(&self) -> Self {
        Self {
            repo: self.repo.clone().with_object_memory(),
            memory: Memory::default(),
            folder: Arc::clone(&self.folder),
        }
    }

    /// Forgets the objects that were made here, and keeps what was read: as if it were [`Self::fresh`], but quicker.
    pub fn forget(&self) {
        drop(self.repo.objects.reset_object_memory());
    }

    fn known(&self) -> Known<'_> {
        Known::new(&self.repo, &self.memory)
    }

    /// The tree of a commit.
    ///
    /// # Errors
    /// When the commit is missing or damaged.
    pub fn tree_of(&self, commit: &CommitSha) -> Result<TreeSha, TreesError> {
        tree_sha(&tree_of(&self.repo, to_gix(commit.as_str())?)?)
    }

    /// Makes a tree of exactly these files, in memory.
    ///
    /// # Errors
    /// When one's path lies below another file.
    pub fn tree(&self, files: &Files) -> Result<TreeSha, TreesError> {
        let doing = "Making a tree";
        let empty = self.repo.empty_tree();
        let mut editor = empty.edit().map_err(|e| from_gix(doing, &e))?;
        for (path, (mode, content)) in files {
            let id = self.repo.write_blob(content).map_err(|e| from_gix(doing, &e))?;
            let at = path.as_bytes().as_bstr().to_owned();
            editor
                .upsert(at, entry_kind(*mode), id)
                .map_err(|e| from_gix(doing, &e))?;
        }
        tree_sha(&editor.write().map_err(|e| from_gix(doing, &e))?.detach())
    }

    /// Reads a proposal leniently and applies it strictly to a tree.
    ///
    /// # Errors
    /// When the repository can't be read. A proposal that doesn't fit is no error but a refusal.
    pub fn apply(
        &self,
        base: &TreeSha,
        proposal: &[u8],
    ) -> Result<Result<Applied, ApplyRefusal>, TreesError> {
        apply::settle(apply::apply(&self.known(), to_gix(base.as_str())?, proposal))
    }

    /// The same without what follows: only the tree that comes out, and no canonical diff that proves it.
    ///
    /// # Errors
    /// As [`Workbench::apply`].
    pub fn tree_after(
        &self,
        base: &TreeSha,
        proposal: &[u8],
    ) -> Result<Result<TreeSha, ApplyRefusal>, TreesError> {
        apply::settle(apply::tree_after(&self.known(), to_gix(base.as_str())?, proposal))
    }
}

impl std::fmt::Debug for Workbench {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workbench")
            .field("git_dir", &self.repo.git_dir())
            .finish()
    }
}
