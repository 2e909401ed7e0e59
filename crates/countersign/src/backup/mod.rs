//! The form of a backup: a folder with the database, the organisation's policy if there is one, and a manifest that
//! says what they are. Keys are never in it.
//!
//! [`make`] writes one, [`put_back`] checks one and makes a data folder of it. Both work in a folder beside the one they
//! are to make, which gets its name when it is whole. What a data folder that was put back may do is not said here.

mod make;
mod manifest;
mod put_back;

pub(crate) use make::make;
pub(crate) use manifest::Manifest;
pub(crate) use put_back::{PutBack, put_back};

use crate::error::{CliError, file_error};
use rand_core::{OsRng, RngCore as _};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The database's file, in a backup as in a data folder.
const DATABASE: &str = "countersign.db";
/// The organisation's policy, in a backup as in a data folder.
const BASELINE: &str = "policy.toml";
/// What says what the others are; written last.
const MANIFEST: &str = "manifest.json";
/// How much is copied at a time, in bytes.
const CHUNK_BYTES: usize = 1 << 20;

/// A private folder beside the one that is to be made; it goes away unless it was given its name.
struct Beside {
    path: PathBuf,
}

impl Beside {
    fn make(wanted: &Path) -> Result<Self, CliError> {
        let above = match wanted.parent() {
            Some(above) if !above.as_os_str().is_empty() => above,
            Some(_) | None => Path::new("."),
        };
        fs::create_dir_all(above).map_err(|e| file_error("can't make the folder", above, &e))?;
        let mut unique = [0; 8];
        OsRng.try_fill_bytes(&mut unique).map_err(|e| {
            CliError::internal("no-randomness", format!("the system gives no randomness: {e}"))
        })?;
        let name = wanted.file_name().unwrap_or_default().to_string_lossy();
        let path = above.join(format!(".{name}.unfinished-{}", hex::encode(unique)));
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|e| file_error("can't make the folder", &path, &e))?;
        Ok(Self { path })
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // After it was given its name there is nothing of this name any more.
        let _gone = fs::remove_dir_all(&self.path);
    }
}

/// Copies a file into a new private one, and gives its length and SHA-256. It is on disk afterwards.
fn copy(from: &Path, to: &Path) -> Result<(u64, String), CliError> {
    let mut source = File::open(from).map_err(|e| file_error("can't read", from, &e))?;
    let mut target = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(to)
        .map_err(|e| file_error("can't write", to, &e))?;
    let (mut hasher, mut bytes, mut chunk) = (Sha256::new(), 0_u64, vec![0; CHUNK_BYTES]);
    loop {
        let read = source
            .read(&mut chunk)
            .map_err(|e| file_error("can't read", from, &e))?;
        let Some(part) = chunk.get(..read).filter(|part| !part.is_empty()) else {
            break;
        };
        hasher.update(part);
        target
            .write_all(part)
            .map_err(|e| file_error("can't write", to, &e))?;
        bytes += part.len() as u64;
    }
    target.sync_all().map_err(|e| file_error("can't write", to, &e))?;
    Ok((bytes, hex::encode(hasher.finalize())))
}

/// Length and SHA-256 of a file.
fn measure(file: &Path) -> Result<(u64, String), CliError> {
    let unreadable = |e: std::io::Error| file_error("can't read", file, &e);
    let mut hasher = Sha256::new();
    let mut opened = File::open(file).map_err(unreadable)?;
    let bytes = std::io::copy(&mut opened, &mut hasher).map_err(unreadable)?;
    Ok((bytes, hex::encode(hasher.finalize())))
}

fn sync_folder(folder: &Path) -> Result<(), CliError> {
    let synced = File::open(folder).and_then(|opened| opened.sync_all());
    synced.map_err(|e| file_error("can't write", folder, &e))
}
