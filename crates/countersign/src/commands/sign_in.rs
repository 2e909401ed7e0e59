//! `sign-in` and `sign-out`: a one-time code becomes a session at a server, whose token this machine keeps.

use crate::error::{CliError, Exit};
use crate::remote::Remote;
use crate::session::App;
use crate::terminal::{Page, Person, Reply, Style};
use std::io::{BufRead as _, Read as _};

/// Longest code that is read, in bytes.
const CODE_MAX_BYTES: u64 = 64;

/// `sign-in`.
pub(super) async fn sign_in(app: &App) -> Result<Exit, CliError> {
    let mut remote = server(app)?;
    let code = match Person::at_terminal(&app.terminal) {
        Some(person) => match person.ask(&format!("Code for {}:", remote.name())).await {
            Reply::Words(code) => code,
            Reply::TooLong | Reply::End => String::new(),
        },
        None => from_standard_input()?,
    };
    if code.trim().is_empty() {
        return Err(CliError::refused("no-code", "no code was given")
            .next("On the server's machine: countersign code; or ask an owner for one."));
    }
    let who = remote.sign_in(code.trim()).await?;
    if app.terminal.is_json() {
        app.terminal.print_json(&who);
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    page.line(0)
        .add(Style::Good, "✓ ")
        .add(Style::Plain, format!("signed in to {} as ", remote.name()))
        .add(Style::Name, &who.name)
        .add(Style::Dim, format!("  {}", who.role));
    app.terminal.print(&page);
    Ok(Exit::Ok)
}

/// `sign-out`.
pub(super) async fn sign_out(app: &App) -> Result<Exit, CliError> {
    let mut remote = server(app)?;
    remote.sign_out().await?;
    let mut page = Page::new();
    page.line(0)
        .add(Style::Good, "✓ ")
        .add(Style::Plain, format!("signed out of {}", remote.name()));
    app.terminal.print(&page);
    Ok(Exit::Ok)
}

fn server(app: &App) -> Result<Remote, CliError> {
    let address = app.settings.client()?.server.ok_or_else(|| {
        CliError::usage("no-server", "no server is named")
            .next("Add --server URL, or set COUNTERSIGN_SERVER.")
    })?;
    // A token that is set would stand in the way of the one that this is about.
    Remote::new(&address, None)
}

fn from_standard_input() -> Result<String, CliError> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .take(CODE_MAX_BYTES)
        .read_line(&mut line)
        .map_err(|e| CliError::refused("no-code", format!("no code can be read: {e}")))?;
    Ok(line)
}
