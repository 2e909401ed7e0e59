//! The owner lock of a data folder: only its holder decides and performs; any other process may read and
//! insert.

use crate::error;
use countersign_ports::store::StoreError;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

const FILE_NAME: &str = "owner.lock";
const FILE_MODE: u32 = 0o600;

/// Held until it is dropped, or its process ends in whatever way.
#[derive(Debug)]
pub struct OwnerLock {
    _file: File,
}

impl OwnerLock {
    /// Takes the lock of a data folder; `None` when another process or another holder in this one has it.
    ///
    /// # Errors
    /// When the lock file can't be made or written.
    pub fn try_acquire(folder: &Path) -> Result<Option<Self>, StoreError> {
        let path = path_in(folder);
        let failed = |error| error::files(&format!("the owner lock {}", path.display()), error);
        let options = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(FILE_MODE)
            .clone();
        let mut file = options.open(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(error) => return Err(failed(error.into())),
        }
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(failed)?;
        Ok(Some(Self { _file: file }))
    }

    /// The process that wrote the lock file last, for people. It says nothing about whether the lock is held.
    pub fn last_holder(folder: &Path) -> Option<u32> {
        std::fs::read_to_string(path_in(folder)).ok()?.trim().parse().ok()
    }
}

fn path_in(folder: &Path) -> PathBuf {
    folder.join(FILE_NAME)
}
