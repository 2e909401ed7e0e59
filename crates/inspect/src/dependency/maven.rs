//! Maven: `pom.xml`.
//!
//! Source: maven.apache.org/pom.html. Document types and entities are refused. Properties of the same file are put
//! in; what parents define stays as written.

use super::listing::{Listing, Origin, Package, clip};
use crate::unreadable::{Unreadable, text};
use countersign_core::dependency::Ecosystem;
use roxmltree::{Document, Node, ParsingOptions};
use std::collections::BTreeMap;

/// Most nodes of a document.
const MAX_NODES: u32 = 500_000;
/// Most nodes of one plugin that are read for what it is told to do.
const MAX_PLUGIN_NODES: usize = 2_000;
/// Plugins that run programs of the build's author.
const RUNNING_PLUGINS: [&str; 9] = [
    "exec-maven-plugin",
    "maven-antrun-plugin",
    "groovy-maven-plugin",
    "gmaven-plugin",
    "gmavenplus-plugin",
    "frontend-maven-plugin",
    "scala-maven-plugin",
    "download-maven-plugin",
    "maven-invoker-plugin",
];

/// Reads a `pom.xml`.
pub(super) fn pom(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let options = ParsingOptions {
        nodes_limit: MAX_NODES,
        ..ParsingOptions::default()
    };
    let document = Document::parse_with_options(text(bytes)?, options).map_err(|e| Unreadable::Syntax {
        format: "XML",
        reason: e.to_string(),
    })?;
    let project = document.root_element();
    let properties = properties(project);
    let mut listing = Listing::default();
    for node in project.descendants().filter(Node::is_element) {
        let parent = node.parent_element().map_or("", |p| p.tag_name().name());
        match (parent, node.tag_name().name()) {
            ("dependencies", "dependency") | ("project", "parent") => {
                listing.add(&coordinates(node, &properties), artifact(node, &properties));
            }
            ("plugins", "plugin") | ("extensions", "extension") => plugin(node, &properties, &mut listing),
            ("repositories", "repository") | ("pluginRepositories", "pluginRepository") => {
                let url = filled(child(node, "url"), &properties);
                let place = format!("{parent} {} {url}", child(node, "id"));
                listing
                    .origins
                    .insert(clip(place), Origin::registry(Ecosystem::Java, &url));
            }
            ("licenses", "license") => {
                let said = listing.licence.take().unwrap_or_default();
                listing.licence = Some(clip(format!("{said}{} ", child(node, "name")).trim_start()));
            }
            ("project", name) if node.children().all(|c| c.is_text()) => {
                listing.note(clip(name), clip(node.text().unwrap_or_default().trim()));
            }
            ("properties" | "modules", name) => {
                let value = node.text().unwrap_or_default().trim();
                listing.note(
                    clip(format!(
                        "{parent}.{name} {}",
                        if parent == "modules" { value } else { "" }
                    )),
                    clip(value),
                );
            }
            _ => {}
        }
    }
    Ok(listing)
}

fn properties(project: Node<'_, '_>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for node in project.descendants().filter(|n| n.has_tag_name_of("properties")) {
        for property in node.children().filter(Node::is_element) {
            let value = property.text().unwrap_or_default().trim().to_owned();
            found.insert(property.tag_name().name().to_owned(), value);
        }
    }
    found.insert("project.version".to_owned(), "${project.version}".to_owned());
    found
}

trait TagNameOf {
    fn has_tag_name_of(&self, name: &str) -> bool;
}

impl TagNameOf for Node<'_, '_> {
    /// Whether the element has that name in whatever namespace.
    fn has_tag_name_of(&self, name: &str) -> bool {
        self.is_element() && self.tag_name().name() == name
    }
}

fn child<'a>(node: Node<'a, '_>, name: &str) -> &'a str {
    let child = node.children().find(|c| c.has_tag_name_of(name));
    child.and_then(|c| c.text()).unwrap_or_default().trim()
}

/// `${NAME}` replaced once, where the file defines it.
fn filled(value: &str, properties: &BTreeMap<String, String>) -> String {
    let name = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let known = name.and_then(|name| properties.get(name));
    known.map_or(value, String::as_str).to_owned()
}

fn coordinates(node: Node<'_, '_>, properties: &BTreeMap<String, String>) -> String {
    let group = filled(child(node, "groupId"), properties);
    format!("{group}:{}", filled(child(node, "artifactId"), properties))
}

fn artifact(node: Node<'_, '_>, properties: &BTreeMap<String, String>) -> Package {
    let version = filled(child(node, "version"), properties);
    let details = ["classifier", "type", "scope", "optional"].map(|name| child(node, name));
    let system = child(node, "systemPath");
    Package {
        version: (!version.is_empty()).then(|| clip(version)),
        origin: if system.is_empty() {
            Origin::Default
        } else {
            Origin::path(system)
        },
        extra: clip(details.concat()),
        ..Package::default()
    }
}

fn plugin(node: Node<'_, '_>, properties: &BTreeMap<String, String>, listing: &mut Listing) {
    let name = coordinates(node, properties);
    let artifact_id = child(node, "artifactId");
    if RUNNING_PLUGINS.contains(&artifact_id) {
        // What its own dependencies are is listed beside; only what it is told to do counts here.
        let told = node.children().filter(|c| {
            !["dependencies", "version"]
                .iter()
                .any(|name| c.has_tag_name_of(name))
        });
        let words = told
            .flat_map(|c| c.descendants())
            .take(MAX_PLUGIN_NODES)
            .filter(Node::is_text);
        let said: Vec<&str> = words
            .filter_map(|n| n.text())
            .map(str::trim)
            .filter(|t| !t.is_empty())
            .collect();
        let place = format!("plugin {artifact_id}");
        let before = listing.programs.remove(&place).unwrap_or_default();
        listing
            .programs
            .insert(place, clip(format!("{before}{} ", said.join(" "))));
    }
    if child(node, "extensions") == "true" {
        listing.programs.insert(
            clip(format!("extension {name}")),
            "loaded into the build".to_owned(),
        );
    }
    listing.add(&format!("plugin {name}"), artifact(node, properties));
}
