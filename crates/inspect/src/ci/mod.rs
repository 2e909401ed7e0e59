//! What a change does to CI: steps that can't fail any more, and files that CI runs.
//!
//! CI files themselves are policy's (their paths are enough for that); here their contents count.

mod called;
mod shell;
mod steps;
#[cfg(test)]
mod tests;
mod weak;

use crate::seen::Seen;
use crate::{BaseView, Finding};
use countersign_core::path::RepoPath;

/// Most CI files of the base that are read.
pub(crate) const MAX_CI_FILES: usize = 200;

/// Everything of this kind in a change.
pub(crate) fn inspect(files: &[Seen<'_>], base: &BaseView<'_>) -> Vec<Finding> {
    let mut findings = weak::findings(files);
    findings.extend(called::findings(files, base));
    findings
}

/// The CI files of the base, and the files at its root that name what CI calls.
pub(crate) fn wanted(base_paths: &[RepoPath]) -> Vec<&RepoPath> {
    let ci = base_paths.iter().filter(|path| is_ci(path)).take(MAX_CI_FILES);
    let runners = base_paths
        .iter()
        .filter(|path| path.parents().count() == 0 && is_runner(path));
    ci.chain(runners).collect()
}

/// Files at the root in which commands have names.
fn is_runner(path: &RepoPath) -> bool {
    matches!(
        path.as_str(),
        Some("package.json" | "Makefile" | "makefile" | "GNUmakefile" | "justfile" | "Justfile")
    )
}

/// Whether CI systems read the file to know what to run.
pub(crate) fn is_ci(path: &RepoPath) -> bool {
    let Some(path) = path.as_str() else { return false };
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit('/').next().unwrap_or_default();
    let yaml = name.ends_with(".yml") || name.ends_with(".yaml");
    let below = |folders: &[&str]| folders.iter().any(|folder| lower.starts_with(folder));
    let folders = [
        ".github/workflows/",
        ".github/actions/",
        ".gitea/workflows/",
        ".forgejo/workflows/",
        ".gitlab/",
        ".circleci/",
        ".buildkite/",
        ".woodpecker/",
        ".azure-pipelines/",
        ".tekton/",
        ".semaphore/",
    ];
    if yaml && below(&folders) {
        return true;
    }
    let stem = name.trim_end_matches(".yaml").trim_end_matches(".yml");
    let stems = [
        ".gitlab-ci",
        ".travis",
        ".drone",
        ".woodpecker",
        ".cirrus",
        ".appveyor",
        "appveyor",
        "bitbucket-pipelines",
        "azure-pipelines",
        "cloudbuild",
        "buildspec",
    ];
    (yaml && (stems.contains(&stem) || name.starts_with("azure-pipelines") || name.contains(".gitlab-ci.")))
        || name.starts_with("jenkinsfile")
}

/// Whether the file is YAML, which tells steps apart.
fn is_yaml(path: &RepoPath) -> bool {
    path.as_str()
        .is_some_and(|path| path.ends_with(".yml") || path.ends_with(".yaml"))
}
