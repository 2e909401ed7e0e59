//! Paths inside a repository are bytes (git's rule), never the machine's paths.
//!
//! As text they are encoded injectively: plain UTF-8 as it is, anything else quoted as git does (core.quotePath),
//! so that two different byte strings never print or hash alike (hazard 56).

use serde::{Deserialize, Serialize};
use std::fmt;

/// Longest accepted path, in bytes (PATH_MAX of Linux).
pub const PATH_MAX_BYTES: usize = 4096;

/// A path below the root of a repository, in git's spelling: `/` between parts, none at the ends.
///
/// It says nothing about safety: [`crate::policy`] and the applier judge escapes and `.git` aliases.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RepoPath(Vec<u8>);

impl RepoPath {
    /// Takes the bytes as they are.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self(bytes.into())
    }

    /// The raw bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, where it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }

    /// The parts between slashes.
    pub fn parts(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|b| *b == b'/')
    }

    /// Every folder above this path, outermost first.
    pub fn parents(&self) -> impl Iterator<Item = &[u8]> {
        self.0
            .iter()
            .enumerate()
            .filter(|(_, b)| **b == b'/')
            .map(|(i, _)| &self.0[..i])
    }

    /// The injective text form: as it is, or in C-quotes as git prints it.
    pub fn to_text(&self) -> String {
        match self.as_str() {
            Some(text) if !text.starts_with('"') && !text.chars().any(|c| c.is_control() || c == '\\') => {
                text.to_owned()
            }
            Some(_) | None => quote(&self.0),
        }
    }

    /// Reads what [`RepoPath::to_text`] gave.
    ///
    /// # Errors
    /// When quotes or escapes are broken.
    pub fn from_text(text: &str) -> Result<Self, PathError> {
        if text.starts_with('"') {
            unquote(text.as_bytes()).map(Self)
        } else {
            Ok(Self(text.as_bytes().to_vec()))
        }
    }
}

/// Why a quoted path can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the quoted path is broken: {0}")]
pub struct PathError(pub &'static str);

/// Quotes bytes as git does with `core.quotePath=true`: C escapes and octal, in double quotes.
pub fn quote(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for &b in bytes {
        match b {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            b'\r' => out.push_str("\\r"),
            0x20..=0x7e => out.push(char::from(b)),
            _ => out.push_str(&format!("\\{b:03o}")),
        }
    }
    out.push('"');
    out
}

/// Reads git's C-quoted form, quotes included.
///
/// # Errors
/// When the closing quote is missing, text follows it, or an escape is unknown.
pub fn unquote(quoted: &[u8]) -> Result<Vec<u8>, PathError> {
    let inner = quoted
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
        .ok_or(PathError("a quote is missing"))?;
    let mut out = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(b) = bytes.next() {
        match b {
            b'"' => return Err(PathError("text follows the closing quote")),
            b'\\' => out.push(escape(&mut bytes)?),
            other => out.push(other),
        }
    }
    Ok(out)
}

fn escape(bytes: &mut impl Iterator<Item = u8>) -> Result<u8, PathError> {
    let first = bytes.next().ok_or(PathError("it ends in an escape"))?;
    Ok(match first {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'a' => 7,
        b'b' => 8,
        b'v' => 11,
        b'f' => 12,
        b'"' | b'\\' => first,
        b'0'..=b'3' => {
            let mut value = first - b'0';
            for _ in 0..2 {
                match bytes.next() {
                    Some(digit @ b'0'..=b'7') => value = value * 8 + (digit - b'0'),
                    Some(_) | None => return Err(PathError("an octal escape needs three digits")),
                }
            }
            value
        }
        _ => return Err(PathError("unknown escape")),
    })
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl fmt::Debug for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RepoPath({})", self.to_text())
    }
}

impl From<&str> for RepoPath {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }
}

impl TryFrom<String> for RepoPath {
    type Error = PathError;
    fn try_from(text: String) -> Result<Self, PathError> {
        Self::from_text(&text)
    }
}

impl From<RepoPath> for String {
    fn from(path: RepoPath) -> String {
        path.to_text()
    }
}
