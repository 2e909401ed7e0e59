//! What stands before every handler: host, who calls, from where, how often, and whether the door opens for them.

use crate::answered::Asked;
use crate::doors::{self, Caller, Shut};
use crate::github::local_path;
use crate::house::{House, hash};
use crate::pace::{Paces, Peer, address};
use crate::page;
use crate::problem::Problem;
use crate::rotation::{ByCookie, end_copied, go_on_under, rotated};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::member::{Member, Role};
use countersign_ports::access::{ApiKey, Scope, Session, TokenState};
use opentelemetry::propagation::{Extractor, TextMapPropagator as _};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use std::sync::Arc;
use subtle::ConstantTimeEq as _;
use tracing::{Instrument as _, Span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// What API keys begin with.
pub(crate) const KEY_PREFIX: &str = "csk_";
/// What session tokens begin with.
pub(crate) const SESSION_PREFIX: &str = "css_";
/// How long ago a person may have shown who they are, for decisions: 12 hours, in milliseconds.
pub(crate) const LATELY_MS: u64 = 12 * 60 * 60 * 1000;
/// A session's last use is written after this long, in milliseconds.
const TOUCH_AFTER_MS: u64 = 60_000;
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Pages and programs get nothing to run, and nobody may frame them.
const CSP: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
                   frame-ancestors 'none'";
/// The API's own documentation runs the scripts that come with it.
const CSP_DOCS: &str = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; \
                        frame-ancestors 'none'";

/// Who calls.
#[derive(Clone)]
pub(crate) enum Principal {
    /// Nobody known.
    Nobody,
    /// A signed-in person.
    Person {
        member: Member,
        session: Session,
        /// They showed lately who they are.
        lately: bool,
        /// The token came as a cookie, which other sites could make a browser send.
        cookie: bool,
    },
    /// An API key, in the name of its member.
    Key { member: Member, key: ApiKey },
}

impl Principal {
    /// The member in whose name something is done.
    pub(crate) fn member(&self) -> Result<&Member, Problem> {
        match self {
            Principal::Person { member, .. } | Principal::Key { member, .. } => Ok(member),
            Principal::Nobody => Err(refusal(Shut::SignIn)),
        }
    }

    /// What calls are counted and remembered by.
    pub(crate) fn name(&self) -> String {
        match self {
            Principal::Nobody => "nobody".to_owned(),
            Principal::Person { member, .. } => format!("person:{}", member.id),
            Principal::Key { key, .. } => format!("key:{}", key.id),
        }
    }

    /// What lets the caller in: the same for all calls with one session or one key.
    pub(crate) fn credential(&self) -> String {
        match self {
            Principal::Nobody | Principal::Key { .. } => self.name(),
            Principal::Person { session, .. } => format!("session:{}", session.id),
        }
    }

    /// Whether whoever called before may still call.
    pub(crate) async fn still_may(&self, house: &House) -> bool {
        let (id, there) = match self {
            Principal::Nobody => return false,
            Principal::Person { member, session, .. } => (
                &member.id,
                matches!(house.access.is_session(&session.id).await, Ok(true)),
            ),
            Principal::Key { member, key } => {
                let now = house.ports.store.now().await;
                let found = house.access.key(&key.id).await;
                let valid = matches!((found, now), (Ok(Some((_, key))), Ok(now)) if in_force(&key, now.0));
                (&member.id, valid)
            }
        };
        there
            && house
                .store
                .roster()
                .await
                .is_ok_and(|roster| roster.find(id).is_ok())
    }
}

fn in_force(key: &ApiKey, now: u64) -> bool {
    key.revoked_at.is_none() && key.expires_at.0 > now
}

/// What the guard needs.
#[derive(Clone)]
pub(crate) struct Guard {
    pub(crate) house: Arc<House>,
    pub(crate) paces: Arc<Paces>,
}

/// Whether people open a path in their browsers; programs get problems there and no pages.
pub(crate) fn is_for_people(path: &str) -> bool {
    !path.starts_with("/api/") && path != "/metrics" && !is_health(path)
}

/// Whether it is asked there if the server is well. That is cheap and asked by machines that know nothing else.
fn is_health(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// Headers, as the library for traces reads them.
struct Read<'a>(&'a HeaderMap);

impl Extractor for Read<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// A caller's trace goes on here (W3C Trace Context). Its word is taken: it names spans and allows nothing.
fn continues(span: &Span, headers: &HeaderMap) {
    let context = TraceContextPropagator::new().extract(&Read(headers));
    // Refused where nothing is exported.
    let _exported = span.set_parent(context);
}

/// The page to sign in at, from which people come back to where they wanted to be.
fn sign_in_path(request: &Request) -> String {
    let wanted = request.uri().path_and_query().map_or("/", |p| p.as_str());
    match local_path(wanted) {
        to if to != "/" && request.method() == Method::GET => {
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("to", to)
                .finish();
            format!("/sign-in?{query}")
        }
        _ => "/sign-in".to_owned(),
    }
}

/// Lets a request through, or says why not.
pub(crate) async fn guard(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let asked = request.extensions().get::<Asked>().cloned();
    let id = asked.as_ref().map_or("none", |asked| &*asked.id);
    let docs = request.uri().path().starts_with("/api/docs");
    let for_people = is_for_people(request.uri().path());
    let sign_in = sign_in_path(&request);
    let span =
        tracing::info_span!("http", request = %id, method = %request.method(), path = request.uri().path());
    continues(&span, request.headers());
    let answered = async {
        match admit(&guard, &mut request).await {
            Ok(next_token) => {
                let mut response = next.run(request).await;
                if let Some((token, seconds)) = next_token {
                    go_on_under(&guard.house, &mut response, &token, seconds);
                }
                response
            }
            Err(Refused::Elsewhere(url)) => Redirect::temporary(&url).into_response(),
            Err(Refused::Problem(problem)) if for_people && problem.status() == StatusCode::UNAUTHORIZED => {
                Redirect::to(&sign_in).into_response()
            }
            Err(Refused::Problem(problem)) if for_people => page::problem(&problem),
            Err(Refused::Problem(problem)) => problem.into_response(),
        }
    };
    let mut response = answered.instrument(span).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, if docs { CSP_DOCS } else { CSP }),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

enum Refused {
    Problem(Problem),
    Elsewhere(String),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Refused::Problem(problem)
    }
}

