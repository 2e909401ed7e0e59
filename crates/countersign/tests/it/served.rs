//! The server, over real HTTP, on the real program.

use crate::others::{left_out, schemathesis};
use crate::support::World;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// How long an answer may take in a test.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// `countersign serve` on a free port.
pub(crate) struct Served {
    pub(crate) process: Child,
    /// What programs use, without a scheme.
    pub(crate) address: String,
    /// The host that browsers use.
    pub(crate) host: String,
    pub(crate) code: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Everything up to the connection's end; status 0 where there is no answer.
    pub(crate) fn read(stream: &mut impl Read) -> Self {
        let mut answer = Vec::new();
        let _reset = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).unwrap_or(0);
        let body = if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
            joined(body)
        } else {
            body.to_owned()
        };
        Self {
            status,
            head: head.to_owned(),
            body,
        }
    }

    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.body);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.body))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let line = |l: &&str| l.to_ascii_lowercase().starts_with(&format!("{name}:"));
        self.head.lines().find(line).map(|l| l[name.len() + 1..].trim())
    }
}

impl Served {
    pub(crate) fn start(world: &World, more: &[&str]) -> Self {
        Self::at("127.0.0.1:0", world, more)
    }

    /// With these variables in the environment.
    pub(crate) fn start_in(world: &World, more: &[&str], environment: &[(&'static str, String)]) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_countersign"));
        world.surroundings(&mut program);
        program.envs(environment.iter().cloned());
        Self::begin(program, "127.0.0.1:0", more)
    }

    /// At an address of the caller's choice.
    pub(crate) fn at(address: &str, world: &World, more: &[&str]) -> Self {
        let program = Command::new(env!("CARGO_BIN_EXE_countersign"));
        Self::by(program, address, world, more)
    }

    /// By a program that becomes the server.
    pub(crate) fn by(mut command: Command, address: &str, world: &World, more: &[&str]) -> Self {
        world.surroundings(&mut command);
        Self::begin(command, address, more)
    }

    fn begin(mut command: Command, address: &str, more: &[&str]) -> Self {
        command.args(["serve", "--listen", address, "--json"]).args(more);
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
        let text = |name: &str| said[name].as_str().unwrap().to_owned();
        let bare = |url: String| url.trim_start_matches("http://").to_owned();
        Self {
            process,
            address: bare(text("address")),
            host: bare(text("url")),
            code: text("code"),
        }
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let host = headers
            .iter()
            .find(|(n, _)| *n == "Host")
            .map_or(self.address.as_str(), |(_, v)| v);
        let mut text = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n",
            body.len()
        );
        for (name, value) in headers.iter().filter(|(n, _)| *n != "Host") {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        stream.write_all(format!("{text}\r\n").as_bytes()).unwrap();
        // A body that is too large is answered before all of it is sent, and then nobody reads on.
        let _refused = stream.write_all(body.as_bytes());
        Answer::read(&mut stream)
    }

    pub(crate) fn json(&self, method: &str, path: &str, token: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        self.send(method, path, &headers, &body)
    }

    pub(crate) fn get(&self, path: &str, token: &str) -> Answer {
        self.json("GET", path, token, &Value::Null)
    }

    pub(crate) fn token(&self) -> String {
        let answer = self
            .json("POST", "/api/v1/sessions", "", &json!({"code": self.code}))
            .is(201);
        answer.json()["token"].as_str().unwrap().to_owned()
    }

    /// Starts a workflow from a diff and gives its open request.
    pub(crate) fn waiting(&self, token: &str) -> Value {
        let new = json!({"text": "Say so", "repositories": [{"name": "tollgate"}],
            "diffs": [{"repository": "tollgate", "diff": crate::support::DIFF}]});
        let id = self.json("POST", "/api/v1/workflows", token, &new).is(202).json()["id"].clone();
        self.request_of(token, id.as_str().unwrap())
    }

    pub(crate) fn request_of(&self, token: &str, id: &str) -> Value {
        self.until(|| {
            let all = self
                .get(&format!("/api/v1/requests?workflow={id}"), token)
                .is(200)
                .json();
            all["requests"].as_array().unwrap().first().cloned()
        })
    }

    pub(crate) fn until<T>(&self, look: impl Fn() -> Option<T>) -> T {
        for _ in 0..1_200 {
            if let Some(found) = look() {
                return found;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("nothing came of it");
    }

    pub(crate) fn state(&self, token: &str, id: &str) -> String {
        self.get(&format!("/api/v1/workflows/{id}"), token).is(200).json()["state"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) fn ends(&mut self, signal: &str) -> Option<i32> {
        let pid = self.process.id().to_string();
        assert!(
            Command::new("kill")
                .args([signal, &pid])
                .status()
                .unwrap()
                .success()
        );
        self.process.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// The parts of a chunked body.
fn joined(mut body: &str) -> String {
    let mut whole = String::new();
    while let Some((size, rest)) = body.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap_or(0);
        whole.push_str(&rest[..size.min(rest.len())]);
        if size == 0 || rest.len() < size + 2 {
            break;
        }
        body = &rest[size + 2..];
    }
    whole
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("no `{name}` in {value}"))
}

pub(crate) fn world() -> World {
    let world = World::new();
    world.run(&["repo", "add", "tollgate"]).exits(0);
    world.run(&["repo", "add", "larder"]).exits(0);
    world
}

#[test]
fn a_diff_becomes_a_branch_over_http_and_the_bundle_verifies() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let request = served.waiting(&token);
    let (id, workflow, digest) = (
        text(&request, "id"),
        text(&request, "workflow"),
        text(&request, "digest"),
    );
    let patches = served
        .get(&format!("/api/v1/workflows/{workflow}/patches"), &token)
        .is(200)
        .json();
    let patch = served
        .get(&format!("/api/v1/patches/{}", text(&patches[0], "id")), &token)
        .is(200)
        .json();
    assert_eq!(patch["digest"], request["digest"]);
    assert_eq!(patch["typed"]["files"][0]["hunks"].as_array().unwrap().len(), 1);

    let decisions = format!("/api/v1/requests/{id}/decisions");
    let decided = json!({"decision": "approve", "digest": digest});
    served.json("POST", &decisions, &token, &decided).is(200);
    served.until(|| (served.state(&token, workflow) == "Done").then_some(()));
    let branches = world.git("tollgate", &["branch", "--list", "countersign/*"]);
    assert_eq!(branches.lines().count(), 1, "{branches}");

    let again = served.json("POST", &decisions, &token, &decided).is(409).json();
    assert_eq!(again["code"], "request-not-open");
    let bundle = served
        .get(&format!("/api/v1/workflows/{workflow}/export"), &token)
        .is(200)
        .body;
    world.file("story.json", bundle);
    world.run(&["verify", "story.json"]).exits(0);
    let listed = world.run(&["list", "--json"]).exits(0).json();
    assert_eq!(
        listed["workflows"][0]["state"], "Done",
        "the command line sees the same"
    );
}

#[test]
fn every_command_works_beside_a_running_server() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let submitted = world
        .run(&["submit", "--repo", "tollgate", "--issue", "issue.md", "--json"])
        .exits(0)
        .json();
    let id = text(&submitted, "id");
    served.request_of(&token, id);
    world.run(&["approve", id, "--yes"]).exits(0);
    assert_eq!(served.state(&token, id), "Done");
    world
        .run(&["serve", "--listen", "127.0.0.1:0"])
        .exits(2)
        .says("works in this data folder already");
}

#[test]
fn what_was_not_seen_is_not_approved_and_the_answer_says_what_waits() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let request = served.waiting(&token);
    let decisions = format!("/api/v1/requests/{}/decisions", text(&request, "id"));
    let other = json!({"decision": "approve", "digest": "0".repeat(64)});
    let refused = served.json("POST", &decisions, &token, &other).is(409);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    let refused = refused.json();
    assert_eq!(
        (&refused["code"], &refused["waits"]["digest"]),
        (&json!("digest-mismatch"), &request["digest"])
    );
    assert_eq!(
        served.state(&token, text(&request, "workflow")),
        "AwaitingApproval"
    );

    let changes =
        json!({"decision": "request-changes", "digest": request["digest"], "comment": "not at all"});
    served.json("POST", &decisions, &token, &changes).is(200);
    let stale = json!({"decision": "approve", "digest": request["digest"]});
    served.json("POST", &decisions, &token, &stale).is(409);
}

#[test]
fn a_key_looks_and_starts_and_never_decides() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let made = served
        .json(
            "POST",
            "/api/v1/keys",
            &token,
            &json!({"name": "ci", "scopes": ["submit"]}),
        )
        .is(201)
        .json();
    let key = text(&made, "secret");
    let new = json!({"text": crate::support::ISSUE, "repositories": [{"name": "tollgate"}]});
    let id = served.json("POST", "/api/v1/workflows", key, &new).is(202).json()["id"].clone();
    assert_eq!(
        served.get("/api/v1/workflows", key).is(403).json()["code"],
        "scope-missing"
    );
    let request = served.request_of(&token, id.as_str().unwrap());
    let decisions = format!("/api/v1/requests/{}/decisions", text(&request, "id"));
    let approve = json!({"decision": "approve", "digest": request["digest"]});
    assert_eq!(
        served.json("POST", &decisions, key, &approve).is(403).json()["code"],
        "not-for-keys"
    );
    assert_eq!(
        served
            .json("POST", "/api/v1/keys", key, &json!({}))
            .is(403)
            .json()["code"],
        "not-for-keys"
    );

    let listed = served.get("/api/v1/keys", &token).is(200).body;
    assert!(!listed.contains(key), "a key is shown once: {listed}");
    let public = text(&made, "id");
    served
        .json("DELETE", &format!("/api/v1/keys/{public}"), &token, &Value::Null)
        .is(204);
    served.json("POST", "/api/v1/workflows", key, &new).is(401);
    let forged = format!("csk_{public}_{}", "0".repeat(64));
    served.get("/api/v1/workflows", &forged).is(401);
}

#[test]
fn who_prefers_so_is_answered_before_anybody_judged_and_hears_the_rest_later() {
    let world = world();
    let served = Served::start(&world, &["--role", "api"]);
    let token = served.token();
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Prefer", "wait=9, Respond-Async;why=busy"),
    ];
    let new = json!({"text": crate::support::ISSUE, "repositories": [{"name": "tollgate"}]}).to_string();
    let answer = served.send("POST", "/api/v1/workflows", &headers, &new).is(202);
    let head = answer.head.to_lowercase();
    assert!(head.contains("preference-applied: respond-async\r\n"), "{head}");
    let begun = answer.json();
    assert_eq!(begun["judged"], false);

