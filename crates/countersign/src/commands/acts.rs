//! Single decisions from the command line: reject, request changes, answer, withdraw, cancel, retry, wake.

use super::{files, which};
use crate::cli::{AnswerArgs, ChangesArgs, ReasonArgs, RejectArgs, StoryId};
use crate::decide::exit_for;
use crate::drive;
use crate::error::{CliError, Exit};
use crate::render::seen::Seen;
use crate::render::{end, waiting};
use crate::session::Session;
use crate::terminal::{Page, Person, Style};
use crate::wire::WorkflowWire;
use countersign_core::act::{Act, Attendance};
use countersign_core::id::WorkflowId;
use countersign_core::question::Choice;
use countersign_core::workflow::event::Request;
use countersign_ports::store::InputStatus;

/// `reject`.
pub(super) async fn reject(session: &Session, args: RejectArgs) -> Result<Exit, CliError> {
    let id = which::find(session, &args.which).await?;
    let seen = session.look(&id).await?;
    let request = undecided(&seen)?;
    person(session, &id)?;
    let (_, digest) = seen.subject(request);
    let act = Act::Reject {
        request: request.id.clone(),
        seen: digest,
        reason: args.reason,
    };
    taken(session, &id, act, Attendance::Attended).await?;
    Ok(Exit::Ok)
}

/// `request-changes`.
pub(super) async fn request_changes(session: &Session, args: ChangesArgs) -> Result<Exit, CliError> {
    let id = which::find(session, &args.which).await?;
    let comment = match (args.comment, args.file) {
        (Some(comment), _) => comment,
        (None, Some(file)) => files::read_words(&file)?,
        (None, None) => String::new(),
    };
    let seen = session.look(&id).await?;
    let request = undecided(&seen)?;
    person(session, &id)?;
    let (_, digest) = seen.subject(request);
    let act = Act::RequestChanges {
        request: request.id.clone(),
        seen: digest,
        comment,
    };
    let after = taken(session, &id, act, Attendance::Attended).await?;
    Ok(exit_for(after.workflow.state))
}

/// `answer`.
pub(super) async fn answer(session: &Session, args: AnswerArgs) -> Result<Exit, CliError> {
    let id = which::find(session, &args.which).await?;
    let seen = session.look(&id).await?;
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
    person(session, &id)?;
    let (_, digest) = seen.subject(request);
    let act = Act::Answer {
        request: request.id.clone(),
        seen: digest,
        choice,
        text,
    };
    let after = taken(session, &id, act, Attendance::Attended).await?;
    Ok(exit_for(after.workflow.state))
}

/// `withdraw`.
pub(super) async fn withdraw(session: &Session, args: ReasonArgs) -> Result<Exit, CliError> {
    let id = which::find(session, &args.which).await?;
    taken(
        session,
        &id,
        Act::Withdraw { reason: args.reason },
        attendance(session),
    )
    .await?;
    Ok(Exit::Ok)
}

/// `cancel`.
pub(super) async fn cancel(session: &Session, args: ReasonArgs) -> Result<Exit, CliError> {
    let id = which::find(session, &args.which).await?;
    drop_held(session, &id).await?;
    taken(
        session,
        &id,
        Act::Cancel { reason: args.reason },
        attendance(session),
    )
    .await?;
    Ok(Exit::Ok)
}

/// A person resolves inputs that can't be judged by dropping them; until then they hold the workflow closed.
async fn drop_held(session: &Session, id: &WorkflowId) -> Result<(), CliError> {
    let held = session.store.held_inputs(id).await?;
    if held.is_empty() {
        return Ok(());
    }
    person(session, id)?;
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
pub(super) async fn retry(session: &Session, which: StoryId) -> Result<Exit, CliError> {
    let id = which::find(session, &which).await?;
    let seen = session.look(&id).await?;
    let Some(request) = seen.question() else {
        let text = format!("the workflow is {} and nothing has stopped", seen.workflow.state);
        return Err(CliError::refused("wrong-state", text).next(format!("countersign show {id}")));
    };
    let (_, digest) = seen.subject(request);
    let act = Act::Retry {
        request: request.id.clone(),
        seen: digest,
    };
    let after = taken(session, &id, act, attendance(session)).await?;
    Ok(exit_for(after.workflow.state))
}

/// `wake`.
pub(super) async fn wake(session: &Session, which: StoryId) -> Result<Exit, CliError> {
    let id = which::find(session, &which).await?;
    let after = taken(session, &id, Act::Wake, attendance(session)).await?;
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
pub(super) fn person(session: &Session, id: &WorkflowId) -> Result<Person, CliError> {
    Person::at_terminal(&session.app.terminal).ok_or_else(|| {
        let text = "this needs a person at a terminal, and there is none";
        CliError::waits("needs-a-person", text).next(format!("At a terminal: countersign resume {id}"))
    })
}

fn attendance(session: &Session) -> Attendance {
    match Person::at_terminal(&session.app.terminal) {
        Some(_) => Attendance::Attended,
        None => Attendance::Unattended,
    }
}

/// Sends an act and says how the workflow stands afterwards.
pub(super) async fn taken(
    session: &Session,
    id: &WorkflowId,
    act: Act,
    attendance: Attendance,
) -> Result<Seen, CliError> {
    let verb = act.verb();
    if session.store.events(id).await?.is_empty() {
        session.look(id).await?;
    }
    drive::send(session, id, act, attendance).await?;
    stands(session, id, verb).await
}

/// How a workflow stands after something was done to it.
pub(super) async fn stands(session: &Session, id: &WorkflowId, verb: &str) -> Result<Seen, CliError> {
    let seen = session.look(id).await?;
    let terminal = &session.app.terminal;
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
