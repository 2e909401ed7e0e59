//! `patch apply`: does this diff apply, strictly, and to which tree? `patch show`: what differs between two commits?

mod batch;
mod lines;
mod show;

pub(super) use show::show;

use super::files;
use super::throwaway::{Throwaway, blocking};
use crate::cli::ApplyArgs;
use crate::error::{CliError, Exit};
use crate::render::{diff, story::counted};
use crate::session::App;
use crate::terminal::{Page, Style};
use crate::wire::{AppliedWire, RefusedWire};
use countersign_ports::trees::{Applied, ApplyRefusal, Trees as _};

/// `patch apply`.
pub(super) async fn apply(app: &App, args: ApplyArgs) -> Result<Exit, CliError> {
    let (Some(base), Some(diff)) = (&args.base, &args.diff) else {
        return batch::batch(app, &args.repo).await;
    };
    let bytes = files::read_diff(diff)?;
    let copy = Throwaway::of(&args.repo).await?;
    let base = copy.pin(base).await?.commit;
    let (git, source) = (copy.git.clone(), copy.source.clone());
    match blocking(move || git.apply(&source, &base, &bytes)).await?? {
        Ok(applied) => {
            say_applied(app, applied);
            Ok(Exit::Ok)
        }
        Err(refusal) => {
            say_refused(app, refusal);
            Ok(Exit::Refused)
        }
    }
}

fn say_applied(app: &App, applied: Applied) {
    if app.terminal.is_json() {
        app.terminal.print_json(&AppliedWire::of(applied));
        return;
    }
    let tree = applied.diff.result_tree.to_string();
    let mut page = Page::new();
    let files = counted(applied.diff.files.len(), "file");
    page.line(0).add(Style::Good, "✓ ").add(
        Style::Plain,
        format!(
            "it applies: {files}, +{} −{}",
            applied.diff.added(),
            applied.diff.removed()
        ),
    );
    page.line(2)
        .column(Style::Dim, "tree", 6)
        .add(Style::Plain, &tree);
    for warning in &applied.warnings {
        page.line(2)
            .add(Style::Warn, "! ")
            .add(Style::Plain, format!("{} ({})", warning.message, warning.place))
            .add(Style::Dim, format!("  [{}]", warning.code));
    }
    page.gap();
    diff::lines(&mut page, &applied.canonical);
    page.gap();
    page.line(0).add(Style::Dim, "Nothing was written.");
    app.terminal.print(&page);
}

/// Says why a diff can't be applied; also for other commands that try one.
pub(super) fn say_refused(app: &App, refusal: ApplyRefusal) {
    if app.terminal.is_json() {
        app.terminal.print_json(&RefusedWire { refused: refusal });
        return;
    }
    let error = CliError::refused(
        refusal.code,
        format!("the diff does not apply: {}", refusal.message),
    )
    .next(format!("Place: {}", refusal.place));
    app.terminal.fail(&error);
}
