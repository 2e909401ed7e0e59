//! Words of agents become evidence only through here: forms, sizes and references are checked, meaning is not.
//!
//! Nothing a model says can raise its own standing; these functions only refuse (INV-2).

use crate::artifact::{
    Architecture, Critique, FindingLevel, Plan, Rationale, RepoProposal, Step, TriageDecision, Verdict,
};
use crate::id::RepositoryId;
use std::collections::BTreeSet;

/// Longest single text in an artifact, in bytes.
pub const TEXT_MAX_BYTES: usize = 8 << 10;
/// Most items in one list of an artifact.
pub const LIST_MAX: usize = 200;
/// Most paths in one plan.
pub const PLAN_PATHS_MAX: usize = 20_000;
/// Most rationales and findings in one answer.
pub const CLAIMS_MAX: usize = 20_000;
/// Most problems that one refusal names.
const PROBLEMS_MAX: usize = 20;

/// Collects what is wrong, in plain sentences.
struct Problems(Vec<String>);

impl Problems {
    fn text(&mut self, what: &str, text: &str) {
        if text.trim().is_empty() {
            self.0.push(format!("{what} is empty"));
        } else if text.len() > TEXT_MAX_BYTES {
            self.0.push(format!(
                "{what} has {} bytes; at most {TEXT_MAX_BYTES} are taken",
                text.len()
            ));
        }
    }

    fn list(&mut self, what: &str, texts: &[String]) {
        if texts.len() > LIST_MAX {
            self.0.push(format!(
                "{what} has {} items; at most {LIST_MAX} are taken",
                texts.len()
            ));
        }
        for (index, text) in texts.iter().take(LIST_MAX).enumerate() {
            self.text(&format!("{what}, item {}", index + 1), text);
        }
    }

    fn require(&mut self, holds: bool, otherwise: impl Into<String>) {
        if !holds {
            self.0.push(otherwise.into());
        }
    }

    fn done(mut self) -> Result<(), Vec<String>> {
        self.0.truncate(PROBLEMS_MAX);
        if self.0.is_empty() { Ok(()) } else { Err(self.0) }
    }
}

/// Checks triage's answer.
///
/// # Errors
/// One sentence per problem.
pub fn validate_triage(decision: &TriageDecision) -> Result<(), Vec<String>> {
    let mut problems = Problems(Vec::new());
    problems.text("summary", &decision.summary);
    problems.list("reasons", &decision.reasons);
    problems.list("risks", &decision.risks);
    problems.list("unknowns", &decision.unknowns);
    problems.list("missing", &decision.missing);
    problems.require(
        !decision.reasons.is_empty(),
        "a verdict needs at least one reason",
    );
    let asks = decision.verdict == Verdict::Ask;
    problems.require(
        asks != decision.missing.is_empty(),
        "`missing` goes with the verdict `ask`, and only with it",
    );
    problems.done()
}

/// Checks architecture and plan.
///
/// # Errors
/// One sentence per problem.
pub fn validate_plan(
    architecture: &Architecture,
    plan: &Plan,
    repositories: &BTreeSet<RepositoryId>,
) -> Result<(), Vec<String>> {
    let mut problems = Problems(Vec::new());
    problems.text("architecture: summary", &architecture.summary);
    problems.list("architecture: components", &architecture.components);
    problems.list("scope: includes", &plan.scope.includes);
    problems.list("scope: non-goals", &plan.scope.non_goals);
    problems.require(
        !plan.scope.includes.is_empty(),
        "the scope says nothing about what is in",
    );
    problems.require(
        !plan.acceptance.is_empty(),
        "a plan needs at least one acceptance criterion",
    );
    problems.require(plan.acceptance.len() <= LIST_MAX, "too many acceptance criteria");
    let names: BTreeSet<_> = plan.acceptance.iter().map(|a| &a.id).collect();
    problems.require(
        names.len() == plan.acceptance.len(),
        "two acceptance criteria have the same id",
    );
    for criterion in plan.acceptance.iter().take(LIST_MAX) {
        problems.text(&format!("acceptance criterion {}", criterion.id), &criterion.text);
    }
    validate_steps(&mut problems, &plan.steps, repositories);
    problems.done()
}

