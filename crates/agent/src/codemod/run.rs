//! One run of the rules over all repositories: which files change, how, and by which rule. Nothing is
//! written; the result is the dry run of the plan, the diff of the coder, and the second look of the critic.

use super::budget::{Budget, OverLimit};
use super::form::{How, Rule};
use super::structural::Skip;
use crate::answer::snapshot_failed;
use crate::language::FILE_MAX_BYTES;
use crate::offload::Stop;
use crate::text::{count, some_of};
use countersign_core::diff::FileMode;
use countersign_core::id::RepositoryId;
use countersign_core::path::RepoPath;
use countersign_ports::agent::{AgentError, AgentRepo};
use std::collections::BTreeMap;

/// How far into a file git looks for a NUL byte.
const BINARY_PROBE_BYTES: usize = 8_000;

/// Why a run has no result.
#[derive(Debug)]
pub(crate) enum RunError {
    /// A bound was reached: the rules have to be narrowed.
    OverLimit(OverLimit),
    /// A file could not be read, or nobody waits any more.
    Agent(AgentError),
}

impl From<OverLimit> for RunError {
    fn from(over: OverLimit) -> Self {
        RunError::OverLimit(over)
    }
}

impl From<AgentError> for RunError {
    fn from(error: AgentError) -> Self {
        RunError::Agent(error)
    }
}

/// A file whose content is another one after the run.
pub(crate) struct ChangedFile {
    /// Where.
    pub(crate) path: RepoPath,
    /// Content at the base.
    pub(crate) before: String,
    /// Content after all rules.
    pub(crate) after: String,
    /// Rules (by index) that changed it → places.
    pub(crate) by: BTreeMap<usize, usize>,
}

/// One repository's part of a run.
pub(crate) struct RepoRun {
    /// Which.
    pub(crate) repository: RepositoryId,
    /// Its short name.
    pub(crate) name: String,
    /// Changed files, sorted by path.
    pub(crate) files: Vec<ChangedFile>,
}

/// What a run found.
pub(crate) struct Run {
    /// Per repository, in the workflow's order.
    pub(crate) repos: Vec<RepoRun>,
    /// Per rule: how many places it found.
    pub(crate) places: Vec<usize>,
    /// Files that were left out, in sentences.
    pub(crate) unknowns: Vec<String>,
}

impl Run {
    /// How many files change.
    pub(crate) fn changed(&self) -> usize {
        self.repos.iter().map(|repo| repo.files.len()).sum()
    }
}

/// Runs the rules over the base of every repository.
///
/// # Errors
/// When a bound is reached, a file can't be read, or nobody waits any more.
pub(crate) fn run(rules: &[Rule], repositories: &[AgentRepo], stop: &Stop) -> Result<Run, RunError> {
    let mut runner = Runner {
        rules,
        budget: Budget::default(),
        places: vec![0; rules.len()],
    };
    let mut repos = Vec::new();
    let mut unknowns = Vec::new();
    for repo in repositories {
        let mut left_out = LeftOut::default();
        let files = runner.repository(repo, &mut left_out, stop)?;
        repos.push(RepoRun {
            repository: repo.id.clone(),
            name: repo.name.clone(),
            files,
        });
        unknowns.extend(left_out.sentences(&repo.name));
    }
    Ok(Run {
        repos,
        places: runner.places,
        unknowns,
    })
}

/// Runs the rules over one text, as if it were that file: the critic's and the triage's second run.
///
/// # Errors
/// When a bound is reached.
pub(crate) fn run_text(
    rules: &[Rule],
    repo: &str,
    path: &RepoPath,
    text: &str,
    places: &mut [usize],
) -> Result<Option<String>, OverLimit> {
    let mut runner = Runner {
        rules,
        budget: Budget::default(),
        places: vec![0; rules.len()],
    };
    let (after, _) = runner.text(repo, path, text, &mut LeftOut::default())?;
    for (total, more) in places.iter_mut().zip(runner.places) {
        *total += more;
    }
    Ok(after.filter(|after| after != text))
}

struct Runner<'a> {
    rules: &'a [Rule],
    budget: Budget,
    places: Vec<usize>,
}

