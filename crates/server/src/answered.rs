//! Counts, times and logs every answer, whoever gives it: a handler, the guard, a limit or the one that catches panics.
//!
//! What the log says comes from lists of ours, but for the id, which callers may choose: never a query, a body or a token.

use crate::doors::DOORS;
use crate::house::random;
use crate::metrics::{Metrics, label};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use std::borrow::Cow;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// What stands for everything that is in no list of ours.
const OTHER: &str = "other";
/// Longest id of a request that is taken over from the caller, in bytes.
const REQUEST_ID_MAX_BYTES: usize = 64;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A request, as the log names it.
#[derive(Clone)]
pub(crate) struct Asked {
    /// The caller's own id, if it can be one, else a new one.
    pub(crate) id: Arc<str>,
    /// Who called; set by whoever finds it out.
    pub(crate) by: Arc<OnceLock<String>>,
}

impl Asked {
    fn with(headers: &HeaderMap) -> Self {
        let given = headers.get(REQUEST_ID).and_then(|v| v.to_str().ok());
        let usable = |id: &&str| {
            !id.is_empty()
                && id.len() <= REQUEST_ID_MAX_BYTES
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let id = given.filter(usable).map_or_else(
            || random::<8>().map_or_else(|_| "none".to_owned(), hex::encode),
            str::to_owned,
        );
        Self {
            id: id.into(),
            by: Arc::default(),
        }
    }
}

/// The layer. A stream counts when its head is sent.
pub(crate) async fn answered(
    State(metrics): State<Arc<Metrics>>,
    mut request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let asked = Asked::with(request.headers());
    let method = method(request.method());
    let matched = request.extensions().get::<MatchedPath>();
    let route = route(matched.map(MatchedPath::as_str));
    request.extensions_mut().insert(asked.clone());
    let mut response = next.run(request).await;
    let took = began.elapsed();
    let status = response.status();
    if let Ok(id) = HeaderValue::from_str(&asked.id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    let named = [label("method", method), label("route", route)];
    let [of_method, of_route] = named.clone();
    let by_status = ("status", Cow::Owned(status.as_u16().to_string()));
    let counted = [of_method, of_route, by_status];
    metrics.http_requests.get_or_create(&counted).inc();
    metrics
        .http_durations
        .get_or_create(&named)
        .observe(took.as_secs_f64());
    let (request, by) = (&*asked.id, asked.by.get().map_or("nobody", String::as_str));
    let (status, ms) = (
        status.as_u16(),
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    );
    if response.status().is_server_error() {
        tracing::warn!(request, method, route, status, ms, by, "answered");
    } else {
        tracing::info!(request, method, route, status, ms, by, "answered");
    }
    response
}

/// The path as the table of doors has it, with its parameters' names.
fn route(matched: Option<&str>) -> &'static str {
    let mut paths = DOORS.iter().map(|door| door.path);
    matched
        .and_then(|matched| paths.find(|path| *path == matched))
        .unwrap_or(OTHER)
}

fn method(method: &Method) -> &'static str {
    let known = ["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "PUT"];
    known
        .into_iter()
        .find(|name| *name == method.as_str())
        .unwrap_or(OTHER)
}
