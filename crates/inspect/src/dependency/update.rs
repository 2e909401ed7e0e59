//! Lockfiles that change alone in the way updates do: versions rise within what the manifests ask for.
//!
//! Only what can be told purely counts: cargo and npm, every manifest at hand and unchanged, every step a rise of a
//! package that comes from the registry that it came from before. All else stays a mismatch.

use super::compare::Step;
use super::kind::{Kind, kind_of};
use super::listing::{Listing, Origin};
use super::{Compared, is_below_folder};
use crate::BaseView;
use countersign_core::dependency::{DependencyMove, DependencyState};
use countersign_core::path::RepoPath;
use semver::{Version, VersionReq};

/// Most manifests that are read to judge one lockfile; with more of them nothing is told.
const MANIFESTS_MAX: usize = 100;

/// The manifests that a lockfile is about, as far as its kind is judged here; none where there are too many.
pub(super) fn manifests<'a>(lock: &RepoPath, base_paths: &'a [RepoPath]) -> Vec<&'a RepoPath> {
    let wanted = match kind_of(lock) {
        Some(Kind::CargoLock) => Kind::CargoManifest,
        Some(Kind::NpmLock) => Kind::NpmManifest,
        Some(_) | None => return Vec::new(),
    };
    let folder = lock.parents().last().unwrap_or_default();
    let found: Vec<&RepoPath> = base_paths
        .iter()
        .filter(|path| kind_of(path) == Some(wanted) && is_below_folder(path, folder))
        .take(MANIFESTS_MAX + 1)
        .collect();
    match found.len() {
        0..=MANIFESTS_MAX => found,
        _ => Vec::new(),
    }
}

/// Whether a lockfile's steps are those of an update within what its manifests ask for.
pub(super) fn is_update(
    lock: &Compared<'_>,
    moved: &[&Step],
    compared: &[Compared<'_>],
    base: &BaseView<'_>,
) -> bool {
    if lock.seen.old.is_none() || lock.seen.new.is_none() || !lock.difference.settings.is_empty() {
        return false;
    }
    let paths = manifests(lock.seen.path(), base.paths);
    let changes = |path: &RepoPath| {
        compared
            .iter()
            .any(|other| other.seen.old_path() == Some(path) || other.seen.new_path() == Some(path))
    };
    if paths.is_empty() || paths.iter().any(|path| changes(path)) {
        return false;
    }
    let read = |path: &&RepoPath| kind_of(path)?.read(base.files.get(*path)?).ok();
    let Some(manifests) = paths.iter().map(read).collect::<Option<Vec<Listing>>>() else {
        return false;
    };
    moved.iter().all(|step| rises_within(lock.kind, step, &manifests))
}

fn rises_within(kind: Kind, step: &Step, manifests: &[Listing]) -> bool {
    let change = &step.change;
    let (Some(before), Some(after)) = (&change.before, &change.after) else {
        return false;
    };
    let same_registry = before.source == after.source
        && after
            .source
            .as_ref()
            .is_none_or(|source| source.starts_with("registry "));
    if change.what != DependencyMove::Up || step.starts_script || !same_registry {
        return false;
    }
    let (Some(before), Some(after)) = (version(before), version(after)) else {
        return false;
    };
    let asked = manifests
        .iter()
        .flat_map(|m| m.packages.get(&change.name).into_iter().flatten());
    let mut within = false;
    for package in asked {
        match &package.origin {
            Origin::Default | Origin::Registry(_) => {}
            Origin::Git(_) | Origin::Url(_) | Origin::Path(_) | Origin::Alias(_) => return false,
        }
        // Without one of its own it takes what the workspace says, which is asked as well.
        let Some(text) = &package.version else { continue };
        let Some(asked) = requirement(kind, text) else {
            return false;
        };
        if asked.iter().any(|r| r.matches(&before)) {
            if !asked.iter().any(|r| r.matches(&after)) {
                return false;
            }
            within = true;
        }
    }
    // Nobody here asks for that version: some package does, and it asked for something compatible.
    within || compatible(&before, &after)
}

fn version(state: &DependencyState) -> Option<Version> {
    Version::parse(state.version.as_deref()?).ok()
}

/// Cargo's caret: what follows the leftmost part that is not zero may rise.
fn compatible(before: &Version, after: &Version) -> bool {
    VersionReq::parse(&format!("^{before}")).is_ok_and(|caret| caret.matches(after))
}

/// What a manifest's text asks for: one of these; none where it can't be told.
fn requirement(kind: Kind, text: &str) -> Option<Vec<VersionReq>> {
    if kind == Kind::CargoLock {
        Some(vec![VersionReq::parse(text).ok()?])
    } else if kind == Kind::NpmLock {
        text.split("||").map(npm_range).collect()
    } else {
        None
    }
}

/// One of npm's ranges without hyphens and tags: comparators with blanks between them; a bare version is exactly that.
fn npm_range(text: &str) -> Option<VersionReq> {
    let text = text.trim();
    if text.is_empty() || text == "*" {
        return Some(VersionReq::STAR);
    }
    let comparators: Option<Vec<String>> = text
        .split_whitespace()
        .map(|word| match word.as_bytes().first()? {
            b'0'..=b'9' => Some(format!("={word}")),
            b'^' | b'~' | b'<' | b'>' | b'=' => word
                .ends_with(|c: char| c.is_ascii_alphanumeric())
                .then(|| word.to_owned()),
            _ => None,
        })
        .collect();
    VersionReq::parse(&comparators?.join(", ")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn npm_s_ranges_are_read_as_npm_reads_them() {
        let cases = [
            ("^1.2.3", "1.9.0", true),
            ("^1.2.3", "2.0.0", false),
            ("~1.2.3", "1.3.0", false),
            ("1.2.3", "1.2.4", false),
            ("1.2", "1.2.9", true),
            ("1.x", "1.9.0", true),
            (">=1.2.0 <2.0.0", "1.9.0", true),
            (">=1.2.0 <2.0.0", "2.0.0", false),
            ("^1.0.0 || ^2.0.0", "2.4.0", true),
            ("*", "9.0.0", true),
        ];
        for (range, version, within) in cases {
            let version = Version::parse(version).unwrap();
            let asked = requirement(Kind::NpmLock, range).unwrap();
            assert_eq!(
                asked.iter().any(|r| r.matches(&version)),
                within,
                "{range} {version}"
            );
        }
        for unknown in ["latest", "1.2.3 - 2.3.4", "> 1", "npm:a@1"] {
            assert_eq!(requirement(Kind::NpmLock, unknown), None, "{unknown}");
        }
    }
}
