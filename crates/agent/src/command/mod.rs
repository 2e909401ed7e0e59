//! `command`: any external program as an agent. JSON in on standard input, JSON out on standard output.
//!
//! The program is run by `sh -c`, once per call, and confined: by bubblewrap (`bubblewrap.rs`), else by Landlock
//! (`alone.rs`), else not at all, unless a person asked for that (`--unconfined`). The fence is there for a
//! hostile program, which tries to read keys, reach the network or decide on its own change; the limits on time
//! and output are there for all.
//!
//! It finds:
//! - its working folder, with `repos/NAME/` as read-only copies of the repositories at their pinned bases
//!   (no symlinks, no submodules, no `.git`), and `home/` and `tmp/`, which start
//!   empty; all of it is gone after the call;
//! - an environment of `PATH`, `LANG=C.UTF-8`, `HOME`, `TMPDIR` and nothing else (with hosts that it may reach:
//!   the variables that name the proxy);
//! - on standard input one JSON object: see `request.rs`.
//!
//! It answers in the form of its role (see `wire/mod.rs`) and ends with exit code 0, within its deadline and
//! `OUTPUT_MAX_BYTES` of the port. For every role but `coder` it may answer `{"unsupported": true}`: then
//! triage is a GO that says so, and architecture and plan are read off the diffs that it gives when asked to
//! code (it is asked once for each; a later answer that touches other files fails the scope check). The
//! critic is the built-in one.
//!
//! ```json
//! {"diffs": {"tollgate": "diff --git a/src/lib.rs b/src/lib.rs\n…"},
//!  "rationales": [{"repo": "tollgate", "path": "src/lib.rs", "step": "s1", "text": "asked for"}]}
//! ```

mod addresses;
mod alone;
mod bubblewrap;
mod child;
mod fence;
mod held;
#[cfg(target_os = "linux")]
mod inside;
mod launch;
mod orders;
mod proxy;
mod reads;
mod request;
mod stage;

pub use fence::Fence;
pub use proxy::Names;
pub use reads::unseen;

use crate::answer::{malformed, no_such_role, past_deadline, unavailable, unsupported};
use crate::critic;
use crate::derive::{self, Touched};
use crate::offload::offload;
use crate::text::{short, visible};
use crate::wire::{ArchitectureForm, CoderForm, PlanForm, TriageForm};
use async_trait::async_trait;
use child::{Child, Run};
use countersign_core::artifact::{AgentRole, Plan, RepoProposal};
use countersign_core::confinement::{Confinement, Rights};
use countersign_ports::agent::{Agent, AgentAnswer, AgentCall, AgentError, AgentReport};
use held::Held;
use proxy::Proxy;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use stage::{Marks, Stage};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How the change is called in derived plans.
const ORIGIN: &str = "the command's own change";

/// The first argument that makes a program the helper inside the fence; see [`confined`].
pub const CONFINED: &str = "__confined";
/// What `sh` ends with when a program can't be run or is not there (POSIX, section 2.8.2).
const NOT_RUN: [i32; 2] = [126, 127];

/// What a program does that was started as the helper: closes the fence around itself and becomes the command.
/// `arguments` are those behind [`CONFINED`]. Gives the exit code.
///
/// It has to be called before anything else is done: no thread, no open file, no secret read.
pub fn confined(arguments: impl Iterator<Item = OsString>) -> i32 {
    #[cfg(target_os = "linux")]
    return inside::run(arguments);
    #[cfg(not(target_os = "linux"))]
    {
        let _ = arguments;
        eprintln!("countersign: commands can be confined on Linux only");
        1
    }
}

/// The adapter: a command line, what it may do, where snapshots may be laid out, and what confines it.
pub(crate) struct CommandAgent {
    pub(crate) command: String,
    pub(crate) rights: Rights,
    pub(crate) scratch: PathBuf,
    pub(crate) fence: Option<Fence>,
}

#[async_trait]
impl Agent for CommandAgent {
    async fn call(&self, call: AgentCall) -> Result<AgentReport, AgentError> {
        let deadline = call.deadline;
        match call.role {
            AgentRole::Critic => offload(deadline, move |stop| critic::report(&call, None, stop)).await,
            AgentRole::Fixer | AgentRole::Extractor => Err(no_such_role("command", call.role)),
            AgentRole::Triage | AgentRole::Architect | AgentRole::Planner | AgentRole::Coder => {
                let held = self.hold().await?;
                let (answer, raw_output) = self.answer(&call, &held).await?;
                let shown = short(&visible(self.command.as_bytes()));
                Ok(AgentReport {
                    answer,
                    answered_by: format!("command {shown} ({})", held.confinement().words()),
                    raw_output,
                })
            }
        }
    }

    async fn confinement(&self, role: AgentRole) -> Result<Confinement, AgentError> {
        match role {
            AgentRole::Critic => Ok(Confinement::InProcess),
            AgentRole::Triage
            | AgentRole::Architect
            | AgentRole::Planner
            | AgentRole::Coder
            | AgentRole::Fixer
            | AgentRole::Extractor => Ok(self.hold().await?.confinement()),
        }
    }
}

impl CommandAgent {
    /// What holds this command here.
    async fn hold(&self) -> Result<Held<'_>, AgentError> {
        Held::find(&self.rights, self.fence.as_ref(), &self.scratch).await
    }

    async fn answer(&self, call: &AgentCall, held: &Held<'_>) -> Result<(AgentAnswer, Vec<u8>), AgentError> {
        let session = Session::open(self, call, held).await?;
        let answer = session.answer().await;
        // Also on failure; a call that is dropped cleans up when the session is.
        session.close().await;
        answer
    }
}

