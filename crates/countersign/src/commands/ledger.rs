//! `ledger export`, `ledger checkpoint`, `ledger show`: of a data folder, or of a server.

use super::in_toto::Attested;
use super::{files, which};
use crate::cli::{EntriesArgs, ExportArgs, StoryId};
use crate::desk::{Desk, Place, Server};
use crate::error::{CliError, Exit, file_error};
use crate::render::story::counted;
use crate::session::Session;
use crate::terminal::{Page, Style};
use crate::wire::{CheckpointWire, EntriesWire, ExportWire, entry};
use countersign_core::id::{TenantId, WorkflowId};
use countersign_engine::bundle;
use countersign_ledger::{Bundle, inspect};
use countersign_server::client::EntryWire;
use std::path::{Path, PathBuf};

/// Entries that are read at a time.
const PAGE: u32 = 1_000;

/// `ledger export`.
pub(super) async fn export(desk: &Desk, args: ExportArgs) -> Result<Exit, CliError> {
    let id = which::find(desk, &args.which).await?;
    let session = match &desk.at {
        Place::Folder(session) => session,
        Place::Server(server) => return export_from(desk, server, &id, args).await,
    };
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
    let written = Written {
        id: &id,
        bytes: &bytes,
        entries,
        key: vkey(session),
    };
    written.keep(desk, args.output, attested.as_ref())
}

/// A server's bundle, read as strictly as `verify` does before it is kept; that its story is true says `verify`.
async fn export_from(
    desk: &Desk,
    server: &Server,
    id: &WorkflowId,
    args: ExportArgs,
) -> Result<Exit, CliError> {
    if args.in_toto.is_some() || !args.since.is_empty() {
        let text = "--in-toto and --since need the data folder";
        return Err(CliError::usage("not-over-server", text)
            .next("Run it on the server's machine, without --server and COUNTERSIGN_SERVER."));
    }
    let bytes = server.remote.bundle(id.as_str()).await?;
    let bundle = Bundle::parse(&bytes).map_err(|e| CliError::refused(e.code(), e.to_string()))?;
    let key = server.remote.ledger().await?.keys.into_iter().next();
    let written = Written {
        id,
        bytes: &bytes,
        entries: bundle.entries.len(),
        key: key.unwrap_or_default(),
    };
    written.keep(desk, args.output, None)
}

/// A bundle to be kept.
struct Written<'a> {
    id: &'a WorkflowId,
    bytes: &'a [u8],
    entries: usize,
    key: String,
}

impl Written<'_> {
    fn keep(
        self,
        desk: &Desk,
        output: Option<PathBuf>,
        attested: Option<&Attested<'_>>,
    ) -> Result<Exit, CliError> {
        let Written {
            id,
            bytes,
            entries,
            key,
        } = self;
        let output = output.unwrap_or_else(|| PathBuf::from(format!("{id}.bundle.json")));
        let terminal = &desk.app.terminal;
        if output == Path::new("-") {
            terminal.pipe(bytes);
            return Ok(Exit::Ok);
        }
        std::fs::write(&output, bytes).map_err(|e| file_error("can't write", &output, &e))?;
        let file = output.display().to_string();
        if terminal.is_json() {
            terminal.print_json(&ExportWire {
                file,
                workflow: id.to_string(),
                entries,
                bytes: bytes.len(),
                key,
                in_toto: attested.map(Attested::wire),
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
        if let Some(attested) = attested {
            attested.page(&mut page);
        }
        terminal.print(&page);
        Ok(Exit::Ok)
    }
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
pub(super) async fn checkpoint(desk: &Desk) -> Result<Exit, CliError> {
    let head = match &desk.at {
        Place::Folder(session) => {
            let row = session.store.seal_head(session.ports.signer.as_ref()).await?;
            CheckpointWire {
                size: row.size,
                at: row.at.to_rfc3339(),
                note: row.note,
                key: vkey(session),
            }
        }
        // A server signs by itself; what it signed last is shown.
        Place::Server(server) => {
            let told = server.remote.checkpoint().await?;
            CheckpointWire {
                size: told.size,
                at: told.at,
                note: told.note,
                key: told.keys.into_iter().next().unwrap_or_default(),
            }
        }
    };
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&head);
        return Ok(Exit::Ok);
    }
    // The note alone goes to standard output, so that it can be kept as a file for `verify --checkpoint`.
    terminal.pipe(head.note.as_bytes());
    let mut page = Page::new();
    page.line(0)
        .column(Style::Dim, "leaves", 9)
        .add(Style::Plain, head.size.to_string());
    page.line(0)
        .column(Style::Dim, "signed", 9)
        .add(Style::Plain, &head.at);
    page.line(0)
        .column(Style::Dim, "key", 9)
        .add(Style::Plain, &head.key);
    terminal.note(&page);
    Ok(Exit::Ok)
}

/// `ledger show`.
pub(super) async fn show(desk: &Desk, args: EntriesArgs) -> Result<Exit, CliError> {
    let stream = match args.id {
        Some(id) => Some(which::find(desk, &StoryId { id }).await?),
        None => None,
    };
    let limit = args.limit.clamp(1, 10_000);
    let EntriesWire {
        size,
        sealed,
        entries,
    } = entries(desk, stream.as_ref().map(WorkflowId::as_str), limit).await?;
    if stream.is_some() && entries.is_empty() {
        return Err(
            CliError::refused("not-found", "the ledger has no entry of that workflow")
                .next("countersign list"),
        );
    }
    let terminal = &desk.app.terminal;
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

/// The newest entries of the log or of one stream, in order.
async fn entries(desk: &Desk, stream: Option<&str>, limit: u32) -> Result<EntriesWire, CliError> {
    let (size, sealed) = match &desk.at {
        Place::Folder(session) => session.store.ledger_size().await?,
        Place::Server(server) => {
            let told = server.remote.ledger().await?;
            (told.size, told.sealed)
        }
    };
    // Only the last entry of a stream says how many there are, so a stream is read from its first on.
    let mut from = match stream {
        Some(_) => 0,
        None => size.saturating_sub(u64::from(limit)),
    };
    let mut entries: Vec<EntryWire> = Vec::new();
    while from < size {
        let page = page(desk, stream, from).await?;
        let Some(last) = page.last() else { break };
        from = last.index + 1;
        entries.extend(page);
        entries.drain(..entries.len().saturating_sub(limit as usize));
    }
    Ok(EntriesWire {
        size,
        sealed,
        entries,
    })
}

async fn page(desk: &Desk, stream: Option<&str>, from: u64) -> Result<Vec<EntryWire>, CliError> {
    match &desk.at {
        Place::Folder(session) => {
            let rows = session.store.entries(stream, from, PAGE).await?;
            rows.iter().map(entry).collect()
        }
        Place::Server(server) => server.remote.ledger_entries(stream, from, PAGE).await,
    }
}
