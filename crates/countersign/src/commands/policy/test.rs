//! `policy test`: does a policy find what is expected of it? The policy under test is the file as it lies in the work
//! tree, with the repository's own rules beside it, on top of the built-in floor and of nothing else, so that a case means
//! the same on every machine.

use super::check::{Judged, Start, judge_diff};
use super::expectations::{self, Case, Expectations};
use super::under_test::{UnderTest, under_test};
use crate::cli::PolicyTestArgs;
use crate::error::{CliError, Exit, file_error};
use crate::render::story::counted;
use crate::session::App;
use crate::terminal::{Page, Style};
use countersign_core::id::RepositoryId;
use countersign_git::GitTrees;
use countersign_ports::trees::RepoSource;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// `policy test --json`.
#[derive(Debug, Serialize)]
struct TestWire {
    passed: usize,
    failed: usize,
    cases: Vec<CaseWire>,
}

/// One case.
#[derive(Debug, Serialize)]
struct CaseWire {
    file: String,
    /// From 1.
    line: usize,
    name: String,
    passed: bool,
    /// Expected and not found.
    missing: Vec<String>,
    /// Found and not expected, each with its message.
    unexpected: Vec<FoundWire>,
    /// The risk, where another one was expected.
    risk: Option<RiskWire>,
    /// Why the diff does not apply, if so.
    refused: Option<String>,
}

#[derive(Debug, Serialize)]
struct FoundWire {
    /// `block RULE@PATH`.
    id: String,
    message: String,
}

#[derive(Debug, Serialize)]
struct RiskWire {
    expected: String,
    found: String,
    reasons: Vec<String>,
}

/// `policy test`.
pub(crate) async fn test(app: &App, args: PolicyTestArgs) -> Result<Exit, CliError> {
    let files = match args.files.is_empty() {
        true => expectations::of_repository(&args.repo)?,
        false => args.files,
    };
    let folder = tempfile::tempdir()
        .map_err(|e| file_error("can't make a temporary folder in", &std::env::temp_dir(), &e))?;
    let git = Arc::new(GitTrees::new(folder.path()));
    let (mut page, mut cases) = (Page::new(), Vec::new());
    for file in files {
        let expected = expectations::read(&file)?;
        let under_test = under_test(&expected)?;
        head(&mut page, &expected, &under_test);
        for case in &expected.cases {
            let came_to = one(&git, folder.path(), case, &under_test).await?;
            let wire = wire(&expected.file, case, &came_to);
            line(&mut page, &wire);
            cases.push(wire);
        }
    }
    let failed = cases.iter().filter(|c| !c.passed).count();
    let passed = cases.len() - failed;
    if app.terminal.is_json() {
        app.terminal.print_json(&TestWire {
            passed,
            failed,
            cases,
        });
    } else {
        page.gap();
        let (mark, style) = if failed == 0 {
            ("✓ ", Style::Good)
        } else {
            ("✗ ", Style::Bad)
        };
        page.line(0)
            .add(style, mark)
            .add(Style::Plain, format!("{passed} passed, {failed} failed"));
        app.terminal.print(&page);
    }
    Ok(if failed == 0 { Exit::Ok } else { Exit::Refused })
}

/// Judges one case on a base of its own; the text: why its diff doesn't apply.
async fn one(
    git: &Arc<GitTrees>,
    folder: &Path,
    case: &Case,
    under_test: &UnderTest,
) -> Result<Result<Judged, String>, CliError> {
    let source = RepoSource::folder(RepositoryId::local(1), folder.to_path_buf());
    // The rules lie in the base, as they will; a case may bring others.
    let mut files = under_test.own_rules.clone();
    files.extend(case.files.clone());
    let (planting, id) = (git.clone(), source.id.clone());
    let base = crate::commands::throwaway::blocking(move || planting.plant(&id, &files)).await?;
    let base = match base {
        Ok(base) => base,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let start = Start {
        git: git.clone(),
        source,
        default_commit: base.clone(),
        base,
    };
    let judged = judge_diff(start, case.diff.clone(), under_test.policy.clone()).await?;
    Ok(judged.map_err(|r| format!("the diff does not apply: {} ({})", r.message, r.place)))
}

fn wire(file: &Path, case: &Case, came_to: &Result<Judged, String>) -> CaseWire {
    let (found, risk, refused) = match came_to {
        Err(refused) => (Vec::new(), None, Some(refused.clone())),
        Ok(judged) => {
            let found = judged.violations.iter().map(|v| FoundWire {
                id: format!("{} {}", v.severity, v.id()),
                message: v.message.clone(),
            });
            let other = case.risk.filter(|wanted| *wanted != judged.risk.tier);
            let risk = other.map(|wanted| RiskWire {
                expected: wanted.to_string(),
                found: judged.risk.tier.to_string(),
                reasons: judged.risk.reasons.clone(),
            });
            (found.collect(), risk, None)
        }
    };
    let ids: BTreeSet<String> = found.iter().map(|f| f.id.clone()).collect();
    let missing: Vec<String> = match refused {
        None => case.expect.difference(&ids).cloned().collect(),
        Some(_) => Vec::new(),
    };
    let unexpected: Vec<FoundWire> = found
        .into_iter()
        .filter(|f| !case.expect.contains(&f.id))
        .collect();
    CaseWire {
        file: file.display().to_string(),
        line: case.line,
        name: case.name.clone(),
        passed: missing.is_empty() && unexpected.is_empty() && risk.is_none() && refused.is_none(),
        missing,
        unexpected,
        risk,
        refused,
    }
}

fn head(page: &mut Page, expected: &Expectations, under_test: &UnderTest) {
    page.gap();
    let policy = match &under_test.place {
        Some(path) => format!("  {}", path.display()),
        None => "  the built-in floor alone: there is no policy file above".to_owned(),
    };
    let rules = match under_test.own_rules.len() {
        0 => String::new(),
        files => format!(", with {} of own rules", counted(files, "file")),
    };
    page.line(0)
        .add(Style::Bold, expected.file.display().to_string())
        .add(Style::Dim, format!("  {}", counted(expected.cases.len(), "case")))
        .add(Style::Dim, policy)
        .add(Style::Dim, rules);
}

fn line(page: &mut Page, case: &CaseWire) {
    let (mark, style) = if case.passed {
        ("✓ ", Style::Good)
    } else {
        ("✗ ", Style::Bad)
    };
    let head = page.line(2).add(style, mark).add(Style::Plain, &case.name);
    if case.passed {
        return;
    }
    head.add(Style::Dim, format!("  {}:{}", case.file, case.line));
    if let Some(refused) = &case.refused {
        page.line(6).add(Style::Plain, refused);
    }
    for missing in &case.missing {
        page.line(6)
            .column(Style::Dim, "expected, not found", 21)
            .add(Style::Plain, missing);
    }
    for found in &case.unexpected {
        page.line(6)
            .column(Style::Dim, "found, not expected", 21)
            .add(Style::Plain, &found.id)
            .add(Style::Dim, format!("  {}", found.message));
    }
    if let Some(risk) = &case.risk {
        let text = format!("expected {}, found {}", risk.expected, risk.found);
        page.line(6)
            .column(Style::Dim, "risk", 21)
            .add(Style::Plain, text)
            .add(Style::Dim, format!("  {}", risk.reasons.join(" ")));
    }
}
