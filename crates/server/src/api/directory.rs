//! Repositories on GitHub that are found by words, for whoever chooses one.

use super::{Json, Query};
use crate::house::House;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use countersign_ports::directory::{Directory, FoundRepository};
use countersign_ports::store::RepositoryRow;
use countersign_ports::trees::TreesError;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// What is looked for.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct DirectoryQuery {
    /// In the words of GitHub's search; at most 200 characters.
    #[param(min_length = 1, max_length = 200)]
    words: String,
}

/// What was found.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FoundRepositoriesWire {
    /// The best matches first, at most 30.
    pub repositories: Vec<FoundRepositoryWire>,
    /// There are more.
    pub more: bool,
}

/// A repository on GitHub.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FoundRepositoryWire {
    /// `github-1296269`.
    pub id: String,
    /// `octo/hello`.
    pub full_name: String,
    /// The branch that HEAD names.
    pub default_branch: String,
    /// Not everybody sees it.
    pub private: bool,
    /// Read-only for good: it can't be registered.
    pub archived: bool,
    /// Whether the token's account may push there; GitHub does not say what the token itself may.
    pub may_push: bool,
    /// Its short name here, where it is registered.
    pub registered_as: Option<String>,
}

impl FoundRepositoryWire {
    /// With what is registered.
    pub fn of(found: &FoundRepository, rows: &[RepositoryRow]) -> Self {
        Self {
            id: found.id.to_string(),
            full_name: found.full_name.clone(),
            default_branch: found.default_branch.to_string(),
            private: found.private,
            archived: found.archived,
            may_push: found.may_push,
            registered_as: rows.iter().find(|r| r.id == found.id).map(|r| r.name.clone()),
        }
    }
}

/// Asks GitHub off the async threads, where the server may.
pub(super) async fn asked<T: Send + 'static>(
    house: &House,
    ask: impl FnOnce(&dyn Directory) -> Result<T, TreesError> + Send + 'static,
) -> Result<T, Problem> {
    let Some(directory) = house.directory.clone() else {
        let text = "this server has neither a GitHub App nor a token of GitHub";
        return Err(Problem::new(StatusCode::NOT_FOUND, "github-not-set-up", text)
            .next("Set one up where it runs: countersign github setup (docs/github.md)."));
    };
    let asked = tokio::task::spawn_blocking(move || ask(directory.as_ref())).await;
    let asked = asked.map_err(|_| Problem::internal("asking-died", "GitHub could not be asked"))?;
    asked.map_err(|error| match &error {
        TreesError::Unavailable { code, message } => {
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, code, message.clone())
        }
        TreesError::Unsupported { .. } | TreesError::Corrupt { .. } => error.into(),
    })
}

/// Find repositories on GitHub that the server sees
#[utoipa::path(
    get, path = "/api/v1/github/repositories", operation_id = "find_repositories", tag = "repositories", params(DirectoryQuery),
    responses((status = 200, body = FoundRepositoriesWire),
        (status = 404, description = "GitHub is not set up", content_type = "application/problem+json", body = Problem),
        (status = 422, description = "GitHub refuses the search", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "GitHub can't be asked now", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn find(
    State(house): State<Arc<House>>,
    Query(query): Query<DirectoryQuery>,
) -> Result<Json<FoundRepositoriesWire>, Problem> {
    let found = asked(&house, move |directory| directory.find_repositories(&query.words)).await?;
    let rows = house.store.repositories().await?;
    let wire = |found: &FoundRepository| FoundRepositoryWire::of(found, &rows);
    Ok(Json(FoundRepositoriesWire {
        repositories: found.repositories.iter().map(wire).collect(),
        more: found.more,
    }))
}
