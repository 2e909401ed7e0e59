//! `verify`: what does this bundle prove, and what story does it tell?

use super::files;
use crate::cli::VerifyArgs;
use crate::error::{CliError, Exit, file_error};
use crate::keys::Keys;
use crate::render::story::{self, Names, counted};
use crate::session::{App, Session};
use crate::terminal::{Page, Style};
use crate::wire::{StoryWire, VerdictWire};
use countersign_core::act::Attendance;
use countersign_core::record::EventRecord;
use countersign_core::workflow::Event;
use countersign_ledger::bundle::MAX_BUNDLE_BYTES;
use countersign_ledger::{Origin, Report, Trust, VerifiedEntry, VerifierKey, VerifyError, verify as check};
use std::path::Path;

/// Largest file of keys or of one checkpoint, in bytes.
const SMALL_FILE_MAX_BYTES: usize = 64 << 10;

/// Most checkpoints of this data folder that a bundle is compared with.
const CHECKPOINTS_MAX: u32 = 10_000;

/// `verify`.
pub(super) async fn verify(app: &App, args: VerifyArgs) -> Result<Exit, CliError> {
    let bytes = files::read("the bundle", &args.bundle, MAX_BUNDLE_BYTES)?;
    let mut trust = given(&args)?;
    let own = Keys::new(app.folder.keys())
        .existing_ledger()?
        .map(|k| k.verifier());
    trust.keys.extend(own.clone());
    let known = if own.is_some() {
        known(app).await
    } else {
        Known::default()
    };
    trust.checkpoints.extend(known.checkpoints);
    let report = check(&bytes, &trust).map_err(|e| refusal(&e))?;
    let records = records(&report)?;
    // Only our own ledger knows what its members are called.
    let ours = matches!((&report.origin, &own), (Origin::Proven { key }, Some(own)) if key == own.name());
    let told = story::tell(&records, &if ours { known.names } else { Names::default() });
    let verdict = VerdictWire::of(&report, &records, unattended(&records));
    let exit = if verdict.proven { Exit::Ok } else { Exit::Unproven };
    if app.terminal.is_json() {
        let story = told.iter().map(StoryWire::of).collect();
        app.terminal.print_json(&VerdictWire { story, ..verdict });
        return Ok(exit);
    }
    let mut page = Page::new();
    page.line(0).add(
        Style::Bold,
        format!(
            "{}, {}",
            report.stream,
            counted(report.entries.len(), "entry").replace("entrys", "entries")
        ),
    );
    page.append(story::page(&told));
    page.gap();
    say(&mut page, &report, &verdict);
    app.terminal.print(&page);
    Ok(exit)
}

fn refusal(error: &VerifyError) -> CliError {
    let mut message = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        message.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    let place = error
        .place()
        .map_or_else(|| "the whole file".to_owned(), |p| p.to_string());
    CliError::refused(error.code(), format!("refused: {message}"))
        .next(format!("Place: {place}. Don't rely on anything in this file."))
}

/// Every body has to be a record of this very stream; what this program doesn't know is refused, not skipped.
fn records(report: &Report) -> Result<Vec<EventRecord>, CliError> {
    let mut records = Vec::new();
    for entry in &report.entries {
        if let Some(body) = &entry.body {
            records.push(record(report, entry, body)?);
        }
    }
    Ok(records)
}

fn record(report: &Report, entry: &VerifiedEntry, body: &[u8]) -> Result<EventRecord, CliError> {
    let refuse = |code: &str, why: String| {
        CliError::refused(code, format!("refused: {why}")).next(format!(
            "Place: entry seq {}. A newer Countersign may know it.",
            entry.seq
        ))
    };
    let record = EventRecord::from_bytes(body).map_err(|e| {
        let cause = std::error::Error::source(&e)
            .map(|c| format!(": {c}"))
            .unwrap_or_default();
        refuse(e.code(), format!("{e}{cause}"))
    })?;
    let fits = record.tenant.as_str() == report.tenant
        && record.workflow.as_str() == report.stream
        && record.seq == entry.seq
        && record.at.to_rfc3339() == entry.at;
    if fits {
        Ok(record)
    } else {
        Err(refuse(
            "record-misplaced",
            "an entry's body belongs somewhere else".to_owned(),
        ))
    }
}

