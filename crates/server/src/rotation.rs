//! How a browser's session goes on under one token after the other, and the cookies in which it lies. A token that comes back
//! after its time ends its session.

use crate::api::sessions::new_token;
use crate::guard::cookie_name;
use crate::house::{House, hash};
use crate::problem::Problem;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use countersign_ports::access::{SecretHash, Shown, TokenState};

/// A browser's token is replaced after this long: an hour, in milliseconds. Tokens of programs stay: what two processes read
/// from one file can't be replaced for both at once.
const ROTATE_AFTER_MS: u64 = 60 * 60 * 1000;

/// A token as it came in by a cookie.
pub(crate) struct ByCookie {
    /// What is known of it.
    pub(crate) token: SecretHash,
    /// What it lets into.
    pub(crate) shown: Shown,
}

/// The next token of a session, where the current one is old enough, and for how many seconds the session lives.
pub(crate) async fn rotated(house: &House, by: &ByCookie) -> Result<Option<(String, u64)>, Problem> {
    let now = house.ports.store.now().await?;
    if by.shown.state != TokenState::Current || by.shown.made_at.plus_ms(ROTATE_AFTER_MS) > now {
        return Ok(None);
    }
    let next = new_token()?;
    let made = house.access.rotate_session(&by.token, &hash(&next)).await?;
    let seconds = by.shown.session.expires_at.0.saturating_sub(now.0) / 1000;
    Ok(made.then_some((next, seconds)))
}

/// Gives the browser its next token, unless the answer says something about its session already.
pub(crate) fn go_on_under(house: &House, response: &mut Response, token: &str, seconds: u64) {
    let name = cookie_name(house);
    let says = |value: &HeaderValue| value.as_bytes().starts_with(format!("{name}=").as_bytes());
    if !response.headers().get_all(header::SET_COOKIE).iter().any(says) {
        set_cookie(house, response, name, (token, seconds));
    }
}

/// Adds a cookie that no script sees, with its value and how many seconds it lives. `Lax`: links from elsewhere, such as those
/// in mails, lead to a page; nothing but GETs comes with it from there.
pub(crate) fn set_cookie(house: &House, response: &mut Response, name: &str, (value, seconds): (&str, u64)) {
    let secure = if house.origin.is_secure() { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
}

/// A token that was replaced and comes back is a copy, whoever has it: the session ends for both.
pub(crate) async fn end_copied(house: &House, token: &SecretHash) -> Result<(), Problem> {
    let Some(session) = house.access.replaced(token).await? else {
        return Ok(());
    };
    tracing::warn!(
        session,
        "a token came back after it was replaced; the session was ended"
    );
    house.access.end_session(&session).await?;
    Ok(())
}
