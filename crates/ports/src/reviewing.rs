//! Port to what a person keeps while reviewing: which files they have viewed.
//!
//! Personal state. It is no fact of the ledger, no approval looks at it, and losing it loses no decision.

use crate::store::StoreError;
use async_trait::async_trait;
use countersign_core::diff::ChangeKind;
use countersign_core::digest::{BodyHash, canonical_json};
use countersign_core::id::{MemberId, RepositoryId, Revision, WorkflowId};
use countersign_core::time::Timestamp;

/// Most marks of one member in one workflow; above it the oldest go.
pub const VIEWED_MAX: u32 = 10_000;

/// One changed file of one repository, by everything that can change about it: what happened, both paths, both modes and
/// both blobs, as git names them. Whatever differs in one of them is another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChangedFile {
    /// In which repository.
    pub repository: RepositoryId,
    /// Hash of the change as canonical JSON.
    pub change: BodyHash,
}

impl ChangedFile {
    /// Of a change of a draft.
    pub fn of(repository: &RepositoryId, change: &ChangeKind) -> Self {
        Self {
            repository: repository.clone(),
            change: BodyHash::of_bytes(&canonical_json(change)),
        }
    }
}

/// When a file was marked as viewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewed {
    /// Which.
    pub file: ChangedFile,
    /// In which revision.
    pub revision: Revision,
    /// When.
    pub at: Timestamp,
}

/// What the members of one tenant keep for themselves.
#[async_trait]
pub trait Reviewing: Send + Sync {
    /// All marks of a member in a workflow, oldest first.
    async fn viewed(&self, member: &MemberId, workflow: &WorkflowId) -> Result<Vec<Viewed>, StoreError>;

    /// Marks a file as viewed; again changes nothing. Above [`VIEWED_MAX`] the oldest mark goes.
    async fn mark_viewed(
        &self,
        member: &MemberId,
        workflow: &WorkflowId,
        file: &ChangedFile,
        revision: Revision,
    ) -> Result<(), StoreError>;

    /// Takes a mark away; none is nothing.
    async fn unmark_viewed(
        &self,
        member: &MemberId,
        workflow: &WorkflowId,
        file: &ChangedFile,
    ) -> Result<(), StoreError>;
}
