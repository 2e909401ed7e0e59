//! Content that shows otherwise than it is: hidden characters, look-alike names, attributes, pointers, generated files.

mod attributes;
mod characters;
mod generated;
mod names;
mod pointers;
#[cfg(test)]
mod tests;

pub(crate) use attributes::Attributes;
#[cfg(test)]
pub(crate) use attributes::parse;

use crate::seen::Seen;
use crate::{BaseView, Finding};
use countersign_core::path::RepoPath;

/// Everything of this kind that the change brings in.
pub(crate) fn inspect(files: &[Seen<'_>], base: &BaseView<'_>) -> Vec<Finding> {
    let attributes = Attributes::read(base);
    let mut findings = Vec::new();
    for seen in files {
        findings.extend(characters::findings(seen));
        findings.extend(names::findings(seen));
        findings.extend(attributes::findings(seen));
        findings.extend(pointers::findings(seen));
        findings.extend(generated::finding(seen, &attributes));
    }
    findings
}

/// The attribute files of the base that hold for the changed paths.
pub(crate) fn wanted<'a>(base_paths: &'a [RepoPath], changed: &[&RepoPath]) -> Vec<&'a RepoPath> {
    let holds = |file: &RepoPath| {
        let folder = file.parents().last().unwrap_or_default();
        folder.is_empty()
            || changed
                .iter()
                .any(|path| path.parents().any(|parent| parent == folder))
    };
    base_paths
        .iter()
        .filter(|path| attributes::is_attributes(path) && holds(path))
        .collect()
}
