//! Draft comments on lines: what a person writes before deciding. Only the author sees them, and when the author asks for
//! changes they become a part of that one act.

use super::decisions::{find, of_request};
use super::{Json, Path};
use crate::guard::Principal;
use crate::house::{House, random};
use crate::problem::Problem;
use crate::shown::Seen;
use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use countersign_core::act::Act;
use countersign_core::diff_view::form::{HunkView, LineView};
use countersign_core::diff_view::{Wanted, typed_diff};
use countersign_core::id::{MemberId, RequestId, Revision, WorkflowId};
use countersign_core::line_comment::{CommentSide, LineComment};
use countersign_core::outbound::refused_words;
use countersign_core::patch_set::Draft;
use countersign_core::workflow::event::Subject;
use countersign_ports::reviewing::DraftComment;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;

/// A draft comment on lines.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CommentWire {
    id: String,
    /// The revision that it speaks of.
    revision: u32,
    /// A newer revision waits: it will not be sent.
    outdated: bool,
    /// The repository's name.
    repository: String,
    path: String,
    /// `old`: lines of the base; `new`: of the result.
    side: String,
    /// The first line, from 1.
    line: u32,
    /// The last line.
    last_line: u32,
    text: String,
    /// RFC 3339, UTC.
    written_at: String,
}

/// A new comment.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewComment {
    /// The repository's name or id.
    pub(crate) repository: String,
    /// The file's path.
    pub(crate) path: String,
    /// `old` or `new`; `new` if nothing is said.
    #[serde(default)]
    pub(crate) side: Option<String>,
    /// The line, from 1; it has to be in the diff.
    pub(crate) line: u32,
    /// The last line of several; the same hunk has to show all of them.
    #[serde(default)]
    pub(crate) last_line: Option<u32>,
    /// At most 8 KiB.
    pub(crate) text: String,
    /// The revision that was seen.
    pub(crate) revision: u32,
}

/// Other words.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct OtherWords {
    /// At most 8 KiB.
    text: String,
}

