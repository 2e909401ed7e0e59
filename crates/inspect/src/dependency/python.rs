//! Python manifests: requirements and constraints files, `pyproject.toml`, `setup.py`.
//!
//! Sources: pip.pypa.io (requirements file format), PEP 508, 621, 735, python-poetry.org, docs.astral.sh/uv.
//! `setup.py` is a program: only words that run other programs are looked for, and that is said.

use super::cargo::table;
use super::listing::{Guard, Integrity, Listing, Origin, Package, clip};
use super::toml_settings;
use crate::unreadable::{Unreadable, text};
use countersign_core::dependency::Ecosystem;
use toml::{Table, Value};

/// Names are equal whatever their case and separators (PEP 503).
pub(super) fn normal_name(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.trim().chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            other => normal.extend(other.to_lowercase()),
        }
    }
    normal
}

/// Reads a requirements or constraints file.
pub(super) fn requirements(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let joined = text(bytes)?.replace("\\\r\n", " ").replace("\\\n", " ");
    let mut listing = Listing::default();
    for line in joined.lines() {
        let line = without_comment(line).trim();
        if line.is_empty() {
            continue;
        }
        if line.starts_with('-') {
            option(line, &mut listing);
        } else {
            requirement_line(line, &mut listing);
        }
    }
    Ok(listing)
}

fn without_comment(line: &str) -> &str {
    if line.starts_with('#') {
        return "";
    }
    line.split_once(" #")
        .or_else(|| line.split_once("\t#"))
        .map_or(line, |(line, _)| line)
}

fn option(line: &str, listing: &mut Listing) {
    let cut = line
        .find(|c: char| c == '=' || c.is_whitespace())
        .unwrap_or(line.len());
    let (name, value) = (&line[..cut], line[cut..].trim_start_matches('=').trim());
    match name {
        "-i" | "--index-url" | "--extra-index-url" => {
            let place = if name == "-i" { "--index-url" } else { name };
            let origin = Origin::registry(Ecosystem::Python, value);
            listing.origins.insert(clip(format!("{place} {value}")), origin);
        }
        "-f" | "--find-links" => {
            let origin = if value.contains("://") {
                Origin::url(value)
            } else {
                Origin::path(value)
            };
            listing
                .origins
                .insert(clip(format!("--find-links {value}")), origin);
        }
        "--trusted-host" => {
            let unchecked = format!("{value}, whose certificate is not checked");
            listing
                .origins
                .insert(clip(format!("--trusted-host {value}")), Origin::url(&unchecked));
        }
        "--require-hashes" => {
            listing.guards.insert(name.to_owned(), Guard::Hashes);
        }
        "-e" | "--editable" => requirement_line(value, listing),
        _ => listing.note(clip(line), ""),
    }
}

fn requirement_line(line: &str, listing: &mut Listing) {
    let (spec, options) = line.split_once(" --").unwrap_or((line, ""));
    let (name, mut package) = requirement(spec);
    for hash in options.split("--").filter_map(|o| o.trim().strip_prefix("hash")) {
        package.integrity.add("", hash.trim_start_matches(['=', ' ']));
    }
    listing.add(&name, package);
}

/// One requirement of PEP 508, or a bare address or path as pip takes it.
pub(super) fn requirement(spec: &str) -> (String, Package) {
    let (spec, marker) = spec.split_once(';').unwrap_or((spec, ""));
    let spec = spec.trim();
    if let Some((name, address)) = spec.split_once('@').filter(|(name, _)| is_name(name)) {
        let (origin, version) = address_of(address.trim());
        let name = name.split_once('[').map_or(name, |(name, _)| name);
        return (
            normal_name(name),
            Package {
                version,
                ..Package::default()
            }
            .from(origin),
        );
    }
    if spec.contains("://") || spec.starts_with(['.', '/', '~']) || spec.contains('/') {
        let (origin, version) = address_of(spec);
        let egg = spec
            .split_once("#egg=")
            .map(|(_, egg)| egg.split('&').next().unwrap_or(egg));
        let last = spec
            .split(['#', '@'])
            .next()
            .unwrap_or(spec)
            .trim_end_matches(".git");
        let name = egg.unwrap_or_else(|| last.rsplit('/').find(|part| !part.is_empty()).unwrap_or(last));
        return (
            normal_name(name),
            Package {
                version,
                ..Package::default()
            }
            .from(origin),
        );
    }
    let end = spec
        .find(|c: char| !(c.is_alphanumeric() || "-_.".contains(c)))
        .unwrap_or(spec.len());
    let (name, rest) = spec.split_at(end);
    let (extras, version) = match rest
        .trim()
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        Some((extras, version)) => (extras, version),
        None => ("", rest),
    };
    let version = version.trim().trim_matches(['(', ')']);
    let package = Package {
        version: (!version.is_empty()).then(|| clip(version)),
        extra: clip(format!("{extras}{}", marker.trim())),
        ..Package::default()
    };
    (normal_name(name), package)
}