    let url = text(&begun, "url");
    let waits = served.get(url, &token).is(404).json();
    assert_eq!(waits["code"], "not-judged-yet");
    world.run(&["resume", text(&begun, "id")]).exits(3);
    let there = served.get(url, &token).is(200).json();
    assert_eq!(there["state"], "AwaitingApproval");
}

#[test]
fn the_same_call_twice_is_one_workflow_and_another_call_needs_another_key() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let bearer = format!("Bearer {token}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
        ("Idempotency-Key", "k1"),
    ];
    let new = json!({"text": crate::support::ISSUE, "repositories": [{"name": "tollgate"}]}).to_string();
    let first = served
        .send("POST", "/api/v1/workflows", &headers, &new)
        .is(202)
        .json();
    let second = served
        .send("POST", "/api/v1/workflows", &headers, &new)
        .is(202)
        .json();
    assert_eq!(first["id"], second["id"]);
    let other = json!({"text": "other", "repositories": [{"name": "tollgate"}]}).to_string();
    let refused = served
        .send("POST", "/api/v1/workflows", &headers, &other)
        .is(409)
        .json();
    assert_eq!(refused["code"], "idempotency-key-reused");
    let same = served
        .send("POST", "/api/v1/workflows", &headers[..2], &new)
        .is(409)
        .json();
    assert_eq!(same["code"], "duplicate");
}

