//! From flags to a submission: repositories are looked at and registered, texts read, bodies kept. Nothing starts here.

use super::import::{self, Imported};
use super::{files, proposer};
use crate::cli::StartFlags;
use crate::cli::repo_spec::{self, RepoSpec};
use crate::config::Settings;
use crate::desk::Desk;
use crate::error::CliError;
use crate::render::story::counted;
use crate::session::Session;
use crate::terminal::{Page, Style};
use countersign_core::act::Attendance;
use countersign_core::budget::{BudgetAsked, read_time_ms};
use countersign_core::command::{IMPORTED_FROM, ISSUE, started_from};
use countersign_core::feedback::{
    AgentSpec, FEEDBACK_MAX_BYTES, Feedback, FeedbackOrigin, Metadata, RepoRole, RepoSelection,
    SubmittedDiff, UNTRUSTED, WORDS_OF, check_given_metadata, check_metadata,
};
use countersign_core::id::BranchName;
use countersign_core::policy;
use countersign_core::workflow::Submission;
use countersign_ports::directory::{Directory as _, FoundRepository};
use countersign_ports::store::RepositoryRow;
use countersign_ports::trees::{Heads, Probe, RepoPlace, Trees as _};
use countersign_server::client::{ChosenRepository, NewAgent, NewBudget, NewDiff, NewWorkflow};
use std::path::{Path, PathBuf};

/// Most branches that an error names.
const BRANCHES_NAMED: usize = 6;

/// The same for a server: repositories by the names that it knows them by, and no command as a proposer.
///
/// # Errors
/// When something is missing or can't be used; nothing was started.
pub(super) async fn for_server(
    desk: &Desk,
    flags: &StartFlags,
    imported: Option<Imported>,
) -> Result<NewWorkflow, CliError> {
    let rows = desk.repositories().await?;
    let known = |path: &Path| rows.iter().any(|r| Path::new(&r.name) == path);
    let mut selections = Vec::new();
    for text in &flags.repos {
        let spec = repo_spec::parse(text, known);
        let row = rows
            .iter()
            .find(|r| Path::new(&r.name) == spec.path)
            .ok_or_else(|| {
                let names: Vec<&str> = rows.iter().map(|r| r.name.as_str()).collect();
                let next = match names.is_empty() {
                    true => {
                        "An owner registers one: countersign repo add /PATH/THERE --server URL".to_owned()
                    }
                    false => format!("It knows: {}.", names.join(", ")),
                };
                let text = format!("the server has no repository `{}`", spec.path.display());
                CliError::refused("unknown-repository", text).next(next)
            })?;
        let base = spec.reference.as_deref().map(BranchName::parse).transpose();
        selections.push(RepoSelection {
            id: row.id.clone(),
            name: row.name.clone(),
            role: spec.role,
            base: base.map_err(|e| CliError::usage("bad-branch", e.to_string()))?,
        });
    }
    let issue = read_words(&desk.app.settings, flags, imported).await?;
    if let (true, Some(Words::Imported(imported))) = (selections.is_empty(), &issue) {
        selections.push(of_an_issue(imported, &rows)?);
    }
    let agent = match proposer::read(flags)? {
        proposer::Proposer::Codemod => NewAgent::Codemod,
        proposer::Proposer::Scripted(file) => NewAgent::Scripted {
            script: proposer::script_for_server(&file)?,
        },
        proposer::Proposer::Command { .. } => {
            let text = "a server runs no command that comes from elsewhere";
            return Err(CliError::refused("command-over-server", text)
                .next("Run it on the server's machine, or let it make a diff and give that: --diff FILE"));
        }
    };
    let mut diffs = Vec::new();
    for Diff { repository, bytes } in read_diffs(flags, &selections)? {
        let diff = String::from_utf8(bytes).map_err(|_| {
            CliError::refused(
                "diff-not-utf8",
                format!("the diff for {} is not UTF-8", repository.name),
            )
            .next("Submit it on the server's machine.")
        })?;
        diffs.push(NewDiff {
            repository: repository.name,
            diff,
        });
    }
    let repository = |r: RepoSelection| ChosenRepository {
        name: r.name,
        role: Some(match r.role {
            RepoRole::Primary => "primary".to_owned(),
            RepoRole::Secondary => "secondary".to_owned(),
        }),
        base: r.base.map(|b| b.to_string()),
    };
    Ok(NewWorkflow {
        text: issue
            .map(|words| words.feedback().text.clone())
            .unwrap_or_default(),
        issue: None,
        repositories: selections.into_iter().map(repository).collect(),
        agent: diffs.is_empty().then_some(agent),
        diffs,
        again: flags.again,
        metadata: metadata(&flags.metadata)?,
        budget: over_http(budget(flags)?),
        unattended: flags.yes,
    })
}

