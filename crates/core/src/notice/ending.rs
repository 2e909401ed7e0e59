//! What becomes of a notice after a try. Pure; the engine tries, the store records.

use super::{NoticeStanding, PlaceForm, Template};
use crate::time::Timestamp;

/// Pauses before the second, third … try, in milliseconds.
pub const PAUSES_MS: [u64; 6] = [2_000, 30_000, 300_000, 1_800_000, 7_200_000, 21_600_000];
/// How often a notice is tried at most.
pub const TRIES_MAX: u32 = 7;
/// A notice is not sent any more when it is older than this, in milliseconds: what it says is no news.
pub const AGE_MAX_MS: u64 = 24 * 3_600_000;

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryEnded {
    /// The other side has taken it.
    Delivered,
    /// It has not arrived, and it may the next time.
    Failed,
    /// It has not arrived, and it never will.
    Refused,
    /// It may have arrived.
    Unknown,
}

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// Nothing more is tried.
    Ends(NoticeStanding),
    /// It is tried again, not before this moment.
    Again(Timestamp),
}

/// A notice whose try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// What it says.
    pub template: Template,
    /// How the place is spoken to.
    pub form: PlaceForm,
    /// Which try it was, from 1.
    pub attempt: u32,
    /// When the notice was made.
    pub queued_at: Timestamp,
}

impl Tried {
    /// Whoever tries whether notices arrive waits for the answer.
    fn is_last(self) -> bool {
        self.template == Template::Test || self.attempt >= TRIES_MAX
    }
}

/// What follows from a try that ended at `now`.
pub fn follows(tried: Tried, now: Timestamp, ended: TryEnded) -> Follows {
    match ended {
        TryEnded::Delivered => Follows::Ends(NoticeStanding::Delivered),
        TryEnded::Refused => Follows::Ends(NoticeStanding::Refused),
        TryEnded::Unknown if !tried.form.knows_repetitions() => Follows::Ends(NoticeStanding::Unknown),
        TryEnded::Unknown => again(tried, now).unwrap_or(Follows::Ends(NoticeStanding::Unknown)),
        TryEnded::Failed => again(tried, now).unwrap_or(Follows::Ends(NoticeStanding::GivenUp)),
    }
}

/// The next try, if there is one.
fn again(tried: Tried, now: Timestamp) -> Option<Follows> {
    let before = tried.attempt.checked_sub(1)?;
    let pause = PAUSES_MS.get(before as usize).filter(|_| !tried.is_last())?;
    let at = now.plus_ms(*pause);
    (at.0 < tried.queued_at.0.saturating_add(AGE_MAX_MS)).then_some(Follows::Again(at))
}
