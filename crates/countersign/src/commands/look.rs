//! `list`, `show`, `diff`: reading only.

use super::{holds, submission, which};
use crate::cli::{DiffArgs, ListArgs, ShowArgs};
use crate::desk::Desk;
use crate::error::{CliError, Exit};
use crate::render::seen::Seen;
use crate::render::{diff, review, story, waiting};
use crate::terminal::{Page, Style};
use crate::wire::{AlarmWire, DiffWire, DiffsWire, StoryWire, WorkflowRowWire, WorkflowWire, WorkflowsWire};
use countersign_core::id::Revision;
use countersign_core::workflow::State;
use countersign_server::client::FreezeWire;

/// How many alarms a list begins with.
const ALARMS_SHOWN: usize = 3;

/// `list`.
pub(super) async fn list(desk: &Desk, args: ListArgs) -> Result<Exit, CliError> {
    let rows = desk
        .workflows(args.limit, &submission::metadata(&args.metadata)?)
        .await?;
    let alarms = desk.alarms().await?;
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&WorkflowsWire {
            workflows: rows,
            alarms,
        });
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    warn(&mut page, &alarms, &desk.frozen().await?);
    if rows.is_empty() && !args.metadata.is_empty() {
        page.line(0)
            .add(Style::Dim, "No workflow began with these words.");
    } else if rows.is_empty() {
        page.line(0).add(
            Style::Dim,
            "No workflow yet. Begin with: countersign run --repo PATH --issue FILE",
        );
    }
    for row in &rows {
        one(&mut page, row);
    }
    terminal.print(&page);
    Ok(Exit::Ok)
}

/// What points to a forgery comes before everything else, then what stops writing.
fn warn(page: &mut Page, alarms: &[AlarmWire], frozen: &[FreezeWire]) {
    let open: Vec<&AlarmWire> = alarms.iter().filter(|alarm| alarm.cleared.is_none()).collect();
    for alarm in open.iter().rev().take(ALARMS_SHOWN) {
        holds::put_alarm(page, alarm);
    }
    let more = open.len().saturating_sub(ALARMS_SHOWN);
    if more > 0 {
        page.line(2).add(
            Style::Dim,
            format!("and {more} older; `countersign alarm list` has all"),
        );
    }
    holds::put_frozen(page, frozen);
}

fn one(page: &mut Page, row: &WorkflowRowWire) {
    let (mark, style) = mark(&row.state);
    let day: String = row.updated_at.chars().take(16).collect();
    page.line(0)
        .add(style, format!("{mark} "))
        .column(Style::Plain, &row.id, 31)
        .column(style, &row.state, 22)
        .column(Style::Dim, day.replace('T', " "), 18)
        .column(Style::Name, row.repositories.join(", "), 20)
        .add(Style::Plain, " ")
        .add(Style::Plain, &row.title);
}

/// A mark for each kind of state; the state's name stands beside it.
fn mark(state: &str) -> (&'static str, Style) {
    let Some(state) = State::ALL.into_iter().find(|s| s.as_str() == state) else {
        return ("·", Style::Dim);
    };
    match state {
        State::Done => ("✓", Style::Good),
        State::Declined | State::Failed | State::Cancelled | State::BlockedPolicy => ("✗", Style::Bad),
        State::AwaitingPlanApproval | State::AwaitingApproval | State::NeedsHuman | State::Deferred => {
            ("?", Style::Warn)
        }
        State::Queued
        | State::LoadingContext
        | State::Triaging
        | State::Planning
        | State::Coding
        | State::Reviewing
        | State::Applying
        | State::PrOpen
        | State::VerifyingCi
        | State::AwaitingMerge => ("·", Style::Dim),
    }
}

/// `show`.
pub(super) async fn show(desk: &Desk, args: ShowArgs) -> Result<Exit, CliError> {
    let id = which::find(desk, &args.which).await?;
    let seen = desk.look(&id).await?;
    let mut alarms = desk.alarms().await?;
    alarms.retain(|alarm| alarm.workflow == id.as_str());
    let terminal = &desk.app.terminal;
    let told = || story::tell(&seen.records, &seen.names());
    if terminal.is_json() {
        let story = args.story.then(|| told().iter().map(StoryWire::of).collect());
        let mut wire = WorkflowWire::of(&seen);
        wire.story = story;
        wire.alarms = alarms;
        terminal.print_json(&wire);
        return Ok(Exit::Ok);
    }
    if args.story {
        let mut page = review::head(&seen);
        page.gap();
        page.append(story::page(&told()));
        terminal.print(&page);
        return Ok(Exit::Ok);
    }
    let mut page = Page::new();
    warn(&mut page, &alarms, &desk.frozen().await?);
    page.append(review::page(&seen));
    let held = desk.held(&id).await?;
    page.append(match held.is_empty() {
        true => waiting::how(&seen),
        false => waiting::held(&id, &held),
    });
    terminal.print(&page);
    Ok(Exit::Ok)
}

/// `diff`.
pub(super) async fn diff(desk: &Desk, args: DiffArgs) -> Result<Exit, CliError> {
    let id = which::find(desk, &args.which).await?;
    let seen = desk.look(&id).await?;
    if let Some(since) = args.since {
        return interdiff(desk, &seen, (since, args.revision), args.repo).await;
    }
    let all = seen.drafts_by_revision();
    let next = format!("countersign show {id}");
    let newest = all.keys().next_back().copied();
    let revision = args.revision.map(Revision).or(newest);
    let Some((revision, drafts)) = revision.and_then(|r| all.get(&r).map(|d| (r, d))) else {
        let text = match args.revision {
            Some(n) => format!("revision {n} has no diff"),
            None => "nothing has been proposed yet".to_owned(),
        };
        return Err(CliError::refused("no-diff", text).next(next));
    };
    let (mut page, mut wires) = (Page::new(), Vec::new());
    for draft in drafts {
        let name = seen.workflow.repository_name(&draft.repository);
        if args.repo.as_ref().is_some_and(|wanted| *wanted != name) {
            continue;
        }
        let canonical = desk.canonical(&seen, revision, draft).await?;
        let current = seen
            .workflow
            .patch_set(&draft.repository)
            .filter(|p| p.revision == revision);
        let digest = current.and_then(|p| seen.digest(p));
        let first8 = digest.as_ref().map(crate::render::seen::first8);
        diff::draft(&mut page, (&name, first8.as_deref()), draft, &canonical);
        wires.push(DiffWire::of(&name, revision, digest.as_ref(), draft, &canonical));
    }
    if wires.is_empty() {
        let name = args.repo.unwrap_or_default();
        let text = format!("revision {revision} changes nothing in a repository `{name}`");
        return Err(CliError::refused("no-diff", text).next(next));
    }
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&DiffsWire { diffs: wires });
    } else {
        terminal.print(&page);
    }
    Ok(Exit::Ok)
}

/// `diff --since`.
async fn interdiff(
    desk: &Desk,
    seen: &Seen,
    revisions: (u32, Option<u32>),
    only: Option<String>,
) -> Result<Exit, CliError> {
    let mut found = desk.interdiff(seen, revisions).await?;
    if let Some(only) = only {
        found.repositories.retain(|one| one.repository == only);
        if found.repositories.is_empty() {
            let text = format!("neither revision changes anything in a repository `{only}`");
            let next = format!("countersign show {}", seen.workflow.id);
            return Err(CliError::refused("no-diff", text).next(next));
        }
    }
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        terminal.print_json(&found);
    } else {
        terminal.print(&diff::since(&found));
    }
    Ok(Exit::Ok)
}
