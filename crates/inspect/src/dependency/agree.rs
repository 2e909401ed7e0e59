//! Whether manifests and lockfiles tell the same story.
//!
//! No package manager is asked: a lockfile that moves without a manifest, a manifest that moves without its
//! lockfile, and a name that only the manifest has are said; whether a lockfile could be resolved is CI's to show.

use super::compare::Step;
use super::kind::{Kind, kind_of};
use super::listing::{Listing, Origin};
use super::update::is_update;
use super::{Compared, Reading, is_below_folder};
use crate::shown::{listed, shown};
use crate::{BaseView, Finding, Rule};
use countersign_core::dependency::{DependencyFile, DependencyMove, Ecosystem};
use countersign_core::path::RepoPath;
use std::collections::BTreeMap;

/// Findings on manifests and lockfiles that don't fit each other.
pub(super) fn mismatches(compared: &[Compared<'_>], base: &BaseView<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut lockfiles = Lockfiles::of(base);
    for one in compared {
        match one.kind.file() {
            DependencyFile::Lockfile => findings.extend(unexplained(one, compared, base)),
            DependencyFile::Manifest => {
                findings.extend(left_behind(one, compared, &mut lockfiles));
                findings.extend(not_locked(one, compared));
            }
            DependencyFile::Settings => {}
        }
    }
    findings
}

/// A lockfile whose packages move although nothing asks for it.
fn unexplained(lock: &Compared<'_>, compared: &[Compared<'_>], base: &BaseView<'_>) -> Option<Finding> {
    let moved: Vec<&Step> = lock.difference.steps.iter().filter(|step| !step.own).collect();
    if moved.is_empty() || lock.kind == Kind::GoSum && !changes_content(&moved) {
        return None;
    }
    let folder = folder_of(lock.seen.path());
    let explained = compared.iter().any(|other| {
        let same =
            other.kind.ecosystem() == lock.kind.ecosystem() && other.kind.file() != DependencyFile::Lockfile;
        same && is_below_folder(other.seen.path(), folder) && explains(other)
    });
    let names: Vec<String> = moved.iter().map(|step| step.change.to_string()).collect();
    let text = format!(
        "The lockfile changes and no manifest asks for it: {}.",
        listed(&names)
    );
    let ordinary = || is_update(lock, &moved, compared, base);
    (!explained && !ordinary()).then(|| lock.seen.finding(Rule::LockfileMismatch, Vec::new(), text))
}

/// `go.sum` only ever has to grow; hashes of a version that go.mod names are what counts.
fn changes_content(moved: &[&Step]) -> bool {
    moved
        .iter()
        .any(|step| step.change.what == DependencyMove::Integrity)
}

fn explains(manifest: &Compared<'_>) -> bool {
    const WORDS: [&str; 16] = [
        "workspace",
        "members",
        "name",
        "version",
        "engines",
        "packageManager",
        "overrides",
        "resolutions",
        "features",
        "python",
        "toolchain",
        "resolver",
        "source",
        "dependencies",
        "Dependencies",
        "catalog",
    ];
    let difference = &manifest.difference;
    let named = |name: &String| {
        WORDS.iter().any(|word| name.contains(word)) || name == "go" || name.starts_with("use ")
    };
    !difference.steps.is_empty()
        || !difference.sources.is_empty()
        || manifest.seen.old.is_none()
        || manifest.seen.new.is_none()
        || difference.settings.iter().any(named)
}

fn folder_of(path: &RepoPath) -> &[u8] {
    path.parents().last().unwrap_or_default()
}

/// The lockfiles of the base, each read at most once.
struct Lockfiles<'a> {
    base: &'a BaseView<'a>,
    paths: Vec<(Kind, &'a RepoPath)>,
    read: BTreeMap<&'a RepoPath, Option<Listing>>,
}

impl<'a> Lockfiles<'a> {
    fn of(base: &'a BaseView<'a>) -> Self {
        let locks = base.paths.iter().filter_map(|path| Some((kind_of(path)?, path)));
        Self {
            base,
            paths: locks
                .filter(|(kind, _)| kind.file() == DependencyFile::Lockfile)
                .collect(),
            read: BTreeMap::new(),
        }
    }

    /// The lockfile beside a manifest, or the nearest one above it.
    fn nearest(&self, manifest: &Compared<'_>) -> Option<(Kind, &'a RepoPath)> {
        let fits = |(kind, path): &&(Kind, &RepoPath)| {
            manifest.kind.lockfiles().contains(kind) && is_below_folder(manifest.seen.path(), folder_of(path))
        };
        self.paths
            .iter()
            .filter(fits)
            .max_by_key(|(_, path)| path.parents().count())
            .copied()
    }

    /// What a lockfile says; none where it was not or can't be read.
    fn listing(&mut self, kind: Kind, path: &'a RepoPath) -> Option<&Listing> {
        let base = self.base;
        let read = || base.files.get(path).and_then(|bytes| kind.read(bytes).ok());
        self.read.entry(path).or_insert_with(read).as_ref()
    }
}

