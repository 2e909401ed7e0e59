//! What a change does to dependencies: manifests, lockfiles and settings of cargo, npm, python, go and java.
//!
//! Only contents are read: no package manager runs, no registry is asked. What can't be read is said, and an old
//! side that can't be read counts as empty, so that everything on the new side is shown as added.

mod agree;
mod cargo;
mod compare;
mod go;
mod gradle;
mod kind;
mod listing;
mod maven;
mod npm;
mod pnpm;
mod python;
mod python_lock;
mod report;
#[cfg(test)]
mod tests;
mod update;
mod version;
mod yarn;

pub(crate) use kind::{Kind, kind_of};
pub(crate) use listing::Listing;

use crate::seen::Seen;
use crate::shown::shown;
use crate::{BaseView, Finding, Rule};
use compare::{Difference, Place, compare};
use countersign_core::dependency::DependencyChange;
use countersign_core::path::RepoPath;
use listing::{MAX_PACKAGES, clip};
use toml::{Table, Value};

/// Most dependency changes that are given in full.
pub const MAX_DEPENDENCY_CHANGES: usize = 5_000;

/// One changed manifest, lockfile or settings file, both sides read.
pub(crate) struct Compared<'a> {
    pub(crate) seen: &'a Seen<'a>,
    pub(crate) kind: Kind,
    pub(crate) before: Listing,
    pub(crate) after: Listing,
    difference: Difference,
    reading: Reading,
    old_was_read: bool,
}

/// How far a file could be read.
enum Reading {
    Whole,
    /// The new side could not be read; there is a finding.
    Broken,
    /// Known by name only.
    ByName,
}

