//! Repositories, and whether the server is well.

use super::{Json, directory};
use crate::house::House;
use crate::problem::Problem;
use axum::extract::State;
use axum::http::StatusCode;
use countersign_ports::store::RepositoryRow;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::Arc;
use utoipa::{IntoParams, ToSchema};

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct LiveQuery {
    /// Only this workflow's.
    pub(crate) workflow: Option<String>,
    /// Everything after the entry with this index; `Last-Event-ID` comes first.
    pub(crate) after: Option<u64>,
}

/// A registered repository.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RepositoryWire {
    /// `local-3`.
    pub id: String,
    /// Its short name.
    pub name: String,
    /// RFC 3339, UTC.
    pub registered_at: String,
}

impl RepositoryWire {
    fn of(row: &RepositoryRow) -> Self {
        Self {
            id: row.id.to_string(),
            name: row.name.clone(),
            registered_at: row.registered_at.to_rfc3339(),
        }
    }
}

/// List registered repositories
#[utoipa::path(get, path = "/api/v1/repositories", tag = "repositories", responses((status = 200, body = Vec<RepositoryWire>)))]
pub(crate) async fn repositories(
    State(house): State<Arc<House>>,
) -> Result<Json<Vec<RepositoryWire>>, Problem> {
    Ok(Json(
        house
            .store
            .repositories()
            .await?
            .iter()
            .map(RepositoryWire::of)
            .collect(),
    ))
}

/// A repository on the server's machine or on GitHub: exactly one of the two is said.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRepository {
    /// Its folder there, absolute: a work tree's top or a bare repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub path: Option<PathBuf>,
    /// `octo/hello`, as it is called on GitHub.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub github: Option<String>,
}

/// Register a repository of the server's machine or of GitHub
#[utoipa::path(
    post, path = "/api/v1/repositories", tag = "repositories", request_body = NewRepository,
    responses((status = 201, body = RepositoryWire),
        (status = 404, description = "GitHub is not set up", content_type = "application/problem+json", body = Problem),
        (status = 422, description = "it is none that can be used", content_type = "application/problem+json", body = Problem),
        (status = 503, description = "GitHub can't be asked now", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn register(
    State(house): State<Arc<House>>,
    Json(new): Json<NewRepository>,
) -> Result<(StatusCode, Json<RepositoryWire>), Problem> {
    let row = match (new.path, new.github) {
        (Some(path), None) => register_folder(&house, path).await?,
        (None, Some(name)) => {
            let found = directory::asked(&house, move |directory| directory.registrable(&name)).await?;
            house.store.register_remote(&found.id, &found.remote()).await?
        }
        (None, None) | (Some(_), Some(_)) => {
            return Err(Problem::refused(
                "one-place",
                "exactly one of `path` and `github` says which repository",
            ));
        }
    };
    Ok((StatusCode::CREATED, Json(RepositoryWire::of(&row))))
}

async fn register_folder(house: &House, path: PathBuf) -> Result<RepositoryRow, Problem> {
    if !path.is_absolute() {
        return Err(Problem::refused(
            "path-not-absolute",
            "the path has to begin with `/`",
        ));
    }
    let trees = house.ports.trees.clone();
    let probe = tokio::task::spawn_blocking(move || trees.probe(&path)).await;
    let probe = probe.map_err(|_| Problem::internal("probe-died", "the folder could not be looked at"))??;
    Ok(house.store.register_repository(&probe.git_dir).await?)
}

/// The process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers.
pub(crate) async fn readyz(State(house): State<Arc<House>>) -> Result<&'static str, Problem> {
    house.ports.store.now().await?;
    Ok("ready\n")
}
