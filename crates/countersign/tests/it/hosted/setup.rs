//! `github setup`, walked through at the model of GitHub, with this test as the browser.

use super::{HELLO, Hosted};
use crate::support::{Ran, ran as ran_of};
use countersign_testkit::github::{Fault, app_key};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

/// What a browser got.
struct Got {
    status: u16,
    head: String,
    body: String,
}

impl Got {
    #[track_caller]
    fn is(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}\n{}", self.head, self.body);
        self
    }

    fn field(&self, name: &str) -> &str {
        let named = |line: &&str| line.to_ascii_lowercase().starts_with(&format!("{name}:"));
        let line = self.head.lines().find(named);
        let (_, value) = line
            .unwrap_or_else(|| panic!("no {name}: {}", self.head))
            .split_once(':')
            .unwrap();
        value.trim()
    }
}

/// Sends a request as it stands, and reads until the other side ends.
fn sent(host: &str, text: &str) -> Got {
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    let (head, body) = all.split_once("\r\n\r\n").unwrap_or((&all, ""));
    let status = head.split(' ').nth(1).and_then(|s| s.parse().ok());
    Got {
        status: status.unwrap_or(0),
        head: head.to_owned(),
        body: body.to_owned(),
    }
}

/// Host and path of an address.
fn parts(address: &str) -> (String, String) {
    let rest = address.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    (host.to_owned(), format!("/{path}"))
}

fn get(address: &str) -> Got {
    let (host, path) = parts(address);
    sent(&host, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
}

/// Between two texts.
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let (_, rest) = text
        .split_once(from)
        .unwrap_or_else(|| panic!("no {from}: {text}"));
    rest.split_once(to).unwrap().0
}

/// The set-up, waiting for a browser.
struct Waiting {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    open: String,
}

