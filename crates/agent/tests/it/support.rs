//! Repositories in memory, calls, and real git to check diffs with.

use countersign_agent::Agents;
use countersign_core::artifact::{
    AgentRole, Architecture, Critique, Plan, RepoProposal, TriageDecision, Verdict,
};
use countersign_core::diff::FileMode;
use countersign_core::feedback::RepoRole;
use countersign_core::id::{BlobSha, CommitSha, RepositoryId, Revision, WorkflowId};
use countersign_core::path::RepoPath;
use countersign_core::proposal;
use countersign_ports::agent::{
    Agent, AgentAnswer, AgentCall, AgentError, AgentRepo, AgentReport, Guidance, Snapshot,
};
use countersign_ports::agent::{AgentFactory as _, ResolvedAgent};
use countersign_ports::trees::{SnapshotEntry, TreesError};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

pub type Files = BTreeMap<RepoPath, (FileMode, Vec<u8>)>;

struct Memory {
    entries: Vec<SnapshotEntry>,
    files: Files,
}

impl Snapshot for Memory {
    fn entries(&self) -> &[SnapshotEntry] {
        &self.entries
    }

    fn read(&self, path: &RepoPath) -> Result<Option<Vec<u8>>, TreesError> {
        let regular = |mode| matches!(mode, FileMode::Regular | FileMode::Executable);
        Ok(self
            .files
            .get(path)
            .filter(|(mode, _)| regular(*mode))
            .map(|(_, content)| content.clone()))
    }
}

pub fn repo_of(number: u64, name: &str, files: Files) -> AgentRepo {
    let blob = BlobSha::parse(&"b".repeat(40)).unwrap();
    let entries = files
        .iter()
        .map(|(path, (mode, _))| SnapshotEntry {
            path: path.clone(),
            mode: *mode,
            blob: blob.clone(),
        })
        .collect();
    AgentRepo {
        id: RepositoryId::local(number),
        name: name.to_owned(),
        role: if number == 1 {
            RepoRole::Primary
        } else {
            RepoRole::Secondary
        },
        base: CommitSha::parse(&"c".repeat(40)).unwrap(),
        snapshot: Arc::new(Memory { entries, files }),
    }
}

pub fn repo(number: u64, name: &str, files: &[(&str, &str)]) -> AgentRepo {
    let file = |(path, text): &(&str, &str)| {
        (
            RepoPath::from(*path),
            (FileMode::Regular, text.as_bytes().to_vec()),
        )
    };
    repo_of(number, name, files.iter().map(file).collect())
}

pub fn call(role: AgentRole, feedback: &str, repositories: &[AgentRepo]) -> AgentCall {
    AgentCall {
        role,
        workflow: WorkflowId::from_parts(1, 1),
        revision: Revision(1),
        round: 1,
        feedback: feedback.to_owned(),
        guidance: vec![],
        repositories: repositories.to_vec(),
        triage: None,
        architecture: None,
        plan: None,
        refusals: vec![],
        left_out: Vec::new(),
        failed_checks: Vec::new(),
        subjects: Vec::new(),
        deadline: Duration::from_secs(60),
        traceparent: None,
    }
}

pub fn comment(revision: u32, text: &str) -> Guidance {
    Guidance {
        revision: Revision(revision),
        text: text.to_owned(),
    }
}

/// An agent that needs no scratch folder.
pub fn agent(spec: ResolvedAgent) -> Arc<dyn Agent> {
    agent_in(Path::new("/nonexistent"), spec)
}

pub fn agent_in(scratch: &Path, spec: ResolvedAgent) -> Arc<dyn Agent> {
    Agents::new(scratch.to_owned()).build(spec).unwrap()
}

pub async fn answer(
    agent: &Arc<dyn Agent>,
    call: &AgentCall,
    role: AgentRole,
) -> Result<AgentReport, AgentError> {
    agent.call(AgentCall { role, ..call.clone() }).await
}

