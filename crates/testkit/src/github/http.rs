//! The smallest HTTP/1.1 server (RFC 9112) that `git` and our client can talk to: one thread and one request per connection.
//! It knows nothing of GitHub. An answer may be withheld: then the connection is cut after the work was done.

use std::collections::BTreeMap;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Largest body that is read, in bytes.
const BODY_MAX_BYTES: usize = 64 << 20;
/// Longest line of a head.
const LINE_MAX_BYTES: u64 = 64 << 10;

/// What came.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    pub(super) method: String,
    /// Without the query, percent-encoding undone.
    pub(super) path: String,
    /// As it came, without `?`.
    pub(super) query: String,
    /// Names in lower case.
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// A field of the query, in which a space may be a `+`.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .filter(|(key, _)| *key == name)
            .map(|(_, value)| unescaped(&value.replace('+', " ")))
            .next()
    }
}

/// What goes back.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

/// Answers every connection until the process ends. `None` cuts the connection.
pub(super) fn serve(
    listener: TcpListener,
    answer: impl Fn(Request) -> Option<Answer> + Send + Sync + 'static,
) {
    let answer = Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = Arc::clone(&answer);
            thread::spawn(move || {
                // Whoever hangs up in the middle has had enough.
                let _cut = exchange(stream, answer.as_ref());
            });
        }
    });
}

fn exchange(mut stream: TcpStream, answer: &dyn Fn(Request) -> Option<Answer>) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut request = head(&mut reader)?;
    if request.header("expect").eq_ignore_ascii_case("100-continue") {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    request.body = body(&mut reader, &request)?;
    let Some(answer) = answer(request) else {
        return Ok(());
    };
    let mut head = format!("HTTP/1.1 {} x\r\n", answer.status);
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!(
        "Connection: close\r\nContent-Length: {}\r\n\r\n",
        answer.body.len()
    ));
    stream.write_all(head.as_bytes())?;
    stream.write_all(&answer.body)
}

fn line(reader: &mut BufReader<TcpStream>) -> io::Result<String> {
    let mut line = String::new();
    reader.by_ref().take(LINE_MAX_BYTES).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}

fn head(reader: &mut BufReader<TcpStream>) -> io::Result<Request> {
    let first = line(reader)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method: method.to_owned(),
        path: unescaped(path),
        query: query.to_owned(),
        ..Request::default()
    };
    loop {
        let field = line(reader)?;
        let Some((name, value)) = field.split_once(':') else {
            return Ok(request);
        };
        request
            .headers
            .insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
}

fn body(reader: &mut BufReader<TcpStream>, request: &Request) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if !request
        .header("transfer-encoding")
        .eq_ignore_ascii_case("chunked")
    {
        let length: usize = request.header("content-length").parse().unwrap_or(0);
        body.resize(length.min(BODY_MAX_BYTES), 0);
        reader.read_exact(&mut body)?;
        return Ok(body);
    }
    loop {
        let size = usize::from_str_radix(line(reader)?.split(';').next().unwrap_or_default(), 16)
            .map_err(io::Error::other)?;
        if size == 0 {
            line(reader)?;
            return Ok(body);
        }
        let at = body.len();
        if at + size > BODY_MAX_BYTES {
            return Err(io::Error::other("the body is too long"));
        }
        body.resize(at + size, 0);
        reader.read_exact(&mut body[at..])?;
        line(reader)?;
    }
}

/// Undoes `%XX`; bytes that are no UTF-8 then are replaced.
pub(super) fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|d| std::str::from_utf8(d).ok());
        match digits.and_then(|d| u8::from_str_radix(d, 16).ok()) {
            Some(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &after[2..];
            }
            Some(_) | None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
