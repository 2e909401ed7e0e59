//! The `countersign` program: command line, terminal and wiring. No rule lives here; `core` decides, `engine` does.
//!
//! Start with [`cli`] for the words, [`commands`] for what they do, [`session`] for how everything is wired, and
//! [`terminal`] for the one place that prints.

mod adapters;
mod backup;
mod cli;
mod commands;
mod config;
mod decide;
mod desk;
mod drive;
mod error;
mod folder;
mod github;
mod hosting;
mod keys;
mod leaving_out;
mod log;
mod noticing;
mod redact;
mod remote;
mod render;
mod session;
mod talk;
mod telemetry;
mod terminal;
mod waiving;
mod wire;

use clap::Parser as _;
use clap::error::ErrorKind;
use cli::Cli;
use config::Settings;
use error::{CliError, Exit};
use folder::Folder;
use session::App;
use std::sync::Arc;
use telemetry::Traces;
use terminal::{ColourChoice, Page, Style, Terminal};

/// The stack of each thread of the runtime, in bytes; the system's own thread has as much.
const THREAD_STACK_BYTES: usize = 8 << 20;

fn main() {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next().unwrap_or_default();
    if first == countersign_agent::CONFINED {
        // The helper inside an agent's fence: nothing of ours is set up, read or logged there.
        std::process::exit(countersign_agent::confined(arguments));
    }
    if first == adapters::own_rules::APART {
        // Nor where rules of others are run.
        std::process::exit(adapters::own_rules::answer_apart());
    }
    log::catch_panics();
    let parsed = || match Cli::try_parse() {
        Ok(cli) => begin(cli),
        Err(error) => misunderstood(&error),
    };
    // The hook has said what there is to say about a panic.
    let exit = std::panic::catch_unwind(parsed).unwrap_or(Exit::Internal);
    // Not a return: a thread that waits for a person at the terminal must not hold the end up.
    std::process::exit(i32::from(exit.code()));
}

/// Help and version are fine; anything else is a usage error, for programs as well.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "clap's list of errors is open and all of them are usage errors"
)]
fn misunderstood(error: &clap::Error) -> Exit {
    let wants_json = std::env::args_os().any(|a| a == "--json");
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
            // A closed pipe is no failure.
            let _closed = error.print();
            Exit::Ok
        }
        _ if wants_json => {
            let text = error.render().to_string();
            let said = text.lines().take_while(|l| !l.starts_with("Usage:"));
            let words: Vec<&str> = said.flat_map(str::split_whitespace).collect();
            let first = words.join(" ").trim_start_matches("error: ").to_owned();
            let terminal = Terminal::new(ColourChoice::Auto, true);
            terminal.fail(&CliError::usage("usage", first).next("countersign --help"));
            Exit::Usage
        }
        _ => {
            let _closed = error.print();
            Exit::Usage
        }
    }
}

fn begin(cli: Cli) -> Exit {
    let terminal = Arc::new(Terminal::new(cli.global.color, cli.global.json));
    match prepared(&cli, &terminal) {
        Ok((app, runtime, traces)) => {
            let exit = runtime.block_on(until_interrupted(&app, cli.command));
            runtime.shutdown_background();
            if let Some(traces) = traces {
                traces.end();
            }
            exit
        }
        Err(error) => {
            terminal.fail(&error);
            error.exit
        }
    }
}

fn prepared(
    cli: &Cli,
    terminal: &Arc<Terminal>,
) -> Result<(App, tokio::runtime::Runtime, Option<Traces>), CliError> {
    let settings = Settings::load(&cli.global, &cli.command);
    // The one says what is wrong by itself, the others need no settings.
    let goes_on = matches!(
        cli.command,
        cli::Command::Doctor
            | cli::Command::Completions(_)
            | cli::Command::Config(cli::ConfigCommand::Reference(_))
    );
    if !goes_on {
        settings.usable()?;
    }
    // One provider of cryptography for every connection; set once, so a second call changes nothing.
    let _first = rustls::crypto::ring::default_provider().install_default();
    let folder = Folder::named(settings.data(), settings.keys())?;
    let traces = log::start(&settings.log()?, &settings.traces()?, cli.global.verbose)?;
    log::keep_panics_in(folder.root());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        // A decision holds whole workflows on the stack, several times over where nothing is optimised.
        .thread_stack_size(THREAD_STACK_BYTES)
        .enable_all()
        .build()
        .map_err(|e| CliError::internal("no-runtime", format!("can't start: {e}")))?;
    Ok((App::new(terminal.clone(), folder, settings), runtime, traces))
}

/// Ctrl-C ends the process, never the work: what is recorded stays, and it can be taken up again.
async fn until_interrupted(app: &App, command: cli::Command) -> Exit {
    // A server comes to its end in order, and listens for the signal itself.
    let stops_itself = matches!(command, cli::Command::Serve(_));
    let work = tokio::spawn({
        let app = app.clone();
        async move { commands::perform(&app, command).await }
    });
    tokio::select! {
        done = work => match done {
            Ok(Ok(exit)) => exit,
            Ok(Err(error)) => {
                let error = with_way_back(app, error);
                app.terminal.fail(&error);
                error.exit
            }
            // The panic hook has said it.
            Err(_) => Exit::Internal,
        },
        _ = tokio::signal::ctrl_c(), if !stops_itself => {
            let mut page = Page::new();
            page.gap();
            page.line(0).add(Style::Warn, "stopped; nothing is lost");
            if let Some(id) = app.current() {
                page.line(0).add(Style::Plain, format!("go on with: countersign resume {id}"));
            }
            app.terminal.note(&page);
            Exit::Interrupted
        }
    }
}

/// Where the machine failed in the middle of a workflow, the way back is to go on with it.
fn with_way_back(app: &App, error: CliError) -> CliError {
    match app.current() {
        Some(id) if error.exit == Exit::Internal && error.next_step.is_none() => error.next(format!(
            "What was recorded is kept. Go on with: countersign resume {id}"
        )),
        Some(_) | None => error,
    }
}
