//! The server in a hostile network: whatever is sent, it answers others, says plainly what it refuses, and never breaks.

use crate::served::{Answer, PATIENCE, Served, text, world};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::time::Duration;

/// Streams that the server keeps at a time, as docs/server.md says.
const STREAMS_MAX: usize = 10_000;
/// Streams that it keeps for one caller.
const STREAMS_OF_ONE_MAX: usize = 500;
/// Calls that one caller may make at once; a little less, for what it asks beside.
const CALLS_AT_ONCE: usize = 380;
/// What an open stream may cost the server in memory, in KiB.
const STREAM_MAX_KIB: u64 = 48;
/// Open files with which a server keeps all of these streams.
const FILES_FOR_ALL: u64 = 14_000;

/// A connection on which nobody waits for ever.
fn connect(served: &Served) -> TcpStream {
    let stream = TcpStream::connect(&served.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends these bytes and reads to the end.
pub(crate) fn throw(served: &Served, bytes: &[u8]) -> Answer {
    let mut stream = connect(served);
    // Refused before all was sent: nobody reads on.
    let _cut = stream.write_all(bytes);
    Answer::read(&mut stream)
}

/// A head with more lines, and the blank one.
pub(crate) fn head(served: &Served, first: &str, more: &str) -> Vec<u8> {
    format!("{first} HTTP/1.1\r\nHost: {}\r\n{more}\r\n", served.address).into_bytes()
}

#[track_caller]
pub(crate) fn is_well(served: &Served) {
    served.get("/readyz", "").is(200);
}

/// It is a refusal with a code and a sentence, and not the server's fault.
#[track_caller]
pub(crate) fn is_problem(answer: &Answer, about: &str) -> String {
    assert!(
        (400..500).contains(&answer.status),
        "{about}: {}\n{}",
        answer.head,
        answer.body
    );
    let kind = answer.header("content-type");
    assert_eq!(kind, Some("application/problem+json"), "{about}: {}", answer.body);
    let problem = answer.json();
    assert!(!text(&problem, "detail").is_empty(), "{about}");
    text(&problem, "code").to_owned()
}

#[test]
fn whoever_drips_a_head_or_a_body_or_says_nothing_is_cut_while_others_are_served() {
    let world = world();
    let served = Served::start(&world, &[]);
    let mut dripping: Vec<TcpStream> = (0..50).map(|_| connect(&served)).collect();
    let silent = connect(&served);
    for stream in &mut dripping {
        stream.write_all(b"GET /readyz HTTP/1.1\r\nX-Slow: ").unwrap();
    }
    let bearer = served.token();
    let more = format!(
        "Authorization: Bearer {bearer}\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n"
    );
    for _ in 0..10 {
        let mut stream = connect(&served);
        stream
            .write_all(&head(&served, "POST /api/v1/workflows", &more))
            .unwrap();
        dripping.push(stream);
    }
    let mut drops = 0;
    while !dripping.is_empty() {
        drops += 1;
        assert!(drops < 400, "{} are still open", dripping.len());
        // A write fails some time after the other side has closed.
        dripping.retain_mut(|stream| stream.write_all(b"x").is_ok());
        is_well(&served);
        std::thread::sleep(Duration::from_millis(250));
    }
    let mut silent = silent;
    let mut said = Vec::new();
    let _reset = silent.read_to_end(&mut said);
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 408"), "{said:?}");
    is_well(&served);
}

#[test]
fn whoever_closes_one_half_gets_an_end_and_keeps_nothing() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let bearer = format!("Authorization: Bearer {token}\r\n");
    for bytes in [
        Vec::new(),
        b"GET /rea".to_vec(),
        head(&served, "GET /readyz", ""),
        head(&served, "GET /api/v1/events", &bearer),
        [
            head(
                &served,
                "POST /api/v1/workflows",
                &format!("{bearer}Content-Length: 100\r\nContent-Type: application/json\r\n"),
            ),
            b"{".to_vec(),
        ]
        .concat(),
    ] {
        let mut stream = connect(&served);
        stream.write_all(&bytes).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let answer = Answer::read(&mut stream);
        assert!(answer.status < 500, "{}", answer.head);
    }
    is_well(&served);
}

#[test]
fn a_body_that_is_too_large_is_refused_with_its_length_or_without() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let common = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    let told = format!("{common}Content-Length: {}\r\n", 9 << 20);
    let answer = throw(&served, &head(&served, "POST /api/v1/workflows", &told));
    assert_eq!(
        (answer.status, is_problem(&answer, "told").as_str()),
        (413, "body-too-large")
    );
    let absurd = format!("{common}Content-Length: 99999999999999999999999\r\n");
    let answer = throw(&served, &head(&served, "POST /api/v1/workflows", &absurd));
    assert_eq!(answer.status, 400, "{}", answer.head);

    let mut chunked = head(
        &served,
        "POST /api/v1/workflows",
        &format!("{common}Transfer-Encoding: chunked\r\n"),
    );
    chunked.extend(b"900000\r\n\"");
    chunked.extend(vec![b'x'; 9 << 20]);
    chunked.extend(b"\r\n0\r\n\r\n");
    let answer = throw(&served, &chunked);
    // Who is cut while sending may lose the answer with the connection.
    if answer.status != 0 {
        assert_eq!(
            (answer.status, is_problem(&answer, "untold").as_str()),
            (413, "body-too-large")
        );
    }
    is_well(&served);
}

