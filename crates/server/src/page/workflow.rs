//! What waits, and one workflow with its story.

use super::{frame, lines, problem, respond};
use crate::api::decisions::open;
use crate::api::holds::frozen;
use crate::api::workflow_id;
use crate::guard::Principal;
use crate::house::House;
use crate::problem::Problem;
use crate::shown::ways::without_form;
use crate::shown::{ISSUE_CHANGED, Seen, Tone, tell, visible};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use countersign_core::member::Member;
use countersign_ports::store::WorkflowRow;
use maud::{Markup, html};
use std::sync::Arc;

/// Newest workflows that are listed below what waits.
const NEWEST: u32 = 20;

/// Alarms that a page begins with.
const ALARMS_SHOWN: usize = 3;

fn who(principal: &Principal) -> Option<String> {
    principal.member().ok().map(|m| m.name.clone())
}

/// `GET /`: what waits, then what is new.
pub(crate) async fn home(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
) -> Response {
    match home_page(&house, &principal).await {
        Ok(page) => respond(StatusCode::OK, &page),
        Err(error) => problem(&error),
    }
}

async fn home_page(house: &House, principal: &Principal) -> Result<Markup, Problem> {
    let (waiting, newest) = (open(house).await?, house.store.workflows(NEWEST).await?);
    let holds = holds(house).await?;
    let body = html! {
        (holds)
        h1 { "What waits" }
        @if waiting.is_empty() { p.dim { "Nothing waits for anybody." } }
        (table(&waiting))
        h2 { "Newest workflows" }
        @if newest.is_empty() {
            p.dim { "None yet. Begin with " code { "countersign submit --repo PATH --issue FILE" } }
        }
        (table(&newest))
    };
    Ok(frame("What waits", who(principal).as_deref(), &body))
}

/// What stops writing, and alarms that nobody has seen to.
pub(super) async fn holds(house: &House) -> Result<Markup, Problem> {
    let (frozen, alarms) = (frozen(house.store.as_ref()).await?, house.store.alarms().await?);
    Ok(html! {
        @for freeze in &frozen {
            p.warn { strong { "Frozen: " } (visible(freeze.repository.as_deref().unwrap_or("every repository")))
                " since " (minute(&freeze.since)) " · " (visible(&freeze.reason)) " Approved writes wait; nothing new begins." }
        }
        @for row in alarms.iter().rev().filter(|row| row.cleared.is_none()).take(ALARMS_SHOWN) {
            p.alarm { strong { "Alarm " } (minute(&row.at.to_rfc3339())) " · " (visible(&row.alarm.message)) }
        }
    })
}

fn table(rows: &[WorkflowRow]) -> Markup {
    html! {
        @if !rows.is_empty() {
            ul.rows {
                @for row in rows {
                    li {
                        a href={ "/workflows/" (row.id) } { (visible(&row.title)) }
                        div.dim {
                            span.state { (row.state.as_str()) } " · "
                            @for r in &row.repositories { (visible(&r.name)) " " }
                            "· " (minute(&row.updated_at.to_rfc3339()))
                        }
                    }
                }
            }
        }
    }
}

/// `2026-11-21 10:30 UTC`.
pub(super) fn minute(rfc3339: &str) -> String {
    let text: String = rfc3339.chars().take(16).collect();
    format!("{} UTC", text.replace('T', " "))
}

/// `GET /workflows/{id}`.
pub(crate) async fn workflow(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
    Path(id): Path<String>,
) -> Response {
    let seen = match workflow_id(&id) {
        Ok(id) => house.look(&id).await,
        Err(error) => Err(error),
    };
    match seen {
        Ok(seen) => respond(StatusCode::OK, &page(&seen, &principal)),
        Err(error) => problem(&error),
    }
}

fn page(seen: &Seen, principal: &Principal) -> Markup {
    let workflow = &seen.workflow;
    let submission = workflow.submission.as_ref();
    let title = submission.map_or("", |s| s.feedback.title.as_str());
    let body = html! {
        h1 { (visible(title)) }
        p { span.state { (workflow.state.as_str()) } " " (visible(&workflow.reason)) }
        p.dim { (workflow.id) " · revision " (workflow.revision.0) }
        (metadata(seen))
        @for request in workflow.open_requests() {
            p { a.button href={ "/requests/" (request.id) } { "Decide on " (visible(&seen.subject(request).0)) } }
        }
        @if let Some(submission) = submission {
            details { summary { "The issue (untrusted words)" } pre { (lines(&submission.feedback.text)) } }
        }
        @if let Ok(member) = principal.member() { (ways(seen, member)) }
        h2 { "Story" }
        (story(seen))
    };
    frame(title, who(principal).as_deref(), &body)
}

/// What whoever started it says about it, and how its budget stands.
pub(super) fn metadata(seen: &Seen) -> Markup {
    let pairs = seen.workflow.submission.iter().flat_map(|s| &s.metadata);
    let budget = seen
        .workflow
        .counts_calls()
        .then(|| seen.workflow.account().words());
    html! {
        @if let Some(at) = seen.issue_changed {
            p.warn { (ISSUE_CHANGED) " Noticed " (minute(&at.to_rfc3339())) "." }
        }
        @for (key, value) in pairs { p.dim { (visible(key)) ": " (visible(value)) } }
        @for line in budget.iter().flatten() { p.dim { (line) } }
    }
}

/// What can be done that has no form here.
pub(super) fn ways(seen: &Seen, member: &Member) -> Markup {
    let all = without_form(seen, member);
    html! {
        @if !all.is_empty() {
            section #terminal {
                h2 { "What else can be done, from a terminal" }
                dl { @for way in &all { dt { (way.what) } dd { code { (visible(&way.command)) } } } }
            }
        }
    }
}

fn story(seen: &Seen) -> Markup {
    html! {
        ol.story {
            @for (at, sentence) in tell(&seen.records, &seen.names()) {
                @let class = match sentence.tone {
                    Tone::Good => "good",
                    Tone::Bad => "bad",
                    Tone::Warn => "warn",
                    Tone::Neutral => "dim",
                };
                li { span.dim { (minute(&at.to_rfc3339())) " " } span class=(class) { (sentence.mark) } " "
                    span.words { (lines(&sentence.text)) } }
            }
        }
    }
}