pub async fn triage(agent: &Arc<dyn Agent>, call: &AgentCall) -> TriageDecision {
    let AgentAnswer::Triage(triage) = answer(agent, call, AgentRole::Triage).await.unwrap().answer else {
        panic!("no triage")
    };
    proposal::validate_triage(&triage).unwrap();
    triage
}

pub async fn question(agent: &Arc<dyn Agent>, call: &AgentCall) -> String {
    let triage = triage(agent, call).await;
    assert_eq!(triage.verdict, Verdict::Ask, "{triage:?}");
    triage.missing.join("\n")
}

/// Architecture and plan, validated as the engine does.
pub async fn plan(agent: &Arc<dyn Agent>, call: &AgentCall) -> (Architecture, Plan) {
    let AgentAnswer::Architecture(architecture) =
        answer(agent, call, AgentRole::Architect).await.unwrap().answer
    else {
        panic!("no architecture")
    };
    let AgentAnswer::Plan(plan) = answer(agent, call, AgentRole::Planner).await.unwrap().answer else {
        panic!("no plan")
    };
    proposal::validate_plan(&architecture, &plan, &ids(call)).unwrap();
    (architecture, plan)
}

pub async fn propose(agent: &Arc<dyn Agent>, call: &AgentCall) -> Vec<RepoProposal> {
    let report = answer(agent, call, AgentRole::Coder).await.unwrap();
    let AgentAnswer::Proposal(proposals) = report.answer else {
        panic!("no proposal")
    };
    if let Some(plan) = &call.plan {
        proposal::validate_proposals(&proposals, plan, &ids(call)).unwrap();
    }
    proposals
}

pub async fn criticise(agent: &Arc<dyn Agent>, call: &AgentCall) -> Critique {
    let AgentAnswer::Critique(critique) = answer(agent, call, AgentRole::Critic).await.unwrap().answer else {
        panic!("no critique")
    };
    proposal::validate_critique(&critique).unwrap();
    critique
}

/// Codes and places of a critique, one line each.
pub fn codes(critique: &Critique) -> Vec<String> {
    let path = |p: &Option<RepoPath>| p.as_ref().map(RepoPath::to_text).unwrap_or_default();
    critique
        .findings
        .iter()
        .map(|f| format!("{} {}", f.code, path(&f.path)).trim().to_owned())
        .collect()
}

fn ids(call: &AgentCall) -> BTreeSet<RepositoryId> {
    call.repositories.iter().map(|repo| repo.id.clone()).collect()
}

/// The paths of a plan as `step repository path`.
pub fn planned(call: &AgentCall, plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for step in &plan.steps {
        let repo = call
            .repositories
            .iter()
            .find(|repo| repo.id == step.repository)
            .unwrap();
        lines.extend(
            step.paths
                .iter()
                .map(|p| format!("{} {} {} {:?}", step.id, repo.name, p.path, p.expectation)),
        );
    }
    lines
}

/// Applies a diff with real git in an empty repository that holds `repo`'s files.
pub fn git_apply(repo: &AgentRepo, diff: &str) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    git(folder.path(), &["init", "-q"]);
    for entry in repo.snapshot.entries() {
        let Some(content) = repo.snapshot.read(&entry.path).unwrap() else {
            continue;
        };
        let path = folder.path().join(entry.path.as_str().unwrap());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
    git(folder.path(), &["add", "-A"]);
    let patch = folder.path().join(".git/the.patch");
    std::fs::write(&patch, diff).unwrap();
    git(folder.path(), &["apply", "--index", patch.to_str().unwrap()]);
    let names = git(folder.path(), &["ls-files", "-z"]);
    let names = names.split('\0').filter(|name| !name.is_empty());
    names
        .map(|name| (name.to_owned(), std::fs::read(folder.path().join(name)).unwrap()))
        .collect()
}

fn git(folder: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(["-c", "core.autocrlf=false", "-c", "core.safecrlf=false"])
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}
