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
use crate::tail::{Tail, Told};
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use countersign_ledger::Leaf;
use countersign_ports::store::EntryRow;
use futures_util::{Stream, StreamExt as _};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, broadcast, mpsc, watch};
use tokio::time::Instant;

/// Most streams at a time.
pub(crate) const STREAMS_MAX: usize = 10_000;
/// Most streams of one caller at a time, so that nobody takes all of them.
pub(crate) const STREAMS_OF_ONE_MAX: usize = 500;
/// Entries that are read at a time by whoever comes back.
const BATCH: u32 = 200;
/// Events that wait for a slow reader.
const BUFFER: usize = 64;
/// How long a full buffer may stay full before its reader is dropped.
const SLOW_MAX: Duration = Duration::from_secs(10);
/// How often it is looked without a beat: another process may have recorded something.
const SWEEP: Duration = Duration::from_secs(2);
/// How often it is asked whether the caller may still listen.
const REAUTHORISE: Duration = Duration::from_secs(15);
/// How long the answer to that counts for the caller's other streams.
const STILL_TRUE: Duration = Duration::from_secs(5);

/// Beats whenever something was recorded.
#[derive(Clone)]
pub struct Pulse {
    beat: watch::Sender<u64>,
    streams: Arc<Semaphore>,
    /// How many each caller has open.
    by_caller: Arc<StdMutex<BTreeMap<String, usize>>>,
    /// How many there may be at a time.
    streams_max: usize,
    tail: Tail,
    /// Who was asked about lately, and whether they may listen.
    asked: Arc<Mutex<BTreeMap<String, (Instant, bool)>>>,
}

impl Pulse {
    /// For a server that takes that many connections: streams leave a quarter of them free.
    pub fn beside(connections: usize) -> Self {
        let streams_max = STREAMS_MAX.min(connections / 4 * 3);
        Self {
            beat: watch::Sender::new(0),
            streams: Arc::new(Semaphore::new(streams_max)),
            by_caller: Arc::default(),
            streams_max,
            tail: Tail::default(),
            asked: Arc::default(),
        }
    }

    /// Something was recorded.
    pub fn beat(&self) {
        self.beat.send_modify(|n| *n = n.wrapping_add(1));
    }

    /// How many streams are open.
    pub(crate) fn streams_open(&self) -> u64 {
        let open = self.streams_max.saturating_sub(self.streams.available_permits());
        u64::try_from(open).unwrap_or(u64::MAX)
    }

    /// A place for one more stream of a caller, until it is dropped; `None` where there is none.
    fn place(&self, caller: String) -> Option<Place> {
        let permit = Arc::clone(&self.streams).try_acquire_owned().ok()?;
        let mut open = self.by_caller.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.entry(caller.clone()).or_default();
        if *own >= STREAMS_OF_ONE_MAX {
            return None;
        }
        *own += 1;
        Some(Place {
            caller,
            by_caller: Arc::clone(&self.by_caller),
            _permit: permit,
        })
    }

    /// Waits for the next beat, or the sweep.
    pub(crate) async fn wait(beats: &mut watch::Receiver<u64>) {
        let _either = tokio::time::timeout(SWEEP, beats.changed()).await;
    }

    pub(crate) fn listen(&self) -> watch::Receiver<u64> {
        self.beat.subscribe()
    }

    /// Whether a caller may go on listening; asked once for all streams of that caller.
    async fn may_listen(&self, house: &House, principal: &Principal) -> bool {
        let (name, now) = (principal.credential(), Instant::now());
        let mut asked = self.asked.lock().await;
        asked.retain(|_, (at, _)| now.duration_since(*at) < STILL_TRUE);
        if let Some((_, may)) = asked.get(&name) {
            return *may;
        }
        let may = principal.still_may(house).await;
        asked.insert(name, (now, may));
        may
    }
}

/// A stream that is open, as it is counted.
struct Place {
    caller: String,
    by_caller: Arc<StdMutex<BTreeMap<String, usize>>>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.by_caller.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = open.get_mut(&self.caller) {
            *own -= 1;
            if *own == 0 {
                open.remove(&self.caller);
            }
        }
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
    /// As listeners get it.
    pub(crate) fn told(row: &EntryRow) -> Result<Told, Problem> {
        let leaf = Leaf::parse(&row.leaf)
            .map_err(|e| Problem::internal(e.code(), "an entry of the ledger can't be read"))?;
        let (index, stream) = (row.index, leaf.stream.clone());
        let changed = Self {
            index,
            workflow: leaf.stream.starts_with("wf_").then_some(leaf.stream),
            kind: leaf.kind,
            seq: leaf.seq,
            at: leaf.at,
        };
        let data = serde_json::to_string(&changed);
        let data = data.map_err(|e| Problem::internal("no-json", e.to_string()))?;
        Ok(Told { index, stream, data })
    }
}

