//! The data folder: one person's database, mirrors and keys, readable by nobody else.

use crate::config::FILE_NAME;
use crate::error::{CliError, file_error};
use etcetera::BaseStrategy as _;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// What a data folder holds; a folder with anything else in it is not taken for one.
const KNOWN: [&str; 11] = [
    "owner.lock",
    "countersign.db",
    "countersign.db-wal",
    "countersign.db-shm",
    "countersign.db-journal",
    "mirrors",
    "scratch",
    "policy.toml",
    FILE_NAME,
    "keys",
    "panic.log",
];

/// What the hash of a place begins with.
const PLACE_DOMAIN: &[u8] = b"countersign/place/v1\0";

/// Where everything lies.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    root: PathBuf,
    keys: PathBuf,
}

impl Folder {
    /// The folder that was named, or the one in the XDG data home.
    ///
    /// # Errors
    /// When none is named and there is no home.
    pub(crate) fn named(data: Option<&Path>, keys: Option<&Path>) -> Result<Self, CliError> {
        let root = match data {
            Some(path) => path.to_path_buf(),
            None => etcetera::base_strategy::Xdg::new()
                .map_err(|_| {
                    let text = "there is no home folder to keep data in";
                    CliError::refused("no-home", text).next("Name a folder with --data DIR.")
                })?
                .data_dir()
                .join("countersign"),
        };
        let root = std::path::absolute(&root).map_err(|e| file_error("can't look at", &root, &e))?;
        let keys = keys.map_or_else(|| root.join("keys"), Path::to_path_buf);
        Ok(Self { root, keys })
    }

    /// Makes it, if it is not there, and checks that it is this user's alone.
    ///
    /// # Errors
    /// When it can't be made, is somebody else's, or others can look into it.
    pub(crate) fn create(&self) -> Result<(), CliError> {
        self.create_root()?;
        for part in [self.mirrors(), self.scratch()] {
            make_private(&part)?;
        }
        Ok(())
    }

    /// The same without what can be made at any time.
    ///
    /// # Errors
    /// As for [`Folder::create`].
    pub(crate) fn create_root(&self) -> Result<(), CliError> {
        make_private(&self.root)?;
        let doing = "can't use the data folder";
        let found = fs::metadata(&self.root).map_err(|e| file_error(doing, &self.root, &e))?;
        let at = self.root.display();
        if !found.is_dir() {
            let text = format!("{at} is a file, not a folder");
            return Err(
                CliError::refused("data-folder-is-a-file", text).next("Name a folder with --data DIR.")
            );
        }
        if found.uid() != rustix::process::geteuid().as_raw() {
            let text = format!(
                "the data folder {at} belongs to another user (uid {})",
                found.uid()
            );
            let next = "Run countersign as that user, or name your own folder with --data DIR.";
            return Err(CliError::refused("data-folder-foreign", text).next(next));
        }
        if found.permissions().mode() & 0o077 != 0 {
            self.tighten()?;
        }
        Ok(())
    }

    /// A folder of ours that others can look into is closed; any other folder is left alone.
    fn tighten(&self) -> Result<(), CliError> {
        let at = self.root.display();
        let entries = fs::read_dir(&self.root).map_err(|e| file_error("can't read", &self.root, &e))?;
        for entry in entries {
            let entry = entry.map_err(|e| file_error("can't read", &self.root, &e))?;
            let name = entry.file_name();
            let ours = name
                .to_str()
                .is_some_and(|n| KNOWN.contains(&n) || n.starts_with("countersign."));
            if !ours {
                let text = format!("others can look into {at}, and it holds more than Countersign's data");
                let next = format!("Name an empty folder with --data DIR, or run: chmod 700 {at}");
                return Err(CliError::refused("data-folder-open", text).next(next));
            }
        }
        fs::set_permissions(&self.root, fs::Permissions::from_mode(0o700))
            .map_err(|e| file_error("can't close to others", &self.root, &e))
    }

    /// The folder itself.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where the database really lies: SHA-256 over machine, folder and file, 64 hex digits. A copy lies elsewhere.
    ///
    /// # Errors
    /// When the folder can't be looked at.
    pub(crate) fn place(&self) -> Result<String, CliError> {
        let looking = "can't look at";
        let root = fs::canonicalize(&self.root).map_err(|e| file_error(looking, &self.root, &e))?;
        let database = self.database();
        let file = fs::metadata(&database).map_err(|e| file_error(looking, &database, &e))?;
        // machine-id(5): unique to an installation, and not to be shown as it is.
        let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
        let mut hasher = Sha256::new();
        hasher.update(PLACE_DOMAIN);
        for part in [
            machine.trim().as_bytes(),
            root.as_os_str().as_bytes(),
            &file.ino().to_be_bytes(),
        ] {
            hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hasher.update(part);
        }
        Ok(hex::encode(hasher.finalize()))
    }

    /// The database.
    pub(crate) fn database(&self) -> PathBuf {
        self.root.join("countersign.db")
    }

    /// Bare mirrors of registered repositories.
    pub(crate) fn mirrors(&self) -> PathBuf {
        self.root.join("mirrors")
    }

    /// Where agents get private copies.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.root.join("scratch")
    }

    /// The organisation's baseline, if there is one.
    pub(crate) fn baseline(&self) -> PathBuf {
        self.root.join("policy.toml")
    }

    /// Keys, in a folder of their own so that they can lie elsewhere.
    pub(crate) fn keys(&self) -> &Path {
        &self.keys
    }
}

/// Makes a folder with mode 0700, and every folder above it as usual.
pub(crate) fn make_private(path: &Path) -> Result<(), CliError> {
    if path.exists() {
        return Ok(());
    }
    let doing = "can't make the folder";
    if let Some(above) = path.parent() {
        fs::create_dir_all(above).map_err(|e| file_error(doing, above, &e))?;
    }
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(file_error(doing, path, &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}
