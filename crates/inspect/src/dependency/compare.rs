//! Two versions of a manifest or lockfile held against each other: what moved, from where to where.

use super::kind::Kind;
use super::listing::{Guard, Listing, Origin, Package};
use super::version::order;
use countersign_core::dependency::{DependencyChange, DependencyMove, Ecosystem};
use countersign_core::path::RepoPath;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// What changed in one file.
#[derive(Debug, Default)]
pub(super) struct Difference {
    pub(super) steps: Vec<Step>,
    /// Settings that send packages elsewhere, each with a sentence.
    pub(super) sources: Vec<(String, String)>,
    /// Places that newly run a program, and what they say.
    pub(super) programs: Vec<(String, String)>,
    /// What held something back and is gone.
    pub(super) lost_guards: Vec<(String, Guard)>,
    /// Names of what else is said differently.
    pub(super) settings: Vec<String>,
}

/// One dependency that moved.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) change: DependencyChange,
    /// It is new and comes from a place that this file did not use before.
    pub(super) foreign: bool,
    /// It runs a program when it is installed, and did not before.
    pub(super) starts_script: bool,
    /// Both sides are packages of this repository.
    pub(super) own: bool,
    /// Only features, markers and the like differ.
    pub(super) only_extra: bool,
    /// Lockfiles don't hold it.
    pub(super) unlocked: bool,
}

/// Which file is compared.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) ecosystem: Ecosystem,
    pub(super) kind: Kind,
    pub(super) path: &'a RepoPath,
}

/// Holds two listings of one file against each other.
pub(super) fn compare(place: Place<'_>, before: &Listing, after: &Listing) -> Difference {
    let mut difference = Difference {
        steps: packages(place, before, after),
        ..Difference::default()
    };
    origins(place, before, after, &mut difference);
    for name in keys(&before.programs, &after.programs) {
        match (before.programs.get(name), after.programs.get(name)) {
            (_, None) => difference.settings.push(name.clone()),
            (old, Some(new)) if old != Some(new) => difference.programs.push((name.clone(), new.clone())),
            (_, Some(_)) => {}
        }
    }
    let lost = before
        .guards
        .iter()
        .filter(|(name, _)| !after.guards.contains_key(*name));
    difference.lost_guards = lost.map(|(name, guard)| (name.clone(), *guard)).collect();
    for name in keys(&before.settings, &after.settings) {
        if before.settings.get(name) != after.settings.get(name) {
            difference.settings.push(name.clone());
        }
    }
    difference.settings.sort();
    difference.settings.dedup();
    difference
}

fn keys<'a, V>(before: &'a BTreeMap<String, V>, after: &'a BTreeMap<String, V>) -> BTreeSet<&'a String> {
    before.keys().chain(after.keys()).collect()
}

fn origins(place: Place<'_>, before: &Listing, after: &Listing, difference: &mut Difference) {
    let known = origins_of(before);
    for name in keys(&before.origins, &after.origins) {
        let sentence = match (before.origins.get(name), after.origins.get(name)) {
            (old, new) if old == new => continue,
            (None, Some(new)) if is_foreign(place, &known, new) => {
                format!("`{name}` is set to {}", said(new))
            }
            (Some(old), Some(new)) => format!("`{name}` moves from {} to {}", said(old), said(new)),
            (Some(old @ Origin::Registry(url)), None) if url.contains("://") => {
                format!("`{name}`, which was {}, is gone", said(old))
            }
            (_, _) => {
                difference.settings.push(name.clone());
                continue;
            }
        };
        difference.sources.push((name.clone(), sentence));
    }
}

fn said(origin: &Origin) -> String {
    origin.text().unwrap_or_else(|| "the default registry".to_owned())
}

/// Every origin that a file names.
fn origins_of(listing: &Listing) -> BTreeSet<&Origin> {
    let packages = listing.packages.values().flatten().map(|package| &package.origin);
    listing.origins.values().chain(packages).collect()
}

/// Whether packages from there are something new: not the public registry, not this repository, not in use.
fn is_foreign(place: Place<'_>, known: &BTreeSet<&Origin>, origin: &Origin) -> bool {
    match origin {
        Origin::Default | Origin::Alias(_) => false,
        Origin::Path(path) => !origin.is_own() && leaves_repository(place.path, path),
        Origin::Registry(_) | Origin::Git(_) | Origin::Url(_) => !known.contains(origin),
    }
}

/// Whether a path that a file names leads out of the repository.
fn leaves_repository(file: &RepoPath, path: &str) -> bool {
    let path = ["file:", "link:", "portal:"]
        .iter()
        .fold(path, |path, scheme| path.strip_prefix(scheme).unwrap_or(path));
    if path.starts_with(['/', '~', '\\']) || path.contains(":\\") {
        return true;
    }
    let mut depth = file.parents().count();
    for part in path.split('/') {
        match part {
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            "" | "." => {}
            _ => depth += 1,
        }
    }
    false
}