/// Reads everything that the flags name; `imported` is the issue, where it was read already.
///
/// # Errors
/// When something is missing or can't be used; nothing was started.
pub(super) async fn read(
    session: &Session,
    flags: &StartFlags,
    imported: Option<Imported>,
) -> Result<Submission, CliError> {
    let rows = session.store.repositories().await?;
    let known = |path: &Path| path.exists() || on_a_host(&rows, path).is_some();
    let specs: Vec<RepoSpec> = flags.repos.iter().map(|r| repo_spec::parse(r, known)).collect();
    let is_imported = imported.is_some() || flags.issue.as_deref().is_some_and(is_address);
    let of_the_issue = is_imported && specs.is_empty();
    if !of_the_issue && specs.iter().filter(|s| s.role == RepoRole::Primary).count() != 1 {
        let (text, next) = match specs.is_empty() {
            true => ("no --repo names a repository", "Add one: --repo PATH"),
            false => (
                "exactly one --repo has to be the primary one",
                "Add `:secondary` to every other --repo.",
            ),
        };
        return Err(CliError::usage("one-primary", text).next(next));
    }
    // Texts first: a mistake in them should not register anything.
    let mut metadata = metadata(&flags.metadata)?;
    let budget = budget(flags)?;
    refuse_broken_baseline(session)?;
    let issue = read_words(&session.app.settings, flags, imported).await?;
    if let Some(Words::Imported(imported)) = &issue {
        let from = started_from(&imported.repository.id, imported.number);
        metadata.insert(ISSUE.to_owned(), imported.place.clone());
        metadata.insert(IMPORTED_FROM.to_owned(), from);
        if !imported.author.is_trusted() {
            metadata.insert(WORDS_OF.to_owned(), UNTRUSTED.to_owned());
        }
        check_metadata(&metadata).map_err(|e| CliError::refused(e.code(), e.to_string()))?;
    }
    let agent = proposer::read(flags)?;
    let mut repositories = Vec::new();
    for spec in &specs {
        repositories.push(
            match on_a_host(&rows, &spec.path).filter(|_| !spec.path.exists()) {
                Some(row) => select_row(session, row, spec).await?,
                None => select(session, spec).await?,
            },
        );
    }
    if let (true, Some(Words::Imported(imported))) = (of_the_issue, &issue) {
        repositories.push(of_an_issue(imported, &rows)?);
    }
    if let Some(twice) = repositories
        .iter()
        .find(|r| repositories.iter().filter(|o| o.id == r.id).count() > 1)
    {
        let text = format!("the repository {} is named twice", twice.name);
        return Err(CliError::usage("repository-twice", text).next("Name each repository once."));
    }
    let diffs = read_diffs(flags, &repositories)?;
    let feedback = match issue {
        Some(words) => words.feedback().clone(),
        None => words_for(&diffs)?,
    };
    let agent = if diffs.is_empty() {
        proposer::keep(session, agent).await?
    } else {
        keep_diffs(session, diffs).await?
    };
    let (started_by, _) = session.member().await?;
    let attendance = if flags.yes {
        Attendance::Unattended
    } else {
        Attendance::Attended
    };
    Ok(Submission {
        feedback,
        repositories,
        agent,
        started_by,
        attendance,
        again: flags.again,
        metadata,
        budget: Some(budget),
        signature: None,
    })
}