/// Whether any approval was given without anybody looking.
fn unattended(records: &[EventRecord]) -> bool {
    let unseen = |r: &EventRecord| {
        matches!(&r.event, Event::ApprovalGiven { approval }
            if approval.act.record.attendance == Attendance::Unattended)
    };
    records.iter().any(unseen)
}

/// What this data folder remembers.
#[derive(Default)]
struct Known {
    checkpoints: Vec<String>,
    names: Names,
}

/// Checkpoints that this data folder has signed, and its members' names. Without a database there are none, and a
/// database that can't be opened does not keep a bundle from being checked.
async fn known(app: &App) -> Known {
    if !app.folder.database().exists() {
        return Known::default();
    }
    let read = async {
        let session = Session::open(app).await?;
        let rows = session.store.checkpoints(CHECKPOINTS_MAX).await?;
        let names = Names::of(&session.store.roster().await?);
        session.close().await;
        Ok::<_, CliError>(Known {
            checkpoints: rows.into_iter().map(|r| r.note).collect(),
            names,
        })
    };
    read.await.unwrap_or_else(|error| {
        tracing::warn!(code = error.code, %error, "checkpoints of this data folder can't be read");
        Known::default()
    })
}

/// Keys and checkpoints that were given.
fn given(args: &VerifyArgs) -> Result<Trust, CliError> {
    let mut trust = Trust::default();
    for given in &args.trusted_keys {
        trust.keys.extend(keys(given)?);
    }
    for file in &args.checkpoints {
        let bytes = files::read("the checkpoint", file, SMALL_FILE_MAX_BYTES)?;
        let note = String::from_utf8(bytes).map_err(|_| {
            CliError::refused("checkpoint-not-utf8", format!("{} is not UTF-8", file.display()))
        })?;
        trust.checkpoints.push(note);
    }
    Ok(trust)
}

fn keys(given: &str) -> Result<Vec<VerifierKey>, CliError> {
    let bad = |text: &str, e: countersign_ledger::KeyError| {
        CliError::refused(e.code(), format!("`{text}`: {e}"))
            .next("`countersign ledger checkpoint` prints the key.")
    };
    let path = Path::new(given);
    if !path.exists() {
        return Ok(vec![VerifierKey::parse(given).map_err(|e| bad(given, e))?]);
    }
    let bytes = files::read("the keys", path, SMALL_FILE_MAX_BYTES)?;
    let text = String::from_utf8(bytes).map_err(|_| {
        file_error(
            "can't read the keys",
            path,
            &std::io::Error::other("it is not UTF-8"),
        )
    })?;
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|l| !l.is_empty() && !l.starts_with('#'));
    lines
        .map(|l| VerifierKey::parse(l).map_err(|e| bad(l, e)))
        .collect()
}

fn say(page: &mut Page, report: &Report, verdict: &VerdictWire) {
    let checkpoint = &report.checkpoint;
    page.line(0).add(Style::Good, "✓ ").add(
        Style::Plain,
        format!(
            "consistent: hashes, order, commitments, and inclusion under the checkpoint of size {}",
            checkpoint.size()
        ),
    );
    if report.complete {
        page.line(0).add(Style::Good, "✓ ").add(
            Style::Plain,
            "complete: the stream has ended and nothing is left out",
        );
    } else {
        page.line(0)
            .add(Style::Warn, "? ")
            .add(Style::Plain, "open: the story goes on, or its end was left out");
    }
    if report.erased > 0 {
        page.line(0)
            .add(Style::Warn, "? ")
            .add(Style::Plain, format!("erased: {} without a body", report.erased));
    }
    match &report.origin {
        Origin::Proven { key } => {
            page.line(0)
                .add(Style::Good, "✓ ")
                .add(Style::Plain, format!("origin proven by the trusted key {key}"));
        }
        Origin::Unproven => {
            page.line(0).add(Style::Warn, "? ").add(
                Style::Plain,
                "origin unproven: no trusted key signed it; anyone could have made this file",
            );
            page.line(2).add(Style::Dim, "Trust a key with --key VKEY.");
        }
    }
    if verdict.unattended {
        page.line(0)
            .add(Style::Warn, "! ")
            .add(Style::Bold, "no human reviewed this: it was approved unattended");
    }
}
