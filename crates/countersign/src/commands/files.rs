//! Reading what the user names, bounded.

use crate::error::{CliError, file_error};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Largest diff that is read, in bytes.
pub(crate) const DIFF_MAX_BYTES: usize = 16 << 20;

/// A file's bytes, or standard input's where the path is `-`; at most one byte more than `limit`, so that the caller
/// sees what is too large without reading all of it.
///
/// # Errors
/// When it can't be read.
pub(crate) fn read(what: &str, path: &Path, limit: usize) -> Result<Vec<u8>, CliError> {
    let doing = format!("can't read {what}");
    let mut bytes = Vec::new();
    let most = limit as u64 + 1;
    let done = if path == Path::new("-") {
        io::stdin().lock().take(most).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|f| f.take(most).read_to_end(&mut bytes))
    };
    done.map_err(|e| file_error(&doing, path, &e))?;
    Ok(bytes)
}

/// A diff's bytes.
///
/// # Errors
/// When it can't be read, is empty or too large.
pub(crate) fn read_diff(path: &Path) -> Result<Vec<u8>, CliError> {
    let bytes = read("the diff", path, DIFF_MAX_BYTES)?;
    if bytes.len() > DIFF_MAX_BYTES {
        let text = format!("the diff {} has more than {DIFF_MAX_BYTES} bytes", path.display());
        return Err(CliError::refused("diff-too-large", text).next("Split the change into smaller ones."));
    }
    if bytes.trim_ascii().is_empty() {
        let text = format!("the diff {} is empty", path.display());
        return Err(CliError::refused("diff-empty", text).next("Make it with `git diff`, for example."));
    }
    Ok(bytes)
}

/// Largest checkpoint or list of keys, in bytes.
pub(crate) const SMALL_FILE_MAX_BYTES: usize = 64 << 10;

/// A checkpoint's note.
///
/// # Errors
/// When it can't be read or is not UTF-8.
pub(crate) fn read_note(path: &Path) -> Result<String, CliError> {
    let bytes = read("the checkpoint", path, SMALL_FILE_MAX_BYTES)?;
    String::from_utf8(bytes)
        .map_err(|_| CliError::refused("checkpoint-not-utf8", format!("{} is not UTF-8", path.display())))
}

/// Words that accompany a decision.
///
/// # Errors
/// When the file can't be read, is not UTF-8 or longer than a comment may be.
pub(crate) fn read_words(path: &Path) -> Result<String, CliError> {
    let limit = countersign_core::act::COMMENT_MAX_BYTES;
    let bytes = read("the text", path, limit)?;
    if bytes.len() > limit {
        return Err(CliError::refused(
            "bad-text",
            format!("the text has more than {limit} bytes"),
        ));
    }
    String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        CliError::refused(
            "bad-text",
            format!("the text is not UTF-8 (bad byte at offset {at})"),
        )
        .next("Save it as UTF-8.")
    })
}
