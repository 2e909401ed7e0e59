//! Why settings are refused. No sentence repeats a value: it may be a secret.

use super::table;
use crate::error::{CliError, file_error};
use figment::error::{Actual, Kind};
use std::io;
use std::path::{Path, PathBuf};

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Nothing sets it.
    Default,
    /// This line of the file.
    File {
        /// Counted from 1.
        line: usize,
    },
    /// This name of the environment.
    Environment(&'static str),
    /// This option.
    Flag(&'static str),
}

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file can't be read.
    #[error("the settings {}: {error}", .file.display())]
    Unreadable {
        /// Which.
        file: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is no TOML.
    #[error("{}, line {line}: {reason}", .file.display())]
    Syntax {
        /// Which.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// Why.
        reason: String,
    },
    /// There is no such setting, or it can't be set in this file.
    #[error("{}, line {line}: {reason}", .file.display())]
    Misplaced {
        /// Which.
        file: PathBuf,
        /// Counted from 1.
        line: usize,
        /// What is wrong.
        reason: String,
        /// What there is instead.
        next: String,
    },
    /// A value is not what it has to be.
    #[error("{place}: {key}: {reason}")]
    Invalid {
        /// The setting.
        key: String,
        /// File and line, name or option.
        place: String,
        /// Whether it was typed.
        typed: bool,
        /// Why.
        reason: String,
    },
    /// A setting makes no sense without another one.
    #[error("{key} is set, and {missing} is not")]
    Incomplete {
        /// The one.
        key: &'static str,
        /// The other.
        missing: &'static str,
    },
}

impl Source {
    /// In words, with the file's name.
    pub(super) fn place(&self, file: Option<&Path>) -> String {
        match (self, file) {
            (Self::Default, _) => "default".to_owned(),
            (Self::File { line }, Some(file)) => format!("{}, line {line}", file.display()),
            (Self::File { line }, None) => format!("line {line}"),
            (Self::Environment(name) | Self::Flag(name), _) => (*name).to_owned(),
        }
    }
}

/// What is wrong with a value, without the value.
pub(super) fn reason(kind: &Kind) -> String {
    match kind {
        Kind::Message(reason) => reason.clone(),
        Kind::InvalidType(found, _) | Kind::InvalidValue(found, _) => format!("it is {}", what(found)),
        Kind::UnknownVariant(..) => "there is no such choice".to_owned(),
        Kind::MissingField(name) => format!("{name} is missing"),
        Kind::InvalidLength(..)
        | Kind::UnknownField(..)
        | Kind::DuplicateField(_)
        | Kind::ISizeOutOfRange(_)
        | Kind::USizeOutOfRange(_)
        | Kind::Unsupported(_)
        | Kind::UnsupportedKey(..) => "it can't be read".to_owned(),
    }
}

fn what(found: &Actual) -> &'static str {
    match found {
        Actual::Bool(_) => "true or false",
        Actual::Unsigned(_) | Actual::Signed(_) | Actual::Float(_) => "a number",
        Actual::Char(_) | Actual::Str(_) | Actual::Bytes(_) => "another text",
        Actual::Seq => "a list",
        Actual::Map | Actual::NewtypeStruct => "a table",
        Actual::Unit
        | Actual::Option
        | Actual::Enum
        | Actual::UnitVariant
        | Actual::NewtypeVariant
        | Actual::TupleVariant
        | Actual::StructVariant
        | Actual::Other(_) => "something else",
    }
}

/// What to do where a setting is incomplete.
fn completed(missing: &str) -> String {
    let names = table::find(missing).map_or(&[][..], |s| s.environment);
    let names: Vec<String> = names.iter().map(|name| format!(" or {name}")).collect();
    format!("Set {missing}{} as well, or neither.", names.concat())
}

impl From<ConfigError> for CliError {
    fn from(error: ConfigError) -> Self {
        Self::from(&error)
    }
}

impl From<&ConfigError> for CliError {
    fn from(error: &ConfigError) -> Self {
        let text = error.to_string();
        match error {
            ConfigError::Unreadable { file, error } => file_error("can't read the settings", file, error),
            ConfigError::Syntax { .. } => {
                CliError::refused("config-syntax", text).next("It has to be TOML (https://toml.io).")
            }
            ConfigError::Misplaced { next, .. } => {
                CliError::refused("config-unknown", text).next(next.as_str())
            }
            ConfigError::Invalid { key, typed, .. } => {
                let shape = table::find(key).map_or("something else", |s| s.shape);
                let refused = if *typed {
                    CliError::usage("config-invalid", text)
                } else {
                    CliError::refused("config-invalid", text)
                };
                refused.next(format!("It has to be {shape}."))
            }
            ConfigError::Incomplete { missing, .. } => {
                CliError::refused("config-incomplete", text).next(completed(missing))
            }
        }
    }
}
