//! From the words of somebody who waives to acts: which broken rules are meant, until when, and one act after the
//! other. What may be waived is decided in `core`; here nothing is judged twice.

use crate::desk::Desk;
use crate::error::CliError;
use crate::render::seen::Seen;
use crate::render::waivers::{self, asked_at, waivable};
use countersign_core::act::{Act, Attendance};
use countersign_core::policy::Violation;
use countersign_core::question::QuestionKind;
use countersign_core::time::Timestamp;
use countersign_core::workflow::event::{Request, Subject};

/// For how many days a waiver lives where nobody says, or fewer where policy wants that.
pub(crate) const DAYS_DEFAULT: u32 = 7;
/// A day in milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// That many days from now.
pub(crate) fn in_days(now: Timestamp, days: u32) -> Timestamp {
    now.plus_ms(u64::from(days) * DAY_MS)
}

/// The longest life that the policies of these violations allow, in days.
pub(crate) fn days_max(seen: &Seen, chosen: &[&Violation]) -> u32 {
    waivers::days_max(seen, chosen).unwrap_or(DAYS_DEFAULT)
}

/// The violation that a person names, as `RULE@PATH`.
///
/// # Errors
/// When there is none, it is in several repositories, or nobody can waive it.
pub(crate) fn find<'a>(seen: &'a Seen, named: &str, repo: Option<&str>) -> Result<&'a Violation, CliError> {
    let id = &seen.workflow.id;
    let name = |v: &Violation| seen.workflow.repository_name(&v.repository);
    let fits = |v: &&Violation| v.id() == named && repo.is_none_or(|r| name(v) == r);
    let found: Vec<&Violation> = seen.workflow.violations.iter().filter(fits).collect();
    match found.as_slice() {
        [] => {
            let here = match repo {
                Some(repo) => format!(" of {repo}"),
                None => String::new(),
            };
            let text = format!("`{named}` is not among the broken rules{here}");
            Err(CliError::refused("not-waivable", text).next(can_be(seen)))
        }
        [one] if waivable(seen).iter().any(|v| v == one) => Ok(one),
        [one] if one.waived_until.is_some() => {
            let text = format!("`{named}` is waived already");
            Err(CliError::refused("not-waivable", text).next(format!("countersign show {id}")))
        }
        [one] => {
            let text = format!(
                "`{named}` is about the whole change or could reach outside of the work tree; nobody can waive it"
            );
            Err(CliError::refused("not-waivable", text).next(one.remedy.clone()))
        }
        several => {
            let names: Vec<String> = several.iter().map(|v| name(v)).collect();
            let text = format!("`{named}` is broken in {}", names.join(" and "));
            Err(CliError::refused("ambiguous", text).next("Say which with --repo."))
        }
    }
}

fn can_be(seen: &Seen) -> String {
    let ids: Vec<String> = waivable(seen).iter().map(|v| v.id()).collect();
    match ids.is_empty() {
        true => format!("Nothing can be waived now. countersign show {}", seen.workflow.id),
        false => format!("What can be waived: {}", ids.join(", ")),
    }
}

/// Whether policy asks and something can be waived.
pub(crate) fn offered(seen: &Seen) -> bool {
    let asks = |r: &Request| match &r.subject {
        Subject::Question { question, .. } => question.kind == QuestionKind::PolicyBlocks,
        Subject::Plan { .. } | Subject::PatchSet { .. } => false,
    };
    seen.question().is_some_and(asks) && !waivable(seen).is_empty()
}

/// Waives one after the other. What waits changes with each, so it is read again; what was chosen must be there as it
/// was seen, with the same content. Warnings go first: as long as something blocks, the workflow stays where it is.
///
/// # Errors
/// When one is refused, or is not there any more; those before it stay waived.
pub(crate) async fn send(
    desk: &Desk,
    seen: &Seen,
    chosen: &[&Violation],
    (reason, until): (&str, Timestamp),
) -> Result<(), CliError> {
    let id = &seen.workflow.id;
    let mut in_order: Vec<Violation> = chosen.iter().map(|v| (*v).clone()).collect();
    in_order.sort_by_key(|v| v.severity);
    for violation in in_order {
        let now = desk.look(id).await?;
        let act = act(&now, &violation, reason, until).ok_or_else(|| {
            let text = format!("`{}` is not there any more as you saw it", violation.id());
            CliError::refused("not-waivable", text)
                .next(format!("Look at what waits now: countersign show {id}"))
        })?;
        desk.send(id, act, Attendance::Attended).await?;
    }
    Ok(())
}

/// The act that waives what was seen; `None`: it is not there as it was seen.
fn act(now: &Seen, seen: &Violation, reason: &str, until: Timestamp) -> Option<Act> {
    let there = |v: &&&Violation| v.repository == seen.repository && v.id() == seen.id();
    let violation = *waivable(now).iter().find(there)?;
    if violation.content != seen.content {
        return None;
    }
    let request = asked_at(now, violation)?;
    Some(Act::Waive {
        request: request.id.clone(),
        seen: now.subject(request).1,
        repository: violation.repository.clone(),
        violation: violation.id(),
        reason: reason.to_owned(),
        until,
    })
}
