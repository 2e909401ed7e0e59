//! What a change does to what the repository pulls in from elsewhere, as facts: shown to people, kept as evidence.
//!
//! Read off manifests and lockfiles by the inspect crate; names and versions are untrusted words. The types are
//! the persisted forms of version 1. Nothing here reads a file or weighs a finding.

use crate::path::RepoPath;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which package manager's rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ecosystem {
    /// Rust: cargo.
    Cargo,
    /// JavaScript: npm, pnpm, yarn.
    Npm,
    /// Python: pip, poetry, uv.
    Python,
    /// Go modules.
    Go,
    /// Java: maven, gradle.
    Java,
}

impl Ecosystem {
    /// The word used in texts and files.
    pub fn as_str(self) -> &'static str {
        match self {
            Ecosystem::Cargo => "cargo",
            Ecosystem::Npm => "npm",
            Ecosystem::Python => "python",
            Ecosystem::Go => "go",
            Ecosystem::Java => "java",
        }
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What kind of file says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DependencyFile {
    /// People write it: what is wanted.
    Manifest,
    /// A program writes it: what was chosen.
    Lockfile,
    /// Where packages are fetched from and what may run meanwhile (`.npmrc`, `.cargo/config.toml`).
    Settings,
}

/// What happened to one dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DependencyMove {
    /// It was not there before.
    Added,
    /// It is gone.
    Removed,
    /// A later version.
    Up,
    /// An earlier version.
    Down,
    /// Another version or requirement; which one is later can't be said.
    Altered,
    /// It comes from elsewhere, whatever its version.
    Source,
    /// Same version from the same place, other content.
    Integrity,
}

impl DependencyMove {
    /// The word used in texts and files.
    pub fn as_str(self) -> &'static str {
        match self {
            DependencyMove::Added => "added",
            DependencyMove::Removed => "removed",
            DependencyMove::Up => "up",
            DependencyMove::Down => "down",
            DependencyMove::Altered => "altered",
            DependencyMove::Source => "source",
            DependencyMove::Integrity => "integrity",
        }
    }
}

/// What a file says of one dependency, on one side of the change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DependencyState {
    /// The version, or the requirement as it is written; none where any will do.
    pub version: Option<String>,
    /// Where it comes from, where the file says so: a registry, a git address, an address or a path.
    pub source: Option<String>,
}

/// One dependency that the change touches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DependencyChange {
    /// Whose rules hold.
    pub ecosystem: Ecosystem,
    /// The file that says it.
    pub path: RepoPath,
    /// What kind of file that is.
    pub file: DependencyFile,
    /// The package's name, as the ecosystem spells it.
    pub name: String,
    /// What happened.
    pub what: DependencyMove,
    /// Before; none where it is added.
    pub before: Option<DependencyState>,
    /// After; none where it is removed.
    pub after: Option<DependencyState>,
}

impl fmt::Display for DependencyChange {
    /// `serde 1.0.100 → 1.0.200 (up)`. Names and versions as the file has them: the printer makes them safe.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        let versions = [&self.before, &self.after].map(|side| side.as_ref().map(|s| any(&s.version)));
        match (versions, self.what) {
            ([Some(before), Some(after)], DependencyMove::Source) => {
                let [from, to] =
                    [&self.before, &self.after].map(|s| s.as_ref().and_then(|s| s.source.as_deref()));
                let place = |p: Option<&str>| p.unwrap_or("the default registry").to_owned();
                if before == after {
                    write!(f, " {before}")?;
                } else {
                    write!(f, " {before} → {after}")?;
                }
                write!(f, " (source: {} → {})", place(from), place(to))
            }
            ([Some(before), Some(after)], _) if before == after => {
                write!(f, " {before} ({})", self.what.as_str())
            }
            ([Some(before), Some(after)], _) => write!(f, " {before} → {after} ({})", self.what.as_str()),
            ([Some(only), None] | [None, Some(only)], _) => write!(f, " {only} ({})", self.what.as_str()),
            ([None, None], _) => write!(f, " ({})", self.what.as_str()),
        }
    }
}

fn any(version: &Option<String>) -> &str {
    version.as_deref().unwrap_or("*")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn state(version: &str, source: Option<&str>) -> Option<DependencyState> {
        Some(DependencyState {
            version: Some(version.into()),
            source: source.map(Into::into),
        })
    }

    fn change(
        what: DependencyMove,
        before: Option<DependencyState>,
        after: Option<DependencyState>,
    ) -> DependencyChange {
        DependencyChange {
            ecosystem: Ecosystem::Cargo,
            path: "Cargo.lock".into(),
            file: DependencyFile::Lockfile,
            name: "serde".into(),
            what,
            before,
            after,
        }
    }

    #[test]
    fn a_change_reads_as_one_line() {
        use DependencyMove::*;
        let git = Some("git+https://example.org/serde");
        let table = [
            (
                change(Up, state("1.0.100", None), state("1.0.200", None)),
                "serde 1.0.100 → 1.0.200 (up)",
            ),
            (
                change(Added, None, state("1.0.100", None)),
                "serde 1.0.100 (added)",
            ),
            (
                change(Removed, state("1.0.100", None), None),
                "serde 1.0.100 (removed)",
            ),
            (
                change(Integrity, state("1.0.1", None), state("1.0.1", None)),
                "serde 1.0.1 (integrity)",
            ),
            (
                change(Source, state("1.0.1", None), state("1.0.1", git)),
                "serde 1.0.1 (source: the default registry → git+https://example.org/serde)",
            ),
        ];
        for (change, line) in table {
            assert_eq!(change.to_string(), line);
        }
    }

    #[test]
    fn the_persisted_form_is_read_back_strictly() {
        let change = change(DependencyMove::Up, state("1", None), state("2", Some("registry")));
        let text = serde_json::to_string(&change).unwrap();
        assert_eq!(
            text,
            r#"{"ecosystem":"cargo","path":"Cargo.lock","file":"lockfile","name":"serde","what":"up","before":{"version":"1","source":null},"after":{"version":"2","source":"registry"}}"#
        );
        assert_eq!(serde_json::from_str::<DependencyChange>(&text).unwrap(), change);
        let more = text.replace("\"name\"", "\"colour\":1,\"name\"");
        assert!(serde_json::from_str::<DependencyChange>(&more).is_err());
    }
}
