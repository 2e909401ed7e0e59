//! What agents leave behind: decision, architecture, scope, plan, acceptance criteria, proposal, critique.
//!
//! These are untrusted words until [`crate::proposal`] has validated them; they are evidence, never commands (INV-2).
//! The types are the persisted forms of version 1.

use crate::id::RepositoryId;
use crate::path::RepoPath;
use serde::{Deserialize, Serialize};

/// What an agent is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AgentRole {
    /// Should this be done at all?
    Triage,
    /// How does the change fit what is there?
    Architect,
    /// Which steps, in which files, and how will we know that it is done?
    Planner,
    /// The diff.
    Coder,
    /// What is wrong with the diff?
    Critic,
    /// A diff that answers a red CI run.
    Fixer,
    /// Tasks out of a discussion.
    Extractor,
}

impl AgentRole {
    /// The word used in texts and files.
    pub fn as_str(self) -> &'static str {
        match self {
            AgentRole::Triage => "triage",
            AgentRole::Architect => "architect",
            AgentRole::Planner => "planner",
            AgentRole::Coder => "coder",
            AgentRole::Critic => "critic",
            AgentRole::Fixer => "fixer",
            AgentRole::Extractor => "extractor",
        }
    }
}

/// Triage's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Do it.
    Go,
    /// Don't; the workflow ends as declined.
    NoGo,
    /// Not now; the workflow waits until someone wakes it.
    Defer,
    /// It can't be judged before a human answers; `missing` says what.
    Ask,
}

/// The decision artifact of triage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TriageDecision {
    /// GO, NO-GO, DEFER or a question.
    pub verdict: Verdict,
    /// One paragraph: what is wanted.
    pub summary: String,
    /// Why this verdict.
    pub reasons: Vec<String>,
    /// What may go wrong.
    pub risks: Vec<String>,
    /// What is not known.
    pub unknowns: Vec<String>,
    /// What has to be supplied before it can be judged; empty unless the verdict is a question.
    pub missing: Vec<String>,
}

/// How the change fits what is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Architecture {
    /// One paragraph.
    pub summary: String,
    /// Which parts of which repositories are touched and how they hang together.
    pub components: Vec<String>,
}

/// What a plan expects of a path at the base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PathExpectation {
    /// It is there and will be changed, moved or deleted; gate 1 looks it up.
    Exists,
    /// It is not there and will be created.
    New,
}

/// A file that a step touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedPath {
    /// Where.
    pub path: RepoPath,
    /// What the plan says about the base.
    pub expectation: PathExpectation,
}

/// One item of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Short name, unique in the plan: `s1`.
    pub id: String,
    /// What is done.
    pub title: String,
    /// In which repository.
    pub repository: RepositoryId,
    /// In which files.
    pub paths: Vec<PlannedPath>,
    /// Why.
    pub rationale: String,
}

/// What may change and what will not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scope {
    /// What is in.
    pub includes: Vec<String>,
    /// What is deliberately out.
    pub non_goals: Vec<String>,
}

/// Something that can be looked at when the change is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AcceptanceCriterion {
    /// Short name, unique: `a1`.
    pub id: String,
    /// What will be true.
    pub text: String,
}

/// Scope, steps and acceptance criteria: what `PlanDigest` covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// What may change and what will not.
    pub scope: Scope,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// How we will know.
    pub acceptance: Vec<AcceptanceCriterion>,
    /// The plan was read off a diff that already existed (`--diff`); people are told so.
    pub derived_from_proposal: bool,
}

/// An agent's claim why a file changes, and which step it serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rationale {
    /// Which file.
    pub path: RepoPath,
    /// Id of the plan's step.
    pub step: String,
    /// The claim.
    pub text: String,
}

/// A coder's answer for one repository: text, not yet read or applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepoProposal {
    /// For which repository.
    pub repository: RepositoryId,
    /// A unified git diff, perhaps with prose around it.
    pub diff: String,
    /// The claims.
    pub rationales: Vec<Rationale>,
}

/// How bad a critic finds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingLevel {
    /// Worth reading.
    Note,
    /// The critic rejects the proposal for it.
    Reject,
}

/// A critic's remark.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// Short stable name of the kind of finding: `task-unfulfilled`, `unplanned-change`…
    pub code: String,
    /// How bad.
    pub level: FindingLevel,
    /// Where, if it is about one repository.
    pub repository: Option<RepositoryId>,
    /// Where, if it is about one file.
    pub path: Option<RepoPath>,
    /// The remark.
    pub text: String,
}

/// A critic's answer. No finding is shown as "no finding", never as a pass (hazard 45).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Critique {
    /// Everything found; any `Reject` closes gate 2.
    pub findings: Vec<Finding>,
}

impl Critique {
    /// Whether the critic rejects.
    pub fn rejects(&self) -> bool {
        self.findings.iter().any(|f| f.level == FindingLevel::Reject)
    }
}