#[test]
fn of_many_that_begin_the_same_at_once_one_goes_on() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let new = json!({"text": crate::support::ISSUE, "repositories": [{"name": "tollgate"}]});
    let begin = || served.json("POST", "/api/v1/workflows", &token, &new);
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8).map(|_| scope.spawn(begin)).collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let (begun, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.status == 202);
    for refused in refused {
        assert_eq!(refused.is(409).json()["code"], "duplicate");
    }
    // Those that were let in before the first was seen end at gate 0: the one that began first goes on.
    let mut states: Vec<String> = begun
        .iter()
        .map(|a| {
            let (body, settled) = (a.json(), ["AwaitingApproval", "Declined"]);
            served.until(|| {
                Some(served.state(&token, text(&body, "id"))).filter(|s| settled.contains(&s.as_str()))
            })
        })
        .collect();
    states.sort_unstable();
    assert_eq!(
        states.iter().filter(|s| *s == "AwaitingApproval").count(),
        1,
        "{states:?}"
    );
}

#[test]
fn a_code_works_once_and_only_the_servers_own_page_may_use_a_cookie() {
    let world = world();
    let served = Served::start(&world, &[]);
    let (host, origin) = (served.host.as_str(), format!("http://{}", served.host));
    let form = format!("code={}", served.code);
    let on = |origin: &'static str| [("Host", host), ("Sec-Fetch-Site", origin)];
    served.send("POST", "/sign-in", &on("cross-site"), &form).is(403);
    let signed_in = served.send("POST", "/sign-in", &on("same-origin"), &form).is(303);
    let cookie = signed_in.header("set-cookie").unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    served.send("POST", "/sign-in", &on("same-origin"), &form).is(403);
    let cookie = cookie.split(';').next().unwrap();

    let page = served
        .send("GET", "/", &[("Host", host), ("Cookie", cookie)], "")
        .is(200);
    assert!(page.body.contains("Nothing waits for anybody"), "{}", page.body);
    assert!(
        page.header("content-security-policy")
            .unwrap()
            .starts_with("default-src 'none'")
    );
    let out = |more: (&'static str, &str)| {
        let headers = [("Host", host), ("Cookie", cookie), more];
        served.send("POST", "/sign-out", &headers, "").status
    };
    assert_eq!(out(("Sec-Fetch-Site", "same-site")), 403);
    assert_eq!(out(("Origin", "http://127.0.0.1:1")), 403);
    assert_eq!(out(("X-Nothing", "1")), 403, "no word of where it comes from");
    assert_eq!(out(("Origin", &origin)), 303);
    let gone = served
        .send("GET", "/", &[("Host", host), ("Cookie", cookie)], "")
        .is(303);
    assert_eq!(gone.header("location"), Some("/sign-in"));
}

