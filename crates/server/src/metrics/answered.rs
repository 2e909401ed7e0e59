//! Counts and times every answer, whoever gives it: a handler, the guard, a limit or the one that catches panics.

use super::{Metrics, label};
use crate::doors::DOORS;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

/// What stands for everything that is in no list of ours.
const OTHER: &str = "other";

/// The layer. A stream counts when its head is sent.
pub(crate) async fn answered(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = label("method", method(request.method()));
    let matched = request.extensions().get::<MatchedPath>();
    let route = label("route", route(matched.map(MatchedPath::as_str)));
    let response = next.run(request).await;
    let took = began.elapsed().as_secs_f64();
    let status = ("status", Cow::Owned(response.status().as_u16().to_string()));
    let counted = [method.clone(), route.clone(), status];
    metrics.http_requests.get_or_create(&counted).inc();
    metrics
        .http_durations
        .get_or_create(&[method, route])
        .observe(took);
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
