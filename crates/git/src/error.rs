//! How failures of git, gix and the file system become our three kinds of error. Must never swallow a cause:
//! what the machine said is part of the sentence, shortened.

use countersign_core::policy::is_hidden_character;
use countersign_ports::trees::TreesError;
use std::fmt::Display;
use std::io;

/// Longest part of a foreign error text that we show, in characters.
const CAUSE_MAX_CHARS: usize = 300;

pub(crate) fn unsupported(code: &'static str, message: impl Into<String>) -> TreesError {
    TreesError::Unsupported {
        code,
        message: message.into(),
    }
}

pub(crate) fn unavailable(code: &'static str, message: impl Into<String>) -> TreesError {
    TreesError::Unavailable {
        code,
        message: message.into(),
    }
}

pub(crate) fn corrupt(code: &'static str, message: impl Into<String>) -> TreesError {
    TreesError::Corrupt {
        code,
        message: message.into(),
    }
}

/// A foreign error as one short line, in which characters that can't be seen are spelled out.
pub(crate) fn cause(error: &impl Display) -> String {
    let line: String = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown = String::new();
    for c in line.chars().take(CAUSE_MAX_CHARS) {
        if is_hidden_character(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// A gix failure with everything that led to it.
pub(crate) fn gix_cause(error: &gix::Error) -> String {
    cause(&format!("{error:?}"))
}

/// What an I/O failure means for the caller.
pub(crate) fn from_io(doing: &str, error: &io::Error) -> TreesError {
    use io::ErrorKind::{NotFound, PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    let said = cause(error);
    let kind = error.kind();
    if kind == NotFound {
        return unavailable(
            "gone",
            format!("{doing}: it is not there any more ({said}). Put it back, then retry."),
        );
    }
    if matches!(kind, PermissionDenied | ReadOnlyFilesystem) {
        let next = "Give this user access, then retry.";
        return unavailable(
            "permission-denied",
            format!("{doing}: permission was denied ({said}). {next}"),
        );
    }
    if matches!(kind, StorageFull | QuotaExceeded) {
        return unavailable(
            "disk-full",
            format!("{doing}: the disk is full ({said}). Free some space, then retry."),
        );
    }
    unavailable(
        "io",
        format!("{doing}: {said}. Look at the disk and the folder's rights, then retry."),
    )
}

/// A gix failure while reading: an I/O cause is a passing one, anything else is damage.
pub(crate) fn from_gix(doing: &str, error: &gix::Error) -> TreesError {
    match io_cause(error) {
        Some(io) => from_io(doing, io),
        None => corrupt(
            "damaged",
            format!(
                "{doing}: {}. Run `git fsck` on the repository and repair it.",
                gix_cause(error)
            ),
        ),
    }
}

/// A gix failure while writing: the reason may pass, whatever it is.
pub(crate) fn from_gix_write(doing: &str, error: &gix::Error) -> TreesError {
    match io_cause(error) {
        Some(io) => from_io(doing, io),
        None => unavailable(
            "write-failed",
            format!(
                "{doing}: {}. Look at the repository, then retry.",
                gix_cause(error)
            ),
        ),
    }
}

fn io_cause(error: &gix::Error) -> Option<&io::Error> {
    error.downcast_any_ref::<io::Error>()
}
