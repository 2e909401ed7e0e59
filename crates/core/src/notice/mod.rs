//! Notices: what Countersign says to the outside about its own state, before anybody has approved anything (INV-1).
//!
//! A notice is a template and typed slots: ids, kinds, states, counts and times. No title, no word of an issue, an agent
//! or a person has a place in one, so none can leave by it. [`NoticePermit`](permit::NoticePermit) is the right to send one
//! once; [`following`] says which notices follow from what was recorded, [`ending`] what becomes of a try.
//! Nothing here sends anything.

pub mod ending;
pub mod following;
pub mod permit;
mod place;
pub mod rendering;
mod standing;
mod status;

pub use place::{Place, PlaceForm, PlaceId};
pub use standing::{NOTICE_VERSION, NoticeRecord, NoticeStanding};
pub use status::{OnHead, OnIssue, Status, Summary, Verdict};

use crate::command::Outcome;
use crate::id::{NoticeId, RequestId, Revision, TenantId, WorkflowId};
use crate::time::Timestamp;
use crate::workflow::State;
use crate::workflow::event::{Request, Subject};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::fmt;

/// Most ended workflows that one digest names; the rest are counted.
pub const DIGEST_NAMES_MAX: usize = 50;
/// Digits of a ULID.
const ULID_DIGITS: usize = 26;

/// What is said, without what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Template {
    /// Somebody tries whether notices arrive.
    Test,
    /// A person is asked.
    RequestOpened,
    /// A request runs out soon.
    RequestExpiresSoon,
    /// Something points to a forgery.
    AlarmRaised,
    /// A workflow came to its end.
    WorkflowEnded,
    /// What ended in a day.
    Digest,
    /// How a workflow stands, below the issue that it was started from.
    Status,
    /// What a command in a comment came to.
    CommandAnswered,
    /// Why a label started nothing.
    LabelAnswered,
    /// How a workflow stands and because of what, as our check run on what was written.
    GateSummary,
    /// A pull request is one of ours: our label on it.
    Labelled,
}

impl Template {
    /// All of them.
    pub const ALL: [Template; 11] = [
        Template::Test,
        Template::RequestOpened,
        Template::RequestExpiresSoon,
        Template::AlarmRaised,
        Template::WorkflowEnded,
        Template::Digest,
        Template::Status,
        Template::CommandAnswered,
        Template::LabelAnswered,
        Template::GateSummary,
        Template::Labelled,
    ];

    /// The word in lists and in the ledger: `request-opened`.
    pub fn as_str(self) -> &'static str {
        match self {
            Template::Test => "test",
            Template::RequestOpened => "request-opened",
            Template::RequestExpiresSoon => "request-expires-soon",
            Template::AlarmRaised => "alarm-raised",
            Template::WorkflowEnded => "workflow-ended",
            Template::Digest => "digest",
            Template::Status => "status",
            Template::CommandAnswered => "command-answered",
            Template::LabelAnswered => "label-answered",
            Template::GateSummary => "gate-summary",
            Template::Labelled => "labelled",
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a person is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asks {
    /// A plan.
    Plan,
    /// A patch set.
    PatchSet,
    /// A question of the fixed list.
    Question,
}

impl Asks {
    /// What a request asks about.
    pub fn of(subject: &Subject) -> Self {
        match subject {
            Subject::Plan { .. } => Asks::Plan,
            Subject::PatchSet { .. } => Asks::PatchSet,
            Subject::Question { .. } => Asks::Question,
        }
    }

    /// `plan`, `patch-set` or `question`.
    pub fn as_str(self) -> &'static str {
        match self {
            Asks::Plan => "plan",
            Asks::PatchSet => "patch-set",
            Asks::Question => "question",
        }
    }
}

/// The slots about a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AboutRequest {
    /// The request.
    pub request: RequestId,
    /// Its workflow.
    pub workflow: WorkflowId,
    /// What it asks about.
    pub asks: Asks,
    /// In which revision.
    pub revision: Revision,
    /// When it runs out; questions do not.
    pub expires_at: Option<Timestamp>,
}