/// Lets a request in, or not; a browser's session may go on under another token, which lives for so many seconds.
async fn admit(guard: &Guard, request: &mut Request) -> Result<Option<(String, u64)>, Refused> {
    let house = &guard.house;
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map(|p| p.as_str().to_owned());
    let Some(path) = path else { return Ok(None) };
    let door = doors::find(request.method().as_str(), &path);
    check_host(house, request, &path)?;
    let Some(door) = door else {
        // A method that the path doesn't have gets its answer from the router; a door without a row stays shut.
        return match doors::DOORS.iter().any(|d| d.path == path) {
            true => Ok(None),
            false => {
                Err(Problem::internal("no-such-door", "this door has no row in the table of doors").into())
            }
        };
    };
    if is_health(&path) {
        // Nobody uses up what others may ask there, and no name is looked up for it.
        return Ok(None);
    }
    let (principal, shown) = principal(house, request.headers()).await?;
    if let Some(asked) = request.extensions().get::<Asked>() {
        // The only place where it is found out.
        let _first = asked.by.set(principal.name());
    }
    check_origin(house, request, &principal)?;
    let peer = request.extensions().get::<Peer>().copied();
    let from = address(peer, request.headers(), house.behind_proxy);
    guard.paces.count(door, &principal, from)?;
    let scopes: Vec<Scope>;
    let caller = match &principal {
        Principal::Nobody => Caller::Nobody,
        Principal::Person { member, lately, .. } => Caller::Person {
            role: member.role,
            lately: *lately,
        },
        Principal::Key { member, key } => {
            scopes = key.scopes.iter().copied().collect();
            Caller::Key {
                scopes: &scopes,
                role: member.role,
            }
        }
    };
    doors::open(door.need, caller).map_err(refusal)?;
    let next_token = match shown {
        Some(shown) => rotated(house, &shown).await?,
        None => None,
    };
    request.extensions_mut().insert(principal);
    Ok(next_token)
}

/// The sentence for a door that stays shut.
fn refusal(shut: Shut) -> Problem {
    let forbidden = |code, text: String| Problem::new(StatusCode::FORBIDDEN, code, text);
    match shut {
        Shut::SignIn => Problem::new(StatusCode::UNAUTHORIZED, "sign-in-needed", "nobody is signed in")
            .next("Sign in with a code: countersign code prints one on the server's machine."),
        Shut::NotForKeys => forbidden(
            "not-for-keys",
            "an API key can't do this: it needs a person".to_owned(),
        )
        .next("Sign in with a code: countersign code prints one on the server's machine."),
        Shut::Scope(scope) => {
            let text = format!("this API key has not the scope `{}`", scope.as_str());
            forbidden("scope-missing", text).next("Make a key with that scope: countersign key add")
        }
        Shut::Role(role) => {
            forbidden("role-too-weak", format!("this needs {}", at_least(role))).next("Ask an owner.")
        }
        Shut::Again => forbidden(
            "sign-in-again",
            "it is too long ago that you showed who you are".to_owned(),
        )
        .next("Sign in again: with a new code (countersign code), or with GitHub."),
    }
}

fn at_least(role: Role) -> &'static str {
    match role {
        Role::Viewer => "a viewer or more",
        Role::Reviewer => "a reviewer or more",
        Role::Maintainer => "a maintainer or more",
        Role::Owner => "an owner",
    }
}

pub(crate) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Reviewer => "reviewer",
        Role::Maintainer => "maintainer",
        Role::Owner => "owner",
    }
}

