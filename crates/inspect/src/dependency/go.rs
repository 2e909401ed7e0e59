//! Go modules: `go.mod`, `go.sum`, `go.work`.
//!
//! Source: go.dev/ref/mod.

use super::listing::{Integrity, Listing, Origin, Package, clip};
use crate::unreadable::{Unreadable, text};
use std::collections::BTreeMap;

/// Reads a `go.mod` or a `go.work`: both have the same grammar.
pub(super) fn module(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let mut listing = Listing::default();
    let mut block: Option<String> = None;
    for (number, line) in (1u32..).zip(text(bytes)?.lines()) {
        let line = line.split_once("//").map_or(line, |(line, _)| line).trim();
        if line.is_empty() {
            continue;
        }
        let words: Vec<&str> = line.split_whitespace().map(unquoted).collect();
        match (&block, words.as_slice()) {
            (Some(_), [")"]) => block = None,
            (Some(verb), words) => directive(verb, words, &mut listing, number)?,
            (None, [verb, "("]) => block = Some((*verb).to_owned()),
            (None, [verb, words @ ..]) => directive(verb, words, &mut listing, number)?,
            (None, []) => {}
        }
    }
    match block {
        Some(_) => Err(Unreadable::Missing("closing bracket of its last block")),
        None => Ok(listing),
    }
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['"', '`'])
}

fn directive(verb: &str, words: &[&str], listing: &mut Listing, line: u32) -> Result<(), Unreadable> {
    match (verb, words) {
        ("require", [module, version]) => listing.add(module, Package::of_version(version)),
        ("replace", words) => {
            let arrow = words
                .iter()
                .position(|w| *w == "=>")
                .ok_or(Unreadable::Line { line })?;
            let from = words[..arrow].join(" ");
            let origin = match &words[arrow + 1..] {
                [path] => Origin::path(path),
                [module, version] => Origin::Registry(clip(format!("{module} {version}"))),
                _ => return Err(Unreadable::Line { line }),
            };
            listing.origins.insert(clip(format!("replace {from}")), origin);
        }
        ("exclude" | "retract" | "use" | "tool" | "ignore" | "godebug", words) if !words.is_empty() => {
            listing.note(clip(format!("{verb} {}", words.join(" "))), "");
        }
        ("module" | "go" | "toolchain", words) if !words.is_empty() => {
            listing.note(verb, clip(words.join(" ")))
        }
        _ => return Err(Unreadable::Line { line }),
    }
    Ok(())
}

/// Reads a `go.sum`: hashes of every version that was ever looked at; what is used is in `go.mod`.
pub(super) fn sums(bytes: &[u8]) -> Result<Listing, Unreadable> {
    let mut sums: BTreeMap<(&str, &str), Integrity> = BTreeMap::new();
    for (number, line) in (1u32..).zip(text(bytes)?.lines()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            [module, version, hash] => {
                let (version, file) = match version.strip_suffix("/go.mod") {
                    Some(version) => (version, "go.mod"),
                    None => (*version, "zip"),
                };
                sums.entry((module, version)).or_default().add(file, hash);
            }
            _ => return Err(Unreadable::Line { line: number }),
        }
    }
    let mut listing = Listing::default();
    for ((module, version), integrity) in sums {
        let package = Package::of_version(version);
        listing.add(module, Package { integrity, ..package });
    }
    Ok(listing)
}