impl Waiting {
    fn new(hosted: &Hosted, arguments: &[&str]) -> Self {
        let mut command = hosted.setup(&[arguments, &["--json"]].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let said: Value = serde_json::from_str(&line).unwrap_or_default();
        let open = said["open"].as_str();
        let open = open
            .unwrap_or_else(|| panic!("it does not wait: {line}"))
            .to_owned();
        Self { child, out, open }
    }

    /// Opens the page and its form: where it leads, and the manifest in it.
    fn form(&self) -> (String, Value) {
        let page = get(&self.open).is(200);
        let read = |text: &str| text.replace("&quot;", "\"").replace("&amp;", "&");
        let manifest = read(between(&page.body, "name=\"manifest\" value=\"", "\""));
        let action = read(between(&page.body, "action=\"", "\""));
        (action, serde_json::from_str(&manifest).unwrap())
    }

    /// Sends the form on to GitHub, where somebody says yes: the way back.
    fn says_yes(&self) -> String {
        let (action, manifest) = self.form();
        let (host, path) = parts(&action);
        let manifest = manifest.to_string();
        let bytes = manifest.bytes().map(|b| format!("%{b:02X}"));
        let body = format!("manifest={}", bytes.collect::<String>());
        let text = format!(
            "POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        sent(&host, &text).is(302).field("location").to_owned()
    }

    fn ends(mut self) -> Ran {
        let mut stdout = Vec::new();
        self.out.read_to_end(&mut stdout).unwrap();
        let mut stderr = Vec::new();
        self.child
            .stderr
            .take()
            .unwrap()
            .read_to_end(&mut stderr)
            .unwrap();
        let status = self.child.wait().unwrap();
        ran_of(&Output {
            status,
            stdout,
            stderr,
        })
    }
}

impl Hosted {
    /// Without any settings but where GitHub is, from the environment.
    fn fresh() -> Self {
        let hosted = Self::new();
        std::fs::remove_dir_all(hosted.world.path("data")).unwrap();
        hosted
    }

    fn setup(&self, arguments: &[&str]) -> Command {
        let mut command = self.world.command(&[&["github", "setup"], arguments].concat());
        command
            .env("COUNTERSIGN_GITHUB_BASE_URL", self.github.url())
            .env("COUNTERSIGN_GITHUB_API_URL", self.github.api_url());
        command
    }

    fn sets_up(&self, arguments: &[&str]) -> Ran {
        ran_of(&self.setup(arguments).output().unwrap())
    }
}

fn mode(file: &Path) -> u32 {
    std::fs::metadata(file).unwrap().permissions().mode() & 0o777
}

/// A machine on which the set-up was walked through.
pub(super) fn walked() -> (Hosted, Value) {
    let hosted = Hosted::fresh();
    let waiting = Waiting::new(&hosted, &["--without-webhooks", "--name", "countersigner"]);
    get(&waiting.says_yes()).is(200);
    let ran = waiting.ends().exits(0);
    for kept_quiet in [app_key(), "-secret-of-an-app".to_owned()] {
        assert!(
            !ran.out.contains(&kept_quiet) && !ran.err.contains(&kept_quiet),
            "{ran}"
        );
    }
    let made = ran.json();
    (hosted, made)
}

#[test]
fn an_app_is_made_in_a_browser_and_everything_works_with_it_at_once() {
    let (hosted, made) = walked();
    let (id, key) = (
        made["app_id"].as_u64().unwrap(),
        made["key_file"].as_str().unwrap(),
    );
    assert_eq!(
        (&made["slug"], &made["counts"]),
        (&json!("countersigner"), &json!(true))
    );
    assert_eq!(
        made["install"],
        format!("{}/apps/countersigner/installations/new", hosted.github.url())
    );
    let config = hosted.world.path("data/config.toml");
    assert_eq!(std::fs::read_to_string(key).unwrap(), app_key());
    assert_eq!((mode(Path::new(key)), mode(&config)), (0o600, 0o600));
    let written = std::fs::read_to_string(config).unwrap();
    assert_eq!(
        written,
        format!(
            "[github]\napp_id = {id}\napp_private_key_file = \"keys/github-app-{id}.pem\"\nbase_url = \"{}\"\n\
             api_url = \"{}\"\n",
            hosted.github.url(),
            hosted.github.api_url()
        )
    );
    hosted.github.change(|w| {
        w.tokens.clear();
        w.install(id, &[HELLO])
    });
    let waits = hosted.waiting();
    let typist = hosted.approve(&waits);
    let pull = hosted.pull();
    assert_eq!(pull.author, hosted.github.change(|w| w.apps.apps[&id].account));
    hosted.ci("github-actions", &pull.head_sha, "success");
    typist.leaves().exits(0).says("Done");
    hosted
        .run(&["doctor"])
        .exits(0)
        .says("this is the App countersigner");
    hosted
        .sets_up(&["--without-webhooks"])
        .exits(2)
        .says("github-app-set");
}

#[test]
fn a_server_that_github_can_reach_is_told_of_changes_with_a_secret() {
    let hosted = Hosted::fresh();
    hosted
        .sets_up(&[])
        .exits(64)
        .says("no-origin")
        .says("--without-webhooks");
    let mut command = hosted.setup(&["--manifest", "--with-workflows", "--organization", "octo-org"]);
    command.env("COUNTERSIGN_ORIGIN", "https://countersign.example.org");
    let manifest = ran_of(&command.output().unwrap()).exits(0).json();
    assert_eq!(
        manifest["hook_attributes"],
        json!({"active": true, "url": "https://countersign.example.org/api/v1/webhooks/github"})
    );
    assert_eq!(manifest["url"], "https://countersign.example.org");
    assert_eq!(manifest["public"], false);
    assert_eq!(
        manifest["default_permissions"],
        json!({"actions": "read", "checks": "write", "contents": "write", "issues": "write", "metadata": "read",
            "pull_requests": "write", "workflows": "write"})
    );
    assert!(!hosted.world.path("data").exists(), "nothing is made for it");
}

/// Somebody without a browser carries manifest and code over by hand.
#[test]
fn a_code_that_was_carried_over_is_exchanged_once_and_settings_that_are_there_stay() {
    let hosted = Hosted::new();
    let before = std::fs::read(hosted.world.path("data/config.toml")).unwrap();
    let manifest = hosted
        .sets_up(&["--without-webhooks", "--manifest", "--name", "by-hand"])
        .exits(0)
        .json();
    let made = |manifest: &Value| {
        let body = format!("manifest={}", manifest.to_string().replace('+', "%2B"));
        let (host, _) = parts(&format!("{}/", hosted.github.url()));
        let text = format!(
            "POST /settings/apps/new?state=x HTTP/1.1\r\nHost: {host}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let back = sent(&host, &text).is(302).field("location").to_owned();
        between(&back, "code=", "&").to_owned()
    };
    let code = made(&manifest);
    let ran = hosted.sets_up(&["--code", &code, "--json"]).exits(0).json();
    let (id, file) = (&ran["app_id"], ran["settings_file"].as_str().unwrap());
    assert_eq!(ran["counts"], false);
    let of_an_organisation = ["--without-webhooks", "--manifest", "--organization", "octo-org"];
    let form = format!("{}/organizations/octo-org/settings/apps/new", hosted.github.url());
    let ran = hosted.sets_up(&of_an_organisation).exits(0);
    assert!(ran.err.contains(&form), "where to send it: {ran}");
    ran.json();
    assert_eq!(
        std::fs::read(hosted.world.path("data/config.toml")).unwrap(),
        before
    );
    let lines = std::fs::read_to_string(file).unwrap();
    assert!(lines.contains(&format!("app_id = {id}\n")), "{lines}");
    assert_eq!(mode(Path::new(file)), 0o600);
    hosted
        .sets_up(&["--code", &code])
        .exits(2)
        .says("app-code-used")
        .says("it counts once, and for an hour");
    hosted
        .sets_up(&["--code", "a/../b"])
        .exits(2)
        .says("bad-app-code");
    assert_eq!(
        hosted.github.times("POST", "/conversions"),
        2,
        "none was repeated"
    );
    // With webhooks, the secret goes into the file and nowhere else.
    let mut told = manifest.clone();
    told["hook_attributes"]["active"] = json!(true);
    let mut command = hosted.setup(&["--code", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let typed = format!(" {}\n", made(&told));
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let ran = ran_of(&child.wait_with_output().unwrap()).exits(0);
    assert!(!ran.out.contains("the-webhook-secret"), "{ran}");
    let file = ran.out.lines().find_map(|l| l.trim().strip_prefix("settings"));
    let lines = std::fs::read_to_string(file.unwrap().trim()).unwrap();
    assert!(
        lines.contains("webhook_secret = \"the-webhook-secret-of-an-app\"\n"),
        "{lines}"
    );
}

#[test]
fn an_answer_that_is_lost_is_said_to_be_and_the_code_not_sent_again() {
    let hosted = Hosted::fresh();
    hosted.github.next("POST", "/conversions", Fault::AnswerLost);
    let waiting = Waiting::new(&hosted, &["--without-webhooks"]);
    get(&waiting.says_yes()).is(200);
    waiting
        .ends()
        .exits(2)
        .says("app-made-unknown")
        .says("generate a private key on its page");
    assert_eq!(hosted.github.times("POST", "/conversions"), 1);
    let kept = std::fs::read_dir(hosted.world.path("data/keys")).unwrap();
    assert_eq!(kept.count(), 0, "nothing half is kept");
}

#[test]
fn the_door_opens_for_one_name_one_path_and_one_answer() {
    let hosted = Hosted::fresh();
    let waiting = Waiting::new(&hosted, &["--without-webhooks", "--organization", "octo-org"]);
    let (host, path) = parts(&waiting.open);
    let asked = |method: &str, name: &str, path: &str| {
        sent(
            &host,
            &format!("{method} {path} HTTP/1.1\r\nHost: {name}\r\n\r\n"),
        )
        .status
    };
    let port = host.split_once(':').unwrap().1;
    assert_eq!(
        asked("GET", &format!("localhost:{port}"), &path),
        421,
        "another name"
    );
    assert_eq!(
        asked("GET", "evil.example.org", &path),
        421,
        "a name that leads here"
    );
    assert_eq!(
        asked("GET", &format!("{host}\r\nHost: {host}"), &path),
        421,
        "two names"
    );
    assert_eq!(asked("GET", &host, "/"), 404);
    assert_eq!(asked("GET", &host, "/begin/"), 404);
    assert_eq!(asked("POST", &host, &path), 405);
    let long = "x".repeat(40_000);
    assert_ne!(asked("GET", &host, &format!("/{long}")), 200);
    let page = get(&waiting.open).is(200);
    let policy = page.field("content-security-policy");
    assert!(
        policy.contains("default-src 'none'")
            && policy.contains(&format!("form-action {}", hosted.github.url())),
        "{policy}"
    );
    let nonce = between(policy, "'nonce-", "'");
    assert!(
        page.body.contains(&format!("<script nonce=\"{nonce}\"")),
        "{}",
        page.body
    );
    assert_eq!(page.field("cache-control"), "no-store");
    let (action, manifest) = waiting.form();
    assert!(
        action.contains("/organizations/octo-org/settings/apps/new?state="),
        "{action}"
    );
    assert_eq!(manifest["redirect_url"], format!("http://{host}/done"));
    let back = waiting.says_yes();
    // Neither a stranger's answer nor one without a code ends it.
    assert_eq!(asked("GET", &host, "/done?code=theirs&state=0"), 403);
    assert_eq!(asked("GET", &host, "/done?code=theirs"), 403);
    let (_, ours) = parts(&back);
    let state = ours.split_once("state=").unwrap().1;
    assert_eq!(asked("GET", &host, &format!("/done?state={state}")), 400);
    assert_eq!(hosted.github.times("POST", "/conversions"), 0);
    let done = get(&back).is(200);
    assert_eq!(done.field("referrer-policy"), "no-referrer");
    waiting.ends().exits(0);
    assert_eq!(hosted.github.times("POST", "/conversions"), 1);
}

/// Whoever meets a code finds it on the page about GitHub.
#[test]
fn the_page_on_github_lists_every_code_of_its_commands() {
    let page = include_str!("../../../../../docs/github.md");
    let sources = [
        include_str!("../../../src/commands/github.rs"),
        include_str!("../../../src/commands/github/door.rs"),
        include_str!("../../../src/commands/issues.rs"),
        include_str!("../../../../forge/src/github/mod.rs"),
        include_str!("../../../../forge/src/github/manifest.rs"),
        include_str!("../../../../server/src/api/directory.rs"),
    ];
    // Permits and what a workflow is about are no matter of GitHub's.
    let elsewhere = [
        "other-repository",
        "permit-expired",
        "unknown-repository",
        "one-primary",
        "under-way",
    ];
    let openings = ["refused(", "refuse(", "usage(", "NOT_FOUND, ", "code: ", "=> "];
    let (mut listed, mut missing) = (0, Vec::new());
    for (source, opening) in sources.iter().flat_map(|s| openings.map(|o| (s, o))) {
        for rest in source.split(opening).skip(1) {
            let code = rest
                .trim_start()
                .strip_prefix('"')
                .and_then(|r| r.split('"').next());
            let is_code =
                |c: &&str| c.contains('-') && c.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
            match code.filter(is_code) {
                Some(code) if page.contains(&format!("`{code}`")) => listed += 1,
                Some(code) if !elsewhere.contains(&code) => missing.push(code),
                Some(_) | None => {}
            }
        }
    }
    assert!(missing.is_empty(), "docs/github.md does not list {missing:?}");
    assert!(listed >= 8, "{listed}");
}
