//! The walls of the house, held by tests: what ARCHITECTURE.md allows is what Cargo.toml files and sources do.
//!
//! Read `arrows` for who may use whom, `outside` for who may use which library, `sources` for what must not be
//! written where, `invariants` for which test holds which promise. Each failure says how to fix it.

mod arrows;
mod invariants;
mod outside;
mod packages;
mod sources;

use std::path::{Path, PathBuf};

/// The workspace's folder.
fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask
        .parent()
        .expect("xtask is a folder of the workspace")
        .to_owned()
}

/// Fails with all findings at once.
fn assert_none(findings: Vec<String>) {
    assert!(findings.is_empty(), "\n\n{}\n", findings.join("\n"));
}
