//! Single decisions from the command line: reject, request changes, answer, withdraw, cancel, retry, wake.

use super::{files, which};
use crate::cli::{AnswerArgs, ChangesArgs, ExtendArgs, ReasonArgs, RejectArgs, StoryId};
use crate::decide::exit_for;
use crate::desk::{Desk, Place};
use crate::error::{CliError, Exit};
use crate::render::seen::Seen;
use crate::render::{end, waiting};
use crate::session::Session;
use crate::terminal::{Page, Person, Style};
use crate::wire::WorkflowWire;
use countersign_core::act::{Act, Attendance};
use countersign_core::id::WorkflowId;
use countersign_core::question::Choice;
use countersign_core::workflow::event::{Request, Subject};
use countersign_core::workflow::extendable_until;
use countersign_ports::store::InputStatus;

/// A day in milliseconds.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// `reject`.
pub(super) async fn reject(desk: &Desk, args: RejectArgs) -> Result<Exit, CliError> {
    if args.yes {
        let text = "--yes approves unattended, and only a person rejects";
        return Err(CliError::usage("usage", text).next("Leave --yes out, and decide at a terminal."));
    }
    let id = which::find(desk, &args.which).await?;
    let seen = desk.look(&id).await?;
    let request = undecided(&seen)?;
    person(desk, &id)?;
    let (_, digest) = seen.subject(request);
    let act = Act::Reject {
        request: request.id.clone(),
        seen: digest,
        reason: args.reason,
    };
    taken(desk, &id, act, Attendance::Attended).await?;
    Ok(Exit::Ok)
}

/// `request-changes`.
pub(super) async fn request_changes(desk: &Desk, args: ChangesArgs) -> Result<Exit, CliError> {
    let id = which::find(desk, &args.which).await?;
    let comment = match (args.comment, args.file) {
        (Some(comment), _) => comment,
        (None, Some(file)) => files::read_words(&file)?,
        (None, None) => String::new(),
    };
    let seen = desk.look(&id).await?;
    let request = undecided(&seen)?;
    person(desk, &id)?;
    let (_, digest) = seen.subject(request);
    let act = Act::RequestChanges {
        request: request.id.clone(),
        seen: digest,
        comment,
        comments: Vec::new(),
    };
    let after = taken(desk, &id, act, Attendance::Attended).await?;
    Ok(exit_for(after.workflow.state))
}

/// `answer`.
pub(super) async fn answer(desk: &Desk, args: AnswerArgs) -> Result<Exit, CliError> {
    let id = which::find(desk, &args.which).await?;
    let seen = desk.look(&id).await?;
    let Some(request) = seen.question() else {
        let text = format!("the workflow is {} and asks no question", seen.workflow.state);
        return Err(CliError::refused("wrong-state", text).next(format!("countersign show {id}")));
    };
    let Some(choice) = Choice::parse(&args.choice) else {
        let text = format!("`{}` is not a choice", args.choice);
        return Err(
            CliError::refused("not-a-choice", text).next(format!("The choices: countersign show {id}"))
        );
    };
    let text = match (args.text, args.file) {
        (Some(text), _) => text,
        (None, Some(file)) => files::read_words(&file)?,
        (None, None) => String::new(),
    };
    person(desk, &id)?;
    let (_, digest) = seen.subject(request);
    let act = Act::Answer {
        request: request.id.clone(),
        seen: digest,
        choice,
        text,
    };
    let after = taken(desk, &id, act, Attendance::Attended).await?;
    Ok(exit_for(after.workflow.state))
}

/// `withdraw`.
pub(super) async fn withdraw(desk: &Desk, args: ReasonArgs) -> Result<Exit, CliError> {
    let id = which::find(desk, &args.which).await?;
    taken(desk, &id, Act::Withdraw { reason: args.reason }, attendance(desk)).await?;
    Ok(Exit::Ok)
}

/// `cancel`.
pub(super) async fn cancel(desk: &Desk, args: ReasonArgs) -> Result<Exit, CliError> {
    let id = which::find(desk, &args.which).await?;
    if let Place::Folder(session) = &desk.at {
        drop_held(desk, session, &id).await?;
    }
    taken(desk, &id, Act::Cancel { reason: args.reason }, attendance(desk)).await?;
    Ok(Exit::Ok)
}

/// A person resolves inputs that can't be judged by dropping them; until then they hold the workflow closed.
async fn drop_held(desk: &Desk, session: &Session, id: &WorkflowId) -> Result<(), CliError> {
    let held = session.store.held_inputs(id).await?;
    if held.is_empty() {
        return Ok(());
    }
    person(desk, id)?;
    for (input, why) in held {
        let message = format!("dropped by a person who cancelled the workflow; {why}");
        let code = "input-dropped".to_owned();
        session
            .store
            .settle_input(&input, &InputStatus::Refused { code, message })
            .await?;
    }
    Ok(())
}

