//! Python lockfiles: `poetry.lock`, `uv.lock`, `pdm.lock`, `pylock.toml`.
//!
//! Sources: python-poetry.org, docs.astral.sh/uv (lockfile), PEP 751.

use super::cargo::table;
use super::listing::{Integrity, Listing, Origin, Package, clip};
use super::python::{add_files, normal_name};
use crate::unreadable::Unreadable;
use countersign_core::dependency::Ecosystem;
use toml::Value;

/// Reads any of them: all are TOML with a list of packages.
pub(super) fn lockfile(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let lock = table(bytes)?;
    let mut listing = Listing::default();
    let metadata = lock.get("metadata");
    let old_files = metadata.and_then(|m| m.get("files"));
    let packages = lock
        .get("package")
        .or_else(|| lock.get("packages"))
        .and_then(Value::as_array);
    for package in packages.into_iter().flatten() {
        let field = |name: &str| package.get(name).and_then(Value::as_str);
        let name = field("name").ok_or(Unreadable::Missing("package name"))?;
        let version = field("version").unwrap_or("*");
        let (origin, commit) = origin_of(package);
        let version = commit.map_or_else(|| version.to_owned(), |c| format!("{version} at {c}"));
        if let Some(folder) = package.get("source").and_then(member) {
            listing.members.insert(clip(folder));
        }
        let found = Package {
            integrity: files(package, old_files.and_then(|files| files.get(name))),
            ..Package::of_version(version).from(origin)
        };
        listing.add(&normal_name(name), found);
    }
    for (place, value) in [
        ("metadata", metadata),
        ("requires-python", lock.get("requires-python")),
    ] {
        match value.and_then(Value::as_table) {
            Some(table) => {
                let said = table.iter().filter(|(key, _)| key.as_str() != "files");
                said.for_each(|(key, v)| listing.note(format!("{place}.{key}"), clip(v.to_string())));
            }
            None => value
                .into_iter()
                .for_each(|v| listing.note(place, clip(v.to_string()))),
        }
    }
    Ok(listing)
}

fn files(package: &Value, old_files: Option<&Value>) -> Integrity {
    let mut integrity = Integrity::default();
    add_files(package.get("files").or(old_files), "file", &mut integrity);
    add_files(package.get("wheels"), "url", &mut integrity);
    for single in ["sdist", "archive"]
        .into_iter()
        .filter_map(|name| package.get(name))
    {
        let list = Value::Array(vec![single.clone()]);
        add_files(Some(&list), "url", &mut integrity);
    }
    integrity
}

/// The folder of a package of this repository (uv).
fn member(source: &Value) -> Option<&str> {
    ["editable", "virtual", "directory"]
        .iter()
        .find_map(|key| source.get(*key))
        .and_then(Value::as_str)
}

/// Where a package comes from, and the commit of a git repository.
fn origin_of(package: &Value) -> (Origin, Option<String>) {
    let field = |name: &str| package.get(name).and_then(Value::as_str);
    if let Some(url) = field("git") {
        return (Origin::git(url), field("revision").map(clip));
    }
    if let Some(index) = field("index") {
        return (Origin::registry(Ecosystem::Python, index), None);
    }
    let Some(source) = package.get("source") else {
        return (Origin::Default, None);
    };
    let field = |name: &str| source.get(name).and_then(Value::as_str);
    match (field("type"), field("url")) {
        (Some("git"), Some(url)) => {
            let commit = field("resolved_reference").or(field("reference"));
            return (Origin::git(url), commit.map(clip));
        }
        (Some("directory" | "file"), Some(url)) => return (Origin::path(url), None),
        (Some("url"), Some(url)) => return (Origin::url(url), None),
        (Some(_), Some(url)) => return (Origin::registry(Ecosystem::Python, url), None),
        (_, Some(url)) => return (Origin::url(url), None),
        (_, None) => {}
    }
    if let Some(url) = field("git") {
        let (url, commit) = url.split_once('#').unwrap_or((url, ""));
        return (Origin::git(url), Some(clip(commit)));
    }
    if let Some(registry) = field("registry") {
        return (Origin::registry(Ecosystem::Python, registry), None);
    }
    match ["path", "directory", "editable", "virtual"]
        .into_iter()
        .find_map(field)
    {
        Some(".") => (Origin::own(), None),
        Some(path) => (Origin::path(path), None),
        None => (Origin::Default, None),
    }
}
