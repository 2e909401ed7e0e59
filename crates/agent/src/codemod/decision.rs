//! Triage and architecture of a run of rules: from facts to sentences.

use super::form::{How, Rule};
use super::run::Run;
use crate::language::Language;
use crate::text::{clip, count};
use countersign_core::artifact::{Architecture, TriageDecision, Verdict};
use countersign_core::path::RepoPath;
use std::collections::BTreeMap;

/// What a second run over the result of the first one does.
pub(crate) struct SecondRun {
    /// Files that it would change again.
    pub(crate) unsettled: Vec<String>,
    /// Per rule: places that it still finds.
    pub(crate) places: Vec<usize>,
}

/// The rules can't be used before a human answers.
pub(crate) fn ask(missing: String) -> TriageDecision {
    TriageDecision {
        verdict: Verdict::Ask,
        summary: "The rules can't be run as they are.".to_owned(),
        reasons: vec!["Nothing is guessed about rules that can't be run.".to_owned()],
        risks: vec![],
        unknowns: vec![],
        missing: vec![clip(&missing)],
    }
}

/// GO when a file changes, else NO-GO.
pub(crate) fn triage(rules: &[Rule], run: &Run, second: &SecondRun) -> TriageDecision {
    let steps = count(rules.len(), "rule", "rules");
    if run.changed() == 0 {
        return no_go(rules, run, steps);
    }
    let repos: Vec<String> = touched_repositories(run);
    let files = count(run.changed(), "file", "files");
    let mut unknowns = run.unknowns.clone();
    unknowns.extend(idle(rules, run));
    TriageDecision {
        verdict: Verdict::Go,
        summary: format!("Run {steps}; {files} in {} change.", repos.join(", ")),
        reasons: rules
            .iter()
            .zip(&run.places)
            .filter(|(_, n)| **n > 0)
            .map(|(rule, n)| found(rule, *n))
            .collect(),
        risks: risks(rules, run, second),
        unknowns,
        missing: vec![],
    }
}

fn no_go(rules: &[Rule], run: &Run, steps: String) -> TriageDecision {
    let mut reasons = idle(rules, run);
    let busy = rules.iter().zip(&run.places).filter(|(_, n)| **n > 0);
    reasons.extend(busy.map(|(rule, n)| format!("{}, and the files stay as they are", found(rule, *n))));
    TriageDecision {
        verdict: Verdict::NoGo,
        summary: format!("{steps}, and no file would change."),
        reasons,
        risks: vec![],
        unknowns: run.unknowns.clone(),
        missing: vec![],
    }
}

fn found(rule: &Rule, places: usize) -> String {
    format!("{} matches {}", rule.label(), count(places, "place", "places"))
}

fn idle(rules: &[Rule], run: &Run) -> Vec<String> {
    let idle = rules.iter().zip(&run.places).filter(|(_, n)| **n == 0);
    idle.map(|(rule, _)| format!("{} of {} matches nothing", rule.label(), rule.place))
        .collect()
}

fn risks(rules: &[Rule], run: &Run, second: &SecondRun) -> Vec<String> {
    let mut risks =
        vec!["The rules know syntax and text, not meaning; nobody has run the result.".to_owned()];
    let used = || {
        rules
            .iter()
            .zip(&run.places)
            .filter(|(_, n)| **n > 0)
            .map(|(rule, _)| rule)
    };
    if used().any(|rule| matches!(rule.how, How::Plain(_))) {
        risks.push(
            "Plain search and replace does not understand code: strings and comments change too.".to_owned(),
        );
    }
    let rust = |rule: &Rule| match &rule.how {
        How::Structural(structural) => structural.reads_rust(),
        How::Plain(_) => false,
    };
    if used().any(rust) && touched_languages(run).contains_key("rust") {
        let text = "Structural rules do not see into Rust macro calls such as `assert_eq!(…)`.";
        risks.push(text.to_owned());
    }
    if !second.unsettled.is_empty() {
        risks.push(format!(
            "The rules change their own result when they run again ({}); the critic will reject that.",
            crate::text::some_of(&second.unsettled)
        ));
    }
    risks
}

/// Which parts of which repositories are touched.
pub(crate) fn architecture(run: &Run) -> Architecture {
    let repos = touched_repositories(run);
    let summary = format!(
        "The same rules rewrite {} in {}; no file is added, moved or deleted.",
        count(run.changed(), "file", "files"),
        count(repos.len(), "repository", "repositories")
    );
    let mut components = Vec::new();
    for repo in run.repos.iter().filter(|repo| !repo.files.is_empty()) {
        let mut parts: BTreeMap<(String, &str), usize> = BTreeMap::new();
        for file in &repo.files {
            *parts
                .entry((folder(&file.path), language(&file.path)))
                .or_default() += 1;
        }
        let parts = parts
            .iter()
            .map(|((dir, lang), n)| format!("{dir} ({lang}, {})", count(*n, "file", "files")));
        components.push(format!("{}: {}", repo.name, parts.collect::<Vec<_>>().join(", ")));
    }
    Architecture { summary, components }
}

fn touched_repositories(run: &Run) -> Vec<String> {
    run.repos
        .iter()
        .filter(|repo| !repo.files.is_empty())
        .map(|repo| repo.name.clone())
        .collect()
}

fn touched_languages(run: &Run) -> BTreeMap<&'static str, usize> {
    let mut languages = BTreeMap::new();
    for file in run.repos.iter().flat_map(|repo| &repo.files) {
        *languages.entry(language(&file.path)).or_default() += 1;
    }
    languages
}

fn language(path: &RepoPath) -> &'static str {
    Language::of_path(path).map_or("text", Language::name)
}

/// The first folder of a path, or the root.
pub(crate) fn folder(path: &RepoPath) -> String {
    match path.parents().next() {
        Some(first) => format!("{}/", RepoPath::from_bytes(first)),
        None => "the root folder".to_owned(),
    }
}
