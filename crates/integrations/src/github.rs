//! Who somebody is at GitHub, or at a provider that speaks as GitHub does: OAuth by authorization code with PKCE
//! (<https://docs.github.com/apps/oauth-apps/building-oauth-apps/authorizing-oauth-apps>), then `GET /user`
//! (<https://docs.github.com/rest/users/users#get-the-authenticated-user>).
//!
//! No scope is asked for, so the token could read public data only; it is dropped as soon as the account is known. No redirect
//! is followed, no proxy of the environment is used, and neither code, token, secret nor an answer's words get into an error.

use crate::{SettingsError, ready_tls};
use async_trait::async_trait;
use countersign_ports::identity::{ACCOUNT_ID_MAX, Account, Ask, IdentityError, IdentityProvider};
use oauth2::basic::{BasicClient, BasicRequestTokenError};
use oauth2::{
    AsyncHttpClient, AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, HttpRequest, HttpResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl,
    TokenResponse as _, TokenUrl,
};
use reqwest::header::{ACCEPT, AUTHORIZATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde::Deserialize;
use std::pin::Pin;
use std::time::Duration;

/// The provider has to be reached within this time.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Each of the two calls has to be done within this time.
const CALL_MAX: Duration = Duration::from_secs(10);
/// Largest answer that is read, in bytes. GitHub's have about 2 KiB.
const ANSWER_MAX_BYTES: usize = 256 << 10;
/// Longest name of an account, in bytes; GitHub's have 39, those of managed users a little more.
const LOGIN_MAX_BYTES: usize = 100;
/// The version of GitHub's API that this is written for.
const API_VERSION: &str = "2022-11-28";

/// How the provider is called.
pub struct GitHubSettings {
    /// Where people sign in: `https://github.com`.
    pub base_url: String,
    /// Its API: `https://api.github.com`.
    pub api_url: String,
    /// The application's id.
    pub client_id: String,
    /// The application's secret.
    pub client_secret: String,
    /// Where it sends browsers back to, exactly as it is registered there.
    pub redirect_url: String,
}

type OAuth = BasicClient<EndpointSet, EndpointNotSet, EndpointNotSet, EndpointNotSet, EndpointSet>;

/// GitHub.
pub struct GitHub {
    oauth: OAuth,
    user_url: String,
    http: Http,
}

/// Our client, as the `oauth2` crate calls it.
struct Http(Client);

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(post(&self.0, request))
    }
}

/// Why a call gave nothing that can be read.
#[derive(Debug, thiserror::Error)]
enum CallError {
    #[error("it can't be reached, or did not answer in time")]
    Unreachable,
    #[error("its answer is longer than {ANSWER_MAX_BYTES} bytes")]
    TooLong,
    #[error("its answer can't be passed on")]
    Malformed,
}

impl From<CallError> for IdentityError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unreachable => IdentityError::Unreachable(error.to_string()),
            CallError::TooLong | CallError::Malformed => IdentityError::Odd(error.to_string()),
        }
    }
}

impl GitHub {
    /// Checks the settings; nothing is connected to.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(settings: GitHubSettings) -> Result<Self, SettingsError> {
        ready_tls();
        let bad = |_| SettingsError::GitHubUrl;
        let authorize = AuthUrl::new(format!("{}/login/oauth/authorize", settings.base_url)).map_err(bad)?;
        let token = TokenUrl::new(format!("{}/login/oauth/access_token", settings.base_url)).map_err(bad)?;
        let redirect = RedirectUrl::new(settings.redirect_url).map_err(bad)?;
        let oauth = BasicClient::new(ClientId::new(settings.client_id))
            .set_client_secret(ClientSecret::new(settings.client_secret))
            .set_auth_type(AuthType::RequestBody)
            .set_auth_uri(authorize)
            .set_token_uri(token)
            .set_redirect_uri(redirect);
        let http = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_MAX)
            .timeout(CALL_MAX)
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            oauth,
            user_url: format!("{}/user", settings.api_url),
            http: Http(http.map_err(|e| SettingsError::Tls(e.without_url().to_string()))?),
        })
    }

    /// Trades the code for a token.
    async fn token(&self, code: &str, verifier: &str) -> Result<String, IdentityError> {
        let traded = self
            .oauth
            .exchange_code(AuthorizationCode::new(code.to_owned()))
            .set_pkce_verifier(PkceCodeVerifier::new(verifier.to_owned()))
            .request_async(&self.http)
            .await;
        match traded {
            Ok(token) => Ok(token.access_token().secret().clone()),
            Err(error) => Err(untraded(error)),
        }
    }

    /// Whose token it is.
    async fn user(&self, token: &str) -> Result<Account, IdentityError> {
        let request = self
            .http
            .0
            .get(&self.user_url)
            .header(ACCEPT, "application/vnd.github+json")
            .header("x-github-api-version", API_VERSION)
            .header(AUTHORIZATION, format!("Bearer {token}"));
        let answer = request.send().await.map_err(|_| CallError::Unreachable)?;
        let status = answer.status();
        if status.is_server_error() {
            return Err(out_of_order(status));
        }
        let body = read(answer).await?;
        let user: Option<User> = serde_json::from_slice(&body).ok();
        match user {
            Some(user) if status == StatusCode::OK => user.account(),
            Some(_) | None => {
                let text = format!("asked who signed in, it answers {}", status.as_u16());
                Err(IdentityError::Odd(text))
            }
        }
    }
}

#[async_trait]
impl IdentityProvider for GitHub {
    fn ask(&self) -> Ask {
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let (address, state) = self
            .oauth
            .authorize_url(CsrfToken::new_random)
            .set_pkce_challenge(challenge)
            // Somebody has to choose: a sign-in that nobody notices shows nothing.
            .add_extra_param("prompt", "select_account")
            .url();
        Ask {
            address: address.into(),
            state: state.into_secret(),
            verifier: verifier.into_secret(),
        }
    }

