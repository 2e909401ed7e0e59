//! `submit --issues QUERY`: open issues of one repository on GitHub that a search finds, each submitted as `--issue` would.
//! They are read before anybody is asked, and exactly what was read is submitted. One that fails holds no other up.

use super::import::{self, Imported};
use super::throwaway::blocking;
use super::{flow, submission};
use crate::cli::{StartFlags, repo_spec};
use crate::desk::{Desk, Place};
use crate::error::{CliError, Exit};
use crate::hosting;
use crate::render::story::counted;
use crate::terminal::{Page, Person, Reply, Style, Terminal};
use countersign_core::command::carried;
use countersign_core::feedback::RepoRole;
use countersign_core::id::{RepositoryId, WorkflowId};
use countersign_forge::github::Matches;
use countersign_ports::store::{RepositoryRow, TALLIED_MAX};
use serde::Serialize;
use std::path::Path;

/// Most issues that one call submits.
const ISSUES_MAX: usize = 30;

/// An issue that was found, and what comes of it.
struct Listed {
    number: u64,
    title: String,
    /// Who opened it; only of one that was read.
    author: Option<String>,
    stands: Stands,
}

/// What comes of one.
enum Stands {
    /// It would be submitted, exactly so.
    Read(Box<Imported>),
    /// A workflow of it has not ended.
    UnderWay(String),
    /// It was submitted.
    Submitted(WorkflowId),
    /// It can't be.
    Failed(CliError),
}

/// Everything that was found.
struct Found {
    /// `octo/hello`.
    repository: String,
    listed: Vec<Listed>,
    /// More match than these.
    more: bool,
}

/// Finds, lists, asks, and submits.
///
/// # Errors
/// When nothing can be searched, or other issues are there than were expected; nothing was started.
pub(super) async fn submit(
    desk: &Desk,
    flags: &StartFlags,
    query: &str,
    accept: Option<usize>,
) -> Result<Exit, CliError> {
    let terminal = &desk.app.terminal;
    let mut found = find(desk, flags, query).await?;
    let ready = found.count("ready");
    if let Some(expected) = accept.filter(|n| *n != ready) {
        let text = format!("{ready} would be submitted, and --accept says {expected}");
        return Err(CliError::refused("other-issues", text).next("Look at them first: leave out --accept"));
    }
    let goes_on = ready > 0 && (accept.is_some() || is_wanted(terminal, &found, ready).await);
    if goes_on {
        for listed in &mut found.listed {
            listed.submit(desk, flags).await;
        }
    }
    let exit = found.exit(terminal, accept);
    if terminal.is_json() {
        terminal.print_json(&found.to_wire());
        return Ok(exit);
    }
    // The ids alone on standard output, so that a shell can catch them.
    for id in found.listed.iter().filter_map(Listed::submitted) {
        terminal.pipe(format!("{id}\n").as_bytes());
    }
    terminal.note(&found.outcome(goes_on, exit));
    Ok(exit)
}

/// Lists them, and asks whoever is there.
async fn is_wanted(terminal: &Terminal, found: &Found, ready: usize) -> bool {
    if terminal.is_json() {
        return false;
    }
    let page = found.to_page();
    let Some(person) = Person::at_terminal(terminal) else {
        terminal.note(&page);
        return false;
    };
    person.show(terminal, &page);
    let reply = person
        .ask(&format!("Submit {}? [y/N]", counted(ready, "issue")))
        .await;
    matches!(&reply, Reply::Words(word) if matches!(word.trim(), "y" | "yes"))
}

/// Searches, and reads what is not under way, up to the limit.
async fn find(desk: &Desk, flags: &StartFlags, query: &str) -> Result<Found, CliError> {
    let id = repository(&desk.repositories().await?, flags)?.id.clone();
    let settings = desk.app.settings.hosting()?;
    let (server, github) = (hosting::addresses(&settings).0, hosting::api(&settings)?);
    let (searching, query, of) = (github.clone(), query.to_owned(), id.clone());
    let Matches {
        repository,
        issues,
        mut more,
    } = blocking(move || searching.search_issues(&of, &query)).await??;
    let (mut listed, mut read) = (Vec::new(), 0);
    for (number, title) in issues {
        if let Some(text) = under_way(desk, &id, number).await? {
            let (author, stands) = (None, Stands::UnderWay(text));
            listed.push(Listed {
                number,
                title,
                author,
                stands,
            });
            continue;
        }
        if read == ISSUES_MAX {
            more = true;
            break;
        }
        read += 1;
        let (github, server, at) = (github.clone(), server.clone(), repository.clone());
        let imported = blocking(move || import::read(&github, &server, at, number)).await?;
        listed.push(Listed::read(number, title, imported));
    }
    Ok(Found {
        repository: repository.full_name,
        listed,
        more,
    })
}

