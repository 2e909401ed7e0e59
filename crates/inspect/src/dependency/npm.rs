//! npm: `package.json`, `package-lock.json` (versions 1 to 3), `npm-shrinkwrap.json`, `.npmrc`.
//!
//! Source: docs.npmjs.com (package.json, package-lock.json, npmrc). Nothing is installed to find out.

use super::listing::{Guard, Integrity, Listing, Origin, Package, clip};
use crate::unreadable::{Unreadable, text};
use countersign_core::dependency::Ecosystem;
use serde_json::{Map, Value};

/// Scripts that a package manager runs by itself while installing.
const INSTALL_SCRIPTS: [&str; 9] = [
    "preinstall",
    "install",
    "postinstall",
    "preprepare",
    "prepare",
    "postprepare",
    "prepublish",
    "dependencies",
    "pnpm:devPreinstall",
];
const DEPENDENCY_MAPS: [&str; 4] = [
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
];
/// Deepest nesting of a version 1 lockfile.
const MAX_DEPTH: usize = 64;

/// Reads JSON text whose root is an object.
pub(super) fn object(bytes: &[u8]) -> Result<Map<String, Value>, Unreadable> {
    serde_json::from_str(text(bytes)?).map_err(|e| Unreadable::Syntax {
        format: "JSON",
        reason: format!("line {}", e.line()),
    })
}

/// Reads a `package.json`.
pub(super) fn manifest(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let manifest = object(bytes)?;
    let mut listing = Listing::default();
    for map in DEPENDENCY_MAPS {
        for (name, spec) in entries(manifest.get(map)) {
            let spec = spec.as_str().unwrap_or_default();
            let unlocked = map == "peerDependencies";
            listing.add(
                name,
                Package {
                    unlocked,
                    ..required(spec)
                },
            );
        }
    }
    overrides(&manifest, &mut listing);
    for (name, script) in entries(manifest.get("scripts")) {
        let script = clip(script.as_str().unwrap_or_default());
        if INSTALL_SCRIPTS.contains(&name.as_str()) {
            listing.programs.insert(format!("scripts.{name}"), script.clone());
        }
        listing.tasks.insert(clip(name), script);
    }
    allowed_builds(&manifest, &mut listing);
    listing.licence = manifest
        .get("license")
        .or_else(|| manifest.get("licenses"))
        .map(short);
    for (key, value) in &manifest {
        match value.as_object() {
            Some(inner) => inner
                .iter()
                .for_each(|(k, v)| listing.note(clip(format!("{key}.{k}")), short(v))),
            None => listing.note(clip(key), short(value)),
        }
    }
    Ok(listing)
}

/// `overrides`, `resolutions` and pnpm's own: what is taken instead of what packages ask for.
fn overrides(manifest: &Map<String, Value>, listing: &mut Listing) {
    let pnpm = manifest.get("pnpm").and_then(|p| p.get("overrides"));
    let places = [manifest.get("overrides"), manifest.get("resolutions"), pnpm];
    for (name, spec) in places.into_iter().flat_map(entries) {
        let name = format!("override {name}");
        match spec.as_str() {
            Some(spec) => listing.add(&name, required(spec)),
            None => listing.add(&name, Package::of_version(short(spec))),
        }
    }
}

/// Lists of packages that may run scripts (pnpm, bun, yarn).
fn allowed_builds(manifest: &Map<String, Value>, listing: &mut Listing) {
    let pnpm = manifest.get("pnpm").and_then(|p| p.get("onlyBuiltDependencies"));
    let lists = [pnpm, manifest.get("trustedDependencies")].into_iter().flatten();
    for name in lists
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(Value::as_str)
    {
        listing.allow_script(name);
    }
    for (name, meta) in entries(manifest.get("dependenciesMeta")) {
        if meta.get("built").and_then(Value::as_bool) == Some(true) {
            listing.allow_script(name);
        }
    }
}

