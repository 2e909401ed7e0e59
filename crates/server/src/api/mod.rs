//! The HTTP API, `/api/v1`, by noun. Handlers translate; what is allowed is decided in `guard`, what happens in `core`.

pub(crate) mod comments;
pub(crate) mod decisions;
pub(crate) mod directory;
pub(crate) mod holds;
pub(crate) mod interdiff;
pub(crate) mod keys;
pub(crate) mod ledger;
pub(crate) mod members;
pub(crate) mod notices;
pub(crate) mod policy;
pub(crate) mod proofs;
pub(crate) mod reverting;
pub(crate) mod runs;
pub(crate) mod sessions;
pub(crate) mod settings;
pub(crate) mod submitting;
pub(crate) mod system;
pub(crate) mod usage;
pub(crate) mod viewed;
pub(crate) mod workflows;

/// What goes over the wire, for clients.
pub mod client {
    pub use super::decisions::{Decision, Part, WholeAct};
    pub use super::directory::{FoundRepositoriesWire, FoundRepositoryWire};
    pub use super::holds::{FreezeWire, NewFreeze, Note};
    pub use super::interdiff::{InterdiffWire, InterdiffsWire};
    pub use super::ledger::{CheckpointWire, EntryWire, LedgerWire};
    pub use super::members::{MemberChange, MemberWire, NewMember};
    pub use super::proofs::HeadsWire;
    pub use super::sessions::{Code, SessionWire, Token, Whoami};
    pub use super::submitting::{ChosenRepository, NewAgent, NewBudget, NewDiff, NewWorkflow, Submitted};
    pub use super::system::{NewRepository, RepositoryWire};
    pub use super::workflows::{EventWire, WorkflowsPage};
    pub use crate::live::Changed;
}

use crate::doors::Repeat;
use crate::house::House;
use crate::problem::Problem;
use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use countersign_core::id::WorkflowId;
use serde::Serialize;
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa::openapi::path::{ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{ContentBuilder, ObjectBuilder, Ref, ResponseBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// A JSON body, with a problem where it can't be read.
#[derive(Debug, FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Query parameters, with a problem where they can't be read.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub(crate) struct Query<T>(pub(crate) T);

/// Path parameters, with a problem where they can't be read.
#[derive(Debug, FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub(crate) struct Path<T>(pub(crate) T);

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Self {
        let status = rejection.status();
        let code = match status {
            StatusCode::PAYLOAD_TOO_LARGE => "body-too-large",
            StatusCode::UNSUPPORTED_MEDIA_TYPE => "not-json",
            _other => "bad-body",
        };
        Problem::new(status, code, rejection.body_text()).next("The API's description: /api/openapi.json")
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Problem::new(StatusCode::BAD_REQUEST, "bad-query", rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Problem::new(StatusCode::BAD_REQUEST, "bad-path", rejection.body_text())
    }
}

/// A cursor that no page of this list gave.
pub(crate) fn bad_cursor(text: &str) -> Problem {
    let text = format!("`{text}` is no cursor of this list in this order");
    Problem::new(StatusCode::BAD_REQUEST, "bad-cursor", text)
        .next("Take `next` of the page before with the same order, or leave `cursor` out to begin at the first page.")
}

/// A workflow's id out of a path.
pub(crate) fn workflow_id(text: &str) -> Result<WorkflowId, Problem> {
    WorkflowId::parse(text).map_err(|_| Problem::missing("workflow", text))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Countersign",
        description = "Turns feedback into a reviewed change: agents propose, named humans decide on exactly the content that is written.",
        license(name = "MIT", identifier = "MIT")
    ),
    modifiers(&Security),
    security(("session" = []), ("token" = []))
)]
struct Description;

/// How callers show who they are.
struct Security;

impl utoipa::Modify for Security {
    fn modify(&self, description: &mut utoipa::openapi::OpenApi) {
        use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
        let components = description.components.get_or_insert_default();
        let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
        components.add_security_scheme("token", SecurityScheme::Http(token));
        let cookie = ApiKey::Cookie(ApiKeyValue::new("countersign"));
        components.add_security_scheme("session", SecurityScheme::ApiKey(cookie));
    }
}

