//! The key that signs commits: an OpenSSH private key in a file of its own, which leaves it only into signatures.

use crate::config::Commits;
use crate::error::{CliError, file_error};
use countersign_core::commit_signature::NAMESPACE;
use countersign_core::patch_set::COMMITTER;
use countersign_ports::signing::CommitSigner;
use ssh_key::{Algorithm, Error, HashAlg, LineEnding, PrivateKey};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Longest private key, in bytes. One of Ed25519 has about 400.
const KEY_MAX_BYTES: u64 = 16 << 10;

/// How one comes to a key; never over a file that is there.
const MAKE: &str = "Make one: ssh-keygen -t ed25519 -N '' -C countersign -f countersign-commits";

/// Signs commits with an Ed25519 key.
pub(crate) struct CommitKey {
    key: PrivateKey,
    committer: String,
}

impl CommitKey {
    /// The key that is set, if one is.
    ///
    /// # Errors
    /// When the file can't be read, others can read it, or it holds no Ed25519 key without a passphrase.
    pub(crate) fn of(settings: &Commits) -> Result<Option<Self>, CliError> {
        let Some(file) = &settings.signing_key_file else {
            return Ok(None);
        };
        let committer = match &settings.email {
            Some(email) => format!("Countersign <{}>", email.0),
            None => COMMITTER.to_owned(),
        };
        let key = read(file)?;
        Ok(Some(Self { key, committer }))
    }

    /// `SHA256:…`, as ssh-keygen and GitHub show it.
    pub(crate) fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }
}

/// Stands where a key is set that can't be used: nothing is signed, and whatever needs no signature goes on.
pub(crate) struct UnusableKey(pub(crate) CliError);

impl CommitSigner for UnusableKey {
    fn committer(&self) -> &str {
        COMMITTER
    }

    fn sign(&self, _unsigned: &[u8]) -> Result<String, String> {
        Err(self.0.message.clone())
    }
}

impl CommitSigner for CommitKey {
    fn committer(&self) -> &str {
        &self.committer
    }

    fn sign(&self, unsigned: &[u8]) -> Result<String, String> {
        // What git's own signatures are made with: ssh-keygen's default.
        let signature = self.key.sign(NAMESPACE, HashAlg::Sha512, unsigned);
        let armoured = signature.and_then(|signature| signature.to_pem(LineEnding::LF));
        armoured.map_err(|error| format!("the key can't sign commits: {error}"))
    }
}

fn read(file: &Path) -> Result<PrivateKey, CliError> {
    let shown = file.display();
    let failed = |error: &std::io::Error| file_error("can't read the key that signs commits", file, error);
    let opened = File::open(file).map_err(|e| failed(&e))?;
    let found = opened.metadata().map_err(|e| failed(&e))?;
    if found.permissions().mode() & 0o077 != 0 {
        let text = format!("{shown} holds the key that signs commits, and others can read it");
        return Err(CliError::refused("commit-key-open", text).next(format!("chmod 600 {shown}")));
    }
    let mut bytes = Vec::new();
    let read = opened.take(KEY_MAX_BYTES).read_to_end(&mut bytes);
    read.map_err(|e| failed(&e))?;
    let other_kind = || {
        let text = format!("{shown} holds a key of another kind, and commits are signed with Ed25519 only");
        CliError::refused("commit-key-algorithm", text).next(MAKE)
    };
    let key = PrivateKey::from_openssh(&bytes).map_err(|error| {
        if matches!(
            error,
            Error::AlgorithmUnknown | Error::AlgorithmUnsupported { .. }
        ) {
            return other_kind();
        }
        let text = format!("{shown} holds no private key as OpenSSH writes it");
        CliError::refused("commit-key-refused", text).next(MAKE)
    })?;
    if key.algorithm() != Algorithm::Ed25519 {
        return Err(other_kind());
    }
    if key.is_encrypted() {
        let text = format!("{shown} is locked with a passphrase, and nobody is there to type it");
        return Err(CliError::refused("commit-key-locked", text).next(format!(
            "Use a key of Countersign's own, or take the passphrase off: ssh-keygen -p -N '' -f {shown}"
        )));
    }
    Ok(key)
}
