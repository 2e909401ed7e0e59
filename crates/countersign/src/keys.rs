//! Ed25519 seeds as files: one for the ledger, one per member, and the salt of secrets' hashes; 32 bytes in hex, mode
//! 0600, in a folder of mode 0700. Beside them what must not lie in the database: the ledger's former public keys, and
//! the newest checkpoint that was seen.
//!
//! A seed is made on first use and never leaves its file except into a signature. Files that others can read are
//! refused.

use crate::error::{CliError, file_error};
use crate::folder::make_private;
use countersign_core::act::MemberKey;
use countersign_core::id::MemberId;
use countersign_inspect::Salt;
use countersign_ledger::{LedgerKey, Retired, Rotation, StatementKey, VerifierKey, content_hash, inspect};
use ed25519_dalek::SigningKey;
use rand_core::{OsRng, RngCore as _};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// The seed that signs the ledger.
const SEED: &str = "ledger.seed";
/// The seed that is to follow, while keys are being changed.
const NEXT_SEED: &str = "ledger.next.seed";
/// Public keys from before: size of the last checkpoint and key, one per line.
const RETIRED: &str = "ledger.retired";
/// The newest checkpoint that was seen.
const SEEN: &str = "ledger.seen";

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
        named(&self.seed_or_new(&self.root.join(SEED))?)
    }

    /// What secrets are hashed with, made if there is none.
    ///
    /// # Errors
    /// As for [`Keys::ledger`].
    pub(crate) fn salt(&self) -> Result<Salt, CliError> {
        make_private(&self.root)?;
        Ok(Salt::new(self.seed_or_new(&self.root.join("secrets.salt"))?))
    }

    /// What this data folder's server is called on this machine: nobody can guess it, and it stays.
    ///
    /// # Errors
    /// As for [`Keys::ledger`].
    pub(crate) fn origin_label(&self) -> Result<String, CliError> {
        make_private(&self.root)?;
        let seed = self.seed_or_new(&self.root.join("origin.seed"))?;
        Ok(content_hash(&seed).to_string().chars().take(16).collect())
    }

    /// The key that signs the ledger, if there is one.
    ///
    /// # Errors
    /// When it is there and can't be used.
    pub(crate) fn existing_ledger(&self) -> Result<Option<LedgerKey>, CliError> {
        self.existing(&self.root.join(SEED))?
            .map(|seed| named(&seed))
            .transpose()
    }

    /// The key that is to follow, made if there is none. It signs nothing before [`Keys::hand_over`].
    ///
    /// # Errors
    /// As for [`Keys::ledger`].
    pub(crate) fn next_ledger(&self) -> Result<LedgerKey, CliError> {
        make_private(&self.root)?;
        named(&self.seed_or_new(&self.root.join(NEXT_SEED))?)
    }

    /// Finishes a change of keys that the ledger records: the old key's public half and last size are kept, its seed is
    /// overwritten by the new one. Changes nothing where that is not under way, so it can be repeated after a crash.
    ///
    /// # Errors
    /// When the files can't be read or written.
    pub(crate) fn hand_over(&self, rotation: &Rotation) -> Result<(), CliError> {
        let (seed, next) = (self.root.join(SEED), self.root.join(NEXT_SEED));
        let verifier = |file: &Path| -> Result<Option<VerifierKey>, CliError> {
            let found = self.existing(file)?;
            found
                .map(|seed| named(&seed).map(|key| key.verifier()))
                .transpose()
        };
        if verifier(&seed)?.as_ref() != Some(&rotation.from)
            || verifier(&next)?.as_ref() != Some(&rotation.to)
        {
            return Ok(());
        }
        let mut lines = self.read_text(RETIRED)?.unwrap_or_default();
        let line = format!("{} {}\n", rotation.size, rotation.from);
        if !lines.contains(&line) {
            lines.push_str(&line);
            self.replace(RETIRED, &lines)?;
        }
        fs::rename(&next, &seed).map_err(|e| file_error("can't put the new key in place of", &seed, &e))?;
        sync_folder(&self.root).map_err(|e| file_error("can't write", &self.root, &e))
    }

    /// Whether a change of keys may be under way.
    pub(crate) fn is_handing_over(&self) -> bool {
        self.root.join(NEXT_SEED).exists()
    }

    /// Keys that signed this ledger before, with the largest checkpoint of each.
    ///
    /// # Errors
    /// When the list is there and can't be read.
    pub(crate) fn retired(&self) -> Result<Vec<Retired>, CliError> {
        let text = self.read_text(RETIRED)?.unwrap_or_default();
        let read = |line: &str| {
            let (size, key) = line.split_once(' ')?;
            let (size, key) = (size.parse().ok()?, VerifierKey::parse(key).ok()?);
            Some(Retired { key, size })
        };
        let lines: Option<Vec<Retired>> = text.lines().map(read).collect();
        lines.ok_or_else(|| {
            let text = format!("{} is not a list of keys", self.root.join(RETIRED).display());
            CliError::internal("key-damaged", text).next("Put the keys folder back from where it is kept.")
        })
    }

    /// The newest checkpoint of this ledger that was seen, if any.
    ///
    /// # Errors
    /// When it is there and can't be read.
    pub(crate) fn seen(&self) -> Result<Option<String>, CliError> {
        self.read_text(SEEN)
    }

    /// Keeps a checkpoint as the newest that was seen, unless a larger one is there.
    ///
    /// # Errors
    /// When the file can't be read or written.
    pub(crate) fn see(&self, size: u64, note: &str) -> Result<(), CliError> {
        let kept = self.seen()?.and_then(|note| inspect(&note).ok());
        if kept.is_some_and(|kept| kept.size() >= size) {
            return Ok(());
        }
        self.replace(SEEN, note)
    }

    /// Keeps a checkpoint as the newest that was seen, whatever was kept before: a person gave that up.
    ///
    /// # Errors
    /// When the file can't be written.
    pub(crate) fn see_anew(&self, note: &str) -> Result<(), CliError> {
        self.replace(SEEN, note)
    }

    fn read_text(&self, name: &str) -> Result<Option<String>, CliError> {
        let file = self.root.join(name);
        match fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(file_error("can't read", &file, &error)),
            Ok(text) => Ok(Some(text)),
        }
    }

    /// Whole or not at all: written beside, synced, then renamed.
    fn replace(&self, name: &str, text: &str) -> Result<(), CliError> {
        let file = self.root.join(name);
        let write = || {
            let fresh = unused(&self.root)?;
            let mut opened = create_private(&fresh)?;
            opened.write_all(text.as_bytes())?;
            opened.sync_all()?;
            fs::rename(&fresh, &file)?;
            sync_folder(&self.root)
        };
        write().map_err(|e| file_error("can't write", &file, &e))
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

    /// The key for statements about what a member did, made of the seed that is held for them.
    ///
    /// # Errors
    /// When there is none, or not the one that the story records for the member.
    pub(crate) fn statement(
        &self,
        member: &MemberId,
        recorded: &MemberKey,
    ) -> Result<StatementKey, CliError> {
        let Some(seed) = self.existing(&self.member_file(member))? else {
            let text =
                format!("the key that is held for {member} is missing, and nobody else speaks for them");
            return Err(CliError::refused("member-key-missing", text)
                .next("Put the keys folder back from where it is kept."));
        };
        let held = MemberKey::from_bytes(SigningKey::from_bytes(&seed).verifying_key().to_bytes());
        if held != *recorded {
            let text = format!("the key that is held for {member} is not the one that this workflow records");
            return Err(CliError::refused("member-key-other", text)
                .next("Put the keys folder back from where it is kept."));
        }
        Ok(StatementKey::of_member(&seed))
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
    let fresh = unused(folder)?;
    let write = || {
        let mut opened = create_private(&fresh)?;
        opened.write_all(format!("{}\n", hex::encode(seed)).as_bytes())?;
        opened.sync_all()?;
        fs::hard_link(&fresh, file)?;
        sync_folder(folder)
    };
    let written = write();
    let removed = fs::remove_file(&fresh);
    written.and(removed)
}

/// A name beside the files that nothing has yet.
fn unused(folder: &Path) -> io::Result<PathBuf> {
    let mut unique = [0; 8];
    OsRng
        .try_fill_bytes(&mut unique)
        .map_err(|e| io::Error::other(e.to_string()))?;
    Ok(folder.join(format!(".new-{}", hex::encode(unique))))
}

fn create_private(file: &Path) -> io::Result<File> {
    File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
