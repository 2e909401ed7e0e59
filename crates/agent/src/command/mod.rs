//! `command`: any external program as an agent. JSON in on standard input, JSON out on standard output.
//!
//! The program is run by `sh -c`, once per call, without confinement: it has the rights of the person who
//! started Countersign, and who allowed that (`--unconfined`). What is done here keeps honest programs honest
//! and lets none outlive its call; it does not hold a hostile one.
//!
//! It finds:
//! - its working folder: a private folder (0700) of its own, gone after the call, with `repos/NAME/` as
//!   read-only copies of the repositories at their pinned bases (folders 0555, files 0444; no symlinks, no
//!   submodules, no `.git`), and `home/` and `tmp/`, which start empty;
//! - an environment of `PATH`, `LANG=C.UTF-8`, `HOME`, `TMPDIR` and nothing else;
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

mod child;
mod request;
mod stage;

use crate::answer::{malformed, no_such_role, past_deadline, unavailable, unsupported};
use crate::critic;
use crate::derive::{self, Touched};
use crate::offload::offload;
use crate::text::{short, visible};
use crate::wire::{ArchitectureForm, CoderForm, PlanForm, TriageForm};
use async_trait::async_trait;
use child::{Child, Run};
use countersign_core::artifact::{AgentRole, Plan, RepoProposal};
use countersign_ports::agent::{Agent, AgentAnswer, AgentCall, AgentError, AgentReport};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use stage::Stage;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How the change is called in derived plans.
const ORIGIN: &str = "the command's own change";

/// The adapter: a command line and where snapshots may be laid out.
pub(crate) struct CommandAgent {
    command: String,
    scratch: PathBuf,
}

impl CommandAgent {
    pub(crate) fn new(command: String, scratch: PathBuf) -> Self {
        Self { command, scratch }
    }
}

#[async_trait]
impl Agent for CommandAgent {
    async fn call(&self, call: AgentCall) -> Result<AgentReport, AgentError> {
        let deadline = call.deadline;
        match call.role {
            AgentRole::Critic => offload(deadline, move |stop| critic::report(&call, None, stop)).await,
            AgentRole::Fixer | AgentRole::Extractor => Err(no_such_role("command", call.role)),
            AgentRole::Triage | AgentRole::Architect | AgentRole::Planner | AgentRole::Coder => {
                let (answer, raw_output) = self.answer(&call).await?;
                let shown = short(&visible(self.command.as_bytes()));
                Ok(AgentReport {
                    answer,
                    answered_by: format!("command {shown} (unconfined)"),
                    raw_output,
                })
            }
        }
    }
}

impl CommandAgent {
    async fn answer(&self, call: &AgentCall) -> Result<(AgentAnswer, Vec<u8>), AgentError> {
        let session = Session::open(self, call).await?;
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
    stage: Stage,
    started: Instant,
}

impl<'a> Session<'a> {
    async fn open(agent: &'a CommandAgent, call: &'a AgentCall) -> Result<Self, AgentError> {
        let started = Instant::now();
        let (scratch, repositories) = (agent.scratch.clone(), call.repositories.clone());
        let stage = offload(call.deadline, move |stop| {
            Stage::lay_out(&scratch, &repositories, stop)
        })
        .await?;
        Ok(Self {
            call,
            command: &agent.command,
            stage,
            started,
        })
    }

    async fn close(self) {
        // Removing a large snapshot blocks. A failure to remove is logged where it happens and ends no call.
        let _ = tokio::task::spawn_blocking(move || drop(self.stage)).await;
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
        let input = request::write(self.call, role, plan, &self.stage, left)?;
        let child = Child {
            command: self.command,
            stage: &self.stage,
            deadline: left,
        };
        let Run {
            stdout,
            stderr,
            status,
        } = child.run(input).await?;
        tracing::debug!(role = role.as_str(), bytes = stdout.len(), status = %status, "command agent ended");
        if !status.success() {
            let message = format!("the command ended with {status}; {}", child::last_words(&stderr));
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
