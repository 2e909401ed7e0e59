//! Why a file's content could not be read; said in a `not-inspected` finding, never taken as "nothing there".

/// What kept a reader from reading.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("it is not UTF-8 text")]
    NotText,
    #[error("it is not valid {format} ({reason})")]
    Syntax { format: &'static str, reason: String },
    #[error("line {line} is not understood")]
    Line { line: u32 },
    #[error("it nests deeper than {most} levels")]
    TooDeep { most: usize },
    #[error("it has more than {most} {what}")]
    TooMany { what: &'static str, most: usize },
    #[error("it has no {0}, which every file of its kind has")]
    Missing(&'static str),
    #[error("this format can't be read")]
    Format,
}

/// The content as text, without a byte order mark.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, Unreadable> {
    let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::NotText)?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}
