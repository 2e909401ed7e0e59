//! What is recorded from now on, whoever records it: read out of the ledger of a data folder, or told by a server.

use super::{Place, Server};
use crate::error::CliError;
use crate::remote::Changes;
use crate::session::Session;
use countersign_core::id::WorkflowId;
use countersign_core::record::EventRecord;
use countersign_ledger::Leaf;
use countersign_ports::store::EntryRow;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How often the ledger of a data folder is looked at for what is new.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Entries that are read at a time.
const BATCH: u32 = 500;

/// What is recorded, one after the other.
pub(crate) struct Follower<'a> {
    source: Source<'a>,
    waiting: VecDeque<Recorded>,
}

/// What was recorded.
pub(crate) enum Recorded {
    /// An event of a workflow.
    Event(Box<EventRecord>),
    /// Anything else: freezes, alarms, members.
    Other(OtherEntry),
}

/// An entry of the ledger that is no workflow's event.
pub(crate) struct OtherEntry {
    /// Its index in the ledger.
    pub(crate) index: u64,
    /// What it records: `freeze.begun`, `member.added` …
    pub(crate) kind: String,
    /// RFC 3339, UTC.
    pub(crate) at: String,
}

enum Source<'a> {
    Ledger {
        session: &'a Session,
        next: u64,
        only: Option<WorkflowId>,
    },
    Server {
        server: &'a Server,
        changes: Box<Changes<'a>>,
        told: BTreeMap<WorkflowId, u64>,
    },
}

impl<'a> Follower<'a> {
    /// From now on.
    ///
    /// # Errors
    /// When it can't be listened to.
    pub(super) async fn begin(at: &'a Place, only: Option<&WorkflowId>) -> Result<Self, CliError> {
        let source = match at {
            Place::Folder(session) => Source::Ledger {
                session,
                next: session.store.ledger_size().await?.0,
                only: only.cloned(),
            },
            Place::Server(server) => Source::Server {
                server,
                changes: Box::new(Changes::listen(&server.remote, only).await?),
                told: BTreeMap::new(),
            },
        };
        Ok(Self {
            source,
            waiting: VecDeque::new(),
        })
    }

    /// What is recorded next; waits for it.
    ///
    /// # Errors
    /// When it can't be read any more.
    pub(crate) async fn next(&mut self) -> Result<Recorded, CliError> {
        loop {
            if let Some(recorded) = self.waiting.pop_front() {
                return Ok(recorded);
            }
            match &mut self.source {
                Source::Ledger { session, next, only } => {
                    let stream = only.as_ref().map(WorkflowId::as_str);
                    let rows = session.store.entries(stream, *next, BATCH).await?;
                    *next = rows.last().map_or(*next, |row| row.index + 1);
                    self.waiting.extend(rows.iter().filter_map(recorded));
                    if rows.is_empty() {
                        tokio::time::sleep(LOOK_EVERY).await;
                    }
                }
                Source::Server {
                    server,
                    changes,
                    told,
                } => {
                    let changed = changes.next().await?;
                    let id = changed.workflow.as_deref().map(WorkflowId::parse);
                    let Some(Ok(id)) = id else {
                        self.waiting.push_back(Recorded::Other(OtherEntry {
                            index: changed.index,
                            kind: changed.kind,
                            at: changed.at,
                        }));
                        continue;
                    };
                    let before = told.get(&id).copied().unwrap_or(changed.seq.saturating_sub(1));
                    if changed.seq <= before {
                        continue;
                    }
                    let records = server.remote.events(&server.tenant, &id, before).await?;
                    told.insert(id, records.last().map_or(changed.seq, |r| r.seq));
                    let events = records
                        .into_iter()
                        .map(|record| Recorded::Event(Box::new(record)));
                    self.waiting.extend(events);
                }
            }
        }
    }
}

/// What an entry says. A workflow's entry without a readable event says nothing: its words were erased.
fn recorded(row: &EntryRow) -> Option<Recorded> {
    let leaf = Leaf::parse(&row.leaf).ok()?;
    if WorkflowId::parse(&leaf.stream).is_err() {
        return Some(Recorded::Other(OtherEntry {
            index: row.index,
            kind: leaf.kind,
            at: leaf.at,
        }));
    }
    let record = EventRecord::from_bytes(row.body.as_deref()?).ok()?;
    Some(Recorded::Event(Box::new(record)))
}