#[test]
fn it_answers_to_its_own_name_only() {
    let world = world();
    let served = Served::start(&world, &[]);
    let rebound = served
        .send("GET", "/api/v1/workflows", &[("Host", "evil.example")], "")
        .is(421);
    assert_eq!(rebound.json()["code"], "wrong-host");
    let moved = served.send("GET", "/requests/x?y=1", &[], "").is(307);
    assert_eq!(
        moved.header("location").unwrap(),
        format!("http://{}/requests/x?y=1", served.host)
    );
    served.send("GET", "/healthz", &[("Host", "probe")], "").is(200);
    served.get("/api/v1/workflows", "").is(401);
}

#[test]
fn a_person_decides_on_the_plain_page() {
    let world = world();
    let served = Served::start(&world, &[]);
    let host = served.host.clone();
    let form = format!("code={}", served.code);
    let signed_in = served
        .send(
            "POST",
            "/sign-in",
            &[("Host", &host), ("Sec-Fetch-Site", "same-origin")],
            &form,
        )
        .is(303);
    let cookie = signed_in
        .header("set-cookie")
        .unwrap()
        .split(';')
        .next()
        .unwrap()
        .to_owned();
    let page = |path: &str| served.send("GET", path, &[("Host", &host), ("Cookie", &cookie)], "");
    world.file(
        "hidden.diff",
        crate::support::DIFF.replace("w * 2", "w * 2 /* \u{202e}x<script> */"),
    );
    let ran = world
        .run(&["submit", "--repo", "tollgate", "--diff", "hidden.diff", "--json"])
        .exits(0)
        .json();
    let id = text(&ran, "id");
    let shown = served.until(|| {
        let shown = page(&format!("/requests/{id}:rq:1"));
        (shown.status == 200).then_some(shown)
    });
    assert!(shown.body.contains("⟦U+202E⟧x&lt;script&gt;"), "{}", shown.body);
    assert!(!shown.body.contains('\u{202e}') && !shown.body.contains("<script"));
}

