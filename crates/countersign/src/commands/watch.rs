//! `watch`: what is recorded from now on, in the sentences of the story, whoever records it.

use super::which;
use crate::cli::{StoryId, WatchArgs};
use crate::desk::Desk;
use crate::error::{CliError, Exit};
use crate::render::story::{self, Names};
use crate::terminal::{Page, Style};
use crate::wire::StoryWire;
use countersign_core::id::WorkflowId;
use countersign_core::record::EventRecord;
use countersign_core::workflow::Event;
use serde::Serialize;
use std::collections::BTreeMap;

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
pub(super) async fn watch(desk: &Desk, args: WatchArgs) -> Result<Exit, CliError> {
    let only = match args.id {
        Some(id) => Some(which::find(desk, &StoryId { id }).await?),
        None => None,
    };
    let mut follower = desk.follow(only.as_ref()).await?;
    let mut names: BTreeMap<WorkflowId, Names> = BTreeMap::new();
    if let Some(id) = &only
        && let Some(last) = desk.events(id).await?.pop()
        && matches!(last.event, Event::WorkflowEnded { .. })
    {
        // It ended before anybody listened: that is what there is to tell.
        tell(desk, &mut names, &last).await?;
        return Ok(Exit::Ok);
    }
    loop {
        let record = follower.next().await?;
        let somebody_listens = tell(desk, &mut names, &record).await?;
        let ended = matches!(record.event, Event::WorkflowEnded { .. });
        if !somebody_listens || (ended && only.is_some()) {
            return Ok(Exit::Ok);
        }
    }
}

/// Tells an event, if it has a sentence; whether anybody still listens. Names are looked up when a workflow is met first.
async fn tell(
    desk: &Desk,
    names: &mut BTreeMap<WorkflowId, Names>,
    record: &EventRecord,
) -> Result<bool, CliError> {
    if !names.contains_key(&record.workflow) {
        names.insert(record.workflow.clone(), desk.names(&record.workflow).await?);
    }
    let known = names.entry(record.workflow.clone()).or_default();
    known.learn(&record.event);
    let Some(sentence) = story::sentence(&record.event, known) else {
        return Ok(true);
    };
    let terminal = &desk.app.terminal;
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
