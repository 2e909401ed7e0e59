//! Which changed files a person has viewed: their own marks, which no decision looks at.
//!
//! A mark belongs to one change of one file (both paths, modes and blobs), so a file that the next revision changes is not
//! viewed any more, and one that it leaves alone still is.

use super::{Json, Path, workflow_id};
use crate::guard::Principal;
use crate::house::House;
use crate::problem::Problem;
use crate::shown::Seen;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use countersign_core::diff::FileChange;
use countersign_core::id::{MemberId, Revision};
use countersign_ports::reviewing::{ChangedFile, Viewed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;

/// The changed files of the newest revision, and which of them the caller has viewed.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ViewedWire {
    revision: u32,
    /// How many of the files are viewed.
    viewed: usize,
    /// One per changed file, by repository and path.
    files: Vec<ViewedFileWire>,
}

/// A changed file.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ViewedFileWire {
    /// The repository's name.
    repository: String,
    /// The new path, or the old one of a deleted file.
    path: String,
    /// What the file was: a blob of git, or a submodule's commit; null: it is new.
    old_blob: Option<String>,
    /// What it will be; null: it goes.
    new_blob: Option<String>,
    /// What exactly is viewed: a hash of both paths, modes and blobs.
    change: String,
    /// RFC 3339, UTC; null: not viewed.
    viewed_at: Option<String>,
}

/// What was viewed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mark {
    /// The repository's name or id.
    repository: String,
    /// The file's path.
    path: String,
    /// The `change` that was seen, 64 hex digits.
    change: String,
}

/// A changed file of the newest revision, and when it was viewed.
pub(crate) struct FileSeen<'s> {
    /// The repository's name.
    pub(crate) repository: String,
    /// The change.
    pub(crate) change: &'s FileChange,
    /// What marks name.
    pub(crate) key: ChangedFile,
    /// The caller's mark.
    pub(crate) mark: Option<Viewed>,
}

/// The changed files of the newest revision with a member's marks.
pub(crate) async fn files<'s>(
    house: &House,
    seen: &'s Seen,
    member: &MemberId,
) -> Result<Vec<FileSeen<'s>>, Problem> {
    let marks = house.reviewing.viewed(member, &seen.workflow.id).await?;
    let mut marks: BTreeMap<ChangedFile, Viewed> = marks.into_iter().map(|m| (m.file.clone(), m)).collect();
    let mut found = Vec::new();
    for draft in seen.drafts() {
        let repository = seen.workflow.repository_name(&draft.repository);
        for change in &draft.diff.files {
            let key = ChangedFile::of(&draft.repository, &change.change);
            found.push(FileSeen {
                repository: repository.clone(),
                change,
                mark: marks.remove(&key),
                key,
            });
        }
    }
    Ok(found)
}

/// The revision in which a member marked something last.
pub(crate) async fn last_viewed(
    house: &House,
    seen: &Seen,
    member: &MemberId,
) -> Result<Option<Revision>, Problem> {
    let marks = house.reviewing.viewed(member, &seen.workflow.id).await?;
    Ok(marks.iter().map(|m| m.revision).max())
}

/// Show which changed files the caller has viewed
#[utoipa::path(
    get, path = "/api/v1/workflows/{id}/viewed", operation_id = "viewed", tag = "patches", params(("id" = String, Path)),
    responses((status = 200, body = ViewedWire),
        (status = 404, description = "there is no such workflow", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn list(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<ViewedWire>, Problem> {
    let seen = house.look(&workflow_id(&id)?).await?;
    wire(&house, &seen, &principal.member()?.id).await
}

/// Mark a file as viewed
#[utoipa::path(
    put, path = "/api/v1/workflows/{id}/viewed", operation_id = "mark_viewed", tag = "patches", params(("id" = String, Path)), request_body = Mark,
    responses((status = 200, body = ViewedWire),
        (status = 404, description = "there is no such workflow, or it does not change that file", content_type = "application/problem+json", body = Problem),
        (status = 409, description = "the file is another one by now", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn mark(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Json(mark): Json<Mark>,
) -> Result<Json<ViewedWire>, Problem> {
    change(&house, &principal, (&id, &mark), true).await
}

/// Take a mark away
#[utoipa::path(
    delete, path = "/api/v1/workflows/{id}/viewed", operation_id = "unmark_viewed", tag = "patches", params(("id" = String, Path)), request_body = Mark,
    responses((status = 200, body = ViewedWire),
        (status = 404, description = "there is no such workflow, or it does not change that file", content_type = "application/problem+json", body = Problem),
        (status = 409, description = "the file is another one by now", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn unmark(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Json(mark): Json<Mark>,
) -> Result<Json<ViewedWire>, Problem> {
    change(&house, &principal, (&id, &mark), false).await
}

async fn change(
    house: &House,
    principal: &Principal,
    (id, mark): (&str, &Mark),
    viewed: bool,
) -> Result<Json<ViewedWire>, Problem> {
    let seen = house.look(&workflow_id(id)?).await?;
    let member = &principal.member()?.id;
    let file = found(house, &seen, member, mark).await?;
    set(house, &seen, (member, &file), viewed).await?;
    wire(house, &seen, member).await
}

/// Marks a file of the newest revision, or takes its mark away.
pub(crate) async fn set(
    house: &House,
    seen: &Seen,
    (member, file): (&MemberId, &ChangedFile),
    viewed: bool,
) -> Result<(), Problem> {
    let (reviewing, workflow) = (&house.reviewing, &seen.workflow.id);
    match viewed {
        true => {
            reviewing
                .mark_viewed(member, workflow, file, seen.workflow.revision)
                .await?;
        }
        false => reviewing.unmark_viewed(member, workflow, file).await?,
    }
    Ok(())
}

/// What a mark names, if the file is still the one that was seen.
async fn found(house: &House, seen: &Seen, member: &MemberId, mark: &Mark) -> Result<ChangedFile, Problem> {
    let is_named = |f: &&FileSeen<'_>| {
        let of = f.repository == mark.repository || f.key.repository.to_string() == mark.repository;
        of && f.change.path().to_text() == mark.path
    };
    let all = files(house, seen, member).await?;
    let file = all.iter().find(is_named);
    let file = file.ok_or_else(|| Problem::missing("changed file", &mark.path))?;
    if file.key.change.to_hex() == mark.change.to_ascii_lowercase() {
        return Ok(file.key.clone());
    }
    Err(stale(&mark.path))
}

/// A file that is not the one that was seen.
pub(crate) fn stale(path: &str) -> Problem {
    let text = format!("`{path}` is not the file any more that you have seen");
    Problem::new(StatusCode::CONFLICT, "stale-view", text).next("Look at it again, then mark it.")
}

async fn wire(house: &House, seen: &Seen, member: &MemberId) -> Result<Json<ViewedWire>, Problem> {
    let all = files(house, seen, member).await?;
    let blob = |side: Option<&countersign_core::diff::FileSide>| side.map(|s| s.blob.to_string());
    let file = |f: &FileSeen<'_>| ViewedFileWire {
        repository: f.repository.clone(),
        path: f.change.path().to_text(),
        old_blob: blob(f.change.old()),
        new_blob: blob(f.change.new_side()),
        change: f.key.change.to_hex(),
        viewed_at: f.mark.as_ref().map(|m| m.at.to_rfc3339()),
    };
    Ok(Json(ViewedWire {
        revision: seen.workflow.revision.0,
        viewed: all.iter().filter(|f| f.mark.is_some()).count(),
        files: all.iter().map(file).collect(),
    }))
}