/// `--budget-calls` and `--budget-time`.
fn budget(flags: &StartFlags) -> Result<BudgetAsked, CliError> {
    let time = |text: &String| {
        read_time_ms(text).ok_or_else(|| {
            CliError::usage("bad-budget", format!("--budget-time {text}: that is no time"))
                .next("Such as: --budget-time 10m")
        })
    };
    let asked = BudgetAsked {
        agent_calls: flags.budget_calls,
        agent_time_ms: flags.budget_time.as_ref().map(time).transpose()?,
    };
    asked
        .check()
        .map_err(|e| CliError::refused(e.code(), e.to_string()))?;
    Ok(asked)
}

fn over_http(asked: BudgetAsked) -> Option<NewBudget> {
    let BudgetAsked {
        agent_calls,
        agent_time_ms,
    } = asked;
    (asked != BudgetAsked::default()).then_some(NewBudget {
        agent_calls,
        agent_time_ms,
    })
}

/// `--metadata KEY=VALUE`.
///
/// # Errors
/// When one is no pair, is there twice, or is longer than metadata may be.
pub(super) fn metadata(texts: &[String]) -> Result<Metadata, CliError> {
    let mut pairs = Metadata::new();
    for text in texts {
        let bad = |why: &str| {
            CliError::usage("bad-metadata", format!("--metadata {text}: {why}"))
                .next("Such as: --metadata ticket=PAY-17")
        };
        let (key, value) = text.split_once('=').ok_or_else(|| bad("there is no `=` in it"))?;
        if pairs.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(bad("that key is there twice"));
        }
    }
    check_given_metadata(&pairs).map_err(|e| CliError::refused(e.code(), e.to_string()))?;
    Ok(pairs)
}

/// What a person wrote, and where it is from.
enum Words {
    /// A file.
    Read(Feedback),
    /// An issue on GitHub.
    Imported(Box<Imported>),
}

impl Words {
    fn feedback(&self) -> &Feedback {
        match self {
            Words::Read(feedback) => feedback,
            Words::Imported(imported) => &imported.feedback,
        }
    }
}

fn is_address(issue: &Path) -> bool {
    issue.to_str().is_some_and(import::is_address)
}

/// `--issue`, unless it was read already.
async fn read_words(
    settings: &Settings,
    flags: &StartFlags,
    imported: Option<Imported>,
) -> Result<Option<Words>, CliError> {
    if let Some(imported) = imported {
        return Ok(Some(Words::Imported(Box::new(imported))));
    }
    let Some(issue) = flags.issue.as_deref() else {
        return Ok(None);
    };
    match issue.to_str().filter(|text| import::is_address(text)) {
        Some(address) => {
            let imported = import::issue(&settings.hosting()?, address).await?;
            Ok(Some(Words::Imported(Box::new(imported))))
        }
        None => Ok(Some(Words::Read(read_issue(issue)?))),
    }
}

/// The registered repository on a host that is called so: by its short name, by `OWNER/NAME`, or by its id.
fn on_a_host<'r>(rows: &'r [RepositoryRow], path: &Path) -> Option<&'r RepositoryRow> {
    let text = path.to_str()?;
    rows.iter()
        .find(|row| row.id.forge.is_remote() && is_called(row, text))
}

/// Whether somebody who says that means it. Of a server's repositories only the short name and the id are known.
pub(super) fn is_called(row: &RepositoryRow, text: &str) -> bool {
    let in_full = match &row.place {
        RepoPlace::Folder(_) => false,
        RepoPlace::Remote(at) => at.full_name.eq_ignore_ascii_case(text),
    };
    in_full || row.name == text || row.id.to_string() == text
}

