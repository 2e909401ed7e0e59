//! Ordinary text: this repository's own files hold no secrets, and the scanner says so.
#![expect(clippy::disallowed_methods, reason = "a test reads the repository's files")]

use crate::salt;
use countersign_scan::Scanner;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders that are not the repository's text.
const NOT_OURS: [&str; 3] = ["target", ".git", "node_modules"];

/// Files that hold made-up secrets on purpose, with the rules that must find them and nothing else. Few: examples of
/// tokens have holes where their random part would be.
const FIXTURES: [(&str, &[&str]); 3] = [
    // The example that Standard Webhooks publishes, with which a reader can check the signature in our documents.
    (
        "crates/countersign/tests/it/noticed.rs",
        &["webhook-signing-secret"],
    ),
    ("crates/integrations/src/webhook.rs", &["webhook-signing-secret"]),
    ("docs/notices.md", &["webhook-signing-secret"]),
];

#[test]
fn this_repository_holds_nothing_that_looks_like_a_secret() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    collect(&root, &mut files);
    let lock = files.iter().any(|f| f.ends_with("Cargo.lock"));
    assert!(
        lock && files.len() > 100,
        "only {} files; the test looks in the wrong place",
        files.len()
    );
    let mut findings = Vec::new();
    for file in files {
        let path = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let content = fs::read(&file).unwrap();
        let scan = Scanner::built_in().scan_named(path.as_bytes(), &content, &salt());
        let allowed = FIXTURES
            .iter()
            .find(|(fixture, _)| *fixture == path)
            .map_or(&[][..], |(_, rules)| rules);
        let hits = scan
            .hits
            .iter()
            .filter(|hit| !allowed.contains(&hit.rule.as_str()));
        findings.extend(hits.map(|hit| format!("{path}: {:?} {}", hit.place, hit.rule)));
        findings.extend(scan.skipped.iter().map(|skipped| format!("{path}: {skipped}")));
    }
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        let ours = !NOT_OURS.iter().any(|name| entry.file_name() == *name);
        if kind.is_dir() && ours {
            collect(&entry.path(), files);
        } else if kind.is_file() && ours {
            files.push(entry.path());
        }
    }
}
