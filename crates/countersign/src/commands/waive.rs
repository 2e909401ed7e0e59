//! `waive`: lets named broken rules pass, for exactly the contents that are shown.

use super::{acts, digits, which};
use crate::cli::WaiveArgs;
use crate::decide::exit_for;
use crate::desk::Desk;
use crate::error::{CliError, Exit};
use crate::render::review;
use crate::render::seen::Seen;
use crate::render::waivers::asked_at;
use crate::talk::{self, Given};
use crate::waiving::{DAYS_DEFAULT, days_max, find, in_days, send};
use countersign_core::policy::Violation;
use countersign_core::time::Timestamp;
use time::macros::{format_description, time};

/// `waive`.
pub(super) async fn waive(desk: &Desk, args: WaiveArgs) -> Result<Exit, CliError> {
    // Before anybody types digits for it.
    if args.reason.trim().is_empty() {
        let text = "the reason is empty; say it in a sentence";
        return Err(CliError::refused("bad-text", text));
    }
    let id = which::find(desk, &args.which).await?;
    let seen = desk.look(&id).await?;
    let mut chosen: Vec<&Violation> = Vec::new();
    for named in &args.violations {
        let found = find(&seen, named, args.repo.as_deref())?;
        if !chosen.contains(&found) {
            chosen.push(found);
        }
    }
    check_digits(&seen, &chosen, &args.digests)?;
    let until = until(&args, &seen, &chosen, desk.now().await?)?;
    let person = acts::person(desk, &id)?;
    person.show(&desk.app.terminal, &review::page(&seen));
    let given = Given::of_digests(&args.digests);
    if !talk::agreed_to_waive(&person, &seen, (&chosen, until), &given).await {
        let next = format!("countersign resume {id}");
        return Err(CliError::waits("not-waived", "nothing was waived").next(next));
    }
    send(desk, &seen, &chosen, (&args.reason, until)).await?;
    let after = acts::stands(desk, &id, "waive").await?;
    Ok(exit_for(after.workflow.state))
}

/// Digits that were given must be those of what waits; nothing is waived otherwise.
fn check_digits(seen: &Seen, chosen: &[&Violation], given: &[String]) -> Result<(), CliError> {
    let id = &seen.workflow.id;
    let Some(request) = chosen.first().and_then(|v| asked_at(seen, v)) else {
        let text = format!(
            "the workflow is {}, and nothing that can be waived waits",
            seen.workflow.state
        );
        return Err(CliError::refused("wrong-state", text).next(format!("countersign show {id}")));
    };
    digits::check(id, given, &[seen.subject(request).1])
}

fn until(
    args: &WaiveArgs,
    seen: &Seen,
    chosen: &[&Violation],
    now: Timestamp,
) -> Result<Timestamp, CliError> {
    match (&args.until, args.days) {
        (Some(date), _) => end_of(date),
        (None, Some(days)) => Ok(in_days(now, days)),
        (None, None) => Ok(in_days(now, DAYS_DEFAULT.min(days_max(seen, chosen)))),
    }
}

/// The last millisecond of a day in UTC.
fn end_of(date: &str) -> Result<Timestamp, CliError> {
    let format = format_description!("[year]-[month]-[day]");
    let refuse = || {
        let text = format!("`{date}` is not a date such as 2026-12-31");
        CliError::usage("bad-date", text)
    };
    let day = time::Date::parse(date, format).map_err(|_| refuse())?;
    let last = day
        .with_time(time!(23:59:59.999))
        .assume_utc()
        .unix_timestamp_nanos()
        / 1_000_000;
    u64::try_from(last).map(Timestamp).map_err(|_| refuse())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_lasts_until_its_end() {
        let end = end_of("2026-12-31").expect("a date");
        assert_eq!(end.to_rfc3339(), "2026-12-31T23:59:59.999Z");
        for wrong in ["2026-13-01", "31.12.2026", "2026-02-30", ""] {
            assert_eq!(end_of(wrong).expect_err(wrong).code, "bad-date");
        }
    }
}
