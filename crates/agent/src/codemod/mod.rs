//! `codemod`: deterministic rules out of the feedback's fenced blocks; no model, no key, no network.
//!
//! What people write is documented in `form.rs`. Every role runs the rules again over the snapshots, so the
//! answers of one workflow agree without any state. This room must never change a file that no rule matches,
//! never guess what a broken rule may have meant, and never write anything.
//!
//! Read `form` (text → rules), then `run` (rules → changed files), then `decision` and `plan` (→ artifacts).

mod budget;
mod decision;
mod form;
mod plain;
mod plan;
mod run;
mod structural;

use crate::answer::{malformed, no_such_role, report, versioned};
use crate::critic;
use crate::offload::{Stop, offload};
use crate::text::clip;
use async_trait::async_trait;
use countersign_core::artifact::{AgentRole, TriageDecision};
use countersign_core::confinement::Confinement;
use countersign_core::path::RepoPath;
use countersign_core::{patch, proposal};
use countersign_ports::agent::{Agent, AgentAnswer, AgentCall, AgentError, AgentReport};
use decision::SecondRun;
use form::{Rule, RulesError};
use run::{Run, RunError};

/// The adapter. It has no state.
pub(crate) struct Codemod;

#[async_trait]
impl Agent for Codemod {
    async fn call(&self, call: AgentCall) -> Result<AgentReport, AgentError> {
        let deadline = call.deadline;
        offload(deadline, move |stop| answer(&call, stop)).await
    }

    async fn confinement(&self, _role: AgentRole) -> Result<Confinement, AgentError> {
        Ok(Confinement::InProcess)
    }
}

fn answer(call: &AgentCall, stop: &Stop) -> Result<AgentReport, AgentError> {
    let answer = match call.role {
        AgentRole::Triage => AgentAnswer::Triage(triage(call, stop)?),
        AgentRole::Architect => AgentAnswer::Architecture(decision::architecture(&prepared(call, stop)?.run)),
        AgentRole::Planner => {
            let Prepared { rules, run, second } = prepared(call, stop)?;
            AgentAnswer::Plan(plan::plan(&rules, &run, &second))
        }
        AgentRole::Coder => {
            let Prepared { rules, run, .. } = prepared(call, stop)?;
            AgentAnswer::Proposal(plan::proposals(&rules, &run, call.plan.as_ref()))
        }
        AgentRole::Critic => return critic::report(call, Some(&Again::read(call)), stop),
        AgentRole::Fixer | AgentRole::Extractor => return Err(no_such_role("codemod", call.role)),
    };
    report(answer, versioned("codemod"))
}

struct Prepared {
    rules: Vec<Rule>,
    run: Run,
    second: SecondRun,
}

/// Why there is nothing to answer with: a human has to say more, or the call failed.
enum Stuck {
    Ask(String),
    Failed(AgentError),
}

fn prepare(call: &AgentCall, stop: &Stop) -> Result<Prepared, Stuck> {
    let rules = form::read(&call.feedback, &call.guidance, &call.repositories)
        .map_err(|e| Stuck::Ask(e.to_string()))?;
    let run = run::run(&rules, &call.repositories, stop).map_err(Stuck::from)?;
    check_size(&run).map_err(Stuck::Ask)?;
    let second = second_run(&rules, &run, stop).map_err(Stuck::from)?;
    Ok(Prepared { rules, run, second })
}

/// What is larger than a plan or a proposal may be is better said now than refused later.
fn check_size(run: &Run) -> Result<(), String> {
    let (files, steps) = (run.changed(), plan::steps(run));
    if files > patch::FILES_MAX {
        let most = patch::FILES_MAX;
        return Err(format!(
            "the rules would change {files} files; at most {most} fit into one proposal: narrow them"
        ));
    }
    if steps > proposal::LIST_MAX {
        let most = proposal::LIST_MAX;
        return Err(format!(
            "the plan would have {steps} steps; at most {most} are taken: split the rules"
        ));
    }
    Ok(())
}

impl From<RunError> for Stuck {
    fn from(error: RunError) -> Self {
        match error {
            RunError::OverLimit(over) => Stuck::Ask(over.to_string()),
            RunError::Agent(error) => Stuck::Failed(error),
        }
    }
}

fn triage(call: &AgentCall, stop: &Stop) -> Result<TriageDecision, AgentError> {
    match prepare(call, stop) {
        Ok(Prepared { rules, run, second }) => Ok(decision::triage(&rules, &run, &second)),
        Err(Stuck::Ask(missing)) => Ok(decision::ask(missing)),
        Err(Stuck::Failed(error)) => Err(error),
    }
}

/// As for triage, for roles that can't ask: what triage would ask is a malformed request to them, and so are
/// rules that change nothing.
fn prepared(call: &AgentCall, stop: &Stop) -> Result<Prepared, AgentError> {
    match prepare(call, stop) {
        Ok(prepared) if prepared.run.changed() == 0 => Err(malformed(
            "codemod-no-change",
            "no file would change: the rules match nothing that they could change",
        )),
        Ok(prepared) => Ok(prepared),
        Err(Stuck::Ask(missing)) => Err(malformed("codemod-rules", clip(&missing))),
        Err(Stuck::Failed(error)) => Err(error),
    }
}

/// Runs the rules over the result of the first run.
fn second_run(rules: &[Rule], run: &Run, stop: &Stop) -> Result<SecondRun, RunError> {
    let mut second = SecondRun {
        unsettled: vec![],
        places: vec![0; rules.len()],
    };
    for repo in &run.repos {
        for file in &repo.files {
            stop.check()?;
            let again = run::run_text(rules, &repo.name, &file.path, &file.after, &mut second.places);
            // A text that outgrows the bounds in its second run is certainly not settled.
            if !matches!(again, Ok(None)) {
                second.unsettled.push(file.path.to_text());
            }
        }
    }
    Ok(second)
}

/// The rules of a call, to be run again by the critic.
pub(crate) struct Again(Result<Vec<Rule>, RulesError>);

impl Again {
    fn read(call: &AgentCall) -> Self {
        Again(form::read(&call.feedback, &call.guidance, &call.repositories))
    }

    /// Why the rules can't be run again, if so.
    pub(crate) fn unreadable(&self) -> Option<String> {
        self.0.as_ref().err().map(ToString::to_string)
    }

    /// Whether the rules would change this text again.
    pub(crate) fn changes(&self, repo: &str, path: &RepoPath, text: &str) -> bool {
        let Ok(rules) = &self.0 else { return false };
        !matches!(
            run::run_text(rules, repo, path, text, &mut vec![0; rules.len()]),
            Ok(None)
        )
    }
}
