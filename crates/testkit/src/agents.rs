//! Agents that answer at once, late, wrongly or not at all.

use crate::faults::Fault;
use crate::life::Life;
use async_trait::async_trait;
use countersign_core::artifact::{
    AcceptanceCriterion, AgentRole, Architecture, Critique, Finding, FindingLevel, PathExpectation, Plan,
    PlannedPath, RepoProposal, Scope, Step, TriageDecision, Verdict,
};
use countersign_core::confinement::Confinement;
use countersign_ports::agent::{
    Agent, AgentAnswer, AgentCall, AgentError, AgentFactory, AgentReport, ResolvedAgent,
};
use countersign_ports::store::{LEASE_MS, Store};
use std::sync::Arc;

/// The file that every proposal changes.
pub const FILE: &str = "a.txt";

/// Makes agents of one life.
pub struct MortalAgents {
    /// Whose.
    pub life: Arc<Life>,
    /// Where a slow one's claim is held.
    pub store: Arc<dyn Store>,
}

impl AgentFactory for MortalAgents {
    fn build(&self, _: ResolvedAgent) -> Result<Arc<dyn Agent>, AgentError> {
        Ok(Arc::new(MortalAgent {
            life: self.life.clone(),
            store: self.store.clone(),
        }))
    }
}

struct MortalAgent {
    life: Arc<Life>,
    store: Arc<dyn Store>,
}

impl MortalAgent {
    /// Takes its time. As long as its worker holds the claim, nobody else begins; one that stalls loses it.
    async fn take_time(&self, stalls: bool) {
        let fates = &self.life.fates;
        for _ in 0..=fates.random.below(8) {
            fates.clock.pass(LEASE_MS / 3);
            let claimed = self
                .life
                .claimed
                .lock()
                .expect("because the claim is only kept and read")
                .clone();
            if let (Some(claimed), false) = (claimed, stalls) {
                let _renewed = self.store.tenant(&claimed.tenant).renew(&claimed).await;
            }
        }
    }
}

#[async_trait]
impl Agent for MortalAgent {
    async fn call(&self, call: AgentCall) -> Result<AgentReport, AgentError> {
        let fates = self.life.fates.clone();
        if self.life.burn() {
            self.life.hang("an agent's call").await;
        }
        if fates.strikes(Fault::AgentSlow) {
            self.take_time(false).await;
        }
        if fates.strikes(Fault::AgentStalls) {
            self.take_time(true).await;
        }
        if fates.strikes(Fault::AgentFails) {
            let message = "the agent is not there".to_owned();
            return Err(AgentError::Unavailable {
                code: "agent-gone",
                message,
            });
        }
        if fates.strikes(Fault::AgentBabbles) {
            let message = "this is no answer".to_owned();
            return Err(AgentError::Malformed {
                code: "answer-malformed",
                message,
            });
        }
        Ok(AgentReport {
            answer: answer(&call, fates.strikes(Fault::AgentWrong)),
            answered_by: "agent of the model".to_owned(),
            raw_output: b"words".to_vec(),
        })
    }

    async fn confinement(&self, _: AgentRole) -> Result<Confinement, AgentError> {
        Ok(Confinement::InProcess)
    }
}

fn answer(call: &AgentCall, wrongly: bool) -> AgentAnswer {
    match call.role {
        AgentRole::Triage => AgentAnswer::Triage(triage(call, wrongly)),
        AgentRole::Architect => AgentAnswer::Architecture(Architecture {
            summary: "One file.".to_owned(),
            components: vec![],
        }),
        AgentRole::Planner => AgentAnswer::Plan(plan(call, wrongly)),
        AgentRole::Coder | AgentRole::Fixer | AgentRole::Extractor => {
            AgentAnswer::Proposal(proposals(call, wrongly))
        }
        AgentRole::Critic => AgentAnswer::Critique(critique(wrongly)),
    }
}

fn triage(call: &AgentCall, wrongly: bool) -> TriageDecision {
    let asks = wrongly && call.guidance.is_empty();
    TriageDecision {
        verdict: if asks { Verdict::Ask } else { Verdict::Go },
        summary: "Another line.".to_owned(),
        reasons: vec!["it was asked for".to_owned()],
        risks: vec![],
        unknowns: vec![],
        missing: if asks {
            vec!["which line?".to_owned()]
        } else {
            vec![]
        },
    }
}

fn plan(call: &AgentCall, wrongly: bool) -> Plan {
    let step = |(index, repo): (usize, &countersign_ports::agent::AgentRepo)| Step {
        id: format!("s{}", index + 1),
        title: "Another line".to_owned(),
        repository: repo.id.clone(),
        paths: vec![PlannedPath {
            path: if wrongly {
                "missing.txt".into()
            } else {
                FILE.into()
            },
            expectation: PathExpectation::Exists,
        }],
        rationale: "asked for".to_owned(),
    };
    Plan {
        scope: Scope {
            includes: vec!["the line".to_owned()],
            non_goals: vec![],
        },
        steps: call.repositories.iter().enumerate().map(step).collect(),
        acceptance: vec![AcceptanceCriterion {
            id: "a1".to_owned(),
            text: "the line is another".to_owned(),
        }],
        derived_from_proposal: false,
    }
}

/// Replaces the line by one that names the revision; wrongly: a line that is not there.
fn proposals(call: &AgentCall, wrongly: bool) -> Vec<RepoProposal> {
    let of = |repo: &countersign_ports::agent::AgentRepo| {
        let old = repo
            .snapshot
            .read(&FILE.into())
            .ok()
            .flatten()
            .unwrap_or_default();
        let old = String::from_utf8_lossy(&old).trim_end().to_owned();
        let old = if wrongly {
            "nothing like it".to_owned()
        } else {
            old
        };
        let new = format!("line of {} in revision {}", call.workflow, call.revision);
        RepoProposal {
            repository: repo.id.clone(),
            diff: format!("--- a/{FILE}\n+++ b/{FILE}\n@@ -1 +1 @@\n-{old}\n+{new}\n"),
            rationales: vec![],
        }
    };
    call.repositories.iter().map(of).collect()
}

fn critique(wrongly: bool) -> Critique {
    let finding = Finding {
        code: "task-unfulfilled".to_owned(),
        level: FindingLevel::Reject,
        repository: None,
        path: None,
        text: "the line is the same".to_owned(),
    };
    Critique {
        findings: if wrongly { vec![finding] } else { vec![] },
    }
}
