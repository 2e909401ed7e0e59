//! Whoever signs commits, with a key that lies outside of the database.

/// Signs the commits that Countersign writes, in SSH's form. Signing the same bytes again gives the same signature.
pub trait CommitSigner: Send + Sync {
    /// Name and address of author and committer, `Name <address>`.
    fn committer(&self) -> &str;

    /// The signature of a commit's unsigned bytes, for git, in OpenSSH's armour.
    ///
    /// # Errors
    /// A plain sentence, when the key can't sign.
    fn sign(&self, unsigned: &[u8]) -> Result<String, String>;
}
