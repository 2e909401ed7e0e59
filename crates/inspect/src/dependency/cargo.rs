//! Cargo: `Cargo.toml`, `Cargo.lock`, `.cargo/config.toml`.
//!
//! Source: the Cargo book (manifest, config and lockfile formats up to version 4).

use super::listing::{Integrity, Listing, Origin, Package, clip};
use super::toml_settings;
use crate::unreadable::{Unreadable, text};
use countersign_core::dependency::Ecosystem;
use toml::{Table, Value};

const DEPENDENCY_TABLES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// Reads TOML text.
pub(super) fn table(bytes: &[u8]) -> Result<Table, Unreadable> {
    text(bytes)?.parse::<Table>().map_err(|e| Unreadable::Syntax {
        format: "TOML",
        reason: e.message().to_owned(),
    })
}

/// Reads a `Cargo.toml`.
pub(super) fn manifest(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let manifest = table(bytes)?;
    let mut listing = Listing::default();
    dependencies_of(&manifest, &mut listing);
    if let Some(targets) = manifest.get("target").and_then(Value::as_table) {
        let targets = targets.values().filter_map(Value::as_table);
        targets.for_each(|target| dependencies_of(target, &mut listing));
    }
    if let Some(workspace) = manifest.get("workspace").and_then(Value::as_table) {
        dependencies_of(workspace, &mut listing);
    }
    patches(&manifest, &mut listing);
    let package = manifest.get("package").or_else(|| manifest.get("project"));
    if let Some(package) = package.and_then(Value::as_table) {
        if let Some(Value::String(script)) = package.get("build") {
            listing.programs.insert("package.build".to_owned(), clip(script));
        }
        listing.licence = licence(package);
    }
    toml_settings(&manifest, &mut listing);
    Ok(listing)
}

fn licence(package: &Table) -> Option<String> {
    let field = |name: &str| package.get(name).map(|v| clip(v.to_string().trim_matches('"')));
    field("license").or_else(|| field("license-file").map(|file| format!("file {file}")))
}

fn dependencies_of(table: &Table, listing: &mut Listing) {
    let spellings = DEPENDENCY_TABLES
        .iter()
        .flat_map(|name| [(*name).to_owned(), name.replace('-', "_")]);
    for name in spellings.collect::<std::collections::BTreeSet<_>>() {
        let Some(dependencies) = table.get(&name).and_then(Value::as_table) else {
            continue;
        };
        for (key, value) in dependencies {
            let (name, package) = dependency(key, value);
            listing.add(&name, package);
        }
    }
}

/// A dependency under its key; a renamed one counts under its package's name.
fn dependency(key: &str, value: &Value) -> (String, Package) {
    let Some(table) = value.as_table() else {
        return (
            key.to_owned(),
            Package::of_version(value.as_str().unwrap_or_default()),
        );
    };
    let field = |name: &str| table.get(name).and_then(Value::as_str);
    let pin = ["branch", "tag", "rev"]
        .iter()
        .filter_map(|name| field(name).map(|value| format!("{name} {value}")));
    let version = field("version")
        .map(str::to_owned)
        .into_iter()
        .chain(pin)
        .collect::<Vec<_>>();
    let origin = match (
        field("git"),
        field("path"),
        field("registry"),
        field("registry-index"),
    ) {
        (Some(url), ..) => Origin::git(url),
        (None, Some(path), ..) => Origin::path(path),
        (None, None, Some(name), _) => Origin::Registry(clip(name)),
        (None, None, None, Some(url)) => Origin::registry(Ecosystem::Cargo, url),
        (None, None, None, None) => Origin::Default,
    };
    let said = [
        "version",
        "git",
        "path",
        "registry",
        "registry-index",
        "branch",
        "tag",
        "rev",
        "package",
    ];
    let extra = table.iter().filter(|(key, _)| !said.contains(&key.as_str()));
    let package = Package {
        version: (!version.is_empty()).then(|| clip(version.join(" "))),
        origin,
        extra: clip(
            extra
                .map(|(key, value)| format!("{key}={value} "))
                .collect::<String>(),
        ),
        ..Package::default()
    };
    (field("package").unwrap_or(key).to_owned(), package)
}

