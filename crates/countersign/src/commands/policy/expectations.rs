//! Files of expectations: strict, so that a case that says nothing can't pass. Reading only.

use crate::commands::files;
use crate::error::{CliError, file_error};
use countersign_core::path::RepoPath;
use countersign_core::policy::{RiskTier, RuleId};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use toml::Spanned;

/// Where a repository keeps them.
pub(super) const FOLDER: &str = ".countersign/tests";
/// Largest file, in bytes.
const FILE_MAX_BYTES: usize = 1 << 20;
/// Most files that one run reads.
const FILES_MAX: usize = 1_000;
/// Most cases of one file.
const CASES_MAX: usize = 500;

/// One file, read and checked.
pub(super) struct Expectations {
    /// As it was named.
    pub(super) file: PathBuf,
    /// The policy that it names itself, beside it.
    pub(super) policy: Option<PathBuf>,
    /// In order.
    pub(super) cases: Vec<Case>,
}

/// One case.
pub(super) struct Case {
    /// What it is called.
    pub(super) name: String,
    /// On which line it is called so, from 1.
    pub(super) line: usize,
    /// The base.
    pub(super) files: BTreeMap<RepoPath, Vec<u8>>,
    /// The change.
    pub(super) diff: Vec<u8>,
    /// Everything that has to be found: `block RULE@PATH`.
    pub(super) expect: BTreeSet<String>,
    /// The risk, where it is said.
    pub(super) risk: Option<RiskTier>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WireFile {
    policy: Option<PathBuf>,
    case: Vec<WireCase>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct WireCase {
    name: Spanned<String>,
    diff: Option<String>,
    diff_file: Option<PathBuf>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    expect: Vec<Spanned<String>>,
    risk: Option<RiskTier>,
}

/// The files of a repository's work tree, by name.
///
/// # Errors
/// When there is none, or there are too many.
pub(super) fn of_repository(repo: &Path) -> Result<Vec<PathBuf>, CliError> {
    let folder = repo.join(FOLDER);
    let none = || {
        let text = format!("there are no expectations in {}", folder.display());
        CliError::refused("no-expectations", text)
            .next("Write some, as docs/policy.md shows, or name files: countersign policy test FILE")
    };
    let listed = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(none()),
        listed => listed.map_err(|e| file_error("can't list", &folder, &e))?,
    };
    let mut found = Vec::new();
    for entry in listed {
        let path = entry.map_err(|e| file_error("can't list", &folder, &e))?.path();
        if path.extension().is_some_and(|e| e == "toml") {
            found.push(path);
        }
        if found.len() > FILES_MAX {
            let text = format!("{} has more than {FILES_MAX} files", folder.display());
            return Err(CliError::refused("too-many-expectations", text));
        }
    }
    found.sort();
    if found.is_empty() { Err(none()) } else { Ok(found) }
}

/// Reads one file.
///
/// # Errors
/// When it can't be read, is not TOML, has unknown keys or words, or a case without a diff. It names file and line.
pub(super) fn read(file: &Path) -> Result<Expectations, CliError> {
    let bytes = files::read("the expectations", file, FILE_MAX_BYTES)?;
    if bytes.len() > FILE_MAX_BYTES {
        let text = format!("{} has more than {FILE_MAX_BYTES} bytes", file.display());
        return Err(CliError::refused("expectation-too-large", text));
    }
    let text = String::from_utf8(bytes).map_err(|e| {
        let at = e.utf8_error().valid_up_to();
        refuse(
            file,
            "whole file",
            format!("it is not UTF-8 (bad byte at offset {at})"),
        )
    })?;
    let wire: WireFile = toml::from_str(&text).map_err(|e| {
        let place = e.span().map_or("whole file".to_owned(), |s| line_of(&text, &s).1);
        refuse(file, &place, e.message().trim_end().to_owned())
    })?;
    if wire.case.is_empty() || wire.case.len() > CASES_MAX {
        let text = format!("a file has 1 to {CASES_MAX} cases");
        return Err(refuse(file, "whole file", text));
    }
    let beside = |path: PathBuf| file.parent().unwrap_or(Path::new(".")).join(path);
    let case = |wire: WireCase| case(file, &text, &beside, wire);
    Ok(Expectations {
        file: file.to_path_buf(),
        policy: wire.policy.map(beside),
        cases: wire.case.into_iter().map(case).collect::<Result<_, _>>()?,
    })
}

fn case(
    file: &Path,
    text: &str,
    beside: &impl Fn(PathBuf) -> PathBuf,
    wire: WireCase,
) -> Result<Case, CliError> {
    let (line, place) = line_of(text, &wire.name.span());
    let name = wire.name.into_inner();
    let diff = match (wire.diff, wire.diff_file) {
        (Some(diff), None) => diff.into_bytes(),
        (None, Some(path)) => files::read_diff(&beside(path))?,
        (Some(_), Some(_)) | (None, None) => {
            let text = format!("the case `{name}` needs either `diff` or `diff-file`");
            return Err(refuse(file, &place, text));
        }
    };
    let mut expect = BTreeSet::new();
    for entry in wire.expect {
        if let Some(problem) = problem(entry.get_ref()) {
            let (_, place) = line_of(text, &entry.span());
            return Err(refuse(file, &place, problem));
        }
        expect.insert(entry.into_inner());
    }
    let files = wire.files.into_iter();
    Ok(Case {
        name,
        line,
        files: files
            .map(|(path, content)| (RepoPath::from_bytes(path), content.into_bytes()))
            .collect(),
        diff,
        expect,
        risk: wire.risk,
    })
}

/// What is wrong with an expected violation, if something is: a typo must not read as "not found".
fn problem(entry: &str) -> Option<String> {
    let form = "write it as `block RULE@PATH` or `warn RULE@PATH`, or `block RULE` where it is about the whole change";
    let Some((weight, id)) = entry.split_once(' ') else {
        return Some(format!("`{entry}` says no weight; {form}"));
    };
    if weight != "block" && weight != "warn" {
        return Some(format!("`{weight}` is not `block` or `warn`; {form}"));
    }
    let rule = id.split_once('@').map_or(id, |(rule, _)| rule);
    let known = |name: &str| RuleId::all().iter().any(|r| r.as_str() == name);
    let custom = rule
        .split_once(':')
        .is_some_and(|(kind, name)| kind == "custom" && !name.is_empty());
    if custom || (rule != "custom" && known(rule)) {
        return None;
    }
    let names: Vec<&str> = RuleId::all()
        .iter()
        .map(|r| r.as_str())
        .filter(|n| *n != "custom")
        .collect();
    Some(format!(
        "there is no rule `{rule}`; the rules are {}, and custom:NAME",
        names.join(", ")
    ))
}

fn refuse(file: &Path, place: &str, message: String) -> CliError {
    CliError::refused(
        "expectation-invalid",
        format!("{}, {place}: {message}", file.display()),
    )
}

/// The line, from 1, and where that is in words.
fn line_of(text: &str, span: &Range<usize>) -> (usize, String) {
    let before = text.get(..span.start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (line, format!("line {line}, column {column}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Expectations, String> {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("x.toml");
        std::fs::write(&file, text).expect("written");
        read(&file).map_err(|e| e.message.replace(&folder.path().display().to_string(), ""))
    }

    #[test]
    fn a_case_says_what_it_starts_from_and_what_is_found() {
        let text = "[[case]]\nname = \"one\"\ndiff = \"x\"\nexpect = [\"block custom:no-todo@a b\", \"warn too-many-files\"]\nrisk = \"high\"\n[case.files]\n\"a b\" = \"1\"\n";
        let read = of(text).expect("it is well formed");
        let case = &read.cases[0];
        assert_eq!((case.name.as_str(), case.line), ("one", 2));
        assert_eq!(case.risk, Some(RiskTier::High));
        assert_eq!(case.files.len(), 1);
        assert_eq!(case.expect.len(), 2);
    }

    #[test]
    fn a_mistake_is_named_with_its_place_and_the_allowed_words() {
        let begin = "[[case]]\nname = \"one\"\n";
        let refused = |rest: &str, words: &[&str]| {
            let message = of(&format!("{begin}{rest}")).err().unwrap_or_default();
            for word in words {
                assert!(message.contains(word), "{word}: {message}");
            }
        };
        refused("expect = []\n", &["line 2", "`diff` or `diff-file`"]);
        refused("diff = \"x\"\n", &["missing field `expect`"]);
        refused(
            "diff = \"x\"\nexpect = [\"frozen-path@a\"]\n",
            &["line 4", "no weight", "`warn RULE@PATH`"],
        );
        refused(
            "diff = \"x\"\nexpect = [\"error frozen-path@a\"]\n",
            &["line 4", "not `block` or `warn`"],
        );
        refused(
            "diff = \"x\"\nexpect = [\"block frozen@a\"]\n",
            &["line 4", "no rule `frozen`", "frozen-path"],
        );
        refused("diff = \"x\"\nexpect = [\"block custom@a\"]\n", &["custom:NAME"]);
        refused(
            "diff = \"x\"\nexpect = []\nrisk = \"huge\"\n",
            &["line 5", "low", "medium", "high"],
        );
        refused("diff = \"x\"\nexpect = []\nexpct = 1\n", &["line 5", "expct"]);
        assert!(of("case = []").is_err_and(|m| m.contains("1 to 500 cases")));
    }
}
