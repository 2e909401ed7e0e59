//! Sign-in with GitHub: a browser goes there and comes back with a code, which becomes an account, which becomes a session of
//! the member whose account it is.
//!
//! What a browser begins only that browser ends, once, within ten minutes. An account counts by its number: a name on the list
//! of those who may come in stands for the first account that came with it, whatever is called so later. Nothing that GitHub
//! gives for further calls is kept, and neither code nor state gets into a log.

use crate::api::members::new_member;
use crate::api::sessions;
use crate::guard::{Principal, cookie};
use crate::house::{House, hash};
use crate::page;
use crate::problem::Problem;
use crate::rotation::set_cookie;
use axum::Extension;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Redirect, Response};
use countersign_core::id::MemberId;
use countersign_core::member::Role;
use countersign_ports::access::SecretHash;
use countersign_ports::identity::{Account, AccountLink, IdentityError, IdentityProvider};
use countersign_ports::store::StoreError;
use std::sync::Arc;

/// Where GitHub sends browsers back to; with the origin before it, it is registered there.
pub const CALLBACK_PATH: &str = "/sign-in/github/callback";
/// How long a sign-in may take at GitHub: 10 minutes, in milliseconds.
const SIGN_IN_MS: u64 = 10 * 60 * 1000;
/// Longest path to go to after a sign-in, in bytes.
const RETURN_MAX_BYTES: usize = 512;
/// Longest code or state that is looked at, in bytes; GitHub's codes have 20, our states 22.
const WORD_MAX_BYTES: usize = 512;

/// Sign-in with GitHub.
pub struct GitHub {
    /// GitHub itself.
    pub provider: Arc<dyn IdentityProvider>,
    /// Who may come in without having been a member before.
    pub allowed: Vec<Allowed>,
}

/// One name on the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The account's name, in lower case.
    pub login: String,
    /// What they are when they come for the first time.
    pub role: Role,
}

/// A path of this server, else `/`: nobody is sent elsewhere from here.
pub(crate) fn local_path(wanted: &str) -> &str {
    let odd = |b: u8| b.is_ascii_control() || b == b'\\' || b == b' ' || !b.is_ascii();
    let is_local = wanted.starts_with('/') && !wanted.starts_with("//");
    if is_local && wanted.len() <= RETURN_MAX_BYTES && !wanted.bytes().any(odd) {
        wanted
    } else {
        "/"
    }
}

/// `GET /sign-in/github`: off to GitHub.
pub(crate) async fn begin(
    State(house): State<Arc<House>>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let Some(github) = &house.github else {
        return page::problem(&not_set_up());
    };
    // Another site must not begin it: whoever is signed in at GitHub would be signed in here without knowing.
    let site = headers.get("sec-fetch-site").and_then(|v| v.to_str().ok());
    if !matches!(site, None | Some("same-origin" | "none")) {
        return Redirect::to("/sign-in").into_response();
    }
    let ask = github.provider.ask();
    let wanted = parameter(query.as_deref(), "to").unwrap_or_default();
    match keep(&house, &ask.state, &ask.verifier, local_path(&wanted)).await {
        Ok(()) => with_cookie(
            &house,
            Redirect::to(&ask.address).into_response(),
            &ask.verifier,
            SIGN_IN_MS / 1000,
        ),
        Err(wrong) => page::problem(&wrong),
    }
}

async fn keep(house: &House, state: &str, verifier: &str, return_to: &str) -> Result<(), Problem> {
    let until = house.ports.store.now().await?.plus_ms(SIGN_IN_MS);
    let kept = bound(state, verifier);
    Ok(house.access.begin_sign_in(&kept, return_to, until).await?)
}

/// `GET /sign-in/github/callback`: back from GitHub.
pub(crate) async fn end(
    State(house): State<Arc<House>>,
    Extension(before): Extension<Principal>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let answer = match came_back(&house, query.as_deref(), &headers, &before).await {
        Ok((token, return_to)) => page::signed_in(&house, &token, &return_to),
        Err(wrong) => page::problem(&wrong),
    };
    with_cookie(&house, answer, "", 0)
}

/// The new session's token, and where the browser wanted to be.
async fn came_back(
    house: &House,
    query: Option<&str>,
    headers: &HeaderMap,
    before: &Principal,
) -> Result<(String, String), Problem> {
    let github = house.github.as_ref().ok_or_else(not_set_up)?;
    let state = parameter(query, "state").unwrap_or_default();
    let verifier = cookie(headers, cookie_name(house)).unwrap_or_default();
    let kept = match verifier {
        "" => None,
        _ => house.access.take_sign_in(&bound(&state, verifier)).await?,
    };
    let return_to = kept.ok_or_else(not_begun_here)?;
    if let Some(error) = parameter(query, "error") {
        return Err(denied(&error));
    }
    let code = parameter(query, "code").ok_or_else(not_begun_here)?;
    let account = github.provider.account(&code, verifier).await;
    let account = account.map_err(|error| unknown(&error))?;
    let member = admit(house, github, &account).await?;
    tracing::info!(%member, account = account.id, "signed in with GitHub");
    let token = sessions::begin(house, member, "browser, by GitHub", before).await?;
    Ok((token, return_to))
}

