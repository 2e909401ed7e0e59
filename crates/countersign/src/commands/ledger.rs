//! `ledger export`, `ledger checkpoint`, `ledger show`.

use super::in_toto::Attested;
use super::{files, which};
use crate::cli::{EntriesArgs, ExportArgs, StoryId};
use crate::error::{CliError, Exit, file_error};
use crate::render::story::counted;
use crate::session::Session;
use crate::terminal::{Page, Style};
use crate::wire::{CheckpointWire, EntriesWire, EntryWire, ExportWire};
use countersign_core::id::TenantId;
use countersign_engine::bundle;
use countersign_ledger::inspect;
use std::path::{Path, PathBuf};

/// `ledger export`.
pub(super) async fn export(session: &Session, args: ExportArgs) -> Result<Exit, CliError> {
    let id = which::find_here(session, &args.which).await?;
    let since: Result<Vec<u64>, CliError> = args.since.iter().map(|file| size_in(file)).collect();
    let bundle = bundle::export(
        session.store.as_ref(),
        &id,
        session.ports.signer.as_ref(),
        &since?,
    )
    .await?;
    let entries = bundle.entries.len();
    let bytes = bundle
        .to_bytes()
        .map_err(|e| CliError::internal(e.code(), e.to_string()))?;
    let attested = match &args.in_toto {
        Some(folder) => Some(Attested::of(session, &bytes, folder)?),
        None => None,
    };
    if let Some(attested) = &attested {
        attested.write()?;
    }
    let output = args
        .output
        .unwrap_or_else(|| PathBuf::from(format!("{id}.bundle.json")));
    let terminal = &session.app.terminal;
    if output == Path::new("-") {
        terminal.pipe(&bytes);
        return Ok(Exit::Ok);
    }
    std::fs::write(&output, &bytes).map_err(|e| file_error("can't write", &output, &e))?;
    let key = vkey(session);
    let file = output.display().to_string();
    if terminal.is_json() {
        terminal.print_json(&ExportWire {
            file,
            workflow: id.to_string(),
            entries,
            bytes: bytes.len(),
            key,
            in_toto: attested.as_ref().map(Attested::wire),
        });
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    page.line(0).add(Style::Good, "✓ ").add(
        Style::Plain,
        format!(
            "wrote {file}: {entries} entries with proofs and evidence, {} bytes",
            bytes.len()
        ),
    );
    page.line(2)
        .add(Style::Plain, format!("countersign verify {file}"));
    page.line(2)
        .add(Style::Dim, format!("Elsewhere add: --key '{key}'"));
    if let Some(attested) = &attested {
        attested.page(&mut page);
    }
    terminal.print(&page);
    Ok(Exit::Ok)
}

/// The size in a checkpoint's file; that the ledger goes on from it is proven, not believed.
fn size_in(file: &Path) -> Result<u64, CliError> {
    let note = files::read_note(file)?;
    let seen = inspect(&note).map_err(|e| CliError::refused(e.code(), format!("{}: {e}", file.display())))?;
    Ok(seen.size())
}

/// The key that signs this ledger, as text.
pub(super) fn vkey(session: &Session) -> String {
    let keys = session.ports.signer.verifiers(&TenantId::local());
    keys.first().map(ToString::to_string).unwrap_or_default()
}

/// `ledger checkpoint`.
pub(super) async fn checkpoint(session: &Session) -> Result<Exit, CliError> {
    let row = session.store.seal_head(session.ports.signer.as_ref()).await?;
    let terminal = &session.app.terminal;
    if terminal.is_json() {
        let (size, at, key) = (row.size, row.at.to_rfc3339(), vkey(session));
        terminal.print_json(&CheckpointWire {
            size,
            at,
            note: row.note,
            key,
        });
        return Ok(Exit::Ok);
    }
    // The note alone goes to standard output, so that it can be kept as a file for `verify --checkpoint`.
    terminal.pipe(row.note.as_bytes());
    let mut page = Page::new();
    page.line(0)
        .column(Style::Dim, "leaves", 9)
        .add(Style::Plain, row.size.to_string());
    page.line(0)
        .column(Style::Dim, "signed", 9)
        .add(Style::Plain, row.at.to_rfc3339());
    page.line(0)
        .column(Style::Dim, "key", 9)
        .add(Style::Plain, vkey(session));
    terminal.note(&page);
    Ok(Exit::Ok)
}

/// `ledger show`.
pub(super) async fn show(session: &Session, args: EntriesArgs) -> Result<Exit, CliError> {
    let stream = match args.id {
        Some(id) => Some(which::find_here(session, &StoryId { id }).await?),
        None => None,
    };
    let (size, sealed) = session.store.ledger_size().await?;
    let limit = args.limit.clamp(1, 10_000);
    let rows = match &stream {
        Some(id) => session.store.entries(Some(id.as_str()), 0, limit).await?,
        None => {
            session
                .store
                .entries(None, size.saturating_sub(u64::from(limit)), limit)
                .await?
        }
    };
    if stream.is_some() && rows.is_empty() {
        return Err(
            CliError::refused("not-found", "the ledger has no entry of that workflow")
                .next("countersign list"),
        );
    }
    let entries: Result<Vec<EntryWire>, CliError> = rows.iter().map(EntryWire::of).collect();
    let entries = entries?;
    let terminal = &session.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&EntriesWire {
            size,
            sealed,
            entries,
        });
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    for entry in &entries {
        let hash: String = entry.leaf_hash.chars().take(12).collect();
        page.line(0)
            .column(Style::Dim, entry.index.to_string(), 7)
            .column(Style::Dim, &entry.at, 26)
            .column(Style::Dim, hash, 14)
            .column(Style::Plain, &entry.kind, 22)
            .add(Style::Name, format!("{} {}", entry.stream, entry.seq));
    }
    page.line(0).add(
        Style::Dim,
        format!(
            "{} in the log, {sealed} of them under a signed checkpoint",
            counted(usize::try_from(size).unwrap_or(usize::MAX), "leaf").replace("leafs", "leaves")
        ),
    );
    terminal.print(&page);
    Ok(Exit::Ok)
}