fn entries(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

pub(super) fn short(value: &Value) -> String {
    clip(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// What a requirement in a manifest asks for.
pub(super) fn required(spec: &str) -> Package {
    let spec = spec.trim();
    let (address, commit) = spec.split_once('#').unwrap_or((spec, ""));
    let origin = origin_of(address);
    let version = match &origin {
        Origin::Default | Origin::Registry(_) => Some(spec),
        Origin::Alias(_) => spec.rsplit_once('@').map(|(_, version)| version),
        Origin::Path(_) => address.strip_prefix("workspace:"),
        Origin::Git(_) | Origin::Url(_) => Some(commit).filter(|c| !c.is_empty()),
    };
    Package {
        version: version.map(clip),
        ..Package::default()
    }
    .from(origin)
}

fn origin_of(address: &str) -> Origin {
    let starts = |prefixes: &[&str]| prefixes.iter().any(|p| address.starts_with(p));
    let hosts = [
        "git+",
        "git:",
        "git@",
        "ssh:",
        "github:",
        "gitlab:",
        "bitbucket:",
        "gist:",
    ];
    if address.starts_with("workspace:") {
        Origin::own()
    } else if starts(&["file:", "link:", "portal:", "./", "../", "/", "~/", "patch:"]) {
        Origin::path(address)
    } else if let Some(alias) = address
        .strip_prefix("npm:")
        .filter(|a| a.trim_start_matches('@').contains('@'))
    {
        Origin::Alias(clip(alias.rsplit_once('@').map_or(alias, |(name, _)| name)))
    } else if starts(&hosts) || (address.contains("://") && address.ends_with(".git")) {
        Origin::git(address)
    } else if address.contains("://") {
        Origin::url(address)
    } else if is_shorthand(address) {
        Origin::git(&format!("github:{address}"))
    } else {
        Origin::Default
    }
}

/// `user/repository`, which npm takes for GitHub's.
fn is_shorthand(address: &str) -> bool {
    let parts: Vec<&str> = address.split('/').collect();
    let plain =
        |part: &&str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
    parts.len() == 2 && parts.iter().all(plain)
}

/// Reads a `package-lock.json` or `npm-shrinkwrap.json`.
pub(super) fn lockfile(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let lock = object(bytes)?;
    let mut listing = Listing::default();
    match lock.get("packages").and_then(Value::as_object) {
        Some(packages) => {
            for (place, entry) in packages {
                match place.as_str() {
                    "" => wanted_by_root(entry, &mut listing),
                    place => installed(place, entry, &mut listing),
                }
            }
        }
        None => nested(lock.get("dependencies"), 0, &mut listing)?,
    }
    if let Some(version) = lock.get("lockfileVersion") {
        listing.note("lockfileVersion", short(version));
    }
    Ok(listing)
}

fn wanted_by_root(entry: &Value, listing: &mut Listing) {
    for map in DEPENDENCY_MAPS {
        for (name, spec) in entries(entry.get(map)) {
            listing.note(clip(format!("root.{map}.{name}")), short(spec));
        }
    }
}

fn installed(place: &str, entry: &Value, listing: &mut Listing) {
    let field = |name: &str| entry.get(name).and_then(Value::as_str);
    let Some((_, name)) = place.rsplit_once("node_modules/") else {
        listing.members.insert(clip(place)); // A folder of this repository, not something that is fetched.
        return;
    };
    let package = if entry.get("link").and_then(Value::as_bool) == Some(true) {
        Package::default().from(Origin::own())
    } else {
        let real = field("name").unwrap_or(name);
        let mut package = locked(real, field("version"), field("resolved"), field("integrity"));
        if real != name && package.origin == Origin::Default {
            package.origin = Origin::Alias(clip(real));
        }
        package
    };
    let runs_script = entry.get("hasInstallScript").and_then(Value::as_bool) == Some(true);
    listing.add(
        name,
        Package {
            runs_script,
            ..package
        },
    );
}

/// Version 1: packages inside packages.
fn nested(dependencies: Option<&Value>, depth: usize, listing: &mut Listing) -> Result<(), Unreadable> {
    if depth > MAX_DEPTH {
        return Err(Unreadable::TooDeep { most: MAX_DEPTH });
    }
    for (name, entry) in entries(dependencies) {
        let field = |name: &str| entry.get(name).and_then(Value::as_str);
        let version = field("version").unwrap_or_default();
        let alias = version
            .strip_prefix("npm:")
            .and_then(|alias| alias.rsplit_once('@'));
        let mut package = match (alias, origin_of(version)) {
            (Some((real, version)), _) => {
                let package = locked(real, Some(version), field("resolved"), field("integrity"));
                package.from(Origin::Alias(clip(real)))
            }
            (None, Origin::Default) => locked(name, Some(version), field("resolved"), field("integrity")),
            (None, _) => Package {
                integrity: field("integrity").map(Integrity::of).unwrap_or_default(),
                ..required(version)
            },
        };
        package.runs_script = entry.get("hasInstallScript").and_then(Value::as_bool) == Some(true);
        listing.add(name, package);
        nested(entry.get("dependencies"), depth + 1, listing)?;
    }
    Ok(())
}

/// A package of a lockfile: its origin is read off the address that it was resolved to.
pub(super) fn locked(
    name: &str,
    version: Option<&str>,
    resolved: Option<&str>,
    integrity: Option<&str>,
) -> Package {
    let mut package = Package {
        version: version.map(clip),
        integrity: integrity.map(Integrity::of).unwrap_or_default(),
        ..Package::default()
    };
    if let Some(resolved) = resolved {
        let (address, fragment) = resolved.split_once('#').unwrap_or((resolved, ""));
        package.origin = resolved_origin(name, address);
        if let Origin::Git(_) = package.origin {
            package.version = Some(clip(format!("{} at {fragment}", version.unwrap_or("*"))));
        } else if package.integrity.is_empty() && !fragment.is_empty() {
            package.integrity = Integrity::of(&format!("sha1:{fragment}"));
        }
    }
    package
}

/// `https://REGISTRY/NAME/-/FILE.tgz` is the package of that registry; anything else is an address of its own.
fn resolved_origin(name: &str, address: &str) -> Origin {
    let decoded = address.replace("%2f", "/").replace("%2F", "/");
    match (decoded.split_once("/-/"), origin_of(address)) {
        (Some((before, _)), Origin::Url(_)) => match before.strip_suffix(&format!("/{name}")) {
            Some(registry) => Origin::registry(Ecosystem::Npm, registry),
            None => Origin::url(address),
        },
        (_, other) => other,
    }
}

/// Reads an `.npmrc`.
pub(super) fn npmrc(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let mut listing = Listing::default();
    for line in text(bytes)?.lines().map(str::trim) {
        if line.is_empty() || line.starts_with([';', '#', '[']) {
            continue;
        }
        let (key, value) = line.split_once('=').unwrap_or((line, "true"));
        let (key, value) = (key.trim(), value.trim().trim_matches(['"', '\'']));
        setting(key, value, &mut listing);
    }
    Ok(listing)
}

fn setting(key: &str, value: &str, listing: &mut Listing) {
    if key == "registry" || key.ends_with(":registry") {
        listing
            .origins
            .insert(clip(key), Origin::registry(Ecosystem::Npm, value));
        return;
    }
    match key {
        "ignore-scripts" if value == "true" => {
            listing.guards.insert(key.to_owned(), Guard::Scripts);
        }
        "script-shell" | "shell" | "node-options" | "git" | "viewer" | "editor" | "init-module" => {
            listing.programs.insert(key.to_owned(), clip(value));
        }
        "strict-ssl" if value == "false" => {
            listing.origins.insert(
                key.to_owned(),
                Origin::url("any server: certificates are not checked"),
            );
        }
        _ => {}
    }
    // Values of logins stay out: only that the line changed is noted.
    let secret = key.contains("_auth") || key.contains("_password") || key.contains("username");
    listing.note(clip(key), if secret { String::new() } else { clip(value) });
}
