//! Notices, from the real program to a real mail server and to a receiver of webhooks.

use crate::others::{left_out, notice_tools};
use crate::served::{Served, world};
use crate::support::World;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

/// Words of an issue: they are never told.
const CANARY: &str = "canary-in-the-issue";
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// One call of a webhook.
#[derive(Clone)]
struct Call {
    head: String,
    body: String,
}

impl Call {
    fn header(&self, name: &str) -> Option<String> {
        let line = |l: &&str| l.to_ascii_lowercase().starts_with(&format!("{name}:"));
        let found = self.head.lines().find(line)?;
        Some(found[name.len() + 1..].trim().to_owned())
    }

    fn id(&self) -> String {
        self.header("webhook-id").unwrap()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// Receives webhooks and answers with these numbers, then with 200.
struct Receiver {
    port: u16,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Receiver {
    fn answering(numbers: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let (kept, mut numbers) = (Arc::clone(&calls), VecDeque::from(numbers.to_vec()));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut head = String::new();
                while reader.read_line(&mut head).unwrap() > 2 {}
                let mut call = Call {
                    head,
                    body: String::new(),
                };
                let length = call.header("content-length").unwrap().parse().unwrap();
                let mut body = vec![0; length];
                reader.read_exact(&mut body).unwrap();
                call.body = String::from_utf8(body).unwrap();
                kept.lock().unwrap().push(call);
                let number = numbers.pop_front().unwrap_or(200);
                // 0: not a word.
                if number != 0 {
                    let answer =
                        format!("HTTP/1.1 {number} x\r\nContent-Length: 0\r\nLocation: /elsewhere\r\n\r\n");
                    stream.write_all(answer.as_bytes()).unwrap();
                }
            }
        });
        Self { port, calls }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hooks/TOP-SECRET-PATH", self.port)
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    fn signed(&self) -> Vec<(&'static str, String)> {
        vec![
            ("COUNTERSIGN_WEBHOOK_URL", self.url()),
            ("COUNTERSIGN_WEBHOOK_SECRET", SECRET.to_owned()),
        ]
    }

    fn slack(&self) -> Vec<(&'static str, String)> {
        vec![
            ("COUNTERSIGN_WEBHOOK_URL", self.url()),
            ("COUNTERSIGN_WEBHOOK_FORM", "slack".to_owned()),
        ]
    }
}

/// A server in Python that prints its port, and its folder with `root.pem`.
struct Tool {
    process: Child,
    folder: PathBuf,
    port: u16,
}

impl Tool {
    fn start(world: &World, script: &str, more: &[&str]) -> Self {
        let folder = world.path(script);
        std::fs::create_dir_all(&folder).unwrap();
        let others = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/others");
        let mut process = Command::new(notice_tools())
            .arg(format!("{others}/{script}.py"))
            .arg(&folder)
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let port = line.trim().parse().unwrap();
        Self {
            process,
            folder,
            port,
        }
    }

