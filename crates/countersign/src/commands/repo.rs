//! `repo add` and `repo list`.

use super::submission;
use crate::cli::RepoAddArgs;
use crate::desk::{Desk, Place};
use crate::error::{CliError, Exit};
use crate::terminal::{Page, Style};
use countersign_ports::store::RepositoryRow;
use countersign_server::client::NewRepository;
use serde::Serialize;

/// A registered repository.
#[derive(Debug, Serialize)]
struct RepositoryWire {
    /// `local-3`.
    id: String,
    /// Its short name, by which other commands speak of it.
    name: String,
    /// The canonical git folder.
    git_dir: String,
    /// RFC 3339.
    registered_at: String,
}

/// `repo list --json`.
#[derive(Debug, Serialize)]
struct RepositoriesWire {
    /// By number.
    repositories: Vec<RepositoryWire>,
}

fn wire(row: &RepositoryRow) -> RepositoryWire {
    RepositoryWire {
        id: row.id.to_string(),
        name: row.name.clone(),
        git_dir: row.git_dir.display().to_string(),
        registered_at: row.registered_at.to_rfc3339(),
    }
}

/// `repo add`.
pub(super) async fn add(desk: &Desk, args: RepoAddArgs) -> Result<Exit, CliError> {
    let terminal = &desk.app.terminal;
    let session = match &desk.at {
        Place::Folder(session) => session,
        Place::Server(server) => {
            let added = server.remote.register(&NewRepository { path: args.path }).await?;
            if terminal.is_json() {
                terminal.print_json(&added);
                return Ok(Exit::Ok);
            }
            let mut page = Page::new();
            page.line(0)
                .add(Style::Good, "✓ ")
                .add(Style::Name, &added.name)
                .add(Style::Plain, format!(" is {}", added.id));
            terminal.print(&page);
            return Ok(Exit::Ok);
        }
    };
    let (probe, row) = submission::register(session, &args.path).await?;
    if terminal.is_json() {
        terminal.print_json(&wire(&row));
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    page.line(0)
        .add(Style::Good, "✓ ")
        .add(Style::Name, &row.name)
        .add(
            Style::Plain,
            format!(" is {}, default branch {}", row.id, probe.default_branch),
        )
        .add(Style::Dim, format!("  {}", row.git_dir.display()));
    terminal.print(&page);
    Ok(Exit::Ok)
}

/// `repo list`.
pub(super) async fn list(desk: &Desk) -> Result<Exit, CliError> {
    let rows = desk.repositories().await?;
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&RepositoriesWire {
            repositories: rows.iter().map(wire).collect(),
        });
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    if rows.is_empty() {
        page.line(0).add(
            Style::Dim,
            "No repository is registered yet. `countersign run --repo PATH …` does it by itself.",
        );
    }
    let width = rows.iter().map(|r| r.name.chars().count()).max().unwrap_or(0) + 2;
    for row in &rows {
        page.line(0)
            .column(Style::Dim, row.id.to_string(), 10)
            .column(Style::Name, &row.name, width)
            .add(Style::Plain, row.git_dir.display().to_string());
    }
    terminal.print(&page);
    Ok(Exit::Ok)
}