/// The repository that is searched: the primary one, or the only one on GitHub.
fn repository<'r>(rows: &'r [RepositoryRow], flags: &StartFlags) -> Result<&'r RepositoryRow, CliError> {
    let remote: Vec<&RepositoryRow> = rows.iter().filter(|r| r.id.forge.is_remote()).collect();
    let names = || {
        let names: Vec<&str> = remote.iter().map(|r| r.name.as_str()).collect();
        match names.is_empty() {
            true => "Register it: countersign repo add --github OWNER/NAME".to_owned(),
            false => format!("On GitHub are: {}.", names.join(", ")),
        }
    };
    let specs = flags.repos.iter();
    let mut specs = specs.map(|text| repo_spec::parse(text, |path| named(&remote, path).is_some()));
    match specs.find(|spec| spec.role == RepoRole::Primary) {
        Some(spec) => named(&remote, &spec.path).ok_or_else(|| {
            let text = format!("{} is no registered repository on GitHub", spec.path.display());
            CliError::refused("unknown-repository", text).next(names())
        }),
        None => match remote[..] {
            [only] if flags.repos.is_empty() => Ok(only),
            [..] => {
                let text = "no --repo says which repository is searched";
                Err(CliError::usage("one-primary", text).next(names()))
            }
        },
    }
}

fn named<'r>(remote: &[&'r RepositoryRow], path: &Path) -> Option<&'r RepositoryRow> {
    let mut all = remote.iter().copied();
    all.find(|row| path.to_str().is_some_and(|text| submission::is_called(row, text)))
}

/// What tells that a workflow of this issue has not ended, by what the ledger has of its beginning. A server says so only when the
/// same text is submitted once more.
async fn under_way(desk: &Desk, repository: &RepositoryId, number: u64) -> Result<Option<String>, CliError> {
    let Place::Folder(session) = &desk.at else {
        return Ok(None);
    };
    for wanted in carried(repository, number) {
        for id in session.store.workflows_with(&wanted, TALLIED_MAX).await? {
            if !session.store.workflow(&id).await?.state.is_final() {
                return Ok(Some(format!("{id} is under way")));
            }
        }
    }
    Ok(None)
}

impl Listed {
    fn read(number: u64, title: String, imported: Result<Imported, CliError>) -> Self {
        match imported {
            Ok(imported) => Self {
                number,
                title: imported.title.clone(),
                author: Some(imported.author.described()),
                stands: Stands::Read(Box::new(imported)),
            },
            Err(error) => Self {
                number,
                title,
                author: None,
                stands: Stands::Failed(error),
            },
        }
    }

    async fn submit(&mut self, desk: &Desk, flags: &StartFlags) {
        let Stands::Read(imported) = &self.stands else {
            return;
        };
        let imported = Imported::clone(imported);
        self.stands = match flow::submit_imported(desk, flags, imported).await {
            Ok(id) => Stands::Submitted(id),
            Err(error) if error.code == "duplicate" => Stands::UnderWay(error.message),
            Err(error) => Stands::Failed(error),
        };
    }

    fn submitted(&self) -> Option<&WorkflowId> {
        match &self.stands {
            Stands::Submitted(id) => Some(id),
            Stands::Read(_) | Stands::UnderWay(_) | Stands::Failed(_) => None,
        }
    }

