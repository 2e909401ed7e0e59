//! The tokens of servers that this user is signed in to, in one file that nobody else can read.

use crate::error::{CliError, file_error};
use etcetera::BaseStrategy as _;
use reqwest::Url;
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// By origin.
type Tokens = BTreeMap<String, String>;

/// The token for a server, if there is one.
///
/// # Errors
/// When the file can't be read, or others can.
pub(super) fn find(origin: &Url) -> Result<Option<String>, CliError> {
    let Some(file) = file() else { return Ok(None) };
    Ok(read(&file)?.remove(origin.as_str()))
}

/// Keeps a server's token, or forgets it.
///
/// # Errors
/// When the file can't be written.
pub(super) fn keep(origin: &Url, token: Option<&str>) -> Result<(), CliError> {
    let file = file().ok_or_else(|| {
        CliError::refused("no-home", "there is no home folder to keep a token in")
            .next("Give it in COUNTERSIGN_TOKEN.")
    })?;
    let mut tokens = read(&file)?;
    match token {
        Some(token) => tokens.insert(origin.as_str().to_owned(), token.to_owned()),
        None => tokens.remove(origin.as_str()),
    };
    let folder = file.parent().unwrap_or(Path::new("."));
    let failed = |e: std::io::Error| file_error("can't keep the token in", &file, &e);
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(failed)?;
    let text = serde_json::to_string_pretty(&tokens).expect("a map of texts is JSON");
    // A temporary file is this user's alone from its first byte.
    let mut fresh = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    fresh.write_all(text.as_bytes()).map_err(failed)?;
    fresh.persist(&file).map_err(|e| failed(e.error))?;
    Ok(())
}

fn file() -> Option<PathBuf> {
    let folders = etcetera::base_strategy::Xdg::new().ok()?;
    Some(folders.config_dir().join("countersign").join("servers.json"))
}

fn read(file: &Path) -> Result<Tokens, CliError> {
    let failed = |e: std::io::Error| file_error("can't read the tokens in", file, &e);
    let found = match fs::metadata(file) {
        Ok(found) => found,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Tokens::new()),
        Err(e) => return Err(failed(e)),
    };
    if found.permissions().mode() & 0o077 != 0 {
        let text = format!("others can read the tokens in {}", file.display());
        return Err(CliError::refused("tokens-open", text).next(format!("Run: chmod 600 {}", file.display())));
    }
    let text = fs::read_to_string(file).map_err(failed)?;
    serde_json::from_str(&text).map_err(|_| {
        let text = format!("{} is not what this program has written", file.display());
        CliError::refused("tokens-unreadable", text).next("Delete it and sign in again.")
    })
}
