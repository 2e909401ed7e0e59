//! What a command ends with: an exit code, or an error in plain words with the next step.

use crate::terminal::{Page, Style};
use countersign_core::member::Ineligible;
use countersign_engine::EngineError;
use countersign_engine::intake::NotTaken;
use countersign_ports::agent::AgentError;
use countersign_ports::store::StoreError;
use countersign_ports::trees::TreesError;
use serde::Serialize;

/// How a command ended, for whoever called it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done.
    Ok,
    /// Our own fault, or the machine's.
    Internal,
    /// Refused or blocked.
    Refused,
    /// A human has to decide.
    Waits,
    /// Ended, but not as done.
    Ended,
    /// A bundle is consistent, but not all that a proof needs is there.
    Unproven,
    /// The command line is wrong.
    Usage,
    /// Stopped by Ctrl-C; nothing is lost.
    Interrupted,
}

impl Exit {
    /// The process's exit code.
    pub(crate) fn code(self) -> u8 {
        match self {
            Exit::Ok => 0,
            Exit::Internal => 1,
            Exit::Refused => 2,
            Exit::Waits => 3,
            Exit::Ended => 4,
            Exit::Unproven => 5,
            Exit::Usage => 64,
            Exit::Interrupted => 130,
        }
    }
}

/// Why a command could not do what was asked.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct CliError {
    /// Stable kebab-case code.
    pub(crate) code: String,
    /// Plain sentence.
    pub(crate) message: String,
    /// What to do now.
    pub(crate) next_step: Option<String>,
    /// The exit code.
    pub(crate) exit: Exit,
}

/// `--json`: what is printed instead of a result.
#[derive(Debug, Serialize)]
pub(crate) struct ErrorWire {
    error: ErrorBody,
}

#[derive(Debug, Serialize)]
struct ErrorBody {
    /// Stable kebab-case code.
    code: String,
    /// Plain sentence.
    message: String,
    /// What to do now.
    next: Option<String>,
}

impl CliError {
    /// The input or the wish is refused.
    pub(crate) fn refused(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            message: message.into(),
            next_step: None,
            exit: Exit::Refused,
        }
    }

    /// The machine or this program failed.
    pub(crate) fn internal(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Internal,
            ..Self::refused(code, message)
        }
    }

    /// A human has to come first.
    pub(crate) fn waits(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Waits,
            ..Self::refused(code, message)
        }
    }

    /// The command line can't be understood.
    pub(crate) fn usage(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            exit: Exit::Usage,
            ..Self::refused(code, message)
        }
    }

    /// Adds what to do now.
    #[must_use]
    pub(crate) fn next(mut self, step: impl Into<String>) -> Self {
        self.next_step = Some(step.into());
        self
    }

    /// For programs.
    pub(crate) fn to_wire(&self) -> ErrorWire {
        let (code, message, next) = (self.code.clone(), self.message.clone(), self.next_step.clone());
        ErrorWire {
            error: ErrorBody { code, message, next },
        }
    }

    /// For people.
    pub(crate) fn to_page(&self) -> Page {
        let mut page = Page::new();
        let mut lines = self.message.lines();
        let first = lines.next().unwrap_or_default();
        page.line(0)
            .add(Style::Bad, "✗ ")
            .add(Style::Plain, first)
            .add(Style::Dim, format!("  [{}]", self.code));
        for line in lines {
            page.line(2).add(Style::Plain, line);
        }
        for line in self.next_step.iter().flat_map(|s| s.lines()) {
            page.line(2).add(Style::Plain, "→ ").add(Style::Plain, line);
        }
        page
    }
}

/// What to do with a data folder that was restored, copied or moved.
const RESUME: &str = "Where the original is still in use, go on there. Else: countersign restore --resume";
/// What to do with an older copy.
const GIVE_UP: &str = "Put the newest copy back. Where there is none: countersign restore --resume";

impl From<Ineligible> for CliError {
    fn from(error: Ineligible) -> Self {
        Self::refused("not-entitled", error.to_string()).next("Ask somebody who may: countersign member list")
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        let code = error.code();
        if let StoreError::Unavailable {
            source: Some(source), ..
        } = &error
        {
            tracing::info!(code, source, "the store is unavailable");
        }
        let built = Self::internal(code, error.to_string());
        match error {
            StoreError::NotFound { .. } => Self {
                exit: Exit::Refused,
                ..built
            }
            .next("`countersign list` shows what there is."),
            StoreError::Closed { code, .. } => {
                let refused = Self {
                    exit: Exit::Refused,
                    ..built
                };
                match code {
                    "data-folder-copied" => refused.next(RESUME),
                    "ledger-behind" => refused.next(GIVE_UP),
                    _other => refused,
                }
            }
            StoreError::Refused { .. } => Self {
                exit: Exit::Refused,
                ..built
            },
            StoreError::Clash | StoreError::ClaimLost => built.next("Try the same command again."),
            // The message says what to do first; trying again would end the same way.
            StoreError::Unavailable {
                code: "data-damaged", ..
            }
            | StoreError::Corrupt { .. } => {
                built.next("How: docs/recovery.md. What is damaged: countersign doctor")
            }
            StoreError::Unavailable { .. } => built,
        }
    }
}

impl From<NotTaken> for CliError {
    fn from(refused: NotTaken) -> Self {
        let code = refused.code();
        match refused {
            NotTaken::Secret(why) => Self::refused(code, why).next("Nothing of it was kept."),
            NotTaken::Store(error) => error.into(),
        }
    }
}

impl From<EngineError> for CliError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::TooManyClashes(_) | EngineError::DecisionBroke => {
                Self::internal(error.code(), error.to_string())
            }
        }
    }
}

impl From<TreesError> for CliError {
    fn from(error: TreesError) -> Self {
        let code = error.code();
        match error {
            TreesError::Unsupported { message, .. } => Self::refused(code, message),
            TreesError::Unavailable { message, .. } | TreesError::Corrupt { message, .. } => {
                Self::internal(code, message)
            }
        }
    }
}

impl From<AgentError> for CliError {
    fn from(error: AgentError) -> Self {
        Self::refused(error.code(), error.to_string())
    }
}

/// Reading or writing a file of the user failed.
pub(crate) fn file_error(doing: &str, path: &std::path::Path, error: &std::io::Error) -> CliError {
    use std::io::ErrorKind::{IsADirectory, NotFound, PermissionDenied, ReadOnlyFilesystem, StorageFull};
    let at = path.display();
    let kind = error.kind();
    let (code, next) = if kind == NotFound {
        ("file-missing", "Check the path.")
    } else if matches!(kind, PermissionDenied | ReadOnlyFilesystem) {
        (
            "permission-denied",
            "Give this user access, or name another place.",
        )
    } else if kind == StorageFull {
        ("disk-full", "Free some space, then try again.")
    } else if kind == IsADirectory {
        ("is-a-folder", "Name a file.")
    } else {
        ("io", "Look at the file and the disk, then try again.")
    };
    let built = CliError::refused(code, format!("{doing} {at}: {error}")).next(next);
    match code {
        "disk-full" | "io" => CliError {
            exit: Exit::Internal,
            ..built
        },
        _ => built,
    }
}
