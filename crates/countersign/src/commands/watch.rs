//! `watch`: what is recorded from now on, in the sentences of the story, whoever records it.

use super::which;
use crate::cli::{StoryId, WatchArgs};
use crate::error::{CliError, Exit};
use crate::render::story::{self, Names};
use crate::session::Session;
use crate::terminal::{Page, Style};
use crate::wire::StoryWire;
use countersign_core::id::WorkflowId;
use countersign_core::record::EventRecord;
use countersign_core::workflow::Event;
use countersign_ports::store::EntryRow;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// How often the ledger is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Entries that are read at a time.
const BATCH: u32 = 500;
/// Letters of an id by which people know a workflow.
const SHORT_BYTES: usize = 4;

/// `watch --json`: one object per line.
#[derive(Debug, Serialize)]
struct WatchedWire<'a> {
    workflow: &'a WorkflowId,
    /// The event's number in the workflow, from 1.
    seq: u64,
    #[serde(flatten)]
    told: StoryWire,
}

/// `watch`.
pub(super) async fn watch(session: &Session, args: WatchArgs) -> Result<Exit, CliError> {
    let only = match args.id {
        Some(id) => Some(which::find(session, &StoryId { id }).await?),
        None => None,
    };
    let mut next = session.store.ledger_size().await?.0;
    let mut names: BTreeMap<WorkflowId, Names> = BTreeMap::new();
    if let Some(id) = &only
        && let Some(last) = session.store.events(id).await?.pop()
        && matches!(last.event, Event::WorkflowEnded { .. })
    {
        // It ended before anybody listened: that is what there is to tell.
        tell(session, &mut names, &last).await?;
        return Ok(Exit::Ok);
    }
    loop {
        let stream = only.as_ref().map(WorkflowId::as_str);
        let rows = session.store.entries(stream, next, BATCH).await?;
        for row in &rows {
            next = row.index + 1;
            let Some(record) = record(row) else { continue };
            let somebody_listens = tell(session, &mut names, &record).await?;
            let ended = matches!(record.event, Event::WorkflowEnded { .. });
            if !somebody_listens || (ended && only.is_some()) {
                return Ok(Exit::Ok);
            }
        }
        if rows.is_empty() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// The event of an entry that has one.
fn record(row: &EntryRow) -> Option<EventRecord> {
    EventRecord::from_bytes(row.body.as_deref()?).ok()
}

/// Tells an event, if it has a sentence; whether anybody still listens. Names are looked up when a workflow is met first.
async fn tell(
    session: &Session,
    names: &mut BTreeMap<WorkflowId, Names>,
    record: &EventRecord,
) -> Result<bool, CliError> {
    if !names.contains_key(&record.workflow) {
        let mut known = Names::of(&session.store.roster().await?);
        for earlier in session.store.events(&record.workflow).await? {
            known.learn(&earlier.event);
        }
        names.insert(record.workflow.clone(), known);
    }
    let known = names.entry(record.workflow.clone()).or_default();
    known.learn(&record.event);
    let Some(sentence) = story::sentence(&record.event, known) else {
        return Ok(true);
    };
    let terminal = &session.app.terminal;
    if terminal.is_json() {
        let told = StoryWire::of(&(record.at, sentence));
        let (workflow, seq) = (&record.workflow, record.seq);
        return Ok(terminal.print_json_line(&WatchedWire { workflow, seq, told }));
    }
    let clock: String = record.at.to_rfc3339().chars().skip(11).take(8).collect();
    let id = record.workflow.as_str();
    let short = id.get(id.len().saturating_sub(SHORT_BYTES)..).unwrap_or(id);
    let mut page = Page::new();
    story::put(
        &sentence,
        page.line(0).add(Style::Dim, format!("{clock}  {short}  ")),
    );
    terminal.print(&page);
    Ok(true)
}
