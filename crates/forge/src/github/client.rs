//! One HTTP call to GitHub's REST API: bounded in time and bytes, never repeated by itself, never redirected. The one address
//! elsewhere that is read, where a job's log lies, gets no token.
//!
//! An own client of a few lines rather than a library: a write has to be sent once whatever comes back, every body has a
//! limit, the port's calls block, and the process has one HTTP client already. No answer's words get into an error unchecked,
//! and a token gets nowhere but into the header. Which one a request carries is [`super::access`]'s to say.

use super::access::{Carried, Counted, Tokens, Writer};
use super::error::CallError;
use super::{GitHubSettings, Secret, SettingsError};
use countersign_core::id::RepositoryId;
use countersign_core::policy::is_hidden_character;
use reqwest::blocking::{Client, RequestBuilder, Response};
use reqwest::header::{ACCEPT, AUTHORIZATION, ETAG, HeaderMap, IF_NONE_MATCH, LINK, LOCATION, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// GitHub has to be reached within this time.
const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Each call has to be done within this time: with a push well below the deadline of an attempt.
const CALL_MAX: Duration = Duration::from_secs(10);
const _: () = assert!(
    CALL_MAX.as_millis() < countersign_core::permit::REMOTE_WRITE_MAX_MS as u128,
    "a call that writes ends before its attempt does"
);
/// Largest answer that is read, in bytes. A page of 100 pull requests has about 2 MiB.
const ANSWER_MAX_BYTES: usize = 8 << 20;
/// The version of GitHub's API that this is written for.
const API_VERSION: &str = "2022-11-28";
/// Most of a list that GitHub gives at once.
pub(super) const PER_PAGE: usize = 100;
/// Most answers that are remembered by their ETags.
const REMEMBERED_MAX: usize = 64;
/// Largest answer that is remembered, in bytes.
const REMEMBERED_MAX_BYTES: usize = 256 << 10;
/// Longest time that GitHub is left alone because it asked for it, unless it says how long.
const PAUSE_MAX: Duration = Duration::from_secs(3_600);
/// How long where it does not say (<https://docs.github.com/rest/using-the-rest-api/best-practices-for-using-the-rest-api>).
const PAUSE_USUAL: Duration = Duration::from_secs(60);
/// What the paths of searches begin with.
const SEARCHES: &str = "/search/";
/// Most characters of GitHub's words that are kept.
const WORDS_MAX_CHARS: usize = 200;

/// An answer that GitHub said is still the same costs nothing of the hour's requests.
struct Remembered {
    tag: String,
    body: Vec<u8>,
    next: Option<String>,
}

/// GitHub's API with what lets us in.
pub(super) struct Api {
    settings: GitHubSettings,
    tokens: Tokens,
    // Made at the first call: a blocking client must not be made among async threads.
    http: OnceLock<Result<Client, String>>,
    /// By whose it is and its address: one installation's answer is none of another's.
    remembered: Mutex<BTreeMap<(Counted, String), Remembered>>,
    /// Until when whose requests rest: one installation's limit is none of another's.
    paused: Mutex<BTreeMap<(Counted, Pool), Instant>>,
}

/// Searches have requests of their own, 30 a minute; when these are used up, everything else goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pool {
    All,
    Searches,
}

/// What was read.
struct Got {
    body: Vec<u8>,
    next: Option<String>,
}