impl Runner<'_> {
    fn repository(
        &mut self,
        repo: &AgentRepo,
        left_out: &mut LeftOut,
        stop: &Stop,
    ) -> Result<Vec<ChangedFile>, RunError> {
        let mut changed = Vec::new();
        for entry in repo.snapshot.entries() {
            let is_file = matches!(entry.mode, FileMode::Regular | FileMode::Executable);
            let covering: Vec<&Rule> = self
                .rules
                .iter()
                .filter(|rule| rule.covers(&repo.name, &entry.path).is_some())
                .collect();
            if !is_file || covering.is_empty() {
                continue;
            }
            stop.check()?;
            self.budget.file()?;
            let named = covering.iter().any(|rule| rule.files.is_some());
            let content = repo
                .snapshot
                .read(&entry.path)
                .map_err(|e| snapshot_failed(repo, &e))?;
            let Some(before) = content.and_then(|bytes| left_out.text_of(bytes, &entry.path, named)) else {
                continue;
            };
            let (after, by) = self.text(&repo.name, &entry.path, &before, left_out)?;
            if let Some(after) = after.filter(|after| *after != before) {
                changed.push(ChangedFile {
                    path: entry.path.clone(),
                    before,
                    after,
                    by,
                });
            }
        }
        Ok(changed)
    }

    /// All rules on one text, in order; `None` where no rule found anything.
    fn text(
        &mut self,
        repo: &str,
        path: &RepoPath,
        text: &str,
        left_out: &mut LeftOut,
    ) -> Result<(Option<String>, BTreeMap<usize, usize>), OverLimit> {
        let mut current: Option<String> = None;
        let mut by = BTreeMap::new();
        for (index, rule) in self.rules.iter().enumerate() {
            let Some(language) = rule.covers(repo, path) else {
                continue;
            };
            let input = current.as_deref().unwrap_or(text);
            let (after, places) = match (&rule.how, language) {
                (How::Plain(plain), _) => plain.rewrite(input, &mut self.budget)?,
                (How::Structural(_), None) => continue,
                (How::Structural(structural), Some(language)) => {
                    match structural.rewrite(language, input, &mut self.budget) {
                        Ok(done) => done,
                        Err(Skip::OverLimit(over)) => return Err(over),
                        Err(Skip::NoTree(why)) => {
                            left_out.add(why.0, path);
                            continue;
                        }
                    }
                }
            };
            self.places[index] += places;
            if after.as_deref().is_some_and(|after| after != input) {
                by.insert(index, places);
                current = after;
            }
        }
        Ok((current, by))
    }
}

/// Files that rules are about and that were not looked at, by reason.
#[derive(Default)]
struct LeftOut(BTreeMap<&'static str, Vec<String>>);

impl LeftOut {
    fn add(&mut self, reason: &'static str, path: &RepoPath) {
        let paths = self.0.entry(reason).or_default();
        let text = path.to_text();
        if paths.last() != Some(&text) {
            paths.push(text);
        }
    }

    /// The content as text, unless it is too large or no text. That a file is no text is only worth saying
    /// where a glob named it.
    fn text_of(&mut self, bytes: Vec<u8>, path: &RepoPath, named: bool) -> Option<String> {
        if bytes.len() > FILE_MAX_BYTES {
            self.add("larger than 2 MiB", path);
            return None;
        }
        let binary = bytes.iter().take(BINARY_PROBE_BYTES).any(|b| *b == 0);
        match String::from_utf8(bytes) {
            Ok(text) if !binary => return Some(text),
            Ok(_) | Err(_) if named => self.add(if binary { "binary" } else { "not UTF-8" }, path),
            Ok(_) | Err(_) => {}
        }
        None
    }

    fn sentences(&self, repo: &str) -> Vec<String> {
        let sentence = |(reason, paths): (&&'static str, &Vec<String>)| {
            let files = count(paths.len(), "file", "files");
            format!(
                "{files} of {repo} not looked at, because {reason}: {}",
                some_of(paths)
            )
        };
        self.0.iter().map(sentence).collect()
    }
}
