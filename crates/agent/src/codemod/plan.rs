//! Plan and proposal of a run of rules: one step per rule and repository, one diff per repository.

use super::decision::SecondRun;
use super::form::Rule;
use super::run::{RepoRun, Run};
use crate::text::{clip, count};
use crate::unified::file_diff;
use countersign_core::artifact::{
    AcceptanceCriterion, PathExpectation, Plan, PlannedPath, Rationale, RepoProposal, Scope, Step,
};
use countersign_core::id::RepositoryId;
use countersign_core::path::RepoPath;
use std::collections::BTreeMap;

/// The dry run as a plan.
pub(crate) fn plan(rules: &[Rule], run: &Run, second: &SecondRun) -> Plan {
    let ids = step_ids(run);
    let mut steps = Vec::new();
    for (repo_index, repo) in run.repos.iter().enumerate() {
        for (rule_index, rule) in rules.iter().enumerate() {
            if let Some(id) = ids.get(&(repo_index, rule_index)) {
                steps.push(step(id, rule, rule_index, repo));
            }
        }
    }
    Plan {
        scope: scope(run),
        steps,
        acceptance: acceptance(rules, run, second),
        derived_from_proposal: false,
    }
}

/// How many steps the plan has.
pub(crate) fn steps(run: &Run) -> usize {
    step_ids(run).len()
}

/// `s1`, `s2`… for every rule that changes something in a repository.
fn step_ids(run: &Run) -> BTreeMap<(usize, usize), String> {
    let mut ids = BTreeMap::new();
    for (repo_index, repo) in run.repos.iter().enumerate() {
        let mut rules: Vec<usize> = repo
            .files
            .iter()
            .flat_map(|file| file.by.keys().copied())
            .collect();
        rules.sort_unstable();
        rules.dedup();
        for rule_index in rules {
            let id = format!("s{}", ids.len() + 1);
            ids.insert((repo_index, rule_index), id);
        }
    }
    ids
}

fn step(id: &str, rule: &Rule, rule_index: usize, repo: &RepoRun) -> Step {
    let touched = || {
        repo.files
            .iter()
            .filter_map(|file| file.by.get(&rule_index).map(|n| (file, *n)))
    };
    let places: usize = touched().map(|(_, n)| n).sum();
    let paths: Vec<PlannedPath> = touched()
        .map(|(file, _)| PlannedPath {
            path: file.path.clone(),
            expectation: PathExpectation::Exists,
        })
        .collect();
    let rationale = format!(
        "Rule {} ({}) matches {} in {} of {}.",
        rule.number,
        rule.change(),
        count(places, "place", "places"),
        count(paths.len(), "file", "files"),
        repo.name
    );
    Step {
        id: id.to_owned(),
        title: rule.title.clone(),
        repository: repo.repository.clone(),
        paths,
        rationale,
    }
}

fn scope(run: &Run) -> Scope {
    let touched = run.repos.iter().filter(|repo| !repo.files.is_empty());
    let part = |repo: &RepoRun| format!("{} of {}", count(repo.files.len(), "file", "files"), repo.name);
    Scope {
        includes: touched.map(part).collect(),
        non_goals: vec![
            "No file outside the listed ones.".to_owned(),
            "No change beyond what the rules say; nothing is formatted or tidied along the way.".to_owned(),
            "No file is added, moved or deleted.".to_owned(),
        ],
    }
}

fn acceptance(rules: &[Rule], run: &Run, second: &SecondRun) -> Vec<AcceptanceCriterion> {
    let mut texts = vec![
        "Every listed file is changed, and no other.".to_owned(),
        "Running all rules again on the result changes nothing.".to_owned(),
        "No file has a syntax error that it did not have before.".to_owned(),
    ];
    let settled = rules.iter().zip(&run.places).zip(&second.places);
    for ((rule, _), _) in settled.filter(|((_, before), after)| **before > 0 && **after == 0) {
        texts.push(format!(
            "No match of {} is left in the changed files.",
            rule.label()
        ));
    }
    let numbered = (1..).zip(texts);
    numbered
        .map(|(n, text)| AcceptanceCriterion {
            id: format!("a{n}"),
            text,
        })
        .collect()
}

/// The rewritten contents as diffs, with one claim per file. A claim names the step of `agreed` that lists
/// the file; a file that `agreed` does not list has none, and is refused later for being outside the plan.
pub(crate) fn proposals(rules: &[Rule], run: &Run, agreed: Option<&Plan>) -> Vec<RepoProposal> {
    let ids = step_ids(run);
    let mut proposals = Vec::new();
    for (repo_index, repo) in run
        .repos
        .iter()
        .enumerate()
        .filter(|(_, repo)| !repo.files.is_empty())
    {
        let mut diff = String::new();
        let mut rationales = Vec::new();
        for file in &repo.files {
            diff.push_str(&file_diff(&file.path, &file.before, &file.after));
            let own = file
                .by
                .keys()
                .next()
                .and_then(|first| ids.get(&(repo_index, *first)));
            let step = match (agreed, own) {
                (Some(plan), own) => listed(plan, &repo.repository, &file.path, own),
                (None, own) => own.cloned(),
            };
            let by = file.by.iter().map(|(rule, places)| claim(&rules[*rule], *places));
            let text = by.collect::<Vec<_>>().join("; ");
            rationales.extend(step.map(|step| Rationale {
                path: file.path.clone(),
                step,
                text: clip(&text),
            }));
        }
        proposals.push(RepoProposal {
            repository: repo.repository.clone(),
            diff,
            rationales,
        });
    }
    proposals
}

fn claim(rule: &Rule, places: usize) -> String {
    format!("{}: {}", rule.label(), count(places, "place", "places"))
}

/// The step of a plan that lists a file: the one of that id if it does, else the first.
fn listed(plan: &Plan, repository: &RepositoryId, path: &RepoPath, own: Option<&String>) -> Option<String> {
    let lists = |step: &&Step| step.repository == *repository && step.paths.iter().any(|p| p.path == *path);
    let steps: Vec<&Step> = plan.steps.iter().filter(lists).collect();
    let best = steps.iter().find(|step| Some(&step.id) == own).or(steps.first());
    best.map(|step| step.id.clone())
}
