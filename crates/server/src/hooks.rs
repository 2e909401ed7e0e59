//! What a forge tells by itself: verified, kept once, answered. Nothing is decided here and no word of it is kept.

use crate::api::Json;
use crate::house::House;
use crate::problem::Problem;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use countersign_ports::hook::{HookError, HookHeaders, HookReader, Hooks, Received};
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// Where GitHub tells of what happened.
pub const HOOKS_PATH: &str = "/api/v1/webhooks/github";

/// How deliveries of one forge are read, and where they are kept.
pub struct HookDoor {
    /// Reads them.
    pub reader: Arc<dyn HookReader>,
    /// Keeps them.
    pub kept: Arc<dyn Hooks>,
}

/// What became of a delivery, in answers and metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum HookWord {
    /// It is on disk; what waits for such a change looks soon.
    Kept,
    /// The same came before.
    Repeated,
    /// It is about a repository that is not registered here.
    NotRegistered,
    /// It points to nothing that anybody here looks at.
    NothingToDo,
    /// Its signature is missing or wrong.
    Forged,
    /// It is signed and can't be read.
    Malformed,
}

impl HookWord {
    /// All of them.
    pub(crate) const ALL: [HookWord; 6] = [
        HookWord::Kept,
        HookWord::Repeated,
        HookWord::NotRegistered,
        HookWord::NothingToDo,
        HookWord::Forged,
        HookWord::Malformed,
    ];

    /// The word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            HookWord::Kept => "kept",
            HookWord::Repeated => "repeated",
            HookWord::NotRegistered => "not-registered",
            HookWord::NothingToDo => "nothing-to-do",
            HookWord::Forged => "forged",
            HookWord::Malformed => "malformed",
        }
    }
}

/// The answer to a delivery.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Delivered {
    /// What became of it.
    outcome: HookWord,
}

/// Take a delivery of GitHub's webhooks
///
/// The body is signed with the secret that GitHub and this server know (`X-Hub-Signature-256`). A delivery is kept once, by its
/// name and its bytes, before this answers; of its words nothing is kept.
#[utoipa::path(
    post, path = "/api/v1/webhooks/github", tag = "webhooks", operation_id = "deliver_github_webhook",
    request_body(content = Object, content_type = "application/json"),
    params(("X-GitHub-Event" = String, Header, description = "what it tells of, such as `check_run`"),
        ("X-GitHub-Delivery" = String, Header, description = "its name, 1 to 64 visible characters"),
        ("X-Hub-Signature-256" = String, Header, description = "`sha256=` and the HMAC of the body in hex")),
    responses((status = 202, body = Delivered),
        (status = 401, description = "the signature is missing or wrong", content_type = "application/problem+json", body = Problem),
        (status = 404, description = "no secret is set here", content_type = "application/problem+json", body = Problem),
        (status = 422, description = "it can't be read", content_type = "application/problem+json", body = Problem)),
    security(())
)]
pub(crate) async fn deliver(
    State(house): State<Arc<House>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Delivered>), Problem> {
    let Some(door) = &house.hooks else {
        let text = "this server takes no webhooks: it has no secret to check them with";
        return Err(
            Problem::new(StatusCode::NOT_FOUND, "hooks-not-set-up", text).next(
                "Set GITHUB_WEBHOOK_SECRET (github.webhook_secret) to the secret that GitHub has, and restart.",
            ),
        );
    };
    let header = |name| headers.get(name).and_then(|v| v.to_str().ok());
    let beside = HookHeaders {
        delivery: header("x-github-delivery"),
        event: header("x-github-event"),
        signature: header("x-hub-signature-256"),
    };
    let outcome = match door.reader.read(beside, &body) {
        Err(error) => {
            let is_json = header("content-type").is_some_and(|t| t.starts_with("application/json"));
            let (word, problem) = refused(error, is_json);
            house.metrics.hook(word);
            return Err(problem);
        }
        Ok(None) => HookWord::NothingToDo,
        Ok(Some(hook)) => match door.kept.receive(&hook).await? {
            Received::New => HookWord::Kept,
            Received::Repeated => HookWord::Repeated,
            Received::NotOurs => HookWord::NotRegistered,
        },
    };
    house.metrics.hook(outcome);
    Ok((StatusCode::ACCEPTED, Json(Delivered { outcome })))
}

fn refused(error: HookError, is_json: bool) -> (HookWord, Problem) {
    let text = error.to_string();
    match error {
        HookError::Signature => (
            HookWord::Forged,
            Problem::new(StatusCode::UNAUTHORIZED, error.code(), text)
                .next("Give GitHub and this server the same secret."),
        ),
        HookError::Malformed { .. } => (
            HookWord::Malformed,
            Problem::refused(error.code(), text).next(match is_json {
                false => "GitHub has to send it as application/json: set the webhook's content type so.",
                true => {
                    "Look at it among the webhook's recent deliveries on GitHub, and whether this Countersign is older than GitHub's form."
                }
            }),
        ),
    }
}
