//! Licences: their files, what manifests claim, and notices at the top of sources.

use crate::dependency::Compared;
use crate::expression::compile;
use crate::seen::Seen;
use crate::shown::{count, shown};
use crate::{Finding, Rule};
use countersign_core::path::RepoPath;
use regex::Regex;
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Lines that say whose code it is and under which terms.
static NOTICE: LazyLock<Regex> = LazyLock::new(|| {
    compile(
        r"SPDX-(?:License-Identifier|FileCopyrightText)\s*:|\b[Cc]opyright\s+(?:\([Cc]\)|©|\d{4})|©\s*\d{4}|^\W*[Ll]icensed under the\b",
    )
});

/// Everything of this kind in a change.
pub(crate) fn inspect(files: &[Seen<'_>], manifests: &[Compared<'_>]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = files.iter().filter_map(licence_file).collect();
    findings.extend(manifests.iter().filter_map(claim));
    findings.extend(files.iter().filter_map(lost_notices));
    findings
}

fn is_licence(path: &RepoPath) -> bool {
    let Some(path) = path.as_str() else { return false };
    let upper = path.to_ascii_uppercase();
    let (folder, name) = upper.rsplit_once('/').unwrap_or(("", &upper));
    let stem = name.split(['.', '-', '_']).next().unwrap_or(name);
    let code = [
        ".RS", ".PY", ".JS", ".TS", ".GO", ".JAVA", ".RB", ".TSX", ".JSX", ".C", ".H", ".CS", ".SH",
    ];
    let named = matches!(
        stem,
        "LICENSE" | "LICENCE" | "LICENSES" | "COPYING" | "NOTICE" | "COPYRIGHT" | "UNLICENSE" | "PATENTS"
    );
    (named && !code.iter().any(|ending| name.ends_with(ending))) || folder == "LICENSES"
}

fn licence_file(seen: &Seen<'_>) -> Option<Finding> {
    let [old, new] = [seen.old_path(), seen.new_path()].map(|path| path.is_some_and(is_licence));
    let what = match (old, new) {
        (false, false) => return None,
        (false, true) => "is added",
        (true, false) => "goes",
        (true, true) if seen.old == seen.new => "moves",
        (true, true) => "changes",
    };
    let lines = seen.added.iter().map(|line| line.number).collect();
    Some(seen.finding(Rule::Licence, lines, format!("A file about licences {what}.")))
}

/// The licence that a manifest claims.
fn claim(manifest: &Compared<'_>) -> Option<Finding> {
    let [before, after] = [&manifest.before, &manifest.after].map(|listing| listing.licence.as_deref());
    let seen = manifest.seen;
    if before == after || !manifest.compares_claims() || seen.new.is_none() {
        return None;
    }
    let said = |claim: Option<&str>| claim.map_or("none".to_owned(), shown);
    let text = format!(
        "The licence that the package claims changes from {} to {}.",
        said(before),
        said(after)
    );
    Some(seen.finding(Rule::Licence, seen.added_lines_with("icense"), text))
}

/// Notices that go from a file that stays; another year is no loss.
fn lost_notices(seen: &Seen<'_>) -> Option<Finding> {
    seen.new?;
    let notices = |lines: &[crate::seen::Line<'_>]| -> Vec<String> {
        let texts = lines.iter().map(|line| line.text().into_owned());
        texts.filter(|text| NOTICE.is_match(text)).collect()
    };
    let kept: BTreeSet<String> = notices(&seen.added)
        .iter()
        .map(|text| without_years(text))
        .collect();
    let lost: Vec<String> = notices(&seen.removed)
        .into_iter()
        .filter(|text| !kept.contains(&without_years(text)))
        .collect();
    let first = lost.first()?;
    if is_licence(seen.path()) {
        return None; // There is a finding on the whole file.
    }
    let text = format!(
        "{} about copyright or licence removed: `{}`.",
        count(lost.len(), "line"),
        shown(first.trim())
    );
    Some(seen.finding(Rule::Licence, Vec::new(), text))
}

fn without_years(text: &str) -> String {
    text.chars().filter(|c| c.is_alphabetic()).collect()
}

#[cfg(test)]
mod tests {
    use crate::scenario::Scenario;

    fn edit(path: &str, old: &str, new: &str) -> Vec<String> {
        let said = Scenario::default().edit(path, old, new).sentences();
        said.into_iter().filter(|s| s.starts_with("licence")).collect()
    }

    #[test]
    fn licence_files_are_known_by_name() {
        for path in [
            "LICENSE",
            "licence.txt",
            "COPYING.LESSER",
            "LICENSE-MIT",
            "vendor/x/NOTICE",
            "LICENSES/MIT.txt",
        ] {
            assert_eq!(
                edit(path, "a\n", "b\n"),
                [format!("licence@{path}:1 A file about licences changes.")]
            );
        }
        for path in [
            "src/license.rs",
            "docs/licensing.md",
            "src/notice_board.py",
            "a/notices/x.txt",
        ] {
            assert_eq!(edit(path, "a\n", "b\n"), [""; 0], "{path}");
        }
        assert_eq!(
            Scenario::default().delete("LICENSE", "a\n").sentences(),
            ["licence@LICENSE: A file about licences goes."]
        );
    }

    #[test]
    fn claims_of_manifests_are_compared() {
        let cargo = "[package]\nname = \"a\"\nlicense = \"MIT\"\n";
        assert_eq!(
            edit("Cargo.toml", cargo, &cargo.replace("MIT", "GPL-3.0")),
            ["licence@Cargo.toml:3 The licence that the package claims changes from MIT to GPL-3.0."]
        );
        assert_eq!(
            edit("Cargo.toml", cargo, &cargo.replace("\"a\"", "\"b\"")),
            [""; 0]
        );
        assert_eq!(edit("package.json", "{\"license\": \"MIT\"}", "{}").len(), 1);
    }

    #[test]
    fn notices_that_go_are_said_and_another_year_is_not() {
        let old = "// Copyright (c) 2020 The Authors\n// SPDX-License-Identifier: MIT\nfn main() {}\n";
        assert_eq!(
            edit("a.rs", old, "fn main() {}\n"),
            [
                "licence@a.rs: 2 lines about copyright or licence removed: `// Copyright (c) 2020 The Authors`."
            ]
        );
        assert_eq!(edit("a.rs", old, &old.replace("2020", "2020-2026")), [""; 0]);
        assert_eq!(edit("a.rs", old, &old.replace("MIT", "GPL-3.0-only")).len(), 1);
        assert_eq!(edit("a.rs", "// about copyright law\n", "// nothing\n"), [""; 0]);
        assert_eq!(Scenario::default().delete("a.rs", old).rules(), [""; 0]);
    }
}