impl Api {
    pub(super) fn new(settings: GitHubSettings) -> Result<Self, SettingsError> {
        super::check_address(&settings.api_url)?;
        super::check_address(&settings.server_url)?;
        // TLS is ring's everywhere in this process. Where one is installed already, that one stays.
        let _first = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            settings,
            tokens: Tokens::default(),
            http: OnceLock::new(),
            remembered: Mutex::default(),
            paused: Mutex::default(),
        })
    }

    pub(super) fn settings(&self) -> &GitHubSettings {
        &self.settings
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Reads one thing about a repository.
    pub(super) fn get<T: DeserializeOwned>(&self, of: &RepositoryId, path: &str) -> Result<T, CallError> {
        let got = self.read(of, &format!("{}{path}", self.settings.api_url))?;
        parsed(&got.body)
    }

    /// Reads one thing with what was made for it.
    pub(super) fn get_as<T: DeserializeOwned>(&self, carried: &Carried, path: &str) -> Result<T, CallError> {
        let got = self.read_as(carried, &format!("{}{path}", self.settings.api_url))?;
        parsed(&got.body)
    }

    /// Reads a list, page by page; more than `most` are an error and not a shorter list. `items` takes them out of a page.
    pub(super) fn list<P: DeserializeOwned, T>(
        &self,
        of: &RepositoryId,
        path: &str,
        most: usize,
        items: impl Fn(P) -> Vec<T>,
    ) -> Result<Vec<T>, CallError> {
        match self.list_first(of, path, most, items)? {
            (all, true) => Ok(all),
            (_, false) => Err(CallError::TooMany { most }),
        }
    }

    /// The first of a list, page by page, at most that many; and whether that is all.
    pub(super) fn list_first<P: DeserializeOwned, T>(
        &self,
        of: &RepositoryId,
        path: &str,
        most: usize,
        items: impl Fn(P) -> Vec<T>,
    ) -> Result<(Vec<T>, bool), CallError> {
        self.pages(|address| self.read(of, address), path, most, items)
    }

    /// The same with what was made for it.
    pub(super) fn list_first_as<P: DeserializeOwned, T>(
        &self,
        carried: &Carried,
        path: &str,
        most: usize,
        items: impl Fn(P) -> Vec<T>,
    ) -> Result<(Vec<T>, bool), CallError> {
        self.pages(|address| self.read_as(carried, address), path, most, items)
    }

    fn pages<P: DeserializeOwned, T>(
        &self,
        read: impl Fn(&str) -> Result<Got, CallError>,
        path: &str,
        most: usize,
        items: impl Fn(P) -> Vec<T>,
    ) -> Result<(Vec<T>, bool), CallError> {
        let joint = if path.contains('?') { '&' } else { '?' };
        let mut address = format!("{}{path}{joint}per_page={PER_PAGE}", self.settings.api_url);
        let mut all = Vec::new();
        // Every page but the last is full, or nearly so.
        for _page in 0..most.div_ceil(PER_PAGE).saturating_mul(2).max(1) {
            let got = read(&address)?;
            all.extend(items(parsed(&got.body)?));
            if all.len() > most {
                all.truncate(most);
                return Ok((all, false));
            }
            match got.next {
                None => return Ok((all, true)),
                Some(next) => address = next,
            }
        }
        Ok((all, false))
    }

    /// Where something lies that GitHub keeps elsewhere; nobody goes there but [`Api::as_a_stranger`].
    pub(super) fn leads_to(&self, carried: &Carried, path: &str) -> Result<Url, CallError> {
        let address = format!("{}{path}", self.settings.api_url);
        let (status, headers, body) = self.exchange(carried, Method::GET, &address, None, None)?;
        if status != StatusCode::FOUND {
            return Err(self.refused(carried, status, &headers, &body));
        }
        let to = headers.get(LOCATION).and_then(|to| to.to_str().ok());
        let to = to.and_then(|to| Url::parse(to).ok());
        let to = to.filter(|to| may_lead_to(&self.settings.api_url, to));
        to.ok_or_else(|| CallError::Odd {
            why: "it points to an address that is not encrypted".to_owned(),
        })
    }

    /// Reads there without a token and without a word of the API, and goes no further. Whoever reads the body bounds it.
    pub(super) fn as_a_stranger(&self, address: &Url) -> Result<Response, CallError> {
        let answer = self.client()?.get(address.clone()).send();
        let answer = answer.map_err(|error| match error.is_connect() {
            true => CallError::NotSent,
            false => CallError::Lost {
                why: "no answer came".to_owned(),
            },
        })?;
        match answer.status() {
            StatusCode::OK => Ok(answer),
            // Any other no there says nothing about what we may do on GitHub.
            status if [404, 410].contains(&status.as_u16()) => Err(CallError::Refused {
                status: status.as_u16(),
                said: String::new(),
            }),
            status => Err(CallError::Lost {
                why: format!("it answers {}", status.as_u16()),
            }),
        }
    }

    /// Sends a write, once, with what a permit gave. Whatever is not a clear no is [`CallError::Lost`].
    pub(super) fn send<T: DeserializeOwned>(
        &self,
        writer: &Writer,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<T, CallError> {
        self.send_as(writer.carried(), method, path, body)
    }

    /// For [`Api::send`], and for tokens.
    pub(super) fn send_as<T: DeserializeOwned>(
        &self,
        carried: &Carried,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<T, CallError> {
        self.sent(carried, method, path, Some(body))
    }

    /// Sends what needs no words, once.
    pub(super) fn post_nothing<T: DeserializeOwned>(
        &self,
        carried: &Carried,
        path: &str,
    ) -> Result<T, CallError> {
        self.sent(carried, Method::POST, path, None)
    }

    fn sent<T: DeserializeOwned>(
        &self,
        carried: &Carried,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<T, CallError> {
        let address = format!("{}{path}", self.settings.api_url);
        let (status, headers, body) = self.exchange(carried, method, &address, body, None)?;
        match status.is_success() {
            true => parsed(&body).map_err(CallError::after_a_write),
            false => Err(self.refused(carried, status, &headers, &body)),
        }
    }

    /// A kept token that GitHub does not take any more is asked for anew, and the look repeated, once.
    fn read(&self, of: &RepositoryId, address: &str) -> Result<Got, CallError> {
        match self.read_as(&self.reader(of)?, address) {
            Err(CallError::TokenOver) => {
                self.tokens.forget(of);
                self.read_as(&self.reader(of)?, address)
            }
            read => read,
        }
    }

    fn read_as(&self, carried: &Carried, address: &str) -> Result<Got, CallError> {
        let place = (carried.counted(), address.to_owned());
        let tag = locked(&self.remembered).get(&place).map(|r| r.tag.clone());
        let (status, headers, body) = self.exchange(carried, Method::GET, address, None, tag.as_deref())?;
        if status == StatusCode::NOT_MODIFIED
            && let Some(kept) = locked(&self.remembered).get(&place)
        {
            return Ok(Got {
                body: kept.body.clone(),
                next: kept.next.clone(),
            });
        }
        if status != StatusCode::OK {
            return Err(self.refused(carried, status, &headers, &body));
        }
        let next = next_page(&headers, &self.settings.api_url)?;
        self.remember(place, &headers, &body, next.as_ref());
        Ok(Got { body, next })
    }

    fn remember(&self, place: (Counted, String), headers: &HeaderMap, body: &[u8], next: Option<&String>) {
        let tag = headers.get(ETAG).and_then(|tag| tag.to_str().ok());
        let mut all = locked(&self.remembered);
        match tag {
            Some(tag) if body.len() <= REMEMBERED_MAX_BYTES => {
                if all.len() >= REMEMBERED_MAX && !all.contains_key(&place) {
                    all.clear();
                }
                let (tag, body, next) = (tag.to_owned(), body.to_vec(), next.cloned());
                all.insert(place, Remembered { tag, body, next });
            }
            Some(_) | None => {
                all.remove(&place);
            }
        }
    }

    fn exchange(
        &self,
        carried: &Carried,
        method: Method,
        address: &str,
        body: Option<&Value>,
        tag: Option<&str>,
    ) -> Result<(StatusCode, HeaderMap, Vec<u8>), CallError> {
        self.refuse_paused(carried, address)?;
        let client = self.client()?;
        let mut request = with_heads(client.request(method, address), carried.secret());
        if let Some(tag) = tag {
            request = request.header(IF_NONE_MATCH, tag);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().map_err(|error| match error.is_connect() {
            true => CallError::NotSent,
            false => CallError::Lost {
                why: "no answer came".to_owned(),
            },
        })?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Ok((status, headers, bytes(answer)?))
    }

    fn client(&self) -> Result<&Client, CallError> {
        let made = self.http.get_or_init(|| {
            Client::builder()
                .redirect(Policy::none())
                .no_proxy()
                .referer(false)
                .connect_timeout(CONNECT_MAX)
                .timeout(CALL_MAX)
                .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
                .build()
                .map_err(|error| error.without_url().to_string())
        });
        made.as_ref().map_err(|why| CallError::Tls { why: why.clone() })
    }

    /// GitHub asked to be left alone by whoever this is: it is, and nothing is sent.
    fn refuse_paused(&self, carried: &Carried, address: &str) -> Result<(), CallError> {
        let path = address.strip_prefix(&self.settings.api_url).unwrap_or(address);
        let searches = path.starts_with(SEARCHES).then_some(Pool::Searches);
        let (now, mut paused) = (Instant::now(), locked(&self.paused));
        paused.retain(|_, end| now < *end);
        let of = |pool| paused.get(&(carried.counted(), pool));
        match [Some(Pool::All), searches].into_iter().flatten().find_map(of) {
            Some(end) => Err(CallError::Limited {
                seconds: (*end - now).as_secs() + 1,
            }),
            None => Ok(()),
        }
    }

    /// How much longer requests about that repository rest, by what is known without asking.
    pub(super) fn rests_for(&self, id: &RepositoryId) -> Option<Duration> {
        let now = Instant::now();
        let paused = locked(&self.paused);
        let ends = self
            .counted(id)
            .into_iter()
            .filter_map(|whose| paused.get(&(whose, Pool::All)));
        let left = ends.filter_map(|end| end.checked_duration_since(now));
        left.max().filter(|left| !left.is_zero())
    }

    /// A no, or an answer that tells nothing.
    fn refused(&self, carried: &Carried, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> CallError {
        let told: Told = serde_json::from_slice(body).unwrap_or_default();
        if let Some(pause) = pause(status, headers, &told.message) {
            let pool = match is_of_searches(headers) {
                true => Pool::Searches,
                false => Pool::All,
            };
            // What is over goes at the next request, so that these are never more than installations.
            locked(&self.paused).insert((carried.counted(), pool), Instant::now() + pause);
            return CallError::Limited {
                seconds: pause.as_secs(),
            };
        }
        let number = status.as_u16();
        match number {
            301 | 302 | 307 | 308 => CallError::Moved,
            400..=499 => CallError::told_to(carried, number, words(&told.all())),
            _other => CallError::Lost {
                why: format!("it answers {number}"),
            },
        }
    }
}

/// Ends a token of the App before its hour is over
/// (<https://docs.github.com/rest/apps/installations#revoke-an-installation-access-token>): once, beside whatever goes on, which
/// never waits for it. Where it fails, the token ends by itself.
pub(super) struct Ending {
    http: Client,
    address: String,
}

/// How many tokens are ended at this moment.
static ENDINGS: AtomicUsize = AtomicUsize::new(0);
/// Most that are ended at once; any more end by themselves.
const ENDINGS_MAX: usize = 8;

impl Api {
    pub(super) fn ending(&self) -> Option<Ending> {
        let http = self.client().ok()?.clone();
        let address = format!("{}/installation/token", self.settings.api_url);
        Some(Ending { http, address })
    }
}

impl Ending {
    pub(super) fn begin(self, carried: &Carried) {
        let Some(token) = carried.secret().cloned() else {
            return;
        };
        if ENDINGS.fetch_add(1, Ordering::Relaxed) >= ENDINGS_MAX {
            ENDINGS.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let end = move || {
            let sent = with_heads(self.http.delete(self.address), Some(&token)).send();
            let status = sent.map(|answer| answer.status().as_u16());
            if !matches!(status, Ok(204)) {
                tracing::debug!(status = status.ok(), "a token could not be ended");
            }
            ENDINGS.fetch_sub(1, Ordering::Relaxed);
        };
        let begun = std::thread::Builder::new()
            .name("token-ends".to_owned())
            .spawn(end);
        if begun.is_err() {
            ENDINGS.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What every request to the API says.
fn with_heads(request: RequestBuilder, token: Option<&Secret>) -> RequestBuilder {
    let request = request
        .header(ACCEPT, "application/vnd.github+json")
        .header("x-github-api-version", API_VERSION);
    match token {
        Some(token) => request.header(AUTHORIZATION, format!("Bearer {}", token.reveal())),
        None => request,
    }
}

/// GitHub's explanation of a no.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Told {
    message: String,
    errors: Vec<Value>,
}

impl Told {
    fn all(&self) -> String {
        let mut all = vec![self.message.clone()];
        for error in &self.errors {
            let part = |name: &str| error[name].as_str().map(str::to_owned);
            all.extend(part("message").or_else(|| Some(format!("{} {}", part("field")?, part("code")?))));
        }
        all.join("; ")
    }
}

/// How long GitHub wants to be left alone, if it says so
/// (<https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>).
fn pause(status: StatusCode, headers: &HeaderMap, message: &str) -> Option<Duration> {
    if !matches!(status.as_u16(), 403 | 429 | 503) {
        return None;
    }
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let after = headers.get(RETRY_AFTER).and_then(|_| number("retry-after"));
    let used_up = number("x-ratelimit-remaining") == Some(0);
    let asked = match (after, used_up) {
        (Some(seconds), _) => Some(Duration::from_secs(seconds)),
        (None, true) => Some(number("x-ratelimit-reset").map_or(PAUSE_USUAL, until)),
        (None, false) if message.contains("rate limit") || status.as_u16() == 429 => Some(PAUSE_USUAL),
        (None, false) => None,
    };
    asked.map(|pause| pause.clamp(Duration::from_secs(1), PAUSE_MAX))
}

/// Whether what is used up are the requests of searches (<https://docs.github.com/rest/search/search#rate-limit>). A secondary
/// limit is about all of them.
fn is_of_searches(headers: &HeaderMap) -> bool {
    let resource = headers.get("x-ratelimit-resource");
    resource.is_some_and(|r| r == "search") && !headers.contains_key(RETRY_AFTER)
}

/// From now to a moment in seconds since 1970.
fn until(at: u64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    Duration::from_secs(at).saturating_sub(now.unwrap_or_default())
}

/// The next page (RFC 8288). It has to be one of the same API, for the token goes nowhere else; one that is not would make the
/// list a shorter one, which it never is (INV-8).
fn next_page(headers: &HeaderMap, api_url: &str) -> Result<Option<String>, CallError> {
    let Some(links) = headers.get(LINK).and_then(|link| link.to_str().ok()) else {
        return Ok(None);
    };
    let is_next = |link: &&str| link.split(';').skip(1).any(|p| p.trim() == "rel=\"next\"");
    let Some(next) = links.split(',').find(is_next) else {
        return Ok(None);
    };
    let address = next.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    let there = format!("{api_url}/");
    let of_this = |address: &&str| {
        let begins = address.get(..there.len());
        begins.is_some_and(|b| b.eq_ignore_ascii_case(&there))
    };
    match address.map(|(address, _)| address).filter(of_this) {
        Some(address) => Ok(Some(format!("{there}{}", &address[there.len()..]))),
        None => Err(CallError::Odd {
            why: "the next page of its list is not on the same server".to_owned(),
        }),
    }
}

/// Encrypted and to a host alone; where GitHub's API itself is on this machine, also to this machine.
fn may_lead_to(api_url: &str, to: &Url) -> bool {
    let here = ["127.0.0.1", "localhost", "[::1]"];
    let fine = match to.scheme() {
        "https" => true,
        "http" => api_url.starts_with("http://") && to.host_str().is_some_and(|h| here.contains(&h)),
        _other => false,
    };
    fine && to.has_host() && to.username().is_empty() && to.password().is_none()
}

fn bytes(answer: Response) -> Result<Vec<u8>, CallError> {
    let mut bytes = Vec::new();
    let read = answer.take(ANSWER_MAX_BYTES as u64 + 1).read_to_end(&mut bytes);
    match read {
        Err(_) => Err(CallError::Lost {
            why: "the answer broke off".to_owned(),
        }),
        Ok(_) if bytes.len() > ANSWER_MAX_BYTES => Err(CallError::Lost {
            why: format!("its answer is longer than {ANSWER_MAX_BYTES} bytes"),
        }),
        Ok(_) => Ok(bytes),
    }
}

fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, CallError> {
    serde_json::from_slice(body).map_err(|_| CallError::Odd {
        why: "its answer is not what its documents say".to_owned(),
    })
}

/// A stranger's words: short, on one line, with nothing in them that can't be seen.
fn words(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut shown = String::new();
    for c in line.chars().take(WORDS_MAX_CHARS) {
        match is_hidden_character(c) {
            true => shown.extend(c.escape_unicode()),
            false => shown.push(c),
        }
    }
    shown
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| ((*name).parse().expect("a name"), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn github_is_left_alone_for_as_long_as_it_asks() {
        let seconds = |status: u16, pairs: &[(&'static str, &'static str)], message: &str| {
            let status = StatusCode::from_u16(status).expect("a status");
            pause(status, &headers(pairs), message).map(|p| p.as_secs())
        };
        assert_eq!(seconds(403, &[("retry-after", "30")], ""), Some(30));
        assert_eq!(seconds(429, &[], ""), Some(60));
        assert_eq!(
            seconds(403, &[], "You have exceeded a secondary rate limit."),
            Some(60)
        );
        assert_eq!(seconds(403, &[("retry-after", "99999999")], ""), Some(3_600));
        assert_eq!(
            seconds(
                403,
                &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1")],
                ""
            ),
            Some(1),
            "a moment that is over"
        );
        assert_eq!(
            seconds(403, &[("x-ratelimit-remaining", "12")], "Must have push access"),
            None
        );
        assert_eq!(seconds(404, &[("retry-after", "30")], ""), None);
    }

    #[test]
    fn the_next_page_is_one_of_the_same_api() {
        let next = |link: &'static str| next_page(&headers(&[("link", link)]), "https://api.github.com");
        let third = Ok(Some("https://api.github.com/x?page=3".to_owned()));
        assert_eq!(
            next(
                "<https://api.github.com/x?page=1>; rel=\"prev\", <https://api.github.com/x?page=3>; rel=\"next\""
            ),
            third
        );
        assert_eq!(next("<https://API.github.com/x?page=3>; rel=\"next\""), third);
        assert_eq!(next("<https://api.github.com/x?page=1>; rel=\"prev\""), Ok(None));
        for elsewhere in [
            "<https://api.github.com.evil.example/x>; rel=\"next\"",
            "https://api.github.com/x; rel=\"next\"",
        ] {
            assert!(
                matches!(next(elsewhere), Err(CallError::Odd { .. })),
                "{elsewhere}"
            );
        }
    }

    #[test]
    fn a_redirect_leads_to_where_it_is_encrypted_or_from_this_machine_to_itself() {
        let leads = |api: &str, to: &str| may_lead_to(api, &Url::parse(to).expect("it is an address"));
        let (github, model) = ("https://api.github.com", "http://127.0.0.1:80/api/v3");
        assert!(leads(
            github,
            "https://productionresults.blob.core.windows.net/a?sig=b"
        ));
        assert!(leads(model, "http://localhost:80/a"));
        for to in [
            "http://productionresults.blob.core.windows.net/a",
            "http://127.0.0.1:80/a",
            "https://me@example.org/a",
            "file:///etc/passwd",
            "ftp://example.org/a",
        ] {
            assert!(!leads(github, to), "{to}");
        }
        assert!(!leads(model, "http://example.org/a"));
    }

    #[test]
    fn words_of_strangers_are_short_and_can_be_seen() {
        let shown = words(&format!("no\r\nway \u{202e}{}", "x".repeat(500)));
        assert!(shown.starts_with("no way \\u{202e}x"), "{shown}");
        assert!(shown.chars().count() < WORDS_MAX_CHARS + 10);
    }
}
