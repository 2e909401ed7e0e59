//! `verify`: what does this bundle prove, and what story does it tell?

use super::files;
use crate::cli::VerifyArgs;
use crate::error::{CliError, Exit, file_error};
use crate::keys::Keys;
use crate::render::story::{self, Names, counted, one_line};
use crate::session::{App, Session};
use crate::terminal::{Page, Style};
use crate::wire::{StoryWire, VerdictWire};
use countersign_audit::{Verdict, audit};
use countersign_core::epoch::{Epoch, EpochCause};
use countersign_ledger::bundle::MAX_BUNDLE_BYTES;
use countersign_ledger::{CheckpointError, Origin, Report, Trust, VerifierKey, VerifyError, inspect};
use std::path::Path;

/// Most checkpoints of this data folder that a bundle is compared with.
const CHECKPOINTS_MAX: u32 = 10_000;

/// `verify`.
pub(super) async fn verify(app: &App, args: VerifyArgs) -> Result<Exit, CliError> {
    let bytes = files::read("the bundle", &args.bundle, MAX_BUNDLE_BYTES)?;
    let kept = checkpoints(&args)?;
    let mut trust = given(&args)?;
    let keys = Keys::new(app.folder.keys());
    let own = keys.existing_ledger()?.map(|k| k.verifier());
    trust.keys.extend(own.clone());
    let known = if own.is_some() {
        known(app).await
    } else {
        Known::default()
    };
    trust.retired = keys.retired()?;
    let mut verdict = audit(&bytes, &trust).map_err(|e| refusal(&e))?;
    verdict.report.uncompared = compare(&verdict.report, &known.checkpoints, &kept)?;
    // Only our own ledger knows what its members are called.
    let ours =
        matches!((&verdict.report.origin, &own), (Origin::Proven { key }, Some(own)) if key == own.name());
    let names = if ours { known.names } else { Names::default() };
    let told = story::tell(&verdict.records, &names);
    let wire = VerdictWire::of(&verdict);
    let exit = match wire.verdict {
        "proven" => Exit::Ok,
        "unlawful" => Exit::Refused,
        _ => Exit::Unproven,
    };
    if app.terminal.is_json() {
        let story = told.iter().map(StoryWire::of).collect();
        app.terminal.print_json(&VerdictWire { story, ..wire });
        return Ok(exit);
    }
    let report = &verdict.report;
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
    say(&mut page, &verdict, &names);
    app.terminal.print(&page);
    Ok(exit)
}

/// A checkpoint that somebody kept in a file.
struct Kept<'a> {
    file: &'a Path,
    note: String,
    size: u64,
}

/// Checkpoints that were given. One that can't be read says nothing about the bundle.
fn checkpoints(args: &VerifyArgs) -> Result<Vec<Kept<'_>>, CliError> {
    let kept = args.checkpoints.iter().map(|file| {
        let note = files::read_note(file)?;
        let size = inspect(&note).map_err(|e| unusable(file, &e))?.size();
        Ok(Kept { file, note, size })
    });
    kept.collect()
}

fn unusable(file: &Path, error: &CheckpointError) -> CliError {
    CliError::refused(error.code(), format!("{}: {error}", file.display()))
        .next("Give the note as `countersign ledger checkpoint` printed it; the bundle was not judged.")
}