/// `retry`.
pub(super) async fn retry(desk: &Desk, which: StoryId) -> Result<Exit, CliError> {
    let id = which::find(desk, &which).await?;
    let seen = desk.look(&id).await?;
    let Some(request) = seen.question() else {
        let text = format!("the workflow is {} and nothing has stopped", seen.workflow.state);
        return Err(CliError::refused("wrong-state", text).next(format!("countersign show {id}")));
    };
    let (_, digest) = seen.subject(request);
    let act = Act::Retry {
        request: request.id.clone(),
        seen: digest,
    };
    let after = taken(desk, &id, act, attendance(desk)).await?;
    Ok(exit_for(after.workflow.state))
}

/// `extend`.
pub(super) async fn extend(desk: &Desk, args: ExtendArgs) -> Result<Exit, CliError> {
    let id = which::find(desk, &args.which).await?;
    let seen = desk.look(&id).await?;
    let all = seen.approvals_wanted();
    let meant = all.into_iter().find(|r| match (&r.subject, &args.repo) {
        (_, None) => true,
        (Subject::PatchSet { repository, .. }, Some(name)) => {
            seen.workflow.repository_name(repository) == *name
        }
        (Subject::Plan { .. } | Subject::Question { .. }, Some(_)) => false,
    });
    let request = meant.ok_or_else(|| nothing_to_decide(&seen))?;
    person(desk, &id)?;
    let latest = extendable_until(&seen.workflow, request, seen.at);
    let latest =
        latest.ok_or_else(|| CliError::refused("not-extendable", "this request does not run out"))?;
    let until = args
        .days
        .map_or(latest, |days| seen.at.plus_ms(u64::from(days) * DAY_MS));
    let (_, digest) = seen.subject(request);
    let act = Act::Extend {
        request: request.id.clone(),
        seen: digest,
        until,
    };
    let after = taken(desk, &id, act, Attendance::Attended).await?;
    Ok(exit_for(after.workflow.state))
}

/// `wake`.
pub(super) async fn wake(desk: &Desk, which: StoryId) -> Result<Exit, CliError> {
    let id = which::find(desk, &which).await?;
    let after = taken(desk, &id, Act::Wake, attendance(desk)).await?;
    Ok(exit_for(after.workflow.state))
}

/// The first request for an approval.
fn undecided(seen: &Seen) -> Result<&Request, CliError> {
    seen.approvals_wanted()
        .into_iter()
        .next()
        .ok_or_else(|| nothing_to_decide(seen))
}

/// No plan and no patch set waits.
pub(super) fn nothing_to_decide(seen: &Seen) -> CliError {
    let id = &seen.workflow.id;
    let text = format!(
        "the workflow is {}; nothing waits for an approval",
        seen.workflow.state
    );
    let next = if seen.question().is_some() {
        format!("A question waits: countersign show {id}, then countersign answer {id} CHOICE")
    } else {
        format!("See where it is: countersign show {id}")
    };
    CliError::refused("wrong-state", text).next(next)
}

/// The person without whom this can't be decided.
pub(super) fn person(desk: &Desk, id: &WorkflowId) -> Result<Person, CliError> {
    Person::at_terminal(&desk.app.terminal).ok_or_else(|| {
        let text = "this needs a person at a terminal, and there is none";
        CliError::waits("needs-a-person", text).next(format!("At a terminal: countersign resume {id}"))
    })
}

fn attendance(desk: &Desk) -> Attendance {
    match Person::at_terminal(&desk.app.terminal) {
        Some(_) => Attendance::Attended,
        None => Attendance::Unattended,
    }
}

/// Sends an act and says how the workflow stands afterwards.
pub(super) async fn taken(
    desk: &Desk,
    id: &WorkflowId,
    act: Act,
    attendance: Attendance,
) -> Result<Seen, CliError> {
    let verb = act.verb();
    if desk.events(id).await?.is_empty() {
        desk.look(id).await?;
    }
    desk.send(id, act, attendance).await?;
    stands(desk, id, verb).await
}

/// How a workflow stands after something was done to it.
pub(super) async fn stands(desk: &Desk, id: &WorkflowId, verb: &str) -> Result<Seen, CliError> {
    let seen = desk.look(id).await?;
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&WorkflowWire::of(&seen));
        return Ok(seen);
    }
    let mut page = Page::new();
    if !seen.workflow.state.is_final() {
        page.gap();
        page.line(0)
            .add(Style::Good, "✓ ")
            .add(
                Style::Plain,
                format!("{verb}: taken. The workflow is {}", seen.workflow.state),
            )
            .add(Style::Dim, format!("  {}", seen.workflow.reason));
    }
    page.append(waiting::question(&seen));
    page.append(waiting::how(&seen));
    page.append(end::page(&seen));
    terminal.print(&page);
    Ok(seen)
}
