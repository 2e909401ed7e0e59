//! `init`: a commented policy file.

use super::throwaway::blocking;
use crate::cli::InitArgs;
use crate::error::{CliError, Exit, file_error};
use crate::session::App;
use crate::terminal::{Page, Style};
use countersign_core::policy::{POLICY_PATH, template};
use countersign_git::GitTrees;
use countersign_ports::trees::Trees as _;
use serde::Serialize;
use std::fs::File;
use std::io::{self, Write as _};

/// `init --json`.
#[derive(Debug, Serialize)]
struct InitWire {
    /// The policy file.
    path: String,
    /// Whether it was written now; an existing one is left alone.
    written: bool,
}

/// `init`.
pub(super) async fn init(app: &App, args: InitArgs) -> Result<Exit, CliError> {
    let (git, repo) = (GitTrees::new(std::env::temp_dir()), args.repo.clone());
    let probe = blocking(move || git.probe(&repo)).await??;
    let Some(work_tree) = probe.work_tree else {
        let text = format!(
            "{} is a bare repository; it has no files to write into",
            args.repo.display()
        );
        return Err(
            CliError::refused("bare-repository", text).next("Run it in a clone, and push what it wrote.")
        );
    };
    let path = work_tree.join(POLICY_PATH);
    let made = File::options().write(true).create_new(true).open(&path);
    let written = match made.and_then(|mut f| f.write_all(template().as_bytes())) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(file_error("can't write", &path, &error)),
    };
    if app.terminal.is_json() {
        app.terminal.print_json(&InitWire {
            path: path.display().to_string(),
            written,
        });
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    let (mark, what) = if written {
        ("✓ ", "wrote")
    } else {
        ("– ", "left as it is:")
    };
    page.line(0)
        .add(Style::Good, mark)
        .add(Style::Plain, format!("{what} {}", path.display()));
    let counts = format!(
        "It counts once it is committed on the default branch, {}.",
        probe.default_branch
    );
    page.line(2).add(Style::Plain, counts);
    if written {
        page.line(2).add(
            Style::Dim,
            "Every line in it is a comment with the default; a line counts once its # is gone.",
        );
    }
    app.terminal.print(&page);
    Ok(Exit::Ok)
}
