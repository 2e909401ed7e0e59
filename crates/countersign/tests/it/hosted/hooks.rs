//! Webhooks: what GitHub tells by itself, signed or forged, once or often, and in swarms.

use super::{HELLO, Hosted, token};
use crate::others::{left_out, webhook_examples};
use crate::served::{Answer, PATIENCE, Served};
use ring::hmac;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::TcpStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};
use std::time::Duration;

const DOOR: &str = "/api/v1/webhooks/github";
/// In every payload; it must be found nowhere.
pub(super) const CANARY: &str = "canary-of-a-payload";

/// One delivery.
#[derive(Clone)]
pub(super) struct Delivery {
    name: String,
    event: &'static str,
    body: String,
    signature: String,
}

fn secret() -> String {
    token("webhooks")
}

fn signature(secret: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    format!("sha256={}", hex::encode(hmac::sign(&key, body.as_bytes())))
}

impl Delivery {
    fn new(name: &str, event: &'static str, body: &Value) -> Self {
        let body = body.to_string();
        Self {
            name: name.to_owned(),
            event,
            signature: signature(&secret(), &body),
            body,
        }
    }

    /// A check run of our repository.
    fn change(name: &str) -> Self {
        let body = json!({"action": "completed", "repository": {"id": HELLO, "name": CANARY}, "n": name});
        Self::new(name, "check_run", &body)
    }

    pub(super) fn comment(name: &str, number: u64) -> Self {
        let body = json!({"action": "created", "repository": {"id": HELLO},
            "comment": {"id": number, "body": CANARY}});
        Self::new(name, "issue_comment", &body)
    }

    pub(super) fn labelled(name: &str, issue: u64) -> Self {
        Self::issue(name, "labeled", issue)
    }

    pub(super) fn edited(name: &str, issue: u64) -> Self {
        Self::issue(name, "edited", issue)
    }

    fn issue(name: &str, action: &str, issue: u64) -> Self {
        let body = json!({"action": action, "repository": {"id": HELLO},
            "issue": {"number": issue, "title": CANARY}, "label": {"name": CANARY}});
        Self::new(name, "issues", &body)
    }

    /// Signed by somebody who does not know the secret.
    fn forged(self) -> Self {
        let signature = signature("something else", &self.body);
        Self { signature, ..self }
    }

    /// What comes back; status 0 where nothing does.
    fn to(&self, address: &str) -> Answer {
        let head = format!(
            "POST {DOOR} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             X-GitHub-Event: {}\r\nX-GitHub-Delivery: {}\r\nX-Hub-Signature-256: {}\r\nContent-Length: {}\r\n\r\n",
            self.event,
            self.name,
            self.signature,
            self.body.len()
        );
        let sent = TcpStream::connect(address).and_then(|mut stream| {
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.write_all(format!("{head}{}", self.body).as_bytes())?;
            Ok(stream)
        });
        match sent {
            Ok(mut stream) => Answer::read(&mut stream),
            Err(_) => Answer {
                status: 0,
                head: String::new(),
                body: String::new(),
            },
        }
    }

    /// The word that it is answered with.
    #[track_caller]
    pub(super) fn outcome(&self, served: &Served) -> String {
        let answer = self.to(&served.address).is(202).json();
        answer["outcome"].as_str().unwrap().to_owned()
    }
}

impl Hosted {
    /// With its repository registered, and the secret set.
    pub(super) fn told(&self, more: &[&str]) -> Served {
        Served::start_in(&self.world, more, &[("GITHUB_WEBHOOK_SECRET", secret())])
    }

    pub(super) fn registered() -> Self {
        let hosted = Self::new();
        hosted.run(&["repo", "add", "--github", "octo/hello"]).exits(0);
        hosted
    }
}

