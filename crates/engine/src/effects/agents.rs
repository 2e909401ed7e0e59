//! Effects that ask an agent. The answer is evidence; `decide` validates it and draws the conclusions.

use super::snapshot::PinnedSnapshot;
use super::{EffectError, Job, Performed};
use crate::trace;
use countersign_core::artifact::{AgentRole, Architecture, Plan, RepoProposal};
use countersign_core::budget::CALL_MAX_MS;
use countersign_core::digest::{ArtifactDigest, BodyHash, ContextHash};
use countersign_core::feedback::AgentSpec;
use countersign_core::patch_set::Draft;
use countersign_core::proposal::validate_proposals;
use countersign_core::workflow::EffectResult;
use countersign_core::workflow::event::AgentRun;
use countersign_core::workflow::input::{PathLookup, Refused};
use countersign_ports::agent::{
    Agent, AgentAnswer, AgentCall, AgentError, AgentRepo, AgentReport, CriticSubject, Guidance, ResolvedAgent,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::Instrument as _;

/// An answer of the asked form, or why it is none; with the run log's record and the raw output.
struct Called {
    run: AgentRun,
    answer: Result<AgentAnswer, Refused>,
    output: Vec<u8>,
}

impl Job<'_> {
    pub(super) async fn triage(&self) -> Result<Performed, EffectError> {
        let called = self.call(self.call_for(AgentRole::Triage).await?).await?;
        let answer = expect(called.answer, |a| match a {
            AgentAnswer::Triage(decision) => Some(decision),
            AgentAnswer::Architecture(_)
            | AgentAnswer::Plan(_)
            | AgentAnswer::Proposal(_)
            | AgentAnswer::Critique(_) => None,
        });
        Ok(Performed {
            result: EffectResult::Triaged {
                run: called.run,
                answer,
            },
            bodies: vec![called.output],
            for_good: false,
        })
    }

    pub(super) async fn plan(&self) -> Result<Performed, EffectError> {
        let architect = self.call(self.call_for(AgentRole::Architect).await?).await?;
        let mut bodies = vec![architect.output];
        let mut runs = vec![architect.run];
        let architecture = expect(architect.answer, |a| match a {
            AgentAnswer::Architecture(architecture) => Some(architecture),
            AgentAnswer::Triage(_)
            | AgentAnswer::Plan(_)
            | AgentAnswer::Proposal(_)
            | AgentAnswer::Critique(_) => None,
        });
        let answer = match architecture {
            Err(refused) => Err(refused),
            Ok(architecture) => {
                let mut call = self.call_for(AgentRole::Planner).await?;
                call.architecture = Some(architecture.clone());
                let repositories = call.repositories.clone();
                let planner = self.call(call).await?;
                bodies.push(planner.output);
                runs.push(planner.run);
                planned(planner.answer, architecture, &repositories)
            }
        };
        let roster = self.store.roster().await?;
        Ok(Performed {
            result: EffectResult::Planned { runs, answer, roster },
            bodies,
            for_good: false,
        })
    }

    pub(super) async fn draft(&self) -> Result<Performed, EffectError> {
        let called = self.call(self.call_for(AgentRole::Coder).await?).await?;
        let proposals = expect(called.answer, |a| match a {
            AgentAnswer::Proposal(proposals) => Some(proposals),
            AgentAnswer::Triage(_)
            | AgentAnswer::Architecture(_)
            | AgentAnswer::Plan(_)
            | AgentAnswer::Critique(_) => None,
        });
        let mut bodies = vec![called.output];
        let answer = match proposals.and_then(|p| self.validate(p)) {
            Err(refused) => Err(refused),
            Ok(proposals) => self.apply_all(proposals, &mut bodies).await?,
        };
        Ok(Performed {
            result: EffectResult::Drafted {
                run: called.run,
                answer,
            },
            bodies,
            for_good: false,
        })
    }

    fn validate(&self, proposals: Vec<RepoProposal>) -> Result<Vec<RepoProposal>, Refused> {
        let proposals: Vec<_> = proposals
            .into_iter()
            .filter(|p| !p.diff.trim().is_empty())
            .collect();
        let known = self
            .workflow
            .repositories
            .iter()
            .map(|r| r.repository.clone())
            .collect();
        let Some(plan) = &self.workflow.plan else {
            return Err(Refused {
                reasons: vec!["there is no plan".to_owned()],
            });
        };
        validate_proposals(&proposals, plan, &known)
            .map_err(|reasons| Refused { reasons })
            .map(|()| proposals)
    }

    pub(super) async fn critique(&self) -> Result<Performed, EffectError> {
        let mut call = self.call_for(AgentRole::Critic).await?;
        for draft in &self.workflow.drafts {
            call.subjects.push(self.subject(draft).await?);
        }
        let called = self.call(call).await?;
        let answer = expect(called.answer, |a| match a {
            AgentAnswer::Critique(critique) => Some(critique),
            AgentAnswer::Triage(_)
            | AgentAnswer::Architecture(_)
            | AgentAnswer::Plan(_)
            | AgentAnswer::Proposal(_) => None,
        });
        let roster = self.store.roster().await?;
        Ok(Performed {
            result: EffectResult::Critiqued {
                run: called.run,
                answer,
                roster,
            },
            bodies: vec![called.output],
            for_good: false,
        })
    }

    async fn subject(&self, draft: &Draft) -> Result<CriticSubject, EffectError> {
        let source = self.source(&draft.repository).await?;
        let canonical = Arc::new(self.store.body(&draft.canonical).await?);
        let base = self
            .workflow
            .repositories
            .iter()
            .find(|r| r.repository == draft.repository)
            .map(|r| r.base.clone());
        let base = base.ok_or_else(|| lasting("base-not-pinned", "a draft has no pinned base"))?;
        let diff = canonical.clone();
        let applied = self.git(move |trees| trees.apply(&source, &base, &diff)).await?;
        let applied = applied.map_err(|refusal| lasting("draft-damaged", &refusal.to_string()))?;
        Ok(CriticSubject {
            repository: draft.repository.clone(),
            diff: draft.diff.clone(),
            canonical,
            contents: Arc::new(applied.contents),
        })
    }

    /// Everything that a role gets to see.
    async fn call_for(&self, role: AgentRole) -> Result<AgentCall, EffectError> {
        let workflow = &self.workflow;
        let submission = self.submission()?;
        let guidance = workflow.guidance.iter().map(|g| Guidance {
            revision: g.revision,
            text: g.text.clone(),
        });
        Ok(AgentCall {
            role,
            workflow: workflow.id.clone(),
            revision: workflow.revision,
            round: workflow.rounds.get(&role).copied().unwrap_or(0) + 1,
            feedback: submission.feedback.text.clone(),
            guidance: guidance.collect(),
            repositories: self.agent_repositories().await?,
            triage: workflow.triage.clone(),
            architecture: workflow.architecture.clone(),
            plan: workflow.plan.clone(),
            refusals: refusals_for(workflow, role),
            subjects: Vec::new(),
            left_out: workflow.left_out.clone(),
            failed_checks: workflow.failed_checks.clone(),
            deadline: Duration::from_millis(CALL_MAX_MS),
            traceparent: None,
        })
    }

    async fn agent_repositories(&self) -> Result<Vec<AgentRepo>, EffectError> {
        let submission = self.submission()?;
        let mut repositories = Vec::new();
        for repo in &self.workflow.repositories {
            let Some(selection) = submission.repositories.iter().find(|s| s.id == repo.repository) else {
                continue;
            };
            let source = self.source(&repo.repository).await?;
            let (trees, at, base) = (self.ports.trees.clone(), source.clone(), repo.base.clone());
            let entries = self.git(move |trees| trees.snapshot(&at, &base)).await?;
            repositories.push(AgentRepo {
                id: repo.repository.clone(),
                name: selection.name.clone(),
                role: selection.role,
                base: repo.base.clone(),
                snapshot: Arc::new(PinnedSnapshot {
                    trees,
                    source,
                    entries,
                }),
            });
        }
        repositories.sort_by_key(|r| r.role);
        Ok(repositories)
    }

    async fn agent(&self) -> Result<Arc<dyn Agent>, EffectError> {
        let resolved = match &self.submission()?.agent {
            AgentSpec::Codemod => ResolvedAgent::Codemod,
            AgentSpec::Scripted { script } => ResolvedAgent::Scripted {
                script: self.store.body(script).await?,
            },
            AgentSpec::Command { command, rights } => ResolvedAgent::Command {
                command: command.clone(),
                rights: rights.clone(),
            },
            AgentSpec::Diff { diffs } => {
                let mut loaded = Vec::new();
                for submitted in diffs {
                    loaded.push((
                        submitted.repository.clone(),
                        self.store.body(&submitted.diff).await?,
                    ));
                }
                ResolvedAgent::Diff { diffs: loaded }
            }
        };
        Ok(self.ports.agents.build(resolved)?)
    }

    /// Calls the agent; an answer of the wrong form is a refusal that costs a round, everything else is an error.
    async fn call(&self, mut call: AgentCall) -> Result<Called, EffectError> {
        let agent = self.agent().await?;
        let context = call_context(&self.workflow.context, &call);
        let (role, revision, round) = (call.role, call.revision, call.round);
        let confinement = agent.confinement(role).await?;
        let span = tracing::info_span!("agent call", role = role.as_str(), round);
        call.traceparent = trace::traceparent(&span);
        let leave = self.reserve(role).await?;
        call.deadline = leave.deadline;
        let began = Instant::now();
        let reported = agent.call(call).instrument(span).await;
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if let Some(number) = leave.number {
            self.call_ended(number, took_ms).await?;
        }
        let (answer, answered_by, output) = match reported {
            Ok(AgentReport {
                answer,
                answered_by,
                raw_output,
            }) => (Ok(answer), answered_by, raw_output),
            Err(AgentError::Malformed { code, message }) => {
                let refused = Refused {
                    reasons: vec![format!("{message} ({code})")],
                };
                (
                    Err(refused),
                    self.submission()?.agent.label(),
                    message.into_bytes(),
                )
            }
            Err(error) => return Err(error.into()),
        };
        tracing::info!(
            role = role.as_str(),
            round,
            took_ms,
            by = answered_by,
            "an agent was called"
        );
        let run = AgentRun {
            role,
            revision,
            round,
            answered_by,
            confinement,
            context,
            answer: ArtifactDigest::of_bytes(&output),
            output: BodyHash::of_bytes(&output),
            took_ms,
            call: leave.number,
        };
        Ok(Called { run, answer, output })
    }
}

