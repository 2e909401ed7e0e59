//! What holds one call's runs: a way of confinement with what was let in, or nothing, because a person said so.

use super::fence::{Fence, Way};
use super::launch::{self, Launch};
use super::orders::Orders;
use super::proxy::Proxy;
use super::stage::Stage;
use crate::answer::{malformed, unsupported};
use countersign_core::confinement::{Confinement, NetworkHost, Rights};
use countersign_ports::agent::AgentError;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Most processes and threads that a confined command may have.
pub(super) const PROCESSES_MAX: u64 = 512;
/// Where programs are looked for inside a fence, and outside where our own environment names no `PATH`.
pub(super) const ROOM_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command with all that it gets to see.
pub(super) struct ToRun<'a> {
    /// For `sh -c`.
    pub(super) command: &'a str,
    pub(super) stage: &'a Stage,
    /// The program that closes the fence from inside.
    pub(super) helper: &'a Path,
    /// What it may read beside its copies and the system's programs; looked at.
    pub(super) reads: &'a [PathBuf],
    /// The proxy's, where it may reach hosts.
    pub(super) socket: Option<&'a Path>,
}

/// What holds a call's runs.
pub(super) enum Held<'a> {
    By {
        way: &'a Way,
        fence: &'a Fence,
        reads: Vec<PathBuf>,
        reaches: &'a [NetworkHost],
    },
    Nothing,
}

impl<'a> Held<'a> {
    /// What holds a command with these rights here.
    ///
    /// # Errors
    /// `Unsupported` where it can't be held as asked for.
    pub(super) async fn find(
        rights: &'a Rights,
        fence: Option<&'a Fence>,
        scratch: &Path,
    ) -> Result<Self, AgentError> {
        let (reads, reaches) = match rights {
            Rights::Unconfined => return Ok(Held::Nothing),
            Rights::Confined { reads, reaches } => (reads, reaches),
        };
        let fence = fence.ok_or_else(|| {
            let message =
                "this program can't confine commands; start it with --unconfined if you trust the command";
            unsupported("confinement-unavailable", message)
        })?;
        let way = fence.way(scratch).await?;
        if matches!(way, Way::Landlock) && !reaches.is_empty() {
            let message = "named hosts can be reached through bubblewrap only, which is not installed or not \
                           allowed here: install it (on Debian or Ubuntu: apt install bubblewrap)";
            return Err(unsupported("confinement-network-unavailable", message));
        }
        let reads = fence.reads(reads)?;
        Ok(Held::By {
            way,
            fence,
            reads,
            reaches,
        })
    }

    pub(super) fn confinement(&self) -> Confinement {
        match self {
            Held::By { way, .. } => way.confinement(),
            Held::Nothing => Confinement::Unconfined,
        }
    }

    /// Where the program sees the copies.
    pub(super) fn repos(&self, stage: &Stage) -> PathBuf {
        match self {
            Held::By { way, .. } => way.repos(stage),
            Held::Nothing => stage.repos(),
        }
    }

    /// The proxy that a call needs.
    pub(super) fn proxy(&self, stage: &Stage) -> Result<Option<Proxy>, AgentError> {
        match self {
            Held::By { fence, reaches, .. } if !reaches.is_empty() => {
                Proxy::open(&stage.outside(), reaches.to_vec(), fence.names()).map(Some)
            }
            Held::By { .. } | Held::Nothing => Ok(None),
        }
    }

    pub(super) fn launch(
        &self,
        command: &str,
        stage: &Stage,
        proxy: Option<&Proxy>,
    ) -> Result<Launch, AgentError> {
        match self {
            Held::By {
                way, fence, reads, ..
            } => way.launch(&ToRun {
                command,
                stage,
                helper: fence.helper(),
                reads,
                socket: proxy.map(Proxy::socket),
            }),
            Held::Nothing => Ok(unconfined(command, stage)),
        }
    }
}

/// With the rights of whoever started us, and our `PATH`.
fn unconfined(command: &str, stage: &Stage) -> Launch {
    Launch {
        program: PathBuf::from("/bin/sh"),
        arguments: vec!["-c".into(), command.into()],
        environment: vec![
            (
                "PATH",
                std::env::var_os("PATH").unwrap_or_else(|| ROOM_PATH.into()),
            ),
            ("LANG", "C.UTF-8".into()),
            ("HOME", stage.home().into()),
            ("TMPDIR", stage.tmp().into()),
        ],
        folder: stage.root().to_owned(),
        group: launch::Group::Given,
    }
}

/// How many threads a user has now; some kernels count those outside the fence with those inside.
pub(super) fn tasks_of(user: u32) -> u64 {
    let Ok(processes) = fs::read_dir("/proc") else {
        return 0;
    };
    let of_user = |path: &PathBuf| fs::metadata(path).is_ok_and(|found| found.uid() == user);
    let tasks = processes
        .flatten()
        .map(|process| process.path().join("task"))
        .filter(of_user)
        .map(|tasks| fs::read_dir(tasks).map_or(0, |tasks| tasks.count() as u64));
    tasks.sum()
}

/// The helper's orders as its argument.
pub(super) fn written(orders: &Orders) -> Result<String, AgentError> {
    serde_json::to_string(orders).map_err(|e| {
        malformed(
            "confinement-orders",
            format!("the helper can't be told what to do: {e}"),
        )
    })
}
