//! One start of a program: what is run, with which arguments, environment and working folder. Nothing of our
//! own environment goes along.

use std::ffi::OsString;
use std::path::PathBuf;

/// For `CommandAgent`'s runs and for finding out what the machine allows.
#[derive(Debug, Clone)]
pub(super) struct Launch {
    /// The program.
    pub(super) program: PathBuf,
    /// Its arguments.
    pub(super) arguments: Vec<OsString>,
    /// All of its environment.
    pub(super) environment: Vec<(&'static str, OsString)>,
    /// Where it starts.
    pub(super) folder: PathBuf,
    /// Who gives it a process group that can be killed as a whole.
    pub(super) group: Group,
}

/// Where the process group comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    /// From us, at the start.
    Given,
    /// It makes itself a session.
    OwnSession,
}
