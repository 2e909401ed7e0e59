//! The outer end of the way out: a proxy that knows one request, `CONNECT`, and a short list of hosts. It
//! looks names up itself, connects to public addresses only, and reads nothing of what passes.
//!
//! It listens on a socket in the call's private folder, which only that call's fence shows to its command, and
//! ends with the call.

use super::addresses::is_public;
use crate::answer::unavailable;
use crate::text::{short, visible};
use async_trait::async_trait;
use countersign_core::confinement::NetworkHost;
use countersign_ports::agent::AgentError;
use std::fs::{self, Permissions};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

/// Connections of one call at the same time, and in all.
const OPEN_MAX: usize = 16;
const CONNECTIONS_MAX: usize = 2_000;
/// Largest request head, in bytes.
const HEAD_MAX_BYTES: usize = 8 << 10;
/// How long a request's head, a look-up or a connection may take, each.
const STEP_DEADLINE: Duration = Duration::from_secs(10);
/// How long one connection may last.
const TUNNEL_DEADLINE: Duration = Duration::from_secs(600);
/// Most bytes that one connection carries, each way.
const TUNNEL_MAX_BYTES: u64 = 256 << 20;
/// Most addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// How names of hosts become addresses.
#[async_trait]
pub trait Names: Send + Sync {
    /// The addresses of `host`, with `port` put to each.
    async fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// As every program of the machine does.
pub(super) struct SystemNames;

#[async_trait]
impl Names for SystemNames {
    async fn look_up(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

/// Who may be reached, and how it is found.
pub(super) struct Gatekeeper {
    pub(super) hosts: Vec<NetworkHost>,
    pub(super) names: Arc<dyn Names>,
    /// Which addresses are let through to.
    pub(super) lets_through: fn(IpAddr) -> bool,
}

/// A proxy that runs until this is dropped.
pub(super) struct Proxy {
    socket: PathBuf,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Listens on a new socket in `folder`, which has to be closed to other users.
    ///
    /// # Errors
    /// `Unavailable` when it can't.
    pub(super) fn open(
        folder: &Path,
        hosts: Vec<NetworkHost>,
        names: Arc<dyn Names>,
    ) -> Result<Self, AgentError> {
        let gatekeeper = Gatekeeper {
            hosts,
            names,
            lets_through: is_public,
        };
        Self::kept_by(folder, gatekeeper)
            .map_err(|e| unavailable("agent-network", format!("the way out can't be opened: {e}")))
    }

    fn kept_by(folder: &Path, gatekeeper: Gatekeeper) -> io::Result<Self> {
        let socket = folder.join("way-out");
        // By the open folder: a socket's path has 107 bytes at most (unix(7)), a folder's has no such bound.
        let opened = fs::File::open(folder)?;
        let listener = UnixListener::bind(format!("/proc/self/fd/{}/way-out", opened.as_raw_fd()))?;
        // The command may run as another user; the folder keeps everybody else out.
        fs::set_permissions(&socket, Permissions::from_mode(0o666))?;
        let task = tokio::spawn(serve(listener, Arc::new(gatekeeper)));
        Ok(Self { socket, task })
    }

    /// Where it listens.
    pub(super) fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: UnixListener, gatekeeper: Arc<Gatekeeper>) {
    let room = Arc::new(Semaphore::new(OPEN_MAX));
    // Dropped with this task, and with it every connection.
    let mut open = JoinSet::new();
    for _ in 0..CONNECTIONS_MAX {
        let Ok(place) = room.clone().acquire_owned().await else {
            break;
        };
        let Ok((client, _)) = listener.accept().await else {
            break;
        };
        while open.try_join_next().is_some() {}
        let gatekeeper = gatekeeper.clone();
        open.spawn(async move {
            gatekeeper.attend(client).await;
            drop(place);
        });
    }
    tracing::warn!("an agent opened more than {CONNECTIONS_MAX} connections; no more are let through");
    while open.join_next().await.is_some() {}
}

/// Why a request does not pass: status line, and a sentence for the agent.
struct Refusal(&'static str, String);

impl Gatekeeper {
    async fn attend(&self, mut client: UnixStream) {
        match self.admit(&mut client).await {
            Ok((host, server)) => {
                let answer = b"HTTP/1.1 200 Connection established\r\n\r\n";
                if client.write_all(answer).await.is_ok() {
                    let (up, down) = tunnel(client, server).await;
                    tracing::info!(%host, up, down, "an agent's connection ended");
                }
            }
            Err(Refusal(status, why)) => {
                tracing::warn!(status, why, "an agent's connection was refused");
                let body = format!("countersign: {why}\n");
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
                    body.len()
                );
                let _ = client.write_all(answer.as_bytes()).await;
                let _ = client.shutdown().await;
            }
        }
    }

    async fn admit(&self, client: &mut UnixStream) -> Result<(NetworkHost, TcpStream), Refusal> {
        let head = tokio::time::timeout(STEP_DEADLINE, read_head(client))
            .await
            .map_err(|_| Refusal("408 Request Timeout", "the request did not come".to_owned()))??;
        let wanted = wanted(&head)?;
        let known = NetworkHost::parse(&wanted)
            .ok()
            .filter(|host| self.hosts.contains(host));
        let Some(host) = known else {
            let shown = short(&visible(wanted.as_bytes()));
            return Err(forbidden(format!(
                "{shown} is none of the hosts that this agent may reach"
            )));
        };
        let server = self.connect(&host).await?;
        tracing::info!(%host, "an agent was let through");
        Ok((host, server))
    }

    /// To an address that was looked at, never to a name that might mean another one the next time.
    async fn connect(&self, host: &NetworkHost) -> Result<TcpStream, Refusal> {
        let unreachable = |why: String| Refusal("502 Bad Gateway", format!("{host} can't be reached: {why}"));
        let look_up = self.names.look_up(host.host(), host.port());
        let addresses = tokio::time::timeout(STEP_DEADLINE, look_up)
            .await
            .map_err(|_| unreachable("its name is not found in time".to_owned()))?
            .map_err(|e| unreachable(e.to_string()))?;
        let hidden = addresses.iter().find(|a| !(self.lets_through)(a.ip()));
        if let Some(hidden) = hidden {
            let why = format!("{host} leads to {}, which is not a public address", hidden.ip());
            return Err(forbidden(why));
        }
        let mut last = "it has no address".to_owned();
        for address in addresses.into_iter().take(ADDRESSES_MAX) {
            match tokio::time::timeout(STEP_DEADLINE, TcpStream::connect(address)).await {
                Ok(Ok(server)) => return Ok(server),
                Ok(Err(e)) => last = e.to_string(),
                Err(_) => last = "no answer in time".to_owned(),
            }
        }
        Err(unreachable(last))
    }
}

fn forbidden(why: String) -> Refusal {
    Refusal("403 Forbidden", why)
}

/// Everything up to the empty line. Byte by byte: what follows belongs to the tunnel.
async fn read_head(client: &mut (impl AsyncRead + Unpin)) -> Result<Vec<u8>, Refusal> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let byte = client.read_u8().await;
        head.push(byte.map_err(|_| Refusal("400 Bad Request", "the request has no end".to_owned()))?);
        if head.len() > HEAD_MAX_BYTES {
            let why = format!("the request's head has more than {HEAD_MAX_BYTES} bytes");
            return Err(Refusal("431 Request Header Fields Too Large", why));
        }
    }
    Ok(head)
}

/// Host and port of a `CONNECT` (RFC 9110, section 9.3.6). Its header fields mean nothing here.
fn wanted(head: &[u8]) -> Result<String, Refusal> {
    let bad = || Refusal("400 Bad Request", "the request is not one of HTTP".to_owned());
    let text = std::str::from_utf8(head).map_err(|_| bad())?;
    let line = text.split("\r\n").next().ok_or_else(bad)?;
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["CONNECT", wanted, "HTTP/1.1" | "HTTP/1.0"] if wanted.contains(':') => Ok(wanted.to_owned()),
        [_, _, "HTTP/1.1" | "HTTP/1.0"] => Err(Refusal(
            "405 Method Not Allowed",
            "only CONNECT passes here; use https".to_owned(),
        )),
        _ => Err(bad()),
    }
}

/// Carries both ways until both ends, or the limits, are reached. Gives how many bytes passed.
async fn tunnel(client: UnixStream, server: TcpStream) -> (u64, u64) {
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let both = async { tokio::join!(carry(from_client, to_server), carry(from_server, to_client)) };
    tokio::time::timeout(TUNNEL_DEADLINE, both)
        .await
        .unwrap_or_default()
}

async fn carry(from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> u64 {
    let carried = tokio::io::copy(&mut from.take(TUNNEL_MAX_BYTES), &mut to).await;
    let _ = to.shutdown().await;
    carried.unwrap_or_default()
}

#[cfg(test)]
mod tests;
