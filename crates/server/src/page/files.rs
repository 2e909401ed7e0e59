//! The changed files on the page of a request: which of them the person has viewed, with a button by each.

use super::comments::write_form;
use super::{field, fields, problem};
use crate::api::decisions::{find, of_request};
use crate::api::viewed::{FileSeen, files, set, stale};
use crate::guard::Principal;
use crate::house::House;
use crate::problem::Problem;
use crate::shown::{Seen, visible};
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::diff::FileChange;
use countersign_core::id::MemberId;
use countersign_core::workflow::event::{Request, Subject};
use maud::{Markup, html};
use std::sync::Arc;

/// Files that are listed on the page; the rest is counted.
const FILES_SHOWN: usize = 500;
/// Files that are named where the decision is made; the rest is counted.
const UNVIEWED_SHOWN: usize = 20;

/// The list, and what is said where the decision is made.
#[derive(Default)]
pub(super) struct Files {
    pub(super) list: Markup,
    pub(super) unviewed: Markup,
}

/// Of the repository that the request asks about.
pub(super) async fn section(
    house: &House,
    seen: &Seen,
    (request, member): (&Request, &MemberId),
) -> Result<Files, Problem> {
    let Subject::PatchSet { repository, .. } = &request.subject else {
        return Ok(Files::default());
    };
    let mut all = files(house, seen, member).await?;
    all.retain(|f| f.key.repository == *repository);
    Ok(Files {
        list: list(
            request,
            &all,
            seen.workflow.open_requests().any(|r| r.id == request.id),
        ),
        unviewed: unviewed(&all),
    })
}

/// The files; `comments`: lines of them can be commented on.
fn list(request: &Request, all: &[FileSeen<'_>], comments: bool) -> Markup {
    let action = format!("/requests/{}/viewed", request.id);
    let viewed = all.iter().filter(|f| f.mark.is_some()).count();
    html! {
        section #files {
            h2 { "Files: viewed " (viewed) " of " (all.len()) }
            ul.rows { @for file in all.iter().take(FILES_SHOWN) { li {
                form method="post" action=(action) {
                    input type="hidden" name="change" value=(file.key.change.to_hex());
                    input type="hidden" name="path" value=(file.change.path().to_text());
                    @let (word, button) = match file.mark {
                        Some(_) => ("no", "Mark as not viewed"),
                        None => ("yes", "Mark as viewed"),
                    };
                    input type="hidden" name="viewed" value=(word);
                    @if file.mark.is_some() { span.good { "✓ " } } @else { span.dim { "○ " } }
                    code { (visible(&file.change.path().to_text())) } " "
                    span.dim { (what(file.change)) " " }
                    button.quiet type="submit" { (button) }
                }
                @if comments { (write_form(request, (&file.repository, &file.change.path().to_text()))) }
            } } }
            @if all.len() > FILES_SHOWN { p.warn { "Only the first " (FILES_SHOWN) " files have a button here." } }
        }
    }
}

fn what(change: &FileChange) -> String {
    match change.binary {
        true => "binary".to_owned(),
        false => format!("+{} −{}", change.added, change.removed),
    }
}

fn unviewed(all: &[FileSeen<'_>]) -> Markup {
    let left: Vec<&FileSeen<'_>> = all.iter().filter(|f| f.mark.is_none()).collect();
    html! {
        @if !left.is_empty() {
            p.warn {
                "You have not marked as viewed: "
                @for file in left.iter().take(UNVIEWED_SHOWN) { code { (visible(&file.change.path().to_text())) } " " }
                @if left.len() > UNVIEWED_SHOWN { "and " (left.len() - UNVIEWED_SHOWN) " more" }
            }
        }
    }
}

/// `POST /requests/{id}/viewed`: the button by a file.
pub(crate) async fn mark(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    match marked(&house, &principal, &id, &fields(&body)).await {
        Ok(()) => Redirect::to(&format!("/requests/{id}#files")).into_response(),
        Err(wrong) => problem(&wrong),
    }
}

async fn marked(
    house: &House,
    principal: &Principal,
    id: &str,
    fields: &[(String, String)],
) -> Result<(), Problem> {
    let (workflow, request) = of_request(id)?;
    let seen = house.look(&workflow).await?;
    find(&seen, &request)?;
    let member = &principal.member()?.id;
    let all = files(house, &seen, member).await?;
    let change = field(fields, "change");
    let file = all.iter().find(|f| f.key.change.to_hex() == change);
    let file = file.ok_or_else(|| stale(field(fields, "path")))?;
    set(house, &seen, (member, &file.key), field(fields, "viewed") != "no").await
}