#[test]
fn a_delivery_is_kept_once_and_none_of_its_words() {
    let hosted = Hosted::registered();
    let mut served = hosted.told(&[]);
    let (change, comment) = (Delivery::change("d-1"), Delivery::comment("d-2", 5));
    let labelled = Delivery::labelled("d-2a", 7);
    for delivery in [&change, &comment, &labelled] {
        assert_eq!(delivery.outcome(&served), "kept");
        assert_eq!(delivery.outcome(&served), "repeated");
    }
    // The same name over other bytes is another delivery; nobody but whoever knows the secret can make one.
    let mut other = Delivery::change("d-3");
    other.name = "d-1".to_owned();
    assert_eq!(other.outcome(&served), "kept");
    let elsewhere = Delivery::new("d-4", "push", &json!({"repository": {"id": HELLO + 1}}));
    assert_eq!(elsewhere.outcome(&served), "not-registered");
    let nothing = Delivery::new("d-5", "star", &json!({"repository": {"id": HELLO}}));
    assert_eq!(nothing.outcome(&served), "nothing-to-do");
    let installed = json!({"action": "created", "installation": {"id": 3}, "repositories": [{"id": HELLO}]});
    for event in ["installation", "installation_repositories"] {
        let delivery = Delivery::new(&format!("d-{event}"), event, &installed);
        assert_eq!(delivery.outcome(&served), "nothing-to-do");
    }
    let metrics = served.get("/metrics", &served.token()).is(200).body;
    for (word, times) in [
        ("kept", 4),
        ("repeated", 3),
        ("not-registered", 1),
        ("nothing-to-do", 3),
    ] {
        let line = format!("countersign_webhook_deliveries_total{{outcome=\"{word}\"}} {times}");
        assert!(metrics.contains(&line), "{line}\n{metrics}");
    }
    assert_eq!(served.ends("-TERM"), Some(0));
    let served = hosted.told(&[]);
    assert_eq!(change.outcome(&served), "repeated", "after a restart, too");
    let mut files = 0;
    for entry in std::fs::read_dir(hosted.world.path("data")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(CANARY.len()).any(|w| w == CANARY.as_bytes());
            assert!(!found, "{}", path.display());
            files += 1;
        }
    }
    assert!(files > 1, "there is a database to look into");
}

#[test]
fn what_is_not_signed_with_the_secret_is_refused() {
    let hosted = Hosted::registered();
    let served = hosted.told(&[]);
    let right = Delivery::change("d-1");
    let mut changed = right.clone();
    changed.body = changed.body.replace("completed", "completes");
    let mut unsigned = right.clone();
    unsigned.signature = String::new();
    for wrong in [right.clone().forged(), changed, unsigned] {
        let problem = wrong.to(&served.address).is(401).json();
        assert_eq!(problem["code"], "hook-signature", "{problem}");
    }
    let odd = Delivery::new("d-2", "push", &json!([1, 2, 3]));
    let problem = odd.to(&served.address).is(422).json();
    assert_eq!(problem["code"], "hook-malformed", "{problem}");
    assert_eq!(right.outcome(&served), "kept", "none of these took its place");
    let deaf = Served::start(&hosted.world, &["--role", "api"]);
    let problem = right.to(&deaf.address).is(404).json();
    assert_eq!(problem["code"], "hooks-not-set-up", "{problem}");
    let next = problem["next"].as_str().unwrap();
    assert!(next.contains("GITHUB_WEBHOOK_SECRET"), "{problem}");
}

/// npm `@octokit/webhooks-examples`: what GitHub really sends, hundreds of payloads of all kinds.
#[test]
fn everything_that_github_sends_can_be_read() {
    if left_out() {
        return;
    }
    let hosted = Hosted::registered();
    let served = hosted.told(&[]);
    let text = std::fs::read_to_string(webhook_examples()).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let mut outcomes: BTreeMap<String, usize> = BTreeMap::new();
    let mut n = 0;
    for kind in all.as_array().unwrap() {
        let event = kind["name"].as_str().unwrap();
        for example in kind["examples"].as_array().unwrap() {
            n += 1;
            let event: &'static str = Box::leak(event.to_owned().into_boxed_str());
            let delivery = Delivery::new(&format!("example-{n}"), event, example);
            *outcomes.entry(delivery.outcome(&served)).or_default() += 1;
            // And the same as if it were about ours.
            let mut ours = example.clone();
            if ours["repository"].is_object() {
                ours["repository"]["id"] = json!(HELLO);
                let delivery = Delivery::new(&format!("ours-{n}"), event, &ours);
                *outcomes.entry(delivery.outcome(&served)).or_default() += 1;
            }
        }
    }
    assert!(n > 100, "{n} examples");
    for outcome in ["kept", "not-registered", "nothing-to-do"] {
        assert!(
            outcomes.get(outcome).is_some_and(|times| *times >= 5),
            "{outcomes:?}"
        );
    }
}

