//! Draft comments on the page of a request: a small form per file, and the list of them above the decision.

use super::{field, fields, problem};
use crate::api::comments::{NewComment, drafts, put};
use crate::api::decisions::of_request;
use crate::guard::Principal;
use crate::house::House;
use crate::problem::Problem;
use crate::shown::{Seen, visible};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::id::MemberId;
use countersign_core::workflow::event::Request;
use maud::{Markup, html};
use std::sync::Arc;

/// The form by a file.
pub(super) fn write_form(request: &Request, (repository, path): (&str, &str)) -> Markup {
    html! {
        details {
            summary { "Comment on lines" }
            form.decide method="post" action={ "/requests/" (request.id) "/comments" } {
                input type="hidden" name="repository" value=(repository);
                input type="hidden" name="path" value=(path);
                input type="hidden" name="revision" value=(request.revision);
                label { "Line " input type="number" name="line" min="1" required; }
                label { "to line " input type="number" name="last_line" min="1"; " (for several)" }
                label { input type="radio" name="side" value="new" checked; " as it will be" }
                label { input type="radio" name="side" value="old"; " as it was" }
                label { "Comment" textarea name="text" rows="3" required {} }
                button type="submit" { "Keep as a draft" }
            }
        }
    }
}

/// The drafts of whoever looks, above the decision.
pub(super) async fn section(
    house: &House,
    seen: &Seen,
    (request, member): (&Request, &MemberId),
) -> Result<Markup, Problem> {
    let all = drafts(house, member, &seen.workflow.id).await?;
    let action = format!("/requests/{}/comments/drop", request.id);
    Ok(html! {
        @if !all.is_empty() {
            section #comments {
                h2 { "Your draft comments" }
                p.dim { "Only you see them. They go along when you request changes, and nowhere else." }
                ul.rows { @for draft in &all { li {
                    code { (visible(&seen.workflow.repository_name(&draft.comment.repository))) " "
                        (visible(&draft.comment.place())) }
                    @if draft.revision != seen.workflow.revision {
                        " " span.warn { "on revision " (draft.revision) ": it will not be sent" }
                    }
                    pre { (super::lines(&draft.comment.text)) }
                    form method="post" action=(action) {
                        input type="hidden" name="id" value=(draft.id);
                        button.quiet type="submit" { "Drop it" }
                    }
                } } }
            }
        }
    })
}

/// `POST /requests/{id}/comments`: the form by a file.
pub(crate) async fn write(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    back(&id, written(&house, &principal, &id, &fields(&body)).await)
}

async fn written(
    house: &House,
    principal: &Principal,
    id: &str,
    fields: &[(String, String)],
) -> Result<(), Problem> {
    let (workflow, request) = of_request(id)?;
    let seen = house.look(&workflow).await?;
    let text = |name: &str| field(fields, name).to_owned();
    let number = |name: &str| {
        let wrong = |_| Problem::refused("bad-comment", format!("`{name}` has to be a number"));
        field(fields, name).trim().parse::<u32>().map_err(wrong)
    };
    let new = NewComment {
        repository: text("repository"),
        path: text("path"),
        side: Some(text("side")),
        line: number("line")?,
        last_line: match field(fields, "last_line") {
            "" => None,
            _ => Some(number("last_line")?),
        },
        text: text("text"),
        revision: number("revision")?,
    };
    put(house, &seen, (&request, &principal.member()?.id), new).await?;
    Ok(())
}

/// `POST /requests/{id}/comments/drop`: the button by a draft.
pub(crate) async fn drop_one(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let fields = fields(&body);
    let dropped = async {
        of_request(&id)?;
        let wanted = field(&fields, "id").to_owned();
        let member = &principal.member()?.id;
        Ok(house.reviewing.drop_draft_comments(member, &[wanted]).await?)
    };
    back(&id, dropped.await)
}

fn back(id: &str, done: Result<(), Problem>) -> Response {
    match done {
        Ok(()) => Redirect::to(&format!("/requests/{id}#comments")).into_response(),
        Err(wrong) => problem(&wrong),
    }
}