/// The member whose account it is; whoever is on the list and comes for the first time becomes one.
async fn admit(house: &House, github: &GitHub, account: &Account) -> Result<MemberId, Problem> {
    let links = house.store.account_links().await?;
    if let Some(member) = links.member_of(account.id) {
        return Ok(member.clone());
    }
    let listed = github.allowed.iter().find(|a| a.login == account.login);
    let listed = listed.ok_or_else(|| not_listed(account))?;
    if links.named(&account.login).is_some() {
        return Err(another_account(account));
    }
    let new = new_member(house.store.as_ref(), &account.login, listed.role).await;
    let new = new.map_err(|problem| match &*problem.code {
        "name-taken" => name_taken(account),
        _other => problem,
    })?;
    let link = AccountLink {
        v: AccountLink::VERSION,
        member: new.id.clone(),
        account: account.id,
        login: Some(account.login.clone()),
    };
    match house.store.link_account(&link, Some(&new)).await {
        Ok(()) => Ok(new.id),
        // The same person came twice at the same moment, and one was first.
        Err(StoreError::Refused {
            code: "account-taken",
            ..
        }) => {
            let links = house.store.account_links().await?;
            links.member_of(account.id).cloned().ok_or_else(not_begun_here)
        }
        Err(error) => Err(error.into()),
    }
}

/// What is kept of a sign-in: it is found only by what the browser holds and GitHub hands back together.
fn bound(state: &str, verifier: &str) -> SecretHash {
    hash(&format!("github:{state}:{verifier}"))
}

fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let value = pairs.find(|(n, _)| n == name)?.1.into_owned();
    (value.len() <= WORD_MAX_BYTES).then_some(value)
}

/// What holds the verifier while the browser is at GitHub.
fn cookie_name(house: &House) -> &'static str {
    if house.origin.is_secure() {
        "__Host-countersign-github"
    } else {
        "countersign-github"
    }
}

/// `Lax` as every cookie here: the browser comes back from another site, by a plain GET.
fn with_cookie(house: &House, mut answer: Response, value: &str, seconds: u64) -> Response {
    set_cookie(house, &mut answer, cookie_name(house), (value, seconds));
    answer
}

fn not_set_up() -> Problem {
    let text = "nobody can sign in with GitHub here";
    Problem::new(StatusCode::NOT_FOUND, "github-not-set-up", text)
        .next("Sign in with a code. docs/server.md says how sign-in with GitHub is set up.")
}

fn not_begun_here() -> Problem {
    let text =
        "this sign-in was not begun in this browser, was ended already, or took longer than 10 minutes";
    Problem::new(StatusCode::FORBIDDEN, "sign-in-stale", text).next("Begin again: /sign-in")
}

fn denied(error: &str) -> Problem {
    if error == "access_denied" {
        let text = "at GitHub it was not allowed that this server learns who you are";
        return Problem::new(StatusCode::FORBIDDEN, "github-denied", text).next("Begin again: /sign-in");
    }
    let why = match error {
        "redirect_uri_mismatch" => {
            "the address that it sends browsers back to is not the one registered there"
        }
        "application_suspended" => "the application is suspended there",
        _other => "it did not say why in words that are known",
    };
    unknown(&IdentityError::ServerRefused(why.to_owned()))
}

fn unknown(error: &IdentityError) -> Problem {
    tracing::warn!(%error, "a sign-in with GitHub failed");
    let bad =
        |code, next: &str| Problem::new(StatusCode::BAD_GATEWAY, code, sentence(error)).next(next.to_owned());
    match error {
        IdentityError::CodeRefused => {
            Problem::new(StatusCode::FORBIDDEN, "github-code-refused", sentence(error))
                .next("Begin again: /sign-in")
        }
        IdentityError::ServerRefused(_) => bad(
            "github-refuses-us",
            "An owner compares GITHUB_CLIENT_ID, GITHUB_CLIENT_SECRET and the callback address with what GitHub has.",
        ),
        IdentityError::Unreachable(_) => bad(
            "github-unreachable",
            "Try again in a moment, or sign in with a code.",
        ),
        IdentityError::Odd(_) => bad(
            "github-odd-answer",
            "Sign in with a code. An owner looks whether COUNTERSIGN_GITHUB_BASE_URL and _API_URL are GitHub's.",
        ),
    }
}

fn sentence(error: &IdentityError) -> String {
    error.to_string().replacen("the provider", "GitHub", 1)
}

fn not_listed(account: &Account) -> Problem {
    let text = format!(
        "the GitHub account {} ({}) is no member's",
        account.login, account.id
    );
    let next = format!(
        "An owner puts {} on ALLOWED_GITHUB_USERS, or links it: countersign member link NAME {}",
        account.login, account.id
    );
    Problem::new(StatusCode::FORBIDDEN, "github-not-listed", text).next(next)
}

fn another_account(account: &Account) -> Problem {
    tracing::warn!(
        login = account.login,
        account = account.id,
        "a listed name is another account by now"
    );
    let text = format!(
        "{} was another account at GitHub when that name was first seen here",
        account.login
    );
    let next = format!(
        "If this is the same person, an owner links it: countersign member link NAME {}",
        account.id
    );
    Problem::new(StatusCode::FORBIDDEN, "github-other-account", text).next(next)
}

fn name_taken(account: &Account) -> Problem {
    let text = format!(
        "there is a member {} already, whose account this is not",
        account.login
    );
    let next = format!(
        "If that is the same person, an owner links it: countersign member link {} {}",
        account.login, account.id
    );
    Problem::new(StatusCode::CONFLICT, "github-name-taken", text).next(next)
}

#[cfg(test)]
mod tests {
    use super::local_path;

    #[test]
    fn nobody_is_sent_to_another_server() {
        for good in ["/", "/requests/wf_1:rq:1", "/workflows/x?revision=2"] {
            assert_eq!(local_path(good), good);
        }
        let long = format!("/{}", "x".repeat(600));
        for odd in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example/",
            "/a\r\nSet-Cookie: x=y",
            "requests",
            "/ä",
            long.as_str(),
        ] {
            assert_eq!(local_path(odd), "/", "{odd}");
        }
    }
}
