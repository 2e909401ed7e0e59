//! How a notice stands, and what the ledger keeps of it in the end.

use super::Notice;
use crate::id::NoticeId;
use serde::{Deserialize, Serialize};

/// Version of a notice's persisted form.
pub const NOTICE_VERSION: u32 = 1;

/// How a notice stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeStanding {
    /// It is to be sent.
    Waiting,
    /// A try is recorded, and its outcome is not.
    Sending,
    /// The other side has taken it.
    Delivered,
    /// The other side will never take it.
    Refused,
    /// It may have arrived, and it is not sent again.
    Unknown,
    /// It was tried often enough, or came too late.
    GivenUp,
    /// A restored or copied data folder had it: it is not sent from there.
    Void,
}

impl NoticeStanding {
    /// All of them.
    pub const ALL: [NoticeStanding; 7] = [
        NoticeStanding::Waiting,
        NoticeStanding::Sending,
        NoticeStanding::Delivered,
        NoticeStanding::Refused,
        NoticeStanding::Unknown,
        NoticeStanding::GivenUp,
        NoticeStanding::Void,
    ];

    /// The word in lists, in the database and in the ledger.
    pub fn as_str(self) -> &'static str {
        match self {
            NoticeStanding::Waiting => "waiting",
            NoticeStanding::Sending => "sending",
            NoticeStanding::Delivered => "delivered",
            NoticeStanding::Refused => "refused",
            NoticeStanding::Unknown => "unknown",
            NoticeStanding::GivenUp => "given-up",
            NoticeStanding::Void => "void",
        }
    }
}

/// What the ledger's entry says of a notice that will not be sent again. Also the persisted form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoticeRecord {
    /// Version of the form.
    pub v: u32,
    /// Which notice.
    pub id: NoticeId,
    /// What it says.
    pub notice: Notice,
    /// Where it went: the place's id.
    pub place: String,
    /// How often it was tried.
    pub attempts: u32,
    /// How it ended.
    pub standing: NoticeStanding,
    /// Stable kebab-case code of what went wrong.
    pub code: Option<String>,
}