/// Looks at every changed file that says what is pulled in.
pub(crate) fn compared<'a>(files: &'a [Seen<'a>], findings: &mut Vec<Finding>) -> Vec<Compared<'a>> {
    files
        .iter()
        .filter_map(|seen| compare_sides(seen, findings))
        .collect()
}

fn compare_sides<'a>(seen: &'a Seen<'a>, findings: &mut Vec<Finding>) -> Option<Compared<'a>> {
    let kind = kind_of(seen.path())?;
    let old_kind = seen.old_path().and_then(kind_of);
    let before = seen.old.filter(|_| old_kind == Some(kind));
    let before = before.and_then(|bytes| kind.read(bytes).ok());
    let old_was_read = before.is_some();
    let before = before.unwrap_or_default();
    let mut reading = if kind == Kind::Other {
        Reading::ByName
    } else {
        Reading::Whole
    };
    let after = match seen.new.map_or(Ok(Listing::default()), |bytes| kind.read(bytes)) {
        Ok(listing) if listing.len() <= MAX_PACKAGES => listing,
        Ok(_) => {
            let text = format!("The file names more than {MAX_PACKAGES} packages and was not compared.");
            findings.push(seen.finding(Rule::NotInspected, Vec::new(), text));
            reading = Reading::Broken;
            Listing::default()
        }
        Err(reason) => {
            let reason = shown(&reason.to_string());
            let text = format!("What this file pulls in could not be read: {reason}.");
            findings.push(seen.finding(Rule::NotInspected, Vec::new(), text));
            reading = Reading::Broken;
            Listing::default()
        }
    };
    let place = |ecosystem| Place {
        ecosystem,
        kind,
        path: seen.path(),
    };
    let difference = match (&reading, kind.ecosystem()) {
        (Reading::Whole, Some(ecosystem)) => compare(place(ecosystem), &before, &after),
        (Reading::Whole | Reading::Broken | Reading::ByName, _) => Difference::default(),
    };
    Some(Compared {
        seen,
        kind,
        before,
        after,
        difference,
        reading,
        old_was_read,
    })
}

/// A file that says what is pulled in, and lies elsewhere now: what was read there reads something else, or nothing.
fn renamed_away(seen: &Seen<'_>) -> Option<Finding> {
    let (old, new) = (seen.old_path()?, seen.new_path()?);
    kind_of(old).filter(|_| old != new)?;
    let text = match kind_of(new) {
        Some(_) => format!("What `{}` pulled in is said here now.", shown(&old.to_string())),
        None => format!(
            "`{}` got a name under which nothing reads what it pulls in.",
            shown(&old.to_string())
        ),
    };
    Some(seen.finding(Rule::DependencyChange, Vec::new(), text))
}

/// The findings on dependencies, and every dependency that moved.
pub(crate) fn inspect(
    files: &[Seen<'_>],
    compared: &[Compared<'_>],
    base: &BaseView<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<DependencyChange> {
    findings.extend(files.iter().filter_map(renamed_away));
    for one in compared {
        findings.extend(report::report(one));
    }
    findings.extend(agree::mismatches(compared, base));
    let steps = compared.iter().flat_map(|one| &one.difference.steps);
    let count = steps.clone().count();
    if count > MAX_DEPENDENCY_CHANGES {
        let message = format!("{count} dependencies change; only {MAX_DEPENDENCY_CHANGES} are listed.");
        findings.push(Finding {
            custom: None,
            severity: None,
            rule: Rule::NotInspected,
            path: None,
            blob: None,
            lines: Vec::new(),
            message,
        });
    }
    let steps = steps.filter(|step| !step.own);
    steps
        .take(MAX_DEPENDENCY_CHANGES)
        .map(|step| step.change.clone())
        .collect()
}

fn is_below_folder(path: &RepoPath, folder: &[u8]) -> bool {
    folder.is_empty() || path.parents().any(|parent| parent == folder)
}

/// Base files that tell whether changed manifests and lockfiles still fit: the lockfiles beside and above manifests, and
/// the manifests beside and below lockfiles.
pub(crate) fn wanted<'a>(base_paths: &'a [RepoPath], changed: &[&RepoPath]) -> Vec<&'a RepoPath> {
    let manifests: Vec<(Kind, &&RepoPath)> = changed
        .iter()
        .filter_map(|path| Some((kind_of(path)?, path)))
        .collect();
    let fits = |lock: &RepoPath, kind: Kind| {
        let folder = lock.parents().last().unwrap_or_default();
        manifests
            .iter()
            .any(|(manifest, path)| manifest.lockfiles().contains(&kind) && is_below_folder(path, folder))
    };
    let mut found: Vec<&RepoPath> = base_paths
        .iter()
        .filter(|path| kind_of(path).is_some_and(|kind| fits(path, kind)))
        .collect();
    found.extend(
        changed
            .iter()
            .flat_map(|lock| update::manifests(lock, base_paths)),
    );
    found
}

impl Compared<'_> {
    /// Whether both sides could be read, so that what is only on one of them is a change.
    pub(crate) fn compares_claims(&self) -> bool {
        matches!(self.reading, Reading::Whole) && self.old_was_read
    }
}

/// Notes a TOML file's settings, down to the second level.
fn toml_settings(table: &Table, listing: &mut Listing) {
    for (key, value) in table {
        match value {
            Value::Table(inner) => {
                inner
                    .iter()
                    .for_each(|(k, v)| listing.note(clip(format!("{key}.{k}")), clip(v.to_string())));
            }
            Value::String(_)
            | Value::Integer(_)
            | Value::Float(_)
            | Value::Boolean(_)
            | Value::Datetime(_)
            | Value::Array(_) => listing.note(clip(key), clip(value.to_string())),
        }
    }
}

/// Files that cargo runs before it builds: a new `build.rs` beside a manifest.
pub(crate) fn new_build_scripts(files: &[Seen<'_>], base: &BaseView<'_>) -> Vec<Finding> {
    let scripts: [(&[u8], Kind, &str); 2] = [
        (
            b"build.rs",
            Kind::CargoManifest,
            "Building runs a program: cargo compiles and runs this new `build.rs` before anything else.",
        ),
        (
            b"binding.gyp",
            Kind::NpmManifest,
            "Installing runs a program: npm builds what this new `binding.gyp` says, whatever commands are in it.",
        ),
    ];
    let beside = |seen: &Seen<'_>, kind| {
        let folder = seen.path().parents().last().unwrap_or_default();
        let manifest = |path: &RepoPath| {
            path.parents().last().unwrap_or_default() == folder && kind_of(path) == Some(kind)
        };
        base.paths.iter().any(manifest) || files.iter().filter_map(Seen::new_path).any(manifest)
    };
    let of = |(name, kind, text): (&[u8], Kind, &str)| {
        let is_script = |path: &RepoPath| path.parts().last() == Some(name);
        let new = files.iter().filter(|seen| {
            let new = seen.new_path().is_some_and(is_script);
            new && !seen.old_path().is_some_and(is_script) && beside(seen, kind)
        });
        new.map(|seen| seen.finding(Rule::InstallScript, vec![1], text.to_owned()))
            .collect::<Vec<_>>()
    };
    scripts.into_iter().flat_map(of).collect()
}
