//! Which room may use which library: what speaks SQL, git, syntax trees or the command line lives in one place.

use crate::assert_none;
use crate::packages::dependencies;

/// Who owns what; a name that ends in `-` stands for all that begin with it.
const OWNERS: [(&str, &[&str], &str); 14] = [
    (
        "sea-orm",
        &["store"],
        "nobody else speaks SQL; ask through the `Store` port",
    ),
    (
        "sea-orm-",
        &["store"],
        "nobody else speaks SQL; ask through the `Store` port",
    ),
    (
        "sqlx",
        &["store"],
        "nobody else speaks SQL; ask through the `Store` port",
    ),
    (
        "gix",
        &["git"],
        "nobody else opens repositories; ask through the `Trees` port",
    ),
    (
        "gix-",
        &["git"],
        "nobody else opens repositories; ask through the `Trees` port",
    ),
    ("ast-grep-", &["agent"], "syntax trees belong to the agents"),
    (
        "regorus",
        &["rego"],
        "rules of others are run in one place, which can be left out",
    ),
    (
        "lettre",
        &["integrations"],
        "a mail needs a permit; ask through the `Notifier` port",
    ),
    (
        "reqwest",
        // A forge takes permits by value; the binary's commands call servers of ours, whose own gate decides.
        &["forge", "integrations", "countersign"],
        "what is sent over HTTP needs a permit; ask through a port",
    ),
    (
        "oauth2",
        &["integrations"],
        "whom a provider knows is asked through the `IdentityProvider` port",
    ),
    ("axum", &["server"], "what comes over HTTP has one door"),
    ("clap", &["countersign"], "only the binary has a command line"),
    (
        "anyhow",
        &["countersign"],
        "libraries name their errors, with `thiserror`",
    ),
    (
        "tracing-subscriber",
        &["countersign"],
        "only the binary decides where logs go",
    ),
];

/// What no pure room may use, because it touches the world.
const IMPURE: [&str; 7] = [
    "tokio",
    "async-trait",
    "rustix",
    "tempfile",
    "rand_core",
    "tracing",
    "etcetera",
];

#[test]
fn every_library_stays_with_its_owner() {
    let mut findings = Vec::new();
    for (room, packages) in dependencies() {
        for (library, owners, why) in OWNERS {
            let is_it = |p: &&String| *p == library || (library.ends_with('-') && p.starts_with(library));
            if let Some(found) = packages
                .iter()
                .find(is_it)
                .filter(|_| !owners.contains(&room.as_str()))
            {
                let owners = owners.join(", ");
                findings.push(format!(
                    "`{room}` depends on `{found}`, which only {owners} may: {why}"
                ));
            }
        }
    }
    assert_none(findings);
}

#[test]
fn the_pure_rooms_depend_on_nothing_that_acts() {
    let mut findings = Vec::new();
    for (room, packages) in dependencies()
        .into_iter()
        .filter(|(room, _)| ["core", "ledger", "audit", "scan", "inspect"].contains(&room.as_str()))
    {
        for found in IMPURE.iter().filter(|name| packages.contains(**name)) {
            findings.push(format!(
                "`{room}` is pure and depends on `{found}`: take time, ids, randomness and files as arguments, and \
                 do the acting in `engine` or an adapter"
            ));
        }
    }
    assert_none(findings);
}

#[test]
fn xtask_needs_nothing_but_the_standard_library() {
    let mine = &dependencies()["xtask"];
    assert!(
        mine.is_empty(),
        "xtask depends on {mine:?}; it has to build fast on a fresh machine, so use std"
    );
}

#[test]
fn nothing_depends_on_the_binary_or_the_workshop() {
    let uses = |packages: &std::collections::BTreeSet<String>, name: &str| packages.contains(name);
    let findings = dependencies()
        .into_iter()
        .filter(|(_, p)| uses(p, "countersign") || uses(p, "xtask"));
    assert_none(
        findings
            .map(|(room, _)| format!("`{room}` depends on the binary or on xtask; turn it around"))
            .collect(),
    );
}
