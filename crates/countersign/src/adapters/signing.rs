//! The keys folder behind the ports that need keys.

use crate::error::CliError;
use crate::keys::Keys;
use countersign_core::id::{MemberId, TenantId};
use countersign_ledger::{LedgerKey, RootHash, Rotation, VerifierKey, origin_of, sign_checkpoint};
use countersign_ports::store::{CheckpointSigner, KeyRotation, MemberKeys, StoreError, Witness};

/// Signs the ledger with the key of the keys folder.
pub(crate) struct Signer(pub(crate) LedgerKey);

impl CheckpointSigner for Signer {
    fn sign(&self, tenant: &TenantId, size: u64, root: &RootHash) -> Result<String, StoreError> {
        sign_checkpoint(&origin_of(tenant.as_str()), size, root, &self.0).map_err(|error| {
            StoreError::Corrupt {
                code: error.code(),
                message: error.to_string(),
            }
        })
    }

    fn verifiers(&self, _tenant: &TenantId) -> Vec<VerifierKey> {
        vec![self.0.verifier()]
    }
}

/// The public halves of the members' keys.
pub(crate) struct FolderKeys(pub(crate) Keys);

impl MemberKeys for FolderKeys {
    fn verifying_key(&self, tenant: &TenantId, member: &MemberId) -> Option<[u8; 32]> {
        if *tenant != TenantId::local() {
            return None;
        }
        match self.0.existing_member(member) {
            Ok(key) => key.map(|k| k.verifying_key().to_bytes()),
            Err(error) => {
                tracing::error!(code = error.code, %error, "a member's key can't be used");
                None
            }
        }
    }
}

/// From one ledger key to the next.
pub(crate) struct HandOver {
    /// The key until now.
    pub(crate) old: Signer,
    /// The key from now on.
    pub(crate) new: LedgerKey,
}

impl KeyRotation for HandOver {
    fn old(&self) -> &dyn CheckpointSigner {
        &self.old
    }

    fn statement(&self, tenant: &TenantId, size: u64) -> Result<Vec<u8>, StoreError> {
        let origin = origin_of(tenant.as_str());
        Rotation::sign(&origin, size, &self.old.0, &self.new).map_err(|error| StoreError::Corrupt {
            code: error.code(),
            message: error.to_string(),
        })
    }
}

/// The newest checkpoint as a file beside the keys.
pub(crate) struct FolderWitness(pub(crate) Keys);

impl Witness for FolderWitness {
    fn newest(&self, tenant: &TenantId) -> Result<Option<String>, StoreError> {
        if *tenant != TenantId::local() {
            return Ok(None);
        }
        self.0.seen().map_err(unavailable)
    }

    fn keep(&self, tenant: &TenantId, size: u64, note: &str) -> Result<(), StoreError> {
        if *tenant != TenantId::local() {
            return Ok(());
        }
        self.0.see(size, note).map_err(unavailable)
    }
}

fn unavailable(error: CliError) -> StoreError {
    StoreError::Unavailable {
        code: "witness-unavailable",
        message: error.message.clone(),
        source: Some(Box::new(error)),
    }
}
