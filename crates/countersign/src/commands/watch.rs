//! `watch`: what is recorded from now on, in the sentences of the story, whoever records it.

use super::which;
use crate::cli::{StoryId, WatchArgs};
use crate::desk::{Desk, OtherEntry, Recorded};
use crate::error::{CliError, Exit};
use crate::render::story::{self, Names};
use crate::terminal::{Page, Style};
use crate::wire::StoryWire;
use countersign_core::id::WorkflowId;
use countersign_core::record::EventRecord;
use countersign_core::workflow::Event;
use countersign_server::shown::{Sentence, recorded};
use serde::Serialize;
use std::collections::BTreeMap;

/// Letters of an id by which people know a workflow.
const SHORT_BYTES: usize = 4;
/// What stands there where something is no workflow's.
const NO_WORKFLOW: &str = "   –";

/// `watch --json`, for an event of a workflow: one object per line.
#[derive(Debug, Serialize)]
struct WatchedWire<'a> {
    workflow: &'a WorkflowId,
    /// The event's number in the workflow, from 1.
    seq: u64,
    #[serde(flatten)]
    told: StoryWire,
}

/// The same for anything else that is recorded.
#[derive(Debug, Serialize)]
struct OtherWire<'a> {
    /// The entry's index in the ledger.
    index: u64,
    /// `freeze.begun`, `member.added` …
    kind: &'a str,
    /// RFC 3339, UTC.
    at: &'a str,
    /// As in the story.
    mark: &'a str,
    /// The words.
    text: &'a str,
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
        let record = match follower.next().await? {
            Recorded::Event(record) => record,
            Recorded::Other(entry) => {
                if !tell_other(desk, &entry) {
                    return Ok(Exit::Ok);
                }
                continue;
            }
        };
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
    let id = record.workflow.as_str();
    let short = id.get(id.len().saturating_sub(SHORT_BYTES)..).unwrap_or(id);
    print(desk, &record.at.to_rfc3339(), short, &sentence);
    Ok(true)
}

/// Tells what is no workflow's; whether anybody still listens.
fn tell_other(desk: &Desk, entry: &OtherEntry) -> bool {
    let sentence = recorded(&entry.kind);
    let terminal = &desk.app.terminal;
    if terminal.is_json() {
        return terminal.print_json_line(&OtherWire {
            index: entry.index,
            kind: &entry.kind,
            at: &entry.at,
            mark: sentence.mark,
            text: &sentence.text,
        });
    }
    print(desk, &entry.at, NO_WORKFLOW, &sentence);
    true
}

/// A line: when, where, what. `at`: RFC 3339, of which the time of day is shown.
fn print(desk: &Desk, at: &str, place: &str, sentence: &Sentence) {
    let clock: String = at.chars().skip(11).take(8).collect();
    let mut page = Page::new();
    story::put(
        sentence,
        page.line(0).add(Style::Dim, format!("{clock}  {place}  ")),
    );
    desk.app.terminal.print(&page);
}