fn is_name(text: &str) -> bool {
    let name = text.trim();
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_.[], ".contains(c))
}

/// The origin of an address, and the version that it pins.
fn address_of(address: &str) -> (Origin, Option<String>) {
    let bare = address.split_once('#').map_or(address, |(bare, _)| bare);
    if bare.starts_with("git+") || bare.ends_with(".git") {
        let path_at = bare.rfind('/').unwrap_or(0);
        return match bare[path_at..].split_once('@') {
            Some((before, commit)) => (Origin::git(&bare[..path_at + before.len()]), Some(clip(commit))),
            None => (Origin::git(bare), None),
        };
    }
    match bare.strip_prefix("file:") {
        Some(path) => (Origin::path(path), None),
        None if bare.contains("://") => (Origin::url(bare), None),
        None => (Origin::path(bare), None),
    }
}

/// Reads a `pyproject.toml`.
pub(super) fn pyproject(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let manifest = table(bytes)?;
    let mut listing = Listing::default();
    let at = |path: &[&str]| lookup(&manifest, path);
    for spec in at(&["build-system", "requires"])
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let (name, package) = requirement(spec.as_str().unwrap_or_default());
        listing.add(
            &name,
            Package {
                unlocked: true,
                ..package
            },
        );
    }
    let lists = [
        at(&["project", "dependencies"]),
        at(&["tool", "uv", "dev-dependencies"]),
        at(&["tool", "uv", "constraint-dependencies"]),
        at(&["tool", "uv", "override-dependencies"]),
    ];
    let tables = [
        at(&["project", "optional-dependencies"]),
        at(&["dependency-groups"]),
        at(&["tool", "pdm", "dev-dependencies"]),
    ];
    let grouped = tables
        .into_iter()
        .flatten()
        .filter_map(Value::as_table)
        .flat_map(Table::values);
    for list in lists.into_iter().flatten().chain(grouped) {
        for spec in list.as_array().into_iter().flatten().filter_map(Value::as_str) {
            let (name, package) = requirement(spec);
            listing.add(&name, package);
        }
    }
    poetry(&manifest, &mut listing);
    sources(&manifest, &mut listing);
    for key in ["build-backend", "backend-path"] {
        if let Some(backend) = at(&["build-system", key]) {
            listing
                .programs
                .insert(format!("build-system.{key}"), clip(backend.to_string()));
        }
    }
    if let Some(build) = at(&["tool", "poetry", "build"]) {
        listing
            .programs
            .insert("tool.poetry.build".to_owned(), clip(build.to_string()));
    }
    let licence = at(&["project", "license"]).or_else(|| at(&["tool", "poetry", "license"]));
    listing.licence = licence.map(|l| clip(l.to_string().trim_matches('"')));
    toml_settings(&manifest, &mut listing);
    Ok(listing)
}

fn lookup<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter()
        .try_fold(table.get(*first)?, |value, key| value.get(key))
}

fn poetry(manifest: &Table, listing: &mut Listing) {
    let Some(poetry) = lookup(manifest, &["tool", "poetry"]).and_then(Value::as_table) else {
        return;
    };
    let groups = poetry
        .get("group")
        .and_then(Value::as_table)
        .into_iter()
        .flat_map(Table::values);
    let grouped = groups.filter_map(|group| group.get("dependencies"));
    let plain = ["dependencies", "dev-dependencies"]
        .into_iter()
        .filter_map(|name| poetry.get(name));
    for (name, spec) in plain.chain(grouped).filter_map(Value::as_table).flatten() {
        for spec in spec.as_array().map_or(std::slice::from_ref(spec), Vec::as_slice) {
            let unlocked = name == "python";
            listing.add(
                &normal_name(name),
                Package {
                    unlocked,
                    ..poetry_dependency(spec)
                },
            );
        }
    }
    for source in poetry
        .get("source")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        let field = |name: &str| source.get(name).and_then(Value::as_str).unwrap_or_default();
        let origin = Origin::registry(Ecosystem::Python, field("url"));
        listing
            .origins
            .insert(clip(format!("tool.poetry.source {}", field("name"))), origin);
    }
}