/// One call: the snapshot on disk, and what is left of the time.
struct Session<'a> {
    call: &'a AgentCall,
    command: &'a str,
    held: &'a Held<'a>,
    /// Before the stage, whose folder it listens in.
    proxy: Option<Proxy>,
    stage: Stage,
    started: Instant,
}

impl<'a> Session<'a> {
    async fn open(
        agent: &'a CommandAgent,
        call: &'a AgentCall,
        held: &'a Held<'a>,
    ) -> Result<Self, AgentError> {
        let started = Instant::now();
        let marks = match held {
            Held::By { .. } => Marks::Ordinary,
            Held::Nothing => Marks::ReadOnly,
        };
        let (scratch, repositories) = (agent.scratch.clone(), call.repositories.clone());
        let stage = offload(call.deadline, move |stop| {
            Stage::lay_out(&scratch, &repositories, marks, stop)
        })
        .await?;
        Ok(Self {
            call,
            command: &agent.command,
            held,
            proxy: held.proxy(&stage)?,
            stage,
            started,
        })
    }

    async fn close(self) {
        // Removing a large snapshot blocks. A failure to remove is logged where it happens and ends no call.
        let (proxy, stage) = (self.proxy, self.stage);
        drop(proxy);
        let _ = tokio::task::spawn_blocking(move || drop(stage)).await;
    }

    async fn answer(&self) -> Result<(AgentAnswer, Vec<u8>), AgentError> {
        let call = self.call;
        let raw = self.ask(call.role, call.plan.as_ref()).await?;
        let answer = match call.role {
            AgentRole::Triage => AgentAnswer::Triage(match self.read::<TriageForm>(call.role, &raw)? {
                Some(form) => form.into(),
                None => derive::triage(
                    &call.feedback,
                    "The command goes ahead.",
                    "The command did not triage.",
                ),
            }),
            AgentRole::Architect => {
                AgentAnswer::Architecture(match self.read::<ArchitectureForm>(call.role, &raw)? {
                    Some(form) => form.into(),
                    None => derive::architecture(&self.change().await?),
                })
            }
            AgentRole::Planner => AgentAnswer::Plan(match self.read::<PlanForm>(call.role, &raw)? {
                Some(form) => form
                    .into_core(&call.repositories)
                    .map_err(|e| self.bad(call.role, &e))?,
                None => derive::plan(&call.repositories, &self.change().await?, ORIGIN),
            }),
            AgentRole::Coder => AgentAnswer::Proposal(self.proposals(&raw, call.plan.as_ref())?),
            AgentRole::Critic | AgentRole::Fixer | AgentRole::Extractor => {
                return Err(no_such_role("command", call.role));
            }
        };
        Ok((answer, raw))
    }

    /// What the program's diffs touch when it is asked to code without a plan.
    async fn change(&self) -> Result<Vec<Touched>, AgentError> {
        let raw = self.ask(AgentRole::Coder, None).await?;
        let touched =
            |p: &RepoProposal| derive::touched(&self.call.repositories, &p.repository, p.diff.as_bytes());
        let changes: Result<Vec<Touched>, String> = self.proposals(&raw, None)?.iter().map(touched).collect();
        changes.map_err(derive::unreadable)
    }

    fn proposals(&self, raw: &[u8], plan: Option<&Plan>) -> Result<Vec<RepoProposal>, AgentError> {
        let role = AgentRole::Coder;
        let form = self.read::<CoderForm>(role, raw)?.ok_or_else(|| {
            unsupported(
                "command-cannot-code",
                "the command does not code; choose another command or agent",
            )
        })?;
        form.into_core(&self.call.repositories, plan)
            .map_err(|e| self.bad(role, &e))
    }

    /// Runs the program once and gives what it wrote.
    async fn ask(&self, role: AgentRole, plan: Option<&Plan>) -> Result<Vec<u8>, AgentError> {
        let left = self.call.deadline.saturating_sub(self.started.elapsed());
        if left == Duration::ZERO {
            return Err(past_deadline(self.call.deadline.as_secs()));
        }
        let repos = self.held.repos(&self.stage);
        let input = request::write(self.call, role, plan, (&self.stage, &repos), left)?;
        let launch = self.held.launch(self.command, &self.stage, self.proxy.as_ref())?;
        let child = Child {
            launch,
            deadline: left,
        };
        let Run {
            stdout,
            stderr,
            status,
        } = child.run(input).await?;
        tracing::debug!(role = role.as_str(), bytes = stdout.len(), status = %status, "command agent ended");
        if !status.success() {
            let hint = match self.held {
                Held::By { .. } if status.code().is_some_and(|code| NOT_RUN.contains(&code)) => {
                    "\n(It sees the system's programs and its snapshot; anything else has to be named with --agent-allow.)"
                }
                Held::By { .. } | Held::Nothing => "",
            };
            let message = format!(
                "the command ended with {status}; {}{hint}",
                child::last_words(&stderr)
            );
            return Err(unavailable("command-failed", message));
        }
        Ok(stdout)
    }

    /// Reads an answer; `None`: the program says that it does not do this.
    fn read<T: DeserializeOwned>(&self, role: AgentRole, raw: &[u8]) -> Result<Option<T>, AgentError> {
        if let Ok(Unsupported { unsupported: true }) = serde_json::from_slice(raw) {
            return Ok(None);
        }
        serde_json::from_slice(raw)
            .map(Some)
            .map_err(|e| self.bad(role, &e.to_string()))
    }

    fn bad(&self, role: AgentRole, why: &str) -> AgentError {
        let message = format!(
            "the command's answer as {} can't be used: {}",
            role.as_str(),
            visible(why.as_bytes())
        );
        malformed("command-answer-malformed", message)
    }
}

/// `{"unsupported": true}`
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unsupported {
    unsupported: bool,
}