fn validate_steps(problems: &mut Problems, steps: &[Step], repositories: &BTreeSet<RepositoryId>) {
    problems.require(!steps.is_empty(), "a plan needs at least one step");
    problems.require(
        steps.len() <= LIST_MAX,
        format!("a plan has at most {LIST_MAX} steps"),
    );
    let names: BTreeSet<_> = steps.iter().map(|s| &s.id).collect();
    problems.require(names.len() == steps.len(), "two steps have the same id");
    let paths: usize = steps.iter().map(|s| s.paths.len()).sum();
    problems.require(
        paths <= PLAN_PATHS_MAX,
        format!("a plan names at most {PLAN_PATHS_MAX} paths"),
    );
    for step in steps.iter().take(LIST_MAX) {
        let id = &step.id;
        problems.text(&format!("step {id}: title"), &step.title);
        problems.text(&format!("step {id}: rationale"), &step.rationale);
        problems.require(!step.paths.is_empty(), format!("step {id} names no path"));
        problems.require(
            repositories.contains(&step.repository),
            format!(
                "step {id} is about {}, which is not in this workflow",
                step.repository
            ),
        );
    }
}

/// Checks a coder's answer before its diffs are read.
///
/// # Errors
/// One sentence per problem.
pub fn validate_proposals(
    proposals: &[RepoProposal],
    plan: &Plan,
    repositories: &BTreeSet<RepositoryId>,
) -> Result<(), Vec<String>> {
    let mut problems = Problems(Vec::new());
    problems.require(
        !proposals.is_empty(),
        "the proposal changes nothing in any repository",
    );
    let ids: BTreeSet<_> = proposals.iter().map(|p| &p.repository).collect();
    problems.require(
        ids.len() == proposals.len(),
        "two diffs are for the same repository",
    );
    let steps: BTreeSet<&str> = plan.steps.iter().map(|s| s.id.as_str()).collect();
    for proposal in proposals {
        problems.require(
            repositories.contains(&proposal.repository),
            format!(
                "a diff is for {}, which is not in this workflow",
                proposal.repository
            ),
        );
        validate_rationales(&mut problems, &proposal.rationales, &steps);
    }
    problems.done()
}

fn validate_rationales(problems: &mut Problems, rationales: &[Rationale], steps: &BTreeSet<&str>) {
    problems.require(
        rationales.len() <= CLAIMS_MAX,
        format!("at most {CLAIMS_MAX} rationales are taken"),
    );
    for rationale in rationales.iter().take(CLAIMS_MAX) {
        problems.text(&format!("rationale for {}", rationale.path), &rationale.text);
        problems.require(
            steps.contains(rationale.step.as_str()),
            format!(
                "the rationale for {} names step `{}`, which the plan does not have",
                rationale.path, rationale.step
            ),
        );
    }
}

/// Checks a critic's answer.
///
/// # Errors
/// One sentence per problem.
pub fn validate_critique(critique: &Critique) -> Result<(), Vec<String>> {
    let mut problems = Problems(Vec::new());
    problems.require(
        critique.findings.len() <= CLAIMS_MAX,
        format!("at most {CLAIMS_MAX} findings are taken"),
    );
    for finding in critique.findings.iter().take(CLAIMS_MAX) {
        problems.text("a finding's code", &finding.code);
        problems.text("a finding's text", &finding.text);
    }
    problems.done()
}

/// What a rejecting critic said, one sentence each.
pub fn rejections(critique: &Critique) -> Vec<String> {
    let rejecting = critique
        .findings
        .iter()
        .filter(|f| f.level == FindingLevel::Reject);
    rejecting
        .map(|f| match &f.path {
            Some(path) => format!("{} ({path}): {}", f.code, f.text),
            None => format!("{}: {}", f.code, f.text),
        })
        .collect()
}