    /// The stable word.
    fn word(&self) -> &'static str {
        match &self.stands {
            Stands::Read(_) => "ready",
            Stands::UnderWay(_) => "under-way",
            Stands::Submitted(_) => "submitted",
            Stands::Failed(_) => "failed",
        }
    }

    fn add_to(&self, page: &mut Page) {
        let (mark, style, told) = match &self.stands {
            Stands::Read(imported) => ("  ", Style::Dim, format!("by {}", imported.author.described())),
            Stands::UnderWay(text) => ("– ", Style::Dim, text.clone()),
            Stands::Submitted(id) => ("✓ ", Style::Good, format!("is {id}")),
            Stands::Failed(error) => ("✗ ", Style::Bad, format!("{}  [{}]", error.message, error.code)),
        };
        page.line(0)
            .add(style, mark)
            .column(Style::Name, format!("#{}", self.number), 7)
            .add(Style::Plain, &self.title)
            .add(Style::Dim, format!("  {told}"));
    }
}

impl Found {
    fn count(&self, word: &str) -> usize {
        self.listed.iter().filter(|l| l.word() == word).count()
    }

    fn to_page(&self) -> Page {
        let mut page = Page::new();
        let what = format!(
            "{} of {} match",
            counted(self.listed.len(), "open issue"),
            self.repository
        );
        page.line(0).add(Style::Bold, what);
        self.add_all(&mut page);
        page
    }

    fn add_all(&self, page: &mut Page) {
        for listed in &self.listed {
            listed.add_to(page);
        }
        if self.more {
            let text = "  more match: search again after these, or for less";
            page.line(0).add(Style::Warn, text);
        }
    }

    /// How it came out, for people.
    fn outcome(&self, went_on: bool, exit: Exit) -> Page {
        let mut page = match self.count("ready") {
            0 if !went_on => self.to_page(),
            _listed => Page::new(),
        };
        if went_on {
            self.add_all(&mut page);
        }
        let counts = ["submitted", "under-way", "failed"].map(|word| (word, self.count(word)));
        let counts = counts.iter().filter(|(word, n)| *n > 0 || *word == "submitted");
        let counts: Vec<String> = counts
            .map(|(word, n)| format!("{n} {}", word.replace('-', " ")))
            .collect();
        page.line(0).add(Style::Plain, counts.join(", "));
        if exit == Exit::Waits {
            let text = format!(
                "To submit them without being asked: --accept {}",
                self.count("ready")
            );
            page.line(0).add(Style::Dim, text);
        }
        page
    }

    fn exit(&self, terminal: &Terminal, accept: Option<usize>) -> Exit {
        let asked = || !terminal.is_json() && Person::at_terminal(terminal).is_some();
        match (self.count("failed"), self.count("ready")) {
            (_, ready) if ready > 0 && accept.is_none() && !asked() => Exit::Waits,
            (0, _) => Exit::Ok,
            (_, _) => Exit::Refused,
        }
    }

    fn to_wire(&self) -> IssuesWire<'_> {
        let issue = |listed: &'_ Listed| IssueWire {
            number: listed.number,
            title: listed.title.clone(),
            author: listed.author.clone(),
            outcome: listed.word(),
            workflow: listed.submitted().map(ToString::to_string),
            why: match &listed.stands {
                Stands::UnderWay(text) => Some(text.clone()),
                Stands::Failed(error) => Some(error.message.clone()),
                Stands::Read(_) | Stands::Submitted(_) => None,
            },
            code: match &listed.stands {
                Stands::Failed(error) => Some(error.code.clone()),
                Stands::Read(_) | Stands::UnderWay(_) | Stands::Submitted(_) => None,
            },
        };
        IssuesWire {
            repository: &self.repository,
            issues: self.listed.iter().map(issue).collect(),
            more: self.more,
        }
    }
}

/// `submit --issues --json`.
#[derive(Debug, Serialize)]
struct IssuesWire<'f> {
    /// `octo/hello`.
    repository: &'f str,
    /// Oldest first.
    issues: Vec<IssueWire>,
    /// More match than these.
    more: bool,
}

/// One of them.
#[derive(Debug, Serialize)]
struct IssueWire {
    /// In the repository.
    number: u64,
    /// As its author wrote it.
    title: String,
    /// Who opened it, and whether the repository's people vouch for them; only of one that was read.
    author: Option<String>,
    /// `ready` (nobody said yes), `submitted`, `under-way` or `failed`.
    outcome: &'static str,
    /// The new workflow.
    workflow: Option<String>,
    /// Why it was not submitted.
    why: Option<String>,
    /// The stable code, where it failed.
    code: Option<String>,
}
