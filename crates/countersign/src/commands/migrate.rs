//! `migrate`: brings the tables up to date, after a copy, and says what was done. Every command that opens the data folder does
//! the same by itself, without the copy.

use crate::adapters::{FolderKeys, SystemClock};
use crate::cli::MigrateArgs;
use crate::error::{CliError, Exit};
use crate::keys::Keys;
use crate::session::{App, Session};
use crate::terminal::{Page, Style};
use countersign_store::{OwnerLock, Schema, SqliteStore};
use serde::Serialize;
use std::path::PathBuf;
use std::sync::Arc;

/// Copies of one version that are kept side by side.
const COPIES_MAX: usize = 100;

/// `migrate --json`.
#[derive(Debug, Serialize)]
struct MigratedWire {
    database: String,
    /// The newest tables that it had; absent: there was none.
    had: Option<String>,
    /// The newest tables that this program brings.
    brings: Option<String>,
    /// What it lacks now.
    missing: Vec<String>,
    /// What was applied.
    applied: Vec<String>,
    /// The database as it was before.
    copy: Option<String>,
}

/// `migrate`.
pub(super) async fn migrate(app: &App, args: &MigrateArgs) -> Result<Exit, CliError> {
    let database = app.folder.database();
    let is_there = database.exists();
    let schema = if is_there {
        Schema::of(&database).await?
    } else {
        Schema::brought()
    };
    refuse_newer(&schema)?;
    let missing: Vec<String> = schema.missing().into_iter().map(str::to_owned).collect();
    let mut wire = MigratedWire {
        database: database.display().to_string(),
        had: schema.has().map(str::to_owned),
        brings: schema.brings().map(str::to_owned),
        missing: Vec::new(),
        applied: Vec::new(),
        copy: None,
    };
    if args.check {
        wire.missing = missing;
    } else if !missing.is_empty() {
        wire.copy = apply(app, is_there).await?.map(|copy| copy.display().to_string());
        wire.applied = missing;
    }
    say(app, &wire);
    Ok(if wire.missing.is_empty() || !is_there {
        Exit::Ok
    } else {
        Exit::Refused
    })
}

fn refuse_newer(schema: &Schema) -> Result<(), CliError> {
    let newer = schema.newer();
    if newer.is_empty() {
        return Ok(());
    }
    let text = format!(
        "this data folder was written by a newer countersign (tables {}); this program brings {}, and changes nothing",
        newer.join(", "),
        schema.brings().unwrap_or("none")
    );
    Err(CliError::refused("data-newer", text)
        .next("Use that version or a newer one; or restore the backup that was made before it."))
}

/// Copies what is there, and brings it up to date. Nobody may work in the folder meanwhile.
async fn apply(app: &App, is_there: bool) -> Result<Option<PathBuf>, CliError> {
    if !is_there {
        Session::open(app).await?.close().await;
        return Ok(None);
    }
    app.folder.create()?;
    let root = app.folder.root();
    let _alone = OwnerLock::try_acquire(root)?.ok_or_else(|| {
        CliError::refused("data-folder-busy", "another process works in this data folder")
            .next("Stop it first.")
    })?;
    let copy = copied(app).await?;
    let keys = Arc::new(FolderKeys(Keys::new(app.folder.keys())));
    let store = SqliteStore::open(&app.folder.database(), Arc::new(SystemClock), keys).await?;
    store.close().await;
    Ok(Some(copy))
}

/// The database as it is now, beside itself.
async fn copied(app: &App) -> Result<PathBuf, CliError> {
    let database = app.folder.database();
    let schema = Schema::of(&database).await?;
    let name = |at: usize| {
        let again = if at == 0 { String::new() } else { format!("-{at}") };
        let had = schema.has().unwrap_or("empty");
        database.with_file_name(format!("countersign.db.{had}{again}"))
    };
    let mut free = (0..COPIES_MAX).map(name).filter(|path| !path.exists());
    let Some(copy) = free.next() else {
        let text = format!("{} and many more copies are there already", name(0).display());
        return Err(CliError::refused("copies-kept", text).next("Remove those that you don't need."));
    };
    if let Err(error) = SqliteStore::copy(&database, &copy).await {
        // What there is of it is good for nothing; the reason is said below.
        let _left = std::fs::remove_file(&copy);
        return Err(error.into());
    }
    Ok(copy)
}

fn say(app: &App, wire: &MigratedWire) {
    if app.terminal.is_json() {
        app.terminal.print_json(wire);
        return;
    }
    let brings = wire.brings.as_deref().unwrap_or("none");
    let mut page = Page::new();
    match (&wire.had, wire.applied.is_empty(), wire.missing.is_empty()) {
        (_, true, true) => {
            page.line(0)
                .add(Style::Good, "✓ ")
                .add(Style::Plain, format!("up to date: tables {brings}"));
        }
        (Some(had), true, false) => {
            page.line(0).add(Style::Warn, "! ").add(
                Style::Plain,
                format!("the database has tables {had}, and this program brings {brings}"),
            );
            page.line(2)
                .add(Style::Plain, format!("missing: {}", wire.missing.join(", ")));
            page.line(2)
                .add(Style::Plain, "→ Apply them: countersign migrate");
        }
        (None, true, false) => {
            let text = format!(
                "no database at {}; the first command makes one with tables {brings}",
                wire.database
            );
            page.line(0).add(Style::Dim, "– ").add(Style::Plain, text);
        }
        (Some(had), false, _) => {
            page.line(0)
                .add(Style::Good, "✓ ")
                .add(Style::Plain, format!("from tables {had} to {brings}"));
        }
        (None, false, _) => {
            page.line(0).add(Style::Good, "✓ ").add(
                Style::Plain,
                format!("made {} with tables {brings}", wire.database),
            );
        }
    }
    if let Some(copy) = &wire.copy {
        page.line(2)
            .add(Style::Dim, "as it was before: ")
            .add(Style::Plain, copy);
    }
    app.terminal.print(&page);
}
