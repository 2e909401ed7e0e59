//! A server's API as the commands use it. What comes back is read with limits; what goes out names the caller by a token
//! and never follows a redirect with it.

mod acts;
mod keeping;
mod stream;
mod tokens;

pub(crate) use stream::Changes;

use acts::{Call, call};

use crate::config::secret::Secret;
use crate::error::{CliError, Exit};
use countersign_core::act::{Act, Attendance};
use countersign_core::feedback::Metadata;
use countersign_core::id::{MemberId, RepositoryId, TenantId, WorkflowId};
use countersign_core::member::{Member, Roster};
use countersign_core::record::{EventRecord, RECORD_VERSION};
use countersign_core::time::Timestamp;
use countersign_server::client::{
    Code, EventWire, FoundRepositoriesWire, FreezeWire, InterdiffsWire, MemberWire, NewFreeze, NewRepository,
    NewWorkflow, Note, RepositoryWire, Submitted, Token, Whoami, WorkflowsPage,
};
use countersign_server::parse_role;
use countersign_server::wire::{AlarmWire, DiffsWire, WorkflowRowWire};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// Largest answer that is read, in bytes.
const ANSWER_MAX_BYTES: usize = 256 << 20;
/// How long a connection may take to come about.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long an answer may take; the server itself gives up after a minute.
const ANSWER_MAX: Duration = Duration::from_secs(90);
/// Workflows on one page of a list.
const PAGE: u32 = 500;

/// A server and whoever calls it.
pub(crate) struct Remote {
    http: reqwest::Client,
    origin: Url,
    token: Option<String>,
}