/// `[patch.X]` and `[replace]`: what is taken instead of a package of a registry.
fn patches(table: &Table, listing: &mut Listing) {
    let replace = table
        .get("replace")
        .and_then(Value::as_table)
        .map(|t| ("replace".to_owned(), t));
    let patch = table.get("patch").and_then(Value::as_table).into_iter().flatten();
    let patch = patch.filter_map(|(name, t)| Some((format!("patch.{name}"), t.as_table()?)));
    for (place, entries) in patch.chain(replace) {
        for (key, value) in entries {
            let (name, package) = dependency(key, value);
            let origin = match package.origin {
                Origin::Default => Origin::Registry(package.version.unwrap_or_default()),
                other @ (Origin::Registry(_)
                | Origin::Git(_)
                | Origin::Url(_)
                | Origin::Path(_)
                | Origin::Alias(_)) => other,
            };
            listing.origins.insert(format!("{place}.{name}"), origin);
        }
    }
}

/// Reads a `Cargo.lock`.
pub(super) fn lockfile(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let lock = table(bytes)?;
    let mut listing = Listing::default();
    let metadata = lock.get("metadata").and_then(Value::as_table);
    for package in lock
        .get("package")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let field = |name: &str| package.get(name).and_then(Value::as_str);
        let name = field("name").ok_or(Unreadable::Missing("package name"))?;
        let version = field("version").unwrap_or_default();
        let mut found = Package::of_version(version);
        match field("source") {
            None => {
                found.origin = Origin::own();
                listing.members.insert(clip(name));
            }
            Some(source) => match source.strip_prefix("git+") {
                None => found.origin = Origin::registry(Ecosystem::Cargo, source),
                Some(url) => {
                    let (url, commit) = url.split_once('#').unwrap_or((url, ""));
                    found.origin = Origin::git(url);
                    found.version = Some(clip(format!("{version} at {commit}")));
                }
            },
        }
        let key = format!(
            "checksum {name} {version} ({})",
            field("source").unwrap_or_default()
        );
        let old_form = metadata.and_then(|m| m.get(&key)).and_then(Value::as_str);
        if let Some(hash) = field("checksum").or(old_form) {
            found.integrity = Integrity::of(hash);
        }
        listing.add(name, found);
    }
    if let Some(version) = lock.get("version") {
        listing.note("version", version.to_string());
    }
    if lock.get("patch").is_some() {
        listing.note("patch", clip(lock["patch"].to_string()));
    }
    Ok(listing)
}

/// Reads a `.cargo/config.toml`.
pub(super) fn config(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let config = table(bytes)?;
    let mut listing = Listing::default();
    patches(&config, &mut listing);
    for place in ["source", "registries"] {
        for (name, entry) in config.get(place).and_then(Value::as_table).into_iter().flatten() {
            for (key, value) in entry.as_table().into_iter().flatten() {
                let value = value.as_str().unwrap_or_default();
                let origin = match key.as_str() {
                    "replace-with" => Origin::Registry(clip(value)),
                    "registry" | "index" => Origin::registry(Ecosystem::Cargo, value),
                    "directory" | "local-registry" => Origin::path(value),
                    "git" => Origin::git(value),
                    _ => continue,
                };
                listing.origins.insert(format!("{place}.{name}.{key}"), origin);
            }
        }
    }
    if let Some(default) = config
        .get("registry")
        .and_then(|r| r.get("default"))
        .and_then(Value::as_str)
    {
        listing
            .origins
            .insert("registry.default".to_owned(), Origin::Registry(clip(default)));
    }
    if let Some(paths) = config.get("paths") {
        listing
            .origins
            .insert("paths".to_owned(), Origin::path(&paths.to_string()));
    }
    programs(&config, &mut listing);
    toml_settings(&config, &mut listing);
    Ok(listing)
}

/// Programs that cargo runs in place of its own, or beside them.
fn programs(config: &Table, listing: &mut Listing) {
    const KEYS: [&str; 8] = [
        "rustc",
        "rustc-wrapper",
        "rustc-workspace-wrapper",
        "rustdoc",
        "runner",
        "linker",
        "credential-provider",
        "global-credential-providers",
    ];
    for (name, section) in config {
        let Some(section) = section.as_table() else {
            continue;
        };
        for (key, value) in section {
            if KEYS.contains(&key.as_str()) {
                listing
                    .programs
                    .insert(format!("{name}.{key}"), clip(value.to_string()));
            }
            for (inner, value) in value.as_table().into_iter().flatten() {
                if KEYS.contains(&inner.as_str()) {
                    listing
                        .programs
                        .insert(format!("{name}.{key}.{inner}"), clip(value.to_string()));
                }
            }
        }
    }
}
