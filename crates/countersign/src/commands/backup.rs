//! `backup` and `restore --from`: the data folder as files that can be kept elsewhere.

use crate::backup::{make, put_back};
use crate::cli::BackupArgs;
use crate::error::{CliError, Exit};
use crate::session::{App, Session};
use crate::terminal::{Page, Style};
use crate::wire::{BackupWire, PutBackWire};
use std::path::Path;

/// `backup`.
pub(super) async fn backup(session: &Session, args: BackupArgs) -> Result<Exit, CliError> {
    let made = make(session, &args.to).await?;
    let terminal = &session.app.terminal;
    let (folder, keys) = (
        made.folder.display().to_string(),
        session.app.folder.keys().display().to_string(),
    );
    if terminal.is_json() {
        terminal.print_json(&BackupWire::of(&folder, &keys, &made.manifest));
        return Ok(Exit::Ok);
    }
    let bytes: u64 = made.manifest.files.iter().map(|f| f.bytes).sum();
    let mut page = Page::new();
    page.line(0).add(Style::Good, "✓ ").add(
        Style::Plain,
        format!(
            "backed up into {folder}: {} ledger entries, all signed, {bytes} bytes",
            made.manifest.entries
        ),
    );
    page.line(2).add(
        Style::Warn,
        format!("The keys are not in it. Keep a copy of {keys} apart from it."),
    );
    page.line(2).add(
        Style::Plain,
        format!("countersign restore --from {folder} --data DIR"),
    );
    terminal.print(&page);
    Ok(Exit::Ok)
}

/// `restore --from`.
pub(super) async fn restore(app: &App, from: &Path) -> Result<Exit, CliError> {
    let done = put_back(from, &app.folder).await?;
    let root = app.folder.root().display().to_string();
    if app.terminal.is_json() {
        app.terminal.print_json(&PutBackWire::of(&root, &done));
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    page.line(0).add(Style::Good, "✓ ").add(
        Style::Plain,
        format!(
            "restored into {root}: {} ledger entries, whole, as of {}",
            done.manifest.entries, done.manifest.made_at
        ),
    );
    if !done.signed {
        let text = format!(
            "there is no ledger key in {}, so nobody has checked who signed it; put the keys folder back first",
            app.folder.keys().display()
        );
        page.line(2).add(Style::Warn, text);
    }
    if done.lost > 0 {
        let text = format!(
            "{} entries that were signed later are not in it; is there no newer backup?",
            done.lost
        );
        page.line(2).add(Style::Warn, text);
    }
    page.line(2).add(
        Style::Plain,
        "It can be read. Nothing is written from it before: countersign restore --resume",
    );
    app.terminal.print(&page);
    Ok(Exit::Ok)
}
