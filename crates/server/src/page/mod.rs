//! Plain pages, rendered here: no script, good on a phone and in print. Words of others are shown as text, with every hidden
//! character as a mark; a GET decides nothing.

mod comments;
mod diff;
mod files;
mod help;
mod request;
mod said;
mod since;
mod workflow;

pub(crate) use comments::{drop_one as drop_comment, write as write_comment};
pub(crate) use files::mark as mark_viewed;
pub(crate) use help::help;
pub(crate) use request::{decide, request};
pub(crate) use workflow::{home, workflow};

use crate::api::sessions;
use crate::github::local_path;
use crate::guard::{Principal, cookie_name};
use crate::house::House;
use crate::problem::Problem;
use crate::rotation::set_cookie;
use crate::shown::visible;
use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use maud::{DOCTYPE, Markup, html};
use std::sync::Arc;

/// The one style sheet.
const CSS: &str = include_str!("page.css");

/// `GET /assets/page.css`.
pub(crate) async fn css() -> Response {
    let kind = HeaderValue::from_static("text/css; charset=utf-8");
    let cache = HeaderValue::from_static("no-cache");
    (
        [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache)],
        CSS,
    )
        .into_response()
}

/// A whole page. `who`: the name of whoever is signed in.
fn frame(title: &str, who: Option<&str>, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (visible(title)) " · Countersign" }
                link rel="stylesheet" href="/assets/page.css";
            }
            body {
                header {
                    a.home href="/" { "Countersign" }
                    @if let Some(who) = who {
                        form method="post" action="/sign-out" {
                            span.dim { (visible(who)) " " }
                            button.quiet type="submit" { "Sign out" }
                        }
                    }
                }
                main { (body) }
            }
        }
    }
}

fn respond(status: StatusCode, page: &Markup) -> Response {
    (status, axum::response::Html(page.0.clone())).into_response()
}

/// A text of several lines, each with its hidden characters as marks.
fn lines(text: &str) -> Markup {
    html! { @for line in text.lines() { (visible(line)) "\n" } }
}

/// What goes wrong, for people.
pub(crate) fn problem(problem: &Problem) -> Response {
    let body = html! {
        h1 { "✗ " (visible(problem.detail())) }
        @if let Some(next) = problem.next_step() { p { (visible(next)) } }
        p.dim { "Code: " a href={ "/help/errors/" (problem.code) } { (problem.code) } }
        p { a href="/" { "To what waits" } }
    };
    problem.with_headers(respond(
        problem.status(),
        &frame("Something is wrong", None, &body),
    ))
}

/// `GET /sign-in`. `to`: where the browser wanted to be.
pub(crate) async fn sign_in_form(State(house): State<Arc<House>>, RawQuery(query): RawQuery) -> Response {
    let query = fields(query.unwrap_or_default().as_bytes());
    let page = sign_in_page(&house, local_path(field(&query, "to")), None);
    respond(StatusCode::OK, &page)
}

fn sign_in_page(house: &House, to: &str, wrong: Option<&Problem>) -> Markup {
    let github = form_urlencoded::Serializer::new(String::new())
        .append_pair("to", to)
        .finish();
    let github = format!("/sign-in/github?{github}");
    let body = html! {
        h1 { "Sign in" }
        @if let Some(wrong) = wrong { p.bad { "✗ " (wrong.detail()) } }
        p { "Type the one-time code that " code { "countersign serve" } " printed. Another one: "
            code { "countersign code" } " on the server's machine." }
        form method="post" action="/sign-in" {
            input type="hidden" name="to" value=(to);
            label for="code" { "Code" }
            input #code name="code" type="text" required autocomplete="one-time-code" autocapitalize="characters"
                spellcheck="false" placeholder="ABCD-EFGH-JKLM" autofocus;
            button type="submit" { "Sign in" }
        }
        @if house.github.is_some() { p { a href=(github) { "Sign in with GitHub" } } }
    };
    frame("Sign in", None, &body)
}

/// The fields of a form.
fn fields(body: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(body).into_owned().collect()
}

fn field<'a>(fields: &'a [(String, String)], name: &str) -> &'a str {
    fields
        .iter()
        .find(|(n, _)| n == name)
        .map_or("", |(_, value)| value)
}

/// `POST /sign-in`.
pub(crate) async fn sign_in(
    State(house): State<Arc<House>>,
    Extension(before): Extension<Principal>,
    body: Bytes,
) -> Response {
    let fields = fields(&body);
    let to = local_path(field(&fields, "to"));
    match sessions::by_code(&house, field(&fields, "code"), "browser", &before).await {
        Err(wrong) => respond(wrong.status(), &sign_in_page(&house, to, Some(&wrong))),
        Ok(token) => signed_in(&house, &token, to),
    }
}

/// On to where the browser wanted to be, with the session's cookie.
pub(crate) fn signed_in(house: &House, token: &str, to: &str) -> Response {
    with_cookie(house, token, sessions::SESSION_MS / 1000, to)
}

/// `POST /sign-out`.
pub(crate) async fn sign_out(
    State(house): State<Arc<House>>,
    Extension(principal): Extension<Principal>,
) -> Response {
    if let Principal::Person { session, .. } = &principal
        && let Err(error) = house.access.end_session(&session.id).await
    {
        return problem(&error.into());
    }
    with_cookie(&house, "", 0, "/")
}

fn with_cookie(house: &House, value: &str, seconds: u64, to: &str) -> Response {
    let mut response = Redirect::to(to).into_response();
    set_cookie(house, &mut response, cookie_name(house), (value, seconds));
    response
}
