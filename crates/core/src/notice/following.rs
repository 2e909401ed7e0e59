//! Which notices follow from what was recorded, and from time going by. Pure: the engine reads the ledger and the clock.

use super::{AboutRequest, DIGEST_NAMES_MAX, Ended, Notice};
use crate::id::WorkflowId;
use crate::time::Timestamp;
use crate::workflow::event::Request;
use crate::workflow::{Event, Workflow};

/// A request is warned about at most this long before it runs out, in milliseconds.
pub const WARN_BEFORE_MS: u64 = 24 * HOUR_MS;
/// At which time of the day (UTC) the digest is made, in milliseconds.
pub const DIGEST_AT_MS: u64 = 7 * HOUR_MS;

/// The digest is made this long after the day has ended, in milliseconds: what was decided before may just be recorded.
pub const DIGEST_GRACE_MS: u64 = 60_000;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// A request that lives for less than four times [`WARN_BEFORE_MS`] is warned about in the last quarter of its life.
const QUARTER: u64 = 4;

/// The notice that follows from an event of a workflow, if one does.
pub fn of_event(workflow: &WorkflowId, event: &Event) -> Option<Notice> {
    if let Event::RequestOpened { request, .. } = event {
        let about = AboutRequest::of(workflow, request);
        return Some(Notice::RequestOpened { about });
    }
    if let Event::WorkflowEnded { state, .. } = event {
        let (workflow, state) = (workflow.clone(), *state);
        return Some(Notice::WorkflowEnded {
            ended: Ended { workflow, state },
        });
    }
    None
}

/// Whether something that [`super::Status`] says may be another thing after it.
pub fn changes_status(event: &Event) -> bool {
    matches!(
        event,
        Event::StateEntered { .. }
            | Event::WorkflowEnded { .. }
            | Event::RequestOpened { .. }
            | Event::GateEvaluated { .. }
            | Event::AttemptEnded { .. }
            | Event::FixRoundBegun {}
            | Event::PullRequestClosed { .. }
            | Event::RequestClosed { .. }
            | Event::ActTaken { .. }
            | Event::AnswerGiven { .. }
    )
}

/// From when on it is said that a request runs out; questions do not.
pub fn warns_at(request: &Request) -> Option<Timestamp> {
    let expires_at = request.expires_at?;
    let life = expires_at.0.saturating_sub(request.opened_at.0);
    Some(Timestamp(expires_at.0 - WARN_BEFORE_MS.min(life / QUARTER)))
}

/// Warnings that are due, and when the next one will be.
pub fn warnings(workflow: &Workflow, now: Timestamp) -> (Vec<Notice>, Option<Timestamp>) {
    let (mut due, mut next) = (Vec::new(), None);
    for request in workflow.open_requests() {
        let (Some(at), Some(end)) = (warns_at(request), request.expires_at) else {
            continue;
        };
        if now < at {
            next = Some(next.map_or(at, |earlier: Timestamp| earlier.min(at)));
        } else if now < end {
            let about = AboutRequest::of(&workflow.id, request);
            due.push(Notice::RequestExpiresSoon { about });
        }
    }
    (due, next)
}

/// The end of the day that a digest is due for, if the last one ended before it.
pub fn digest_due(last: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let days = now.0.checked_sub(DIGEST_AT_MS + DIGEST_GRACE_MS)? / DAY_MS;
    let until = Timestamp(days * DAY_MS + DIGEST_AT_MS);
    (until > last).then_some(until)
}

/// The digest of what ended; `None` where nothing did, because then there is nothing to say.
pub fn digest(since: Timestamp, until: Timestamp, mut ended: Vec<Ended>, waiting: u32) -> Option<Notice> {
    if ended.is_empty() {
        return None;
    }
    let more = ended.len().saturating_sub(DIGEST_NAMES_MAX);
    ended.truncate(DIGEST_NAMES_MAX);
    Some(Notice::Digest {
        since,
        until,
        ended,
        more: u32::try_from(more).unwrap_or(u32::MAX),
        waiting,
    })
}
