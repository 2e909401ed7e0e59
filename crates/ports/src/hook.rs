//! Ports to what a forge tells by itself (webhooks): reading a delivery, and keeping it.
//!
//! Only what a delivery points to is kept, and none of its words: whoever works on it asks the forge, by number, how things
//! stand by then. So a delivery that is late, repeated or out of order tells nothing wrong, and a lost one costs time only.

use crate::store::StoreError;
use async_trait::async_trait;
use countersign_core::digest::BodyHash;
use countersign_core::id::{RepositoryId, WorkflowId};
use countersign_core::time::Timestamp;

/// Longest name that a forge may give a delivery, in bytes. GitHub's have 36.
pub const DELIVERY_NAME_MAX_BYTES: usize = 64;
/// How long a delivery is remembered, in milliseconds: 7 days. GitHub sends one again on request for 3.
pub const DELIVERIES_KEPT_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// A delivery whose signature was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The name that the forge gave the delivery; one that is sent again has the same.
    pub delivery: String,
    /// Of exactly the bytes that came.
    pub body: BodyHash,
    /// In which repository.
    pub repository: RepositoryId,
    /// What it points to.
    pub points_to: PointsTo,
}

/// What there is to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PointsTo {
    /// A branch, a pull request or a check changed.
    Change,
    /// Somebody wrote a comment on an issue or a pull request.
    Comment {
        /// Its number on the forge.
        comment: u64,
    },
    /// Somebody put a label on an issue. By which event it got there is not told, so there is a look at all of the last time.
    Labels,
    /// Somebody edited an issue.
    Edit {
        /// Its number in the repository.
        issue: u64,
    },
}

/// What stands beside a delivery's body, as it came.
#[derive(Debug, Clone, Copy, Default)]
pub struct HookHeaders<'a> {
    /// The delivery's name.
    pub delivery: Option<&'a str>,
    /// What it tells of, in the forge's word.
    pub event: Option<&'a str>,
    /// The signature.
    pub signature: Option<&'a str>,
}

/// Why a delivery is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HookError {
    /// The signature is missing, or not the one that the secret gives.
    #[error("the signature of this delivery is missing or wrong")]
    Signature,
    /// It is signed, and not of the form that the forge's documents say.
    #[error("this delivery can't be read: {why}")]
    Malformed {
        /// What is wrong, without any word of it.
        why: &'static str,
    },
}

impl HookError {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            HookError::Signature => "hook-signature",
            HookError::Malformed { .. } => "hook-malformed",
        }
    }
}

/// Reads a forge's deliveries.
pub trait HookReader: Send + Sync {
    /// Checks the signature over the bytes as they came, in constant time, and only then reads them. `None` where it points
    /// to nothing that anybody here looks at.
    fn read(&self, headers: HookHeaders<'_>, body: &[u8]) -> Result<Option<Hook>, HookError>;
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is on disk, and what waits for such a change looks soon.
    New,
    /// The same came before.
    Repeated,
    /// It is about a repository that is not registered; nothing is kept.
    NotOurs,
}

/// A delivery that somebody has to work on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenHook {
    /// Its number here, in the order of arrival.
    pub number: u64,
    /// When it came.
    pub at: Timestamp,
    /// In which repository.
    pub repository: RepositoryId,
    /// What there is to look at.
    pub work: Work,
}

/// What somebody has to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// A comment, by its number on the forge.
    Comment(u64),
    /// A label that was put on an issue, by the number of the event.
    Label(u64),
    /// Labels that were put on issues in the last time.
    Labels,
    /// An issue that was edited, by its number in the repository.
    Edit(u64),
}

/// One tenant's deliveries.
#[async_trait]
pub trait Hooks: Send + Sync {
    /// Keeps a delivery, once by its name and its bytes, in one transaction with what it wakes: looks at CI of workflows
    /// on that repository. Forgets those that are older than [`DELIVERIES_KEPT_MS`].
    async fn receive(&self, hook: &Hook) -> Result<Received, StoreError>;

    /// Keeps comments that were found by looking as if a webhook had told of them; those that one told of, or that were found
    /// before, stay as they are. How many are new.
    async fn found(&self, repository: &RepositoryId, comments: &[u64]) -> Result<u64, StoreError>;

    /// The same for labels that were put on issues, by the numbers of the events.
    async fn found_labels(&self, repository: &RepositoryId, events: &[u64]) -> Result<u64, StoreError>;

    /// It was looked whether the issue of a workflow still says what it said at the start. Whether that is news.
    async fn note_issue(&self, workflow: &WorkflowId, changed: bool) -> Result<bool, StoreError>;

    /// What nobody has looked at: of each repository the oldest, then of each the next, so that none keeps the others waiting.
    async fn open(&self, limit: u32) -> Result<Vec<OpenHook>, StoreError>;

    /// One was looked at: `outcome` is a stable kebab-case code of what came of it, and counts for every other telling of the
    /// same comment or label. Once settled it stays so; whether this call did it.
    async fn settle(&self, number: u64, outcome: &str) -> Result<bool, StoreError>;
}
