//! Making a backup while others work on the data folder.

use super::manifest::{FileEntry, Manifest, Said};
use super::{BASELINE, Beside, DATABASE, copy, measure, sync_folder};
use crate::adapters::{FolderKeys, SystemClock};
use crate::error::{CliError, file_error};
use crate::session::Session;
use countersign_core::id::TenantId;
use countersign_ledger::origin_of;
use countersign_ports::store::Store as _;
use countersign_store::{EpochStanding, SqliteStore};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A backup that is there.
pub(crate) struct Made {
    /// Where.
    pub(crate) folder: PathBuf,
    /// What it says of itself.
    pub(crate) manifest: Manifest,
}

/// Makes a backup in a new folder.
///
/// # Errors
/// When the folder is there already, or something can't be read or written; nothing of that name is there then.
pub(crate) async fn make(session: &Session, to: &Path) -> Result<Made, CliError> {
    refuse_taken(to)?;
    refuse_inside(to, session.app.folder.root())?;
    // Also the question whether this data folder may write at all: what is not at work is no source.
    session.store.seal_head(session.ports.signer.as_ref()).await?;
    let beside = Beside::make(to)?;
    let database = beside.path.join(DATABASE);
    SqliteStore::copy(&session.app.folder.database(), &database).await?;
    let said = seal_copy(session, &database).await?;
    let mut files = vec![entry(DATABASE, measure(&database)?)];
    let baseline = session.app.folder.baseline();
    if baseline.exists() {
        files.push(entry(BASELINE, copy(&baseline, &beside.path.join(BASELINE))?));
    }
    let manifest = Manifest::new(said, files);
    manifest.write(&beside.path)?;
    sync_folder(&beside.path)?;
    name(&beside.path, to)?;
    Ok(Made {
        folder: to.to_path_buf(),
        manifest,
    })
}

fn entry(name: &str, (bytes, sha256): (u64, String)) -> FileEntry {
    FileEntry {
        name: name.to_owned(),
        bytes,
        sha256,
    }
}

/// Signs all that the copy holds, and marks it: nothing is ever written from it before its own epoch begins.
async fn seal_copy(session: &Session, database: &Path) -> Result<Said, CliError> {
    let tenant = TenantId::local();
    let keys = Arc::new(FolderKeys(session.keys().clone()));
    let store = SqliteStore::open(database, Arc::new(SystemClock), keys).await?;
    let signer = session.ports.signer.as_ref();
    let work = async {
        let head = store.tenant(&tenant).seal_head(signer).await?;
        let entries = store.check_whole(&tenant, &head.note).await?;
        let epoch = match store.standing(&tenant, "").await? {
            EpochStanding::Elsewhere(epoch) => epoch.map(|e| e.epoch),
            EpochStanding::AtWork(epoch) | EpochStanding::Reconciling(epoch) => Some(epoch.epoch),
            EpochStanding::New => None,
        };
        store.mark_copied().await?;
        let key = signer.verifiers(&tenant).first().map(ToString::to_string);
        Ok(Said {
            made_at: store.now().await?.to_rfc3339(),
            log: origin_of(tenant.as_str()),
            key: key.unwrap_or_default(),
            epoch,
            entries,
            checkpoint: head.note,
        })
    };
    let said = work.await;
    store.close().await;
    said
}

fn refuse_taken(to: &Path) -> Result<(), CliError> {
    if to.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(taken(to))
}

/// What lies in the data folder is lost with it, and whoever copies the folder copies its backups along.
fn refuse_inside(to: &Path, root: &Path) -> Result<(), CliError> {
    let at = |path: &Path| std::path::absolute(path).map_err(|e| file_error("can't look at", path, &e));
    let root = root
        .canonicalize()
        .map_err(|e| file_error("can't look at", root, &e))?;
    // It is not there yet, nor perhaps the folders above it.
    let there = at(to)?;
    let above = there.ancestors().find_map(|above| above.canonicalize().ok());
    if !above.is_some_and(|above| above.starts_with(&root)) {
        return Ok(());
    }
    let text = format!(
        "{} lies in the data folder, and would be lost with it",
        to.display()
    );
    Err(CliError::refused("backup-inside", text).next("Name a folder elsewhere, best on another disk."))
}

fn taken(to: &Path) -> CliError {
    let text = format!("{} is there already, and a backup replaces nothing", to.display());
    CliError::refused("backup-exists", text).next("Name a folder that is not there yet.")
}

/// Gives the whole folder its name, never in the place of something else.
fn name(from: &Path, to: &Path) -> Result<(), CliError> {
    use rustix::io::Errno;
    let named = match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Not every file system knows how; an empty folder could then be replaced, nothing else.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            refuse_taken(to)?;
            std::fs::rename(from, to)
        }
        Err(Errno::EXIST) => return Err(taken(to)),
        other => other.map_err(std::io::Error::from),
    };
    named.map_err(|e| file_error("can't name the backup", to, &e))?;
    match to.parent() {
        Some(above) if !above.as_os_str().is_empty() => sync_folder(above),
        Some(_) | None => sync_folder(Path::new(".")),
    }
}