/// List one's own draft comments
#[utoipa::path(
    get, path = "/api/v1/requests/{id}/comments", operation_id = "comments", tag = "requests", params(("id" = String, Path)),
    responses((status = 200, body = Vec<CommentWire>),
        (status = 404, description = "there is no such request", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn list(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<Json<Vec<CommentWire>>, Problem> {
    let (workflow, request) = of_request(&id)?;
    let seen = house.look(&workflow).await?;
    find(&seen, &request)?;
    let drafts = drafts(&house, &principal.member()?.id, &workflow).await?;
    Ok(Json(drafts.iter().map(|d| wire(&seen, d)).collect()))
}

/// Write a draft comment on lines
#[utoipa::path(
    post, path = "/api/v1/requests/{id}/comments", operation_id = "comment", tag = "requests", params(("id" = String, Path)), request_body = NewComment,
    responses((status = 201, body = CommentWire),
        (status = 404, description = "there is no such request", content_type = "application/problem+json", body = Problem),
        (status = 409, description = "another revision waits by now", content_type = "application/problem+json", body = Problem),
        (status = 422, description = "the diff does not show these lines, or the words can't be taken", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn write(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Json(new): Json<NewComment>,
) -> Result<(StatusCode, Json<CommentWire>), Problem> {
    let (workflow, request) = of_request(&id)?;
    let seen = house.look(&workflow).await?;
    let draft = put(&house, &seen, (&request, &principal.member()?.id), new).await?;
    Ok((StatusCode::CREATED, Json(wire(&seen, &draft))))
}

/// Say a draft comment in other words
#[utoipa::path(
    patch, path = "/api/v1/comments/{id}", operation_id = "reword_comment", tag = "requests", params(("id" = String, Path)), request_body = OtherWords,
    responses((status = 200, body = CommentWire),
        (status = 404, description = "the caller has no such draft", content_type = "application/problem+json", body = Problem),
        (status = 422, description = "the words can't be taken", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn reword(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    Json(words): Json<OtherWords>,
) -> Result<Json<CommentWire>, Problem> {
    let member = &principal.member()?.id;
    let found = house.reviewing.draft_comment(member, &id).await?;
    let mut draft = found.ok_or_else(|| Problem::missing("draft comment", &id))?;
    draft.comment.text = words.text;
    let seen = house.look(&draft.workflow).await?;
    let drafts = seen
        .proposals_by_revision()
        .remove(&draft.revision)
        .unwrap_or_default()
        .drafts;
    check_words(&draft.comment, &drafts)?;
    house.reviewing.put_draft_comment(member, &draft).await?;
    Ok(Json(wire(&seen, &draft)))
}

/// Drop a draft comment
#[utoipa::path(
    delete, path = "/api/v1/comments/{id}", operation_id = "drop_comment", tag = "requests", params(("id" = String, Path)),
    responses((status = 204, description = "it is gone"),
        (status = 404, description = "the caller has no such draft", content_type = "application/problem+json", body = Problem))
)]
pub(crate) async fn remove(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let member = &principal.member()?.id;
    let found = house.reviewing.draft_comment(member, &id).await?;
    found.ok_or_else(|| Problem::missing("draft comment", &id))?;
    house.reviewing.drop_draft_comments(member, &[id]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// All drafts of a member in a workflow, oldest first.
pub(crate) async fn drafts(
    house: &House,
    member: &MemberId,
    workflow: &WorkflowId,
) -> Result<Vec<DraftComment>, Problem> {
    Ok(house.reviewing.draft_comments(member, workflow).await?)
}

/// Keeps a new draft, if the diff shows its lines.
pub(crate) async fn put(
    house: &House,
    seen: &Seen,
    (request, member): (&RequestId, &MemberId),
    new: NewComment,
) -> Result<DraftComment, Problem> {
    let request = find(seen, request)?;
    let about = match &request.subject {
        Subject::PatchSet { .. } => seen.workflow.open_requests().any(|r| r.id == request.id),
        Subject::Plan { .. } | Subject::Question { .. } => false,
    };
    if !about || Revision(new.revision) != seen.workflow.revision {
        let text = "comments are written on the diff that waits for a decision, and this one does not";
        return Err(
            Problem::new(StatusCode::CONFLICT, "stale-revision", text).next("Look at what waits now.")
        );
    }
    let is_named = |d: &&Draft| {
        seen.workflow.repository_name(&d.repository) == new.repository
            || d.repository.to_string() == new.repository
    };
    let draft = seen.drafts().iter().find(is_named);
    let draft = draft.ok_or_else(|| {
        let text = format!(
            "the proposal changes nothing in a repository `{}`",
            new.repository
        );
        Problem::refused("unknown-repository", text)
    })?;
    let side = new.side.as_deref().unwrap_or("new");
    let comment = LineComment {
        repository: draft.repository.clone(),
        path: path_of(draft, &new.path)?,
        side: CommentSide::parse(side).ok_or_else(|| {
            Problem::refused("unknown-side", format!("`{side}` is neither `old` nor `new`"))
        })?,
        first: new.line,
        last: new.last_line.unwrap_or(new.line),
        text: new.text,
    };
    check_words(&comment, seen.drafts())?;
    check_lines(draft, seen.diff(draft), &comment)?;
    let draft = DraftComment {
        id: format!("cm_{}", hex::encode(random::<16>()?)),
        workflow: seen.workflow.id.clone(),
        revision: seen.workflow.revision,
        comment,
        at: seen.at,
    };
    house.reviewing.put_draft_comment(member, &draft).await?;
    Ok(draft)
}

/// The changed file of that path.
fn path_of(draft: &Draft, path: &str) -> Result<countersign_core::path::RepoPath, Problem> {
    let mut all = draft.diff.files.iter().map(|f| f.path());
    let found = all.find(|p| p.to_text() == path);
    found.cloned().ok_or_else(|| {
        Problem::refused(
            "no-such-line",
            format!("{path}: the proposal does not change this file"),
        )
    })
}

fn check_words(comment: &LineComment, drafts: &[Draft]) -> Result<(), Problem> {
    if let Some(why) = refused_words("the comment", &comment.text) {
        return Err(Problem::refused("words-hold-secret", why).next("Nothing of it was kept."));
    }
    match comment.wrong(drafts) {
        Some(why) => Err(Problem::refused("bad-comment", why)),
        None => Ok(()),
    }
}

/// All lines of a comment stand in one hunk of the diff.
fn check_lines(draft: &Draft, canonical: &[u8], comment: &LineComment) -> Result<(), Problem> {
    let wanted = Wanted {
        only: Some(comment.path.clone()),
        ..Wanted::default()
    };
    let view = typed_diff(&draft.diff, canonical, &|_| None, &wanted)
        .map_err(|e| Problem::internal(e.code(), "the diff can't be shown line by line"))?;
    let number = |line: &LineView| match comment.side {
        CommentSide::Old => line.old,
        CommentSide::New => line.new,
    };
    let wanted = u64::from(comment.last - comment.first) + 1;
    let shows = |hunk: &HunkView| {
        let inside =
            |line: &&LineView| number(line).is_some_and(|n| (comment.first..=comment.last).contains(&n));
        hunk.lines.iter().filter(inside).count() as u64 == wanted
    };
    if view.files.iter().flat_map(|f| &f.hunks).any(shows) {
        return Ok(());
    }
    let text = format!("{}: no hunk of the diff shows this", comment.place());
    Err(Problem::refused("no-such-line", text).next("Comment on lines that the diff shows."))
}

fn wire(seen: &Seen, draft: &DraftComment) -> CommentWire {
    let comment = &draft.comment;
    CommentWire {
        id: draft.id.clone(),
        revision: draft.revision.0,
        outdated: draft.revision != seen.workflow.revision,
        repository: seen.workflow.repository_name(&comment.repository),
        path: comment.path.to_text(),
        side: comment.side.as_str().to_owned(),
        line: comment.first,
        last_line: comment.last,
        text: comment.text.clone(),
        written_at: draft.at.to_rfc3339(),
    }
}

/// A request for changes with the drafts that its author wrote on this revision, and their ids.
pub(crate) async fn as_review(
    house: &House,
    workflow: &WorkflowId,
    member: &MemberId,
    act: Act,
) -> Result<(Act, Vec<String>), Problem> {
    let Act::RequestChanges {
        request,
        seen: digest,
        comment,
        ..
    } = act
    else {
        return Ok((act, Vec::new()));
    };
    let seen = house.look(workflow).await?;
    let mut drafts = match &find(&seen, &request)?.subject {
        Subject::PatchSet { .. } => drafts(house, member, workflow).await?,
        Subject::Plan { .. } | Subject::Question { .. } => Vec::new(),
    };
    drafts.retain(|d| d.revision == seen.workflow.revision);
    let act = Act::RequestChanges {
        request,
        seen: digest,
        comment,
        comments: drafts.iter().map(|d| d.comment.clone()).collect(),
    };
    Ok((act, drafts.into_iter().map(|d| d.id).collect()))
}
