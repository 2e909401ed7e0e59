//! Artifacts read off a diff that already exists: for a submitted change, and for scripts and commands that
//! only code. People are told so (`derived_from_proposal`). Nothing here judges whether a diff fits.

use crate::answer::{malformed, name_of};
use crate::text::{count, short, some_of};
use countersign_core::artifact::{
    AcceptanceCriterion, Architecture, PathExpectation, Plan, PlannedPath, Rationale, Scope, Step,
    TriageDecision, Verdict,
};
use countersign_core::id::RepositoryId;
use countersign_core::patch::{self, FileOp, FilePatch};
use countersign_core::path::RepoPath;
use countersign_ports::agent::{AgentError, AgentRepo};

/// A diff that was read: which repository, and which paths it touches, sorted.
pub(crate) struct Touched {
    /// Which repository.
    pub(crate) repository: RepositoryId,
    /// Its short name.
    pub(crate) name: String,
    /// Both sides of every changed file, sorted, without repetition.
    pub(crate) paths: Vec<RepoPath>,
    /// How many files the diff changes.
    pub(crate) files: usize,
}

/// Reads which paths a diff touches.
///
/// # Errors
/// A sentence with the line of the diff, when it can't be read.
pub(crate) fn touched(repositories: &[AgentRepo], id: &RepositoryId, diff: &[u8]) -> Result<Touched, String> {
    let name = name_of(repositories, id);
    if repositories.iter().all(|repo| repo.id != *id) {
        return Err(format!(
            "there is a diff for {name}, which is not part of this workflow"
        ));
    }
    let files = patch::read(diff).map_err(|e| format!("the diff for {name} can't be read: {e}"))?;
    let mut paths: Vec<RepoPath> = files.iter().flat_map(sides).collect();
    paths.sort();
    paths.dedup();
    Ok(Touched {
        repository: id.clone(),
        name,
        paths,
        files: files.len(),
    })
}

fn sides(file: &FilePatch) -> Vec<RepoPath> {
    match file.op {
        FileOp::Modify | FileOp::Create | FileOp::Delete | FileOp::Rename | FileOp::Write => {
            vec![file.old_path.clone(), file.new_path.clone()]
        }
        // The source of a copy stays as it is.
        FileOp::Copy => vec![file.new_path.clone()],
    }
}

/// What the base says about a path that a plan names.
pub(crate) fn expectation(repo: &AgentRepo, path: &RepoPath) -> PathExpectation {
    match repo
        .snapshot
        .entries()
        .binary_search_by(|entry| entry.path.cmp(path))
    {
        Ok(_) => PathExpectation::Exists,
        Err(_) => PathExpectation::New,
    }
}

/// GO without judgement, said so.
pub(crate) fn triage(feedback: &str, reason: &str, unknown: &str) -> TriageDecision {
    let summary = match short(feedback.trim_start_matches('#')) {
        title if title.is_empty() => "A change without words.".to_owned(),
        title => title,
    };
    TriageDecision {
        verdict: Verdict::Go,
        summary,
        reasons: vec![reason.to_owned()],
        risks: vec![],
        unknowns: vec![unknown.to_owned()],
        missing: vec![],
    }
}

/// Which repositories and files the change touches.
pub(crate) fn architecture(changes: &[Touched]) -> Architecture {
    let files: usize = changes.iter().map(|change| change.files).sum();
    let summary = format!(
        "Read off the change itself: {} in {}.",
        count(files, "file", "files"),
        count(changes.len(), "repository", "repositories")
    );
    let component = |change: &Touched| {
        let paths: Vec<String> = change.paths.iter().map(RepoPath::to_text).collect();
        format!("{}: {}", change.name, some_of(&paths))
    };
    Architecture {
        summary,
        components: changes.iter().map(component).collect(),
    }
}

/// One step per repository, listing every path that the diffs touch.
pub(crate) fn plan(repositories: &[AgentRepo], changes: &[Touched], origin: &str) -> Plan {
    let mut steps = Vec::new();
    for (number, change) in (1..).zip(changes) {
        let Some(repo) = repositories.iter().find(|repo| repo.id == change.repository) else {
            continue;
        };
        let planned = |path: &RepoPath| PlannedPath {
            path: path.clone(),
            expectation: expectation(repo, path),
        };
        steps.push(Step {
            id: format!("s{number}"),
            title: format!("Apply {origin} to {}", change.name),
            repository: change.repository.clone(),
            paths: change.paths.iter().map(planned).collect(),
            rationale: format!(
                "Derived from {origin}: it changes {}.",
                count(change.files, "file", "files")
            ),
        });
    }
    let part = |change: &Touched| format!("{} of {}", count(change.files, "file", "files"), change.name);
    Plan {
        scope: Scope {
            includes: changes.iter().map(part).collect(),
            non_goals: vec![
                "No file outside the listed ones.".to_owned(),
                format!("Nothing beyond {origin}."),
            ],
        },
        steps,
        acceptance: vec![
            AcceptanceCriterion {
                id: "a1".to_owned(),
                text: "Every listed file is changed, and no other.".to_owned(),
            },
            AcceptanceCriterion {
                id: "a2".to_owned(),
                text: "No file has a syntax error that it did not have before.".to_owned(),
            },
        ],
        derived_from_proposal: true,
    }
}

/// One claim per path: the first step of the plan that lists it; without a plan the only step. A path that
/// the plan does not list has none, and is refused later for being outside the plan.
pub(crate) fn rationales(change: &Touched, plan: Option<&Plan>, text: &str) -> Vec<Rationale> {
    let lists = |step: &&Step, path: &RepoPath| {
        step.repository == change.repository && step.paths.iter().any(|planned| planned.path == *path)
    };
    let step_for = |path: &RepoPath| match plan {
        Some(plan) => plan
            .steps
            .iter()
            .find(|step| lists(step, path))
            .map(|step| step.id.clone()),
        None => Some("s1".to_owned()),
    };
    let claim = |path: &RepoPath| {
        step_for(path).map(|step| Rationale {
            path: path.clone(),
            step,
            text: text.to_owned(),
        })
    };
    change.paths.iter().filter_map(claim).collect()
}

/// An unreadable diff, for roles that can't ask.
pub(crate) fn unreadable(message: String) -> AgentError {
    malformed("diff-unreadable", message)
}