/// The issue's own repository, which has to be registered: that is a decision of its own.
fn of_an_issue(imported: &Imported, rows: &[RepositoryRow]) -> Result<RepoSelection, CliError> {
    let found = &imported.repository;
    let row = rows.iter().find(|row| row.id == found.id).ok_or_else(|| {
        let text = format!("{} is not registered", found.full_name);
        CliError::refused("unknown-repository", text).next(format!(
            "Register it: countersign repo add --github {}",
            found.full_name
        ))
    })?;
    Ok(RepoSelection {
        id: row.id.clone(),
        name: row.name.clone(),
        role: RepoRole::Primary,
        base: None,
    })
}

fn read_issue(path: &Path) -> Result<Feedback, CliError> {
    let bytes = files::read("the issue", path, FEEDBACK_MAX_BYTES)?;
    Feedback::read(FeedbackOrigin::Issue, &bytes).map_err(|error| {
        let code = error.code();
        let message = if bytes.len() > FEEDBACK_MAX_BYTES {
            format!("the issue text has more than {FEEDBACK_MAX_BYTES} bytes; no more are read")
        } else {
            error.to_string()
        };
        CliError::refused(code, message).next(format!("Correct {} and run it again.", path.display()))
    })
}

/// A ready-made diff with the repository it is for.
struct Diff {
    repository: RepoSelection,
    bytes: Vec<u8>,
}

fn read_diffs(flags: &StartFlags, repositories: &[RepoSelection]) -> Result<Vec<Diff>, CliError> {
    let mut diffs: Vec<Diff> = Vec::new();
    for text in &flags.diffs {
        let (repository, file) = meant(text, repositories)?;
        if diffs.iter().any(|d| d.repository.id == repository.id) {
            let text = format!("there are two diffs for {}", repository.name);
            return Err(CliError::usage("two-diffs", text).next("Give one --diff per repository."));
        }
        diffs.push(Diff {
            repository,
            bytes: files::read_diff(&file)?,
        });
    }
    Ok(diffs)
}

/// `[REPO=]FILE`; a file of that whole name wins.
fn meant(text: &str, repositories: &[RepoSelection]) -> Result<(RepoSelection, PathBuf), CliError> {
    let named = text.split_once('=').filter(|_| !Path::new(text).exists());
    let found = match named {
        Some((name, file)) => repositories.iter().find(|r| r.name == name).map(|r| (r, file)),
        None => repositories
            .iter()
            .find(|r| r.role == RepoRole::Primary)
            .map(|r| (r, text)),
    };
    let Some((repository, file)) = found else {
        let names: Vec<&str> = repositories.iter().map(|r| r.name.as_str()).collect();
        let what = text.split('=').next().unwrap_or_default();
        let text = format!("--diff {text}: `{what}` is none of the repositories of this run");
        return Err(
            CliError::usage("unknown-repository", text).next(format!("They are: {}.", names.join(", ")))
        );
    };
    Ok((repository.clone(), PathBuf::from(file)))
}

/// Words for a diff that came without any; they name its bytes, so that another diff is another request.
fn words_for(diffs: &[Diff]) -> Result<Feedback, CliError> {
    let mut text = "Apply the submitted change\n".to_owned();
    for diff in diffs {
        let hash = countersign_core::digest::BodyHash::of_bytes(&diff.bytes).to_hex();
        text.push_str(&format!("\n{}: SHA-256 {hash}", diff.repository.name));
    }
    text.push('\n');
    Feedback::read(FeedbackOrigin::Diff, text.as_bytes())
        .map_err(|e| CliError::internal(e.code(), e.to_string()))
}

async fn keep_diffs(session: &Session, diffs: Vec<Diff>) -> Result<AgentSpec, CliError> {
    let mut kept = Vec::new();
    for Diff { repository, bytes } in diffs {
        kept.push(SubmittedDiff {
            repository: repository.id,
            diff: session.store.put_body(&bytes).await?,
        });
    }
    Ok(AgentSpec::Diff { diffs: kept })
}

async fn select(session: &Session, spec: &RepoSpec) -> Result<RepoSelection, CliError> {
    let (probe, row) = register(session, &spec.path).await?;
    let selected = select_row(session, &row, spec).await?;
    say_uncommitted(session, &row, &probe);
    Ok(selected)
}