#[test]
fn live_events_go_on_after_the_last_one_that_was_seen() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let workflow = text(&served.waiting(&token), "workflow").to_owned();
    let size = served.get("/api/v1/ledger", &token).is(200).json()["size"]
        .as_u64()
        .unwrap();
    let listen = |last: u64| {
        let mut stream = TcpStream::connect(&served.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let text = format!(
            "GET /api/v1/events HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {token}\r\nLast-Event-ID: {last}\r\n\r\n",
            served.address
        );
        stream.write_all(text.as_bytes()).unwrap();
        BufReader::new(stream)
    };
    let ids = |reader: &mut BufReader<TcpStream>, count: usize| -> Vec<u64> {
        let mut found = Vec::new();
        let mut line = String::new();
        while found.len() < count && reader.read_line(&mut line).unwrap() > 0 {
            found.extend(
                line.strip_prefix("id: ")
                    .map(|n| n.trim().parse::<u64>().unwrap()),
            );
            line.clear();
        }
        found
    };
    let mut first = listen(size - 4);
    assert_eq!(ids(&mut first, 3), [size - 3, size - 2, size - 1]);
    world.run(&["cancel", &workflow, "--reason", "enough"]).exits(0);
    let next = ids(&mut first, 1);
    assert_eq!(next, [size], "live, and without a gap");
    drop(first);
    assert_eq!(
        ids(&mut listen(size - 1), 1),
        [size],
        "and again for whoever comes back"
    );
}

#[test]
fn it_ends_in_order_and_a_kill_loses_nothing() {
    let world = world();
    let mut served = Served::start(&world, &[]);
    assert_eq!(served.ends("-TERM"), Some(0));
    let mut served = Served::start(&world, &[]);
    let token = served.token();
    let request = served.waiting(&token);
    served.ends("-KILL");
    let served = Served::start(&world, &[]);
    let decisions = format!("/api/v1/requests/{}/decisions", text(&request, "id"));
    let approve = json!({"decision": "approve", "digest": request["digest"]});
    served.json("POST", &decisions, &token, &approve).is(200);
    served.until(|| (served.state(&token, text(&request, "workflow")) == "Done").then_some(()));
}

#[test]
fn nobody_but_this_machine_is_let_in_unless_a_proxy_encrypts() {
    let world = world();
    world
        .run(&["serve", "--listen", "0.0.0.0:0"])
        .exits(2)
        .says("can be reached from other machines")
        .says("--behind-proxy");
    world
        .run(&[
            "serve",
            "--listen",
            "0.0.0.0:0",
            "--origin",
            "http://x.example",
            "--behind-proxy",
        ])
        .exits(64)
        .says("has to be https://NAME");
}

