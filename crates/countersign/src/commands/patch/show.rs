//! `patch show`: what differs between two commits of a repository, as the typed diff.

use crate::cli::PatchShowArgs;
use crate::commands::throwaway::{Throwaway, blocking};
use crate::error::{CliError, Exit};
use crate::render::typed;
use crate::session::App;
use countersign_core::diff_view::{Limits, TypedDiff, Wanted, typed_diff};
use countersign_core::path::RepoPath;
use countersign_ports::trees::Trees as _;

/// What one file may have when it is asked for alone: more than git objects that can be read have.
const WHOLE_FILE: Limits = Limits {
    files: 1,
    lines: 2_000_000,
    file_lines: 2_000_000,
    bytes: 1 << 30,
    line_bytes: 64 << 20,
    word_lines: 20_000,
    file_word_lines: 20_000,
};

/// `patch show`.
pub(in crate::commands) async fn show(app: &App, args: PatchShowArgs) -> Result<Exit, CliError> {
    let wanted = wanted(args.path.as_deref())?;
    let copy = Throwaway::of(&args.repo).await?;
    let [base, result] = copy.pin_named([&args.base, &args.result]).await?;
    let (git, source) = (copy.git.clone(), copy.source.clone());
    let (before, after, asked) = (base.clone(), result.clone(), wanted.clone());
    let diff = blocking(move || {
        let (facts, canonical) = git.between(&source, &before, &after)?;
        let old = |blob: &_| git.blob(&source, blob).ok();
        let made = typed_diff(&facts, &canonical, &old, &asked);
        made.map_err(|e| CliError::internal(e.code(), e.to_string()))
    })
    .await??;
    refuse_unchanged(&diff, wanted.only.as_ref())?;
    if app.terminal.is_json() {
        app.terminal.print_json(&diff);
    } else {
        app.terminal.print(&typed::page(&diff, (&base, &result)));
    }
    Ok(Exit::Ok)
}

fn wanted(path: Option<&str>) -> Result<Wanted, CliError> {
    let Some(path) = path else {
        return Ok(Wanted::default());
    };
    let only =
        RepoPath::from_text(path).map_err(|e| CliError::refused("bad-path", format!("`{path}`: {e}")))?;
    Ok(Wanted {
        limits: WHOLE_FILE,
        only: Some(only),
    })
}

fn refuse_unchanged(diff: &TypedDiff, only: Option<&RepoPath>) -> Result<(), CliError> {
    match only {
        Some(path) if diff.files.is_empty() => {
            let text = format!("`{path}` does not differ between the two commits");
            Err(CliError::refused("path-unchanged", text)
                .next("Give the path from the repository's top, and after a rename the new one."))
        }
        Some(_) | None => Ok(()),
    }
}
