//! What a backup says of itself.

use super::{DATABASE, MANIFEST};
use crate::error::{CliError, file_error};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

const FORMAT: &str = "countersign-backup";
const VERSION: u32 = 1;
/// Largest manifest that is read, in bytes.
const MANIFEST_MAX_BYTES: u64 = 64 << 10;

/// The manifest, version 1.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    format: String,
    version: u32,
    /// When it was made: RFC 3339, UTC.
    pub(crate) made_at: String,
    /// The log's origin, as its checkpoints name it.
    pub(crate) log: String,
    /// The key that signed the checkpoint, as a C2SP verifier key.
    pub(crate) key: String,
    /// The epoch that the data folder was in, if it had any.
    pub(crate) epoch: Option<u64>,
    /// Entries of the ledger.
    pub(crate) entries: u64,
    /// A signed checkpoint of all of them.
    pub(crate) checkpoint: String,
    /// Everything else in the backup.
    pub(crate) files: Vec<FileEntry>,
}

/// One file of a backup.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FileEntry {
    /// Its name.
    pub(crate) name: String,
    /// Its length.
    pub(crate) bytes: u64,
    /// 64 hex digits.
    pub(crate) sha256: String,
}

/// What a manifest says of the ledger.
pub(super) struct Said {
    pub(super) made_at: String,
    pub(super) log: String,
    pub(super) key: String,
    pub(super) epoch: Option<u64>,
    pub(super) entries: u64,
    pub(super) checkpoint: String,
}

impl Manifest {
    pub(super) fn new(said: Said, files: Vec<FileEntry>) -> Self {
        let Said {
            made_at,
            log,
            key,
            epoch,
            entries,
            checkpoint,
        } = said;
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            made_at,
            log,
            key,
            epoch,
            entries,
            checkpoint,
            files,
        }
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), CliError> {
        let file = folder.join(MANIFEST);
        let mut text = serde_json::to_vec_pretty(self)
            .map_err(|e| CliError::internal("manifest-unwritable", e.to_string()))?;
        text.push(b'\n');
        let opened = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&file);
        let written = opened.and_then(|mut opened| {
            opened.write_all(&text)?;
            opened.sync_all()
        });
        written.map_err(|e| file_error("can't write", &file, &e))
    }

    /// Reads a backup's manifest; every name in it is one that a backup can have.
    pub(super) fn read(folder: &Path) -> Result<Self, CliError> {
        let file = folder.join(MANIFEST);
        let mut text = Vec::new();
        let opened = File::open(&file).map_err(|e| {
            if matches!(
                e.kind(),
                std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
            ) {
                let text = format!("{} is no backup: there is no {MANIFEST} in it", folder.display());
                return CliError::refused("backup-incomplete", text)
                    .next("Name a folder that `countersign backup` made.");
            }
            file_error("can't read", &file, &e)
        })?;
        opened
            .take(MANIFEST_MAX_BYTES + 1)
            .read_to_end(&mut text)
            .map_err(|e| file_error("can't read", &file, &e))?;
        let manifest: Self = serde_json::from_slice(&text).map_err(|e| {
            let text = format!("{} can't be read as a backup's manifest: {e}", file.display());
            CliError::refused("backup-damaged", text).next("Use another backup.")
        })?;
        manifest.check(&file)?;
        Ok(manifest)
    }

    fn check(&self, file: &Path) -> Result<(), CliError> {
        if self.format != FORMAT || self.version != VERSION {
            let text = format!(
                "{} is of the form {} {}; this program reads {FORMAT} {VERSION}",
                file.display(),
                self.format,
                self.version
            );
            return Err(CliError::refused("backup-other-form", text).next("Use the version that made it."));
        }
        let mut names: Vec<&str> = self.files.iter().map(|f| f.name.as_str()).collect();
        names.sort_unstable();
        if names == [DATABASE] || names == [DATABASE, super::BASELINE] {
            return Ok(());
        }
        let text = format!("{} names other files than a backup has", file.display());
        Err(CliError::refused("backup-damaged", text).next("Use another backup."))
    }
}