#[test]
fn bodies_in_broken_chunks_are_refused_and_nothing_behind_them_is_taken_for_a_call() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let common = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    let hidden = String::from_utf8(head(&served, "DELETE /api/v1/session", &common)).unwrap();
    for (more, body) in [
        ("Transfer-Encoding: chunked\r\n", "ZZ\r\n{}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "-1\r\n{}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n{}\r\n"),
        ("Transfer-Encoding: chunked\r\n", "2\r\n{}X\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\n", "2;x=\n1\r\n{}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: xchunked\r\n", "2\r\n{}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked, identity\r\n", "2\r\n{}\r\n0\r\n\r\n"),
        ("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"),
        ("Content-Length: 2\r\nContent-Length: 200\r\n", "{}"),
        ("Content-Length: +2\r\n", "{}"),
        ("Content-Length: -2\r\n", "{}"),
    ] {
        let mut bytes = head(&served, "POST /api/v1/workflows", &format!("{common}{more}"));
        bytes.extend(body.bytes());
        bytes.extend(hidden.bytes());
        let mut stream = connect(&served);
        let _cut = stream.write_all(&bytes);
        let _half = stream.shutdown(Shutdown::Write);
        let answer = Answer::read(&mut stream);
        assert!(
            answer.status == 0 || (400..500).contains(&answer.status),
            "{more}{body}: {}",
            answer.head
        );
    }
    served.get("/api/v1/session", &token).is(200);
}

#[test]
fn floods_of_headers_and_garbage_behind_a_call_end_the_connection_and_nothing_else() {
    let world = world();
    let served = Served::start(&world, &[]);
    let many = (0..5_000).map(|n| format!("X-{n}: {n}\r\n")).collect::<String>();
    let large = format!("X-Large: {}\r\n", "x".repeat(4 << 20));
    let path = format!("GET /{}", "x".repeat(1 << 20));
    for bytes in [
        head(&served, "GET /readyz", &many),
        head(&served, "GET /readyz", &large),
        head(&served, &path, ""),
        head(&served, "GET /readyz", "Folded: a\r\n b\r\n"),
        head(&served, "GET /readyz", "Bad Name: a\r\n"),
        head(&served, "GET /readyz", "X: \0\r\n"),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
    ] {
        let answer = throw(&served, &bytes);
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        assert!(
            answer.status == 0 || (400..500).contains(&answer.status),
            "{shown}: {}",
            answer.head
        );
        is_well(&served);
    }

    let mut pipelined = head(&served, "GET /healthz", "").repeat(100);
    pipelined.extend(b"\x00\xff garbage \r\n\r\n");
    let mut stream = connect(&served);
    stream.write_all(&pipelined).unwrap();
    let mut said = String::new();
    let _reset = stream.read_to_string(&mut said);
    assert_eq!(
        said.matches("HTTP/1.1 200").count(),
        100,
        "every call before it is answered"
    );
    assert_eq!(
        said.matches("HTTP/1.1 400").count(),
        1,
        "{}",
        &said[said.len() - 200..]
    );
    is_well(&served);
}