fn poetry_dependency(spec: &Value) -> Package {
    let Some(table) = spec.as_table() else {
        return Package::of_version(spec.as_str().unwrap_or_default());
    };
    let field = |name: &str| table.get(name).and_then(Value::as_str);
    let origin = match (field("git"), field("url"), field("path"), field("source")) {
        (Some(url), ..) => Origin::git(url),
        (None, Some(url), ..) => Origin::url(url),
        (None, None, Some(path), _) => Origin::path(path),
        (None, None, None, Some(name)) => Origin::Registry(clip(name)),
        (None, None, None, None) => Origin::Default,
    };
    let pin = ["version", "branch", "tag", "rev"].into_iter().find_map(field);
    let said = ["git", "url", "path", "source", "version", "branch", "tag", "rev"];
    let extra = table.iter().filter(|(key, _)| !said.contains(&key.as_str()));
    Package {
        version: pin.map(clip),
        origin,
        extra: clip(
            extra
                .map(|(key, value)| format!("{key}={value} "))
                .collect::<String>(),
        ),
        ..Package::default()
    }
}

/// `[tool.uv.sources]` and indexes: where the named packages come from instead.
fn sources(manifest: &Table, listing: &mut Listing) {
    for tool in ["uv", "pdm"] {
        for index in [&["index"], &["source"]] {
            let indexes = lookup(manifest, &["tool", tool, index[0]]).and_then(Value::as_array);
            for index in indexes.into_iter().flatten() {
                let field = |name: &str| index.get(name).and_then(Value::as_str).unwrap_or_default();
                let place = clip(format!("tool.{tool} index {} {}", field("name"), field("url")));
                listing
                    .origins
                    .insert(place, Origin::registry(Ecosystem::Python, field("url")));
            }
        }
    }
    for key in ["index-url", "extra-index-url", "find-links"] {
        if let Some(value) = lookup(manifest, &["tool", "uv", key]) {
            let text = value.to_string();
            let origin = Origin::registry(Ecosystem::Python, text.trim_matches(['"', '[', ']']));
            listing.origins.insert(format!("tool.uv.{key}"), origin);
        }
    }
    let uv = lookup(manifest, &["tool", "uv", "sources"]).and_then(Value::as_table);
    for (name, spec) in uv.into_iter().flatten() {
        for spec in spec.as_array().map_or(std::slice::from_ref(spec), Vec::as_slice) {
            let field = |name: &str| spec.get(name).and_then(Value::as_str);
            let workspace = spec.get("workspace").and_then(Value::as_bool) == Some(true);
            let origin = match (field("git"), field("url"), field("path"), field("index")) {
                (Some(url), ..) => Origin::git(url),
                (None, Some(url), ..) => Origin::url(url),
                (None, None, Some(path), _) => Origin::path(path),
                (None, None, None, Some(index)) => Origin::Registry(clip(index)),
                (None, None, None, None) if workspace => Origin::own(),
                (None, None, None, None) => Origin::Default,
            };
            listing
                .origins
                .insert(clip(format!("tool.uv.sources {name}")), origin);
        }
    }
}

/// Reads a `setup.py` for words that make installing run more than a plain copy.
pub(super) fn setup_py(bytes: &[u8]) -> Result<Listing, Unreadable> {
    const WORDS: [&str; 11] = [
        "cmdclass",
        "os.system",
        "os.popen",
        "os.exec",
        "subprocess",
        "urllib",
        "requests.get",
        "socket.",
        "exec(",
        "eval(",
        "__import__",
    ];
    let text = text(bytes)?;
    let mut listing = Listing::default();
    for line in text.lines().map(|line| without_comment(line).trim()) {
        for word in WORDS.iter().filter(|word| line.contains(*word)) {
            let place = format!("setup.py: {}", word.trim_end_matches(['(', '.']));
            let said = listing.programs.entry(place).or_default();
            *said = clip(format!("{said}{line}\n"));
        }
    }
    Ok(listing)
}

/// Adds the files of a lockfile's package.
pub(super) fn add_files(files: Option<&Value>, name_key: &str, integrity: &mut Integrity) {
    for file in files.and_then(Value::as_array).into_iter().flatten() {
        let field = |name: &str| file.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = field(name_key).rsplit('/').next().unwrap_or_default();
        integrity.add(name, field("hash"));
    }
}