#[test]
fn what_can_not_be_read_is_a_problem_with_a_code_and_never_an_internal_error() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let bearer = format!("Bearer {token}");
    let json_headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    for (path, body, code) in [
        ("/api/v1/workflows", "{", "bad-body"),
        ("/api/v1/workflows", r#"{"repositories": []}"#, "bad-repositories"),
        (
            "/api/v1/workflows",
            r#"{"repositories": [{"name": "none"}]}"#,
            "unknown-repository",
        ),
        (
            "/api/v1/workflows",
            r#"{"repositories": [{"name": "tollgate"}]}"#,
            "feedback-empty",
        ),
        (
            "/api/v1/workflows/wf_none/acts",
            r#"{"act": "wake"}"#,
            "not-found",
        ),
        (
            "/api/v1/requests/nonsense/decisions",
            r#"{"decision": "retry", "digest": ""}"#,
            "not-found",
        ),
        (
            "/api/v1/repositories",
            r#"{"path": "relative"}"#,
            "path-not-absolute",
        ),
        ("/api/v1/keys", r#"{"name": "", "scopes": ["read"]}"#, "bad-name"),
    ] {
        let answer = served.send("POST", path, &json_headers, body);
        assert!(
            (400..500).contains(&answer.status),
            "{path} {body}: {} {}",
            answer.status,
            answer.body
        );
        assert_eq!(answer.json()["code"], code, "{path} {body}");
    }
    let plain = [("Authorization", bearer.as_str()), ("Content-Type", "text/plain")];
    assert_eq!(
        served
            .send("POST", "/api/v1/workflows", &plain, "{}")
            .is(415)
            .json()["code"],
        "not-json"
    );
    let large = json!({"text": "x".repeat(3 << 20), "repositories": [{"name": "tollgate"}]});
    let large = served.json("POST", "/api/v1/workflows", &token, &large).is(422);
    assert_eq!(large.json()["code"], "feedback-too-large", "it was read");
    let huge = format!(r#"{{"text": "{}", "repositories": []}}"#, "x".repeat(9 << 20));
    served
        .send("POST", "/api/v1/workflows", &json_headers, &huge)
        .is(413);
    for path in [
        "/api/v1/workflows?limit=x",
        "/api/v1/workflows?state=Nothing",
        "/api/v1/workflows?nonsense=1",
    ] {
        served.get(path, &token).is(400);
    }
    served.get("/api/v1/nothing", &token).is(404);
    served
        .json("DELETE", "/api/v1/workflows", &token, &Value::Null)
        .is(405);
}

#[test]
fn whoever_asked_for_a_change_does_not_approve_it_and_whoever_is_removed_is_out() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let ada = served
        .json(
            "POST",
            "/api/v1/members",
            &token,
            &json!({"name": "Ada", "role": "reviewer"}),
        )
        .is(201)
        .json();
    let code = json!({"code": text(&ada, "code")});
    let adas = served.json("POST", "/api/v1/sessions", "", &code).is(201).json()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let refused = served
        .json(
            "POST",
            "/api/v1/members",
            &adas,
            &json!({"name": "Eve", "role": "owner"}),
        )
        .is(403);
    assert_eq!(refused.json()["code"], "role-too-weak");

    let request = served.waiting(&token);
    let decisions = format!("/api/v1/requests/{}/decisions", text(&request, "id"));
    let approve = json!({"decision": "approve", "digest": request["digest"]});
    let own = served.json("POST", &decisions, &token, &approve);
    assert!(
        (400..500).contains(&own.status) && own.body.contains("somebody else"),
        "{} {}",
        own.status,
        own.body
    );
    served.json("POST", &decisions, &adas, &approve).is(200);
    served.until(|| (served.state(&token, text(&request, "workflow")) == "Done").then_some(()));
    let story = world
        .run(&["show", text(&request, "workflow"), "--story"])
        .exits(0);
    assert!(story.out.contains("Ada approved"), "{story}");

    world.run(&["member", "remove", "Ada", "--json"]).exits(0);
    served.get("/api/v1/session", &adas).is(401);
    let me = served.get("/api/v1/session", &token).is(200).json();
    let last = served.json(
        "PATCH",
        &format!("/api/v1/members/{}", text(&me, "member")),
        &token,
        &json!({"active": false}),
    );
    assert_eq!(last.is(422).json()["code"], "last-owner");
    world
        .run(&["member", "change", "Nobody", "--role", "owner"])
        .exits(2);
    world
        .run(&["member", "add", "Bob", "--role", "king"])
        .exits(2)
        .says("is no role");
}

#[test]
fn only_pages_of_named_origins_may_call_with_a_token() {
    let world = world();
    let served = Served::start(&world, &["--cors-origin", "https://front.example"]);
    let ask = |origin: &str| {
        let headers = [
            ("Origin", origin),
            ("Access-Control-Request-Method", "POST"),
            ("Access-Control-Request-Headers", "authorization,content-type"),
        ];
        let answer = served.send("OPTIONS", "/api/v1/workflows", &headers, "");
        answer.header("access-control-allow-origin").map(str::to_owned)
    };
    assert_eq!(
        ask("https://front.example").as_deref(),
        Some("https://front.example")
    );
    assert_eq!(ask("https://evil.example"), None);
    let token = served.token();
    served.waiting(&token);
    let runs = served.get("/api/v1/agent-runs?role=coder", &token).is(200).json();
    assert_eq!(runs["runs"][0]["role"], "coder");
    world
        .run(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--role",
            "api",
            "--cors-origin",
            "*",
        ])
        .exits(64)
        .says("without a path");
}

/// Every endpoint gets what its description allows and what it doesn't: no answer is an internal error, and none is of a
/// status, type or form that the description doesn't know.
#[test]
fn no_call_that_schemathesis_makes_up_gets_an_answer_that_the_description_does_not_know() {
    if left_out() {
        return;
    }
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    let description = format!("http://{}/api/openapi.json", served.address);
    let bearer = format!("Authorization: Bearer {token}");
    // Streams never end, and whoever signs out is nobody afterwards.
    let ran = Command::new(schemathesis())
        .current_dir(world.root.path())
        .args([
            "run",
            &description,
            "--header",
            &bearer,
            "--max-examples",
            "15",
            "--seed",
            "7",
            "--no-color",
        ])
        .args([
            "--checks",
            "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        ])
        .args([
            "--exclude-path",
            "/api/v1/events",
            "--exclude-path",
            "/api/v1/session",
        ])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(
        ran.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert!(
        said.contains("not_a_server_error") || said.contains("generated"),
        "{said}"
    );
    served.get("/readyz", &token).is(200);
}