/// A manifest whose dependencies change while the lockfile beside or above it stays as it was.
fn left_behind(
    manifest: &Compared<'_>,
    compared: &[Compared<'_>],
    lockfiles: &mut Lockfiles<'_>,
) -> Option<Finding> {
    manifest.seen.new?;
    let (kind, lock) = lockfiles.nearest(manifest)?;
    if compared.iter().any(|other| other.seen.old_path() == Some(lock)) {
        return None;
    }
    let Some(locked) = lockfiles.listing(kind, lock) else {
        let text = format!(
            "`{}` can't be read, so it is unknown whether it still fits.",
            shown(&lock.to_text())
        );
        return Some(manifest.seen.finding(Rule::NotInspected, Vec::new(), text));
    };
    if !covers(locked, kind, manifest, lock) {
        return None;
    }
    let steps = manifest.difference.steps.iter();
    let stale = steps.filter(|step| has_to_show(step, manifest, kind, locked));
    let names: Vec<String> = stale.map(|step| step.change.to_string()).collect();
    let text = format!(
        "`{}` does not change along: {}.",
        shown(&lock.to_text()),
        listed(&names)
    );
    (!names.is_empty()).then(|| manifest.seen.finding(Rule::LockfileMismatch, Vec::new(), text))
}

/// Whether a lockfile is about this manifest: it lies beside it, or names it as one of its own.
fn covers(locked: &Listing, kind: Kind, manifest: &Compared<'_>, lock: &RepoPath) -> bool {
    let (here, there) = (folder_of(manifest.seen.path()), folder_of(lock));
    if here == there {
        return true;
    }
    let below = here.strip_prefix(there).unwrap_or(here);
    let below = String::from_utf8_lossy(below);
    let by_name = || {
        let name = manifest.before.settings.get("package.name");
        name.is_some_and(|name| locked.members.contains(name.trim_matches('"')))
    };
    if kind == Kind::CargoLock {
        return by_name();
    }
    !matches!(kind, Kind::GoSum | Kind::GradleLock) && locked.members.contains(below.trim_start_matches('/'))
}

/// Whether a step of a manifest can't go without a change of the lockfile.
fn has_to_show(step: &Step, manifest: &Compared<'_>, kind: Kind, locked: &Listing) -> bool {
    let name = &step.change.name;
    let has = |listing: &Listing| listing.packages.contains_key(name);
    let appears_or_goes = has(&manifest.before) != has(&manifest.after);
    let wanted = step
        .change
        .after
        .as_ref()
        .and_then(|state| state.version.as_deref());
    if step.own || step.unlocked {
        return false;
    }
    if kind == Kind::CargoLock {
        let satisfied = || locks(locked, name, |version| satisfies(wanted.unwrap_or("*"), version));
        let outgrown = !step.only_extra && step.change.after.is_some() && !satisfied();
        return appears_or_goes || step.change.what == DependencyMove::Source || outgrown;
    }
    if kind == Kind::GoSum {
        return step.change.after.is_some() && !locks(locked, name, |version| Some(version) == wanted);
    }
    let first_npm = kind == Kind::NpmLock && locked.settings.get("lockfileVersion").is_some_and(|v| v == "1");
    appears_or_goes || !first_npm
}

fn locks(locked: &Listing, name: &str, accept: impl Fn(&str) -> bool) -> bool {
    let versions = locked.packages.get(name).into_iter().flatten();
    versions
        .filter_map(|package| package.version.as_deref())
        .any(accept)
}

/// Cargo's rule, by the semver crate; what can't be parsed is satisfied by nothing.
fn satisfies(requirement: &str, version: &str) -> bool {
    let version = version.split(' ').next().unwrap_or(version);
    match (
        semver::VersionReq::parse(requirement),
        semver::Version::parse(version),
    ) {
        (Ok(requirement), Ok(version)) => requirement.matches(&version),
        (Err(_), _) | (_, Err(_)) => false,
    }
}

/// A new direct dependency that the lockfile, which changes too, does not have.
fn not_locked(manifest: &Compared<'_>, compared: &[Compared<'_>]) -> Option<Finding> {
    let folder = folder_of(manifest.seen.path());
    let lock = compared.iter().find(|other| {
        manifest.kind.lockfiles().contains(&other.kind)
            && folder_of(other.seen.path()) == folder
            && matches!(other.reading, Reading::Whole)
            && other.seen.new.is_some()
    })?;
    let missing = manifest.difference.steps.iter().filter(|step| {
        let origin = manifest
            .after
            .packages
            .get(&step.change.name)
            .into_iter()
            .flatten()
            .map(|p| &p.origin);
        let elsewhere = origin
            .into_iter()
            .any(|o| matches!(o, Origin::Path(_) | Origin::Alias(_)));
        let plain = step.change.ecosystem != Ecosystem::Npm || !step.change.name.contains(' ');
        step.change.what == DependencyMove::Added
            && plain
            && !elsewhere
            && !step.unlocked
            && !lock.after.packages.contains_key(&step.change.name)
    });
    let names: Vec<&str> = missing.map(|step| step.change.name.as_str()).collect();
    let text = format!(
        "The manifest asks for what the lockfile does not have: {}.",
        listed(&names)
    );
    (!names.is_empty()).then(|| manifest.seen.finding(Rule::LockfileMismatch, Vec::new(), text))
}
