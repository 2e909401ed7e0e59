//! Gradle: build and settings scripts (best effort), `gradle.lockfile`, `libs.versions.toml`, wrapper properties.
//!
//! Source: docs.gradle.org. A build script is a program: what is read here is what is commonly written out in it;
//! the rest is only "something else changed".

use super::cargo::table;
use super::listing::{Guard, Integrity, Listing, Origin, Package, clip};
use crate::expression::compile;
use crate::unreadable::{Unreadable, text};
use countersign_core::dependency::Ecosystem;
use regex::Regex;
use std::sync::LazyLock;
use toml::Value;

/// `implementation("group:name:version")`, `api 'group:name'`.
static COORDINATES: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r#"\b[A-Za-z]+[ (]+(?:platform\(|enforcedPlatform\()?["']([\w.-]+:[\w.-]+)(?::([^"'@]+))?[^"']*["']"#,
    )
});
/// `implementation group: 'g', name: 'n', version: 'v'`.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r#"group\s*[:=]\s*["']([^"']+)["']\s*,\s*name\s*[:=]\s*["']([^"']+)["'](?:\s*,\s*version\s*[:=]\s*["']([^"']+)["'])?"#,
    )
});
/// `id("x") version "1"`, `id 'x' version '1'`.
static PLUGIN: LazyLock<Regex> = LazyLock::new(|| {
    compile(r#"\b(?:id|kotlin)[ (]+["']([\w.-]+)["']\)?(?:\s*version[ (]+["']([^"']+)["'])?"#)
});
static FILES: LazyLock<Regex> = LazyLock::new(|| compile(r#"\b(?:files|fileTree)\(([^)]*)\)"#));
static URL: LazyLock<Regex> = LazyLock::new(|| {
    compile(r#"(?:\burl\b|\bmaven\b|\bivy\b)[^"'\n]{0,30}["']((?:https?|file|s3|gcs)://[^"']+)["']"#)
});
static APPLY: LazyLock<Regex> =
    LazyLock::new(|| compile(r#"\bapply[ (]+from\s*[:=]\s*(?:uri\()?["']([^"']+)["']"#));
static RUNS: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r#"\b(?:exec|javaexec)\s*\{|\bcommandLine\b|\.execute\(\)|\bProcessBuilder\b|Runtime\.getRuntime|:\s*Exec\b|<Exec>"#,
    )
});

/// Reads a `build.gradle(.kts)` or `settings.gradle(.kts)`.
pub(super) fn script(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let mut listing = Listing::default();
    for line in text(bytes)?.lines() {
        let line = line.trim();
        if line.starts_with("//") || line.starts_with('*') {
            continue;
        }
        packages(line, &mut listing);
        for found in URL.captures_iter(line) {
            let place = clip(format!("repository {}", &found[1]));
            listing
                .origins
                .insert(place, Origin::registry(Ecosystem::Java, &found[1]));
        }
        for word in ["mavenLocal()", "flatDir"] {
            if line.contains(word) {
                let origin = Origin::Registry("on the machine that builds".to_owned());
                listing.origins.insert(format!("repository {word}"), origin);
            }
        }
        if line.contains("allowInsecureProtocol") || line.contains("isAllowInsecureProtocol") {
            listing
                .origins
                .insert("allowInsecureProtocol".to_owned(), Origin::url("http"));
        }
        for found in APPLY.captures_iter(line).filter(|found| found[1].contains("://")) {
            listing.programs.insert(
                clip(format!("apply from {}", &found[1])),
                "a script from the network".to_owned(),
            );
        }
        if RUNS.is_match(line) {
            listing
                .programs
                .insert(clip(format!("runs: {line}")), "a program".to_owned());
        }
    }
    Ok(listing)
}

fn packages(line: &str, listing: &mut Listing) {
    let version = |text: Option<regex::Match<'_>>| text.map(|m| clip(m.as_str()));
    for found in COORDINATES.captures_iter(line) {
        let package = Package {
            version: version(found.get(2)),
            ..Package::default()
        };
        listing.add(&found[1], package);
    }
    for found in NAMED.captures_iter(line) {
        let package = Package {
            version: version(found.get(3)),
            ..Package::default()
        };
        listing.add(&format!("{}:{}", &found[1], &found[2]), package);
    }
    for found in PLUGIN.captures_iter(line) {
        let package = Package {
            version: version(found.get(2)),
            ..Package::default()
        };
        listing.add(&format!("plugin {}", &found[1]), package);
    }
    for found in FILES.captures_iter(line) {
        let package = Package::default().from(Origin::path(&found[1]));
        listing.add(&format!("files {}", &found[1]), package);
    }
}

/// Reads a `gradle.lockfile`.
pub(super) fn lockfile(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let mut listing = Listing::default();
    for (number, line) in (1u32..).zip(text(bytes)?.lines().map(str::trim)) {
        if line.is_empty() || line.starts_with('#') || line.starts_with("empty=") {
            continue;
        }
        let (coordinates, _) = line.split_once('=').ok_or(Unreadable::Line { line: number })?;
        let (name, version) = coordinates
            .rsplit_once(':')
            .ok_or(Unreadable::Line { line: number })?;
        listing.add(name, Package::of_version(version));
    }
    Ok(listing)
}

/// Reads a version catalogue (`libs.versions.toml`).
pub(super) fn catalogue(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let catalogue = table(bytes)?;
    let mut listing = Listing::default();
    let versions = catalogue.get("versions");
    for (section, prefix, id) in [("libraries", "", "module"), ("plugins", "plugin ", "id")] {
        let entries = catalogue
            .get(section)
            .and_then(Value::as_table)
            .into_iter()
            .flatten();
        for (_, entry) in entries {
            let field = |name: &str| entry.get(name).and_then(Value::as_str);
            let (name, version) = match (entry.as_str(), field(id)) {
                (Some(text), _) => match text.rsplit_once(':') {
                    Some((name, version)) => (name.to_owned(), Some(version.to_owned())),
                    None => (text.to_owned(), None),
                },
                (None, Some(name)) => (name.to_owned(), version_of(entry, versions)),
                (None, None) => {
                    let name = format!("{}:{}", field("group").unwrap_or(""), field("name").unwrap_or(""));
                    (name, version_of(entry, versions))
                }
            };
            let package = Package {
                version: version.map(clip),
                ..Package::default()
            };
            listing.add(&format!("{prefix}{name}"), package);
        }
    }
    for (name, version) in versions.and_then(Value::as_table).into_iter().flatten() {
        listing.note(clip(format!("versions.{name}")), clip(version.to_string()));
    }
    Ok(listing)
}

fn version_of(entry: &Value, versions: Option<&Value>) -> Option<String> {
    let version = entry.get("version")?;
    let shown = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
    match version.get("ref").and_then(Value::as_str) {
        Some(name) => versions.and_then(|v| v.get(name)).map(shown),
        None => Some(shown(version)),
    }
}

/// Reads the properties of the Gradle or Maven wrapper: which program runs the build.
pub(super) fn wrapper(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let mut listing = Listing::default();
    let mut package = Package::default();
    for line in text(bytes)?.lines().map(str::trim) {
        let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with(['#', '!'])) else {
            continue;
        };
        let value = value.replace("\\:", ":");
        match key.trim() {
            "distributionUrl" => {
                let (folder, file) = value.rsplit_once('/').unwrap_or(("", &value));
                package.version = Some(clip(file));
                package.origin = wrapper_origin(folder);
            }
            "distributionSha256Sum" => package.integrity = Integrity::of(&value),
            "validateDistributionUrl" if value == "true" => {
                listing
                    .guards
                    .insert("validateDistributionUrl".to_owned(), Guard::Hashes);
            }
            _ => {}
        }
        listing.note(clip(key.trim()), clip(value));
    }
    listing.add("the build program", package);
    Ok(listing)
}

fn wrapper_origin(folder: &str) -> Origin {
    let public = [
        "https://services.gradle.org/distributions",
        "https://repo.maven.apache.org/maven2/",
    ];
    match public.iter().any(|known| folder.starts_with(known)) {
        true => Origin::Default,
        false => Origin::url(folder),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_expressions_compile() {
        for expression in [&COORDINATES, &NAMED, &PLUGIN, &FILES, &URL, &APPLY, &RUNS] {
            assert!(!expression.as_str().is_empty());
        }
    }
}
