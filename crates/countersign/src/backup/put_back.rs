//! A data folder made of a backup. Everything is checked on a copy of our own before anything gets its place.

use super::manifest::Manifest;
use super::{BASELINE, Beside, DATABASE, copy, measure, sync_folder};
use crate::adapters::{FolderKeys, SystemClock};
use crate::config::FILE_NAME;
use crate::error::{CliError, file_error};
use crate::folder::Folder;
use crate::keys::Keys;
use countersign_core::id::TenantId;
use countersign_ledger::{VerifierKey, inspect, parse_and_verify};
use countersign_store::SqliteStore;
use std::fs;
use std::path::Path;
use std::sync::Arc;

/// A data folder that was put back.
pub(crate) struct PutBack {
    /// What the backup says of itself.
    pub(crate) manifest: Manifest,
    /// Whether a key of the keys folder signed its checkpoint; without a keys folder nobody can say.
    pub(crate) signed: bool,
    /// Entries that were signed once and are not in it.
    pub(crate) lost: u64,
}

/// Checks a backup and makes a data folder of it.
///
/// # Errors
/// When the data folder is not empty, or anything in the backup is not what it should be; nothing is put in place then.
pub(crate) async fn put_back(from: &Path, folder: &Folder) -> Result<PutBack, CliError> {
    let manifest = Manifest::read(from)?;
    refuse_used(folder, &manifest)?;
    let keys = Keys::new(folder.keys());
    let signed = check_signature(&manifest, &keys)?;
    let beside = Beside::make(folder.root())?;
    for file in &manifest.files {
        let found = copy(&from.join(&file.name), &beside.path.join(&file.name))?;
        if found != (file.bytes, file.sha256.clone()) {
            let text = format!(
                "{} is not what the backup's manifest says",
                from.join(&file.name).display()
            );
            return Err(CliError::refused("backup-damaged", text)
                .next("Nothing was put in place. Use another backup."));
        }
    }
    check_ledger(&beside.path.join(DATABASE), &manifest, &keys).await?;
    place(&beside, folder)?;
    let seen = keys.seen()?.and_then(|note| inspect(&note).ok());
    let lost = seen.map_or(0, |seen| seen.size().saturating_sub(manifest.entries));
    Ok(PutBack {
        manifest,
        signed,
        lost,
    })
}

/// Only keys and settings may be there before, and what an earlier try of the same left.
fn refuse_used(folder: &Folder, manifest: &Manifest) -> Result<(), CliError> {
    let root = folder.root();
    let entries = match fs::read_dir(root) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        read => read.map_err(|e| file_error("can't read", root, &e))?,
    };
    for entry in entries {
        let entry = entry.map_err(|e| file_error("can't read", root, &e))?;
        let same = |name: &str| {
            let said = manifest.files.iter().find(|f| f.name == name);
            said.is_some_and(|f| measure(&entry.path()).is_ok_and(|m| m == (f.bytes, f.sha256.clone())))
        };
        let known = entry.path() == folder.keys()
            || entry.file_name() == FILE_NAME
            || (entry.file_name() == BASELINE && same(BASELINE));
        if !known {
            let text = format!("the data folder {} is not empty", root.display());
            return Err(CliError::refused("data-folder-used", text)
                .next("Move it away, or name another one with --data DIR."));
        }
    }
    Ok(())
}

/// By a key of the keys folder, where there is one.
fn check_signature(manifest: &Manifest, keys: &Keys) -> Result<bool, CliError> {
    let Some(key) = keys.existing_ledger()? else {
        return Ok(false);
    };
    match parse_and_verify(&manifest.checkpoint, &[key.verifier()]) {
        Ok(_) => Ok(true),
        Err(error) => {
            let name =
                VerifierKey::parse(&manifest.key).map_or_else(|_| "?".to_owned(), |k| k.name().to_string());
            let text = format!(
                "the backup's checkpoint is not signed by the ledger key {} of the keys folder, but says {name}: {error}",
                key.verifier().name()
            );
            Err(CliError::refused("backup-other-key", text)
                .next("Put the keys folder back that belongs to this backup, or name it with --keys."))
        }
    }
}

/// The whole ledger, from its leaves up.
async fn check_ledger(database: &Path, manifest: &Manifest, keys: &Keys) -> Result<(), CliError> {
    let keys = Arc::new(FolderKeys(keys.clone()));
    let store = SqliteStore::open(database, Arc::new(SystemClock), keys).await?;
    let checked = async {
        store.mark_copied().await?;
        store.check_whole(&TenantId::local(), &manifest.checkpoint).await
    };
    let checked = checked.await;
    store.close().await;
    let entries = checked?;
    if entries == manifest.entries {
        return Ok(());
    }
    let text = format!(
        "the backup has {entries} entries, and its manifest says {}",
        manifest.entries
    );
    Err(CliError::refused("backup-damaged", text).next("Nothing was put in place. Use another backup."))
}

/// The database comes last: a folder without it is no data folder yet.
fn place(beside: &Beside, folder: &Folder) -> Result<(), CliError> {
    let root = folder.root();
    folder.create_root()?;
    let put = |name: &str| -> Result<(), CliError> {
        let (from, to) = (beside.path.join(name), root.join(name));
        if from.exists() {
            fs::rename(&from, &to).map_err(|e| file_error("can't put in place", &to, &e))?;
        }
        Ok(())
    };
    put(BASELINE)?;
    put(DATABASE)?;
    sync_folder(root)
}