impl AboutRequest {
    /// What may be said of a request.
    pub fn of(workflow: &WorkflowId, request: &Request) -> Self {
        Self {
            request: request.id.clone(),
            workflow: workflow.clone(),
            asks: Asks::of(&request.subject),
            revision: request.revision,
            expires_at: request.expires_at,
        }
    }
}

/// A workflow and the state in which it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ended {
    /// Which.
    pub workflow: WorkflowId,
    /// How.
    pub state: State,
}

/// A template with its slots filled. Also the persisted form, under `v` and `notice` of [`NoticeRecord`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "template", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Notice {
    /// Somebody tries whether notices arrive.
    Test {
        /// When.
        at: Timestamp,
    },
    /// A person is asked.
    RequestOpened {
        /// What they are asked.
        about: AboutRequest,
    },
    /// A request runs out soon.
    RequestExpiresSoon {
        /// Which.
        about: AboutRequest,
    },
    /// Something points to a forgery. What it is stands on the page, and there alone.
    AlarmRaised {
        /// About which workflow.
        workflow: WorkflowId,
        /// The ledger's entry that holds the alarm.
        entry: u64,
    },
    /// A workflow came to its end.
    WorkflowEnded {
        /// Which, and how.
        ended: Ended,
    },
    /// What ended in a day.
    Digest {
        /// From when.
        since: Timestamp,
        /// Until when.
        until: Timestamp,
        /// Workflows that ended, at most [`DIGEST_NAMES_MAX`].
        ended: Vec<Ended>,
        /// How many more did.
        more: u32,
        /// Workflows in which a person is asked.
        waiting: u32,
    },
    /// How a workflow stands. The one comment below its issue is changed to it.
    Status {
        /// Where the comment is.
        on: OnIssue,
        /// What it says.
        status: Status,
    },
    /// What a command in a comment came to.
    CommandAnswered {
        /// Where the command was given; a pull request has a number like an issue.
        on: OnIssue,
        /// The comment that gave it, by its number.
        comment: u64,
        /// What it came to.
        outcome: Outcome,
        /// How the workflow stands, where that was asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        status: Option<Box<Status>>,
    },
    /// Why a label started nothing.
    LabelAnswered {
        /// Where the label was put.
        on: OnIssue,
        /// The event by which it got there, by its number.
        event: u64,
        /// What it came to.
        outcome: Outcome,
    },
    /// How a workflow stands and because of what. Our one check run on that commit is changed to it.
    GateSummary {
        /// Where the check run is.
        on: OnHead,
        /// What it says.
        summary: Box<Summary>,
    },
    /// A pull request is one of ours. It gets our label, once: whoever takes it off there has the last word.
    Labelled {
        /// Which.
        on: OnIssue,
        /// Of which workflow.
        workflow: WorkflowId,
    },
}

impl Notice {
    /// Its template.
    pub fn template(&self) -> Template {
        match self {
            Notice::Test { .. } => Template::Test,
            Notice::RequestOpened { .. } => Template::RequestOpened,
            Notice::RequestExpiresSoon { .. } => Template::RequestExpiresSoon,
            Notice::AlarmRaised { .. } => Template::AlarmRaised,
            Notice::WorkflowEnded { .. } => Template::WorkflowEnded,
            Notice::Digest { .. } => Template::Digest,
            Notice::Status { .. } => Template::Status,
            Notice::CommandAnswered { .. } => Template::CommandAnswered,
            Notice::LabelAnswered { .. } => Template::LabelAnswered,
            Notice::GateSummary { .. } => Template::GateSummary,
            Notice::Labelled { .. } => Template::Labelled,
        }
    }

