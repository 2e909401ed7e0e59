//! The second way of confinement, where `bwrap` is not there or not allowed: the kernel's Landlock around
//! files, and system calls refused. No network at all, and the machine's own processes and paths stay
//! visible by name; `docs/agents.md` says what is weaker.

use super::held::{PROCESSES_MAX, ROOM_PATH, ToRun, tasks_of, written};
use super::launch::{Group, Launch};
use super::orders::{Alone, Orders};
use super::reads::{SETTINGS, SYSTEM};
use crate::answer::unsupported;
use countersign_ports::agent::AgentError;
use std::ffi::OsString;
use std::path::Path;

/// Settings that are the machine's own here; anyone may read them.
const OWN_SETTINGS: [&str; 4] = ["/etc/passwd", "/etc/group", "/etc/hosts", "/etc/nsswitch.conf"];
/// Devices that hold nothing.
const DEVICES: [&str; 5] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];

/// A run of `to_run` behind Landlock.
///
/// # Errors
/// When a path is not UTF-8.
pub(super) fn launch(to_run: &ToRun<'_>) -> Result<Launch, AgentError> {
    let stage = to_run.stage;
    let there = |path: &&&str| Path::new(path).exists();
    let mut reads: Vec<String> = SYSTEM
        .iter()
        .chain(&SETTINGS)
        .chain(&OWN_SETTINGS)
        .filter(there)
        .map(|path| (*path).to_owned())
        .collect();
    for path in to_run
        .reads
        .iter()
        .map(AsRef::as_ref)
        .chain([stage.repos().as_ref()])
    {
        reads.push(text(path)?);
    }
    let mut writes: Vec<String> = DEVICES
        .iter()
        .filter(there)
        .map(|path| (*path).to_owned())
        .collect();
    for path in [stage.home(), stage.tmp()] {
        writes.push(text(&path)?);
    }
    let orders = Orders {
        processes: PROCESSES_MAX,
        others: tasks_of(rustix::process::geteuid().as_raw()),
        user: None,
        way_out: None,
        alone: Some(Alone {
            parent: std::process::id(),
            reads,
            writes,
        }),
        watched: false,
    };
    Ok(Launch {
        program: to_run.helper.to_owned(),
        arguments: vec![
            super::CONFINED.into(),
            written(&orders)?.into(),
            to_run.command.into(),
        ],
        environment: environment(to_run),
        folder: stage.root().to_owned(),
        group: Group::OwnSession,
    })
}

fn environment(to_run: &ToRun<'_>) -> Vec<(&'static str, OsString)> {
    vec![
        ("PATH", ROOM_PATH.into()),
        ("LANG", "C.UTF-8".into()),
        ("HOME", to_run.stage.home().into()),
        ("TMPDIR", to_run.stage.tmp().into()),
    ]
}

fn text(path: &Path) -> Result<String, AgentError> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        let message = format!("{} is not UTF-8, and can't be let in", path.display());
        unsupported("confinement-path", message)
    })
}
