//! Yarn: `yarn.lock` (classic and berry), `.yarnrc`, `.yarnrc.yml`.
//!
//! Source: classic.yarnpkg.com/lang/en/docs/yarn-lock, yarnpkg.com/configuration/yarnrc.

use super::listing::{Guard, Integrity, Listing, Origin, Package, clip};
use super::npm::{locked, required};
use crate::unreadable::{Unreadable, text};
use crate::yaml::{Node, Yaml};
use countersign_core::dependency::Ecosystem;

/// Reads a `yarn.lock` of either kind.
pub(super) fn lockfile(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let text = text(bytes)?;
    if text.contains("\n__metadata:") || text.starts_with("__metadata:") {
        return berry(text);
    }
    classic(text)
}

/// The name in front of `@REQUIREMENT`; scoped names begin with an `@` of their own.
fn name_of(pattern: &str) -> &str {
    let at = pattern.char_indices().skip(1).find(|(_, c)| *c == '@');
    at.map_or(pattern, |(at, _)| &pattern[..at])
}

#[derive(Default)]
struct Block {
    names: Vec<String>,
    version: String,
    resolved: Option<String>,
    integrity: Option<String>,
}

impl Block {
    fn close(self, listing: &mut Listing) {
        let mut names: Vec<&str> = self.names.iter().map(|pattern| name_of(pattern)).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            let alias = self.names.iter().find_map(|pattern| {
                let rest = pattern.strip_prefix(name)?.strip_prefix("@npm:")?;
                rest.trim_start_matches('@')
                    .contains('@')
                    .then(|| name_of(rest).to_owned())
            });
            let real = alias.as_deref().unwrap_or(name);
            let (resolved, integrity) = (self.resolved.as_deref(), self.integrity.as_deref());
            let mut package = locked(real, Some(&self.version), resolved, integrity);
            if real != name && package.origin == Origin::Default {
                package.origin = Origin::Alias(clip(real));
            }
            if resolved.is_none() {
                package.origin = self.names.first().map_or(Origin::Default, |pattern| {
                    required(pattern.get(name.len() + 1..).unwrap_or_default()).origin
                });
            }
            listing.add(name, package);
        }
    }
}

fn classic(text: &str) -> Result<Listing, Unreadable> {
    let mut listing = Listing::default();
    let mut block = Block::default();
    for (number, line) in (1u32..).zip(text.lines()) {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if !line.starts_with(' ') {
            std::mem::take(&mut block).close(&mut listing);
            let header = line.strip_suffix(':').ok_or(Unreadable::Line { line: number })?;
            let patterns = header.split(", ").map(|p| p.trim_matches('"').to_owned());
            block.names = patterns.filter(|p| !p.is_empty()).collect();
            continue;
        }
        let Some(field) = line.strip_prefix("  ").filter(|f| !f.starts_with(' ')) else {
            continue;
        };
        let (key, value) = field.split_once(' ').unwrap_or((field, ""));
        let value = value.trim_matches('"').to_owned();
        match key {
            "version" => block.version = value,
            "resolved" => block.resolved = Some(value),
            "integrity" => block.integrity = Some(value),
            _ => {}
        }
    }
    block.close(&mut listing);
    Ok(listing)
}

fn berry(text: &str) -> Result<Listing, Unreadable> {
    let yaml = Yaml::parse(text)?;
    let root = yaml.root().ok_or(Unreadable::Missing("content"))?;
    let mut listing = Listing::default();
    for (key, entry) in root.entries() {
        let key = key.text().unwrap_or_default();
        if key == "__metadata" {
            for (name, value) in entry.entries() {
                listing.note(clip(format!("__metadata.{}", name.short())), clip(value.short()));
            }
            continue;
        }
        let resolution = entry.get_text("resolution").unwrap_or_default();
        if let Some((_, folder)) = resolution.split_once("@workspace:") {
            listing.members.insert(clip(folder));
        }
        let mut names: Vec<&str> = key.split(", ").map(name_of).collect();
        names.dedup();
        for name in names {
            listing.add(name, resolved(name, resolution, entry));
        }
    }
    Ok(listing)
}

