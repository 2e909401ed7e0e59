//! A notice as lists show it.

use countersign_ports::notice::NoticeRow;
use serde::Serialize;
use utoipa::ToSchema;

/// What left as a notice, or is to.
#[derive(Debug, Serialize, ToSchema)]
pub struct NoticeWire {
    /// Its id; a signed webhook carries it as `webhook-id`.
    id: String,
    /// `request-opened`, `request-expires-soon`, `alarm-raised`, `workflow-ended`, `digest` or `test`.
    template: String,
    /// The workflow, where it is about one.
    workflow: Option<String>,
    /// Where to, masked.
    place: String,
    /// `waiting`, `sending`, `delivered`, `refused`, `unknown`, `given-up` or `void`.
    standing: String,
    /// How often it was tried.
    attempts: u32,
    /// When it was made. RFC 3339, UTC.
    queued_at: String,
    /// When it was tried last.
    tried_at: Option<String>,
    /// When it is tried next, while it waits.
    next_try_at: Option<String>,
    /// Stable kebab-case code of the last thing that went wrong.
    code: Option<String>,
    /// The same as a plain sentence.
    message: Option<String>,
}

impl NoticeWire {
    /// From a stored row.
    pub fn of(row: &NoticeRow) -> Self {
        let waits = row.standing == countersign_core::notice::NoticeStanding::Waiting;
        Self {
            id: row.id.to_string(),
            template: row.notice.template().to_string(),
            workflow: row.notice.workflow().map(ToString::to_string),
            place: row.shown.clone(),
            standing: row.standing.as_str().to_owned(),
            attempts: row.attempts,
            queued_at: row.queued_at.to_rfc3339(),
            tried_at: row.tried_at.map(|at| at.to_rfc3339()),
            next_try_at: waits.then(|| row.until.to_rfc3339()),
            code: row.code.clone(),
            message: row.message.clone(),
        }
    }
}