/// Numbers that look random and are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }
}

const DISTINCT: usize = 7_500;
const REPEATS: usize = 2_000;
const FORGED: usize = 500;
const SENDERS: usize = 16;

/// 10,000 deliveries in random order, a fifth of them repeats and a twentieth forged, to two processes over one data folder,
/// one of which is killed in the middle and begins again.
#[test]
fn in_a_swarm_of_ten_thousand_nothing_is_lost_and_nothing_comes_twice() {
    let hosted = Hosted::registered();
    let mut dice = Dice(2026);
    let distinct: Vec<Delivery> = (0..DISTINCT)
        .map(|n| match n % 3 {
            0 => Delivery::change(&format!("d-{n}")),
            _more => Delivery::comment(&format!("d-{n}"), n as u64),
        })
        .collect();
    let mut swarm: Vec<(Option<usize>, Delivery)> = distinct.iter().cloned().enumerate().map(own).collect();
    for _ in 0..REPEATS {
        let n = dice.below(DISTINCT);
        swarm.push((Some(n), distinct[n].clone()));
    }
    swarm.extend((0..FORGED).map(|n| (None, Delivery::change(&format!("f-{n}")).forged())));
    for n in (1..swarm.len()).rev() {
        swarm.swap(n, dice.below(n + 1));
    }
    let processes = [hosted.told(&[]), hosted.told(&["--role", "api"])];
    let addresses = RwLock::new(processes.each_ref().map(|p| p.address.clone()));
    let killed = Mutex::new(Vec::from(processes));
    let (next, kept) = (AtomicUsize::new(0), Mutex::new(vec![0_usize; DISTINCT]));
    std::thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some((which, delivery)) = swarm.get(at) else {
                        return;
                    };
                    let answer = until_answered(delivery, &addresses, at);
                    match which {
                        None => assert_eq!(answer.status, 401, "{}", answer.body),
                        Some(n) => {
                            assert_eq!(answer.status, 202, "{}", answer.body);
                            kept.lock().unwrap()[*n] += usize::from(answer.body.contains("\"kept\""));
                        }
                    }
                }
            });
        }
        while next.load(Ordering::SeqCst) < swarm.len() / 2 {
            std::thread::sleep(Duration::from_millis(5));
        }
        let mut processes = killed.lock().unwrap();
        assert_eq!(processes[0].ends("-KILL"), None);
        processes[0] = hosted.told(&[]);
        addresses.write().unwrap()[0].clone_from(&processes[0].address);
    });
    let kept = kept.into_inner().unwrap();
    assert!(kept.iter().all(|times| *times <= 1), "kept twice");
    // An answer that the kill swallowed is one that nobody counted.
    let counted = kept.iter().sum::<usize>();
    assert!(counted + 2 * SENDERS >= DISTINCT, "{counted} of {DISTINCT}");
    let served = &killed.lock().unwrap()[0];
    std::thread::scope(|scope| {
        for part in distinct.chunks(DISTINCT.div_ceil(SENDERS)) {
            scope.spawn(move || {
                for delivery in part {
                    assert_eq!(delivery.outcome(served), "repeated", "{} was lost", delivery.name);
                }
            });
        }
    });
}

fn own((n, delivery): (usize, Delivery)) -> (Option<usize>, Delivery) {
    (Some(n), delivery)
}

/// As GitHub's people would: sent again until somebody takes it.
fn until_answered(delivery: &Delivery, addresses: &RwLock<[String; 2]>, first: usize) -> Answer {
    for turn in 0..2_000 {
        let address = addresses.read().unwrap()[(first + turn) % 2].clone();
        let answer = delivery.to(&address);
        if ![0, 429, 503].contains(&answer.status) {
            return answer;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("nobody takes {}", delivery.name);
}