    fn root(&self) -> String {
        self.folder.join("root.pem").display().to_string()
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

/// `aiosmtpd` with STARTTLS, or TLS from the first byte, and login.
struct MailServer {
    tool: Tool,
    scheme: &'static str,
}

impl MailServer {
    fn start(world: &World) -> Self {
        let (tool, scheme) = (Tool::start(world, "smtp", &[]), "smtp");
        Self { tool, scheme }
    }

    fn with_tls_at_once(world: &World) -> Self {
        let (tool, scheme) = (Tool::start(world, "smtp", &["at-once"]), "smtps");
        Self { tool, scheme }
    }

    /// With a certificate that only an authority may have.
    fn with_an_authoritys_certificate(world: &World) -> Self {
        let (tool, scheme) = (Tool::start(world, "smtp", &["as-authority"]), "smtps");
        Self { tool, scheme }
    }

    fn is_to(&self, mode: &str) {
        std::fs::write(self.tool.folder.join("mode"), mode).unwrap();
    }

    fn settings(&self, password: &str) -> Vec<(&'static str, String)> {
        vec![
            (
                "COUNTERSIGN_MAIL_SERVER",
                format!("{}://127.0.0.1:{}", self.scheme, self.tool.port),
            ),
            ("SMTP_USER", "cs".to_owned()),
            ("SMTP_PASSWORD", password.to_owned()),
            ("COUNTERSIGN_MAIL_FROM", "cs@example.org".to_owned()),
            ("TARGET_EMAIL", "ada.lovelace@example.org".to_owned()),
            ("COUNTERSIGN_MAIL_ROOT", self.tool.root()),
        ]
    }

    /// Everything that the server has taken or was about to take, in order.
    fn mails(&self) -> Vec<String> {
        let mail = |n: usize| std::fs::read_to_string(self.tool.folder.join(format!("{n}.eml"))).ok();
        (1..).map_while(mail).collect()
    }
}

/// A workflow from a diff whose issue has the canary; its id once somebody is asked.
fn asks(served: &Served, token: &str, n: u32) -> Value {
    let text = format!("# {CANARY} {n}\n\nSay so, {CANARY}.");
    let new = json!({"text": text, "repositories": [{"name": "tollgate"}],
        "diffs": [{"repository": "tollgate", "diff": crate::support::DIFF}]});
    let id = served
        .json("POST", "/api/v1/workflows", token, &new)
        .is(202)
        .json()["id"]
        .clone();
    served.request_of(token, id.as_str().unwrap())
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap()
}

/// The notices as the program lists them, newest first.
fn listed(world: &World) -> Vec<Value> {
    let listed = world.run(&["notices", "--json"]).exits(0).json();
    listed.as_array().unwrap().clone()
}

fn standing(world: &World, workflow: &str, template: &str) -> Option<Value> {
    let is_it = |n: &Value| n["workflow"] == workflow && n["template"] == template;
    listed(world).into_iter().find(is_it)
}

/// The standard's own library has a look at the signature.
fn is_authentic(call: &Call) {
    let program = "import json, sys\nfrom standardwebhooks import Webhook\n\
        told = json.load(sys.stdin)\nWebhook(told['secret']).verify(told['body'], told['headers'])\n";
    let header = |name: &str| call.header(name).unwrap();
    let told = json!({"secret": SECRET, "body": call.body, "headers": {
        "webhook-id": header("webhook-id"),
        "webhook-timestamp": header("webhook-timestamp"),
        "webhook-signature": header("webhook-signature"),
    }});
    let mut python = Command::new(notice_tools())
        .args(["-c", program])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    python
        .stdin
        .take()
        .unwrap()
        .write_all(told.to_string().as_bytes())
        .unwrap();
    assert!(python.wait().unwrap().success(), "{}", call.head);
}

#[test]
fn a_webhook_is_signed_tried_again_under_the_same_id_and_says_no_word_of_the_issue() {
    let world = world();
    let receiver = Receiver::answering(&[500]);
    let served = Served::start_in(&world, &[], &receiver.signed());
    let token = served.token();
    let request = asks(&served, &token, 1);
    let calls = served.until(|| Some(receiver.calls()).filter(|calls| calls.len() == 2));
    assert_eq!((calls[0].id(), &calls[0].body), (calls[1].id(), &calls[1].body));
    let told = calls[0].json();
    assert_eq!(told["type"], "request.opened");
    assert_eq!(told["data"]["request"], request["id"]);
    assert_eq!(told["data"]["asks"], "patch-set");
    let page = format!("http://{}/requests/{}", served.host, text(&request, "id"));
    assert_eq!(told["data"]["url"], json!(page));

    let decided = json!({"decision": "approve", "digest": request["digest"]});
    let decisions = format!("/api/v1/requests/{}/decisions", text(&request, "id"));
    served.json("POST", &decisions, &token, &decided).is(200);
    let calls = served.until(|| Some(receiver.calls()).filter(|calls| calls.len() == 3));
    let ended = calls[2].json();
    assert_eq!(
        (&ended["type"], &ended["data"]["state"]),
        (&json!("workflow.ended"), &json!("Done"))
    );
    for call in &calls {
        assert!(
            !call.body.contains(CANARY) && !call.head.contains(CANARY),
            "{}",
            call.body
        );
        assert!(call.header("webhook-signature").unwrap().starts_with("v1,"));
    }
    let workflow = text(&request, "workflow");
    let first = served
        .until(|| standing(&world, workflow, "request-opened").filter(|n| n["standing"] == "delivered"));
    assert_eq!(
        (&first["attempts"], &first["id"]),
        (&json!(2), &json!(calls[0].id()))
    );
    let over_http = served.get("/api/v1/notices", &token).is(200).body;
    let at_the_terminal = world.run(&["notices"]).exits(0).to_string();
    for shown in [over_http, at_the_terminal, format!("{:?}", listed(&world))] {
        assert!(
            shown.contains("http://127.0.0.1/…") && !shown.contains("TOP-SECRET"),
            "{shown}"
        );
    }
    let page = |query: &str| {
        let path = format!("/api/v1/notices?limit=1{query}");
        served.get(&path, &token).is(200).json()
    };
    let newest = page("");
    let older = page(&format!("&cursor={}", text(&newest, "next")));
    let templates = [&newest, &older].map(|page| text(&page["notices"][0], "template").to_owned());
    assert_eq!(templates, ["workflow-ended", "request-opened"]);
    assert_eq!(older["next"], Value::Null, "the last page: {older}");
    let ledger = world.run(&["ledger", "show", "--json"]).exits(0).out;
    assert!(ledger.contains("notice.ended"), "what left is a fact: {ledger}");
}

#[test]
fn the_standards_own_library_finds_the_signature_right() {
    if left_out() {
        return;
    }
    let world = world();
    let receiver = Receiver::answering(&[]);
    let mut command = world.command(&["notices", "test"]);
    command.env("COUNTERSIGN_ORIGIN", "https://review.example.org");
    let ran = command.envs(receiver.signed()).output().unwrap();
    crate::support::ran(&ran).exits(0).says("delivered");
    let calls = receiver.calls();
    is_authentic(&calls[0]);
    let data = &calls[0].json()["data"];
    assert_eq!(data["url"], "https://review.example.org/");
}

#[test]
fn slack_gets_its_own_form_and_nothing_that_may_have_arrived_again() {
    let world = world();
    let receiver = Receiver::answering(&[0]);
    let served = Served::start_in(&world, &[], &receiver.slack());
    let token = served.token();
    let first = asks(&served, &token, 1);
    let unknown = served.until(|| {
        standing(&world, text(&first, "workflow"), "request-opened").filter(|n| n["standing"] == "unknown")
    });
    assert_eq!(unknown["code"], "webhook-outcome-unknown");
    let second = asks(&served, &token, 2);
    let calls = served.until(|| Some(receiver.calls()).filter(|calls| calls.len() == 2));
    let (body, id) = (calls[1].json(), text(&second, "id"));
    assert!(
        text(&body, "text").starts_with("[Countersign] A patch set of "),
        "{body}"
    );
    let blocks = body["blocks"].as_array().unwrap();
    assert!(
        blocks
            .iter()
            .all(|b| b["type"] == "section" && b["text"]["type"] == "mrkdwn")
    );
    assert!(
        blocks[1]
            .to_string()
            .contains(&format!("/requests/{id}|Look at it")),
        "{body}"
    );
    assert!(!calls.iter().any(|c| c.body.contains(CANARY)));
    assert_eq!(calls[1].header("webhook-signature"), None);
}

#[test]
fn a_redirect_is_not_followed_and_a_receiver_that_is_gone_is_said_masked() {
    let world = world();
    let receiver = Receiver::answering(&[302]);
    let mut command = world.command(&["notices", "test"]);
    let ran = command.envs(receiver.signed()).output().unwrap();
    let ran = crate::support::ran(&ran)
        .exits(2)
        .says("redirects are not followed");
    assert!(
        !ran.to_string().contains("TOP-SECRET") && receiver.calls().len() == 1,
        "{ran}"
    );
    // Nobody listens on the port of the discard protocol here.
    let mut command = world.command(&["notices", "test"]);
    command
        .env("COUNTERSIGN_WEBHOOK_URL", "http://127.0.0.1:9/TOP-SECRET")
        .env("COUNTERSIGN_WEBHOOK_FORM", "slack");
    let ran = crate::support::ran(&command.output().unwrap())
        .exits(2)
        .says("can't be reached");
    assert!(!ran.to_string().contains("TOP-SECRET"), "{ran}");
}

#[test]
fn where_nothing_is_set_nothing_leaves_and_an_old_folder_begins_at_the_present() {
    let world = world();
    let served = Served::start(&world, &[]);
    let token = served.token();
    asks(&served, &token, 1);
    assert_eq!(listed(&world), Vec::<Value>::new());
    world.run(&["doctor"]).exits(0).says("nothing leaves");
    world
        .run(&["notices", "test"])
        .exits(2)
        .says("nowhere to send a test to");
    drop(served);

    let receiver = Receiver::answering(&[]);
    let served = Served::start_in(&world, &[], &receiver.signed());
    let token = served.token();
    let second = asks(&served, &token, 2);
    let calls = served.until(|| Some(receiver.calls()).filter(|calls| !calls.is_empty()));
    assert_eq!(calls[0].json()["data"]["request"], second["id"]);
    assert_eq!(calls.len(), 1);
}

#[test]
fn half_of_the_settings_are_refused_before_anything_runs() {
    let world = world();
    let served = |name: &str, value: &str| {
        let mut command = world.command(&["serve", "--listen", "127.0.0.1:0"]);
        crate::support::ran(&command.env(name, value).output().unwrap()).exits(2)
    };
    served("COUNTERSIGN_MAIL_SERVER", "smtp://mail.example.org").says("mail.from is not");
    served("COUNTERSIGN_WEBHOOK_URL", "https://example.org/hook").says("webhooks.secret is not");
    let mut command = world.command(&["doctor"]);
    let ran = command.env("TARGET_EMAIL", "ada@example.org").output().unwrap();
    crate::support::ran(&ran).says("so no mail is sent");
}

#[test]
fn a_mail_arrives_over_starttls_and_login_with_a_link_that_decides_nothing() {
    if left_out() {
        return;
    }
    let world = world();
    let mail = MailServer::start(&world);
    let served = Served::start_in(&world, &[], &mail.settings("right"));
    let token = served.token();
    let request = asks(&served, &token, 1);
    let mails = served.until(|| Some(mail.mails()).filter(|mails| !mails.is_empty()));
    let said = &mails[0];
    assert!(said.contains("Subject: [Countersign] A patch set of "), "{said}");
    assert!(
        said.contains("Auto-Submitted: auto-generated") && !said.contains(CANARY),
        "{said}"
    );
    let path = format!("/requests/{}", text(&request, "id"));
    assert!(said.contains(&format!("http://{}{path}", served.host)), "{said}");

    // A scanner of mail follows every link, and nobody is signed in.
    served
        .send("GET", &path, &[("Host", served.host.as_str())], "")
        .is(303);
    let workflow = text(&request, "workflow");
    assert_eq!(served.state(&token, workflow), "AwaitingApproval");
    let row = served
        .until(|| standing(&world, workflow, "request-opened").filter(|n| n["standing"] == "delivered"));
    assert_eq!(
        (text(&row, "place"), &row["attempts"]),
        ("a…@example.org", &json!(1))
    );
}

#[test]
fn a_wrong_password_is_said_and_not_shown() {
    if left_out() {
        return;
    }
    let world = world();
    let mail = MailServer::start(&world);
    let test = |password: &str| {
        let mut command = world.command(&["notices", "test"]);
        crate::support::ran(&command.envs(mail.settings(password)).output().unwrap())
    };
    let refused = test("wrong-hunter22").exits(2).says("refused user and password");
    assert!(!refused.to_string().contains("wrong-hunter22"), "{refused}");
    assert_eq!(mail.mails().len(), 0);
    test("right").exits(0).says("delivered");
    assert!(mail.mails()[0].contains("Subject: [Countersign] A test"));
    let mut command = world.command(&["notices", "test"]);
    let without_root = mail
        .settings("right")
        .into_iter()
        .filter(|(n, _)| *n != "COUNTERSIGN_MAIL_ROOT");
    let ran = crate::support::ran(&command.envs(without_root).output().unwrap()).exits(2);
    ran.says("no encryption with");
}

#[test]
fn mail_and_webhooks_go_over_tls_that_is_checked_from_the_first_byte() {
    if left_out() {
        return;
    }
    let world = world();
    let test = |settings: &[(&'static str, String)]| {
        let mut command = world.command(&["notices", "test"]);
        crate::support::ran(&command.envs(settings.iter().cloned()).output().unwrap())
    };
    let mail = MailServer::with_tls_at_once(&world);
    test(&mail.settings("right")).exits(0).says("delivered");
    assert_eq!(mail.mails().len(), 1);

    let receiver = Tool::start(&world, "https", &[]);
    let url = format!("https://127.0.0.1:{}/TOP-SECRET", receiver.port);
    let mut settings = vec![
        ("COUNTERSIGN_WEBHOOK_URL", url),
        ("COUNTERSIGN_WEBHOOK_SECRET", SECRET.to_owned()),
    ];
    let refused = test(&settings).exits(2).says("certificate");
    assert!(!refused.to_string().contains("TOP-SECRET"), "{refused}");
    assert!(!receiver.folder.join("1.json").exists());
    settings.push(("SSL_CERT_FILE", receiver.root()));
    test(&settings).exits(0).says("delivered");
    assert!(receiver.folder.join("1.json").exists());
}

#[test]
fn a_mail_server_that_shows_its_authoritys_certificate_is_refused_in_plain_words() {
    if left_out() {
        return;
    }
    let world = world();
    let mail = MailServer::with_an_authoritys_certificate(&world);
    let mut command = world.command(&["notices", "test"]);
    command.envs(mail.settings("right"));
    let ran = crate::support::ran(&command.output().unwrap()).exits(2);
    let ran = ran.says("its certificate is a certificate authority's own (CA:TRUE)");
    assert!(!ran.to_string().contains("CaUsedAsEndEntity"), "{ran}");
}

#[test]
fn a_mail_that_the_server_has_no_time_for_is_sent_once_more_later() {
    if left_out() {
        return;
    }
    let world = world();
    let mail = MailServer::start(&world);
    mail.is_to("busy");
    let served = Served::start_in(&world, &[], &mail.settings("right"));
    let token = served.token();
    let request = asks(&served, &token, 1);
    served.until(|| (mail.mails().len() == 1).then_some(()));
    mail.is_to("take");
    let row = served.until(|| {
        standing(&world, text(&request, "workflow"), "request-opened")
            .filter(|n| n["standing"] == "delivered")
    });
    let tries = row["attempts"].as_u64().unwrap();
    assert!(tries >= 2 && mail.mails().len() as u64 == tries, "{row}");
}

/// INV-7: a mail that may have arrived is never sent again by itself, whether the server or we broke off.
#[test]
fn a_mail_whose_outcome_nobody_knows_is_not_repeated_after_a_restart() {
    if left_out() {
        return;
    }
    for (mode, code) in [("drop", "mail-outcome-unknown"), ("hang", "notice-try-lost")] {
        let world = world();
        let mail = MailServer::start(&world);
        mail.is_to(mode);
        let mut served = Served::start_in(&world, &[], &mail.settings("right"));
        let token = served.token();
        let first = asks(&served, &token, 1);
        let workflow = text(&first, "workflow");
        served.until(|| (mail.mails().len() == 1).then_some(()));
        if mode == "drop" {
            served.until(|| {
                standing(&world, workflow, "request-opened").filter(|n| n["standing"] == "unknown")
            });
        }
        served.ends("-KILL");

        mail.is_to("take");
        let served = Served::start_in(&world, &[], &mail.settings("right"));
        let token = served.token();
        let second = asks(&served, &token, 2);
        served.until(|| {
            standing(&world, text(&second, "workflow"), "request-opened")
                .filter(|n| n["standing"] == "delivered")
        });
        let row = standing(&world, workflow, "request-opened").unwrap();
        assert_eq!((text(&row, "standing"), text(&row, "code")), ("unknown", code));
        let about_first = mail.mails().iter().filter(|m| m.contains(workflow)).count();
        assert_eq!((about_first, mail.mails().len()), (1, 2), "{mode}");
    }
}