    /// What it is about, the same for every telling of the same thing: it is said once per place.
    fn key(&self) -> String {
        let what = match self {
            Notice::Test { at } => at.0.to_string(),
            Notice::RequestOpened { about } | Notice::RequestExpiresSoon { about } => {
                about.request.to_string()
            }
            Notice::AlarmRaised { entry, .. } => entry.to_string(),
            Notice::WorkflowEnded { ended } => ended.workflow.to_string(),
            Notice::Digest { until, .. } => until.0.to_string(),
            Notice::Status { on, status } => {
                format!(
                    "{}/{}/{}#{}",
                    status.workflow, status.step, on.repository, on.issue
                )
            }
            Notice::CommandAnswered { on, comment, .. } => format!("{}/{comment}", on.repository),
            Notice::LabelAnswered { on, event, .. } => format!("{}/{event}", on.repository),
            Notice::GateSummary { on, summary } => {
                let Status { workflow, step, .. } = &summary.status;
                format!("{workflow}/{step}/{}@{}", on.repository, on.head)
            }
            Notice::Labelled { on, workflow } => format!("{workflow}/{}#{}", on.repository, on.issue),
        };
        format!("{}/{what}", self.template())
    }

    /// Its id at a place. Said again, the same thing has the same id.
    pub fn id(&self, tenant: &TenantId, place: &PlaceId) -> NoticeId {
        let text = format!(
            "countersign/notice/v1\0{tenant}\0{}\0{}",
            place.as_str(),
            self.key()
        );
        NoticeId::from_hash(&Sha256::digest(text.as_bytes()).into())
    }

    /// The workflow that it is about, if it is about one.
    pub fn workflow(&self) -> Option<&WorkflowId> {
        match self {
            Notice::RequestOpened { about } | Notice::RequestExpiresSoon { about } => Some(&about.workflow),
            Notice::AlarmRaised { workflow, .. } | Notice::Labelled { workflow, .. } => Some(workflow),
            Notice::WorkflowEnded { ended } => Some(&ended.workflow),
            Notice::Status { status, .. } => Some(&status.workflow),
            Notice::GateSummary { summary, .. } => Some(&summary.status.workflow),
            Notice::Test { .. }
            | Notice::Digest { .. }
            | Notice::CommandAnswered { .. }
            | Notice::LabelAnswered { .. } => None,
        }
    }

    /// Whether every id in it has the form that we make: nobody's words fit into that.
    fn names_ours_only(&self) -> bool {
        let of = |workflow: &WorkflowId, request: &RequestId| {
            is_ours(workflow.as_str())
                && request
                    .as_str()
                    .strip_prefix(workflow.as_str())
                    .and_then(|rest| rest.strip_prefix(":rq:"))
                    .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
        };
        let stands = |status: &Status| {
            let request = status.request.as_ref();
            is_ours(status.workflow.as_str()) && request.is_none_or(|r| of(&status.workflow, r))
        };
        match self {
            Notice::Test { .. } | Notice::LabelAnswered { .. } => true,
            Notice::RequestOpened { about } | Notice::RequestExpiresSoon { about } => {
                of(&about.workflow, &about.request)
            }
            Notice::Status { status, .. } => stands(status),
            Notice::CommandAnswered { status, .. } => status.as_deref().is_none_or(stands),
            Notice::GateSummary { summary, .. } => stands(&summary.status),
            Notice::AlarmRaised { workflow, .. } | Notice::Labelled { workflow, .. } => {
                is_ours(workflow.as_str())
            }
            Notice::WorkflowEnded { ended } => is_ours(ended.workflow.as_str()),
            Notice::Digest { ended, .. } => {
                ended.len() <= DIGEST_NAMES_MAX && ended.iter().all(|e| is_ours(e.workflow.as_str()))
            }
        }
    }
}

/// `wf_` and a ULID.
fn is_ours(workflow: &str) -> bool {
    let ulid = |text: &str| {
        text.len() == ULID_DIGITS && text.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())
    };
    workflow.strip_prefix(WorkflowId::PREFIX).is_some_and(ulid)
}
