//! Which way of confinement this machine allows: tried out once, with a command that does nothing, before any
//! command runs. Where neither works, nothing runs.

use super::bubblewrap::Bubblewrap;
use super::child::{Child, last_words};
use super::held::ToRun;
use super::launch::Launch;
use super::stage::{Marks, Stage};
use super::{alone, reads};
use crate::answer::unsupported;
use crate::offload::offload;
use countersign_core::confinement::Confinement;
use countersign_ports::agent::AgentError;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;

use super::proxy::{Names, SystemNames};

/// How long finding out may take.
const TRIAL_DEADLINE: Duration = Duration::from_secs(20);

/// What it takes to confine commands.
#[derive(Clone)]
pub struct Fence {
    helper: PathBuf,
    off_limits: Arc<[PathBuf]>,
    names: Arc<dyn Names>,
    bubblewrap: Option<Bubblewrap>,
    found: Arc<OnceCell<Way>>,
}

impl Fence {
    /// `helper` is a program that calls [`crate::confined`] when its first argument is [`crate::CONFINED`];
    /// `off_limits` are folders that no confined command ever reads: data, keys.
    pub fn new(helper: PathBuf, off_limits: Vec<PathBuf>) -> Self {
        Self {
            helper,
            off_limits: off_limits.into(),
            names: Arc::new(SystemNames),
            bubblewrap: Bubblewrap::find(),
            found: Arc::default(),
        }
    }

    /// Looks names of hosts up another way.
    #[must_use]
    pub fn naming(self, names: Arc<dyn Names>) -> Self {
        Self { names, ..self }
    }

    /// As on a machine where bubblewrap is not installed.
    #[must_use]
    pub fn without_bubblewrap(self) -> Self {
        Self {
            bubblewrap: None,
            ..self
        }
    }

    pub(super) fn names(&self) -> Arc<dyn Names> {
        self.names.clone()
    }

    /// The named paths, looked at again: what they lead to may have changed since they were named.
    ///
    /// # Errors
    /// `Unsupported` when one can't be opened.
    pub(super) fn reads(&self, named: &[String]) -> Result<Vec<PathBuf>, AgentError> {
        reads::check(named, &self.off_limits).map_err(|why| {
            unsupported(
                "agent-may-not-read",
                format!("{why}. Name other paths with --agent-allow, and start it anew."),
            )
        })
    }

    /// The way that works here; `scratch` is where the trial gets its folder.
    ///
    /// # Errors
    /// `Unsupported` when none does; it is tried again at the next call.
    pub(super) async fn way(&self, scratch: &Path) -> Result<&Way, AgentError> {
        self.found.get_or_try_init(|| self.find(scratch)).await
    }

    async fn find(&self, scratch: &Path) -> Result<Way, AgentError> {
        let mut reasons = Vec::new();
        let first = self.bubblewrap.clone().map(Way::Bubblewrap);
        if first.is_none() {
            reasons.push("bubblewrap is not installed".to_owned());
        }
        for way in first.into_iter().chain([Way::Landlock]) {
            match self.try_out(&way, scratch).await {
                Ok(()) => {
                    tracing::debug!(way = way.confinement().words(), "commands can be confined");
                    return Ok(way);
                }
                Err(why) => reasons.push(format!("{}: {why}", way.name())),
            }
        }
        let message = format!(
            "commands can't be confined on this machine: {}. Install bubblewrap 0.8 or newer (on Debian or \
             Ubuntu: apt install bubblewrap), or start it with --unconfined if you trust the command with all \
             that you may do here.",
            reasons.join("; ")
        );
        Err(unsupported("confinement-unavailable", message))
    }

    /// Runs a command that does nothing, with all of the fence.
    async fn try_out(&self, way: &Way, scratch: &Path) -> Result<(), String> {
        let folder = scratch.to_owned();
        let stage = offload(TRIAL_DEADLINE, move |stop| {
            Stage::lay_out(&folder, &[], Marks::Ordinary, stop)
        });
        let stage = stage.await.map_err(|e| e.to_string())?;
        let to_run = ToRun {
            command: ":",
            stage: &stage,
            helper: &self.helper,
            reads: &[],
            socket: None,
        };
        let launch = way.launch(&to_run).map_err(|e| e.to_string())?;
        let trial = Child {
            launch,
            deadline: TRIAL_DEADLINE,
        };
        let run = trial.run(Vec::new()).await.map_err(|e| e.to_string())?;
        match run.status.success() {
            true => Ok(()),
            false => Err(format!("{}, {}", run.status, last_words(&run.stderr))),
        }
    }

    pub(super) fn helper(&self) -> &Path {
        &self.helper
    }
}

impl fmt::Debug for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fence")
            .field("helper", &self.helper)
            .field("off_limits", &self.off_limits)
            .field("found", &self.found)
            .finish_non_exhaustive()
    }
}

/// A way that works here.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// Namespaces.
    Bubblewrap(Bubblewrap),
    /// In the machine's own namespaces.
    Landlock,
}

impl Way {
    /// For the run log.
    pub(super) fn confinement(&self) -> Confinement {
        match self {
            Way::Bubblewrap(_) => Confinement::Bubblewrap,
            Way::Landlock => Confinement::Landlock,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Way::Bubblewrap(_) => "bubblewrap",
            Way::Landlock => "Landlock",
        }
    }

    /// Where the command sees the copies.
    pub(super) fn repos(&self, stage: &Stage) -> PathBuf {
        match self {
            Way::Bubblewrap(_) => PathBuf::from(super::bubblewrap::REPOS),
            Way::Landlock => stage.repos(),
        }
    }

    /// How `to_run` is started.
    ///
    /// # Errors
    /// When what the fence needs can't be written or said.
    pub(super) fn launch(&self, to_run: &ToRun<'_>) -> Result<Launch, AgentError> {
        match self {
            Way::Bubblewrap(bubblewrap) => bubblewrap.launch(to_run),
            Way::Landlock => alone::launch(to_run),
        }
    }
}
