//! The keys folder behind the ports that need keys.

use crate::keys::Keys;
use countersign_core::id::{MemberId, TenantId};
use countersign_ledger::{LedgerKey, RootHash, VerifierKey, origin_of, sign_checkpoint};
use countersign_ports::store::{CheckpointSigner, MemberKeys, StoreError};

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
