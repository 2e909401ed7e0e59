//! Ed25519 seeds as files: one for the ledger, one per member, and the salt of secrets' hashes; 32 bytes in hex, mode
//! 0600, in a folder of mode 0700.
//!
//! A seed is made on first use and never leaves its file except into a signature. Files that others can read are
//! refused.

use crate::error::{CliError, file_error};
use crate::folder::make_private;
use countersign_core::id::MemberId;
use countersign_inspect::Salt;
use countersign_ledger::{LedgerKey, content_hash};
use ed25519_dalek::SigningKey;
use rand_core::{OsRng, RngCore as _};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The folder of all keys.
#[derive(Debug, Clone)]
pub(crate) struct Keys {
    root: PathBuf,
}

impl Keys {
    /// Keys in this folder.
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
        }
    }

    /// The key that signs the ledger, made if there is none.
    ///
    /// # Errors
    /// When it can't be read or made, or others can read it.
    pub(crate) fn ledger(&self) -> Result<LedgerKey, CliError> {
        make_private(&self.root)?;
        named(&self.seed_or_new(&self.root.join("ledger.seed"))?)
    }

    /// What secrets are hashed with, made if there is none.
    ///
    /// # Errors
    /// As for [`Keys::ledger`].
    pub(crate) fn salt(&self) -> Result<Salt, CliError> {
        make_private(&self.root)?;
        Ok(Salt::new(self.seed_or_new(&self.root.join("secrets.salt"))?))
    }

    /// The key that signs the ledger, if there is one.
    ///
    /// # Errors
    /// When it is there and can't be used.
    pub(crate) fn existing_ledger(&self) -> Result<Option<LedgerKey>, CliError> {
        self.existing(&self.root.join("ledger.seed"))?
            .map(|seed| named(&seed))
            .transpose()
    }

    /// A member's key, made if there is none.
    ///
    /// # Errors
    /// As for [`Keys::ledger`].
    pub(crate) fn member(&self, member: &MemberId) -> Result<SigningKey, CliError> {
        make_private(&self.root)?;
        make_private(&self.root.join("members"))?;
        Ok(SigningKey::from_bytes(
            &self.seed_or_new(&self.member_file(member))?,
        ))
    }

    /// A member's key, if there is one.
    ///
    /// # Errors
    /// When it is there and can't be used.
    pub(crate) fn existing_member(&self, member: &MemberId) -> Result<Option<SigningKey>, CliError> {
        Ok(self
            .existing(&self.member_file(member))?
            .map(|seed| SigningKey::from_bytes(&seed)))
    }

    fn member_file(&self, member: &MemberId) -> PathBuf {
        // Ids may hold `/`, `.` and `:`; as a file's name they may not.
        let plain = |c: char| {
            if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') {
                c
            } else {
                '+'
            }
        };
        let name: String = member.as_str().chars().map(plain).collect();
        self.root.join("members").join(format!("{name}.seed"))
    }

    fn existing(&self, file: &Path) -> Result<Option<[u8; 32]>, CliError> {
        match fs::symlink_metadata(file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file_error("can't read the key", file, &error)),
            Ok(_) => self.read(file).map(Some),
        }
    }

    fn seed_or_new(&self, file: &Path) -> Result<[u8; 32], CliError> {
        if let Some(seed) = self.existing(file)? {
            return Ok(seed);
        }
        let seed = random_bytes()?;
        match write_new(file, &seed) {
            // Another process was first; its key counts.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.read(file),
            Err(error) => Err(file_error("can't write the key", file, &error)),
            Ok(()) => Ok(seed),
        }
    }

    fn read(&self, file: &Path) -> Result<[u8; 32], CliError> {
        for place in [Some(self.root.as_path()), file.parent(), Some(file)]
            .into_iter()
            .flatten()
        {
            check_private(place)?;
        }
        let text = fs::read_to_string(file).map_err(|e| file_error("can't read the key", file, &e))?;
        let mut seed = [0; 32];
        hex::decode_to_slice(text.trim_end(), &mut seed).map_err(|_| {
            let text = format!("{} does not hold 64 hex digits", file.display());
            CliError::internal("key-damaged", text)
                .next("Put the key back from your backup of the keys folder.")
        })?;
        Ok(seed)
    }
}

/// A key's name says which key it is, so that the keys of two machines differ in name as well.
/// A salt for hashes that nobody keeps.
///
/// # Errors
/// When the system gives no randomness.
pub(crate) fn passing_salt() -> Result<Salt, CliError> {
    random_bytes().map(Salt::new)
}

fn random_bytes() -> Result<[u8; 32], CliError> {
    let mut bytes = [0; 32];
    OsRng
        .try_fill_bytes(&mut bytes)
        .map_err(|e| CliError::internal("no-randomness", format!("the system gives no randomness: {e}")))?;
    Ok(bytes)
}

fn named(seed: &[u8; 32]) -> Result<LedgerKey, CliError> {
    let public = SigningKey::from_bytes(seed).verifying_key();
    let hash = hex::encode(&content_hash(public.as_bytes()).as_bytes()[..4]);
    LedgerKey::from_seed(&format!("countersign.local/{hash}"), seed)
        .map_err(|e| CliError::internal(e.code(), e.to_string()))
}

fn check_private(place: &Path) -> Result<(), CliError> {
    let found = fs::metadata(place).map_err(|e| file_error("can't look at", place, &e))?;
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let (at, wanted) = (place.display(), if found.is_dir() { "700" } else { "600" });
    let text = format!("others can use the signing keys: {at} has mode {mode:03o}, not {wanted}");
    Err(CliError::refused("key-permissions", text)
        .next(format!("If nobody has read it, run: chmod {wanted} {at}")))
}

/// Whole or not at all, and never over another key: written beside, synced, then linked under its name.
fn write_new(file: &Path, seed: &[u8; 32]) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut unique = [0; 8];
    OsRng
        .try_fill_bytes(&mut unique)
        .map_err(|e| io::Error::other(e.to_string()))?;
    let fresh = folder.join(format!(".new-{}", hex::encode(unique)));
    let write = || {
        let mut opened = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        opened.write_all(format!("{}\n", hex::encode(seed)).as_bytes())?;
        opened.sync_all()?;
        fs::hard_link(&fresh, file)?;
        File::open(folder)?.sync_all()
    };
    let written = write();
    let removed = fs::remove_file(&fresh);
    written.and(removed)
}