fn lasting(code: &str, message: &str) -> EffectError {
    EffectError::Lasting {
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

/// Refusals that a role should know about: the coder also hears what the critic rejected.
fn refusals_for(workflow: &countersign_core::workflow::Workflow, role: AgentRole) -> Vec<String> {
    let of = |role: AgentRole| workflow.refusals.get(&role).cloned().unwrap_or_default();
    match role {
        AgentRole::Coder | AgentRole::Fixer => [of(AgentRole::Coder), of(AgentRole::Critic)].concat(),
        AgentRole::Triage
        | AgentRole::Architect
        | AgentRole::Planner
        | AgentRole::Critic
        | AgentRole::Extractor => of(role),
    }
}

/// The pinned context plus what this call was given on top of it.
fn call_context(pinned: &Option<ContextHash>, call: &AgentCall) -> ContextHash {
    let guidance: Vec<_> = call.guidance.iter().map(|g| (g.revision, &g.text)).collect();
    let subjects: Vec<_> = call
        .subjects
        .iter()
        .map(|s| (&s.repository, s.diff.diff_hash))
        .collect();
    let artifacts = (&call.triage, &call.architecture, &call.plan);
    let (left_out, failed_checks) = (&call.left_out, &call.failed_checks);
    ContextHash::of(&(
        pinned,
        call.role,
        guidance,
        &call.refusals,
        subjects,
        artifacts,
        left_out,
        failed_checks,
    ))
}

fn expect<T>(
    answer: Result<AgentAnswer, Refused>,
    take: impl FnOnce(AgentAnswer) -> Option<T>,
) -> Result<T, Refused> {
    let wrong_role = || Refused {
        reasons: vec!["the answer is one for another role".to_owned()],
    };
    answer.and_then(|a| take(a).ok_or_else(wrong_role))
}

/// A plan with every path looked up in the snapshots that its planner saw.
fn planned(
    answer: Result<AgentAnswer, Refused>,
    architecture: Architecture,
    repositories: &[AgentRepo],
) -> Result<(Architecture, Plan, Vec<PathLookup>), Refused> {
    let plan = expect(answer, |a| match a {
        AgentAnswer::Plan(plan) => Some(plan),
        AgentAnswer::Triage(_)
        | AgentAnswer::Architecture(_)
        | AgentAnswer::Proposal(_)
        | AgentAnswer::Critique(_) => None,
    })?;
    let mut wanted = BTreeSet::new();
    for step in &plan.steps {
        wanted.extend(
            step.paths
                .iter()
                .map(|p| (step.repository.clone(), p.path.clone())),
        );
    }
    let lookups = wanted
        .into_iter()
        .filter_map(|(repository, path)| {
            let repo = repositories.iter().find(|r| r.id == repository)?;
            let exists = repo
                .snapshot
                .entries()
                .binary_search_by(|e| e.path.cmp(&path))
                .is_ok();
            Some(PathLookup {
                repository,
                path,
                exists,
            })
        })
        .collect();
    Ok((architecture, plan, lookups))
}
