//! Calls with an `Idempotency-Key`: made once, however often they come. The same key of the same caller with another call is
//! refused, whatever door that goes to.
//!
//! A call is written down before it is made, and its answer after; in between, nobody knows how it ended, and it is not made
//! again. A refusal made nothing and is forgotten. No secret is kept: of an answer that shows one, only that it was given.

use crate::doors::{self, Repeat};
use crate::guard::Principal;
use crate::house::{House, hash};
use crate::problem::{LeftSomething, Problem};
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use countersign_ports::access::{Repeated, SecretHash};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use tracing::Instrument as _;

/// The header, as it is described.
pub(crate) const HEADER: &str = "Idempotency-Key";
/// Longest idempotency key, in bytes.
const KEY_MAX_BYTES: usize = 255;
/// Largest answer that is kept, in bytes.
const ANSWER_MAX_BYTES: usize = 64 << 10;

/// The key of a call, where it has one.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let Some(key) = headers.get(HEADER) else {
        return Ok(None);
    };
    let text = key.to_str().ok();
    let usable = |key: &&str| !key.is_empty() && key.len() <= KEY_MAX_BYTES;
    let bad = || {
        let text = "an idempotency key has 1 to 255 visible characters";
        Problem::refused("bad-idempotency-key", text)
    };
    text.filter(usable).ok_or_else(bad).map(Some)
}

/// The key stands for another call.
pub(crate) fn reused() -> Problem {
    let text = "this idempotency key was used for another call";
    Problem::new(StatusCode::CONFLICT, "idempotency-key-reused", text).next("Use a new key.")
}

/// What is known of a call that was made before.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Known {
    /// It began; how it ended is not known.
    Begun,
    /// It was made. What it answered is not kept.
    Made,
    /// It was made, and this was answered.
    Answered {
        status: u16,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        location: Option<String>,
        body: String,
    },
}

/// Makes a call with a key once.
pub(crate) async fn once(State(house): State<Arc<House>>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>();
    let door = path.and_then(|path| doors::find(request.method().as_str(), path.as_str()));
    let shown_once = match door.map(|door| door.repeat) {
        Some(Repeat::Answer) => false,
        Some(Repeat::ShownOnce) => true,
        Some(Repeat::NotKeyed | Repeat::ById) | None => return next.run(request).await,
    };
    match key(request.headers()) {
        Ok(None) => next.run(request).await,
        Ok(Some(key)) => {
            let key = key.to_owned();
            keyed(house, request, next, (key, shown_once))
                .await
                .unwrap_or_else(Problem::into_response)
        }
        Err(problem) => problem.into_response(),
    }
}

async fn keyed(
    house: Arc<House>,
    request: Request,
    next: Next,
    (key, shown_once): (String, bool),
) -> Result<Response, Problem> {
    let caller = match request.extensions().get::<Principal>() {
        Some(principal) => principal.name(),
        None => return Err(Problem::internal("internal", "nobody was let in")),
    };
    let (head, body) = request.into_parts();
    let body = to_bytes(body, crate::BODY_MAX_BYTES).await.map_err(|_| {
        let text = "a body has at most 8 MiB";
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "body-too-large", text).next("Send less at once.")
    })?;
    let call = words(&format!("{} {}", head.method, head.uri), &body);
    let begun = text(&Known::Begun)?;
    match house.access.begin_call(&caller, &key, &call, &begun).await? {
        Repeated::First => {}
        Repeated::Other => return Err(reused()),
        Repeated::Same(known) => return again(&known),
    }
    // A caller who hangs up, or waits no longer, does not break off what was begun.
    let request = Request::from_parts(head, Body::from(body));
    let making = async move {
        let (response, known) = ended(next.run(request).await, shown_once).await?;
        let known = known.as_ref().map(text).transpose()?;
        if let Err(error) = house.access.end_call(&caller, &key, known.as_deref()).await {
            tracing::warn!(%error, "the answer to a call with an idempotency key could not be kept");
        }
        Ok(response)
    };
    match tokio::spawn(making.in_current_span()).await {
        Ok(answered) => answered,
        Err(broke) if broke.is_panic() => std::panic::resume_unwind(broke.into_panic()),
        Err(_stopped) => Err(Problem::internal("internal", "the server stops")),
    }
}

/// What a call is recognised by: where it goes, and what its body says, however that is spelt.
fn words(to: &str, body: &Bytes) -> SecretHash {
    let spelt = serde_json::from_slice::<serde_json::Value>(body);
    let body = spelt.map_or_else(|_| hex::encode(body), |value| value.to_string());
    hash(&format!("{to}\n{body}"))
}

fn text(known: &Known) -> Result<String, Problem> {
    serde_json::to_string(known).map_err(|e| Problem::internal("no-json", e.to_string()))
}

/// The answer, and what is to be known of it; nothing, where nothing was made.
async fn ended(response: Response, shown_once: bool) -> Result<(Response, Option<Known>), Problem> {
    let status = response.status();
    let left_something = response.extensions().get::<LeftSomething>().is_some();
    if !status.is_success() {
        // `503` means that something which was needed can't be used now, and asks to try again.
        let refused = status.is_client_error() || status == StatusCode::SERVICE_UNAVAILABLE;
        let known = (left_something || !refused).then_some(Known::Begun);
        return Ok((response, known));
    }
    if shown_once {
        return Ok((response, Some(Known::Made)));
    }
    let (head, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX)
        .await
        .map_err(|_| Problem::internal("internal", "an answer broke off"))?;
    let header = |name| {
        let value: Option<&HeaderValue> = head.headers.get(name);
        value.and_then(|v| v.to_str().ok()).map(str::to_owned)
    };
    let known = match std::str::from_utf8(&body) {
        Ok(text) if text.len() <= ANSWER_MAX_BYTES => Known::Answered {
            status: status.as_u16(),
            kind: header(header::CONTENT_TYPE),
            location: header(header::LOCATION),
            body: text.to_owned(),
        },
        Ok(_) | Err(_) => Known::Made,
    };
    Ok((Response::from_parts(head, Body::from(body)), Some(known)))
}

/// What whoever repeats a call hears.
fn again(known: &str) -> Result<Response, Problem> {
    let unreadable = || Problem::internal("bad-repeat", "a remembered call can't be read");
    match serde_json::from_str(known).map_err(|_| unreadable())? {
        Known::Begun => {
            let text = "a call with this idempotency key was begun, and how it ended is not known";
            Err(
                Problem::new(StatusCode::CONFLICT, "first-call-unanswered", text).next(
                    "Try again in a moment. If this stays so, read whether its effect is there; if not, use a new key.",
                ),
            )
        }
        Known::Made => {
            let text = "this call was made already, and what it answered is not kept";
            Err(Problem::new(StatusCode::CONFLICT, "made-already", text).next(
                "Read what there is now. If a secret that is shown once got lost, take back what it belongs to, and make another \
                 with a new key.",
            ))
        }
        Known::Answered {
            status,
            kind,
            location,
            body,
        } => {
            let status = StatusCode::from_u16(status).map_err(|_| unreadable())?;
            let mut response = (status, body).into_response();
            let headers = response.headers_mut();
            headers.remove(header::CONTENT_TYPE);
            for (name, value) in [(header::CONTENT_TYPE, kind), (header::LOCATION, location)] {
                let value = value.and_then(|value| HeaderValue::from_str(&value).ok());
                if let Some(value) = value {
                    headers.insert(name, value);
                }
            }
            Ok(response)
        }
    }
}
