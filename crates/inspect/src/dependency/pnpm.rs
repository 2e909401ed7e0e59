//! pnpm: `pnpm-lock.yaml` (versions 5 to 9), `pnpm-workspace.yaml`.
//!
//! Source: pnpm.io/pnpm-workspace_yaml, github.com/pnpm/spec (lockfile).

use super::listing::{Guard, Listing, Origin, Package, clip};
use super::npm::{locked, required};
use crate::unreadable::{Unreadable, text};
use crate::yaml::{Node, Yaml};

/// Reads a `pnpm-lock.yaml`.
pub(super) fn lockfile(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let yaml = Yaml::parse(text(bytes)?)?;
    let root = yaml.root().ok_or(Unreadable::Missing("content"))?;
    let mut listing = Listing::default();
    if root.get("lockfileVersion").is_none() {
        return Err(Unreadable::Missing("lockfileVersion"));
    }
    for (key, entry) in root.get("packages").into_iter().flat_map(Node::entries) {
        let key = key.text().unwrap_or_default();
        let (name, version) = name_and_version(key);
        let name = entry.get_text("name").unwrap_or(name);
        let version = entry.get_text("version").unwrap_or(version);
        let mut package = resolution(name, version, entry);
        package.runs_script = entry.get_text("requiresBuild") == Some("true");
        listing.add(name, package);
    }
    for section in [
        "importers",
        "specifiers",
        "overrides",
        "patchedDependencies",
        "catalogs",
        "settings",
    ] {
        for (key, value) in root.get(section).into_iter().flat_map(Node::entries) {
            listing.note(clip(format!("{section}.{}", key.short())), clip(value.short()));
        }
    }
    let importers = root.get("importers").into_iter().flat_map(Node::entries);
    listing
        .members
        .extend(importers.map(|(folder, _)| clip(folder.short())));
    listing.note(
        "lockfileVersion",
        root.get_text("lockfileVersion").unwrap_or_default(),
    );
    Ok(listing)
}

/// `/name/1.0.0_peer` (version 5), `/name@1.0.0(peer)` (6), `name@1.0.0` (9); scoped names have a slash.
fn name_and_version(key: &str) -> (&str, &str) {
    let old = key.starts_with('/');
    let key = key.trim_start_matches('/');
    let key = key.split_once('(').map_or(key, |(key, _)| key);
    let scope = if key.starts_with('@') {
        key.find('/').map_or(0, |at| at + 1)
    } else {
        0
    };
    let rest = &key[scope..];
    let Some(at) = rest.find(|c| c == '@' || (old && c == '/')) else {
        return (key, "");
    };
    let version = &rest[at + 1..];
    let version = if old {
        version.split_once('_').map_or(version, |(v, _)| v)
    } else {
        version
    };
    (&key[..scope + at], version)
}

fn resolution(name: &str, version: &str, entry: Node<'_>) -> Package {
    let Some(resolution) = entry.get("resolution") else {
        return required(version);
    };
    let field = |name: &str| resolution.get_text(name);
    if let Some(repository) = field("repo") {
        let version = format!("{version} at {}", field("commit").unwrap_or_default());
        return Package::of_version(version).from(Origin::git(repository));
    }
    if let Some(directory) = field("directory") {
        return Package::default().from(Origin::path(directory));
    }
    let package = locked(name, Some(version), field("tarball"), field("integrity"));
    let wanted = required(version).origin;
    if package.origin == Origin::Default {
        package.from(wanted)
    } else {
        package
    }
}

/// Reads a `pnpm-workspace.yaml`.
pub(super) fn workspace(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let yaml = Yaml::parse(text(bytes)?)?;
    let mut listing = Listing::default();
    let Some(root) = yaml.root() else {
        return Ok(listing);
    };
    for (name, spec) in root.get("catalog").into_iter().flat_map(Node::entries) {
        listing.add(&name.short(), required(&spec.short()));
    }
    for (catalog, entries) in root.get("catalogs").into_iter().flat_map(Node::entries) {
        for (name, spec) in entries.entries() {
            listing.add(
                &format!("{} ({})", name.short(), catalog.short()),
                required(&spec.short()),
            );
        }
    }
    for (name, spec) in root.get("overrides").into_iter().flat_map(Node::entries) {
        listing.add(&format!("override {}", name.short()), required(&spec.short()));
    }
    for name in root
        .get("onlyBuiltDependencies")
        .into_iter()
        .flat_map(Node::items)
    {
        listing.allow_script(&name.short());
    }
    for (name, allowed) in root.get("allowBuilds").into_iter().flat_map(Node::entries) {
        if allowed.text() == Some("true") {
            listing.allow_script(&name.short());
        }
    }
    if root.get_text("dangerouslyAllowAllBuilds") == Some("true") {
        listing
            .programs
            .insert("dangerouslyAllowAllBuilds".to_owned(), "true".to_owned());
    }
    for guard in ["ignoreScripts", "strictDepBuilds"] {
        if root.get_text(guard) == Some("true") {
            listing.guards.insert(guard.to_owned(), Guard::Scripts);
        }
    }
    for (key, value) in root.entries() {
        listing.note(clip(key.short()), clip(value.short()));
    }
    Ok(listing)
}
