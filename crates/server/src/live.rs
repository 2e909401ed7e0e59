//! Live events: the ledger's entries in commit order, as server-sent events whose id is the entry's index.
//!
//! An event says what changed, never what it became: whoever listens reads it again. `Last-Event-ID` goes on without a gap.
//! A reader that is too slow is dropped and comes back with the last id it saw; one whose session has ended is not served
//! any more.

use crate::api::Query;
use crate::api::system::LiveQuery;
use crate::guard::Principal;
use crate::house::House;
use crate::problem::Problem;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use countersign_ledger::Leaf;
use countersign_ports::store::EntryRow;
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// Most streams at a time.
pub(crate) const STREAMS_MAX: usize = 10_000;
/// Entries that are read at a time.
const BATCH: u32 = 200;
/// Events that wait for a slow reader.
const BUFFER: usize = 64;
/// How long a full buffer may stay full before its reader is dropped.
const SLOW_MAX: Duration = Duration::from_secs(10);
/// How often it is looked without a beat: another process may have recorded something.
const SWEEP: Duration = Duration::from_secs(2);
/// How often it is asked whether the caller may still listen.
const REAUTHORISE: Duration = Duration::from_secs(15);

/// Beats whenever something was recorded.
#[derive(Clone)]
pub struct Pulse {
    beat: watch::Sender<u64>,
    streams: Arc<Semaphore>,
}

impl Default for Pulse {
    fn default() -> Self {
        Self {
            beat: watch::Sender::new(0),
            streams: Arc::new(Semaphore::new(STREAMS_MAX)),
        }
    }
}

impl Pulse {
    /// Something was recorded.
    pub fn beat(&self) {
        self.beat.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// Waits for the next beat, or the sweep.
    async fn wait(beats: &mut watch::Receiver<u64>) {
        let _either = tokio::time::timeout(SWEEP, beats.changed()).await;
    }

    pub(crate) fn listen(&self) -> watch::Receiver<u64> {
        self.beat.subscribe()
    }
}

/// What changed.
#[derive(Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Changed {
    /// The entry's index in the ledger, which is the event's id, too.
    pub index: u64,
    /// Kind of the entry: `workflow.event`, `member.added` …
    pub kind: String,
    /// The workflow, where it is about one.
    pub workflow: Option<String>,
    /// The entry's number in its stream, from 1.
    pub seq: u64,
    /// RFC 3339, UTC.
    pub at: String,
}

impl Changed {
    fn of(row: &EntryRow) -> Result<Self, Problem> {
        let leaf = Leaf::parse(&row.leaf)
            .map_err(|e| Problem::internal(e.code(), "an entry of the ledger can't be read"))?;
        Ok(Self {
            index: row.index,
            workflow: leaf.stream.starts_with("wf_").then(|| leaf.stream.clone()),
            kind: leaf.kind,
            seq: leaf.seq,
            at: leaf.at,
        })
    }
}

/// `GET /api/v1/events`: what is recorded from now on, or after `Last-Event-ID`, or `?after=`.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", params(LiveQuery),
    responses((status = 200, description = "a stream of events; `data` is `Changed`", content_type = "text/event-stream", body = Changed),
        (status = 429, description = "too many streams", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn events(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Query(query): Query<LiveQuery>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let permit = Arc::clone(&house.pulse.streams)
        .try_acquire_owned()
        .map_err(|_| {
            Problem::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-streams",
                "too many listen already",
            )
            .next("Try again in a moment.")
        })?;
    let last = headers.get("last-event-id").and_then(|v| v.to_str().ok());
    let last = match last {
        Some(text) => Some(text.parse::<u64>().map_err(|_| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "bad-event-id",
                "`Last-Event-ID` is the number of an event",
            )
        })?),
        None => query.after,
    };
    let next = match last {
        Some(last) => last.saturating_add(1),
        None => house.store.ledger_size().await?.0,
    };
    let (sender, receiver) = mpsc::channel(BUFFER);
    tokio::spawn(feed(house, principal, next, query.workflow, sender));
    let events = Events {
        receiver,
        _permit: permit,
    };
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// Sends entries from `next` on until nobody listens, or nobody may.
async fn feed(
    house: Arc<House>,
    principal: Principal,
    mut next: u64,
    only: Option<String>,
    sender: mpsc::Sender<Event>,
) {
    let mut beats = house.pulse.listen();
    let mut asked = tokio::time::Instant::now();
    loop {
        beats.mark_unchanged();
        if asked.elapsed() >= REAUTHORISE {
            if !principal.still_may(&house).await {
                return;
            }
            asked = tokio::time::Instant::now();
        }
        let rows = match house.store.entries(only.as_deref(), next, BATCH).await {
            Ok(rows) => rows,
            Err(error) => {
                tracing::warn!(code = error.code(), "live events end: the ledger can't be read");
                return;
            }
        };
        for row in &rows {
            next = row.index + 1;
            let Ok(changed) = Changed::of(row) else { return };
            let Ok(event) = Event::default()
                .id(changed.index.to_string())
                .event("changed")
                .json_data(&changed)
            else {
                return;
            };
            if sender.send_timeout(event, SLOW_MAX).await.is_err() {
                return;
            }
        }
        if rows.is_empty() {
            tokio::select! {
                () = Pulse::wait(&mut beats) => {}
                () = sender.closed() => return,
            }
        }
    }
}

/// The stream of one listener.
pub(crate) struct Events {
    receiver: mpsc::Receiver<Event>,
    _permit: OwnedSemaphorePermit,
}

impl Stream for Events {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_recv(context).map(|event| event.map(Ok))
    }
}
