//! Port to what a person keeps while reviewing: which files they have viewed, and comments that are not sent yet.
//!
//! Personal state. It is no fact of the ledger, and losing it loses no decision. Only an approval by a comment on a forge looks at
//! it: whoever gives one has marked every file.

use crate::store::StoreError;
use async_trait::async_trait;
use countersign_core::diff::ChangeKind;
use countersign_core::digest::{BodyHash, canonical_json};
use countersign_core::id::{MemberId, RepositoryId, Revision, WorkflowId};
use countersign_core::line_comment::LineComment;
use countersign_core::time::Timestamp;

/// Most marks of one member in one workflow; above it the oldest go.
pub const VIEWED_MAX: u32 = 10_000;

/// Most drafts of one member in one workflow, over all revisions.
pub const DRAFT_COMMENTS_MAX: u32 = 300;

/// A comment on lines that is not sent yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftComment {
    /// Its id.
    pub id: String,
    /// In which workflow.
    pub workflow: WorkflowId,
    /// On which revision.
    pub revision: Revision,
    /// The comment.
    pub comment: LineComment,
    /// When it was written.
    pub at: Timestamp,
}

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

    /// A member's drafts in a workflow, oldest first.
    async fn draft_comments(
        &self,
        member: &MemberId,
        workflow: &WorkflowId,
    ) -> Result<Vec<DraftComment>, StoreError>;

    /// One of a member's drafts.
    async fn draft_comment(&self, member: &MemberId, id: &str) -> Result<Option<DraftComment>, StoreError>;

    /// Keeps a draft; one of the same id and member gets the new comment. Refused (`too-many-comments`) above
    /// [`DRAFT_COMMENTS_MAX`].
    async fn put_draft_comment(&self, member: &MemberId, draft: &DraftComment) -> Result<(), StoreError>;

    /// Drops those of a member's drafts; one that is not there is nothing.
    async fn drop_draft_comments(&self, member: &MemberId, ids: &[String]) -> Result<(), StoreError>;
}