fn packages(place: Place<'_>, before: &Listing, after: &Listing) -> Vec<Step> {
    let known = origins_of(before);
    let mut steps = Vec::new();
    for name in keys(&before.packages, &after.packages) {
        let side = |listing: &'_ Listing| listing.packages.get(name).cloned().unwrap_or_default();
        let (old, new) = (side(before), side(after));
        if old == new {
            continue;
        }
        let ran_scripts = old.iter().any(|p| p.runs_script);
        for (old, new) in pairs(place.ecosystem, old, new) {
            if let Some(what) = moved(place.ecosystem, old.as_ref(), new.as_ref()) {
                let both = [&old, &new];
                steps.push(Step {
                    foreign: old.is_none()
                        && new.as_ref().is_some_and(|p| is_foreign(place, &known, &p.origin)),
                    starts_script: !ran_scripts && new.as_ref().is_some_and(|p| p.runs_script),
                    own: both.into_iter().flatten().all(|p| p.origin.is_own()),
                    only_extra: matches!((&old, &new), (Some(a), Some(b)) if only_extra(a, b)),
                    unlocked: both.into_iter().flatten().all(|p| p.unlocked),
                    change: DependencyChange {
                        ecosystem: place.ecosystem,
                        path: place.path.clone(),
                        file: place.kind.file(),
                        name: name.clone(),
                        what,
                        before: old.as_ref().map(Package::state),
                        after: new.as_ref().map(Package::state),
                    },
                });
            }
        }
    }
    steps
}

fn only_extra(before: &Package, after: &Package) -> bool {
    let same = Package {
        extra: after.extra.clone(),
        ..before.clone()
    };
    same == *after
}

type Pair = (Option<Package>, Option<Package>);

/// Which package of one side became which of the other: equal ones first, then equal versions, then in order.
fn pairs(ecosystem: Ecosystem, old: Vec<Package>, new: Vec<Package>) -> Vec<Pair> {
    let (old, new) = without_equal(old, new);
    let mut by_version: BTreeMap<Option<String>, Vec<Package>> = BTreeMap::new();
    for package in old {
        by_version
            .entry(package.version.clone())
            .or_default()
            .push(package);
    }
    let mut found: Vec<Pair> = Vec::new();
    let mut rest_new = Vec::new();
    for package in new {
        match by_version.get_mut(&package.version).and_then(Vec::pop) {
            Some(before) => found.push((Some(before), Some(package))),
            None => rest_new.push(package),
        }
    }
    let mut rest_old: Vec<Package> = by_version.into_values().flatten().collect();
    let rising = |a: &Package, b: &Package| {
        let version = |p: &Package| p.version.clone().unwrap_or_default();
        order(ecosystem, &version(a), &version(b)).unwrap_or(Ordering::Equal)
    };
    rest_old.sort();
    rest_old.sort_by(rising);
    rest_new.sort();
    rest_new.sort_by(rising);
    let most = rest_old.len().max(rest_new.len());
    let (mut rest_old, mut rest_new) = (rest_old.into_iter(), rest_new.into_iter());
    found.extend((0..most).map(|_| (rest_old.next(), rest_new.next())));
    found
}

/// Both sides without what is equal in both, counted.
fn without_equal(old: Vec<Package>, new: Vec<Package>) -> (Vec<Package>, Vec<Package>) {
    let mut counts: BTreeMap<&Package, usize> = BTreeMap::new();
    for package in &old {
        *counts.entry(package).or_default() += 1;
    }
    let mut rest_new = Vec::new();
    let mut kept: BTreeMap<Package, usize> = BTreeMap::new();
    for package in &new {
        match counts.get_mut(package) {
            Some(count) if *count > 0 => {
                *count -= 1;
                *kept.entry(package.clone()).or_default() += 1;
            }
            Some(_) | None => rest_new.push(package.clone()),
        }
    }
    let rest_old = old.into_iter().filter(|package| match kept.get_mut(package) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        Some(_) | None => true,
    });
    (rest_old.collect(), rest_new)
}

fn moved(ecosystem: Ecosystem, old: Option<&Package>, new: Option<&Package>) -> Option<DependencyMove> {
    let (old, new) = match (old, new) {
        (Some(old), Some(new)) => (old, new),
        (None, Some(_)) => return Some(DependencyMove::Added),
        (Some(_), None) => return Some(DependencyMove::Removed),
        (None, None) => return None,
    };
    if old.origin != new.origin {
        return Some(DependencyMove::Source);
    }
    if old.version == new.version && old.integrity.is_broken_by(&new.integrity) {
        return Some(DependencyMove::Integrity);
    }
    let versions = (old.version.as_deref(), new.version.as_deref());
    let ordered = match versions {
        (Some(old), Some(new)) => order(ecosystem, old, new),
        (None, _) | (_, None) => None,
    };
    Some(match ordered {
        Some(Ordering::Less) => DependencyMove::Up,
        Some(Ordering::Greater) => DependencyMove::Down,
        Some(Ordering::Equal) | None => DependencyMove::Altered,
    })
}