/// Listen: what is recorded from now on, or after `Last-Event-ID`, or after `?after=`
#[utoipa::path(
    get, path = "/api/v1/events", operation_id = "live_events", tag = "events",
    params(LiveQuery, ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen")),
    responses((status = 200, description = "a stream of events; `data` is `Changed`", content_type = "text/event-stream", body = Changed),
        (status = 429, description = "too many streams", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn events(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Query(query): Query<LiveQuery>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let place = house.pulse.place(principal.name()).ok_or_else(|| {
        Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-streams",
            format!("too many listen already; one caller may at most {STREAMS_OF_ONE_MAX} times"),
        )
        .next("Close streams that nobody reads, or try again in a moment.")
        .after(SLOW_MAX)
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
    // First the ear, then the ledger: what is recorded in between is met twice, and told once.
    let told = house.pulse.tail.listen(&house).await?;
    let next = match last {
        Some(last) => last.saturating_add(1),
        None => house.store.ledger_size().await?.0,
    };
    let (sender, receiver) = mpsc::channel(BUFFER);
    let mut stopping = house.stopping.clone();
    let feed = Feed {
        house,
        principal,
        next,
        only: query.workflow,
        sender,
        ask_at: Instant::now() + REAUTHORISE,
    };
    tokio::spawn(feed.run(told));
    let events = Events {
        receiver,
        _place: place,
    };
    // Whoever listens comes back to the next process; waiting for them would hold this one up.
    let ended = async move {
        // An error: who would say so is gone, and the process with it.
        let _gone = stopping.wait_for(|stopping| *stopping).await;
    };
    let events = events.take_until(ended);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}

/// What one listener is sent: entries from `next` on until nobody listens, or nobody may.
struct Feed {
    house: Arc<House>,
    principal: Principal,
    next: u64,
    only: Option<String>,
    sender: mpsc::Sender<Event>,
    /// When it is asked again whether the caller may listen.
    ask_at: Instant,
}

/// The listener is gone, or has to go.
struct Over;

impl Feed {
    async fn run(mut self, mut told: broadcast::Receiver<Arc<Told>>) -> Result<(), Over> {
        self.catch_up().await?;
        loop {
            tokio::select! {
                entry = told.recv() => match entry {
                    Ok(entry) if self.only.is_some() || entry.index <= self.next => self.tell(&entry).await?,
                    // One is missing: it couldn't be read, or was dropped here.
                    Ok(_) | Err(RecvError::Lagged(_)) => self.catch_up().await?,
                    Err(RecvError::Closed) => return Err(Over),
                },
                () = tokio::time::sleep_until(self.ask_at) => {}
                () = self.sender.closed() => return Err(Over),
            }
            self.ask().await?;
        }
    }

    /// Asks now and then whether the caller may still listen.
    async fn ask(&mut self) -> Result<(), Over> {
        if Instant::now() < self.ask_at {
            return Ok(());
        }
        self.ask_at = Instant::now() + REAUTHORISE;
        match self.house.pulse.may_listen(&self.house, &self.principal).await {
            true => Ok(()),
            false => Err(Over),
        }
    }

    /// Sends what the ledger has by now.
    async fn catch_up(&mut self) -> Result<(), Over> {
        loop {
            let read = self
                .house
                .store
                .entries(self.only.as_deref(), self.next, BATCH)
                .await;
            let rows = read.map_err(|error| {
                tracing::warn!(code = error.code(), "live events end: the ledger can't be read");
                Over
            })?;
            for row in &rows {
                let told = Changed::told(row).map_err(|_| Over)?;
                self.tell(&told).await?;
            }
            if rows.len() < BATCH as usize {
                return Ok(());
            }
            self.ask().await?;
        }
    }

    async fn tell(&mut self, told: &Told) -> Result<(), Over> {
        let is_asked_for = self.only.as_ref().is_none_or(|only| *only == told.stream);
        if told.index < self.next || !is_asked_for {
            return Ok(());
        }
        self.next = told.index + 1;
        let event = Event::default()
            .id(told.index.to_string())
            .event("changed")
            .data(&told.data);
        self.sender.send_timeout(event, SLOW_MAX).await.map_err(|_| Over)
    }
}

/// The stream of one listener.
pub(crate) struct Events {
    receiver: mpsc::Receiver<Event>,
    _place: Place,
}

impl Stream for Events {
    type Item = Result<Event, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.receiver.poll_recv(context).map(|event| event.map(Ok))
    }
}
