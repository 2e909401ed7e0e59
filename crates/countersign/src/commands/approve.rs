//! `approve`: by a person who types digits, or unattended and said so.

use super::{acts, digits, which};
use crate::cli::ApproveArgs;
use crate::decide::exit_for;
use crate::desk::Desk;
use crate::error::{CliError, Exit};
use crate::render::review;
use crate::render::seen::{Seen, first8};
use crate::talk;
use countersign_core::act::{Act, Attendance};
use countersign_core::workflow::event::{Request, Subject};

/// `approve`.
pub(super) async fn approve(desk: &Desk, args: ApproveArgs) -> Result<Exit, CliError> {
    let id = which::find(desk, &args.which).await?;
    let seen = desk.look(&id).await?;
    let requests = wanted(&seen, &args)?;
    check_digits(&seen, &requests, &args)?;
    let acts = if args.yes {
        requests.iter().map(|r| unattended(&seen, r, &args)).collect()
    } else {
        attended(desk, &seen, &requests, &args).await?
    };
    let attendance = if args.yes {
        Attendance::Unattended
    } else {
        Attendance::Attended
    };
    for act in acts {
        desk.send(&id, act, attendance).await?;
    }
    let after = acts::stands(desk, &id, "approve").await?;
    Ok(exit_for(after.workflow.state))
}

/// The requests that are meant.
fn wanted<'a>(seen: &'a Seen, args: &ApproveArgs) -> Result<Vec<&'a Request>, CliError> {
    let all = seen.approvals_wanted();
    if all.is_empty() {
        return Err(acts::nothing_to_decide(seen));
    }
    let Some(name) = &args.repo else { return Ok(all) };
    let of = |r: &&Request| match &r.subject {
        Subject::PatchSet { repository, .. } => seen.workflow.repository_name(repository) == *name,
        Subject::Plan { .. } | Subject::Question { .. } => false,
    };
    let found: Vec<&Request> = all.into_iter().filter(of).collect();
    if found.is_empty() {
        let text = format!("nothing of `{name}` waits for an approval");
        return Err(CliError::refused("request-not-open", text)
            .next(format!("See what waits: countersign show {}", seen.workflow.id)));
    }
    Ok(found)
}

/// Digits that were given must all be those of something that waits; nothing is approved otherwise.
fn check_digits(seen: &Seen, requests: &[&Request], args: &ApproveArgs) -> Result<(), CliError> {
    let waits: Vec<_> = requests.iter().map(|r| seen.subject(r).1).collect();
    digits::check(&seen.workflow.id, &args.digests, &waits)?;
    let given = |r: &&&Request| {
        let digest = seen.subject(r).1.to_hex();
        args.digests
            .iter()
            .any(|d| digest.starts_with(&d.to_ascii_lowercase()))
    };
    match requests.iter().find(|r| !given(r)) {
        Some(missing) if args.yes && !args.digests.is_empty() => {
            let (subject, digest) = seen.subject(missing);
            let text = format!("no --digest was given for {subject} ({})", first8(&digest));
            Err(CliError::refused("digest-mismatch", text)
                .next("Give one per patch set, or name one with --repo."))
        }
        Some(_) | None => Ok(()),
    }
}

fn unattended(seen: &Seen, request: &Request, args: &ApproveArgs) -> Act {
    let all = seen.warnings(request).iter().map(|v| v.id()).collect();
    let acknowledged = if args.acknowledge_warnings {
        all
    } else {
        named(seen, request, args)
    };
    Act::Approve {
        request: request.id.clone(),
        seen: seen.subject(request).1,
        acknowledged,
    }
}

/// The warnings of this request that were named on the command line.
fn named(seen: &Seen, request: &Request, args: &ApproveArgs) -> Vec<String> {
    let ids = seen.warnings(request).into_iter().map(|v| v.id());
    ids.filter(|id| args.acknowledge.contains(id)).collect()
}

async fn attended(
    desk: &Desk,
    seen: &Seen,
    requests: &[&Request],
    args: &ApproveArgs,
) -> Result<Vec<Act>, CliError> {
    let person = acts::person(desk, &seen.workflow.id)?;
    person.show(&desk.app.terminal, &review::page(seen));
    let mut acts = Vec::new();
    for request in requests {
        let act = talk::approve_one(&person, seen, request, &talk::Given::from(args)).await;
        acts.push(act.ok_or_else(|| {
            let text = "nothing was approved";
            CliError::waits("not-approved", text).next(format!("countersign resume {}", seen.workflow.id))
        })?);
    }
    Ok(acts)
}
