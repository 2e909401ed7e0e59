//! A throwaway folder: private, and gone afterwards unless somebody wants to keep it.

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process;

/// Most names that are tried.
const NAMES_MAX: u32 = 100;

/// A folder that is removed when this is dropped.
pub(crate) struct Scratch {
    path: PathBuf,
    keep: bool,
}

impl Scratch {
    /// Makes one with a telling name.
    pub(crate) fn new(name: &str) -> Result<Self, String> {
        let parent = std::env::temp_dir();
        for number in 0..NAMES_MAX {
            let path = parent.join(format!("{name}-{}-{number}", process::id()));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self { path, keep: false }),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(format!("a folder in {} can't be made: {e}", parent.display())),
            }
        }
        Err(format!("no free name for a folder in {}", parent.display()))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it where it is.
    pub(crate) fn keep(&mut self) {
        self.keep = true;
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.keep
            && let Err(e) = fs::remove_dir_all(&self.path)
        {
            eprintln!("xtask: {} could not be removed: {e}", self.path.display());
        }
    }
}
