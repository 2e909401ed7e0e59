//! A door on this machine for one browser: a page that takes a person to GitHub with the manifest, and the way back with a code.
//!
//! It opens for one name (`127.0.0.1:PORT`, so that no other page can lead here under a name of its own), for one path that only
//! the terminal shows, and for one answer that carries the word of that page. It reads heads of requests and no bodies, and closes
//! by itself.

use crate::error::CliError;
use crate::session::random_hex;
use countersign_forge::github::State;
use rand_core::{OsRng, RngCore as _};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};

/// How long it stays open.
const OPEN_MAX: Duration = Duration::from_secs(600);
/// How long one visitor may take.
const VISIT_MAX: Duration = Duration::from_secs(10);
/// Longest head of a request, in bytes.
const HEAD_MAX_BYTES: usize = 16 << 10;
/// Visitors at a time; browsers open connections ahead.
const VISITORS_MAX: usize = 16;
/// The way back.
const BACK: &str = "/done";
/// What a page may do that leads nowhere.
const CSP: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The door, opened.
pub(super) struct Door {
    listener: TcpListener,
    host: String,
    path: String,
    state: State,
}

impl Door {
    /// On a free port.
    ///
    /// # Errors
    /// When this machine has none, or gives no randomness.
    pub(super) async fn open() -> Result<Self, CliError> {
        let failed =
            |e: std::io::Error| CliError::refused("cannot-listen", format!("can't listen on 127.0.0.1: {e}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let mut random = [0; 32];
        OsRng.try_fill_bytes(&mut random).map_err(|e| {
            CliError::internal("no-randomness", format!("the system gives no randomness: {e}"))
        })?;
        Ok(Self {
            listener,
            host: format!("127.0.0.1:{port}"),
            path: format!("/begin/{}", random_hex()?),
            state: State::new(&random),
        })
    }

    /// What a browser of this machine opens.
    pub(super) fn address(&self) -> String {
        format!("http://{}{}", self.host, self.path)
    }

    /// Where GitHub leads back to.
    pub(super) fn way_back(&self) -> String {
        format!("http://{}{BACK}", self.host)
    }

    /// Lets the browser through to `there`, a page of `server`, and waits for its code.
    ///
    /// # Errors
    /// `app-setup-timed-out`, when nobody comes back in time.
    pub(super) async fn wait(self, server: &str, there: &str, manifest: &str) -> Result<String, CliError> {
        let nonce = random_hex()?;
        let form = format!("{there}?state={}", self.state.word());
        let house = Arc::new(House {
            begin: page_to(&form, manifest, &nonce),
            csp: format!(
                "default-src 'none'; script-src 'nonce-{nonce}'; form-action {server}; base-uri 'none'; \
                 frame-ancestors 'none'"
            ),
            host: self.host,
            path: self.path,
            state: self.state,
            taken: AtomicBool::new(false),
        });
        let listener = self.listener;
        let (tell, mut told) = mpsc::channel(1);
        let seats = Arc::new(Semaphore::new(VISITORS_MAX));
        let serving = async {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    continue;
                };
                // Whoever finds no seat is sent away without a word.
                let Ok(seat) = Arc::clone(&seats).try_acquire_owned() else {
                    continue;
                };
                let (house, tell) = (Arc::clone(&house), tell.clone());
                tokio::spawn(async move {
                    let visited = tokio::time::timeout(VISIT_MAX, house.visit(stream)).await;
                    if let Ok(Some(code)) = visited {
                        let _full = tell.send(code).await;
                    }
                    drop(seat);
                });
            }
        };
        let ended = tokio::select! {
            code = told.recv() => code,
            () = serving => None,
            () = tokio::time::sleep(OPEN_MAX) => None,
        };
        ended.ok_or_else(|| {
            CliError::refused(
                "app-setup-timed-out",
                "nobody came back from GitHub within 10 minutes",
            )
            .next(
                "Begin anew. If the App was made, its code is in the address that GitHub led to: \
                 countersign github setup --code -",
            )
        })
    }
}

/// What visitors find.
struct House {
    host: String,
    path: String,
    state: State,
    begin: String,
    csp: String,
    taken: AtomicBool,
}

/// What one gets.
struct Answer {
    status: &'static str,
    csp: String,
    referrer: &'static str,
    body: String,
    code: Option<String>,
}

