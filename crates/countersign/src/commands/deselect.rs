//! `deselect`: leaves patches or hunks out; what is left is another revision.

use super::{acts, digits, which};
use crate::cli::DeselectArgs;
use crate::decide::exit_for;
use crate::desk::Desk;
use crate::error::{CliError, Exit};
use crate::leaving_out::{act, read, request};
use crate::talk::{self, Given};
use countersign_core::act::Attendance;

/// `deselect`.
pub(super) async fn deselect(desk: &Desk, args: DeselectArgs) -> Result<Exit, CliError> {
    let id = which::find(desk, &args.which).await?;
    let seen = desk.look(&id).await?;
    let left_out = read(&seen, &args.parts, args.repo.as_deref(), false)?;
    let Some(request) = request(&seen, &left_out) else {
        let text = format!(
            "the workflow is {}; patches can be left out when their approval is asked for",
            seen.workflow.state
        );
        return Err(CliError::refused("wrong-state", text).next(format!("countersign show {id}")));
    };
    digits::check(&id, &args.digests, &[seen.subject(request).1])?;
    let person = acts::person(desk, &id)?;
    let given = Given::of_digests(&args.digests);
    if !talk::agreed_to_leave_out(&person, &seen, (&left_out, request), &given).await {
        let next = format!("countersign resume {id}");
        return Err(CliError::waits("not-deselected", "nothing was left out").next(next));
    }
    let act = act(&seen, request, left_out, args.reason);
    let after = acts::taken(desk, &id, act, Attendance::Attended).await?;
    Ok(exit_for(after.workflow.state))
}
