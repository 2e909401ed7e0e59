//! A server's live events (<https://html.spec.whatwg.org/multipage/server-sent-events.html>): what changed, in the order in
//! which it was recorded. A connection that ends is made again and goes on after the last event that was seen.

use super::{Remote, odd};
use crate::error::CliError;
use countersign_core::id::WorkflowId;
use countersign_server::client::Changed;
use reqwest::{Method, Response};
use std::collections::VecDeque;
use std::time::Duration;

/// Longest event, in bytes.
const EVENT_MAX_BYTES: usize = 64 << 10;
/// How often a lost connection is made again before the error is said.
const TRIES_MAX: u32 = 8;
/// How long the first pause is; each is twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(250);
/// Silence after which a connection counts as lost; the server says something every 15 seconds.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// What changes from now on.
pub(crate) struct Changes<'a> {
    remote: &'a Remote,
    only: Option<WorkflowId>,
    response: Option<Response>,
    last: Option<u64>,
    bytes: Vec<u8>,
    waiting: VecDeque<Changed>,
}

impl<'a> Changes<'a> {
    /// Begins to listen; whatever is recorded after this returns is told.
    ///
    /// # Errors
    /// When the server can't be reached, or refuses.
    pub(crate) async fn listen(remote: &'a Remote, only: Option<&WorkflowId>) -> Result<Self, CliError> {
        let mut changes = Self {
            remote,
            only: only.cloned(),
            response: None,
            // A place in the log, so that what is recorded while a connection is lost is told nevertheless.
            last: remote.ledger_size().await?.checked_sub(1),
            bytes: Vec::new(),
            waiting: VecDeque::new(),
        };
        changes.connect().await?;
        Ok(changes)
    }

    /// The next change; waits for it.
    ///
    /// # Errors
    /// When the server can't be reached any more, or refuses.
    pub(crate) async fn next(&mut self) -> Result<Changed, CliError> {
        let mut tries = 0;
        loop {
            if let Some(changed) = self.waiting.pop_front() {
                self.last = Some(changed.index);
                return Ok(changed);
            }
            if self.read().await? {
                tries = 0;
                continue;
            }
            self.response = None;
            tokio::time::sleep(PAUSE * 2_u32.pow(tries)).await;
            tries += 1;
            match self.connect().await {
                Err(error) if tries >= TRIES_MAX || error.exit == crate::error::Exit::Refused => {
                    return Err(error);
                }
                Err(_later) => {}
                Ok(()) => tries = 0,
            }
        }
    }

    async fn connect(&mut self) -> Result<(), CliError> {
        self.bytes.clear();
        let only = self
            .only
            .as_ref()
            .map_or_else(String::new, |id| format!("?workflow={id}"));
        let mut request = self.remote.request(Method::GET, &format!("events{only}"))?;
        if let Some(last) = self.last {
            request = request.header("last-event-id", last.to_string());
        }
        self.response = Some(self.remote.send(request).await?);
        Ok(())
    }

    /// Reads what came. `false`: the connection is gone.
    async fn read(&mut self) -> Result<bool, CliError> {
        let Some(response) = &mut self.response else {
            return Ok(false);
        };
        let Ok(Ok(Some(chunk))) = tokio::time::timeout(SILENCE_MAX, response.chunk()).await else {
            return Ok(false);
        };
        self.bytes.extend_from_slice(&chunk);
        while let Some(end) = self.bytes.windows(2).position(|two| two == b"\n\n") {
            let event: Vec<u8> = self.bytes.drain(..end + 2).collect();
            self.waiting.extend(read_event(&event)?);
        }
        match self.bytes.len() > EVENT_MAX_BYTES {
            true => Err(odd(format!("an event has more than {EVENT_MAX_BYTES} bytes"))),
            false => Ok(true),
        }
    }
}

/// One event's data; `None`: a comment that keeps the connection open.
fn read_event(bytes: &[u8]) -> Result<Option<Changed>, CliError> {
    let text = std::str::from_utf8(bytes).map_err(odd)?;
    let data: String = text
        .lines()
        .filter_map(|line| line.strip_prefix("data:"))
        .collect();
    match data.is_empty() {
        true => Ok(None),
        false => serde_json::from_str(data.trim()).map(Some).map_err(odd),
    }
}
