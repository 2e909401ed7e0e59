//! Plain pages, rendered here: no script, good on a phone and in print. Words of others are shown as text, with every hidden
//! character as a mark; a GET decides nothing.

mod comments;
mod files;
mod request;
mod since;
mod workflow;

pub(crate) use comments::{drop_one as drop_comment, write as write_comment};
pub(crate) use files::mark as mark_viewed;
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
use axum::extract::{Path, RawQuery, State};
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
    respond(problem.status(), &frame("Something is wrong", None, &body))
}

/// What every code means that the server itself gives, and what to do.
const HELP: &[(&str, &str)] = &[
    (
        "bad-body",
        "The body can't be read as what this address takes. /api/openapi.json says what that is.",
    ),
    (
        "body-too-large",
        "The body is larger than this server reads. A diff may have 8 MiB.",
    ),
    (
        "code-refused",
        "A code works once, for 15 minutes. `countersign code` on the server's machine prints another.",
    ),
    (
        "cross-site",
        "A form was sent from a page of another site, or without saying from where. Nothing was done.",
    ),
    (
        "digest-mismatch",
        "What you decided on is not what waits now. Look at the new digest and its diff, then decide.",
    ),
    (
        "duplicate",
        "A workflow with the same text and repositories is open. Go on with it, or start one `again`.",
    ),
    (
        "github-code-refused",
        "GitHub does not take the code that it gave: it was used or has run out. Begin the sign-in again.",
    ),
    (
        "github-denied",
        "At GitHub it was not allowed that this server learns who you are. Nothing else is asked for.",
    ),
    (
        "github-name-taken",
        "A member has the account's name and is not linked to it. An owner says whether that is one person: `member link`.",
    ),
    (
        "github-not-listed",
        "No member has this account, and it is not on the list. An owner adds it, or links it: `member link`.",
    ),
    (
        "github-not-set-up",
        "This server has no settings for that: for sign-in with GitHub (a code works: `countersign code`), or an App or a token to \
         ask GitHub with.",
    ),
    (
        "github-odd-answer",
        "GitHub, or what is set in its place, answers what can't be understood. The server's log says more.",
    ),
    (
        "github-other-account",
        "The name on the list stands for another account, which came first with it. Names can be taken over, accounts can't.",
    ),
    (
        "github-refuses-us",
        "GitHub does not know this server: the application's id, its secret or its callback address is wrong.",
    ),
    (
        "github-unreachable",
        "GitHub can't be reached from the server, or is out of order. A code works without it: `countersign code`.",
    ),
    (
        "idempotency-key-reused",
        "The key stands for another call already. Each new call needs a new key.",
    ),
    (
        "method-not-allowed",
        "The address is there, but not with this method. The answer's header `Allow` names those that are.",
    ),
    (
        "not-for-keys",
        "API keys look and start. Deciding, keys and members need a signed-in person.",
    ),
    ("not-found", "There is no such thing, or not in this place."),
    (
        "not-judged-yet",
        "It waits in the inbox: the worker is busy or stopped. Nothing is lost.",
    ),
    (
        "request-not-open",
        "Somebody has decided already, or a newer revision waits.",
    ),
    (
        "role-too-weak",
        "The member's role does not allow this. An owner can change roles.",
    ),
    (
        "sign-in-again",
        "Decisions need somebody who showed who they are within the last 12 hours.",
    ),
    (
        "sign-in-stale",
        "A sign-in with GitHub ends once, within 10 minutes, in the browser that began it. Begin it again.",
    ),
    ("sign-in-needed", "Nobody is signed in, or the session has ended."),
    (
        "no-such-line",
        "A comment stands on lines that the diff shows, all of them in one hunk. Nothing was kept.",
    ),
    (
        "stale-revision",
        "Comments are written on the diff that waits for a decision. A newer one waits by now, or none.",
    ),
    (
        "stale-view",
        "The file was changed after you looked at it. Nothing was marked: look at what it is now.",
    ),
    (
        "too-many-requests",
        "More requests came at once than one caller may send. Slow down a little.",
    ),
    (
        "words-hold-secret",
        "The text holds what looks like a secret. Nothing of it was kept. Take it out, and change that secret.",
    ),
    (
        "unknown-revision",
        "There is no diff in that revision: it was never begun, or it ended before anything was proposed. The answer names \
         those that have one.",
    ),
    (
        "wrong-host",
        "The server answers to its own name only, so that another site can't speak to it through your browser.",
    ),
];

/// `GET /help/errors/{code}`.
pub(crate) async fn help(Path(code): Path<String>) -> Response {
    let known = HELP.iter().find(|(name, _)| *name == code);
    let body = html! {
        h1 { code { (visible(&code)) } }
        @match known {
            Some((_, text)) => p { (text) },
            None => p { "The answer itself says what is wrong and what to do next, in `detail` and `next`." },
        }
    };
    let status = if known.is_some() {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    };
    respond(status, &frame("Help", None, &body))
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