/// All routes of the API with their description.
pub(crate) fn routes() -> OpenApiRouter<Arc<House>> {
    let mut routes = endpoints();
    describe_problems(routes.get_openapi_mut());
    describe_keys(routes.get_openapi_mut());
    routes
}

/// Calls that can be made again under an idempotency key say so.
fn describe_keys(description: &mut utoipa::openapi::OpenApi) {
    for (path, item) in &mut description.paths.paths {
        let repeat = crate::doors::find("POST", path).map(|door| door.repeat);
        let told = match repeat {
            None | Some(Repeat::NotKeyed) => continue,
            Some(Repeat::Answer) => {
                "the same call again within a day gets the first answer and makes nothing"
            }
            Some(Repeat::ShownOnce) => {
                "the same call again within a day makes nothing and is 409 `made-already`: its secret is shown once"
            }
            Some(Repeat::ById) => "the same call again gives the same workflow",
        };
        let parameter = ParameterBuilder::new()
            .name(crate::repeats::HEADER)
            .parameter_in(ParameterIn::Header)
            .description(Some(format!("1 to 255 characters of your own: {told}")))
            .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
            .build();
        if let Some(operation) = &mut item.post {
            operation
                .parameters
                .get_or_insert_default()
                .push(parameter.into());
        }
    }
}

/// Whatever else an endpoint answers is a problem.
fn describe_problems(description: &mut utoipa::openapi::OpenApi) {
    let problem = ContentBuilder::new()
        .schema(Some(Ref::from_schema_name("Problem")))
        .build();
    let problem = ResponseBuilder::new()
        .description("What is wrong, in a sentence, and what to do next")
        .content("application/problem+json", problem)
        .build();
    for path in description.paths.paths.values_mut() {
        let operations = [
            &mut path.get,
            &mut path.post,
            &mut path.put,
            &mut path.patch,
            &mut path.delete,
        ];
        for operation in operations.into_iter().flatten() {
            operation
                .responses
                .responses
                .insert("default".to_owned(), problem.clone().into());
        }
    }
}

fn endpoints() -> OpenApiRouter<Arc<House>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(sessions::list, sessions::sign_in, sessions::end_others))
        .routes(routes!(sessions::end_one))
        .routes(routes!(sessions::whoami, sessions::sign_out))
        .routes(routes!(workflows::list, submitting::submit))
        .routes(routes!(workflows::show))
        .routes(routes!(workflows::events))
        .routes(routes!(workflows::story))
        .routes(routes!(workflows::diffs))
        .routes(routes!(interdiff::interdiff))
        .routes(routes!(workflows::patches))
        .routes(routes!(viewed::list, viewed::mark, viewed::unmark))
        .routes(routes!(workflows::patch))
        .routes(routes!(workflows::artifacts))
        .routes(routes!(runs::agent_runs))
        .routes(routes!(runs::effect_attempts))
        .routes(routes!(runs::all_agent_runs))
        .routes(routes!(ledger::export))
        .routes(routes!(reverting::revert))
        .routes(routes!(decisions::act))
        .routes(routes!(decisions::requests))
        .routes(routes!(decisions::request))
        .routes(routes!(decisions::decide))
        .routes(routes!(comments::list, comments::write))
        .routes(routes!(comments::reword, comments::remove))
        .routes(routes!(system::repositories, system::register))
        .routes(routes!(directory::find))
        .routes(routes!(policy::show))
        .routes(routes!(policy::judge))
        .routes(routes!(members::list, members::add))
        .routes(routes!(members::update))
        .routes(routes!(members::code))
        .routes(routes!(holds::alarms))
        .routes(routes!(holds::clear))
        .routes(routes!(holds::list, holds::freeze))
        .routes(routes!(holds::unfreeze))
        .routes(routes!(notices::list))
        .routes(routes!(usage::show))
        .routes(routes!(settings::show))
        .routes(routes!(keys::list, keys::add))
        .routes(routes!(keys::revoke))
        .routes(routes!(ledger::state))
        .routes(routes!(ledger::entries))
        .routes(routes!(ledger::checkpoint))
        .routes(routes!(proofs::inclusion))
        .routes(routes!(proofs::consistency))
        .routes(routes!(crate::hooks::deliver))
        .routes(routes!(crate::live::events))
}

/// The API's description: OpenAPI 3.1.
pub fn description() -> utoipa::openapi::OpenApi {
    routes().into_openapi()
}