impl Remote {
    /// Reads the address; nothing is called yet.
    ///
    /// # Errors
    /// When it is none, or a token would travel unencrypted between machines.
    pub(crate) fn new(address: &str, token: Option<&Secret>) -> Result<Self, CliError> {
        let origin = origin(address)?;
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_MAX)
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")));
        if let Some(name) = origin.host_str().filter(|n| n.ends_with(".localhost")) {
            // Not every system's resolver knows that these names are this machine (RFC 6761, 6.3).
            let port = origin.port_or_known_default().unwrap_or(80);
            builder = builder.resolve(name, (std::net::Ipv4Addr::LOCALHOST, port).into());
        }
        let http = builder
            .build()
            .map_err(|e| CliError::internal("no-http", format!("can't call servers: {e}")))?;
        let token = match token {
            Some(token) => Some(token.reveal().trim().to_owned()),
            None => tokens::find(&origin)?,
        };
        Ok(Self { http, origin, token })
    }

    /// Where it is, as people name it.
    pub(crate) fn name(&self) -> String {
        self.origin.as_str().trim_end_matches('/').to_owned()
    }

    /// Trades a one-time code for a session and keeps its token.
    ///
    /// # Errors
    /// When the code is refused, or the token can't be kept.
    pub(crate) async fn sign_in(&mut self, code: &str) -> Result<Whoami, CliError> {
        let code = Code {
            code: code.to_owned(),
        };
        let token: Token = self
            .read(self.request(Method::POST, "sessions")?.json(&code))
            .await?;
        tokens::keep(&self.origin, Some(&token.token))?;
        self.token = Some(token.token);
        self.whoami().await
    }

    /// Ends the session and forgets its token.
    ///
    /// # Errors
    /// When the server can't be reached; the token is forgotten nevertheless.
    pub(crate) async fn sign_out(&mut self) -> Result<(), CliError> {
        tokens::keep(&self.origin, None)?;
        self.send(self.request(Method::DELETE, "session")?)
            .await
            .map(drop)
    }

    /// Who calls.
    ///
    /// # Errors
    /// As for every call: the server can't be reached, or refuses.
    pub(crate) async fn whoami(&self) -> Result<Whoami, CliError> {
        self.get("session").await
    }

    /// Whose data it is.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn tenant(&self) -> Result<TenantId, CliError> {
        TenantId::parse(&self.whoami().await?.tenant).map_err(|e| odd(e.to_string()))
    }

    /// Workflows, newest first.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn workflows(
        &self,
        limit: u32,
        metadata: &Metadata,
    ) -> Result<Vec<WorkflowRowWire>, CliError> {
        let pairs = metadata
            .iter()
            .map(|(key, value)| (format!("metadata.{key}"), value));
        let wanted = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        let (mut rows, mut cursor) = (Vec::new(), String::new());
        while rows.len() < limit as usize {
            let left = (limit - u32::try_from(rows.len()).unwrap_or(limit)).min(PAGE);
            let page: WorkflowsPage = self
                .get(&format!("workflows?limit={left}{cursor}&{wanted}"))
                .await?;
            rows.extend(page.workflows);
            match page.next {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        Ok(rows)
    }

    /// A workflow's events after the one with that number.
    ///
    /// # Errors
    /// As for every call, and when this program can't read them.
    pub(crate) async fn events(
        &self,
        tenant: &TenantId,
        id: &WorkflowId,
        after: u64,
    ) -> Result<Vec<EventRecord>, CliError> {
        let wires: Vec<EventWire> = self.get(&format!("workflows/{id}/events?after={after}")).await?;
        let record = |wire: EventWire| {
            Ok(EventRecord {
                v: RECORD_VERSION,
                tenant: tenant.clone(),
                workflow: id.clone(),
                seq: wire.seq,
                at: Timestamp::from_rfc3339(&wire.at)
                    .ok_or_else(|| odd(format!("the time `{}`", wire.at)))?,
                event: serde_json::from_value(wire.event).map_err(|e| {
                    odd(format!("event {} (`{}`): {e}", wire.seq, wire.kind))
                        .next("Use the version of this program that the server has.")
                })?,
            })
        };
        wires.into_iter().map(record).collect()
    }

    /// Canonical diffs of a revision.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn diffs(&self, id: &WorkflowId, revision: Option<u32>) -> Result<DiffsWire, CliError> {
        let which = revision.map_or_else(String::new, |n| format!("?revision={n}"));
        self.get(&format!("workflows/{id}/diffs{which}")).await
    }

    /// When it was noticed that the issue of a workflow says something else by now.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn issue_changed(&self, id: &WorkflowId) -> Result<Option<Timestamp>, CliError> {
        #[derive(Deserialize)]
        struct Part {
            issue_changed_at: Option<String>,
        }
        let part: Part = self.get(&format!("workflows/{id}")).await?;
        Ok(part
            .issue_changed_at
            .and_then(|text| Timestamp::from_rfc3339(&text)))
    }

    /// What changed between two revisions.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn interdiff(
        &self,
        id: &WorkflowId,
        (from, to): (u32, Option<u32>),
    ) -> Result<InterdiffsWire, CliError> {
        let to = to.map_or_else(String::new, |n| format!("&to={n}"));
        self.get(&format!("workflows/{id}/interdiff?from={from}{to}"))
            .await
    }

    /// Entries in the ledger.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn ledger_size(&self) -> Result<u64, CliError> {
        Ok(self.ledger().await?.size)
    }

    /// All alarms, oldest first.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn alarms(&self) -> Result<Vec<AlarmWire>, CliError> {
        self.get("alarms").await
    }

    /// Records that whoever is signed in has seen to an alarm.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn clear_alarm(&self, number: u64, note: String) -> Result<Vec<AlarmWire>, CliError> {
        let path = format!("alarms/{number}/clear");
        self.read(self.request(Method::POST, &path)?.json(&Note { note }))
            .await
    }

    /// What is frozen.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn frozen(&self) -> Result<Vec<FreezeWire>, CliError> {
        self.get("freezes").await
    }

    /// Freezes, or unfreezes.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn set_frozen(&self, new: NewFreeze, end: bool) -> Result<Vec<FreezeWire>, CliError> {
        if !end {
            return self.read(self.request(Method::POST, "freezes")?.json(&new)).await;
        }
        // A name is looked up here, so that it needs no escaping in a path.
        let id = match &new.repository {
            None => "everything".to_owned(),
            Some(name) => {
                let rows = self.repositories().await?;
                let row = rows.into_iter().find(|r| r.name == *name || r.id == *name);
                let missing =
                    || CliError::refused("unknown-repository", format!("`{name}` is not registered"));
                row.ok_or_else(missing)?.id
            }
        };
        let why = Note { note: new.reason };
        self.read(
            self.request(Method::POST, &format!("freezes/{id}/end"))?
                .json(&why),
        )
        .await
    }

    /// The members.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn roster(&self) -> Result<Roster, CliError> {
        let wires = self.members().await?;
        let member = |wire: MemberWire| {
            Ok(Member {
                id: MemberId::parse(&wire.id).map_err(|e| odd(e.to_string()))?,
                person: wire.person,
                name: wire.name,
                role: parse_role(&wire.role).map_err(|e| odd(e.detail().to_owned()))?,
                active: wire.active,
            })
        };
        let members = wires.into_iter().map(member).collect::<Result<_, CliError>>()?;
        Ok(Roster {
            members,
            keys: std::collections::BTreeMap::new(),
        })
    }

    /// Registered repositories.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn repositories(&self) -> Result<Vec<RepositoryWire>, CliError> {
        self.get("repositories").await
    }

    /// Repositories on GitHub that the server sees.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn find_repositories(&self, words: &str) -> Result<FoundRepositoriesWire, CliError> {
        let words: String = form_urlencoded::byte_serialize(words.as_bytes()).collect();
        self.get(&format!("github/repositories?words={words}")).await
    }

    /// Registers a folder of the server's machine, or a repository on GitHub.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn register(&self, new: &NewRepository) -> Result<RepositoryWire, CliError> {
        self.read(self.request(Method::POST, "repositories")?.json(new))
            .await
    }

    /// Starts a workflow. With the same key the same call gives the same workflow, so it is made again where its answer
    /// got lost.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn submit(&self, new: &NewWorkflow, key: &str) -> Result<Submitted, CliError> {
        let call = || {
            let request = self.request(Method::POST, "workflows")?;
            Ok::<_, CliError>(request.header("idempotency-key", key).json(new))
        };
        match self.read(call()?).await {
            Err(error) if error.code == LOST => self.read(call()?).await,
            answered => answered,
        }
    }

    /// Starts a workflow that takes back what another one landed as.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn revert(&self, id: &WorkflowId) -> Result<Submitted, CliError> {
        let path = format!("workflows/{id}/revert");
        self.read(self.request(Method::POST, &path)?).await
    }

    /// Does something to a workflow in the name of whoever is signed in; comes back when it was judged.
    ///
    /// # Errors
    /// As for every call.
    pub(crate) async fn act(
        &self,
        id: &WorkflowId,
        act: Act,
        attendance: Attendance,
    ) -> Result<(), CliError> {
        let how = match attendance {
            Attendance::Attended => "",
            Attendance::Unattended => "?unattended=true",
        };
        let request = match call(act)? {
            Call::Decide(request, decision) => self
                .request(Method::POST, &format!("requests/{request}/decisions{how}"))?
                .json(&decision),
            Call::Act(act) => self
                .request(Method::POST, &format!("workflows/{id}/acts{how}"))?
                .json(&act),
        };
        self.send(request).await.map(drop)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CliError> {
        self.read(self.request(Method::GET, path)?).await
    }

    fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, CliError> {
        let url = self
            .origin
            .join(&format!("api/v1/{path}"))
            .map_err(|e| odd(format!("the address {path}: {e}")))?;
        let request = self.http.request(method, url);
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, CliError> {
        let response = self.send(request.timeout(ANSWER_MAX)).await?;
        let bytes = body(response).await?;
        serde_json::from_slice(&bytes)
            .map_err(|e| odd(e.to_string()).next("Use the version of this program that the server has."))
    }

    /// An answer that is none of failure.
    async fn send(&self, request: RequestBuilder) -> Result<Response, CliError> {
        let response = request.send().await.map_err(|e| self.unreachable(&e))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let problem = body(response).await?;
        Err(self.refusal(status, serde_json::from_slice(&problem).unwrap_or_default()))
    }

    fn unreachable(&self, error: &reqwest::Error) -> CliError {
        let name = self.name();
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        if error.is_connect() {
            let text = format!("{name} can't be reached: {cause}");
            return CliError::internal("server-unreachable", text)
                .next("Is the address right, and `countersign serve` running there?");
        }
        CliError::internal(LOST, format!("the answer of {name} got lost: {cause}"))
            .next("Nothing is lost at the server. See where it is, then do it again where needed.")
    }

    fn refusal(&self, status: StatusCode, problem: ProblemWire) -> CliError {
        let ProblemWire { code, detail, next } = problem;
        let message = match detail.is_empty() {
            true => format!("{} answers {status}", self.name()),
            false => detail,
        };
        let exit = match status.is_server_error() {
            true => Exit::Internal,
            false => Exit::Refused,
        };
        let sign_in = matches!(code.as_str(), "sign-in-needed" | "sign-in-again");
        let error = CliError {
            code: match code.is_empty() {
                true => "server-refused".to_owned(),
                false => code,
            },
            message,
            next_step: next,
            exit,
        };
        match sign_in || status == StatusCode::UNAUTHORIZED {
            true => error.next(format!("countersign sign-in --server {}", self.name())),
            false => error,
        }
    }
}

/// An answer of which nobody knows what came of it.
const LOST: &str = "answer-lost";

/// What is read of a problem (RFC 9457).
#[derive(Debug, Default, serde::Deserialize)]
struct ProblemWire {
    #[serde(default)]
    code: String,
    #[serde(default)]
    detail: String,
    next: Option<String>,
}

fn odd(what: impl std::fmt::Display) -> CliError {
    CliError::internal("odd-answer", format!("the server's answer can't be read: {what}"))
}

async fn body(mut response: Response) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let lost = |e: reqwest::Error| CliError::internal(LOST, format!("the server's answer broke off: {e}"));
    while let Some(chunk) = response.chunk().await.map_err(lost)? {
        if bytes.len() + chunk.len() > ANSWER_MAX_BYTES {
            return Err(odd(format!("it has more than {ANSWER_MAX_BYTES} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// `https://NAME[:PORT]`, or `http://` to this machine.
fn origin(address: &str) -> Result<Url, CliError> {
    let bad = |why: &str| {
        CliError::usage("bad-server", format!("--server {address}: {why}"))
            .next("Such as: --server https://countersign.example.org, or --server http://127.0.0.1:7171")
    };
    let url = Url::parse(address).map_err(|_| bad("it is no address"))?;
    let host = url.host_str().ok_or_else(|| bad("it names no server"))?;
    if url.path() != "/" || url.query().is_some() || !url.username().is_empty() || url.password().is_some() {
        return Err(bad("only the server is named, without a path, a user or a token"));
    }
    let is_here = host == "localhost"
        || host.ends_with(".localhost")
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|ip| ip.is_loopback());
    match (url.scheme(), is_here) {
        ("https", _) | ("http", true) => Ok(url),
        ("http", false) => Err(bad("decisions and tokens would travel unencrypted; use https")),
        (_other, _) => Err(bad("it has to begin with https://")),
    }
}

/// The id of a repository that a server names.
///
/// # Errors
/// When it is none.
pub(crate) fn repository_id(text: &str) -> Result<RepositoryId, CliError> {
    RepositoryId::try_from(text.to_owned()).map_err(|e| odd(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_unencrypted_only_to_this_machine() {
        for good in [
            "https://countersign.example.org",
            "https://countersign.example.org:8443/",
            "http://127.0.0.1:7171",
            "http://[::1]:7171",
            "http://localhost:7171",
            "http://cs-1a2b3c4d.localhost:7171",
        ] {
            assert!(origin(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "127.0.0.1:7171",
            "http://countersign.example.org",
            "http://10.0.0.1:7171",
            "http://localhost.example.org",
            "https://countersign.example.org/api",
            "https://me:secret@countersign.example.org",
            "ftp://127.0.0.1",
            "file:///etc/passwd",
        ] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
