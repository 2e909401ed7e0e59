//! `repo add`, `repo list` and `repo search`.

use super::submission;
use super::throwaway::blocking;
use crate::cli::{RepoAddArgs, RepoSearchArgs};
use crate::config::Settings;
use crate::desk::{Desk, Place};
use crate::error::{CliError, Exit};
use crate::terminal::{Page, Style};
use countersign_ports::directory::{Directory as _, FoundRepository};
use countersign_ports::store::RepositoryRow;
use countersign_server::client::{FoundRepositoriesWire, FoundRepositoryWire, NewRepository};
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
        git_dir: row.place.to_string(),
        registered_at: row.registered_at.to_rfc3339(),
    }
}

/// `repo add`.
pub(super) async fn add(desk: &Desk, args: RepoAddArgs) -> Result<Exit, CliError> {
    let terminal = &desk.app.terminal;
    let session = match &desk.at {
        Place::Folder(session) => session,
        Place::Server(server) => {
            let new = match args.path {
                Some(path) => NewRepository {
                    path: Some(path),
                    github: None,
                },
                None => NewRepository {
                    path: None,
                    github: Some(named_on_github(&desk.app.settings, args.github.flatten())?),
                },
            };
            let added = server.remote.register(&new).await?;
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
    let (default_branch, row) = match args.path {
        Some(path) => {
            let (probe, row) = submission::register(session, &path).await?;
            (probe.default_branch, row)
        }
        None => {
            let name = named_on_github(&desk.app.settings, args.github.flatten())?;
            let (found, row) = submission::register_on_github(session, name).await?;
            (found.default_branch, row)
        }
    };
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
            format!(" is {}, default branch {default_branch}", row.id),
        )
        .add(Style::Dim, format!("  {}", row.place));
    terminal.print(&page);
    Ok(Exit::Ok)
}

/// The name that was given, or the one that is set.
fn named_on_github(settings: &Settings, given: Option<String>) -> Result<String, CliError> {
    match given {
        Some(name) => Ok(name),
        None => settings.github()?.repo.map(|repo| repo.0).ok_or_else(|| {
            CliError::usage(
                "no-repository-named",
                "--github names no repository, and GITHUB_REPO is not set",
            )
            .next("Such as: countersign repo add --github octo-org/hello")
        }),
    }
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
    let widest = |of: fn(&RepositoryRow) -> String| rows.iter().map(|r| of(r).chars().count()).max();
    let ids = widest(|r| r.id.to_string()).unwrap_or(0) + 2;
    let width = widest(|r| r.name.clone()).unwrap_or(0) + 2;
    for row in &rows {
        page.line(0)
            .column(Style::Dim, row.id.to_string(), ids)
            .column(Style::Name, &row.name, width)
            .add(Style::Plain, row.place.to_string());
    }
    terminal.print(&page);
    Ok(Exit::Ok)
}

/// `repo search`.
pub(super) async fn search(desk: &Desk, args: RepoSearchArgs) -> Result<Exit, CliError> {
    let words = args.words.join(" ");
    let found = match &desk.at {
        Place::Server(server) => server.remote.find_repositories(&words).await?,
        Place::Folder(session) => {
            let github = session.github.clone();
            let found = blocking(move || github.find_repositories(&words)).await??;
            let rows = session.store.repositories().await?;
            let wire = |found: &FoundRepository| FoundRepositoryWire::of(found, &rows);
            FoundRepositoriesWire {
                repositories: found.repositories.iter().map(wire).collect(),
                more: found.more,
            }
        }
    };
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&found);
    } else {
        terminal.print(&found_page(&found));
    }
    Ok(Exit::Ok)
}

fn found_page(found: &FoundRepositoriesWire) -> Page {
    let mut page = Page::new();
    let all = &found.repositories;
    if all.is_empty() {
        page.line(0).add(
            Style::Dim,
            "No repository that can be seen with this access fits these words.",
        );
    }
    let width = all.iter().map(|r| r.full_name.chars().count()).max().unwrap_or(0) + 2;
    for one in all {
        let may = match (one.archived, one.may_push) {
            (true, _) => "archived",
            (false, true) => "may be pushed to",
            (false, false) => "can only be read",
        };
        let line = page
            .line(0)
            .column(Style::Name, &one.full_name, width)
            .column(Style::Plain, may, 18)
            .add(Style::Dim, format!("default branch {}", one.default_branch));
        if let Some(name) = &one.registered_as {
            line.add(Style::Good, format!("  registered as {name}"));
        }
    }
    if found.more {
        page.line(0).add(Style::Dim, "There are more; say more words.");
    }
    page
}
