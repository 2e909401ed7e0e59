//! `run`, `submit`, `resume`: the whole flow.

use super::import::Imported;
use super::{issues, submission, which};
use crate::cli::{StartArgs, StartFlags, StoryId, SubmitArgs};
use crate::decide::{self, Mode};
use crate::desk::{Desk, Place, Server};
use crate::drive::{self, Until};
use crate::error::{CliError, Exit};
use crate::session::{App, Session, random_hex};
use crate::terminal::{Page, Person, Reply, Style};
use crate::wire::WorkflowWire;
use countersign_core::id::{RepositoryId, WorkflowId};
use countersign_core::workflow::Submission;
use countersign_engine::intake::take_in;
use countersign_ports::store::NewInput;
use countersign_server::client::Submitted;
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
pub(super) async fn run(desk: &Desk, args: StartArgs) -> Result<Exit, CliError> {
    let unattended = args.start.yes || desk.app.terminal.is_json();
    let how = if unattended {
        Start::RunUnattended
    } else {
        Start::Run
    };
    let id = put(desk, &args.start, how, None).await?;
    let mode = mode(args.start.yes, args.acknowledge_warnings);
    finish(desk, &id, mode).await
}

/// `resume`.
pub(super) async fn resume(desk: &Desk, args: crate::cli::ResumeArgs) -> Result<Exit, CliError> {
    let id = which::find(desk, &args.which).await?;
    finish(desk, &id, mode(args.yes, args.acknowledge_warnings)).await
}

/// `submit`.
pub(super) async fn submit(desk: &Desk, args: SubmitArgs) -> Result<Exit, CliError> {
    if let Some(query) = &args.issues {
        return issues::submit(desk, &args.start, query, args.accept).await;
    }
    let id = put(desk, &args.start, Start::Submit, None).await?;
    Ok(say_submitted(desk, &id))
}

/// `revert`.
pub(super) async fn revert(desk: &Desk, which: StoryId) -> Result<Exit, CliError> {
    let landed = which::find(desk, &which).await?;
    let id = match &desk.at {
        Place::Folder(session) => {
            let (member, _) = session.member().await?;
            let (trees, store) = (&session.ports.trees, session.store.as_ref());
            let submission = countersign_server::reverting(trees, store, &landed, &member).await?;
            put_submission(session, submission, Start::Submit).await?
        }
        Place::Server(server) => id_of(&server.remote.revert(&landed).await?)?,
    };
    Ok(say_submitted(desk, &id))
}

/// The id alone on standard output, so that a shell can catch it.
fn say_submitted(desk: &Desk, id: &WorkflowId) -> Exit {
    if desk.app.terminal.is_json() {
        desk.app
            .terminal
            .print_json(&SubmittedWire { id: id.to_string() });
        return Exit::Ok;
    }
    desk.app.terminal.pipe(format!("{id}\n").as_bytes());
    let mut page = Page::new();
    page.line(0)
        .add(Style::Dim, format!("It is in the inbox. countersign resume {id}"));
    desk.app.terminal.note(&page);
    Exit::Ok
}

/// Puts one issue that was read already into the inbox.
///
/// # Errors
/// `duplicate` where the same text is open on the same repositories, or what is wrong with it.
pub(super) async fn submit_imported(
    desk: &Desk,
    flags: &StartFlags,
    imported: Imported,
) -> Result<WorkflowId, CliError> {
    put(desk, flags, Start::Submit, Some(imported)).await
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

async fn finish(desk: &Desk, id: &WorkflowId, mode: Mode) -> Result<Exit, CliError> {
    let (seen, exit) = decide::follow(desk, id, mode).await?;
    if desk.app.terminal.is_json() {
        desk.app.terminal.print_json(&WorkflowWire::of(&seen));
    }
    Ok(exit)
}

/// Starts a workflow and has it judged at least, so that lists show it.
async fn put(
    desk: &Desk,
    flags: &StartFlags,
    how: Start,
    imported: Option<Imported>,
) -> Result<WorkflowId, CliError> {
    match &desk.at {
        Place::Folder(session) => {
            session.refuse_unusable_commit_key()?;
            put_here(session, flags, how, imported).await
        }
        Place::Server(server) => put_there(desk, server, flags, how, imported).await,
    }
}

/// Over a server: the same text, repositories and proposers, except commands.
async fn put_there(
    desk: &Desk,
    server: &Server,
    flags: &StartFlags,
    how: Start,
    imported: Option<Imported>,
) -> Result<WorkflowId, CliError> {
    let mut new = submission::for_server(desk, flags, imported).await?;
    let key = random_hex()?;
    let submitted = match server.remote.submit(&new, &key).await {
        Err(error) if error.code == "duplicate" => {
            if !wants_another(&desk.app, how, &error.message).await {
                return Err(error.next(OR_AGAIN));
            }
            new.again = true;
            server.remote.submit(&new, &random_hex()?).await?
        }
        submitted => submitted?,
    };
    let id = id_of(&submitted)?;
    if how != Start::Submit {
        say_id(&desk.app, &id);
        desk.go_along(server, &id, 0).await?;
    }
    Ok(id)
}

fn id_of(submitted: &Submitted) -> Result<WorkflowId, CliError> {
    WorkflowId::parse(&submitted.id)
        .map_err(|e| CliError::internal("odd-answer", format!("the server's answer can't be read: {e}")))
}

/// What to do where the same is open already.
const OR_AGAIN: &str = "Go on with it: countersign resume ID\nOr start another one: add --again";

fn say_id(app: &App, id: &WorkflowId) {
    let mut page = Page::new();
    page.line(0)
        .add(Style::Bold, id.as_str())
        .add(Style::Dim, "  (leave any time; `countersign resume` goes on)");
    app.terminal.print(&page);
}

/// Puts a new workflow into the inbox and has it judged at least, so that lists show it.
async fn put_here(
    session: &Session,
    flags: &StartFlags,
    how: Start,
    imported: Option<Imported>,
) -> Result<WorkflowId, CliError> {
    let submission = submission::read(session, flags, imported).await?;
    put_submission(session, submission, how).await
}

async fn put_submission(
    session: &Session,
    mut submission: Submission,
    how: Start,
) -> Result<WorkflowId, CliError> {
    refuse_duplicate(session, &mut submission, how).await?;
    let (id, input) = (session.new_workflow_id().await?, session.new_input_id().await?);
    if how != Start::Submit {
        say_id(&session.app, &id);
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
    let text = format!("{other} is open with the same text and repositories");
    if wants_another(&session.app, how, &text).await {
        submission.again = true;
        return Ok(());
    }
    let next = format!("Go on with it: countersign resume {other}\nOr start another one: add --again");
    Err(CliError::refused("duplicate", text).next(next))
}

/// Asks whoever is there.
async fn wants_another(app: &App, how: Start, text: &str) -> bool {
    let person = match how {
        Start::Run => Person::at_terminal(&app.terminal),
        Start::RunUnattended | Start::Submit => None,
    };
    let Some(person) = person else { return false };
    let reply = person.ask(&format!("{text}. Start another one? [y/N]")).await;
    matches!(&reply, Reply::Words(word) if matches!(word.trim(), "y" | "yes"))
}