/// Another name for this machine would be another site's (DNS rebinding). Pages have one name only, so that no other
/// program on a port of this machine gets their cookie.
fn check_host(house: &House, request: &Request, path: &str) -> Result<(), Refused> {
    let host = request
        .headers()
        .get(header::HOST)
        .and_then(|h| h.to_str().ok())
        .unwrap_or_default();
    if host == house.origin.host || is_health(path) {
        return Ok(());
    }
    if house.origin.also.iter().any(|h| h == host) {
        if is_for_people(path) && request.method() == Method::GET {
            let rest = request.uri().path_and_query().map_or("/", |p| p.as_str());
            return Err(Refused::Elsewhere(format!("{}{rest}", house.origin.url())));
        }
        return Ok(());
    }
    let text = "this server does not answer to that name";
    let problem = Problem::new(StatusCode::MISDIRECTED_REQUEST, "wrong-host", text);
    Err(problem
        .next(format!("Its address is {}", house.origin.url()))
        .into())
}

/// What a browser sends along by itself counts only where the page is ours.
fn check_origin(house: &House, request: &Request, principal: &Principal) -> Result<(), Problem> {
    if request.method().is_safe() {
        return Ok(());
    }
    let by_token = match principal {
        Principal::Key { .. } | Principal::Person { cookie: false, .. } => true,
        Principal::Person { cookie: true, .. } | Principal::Nobody => false,
    };
    let value = |name: &HeaderName| request.headers().get(name).and_then(|v| v.to_str().ok());
    let ours = match (value(&FETCH_SITE), value(&header::ORIGIN)) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == house.origin.url(),
        // Neither: no browser. A cookie is not for that.
        (None, None) => matches!(principal, Principal::Nobody),
    };
    if by_token || ours {
        return Ok(());
    }
    let text = "this was sent from another site";
    Err(Problem::new(StatusCode::FORBIDDEN, "cross-site", text).next("Do it on the page itself."))
}

/// The name of the session's cookie.
pub(crate) fn cookie_name(house: &House) -> &'static str {
    if house.origin.is_secure() {
        "__Host-countersign"
    } else {
        "countersign"
    }
}

pub(crate) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|v| v.to_str().ok());
    let mut pairs = all
        .flat_map(|v| v.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(n, _)| *n == name).map(|(_, value)| value)
}

/// Who calls, by bearer token or cookie. A token that is not in force is nobody's.
async fn principal(house: &House, headers: &HeaderMap) -> Result<(Principal, Option<ByCookie>), Problem> {
    let bearer = headers.get(header::AUTHORIZATION).and_then(|v| v.to_str().ok());
    let bearer = bearer.and_then(|v| v.strip_prefix("Bearer "));
    let (token, by_cookie) = match (bearer, cookie(headers, cookie_name(house))) {
        (Some(token), _) => (token, false),
        (None, Some(token)) => (token, true),
        (None, None) => return Ok((Principal::Nobody, None)),
    };
    if token.starts_with(KEY_PREFIX) && !by_cookie {
        return Ok((key_of(house, token).await?, None));
    }
    if !token.starts_with(SESSION_PREFIX) {
        return Ok((Principal::Nobody, None));
    }
    person_of(house, token, by_cookie).await
}

async fn person_of(
    house: &House,
    token: &str,
    cookie: bool,
) -> Result<(Principal, Option<ByCookie>), Problem> {
    let token = hash(token);
    let Some(shown) = house.access.session(&token).await? else {
        end_copied(house, &token).await?;
        return Ok((Principal::Nobody, None));
    };
    let session = shown.session.clone();
    let Ok(member) = house.store.roster().await?.find(&session.member).cloned() else {
        return Ok((Principal::Nobody, None));
    };
    if shown.state == TokenState::New {
        house.access.confirm_token(&token).await?;
    }
    let now = house.ports.store.now().await?;
    if session.seen_at.plus_ms(TOUCH_AFTER_MS) <= now {
        house.access.touch_session(&session.id).await?;
    }
    let lately = session.authenticated_at.plus_ms(LATELY_MS) > now;
    let person = Principal::Person {
        member,
        session,
        lately,
        cookie,
    };
    Ok((person, cookie.then_some(ByCookie { token, shown })))
}

async fn key_of(house: &House, token: &str) -> Result<Principal, Problem> {
    let named = token
        .strip_prefix(KEY_PREFIX)
        .and_then(|rest| rest.split_once('_'));
    let Some((id, _)) = named else {
        return Ok(Principal::Nobody);
    };
    let Some((known, key)) = house.access.key(id).await? else {
        return Ok(Principal::Nobody);
    };
    let now = house.ports.store.now().await?;
    let same: bool = known.0.ct_eq(&hash(token).0).into();
    if !same || !in_force(&key, now.0) {
        return Ok(Principal::Nobody);
    }
    let Ok(member) = house.store.roster().await?.find(&key.member).cloned() else {
        return Ok(Principal::Nobody);
    };
    if key.used_at.is_none_or(|at| at.plus_ms(TOUCH_AFTER_MS) <= now) {
        house.access.touch_key(id).await?;
    }
    Ok(Principal::Key { member, key })
}
