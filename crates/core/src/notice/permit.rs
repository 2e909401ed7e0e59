//! The right to send one notice once. Only [`NoticeGate`] mints it, from facts that the store read while it recorded the try.
//!
//! A permit touches no ref, no file and no pull request: it is another family than the
//! [`ContentPermit`](crate::permit::ContentPermit). It has private fields and no derives, and what it allows is a
//! [`Notice`], into which no free text fits.

use super::ending::{AGE_MAX_MS, TRIES_MAX};
use super::rendering::Letter;
use super::{Notice, Place, PlaceId};
use crate::id::{NoticeId, TenantId};
use crate::permit::PERMIT_MAX_MS;
use crate::time::Timestamp;

/// The hour of [`PlaceForm::tries_per_hour_max`](super::PlaceForm::tries_per_hour_max), in milliseconds.
pub const RATE_WINDOW_MS: u64 = 3_600_000;

/// What the gate looks at, read in the transaction that records the try and valid for seconds. That they are genuine is
/// the store's promise: only the store may call [`NoticeFacts::attest`].
pub struct NoticeFacts {
    tenant: TenantId,
    notice: Notice,
    held: NoticeClaim,
}

/// What the store saw besides the notice itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticeClaim {
    /// The database's time.
    pub now: Timestamp,
    /// The notice's id.
    pub id: NoticeId,
    /// For which place it was made.
    pub place: PlaceId,
    /// When it was made.
    pub queued_at: Timestamp,
    /// Which try this is, recorded, from 1.
    pub attempt: u32,
    /// No earlier try of it may have arrived.
    pub not_sent_before: bool,
    /// The tenant is active.
    pub tenant_active: bool,
    /// Tries to that place within the last hour, without this one.
    pub tries_in_hour: u32,
}

impl NoticeFacts {
    /// Puts facts together. For the store's claim transaction alone.
    pub fn attest(tenant: TenantId, notice: Notice, held: NoticeClaim) -> Self {
        Self { tenant, notice, held }
    }

    /// What the store saw; looking at it gives no right.
    pub fn held(&self) -> &NoticeClaim {
        &self.held
    }

    /// The notice that is claimed.
    pub fn notice(&self) -> &Notice {
        &self.notice
    }
}

/// Why nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoticeRefusal {
    /// The tenant is not active.
    #[error("the tenant is not active")]
    TenantInactive,
    /// It was made for another place.
    #[error("it was made for another place")]
    OtherPlace,
    /// Such notices are not wanted there.
    #[error("such notices are not wanted there")]
    NotWanted,
    /// It may have arrived already, and the other side can't tell a repetition.
    #[error("it may have arrived already")]
    SentBefore,
    /// It names something that is not of ours.
    #[error("it names something that is not of ours")]
    OddName,
    /// It is too old to be news.
    #[error("it is too old to be news")]
    TooOld,
    /// It was tried too often.
    #[error("it was tried too often")]
    TriedOut,
    /// Too many went there within the hour.
    #[error("as many notices went there within the hour as may")]
    TooMany,
}

impl NoticeRefusal {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            NoticeRefusal::TenantInactive => "notice-tenant-inactive",
            NoticeRefusal::OtherPlace => "notice-other-place",
            NoticeRefusal::NotWanted => "notice-not-wanted",
            NoticeRefusal::SentBefore => "notice-sent-before",
            NoticeRefusal::OddName => "notice-odd-name",
            NoticeRefusal::TooOld => "notice-too-old",
            NoticeRefusal::TriedOut => "notice-tried-out",
            NoticeRefusal::TooMany => "notice-too-many",
        }
    }

    /// Whether it may be different later, by itself.
    pub fn passes(self) -> bool {
        match self {
            NoticeRefusal::TooMany => true,
            NoticeRefusal::TenantInactive
            | NoticeRefusal::OtherPlace
            | NoticeRefusal::NotWanted
            | NoticeRefusal::SentBefore
            | NoticeRefusal::OddName
            | NoticeRefusal::TooOld
            | NoticeRefusal::TriedOut => false,
        }
    }
}

/// The right to send one notice to one place, once. Consumed by [`NoticePermit::redeem`].
pub struct NoticePermit {
    letter: Letter,
    place: PlaceId,
    expires_at: Timestamp,
}

/// The permit can't be used: it ran out, or is for another place. Nothing was sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the permit to send this notice ran out, or is for another place; nothing was sent")]
pub struct NoticePermitUnusable;

impl NoticePermit {
    /// Uses the permit up and gives what may be sent to that place. `now` is the clock of the machine that sends.
    ///
    /// # Errors
    /// When it has run out, or is for another place.
    pub fn redeem(self, place: &PlaceId, now: Timestamp) -> Result<Letter, NoticePermitUnusable> {
        if now >= self.expires_at || self.place != *place {
            return Err(NoticePermitUnusable);
        }
        Ok(self.letter)
    }
}

/// The only place that grants permits for notices. Pure: it looks at facts and says yes or no.
pub struct NoticeGate;

impl NoticeGate {
    /// Asks for the right to send the notice that was claimed to a place.
    ///
    /// # Errors
    /// The first thing that keeps the gate closed.
    pub fn open(facts: &NoticeFacts, place: &Place) -> Result<NoticePermit, NoticeRefusal> {
        let NoticeFacts { tenant, notice, held } = facts;
        if !held.tenant_active {
            return Err(NoticeRefusal::TenantInactive);
        }
        if held.place != place.id || held.id != notice.id(tenant, &place.id) {
            return Err(NoticeRefusal::OtherPlace);
        }
        if !place.wants.contains(&notice.template()) {
            return Err(NoticeRefusal::NotWanted);
        }
        if !notice.names_ours_only() {
            return Err(NoticeRefusal::OddName);
        }
        if !held.not_sent_before && !place.form.knows_repetitions() {
            return Err(NoticeRefusal::SentBefore);
        }
        if held.attempt == 0 || held.attempt > TRIES_MAX {
            return Err(NoticeRefusal::TriedOut);
        }
        if held.now.0 >= held.queued_at.0.saturating_add(AGE_MAX_MS) {
            return Err(NoticeRefusal::TooOld);
        }
        if held.tries_in_hour >= place.form.tries_per_hour_max() {
            return Err(NoticeRefusal::TooMany);
        }
        Ok(NoticePermit {
            letter: Letter::new(held.id.clone(), notice.clone(), held.queued_at),
            place: place.id.clone(),
            expires_at: held.now.plus_ms(PERMIT_MAX_MS),
        })
    }
}
