//! How fast feedback gets in: `cargo xtask bench ingest --count 2000 --clients 32` prints one JSON object.
//!
//! The real program serves, with its worker; every client has a key of its own and one connection, and begins the next
//! workflow when the last one was answered: first by clients who prefer to be answered as soon as their submission is on disk
//! (`Prefer: respond-async`), then, on a fresh folder, by clients who wait for the judgement; and deliveries of webhooks. Beside it, in the same run and on
//! the same disk, stands the obvious alternative: one row per commit, one commit after the other, `synchronous = FULL`.
#![expect(
    clippy::unwrap_used,
    reason = "a bench reads files and the clock, and stops at anything unexpected"
)]

#[path = "../../../engine/benches/workflows/single_commits.rs"]
mod single_commits;
mod webhooks;

use countersign_testkit::github::GitHub;

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use single_commits::single_commits;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Not one that anybody could use.
const SECRET: &str = "the-secret-of-a-bench";
/// Who waits for the judgement waits for the worker, which takes seconds for a few hundred.
const JUDGED_MAX: u64 = 600;

fn main() {
    let number = |flag: &str, otherwise: u64| {
        let words: Vec<String> = std::env::args().collect();
        let at = words.iter().position(|word| word == flag);
        at.map_or(otherwise, |at| words[at + 1].parse().unwrap())
    };
    let (count, clients) = (number("--count", 2_000), number("--clients", 32));
    rustls::crypto::ring::default_provider()
        .install_default()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let report = runtime.block_on(async {
        let mut commits = single_commits(count).await;
        let durable = submit(count, clients, &["respond-async"]).await;
        let judged = submit(count.min(JUDGED_MAX), clients, &[]).await;
        commits.extend(single_commits(count).await);
        let commit_rate = rate(&commits, commits.iter().sum());
        let webhooks = webhooks::measured(count, clients, commit_rate).await;
        commits.sort_unstable();
        let shown = |(wall, answers): &(Duration, Vec<Duration>)| {
            let per_second = rate(answers, *wall);
            json!({
                "per_second": per_second,
                "p50_ms": quantile(answers, 50),
                "p99_ms": quantile(answers, 99),
                "to_single_commits": per_second / commit_rate,
            })
        };
        json!({
            "count": count,
            "clients": clients,
            "single_commits": {
                "per_second": commit_rate,
                "p50_ms": quantile(&commits, 50),
                "p99_ms": quantile(&commits, 99),
            },
            "durable": shown(&durable),
            "judged": shown(&judged),
            "webhooks": webhooks,
        })
    });
    println!("{}", serde_json::to_string_pretty(&report).unwrap());
}

/// A server over a fresh data folder with one repository.
struct Served {
    process: Child,
    url: String,
    code: String,
    _folder: TempDir,
}

impl Served {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for words in [
            &["init", "--quiet", "--initial-branch=main", "tollgate"][..],
            &[
                "-C",
                "tollgate",
                "commit",
                "--quiet",
                "--allow-empty",
                "--message=First",
            ],
        ] {
            let who = ["-c", "user.name=Bench", "-c", "user.email=bench@example.org"];
            let done = Command::new("git")
                .args(who)
                .args(words)
                .current_dir(folder.path())
                .status();
            assert!(done.unwrap().success());
        }
        Self::serving(folder, &["repo", "add", "tollgate"], &[])
    }

    /// With a repository at a model of GitHub.
    fn start_at(github: &GitHub) -> Self {
        let environment = [
            ("GITHUB_TOKEN", "a-token".to_owned()),
            ("GITHUB_WEBHOOK_SECRET", SECRET.to_owned()),
            ("COUNTERSIGN_GITHUB_BASE_URL", github.url()),
            ("COUNTERSIGN_GITHUB_API_URL", github.api_url()),
        ];
        let folder = tempfile::tempdir().unwrap();
        Self::serving(folder, &["repo", "add", "--github", "octo/hello"], &environment)
    }

    fn serving(folder: TempDir, add: &[&str], environment: &[(&str, String)]) -> Self {
        let program = || {
            let mut program = program(folder.path());
            program.envs(environment.iter().map(|(name, value)| (name, value)));
            program
        };
        let added = program().args(add).stdout(Stdio::null()).status();
        assert!(added.unwrap().success());
        let serve = ["serve", "--listen", "127.0.0.1:0", "--json"];
        let mut process = program()
            .args(serve)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let said: Value = serde_json::from_str(&line).unwrap();
        Self {
            process,
            url: said["address"].as_str().unwrap().to_owned(),
            code: said["code"].as_str().unwrap().to_owned(),
            _folder: folder,
        }
    }

    /// What an endpoint answers to a body.
    async fn post(&self, client: &Client, path: &str, token: &str, body: &Value) -> (StatusCode, Value) {
        self.post_preferring(&[], client, path, token, body).await
    }

    async fn post_preferring(
        &self,
        preferences: &[&str],
        client: &Client,
        path: &str,
        token: &str,
        body: &Value,
    ) -> (StatusCode, Value) {
        let mut call = client.post(format!("{}{path}", self.url));
        for preference in preferences {
            call = call.header("prefer", *preference);
        }
        let answer = call.bearer_auth(token).json(body).send().await.unwrap();
        (answer.status(), answer.json().await.unwrap())
    }

    async fn key(&self, token: &str, client: u64) -> String {
        let wanted = json!({"name": format!("client {client}"), "scopes": ["submit"]});
        let (status, made) = self.post(&Client::new(), "/api/v1/keys", token, &wanted).await;
        assert_eq!(status, StatusCode::CREATED, "{made}");
        made["secret"].as_str().unwrap().to_owned()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _gone = self.process.kill();
        let _reaped = self.process.wait();
    }
}

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    let surroundings = [
        ("HOME", folder.to_owned()),
        ("COUNTERSIGN_DATA", folder.join("data")),
    ];
    command
        .current_dir(folder)
        .env_clear()
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .envs(surroundings);
    command
}

/// Each client submits its share, one after the other; the wall time of all and the sorted times of each.
async fn submit(count: u64, clients: u64, preferences: &'static [&'static str]) -> (Duration, Vec<Duration>) {
    let served = std::sync::Arc::new(Served::start());
    let (_, session) = served
        .post(
            &Client::new(),
            "/api/v1/sessions",
            "",
            &json!({"code": served.code}),
        )
        .await;
    let token = session["token"].as_str().unwrap();
    let mut keys = Vec::new();
    for client in 0..clients {
        keys.push(served.key(token, client).await);
    }
    let began = Instant::now();
    let working = (0..clients).zip(keys).map(|(first, key)| {
        let served = served.clone();
        tokio::spawn(async move {
            let (client, mut times) = (Client::new(), Vec::new());
            for n in (first..count).step_by(usize::try_from(clients).unwrap()) {
                let new = json!({"text": format!("Submission {n}"), "repositories": [{"name": "tollgate"}]});
                let began = Instant::now();
                let (status, answer) = served
                    .post_preferring(preferences, &client, "/api/v1/workflows", &key, &new)
                    .await;
                times.push(began.elapsed());
                assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
            }
            times
        })
    });
    let mut times = Vec::new();
    for client in working.collect::<Vec<_>>() {
        times.extend(client.await.unwrap());
    }
    let wall = began.elapsed();
    times.sort_unstable();
    (wall, times)
}

fn rate(times: &[Duration], wall: Duration) -> f64 {
    times.len() as f64 / wall.as_secs_f64()
}

/// In milliseconds.
fn quantile(sorted: &[Duration], percent: usize) -> f64 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)].as_secs_f64() * 1_000.0
}
