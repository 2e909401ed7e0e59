//! Answers as JSON, as script files and external programs write them: one strict form per role, in which
//! repositories go by their short names. The same forms tell a program what earlier roles answered.
//!
//! - `triage`: `{"verdict": "go" | "no-go" | "defer" | "ask", "summary": "…", "reasons": [], "risks": [],
//!   "unknowns": [], "missing": []}`
//! - `architect`: `{"summary": "…", "components": ["…"]}`
//! - `planner`: `{"scope": {"includes": [], "non_goals": []}, "steps": [STEP], "acceptance": [CRITERION]}`
//! - `coder`: `{"diffs": {"NAME": "unified git diff"}, "rationales": [{"repo", "path", "step", "text"}]}`
//! - `critic`: `{"findings": [{"code", "level": "note" | "reject", "repo", "path", "text"}]}`
//!
//! STEP is `{"id", "title", "repo", "paths": [PATH], "rationale"}`, PATH is `"…"` or `{"path", "expectation":
//! "exists" | "new"}`, CRITERION is `"…"` or `{"id", "text"}`. Only `verdict`, `title`, `diffs`, `findings`
//! and what names a place are required. A path given as plain text exists if it is at the base, else it is
//! new. `repo` may be left out where the workflow has one repository. Missing ids are counted (`s1`, `a1`); a
//! missing scope is the steps' titles; missing rationales are filled in from the plan.

mod plan;

pub(crate) use plan::PlanForm;

use crate::answer::{by_name, names};
use crate::derive;
use countersign_core::artifact::{
    Architecture, Critique, Finding, FindingLevel, Plan, Rationale, RepoProposal, TriageDecision, Verdict,
};
use countersign_core::path::RepoPath;
use countersign_ports::agent::AgentRepo;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What stands where an answer gives no words.
const NO_WORDS: &str = "No words given.";

/// Triage's answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TriageForm {
    verdict: Verdict,
    #[serde(default = "no_words")]
    summary: String,
    #[serde(default)]
    reasons: Vec<String>,
    #[serde(default)]
    risks: Vec<String>,
    #[serde(default)]
    unknowns: Vec<String>,
    #[serde(default)]
    missing: Vec<String>,
}

/// The architect's answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArchitectureForm {
    #[serde(default = "no_words")]
    summary: String,
    #[serde(default)]
    components: Vec<String>,
}

/// The coder's answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CoderForm {
    diffs: BTreeMap<String, String>,
    #[serde(default)]
    rationales: Vec<RationaleForm>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct RationaleForm {
    repo: Option<String>,
    path: String,
    step: String,
    text: String,
}

/// The critic's answer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CritiqueForm {
    findings: Vec<FindingForm>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct FindingForm {
    code: String,
    level: FindingLevel,
    repo: Option<String>,
    path: Option<String>,
    text: String,
}

fn no_words() -> String {
    NO_WORDS.to_owned()
}

impl From<TriageForm> for TriageDecision {
    fn from(form: TriageForm) -> Self {
        let TriageForm {
            verdict,
            summary,
            mut reasons,
            risks,
            unknowns,
            missing,
        } = form;
        if reasons.is_empty() {
            reasons.push(NO_WORDS.to_owned());
        }
        TriageDecision {
            verdict,
            summary,
            reasons,
            risks,
            unknowns,
            missing,
        }
    }
}

impl From<ArchitectureForm> for Architecture {
    fn from(form: ArchitectureForm) -> Self {
        Architecture {
            summary: form.summary,
            components: form.components,
        }
    }
}

impl CoderForm {
    /// # Errors
    /// A sentence with the place, when a repository is unknown or a path is broken. A diff that can't be read
    /// is no error here; it is refused later, with its place.
    pub(crate) fn into_core(
        self,
        repositories: &[AgentRepo],
        plan: Option<&Plan>,
    ) -> Result<Vec<RepoProposal>, String> {
        let mut proposals = Vec::new();
        for (name, diff) in self.diffs {
            let repo = repo_meant(Some(&name), repositories).map_err(|e| format!("`diffs`: {e}"))?;
            proposals.push(RepoProposal {
                repository: repo.id.clone(),
                diff,
                rationales: vec![],
            });
        }
        for (number, form) in (1..).zip(self.rationales) {
            let place = |e: String| format!("rationale {number}: {e}");
            let repo = repo_meant(form.repo.as_deref(), repositories).map_err(place)?;
            let path = path_from(&form.path).map_err(place)?;
            let Some(proposal) = proposals.iter_mut().find(|p| p.repository == repo.id) else {
                return Err(place(format!("there is no diff for `{}`", repo.name)));
            };
            proposal.rationales.push(Rationale {
                path,
                step: form.step,
                text: form.text,
            });
        }
        for proposal in proposals.iter_mut().filter(|p| p.rationales.is_empty()) {
            // A diff that can't be read is refused later, with its place; it needs no claims.
            if let Ok(change) = derive::touched(repositories, &proposal.repository, proposal.diff.as_bytes())
            {
                proposal.rationales = derive::rationales(&change, plan, NO_WORDS);
            }
        }
        proposals.sort_by(|a, b| a.repository.cmp(&b.repository));
        Ok(proposals)
    }
}

impl CritiqueForm {
    /// # Errors
    /// A sentence with the place, when a repository is unknown or a path is broken.
    pub(crate) fn into_core(self, repositories: &[AgentRepo]) -> Result<Critique, String> {
        let mut findings = Vec::new();
        for (number, form) in (1..).zip(self.findings) {
            let place = |e: String| format!("finding {number}: {e}");
            let repo = form
                .repo
                .as_deref()
                .map(|name| repo_meant(Some(name), repositories))
                .transpose();
            let path = form.path.as_deref().map(path_from).transpose().map_err(place)?;
            let repository = repo.map_err(place)?.map(|repo| repo.id.clone());
            findings.push(Finding {
                code: form.code,
                level: form.level,
                repository,
                path,
                text: form.text,
            });
        }
        Ok(Critique { findings })
    }
}

fn repo_meant<'a>(name: Option<&str>, repositories: &'a [AgentRepo]) -> Result<&'a AgentRepo, String> {
    match (name, repositories) {
        (Some(name), _) => by_name(repositories, name).ok_or_else(|| {
            format!(
                "there is no repository `{name}` here; there are {}",
                names(repositories)
            )
        }),
        (None, [only]) => Ok(only),
        (None, _) => Err(format!("`repo` is missing; it is one of {}", names(repositories))),
    }
}

fn path_from(text: &str) -> Result<RepoPath, String> {
    RepoPath::from_text(text).map_err(|e| format!("`{text}`: {e}"))
}
