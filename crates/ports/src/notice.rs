//! Ports to what leaves as a notice: the outbox in which notices wait, and the places that they go to.
//!
//! Which notices there are, whether one may leave and what becomes of it after a try is decided in
//! [`countersign_core::notice`]; nothing here takes a text.

use crate::store::StoreError;
use async_trait::async_trait;
use countersign_core::id::{NoticeId, WorkflowId};
use countersign_core::notice::ending::{Follows, TryEnded};
use countersign_core::notice::permit::{NoticeClaim, NoticeFacts, NoticePermit};
use countersign_core::notice::{Ended, Notice, NoticeStanding, Place, PlaceId};
use countersign_core::time::Timestamp;

/// How far notices have been made of what was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// Index of the first ledger entry that was not looked at.
    pub next_entry: u64,
    /// Until when digests were made.
    pub digest_until: Timestamp,
}

/// A notice for one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewNotice {
    /// What it says.
    pub notice: Notice,
    /// Where to.
    pub place: PlaceId,
    /// The address for people, masked.
    pub shown: String,
}

/// A notice as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeRow {
    /// Its place in the order in which they were queued, for good.
    pub number: u64,
    /// Its id.
    pub id: NoticeId,
    /// What it says.
    pub notice: Notice,
    /// Where to.
    pub place: PlaceId,
    /// The address for people, masked.
    pub shown: String,
    /// How it stands.
    pub standing: NoticeStanding,
    /// How often it was tried.
    pub attempts: u32,
    /// When it was made.
    pub queued_at: Timestamp,
    /// When it was tried last.
    pub tried_at: Option<Timestamp>,
    /// When it ended, or will be tried next.
    pub until: Timestamp,
    /// Stable kebab-case code of the last thing that went wrong.
    pub code: Option<String>,
    /// The same as a plain sentence.
    pub message: Option<String>,
}

/// The outcome of one try, and what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    /// How the try ended.
    pub ended: TryEnded,
    /// What follows.
    pub follows: Follows,
    /// What went wrong.
    pub wrong: Option<Wrong>,
}

/// What went wrong with a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Stable kebab-case code.
    pub code: String,
    /// Plain sentence; never holds a secret.
    pub message: String,
}

/// Most notices that one question gives.
pub const NOTICES_PAGE_MAX: u32 = 1_000;
/// Most notices of one tenant that are kept after they ended; the ledger has all.
pub const NOTICES_KEPT_MAX: u32 = 20_000;

/// One tenant's notices.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// How far notices have been made. Where none were made before, that is the present: an old ledger is no news.
    async fn begin(&self) -> Result<Cursor, StoreError>;

    /// How far notices have been made, if they are made at all.
    async fn cursor(&self) -> Result<Option<Cursor>, StoreError>;

    /// Nothing is to leave any more: the cursor is forgotten, and what waits is given up.
    async fn rest(&self) -> Result<(), StoreError>;

    /// Moves the cursor and queues what follows, in one transaction. A notice that was queued before stays as it is.
    /// `Clash` when the cursor is not at `from` any more. Gives how many are new.
    async fn queue(&self, from: Cursor, to: Cursor, notices: &[NewNotice]) -> Result<u64, StoreError>;

    /// Queues notices that follow from nothing in the ledger. One that was queued before stays as it is.
    async fn add(&self, notices: &[NewNotice]) -> Result<(), StoreError>;

    /// Queues one notice and records its first try at once, whether or not notices are made of what is recorded.
    async fn begin_one(&self, notice: &NewNotice) -> Result<NoticeFacts, StoreError>;

    /// Takes the next notice for a place that is due, and records the try.
    async fn claim(&self, place: &PlaceId) -> Result<Option<NoticeFacts>, StoreError>;

    /// Puts a claimed notice back as if it had not been tried, until that moment.
    async fn put_back(&self, claim: &NoticeClaim, until: Timestamp) -> Result<(), StoreError>;

    /// Records how a try ended, and in the ledger if it was the last one. `ClaimLost` where it is not this try's turn.
    async fn settle(&self, claim: &NoticeClaim, settled: &Settled) -> Result<(), StoreError>;

    /// Tries without an outcome, of processes that died: only for the holder of the owner lock, at its start.
    async fn lost(&self) -> Result<Vec<NoticeFacts>, StoreError>;

    /// Gives up what waits for places that are not among these any more.
    async fn give_up_elsewhere(&self, places: &[PlaceId]) -> Result<u64, StoreError>;

    /// Workflows in which a request runs out before this moment, each with the moment.
    async fn running_out(&self, before: Timestamp) -> Result<Vec<(WorkflowId, Timestamp)>, StoreError>;

    /// Workflows that ended after `since` and not after `until`, oldest first, and in how many a person is asked.
    async fn ended(&self, since: Timestamp, until: Timestamp) -> Result<(Vec<Ended>, u32), StoreError>;

    /// Notices, newest first.
    async fn list(&self, limit: u32) -> Result<Vec<NoticeRow>, StoreError>;

    /// Notices that were queued before the one of that number, whether it is there or not; newest first.
    async fn list_before(&self, number: u64, limit: u32) -> Result<Vec<NoticeRow>, StoreError>;
}

/// What one place answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// The other side has taken it.
    Delivered,
    /// It has not arrived, and it may the next time.
    Failed(Wrong),
    /// It has not arrived, and it never will.
    Refused(Wrong),
    /// It may have arrived.
    Unknown(Wrong),
}

/// A place that notices go to.
#[async_trait]
pub trait Notifier: Send + Sync {
    /// Which place.
    fn place(&self) -> &Place;

    /// Sends what the permit allows, once. Comes to an end by itself within a minute or two.
    async fn deliver(&self, permit: NoticePermit) -> Delivery;
}
