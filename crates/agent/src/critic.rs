//! The built-in critic: deterministic, no model. It can only reject: no finding is no praise (hazard 45).
//!
//! It looks at plan, facts and contents, never at the words around them:
//! - `task-unfulfilled`: a planned path is not changed;
//! - `unplanned-change`: a changed path is in no step;
//! - `new-parse-error`: a file has more syntax errors than at the base;
//! - `not-idempotent` (codemod): running the rules on the result changes it again;
//! - `not-parsed` (a note): nobody looked for syntax errors in that file, and why.

use crate::answer::{malformed, name_of, report as make_report, snapshot_failed, versioned};
use crate::codemod::Again;
use crate::language::{Language, parse, syntax_errors};
use crate::offload::Stop;
use countersign_core::artifact::{Critique, Finding, FindingLevel, Plan};
use countersign_core::diff::FileChange;
use countersign_core::id::RepositoryId;
use countersign_core::path::RepoPath;
use countersign_ports::agent::{AgentAnswer, AgentCall, AgentError, AgentReport, CriticSubject};
use std::collections::BTreeSet;

/// Judges the subjects of a call; `again` are the codemod's rules, where it was a codemod.
///
/// # Errors
/// `Malformed` when the call has no plan; `Unavailable` when a file of the base can't be read.
pub(crate) fn report(
    call: &AgentCall,
    again: Option<&Again>,
    stop: &Stop,
) -> Result<AgentReport, AgentError> {
    let Some(plan) = &call.plan else {
        return Err(malformed(
            "critic-without-plan",
            "the critic was called without a plan to compare with",
        ));
    };
    let mut findings = Vec::new();
    unfulfilled(call, plan, &mut findings);
    for subject in &call.subjects {
        unplanned(plan, subject, &mut findings);
        parse_errors(call, subject, stop, &mut findings)?;
    }
    if let Some(again) = again {
        unsettled(call, again, stop, &mut findings)?;
    }
    make_report(
        AgentAnswer::Critique(Critique { findings }),
        versioned("built-in critic"),
    )
}

fn reject(code: &str, repository: &RepositoryId, path: Option<&RepoPath>, text: String) -> Finding {
    let level = FindingLevel::Reject;
    Finding {
        code: code.to_owned(),
        level,
        repository: Some(repository.clone()),
        path: path.cloned(),
        text,
    }
}

fn unfulfilled(call: &AgentCall, plan: &Plan, findings: &mut Vec<Finding>) {
    let changed: BTreeSet<(&RepositoryId, &RepoPath)> = call
        .subjects
        .iter()
        .flat_map(|s| {
            s.diff
                .files
                .iter()
                .flat_map(FileChange::paths)
                .map(|path| (&s.repository, path))
        })
        .collect();
    let mut said = BTreeSet::new();
    for step in &plan.steps {
        for planned in &step.paths {
            let place = (&step.repository, &planned.path);
            if !changed.contains(&place) && said.insert(place) {
                let text = format!(
                    "Step {} plans a change of this file, and nothing changes in it.",
                    step.id
                );
                findings.push(reject(
                    "task-unfulfilled",
                    &step.repository,
                    Some(&planned.path),
                    text,
                ));
            }
        }
    }
}

fn unplanned(plan: &Plan, subject: &CriticSubject, findings: &mut Vec<Finding>) {
    let planned: BTreeSet<&RepoPath> = plan
        .steps
        .iter()
        .filter(|step| step.repository == subject.repository)
        .flat_map(|step| step.paths.iter().map(|p| &p.path))
        .collect();
    let changed: BTreeSet<&RepoPath> = subject.diff.files.iter().flat_map(FileChange::paths).collect();
    for path in changed.difference(&planned) {
        let text = "This file changes, and no step of the plan lists it.".to_owned();
        findings.push(reject("unplanned-change", &subject.repository, Some(path), text));
    }
}

fn parse_errors(
    call: &AgentCall,
    subject: &CriticSubject,
    stop: &Stop,
    findings: &mut Vec<Finding>,
) -> Result<(), AgentError> {
    for file in &subject.diff.files {
        stop.check()?;
        let Some(after) = subject.contents.get(file.path()) else {
            continue;
        };
        let Some(language) = Language::of_path(file.path()) else {
            continue;
        };
        let now = match errors_in(language, after) {
            Ok(now) => now,
            Err(why) => {
                findings.push(not_parsed(subject, file, &why));
                continue;
            }
        };
        let before = if now == 0 {
            0
        } else {
            errors_at_base(call, subject, file)?
        };
        if now > before {
            let text = format!(
                "As {} it has {now} syntax errors, at the base {before}.",
                language.name()
            );
            findings.push(reject(
                "new-parse-error",
                &subject.repository,
                Some(file.path()),
                text,
            ));
        }
    }
    Ok(())
}

fn not_parsed(subject: &CriticSubject, file: &FileChange, why: &str) -> Finding {
    let text = format!("Nobody looked for syntax errors in this file: it is {why}.");
    let level = FindingLevel::Note;
    let repository = Some(subject.repository.clone());
    Finding {
        code: "not-parsed".to_owned(),
        level,
        repository,
        path: Some(file.path().clone()),
        text,
    }
}

/// How many syntax errors a content has, or why it can't be told.
fn errors_in(language: Language, content: &[u8]) -> Result<usize, String> {
    let text = std::str::from_utf8(content).map_err(|_| "not UTF-8".to_owned())?;
    let tree = parse(language, text).map_err(|no_tree| no_tree.0.to_owned())?;
    Ok(syntax_errors(&tree))
}

/// The same at the base; what was not there, or can't be told, counts as without errors.
fn errors_at_base(call: &AgentCall, subject: &CriticSubject, file: &FileChange) -> Result<usize, AgentError> {
    let repo = call
        .repositories
        .iter()
        .find(|repo| repo.id == subject.repository);
    let (Some(repo), Some(old)) = (repo, file.old()) else {
        return Ok(0);
    };
    let Some(language) = Language::of_path(&old.path) else {
        return Ok(0);
    };
    let content = repo
        .snapshot
        .read(&old.path)
        .map_err(|e| snapshot_failed(repo, &e))?;
    Ok(content
        .and_then(|content| errors_in(language, &content).ok())
        .unwrap_or(0))
}

fn unsettled(
    call: &AgentCall,
    again: &Again,
    stop: &Stop,
    findings: &mut Vec<Finding>,
) -> Result<(), AgentError> {
    for subject in &call.subjects {
        if let Some(why) = again.unreadable() {
            let text = format!("The rules could not be run again on the result: {why}");
            findings.push(reject("not-idempotent", &subject.repository, None, text));
            continue;
        }
        let name = name_of(&call.repositories, &subject.repository);
        for (path, content) in subject.contents.iter() {
            stop.check()?;
            // What a reviewer left out would only be put back.
            let narrowed = call
                .left_out
                .iter()
                .any(|l| l.path == *path && l.repository == subject.repository);
            let Ok(text) = std::str::from_utf8(content) else {
                continue;
            };
            if !narrowed && again.changes(&name, path, text) {
                let text = "Running the rules again on the result changes this file once more.".to_owned();
                findings.push(reject("not-idempotent", &subject.repository, Some(path), text));
            }
        }
    }
    Ok(())
}
