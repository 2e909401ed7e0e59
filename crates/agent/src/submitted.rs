//! A submitted diff: a change that some other tool or person made. It is handed on verbatim, never repaired.
//!
//! A later comment replaces it with a fenced block of the word `diff`. In a workflow of several repositories
//! the block says which one it is for (```` ```diff repo=tollgate ````). Per repository the latest comment
//! counts; the diffs of the others stay. Several blocks of one comment for one repository are one diff.
//!
//! Only UTF-8 diffs in this version, because the port carries proposals as text.

use crate::answer::{by_name, malformed, name_of, names, no_such_role, report, versioned};
use crate::blocks::{Block, fenced};
use crate::critic;
use crate::derive::{self, Touched};
use crate::offload::{Stop, offload};
use crate::text::clip;
use async_trait::async_trait;
use countersign_core::artifact::{AgentRole, RepoProposal, TriageDecision, Verdict};
use countersign_core::confinement::Confinement;
use countersign_core::id::RepositoryId;
use countersign_ports::agent::{Agent, AgentAnswer, AgentCall, AgentError, AgentRepo, AgentReport};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How the change is called in plans.
const ORIGIN: &str = "the submitted diff";

/// The adapter, with the diffs that the workflow was started with.
pub(crate) struct Submitted {
    diffs: Arc<BTreeMap<RepositoryId, Vec<u8>>>,
}

impl Submitted {
    pub(crate) fn new(diffs: Vec<(RepositoryId, Vec<u8>)>) -> Self {
        Self {
            diffs: Arc::new(diffs.into_iter().collect()),
        }
    }
}

#[async_trait]
impl Agent for Submitted {
    async fn call(&self, call: AgentCall) -> Result<AgentReport, AgentError> {
        let diffs = Arc::clone(&self.diffs);
        let deadline = call.deadline;
        offload(deadline, move |stop| answer(&diffs, &call, stop)).await
    }

    async fn confinement(&self, _role: AgentRole) -> Result<Confinement, AgentError> {
        Ok(Confinement::InProcess)
    }
}

fn answer(
    diffs: &BTreeMap<RepositoryId, Vec<u8>>,
    call: &AgentCall,
    stop: &Stop,
) -> Result<AgentReport, AgentError> {
    let answer = match call.role {
        AgentRole::Triage => AgentAnswer::Triage(triage(current(diffs, call), &call.feedback)),
        AgentRole::Architect => AgentAnswer::Architecture(derive::architecture(&readable(diffs, call)?.1)),
        AgentRole::Planner => {
            let (_, changes) = readable(diffs, call)?;
            AgentAnswer::Plan(derive::plan(&call.repositories, &changes, ORIGIN))
        }
        AgentRole::Coder => AgentAnswer::Proposal(proposals(readable(diffs, call)?, call)),
        AgentRole::Critic => return critic::report(call, None, stop),
        AgentRole::Fixer | AgentRole::Extractor => return Err(no_such_role("diff", call.role)),
    };
    report(answer, versioned("submitted diff"))
}

type Diffs = BTreeMap<RepositoryId, String>;

/// Why the diffs can't be used: stable code and sentence.
type Refusal = (&'static str, String);

fn triage(current: Result<(Diffs, Vec<Touched>), Refusal>, feedback: &str) -> TriageDecision {
    let reason = "The change is there already; it only has to be judged.";
    let unknown = "Where the diff comes from and whether anyone has run it is not known.";
    match current {
        Ok(_) => derive::triage(feedback, reason, unknown),
        Err((_, missing)) => TriageDecision {
            verdict: Verdict::Ask,
            summary: "The submitted diff can't be used as it is.".to_owned(),
            reasons: vec!["Nothing is guessed about a diff that can't be read.".to_owned()],
            risks: vec![],
            unknowns: vec![],
            missing: vec![clip(&missing)],
        },
    }
}

/// As for triage, for roles that can't ask.
fn readable(
    diffs: &BTreeMap<RepositoryId, Vec<u8>>,
    call: &AgentCall,
) -> Result<(Diffs, Vec<Touched>), AgentError> {
    current(diffs, call).map_err(|(code, message)| malformed(code, message))
}

/// The diffs that hold now, and what they touch.
fn current(
    diffs: &BTreeMap<RepositoryId, Vec<u8>>,
    call: &AgentCall,
) -> Result<(Diffs, Vec<Touched>), Refusal> {
    let mut texts = Diffs::new();
    for comment in &call.guidance {
        let source = format!("the comment on revision {}", comment.revision);
        texts.extend(
            from_comment(&comment.text, &source, &call.repositories).map_err(|e| ("diff-unreadable", e))?,
        );
    }
    for (id, diff) in diffs {
        if !texts.contains_key(id) {
            texts.insert(
                id.clone(),
                as_text(id, diff, &call.repositories).map_err(|e| ("diff-not-utf8", e))?,
            );
        }
    }
    if texts.is_empty() {
        return Err((
            "diff-missing",
            "there is no diff; submit one per repository that should change".to_owned(),
        ));
    }
    let changes: Result<Vec<Touched>, String> = texts
        .iter()
        .map(|(id, diff)| derive::touched(&call.repositories, id, diff.as_bytes()))
        .collect();
    Ok((texts, changes.map_err(|e| ("diff-unreadable", e))?))
}

fn as_text(id: &RepositoryId, diff: &[u8], repositories: &[AgentRepo]) -> Result<String, String> {
    std::str::from_utf8(diff).map(str::to_owned).map_err(|e| {
        let (name, at) = (name_of(repositories, id), e.valid_up_to());
        format!(
            "the diff for {name} is not UTF-8 (bad byte at offset {at}); only UTF-8 diffs in this version"
        )
    })
}

fn from_comment(text: &str, source: &str, repositories: &[AgentRepo]) -> Result<Diffs, String> {
    let blocks = fenced(text, "diff").map_err(|unclosed| {
        format!(
            "line {} of {source}: the `diff` block is never closed; end it with a line of ```",
            unclosed.line
        )
    })?;
    let mut diffs = Diffs::new();
    for block in blocks {
        let repo = meant(&block, repositories)
            .map_err(|message| format!("line {} of {source}: {message}", block.line))?;
        diffs.entry(repo.id.clone()).or_default().push_str(&block.content);
    }
    Ok(diffs)
}

fn meant<'a>(block: &Block, repositories: &'a [AgentRepo]) -> Result<&'a AgentRepo, String> {
    let named = block
        .attributes
        .iter()
        .find_map(|attribute| attribute.strip_prefix("repo="));
    match (named, repositories) {
        (Some(name), _) => by_name(repositories, name).ok_or_else(|| {
            format!(
                "`repo={name}` is not part of this workflow; it has {}",
                names(repositories)
            )
        }),
        (None, [only]) => Ok(only),
        (None, _) => Err(format!(
            "say which repository the diff is for, as in ```diff repo=NAME; there are {}",
            names(repositories)
        )),
    }
}

fn proposals((texts, changes): (Diffs, Vec<Touched>), call: &AgentCall) -> Vec<RepoProposal> {
    let proposal = |((repository, diff), change): ((RepositoryId, String), Touched)| RepoProposal {
        repository,
        diff,
        rationales: derive::rationales(&change, call.plan.as_ref(), "Part of the submitted diff."),
    };
    texts.into_iter().zip(changes).map(proposal).collect()
}
