//! What `cargo metadata` says about our packages.

use crate::root;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

/// Name of a room (`core`, `countersign`, `xtask`) → the packages that it normally depends on (or builds with).
pub(crate) fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let words = ["metadata", "--no-deps", "--format-version", "1", "--offline"];
    let output = Command::new(cargo)
        .args(words)
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo prints JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    packages
        .iter()
        .map(|p| (room(text(&p["name"])), normal(p)))
        .collect()
}

/// `countersign-core` → `core`; the binary and xtask keep their names.
pub(crate) fn room(package: &str) -> String {
    package.strip_prefix("countersign-").unwrap_or(package).to_owned()
}

fn normal(package: &Value) -> BTreeSet<String> {
    let all = package["dependencies"]
        .as_array()
        .expect("a list of dependencies");
    let counts = all.iter().filter(|d| d["kind"] != "dev");
    counts.map(|d| text(&d["name"]).to_owned()).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a name")
}