    async fn account(&self, code: &str, verifier: &str) -> Result<Account, IdentityError> {
        let token = self.token(code, verifier).await?;
        self.user(&token).await
    }
}

/// What is read of an account.
#[derive(Deserialize)]
struct User {
    id: u64,
    login: String,
}

impl User {
    fn account(self) -> Result<Account, IdentityError> {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let login = self.login.to_ascii_lowercase();
        if !(1..=ACCOUNT_ID_MAX).contains(&self.id)
            || login.is_empty()
            || login.len() > LOGIN_MAX_BYTES
            || !login.bytes().all(plain)
        {
            let text = "it names an account that can't be one".to_owned();
            return Err(IdentityError::Odd(text));
        }
        Ok(Account { id: self.id, login })
    }
}

/// GitHub refuses with status 200 and `error` in the body, others with 400 (RFC 6749, section 5.2).
#[derive(Deserialize)]
struct Refusal {
    error: String,
}

fn untraded(error: BasicRequestTokenError<CallError>) -> IdentityError {
    match error {
        BasicRequestTokenError::Request(error) => error.into(),
        BasicRequestTokenError::ServerResponse(answer) => refused(answer.error().as_ref()),
        BasicRequestTokenError::Parse(_, body) => match serde_json::from_slice::<Refusal>(&body) {
            Ok(refusal) => refused(&refusal.error),
            Err(_) => IdentityError::Odd("asked for a token, it answers no JSON with one".to_owned()),
        },
        BasicRequestTokenError::Other(_) => {
            IdentityError::Odd("asked for a token, it answers nothing that is known".to_owned())
        }
    }
}

fn refused(error: &str) -> IdentityError {
    match error {
        "bad_verification_code" | "invalid_grant" => IdentityError::CodeRefused,
        "incorrect_client_credentials" | "invalid_client" | "unauthorized_client" => {
            IdentityError::ServerRefused("it does not know the application's id or secret".to_owned())
        }
        "redirect_uri_mismatch" => {
            let text = "the address that it sends browsers back to is not the one registered there";
            IdentityError::ServerRefused(text.to_owned())
        }
        _other => {
            IdentityError::Odd("asked for a token, it refuses for a reason that is not known".to_owned())
        }
    }
}

fn out_of_order(status: StatusCode) -> IdentityError {
    IdentityError::Unreachable(format!("it answers {}", status.as_u16()))
}

/// Sends what the `oauth2` crate wants sent.
async fn post(http: &Client, request: HttpRequest) -> Result<HttpResponse, CallError> {
    let request = reqwest::Request::try_from(request).map_err(|_| CallError::Malformed)?;
    let answer = http.execute(request).await.map_err(|_| CallError::Unreachable)?;
    let status = answer.status();
    if status.is_server_error() {
        return Err(CallError::Unreachable);
    }
    let mut response = oauth2::http::Response::builder().status(status);
    if let (Some(headers), Some(kind)) = (
        response.headers_mut(),
        answer.headers().get(reqwest::header::CONTENT_TYPE),
    ) {
        headers.insert(reqwest::header::CONTENT_TYPE, kind.clone());
    }
    let body = read(answer).await?;
    response.body(body).map_err(|_| CallError::Malformed)
}

async fn read(mut answer: Response) -> Result<Vec<u8>, CallError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(|_| CallError::Unreachable)? {
        if bytes.len() + chunk.len() > ANSWER_MAX_BYTES {
            return Err(CallError::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn each_sign_in_asks_with_a_state_and_a_challenge_of_its_own_and_for_no_scope() {
        let settings = GitHubSettings {
            base_url: "https://github.com".to_owned(),
            api_url: "https://api.github.com".to_owned(),
            client_id: "id".to_owned(),
            client_secret: "canary".to_owned(),
            redirect_url: "https://review.example.org/sign-in/github/callback".to_owned(),
        };
        let github = GitHub::new(settings).unwrap();
        let (one, two) = (github.ask(), github.ask());
        assert!(one.state != two.state && one.verifier != two.verifier && one.address != two.address);
        assert!(
            one.address
                .starts_with("https://github.com/login/oauth/authorize?response_type=code&")
        );
        for part in [
            "client_id=id",
            "code_challenge_method=S256",
            "prompt=select_account",
            &one.state,
        ] {
            assert!(one.address.contains(part), "{part}: {}", one.address);
        }
        for never in ["canary", "scope", one.verifier.as_str()] {
            assert!(!one.address.contains(never), "{never}: {}", one.address);
        }
    }

    #[test]
    fn an_account_has_a_number_and_a_plain_name() {
        let read = |json: &str| {
            serde_json::from_str::<User>(json)
                .ok()
                .and_then(|u| u.account().ok())
        };
        let octo = Account {
            id: 7,
            login: "octo-cat".to_owned(),
        };
        assert_eq!(
            read(r#"{"id": 7, "login": "Octo-Cat", "type": "User"}"#),
            Some(octo)
        );
        for odd in [
            r#"{"id": 0, "login": "a"}"#,
            r#"{"id": 9007199254740992, "login": "a"}"#,
            r#"{"id": -1, "login": "a"}"#,
            r#"{"id": "7", "login": "a"}"#,
            r#"{"id": 7, "login": ""}"#,
            r#"{"id": 7, "login": "a b"}"#,
            r#"{"id": 7, "login": "\u202ea"}"#,
            r#"{"login": "a"}"#,
        ] {
            assert_eq!(read(odd), None, "{odd}");
        }
    }
}
