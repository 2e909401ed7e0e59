//! `run`, `submit`, `resume`: the whole flow.

use super::{submission, which};
use crate::cli::{StartArgs, StartFlags};
use crate::decide::{self, Mode};
use crate::drive::{self, Until};
use crate::error::{CliError, Exit};
use crate::session::Session;
use crate::terminal::{Page, Person, Reply, Style};
use crate::wire::WorkflowWire;
use countersign_core::id::{RepositoryId, WorkflowId};
use countersign_core::workflow::Submission;
use countersign_engine::intake::take_in;
use countersign_ports::store::NewInput;
use serde::Serialize;

/// What starts a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// `run`, with somebody who can be asked.
    Run,
    /// `run`, for a program or with `--yes`.
    RunUnattended,
    /// `submit`.
    Submit,
}

/// `run`.
pub(super) async fn run(session: &Session, args: StartArgs) -> Result<Exit, CliError> {
    let unattended = args.start.yes || session.app.terminal.is_json();
    let how = if unattended {
        Start::RunUnattended
    } else {
        Start::Run
    };
    let id = put(session, &args.start, how).await?;
    let mode = mode(args.start.yes, args.acknowledge_warnings);
    finish(session, &id, mode).await
}

/// `resume`.
pub(super) async fn resume(session: &Session, args: crate::cli::ResumeArgs) -> Result<Exit, CliError> {
    let id = which::find(session, &args.which).await?;
    finish(session, &id, mode(args.yes, args.acknowledge_warnings)).await
}

/// `submit`.
pub(super) async fn submit(session: &Session, flags: StartFlags) -> Result<Exit, CliError> {
    let id = put(session, &flags, Start::Submit).await?;
    if session.app.terminal.is_json() {
        session
            .app
            .terminal
            .print_json(&SubmittedWire { id: id.to_string() });
        return Ok(Exit::Ok);
    }
    // The id alone on standard output, so that a shell can catch it.
    session.app.terminal.pipe(format!("{id}\n").as_bytes());
    let mut page = Page::new();
    page.line(0)
        .add(Style::Dim, format!("It is in the inbox. countersign resume {id}"));
    session.app.terminal.note(&page);
    Ok(Exit::Ok)
}

/// `submit --json`.
#[derive(Debug, Serialize)]
struct SubmittedWire {
    /// The new workflow.
    id: String,
}

fn mode(yes: bool, acknowledge_warnings: bool) -> Mode {
    if yes {
        Mode::Unattended { acknowledge_warnings }
    } else {
        Mode::Person
    }
}

async fn finish(session: &Session, id: &WorkflowId, mode: Mode) -> Result<Exit, CliError> {
    let (seen, exit) = decide::follow(session, id, mode).await?;
    if session.app.terminal.is_json() {
        session.app.terminal.print_json(&WorkflowWire::of(&seen));
    }
    Ok(exit)
}

/// Puts a new workflow into the inbox and has it judged at least, so that lists show it.
async fn put(session: &Session, flags: &StartFlags, how: Start) -> Result<WorkflowId, CliError> {
    let mut submission = submission::read(session, flags).await?;
    refuse_duplicate(session, &mut submission, how).await?;
    let (id, input) = (session.new_workflow_id().await?, session.new_input_id().await?);
    if how != Start::Submit {
        let mut page = Page::new();
        page.line(0)
            .add(Style::Bold, id.as_str())
            .add(Style::Dim, "  (leave any time; `countersign resume` goes on)");
        session.app.terminal.print(&page);
    }
    let (_, key) = session.member().await?;
    let signed = submission.signed(session.store.tenant(), &id, &key);
    take_in(session.store.as_ref(), &input, &id, &NewInput::Submit(signed)).await?;
    let until = if how == Start::Submit {
        Until::Judged
    } else {
        Until::Rest
    };
    drive::drive(session, &id, until, Some(&input)).await?;
    match drive::settled(session, &id, &input).await {
        // Another process is at work; this one waits in the inbox, which is all that was asked for.
        Err(error) if how == Start::Submit && error.code == drive::NOT_JUDGED_YET => {}
        judged => judged?,
    }
    Ok(id)
}

/// The same text on the same repositories, while one is open: asks, or stops.
async fn refuse_duplicate(
    session: &Session,
    submission: &mut Submission,
    how: Start,
) -> Result<(), CliError> {
    if submission.again {
        return Ok(());
    }
    let repositories: Vec<RepositoryId> = submission.repositories.iter().map(|r| r.id.clone()).collect();
    let open = session
        .store
        .open_duplicate(&submission.feedback.hash, &repositories, None)
        .await?;
    let Some(other) = open else { return Ok(()) };
    let person = if how == Start::Run {
        Person::at_terminal(&session.app.terminal)
    } else {
        None
    };
    if let Some(person) = person {
        let prompt = format!("{other} is open with the same text and repositories. Start another one? [y/N]");
        let reply = person.ask(&prompt).await;
        if matches!(&reply, Reply::Words(word) if matches!(word.trim(), "y" | "yes")) {
            submission.again = true;
            return Ok(());
        }
    }
    let text = format!("{other} is open with the same text and repositories");
    let next = format!("Go on with it: countersign resume {other}\nOr start another one: add --again");
    Err(CliError::refused("duplicate", text).next(next))
}
