//! The conversation about one workflow: drive it, show what waits, take decisions, until it rests or the person quits.

use crate::desk::Desk;
use crate::error::{CliError, Exit};
use crate::render::{end, review, seen::Seen, waiting};
use crate::talk;
use crate::terminal::{Page, Person, Style};
use countersign_core::act::{Act, Attendance};
use countersign_core::id::WorkflowId;
use countersign_core::workflow::State;

/// How decisions are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// By a person at the terminal; without one it stops.
    Person,
    /// Unattended: approves, and nothing else.
    Unattended {
        /// Every warning counts as acknowledged.
        acknowledge_warnings: bool,
    },
}

/// Takes a workflow as far as it goes.
///
/// # Errors
/// When the store fails, or an unattended decision is refused.
pub(crate) async fn follow(desk: &Desk, id: &WorkflowId, mode: Mode) -> Result<(Seen, Exit), CliError> {
    let terminal = &desk.app.terminal;
    let person = match mode {
        Mode::Person if !terminal.is_json() => Person::at_terminal(terminal),
        Mode::Person | Mode::Unattended { .. } => None,
    };
    loop {
        desk.drive(id, None).await?;
        let seen = desk.look(id).await?;
        let state = seen.workflow.state;
        if state.is_final() {
            terminal.print(&end::page(&seen));
            return Ok((seen, exit_for(state)));
        }
        let held = desk.held(id).await?;
        if !held.is_empty() {
            terminal.print(&review::page(&seen));
            terminal.print(&waiting::held(id, &held));
            return Ok((seen, Exit::Waits));
        }
        // Frozen, or somebody at the forge is to do something: there is nothing to decide here.
        if state == State::Applying || state == State::PrOpen || state == State::AwaitingMerge {
            terminal.print(&waiting::how(&seen));
            return Ok((seen, exit_for(state)));
        }
        match (mode, &person) {
            (Mode::Unattended { acknowledge_warnings }, _) => {
                terminal.print(&review::page(&seen));
                if !unattended(desk, &seen, acknowledge_warnings).await? {
                    terminal.print(&waiting::how(&seen));
                    return Ok((seen, exit_for(state)));
                }
            }
            (Mode::Person, Some(person)) => {
                person.show(terminal, &review::page(&seen));
                if !talk::decide(desk, person, &seen).await? {
                    terminal.print(&waiting::how(&seen));
                    return Ok((seen, exit_for(state)));
                }
            }
            (Mode::Person, None) => {
                terminal.print(&review::page(&seen));
                terminal.print(&waiting::how(&seen));
                return Ok((seen, exit_for(state)));
            }
        }
    }
}

/// Approves what waits, unattended. `false`: what waits is not for that.
async fn unattended(desk: &Desk, seen: &Seen, acknowledge_warnings: bool) -> Result<bool, CliError> {
    let requests = seen.approvals_wanted();
    let mut page = Page::new();
    page.gap();
    if requests.is_empty() {
        page.line(0)
            .add(Style::Warn, "? ")
            .add(Style::Plain, "unattended: questions are never answered");
        desk.app.terminal.print(&page);
        return Ok(false);
    }
    let warned = requests.iter().any(|r| !seen.warnings(r).is_empty());
    if warned && !acknowledge_warnings {
        let text = "unattended: policy warnings are not acknowledged without --acknowledge-warnings";
        page.line(0).add(Style::Warn, "? ").add(Style::Plain, text);
        desk.app.terminal.print(&page);
        return Ok(false);
    }
    page.line(0)
        .add(Style::Warn, "! ")
        .add(Style::Bold, "unattended: approving without anybody looking");
    desk.app.terminal.print(&page);
    for request in requests {
        let (_, digest) = seen.subject(request);
        let acknowledged = seen.warnings(request).iter().map(|v| v.id()).collect();
        let act = Act::Approve {
            request: request.id.clone(),
            seen: digest,
            acknowledged,
        };
        desk.send(&seen.workflow.id, act, Attendance::Unattended).await?;
    }
    Ok(true)
}

/// What a workflow's state means for whoever called.
pub(crate) fn exit_for(state: State) -> Exit {
    match state {
        State::Done => Exit::Ok,
        State::Declined | State::Failed | State::Cancelled => Exit::Ended,
        State::BlockedPolicy => Exit::Refused,
        // Nothing rests in Applying or PrOpen, unless somebody froze it, and in the two below it is CI or a merge that is waited for.
        State::AwaitingPlanApproval
        | State::AwaitingApproval
        | State::NeedsHuman
        | State::Deferred
        | State::Applying
        | State::PrOpen
        | State::VerifyingCi
        | State::AwaitingMerge => Exit::Waits,
        State::Queued
        | State::LoadingContext
        | State::Triaging
        | State::Planning
        | State::Coding
        | State::Reviewing => Exit::Internal,
    }
}