#[test]
fn what_the_server_itself_refuses_is_a_problem_as_well() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let is = |answer: &Answer, status: u16, code: &str| {
        assert_eq!((answer.status, is_problem(answer, code).as_str()), (status, code));
    };
    is(
        &served.json("DELETE", "/api/v1/workflows", &token, &Value::Null),
        405,
        "method-not-allowed",
    );
    is(
        &served.json("BREW", "/api/v1/workflows", &token, &Value::Null),
        405,
        "method-not-allowed",
    );
    is(&served.get("/api/v1/nothing", &token), 404, "not-found");
    is(&served.get("/api/v1/workflows/%FF", &token), 400, "bad-path");
}

/// Fields of `/proc/PID/status`, in KiB.
fn memory_kib(served: &Served) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.process.id())).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// An open stream, after the head of its answer.
fn listen(served: &Served, token: &str) -> Result<BufReader<TcpStream>, Answer> {
    let mut stream = connect(served);
    let more = format!("Authorization: Bearer {token}\r\nConnection: close\r\n");
    stream
        .write_all(&head(served, "GET /api/v1/events", &more))
        .unwrap();
    let mut reader = BufReader::with_capacity(512, stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    if !line.starts_with("HTTP/1.1 200") {
        return Err(Answer::read(&mut line.as_bytes().chain(reader)));
    }
    while line != "\r\n" {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    Ok(reader)
}

/// Raises this process's limit of open files as far as it goes; the server does so for itself.
fn as_many_files_as_possible() -> u64 {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    limit.maximum.unwrap_or(u64::MAX)
}

/// Each opens its streams with the keys, a few hundred with each, until one is refused.
fn listen_until_refused(served: &Served, keys: &[String]) -> (Vec<BufReader<TcpStream>>, Answer) {
    let mut open = Vec::new();
    loop {
        match listen(served, &keys[open.len() / CALLS_AT_ONCE]) {
            Ok(stream) => open.push(stream),
            Err(refused) => return (open, refused),
        }
    }
}

#[test]
fn one_caller_does_not_take_the_places_of_all() {
    as_many_files_as_possible();
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let mut open = Vec::new();
    let refused = loop {
        match listen(&served, &token) {
            Ok(stream) => open.push(stream),
            Err(refused) if refused.body.contains("too-many-streams") => break refused,
            // Calls are counted, too.
            Err(busy) => {
                assert_eq!(busy.status, 429, "{}", busy.head);
                std::thread::sleep(Duration::from_millis(50));
            }
        }
        assert!(open.len() <= STREAMS_OF_ONE_MAX);
    };
    assert_eq!((refused.status, open.len()), (429, STREAMS_OF_ONE_MAX));
    let wanted = json!({"name": "another", "scopes": ["read"]});
    let key = served.until(|| {
        let made = served.json("POST", "/api/v1/keys", &token, &wanted);
        (made.status == 201).then(|| text(&made.json(), "secret").to_owned())
    });
    assert!(
        listen(&served, &key).is_ok(),
        "another caller has places of its own"
    );
    open.clear();
    served.until(|| listen(&served, &token).ok());
}

#[test]
fn ten_thousand_listen_and_the_next_one_is_refused_while_everybody_else_is_served() {
    let files = as_many_files_as_possible();
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    is_well(&served);
    let at_rest = memory_kib(&served);
    let key = |n: usize| {
        let wanted = json!({"name": format!("listener {n}"), "scopes": ["read"]});
        let made = served
            .json("POST", "/api/v1/keys", &token, &wanted)
            .is(201)
            .json();
        text(&made, "secret").to_owned()
    };
    let keys: Vec<String> = (0..=STREAMS_MAX / CALLS_AT_ONCE).map(key).collect();

    let (mut open, refused) = listen_until_refused(&served, &keys);
    assert_eq!(refused.status, 429, "{}", refused.head);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert!(refused.body.contains("too-many-streams"), "{}", refused.body);
    if files >= FILES_FOR_ALL {
        assert_eq!(open.len(), STREAMS_MAX);
    }
    let with_all = memory_kib(&served);
    let most = at_rest + STREAM_MAX_KIB * open.len() as u64;
    eprintln!(
        "{at_rest} KiB at rest, {with_all} KiB with {} streams",
        open.len()
    );
    assert!(
        with_all < most,
        "{with_all} KiB, and at rest it was {at_rest} KiB"
    );

    let workflow = served.waiting(&token)["workflow"].clone();
    let entries = format!("/api/v1/ledger/entries?workflow={}", workflow.as_str().unwrap());
    let entries = served.get(&entries, &token).is(200).json();
    for stream in &mut open {
        let mut line = String::new();
        while !line.starts_with("id: ") {
            line.clear();
            assert!(stream.read_line(&mut line).unwrap() > 0, "a listener was dropped");
        }
        assert_eq!(line.trim(), format!("id: {}", entries[0]["index"]));
    }
    drop(open);
    served.until(|| listen(&served, &token).ok());
}

#[test]
fn whoever_is_not_let_in_any_more_hears_nothing_more_and_others_go_on() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let key = |name: &str| {
        let wanted = json!({"name": name, "scopes": ["read"]});
        served
            .json("POST", "/api/v1/keys", &token, &wanted)
            .is(201)
            .json()
    };
    let (taken, kept) = (key("taken back"), key("kept"));
    let secret = |key: &Value| text(key, "secret").to_owned();
    let mut ended: Vec<_> = (0..3)
        .map(|_| listen(&served, &secret(&taken)).ok().unwrap())
        .collect();
    let mut goes_on = listen(&served, &secret(&kept)).ok().unwrap();
    let revoked = format!("/api/v1/keys/{}", text(&taken, "id"));
    served.json("DELETE", &revoked, &token, &Value::Null).is(204);
    for stream in &mut ended {
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(!said.contains("id: "), "{said}");
    }
    served.waiting(&token);
    let mut line = String::new();
    while !line.starts_with("id: ") {
        line.clear();
        assert!(
            goes_on.read_line(&mut line).unwrap() > 0,
            "the other key's stream was ended, too"
        );
    }
}

/// Behind a proxy that forwards addresses.
const BEHIND_PROXY: [&str; 3] = ["--origin", "https://review.example.org", "--behind-proxy"];

/// Many calls on one connection, each as if the proxy had asked for the next one of these addresses; their answers' heads.
fn asked_for(
    served: &Served,
    host: &str,
    call: &str,
    body: &str,
    addresses: &[&str],
    times: usize,
) -> String {
    let one = |n: usize| {
        let last = if n + 1 == times { "close" } else { "keep-alive" };
        let from = addresses[n % addresses.len()];
        let length = body.len();
        format!(
            "{call} HTTP/1.1\r\nHost: {host}\r\nX-Forwarded-For: {from}\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: {last}\r\n\r\n{body}"
        )
    };
    let mut stream = connect(served);
    let mut writing = stream.try_clone().unwrap();
    let sent: String = (0..times).map(one).collect();
    let writer = std::thread::spawn(move || writing.write_all(sent.as_bytes()).unwrap());
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    writer.join().unwrap();
    assert_eq!(said.matches("HTTP/1.1 ").count(), times, "each call is answered");
    said
}

const TOO_MANY: &str = "HTTP/1.1 429";
const WRONG_CODE: &str = r#"{"code": "AAAA-BBBB-CCCC"}"#;

#[test]
fn a_stranger_who_floods_the_server_keeps_nobody_else_from_signing_in_or_asking_if_it_is_well() {
    let world = world();
    let served = Served::start(&world, &BEHIND_PROXY);
    let host = "review.example.org";
    let ask = |call: &str, body: &str, addresses: &[&str], times: usize| {
        asked_for(&served, host, call, body, addresses, times)
    };
    // What others say in front of the address that the proxy adds counts for nothing.
    let stranger = ["203.0.113.7", "198.51.100.1, 203.0.113.7", "203.0.113.7:4711"];
    let flood = ask("GET /docs", "", &stranger, 2_500);
    assert!(flood.contains(TOO_MANY));
    let refused = flood.split(TOO_MANY).nth(1).unwrap().to_ascii_lowercase();
    assert!(refused.contains("retry-after: 1\r\n"), "{refused}");
    let guesses = ask("POST /api/v1/sessions", WRONG_CODE, &stranger, 300);
    assert!(guesses.contains(TOO_MANY) && guesses.contains("application/problem+json"));
    for well in ["GET /healthz", "GET /readyz"] {
        assert!(!ask(well, "", &stranger, 600).contains(TOO_MANY), "{well}");
    }
    // One network of IPv6 is one caller, and its neighbour another one.
    let network = ["2001:db8::1", "2001:db8::2", "[2001:db8:0:0:ffff::3]:4711"];
    assert!(ask("POST /api/v1/sessions", WRONG_CODE, &network, 300).contains(TOO_MANY));
    for other in ["198.51.100.1", "2001:db8:0:1::1", "::ffff:198.51.100.1"] {
        assert!(!ask("GET /docs", "", &[other], 5).contains(TOO_MANY), "{other}");
        assert!(
            !ask("POST /api/v1/sessions", WRONG_CODE, &[other], 5).contains(TOO_MANY),
            "{other}"
        );
    }
    let right = format!(r#"{{"code": "{}"}}"#, served.code);
    let signed_in = ask("POST /api/v1/sessions", &right, &["198.51.100.1"], 1);
    assert!(signed_in.starts_with("HTTP/1.1 201"), "{signed_in}");
}

#[test]
fn without_a_trusted_proxy_nobody_chooses_the_address_that_counts() {
    let world = world();
    let served = Served::start(&world, &[]);
    let many: Vec<String> = (0..200).map(|n| format!("203.0.113.{n}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let guesses = asked_for(
        &served,
        &served.address,
        "POST /api/v1/sessions",
        WRONG_CODE,
        &many,
        200,
    );
    assert!(guesses.contains(TOO_MANY));
}

#[test]
fn open_streams_are_ended_when_the_server_stops_and_hold_nothing_up() {
    let world = world();
    let mut served = Served::start(&world, &[]);
    let token = served.token();
    let mut open: Vec<_> = (0..3).map(|_| listen(&served, &token).ok().unwrap()).collect();
    assert_eq!(served.ends("-TERM"), Some(0));
    for stream in &mut open {
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        // The last chunk: it was ended and not cut (RFC 9112, section 7.1).
        assert!(said.ends_with("0\r\n\r\n"), "{said:?}");
    }
}

#[test]
fn connections_never_take_the_files_that_work_needs() {
    let world = world();
    let mut limited = Command::new("sh");
    limited.args([
        "-c",
        "ulimit -n 128; exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_countersign"),
    ]);
    let served = Served::by(limited, "127.0.0.1:0", &world, &[]);
    let token = served.token();
    let bearer = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    let mut mine = connect(&served);
    mine.write_all(&head(&served, "GET /api/v1/events", &bearer))
        .unwrap();
    let mut said = BufReader::new(mine.try_clone().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.starts_with("HTTP/1.1 200"), "{line}");
    // More than it may ever have open; those that it can't take wait, and are cut when they say nothing.
    let idle: Vec<TcpStream> = (0..150).map(|_| connect(&served)).collect();
    let submitted = world
        .run(&["submit", "--repo", "tollgate", "--diff", "fix.diff", "--json"])
        .exits(0)
        .json();
    let id = text(&submitted, "id").to_owned();
    // It opens mirrors, runs git and writes the database.
    served.until(|| {
        let shown = world.run(&["show", &id, "--json"]);
        shown.out.contains("AwaitingApproval").then_some(())
    });
    while !line.starts_with("id: ") {
        line.clear();
        assert!(said.read_line(&mut line).unwrap() > 0, "the stream was ended");
    }
    drop(idle);
    is_well(&served);
}