/// A berry package: `NAME@PROTOCOL:REFERENCE` says where it comes from.
fn resolved(name: &str, resolution: &str, entry: Node<'_>) -> Package {
    let mut package = Package {
        version: entry.get_text("version").map(clip),
        integrity: entry.get_text("checksum").map(Integrity::of).unwrap_or_default(),
        ..Package::default()
    };
    let real = name_of(resolution);
    let reference = resolution.get(real.len() + 1..).unwrap_or_default();
    package.origin = match reference.strip_prefix("npm:") {
        Some(rest) => match rest.split_once("__archiveUrl=") {
            Some((_, archive)) => {
                let address = archive.replace("%3A", ":").replace("%2F", "/");
                locked(real, None, Some(&address), None).origin
            }
            None if real != name && !real.is_empty() => Origin::Alias(clip(real)),
            None => Origin::Default,
        },
        None => {
            let wanted = required(reference);
            if let (Origin::Git(_), Some(commit)) = (&wanted.origin, &wanted.version) {
                let version = package.version.unwrap_or_default();
                package.version = Some(clip(format!("{version} at {commit}")));
            }
            wanted.origin
        }
    };
    package
}

/// Reads a classic `.yarnrc`.
pub(super) fn yarnrc(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let mut listing = Listing::default();
    for line in text(bytes)?.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (key, value) = (key.trim_matches(['"', ':']), value.trim().trim_matches('"'));
        if key == "registry" || key.ends_with(":registry") {
            listing
                .origins
                .insert(clip(key), Origin::registry(Ecosystem::Npm, value));
        }
        match key {
            "yarn-path" | "script-shell" => {
                listing.programs.insert(key.to_owned(), clip(value));
            }
            "ignore-scripts" | "--install.ignore-scripts" if value == "true" => {
                listing.guards.insert(key.to_owned(), Guard::Scripts);
            }
            _ => {}
        }
        listing.note(clip(key), clip(value));
    }
    Ok(listing)
}

/// Reads a berry `.yarnrc.yml`.
pub(super) fn yarnrc_yml(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let yaml = Yaml::parse(text(bytes)?)?;
    let mut listing = Listing::default();
    let Some(root) = yaml.root() else {
        return Ok(listing);
    };
    for (key, value) in root.entries() {
        let key = key.text().unwrap_or_default();
        let value_text = value.text().unwrap_or_default();
        match key {
            "npmRegistryServer" => {
                let origin = Origin::registry(Ecosystem::Npm, value_text);
                listing.origins.insert(key.to_owned(), origin);
            }
            "npmScopes" | "npmRegistries" => scopes(key, value, &mut listing),
            "yarnPath" | "plugins" => {
                listing.programs.insert(key.to_owned(), clip(value.short()));
            }
            "enableScripts" if value_text == "false" => {
                listing.guards.insert(key.to_owned(), Guard::Scripts);
            }
            "checksumBehavior" if value_text == "throw" => {
                listing.guards.insert(key.to_owned(), Guard::Hashes);
            }
            _ => {}
        }
        let secret = key.contains("Auth") || key == "npmScopes" || key == "npmRegistries";
        listing.note(
            clip(key),
            if secret {
                String::new()
            } else {
                clip(value.short())
            },
        );
    }
    Ok(listing)
}

fn scopes(place: &str, scopes: Node<'_>, listing: &mut Listing) {
    for (scope, entry) in scopes.entries() {
        if let Some(url) = entry.get_text("npmRegistryServer") {
            let name = format!("{place}.{}", scope.short());
            listing
                .origins
                .insert(clip(name), Origin::registry(Ecosystem::Npm, url));
        }
    }
}