/// Compares with what this folder has signed and with what was given, and gives the sizes of those given that the bundle
/// proves nothing about. Of what this folder has signed most can't be compared with one story, and a bundle of another
/// ledger is not to be compared with it at all.
fn compare(report: &Report, known: &[String], kept: &[Kept<'_>]) -> Result<Vec<u64>, CliError> {
    for note in known {
        match report.compare(note) {
            Ok(_) | Err(VerifyError::OtherLedger { .. }) => {}
            Err(error) => return Err(refusal(&error)),
        }
    }
    let mut uncompared = Vec::new();
    for Kept { file, note, size } in kept {
        match report.compare(note) {
            Ok(true) => {}
            Ok(false) => uncompared.push(*size),
            Err(VerifyError::Checkpoint(error)) => return Err(unusable(file, &error)),
            Err(error @ VerifyError::OtherLedger { .. }) => {
                let text = format!("{}: {error}", file.display());
                let next = "Give a checkpoint of this file's ledger. If it is the right one, then the file is not of the \
                            ledger that you mean.";
                return Err(CliError::refused(error.code(), text).next(next));
            }
            Err(error) => return Err(refusal(&error)),
        }
    }
    Ok(uncompared)
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

/// Keys that were given.
fn given(args: &VerifyArgs) -> Result<Trust, CliError> {
    let mut trust = Trust::default();
    for given in &args.trusted_keys {
        trust.keys.extend(keys(given)?);
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
    let bytes = files::read("the keys", path, files::SMALL_FILE_MAX_BYTES)?;
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

fn say(page: &mut Page, verdict: &Verdict, names: &Names) {
    let report = &verdict.report;
    let mut line = |style, mark: &str, text: String| {
        page.line(0).add(style, mark).add(Style::Plain, text);
    };
    let size = report.checkpoint.size();
    let consistent = "consistent: hashes, order, commitments, and inclusion under the checkpoint of size";
    line(Style::Good, "✓ ", format!("{consistent} {size}"));
    if report.complete {
        let text = "complete: the stream has ended and nothing is left out";
        line(Style::Good, "✓ ", text.to_owned());
    } else {
        let text = "open: the story goes on, or its end was left out; ask for a newer export";
        line(Style::Warn, "? ", text.to_owned());
    }
    for erasure in &verdict.erasures {
        let bodies = counted(erasure.entries.len(), "body").replace("bodys", "bodies");
        let files = counted(erasure.evidence.len(), "file");
        let text = format!(
            "erased by {}: {bodies} and {files}, {}",
            one_line(&names.member(&erasure.by)),
            one_line(&erasure.reason)
        );
        line(Style::Warn, "? ", text);
    }
    for epoch in verdict.epochs.iter().filter(|e| e.why == EpochCause::Resumed) {
        line(Style::Warn, "! ", resumed(epoch));
    }
    for what in &verdict.unjudged {
        line(Style::Warn, "? ", format!("not judged: {what}"));
    }
    for problem in &verdict.problems {
        line(Style::Bad, "✗ ", one_line(&problem.to_string()));
    }
    if verdict.is_lawful() {
        let text = "lawful: every step follows the rules, and only what was approved was written";
        line(Style::Good, "✓ ", text.to_owned());
    } else if !verdict.problems.is_empty() {
        let text = "unlawful: this story breaks the rules; don't rely on it, whoever signed it";
        line(Style::Bad, "✗ ", text.to_owned());
    }
    for size in &report.uncompared {
        let text = format!(
            "not compared: the file proves nothing about the checkpoint of size {size}; export it with --since that checkpoint"
        );
        line(Style::Warn, "? ", text);
    }
    say_origin(page, report);
    if verdict.unattended {
        page.line(0)
            .add(Style::Warn, "! ")
            .add(Style::Bold, "no human reviewed this: it was approved unattended");
    }
}

/// A data folder that was taken up again, and what was given up for it.
fn resumed(epoch: &Epoch) -> String {
    let began = format!(
        "epoch {} began after {} entries: the data folder had been restored, copied or moved",
        epoch.epoch, epoch.entries
    );
    match &epoch.given_up {
        None => began,
        Some(gone) => format!(
            "{began}, and {} entries of a signed checkpoint of {} were given up",
            gone.lost, gone.size
        ),
    }
}

fn say_origin(page: &mut Page, report: &Report) {
    match &report.origin {
        Origin::Proven { key } => {
            page.line(0)
                .add(Style::Good, "✓ ")
                .add(Style::Plain, format!("origin proven by the trusted key {key}"));
            for rotation in &report.rotations {
                let text = format!(
                    "{} handed over to {} after {} entries",
                    rotation.from.name(),
                    rotation.to.name(),
                    rotation.size
                );
                page.line(2).add(Style::Dim, text);
            }
        }
        Origin::Unproven => {
            page.line(0).add(Style::Warn, "? ").add(
                Style::Plain,
                "origin unproven: no trusted key signed it; anyone could have made this file",
            );
            page.line(2).add(Style::Dim, "Trust a key with --key VKEY.");
        }
    }
}