fn plain(status: &'static str, words: &str) -> Answer {
    Answer {
        status,
        csp: CSP.to_owned(),
        referrer: "no-referrer",
        body: document("", &format!("<p>{words}</p>")),
        code: None,
    }
}

impl House {
    /// One request and its answer; the code, if that is what it brought.
    async fn visit(&self, mut stream: TcpStream) -> Option<String> {
        let answer = match head(&mut stream).await {
            Some(head) => self.answer(&head),
            None => plain("431 Request Header Fields Too Large", "That is too long."),
        };
        let text = format!(
            "HTTP/1.1 {}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\n\
             Content-Security-Policy: {}\r\nReferrer-Policy: {}\r\nX-Content-Type-Options: nosniff\r\n\
             Cache-Control: no-store\r\nConnection: close\r\n\r\n{}",
            answer.status,
            answer.body.len(),
            answer.csp,
            answer.referrer,
            answer.body
        );
        let _gone = stream.write_all(text.as_bytes()).await;
        let _gone = stream.shutdown().await;
        answer.code
    }

    fn answer(&self, head: &str) -> Answer {
        let mut lines = head.split("\r\n");
        let mut words = lines.next().unwrap_or_default().split(' ');
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let mut hosts = lines
            .filter_map(|line| line.split_once(':'))
            .filter(|(name, _)| name.eq_ignore_ascii_case("host"))
            .map(|(_, value)| value.trim());
        if (hosts.next(), hosts.next()) != (Some(self.host.as_str()), None) {
            return plain("421 Misdirected Request", "This is reached under another name.");
        }
        if method != "GET" {
            return plain("405 Method Not Allowed", "This is only looked at.");
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        match path {
            BACK => self.back(query),
            path if path == self.path => Answer {
                status: "200 OK",
                csp: self.csp.clone(),
                // Which page of ours it was is nobody's to know.
                referrer: "origin",
                body: self.begin.clone(),
                code: None,
            },
            _other => plain("404 Not Found", "There is nothing here."),
        }
    }

    /// The first that comes back with our word has the code.
    fn back(&self, query: &str) -> Answer {
        let field = |wanted: &str| {
            let mut fields = form_urlencoded::parse(query.as_bytes());
            fields
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.into_owned())
        };
        if !field("state").is_some_and(|state| self.state.is(&state)) {
            let words = "This did not begin at the page of this set-up, and changes nothing.";
            return plain("403 Forbidden", words);
        }
        let Some(code) = field("code") else {
            return plain("400 Bad Request", "GitHub sent no code. Begin anew.");
        };
        if self.taken.swap(true, Ordering::AcqRel) {
            return plain(
                "409 Conflict",
                "This has been taken already. Go back to the terminal.",
            );
        }
        let words = "Countersign has what it needs. Close this, and go back to the terminal.";
        Answer {
            code: Some(code),
            ..plain("200 OK", words)
        }
    }
}

/// The head of a request without its empty line; `None`, where it is too long or breaks off.
async fn head(stream: &mut TcpStream) -> Option<String> {
    let (mut read, mut chunk) = (Vec::new(), [0; 2048]);
    loop {
        let count = stream.read(&mut chunk).await.ok().filter(|count| *count > 0)?;
        read.extend_from_slice(&chunk[..count]);
        if let Some(end) = read.windows(4).position(|w| w == b"\r\n\r\n") {
            return String::from_utf8(read[..end].to_vec()).ok();
        }
        if read.len() > HEAD_MAX_BYTES {
            return None;
        }
    }
}

/// A page that goes on by itself, and by its button where scripts are off.
fn page_to(form: &str, manifest: &str, nonce: &str) -> String {
    let (form, manifest) = (escaped(form), escaped(manifest));
    document(
        &format!(
            "<script nonce=\"{nonce}\" defer>addEventListener(\"load\", () => document.forms[0].submit())</script>"
        ),
        &format!(
            "<form method=\"post\" action=\"{form}\"><input type=\"hidden\" name=\"manifest\" value=\"{manifest}\">\
             <p>On to GitHub, where you decide whether the App is made.</p><button>Go on</button></form>"
        ),
    )
}

fn document(head: &str, body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Countersign</title>{head}</head>\
         <body>{body}</body></html>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
