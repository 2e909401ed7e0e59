//! The server: what a browser and other programs see of Countersign, and what they may do.
//!
//! [`router`] is the whole of it; [`serve`] runs it on a socket. Who may open which door is one table ([`doors`]), asked in
//! one place (`guard`). Nothing is decided here: a decision becomes a signed act in the inbox, as at every other door.

mod answered;
mod api;
mod commands;
pub mod doors;
mod github;
mod guard;
mod hooks;
mod house;
mod listen;
mod live;
mod metrics;
mod pace;
mod page;
mod problem;
mod repeats;
mod rotation;
pub mod shown;
mod tail;
pub mod wire;

pub use api::holds::{clear_alarm, frozen, set_frozen};
pub use api::interdiff::between as interdiff;
pub use api::keys::{DAYS_DEFAULT, DAYS_MAX, KeyWire, MadeKey, NewKey, make as make_key};
pub use api::members::{
    Invited, MemberWire, change as change_member, invite, named as member_named, parse_role,
};
pub use api::reverting::reverting;
pub use api::sessions::{CODE_MS, new_code};
pub use api::{client, description};
pub use commands::{Answers, Commands};
pub use github::{Allowed, CALLBACK_PATH, GitHub};
pub use hooks::{HOOKS_PATH, HookDoor};
pub use house::{HeldKeys, House, Origin};
pub use listen::{CONNECTIONS_MAX, serve};
pub use live::Pulse;
pub use metrics::Metrics;
pub use problem::{DeltaFileWire, DeltaWire, Problem};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::{get, post};
use std::sync::Arc;
use std::time::Duration;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;
use utoipa_swagger_ui::SwaggerUi;

/// Largest body that is read, in bytes.
pub const BODY_MAX_BYTES: usize = 8 << 20;
/// How long an answer may take, streams apart.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Everything the server answers.
pub fn router(house: House) -> Router {
    let cors = cors(&house.cors);
    let measured = Arc::clone(&house.metrics);
    let house = Arc::new(house);
    let (api, description) = api::routes().split_for_parts();
    let pages = Router::new()
        .route("/", get(page::home))
        .route("/sign-in", get(page::sign_in_form).post(page::sign_in))
        .route("/sign-in/github", get(github::begin))
        .route(CALLBACK_PATH, get(github::end))
        .route("/sign-out", post(page::sign_out))
        .route("/workflows/{id}", get(page::workflow))
        .route("/requests/{id}", get(page::request).post(page::decide))
        .route("/requests/{id}/viewed", post(page::mark_viewed))
        .route("/requests/{id}/comments", post(page::write_comment))
        .route("/requests/{id}/comments/drop", post(page::drop_comment))
        .route("/help/errors/{code}", get(page::help))
        .route("/assets/page.css", get(page::css))
        .route("/docs", get(|| async { Redirect::permanent("/api/docs/") }))
        .route("/healthz", get(api::system::healthz))
        .route("/readyz", get(api::system::readyz))
        .route("/metrics", get(metrics::scrape));
    let guard = guard::Guard {
        house: Arc::clone(&house),
        paces: Arc::new(pace::Paces::new()),
    };
    let known = Arc::clone(&house);
    pages
        .merge(api)
        .with_state(house)
        .merge(SwaggerUi::new("/api/docs").url("/api/openapi.json", description))
        .fallback(nothing_here)
        .layer(axum::middleware::from_fn_with_state(known, repeats::once))
        .layer(axum::middleware::from_fn_with_state(guard, guard::guard))
        .layer(cors)
        .layer(TimeoutLayer::with_status_code(
            StatusCode::GATEWAY_TIMEOUT,
            ANSWER_MAX,
        ))
        .layer(DefaultBodyLimit::disable())
        .layer(RequestBodyLimitLayer::new(BODY_MAX_BYTES))
        .layer(axum::middleware::map_response(problem::of_bare))
        .layer(CatchPanicLayer::custom(|_| {
            Problem::internal("internal", "an internal error; the log has the details").into_response()
        }))
        .layer(axum::middleware::from_fn_with_state(measured, answered::answered))
}

/// Pages of other origins call with a token that they were given; no cookie ever goes along.
fn cors(origins: &[String]) -> CorsLayer {
    let origins = origins.iter().filter_map(|o| HeaderValue::from_str(o).ok());
    let own = ["idempotency-key", "last-event-id", "prefer", "x-request-id"].map(HeaderName::from_static);
    let headers: Vec<HeaderName> = [header::AUTHORIZATION, header::CONTENT_TYPE]
        .into_iter()
        .chain(own)
        .collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allow_headers(headers)
        .expose_headers(
            [header::LOCATION]
                .into_iter()
                .chain(["preference-applied", "retry-after", "x-request-id"].map(HeaderName::from_static))
                .collect::<Vec<_>>(),
        )
        .max_age(Duration::from_secs(600))
}

async fn nothing_here(request: Request) -> Response {
    let text = "there is nothing at this address";
    let problem = Problem::new(StatusCode::NOT_FOUND, "not-found", text);
    if guard::is_for_people(request.uri().path()) {
        return page::problem(&problem.next("Begin at what waits."));
    }
    problem
        .next("/api/openapi.json says which addresses there are.")
        .into_response()
}