async fn select_row(
    session: &Session,
    row: &RepositoryRow,
    spec: &RepoSpec,
) -> Result<RepoSelection, CliError> {
    let heads = heads(session, row).await?;
    let base = spec
        .reference
        .as_deref()
        .map(|name| base(name, row, &heads))
        .transpose()?;
    Ok(RepoSelection {
        id: row.id.clone(),
        name: row.name.clone(),
        role: spec.role,
        base,
    })
}

/// Looks at a folder and registers its repository.
///
/// # Errors
/// When it is none that can be used.
/// A mistake in the organisation's policy would end the workflow as declined; it is said before anything starts.
fn refuse_broken_baseline(session: &Session) -> Result<(), CliError> {
    let file = session.app.folder.baseline();
    let broken = |why: String| {
        let text = format!("the organisation's policy {}: {why}", file.display());
        CliError::refused("policy-unreadable", text).next("Correct that file and run it again.")
    };
    let Some(bytes) = session.ports.baseline.read().map_err(&broken)? else {
        return Ok(());
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| broken("it is not UTF-8".to_owned()))?;
    policy::parse(text).map(drop).map_err(|e| broken(e.to_string()))
}

pub(super) async fn register(session: &Session, path: &Path) -> Result<(Probe, RepositoryRow), CliError> {
    let (git, path) = (session.git.clone(), path.to_path_buf());
    let probe = super::throwaway::blocking(move || git.probe(&path)).await??;
    let row = session.store.register_repository(&probe.git_dir).await?;
    Ok((probe, row))
}

/// Looks a repository on GitHub up by its name and registers it by its number.
///
/// # Errors
/// When GitHub does not show it, or nothing can ever be written there.
pub(super) async fn register_on_github(
    session: &Session,
    name: String,
) -> Result<(FoundRepository, RepositoryRow), CliError> {
    let github = session.github.clone();
    let found = super::throwaway::blocking(move || github.registrable(&name)).await??;
    let row = session.store.register_remote(&found.id, &found.remote()).await?;
    Ok((found, row))
}

async fn heads(session: &Session, row: &RepositoryRow) -> Result<Heads, CliError> {
    let (git, source) = (session.git.clone(), row.source());
    Ok(super::throwaway::blocking(move || git.heads(&source)).await??)
}

/// A base is a branch: a commit or tag would let whoever names it choose the policy.
fn base(name: &str, row: &RepositoryRow, heads: &Heads) -> Result<BranchName, CliError> {
    let plain = name.strip_prefix("refs/heads/").unwrap_or(name);
    let known = BranchName::parse(plain)
        .ok()
        .filter(|b| heads.heads.contains_key(b));
    if let Some(branch) = known {
        return Ok(branch);
    }
    let hex = name.len() >= 7 && name.len() <= 40 && name.bytes().all(|b| b.is_ascii_hexdigit());
    let hint = if hex {
        "; a commit id is no base, because a base has to be a branch"
    } else {
        ""
    };
    let text = format!("{} has no branch `{name}`{hint}", row.name);
    let mut names: Vec<&str> = heads
        .heads
        .keys()
        .take(BRANCHES_NAMED)
        .map(BranchName::as_str)
        .collect();
    if names.len() > BRANCHES_NAMED {
        names.truncate(BRANCHES_NAMED);
        names.push("…");
    }
    Err(CliError::refused("branch-missing", text).next(format!(
        "Its branches: {}. For a tag or commit, make one first: git branch NAME {name}",
        names.join(", ")
    )))
}

fn say_uncommitted(session: &Session, row: &RepositoryRow, probe: &Probe) {
    if probe.uncommitted_files > 0 {
        let files = counted(
            usize::try_from(probe.uncommitted_files).unwrap_or(usize::MAX),
            "tracked file",
        );
        let text = format!(
            "{}: uncommitted work in {files} is not part of the change and stays untouched",
            row.name
        );
        let mut page = Page::new();
        page.line(0).add(Style::Warn, "! ").add(Style::Plain, text);
        session.app.terminal.note(&page);
    }
}
