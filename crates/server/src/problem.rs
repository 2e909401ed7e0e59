//! What goes wrong, as RFC 9457 problem details (<https://www.rfc-editor.org/rfc/rfc9457>): a stable code, a plain
//! sentence, what to do next, and never internals.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_engine::EngineError;
use countersign_engine::intake::NotTaken;
use countersign_ports::store::StoreError;
use countersign_ports::trees::TreesError;
use serde::Serialize;
use std::time::Duration;
use utoipa::ToSchema;

/// Path under which every code has its help page.
pub(crate) const HELP: &str = "/help/errors/";

/// `application/problem+json`.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Problem {
    /// The code's help page, relative to this server.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    kind: Box<str>,
    /// The status in words.
    title: &'static str,
    /// The HTTP status.
    status: u16,
    /// What is wrong, in a sentence.
    #[schema(value_type = String)]
    detail: Box<str>,
    /// Stable kebab-case code.
    #[schema(value_type = String)]
    pub code: Box<str>,
    /// What to do now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    next: Option<Box<str>>,
    /// Where a decision was about something else than what waits: what waits now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    waits: Option<Box<serde_json::Value>>,
    /// How many seconds to wait before the next try, which the header `Retry-After` says.
    #[serde(skip)]
    retry_after: Option<u32>,
    /// Where a decision was about an earlier revision than the one that waits: what changed between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<DeltaWire>)]
    delta: Option<Box<DeltaWire>>,
    /// Something of the call is on its way all the same.
    #[serde(skip)]
    left_something: bool,
}

/// What changed between the revision that was decided on and the one that waits.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeltaWire {
    /// The revision that was decided on.
    pub from: u32,
    /// The revision that waits.
    pub to: u32,
    /// Files that the two would leave otherwise, over all repositories; at most 200 of them.
    pub files: Vec<DeltaFileWire>,
    /// How many there are.
    pub files_total: u64,
    /// Where the difference is shown line by line.
    pub interdiff: String,
}

/// A file that another revision would leave otherwise.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct DeltaFileWire {
    /// The repository's name.
    pub repository: String,
    /// Its path.
    pub path: String,
}

/// Marks an answer whose call is on its way although it was not taken yet: made again, it would be made twice.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LeftSomething;

impl Problem {
    /// Of a status, with its code and sentence.
    pub fn new(status: StatusCode, code: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("{HELP}{code}").into(),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into().into(),
            code: code.into(),
            next: None,
            waits: None,
            retry_after: None,
            delta: None,
            left_something: false,
        }
    }

    /// The caller's data can't be used as they are.
    pub fn refused(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }

    /// There is no such thing, or not for this caller.
    pub fn missing(what: &str, id: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            format!("there is no {what} `{id}` here"),
        )
    }

    /// It is our fault, or the machine's; the log has the details.
    pub fn internal(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, code, detail)
    }

    /// Adds what to do now.
    #[must_use]
    pub fn next(mut self, step: impl Into<String>) -> Self {
        self.next = Some(step.into().into());
        self
    }

    /// Adds what waits now.
    #[must_use]
    pub fn waits(mut self, now: serde_json::Value) -> Self {
        self.waits = Some(Box::new(now));
        self
    }

    /// Adds how long to wait before the next try.
    #[must_use]
    pub(crate) fn after(mut self, wait: Duration) -> Self {
        let seconds = u32::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
        self.retry_after = Some(seconds.max(1));
        self
    }

    /// An answer with the headers that belong to it.
    pub(crate) fn with_headers(&self, mut response: Response) -> Response {
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    /// Adds what changed meanwhile.
    #[must_use]
    pub(crate) fn delta(mut self, delta: DeltaWire) -> Self {
        self.delta = Some(Box::new(delta));
        self
    }

    /// Says that something of the call is on its way all the same.
    #[must_use]
    pub(crate) fn left_something(mut self) -> Self {
        self.left_something = true;
        self
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// What is wrong, in a sentence.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// What to do now.
    pub fn next_step(&self) -> Option<&str> {
        self.next.as_deref()
    }
}

/// Refusals that the router and the limits make by themselves, of which most are bare words or nothing, as problems.
pub(crate) async fn of_bare(answer: Response) -> Response {
    let kind = answer.headers().get(header::CONTENT_TYPE);
    if !kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain")) {
        return answer;
    }
    let (code, detail, next) = match answer.status() {
        StatusCode::METHOD_NOT_ALLOWED => (
            "method-not-allowed",
            "this address has no such method",
            "The header `Allow` says which ones it has.",
        ),
        StatusCode::PAYLOAD_TOO_LARGE => ("body-too-large", "a body has at most 8 MiB", "Send less at once."),
        StatusCode::GATEWAY_TIMEOUT => (
            "too-slow",
            "this took longer than 60 seconds and was given up",
            "Read what became of it, then try again.",
        ),
        _ => return answer,
    };
    let problem = Problem::new(answer.status(), code, detail).next(next);
    let (mut head, _) = answer.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    let (told, body) = problem.into_response().into_parts();
    head.headers.extend(told.headers);
    Response::from_parts(head, body)
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(&self)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if self.left_something {
            response.extensions_mut().insert(LeftSomething);
        }
        self.with_headers(response)
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let code = error.code();
        match &error {
            StoreError::NotFound { what, id } => Self::missing(what, id),
            StoreError::Clash | StoreError::ClaimLost => {
                Self::new(StatusCode::CONFLICT, code, error.to_string()).next("Read it again and repeat.")
            }
            StoreError::Refused { message, .. } => Self::refused(code, message),
            StoreError::Closed { message, .. } => Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
                .next("On the server's machine: countersign restore --resume"),
            StoreError::Unavailable { .. } => {
                tracing::error!(code, %error, "the store is unavailable");
                let detail = "the database can't be used at the moment";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail).next("Try again in a moment.")
            }
            StoreError::Corrupt { .. } => {
                tracing::error!(code, %error, "something stored can't be what was stored");
                Self::internal(code, "something that is stored can't be read")
                    .next("On the server's machine: countersign doctor")
            }
        }
    }
}

impl From<NotTaken> for Problem {
    fn from(error: NotTaken) -> Self {
        match error {
            NotTaken::Secret(why) => Self::refused("words-hold-secret", why).next("Nothing of it was kept."),
            NotTaken::Store(error) => error.into(),
        }
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(error) => error.into(),
            EngineError::DecisionBroke | EngineError::TooManyClashes(_) => {
                Self::internal(error.code(), error.to_string())
            }
        }
    }
}

impl From<TreesError> for Problem {
    fn from(error: TreesError) -> Self {
        let code = error.code();
        match &error {
            TreesError::Unsupported { message, .. } => Self::refused(code, message),
            TreesError::Unavailable { .. } | TreesError::Corrupt { .. } => {
                tracing::error!(code, %error, "a repository can't be read");
                Self::internal(code, "the repository can't be read")
            }
        }
    }
}
