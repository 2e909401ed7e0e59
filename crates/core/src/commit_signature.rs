//! Signatures of commits in SSH's form (git's `gpg.format = ssh`), as they stand in a commit's header.
//!
//! Keys are not held here: who signs gets the unsigned bytes of a commit and hands back a signature, which is verified
//! before it becomes part of what people approve. Only Ed25519 is taken, whose signatures of the same bytes are the same,
//! so that signing again gives the same commit. Formats: OpenSSH's PROTOCOL.sshsig, git's gitformat-signature(5).

use crate::id::RepositoryId;
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use ssh_key::{Algorithm, HashAlg, LineEnding, PublicKey, SshSig};

/// What git signs commits under.
pub const NAMESPACE: &str = "git";
/// Longest signature in its armour, in bytes; one by an Ed25519 key has about 300.
pub const ARMOUR_MAX_BYTES: usize = 2_048;
/// How the line of the header begins that holds a signature; its further lines begin with a space.
const HEADER: &str = "gpgsig ";

/// By which key a commit is signed, and what else went into its bytes then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommitSignature {
    /// The public key's fingerprint, `SHA256:…`, as ssh-keygen shows it.
    pub key: String,
    /// Name and address of author and committer.
    pub committer: String,
    /// When it was signed: the commit's dates.
    pub at: Timestamp,
}

/// The commits of one revision, signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCommits {
    /// Name and address of author and committer.
    pub committer: String,
    /// When they were signed: the commits' dates.
    pub at: Timestamp,
    /// One signature in its armour per repository that changes.
    pub signatures: Vec<(RepositoryId, String)>,
}

/// Why a signature is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A commit has none, and others have.
    #[error("a commit is not signed")]
    Missing,
    /// Name and address would not stay in their line of the commit.
    #[error("the committer is not written as `Name <address>`")]
    Committer,
    /// It can't be read.
    #[error("it is not a signature in OpenSSH's armour")]
    Malformed,
    /// It was made for something else than commits.
    #[error("it was not made for git")]
    Purpose,
    /// It is of another kind.
    #[error("it is not by an Ed25519 key")]
    Algorithm,
    /// It does not verify.
    #[error("it does not belong to these bytes")]
    Mismatch,
    /// The commit's date is another one than that of the moment.
    #[error("it was made at another time")]
    Time,
}

impl SignatureError {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            SignatureError::Missing => "commit-signature-missing",
            SignatureError::Committer => "commit-signature-committer",
            SignatureError::Malformed => "commit-signature-malformed",
            SignatureError::Purpose => "commit-signature-purpose",
            SignatureError::Algorithm => "commit-signature-algorithm",
            SignatureError::Mismatch => "commit-signature-mismatch",
            SignatureError::Time => "commit-signature-time",
        }
    }
}

/// Verifies a signature over a commit's unsigned bytes, and says by which key it is: the fingerprint, `SHA256:…`.
///
/// # Errors
/// When it is not an Ed25519 key's signature, for git, of exactly these bytes, written as OpenSSH writes it.
pub fn verify(unsigned: &[u8], armour: &str) -> Result<String, SignatureError> {
    if armour.len() > ARMOUR_MAX_BYTES {
        return Err(SignatureError::Malformed);
    }
    let signature = SshSig::from_pem(armour).map_err(|_| SignatureError::Malformed)?;
    // One signature is written in one way only, so that nothing else can hide in a commit's header.
    let is_plain = signature.reserved().is_empty() && signature.version() == SshSig::VERSION;
    if signature.to_pem(LineEnding::LF).as_deref() != Ok(armour) || !is_plain {
        return Err(SignatureError::Malformed);
    }
    if signature.namespace() != NAMESPACE {
        return Err(SignatureError::Purpose);
    }
    let key = PublicKey::from(signature.public_key().clone());
    if key.algorithm() != Algorithm::Ed25519 || signature.algorithm() != Algorithm::Ed25519 {
        return Err(SignatureError::Algorithm);
    }
    key.verify(NAMESPACE, unsigned, &signature)
        .map_err(|_| SignatureError::Mismatch)?;
    Ok(key.fingerprint(HashAlg::Sha256).to_string())
}

/// A commit's bytes with a signature where git puts it: last in the header.
pub fn insert(unsigned: &str, armour: &str) -> String {
    let (header, message) = unsigned.split_once("\n\n").unwrap_or((unsigned, ""));
    let lines: Vec<&str> = armour.lines().collect();
    format!("{header}\n{HEADER}{}\n\n{message}", lines.join("\n "))
}

/// A signed commit's bytes without their signature, and that in its armour; `None`: there is not exactly one.
pub fn take(signed: &str) -> Option<(String, String)> {
    let (header, message) = signed.split_once("\n\n")?;
    let (mut unsigned, mut armour) = (Vec::new(), Vec::new());
    let mut is_inside = false;
    for line in header.split('\n') {
        match (line.strip_prefix(HEADER), line.strip_prefix(' ')) {
            (Some(_), _) if !armour.is_empty() => return None,
            (Some(first), _) => {
                is_inside = true;
                armour.push(first);
            }
            (None, Some(next)) if is_inside => armour.push(next),
            (None, _) => {
                is_inside = false;
                unsigned.push(line);
            }
        }
    }
    let whole = || format!("{}\n", armour.join("\n"));
    (!armour.is_empty()).then(|| (format!("{}\n\n{message}", unsigned.join("\n")), whole()))
}

/// Whether a committer stays in its line, as `Name <address>`.
pub(crate) fn is_committer(text: &str) -> bool {
    let odd = |c: char| c.is_control() || c == '<' || c == '>';
    let parts = text.strip_suffix('>').and_then(|rest| rest.split_once(" <"));
    parts.is_some_and(|(name, address)| {
        let plain = |part: &str| !part.is_empty() && part.trim() == part && !part.contains(odd);
        plain(name) && plain(address)
    })
}
